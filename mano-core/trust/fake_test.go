package trust

import (
	"bytes"
	"context"
	"encoding/json"

	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/vault"
)

// fakeBus keeps accounts in memory. fail, when set, is asked before every write
// and can refuse it, or refuse it after it was done.
type fakeBus struct {
	mu       sync.Mutex
	accounts map[string]*fakeAccount
	fail     func(write string) (before, after error)
}

func newFakeBus() *fakeBus { return &fakeBus{accounts: map[string]*fakeAccount{}} }

func (b *fakeBus) Hub() Account { a, _ := b.Create(context.Background(), "hub"); return a }

func (b *fakeBus) Create(_ context.Context, name string) (Account, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.accounts[name] == nil {
		b.accounts[name] = &fakeAccount{bus: b, name: name, tables: map[string]*fakeTable{}, logs: map[string]*fakeLog{}}
	}
	return b.accounts[name], nil
}

func (b *fakeBus) Open(_ context.Context, name string) (Account, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.accounts[name]; a != nil {
		return a, nil
	}
	return nil, hub.E(hub.NotFound, "open account", "no account "+name, nil)
}

func (b *fakeBus) write(what string, do func() error) error {
	var before, after error
	if b.fail != nil {
		before, after = b.fail(what)
	}
	if before != nil {
		return before
	}
	if err := do(); err != nil {
		return err
	}
	return after
}

type fakeAccount struct {
	bus    *fakeBus
	name   string
	tables map[string]*fakeTable
	logs   map[string]*fakeLog
}

func (a *fakeAccount) Table(_ context.Context, name string) (Table, error) {
	a.bus.mu.Lock()
	defer a.bus.mu.Unlock()
	if a.tables[name] == nil {
		a.tables[name] = &fakeTable{bus: a.bus, entries: map[string]fakeEntry{}, changed: make(chan struct{})}
	}
	return a.tables[name], nil
}

func (a *fakeAccount) Log(_ context.Context, name string) (Log, error) {
	a.bus.mu.Lock()
	defer a.bus.mu.Unlock()
	if a.logs[name] == nil {
		a.logs[name] = &fakeLog{bus: a.bus}
	}
	return a.logs[name], nil
}

type fakeEntry struct {
	value    []byte
	revision uint64
}

type fakeTable struct {
	bus     *fakeBus
	mu      sync.Mutex
	last    uint64
	entries map[string]fakeEntry
	history []Change
	changed chan struct{}
}

func (t *fakeTable) Get(_ context.Context, key string) ([]byte, uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.entries[key]
	if !ok {
		return nil, 0, hub.E(hub.NotFound, "get", "no "+key, nil)
	}
	return e.value, e.revision, nil
}

func (t *fakeTable) Create(_ context.Context, key string, value []byte) (rev uint64, err error) {
	err = t.bus.write("create", func() error {
		t.mu.Lock()
		defer t.mu.Unlock()
		if _, ok := t.entries[key]; ok {
			return hub.E(hub.Conflict, "create", "exists", nil)
		}
		rev = t.putLocked(key, value)
		return nil
	})
	return rev, err
}

func (t *fakeTable) Update(_ context.Context, key string, value []byte, revision uint64) (rev uint64, err error) {
	err = t.bus.write("update", func() error {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.entries[key].revision != revision {
			return hub.E(hub.Precondition, "update", "stale", nil)
		}
		rev = t.putLocked(key, value)
		return nil
	})
	return rev, err
}

func (t *fakeTable) putLocked(key string, value []byte) uint64 {
	t.last++
	t.entries[key] = fakeEntry{bytes.Clone(value), t.last}
	t.tellLocked(Change{Key: key, Value: bytes.Clone(value), Revision: t.last})
	return t.last
}

func (t *fakeTable) Delete(_ context.Context, key string, revision uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.entries, key)
	t.last++
	t.tellLocked(Change{Key: key, Deleted: true, Revision: t.last})
	return nil
}

func (t *fakeTable) tellLocked(c Change) {
	t.history = append(t.history, c)
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *fakeTable) List(context.Context) ([]Change, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.listLocked(), nil
}

func (t *fakeTable) listLocked() (now []Change) {
	for _, key := range slices.Sorted(maps.Keys(t.entries)) {
		e := t.entries[key]
		now = append(now, Change{Key: key, Value: e.value, Revision: e.revision})
	}
	return now
}

func (t *fakeTable) Watch(ctx context.Context, fn func(Change)) error {
	t.mu.Lock()
	next := len(t.history)
	now := t.listLocked()
	t.mu.Unlock()
	for _, c := range append(now, Change{Synced: true}) {
		fn(c)
	}
	for {
		t.mu.Lock()
		news, changed := t.history[next:], t.changed
		next = len(t.history)
		t.mu.Unlock()
		for _, c := range news {
			fn(c)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

type fakeLog struct {
	bus     *fakeBus
	mu      sync.Mutex
	records []hub.Record
}

func (l *fakeLog) Append(ctx context.Context, records ...hub.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.bus.write("append", func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, r := range records {
			i := slices.IndexFunc(l.records, func(x hub.Record) bool { return x.ID == r.ID })
			switch {
			case i < 0:
				l.records = append(l.records, r)
			case !l.records[i].Time.Equal(r.Time) || string(l.records[i].Data) != string(r.Data):
				return hub.E(hub.Conflict, "append", "the ID is taken", nil)
			}
		}
		return nil
	})
}

func (l *fakeLog) Read(_ context.Context, after string, fn func(string, hub.Record) bool) error {
	from, _ := strconv.Atoi(after)
	l.mu.Lock()
	records := slices.Clone(l.records[from:])
	l.mu.Unlock()
	for i, r := range records {
		if !fn(strconv.Itoa(from+i+1), r) {
			break
		}
	}
	return nil
}

func (l *fakeLog) kinds() (kinds []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		kinds = append(kinds, r.Kind)
	}
	return kinds
}

// fakeKeyStores opens file keys below a directory. A domain in gone has lost
// its token.
type fakeKeyStores struct {
	dir   string
	vault *vault.Vault
	mu    sync.Mutex
	gone  map[string]bool
	open  map[string]*SealedKeys
}

func (k *fakeKeyStores) Kind(string) string { return hub.KeysInFile }

func (k *fakeKeyStores) Open(_ context.Context, domain, _ string) (Keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.gone[domain] {
		return nil, hub.E(hub.Unavailable, "open keys", "the token of "+domain+" is not there", nil)
	}
	if k.open[domain] == nil {
		keys, err := OpenFileKeys(k.dir+"/"+domain, domain, k.vault)
		if err != nil {
			return nil, err
		}
		k.open[domain] = keys
	}
	return k.open[domain], nil
}

// testHub is a registry on fakes, with a clock that the test sets.
type testHub struct {
	*Registry
	bus   *fakeBus
	keys  *fakeKeyStores
	clock *testClock
}

type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var operator = hub.Identity{TrustDomain: HubDomain, Kind: hub.KindOperator, Name: "test"}

func newTestHub(t testing.TB) *testHub {
	t.Helper()
	dir := t.TempDir()
	v, err := vault.Create(dir + "/unlock.key")
	if err != nil {
		t.Fatal(err)
	}
	return startTestHub(t, newFakeBus(), &fakeKeyStores{dir: dir, vault: v, gone: map[string]bool{}, open: map[string]*SealedKeys{}}, &testClock{now: time.Now()})
}

// startTestHub starts a registry over storage that may hold something already,
// as after a restart.
func startTestHub(t testing.TB, bus *fakeBus, keys *fakeKeyStores, clock *testClock) *testHub {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	dir := NewDirectory(log)
	r, err := NewRegistry(t.Context(), Config{
		Accounts: bus, KeyStores: keys, Directory: dir, ServerNameSuffix: "manoward.internal",
		CredentialLifetime: 30 * 24 * time.Hour, EndpointLifetime: 7 * 24 * time.Hour,
		Now: clock.Now, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func(context.Context) error{r.EnsureHub, r.Recover} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// After the recovery, as a process does: what it completed is seen.
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { dir.Run(ctx, bus) })
	t.Cleanup(func() { cancel(); running.Wait() })
	if err := dir.WaitSynced(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &testHub{Registry: r, bus: bus, keys: keys, clock: clock}
}

func (h *testHub) records(t *testing.T, domain string) *fakeLog {
	t.Helper()
	a, err := h.bus.Open(t.Context(), domain)
	if err != nil {
		t.Fatal(err)
	}
	l, _ := a.Log(t.Context(), RecordLog)
	return l.(*fakeLog)
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func wantCode(t *testing.T, err error, want hub.Code) {
	t.Helper()
	if got := hub.CodeOf(err); got != want {
		t.Errorf("got code %q (%v), want %q", got, err, want)
	}
}
