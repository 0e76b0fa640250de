package csar

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// judgeJob is one signature to be judged.
type judgeJob struct {
	signed  string // path of the content
	sig     *signed
	where   Where
	certs   []*x509.Certificate // among which the signers are looked for
	content digests
}

// find returns the certificate that the signer names.
func (s *signerInfo) find(certs []*x509.Certificate) (*x509.Certificate, bool) {
	i := slices.IndexFunc(certs, s.is)
	if i < 0 {
		return nil, false
	}
	return certs[i], true
}

// judge judges each signer.
func (j judgeJob) judge() []judgement {
	var all []judgement
	for i := range j.sig.signers {
		one := j.sig.signers[i].judge(j.certs, j.content)
		if one.check == OK && !j.sig.holds(j.content) {
			one.check, one.why = DigestMismatch, "the signature holds another content than the one beside it"
		}
		all = append(all, one)
	}
	return all
}

// holds reports whether the content that a signature carries, if it does, is the
// one that has these digests.
func (s *signed) holds(content digests) bool {
	if s.content == nil {
		return true
	}
	for h, d := range content {
		if !bytes.Equal(sum(h, s.content), d) {
			return false
		}
	}
	return true
}

// passes reports whether every signer's signature is right.
func (j judgeJob) passes() bool {
	return !slices.ContainsFunc(j.judge(), func(one judgement) bool { return one.check != OK })
}

// judgeSignature judges a signature, its signers, their chains and their time.
// All signers must be right: which of them counts is not ours to choose.
func (v *verifier) judgeSignature(j judgeJob) Check {
	check := OK
	for _, one := range j.judge() {
		if one.check != OK {
			v.find(RuleSignature, Error, j.signed, "%s: %s; sign it again", one.check, one.why)
			if check == OK {
				check = one.check
			}
		}
		v.recordSigner(j, one, one.check)
	}
	return check
}

// recordSigners records the signers of a signature under one check.
func (v *verifier) recordSigners(j judgeJob, check Check) {
	for _, one := range j.judge() {
		v.recordSigner(j, one, check)
	}
}

// recordSigner adds a signer to the result and judges who that is. Of a wrong
// signature the chain is not judged: anybody can name anybody.
func (v *verifier) recordSigner(j judgeJob, one judgement, check Check) {
	if one.cert == nil {
		return
	}
	s := Signer{
		Signed: j.signed, Check: check, Where: j.where, Subject: shown(one.cert.Subject.String()), Issuer: shown(one.cert.Issuer.String()),
		Serial: one.cert.SerialNumber.Text(16), NotBefore: one.cert.NotBefore, NotAfter: one.cert.NotAfter,
		Algorithm: one.algorithm, SigningTime: one.attributes.signingTime, Certificate: one.cert.Raw,
	}
	if check == OK {
		v.judgeKey(j.signed, one.cert)
		v.judgeSigningTime(j.signed, s)
		at := v.judgeValidity(j.signed, one.cert)
		for _, c := range v.chain(j, one.cert, at) {
			s.Chain = append(s.Chain, c.Raw)
		}
		s.Trusted = len(s.Chain) > 0
	}
	v.res.Signers = append(v.res.Signers, s)
}

// Weakest keys: 112 bits of strength, what NIST SP 800-131A still lets verify.
const (
	minRSA   = 2048
	minCurve = 224
)

// judgeKey looks at what the signer's certificate is for. Code signing is what
// fits. A certificate that is limited to other uses is refused (RFC 5280 clause
// 4.2.1.12), so that a CA for servers does not make each server a vendor; but
// signing mail is made with CMS too, and an anchor was chosen for what it signs.
func (v *verifier) judgeKey(signed string, c *x509.Certificate) {
	v.judgeStrength(signed, "signer", c)
	if c.KeyUsage != 0 && c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		v.find(RuleSignerKey, Error, signed, "the signer's certificate is not for signatures (key usage); sign with one that is")
	}
	isFor := func(uses ...x509.ExtKeyUsage) bool {
		return slices.ContainsFunc(c.ExtKeyUsage, func(u x509.ExtKeyUsage) bool { return slices.Contains(uses, u) })
	}
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 || isFor(x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageAny) {
		return
	}
	severity := Error
	if isFor(x509.ExtKeyUsageEmailProtection) || slices.ContainsFunc(v.policy.Anchors, c.Equal) {
		severity = Warning
	}
	v.find(RuleSignerKey, severity, signed, "the signer's certificate is limited to other uses than code signing; use one for code signing")
}

// judgeStrength looks at the key of a certificate that a signature rests on.
func (v *verifier) judgeStrength(signed, whose string, c *x509.Certificate) {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			v.find(RuleSignerKey, Error, signed, "the %s's RSA key has %d bits; sign with %d or more, or with P-256", whose, k.N.BitLen(), minRSA)
		}
	case *ecdsa.PublicKey:
		if k.Curve.Params().BitSize < minCurve {
			v.find(RuleSignerKey, Error, signed, "the %s's curve has %d bits; sign with P-256", whose, k.Curve.Params().BitSize)
		}
	}
}

// judgeSigningTime compares the claimed time with the certificate.
func (v *verifier) judgeSigningTime(signed string, s Signer) {
	if t := s.SigningTime; !t.IsZero() && (t.Before(s.NotBefore) || t.After(s.NotAfter)) {
		v.find(RuleSigningTime, Error, signed, "it claims to be signed on %s, when the signer's certificate was not valid (%s to %s); sign it again",
			day(t), day(s.NotBefore), day(s.NotAfter))
	}
}

// judgeValidity compares the policy's time with the signer's certificate, and
// returns the time at which to judge the chain: that of the policy, or else the
// end of the validity that is nearest to it.
func (v *verifier) judgeValidity(signed string, c *x509.Certificate) time.Time {
	severity := Error
	if v.policy.AllowExpired {
		severity = Warning
	}
	at, state := v.policy.At, ""
	switch {
	case at.After(c.NotAfter):
		at, state = c.NotAfter, "was over"
	case at.Before(c.NotBefore):
		at, state = c.NotBefore, "was not valid yet"
	default:
		return at
	}
	v.find(RuleValidity, severity, signed, "the certificate of signer %s (%s to %s) %s on %s, so its chain is judged at %s; sign again with a valid one, or allow expired signers",
		quote(c.Subject.String()), day(c.NotBefore), day(c.NotAfter), state, day(v.policy.At), at.UTC().Format(time.RFC3339))
	return at
}

// maxUnchained is how many signers may lead to no anchor before no other is looked
// at. Looking takes up to 100 checks of signatures: with the largest keys that is
// a second, and a package can have 100,000 signers.
const maxUnchained = 32

// chain finds a way from the signer to an anchor, at the time at, which is the
// same for all signatures of one signer.
func (v *verifier) chain(j judgeJob, c *x509.Certificate, at time.Time) []*x509.Certificate {
	chain := v.chains[string(c.Raw)]
	if chain == nil {
		chain = v.findChain(j, c, at)
		v.chains[string(c.Raw)] = chain
	}
	for i := 1; i < len(chain)-1; i++ { // the last is an anchor, and not ours to judge
		v.judgeStrength(j.signed, "issuer", chain[i])
	}
	return chain
}

func (v *verifier) findChain(j judgeJob, c *x509.Certificate, at time.Time) []*x509.Certificate {
	if v.unchained == maxUnchained {
		v.find(RuleChain, Error, j.signed, "the chain of signer %s was not looked at, because %d signers before it lead to no trust anchor; mend those first", quote(c.Subject.String()), maxUnchained)
		return nil
	}
	between := x509.NewCertPool()
	for _, certs := range [][]*x509.Certificate{j.sig.certs, j.certs} {
		for _, other := range certs {
			between.AddCert(other)
		}
	}
	chains, err := c.Verify(x509.VerifyOptions{Roots: v.anchors, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err == nil {
		return chains[0]
	}
	v.unchained++
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		v.find(RuleChain, Error, j.signed, "no trust anchor leads to signer %s, issued by %s; add that issuer's certificate to the trust anchors, or do not use the package",
			quote(c.Subject.String()), quote(c.Issuer.String()))
	} else {
		v.find(RuleChain, Error, j.signed, "the chain of signer %s, issued by %s, is not valid: %s; sign again with a valid one",
			quote(c.Subject.String()), quote(c.Issuer.String()), quote(err.Error()))
	}
	return nil
}

// day is a date as findings show it.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
