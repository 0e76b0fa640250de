package enrol_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/json"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/yubico"
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/testkit/attestkit"
	"github.com/manoward/manoward/internal/testkit/devicekit"
)

// scene is what a hostile request can be made of.
type scene struct {
	testing.TB
	p       process
	v       vnfc // alpha's
	other   vnfc // alpha's too
	foreign vnfc // beta's
}

// extensions is an extensionRequest attribute (RFC 2985 clause 5.4.2).
func extensions(t testing.TB, list ...pkix.Extension) []byte {
	t.Helper()
	var all [][]byte
	for _, x := range list {
		all = append(all, attestkit.Seq(attestkit.OID(t, x.Id.String()), attestkit.Bool(x.Critical), attestkit.Octets(x.Value)))
	}
	return attestkit.Seq(attestkit.OID(t, "1.2.840.113549.1.9.14"), attestkit.Set(attestkit.Seq(all...)))
}

// asks is a request for a new, attested key with these attributes besides.
func (s scene) asks(name []byte, attributes ...[]byte) certmgmt.SigningRequest {
	key := attestkit.P256(s)
	return s.asksWith(key, name, append(attributes, attestkit.Attribute(s, s.v.bundle(s, key, nil)))...)
}

// asksWith is a request with exactly these attributes.
func (s scene) asksWith(key crypto.Signer, name []byte, attributes ...[]byte) certmgmt.SigningRequest {
	return s.v.sends(attestkit.SignCSR(s, key, s.v.info(s, key, name, attributes...)))
}

// wants asks for one extension.
func (s scene) wants(oid string, value []byte) certmgmt.SigningRequest {
	return s.asks(attestkit.Seq(), extensions(s, attestkit.Extension(s, oid, value)))
}

// named is a subject with one attribute.
func (s scene) named(oid, value string) []byte {
	return attestkit.Seq(attestkit.Set(attestkit.Seq(attestkit.OID(s, oid), attestkit.UTF8(value))))
}

// as is a request of another subject's.
func as(r certmgmt.SigningRequest, v vnfc) certmgmt.SigningRequest {
	r.VnfcID = v.id
	return r
}

// hostile is what may not have a certificate, each with the checks that refuse it.
var hostile = []struct {
	name  string
	make  func(scene) certmgmt.SigningRequest
	codes []attestation.Code
}{
	{"a subject that nobody registered", func(s scene) certmgmt.SigningRequest {
		r := s.v.csr(s, nil)
		r.VnfcID = "nobody"
		return r
	}, []attestation.Code{enrol.SubjectUnknown}},
	{"another consumer's subject", func(s scene) certmgmt.SigningRequest { return s.foreign.csr(s, nil) }, []attestation.Code{enrol.SubjectUnknown}},
	{"another type of certificate", func(s scene) certmgmt.SigningRequest {
		r := s.v.csr(s, nil)
		r.CertType = certmgmt.VNFOAMCert
		return r
	}, []attestation.Code{enrol.SubjectUnknown}},
	{"no CSR", func(s scene) certmgmt.SigningRequest { return s.v.sends([]byte("no CSR")) }, []attestation.Code{attestation.CSRMalformed}},
	{"a CSR with bytes behind it", func(s scene) certmgmt.SigningRequest {
		key := attestkit.P256(s)
		return s.v.sends(append(attestkit.SignCSR(s, key, s.v.info(s, key, attestkit.Seq())), 0))
	}, []attestation.Code{attestation.CSRMalformed}},
	{"no proof of possession", func(s scene) certmgmt.SigningRequest {
		key := attestkit.P256(s)
		return s.v.sends(attestkit.SignCSR(s, attestkit.P256(s), s.v.info(s, key, attestkit.Seq(), attestkit.Attribute(s, s.v.bundle(s, key, nil)))))
	}, []attestation.Code{attestation.CSRSignature}},
	{"CA:TRUE", func(s scene) certmgmt.SigningRequest {
		return s.wants("2.5.29.19", attestkit.Seq(attestkit.Bool(true)))
	}, []attestation.Code{attestation.CSRAsksCA}},
	{"a key that the profile does not allow", func(s scene) certmgmt.SigningRequest {
		key := attestkit.P384(s)
		return s.asksWith(key, attestkit.Seq(), attestkit.Attribute(s, s.v.bundle(s, key, nil)))
	}, []attestation.Code{enrol.KeyForbidden}},
	{"an RSA key of 1024 bits", func(s scene) certmgmt.SigningRequest {
		key, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			s.Fatal(err)
		}
		return s.asksWith(key, attestkit.Seq())
	}, []attestation.Code{attestation.KeyWeak}},
	{"a key on P-224", func(s scene) certmgmt.SigningRequest {
		key, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
		if err != nil {
			s.Fatal(err)
		}
		return s.asksWith(key, attestkit.Seq())
	}, []attestation.Code{attestation.KeyUnsupported}},
	{"a key that is weaker than the profile's", func(s scene) certmgmt.SigningRequest {
		key := attestkit.RSA(s, 0)
		return s.asksWith(key, attestkit.Seq(), attestkit.Attribute(s, s.v.bundle(s, key, nil)))
	}, []attestation.Code{enrol.KeyForbidden}},
	{"a common name that is another's", func(s scene) certmgmt.SigningRequest { return s.asks(s.named("2.5.4.3", s.foreign.id)) }, []attestation.Code{enrol.NameForeign}},
	{"an organization of its own", func(s scene) certmgmt.SigningRequest { return s.asks(s.named("2.5.4.10", "Operator")) }, []attestation.Code{enrol.NameForeign}},
	{"a host name", func(s scene) certmgmt.SigningRequest {
		return s.wants("2.5.29.17", attestkit.Seq(attestkit.TLV(0x82, []byte("nfvo.north.example"))))
	}, []attestation.Code{enrol.NameForeign}},
	{"an address", func(s scene) certmgmt.SigningRequest {
		return s.wants("2.5.29.17", attestkit.Seq(attestkit.TLV(0x87, []byte{192, 0, 2, 1})))
	}, []attestation.Code{enrol.NameForeign}},
	{"a mailbox", func(s scene) certmgmt.SigningRequest {
		return s.wants("2.5.29.17", attestkit.Seq(attestkit.TLV(0x81, []byte("root@north.example"))))
	}, []attestation.Code{enrol.NameForeign}},
	{"a URI that is a Security Manager's", func(s scene) certmgmt.SigningRequest {
		return s.wants("2.5.29.17", attestkit.Seq(attestkit.TLV(0x86, []byte("spiffe://north/sm/alpha/sc-or.sec-enforce"))))
	}, []attestation.Code{enrol.NameForeign}},
	{"a kind of name that is not read", func(s scene) certmgmt.SigningRequest {
		return s.wants("2.5.29.17", attestkit.Seq(attestkit.TLV(0x88, []byte{0x2a, 0x03})))
	}, []attestation.Code{enrol.NameForeign}},
	{"the key usage of a CA", func(s scene) certmgmt.SigningRequest {
		return s.wants("2.5.29.15", attestkit.TLV(3, []byte{2, 0x04}))
	}, []attestation.Code{enrol.ExtensionForeign}},
	{"the extended key usage of an OCSP responder", func(s scene) certmgmt.SigningRequest {
		return s.wants("2.5.29.37", attestkit.Seq(attestkit.OID(s, "1.3.6.1.5.5.7.3.9")))
	}, []attestation.Code{enrol.ExtensionForeign}},
	{"a certificate policy", func(s scene) certmgmt.SigningRequest {
		return s.wants("2.5.29.32", attestkit.Seq(attestkit.Seq(attestkit.OID(s, enrol.AssuranceArc+".3"))))
	}, []attestation.Code{enrol.ExtensionForeign}},
	{"an extension of somebody's", func(s scene) certmgmt.SigningRequest {
		return s.wants("1.3.6.1.4.1.37476.9000.64.1", attestkit.UTF8("provisioner"))
	}, []attestation.Code{enrol.ExtensionForeign}},
	{"a CSR that another subject had a certificate for", func(s scene) certmgmt.SigningRequest {
		r := s.other.csr(s, nil)
		if a, err := s.p.Sign(s.Context(), alpha, "north", r); err != nil || a.State != certmgmt.RequestIssued {
			s.Fatalf("%+v: %v", a, err)
		}
		return as(r, s.v)
	}, []attestation.Code{enrol.Replayed}},
	{"no attestation", func(s scene) certmgmt.SigningRequest {
		return s.asksWith(attestkit.P256(s), attestkit.Seq())
	}, []attestation.Code{attestation.AttributeNone}},
	{"two attestations", func(s scene) certmgmt.SigningRequest {
		key := attestkit.P256(s)
		one := attestkit.Attribute(s, s.v.bundle(s, key, nil))
		return s.asksWith(key, attestkit.Seq(), one, one)
	}, []attestation.Code{attestation.AttributeTwice}},
	{"the attestation of another key", func(s scene) certmgmt.SigningRequest {
		key := attestkit.P256(s)
		return s.asksWith(key, attestkit.Seq(), attestkit.Attribute(s, s.v.bundle(s, attestkit.P256(s), nil)))
	}, []attestation.Code{attestation.KeyMismatch}},
	{"another attester", func(s scene) certmgmt.SigningRequest { return as(s.other.csr(s, nil), s.v) }, []attestation.Code{attestation.StatementSignature}},
	{"a format that is not the attester's", func(s scene) certmgmt.SigningRequest {
		key := attestkit.P256(s)
		bundle := attestkit.Bundle([][]byte{attestkit.Statement(s, yubico.PIVOID, attestkit.Octets([]byte{1}))})
		return s.asksWith(key, attestkit.Seq(), attestkit.Attribute(s, bundle))
	}, []attestation.Code{attestation.StatementNone}},
	{"a statement that was changed", func(s scene) certmgmt.SigningRequest {
		key := attestkit.P256(s)
		bundle := s.v.bundle(s, key, nil)
		at := bytes.Index(bundle, []byte{0xff, 'T', 'C', 'G', 0x80, 0x17})
		bundle[at+30] ^= 1
		return s.asksWith(key, attestkit.Seq(), attestkit.Attribute(s, bundle))
	}, []attestation.Code{attestation.StatementSignature}},
	{"the attester's own key", func(s scene) certmgmt.SigningRequest {
		ak := attestkit.P256(s)
		v := vnfc{id: "self", device: devicekit.NewSoft(s)}
		in := v.request()
		in.Attesters[0].PublicKey = publicPEM(s, ak)
		if _, err := s.p.Register(s.Context(), alpha, "north", in); err != nil {
			s.Fatal(err)
		}
		bundle := attestkit.Bundle([][]byte{attestkit.Statement(s, in.Attesters[0].StatementOID, attestkit.Certify(s, ak, ak, nil))})
		return as(s.asksWith(ak, attestkit.Seq(), attestkit.Attribute(s, bundle)), v)
	}, []attestation.Code{attestation.SelfAttested}},
	{"a subject without an attester", func(s scene) certmgmt.SigningRequest {
		v := vnfc{id: "bare", device: s.v.device}
		in := v.request()
		in.Attesters = nil
		if _, err := s.p.Register(s.Context(), alpha, "north", in); err != nil {
			s.Fatal(err)
		}
		return as(v.csr(s, nil), v)
	}, []attestation.Code{enrol.AttesterNone}},
	{"an attester that was withdrawn", func(s scene) certmgmt.SigningRequest {
		v := s.p.register(alpha, "north")
		s.p.withdraw(v.attester)
		return v.csr(s, nil)
	}, []attestation.Code{enrol.AttesterWithdrawn}},
	{"a challenge that nobody gave out", func(s scene) certmgmt.SigningRequest {
		r := s.v.csr(s, nil)
		r.ChallengeID = "nothing"
		return r
	}, []attestation.Code{enrol.ChallengeUnknown}},
	{"another registration's challenge", func(s scene) certmgmt.SigningRequest {
		nonce, id := s.p.nonce(alpha, s.other)
		r := s.v.csr(s, nonce)
		r.ChallengeID = id
		return r
	}, []attestation.Code{enrol.ChallengeUnknown}},
	{"a challenge that is not in the statement", func(s scene) certmgmt.SigningRequest {
		_, id := s.p.nonce(alpha, s.v)
		r := s.v.csr(s, []byte("another nonce"))
		r.ChallengeID = id
		return r
	}, []attestation.Code{attestation.NonceMismatch}},
	{"a challenge that was used", func(s scene) certmgmt.SigningRequest {
		nonce, id := s.p.nonce(alpha, s.v)
		used := s.v.csr(s, nonce)
		used.ChallengeID = id
		if a, err := s.p.Sign(s.Context(), alpha, "north", used); err != nil || a.State != certmgmt.RequestIssued {
			s.Fatalf("the challenge is not good once: %v, %v", a.Reasons, err)
		}
		r := s.v.csr(s, nonce)
		r.ChallengeID = id
		return r
	}, []attestation.Code{enrol.ChallengeUsed}},
	{"a challenge that is expired", func(s scene) certmgmt.SigningRequest {
		nonce, id := s.p.nonce(alpha, s.v)
		s.p.w.wait(5 * time.Minute)
		r := s.v.csr(s, nonce)
		r.ChallengeID = id
		return r
	}, []attestation.Code{enrol.ChallengeExpired}},
}

// What does not prove itself is refused, each for its own reason, nothing is signed,
// and the record shows which check failed.
func TestSign_Hostile(t *testing.T) {
	for name, crowded := range map[string]bool{"one by one": false, "among many": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signHostile(t, crowded)
		})
	}
}

func signHostile(t *testing.T, crowded bool) {
	w := memory(t)
	profile := w.profiles["north"]
	profile.Keys = []string{enrol.KeyP256, enrol.KeyRSA}
	profile.MinimumRSA = 3072
	w.profiles["north"] = profile
	p := w.process()
	if crowded {
		p.Crowd()
	}
	s := scene{p: p, v: p.register(alpha, "north"), other: p.register(alpha, "north"), foreign: p.register(beta, "north")}
	for _, tc := range hostile {
		t.Run(tc.name, func(t *testing.T) {
			s := s
			s.TB = t
			r := tc.make(s)
			signed, recorded := w.ca.signed(), len(w.kinds("certificate.refused"))
			a, err := p.Sign(t.Context(), alpha, "north", r)
			wantRefused(t, a, err, tc.codes...)
			if n := w.ca.signed(); n != signed {
				t.Errorf("%d certificates were signed", n-signed)
			}
			list := w.kinds("certificate.refused")[recorded:]
			if len(list) != 1 || list[0].Actor != alpha.String() {
				t.Fatalf("recorded %+v", list)
			}
			var said struct{ Reasons []certmgmt.Reason }
			if err := json.Unmarshal(list[0].Data, &said); err != nil || len(said.Reasons) != len(tc.codes) || said.Reasons[0].Code != string(tc.codes[0]) {
				t.Errorf("the record says %s: %v", list[0].Data, err)
			}
			// Whoever tries again with the same bytes is refused too.
			a, err = p.Sign(t.Context(), alpha, "north", r)
			wantRefused(t, a, err, enrol.Replayed)
			if w.ca.signed() != signed {
				t.Error("it was signed the second time")
			}
		})
	}
}
