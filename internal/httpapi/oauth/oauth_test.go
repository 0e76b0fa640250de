package oauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// register is a fake of [Clients].
type register struct {
	mu      sync.Mutex // guards all below
	clients map[string]Client
	err     error
}

func (r *register) Client(_ context.Context, id string) (Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return Client{}, r.err
	}
	c, ok := r.clients[id]
	if !ok {
		return Client{}, hub.E(hub.NotFound, "look up client", "no such client", nil)
	}
	return c, nil
}

func (r *register) set(id string, c Client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients[id] = c
}

func (r *register) remove(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.clients, id)
}

func (r *register) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

type clock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// scene is a hub with a token endpoint and one API, over mutual TLS.
type scene struct {
	t        *testing.T
	clock    *clock
	register *register
	issuer   *Issuer
	verifier *Verifier
	server   *httptest.Server
	secret   hub.Secret
	log      *strings.Builder
	certs    map[string]tls.Certificate // of clients, by name
}

var (
	north = hub.Identity{TrustDomain: "td", Kind: hub.KindVNFM, Name: "north"}
	south = hub.Identity{TrustDomain: "td", Kind: hub.KindVNFM, Name: "south"}
)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newScene(t *testing.T) *scene {
	s := &scene{t: t, clock: &clock{now: time.Now().Truncate(time.Second)}, secret: NewSecret(), log: &strings.Builder{}, certs: map[string]tls.Certificate{}}
	s.register = &register{clients: map[string]Client{
		"north id": {ID: "north id", SecretHash: HashSecret(s.secret), Scopes: []string{"nslcm", "vnfpkgm"}, Identity: north, TLS: true},
		"south":    {ID: "south", Scopes: []string{"nslcm"}, Identity: south, TLS: true},
	}}
	key := newKey(t)
	s.issuer = &Issuer{Name: "https://hub", Audience: "nfvo", Key: key, Clients: s.register, Now: s.clock.Now, Log: slog.New(slog.NewTextHandler(s.log, nil))}
	s.verifier = &Verifier{Issuer: "https://hub", Audience: "nfvo", Keys: []*ecdsa.PublicKey{&newKey(t).PublicKey, &key.PublicKey}, Clients: s.register, Now: s.clock.Now}
	m := httpapi.NewMux(httpapi.Options{Authenticate: s.verifier.Authenticate("nslcm")})
	m.Public("POST /oauth2/token", s.issuer.Handle)
	m.API(httpapi.API{Name: "nslcm", Major: "v2", Versions: []httpapi.APIVersion{{Version: "2.3.0"}}}).Handle("GET /me",
		func(w http.ResponseWriter, r *http.Request) error {
			return httpapi.Write(w, 200, httpapi.Caller(r.Context()).String())
		})
	s.server = httptest.NewUnstartedServer(m)
	s.server.Config = httpapi.NewServer(m)
	s.server.TLS = &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: s.authority()}
	s.server.EnableHTTP2 = true
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	return s
}

// authority makes a CA and client certificates of north and south.
func (s *scene) authority() *x509.CertPool {
	key := newKey(s.t)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	ca = s.sign(ca, ca, key, key)
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	for i, id := range []hub.Identity{north, south, north} {
		name := id.Name
		if i == 2 {
			name = "north renewed"
		}
		leafKey := newKey(s.t)
		leaf := s.sign(&x509.Certificate{SerialNumber: big.NewInt(int64(i + 2)), URIs: []*url.URL{id.URI()}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, ca, leafKey, key)
		s.certs[name] = tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: leafKey, Leaf: leaf}
	}
	return pool
}

func (s *scene) sign(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) *x509.Certificate {
	s.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		s.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		s.t.Fatal(err)
	}
	return cert
}

// client returns an HTTP client that shows the named certificate, or none.
func (s *scene) client(cert string) *http.Client {
	transport := s.server.Client().Transport.(*http.Transport).Clone()
	if c, ok := s.certs[cert]; ok {
		transport.TLSClientConfig.Certificates = []tls.Certificate{c}
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// ask sends a token request; user and password empty mean no Basic.
func (s *scene) ask(client *http.Client, form, user, password string) (int, http.Header, map[string]any) {
	s.t.Helper()
	req, _ := http.NewRequest("POST", s.server.URL+"/oauth2/token", strings.NewReader(form))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if user != "" {
		req.SetBasicAuth(url.QueryEscape(user), url.QueryEscape(password))
	}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	var out map[string]any
	if err := json.Unmarshal(body, &out); err != nil {
		s.t.Fatalf("%d %s: %v", resp.StatusCode, body, err)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		s.t.Errorf("Cache-Control %q", resp.Header.Get("Cache-Control"))
	}
	return resp.StatusCode, resp.Header, out
}

func (s *scene) token(cert, form string) string {
	s.t.Helper()
	status, _, out := s.ask(s.client(cert), form, "north id", s.secret.Reveal())
	if status != 200 {
		s.t.Fatalf("no token: %d %v", status, out)
	}
	return out["access_token"].(string)
}

// me calls the API with an Authorization field.
func (s *scene) me(client *http.Client, authorization string) (status int, challenge, body string) {
	s.t.Helper()
	req, _ := http.NewRequest("GET", s.server.URL+"/nslcm/v2/me", nil)
	req.Header.Set("Version", "2.3.0")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("WWW-Authenticate"), string(b)
}

const grant = "grant_type=client_credentials"

func TestIssuer_Requests(t *testing.T) {
	for name, c := range map[string]struct {
		cert, form, user, password string
		status                     int
		want                       string // error, or scope of 200
	}{
		"secret":              {"", grant, "north id", "SECRET", 200, "nslcm vnfpkgm"},
		"one scope":           {"", grant + "&scope=vnfpkgm", "north id", "SECRET", 200, "vnfpkgm"},
		"same client_id":      {"", grant + "&client_id=north+id", "north id", "SECRET", 200, "nslcm vnfpkgm"},
		"certificate":         {"south", grant + "&client_id=south", "", "", 200, "nslcm"},
		"other's certificate": {"south", grant + "&client_id=north+id", "", "", 401, "invalid_client"},
		"no certificate":      {"", grant + "&client_id=south", "", "", 401, "invalid_client"},
		"wrong secret":        {"", grant, "north id", "guess", 401, "invalid_client"},
		"empty secret":        {"", grant, "south", "", 401, "invalid_client"},
		"unknown client":      {"", grant, "west", "SECRET", 401, "invalid_client"},
		"no client":           {"", grant, "", "", 401, "invalid_client"},
		"secret in body":      {"", grant + "&client_id=north+id&client_secret=x", "", "", 400, "invalid_request"},
		"two client ids":      {"", grant + "&client_id=south", "north id", "SECRET", 400, "invalid_request"},
		"parameter twice":     {"", grant + "&" + grant, "north id", "SECRET", 400, "invalid_request"},
		"bad escape":          {"", grant + "&x=%zz", "north id", "SECRET", 400, "invalid_request"},
		"too large":           {"", grant + "&x=" + strings.Repeat("x", maxForm), "north id", "SECRET", 400, "invalid_request"},
		"password grant":      {"", "grant_type=password", "north id", "SECRET", 400, "unsupported_grant_type"},
		"no grant":            {"", "scope=nslcm", "north id", "SECRET", 400, "unsupported_grant_type"},
		"foreign scope":       {"", grant + "&scope=nslcm+admin", "north id", "SECRET", 400, "invalid_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			password := strings.ReplaceAll(c.password, "SECRET", s.secret.Reveal())
			status, header, out := s.ask(s.client(c.cert), c.form, c.user, password)
			if status != c.status {
				t.Fatalf("%d %v, want %d", status, out, c.status)
			}
			if status == 200 {
				if out["scope"] != c.want || out["token_type"] != "Bearer" || out["expires_in"] != MaxLife.Seconds() {
					t.Errorf("%v", out)
				}
				return
			}
			if out["error"] != c.want || (header.Get("WWW-Authenticate") != "") != (status == 401) {
				t.Errorf("%v, WWW-Authenticate %q", out, header.Get("WWW-Authenticate"))
			}
			if log := s.log.String(); !strings.Contains(log, "token refused") || strings.Contains(log, s.secret.Reveal()) {
				t.Errorf("log: %s", log)
			}
		})
	}
}

func TestIssuer_OtherRefusals(t *testing.T) {
	s := newScene(t)
	for name, change := range map[string]func(*http.Request){
		"bearer instead of basic": func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") },
		"JSON":                    func(r *http.Request) { r.Header.Set("Content-Type", "application/json") },
	} {
		req, _ := http.NewRequest("POST", s.server.URL+"/oauth2/token", strings.NewReader(grant))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		change(req)
		resp, err := s.client("").Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 401 && resp.StatusCode != 400 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	s.register.fail(errors.New("store is gone"))
	status, _, out := s.ask(s.client(""), grant, "north id", s.secret.Reveal())
	if status != 503 || strings.Contains(out["detail"].(string), "store is gone") {
		t.Errorf("a register that is gone: %d %v", status, out)
	}
}

func TestIssuer_LimitsFailures(t *testing.T) {
	s := newScene(t)
	client := s.client("")
	for i := range failureBurst {
		if status, _, _ := s.ask(client, grant, "north id", "guess"); status != 401 {
			t.Fatalf("failure %d: %d", i, status)
		}
	}
	status, header, _ := s.ask(client, grant, "north id", s.secret.Reveal())
	if status != 429 || header.Get("Retry-After") != "6" {
		t.Fatalf("after %d failures: %d, Retry-After %q", failureBurst, status, header.Get("Retry-After"))
	}
	s.clock.advance(failureEvery)
	for range 3 * failureBurst { // successes cost nothing
		if status, _, _ = s.ask(client, grant, "north id", s.secret.Reveal()); status != 200 {
			t.Fatalf("after the wait: %d", status)
		}
	}
}

func TestIssuer_RemembersBoundedly(t *testing.T) {
	now := &clock{now: time.Now()}
	s := &Issuer{Now: now.Now}
	fail := func(i int) {
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr = "h" + big.NewInt(int64(i)).String()
		s.limiter(r).AllowN(now.Now(), 1)
	}
	for i := range maxTracked {
		fail(i)
	}
	fail(maxTracked)
	if len(s.failures) != 1 {
		t.Errorf("%d addresses with failures are kept", len(s.failures))
	}
	for i := range maxTracked - 1 {
		fail(i)
	}
	now.advance(time.Hour)
	fail(-1)
	if len(s.failures) != 1 {
		t.Errorf("%d addresses without failures are kept", len(s.failures))
	}
}
