package attester_test

import (
	"bytes"
	"context"
	"crypto/x509/pkix"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
	evidence "github.com/manoward/manoward/attestation/pkix"
	"github.com/manoward/manoward/connectors/pkcs11"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit"
	"github.com/manoward/manoward/internal/testkit/attestkit"
)

// token is a token of SoftHSM, as the wiring binds it.
type token struct{ *pkcs11.Token }

func (t token) Properties(ctx context.Context, label string) (attester.Properties, error) {
	p, err := t.Token.Properties(ctx, label)
	return attester.Properties(p), err
}

// A token's key is certified by another key of the token. What the verifier makes of it
// is what the token said.
func TestToken(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("north", "4711-4711")
	opened, err := pkcs11.Open(t.Context(), pkcs11.Config{Module: hsm.Module, TokenLabel: "north", PIN: "4711-4711"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	var device attester.Token = token{opened}

	ak, made, err := attester.TokenKey(t.Context(), device, "ak")
	if err != nil || !made {
		t.Fatalf("no attestation key was made: %v", err)
	}
	key, made, err := attester.TokenKey(t.Context(), device, "vnfc-1")
	if err != nil || !made {
		t.Fatalf("no key was made: %v", err)
	}
	if found, made, err := attester.TokenKey(t.Context(), device, "vnfc-1"); err != nil || made || !bytes.Equal(attestkit.SPKI(t, found), attestkit.SPKI(t, key)) {
		t.Fatalf("the key was made again: %v", err)
	}
	if _, _, err := attester.TokenKey(t.Context(), device, "vnfc-2"); err != nil {
		t.Fatal(err)
	}
	by := attestation.Attester{ID: "hsm", Statement: evidence.SampleArc, Key: attestkit.SPKI(t, ak)}
	state := func(label string, nonce []byte, at time.Time) attestation.Statement {
		s, err := attester.Evidence{}.Certify(t.Context(), device, "ak", label, nonce, at)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	request := func(s attestation.Statement) []byte {
		csr, err := attester.NewCSR(key, attester.CSR{Subject: pkix.Name{CommonName: "vnfc-1"}, DNS: []string{"a.example"}, Statement: s})
		if err != nil {
			t.Fatal(err)
		}
		return csr
	}
	good := state("vnfc-1", []byte("fresh"), time.Now())
	judge(t, "good", request(good), by, "fresh", "")
	opensslVerifies(t, request(good), "CN = vnfc-1", "DNS:a.example", attestation.AttributeOID)
	judge(t, "renewed with a new statement", request(state("vnfc-1", []byte("later"), time.Now())), by, "later", "")
	judge(t, "other nonce", request(good), by, "later", attestation.NonceMismatch)
	judge(t, "no nonce", request(state("vnfc-1", nil, time.Now())), by, "fresh", attestation.NonceMissing)
	judge(t, "another key", request(state("vnfc-2", nil, time.Now())), by, "", attestation.KeyMismatch)
	judge(t, "from the future", request(state("vnfc-1", nil, time.Now().Add(time.Hour))), by, "", attestation.StatementTime)
	stranger := by
	stranger.Key = attestkit.SPKI(t, attestkit.P256(t))
	judge(t, "another attester", request(good), stranger, "", attestation.AttesterUnknown)
	at := bytes.Index(good.DER, []byte("SoftHSM"))
	if at < 0 {
		t.Fatal("the statement does not name the token's maker")
	}
	tampered := attestation.Statement{OID: good.OID, DER: bytes.Clone(good.DER)}
	tampered.DER[at] = 's'
	judge(t, "tampered", request(tampered), by, "", attestation.StatementSignature)

	format, err := evidence.New(evidence.Config{})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := format.Describe(good.DER)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []attestation.Claim{
		{Name: "identifier", Value: "vnfc-1"}, {Name: "extractable", Value: "false"}, {Name: "sensitive", Value: "true"},
		{Name: "never-extractable", Value: "true"}, {Name: "local", Value: "true"}, {Name: "purpose", Value: "[sign]"},
	} {
		if !slices.Contains(claims, want) {
			t.Errorf("no %v in %v", want, claims)
		}
	}
	_, err = attester.Evidence{}.Certify(t.Context(), device, "ak", "ak", nil, time.Now())
	wants(t, "itself", err, hub.Invalid, "would certify itself")
	_, err = attester.Evidence{}.Certify(t.Context(), device, "ak", "gone", nil, time.Now())
	wants(t, "no key", err, hub.NotFound, `holds no key "gone"`)
	_, err = attester.Evidence{}.Certify(t.Context(), device, "gone", "vnfc-1", nil, time.Now())
	wants(t, "no attestation key", err, hub.NotFound, `holds no key "gone"`)
	_, err = attester.Evidence{}.Certify(t.Context(), device, "ak", "vnfc-1", make([]byte, 65), time.Now())
	wants(t, "long nonce", err, hub.Invalid, "64 are allowed")
}

// loose is a token that says of its keys what one says that gives them away, or nothing.
type loose struct {
	token
	says attester.Properties
}

func (l loose) Properties(context.Context, string) (attester.Properties, error) { return l.says, nil }

// What a token says is stated as it stands: a key that may leave it is refused, and what
// it does not say is missing.
func TestToken_Loose(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("north", "4711-4711")
	opened, err := pkcs11.Open(t.Context(), pkcs11.Config{Module: hsm.Module, TokenLabel: "north", PIN: "4711-4711"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	yes, no := true, false
	for name, tt := range map[string]struct {
		says attester.Properties
		lack attestation.Code
	}{
		"extractable": {attester.Properties{Extractable: &yes, Sensitive: &yes, NeverExtractable: &no, Local: &yes, Sign: &yes}, attestation.KeyExtractable},
		"imported":    {attester.Properties{Extractable: &no, Sensitive: &yes, NeverExtractable: &yes, Local: &no, Sign: &yes}, attestation.KeyImported},
		"silent":      {attester.Properties{Manufacturer: "Maker \xff"}, attestation.ClaimMissing},
	} {
		device := loose{token{opened}, tt.says}
		ak, _, err := attester.TokenKey(t.Context(), device, "ak")
		if err != nil {
			t.Fatal(err)
		}
		key, _, err := attester.TokenKey(t.Context(), device, "key")
		if err != nil {
			t.Fatal(err)
		}
		numbers := attester.Evidence{OID: "2.999.7", Arc: "2.999.8"}
		s, err := numbers.Certify(t.Context(), device, "ak", "key", nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		format, err := evidence.New(evidence.Config{Arc: "2.999.8"})
		if err != nil {
			t.Fatal(err)
		}
		registry, err := attestation.NewRegistry(map[string]attestation.Format{"2.999.7": format})
		if err != nil {
			t.Fatal(err)
		}
		v := registry.VerifyStatement(attestkit.SPKI(t, key), s, nil, attestation.Request{
			Attester: attestation.Attester{Statement: "2.999.7", Key: attestkit.SPKI(t, ak)}, Time: time.Now(),
		})
		if v.Accepted || !v.Failed(attestation.AssuranceLow) || !v.Failed(tt.lack) {
			t.Errorf("%s: %+v, want %s", name, v, tt.lack)
		}
	}
}
