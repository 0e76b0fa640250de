package cli

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// tlsServer answers with a certificate of httptest's, and wants one.
func tlsServer(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(answer)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// A verb finds another reference point by way of the operators' entrance, and
// shows the operator's certificate there.
func TestClientFor(t *testing.T) {
	key, cert := selfSigned(t)
	mine, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	var asked, version string
	nfvo := tlsServer(t, func(w http.ResponseWriter, r *http.Request) {
		asked, version = r.URL.Path, r.Header.Get("Version")
		if !r.TLS.PeerCertificates[0].Equal(mine.Leaf) {
			t.Error("it shows another certificate than the operator's")
		}
		w.WriteHeader(http.StatusNoContent)
	})
	const name = "example.com" // the name in httptest's certificate
	admin := tlsServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/manoward/v1/reference_points" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `[{"referencePoint":"admin","url":"https://x","serverName":"x"},{"referencePoint":"os-ma","url":%q,"serverName":%q}]`, nfvo.URL, name)
	})
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: admin.Certificate().Raw})
	path := filepath.Join(t.TempDir(), "context.json")
	saved := Context{Server: admin.URL, ServerName: name, CA: string(ca), Certificate: string(cert), Key: string(key)}
	if err := saved.Save(path); err != nil {
		t.Fatal(err)
	}
	p := &program{context: path}
	client, err := p.clientFor(t.Context(), hub.OsMa, "/nslcm/v2", "2.3.0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Do(t.Context(), "GET", "/ns_instances", nil, nil); err != nil || asked != "/nslcm/v2/ns_instances" || version != "2.3.0" {
		t.Errorf("asked %s in version %s: %v", asked, version, err)
	}
	if _, err := p.clientFor(t.Context(), hub.VIM, "/x/v1", "1.0.0"); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "nobody serves vim") {
		t.Errorf("a reference point that nobody serves: %v", err)
	}
	p.context = filepath.Join(t.TempDir(), "none.json")
	if _, err := p.clientFor(t.Context(), hub.OsMa, "/x/v1", "1.0.0"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("without a context: %v", err)
	}
	saved.CA = "none"
	if err := saved.Save(path); err != nil {
		t.Fatal(err)
	}
	p.context = path
	if _, err := p.clientFor(t.Context(), hub.OsMa, "/x/v1", "1.0.0"); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("with a damaged CA: %v", err)
	}
}
