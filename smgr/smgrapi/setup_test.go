package smgrapi

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memnotify"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/decide"
	"github.com/manoward/manoward/smgr/enforce"
)

// The persons of the tests.
const (
	ann      = "spiffe://hub/operator/ann"          // sees every trust domain
	ben      = "spiffe://hub/operator/ben"          //
	manager  = "spiffe://red/sm/north/sc-or.ns-lcm" // may nothing here
	stranger = "spiffe://blue/operator/bob"         // of another trust domain
	reader   = "spiffe://hub/client/dashboard"      // may read
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// policy returns the source of a policy for reviews, with a parameter "names".
func policy(id, title string) string {
	return fmt.Sprintf(`# METADATA
# title: %s
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

findings contains {"code": "found", "message": sprintf("VNF %%s is of an evil provider", [v.id]), "target": {"vnfInstanceId": v.id, "nsInstanceId": "n1"}, "actions": [{"type": "terminate-vnf"}]} if {
	some v in input.vnfs
	v.provider in names
}
`, title, id, id, strings.ReplaceAll(id, "-", "_"), id)
}

const samples = `
- {name: "yes", kind: review, input: {event: {reason: periodic}, vnfs: {v1: {id: v1, provider: evil}}}, findings: [{code: found}]}
- {name: "no", kind: review, input: {event: {reason: periodic}}, findings: []}
`

func set(id, title string) fstest.MapFS {
	return fstest.MapFS{
		id + ".rego":         {Data: []byte(policy(id, title))},
		id + ".samples.yaml": {Data: []byte(samples)},
	}
}

var schemas = sync.OnceValues(policies.OwnSchemas)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a served Security Manager "north" of the trust domain "red".
type world struct {
	peer *Peer // what is known of the NFVO
	testing.TB
	m   *Manager
	bus *memstate.Bus // of m
	api *API
	mux *httpapi.Mux
	url string
	// client sends the requests; a test of an official file puts a validator in.
	client *http.Client
	key    policies.SigningKey
	keys   []policies.VerificationKey

	mu      sync.Mutex // covers what is below
	now     time.Time
	records []hub.Record
	refused []string
	told    []notify.Event // each ID once
	deaf    bool           // the outbox takes nothing
	mode    hub.Mode
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, now: noon, mode: hub.FullyActive, client: http.DefaultClient}
	w.key, w.keys = newKey(t, "team")
	w.bus = &memstate.Bus{}
	w.m = w.processOn(w.bus, "red", "north")
	w.api = &API{Authorize: w.authorize, Managers: []*Manager{w.m}, SeesAll: func(who hub.Identity) bool { return who.TrustDomain == "hub" }, Subscriptions: memnotify.Open(t, "hub", "red", "blue")}
	w.mux = httpapi.NewMux(httpapi.Options{
		Now: w.clock, PageSize: 2,
		Authenticate: func(r *http.Request) (hub.Identity, error) {
			if r.Header.Get("X-Who") == "" {
				return hub.Identity{}, hub.E(hub.Unauthenticated, "authenticate", "who are you?", nil)
			}
			return hub.ParseIdentity(r.Header.Get("X-Who"))
		},
	})
	w.api.Routes(w.mux.API(httpapi.API{Name: "manoward", Major: "v1", Versions: []httpapi.APIVersion{{Version: Version}}, VersionOptional: true}))
	w.api.PolicyRoutes(w.mux.API(httpapi.API{Name: "nfvpolicy", Major: "v1", Versions: []httpapi.APIVersion{{Version: PolicyVersion}}}))
	server := httptest.NewServer(w.mux)
	t.Cleanup(server.Close)
	w.url = server.URL
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

// process is a Security Manager of real parts over tables in memory.
func (w *world) process(domain, name string) *Manager {
	return w.processOn(&memstate.Bus{}, domain, name)
}

// processOn is process over tables that others may have as well.
func (w *world) processOn(bus *memstate.Bus, domain, name string) *Manager {
	own, err := schemas()
	check(w, err)
	log := slog.New(slog.DiscardHandler)
	space := state.New(bus, "SM-"+name, log)
	blobs, err := bus.Open(w.Context(), domain, "SM-"+name+"-BLOBS")
	check(w, err)
	var d *decide.Decider
	e := enforce.New(enforce.Config{
		TrustDomain: domain, Name: name, Space: space, Queue: idle{}, Records: w.append, Topology: emptyTopology{},
		Mode:    func(context.Context) (hub.Mode, error) { w.mu.Lock(); defer w.mu.Unlock(); return w.mode, nil },
		Authors: func(ctx context.Context, o smgr.Order) ([]string, error) { return d.Authors(ctx, o) },
		Now:     w.clock, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, Log: log,
	})
	d = decide.New(decide.Config{
		Name: name, TrustDomain: domain, Space: space, Blobs: blobs, Topology: w, Orders: e, Inventory: emptyTopology{},
		Schemas: own, Keys: func() []policies.VerificationKey { return w.keys }, Deadline: 10 * time.Second,
		Records: w.append, Push: func(context.Context, smgr.Event) error { return nil }, Now: w.clock, Log: log,
	})
	m := NewManager(Config{
		TrustDomain: domain, Name: name, Space: space, Decide: d, Enforce: e, Schemas: own, Input: w.Input, Keys: func() []policies.VerificationKey { return w.keys },
		Records: w.append, Deadline: 10 * time.Second, Now: w.clock, Publisher: w,
		Peer: func() *Peer { return w.peer }, Check: d.Check,
	})
	work, stop := context.WithCancel(context.Background())
	w.Cleanup(stop)
	check(w, space.Open(w.Context(), work, domain))
	return m
}

// active is a world in which a policy judges, at a level.
func active(t testing.TB, level smgr.Level) *world {
	w := newWorld(t)
	w.activate("evil-provider", "Test")
	_, err := w.m.Decide.Levels().Set(t.Context(), decide.Rule{Policy: decide.Every, Scope: decide.Every, Level: level, By: ben})
	check(t, err)
	return w
}

// activate brings a set of one policy to act and returns its revision.
func (w *world) activate(id, title string) string {
	r := w.push(id, title)
	_, err := w.m.Decide.Policies().Activate(w.Context(), r, ben, "first")
	check(w, err)
	return r
}

func (w *world) push(id, title string) string {
	r, problems, err := w.m.Decide.Policies().PushFiles(w.Context(), set(id, title), "library", ben)
	if err != nil {
		w.Fatal(err, problems)
	}
	w.wait(time.Second)
	return r.Revision
}

// judge has events judged and returns the IDs of the decisions, newest first.
func (w *world) judge(n int) []string {
	for i := range n {
		check(w, w.m.Decide.Handle(w.Context(), review(i), 1))
	}
	var ids []string
	for d, err := range w.m.Decide.Decisions(w.Context(), decide.Query{}) {
		check(w, err)
		ids = append(ids, d.ID)
	}
	return ids
}

// review is an event of the NS n1.
func review(n int) smgr.Event {
	return smgr.Event{
		ID: fmt.Sprintf("event-%d", n), Kind: hub.EventReview, Key: smgr.KeyNs("n1"), Origin: smgr.OriginReview,
		Time: noon.Add(time.Duration(n) * time.Second), Received: noon, Body: json.RawMessage(`{"reason":"periodic"}`),
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) append(_ context.Context, list ...hub.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records = append(w.records, list...)
	return nil
}

// Publish makes the world an outbox.
func (w *world) Publish(_ context.Context, e notify.Event) error {
	if e.Key == "" {
		return hub.E(hub.Internal, "publish", "an event of "+e.API+" does not say what it is about", nil)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deaf {
		return hub.E(hub.Unavailable, "publish", "the outbox does not answer", nil)
	}
	if !slices.ContainsFunc(w.told, func(had notify.Event) bool { return had.ID == e.ID }) {
		w.told = append(w.told, e)
	}
	return nil
}

// recorded lists who caused the records of a kind, each ID once as the log has it.
func (w *world) recorded(kind string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var actors []string
	seen := map[string]bool{}
	for _, r := range w.records {
		if r.Kind == kind && !seen[r.ID] {
			seen[r.ID] = true
			actors = append(actors, r.Actor)
		}
	}
	return actors
}

// authorize is a decision table: operators may everything, clients read, others
// nothing; who is not of the hub sees its own trust domain.
func (w *world) authorize(r *http.Request, operation, domain, target string) (hub.Identity, error) {
	who := httpapi.Caller(r.Context())
	if domain != "" && who.TrustDomain != "hub" && who.TrustDomain != domain {
		return who, hub.E(hub.NotFound, operation, "not found", nil)
	}
	if who.Kind == hub.KindOperator || who.Kind == hub.KindClient && strings.HasSuffix(operation, ".read") {
		return who, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused = append(w.refused, operation+" "+target)
	return who, hub.E(hub.Denied, operation, operation+" is not for you", nil)
}

func (w *world) Apply(context.Context, smgr.Event) error { return nil }
func (w *world) Follow(smgr.Event) error                 { return nil }

// Input makes the input of an event: NS n1 with the VNF v1.
func (w *world) Input(_ context.Context, e smgr.Event) ([]byte, error) {
	return json.Marshal(map[string]any{
		"schema": policies.InputSchema, "kind": e.Kind, "time": e.Time.Format(time.RFC3339Nano), "event": e.Body,
		"sm": map[string]any{"name": "north", "trustDomain": "red", "mode": "PASSIVE"}, "subject": map[string]any{"nsInstanceId": "n1"},
		"ns":       map[string]any{"id": "n1", "nsdId": "d1"},
		"vnfs":     map[string]any{"v1": map[string]any{"id": "v1", "provider": "evil", "nsInstanceIds": []string{"n1"}, "vnfdId": "f1"}},
		"packages": map[string]any{}, "computes": map[string]any{}, "hosts": map[string]any{}, "images": map[string]any{}, "recent": []any{}, "asOf": map[string]any{},
	})
}

// emptyTopology knows nothing.
type emptyTopology struct{}

func (emptyTopology) Places(context.Context, string) ([]enforce.Place, error) { return nil, nil }
func (emptyTopology) Profile(context.Context, string, string) (enforce.Profile, error) {
	return enforce.Profile{}, nil
}
func (emptyTopology) CoHosted(context.Context, string) ([]string, error) { return nil, nil }
func (emptyTopology) OnHost(context.Context, string) ([]string, error)   { return nil, nil }
func (emptyTopology) NsIDs(context.Context, string, int) ([]string, error) {
	return nil, nil
}

// idle is a queue that nobody works on.
type idle struct{}

func (idle) Push(context.Context, enforce.Item) error { return nil }
func (idle) Consume(ctx context.Context, _ func(context.Context, enforce.Item) error) error {
	<-ctx.Done()
	return nil
}

// answer is what came back.
type answer struct {
	*world
	status int
	header http.Header
	body   []byte
}

// call sends a request as somebody; body is JSON text, headers are "Name: value".
func (w *world) call(who, method, path, body string, headers ...string) answer {
	w.Helper()
	return w.send(w.Context(), who, method, "/manoward/v1/security_managers/north"+path, body, headers...)
}

func (w *world) send(ctx context.Context, who, method, path, body string, headers ...string) answer {
	w.Helper()
	var in io.Reader
	if body != "" {
		in = bytes.NewReader([]byte(body))
	}
	req, err := http.NewRequestWithContext(ctx, method, w.url+path, in)
	check(w, err)
	if who != "" {
		req.Header.Set("X-Who", who)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := w.client.Do(req)
	check(w, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	check(w, err)
	return answer{w, resp.StatusCode, resp.Header, raw}
}

// is fails the test unless the answer has the status and holds the words.
func (a answer) is(status int, words ...string) answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("answered %d, want %d: %s", a.status, status, a.body)
	}
	for _, word := range words {
		if !strings.Contains(string(a.body), word) {
			a.Errorf("the answer lacks %q: %s", word, a.body)
		}
	}
	if strings.Contains(string(a.body), "goroutine ") || strings.Contains(string(a.body), "PRIVATE KEY") {
		a.Errorf("the answer shows what it must not: %s", a.body)
	}
	return a
}

// as reads the body.
func as[T any](a answer) T {
	a.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.Fatalf("%v: %s", err, a.body)
	}
	return v
}
