package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// smKeys are the keys of one SM, as its CLI makes them.
type smKeys map[hub.Interface]crypto.Signer

func newSMKeys(t *testing.T) smKeys {
	t.Helper()
	keys := smKeys{}
	for _, i := range hub.Interfaces() {
		keys[i] = newKey(t)
	}
	return keys
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func makeCSR(t testing.TB, key crypto.Signer, uris ...string) string {
	t.Helper()
	template := &x509.CertificateRequest{}
	for _, u := range uris {
		parsed, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs = append(template.URIs, parsed)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func (k smKeys) requests(t *testing.T) map[hub.Interface]string {
	t.Helper()
	m := map[hub.Interface]string{}
	for i, key := range k {
		m[i] = makeCSR(t, key)
	}
	return m
}

// register makes a domain, if need be, and an SM in it.
func (h *testHub) register(t *testing.T, domain, name string, mode hub.Mode) (*hub.SecurityManager, smKeys) {
	t.Helper()
	if _, ok := h.Directory.Domain(domain); !ok {
		if _, err := h.CreateDomain(t.Context(), operator, domain); err != nil {
			t.Fatal(err)
		}
	}
	keys := newSMKeys(t)
	sm, err := h.Register(t.Context(), operator, domain, hub.Registration{Name: name, Mode: mode, Requests: keys.requests(t)})
	if err != nil {
		t.Fatal(err)
	}
	return sm, keys
}

// credential returns the newest credential of an interface as a client uses it.
func credential(t *testing.T, sm *hub.SecurityManager, i hub.Interface, key crypto.Signer) tls.Certificate {
	t.Helper()
	creds := sm.Endpoint(i).Credentials
	return tlsCertificate(t, creds[len(creds)-1].Certificate, key)
}

func tlsCertificate(t testing.TB, chain string, key crypto.Signer) tls.Certificate {
	t.Helper()
	cert := tls.Certificate{PrivateKey: key}
	for rest := []byte(chain); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return cert
		}
		cert.Certificate = append(cert.Certificate, block.Bytes)
	}
}

func rootPool(t *testing.T, h *testHub, domain string) *x509.CertPool {
	t.Helper()
	d, ok := h.Directory.Domain(domain)
	if !ok {
		t.Fatalf("no trust domain %s", domain)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(d.Root)) {
		t.Fatal("the root is no certificate")
	}
	return pool
}

func decodePEM(t *testing.T, text string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatal("no PEM")
	}
	return block.Bytes
}

func encodePEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// FuzzParseCSR holds that no request, however broken, makes the parser panic,
// and that what it accepts is signed and strong.
func FuzzParseCSR(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encodePEM("CERTIFICATE REQUEST", der))
	f.Add("")
	f.Add("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n")
	id := hub.Identity{TrustDomain: "d", Kind: hub.KindSM, Name: "x", Interface: hub.ScViTelem}
	f.Fuzz(func(t *testing.T, text string) {
		csr, err := parseCSR(text, id)
		if err != nil {
			if hub.CodeOf(err) != hub.Invalid {
				t.Errorf("code %q", hub.CodeOf(err))
			}
			return
		}
		if csr.CheckSignature() != nil || checkKey(csr.PublicKey) != nil {
			t.Error("accepted a request that is not signed or too weak")
		}
	})
}
