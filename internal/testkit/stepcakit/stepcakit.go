// Package stepcakit runs a real step-ca for tests: the program, built of a module
// of its own (the folder server), with a CA and a provisioner that are made for it.
package stepcakit

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Provisioner is the name of the provisioner.
const Provisioner = "manoward"

const patience = 30 * time.Second

// Options say how a step-ca is. The zero Options are a JWK provisioner, a badger
// database and a revocation list.
type Options struct {
	Template string // of the provisioner
	X5C      bool   // the provisioner's type
	NoDB     bool   // and so no revocation list
	NoCRL    bool
	CRLURL   string // of the list's issuing distribution point
	Named    bool   // certificates hold the provisioner's name
}

// Server is a step-ca that runs.
type Server struct {
	URL   string
	Root  *x509.Certificate
	Pin   string        // SHA-256 of Root, hexadecimal
	Key   crypto.Signer // of the provisioner
	Chain []*x509.Certificate

	t       testing.TB
	dir     string
	options Options
	address string
	cmd     *exec.Cmd
	rootKey crypto.Signer
	issuer  *x509.Certificate
	x5cRoot *x509.Certificate
}

// Start starts a step-ca and waits until it answers. It ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), options: o, Key: s256(t), rootKey: s256(t), address: freeAddress(t)}
	s.URL = "https://" + s.address
	s.Root = sign(t, caTemplate("step-ca root"), nil, s.rootKey, s.rootKey)
	sum := sha256.Sum256(s.Root.Raw)
	s.Pin = hex.EncodeToString(sum[:])
	if o.X5C {
		x5cKey := s256(t)
		s.x5cRoot = sign(t, caTemplate("registration authorities"), nil, x5cKey, x5cKey)
		leaf := &x509.Certificate{Subject: pkix.Name{CommonName: "manoward"}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
		s.Chain = []*x509.Certificate{sign(t, leaf, s.x5cRoot, x5cKey, s.Key)}
	}
	s.writeFile("root.crt", encode("CERTIFICATE", s.Root.Raw))
	s.NewIntermediate()
	s.Restart()
	t.Cleanup(s.Stop)
	return s
}

// NewIntermediate gives it another intermediate, from its next start on.
func (s *Server) NewIntermediate() {
	s.t.Helper()
	key := s256(s.t)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.issuer = sign(s.t, caTemplate("step-ca intermediate"), s.Root, s.rootKey, key)
	s.writeFile("ca.crt", encode("CERTIFICATE", s.issuer.Raw))
	s.writeFile("ca.key", encode("EC PRIVATE KEY", der))
}

// PublishAt says where its revocation list is, by the key identifier of its
// intermediate, from its next start on.
func (s *Server) PublishAt(url func(issuer string) string) {
	s.options.CRLURL = url(hex.EncodeToString(s.issuer.SubjectKeyId))
}

// Template gives its provisioner another template, from its next start on.
func (s *Server) Template(text string) { s.options.Template = text }

// Stop kills the process, if it runs.
func (s *Server) Stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill() // it may have ended by itself
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// PID is that of the process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Restart starts the process, after ending it if it runs.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	raw, err := json.Marshal(s.config())
	if err != nil {
		s.t.Fatal(err)
	}
	s.writeFile("ca.json", raw)
	log := &bytes.Buffer{}
	s.cmd = exec.Command(program(s.t), s.path("ca.json"))
	s.cmd.Env = append(os.Environ(), "STEPPATH="+s.dir)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Root)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	for end := time.Now().Add(patience); ; {
		resp, err := client.Get(s.URL + "/health")
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(end) {
			s.Stop()
			s.t.Fatalf("step-ca does not answer: %v\n%s", err, log)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// config is ca.json.
func (s *Server) config() map[string]any {
	provisioner := map[string]any{
		"type": "JWK", "name": Provisioner, "key": jwk(s.t, s.Key),
		"claims":  map[string]any{"maxTLSCertDuration": "87600h", "defaultTLSCertDuration": "24h", "disableSmallstepExtensions": !s.options.Named},
		"options": map[string]any{"x509": map[string]any{"template": s.options.Template}},
	}
	if s.options.X5C {
		provisioner["type"], provisioner["roots"] = "X5C", encode("CERTIFICATE", s.x5cRoot.Raw) // base64, as JSON writes bytes
		delete(provisioner, "key")
	}
	c := map[string]any{
		"root": s.path("root.crt"), "crt": s.path("ca.crt"), "key": s.path("ca.key"), "address": s.address, "dnsNames": []string{"127.0.0.1", "localhost"},
		"authority": map[string]any{"provisioners": []any{provisioner}},
	}
	if !s.options.NoDB {
		c["db"] = map[string]any{"type": "badgerv2", "dataSource": s.path("db")}
		c["crl"] = map[string]any{"enabled": !s.options.NoCRL, "generateOnRevoke": true, "cacheDuration": "24h", "idpURL": s.options.CRLURL}
	}
	return c
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) writeFile(name string, raw []byte) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), raw, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// program builds step-ca, once for all tests of the machine: they wait for the
// first, and the next find it built. It is built without cgo, which it needs for
// smart cards alone.
func program(t testing.TB) string {
	t.Helper()
	root, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(root, "internal", "testkit", "stepcakit", "server", "go.mod")); missing == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Fatal("the module of step-ca is not below any folder above this test")
		}
		root = filepath.Dir(root)
	}
	if err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(root, ".cache", "stepca")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(filepath.Join(cache, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close() // and leave it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "step-ca")
	build := exec.Command("go", "build", "-trimpath", "-o", path, "github.com/smallstep/certificates/cmd/step-ca")
	build.Dir = filepath.Join(root, "internal", "testkit", "stepcakit", "server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build step-ca: %v\n%s", err, out)
	}
	return path
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func s256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func caTemplate(name string) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
}

func sign(t testing.TB, template, parent *x509.Certificate, parentKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = serial.Add(serial, big.NewInt(1)), time.Now().Add(-time.Hour), time.Now().Add(1000*time.Hour)
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// jwk is a public key on P-256 as RFC 7517 has it.
func jwk(t testing.TB, key crypto.Signer) map[string]string {
	t.Helper()
	point, err := key.Public().(*ecdsa.PublicKey).Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	number := base64.RawURLEncoding.EncodeToString
	return map[string]string{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "of-manoward", "x": number(point[1:33]), "y": number(point[33:])}
}
