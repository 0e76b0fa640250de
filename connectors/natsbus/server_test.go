package natsbus

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// testServer starts an embedded server without accounts on a store of its own.
func testServer(t testing.TB, dir string) *server.Server {
	t.Helper()
	s, err := startTestServer(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(s) })
	return s
}

func startTestServer(dir string) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "test", DontListen: true, NoSigs: true, NoLog: true,
		JetStream: true, SyncAlways: true, StoreDir: dir, MaxPayload: 8 << 20,
	})
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return nil, nats.ErrTimeout
	}
	return s, nil
}

func stopServer(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// testAccount connects to a server in this process.
func testAccount(t testing.TB, s *server.Server) *Account {
	t.Helper()
	a, err := connectTest(dialInProcess(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.conn.Close)
	return a
}

func connectTest(dial func() (net.Conn, error)) (*Account, error) {
	conn, err := nats.Connect("nats://in-process", nats.SetCustomDialer(dialer(dial)),
		nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	return &Account{name: "test", conn: conn, js: js, replicas: 1, log: slog.New(slog.DiscardHandler)}, nil
}

func dialInProcess(s *server.Server) func() (net.Conn, error) {
	return func() (net.Conn, error) { return s.InProcessConn() }
}

type dialer func() (net.Conn, error)

func (d dialer) Dial(string, string) (net.Conn, error) { return d() }

// line to a server that a test can cut or make lose the answers.
type flakyLine struct {
	dial func() (net.Conn, error)

	mu    sync.Mutex
	conn  net.Conn
	muted bool
}

func (f *flakyLine) connect() (net.Conn, error) {
	c, err := f.dial()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn = c
	return &flakyConn{Conn: c, line: f}, nil
}

// cut closes the connection; the client connects again.
func (f *flakyLine) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.muted = false
	f.conn.Close()
}

// mute throws away what the server sends until the next cut.
func (f *flakyLine) mute() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.muted = true
}

type flakyConn struct {
	net.Conn
	line *flakyLine
}

func (c *flakyConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		c.line.mu.Lock()
		muted := c.line.muted && c.line.conn == c.Conn
		c.line.mu.Unlock()
		if err != nil || !muted {
			return n, err
		}
	}
}

// flakyAccount is an account behind a line that the test can break.
func flakyAccount(t testing.TB, s *server.Server) (*Account, *flakyLine) {
	t.Helper()
	line := &flakyLine{dial: dialInProcess(s)}
	a, err := connectTest(line.connect)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.conn.Close)
	return a, line
}

// within gives a test's operations a deadline that only a defect meets.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for a condition that others bring about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx := within(t)
	for !ok() {
		if pause(ctx, 5*time.Millisecond) != nil {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
