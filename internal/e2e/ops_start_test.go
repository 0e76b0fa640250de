package e2e_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/cmd/manoward/cli"
)

// An empty hub is ready within 2 s of the start of its process, the first time
// and again, and has at most emptyRSS resident.
func TestOpsReadyAndSmall(t *testing.T) {
	h := newHub(t)
	for _, which := range []string{"first", "second"} {
		best := time.Hour
		for range 3 { // the best of three: the tests beside this one use the same processors
			h.start()
			best = min(best, h.took)
			if best <= readyWithin {
				break
			}
			h.stop()
		}
		rss := h.rss()
		t.Logf("%s start: ready after %s, %.1f MB resident", which, best.Round(time.Millisecond), float64(rss)/1e6)
		if best > readyWithin {
			t.Errorf("%s start: ready after %s, want at most %s", which, best, readyWithin)
		}
		if rss > emptyRSS {
			t.Errorf("%s start: %d bytes resident, want at most %d", which, rss, emptyRSS)
		}
		h.stop()
	}
}

// The addresses that were chosen at the first start are kept, so what was told
// to Security Managers stays true; the context stays good.
func TestOpsAddressesAreKept(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	first := h.ready
	h.do("trust-domain", "create", "north")
	before, err := os.ReadFile(first.Context)
	if err != nil {
		t.Fatal(err)
	}
	h.stop()
	h.start()
	for name, url := range first.Endpoints {
		if h.ready.Endpoints[name] != url {
			t.Errorf("%s was at %s and is at %s", name, url, h.ready.Endpoints[name])
		}
	}
	after, err := os.ReadFile(h.ready.Context)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("the context file changed by a restart")
	}
	if out := h.do("trust-domain", "list"); !strings.Contains(out, "north") {
		t.Errorf("trust domain north is gone:\n%s", out)
	}
}

// Whoever takes the context file away gets a new credential at the next start,
// and the lost one opens nothing.
func TestOpsLostOperatorCredentialIsRefused(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "list")
	lost := filepath.Join(h.home, "lost.json")
	h.stop()
	if err := os.Rename(h.ready.Context, lost); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.do("trust-domain", "list")
	h.fails(3, "this operator's credential is not in force; use the context file of the newest one", "trust-domain", "list", "--context", lost)
}

// A second hub on the same data directory is refused, and the first goes on.
func TestOpsSecondHubIsRefused(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	second := *h
	second.log = &buffer{} // the first one goes on writing to its own
	second.refusesStart(5, "data directory "+h.data+" is in use by another manoward; stop that one, or choose another directory with --data")
	h.do("trust-domain", "create", "north")
}

func TestOpsPortInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	for _, listener := range []string{"admin", "scOr", "scVi", "probes"} {
		t.Run("configured "+listener, func(t *testing.T) {
			h := newHub(t, "--set", "listen."+listener+"="+address)
			h.refusesStart(6, "cannot listen on "+address, "the port is in use; stop what uses it, or configure another address")
			h.args = nil
			h.start() // the refused start left nothing that is in the way
		})
	}
	t.Run("remembered", func(t *testing.T) {
		h := startHub(t)
		h.stop()
		address := strings.TrimPrefix(h.ready.Endpoints["admin"], "https://")
		squatter, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		h.refusesStart(6, "the port that was chosen at the first start is in use", "remove "+h.file("listeners.json"))
		if err := os.Remove(h.file("listeners.json")); err != nil {
			t.Fatal(err)
		}
		h.start()
		h.do("trust-domain", "list") // the context follows the new address
		h.stop()
		squatter.Close()
		if err := os.WriteFile(h.file("listeners.json"), []byte("{half"), 0o600); err != nil {
			t.Fatal(err)
		}
		h.refusesStart(2, h.file("listeners.json")+" is damaged; remove it, and what it holds is made anew")
	})
}

// SIGTERM ends a hub in order within 5 s also when clients keep connections open
// and a request is under way, and that request is answered.
func TestOpsTermDrains(t *testing.T) {
	h := startHub(t)
	c := h.operatorContext()
	address := strings.TrimPrefix(c.Server, "https://")
	for range 3 { // nobody says anything on these
		for _, url := range h.ready.Endpoints {
			_, address, _ := strings.Cut(url, "://")
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
	}
	idle := httpClient(t, adminTLS(t, c, true), false)
	if resp, body := call(t, idle, "GET", c.Server+"/manoward/v1/trust_domains", nil, ""); resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	const body = `{"name":"north"}`
	slow := beginRequest(t, c, len(body))
	answer := make(chan string, 1)
	go func() {
		// What makes the hub drain is that it no longer takes connections.
		for {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				break
			}
			conn.Close()
		}
		fmt.Fprint(slow, body)
		answer <- readUntil(t, slow, "\r\n\r\n")
	}()
	took := h.stop()
	if got := <-answer; !strings.Contains(got, "201 Created") {
		t.Errorf("the request that was under way was answered %q", got)
	}
	t.Logf("ended %s after SIGTERM", took.Round(time.Millisecond))
	if took > 5*time.Second {
		t.Errorf("ended %s after SIGTERM, want at most 5 s", took)
	}
	h.start()
	if out := h.do("trust-domain", "list"); !strings.Contains(out, "north") {
		t.Errorf("what was acknowledged is gone:\n%s", out)
	}
}

// beginRequest begins to ask for a trust domain, up to the point at which the hub waits
// for a body of that size.
func beginRequest(t *testing.T, c *cli.Context, size int) io.ReadWriter {
	t.Helper()
	conf := adminTLS(t, c, true)
	conf.NextProtos = []string{"http/1.1"}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(c.Server, "https://"), conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := fmt.Fprintf(conn, "POST /manoward/v1/trust_domains HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", c.ServerName, size); err != nil {
		t.Fatal(err)
	}
	readUntil(t, conn, "100 Continue")
	return conn
}

// A request that never ends does not hold the hub up: SIGTERM ends it within its
// 5 s, with 0.
func TestOpsTermCutsOffWhatNeverEnds(t *testing.T) {
	h := startHub(t)
	beginRequest(t, h.operatorContext(), 99) // the body never comes
	took := h.stop()
	t.Logf("ended %s after SIGTERM", took.Round(time.Millisecond))
	if took > 5500*time.Millisecond { // 5 s and the process's own end
		t.Errorf("ended %s after SIGTERM, want at most 5 s", took)
	}
}

// A hub that is asked to end while it starts ends with 0.
func TestOpsTermWhileStarting(t *testing.T) {
	h := newHub(t)
	for _, after := range []time.Duration{0, 20 * time.Millisecond, 60 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), after+time.Millisecond)
		cmd := h.command(ctx, h.startLine()...)
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		out, err := cmd.CombinedOutput()
		cancel()
		// Before the program has asked for it, the signal ends the process as it
		// ends any.
		if code := cmd.ProcessState.ExitCode(); code != 0 && code != -1 {
			t.Errorf("ended %s after the start: %v\n%s", after, err, out)
		}
	}
	h.start()
}

// Who cannot wait sends the signal twice: the process ends at once, also with a
// request that never ends.
func TestOpsSecondSignalKills(t *testing.T) {
	h := startHub(t)
	beginRequest(t, h.operatorContext(), 99) // the body never comes
	began := time.Now()
	if err := h.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the hub says that it is stopping", 15*time.Second, func() bool { return strings.Contains(h.log.String(), "stopping") })
	if err := h.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-h.done
	if took := time.Since(began); took > 2*time.Second || h.cmd.ProcessState.ExitCode() == 0 {
		t.Errorf("ended after %s with %s, want at once and by the signal", took, h.cmd.ProcessState)
	}
}

// readUntil reads until what was read holds want, and returns it.
func readUntil(t *testing.T, r io.Reader, want string) string {
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
