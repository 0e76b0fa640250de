package attestation_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

func TestAccepted(t *testing.T) {
	root := kit.Issue(t, kit.Cert{Name: "root", CA: true}, kit.P256(t), nil, nil)
	for name, key := range map[string]crypto.Signer{"P-256": kit.P256(t), "P-384": kit.P384(t), "RSA": kit.RSA(t, 0)} {
		bundle := kit.Bundle([][]byte{kit.Statement(t, "2.999.7", kit.Int(1)), plainStatement(t, key)}, root)
		v := registry(t, attestation.Protected).Verify(request(kit.CSR(t, key, kit.Attribute(t, bundle))))
		kit.Expect(t, name, v)
		want := attestation.Verdict{Accepted: true, Format: "plain", Statement: plainOID, Attester: "hsm-1", Shape: "draft-28",
			Key: kit.SPKI(t, key), Claims: []attestation.Claim{{Name: "certificates", Value: "1"}}, Assurance: attestation.Protected, Lacks: v.Lacks}
		if got, _ := json.Marshal(v); !sameJSON(t, got, want) || len(v.Lacks) != 1 {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func sameJSON(t *testing.T, got []byte, want any) bool {
	t.Helper()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(got, text)
}

// What a request can get wrong before its statement is looked at.
func TestCarrierRefused(t *testing.T) {
	key, weak := kit.P256(t), small(t)
	good := attested(t, key)
	statement := plainStatement(t, key)
	attribute := kit.Attribute(t, kit.Bundle([][]byte{statement}))
	empty := kit.Seq(kit.OID(t, "1.2.840.113549.1.9.14"), kit.Set(kit.Seq()))
	asksCA := kit.Seq(kit.OID(t, "1.2.840.113549.1.9.14"), kit.Set(kit.Seq(kit.Seq(kit.OID(t, "2.5.29.19"), kit.Octets(kit.Seq(kit.Bool(true)))))))
	asksNonsense := kit.Seq(kit.OID(t, "1.2.840.113549.1.9.14"), kit.Set(kit.Seq(kit.Seq(kit.OID(t, "2.5.29.19"), kit.Octets([]byte{1})))))
	flipped := slices.Clone(good)
	flipped[bytes.Index(flipped, []byte("vnfc-1"))]++
	many := slices.Repeat([][]byte{empty}, attestation.MaxAttributes)
	for name, tt := range map[string]struct {
		csr  []byte
		code attestation.Code
	}{
		"empty":                    {nil, attestation.CSRMalformed},
		"too large":                {make([]byte, attestation.MaxCSR+1), attestation.CSRTooLarge},
		"bytes behind":             {append(slices.Clone(good), 0), attestation.CSRMalformed},
		"unsigned information":     {unsigned(t, good), attestation.CSRMalformed},
		"changed after signing":    {flipped, attestation.CSRSignature},
		"signed by another key":    {signedBy(t, good, kit.P256(t)), attestation.CSRSignature},
		"signed with SHA-1":        {sha1Signed(t, good, key), attestation.CSRAlgorithm},
		"asks for CA":              {kit.CSR(t, key, asksCA, attribute), attestation.CSRAsksCA},
		"asks for nonsense":        {kit.CSR(t, key, asksNonsense, attribute), attestation.CSRMalformed},
		"RSA with 1024 bits":       {attested(t, weak), attestation.KeyWeak},
		"ECDSA on P-224":           {attested(t, p224(t)), attestation.KeyUnsupported},
		"no attributes":            {kit.CSR(t, key), attestation.AttributeNone},
		"another attribute":        {kit.CSR(t, key, empty), attestation.AttributeNone},
		"attributes left out":      {kit.SignCSR(t, key, kit.Seq(kit.Int(0), kit.Seq(), kit.SPKI(t, key))), attestation.CSRMalformed},
		"two attributes":           {kit.CSR(t, key, attribute, attribute), attestation.AttributeTwice},
		"too many attributes":      {kit.CSR(t, key, append(many, attribute)...), attestation.CSRMalformed},
		"attribute without values": {kit.CSR(t, key, kit.Attribute(t)), attestation.AttributeValues},
		"two values":               {kit.CSR(t, key, kit.Attribute(t, kit.Bundle([][]byte{statement}), kit.Bundle([][]byte{statement}))), attestation.AttributeValues},
		"no registered statement":  {kit.CSR(t, key, kit.Attribute(t, kit.Bundle([][]byte{kit.Statement(t, "2.999.7", kit.Int(1))}))), attestation.StatementNone},
		"two statements":           {kit.CSR(t, key, kit.Attribute(t, kit.Bundle([][]byte{statement, statement}))), attestation.StatementTwice},
		"another key":              {kit.CSR(t, key, kit.Attribute(t, kit.Bundle([][]byte{plainStatement(t, kit.P256(t))}))), attestation.KeyMismatch},
		"no key":                   {kit.CSR(t, key, kit.Attribute(t, kit.Bundle([][]byte{kit.Statement(t, plainOID, kit.Octets(nil))}))), attestation.KeyMissing},
		"broken statement":         {kit.CSR(t, key, kit.Attribute(t, kit.Bundle([][]byte{kit.Statement(t, plainOID, kit.Int(1))}))), attestation.StatementMalformed},
	} {
		kit.Expect(t, name, registry(t, attestation.Genuine).Verify(request(tt.csr)), tt.code)
	}
}

// The shapes of bundles: what draft 28 does not have is refused, and older
// shapes pass with the switch only.
func TestShapes(t *testing.T) {
	key := kit.P256(t)
	oid, stmt := kit.OID(t, plainOID), kit.Octets(kit.SPKI(t, key))
	hint := kit.UTF8("verifier.example.com")
	binds := func(b byte) []byte { return kit.TLV(0x80, []byte{b}) }
	cert := kit.Certs(kit.Issue(t, kit.Cert{Name: "any"}, key, nil, nil))
	const malformed, old = attestation.BundleMalformed, attestation.BundleOldShape
	for name, tt := range map[string]struct {
		bundle      []byte
		strict, lax attestation.Code
	}{
		"draft 28":                      {kit.Seq(kit.Seq(kit.Seq(oid, stmt))), "", ""},
		"with certificates":             {kit.Seq(kit.Seq(kit.Seq(oid, stmt)), cert), "", ""},
		"with another certificate":      {kit.Seq(kit.Seq(kit.Seq(oid, stmt)), kit.Seq(kit.Explicit(3, oid, stmt))), "", ""},
		"hint":                          {kit.Seq(kit.Seq(kit.Seq(oid, stmt, hint))), old, ""},
		"hint in IA5String":             {kit.Seq(kit.Seq(kit.Seq(oid, stmt, kit.TLV(22, []byte("v"))))), old, ""},
		"binds":                         {kit.Seq(kit.Seq(kit.Seq(oid, binds(0xff), stmt))), old, ""},
		"binds, with attributes":        {kit.Seq(kit.Seq(kit.Seq(oid, binds(0xff), stmt, kit.Explicit(1)))), old, ""},
		"attributes":                    {kit.Seq(kit.Seq(kit.Seq(oid, stmt, kit.Explicit(1)))), old, ""},
		"evidence bundle":               {kit.Seq(kit.Seq(kit.Seq(kit.Seq(oid, stmt)), cert)), old, ""},
		"evidence bundle with hint":     {kit.Seq(kit.Seq(kit.Seq(kit.Seq(oid, stmt, hint)))), old, ""},
		"evidence bundle of May 2024":   {kit.Seq(kit.Seq(kit.Seq(kit.Seq(kit.Seq(oid, stmt, hint))), cert)), old, ""},
		"does not bind":                 {kit.Seq(kit.Seq(kit.Seq(oid, binds(0), stmt))), attestation.BundleUnbound, attestation.BundleUnbound},
		"binds perhaps":                 {kit.Seq(kit.Seq(kit.Seq(oid, binds(1), stmt))), malformed, malformed},
		"binds, with hint":              {kit.Seq(kit.Seq(kit.Seq(oid, binds(0xff), stmt, hint))), malformed, malformed},
		"two evidence bundles":          {kit.Seq(kit.Seq(kit.Seq(kit.Seq(oid, stmt))), kit.Seq(kit.Seq(kit.Seq(oid, stmt)))), malformed, malformed},
		"not a sequence":                {kit.Octets(nil), malformed, malformed},
		"empty":                         {kit.Seq(), malformed, malformed},
		"no statement":                  {kit.Seq(kit.Seq()), malformed, malformed},
		"statement without value":       {kit.Seq(kit.Seq(kit.Seq(oid))), malformed, malformed},
		"statement with two values":     {kit.Seq(kit.Seq(kit.Seq(oid, stmt, stmt))), malformed, malformed},
		"statement with four values":    {kit.Seq(kit.Seq(kit.Seq(oid, stmt, hint, hint))), malformed, malformed},
		"statement without OID":         {kit.Seq(kit.Seq(kit.Seq(stmt, stmt))), malformed, malformed},
		"too many statements":           {kit.Bundle(slices.Repeat([][]byte{kit.Seq(oid, stmt)}, attestation.MaxStatements+1)), malformed, malformed},
		"empty certificates":            {kit.Seq(kit.Seq(kit.Seq(oid, stmt)), kit.Seq()), malformed, malformed},
		"too many certificates":         {kit.Seq(kit.Seq(kit.Seq(oid, stmt)), kit.Seq(slices.Repeat([][]byte{kit.Seq()}, attestation.MaxCertificates+1)...)), malformed, malformed},
		"a number for a certificate":    {kit.Seq(kit.Seq(kit.Seq(oid, stmt)), kit.Seq(kit.Int(1))), malformed, malformed},
		"third part":                    {kit.Seq(kit.Seq(kit.Seq(oid, stmt)), cert, cert), malformed, malformed},
		"a certificate nobody can read": {kit.Seq(kit.Seq(kit.Seq(oid, stmt)), kit.Seq(kit.Seq())), "", ""},
	} {
		for lax, code := range map[bool]attestation.Code{false: tt.strict, true: tt.lax} {
			req := request(kit.CSR(t, key, kit.Attribute(t, tt.bundle)))
			req.Policy.OldShapes = lax
			v := registry(t, attestation.Genuine).Verify(req)
			if code == "" {
				kit.Expect(t, name, v)
			} else {
				kit.Expect(t, name, v, code)
			}
		}
		trailing := append(slices.Clone(tt.bundle), 5, 0)
		if _, err := attestation.ParseBundle(trailing, true); err == nil {
			t.Errorf("%s: read with bytes behind it", name)
		}
	}
}

// What the caller gives decides too: never whichever format or level fits.
func TestCallerDecides(t *testing.T) {
	key := kit.P256(t)
	good := attested(t, key)
	both := kit.CSR(t, key, kit.Attribute(t, kit.Bundle([][]byte{plainStatement(t, key), kit.Statement(t, otherOID, kit.Octets(kit.SPKI(t, key)))})))
	change := func(csr []byte, change func(*attestation.Request)) attestation.Request {
		req := request(csr)
		change(&req)
		return req
	}
	for name, tt := range map[string]struct {
		level attestation.Assurance
		req   attestation.Request
		codes []attestation.Code
	}{
		"registered for another format": {attestation.Genuine, change(both, func(r *attestation.Request) { r.Attester.Statement = otherOID }), []attestation.Code{attestation.StatementUnsigned}},
		"registered for no format":      {attestation.Genuine, change(kit.CSR(t, key, kit.Attribute(t, kit.Bundle([][]byte{kit.Statement(t, "2.999.7", kit.Int(1))}))), func(r *attestation.Request) { r.Attester.Statement = "2.999.7" }), []attestation.Code{attestation.FormatUnknown}},
		"no time":                       {attestation.Genuine, change(good, func(r *attestation.Request) { r.Time = time.Time{} }), []attestation.Code{attestation.TimeMissing}},
		"nonce too long":                {attestation.Genuine, change(good, func(r *attestation.Request) { r.Nonce = make([]byte, 65) }), []attestation.Code{attestation.NonceInvalid}},
		"the attester's own key":        {attestation.Genuine, change(good, func(r *attestation.Request) { r.Attester.Key = kit.SPKI(t, key) }), []attestation.Code{attestation.SelfAttested}},
		"nothing proven":                {attestation.None, request(good), []attestation.Code{attestation.AssuranceLow, attestation.KeyExtractable}},
		"bound, by default":             {attestation.Bound, request(good), []attestation.Code{attestation.AssuranceLow, attestation.KeyExtractable}},
		"bound, as asked for":           {attestation.Bound, change(good, func(r *attestation.Request) { r.Policy.Minimum = attestation.Bound }), nil},
		"protected, by default":         {attestation.Protected, request(good), nil},
		"protected, genuine asked for":  {attestation.Protected, change(good, func(r *attestation.Request) { r.Policy.Minimum = attestation.Genuine }), []attestation.Code{attestation.AssuranceLow, attestation.AttesterUnverified}},
		"genuine":                       {attestation.Genuine, change(good, func(r *attestation.Request) { r.Policy.Minimum = attestation.Genuine }), nil},
	} {
		kit.Expect(t, name, registry(t, tt.level).Verify(tt.req), tt.codes...)
	}
}

// A key whose possession was proven in another way, as in CMP.
func TestVerifyStatement(t *testing.T) {
	key := kit.SPKI(t, kit.P256(t))
	statement := attestation.Statement{OID: plainOID, DER: kit.Octets(key)}
	r := registry(t, attestation.Genuine)
	kit.Expect(t, "good", r.VerifyStatement(key, statement, nil, request(nil)))
	kit.Expect(t, "another type", r.VerifyStatement(key, attestation.Statement{OID: otherOID, DER: statement.DER}, nil, request(nil)), attestation.StatementNone)
	kit.Expect(t, "no key", r.VerifyStatement(nil, statement, nil, request(nil)), attestation.KeyUnsupported)
	kit.Expect(t, "many certificates", r.VerifyStatement(key, statement, make([]*x509.Certificate, 11), request(nil)), attestation.BundleMalformed)
}

func TestDescribe(t *testing.T) {
	r := registry(t, attestation.None)
	if name, claims, err := r.Describe(attestation.Statement{OID: plainOID, DER: kit.Int(1)}); err != nil || name != "plain" || claims[0].Value != "3" {
		t.Errorf("%s, %v, %v", name, claims, err)
	}
	if name, claims, err := r.Describe(attestation.Statement{OID: plainOID, DER: []byte{4}}); attestation.ReasonOf(err, "").Code != attestation.StatementMalformed || name != "plain" || len(claims) != 1 {
		t.Errorf("malformed: %s, %v, %v", name, claims, err)
	}
	if _, _, err := r.Describe(attestation.Statement{OID: "2.999.7"}); attestation.ReasonOf(err, "").Code != attestation.FormatUnknown {
		t.Errorf("unknown: %v", err)
	}
}

func TestNewRegistry(t *testing.T) {
	for name, formats := range map[string]map[string]attestation.Format{
		"not an OID": {"tpm": plain{}}, "leading zero": {"2.0999.1": plain{}}, "no format": {plainOID: nil},
	} {
		if _, err := attestation.NewRegistry(formats); err == nil || !strings.Contains(err.Error(), "register a statement format") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names := registry(t, attestation.None).Names(); len(names) != 2 || names[plainOID] != "plain" {
		t.Errorf("names = %v", names)
	}
}

// A mutated request is never accepted, unless the signed part is what it was.
func FuzzVerify(f *testing.F) {
	signed := map[string]bool{}
	for _, key := range []crypto.Signer{kit.Fixed(f, "a"), kit.Fixed(f, "b")} {
		csr := attested(f, key)
		parsed, err := x509.ParseCertificateRequest(csr)
		if err != nil {
			f.Fatal(err)
		}
		signed[string(parsed.RawTBSCertificateRequest)] = true
		f.Add(csr)
		f.Add(kit.CSR(f, key, kit.Attribute(f, kit.Seq(kit.Seq(kit.Seq(plainStatement(f, key)))))))
	}
	r := registry(f, attestation.Genuine)
	f.Fuzz(func(t *testing.T, data []byte) {
		req := request(data)
		v := r.Verify(req)
		if !v.Accepted {
			if len(v.Reasons) == 0 || v.Assurance != attestation.None {
				t.Errorf("refused without a reason: %+v", v)
			}
		} else if csr, err := x509.ParseCertificateRequest(data); err != nil || !signed[string(csr.RawTBSCertificateRequest)] {
			t.Errorf("accepted what nobody signed: %x", data)
		}
		// The value of the attribute alone, as CRMF will bring it.
		if b, err := attestation.ParseBundle(data, true); err == nil && len(b.Statements) == 0 {
			t.Errorf("a bundle without statements: %x", data)
		}
	})
}

func small(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func p224(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func unsigned(t *testing.T, csr []byte) []byte {
	t.Helper()
	parsed, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.RawTBSCertificateRequest
}

func signedBy(t *testing.T, csr []byte, key crypto.Signer) []byte {
	t.Helper()
	return kit.SignCSR(t, key, unsigned(t, csr))
}

func sha1Signed(t *testing.T, csr []byte, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	info := unsigned(t, csr)
	digest := sha1.Sum(info)
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return kit.Seq(info, kit.Seq(kit.OID(t, "1.2.840.10045.4.1")), kit.TLV(3, []byte{0}, signature))
}
