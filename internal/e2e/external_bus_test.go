package e2e_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// extClient is a process of an SM on the bus. What the server refuses and the
// end of the connection are told.
type extClient struct {
	*nats.Conn
	refused chan error
	closed  chan struct{}
}

// extConnect connects to the cluster as the holder of a credentials file.
func extConnect(t *testing.T, c *extCluster, creds, inbox string) (*extClient, error) {
	t.Helper()
	x := &extClient{refused: make(chan error, 10), closed: make(chan struct{})}
	conn, err := nats.Connect(c.flags()[1], nats.UserCredentials(creds), nats.RootCAs(c.ca), nats.NoReconnect(), nats.CustomInboxPrefix(inbox),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { x.refused <- err }),
		nats.ClosedHandler(func(*nats.Conn) { close(x.closed) }))
	if err == nil {
		x.Conn = conn
		t.Cleanup(conn.Close)
	}
	return x, err
}

// mustRefuse wants the server to refuse what do sends.
func (x *extClient) mustRefuse(t *testing.T, what string, do func() error) {
	t.Helper()
	if err := do(); err != nil {
		t.Fatal(err)
	}
	if err := x.Flush(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-x.refused:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v; want a permissions violation", what, err)
		}
	case <-time.After(patience):
		t.Errorf("%s is not refused", what)
	}
}

// Covers: Security.001, Security.003
func TestExternal_BusCredentials(t *testing.T) {
	t.Parallel()
	c := extStart(t, 1, nil)
	h := startHub(t, append([]string{"serve", "trust"}, c.flags()...)...)
	var sms []*extClient
	var files []string
	for _, sm := range [][2]string{{"north", "alpha"}, {"north", "beta"}, {"south", "alpha"}} {
		if sm[1] == "alpha" {
			h.do("trust-domain", "create", sm[0])
		}
		h.register(sm[0], sm[1])
		file := filepath.Join(h.home, sm[0]+"-"+sm[1]+".creds")
		h.do("sm", "bus-credentials", sm[1], "--trust-domain", sm[0], "--out", file)
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("credentials file: %v, %v", info, err)
		}
		client, err := extConnect(t, c, file, "sm."+sm[1]+".inbox")
		if err != nil {
			t.Fatal(err)
		}
		sms, files = append(sms, client), append(files, file)
	}
	alpha, beta, south := sms[0], sms[1], sms[2]

	// Its own subjects, and no message of a namesake in another trust domain.
	own, err := alpha.SubscribeSync("sm.alpha.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := alpha.Flush(); err != nil {
		t.Fatal(err)
	}
	for text, from := range map[string]*extClient{"south's": south, "alpha's": alpha} {
		if err := from.Publish("sm.alpha.marker", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := from.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := own.NextMsg(patience); err != nil || string(m.Data) != "alpha's" {
		t.Errorf("the first message is %v, %v; want alpha's own", m, err)
	}
	if err := alpha.Flush(); err != nil {
		t.Fatal(err)
	}
	if n, _, err := own.Pending(); err != nil || n != 0 {
		t.Errorf("%d more messages, %v", n, err)
	}

	// Nothing else, not even of its own domain: the registry's tables are there.
	before := h.do("sm", "show", "alpha", "--trust-domain", "north", "-o", "json")
	for what, do := range map[string]func() error{
		"listening to everything":        func() error { _, err := alpha.Subscribe(">", func(*nats.Msg) {}); return err },
		"listening to another SM":        func() error { _, err := alpha.Subscribe("sm.beta.>", func(*nats.Msg) {}); return err },
		"listening to answers":           func() error { _, err := alpha.Subscribe("_INBOX.>", func(*nats.Msg) {}); return err },
		"writing to the registry":        func() error { return alpha.Publish("$KV.SECURITY_MANAGERS.alpha", []byte("{}")) },
		"listing streams":                func() error { return alpha.PublishRequest("$JS.API.STREAM.NAMES", "sm.alpha.inbox", nil) },
		"deleting records":               func() error { return alpha.PublishRequest("$JS.API.STREAM.PURGE.RECORDS", "sm.alpha.inbox", nil) },
		"asking the hub for a signature": func() error { return alpha.PublishRequest("trust.sign-endpoint", "sm.alpha.inbox", []byte("{}")) },
	} {
		alpha.mustRefuse(t, what, do)
	}
	if now := h.do("sm", "show", "alpha", "--trust-domain", "north", "-o", "json"); now != before {
		t.Errorf("the registry was changed from\n%s\nto\n%s", before, now)
	}

	h.do("sm", "revoke", "alpha", "--trust-domain", "north", "--reason", "test")
	select {
	case <-alpha.closed:
	case <-time.After(patience):
		t.Error("a revoked Security Manager stays connected to the bus")
	}
	if _, err := extConnect(t, c, files[0], "sm.alpha.inbox"); err == nil {
		t.Error("a revoked Security Manager connects to the bus again")
	}
	if !beta.IsConnected() || !south.IsConnected() {
		t.Error("another Security Manager was disconnected")
	}
	h.fails(5, "revoked", "sm", "bus-credentials", "alpha", "--trust-domain", "north", "--out", files[0])
}

// A process that cannot change accounts says so when it revokes an SM; the next
// one that can ends the credentials at its start, as after a crash between the
// two.
func TestExternal_BusCredentialsEndAfterAll(t *testing.T) {
	t.Parallel()
	c := extStart(t, 1, nil)
	whole := append([]string{"serve", "trust"}, c.flags()...)
	h := startHub(t, whole...)
	h.do("trust-domain", "create", "north")
	h.register("north", "alpha")
	file := filepath.Join(h.home, "alpha.creds")
	h.do("sm", "bus-credentials", "alpha", "--trust-domain", "north", "--out", file)
	alpha, err := extConnect(t, c, file, "sm.alpha.inbox")
	if err != nil {
		t.Fatal(err)
	}
	h.kill()
	h.args = whole[:len(whole)-2] // without the operator's key
	h.start()
	h.fails(6, "its credentials for the bus could not be", "sm", "revoke", "alpha", "--trust-domain", "north")
	if list := h.do("sm", "list"); !strings.Contains(list, "REVOKED") || !alpha.IsConnected() {
		t.Errorf("connected %v, list:\n%s", alpha.IsConnected(), list)
	}
	h.kill()
	h.args = whole
	h.start()
	select {
	case <-alpha.closed:
	case <-time.After(patience):
		t.Error("a revoked Security Manager stays connected to the bus")
	}
}

func TestBusCredentials_EmbeddedBusHasNone(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	h.register("north", "alpha")
	h.fails(5, "embedded", "sm", "bus-credentials", "alpha", "--trust-domain", "north", "--out", filepath.Join(h.home, "x.creds"))
	for _, r := range h.records("north") {
		if r.Kind == "bus-credential.signed" {
			t.Errorf("a credential that was never signed is recorded: %s", r.Data)
		}
	}
	h.do("sm", "revoke", "alpha", "--trust-domain", "north")
}
