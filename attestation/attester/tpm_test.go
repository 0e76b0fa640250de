package attester_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"path/filepath"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/attestkit"
	"github.com/manoward/manoward/internal/testkit/devicekit"
)

// Every kind of attestation key certifies every kind of key. The request is accepted,
// openssl finds it well signed, and whatever is changed about it is refused.
func TestTPM(t *testing.T) {
	t.Parallel()
	stranger := devicekit.NewSoft(t)
	for _, ak := range []attester.Algorithm{attester.P256, attester.RSA2048} {
		device := devicekit.StartTPM(t, ak)
		by := device.Attester()
		for _, key := range []attester.Algorithm{attester.P256, attester.P384, attester.RSA2048} {
			name := string(ak) + " over " + string(key)
			device.Keys = key
			made := device.CSR(t, devicekit.Want{CommonName: "vnfc-7", DNS: []string{"a.example", "b.example"}, Nonce: []byte("fresh")})
			judge(t, name, made.DER, by, "fresh", "")
			judge(t, name+", no nonce asked for", made.DER, by, "", "")
			judge(t, name+", other nonce", made.DER, by, "later", attestation.NonceMismatch)
			judge(t, name+", other attester", made.DER, stranger.Attester(), "fresh", attestation.StatementSignature)
			opensslVerifies(t, made.DER, "CN = vnfc-7", "DNS:a.example, DNS:b.example", attestation.AttributeOID)
		}
		device.Keys = attester.P256
		first, second := device.CSR(t, devicekit.Want{}), device.CSR(t, devicekit.Want{})
		judge(t, "without nonce", first.DER, by, "fresh", attestation.NonceMissing)
		judge(t, "statement of another key", restate(t, first, second), by, "", attestation.KeyMismatch)
		judge(t, "as its own attester", device.CSR(t, devicekit.Want{}).DER, attestation.Attester{Statement: tpm.OID, Key: first.SPKI}, "", attestation.StatementSignature)
		for _, at := range []int{20, 60, 100} { // bytes of what the TPM signed
			judge(t, "tampered", restate(t, first, devicekit.Made{DER: tamper(t, first.DER, at)}), by, "", attestation.StatementSignature)
		}
		again := device.CSR(t, devicekit.Want{Again: &first, Nonce: []byte("renewal")})
		judge(t, "renewed with the same key", again.DER, by, "renewal", "")
		if !bytes.Equal(again.SPKI, first.SPKI) || bytes.Equal(again.DER, first.DER) {
			t.Error("a renewal has another key, or the same statement")
		}
	}
}

// statement is the statement that a request carries.
func statement(t *testing.T, csr []byte) attestation.Statement {
	t.Helper()
	parsed, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := attestation.BundleOf(parsed, false)
	if err != nil {
		t.Fatal(err)
	}
	return bundle.Statements[0]
}

// restate makes a request for the key of one with the statement of another.
func restate(t *testing.T, one, other devicekit.Made) []byte {
	t.Helper()
	raw, err := attester.NewCSR(one.Key, attester.CSR{Subject: pkix.Name{CommonName: "vnfc-1"}, Statement: statement(t, other.DER)})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// tamper changes a byte of the statement inside of a request.
func tamper(t *testing.T, csr []byte, at int) []byte {
	t.Helper()
	inside := bytes.Index(csr, statement(t, csr).DER)
	changed := bytes.Clone(csr)
	changed[inside+at] ^= 1
	return changed
}

// A key lives on in its file, with the TPM that made it and with no other.
func TestKeyFile(t *testing.T) {
	t.Parallel()
	device, other := devicekit.StartTPM(t, ""), devicekit.StartTPM(t, "")
	for _, algorithm := range []attester.Algorithm{attester.P256, attester.RSA2048} {
		key, err := device.Device.NewKey(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		text, err := key.MarshalPEM()
		if err != nil {
			t.Fatal(err)
		}
		read, err := attester.ParseKey(text)
		if err != nil || !bytes.Equal(read.Public, key.Public) || !bytes.Equal(read.Private, key.Private) {
			t.Fatalf("the key file holds another key: %v", err)
		}
		if _, err := device.Device.Certify(device.Held, read, nil); err != nil {
			t.Errorf("the key from its file: %v", err)
		}
		_, err = other.Device.Certify(other.Held, read, nil)
		wants(t, "another TPM", err, hub.Invalid, "was not made by the TPM")
		signer, err := other.Device.Signer(read)
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(nil)
		_, err = signer.Sign(nil, digest[:], crypto.SHA256)
		wants(t, "another TPM signs", err, hub.Invalid, "was not made by the TPM")
		_, err = signer.Sign(nil, digest[:5], crypto.SHA256)
		wants(t, "no digest", err, hub.Internal, "")
	}
	// Refusals left nothing in the TPM: it has room for a few objects only.
	for range 5 {
		if _, err := other.Device.NewKey(attester.P256); err != nil {
			t.Fatal(err)
		}
	}
}

// An attestation key signs nothing but what the TPM itself states.
func TestAKSignsNothingElse(t *testing.T) {
	t.Parallel()
	device := devicekit.StartTPM(t, "")
	signer, err := device.Device.Signer(device.Held)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("forged"))
	_, err = signer.Sign(nil, digest[:], crypto.SHA256)
	wants(t, "a digest of ours", err, hub.Invalid, "refused it")
	_, err = device.Device.Certify(device.Held, device.Held, make([]byte, attestation.MaxNonce+1))
	wants(t, "long nonce", err, hub.Invalid, "64 at most")
	if err := tpm.CheckAK(device.AKPublic()); err != nil {
		t.Errorf("the attestation key is not one: %v", err)
	}
}

// The TPM that has both keys answers a challenge, and no other does. The maker's
// certificate says that the endorsement key is in a TPM.
func TestActivate(t *testing.T) {
	t.Parallel()
	makerKey := attestkit.P256(t)
	maker := attestkit.Issue(t, attestkit.Cert{Name: "maker", CA: true}, makerKey, nil, nil)
	device, other := devicekit.StartTPM(t, ""), devicekit.StartTPM(t, attester.RSA2048)
	if ek := device.Endorsement(t); ek.Certificate != nil {
		t.Error("a TPM without certificate shows one")
	}
	for _, kind := range []attester.Algorithm{attester.P256, attester.RSA2048} {
		device, other := device, other
		if kind == attester.RSA2048 {
			device, other = other, device
		}
		ek := device.Provision(t, kind, maker, makerKey)
		cert := attestkit.Parse(t, ek.Certificate)
		if err := tpm.CheckEK(ek.Public, []*x509.Certificate{cert}, []*x509.Certificate{maker}, attestkit.Now); err != nil {
			t.Errorf("the maker's certificate: %v", err)
		}
		challenge, secret, err := tpm.NewChallenge(ek.Public, device.AKPublic())
		if err != nil {
			t.Fatal(err)
		}
		if answer := device.Activate(t, challenge); !bytes.Equal(answer, secret) {
			t.Errorf("the challenge is answered with %x, want %x", answer, secret)
		}
		anotherAK, err := device.Device.NewAK(attester.P256)
		if err != nil {
			t.Fatal(err)
		}
		changed := challenge
		changed.Credential = bytes.Clone(challenge.Credential)
		changed.Credential[len(changed.Credential)-1] ^= 1
		for name, tt := range map[string]struct {
			device    *devicekit.TPM
			ak        attester.Key
			challenge tpm.Challenge
		}{
			"another TPM":             {other, other.Held, challenge},
			"another attestation key": {device, anotherAK, challenge},
			"a changed challenge":     {device, device.Held, changed},
			"an empty challenge":      {device, device.Held, tpm.Challenge{}},
			"a challenge that is too large": {device, device.Held, tpm.Challenge{
				Credential: make([]byte, 5000), Seed: make([]byte, 5000),
			}},
		} {
			_, err := tt.device.Device.Activate(tt.ak, tt.challenge)
			wants(t, name, err, hub.Invalid, "not for this TPM and this attestation key")
		}
		if answer := device.Activate(t, challenge); !bytes.Equal(answer, secret) {
			t.Errorf("after refusals the challenge is answered with %x, want %x", answer, secret)
		}
	}
}

// Something that is no certificate in its place is told, and not taken for none.
func TestEndorsement_Damaged(t *testing.T) {
	t.Parallel()
	device := devicekit.StartTPM(t, "")
	device.Store(t, attester.P256, []byte("no certificate"))
	wants(t, "an index that is taken", device.Device.StoreEndorsement(attester.P256, []byte("another")), hub.Invalid, "refused it")
	wants(t, "another algorithm", device.Device.StoreEndorsement(attester.P384, nil), hub.Invalid, "name one of them")
	_, err := device.Device.Endorsement("")
	wants(t, "no certificate", err, hub.Invalid, "holds something that is no certificate")
}

func TestOpenTPM(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if conn, err := listener.Accept(); err == nil {
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n")) // the test sees what the client makes of it
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close() })
	folder := t.TempDir()
	for name, tt := range map[string]struct {
		where string
		code  hub.Code
		text  string
	}{
		"missing device":     {filepath.Join(folder, "tpmrm0"), hub.Invalid, "is not there"},
		"not a device":       {folder, hub.Invalid, "is not a device"},
		"missing socket":     {"swtpm:" + filepath.Join(folder, "sock"), hub.Unavailable, "start swtpm"},
		"nobody at the port": {"swtpm:127.0.0.1:1", hub.Unavailable, "start swtpm"},
	} {
		_, err := attester.OpenTPM(tt.where)
		wants(t, name, err, tt.code, tt.text)
	}
	device, err := attester.OpenTPM("swtpm:" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, err = device.NewAK("")
	wants(t, "not a TPM", err, hub.Unavailable, "does not answer")
	if err := device.Close(); err != nil {
		t.Error(err)
	}
}

func TestParseAlgorithm(t *testing.T) {
	for _, text := range []string{"", "ecdsa-p256", "ecdsa-p384", "rsa-2048"} {
		if _, err := attester.ParseAlgorithm(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, err := attester.ParseAlgorithm("rsa-1024")
	wants(t, "rsa-1024", err, hub.Invalid, "use ecdsa-p256, ecdsa-p384 or rsa-2048")
}
