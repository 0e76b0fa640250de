// Package yubico judges the X.509 attestation certificates of Yubico's devices:
// YubiKey PIV and YubiHSM 2.
//
// The device signs a certificate for a key that it holds, with an attestation key
// of its own; private extensions of Yubico say what the key is. Formats:
// developers.yubico.com, PIV attestation, and YubiHSM 2 attestation. Neither has an
// OID for statements, so both have one of ours; the statement is an OCTET STRING
// with the certificate in DER.
//
// A good verdict proves that the registered attestation key signed a certificate
// for exactly this key, which says where the key came from. A certificate has no
// nonce, so it may be of any age, and a request for freshness is refused. That the
// attestation key is Yubico's follows only from a chain to Yubico's root, which the
// registration has to name.
package yubico

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/der"
)

// The OIDs of the statements, from our own arc.
const (
	PIVOID = attestation.ProjectArc + ".1.1"
	HSMOID = attestation.ProjectArc + ".1.2"
)

// The arcs of Yubico's extensions.
const (
	pivArc = "1.3.6.1.4.1.41482.3."
	hsmArc = "1.3.6.1.4.1.41482.4."
)

// attested is a certificate that the registered attester signed.
type attested struct {
	cert       *x509.Certificate
	extensions map[string][]byte // values of Yubico's extensions by number
	signer     attestation.Signer
}

// certificate judges what both devices have in common. It returns false when there
// is no use in looking further.
func certificate(res *attestation.Result, in attestation.Input, arc string) (attested, bool) {
	a, err := open(in.Statement, arc)
	if err != nil {
		res.Fail(err, attestation.StatementMalformed)
		return attested{}, false
	}
	c := a.cert
	signer, err := in.Attester.Signer(in.Certs, "", in.Time)
	if err != nil {
		res.Fail(err, attestation.AttesterInvalid)
		return attested{}, false
	}
	if err := attestation.CheckSignature(signer.Key, c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
		res.Fail(err, attestation.StatementSignature)
		return attested{}, false
	}
	a.signer = vouched(signer)
	switch {
	case len(a.extensions) == 0:
		res.Fail(attestation.Because(attestation.StatementType, "the certificate has none of the extensions of an attestation"), "")
	case c.IsCA:
		res.Fail(attestation.Because(attestation.StatementType, "the certificate is one of a CA, not of an attested key"), "")
	case len(c.UnhandledCriticalExtensions) > 0:
		res.Fail(attestation.Because(attestation.ClaimUnknown, "the certificate has a critical extension that is not known"), "")
	}
	if in.Time.Before(c.NotBefore) || in.Time.After(c.NotAfter) {
		res.Fail(attestation.Because(attestation.StatementTime, "the certificate is not good at the time of the request"), "")
	}
	if len(in.Nonce) > 0 {
		res.Fail(attestation.Because(attestation.NonceMissing, "a certificate of this device cannot contain a nonce"), "")
	}
	res.Key = c.RawSubjectPublicKeyInfo
	return a, len(res.Reasons) == 0
}

// vouched is the signer, less than genuine if its certificate is itself an
// attestation. Such a certificate leads to Yubico's root, and its key is one of the
// user's, which signs whatever the user wants.
func vouched(s attestation.Signer) attestation.Signer {
	if s.Cert != nil && slices.ContainsFunc(s.Cert.Extensions, func(e pkix.Extension) bool {
		id := e.Id.String()
		return id == pivArc+"8" || id == hsmArc+"3"
	}) {
		s.Lacks = append(s.Lacks, attestation.Because(attestation.AttesterUsage, "the attester's key is an attested key of a device, not the device's own"))
	}
	return s
}

// open reads the certificate inside of an OCTET STRING.
func open(statement []byte, arc string) (attested, error) {
	v, err := der.Read(statement)
	if err != nil {
		return attested{}, err
	}
	raw, err := v.Octets()
	if err != nil {
		return attested{}, err
	}
	c, err := attestation.ParseCertificate(raw)
	if err != nil {
		return attested{}, err
	}
	a := attested{cert: c, extensions: map[string][]byte{}}
	for _, e := range c.Extensions {
		if number, ours := strings.CutPrefix(e.Id.String(), arc); ours {
			a.extensions[number] = e.Value
		}
	}
	return a, nil
}

// verify judges a certificate, read by the device's own reader.
func verify(in attestation.Input, arc string, read func(attested, *attestation.Result)) attestation.Result {
	var res attestation.Result
	a, ok := certificate(&res, in, arc)
	if !ok {
		return res
	}
	read(a, &res)
	res.Grade(a.signer)
	return res
}

// describe returns what a certificate says, read by the device's own reader.
func describe(statement []byte, arc string, read func(attested, *attestation.Result)) ([]attestation.Claim, error) {
	a, err := open(statement, arc)
	if err != nil {
		return nil, err
	}
	var res attestation.Result
	read(a, &res)
	if len(res.Reasons) > 0 {
		return res.Claims, res.Reasons[0]
	}
	res.Say("key", attestation.KeyDigest(a.cert.RawSubjectPublicKeyInfo))
	return res.Claims, nil
}

// PIV judges attestation certificates of YubiKey PIV. It has no state.
type PIV struct{}

// Name returns "yubikey-piv".
func (PIV) Name() string { return "yubikey-piv" }

// Verify judges a statement. A YubiKey attests only keys that it made itself, and
// gives no private key away, so a good certificate says that the key is protected.
// See [attestation.Format].
func (PIV) Verify(in attestation.Input) attestation.Result {
	return verify(in, pivArc, attested.piv)
}

// Describe returns what a statement says. See [attestation.Format].
func (PIV) Describe(statement []byte) ([]attestation.Claim, error) {
	return describe(statement, pivArc, attested.piv)
}

// piv says what the extensions of a YubiKey contain.
func (a attested) piv(res *attestation.Result) {
	version, ok := a.extensions["3"]
	if !ok || len(version) != 3 {
		res.Fail(attestation.Because(attestation.StatementMalformed, "the certificate does not say the version of the firmware"), "")
		return
	}
	res.Say("firmware", dotted(version))
	// CVE-2017-15361: what these made can be factored.
	if _, isRSA := a.cert.PublicKey.(*rsa.PublicKey); isRSA && slices.Compare(version, []byte{4, 2, 6}) >= 0 && slices.Compare(version, []byte{4, 3, 5}) < 0 {
		res.Fail(attestation.Because(attestation.KeyWeak, "RSA keys of YubiKeys with firmware %s can be factored (CVE-2017-15361)", dotted(version)), "")
	}
	if slot, ok := strings.CutPrefix(a.cert.Subject.CommonName, "YubiKey PIV Attestation "); ok {
		res.Say("slot", slot)
	}
	a.integer(res, "7", "serial")
	a.policy(res)
	if form, ok := a.extensions["9"]; ok {
		res.Say("formFactor", hex.EncodeToString(form))
	}
	_, fips := a.extensions["10"]
	_, cspn := a.extensions["11"]
	res.Say("fips", fips)
	res.Say("cspn", cspn)
}

// policy says when the YubiKey asks for its PIN, and for a touch.
func (a attested) policy(res *attestation.Result) {
	policy, ok := a.extensions["8"]
	if !ok {
		return
	}
	if len(policy) != 2 {
		res.Fail(attestation.Because(attestation.StatementMalformed, "the policy for PIN and touch has %d bytes", len(policy)), "")
		return
	}
	res.Say("pinPolicy", named(policy[0], "", "never", "once", "always", "match-once", "match-always"))
	res.Say("touchPolicy", named(policy[1], "", "never", "always", "cached"))
}

// integer says what an extension that is an INTEGER contains.
func (a attested) integer(res *attestation.Result, number, name string) {
	raw, ok := a.extensions[number]
	if !ok {
		return
	}
	v, err := der.Read(raw)
	if err == nil {
		var n int64
		if n, err = v.Int(); err == nil {
			res.Say(name, n)
			return
		}
	}
	res.Fail(fmt.Errorf("the extension %s: %w", name, err), attestation.StatementMalformed)
}

// HSM judges attestation certificates of YubiHSM 2. It has no state.
type HSM struct{}

// Name returns "yubihsm2".
func (HSM) Name() string { return "yubihsm2" }

// Bits of origin and capabilities of a YubiHSM 2.
const (
	generated       = 0x01
	imported        = 0x02
	importedWrapped = 0x10 // besides one of the others

	signing             = 1<<5 | 1<<6 | 1<<7 | 1<<8 // sign-pkcs, sign-pss, sign-ecdsa, sign-eddsa
	exportableUnderWrap = 1 << 16
)

// Verify judges a statement. The device attests imported keys and keys that may
// leave under a wrapping key too, and says so: those are not protected. See
// [attestation.Format].
func (HSM) Verify(in attestation.Input) attestation.Result {
	return verify(in, hsmArc, attested.hsm)
}

// Describe returns what a statement says. See [attestation.Format].
func (HSM) Describe(statement []byte) ([]attestation.Claim, error) {
	return describe(statement, hsmArc, attested.hsm)
}

// hsm says what the extensions of a YubiHSM contain, and what its key lacks.
func (a attested) hsm(res *attestation.Result) {
	origin, err := bits(a.extensions["3"], 1)
	if err != nil {
		res.Fail(fmt.Errorf("the origin of the key: %w", err), attestation.StatementMalformed)
		return
	}
	capabilities, err := bits(a.extensions["5"], 8)
	if err != nil {
		res.Fail(fmt.Errorf("the capabilities of the key: %w", err), attestation.StatementMalformed)
		return
	}
	res.Say("origin", fmt.Sprintf("%02x", origin))
	res.Say("capabilities", fmt.Sprintf("%016x", capabilities))
	a.integer(res, "2", "serial")
	a.integer(res, "6", "objectId")
	if domains, err := bits(a.extensions["4"], 2); err == nil {
		res.Say("domains", fmt.Sprintf("%04x", domains))
	}
	if v, err := der.Read(a.extensions["1"]); err == nil {
		if version, err := v.Octets(); err == nil && len(version) == 3 {
			res.Say("firmware", dotted(version))
		}
	}
	if v, err := der.Read(a.extensions["9"]); err == nil {
		if label, err := v.Text(); err == nil {
			res.Say("label", label)
		}
	}
	protection(res, origin, capabilities)
}

// protection says what the key lacks.
func protection(res *attestation.Result, origin, capabilities uint64) {
	if origin&generated == 0 || origin&imported != 0 {
		res.Lack(attestation.KeyImported, "the key was not made in the device (origin %02x)", origin)
	}
	if origin&importedWrapped != 0 || capabilities&exportableUnderWrap != 0 {
		res.Lack(attestation.KeyMovable, "the key can leave the device, or came from another one, under a wrapping key")
	}
	if capabilities&signing == 0 {
		res.Lack(attestation.KeyPurpose, "the key is not for signing")
	}
}

// bits reads a BIT STRING of a number of whole bytes, the most significant first.
func bits(raw []byte, length int) (uint64, error) {
	v, err := der.Read(raw)
	if err != nil {
		return 0, err
	}
	content := v.Content()
	if !v.Is(asn1.TagBitString) || len(content) != length+1 || content[0] != 0 {
		return 0, fmt.Errorf("not %d bytes of bits", length)
	}
	var n uint64
	for _, b := range content[1:] {
		n = n<<8 | uint64(b)
	}
	return n, nil
}

func dotted(version []byte) string {
	return fmt.Sprintf("%d.%d.%d", version[0], version[1], version[2])
}

func named(value byte, names ...string) string {
	if int(value) < len(names) && names[value] != "" {
		return names[value]
	}
	return fmt.Sprintf("unknown (%d)", value)
}
