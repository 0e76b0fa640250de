package wire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
)

// smCA issues certificates of a test, for servers and clients of one DNS name.
type smCA struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newSMCA(t *testing.T) *smCA {
	ca := &smCA{t: t}
	cert := ca.issue("ca")
	ca.cert, ca.key = cert.Leaf, cert.PrivateKey.(*ecdsa.PrivateKey)
	return ca
}

func (ca *smCA) issue(name string) tls.Certificate {
	ca.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		IsCA:        ca.cert == nil, BasicConstraintsValid: true,
	}
	parent, signer := template, key
	if ca.cert != nil {
		parent, signer = ca.cert, ca.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		ca.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		ca.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// write writes what "manoward sm register" would for sc-or.ns-lcm.
func (ca *smCA) write(dir string, cert tls.Certificate, url, serverName string) {
	ca.t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		ca.t.Fatal(err)
	}
	for name, text := range map[string]string{
		"sc-or.ns-lcm.key":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		"sc-or.ns-lcm.crt":    string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})),
		"sc-or.ns-lcm.ca.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})),
		"endpoints.json":      fmt.Sprintf(`{"sc-or.ns-lcm": {"url": %q, "serverName": %q}}`, url, serverName),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			ca.t.Fatal(err)
		}
	}
}

// A Security Manager shows its credential to the producer that its endpoint names,
// and to nobody else; a renewed one is taken up, a half-written one is not.
func TestSMCredential(t *testing.T) {
	ca, dir, now := newSMCA(t), t.TempDir(), time.Now()
	c := newCredentials(config.SecurityManager{Credentials: dir}, func() time.Time { return now })[hub.ScOrNsLcm]
	if _, err := c.client("/nslcm/v2", "2.3.0"); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "manoward sm register") {
		t.Errorf("without files: %v", err)
	}
	seen := ""
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.TLS.PeerCertificates[0].Subject.CommonName + " " + r.URL.Path
		w.WriteHeader(http.StatusNoContent)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{ca.issue("producer.test")}, ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	defer server.Close()
	ask := func() error {
		t.Helper()
		now = now.Add(2 * smLook)
		client, err := c.client("/nslcm/v2", "2.3.0")
		if err != nil {
			return err
		}
		_, err = client.Do(t.Context(), http.MethodGet, "/ns_instances", nil, nil)
		return err
	}
	ca.write(dir, ca.issue("first"), server.URL+"/root/", "producer.test")
	if err := ask(); err != nil || seen != "first /root/nslcm/v2/ns_instances" {
		t.Errorf("%v: the producer saw %q", err, seen)
	}
	if err := os.WriteFile(filepath.Join(dir, "sc-or.ns-lcm.key"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ask(); err != nil || !strings.HasPrefix(seen, "first ") {
		t.Errorf("while it is renewed: %v: the producer saw %q", err, seen)
	}
	ca.write(dir, ca.issue("second"), server.URL, "producer.test")
	if err := ask(); err != nil || seen != "second /root/nslcm/v2/ns_instances" && seen != "second /nslcm/v2/ns_instances" {
		t.Errorf("renewed: %v: the producer saw %q", err, seen)
	}
	ca.write(dir, ca.issue("third"), server.URL, "another.test")
	seen = ""
	if err := ask(); err == nil || seen != "" {
		t.Errorf("a server of another name was asked: %v, %q", err, seen)
	}
}

// Only the producer's certificate may notify: of the right CA and the right name.
func TestSMCredential_Sender(t *testing.T) {
	ca, dir := newSMCA(t), t.TempDir()
	c := newCredentials(config.SecurityManager{Credentials: dir}, time.Now)[hub.ScOrNsLcm]
	ca.write(dir, ca.issue("sm"), "https://127.0.0.1:1", "producer.test")
	for name, x := range map[string]struct {
		cert tls.Certificate
		ok   bool
	}{
		"producer":   {ca.issue("producer.test"), true},
		"other name": {ca.issue("another.test"), false},
		"other CA":   {newSMCA(t).issue("producer.test"), false},
		"own, a CA":  {tls.Certificate{Leaf: ca.cert}, false},
		"of an SM":   {ca.issue("sm"), false},
		"no client":  {},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		if r.TLS = new(tls.ConnectionState); x.cert.Leaf != nil {
			r.TLS.PeerCertificates = []*x509.Certificate{x.cert.Leaf}
		}
		for range 2 { // what was verified is remembered
			if who, ok := c.sender(r); ok != x.ok || ok && who != "producer.test" {
				t.Errorf("%s: %q, %t", name, who, ok)
			}
		}
	}
}

// The role sm says when there is nothing to run.
func TestServe_NoSecurityManager(t *testing.T) {
	err := checkSecurityManagers(config.Default())
	if hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), "securityManagers") {
		t.Errorf("got %v", err)
	}
}
