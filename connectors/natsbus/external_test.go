package natsbus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/manoward/manoward/internal/hub"
)

func TestConformance_External(t *testing.T) {
	b := mustOpen(t, startCluster(t, 1).config())
	conformance(t, func(t *testing.T) *Account { return another(t, b, "north") })
}

func TestConformance_Cluster3(t *testing.T) {
	t.Parallel()
	b := mustOpen(t, startCluster(t, 3).config())
	conformance(t, func(t *testing.T) *Account {
		a := another(t, b, "north")
		if a.replicas != 3 {
			t.Errorf("replicas %d", a.replicas)
		}
		return a
	})
}

// The processes of a hub that start together open the same tables, of which each is
// made by one of them. Nobody waits for an answer that a stream without a leader does
// not give.
func TestCluster3_OpenedAtOnce(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	var opened sync.WaitGroup
	for range 6 {
		b := mustOpenCluster(t, c.config())
		opened.Go(func() {
			for _, name := range []string{"A", "B", "C", "D"} {
				if _, err := b.Hub().Table(testContext(t), name); err != nil {
					t.Errorf("table %s: %v", name, err)
				}
			}
		})
	}
	opened.Wait()
}

func TestCluster3_GoesOnWithoutOneServer(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	b := mustOpenCluster(t, c.config())
	a := mustCreate(t, b, "north")
	publishN(t, a, 5)
	if d := b.Durability(testContext(t)); d.Sync != SyncAlways || d.Replicas != 3 || len(d.Servers) != 3 || len(d.Warnings) != 0 {
		t.Errorf("durability of a whole cluster: %v", d)
	}
	killed := c.servers[0]
	for _, s := range c.servers {
		if s.Name() == a.conn.ConnectedServerName() {
			killed = s // the worst one: this process is connected to it
		}
	}
	killed.Shutdown()
	killed.WaitForShutdown()
	acked := 0
	retry(t, "an append after the loss of a server", func(ctx context.Context) error {
		_, err := a.js.Publish(ctx, "data", nil)
		if err == nil {
			acked++
		}
		return err
	})
	for range 20 {
		retry(t, "an append", func(ctx context.Context) error { _, err := a.js.Publish(ctx, "data", nil); return err })
		acked++
	}
	if got := stored(t, a); got < uint64(5+acked) {
		t.Errorf("%d messages are stored, %d were acknowledged", got, 5+acked)
	}
	retry(t, "health", b.Health)
	retry(t, "a new domain", func(ctx context.Context) error { _, err := b.CreateDomain(ctx, "south"); return err })
	d := b.Durability(testContext(t))
	if d.Sync != SyncUnknown || !strings.Contains(d.String(), "1 of 3 NATS servers do not answer") {
		t.Errorf("durability without one server: %v", d)
	}
}

// mustOpenCluster opens a bus on servers that have just been started: until they
// have a leader and know the accounts they refuse, and a hub is started again.
func mustOpenCluster(t *testing.T, cfg Config) (b *Bus) {
	t.Helper()
	retry(t, "open", func(ctx context.Context) (err error) {
		b, err = Open(ctx, cfg)
		if err != nil && hub.CodeOf(err) != hub.Unavailable {
			t.Fatalf("Open: %v", err)
		}
		return err
	})
	t.Cleanup(func() { closeBus(t, b) })
	return b
}

func TestCluster3_WithoutQuorumIsNotHealthy(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	b := mustOpenCluster(t, c.config())
	if err := b.Health(testContext(t)); err != nil {
		t.Fatal(err)
	}
	info, err := b.registryInfo(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	// The leader among them: one that is left alone goes on answering for the
	// ten seconds that it takes to notice.
	last := 0
	for i, s := range c.servers {
		if s.Name() != info.Cluster.Leader {
			last = i
		}
	}
	for i, s := range c.servers {
		if i != last {
			s.Shutdown()
			s.WaitForShutdown()
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	wantError(t, b.Health(ctx), hub.Unavailable)
	c.servers[last].Shutdown()
	c.servers[last].WaitForShutdown()
	// It may have been lost before, with the server that it was to first.
	retry(t, "the connection is lost", func(context.Context) error {
		if b.hub.conn.IsConnected() {
			return errors.New("it is connected")
		}
		return nil
	})
	wantError(t, b.Health(testContext(t)), hub.Unavailable, "not connected")
}

// retry repeats what may fail while a cluster finds new leaders.
func retry(t *testing.T, what string, do func(ctx context.Context) error) {
	t.Helper()
	end := testContext(t)
	for {
		ctx, cancel := context.WithTimeout(end, 2*time.Second)
		err := do(ctx)
		cancel()
		if err == nil {
			return
		}
		select {
		case <-end.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestExternal_RestartKeepsDomains(t *testing.T) {
	cfg := startCluster(t, 1).config()
	b := mustOpen(t, cfg)
	publishN(t, mustCreate(t, b, "north"), 5)
	closeBus(t, b)
	a, err := mustOpen(t, cfg).Domain(testContext(t), "north")
	if err != nil {
		t.Fatal(err)
	}
	if got := stored(t, a); got != 5 {
		t.Errorf("%d messages", got)
	}
}

// A process whose peer deleted a domain closes its connection to it, instead of
// knocking for ever.
func TestExternal_DomainDeletedByAnotherProcess(t *testing.T) {
	cfg := startCluster(t, 1).config()
	one, two := mustOpen(t, cfg), mustOpen(t, cfg)
	a := mustCreate(t, one, "north")
	closed := a.conn.StatusChanged(nats.CLOSED)
	mustCreate(t, two, "north")
	if err := two.DeleteDomain(testContext(t), "north"); err != nil {
		t.Fatal(err)
	}
	for !a.conn.IsClosed() {
		await(t, closed, "the connection to be closed")
	}
	_, err := one.Domain(testContext(t), "north")
	wantError(t, err, hub.NotFound)
	if again := mustCreate(t, one, "north"); again == a {
		t.Error("the closed account was given again")
	}
}

func TestExternal_KeepsALockedAccountWhereDeletionIsOff(t *testing.T) {
	c := startCluster(t, 1, func(_ int, o *server.Options) { o.AccountResolver = noDelete(t, o) })
	b := mustOpenCluster(t, c.config())
	publishN(t, mustCreate(t, b, "north"), 1)
	kp, key := newUser(t)
	token, err := b.UserCredentials(testContext(t), "north", User{Name: "left", PublicKey: key})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteDomain(testContext(t), "north"); err != nil {
		t.Fatal(err)
	}
	if _, err := dialUser(b, kp, token); err == nil {
		t.Error("a user connected to a deleted domain")
	}
	mustCreate(t, b, "north")
}

// noDelete returns a resolver that knows what o's knows and deletes nothing.
func noDelete(t *testing.T, o *server.Options) server.AccountResolver {
	t.Helper()
	r, err := server.NewDirAccResolver(t.TempDir(), 0, time.Minute, server.NoDelete)
	if err != nil {
		t.Fatal(err)
	}
	o.AccountResolver.(*server.DirAccResolver).PackWalk(1, func(pack string) {
		key, token, _ := strings.Cut(pack, "|")
		if err := r.Store(key, token); err != nil {
			t.Fatal(err)
		}
	})
	return r
}

func TestExternal_WithoutSystemAccountOrOperatorKey(t *testing.T) {
	c := startCluster(t, 1)
	mustCreate(t, mustOpenCluster(t, c.config()), "north")
	for name, drop := range map[string]func(x *External){
		"operator signing key": func(x *External) { x.OperatorKeyFile = "" },
		"NATS system account":  func(x *External) { x.SystemCredsFile = "" },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := c.config()
			drop(cfg.External)
			b := mustOpen(t, cfg)
			ctx := testContext(t)
			_, err := b.CreateDomain(ctx, "south")
			wantError(t, err, hub.Unavailable, "configuration")
			wantError(t, b.DeleteDomain(ctx, "north"), hub.Unavailable, "configuration")
			_, key := newUser(t)
			wantError(t, b.RevokeUser(ctx, "north", key), hub.Unavailable, "configuration")
			if _, err := b.CreateDomain(ctx, "north"); err != nil {
				t.Errorf("a domain that exists: %v", err)
			}
		})
	}
}

func TestExternal_WrongFiles(t *testing.T) {
	c := startCluster(t, 1)
	dir := t.TempDir()
	user, _ := newUser(t)
	seed, _ := user.Seed()
	userSeed := writeFile(t, dir, "user.nk", seed)
	junk := writeFile(t, dir, "junk", []byte("junk"))
	open := writeFile(t, dir, "open", []byte("secret"))
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing")
	for name, tc := range map[string]struct {
		set  func(x *External)
		says []string
	}{
		"no address":            {func(x *External) { x.URLs = nil }, []string{"no address"}},
		"no creds":              {func(x *External) { x.CredsFile = "" }, []string{"no NATS credentials"}},
		"creds missing":         {func(x *External) { x.CredsFile = missing }, []string{missing}},
		"creds junk":            {func(x *External) { x.CredsFile = junk }, []string{junk, "nsc"}},
		"creds readable by all": {func(x *External) { x.SystemCredsFile = open }, []string{open, "chmod 600"}},
		"operator key missing":  {func(x *External) { x.OperatorKeyFile = missing }, []string{missing}},
		"operator key junk":     {func(x *External) { x.OperatorKeyFile = junk }, []string{junk, "SO"}},
		"operator key of user":  {func(x *External) { x.OperatorKeyFile = userSeed }, []string{userSeed, "SO"}},
		"CA missing":            {func(x *External) { x.CAFile = missing }, []string{missing}},
		"CA junk":               {func(x *External) { x.CAFile = junk }, []string{junk, "PEM"}},
		"client key missing":    {func(x *External) { x.KeyFile = missing }, []string{missing}},
		"client key junk":       {func(x *External) { x.KeyFile = junk }, []string{junk}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := c.config()
			tc.set(cfg.External)
			_, err := Open(testContext(t), cfg)
			wantError(t, err, hub.Invalid, tc.says...)
		})
	}
}

func TestExternal_Refusals(t *testing.T) {
	t.Parallel()
	c, other := startCluster(t, 1), startCluster(t, 1)
	plain := startCluster(t, 1, func(_ int, o *server.Options) { o.TLSConfig = nil })
	noJetStream := startCluster(t, 1, func(_ int, o *server.Options) { o.JetStream = false })
	for name, tc := range map[string]struct {
		set  func(cfg *Config)
		says string
	}{
		"no server":            {func(cfg *Config) { cfg.External.URLs = []string{fmt.Sprintf("tls://127.0.0.1:%d", freePorts(t, 1)[0])} }, "cannot connect"},
		"CA of another":        {func(cfg *Config) { cfg.External.CAFile = other.ca }, "cannot connect"},
		"creds of another":     {func(cfg *Config) { cfg.External.CredsFile = other.hubCreds }, "credentials"},
		"system of another":    {func(cfg *Config) { cfg.External.SystemCredsFile = other.sysCreds }, "credentials"},
		"system is not system": {func(cfg *Config) { cfg.External.SystemCredsFile = cfg.External.CredsFile }, "NATS"},
		"no TLS":               {func(cfg *Config) { *cfg = plain.config() }, "TLS"},
		"no JetStream":         {func(cfg *Config) { *cfg = noJetStream.config(); cfg.External.SystemCredsFile = "" }, "JetStream"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := c.config()
			tc.set(&cfg)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			_, err := Open(ctx, cfg)
			wantError(t, err, hub.Unavailable, tc.says)
		})
	}
}

func TestExternal_OperatorKeyOfAnotherCluster(t *testing.T) {
	c, other := startCluster(t, 1), startCluster(t, 1)
	cfg := c.config()
	cfg.External.OperatorKeyFile = other.operatorKey
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := mustOpen(t, cfg).CreateDomain(ctx, "north")
	wantError(t, err, hub.Unavailable)
}

func TestCheckVersion(t *testing.T) {
	for version, ok := range map[string]bool{
		"2.12.0": true, "2.15.2": true, "v2.12.3": true, "3.0.0": true, "2.12.0-RC.1": true,
		"2.11.9": false, "1.99.0": false, "": false, "x": false,
	} {
		err := checkVersion("n1", version)
		if ok != (err == nil) {
			t.Errorf("version %q: %v", version, err)
		}
		if !ok {
			wantError(t, err, hub.Unavailable, "n1", "upgrade")
		}
	}
}

func TestReadResolverAnswer(t *testing.T) {
	for answer, ok := range map[string]bool{
		`{"data":{"code":200}}`:                     true,
		`{"error":{"code":500,"description":"no"}}`: false,
		`{}`: false, `x`: false, ``: false,
	} {
		if err := readResolverAnswer("test", []byte(answer)); ok != (err == nil) {
			t.Errorf("answer %q: %v", answer, err)
		}
	}
}

func FuzzReadResolverAnswer(f *testing.F) {
	f.Add([]byte(`{"data":{"code":200}}`))
	f.Add([]byte(`{"error":{"code":500,"description":"no"}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if err := readResolverAnswer("test", answer); err != nil && hub.CodeOf(err) != hub.Unavailable {
			t.Errorf("code %q", hub.CodeOf(err))
		}
	})
}

func FuzzDecodeEntry(f *testing.F) {
	kp, _ := nkeys.CreateAccount()
	key, _ := kp.PublicKey()
	f.Add([]byte(`{"publicKey":"` + key + `","jwt":"x","seed":"eA=="}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		e, err := decodeEntry("north", value)
		if err == nil && (!nkeys.IsValidPublicAccountKey(e.PublicKey) || e.JWT == "" || len(e.Seed) == 0) {
			t.Errorf("accepted %+v", e)
		}
	})
}
