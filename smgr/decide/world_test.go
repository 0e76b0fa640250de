package decide

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
)

const domain = "red"

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// policy returns the source of a policy for reviews, with a parameter "names".
func policy(id, rules string) string {
	return fmt.Sprintf(`# METADATA
# title: Test
# description: Test.
# scope: package
# custom:
#   id: %s
#   owner: a@example.net
#   severity: high
#   events: [review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       names: {type: array, items: {type: string}, default: [evil]}
#   samples: %s.samples.yaml
package manoward.policies.%s

names := data.manoward.parameters["%s"].names

%s
`, id, id, strings.ReplaceAll(id, "-", "_"), id, rules)
}

const samples = `
- {name: "yes", kind: review, input: {event: {reason: periodic}, vnfs: {v1: {id: v1, provider: evil}}}, findings: [{code: found}]}
- {name: "no", kind: review, input: {event: {reason: periodic}}, findings: []}
`

// finder is a rule that asks for actions on VNFs of a provider.
func finder(actions string) string {
	return fmt.Sprintf(`findings contains {"code": "found", "message": sprintf("VNF %%s is of an evil provider", [v.id]), "target": {"vnfInstanceId": v.id}, "actions": %s} if {
	some v in input.vnfs
	v.provider in names
}`, actions)
}

// files makes a set of the rules by policy.
func files(rules map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for id, r := range rules {
		m[id+".rego"] = &fstest.MapFile{Data: []byte(policy(id, r))}
		m[id+".samples.yaml"] = &fstest.MapFile{Data: []byte(samples)}
	}
	return m
}

func one() fstest.MapFS {
	return files(map[string]string{"evil-provider": finder(`[{"type": "terminate-vnf", "snapshot": true}, {"type": "alert"}]`)})
}

// world is what outlives a process: the bus, the log, the orders, the topology.
type world struct {
	t      testing.TB
	tables state.Tables
	mu     sync.Mutex
	now    time.Time
	bubble bool // the time is that of testing/synctest
	keys   []policies.VerificationKey
	key    policies.SigningKey

	records  []hub.Record
	orders   map[string]smgr.Order
	planned  []string                                          // IDs in the order in which they came
	inputs   func(context.Context, smgr.Event) ([]byte, error) // nil: input
	nss      []string
	blind    error // why NSs cannot be listed
	pushed   []smgr.Event
	followed []smgr.Event // by any process
	told     int
	altered  []smgr.Event
	step     func(what string, do func() error) error // nil: do
	read     func(what string, do func() error) error // of reads; nil: do
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, tables: &memstate.Bus{}, now: noon, orders: map[string]smgr.Order{}}
	w.key, w.keys = newKey(t, "team")
	return w
}

func newKey(t testing.TB, id string) (policies.SigningKey, []policies.VerificationKey) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(k)
	check(t, err)
	public, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	check(t, err)
	return policies.SigningKey{ID: id, PEM: hub.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))},
		[]policies.VerificationKey{{ID: id, PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))}}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused fails the test if the error has not the code.
func refused(t testing.TB, err error, code hub.Code, words ...string) {
	t.Helper()
	if hub.CodeOf(err) != code {
		t.Fatalf("%v, want code %s", err, code)
	}
	for _, word := range words {
		if !strings.Contains(hub.SafeText(err), word) {
			t.Errorf("%q does not say %q", hub.SafeText(err), word)
		}
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bubble {
		return time.Now()
	}
	return w.now
}

// events counts what was pushed.
func (w *world) events() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.pushed)
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// do takes a durable step, or fails it as the test wants.
func (w *world) do(what string, fn func() error) error {
	if w.step == nil {
		return fn()
	}
	return w.step(what, fn)
}

var schemas = sync.OnceValues(policies.OwnSchemas)

// process is a new process with its own memory of the bus.
func (w *world) process() *Decider {
	w.t.Helper()
	own, err := schemas()
	check(w.t, err)
	log := slog.New(slog.DiscardHandler)
	space := state.New(stepTables{w}, "SM-north", log)
	table, err := stepTables{w}.Open(w.t.Context(), domain, "SM-north-BLOBS")
	check(w.t, err)
	d := New(Config{
		Name: "north", TrustDomain: domain, Space: space, Blobs: table, Topology: w, Orders: w, Inventory: w,
		Schemas: own, Keys: func() []policies.VerificationKey { return w.keys }, Deadline: 10 * time.Second, Now: w.clock, Log: log,
		Records: func(_ context.Context, list ...hub.Record) error {
			return w.do("record", func() error { w.mu.Lock(); defer w.mu.Unlock(); w.records = append(w.records, list...); return nil })
		},
		Push: func(_ context.Context, e smgr.Event) error {
			return w.do("push", func() error { w.mu.Lock(); defer w.mu.Unlock(); w.pushed = append(w.pushed, e); return nil })
		},
		Altered: func(_ context.Context, e smgr.Event) error {
			return w.do("altered", func() error { w.mu.Lock(); defer w.mu.Unlock(); w.altered = append(w.altered, e); return nil })
		},
		Decided: func(*smgr.Decision) { w.mu.Lock(); defer w.mu.Unlock(); w.told++ },
	})
	work, stop := context.WithCancel(context.Background())
	w.t.Cleanup(stop)
	check(w.t, space.Open(w.t.Context(), work, domain))
	return d
}

// active is a process in which these policies are active.
func (w *world) active(set fstest.MapFS) *Decider {
	w.t.Helper()
	d := w.process()
	r, problems, err := d.Policies().PushFiles(w.t.Context(), set, "library", "spiffe://hub/operator/ann")
	if err != nil {
		w.t.Fatal(err, problems)
	}
	_, err = d.Policies().Activate(w.t.Context(), r.Revision, "spiffe://hub/operator/ann", "first")
	check(w.t, err)
	return d
}

func (w *world) Apply(context.Context, smgr.Event) error { return nil }

func (w *world) Follow(e smgr.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.followed = append(w.followed, e)
	return nil
}

func (w *world) Input(ctx context.Context, e smgr.Event) ([]byte, error) {
	if w.inputs != nil {
		return w.inputs(ctx, e)
	}
	return input(e, nil), nil
}

// input makes an input of an event: NS n1 with the VNF v1, and what over says.
func input(e smgr.Event, over map[string]any) []byte {
	m := map[string]any{
		"schema": policies.InputSchema, "kind": e.Kind, "time": e.Time.Format(time.RFC3339Nano), "event": e.Body,
		"sm": map[string]any{"name": "north", "trustDomain": domain, "mode": "PASSIVE"}, "subject": map[string]any{"nsInstanceId": "n1"},
		"ns":       map[string]any{"id": "n1", "nsdId": "d1"},
		"vnfs":     map[string]any{"v1": map[string]any{"id": "v1", "provider": "evil", "nsInstanceIds": []string{"n1"}, "vnfdId": "f1"}},
		"packages": map[string]any{}, "computes": map[string]any{}, "hosts": map[string]any{}, "images": map[string]any{}, "recent": []any{}, "asOf": map[string]any{},
	}
	maps.Copy(m, over)
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return raw
}

// Place numbers orders by what they change. Nothing is open here: what becomes of
// the same findings in several decisions is tested with real orders.
func (w *world) Place(_ context.Context, o smgr.Order) (string, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for n := 1; ; n++ {
		id := smgr.OrderID(domain, "north", o.Action.Type, o.Scope.Subject, n)
		if _, there := w.orders[id]; !there {
			return id, false, nil
		}
	}
}

func (w *world) Plan(_ context.Context, o smgr.Order) error {
	return w.do("order", func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if _, there := w.orders[o.ID]; !there {
			w.orders[o.ID] = o
			w.planned = append(w.planned, o.ID)
		}
		return nil
	})
}

func (w *world) Get(_ context.Context, id string) (o smgr.Order, err error) {
	get := func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		there := false
		if o, there = w.orders[id]; !there {
			return hub.E(hub.NotFound, "find order", "there is no such order", nil)
		}
		return nil
	}
	if w.read == nil {
		return o, get()
	}
	return o, w.read("order "+id, get)
}

func (w *world) Forget(context.Context, string, time.Time) error { return nil }

func (w *world) NsIDs(_ context.Context, after string, most int) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.blind != nil {
		return nil, w.blind
	}
	var out []string
	for _, id := range slices.Sorted(slices.Values(w.nss)) {
		if id > after && len(out) < most {
			out = append(out, id)
		}
	}
	return out, nil
}

// kinds counts the records by kind, each ID once; a record whose content changed
// fails the test.
func (w *world) kinds() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	counts, seen := map[string]int{}, map[string]string{}
	for _, r := range w.records {
		content, err := json.Marshal(r)
		check(w.t, err)
		if was, there := seen[r.ID]; !there {
			seen[r.ID] = string(content)
			counts[r.Kind]++
		} else if was != string(content) {
			w.t.Errorf("the record %s %s was repeated with another content:\n%s\n%s", r.Kind, r.ID, was, content)
		}
	}
	return counts
}

// review is an event of the NS n1.
func review(n int) smgr.Event {
	return smgr.Event{
		ID: fmt.Sprintf("event-%d", n), Kind: hub.EventReview, Key: smgr.KeyNs("n1"), Origin: smgr.OriginReview,
		Time: noon.Add(time.Duration(n) * time.Second), Received: noon, Body: json.RawMessage(`{"reason":"periodic"}`),
	}
}

func list(t testing.TB, d *Decider, q Query) []smgr.Decision {
	t.Helper()
	var all []smgr.Decision
	for dec, err := range d.Decisions(t.Context(), q) {
		check(t, err)
		all = append(all, dec)
	}
	return all
}

// stepTables are the world's tables with each write as a step.
type stepTables struct{ *world }

func (s stepTables) Open(ctx context.Context, domain, name string) (state.Table, error) {
	t, err := s.tables.Open(ctx, domain, name)
	return stepTable{t, s.world}, err
}

type stepTable struct {
	state.Table
	w *world
}

func (t stepTable) Get(ctx context.Context, key string) (value []byte, rev uint64, err error) {
	if t.w.read == nil {
		return t.Table.Get(ctx, key)
	}
	err = t.w.read("get "+key, func() error { value, rev, err = t.Table.Get(ctx, key); return err })
	return value, rev, err
}

func (t stepTable) Create(ctx context.Context, key string, value []byte) (rev uint64, err error) {
	err = t.w.do("create "+key, func() error { rev, err = t.Table.Create(ctx, key, value); return err })
	return rev, err
}

func (t stepTable) Update(ctx context.Context, key string, value []byte, revision uint64) (rev uint64, err error) {
	err = t.w.do("update "+key, func() error { rev, err = t.Table.Update(ctx, key, value, revision); return err })
	return rev, err
}

func (t stepTable) Delete(ctx context.Context, key string, revision uint64) error {
	return t.w.do("delete "+key, func() error { return t.Table.Delete(ctx, key, revision) })
}
