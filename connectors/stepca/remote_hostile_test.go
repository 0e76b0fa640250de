package stepca

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/catest"
)

// impostor answers like a step-ca in all but what a test has it do otherwise.
type impostor struct {
	t      *testing.T
	issuer Issuer
	cfg    RemoteConfig
	order  hub.CertificateOrder
	asked  atomic.Int32 // for signatures
	// sign answers a request for a signature.
	sign func(w http.ResponseWriter, csr *x509.CertificateRequest, good *x509.Certificate)
	over map[string]http.HandlerFunc // by path, before all else
}

func newImpostor(t *testing.T) *impostor {
	t.Helper()
	f := &impostor{t: t, issuer: newIssuer(t, time.Hour*48), over: map[string]http.HandlerFunc{}, order: remoteOrder(t)}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	key := catest.NewKey(t)
	der, err := x509.CreateCertificate(rand.Reader, leaf, f.issuer.Chain[0], key.Public(), f.issuer.Key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(f)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der, f.issuer.Chain[0].Raw}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	sum := sha256.Sum256(f.issuer.Root.Raw)
	f.cfg = RemoteConfig{URL: server.URL, Roots: []string{hex.EncodeToString(sum[:])}, Provisioner: "manoward", Key: key, Timeout: 2 * time.Second}
	return f
}

func pemOf(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// ServeHTTP implements [http.Handler].
func (f *impostor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := f.over[r.URL.Path]; h != nil {
		h(w, r)
		return
	}
	say := func(v any) {
		if err := json.NewEncoder(w).Encode(v); err != nil {
			f.t.Error(err)
		}
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/root/"):
		say(map[string]any{"ca": pemOf(f.issuer.Root)})
	case r.URL.Path == "/1.0/provisioners":
		point, err := f.cfg.Key.Public().(interface{ Bytes() ([]byte, error) }).Bytes()
		if err != nil {
			f.t.Error(err)
		}
		key := map[string]any{"kty": "EC", "crv": "P-256", "x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:]), "kid": "k"}
		say(map[string]any{"provisioners": []any{map[string]any{
			"type": "JWK", "name": "manoward", "key": key, "claims": map[string]any{"disableSmallstepExtensions": true}, "options": map[string]any{"x509": map[string]any{"template": Template}},
		}}})
	case r.URL.Path == "/1.0/intermediates":
		say(map[string]any{"crts": []string{pemOf(f.issuer.Chain[0])}})
	case r.URL.Path == "/1.0/crl":
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}, f.issuer.Chain[0], f.issuer.Key)
		if err != nil {
			f.t.Error(err)
		}
		_, _ = w.Write(der) // the client says what it misses
	case r.URL.Path == "/1.0/sign":
		f.asked.Add(1)
		f.signs(w, r)
	default:
		http.NotFound(w, r)
	}
}

// signs makes a certificate out of nothing but the key of the CSR and the content
// that the token brings, as the template has it, for sign to alter.
func (f *impostor) signs(w http.ResponseWriter, r *http.Request) {
	var in struct{ CSR, OTT string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		f.t.Error(err)
	}
	block, _ := pem.Decode([]byte(in.CSR))
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		f.t.Error(err)
		return
	}
	c := template(f.order, csr.PublicKey)
	c.SerialNumber = big.NewInt(77)
	f.sign(w, csr, c)
}

// orderFor is the one order that the impostor knows, for a new key.
func (f *impostor) orderFor(t *testing.T) hub.CertificateOrder {
	t.Helper()
	o := f.order
	o.CSR = catest.NewCSR(t, catest.NewKey(t), &x509.CertificateRequest{})
	return o
}

// give answers with a certificate, signed by an issuer.
func (f *impostor) give(w http.ResponseWriter, c *x509.Certificate, key any, i Issuer) {
	der, err := x509.CreateCertificate(rand.Reader, c, i.Chain[0], key, i.Key)
	if err != nil {
		f.t.Error(err)
		return
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		f.t.Error(err)
		return
	}
	w.WriteHeader(http.StatusCreated)
	if err := json.NewEncoder(w).Encode(map[string]any{"certChain": []string{pemOf(leaf), pemOf(i.Chain[0])}}); err != nil {
		f.t.Error(err)
	}
}

// Whatever a step-ca answers, nothing is given out that was not ordered, and a
// request for a signature is repeated only when nothing can have come of it.
func TestRemote_Hostile(t *testing.T) {
	other := newIssuer(t, time.Hour*48)
	f := newImpostor(t)
	r, err := OpenRemote(t.Context(), f.cfg)
	if err != nil {
		t.Fatal(err)
	}
	status := func(code int, body string) func(http.ResponseWriter, *x509.CertificateRequest, *x509.Certificate) {
		return func(w http.ResponseWriter, _ *x509.CertificateRequest, _ *x509.Certificate) {
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body)) // the client says what it misses
		}
	}
	altered := func(alter func(*x509.Certificate)) func(http.ResponseWriter, *x509.CertificateRequest, *x509.Certificate) {
		return func(w http.ResponseWriter, csr *x509.CertificateRequest, c *x509.Certificate) {
			alter(c)
			f.give(w, c, csr.PublicKey, f.issuer)
		}
	}
	for name, test := range map[string]struct {
		sign  func(http.ResponseWriter, *x509.CertificateRequest, *x509.Certificate)
		code  hub.Code
		want  string
		asked int32
	}{
		"as ordered":  {altered(func(*x509.Certificate) {}), "", "", 1},
		"CA":          {altered(func(c *x509.Certificate) { c.IsCA = true }), hub.Unavailable, "basic constraint", 1},
		"other names": {altered(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "south.example") }), hub.Unavailable, "alternative name", 1},
		"longer":      {altered(func(c *x509.Certificate) { c.NotAfter = c.NotAfter.Add(time.Second) }), hub.Unavailable, "validity", 1},
		"key usage":   {altered(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign }), hub.Unavailable, "key usage", 1},
		"assurance":   {altered(func(c *x509.Certificate) { c.Policies = nil }), hub.Unavailable, "policies", 1},
		"extension": {altered(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 37476, 9000, 64, 1}, Value: []byte{5, 0}}}
		}), hub.Unavailable, "nobody ordered", 1},
		"another key": {func(w http.ResponseWriter, _ *x509.CertificateRequest, c *x509.Certificate) {
			f.give(w, c, catest.NewKey(t).Public(), f.issuer)
		}, hub.Unavailable, "its key", 1},
		"another root": {func(w http.ResponseWriter, csr *x509.CertificateRequest, c *x509.Certificate) {
			f.give(w, c, csr.PublicKey, other)
		}, hub.Unavailable, "pinned root", 1},
		"no chain":     {status(http.StatusCreated, `{"certChain": []}`), hub.Unavailable, "without a certificate", 1},
		"empty chain":  {status(http.StatusCreated, `{"certChain": ["", ""]}`), hub.Unavailable, "empty certificate", 1},
		"no JSON":      {status(http.StatusCreated, `<html>`), hub.Unavailable, "without a certificate", 1},
		"too long":     {status(http.StatusCreated, strings.Repeat(" ", maxAnswer+1)), hub.Unavailable, "more than", 1},
		"refused":      {status(http.StatusForbidden, `{"message": "not in this name"}`), hub.Unprocessable, "not in this name", 1},
		"unauthorised": {status(http.StatusUnauthorized, `{"message": "no such token"}`), hub.Unavailable, "clocks", 1},
		"moved":        {status(http.StatusTemporaryRedirect, ``), hub.Unprocessable, "Temporary Redirect", 1},
		"broken":       {status(http.StatusInternalServerError, `{}`), hub.Unavailable, "cannot do it now", 1},
		"busy":         {status(http.StatusServiceUnavailable, `{}`), hub.Unavailable, "cannot do it now", tries},
		"too many":     {status(http.StatusTooManyRequests, `{}`), hub.Unavailable, "cannot do it now", tries},
		"cut off":      {func(http.ResponseWriter, *x509.CertificateRequest, *x509.Certificate) { panic(http.ErrAbortHandler) }, hub.Unavailable, "does not answer", 1},
	} {
		t.Run(name, func(t *testing.T) {
			f.sign = test.sign
			f.asked.Store(0)
			issued, err := r.Issue(t.Context(), f.orderFor(t))
			if hub.CodeOf(err) != test.code || err != nil && (!strings.Contains(hub.SafeText(err), test.want) || len(issued.Chain) > 0) {
				t.Errorf("%d certificates, %v, want %q", len(issued.Chain), err, test.want)
			}
			if n := f.asked.Load(); n != test.asked {
				t.Errorf("asked %d times, want %d", n, test.asked)
			}
		})
	}
}

// A step-ca that is silent is not waited for longer than the time limit.
func TestRemote_Silent(t *testing.T) {
	f := newImpostor(t)
	f.cfg.Timeout = 200 * time.Millisecond
	r, err := OpenRemote(t.Context(), f.cfg)
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	defer close(release)
	f.sign = func(http.ResponseWriter, *x509.CertificateRequest, *x509.Certificate) { <-release }
	_, err = r.Issue(t.Context(), f.orderFor(t))
	if hub.CodeOf(err) != hub.Unavailable || f.asked.Load() != 1 {
		t.Errorf("asked %d times: %v", f.asked.Load(), err)
	}
}

// A server in between that has another root, or that answers nonsense, is found
// out when it is opened.
func TestOpenRemote_Hostile(t *testing.T) {
	other := newIssuer(t, time.Hour)
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(s)) }
	}
	otherCert, err := json.Marshal(pemOf(other.Chain[0]))
	if err != nil {
		t.Fatal(err)
	}
	otherRoot, err := json.Marshal(pemOf(other.Root))
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}, other.Chain[0], other.Key)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path, answer string
		code         hub.Code
		want         string
	}{
		"another root":        {"/root/", `{"ca":` + string(otherRoot) + `}`, hub.Invalid, "stand in between"},
		"no root":             {"/root/", `{"ca":""}`, hub.Invalid, "is it a step-ca"},
		"root that is none":   {"/root/", `{"ca":"x"}`, hub.Unavailable, "else than JSON"},
		"another issuer":      {"/1.0/intermediates", `{"crts":[` + string(otherCert) + `]}`, hub.Invalid, "pinned root"},
		"no issuer":           {"/1.0/intermediates", `{"crts":[]}`, hub.Invalid, "no intermediate"},
		"no provisioners":     {"/1.0/provisioners", `{}`, hub.Invalid, "no provisioner"},
		"endless list":        {"/1.0/provisioners", `{"nextCursor":"x"}`, hub.Invalid, "no provisioner"},
		"another's list":      {"/1.0/crl", string(list), hub.Unavailable, "not signed by its issuer"},
		"no list":             {"/1.0/crl", `{}`, hub.Unavailable, "else than a revocation list"},
		"nonsense for issuer": {"/1.0/intermediates", `[`, hub.Unavailable, "else than JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newImpostor(t)
			path := test.path
			if path == "/root/" {
				path += f.cfg.Roots[0]
			}
			f.over[path] = text(test.answer)
			if _, err := OpenRemote(t.Context(), f.cfg); hub.CodeOf(err) != test.code || !strings.Contains(hub.SafeText(err), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// FuzzAnswer proves that no answer of a step-ca ends the process, and that what is
// read as a certificate is one.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{`{"message":"no"}`, `{"certChain":["-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"]}`, `{"certChain":[""]}`, `{"provisioners":[{"key":{"kty":"EC"}}]}`, `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got := (answer{http.StatusForbidden, raw}).message(); got == "" {
			t.Error("a refusal without a word")
		}
		var chain struct {
			Chain []pemCertificate `json:"certChain"`
		}
		if json.Unmarshal(raw, &chain) == nil {
			for _, c := range chain.Chain {
				if c.Certificate != nil && len(c.Raw) == 0 {
					t.Error("a certificate of nothing")
				}
			}
		}
	})
}
