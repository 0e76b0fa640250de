package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// extConnect connects to the cluster as the holder of a credentials file.
func extConnect(t *testing.T, c *extCluster, creds string, closed chan<- struct{}) (*nats.Conn, error) {
	t.Helper()
	conn, err := nats.Connect(c.flags()[1], nats.UserCredentials(creds), nats.RootCAs(c.ca),
		nats.MaxReconnects(0), nats.NoReconnect(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err == nil {
		t.Cleanup(conn.Close)
	}
	return conn, err
}

func extStreams(t *testing.T, conn *nats.Conn) []string {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), bPatience)
	defer cancel()
	var names []string
	list := js.StreamNames(ctx)
	for name := range list.Name() {
		names = append(names, name)
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

// Covers: Security.003
func TestExternal_BusCredentials(t *testing.T) {
	t.Parallel()
	c := extStart(t, 1, nil)
	h := bStart(t, append([]string{"serve", "trust"}, c.flags()...)...)
	h.cli("trust-domain", "create", "north")
	h.cli("trust-domain", "create", "south")
	h.register("north", "alpha")
	h.register("south", "gamma")
	creds := map[string]string{}
	for domain, sm := range map[string]string{"north": "alpha", "south": "gamma"} {
		creds[domain] = filepath.Join(h.home, sm+".creds")
		h.cli("sm", "bus-credentials", sm, "--trust-domain", domain, "--out", creds[domain])
		if info, err := os.Stat(creds[domain]); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("credentials file: %v, %v", info, err)
		}
	}
	closed := make(chan struct{})
	north, err := extConnect(t, c, creds["north"], closed)
	if err != nil {
		t.Fatal(err)
	}
	south, err := extConnect(t, c, creds["south"], make(chan struct{}))
	if err != nil {
		t.Fatal(err)
	}
	everything, err := north.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	if err := north.Flush(); err != nil {
		t.Fatal(err)
	}
	// What happens in the other domain and in the hub's own account.
	if err := south.Publish("secret.of.south", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := south.Flush(); err != nil {
		t.Fatal(err)
	}
	h.cli("trust-domain", "note", "south", "a remark of south's")
	h.cli("sm", "set-mode", "gamma", "passive", "--trust-domain", "south")
	h.cli("trust-domain", "create", "west")
	// The own marker comes through; with it everything before has come.
	if err := north.Publish("marker.of.north", nil); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := everything.NextMsg(bPatience)
		if err != nil {
			t.Fatal(err)
		}
		if m.Subject == "marker.of.north" {
			break
		}
		t.Errorf("a credential of north saw %s: %.80s", m.Subject, m.Data)
	}
	before := len(extStreams(t, north))
	h.register("south", "delta")
	if now := extStreams(t, north); len(now) != before || before == 0 {
		t.Errorf("north sees %d streams and then %q; want those of its own account", before, now)
	}
	if _, err := north.Request("trust.sign-endpoint", []byte("{}"), 2*time.Second); err == nil {
		t.Error("the hub's own services answer a credential of a trust domain")
	}

	h.cli("sm", "revoke", "alpha", "--trust-domain", "north", "--reason", "test")
	select {
	case <-closed:
	case <-time.After(bPatience):
		t.Error("a revoked Security Manager stays connected to the bus")
	}
	if _, err := extConnect(t, c, creds["north"], make(chan struct{})); err == nil {
		t.Error("a revoked Security Manager connects to the bus again")
	}
	if !south.IsConnected() {
		t.Error("the Security Manager of another domain was disconnected")
	}
	h.refused(5, "revoked", "sm", "bus-credentials", "alpha", "--trust-domain", "north", "--out", creds["north"])
}

func TestBusCredentials_EmbeddedBusHasNone(t *testing.T) {
	t.Parallel()
	h := bStart(t)
	h.cli("trust-domain", "create", "north")
	h.register("north", "alpha")
	h.refused(5, "embedded", "sm", "bus-credentials", "alpha", "--trust-domain", "north", "--out", filepath.Join(h.home, "x.creds"))
	for _, r := range h.records("north") {
		if r.Kind == "bus-credential.signed" {
			t.Errorf("a credential that was never signed is recorded: %s", r.Data)
		}
	}
	h.cli("sm", "revoke", "alpha", "--trust-domain", "north")
}
