// Package e2e_test tests the hub as its operators and Security Managers meet it:
// the built program, as a process of its own, over real TLS.
package e2e_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// opsBinary builds the program once, without the race detector whatever the
// tests run with: start-up time and memory are measured on it.
var opsBinary = sync.OnceValues(func() (string, error) { return opsBuild("manoward", "CGO_ENABLED=1") })

// opsBinaryNoCgo is the program without cgo, and so without PKCS#11.
var opsBinaryNoCgo = sync.OnceValues(func() (string, error) { return opsBuild("manoward-nocgo", "CGO_ENABLED=0") })

func opsBuild(name, env string) (string, error) {
	path, err := filepath.Abs(filepath.Join("..", "..", ".cache", "ops", name))
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-trimpath", "-o", path, "../../cmd/manoward")
	build.Env = append(os.Environ(), env)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build manoward: %w\n%s", err, out)
	}
	return path, nil
}

// opsSite is a place in which a hub is started, ended and started again: a data
// directory, a home, a way to run commands.
type opsSite struct {
	t      *testing.T
	binary string
	dir    string   // of the test
	data   string   // data directory
	args   []string // of manoward up, besides --data and --json
	prefix []string // command in front of the hub's

	context string // context file of the verbs; empty: they find it
}

func newOpsSite(t *testing.T, args ...string) *opsSite {
	t.Helper()
	binary, err := opsBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return &opsSite{t: t, binary: binary, dir: dir, data: filepath.Join(dir, "data"), args: args}
}

func (s *opsSite) file(name ...string) string {
	return filepath.Join(append([]string{s.data}, name...)...)
}

func (s *opsSite) environ() []string {
	return append(os.Environ(), "HOME="+s.dir, "XDG_CONFIG_HOME=", "MANOWARD_CONTEXT="+s.context)
}

func (s *opsSite) command(ctx context.Context, args ...string) *exec.Cmd {
	line := append(append([]string{}, s.prefix...), s.binary)
	line = append(line, args...)
	c := exec.CommandContext(ctx, line[0], line[1:]...)
	c.Dir, c.Env = s.dir, s.environ()
	return c
}

// opsHub is a running hub.
type opsHub struct {
	*opsSite
	cmd   *exec.Cmd
	done  chan struct{}
	errs  *opsBuffer
	took  time.Duration // from the start of the process to the line that says ready
	Ready bool
	Data  string            `json:"dataDir"`
	URL   map[string]string `json:"endpoints"`
	Path  string            `json:"context"` // of the operator's context file
}

// opsBuffer keeps what a process writes.
type opsBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *opsBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *opsBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start starts the hub, which must become ready. It is killed at the end of the
// test unless it was stopped.
func (s *opsSite) start() *opsHub {
	s.t.Helper()
	h, err := s.tryStart()
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

// tryStart starts the hub and waits until it is ready or has ended, which is an
// [*opsRefusal].
func (s *opsSite) tryStart() (*opsHub, error) {
	h := &opsHub{opsSite: s, done: make(chan struct{}), errs: &opsBuffer{}}
	h.cmd = s.command(context.Background(), append([]string{"up", "--json", "--data", s.data}, s.args...)...)
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	h.cmd.Stderr = h.errs
	began := time.Now()
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	timeout := time.AfterFunc(time.Minute, func() { h.cmd.Process.Kill() })
	err = json.NewDecoder(out).Decode(h)
	h.took = time.Since(began)
	timeout.Stop()
	go func() {
		_, _ = io.Copy(io.Discard, out) // to its end, as Wait wants it
		_ = h.cmd.Wait()                // its outcome is in ProcessState
		close(h.done)
	}()
	s.t.Cleanup(h.kill)
	if err != nil {
		<-h.done
		return nil, &opsRefusal{h.cmd.ProcessState.ExitCode(), h.errs.String()}
	}
	return h, nil
}

// opsRefusal is a start that ended before the hub was ready.
type opsRefusal struct {
	code int
	text string // standard error
}

func (r *opsRefusal) Error() string {
	return fmt.Sprintf("the hub ended before it was ready: exit code %d\n%s", r.code, r.text)
}

// refused starts the hub, which must refuse with an exit code and one last line
// that holds all of want.
func (s *opsSite) refused(code int, want ...string) {
	s.t.Helper()
	h, err := s.tryStart()
	var r *opsRefusal
	switch {
	case err == nil:
		h.kill()
		s.t.Fatalf("the hub started; want a refusal that says %q", want)
	case !errors.As(err, &r):
		s.t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(r.text, "\n"), "\n")
	last := lines[len(lines)-1]
	if r.code != code || !strings.HasPrefix(last, "manoward: ") {
		s.t.Errorf("exit code %d, want %d, and one line of manoward:\n%s", r.code, code, r.text)
	}
	for _, w := range want {
		if !strings.Contains(last, w) {
			s.t.Errorf("the last line does not say %q:\n%s", w, r.text)
		}
	}
	for _, leak := range []string{"goroutine ", "panic", "0xc0", "%!"} {
		if strings.Contains(r.text, leak) {
			s.t.Errorf("%q is nothing for a user:\n%s", leak, r.text)
		}
	}
}

// stop ends the hub with SIGTERM and returns how long that took. It must exit
// with 0.
func (h *opsHub) stop() time.Duration {
	h.t.Helper()
	began := time.Now()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		h.t.Fatal(err)
	}
	select {
	case <-h.done:
	case <-time.After(20 * time.Second):
		h.t.Fatalf("the hub goes on 20 s after SIGTERM:\n%s", h.errs)
	}
	if code := h.cmd.ProcessState.ExitCode(); code != 0 {
		h.t.Fatalf("exit code %d after SIGTERM, want 0:\n%s", code, h.errs)
	}
	return time.Since(began)
}

func (h *opsHub) kill() {
	_ = h.cmd.Process.Kill() // it may have ended by itself
	<-h.done
}

// cli runs a verb with the site's context and returns its standard output,
// standard error and exit code.
func (s *opsSite) cli(args ...string) (out, errs string, code int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, s.binary, args...)
	c.Dir, c.Env = s.dir, s.environ()
	var o, e bytes.Buffer
	c.Stdout, c.Stderr = &o, &e
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return o.String(), e.String(), c.ProcessState.ExitCode()
}

// do runs a verb that must succeed and returns its standard output.
func (s *opsSite) do(args ...string) string {
	s.t.Helper()
	out, errs, code := s.cli(args...)
	if code != 0 {
		s.t.Fatalf("manoward %s: exit code %d\n%s", strings.Join(args, " "), code, errs)
	}
	return out
}

// fails runs a verb that must be refused with an exit code and a text.
func (s *opsSite) fails(code int, want string, args ...string) {
	s.t.Helper()
	_, errs, got := s.cli(args...)
	if got != code || !strings.Contains(errs, want) {
		s.t.Errorf("manoward %s: exit code %d, want %d and %q\n%s", strings.Join(args, " "), got, code, want, errs)
	}
}

// opsContext is a context file, as docs/howto/operate-a-hub.md describes it.
type opsContext struct {
	Server, ServerName, CA, Certificate, Key string
}

func opsReadContext(t *testing.T, path string) opsContext {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c opsContext
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// client returns a client of the admin listener, with the operator's credential
// or without one.
func (c opsContext) client(t *testing.T, withCredential bool) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(c.CA)) {
		t.Fatal("the context has no CA certificate")
	}
	cfg := &tls.Config{RootCAs: roots, ServerName: c.ServerName, MinVersion: tls.VersionTLS12}
	if withCredential {
		cert, err := tls.X509KeyPair([]byte(c.Certificate), []byte(c.Key))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	transport := &http.Transport{TLSClientConfig: cfg}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// opsGet returns status, body and header of an answer.
func opsGet(t *testing.T, client *http.Client, url string, header ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

// eventually waits until ok, for 15 s at most.
func opsEventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 15 s: %s", what)
		}
		<-tick.C
	}
}

// opsDialAdmin opens a connection to the admin listener as the operator, for
// requests of HTTP/1.1 that are written by hand.
func opsDialAdmin(t *testing.T, c opsContext, address string) *tls.Conn {
	t.Helper()
	cfg := c.client(t, true).Transport.(*http.Transport).TLSClientConfig.Clone()
	cfg.NextProtos = []string{"http/1.1"}
	conn, err := tls.Dial("tcp", address, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// opsReadUntil reads until what was read holds want, and returns it.
func opsReadUntil(t *testing.T, r io.Reader, want string) string {
	var got strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(got.String(), want) {
		n, err := r.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			t.Errorf("read %q, then %v; want %q", got.String(), err, want)
			break
		}
	}
	return got.String()
}
