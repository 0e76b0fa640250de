package webauthn_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/attestation/webauthn"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

func registry(t testing.TB) *attestation.Registry {
	t.Helper()
	return kit.Registry(t, map[string]attestation.Format{webauthn.OID: webauthn.Format{}})
}

// head is the head of a CBOR value.
func head(major byte, n int) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 256:
		return []byte{major<<5 | 24, byte(n)}
	}
	return []byte{major<<5 | 25, byte(n >> 8), byte(n)}
}

func text(s string) []byte        { return append(head(3, len(s)), s...) }
func bin(b []byte) []byte         { return append(head(2, len(b)), b...) }
func list(items ...[]byte) []byte { return append(head(4, len(items)), bytes.Join(items, nil)...) }

func number(n int) []byte {
	if n < 0 {
		return head(1, -1-n)
	}
	return head(0, n)
}

// entries is a map in the order in which it is written.
func entries(pairs ...[]byte) []byte {
	return append(head(5, len(pairs)/2), bytes.Join(pairs, nil)...)
}

// parts are what a statement consists of; a case changes one.
type parts struct {
	alg                    int
	certs                  []*x509.Certificate
	sig, certInfo, pubArea []byte
}

func (p parts) statement() []byte {
	var x5c [][]byte
	for _, c := range p.certs {
		x5c = append(x5c, bin(c.Raw))
	}
	return object(text("tpm"), entries(text("ver"), text("2.0"), text("alg"), number(p.alg), text("x5c"), list(x5c...),
		text("sig"), bin(p.sig), text("certInfo"), bin(p.certInfo), text("pubArea"), bin(p.pubArea)))
}

func object(format, attStmt []byte) []byte {
	return kit.Octets(entries(text("fmt"), format, text("attStmt"), attStmt))
}

// device is a TPM whose attestation key has a certificate of its maker.
type device struct {
	ak         crypto.Signer
	alg        int
	cert, root *x509.Certificate
}

func newDevice(t testing.TB, ak crypto.Signer, alg int) device {
	t.Helper()
	rootKey := kit.P256(t)
	root := kit.Issue(t, kit.Cert{Name: "maker", CA: true}, rootKey, nil, nil)
	name := pkix.Extension{Id: []int{2, 5, 29, 17}, Critical: true, Value: kit.Seq(kit.Explicit(4, kit.Seq()))}
	return device{ak, alg, kit.Issue(t, kit.Cert{Usage: tpm.Usage, Extensions: []pkix.Extension{name}}, ak, root, rootKey), root}
}

func (d device) certify(t testing.TB, key crypto.Signer, extra []byte) parts {
	t.Helper()
	public := kit.TPMPublic(t, key, kit.Attributes)
	info := kit.TPMAttest(kit.TPMName(public), extra)
	return parts{d.alg, []*x509.Certificate{d.cert, d.root}, kit.Sign(t, d.ak, info), info, public}
}

func (d device) request(t testing.TB, key crypto.Signer, statement []byte) attestation.Request {
	t.Helper()
	return kit.Request(t, webauthn.OID, key, d.ak, statement)
}

func TestAccepted(t *testing.T) {
	nonce := []byte("token.thumbprint")
	digest := sha256.Sum256(nonce)
	for name, d := range map[string]device{"ES256": newDevice(t, kit.P256(t), -7), "RS256": newDevice(t, kit.RSA(t, 1), -257)} {
		for keyName, key := range map[string]crypto.Signer{"RSA": kit.RSA(t, 0), "P-384": kit.P384(t)} {
			req := d.request(t, key, d.certify(t, key, digest[:]).statement())
			req.Nonce = nonce
			v := registry(t).Verify(req)
			kit.Expect(t, name+" "+keyName, v)
			if v.Assurance != attestation.Protected || !slices.Contains(v.Claims, attestation.Claim{Name: "fixedTPM", Value: "true"}) {
				t.Errorf("%s %s: %+v", name, keyName, v)
			}
			req.Policy.Minimum = attestation.Genuine
			for how, attester := range map[string]attestation.Attester{
				"key and roots": {Statement: webauthn.OID, Key: kit.SPKI(t, d.ak), Roots: []*x509.Certificate{d.root}},
				"roots alone":   {Statement: webauthn.OID, Roots: []*x509.Certificate{d.root}},
			} {
				req.Attester = attester
				kit.Expect(t, name+" "+keyName+" "+how, registry(t).Verify(req))
			}
		}
	}
}

func TestHostile(t *testing.T) {
	d, other, key := newDevice(t, kit.P256(t), -7), newDevice(t, kit.P256(t), -7), kit.P256(t)
	good := d.certify(t, key, nil)
	change := func(change func(*parts)) []byte {
		p := good
		change(&p)
		return p.statement()
	}
	fields := func(pairs ...[]byte) []byte { return object(text("tpm"), entries(pairs...)) }
	whole := [][]byte{text("ver"), text("2.0"), text("alg"), number(-7), text("x5c"), list(bin(d.cert.Raw)), text("sig"), bin(good.sig), text("certInfo"), bin(good.certInfo), text("pubArea"), bin(good.pubArea)}
	ca := kit.Issue(t, kit.Cert{Name: "ca", CA: true, Usage: tpm.Usage}, d.ak, nil, nil)
	const malformed, kind = attestation.StatementMalformed, attestation.StatementType
	for name, tt := range map[string]struct {
		statement []byte
		code      attestation.Code
	}{
		"another key":                   {d.certify(t, kit.P256(t), nil).statement(), attestation.KeyMismatch},
		"another attester":              {other.certify(t, key, nil).statement(), attestation.AttesterUnknown},
		"certificate of the other":      {change(func(p *parts) { p.certs = []*x509.Certificate{other.cert, d.cert} }), attestation.AttesterUnknown},
		"signed by the other":           {change(func(p *parts) { p.sig = kit.Sign(t, other.ak, p.certInfo) }), attestation.StatementSignature},
		"signature in TPM's structure":  {change(func(p *parts) { p.sig = kit.TPMSign(t, d.ak, p.certInfo) }), attestation.StatementSignature},
		"certificate of a CA":           {change(func(p *parts) { p.certs = []*x509.Certificate{ca} }), attestation.AttesterUsage},
		"algorithm of another key":      {change(func(p *parts) { p.alg = -257 }), attestation.StatementSignature},
		"algorithm with another digest": {change(func(p *parts) { p.alg = -35 }), attestation.StatementSignature},
		"an unknown algorithm":          {change(func(p *parts) { p.alg = -8 }), attestation.StatementAlgorithm},
		"swapped public area":           {change(func(p *parts) { p.pubArea = kit.TPMPublic(t, kit.P256(t), kit.Attributes) }), attestation.StatementName},
		"quote": {change(func(p *parts) {
			p.certInfo = bytes.Replace(p.certInfo, []byte{0x80, 0x17}, []byte{0x80, 0x18}, 1)
			p.sig = kit.Sign(t, d.ak, p.certInfo)
		}), kind},
		"no certificates":         {change(func(p *parts) { p.certs = nil }), malformed},
		"too many certificates":   {change(func(p *parts) { p.certs = slices.Repeat([]*x509.Certificate{d.cert}, 11) }), malformed},
		"x5c of texts":            {fields(slices.Concat(whole[:5], [][]byte{list(text("a"))}, whole[6:])...), malformed},
		"no version":              {fields(whole[2:]...), kind},
		"version 1.2":             {fields(slices.Concat([][]byte{text("ver"), text("1.2")}, whole[2:])...), kind},
		"a field is missing":      {fields(whole[:10]...), malformed},
		"a field too many":        {fields(append(slices.Clone(whole), text("ecdaaKeyId"), bin(nil))...), malformed},
		"a field of another type": {fields(slices.Concat(whole[:11], [][]byte{text("x")})...), malformed},
		"format packed":           {object(text("packed"), entries(whole...)), kind},
		"attStmt that is no map":  {object(text("tpm"), list()), malformed},
		"authenticator data":      {kit.Octets(entries(text("fmt"), text("tpm"), text("attStmt"), entries(whole...), text("authData"), bin(nil))), malformed},
		"bytes behind":            {kit.Octets(append(entries(text("fmt"), text("tpm"), text("attStmt"), entries(whole...)), 0)), malformed},
		"not CBOR":                {kit.Octets([]byte("{}")), malformed},
		"not an OCTET STRING":     {kit.Seq(), malformed},
	} {
		kit.Expect(t, name, registry(t).Verify(d.request(t, key, tt.statement)), tt.code)
	}
	for extra, code := range map[string]attestation.Code{"": attestation.NonceMissing, "challenge": attestation.NonceMismatch} {
		req := d.request(t, key, d.certify(t, key, []byte(extra)).statement())
		req.Nonce = []byte("challenge") // the TPM has to sign its digest
		kit.Expect(t, "nonce "+extra, registry(t).Verify(req), code)
	}
}

func TestDescribe(t *testing.T) {
	d, key := newDevice(t, kit.P256(t), -7), kit.P256(t)
	claims, err := webauthn.Format{}.Describe(d.certify(t, key, nil).statement())
	if err != nil || !slices.Contains(claims, attestation.Claim{Name: "key", Value: attestation.KeyDigest(kit.SPKI(t, key))}) {
		t.Errorf("%v, %v", claims, err)
	}
	if claims, err := (webauthn.Format{}).Describe(kit.Octets(nil)); err == nil {
		t.Errorf("nothing: %v", claims)
	}
}

// RS1, RSA with SHA-1, is in many TPMs and refused.
func TestRS1(t *testing.T) {
	ak, key := kit.RSA(t, 1), kit.P256(t)
	d := newDevice(t, ak, -65535)
	p := d.certify(t, key, nil)
	digest := sha1.Sum(p.certInfo)
	var err error
	if p.sig, err = rsa.SignPKCS1v15(rand.Reader, ak, crypto.SHA1, digest[:]); err != nil {
		t.Fatal(err)
	}
	kit.Expect(t, "called RS1", registry(t).Verify(d.request(t, key, p.statement())), attestation.StatementAlgorithm)
	p.alg = -257
	kit.Expect(t, "called RS256", registry(t).Verify(d.request(t, key, p.statement())), attestation.StatementSignature)
}

// A mutated statement is never accepted, unless what the TPM signed is what it was.
func FuzzStatement(f *testing.F) {
	d, key := newDevice(f, kit.Fixed(f, "ak"), -7), kit.Fixed(f, "key")
	good := d.certify(f, key, nil)
	f.Add(good.statement())
	f.Add(object(text("tpm"), entries()))
	r, spki := registry(f), kit.SPKI(f, key)
	req := attestation.Request{Time: kit.Now, Attester: attestation.Attester{Statement: webauthn.OID, Key: kit.SPKI(f, d.ak)}}
	kit.Expect(f, "the seed", r.Verify(d.request(f, key, good.statement())))
	f.Fuzz(func(t *testing.T, data []byte) {
		v := r.VerifyStatement(spki, attestation.Statement{OID: webauthn.OID, DER: data}, nil, req)
		if v.Accepted && (!bytes.Contains(data, good.certInfo) || !bytes.Contains(data, good.pubArea)) {
			t.Errorf("accepted what no TPM signed: %x", data)
		}
		if !v.Accepted && len(v.Reasons) == 0 {
			t.Error("refused without a reason")
		}
		// The decoder, without the OCTET STRING around.
		r.VerifyStatement(spki, attestation.Statement{OID: webauthn.OID, DER: kit.Octets(data)}, nil, req)
	})
}
