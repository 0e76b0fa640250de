package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/cmd/manoward/cli"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// bPatience bounds every wait of these tests; only a defect or a machine that is
// far too slow meets it.
const bPatience = 30 * time.Second

// bBinary is the program under test, built once for all tests, without the race
// detector: it is what users run.
var bBinary = sync.OnceValues(func() (string, error) {
	path, err := filepath.Abs("../../.cache/e2e-b/manoward")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", path, "../../cmd/manoward").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build manoward: %w\n%s", err, out)
	}
	return path, nil
})

// bBuffer is a buffer that a process writes and a test reads.
type bBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *bBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *bBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// bHub is a hub, or a process of one, that a test starts, kills and starts
// again on one data directory.
type bHub struct {
	t     testing.TB
	args  []string // of the command line, without --data and --json
	dir   string   // data directory
	home  string   // of its user: the context of the last start is remembered here
	cmd   *exec.Cmd
	ended chan error // what the process ended with
	ready cli.Ready
	log   *bBuffer // standard error of all starts
}

// bNew makes a hub that is not started.
func bNew(t testing.TB, args ...string) *bHub {
	t.Helper()
	h := &bHub{t: t, args: args, dir: filepath.Join(t.TempDir(), "data"), home: t.TempDir(), log: &bBuffer{}}
	t.Cleanup(func() {
		h.kill()
		if t.Failed() {
			text := h.log.String()
			t.Logf("the hub's last words:\n%s", text[max(0, len(text)-8000):])
		}
	})
	return h
}

// bStart starts a hub and waits until it is ready.
func bStart(t testing.TB, args ...string) *bHub {
	t.Helper()
	h := bNew(t, args...)
	if err := h.start(); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *bHub) command(args ...string) *exec.Cmd {
	path, err := bBinary()
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"HOME=" + h.home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + h.home}
	return cmd
}

// launch starts the process and returns at once; the channel gets the line that
// says that it is ready, or is closed without one when the process ended.
func (h *bHub) launch() (<-chan []byte, error) {
	verb := h.args
	if len(verb) == 0 || verb[0] != "serve" {
		verb = append([]string{"up"}, verb...)
	}
	h.cmd = h.command(append(verb, "--json", "--data", h.dir)...)
	h.cmd.Stderr = h.log
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	lines, cmd := make(chan []byte, 1), h.cmd
	ended := make(chan error, 1)
	h.ended = ended
	go func() {
		scan := bufio.NewScanner(out)
		if scan.Scan() {
			lines <- bytes.Clone(scan.Bytes())
		}
		_, _ = io.Copy(io.Discard, out) // until the process ends
		close(lines)
		ended <- cmd.Wait()
	}()
	return lines, nil
}

// start starts the hub and waits until it is ready. An error has what the
// process said.
func (h *bHub) start() error {
	before := len(h.log.String())
	lines, err := h.launch()
	if err != nil {
		return err
	}
	select {
	case line, ok := <-lines:
		if !ok {
			err := <-h.ended
			h.cmd = nil
			return fmt.Errorf("the hub ended (%v): %s", err, h.log.String()[before:])
		}
		h.ready = cli.Ready{}
		return json.Unmarshal(line, &h.ready)
	case <-time.After(bPatience):
		h.kill()
		return fmt.Errorf("the hub does not get ready: %s", h.log.String()[before:])
	}
}

// kill ends the process as a power cut would, and waits for its end.
func (h *bHub) kill() {
	if h.cmd == nil {
		return
	}
	_ = h.cmd.Process.Kill() // it may have ended by itself
	<-h.ended
	h.cmd = nil
}

// run runs a verb of the command line against this hub.
func (h *bHub) run(args ...string) (stdout, stderr string, err error) {
	cmd := h.command(append(args, "--context", h.ready.Context)...)
	cmd.Dir = h.home
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// cli runs a verb that must succeed, and returns what it printed.
func (h *bHub) cli(args ...string) string {
	h.t.Helper()
	out, errs, err := h.run(args...)
	if err != nil {
		h.t.Fatalf("manoward %s: %v\n%s", strings.Join(args, " "), err, errs)
	}
	return out
}

// refused runs a verb that must fail with an exit code and a text.
func (h *bHub) refused(code int, says string, args ...string) {
	h.t.Helper()
	_, errs, err := h.run(args...)
	exit, ok := err.(*exec.ExitError)
	if !ok || exit.ExitCode() != code || !strings.Contains(errs, says) {
		h.t.Errorf("manoward %s: %v, %q; want exit code %d and %q", strings.Join(args, " "), err, errs, code, says)
	}
}

// operator returns a client with the operator's credential.
func (h *bHub) operator() *httpapi.Client {
	h.t.Helper()
	c, err := cli.ReadContext(h.ready.Context)
	if err != nil {
		h.t.Fatal(err)
	}
	cert, err := tls.X509KeyPair([]byte(c.Certificate), []byte(c.Key))
	if err != nil {
		h.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(c.CA))
	conf := &tls.Config{RootCAs: pool, ServerName: c.ServerName, Certificates: []tls.Certificate{cert}}
	transport := &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: true}
	h.t.Cleanup(transport.CloseIdleConnections)
	return &httpapi.Client{Base: c.Server + "/manoward/v1", Version: "1.0.0", Retries: -1,
		HTTP: &http.Client{Timeout: bPatience, Transport: transport}}
}

// records reads the records of a trust domain over the REST API, oldest first.
func (h *bHub) records(domain string) []hub.Record {
	h.t.Helper()
	var list []hub.Record
	for r, err := range httpapi.All[hub.Record](h.t.Context(), h.operator(), "/trust_domains/"+domain+"/records", nil) {
		if err != nil {
			h.t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// bEndpoint is one endpoint with the credential for it, as a foreign client
// finds them in the files of `sm register`.
type bEndpoint struct {
	Domain, SM string
	Interface  hub.Interface
	URL        string `json:"url"`
	ServerName string `json:"serverName"`
	Cert       tls.Certificate
	Roots      *x509.CertPool
	Files      string // path of the credential without .crt or .key
}

func (e *bEndpoint) identity() string {
	return hub.Identity{TrustDomain: e.Domain, Kind: hub.KindSM, Name: e.SM, Interface: e.Interface}.String()
}

func (e *bEndpoint) address() string { return strings.TrimPrefix(e.URL, "https://") }

// bRead reads a directory that `sm register` wrote.
func bRead(t testing.TB, dir, domain, sm string) []*bEndpoint {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "endpoints.json"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[hub.Interface]*bEndpoint{}
	if err := json.Unmarshal(raw, &found); err != nil {
		t.Fatal(err)
	}
	var list []*bEndpoint
	for _, i := range hub.Interfaces() {
		e := found[i]
		if e == nil {
			t.Fatalf("%s has no endpoint for %s", dir, i)
		}
		e.Domain, e.SM, e.Interface, e.Files = domain, sm, i, filepath.Join(dir, string(i))
		if e.Cert, err = tls.LoadX509KeyPair(e.Files+".crt", e.Files+".key"); err != nil {
			t.Fatal(err)
		}
		root, err := os.ReadFile(e.Files + ".ca.crt")
		if err != nil {
			t.Fatal(err)
		}
		e.Roots = x509.NewCertPool()
		if !e.Roots.AppendCertsFromPEM(root) {
			t.Fatalf("%s.ca.crt holds no certificate", e.Files)
		}
		list = append(list, e)
	}
	return list
}

// register registers an SM by the command line and reads what it wrote.
func (h *bHub) register(domain, sm string) []*bEndpoint {
	h.t.Helper()
	dir := filepath.Join(h.home, domain+"-"+sm)
	h.cli("sm", "register", sm, "--trust-domain", domain, "--mode", "semi-active", "--out", dir)
	return bRead(h.t, dir, domain, sm)
}

// tls returns a client configuration for the endpoint that shows cert even when
// the server's hints say that it will not be accepted; nil shows none.
func (e *bEndpoint) tls(cert *tls.Certificate) *tls.Config {
	conf := &tls.Config{RootCAs: e.Roots, ServerName: e.ServerName, MinVersion: tls.VersionTLS12}
	if cert != nil {
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	return conf
}

// client returns an HTTP client for the endpoint. It follows no proxy.
func (e *bEndpoint) client(t testing.TB, conf *tls.Config, http2 bool) *http.Client {
	transport := &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: http2}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: bPatience, Transport: transport}
}

// session asks the endpoint who the client is there.
func (e *bEndpoint) session(ctx context.Context, c *http.Client) (s hub.Session, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, "GET", e.URL+"/manoward/v1/session", nil)
	if err != nil {
		return s, 0, err
	}
	resp, err := c.Do(req)
	if err != nil {
		return s, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		_, err := io.Copy(io.Discard, resp.Body)
		return s, resp.StatusCode, err
	}
	return s, resp.StatusCode, json.NewDecoder(resp.Body).Decode(&s)
}

// try asks for the session over a connection of its own.
func (e *bEndpoint) try(t testing.TB, conf *tls.Config) (hub.Session, int, error) {
	c := e.client(t, conf, false)
	defer c.CloseIdleConnections()
	return e.session(t.Context(), c)
}

// mustOpen wants the endpoint to open to the credential, as itself.
func (e *bEndpoint) mustOpen(t testing.TB, cert *tls.Certificate) {
	t.Helper()
	s, status, err := e.try(t, e.tls(cert))
	if err != nil || status != http.StatusOK || s.Identity != e.identity() {
		t.Errorf("%s with its own credential: %q, %d, %v", e.identity(), s.Identity, status, err)
	}
}

// mustRefuse wants a connection to end in its handshake: the client gets no
// HTTP answer whatever.
func (e *bEndpoint) mustRefuse(t testing.TB, what string, conf *tls.Config) {
	t.Helper()
	s, status, err := e.try(t, conf)
	if err == nil || status != 0 {
		t.Errorf("%s with %s: let in as %q, status %d", e.identity(), what, s.Identity, status)
		return
	}
	if strings.Contains(err.Error(), "Timeout") || strings.Contains(err.Error(), "refused by peer") {
		t.Errorf("%s with %s: %v; want an end of the handshake", e.identity(), what, err)
	}
}

// bEventually waits for a condition that others bring about.
func bEventually(t testing.TB, what string, within time.Duration, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(began) > within {
			t.Fatalf("waited %s in vain: %s", within, what)
		}
		<-tick.C
	}
	return time.Since(began)
}

// bRequest makes a key, which nobody keeps, and a signing request for it.
func bRequest(t testing.TB, id hub.Identity) string {
	csr, _, err := cli.NewRequest(id)
	if err != nil {
		t.Error(err)
	}
	return csr
}
