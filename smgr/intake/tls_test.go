package intake

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// ca makes certificates of clients.
type ca struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newCA(t *testing.T) *ca {
	t.Helper()
	c := &ca{}
	cert := c.issue(t, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	c.cert, c.key = cert.Leaf, cert.PrivateKey.(*ecdsa.PrivateKey)
	return c
}

func (c *ca) issue(t *testing.T, template *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := template, key
	if c.cert != nil {
		parent, signer = c.cert, c.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (c *ca) client(t *testing.T, identity string) tls.Certificate {
	u, err := url.Parse(identity)
	if err != nil {
		t.Fatal(err)
	}
	return c.issue(t, &x509.Certificate{SerialNumber: big.NewInt(2), URIs: []*url.URL{u}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
}

// Over TLS, the NFVO is who its certificate proves it is; another party of the same
// CA is refused with its name in the record.
func TestSenderOverTLS(t *testing.T) {
	w, authority := newWorld(t), newCA(t)
	sender := func(r *http.Request) (string, bool) {
		if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.PeerCertificates[0].URIs) != 1 {
			return "", false
		}
		name := r.TLS.PeerCertificates[0].URIs[0].String()
		return name, name == "spiffe://hub/nfvo/hub"
	}
	s := httptest.NewUnstartedServer(NewReceiver(w.open(Limits{}), &ours{}).Handler(hub.ScOrNsLcm, sender))
	pool := x509.NewCertPool()
	pool.AddCert(authority.cert)
	s.TLS = &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool}
	s.StartTLS()
	t.Cleanup(s.Close)
	send := func(certs ...tls.Certificate) int {
		client := s.Client()
		transport := client.Transport.(*http.Transport).Clone()
		transport.TLSClientConfig.Certificates = certs
		client = &http.Client{Transport: transport}
		defer client.CloseIdleConnections()
		resp, err := client.Post(s.URL, "application/json", bytes.NewReader(changeBody("n", "a", start)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := send(); got != 403 {
		t.Errorf("without a certificate: %d", got)
	}
	if got := send(authority.client(t, "spiffe://north/vnfm/edge")); got != 403 {
		t.Errorf("with another party's: %d", got)
	}
	if got := send(authority.client(t, "spiffe://hub/nfvo/hub")); got != 204 {
		t.Errorf("with the NFVO's: %d", got)
	}
	senders := map[string]bool{}
	for _, r := range recorded[RefusedRecord](w, KindRefused) {
		senders[r.Sender] = true
	}
	if len(w.waiting) != 1 || w.waiting[0].Sender != "spiffe://hub/nfvo/hub" || !senders["nobody"] || !senders["spiffe://north/vnfm/edge"] {
		t.Fatalf("queued %+v, recorded %v", w.waiting, senders)
	}
}
