package wire

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// credentialOf writes the credential of a trust domain: that of a test server, which is
// its own CA. The server answers who shows a certificate.
func credentialOf(t *testing.T, dir, domain string) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	cert := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	at := filepath.Join(dir, domain)
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"cert.pem": public, "ca.pem": public, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})} {
		if err := os.WriteFile(filepath.Join(at, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// VNFs are reached with the credential of their trust domain, which is read anew when it
// has changed; one that is not there, or not secret, reaches nobody.
func TestVNFCredentials(t *testing.T) {
	dir := t.TempDir()
	north := credentialOf(t, dir, "north")
	c := &vnfCredentials{dir: dir, allowLoopback: true, is: map[string]*vnfCredential{}}
	first, err := c.client("north")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := first.Get(north.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if again, err := c.client("north"); err != nil || again != first {
		t.Errorf("the same files, another client; %v", err)
	}
	remote, err := (&vnfCredentials{dir: dir, is: map[string]*vnfCredential{}}).client("north")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Get(north.URL); err == nil || !strings.Contains(err.Error(), "no address at which a peer can be called") {
		t.Errorf("a VNF on this machine, of a hub that is not for it alone: %v", err)
	}

	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, "north", name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	ca, err := os.ReadFile(filepath.Join(dir, "north", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	write("ca.pem", string(ca)+"\n", 0o644)
	if again, err := c.client("north"); err != nil || again == first {
		t.Errorf("other files, the same client; %v", err)
	}
	for _, x := range []struct {
		domain string
		change func()
		code   hub.Code
		says   string
	}{
		{"south", func() {}, hub.NotFound, "south/cert.pem"},
		{"../north", func() {}, hub.Invalid, "no name of a trust domain"},
		{"..", func() {}, hub.Invalid, "no name of a trust domain"},
		{"north", func() { write("ca.pem", "none", 0o644) }, hub.Invalid, "holds no PEM certificate"},
		{"north", func() { write("cert.pem", "none", 0o644) }, hub.Invalid, "do not go together"},
		{"north", func() { write("key.pem", "none", 0o640) }, hub.Invalid, "chmod 600"},
		{"north", func() { write("cert.pem", strings.Repeat("x", maxCredential+1), 0o644) }, hub.NotFound, "cert.pem"},
	} {
		x.change()
		if _, err := c.client(x.domain); hub.CodeOf(err) != x.code || !strings.Contains(hub.SafeText(err), x.says) {
			t.Errorf("%s: %v, want %s: %s", x.domain, err, x.code, x.says)
		}
	}
	if _, err := (&vnfCredentials{}).client("north"); hub.CodeOf(err) != hub.NotFound || !strings.Contains(hub.SafeText(err), "indicators.credentials") {
		t.Errorf("no directory: %v", err)
	}
}
