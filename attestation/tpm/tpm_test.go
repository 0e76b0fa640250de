package tpm_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/tpm"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

func registry(t testing.TB) *attestation.Registry {
	t.Helper()
	return kit.Registry(t, map[string]attestation.Format{tpm.OID: tpm.Format{}})
}

func TestAccepted(t *testing.T) {
	keys := map[string]crypto.Signer{"RSA": kit.RSA(t, 0), "P-256": kit.P256(t), "P-384": kit.P384(t)}
	aks := map[string]crypto.Signer{"RSA": kit.RSA(t, 1), "P-256": kit.P256(t), "P-384": kit.P384(t)}
	for akName, ak := range aks {
		for keyName, key := range keys {
			v := registry(t).Verify(kit.Request(t, tpm.OID, key, ak, kit.Certify(t, ak, key, []byte("nonce"))))
			kit.Expect(t, akName+" certifies "+keyName, v)
			if v.Assurance != attestation.Protected || !slices.Contains(v.Claims, attestation.Claim{Name: "fixedTPM", Value: "true"}) ||
				!slices.Contains(v.Claims, attestation.Claim{Name: "nonce", Value: fmt.Sprintf("%x", "nonce")}) || v.Format != "tpm-certify" {
				t.Errorf("%s certifies %s: %+v", akName, keyName, v)
			}
		}
	}
}

// What is known of the attestation key decides between protected and genuine: an
// unrestricted key signs forgeries that nobody can tell from the real thing.
func TestAssurance(t *testing.T) {
	rootKey, ak, key := kit.P256(t), kit.P256(t), kit.P256(t)
	root := kit.Issue(t, kit.Cert{Name: "root", CA: true}, rootKey, nil, nil)
	cert := kit.Issue(t, kit.Cert{Name: "ak", Usage: tpm.Usage}, ak, root, rootKey)
	ended := kit.Issue(t, kit.Cert{Name: "ak", Usage: tpm.Usage, From: kit.Now.AddDate(-2, 0, 0), To: kit.Now.AddDate(-1, 0, 0)}, ak, root, rootKey)
	unmarked := kit.Issue(t, kit.Cert{Name: "ak"}, ak, root, rootKey)
	statement := kit.Certify(t, ak, key, nil)
	for name, tt := range map[string]struct {
		attester attestation.Attester
		certs    []*x509.Certificate
		codes    []attestation.Code
	}{
		"forgery of an unrestricted key": {attestation.Attester{Key: kit.SPKI(t, ak)}, nil, []attestation.Code{attestation.AssuranceLow, attestation.AttesterUnverified}},
		"proven restricted":              {attestation.Attester{Key: kit.SPKI(t, ak), Restricted: true}, nil, nil},
		"certificate of the maker":       {attestation.Attester{Key: kit.SPKI(t, ak), Roots: []*x509.Certificate{root}}, []*x509.Certificate{cert}, nil},
		"roots alone":                    {attestation.Attester{Roots: []*x509.Certificate{root}}, []*x509.Certificate{cert}, nil},
		"expired certificate":            {attestation.Attester{Key: kit.SPKI(t, ak), Roots: []*x509.Certificate{root}}, []*x509.Certificate{ended}, []attestation.Code{attestation.AttesterExpired}},
		"certificate for something else": {attestation.Attester{Key: kit.SPKI(t, ak), Roots: []*x509.Certificate{root}}, []*x509.Certificate{unmarked}, []attestation.Code{attestation.AssuranceLow, attestation.AttesterUsage}},
		"no certificate":                 {attestation.Attester{Key: kit.SPKI(t, ak), Roots: []*x509.Certificate{root}}, nil, []attestation.Code{attestation.AttesterChain}},
	} {
		req := kit.Request(t, tpm.OID, key, ak, statement, tt.certs...)
		req.Attester, req.Policy.Minimum = tt.attester, attestation.Genuine
		req.Attester.Statement = tpm.OID
		v := registry(t).Verify(req)
		kit.Expect(t, name, v, tt.codes...)
		if v.Accepted && v.Assurance != attestation.Genuine {
			t.Errorf("%s: %s", name, v.Assurance)
		}
	}
}

func TestNonce(t *testing.T) {
	ak, key := kit.P256(t), kit.P256(t)
	for name, tt := range map[string]struct {
		extra, nonce string
		codes        []attestation.Code
	}{
		"fresh":          {"challenge", "challenge", nil},
		"replayed":       {"yesterday", "challenge", []attestation.Code{attestation.NonceMismatch}},
		"without":        {"", "challenge", []attestation.Code{attestation.NonceMissing}},
		"only beginning": {"challen", "challenge", []attestation.Code{attestation.NonceMismatch}},
		"not asked for":  {"anything", "", nil},
	} {
		req := kit.Request(t, tpm.OID, key, ak, kit.Certify(t, ak, key, []byte(tt.extra)))
		req.Nonce = []byte(tt.nonce)
		kit.Expect(t, name, registry(t).Verify(req), tt.codes...)
	}
}

// parts are what a statement consists of; a case changes one before it is signed.
type parts struct {
	attest, public []byte
	signature      func(attest []byte) []byte
}

func (p parts) statement() []byte {
	return kit.Seq(kit.Octets(p.attest), kit.Octets(p.signature(p.attest)), kit.Octets(p.public))
}

func replace(t testing.TB, in, old, with []byte) []byte {
	t.Helper()
	if !bytes.Contains(in, old) {
		t.Fatalf("%x is not in %x", old, in)
	}
	return bytes.Replace(in, old, with, 1)
}

func TestHostile(t *testing.T) {
	ak, rsaAK, key, other := kit.P256(t), kit.RSA(t, 1), kit.P256(t), kit.P256(t)
	sign := func(data []byte) []byte { return kit.TPMSign(t, ak, data) }
	public := kit.TPMPublic(t, key, kit.Attributes)
	attest := kit.TPMAttest(kit.TPMName(public), nil)
	with := func(attributes int) []byte { // a key with other attributes, honestly certified
		p := kit.TPMPublic(t, key, attributes)
		return parts{kit.TPMAttest(kit.TPMName(p), nil), p, sign}.statement()
	}
	certify := func(p []byte) []byte { return parts{kit.TPMAttest(kit.TPMName(p), nil), p, sign}.statement() }
	attested := func(a []byte) []byte { return parts{a, public, sign}.statement() }
	u16 := func(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
	const low = attestation.AssuranceLow
	for name, tt := range map[string]struct {
		statement []byte
		codes     []attestation.Code
	}{
		"another key, honestly certified": {kit.Certify(t, ak, other, nil), []attestation.Code{attestation.KeyMismatch}},
		"swapped public area":             {parts{kit.TPMAttest(kit.TPMName(kit.TPMPublic(t, other, kit.Attributes)), nil), public, sign}.statement(), []attestation.Code{attestation.StatementName}},
		"attributes changed afterwards":   {parts{attest, kit.TPMPublic(t, key, kit.Attributes&^2), sign}.statement(), []attestation.Code{attestation.StatementName}},
		"no public area":                  {kit.Seq(kit.Octets(attest), kit.Octets(sign(attest))), []attestation.Code{attestation.KeyMissing}},
		"another attester":                {kit.Certify(t, other, key, nil), []attestation.Code{attestation.StatementSignature}},
		"another kind of attester":        {kit.Certify(t, rsaAK, key, nil), []attestation.Code{attestation.StatementSignature}},
		"quote":                           {attested(replace(t, attest, u16(0x8017), u16(0x8018))), []attestation.Code{attestation.StatementType}},
		"creation":                        {attested(replace(t, attest, u16(0x8017), u16(0x801a))), []attestation.Code{attestation.StatementType}},
		"not made by a TPM":               {attested(replace(t, attest, []byte{0xff, 'T', 'C', 'G'}, []byte{0xfe, 'T', 'C', 'G'})), []attestation.Code{attestation.StatementType}},
		"bytes behind the attest":         {attested(append(slices.Clone(attest), 0)), []attestation.Code{attestation.StatementMalformed}},
		"attest cut":                      {attested(attest[:len(attest)-1]), []attestation.Code{attestation.StatementMalformed}},
		"empty attest":                    {attested(nil), []attestation.Code{attestation.StatementMalformed}},
		"bytes behind the public area":    {certify(append(slices.Clone(public), 0)), []attestation.Code{attestation.StatementMalformed}},
		"public area cut":                 {certify(public[:len(public)-1]), []attestation.Code{attestation.StatementMalformed}},
		"empty public area":               {certify(nil), []attestation.Code{attestation.StatementMalformed}},
		"public area with its length":     {parts{attest, kit.TPM2B(public), sign}.statement(), []attestation.Code{attestation.StatementMalformed}},
		"a symmetric key":                 {certify(replace(t, public, u16(0x23), u16(0x25))), []attestation.Code{attestation.KeyUnsupported}},
		"an unknown curve":                {certify(replace(t, public, append(u16(0x10), 0, 3), append(u16(0x10), 0, 0x20))), []attestation.Code{attestation.KeyUnsupported}},
		"a point off its curve":           {certify(append(slices.Clone(public[:len(public)-1]), public[len(public)-1]^1)), []attestation.Code{attestation.StatementMalformed}},
		"named with SHA-1":                {certify(replace(t, public, u16(0x0b), u16(4))), []attestation.Code{attestation.StatementAlgorithm}},
		"movable key":                     {with(kit.Attributes &^ (1 << 4)), []attestation.Code{low, attestation.KeyMovable}},
		"imported key":                    {with(kit.Attributes &^ (1 << 5)), []attestation.Code{low, attestation.KeyImported}},
		"key of another TPM too":          {with(kit.Attributes &^ (1 << 1)), []attestation.Code{low, attestation.KeyMovable}},
		"key that does not sign":          {with(kit.Attributes&^(1<<18) | 1<<17), []attestation.Code{low, attestation.KeyPurpose}},
		"signed with SHA-1":               {parts{attest, public, func(a []byte) []byte { return replace(t, sign(a), u16(0x0b), u16(4)) }}.statement(), []attestation.Code{attestation.StatementAlgorithm}},
		"signed with a MAC":               {parts{attest, public, func(a []byte) []byte { return replace(t, sign(a), u16(0x18), u16(5)) }}.statement(), []attestation.Code{attestation.StatementAlgorithm}},
		"called RSA":                      {parts{attest, public, func([]byte) []byte { return slices.Concat(u16(0x14), u16(0x0b), kit.TPM2B([]byte{1})) }}.statement(), []attestation.Code{attestation.StatementSignature}},
		"signature in DER":                {parts{attest, public, func(a []byte) []byte { return kit.Sign(t, ak, a) }}.statement(), []attestation.Code{attestation.StatementAlgorithm}},
		"signature of nothing":            {parts{attest, public, func([]byte) []byte { return nil }}.statement(), []attestation.Code{attestation.StatementMalformed}},
		"signature of zeros":              {parts{attest, public, func([]byte) []byte { return slices.Concat(u16(0x18), u16(0x0b), u16(0), u16(0)) }}.statement(), []attestation.Code{attestation.StatementSignature}},
		"bytes behind the signature":      {parts{attest, public, func(a []byte) []byte { return append(sign(a), 0) }}.statement(), []attestation.Code{attestation.StatementMalformed}},
		"not a sequence":                  {kit.Octets(attest), []attestation.Code{attestation.StatementMalformed}},
		"a number for the attest":         {kit.Seq(kit.Int(1), kit.Octets(nil), kit.Octets(nil)), []attestation.Code{attestation.StatementMalformed}},
		"one part":                        {kit.Seq(kit.Octets(attest)), []attestation.Code{attestation.StatementMalformed}},
		"four parts":                      {kit.Seq(kit.Octets(attest), kit.Octets(sign(attest)), kit.Octets(public), kit.Octets(nil)), []attestation.Code{attestation.StatementMalformed}},
	} {
		kit.Expect(t, name, registry(t).Verify(kit.Request(t, tpm.OID, key, ak, tt.statement)), tt.codes...)
	}

	// Each length inside of the signed structures, made too large.
	for i, at := range []int{6, 42, 69} {
		big := slices.Clone(attest)
		binary.BigEndian.PutUint16(big[at:], 0xfff0)
		kit.Expect(t, fmt.Sprintf("length %d of the attest", i), registry(t).Verify(kit.Request(t, tpm.OID, key, ak, attested(big))), attestation.StatementMalformed)
	}
	for i, at := range []int{8, 18, 52} {
		big := slices.Clone(public)
		binary.BigEndian.PutUint16(big[at:], 0xfff0)
		kit.Expect(t, fmt.Sprintf("length %d of the public area", i), registry(t).Verify(kit.Request(t, tpm.OID, key, ak, certify(big))), attestation.StatementMalformed)
	}
}

// Bodies of RSA: bare signatures pass with SHA-256 only, and sizes must agree.
func TestRSA(t *testing.T) {
	ak, key := kit.RSA(t, 1), kit.RSA(t, 0)
	public := kit.TPMPublic(t, key, kit.Attributes)
	attest := kit.TPMAttest(kit.TPMName(public), nil)
	pss, err := rsa.SignPSS(rand.Reader, ak, crypto.SHA256, sum(attest), &rsa.PSSOptions{SaltLength: 20})
	if err != nil {
		t.Fatal(err)
	}
	bare := kit.Sign(t, ak, attest)
	certify := func(p []byte) []byte {
		a := kit.TPMAttest(kit.TPMName(p), nil)
		return kit.Seq(kit.Octets(a), kit.Octets(kit.TPMSign(t, ak, a)), kit.Octets(p))
	}
	exponent := func(e byte) []byte {
		at := len(public) - 256 - 6
		return slices.Concat(public[:at], []byte{0, e, 0, e}, public[at+4:])
	}
	for name, tt := range map[string]struct {
		statement []byte
		codes     []attestation.Code
	}{
		"bare":                 {kit.Seq(kit.Octets(attest), kit.Octets(bare), kit.Octets(public)), nil},
		"bare, of other data":  {kit.Seq(kit.Octets(attest), kit.Octets(kit.Sign(t, ak, public)), kit.Octets(public)), []attestation.Code{attestation.StatementSignature}},
		"PSS":                  {kit.Seq(kit.Octets(attest), kit.Octets(slices.Concat([]byte{0, 0x16, 0, 0x0b}, kit.TPM2B(pss))), kit.Octets(public)), nil},
		"PSS without its head": {kit.Seq(kit.Octets(attest), kit.Octets(pss), kit.Octets(public)), []attestation.Code{attestation.StatementSignature}},
		"called ECDSA":         {kit.Seq(kit.Octets(attest), kit.Octets(slices.Concat([]byte{0, 0x18, 0, 0x0b}, kit.TPM2B([]byte{1}), kit.TPM2B([]byte{1}))), kit.Octets(public)), []attestation.Code{attestation.StatementSignature}},
		"exponent in full":     {certify(slices.Concat(public[:len(public)-262], []byte{0, 1, 0, 1}, public[len(public)-258:])), nil},
		"exponent 3":           {certify(exponent(3)), []attestation.Code{attestation.KeyUnsupported}},
		"modulus cut":          {certify(slices.Concat(public[:len(public)-258], []byte{0, 255}, public[len(public)-255:])), []attestation.Code{attestation.StatementMalformed}},
	} {
		kit.Expect(t, name, registry(t).Verify(kit.Request(t, tpm.OID, key, ak, tt.statement)), tt.codes...)
	}
}

// With the switch for older drafts, the length before the public area is allowed.
func TestOldPublicArea(t *testing.T) {
	ak, key := kit.P256(t), kit.P256(t)
	public := kit.TPMPublic(t, key, kit.Attributes)
	attest := kit.TPMAttest(kit.TPMName(public), nil)
	for name, tt := range map[string]struct {
		public []byte
		codes  []attestation.Code
	}{
		"with its length":   {kit.TPM2B(public), nil},
		"without":           {public, nil},
		"with a wrong one":  {slices.Concat([]byte{0, 9}, public), []attestation.Code{attestation.StatementMalformed}},
		"with a second one": {kit.TPM2B(kit.TPM2B(public)), []attestation.Code{attestation.StatementMalformed}},
	} {
		req := kit.Request(t, tpm.OID, key, ak, kit.Seq(kit.Octets(attest), kit.Octets(kit.TPMSign(t, ak, attest)), kit.Octets(tt.public)))
		req.Policy.OldShapes = true
		kit.Expect(t, name, registry(t).Verify(req), tt.codes...)
	}
}

func TestDescribe(t *testing.T) {
	ak, key := kit.P256(t), kit.P256(t)
	claims, err := tpm.Format{}.Describe(kit.Certify(t, ak, key, nil))
	if err != nil || !slices.Contains(claims, attestation.Claim{Name: "key", Value: attestation.KeyDigest(kit.SPKI(t, key))}) {
		t.Errorf("%v, %v", claims, err)
	}
	for name, statement := range map[string][]byte{"no statement": nil, "empty parts": kit.Seq(kit.Octets(nil), kit.Octets(nil), kit.Octets(nil))} {
		if claims, err := (tpm.Format{}).Describe(statement); err == nil {
			t.Errorf("%s: %v", name, claims)
		}
	}
}

func sum(data []byte) []byte {
	h := crypto.SHA256.New()
	h.Write(data)
	return h.Sum(nil)
}

// A mutated statement in a request that is signed again by its key, as an attacker
// can, is never accepted, unless what the TPM signed is what it was.
func FuzzStatement(f *testing.F) {
	ak, otherAK, key := kit.Fixed(f, "ak"), kit.Fixed(f, "other"), kit.Fixed(f, "key")
	spki := kit.SPKI(f, key)
	signed := map[string]bool{}
	for _, signer := range []crypto.Signer{ak, otherAK} {
		public := kit.TPMPublic(f, key, kit.Attributes)
		attest := kit.TPMAttest(kit.TPMName(public), []byte("nonce"))
		signed[string(attest)+string(public)] = true
		f.Add(kit.Seq(kit.Octets(attest), kit.Octets(kit.TPMSign(f, signer, attest)), kit.Octets(public)))
	}
	f.Add(kit.Seq(kit.Octets(nil), kit.Octets(nil)))
	r := registry(f)
	kit.Expect(f, "the seed", r.Verify(kit.Request(f, tpm.OID, key, ak, kit.Certify(f, ak, key, []byte("nonce")))))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, signer := range []crypto.Signer{ak, otherAK} {
			req := attestation.Request{Time: kit.Now, Attester: attestation.Attester{Statement: tpm.OID, Key: kit.SPKI(t, signer)}}
			v := r.VerifyStatement(spki, attestation.Statement{OID: tpm.OID, DER: data}, nil, req)
			if !v.Accepted {
				if len(v.Reasons) == 0 {
					t.Errorf("refused without a reason")
				}
				continue
			}
			attest, public := content(t, data)
			if !signed[string(attest)+string(public)] {
				t.Errorf("accepted what no TPM signed: %x", data)
			}
		}
		// The structures behind the signature, which fuzzing cannot make.
		var res attestation.Result
		tpm.Certified(&res, data, data, nil)
		if len(res.Reasons) == 0 {
			t.Errorf("one structure is both: %x", data)
		}
	})
}

func content(t testing.TB, statement []byte) (attest, public []byte) {
	t.Helper()
	items := sequence(t, statement)
	return items[0], items[2]
}

// What a request costs: its own signature, the statement's, and the parsing.
func BenchmarkVerify(b *testing.B) {
	for name, tt := range map[string]struct{ ak, key crypto.Signer }{
		"P-256": {kit.P256(b), kit.P256(b)}, "RSA-2048": {kit.RSA(b, 1), kit.RSA(b, 0)},
	} {
		b.Run(name, func(b *testing.B) {
			r, req := registry(b), kit.Request(b, tpm.OID, tt.key, tt.ak, kit.Certify(b, tt.ak, tt.key, nil))
			for b.Loop() {
				if v := r.Verify(req); !v.Accepted {
					b.Fatal(v.Reasons)
				}
			}
		})
	}
}
