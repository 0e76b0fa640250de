package tpm_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/tpm"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

// code is the code of the reason that err is; empty when it is none.
func code(err error) attestation.Code {
	if err == nil {
		return ""
	}
	return attestation.ReasonOf(err, "no reason").Code
}

func TestReadPublic(t *testing.T) {
	for name, key := range map[string]crypto.Signer{"ECC": kit.P384(t), "RSA": kit.RSA(t, 0)} {
		area := kit.TPMPublic(t, key, kit.Attributes)
		p, err := tpm.ReadPublic(area)
		if err != nil || !bytes.Equal(p.SPKI, kit.SPKI(t, key)) || !bytes.Equal(p.Name, kit.TPMName(area)) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		if _, err := tpm.ReadPublic(append(area, 0)); code(err) != attestation.StatementMalformed {
			t.Errorf("%s with a byte behind it: %v", name, err)
		}
	}
}

// An attestation key that is not what the TPM's activation proves is refused before
// anything is encrypted.
func TestCheckAK(t *testing.T) {
	key := kit.P256(t)
	for name, tt := range map[string]struct {
		area []byte
		code attestation.Code
	}{
		"an attestation key":     {kit.TPMPublic(t, key, kit.AKAttributes), ""},
		"not restricted":         {kit.TPMPublic(t, key, kit.Attributes), attestation.AttesterFree},
		"movable":                {kit.TPMPublic(t, key, kit.AKAttributes&^(1<<1)), attestation.AttesterFree},
		"of another parent":      {kit.TPMPublic(t, key, kit.AKAttributes&^(1<<4)), attestation.AttesterFree},
		"imported":               {kit.TPMPublic(t, key, kit.AKAttributes&^(1<<5)), attestation.AttesterFree},
		"not for signing":        {kit.TPMPublic(t, key, kit.AKAttributes&^(1<<18)), attestation.AttesterFree},
		"for decryption too":     {kit.TPMPublic(t, key, kit.AKAttributes|1<<17), attestation.AttesterFree},
		"used by policy too":     {kit.TPMPublic(t, key, kit.AKAttributes|1<<7), ""},
		"an endorsement key":     {kit.TPMEndorsement(t, key, kit.EKAttributes), attestation.AttesterFree},
		"nothing":                {nil, attestation.AttesterInvalid},
		"a byte behind the area": {append(kit.TPMPublic(t, key, kit.AKAttributes), 0), attestation.AttesterInvalid},
	} {
		if err := tpm.CheckAK(tt.area); code(err) != tt.code {
			t.Errorf("%s: %v, want %q", name, err, tt.code)
		}
	}
}

func TestCheckEK(t *testing.T) {
	maker, other, key := kit.P256(t), kit.P256(t), kit.P256(t)
	root := kit.Issue(t, kit.Cert{Name: "maker", CA: true}, maker, nil, nil)
	foreign := kit.Issue(t, kit.Cert{Name: "another maker", CA: true}, other, nil, nil)
	cert := func(c kit.Cert, subject crypto.Signer) []*x509.Certificate {
		return []*x509.Certificate{kit.Issue(t, c, subject, root, maker)}
	}
	good := kit.Cert{Name: "ek", Usage: tpm.EndorsementUsage}
	area := kit.TPMEndorsement(t, key, kit.EKAttributes)
	for name, tt := range map[string]struct {
		area         []byte
		chain, roots []*x509.Certificate
		refused      bool
	}{
		"without roots":                 {area, nil, nil, false},
		"with its certificate":          {area, cert(good, key), []*x509.Certificate{root}, false},
		"RSA":                           {kit.TPMEndorsement(t, kit.RSA(t, 0), kit.EKAttributes), cert(good, kit.RSA(t, 0)), []*x509.Certificate{root}, false},
		"no certificate":                {area, nil, []*x509.Certificate{root}, true},
		"another maker":                 {area, cert(good, key), []*x509.Certificate{foreign}, true},
		"certificate of another key":    {area, cert(good, other), []*x509.Certificate{root}, true},
		"certificate for an AK":         {area, cert(kit.Cert{Name: "ek", Usage: tpm.Usage}, key), []*x509.Certificate{root}, true},
		"certificate that has ended":    {area, cert(kit.Cert{Name: "ek", Usage: tpm.EndorsementUsage, From: kit.Now.AddDate(-2, 0, 0), To: kit.Now.AddDate(-1, 0, 0)}, key), []*x509.Certificate{root}, true},
		"a key that signs":              {kit.TPMEndorsement(t, key, kit.EKAttributes|1<<18), nil, nil, true},
		"a key that is not restricted":  {kit.TPMEndorsement(t, key, kit.EKAttributes&^(1<<16)), nil, nil, true},
		"a key that may move":           {kit.TPMEndorsement(t, key, kit.EKAttributes&^(1<<1)), nil, nil, true},
		"an attestation key":            {kit.TPMPublic(t, key, kit.AKAttributes), nil, nil, true},
		"nothing":                       {nil, nil, nil, true},
		"a byte behind the public area": {append(slices.Clone(area), 0), nil, nil, true},
	} {
		err := tpm.CheckEK(tt.area, tt.chain, tt.roots, kit.Now)
		if want := map[bool]attestation.Code{true: attestation.EndorsementInvalid}[tt.refused]; code(err) != want {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if err := tpm.CheckEK(area, cert(good, key), []*x509.Certificate{root}, time.Time{}); code(err) != attestation.TimeMissing {
		t.Errorf("at no time: %v", err)
	}
}

// What a challenge is for is checked first, and no two are alike. That the right TPM
// answers it, and no other, is tested with TPMs in attestation/attester.
func TestNewChallenge(t *testing.T) {
	ak, ek := kit.TPMPublic(t, kit.P256(t), kit.AKAttributes), kit.TPMEndorsement(t, kit.P256(t), kit.EKAttributes)
	first, secret, err := tpm.NewChallenge(ek, ak)
	if err != nil || len(secret) != 32 || len(first.Credential) == 0 || len(first.Seed) == 0 {
		t.Fatalf("%+v, %d bytes, %v", first, len(secret), err)
	}
	second, again, err := tpm.NewChallenge(ek, ak)
	if err != nil || bytes.Equal(secret, again) || bytes.Equal(first.Credential, second.Credential) || bytes.Equal(first.Seed, second.Seed) {
		t.Errorf("two challenges share something: %v", err)
	}
	if bytes.Contains(slices.Concat(first.Credential, first.Seed), secret) {
		t.Error("the challenge shows its secret")
	}
	plain := kit.TPMPublic(t, kit.P256(t), kit.EKAttributes) // protects nothing with AES
	for name, tt := range map[string]struct {
		ek, ak []byte
		code   attestation.Code
	}{
		"a free attestation key":       {ek, kit.TPMPublic(t, kit.P256(t), kit.Attributes), attestation.AttesterFree},
		"an endorsement key of no use": {plain, ak, attestation.EndorsementInvalid},
		"no endorsement key":           {ak, ak, attestation.EndorsementInvalid},
		"swapped":                      {ak, ek, attestation.AttesterFree},
	} {
		if c, secret, err := tpm.NewChallenge(tt.ek, tt.ak); code(err) != tt.code || secret != nil || c.Credential != nil {
			t.Errorf("%s: %v, want %q", name, err, tt.code)
		}
	}
}

// Public areas come from the one who wants to be believed: nothing panics, and no
// challenge is made for an area that is not that of an endorsement key.
func FuzzNewChallenge(f *testing.F) {
	ak := kit.TPMPublic(f, kit.Fixed(f, "ak"), kit.AKAttributes)
	f.Add(kit.TPMEndorsement(f, kit.Fixed(f, "ek"), kit.EKAttributes), ak)
	f.Add(kit.TPMEndorsement(f, kit.RSA(f, 0), kit.EKAttributes), ak)
	f.Add(kit.TPMPublic(f, kit.Fixed(f, "ek"), kit.EKAttributes), ak)
	f.Fuzz(func(t *testing.T, ek, ak []byte) {
		if _, _, err := tpm.NewChallenge(ek, ak); err == nil && (tpm.CheckEK(ek, nil, nil, kit.Now) != nil || tpm.CheckAK(ak) != nil) {
			t.Errorf("a challenge for %x and %x", ek, ak)
		}
	})
}
