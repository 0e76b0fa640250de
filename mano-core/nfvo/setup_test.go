package nfvo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/mano-core/nfvo"
	"github.com/manoward/manoward/mano-core/nfvo/nfvoapi"
)

// outbox keeps what each of its subscriptions is told, each notification once.
type outbox struct {
	mu      sync.Mutex
	subs    []notify.Subscription
	seen    map[string]string // notification to body
	told    map[string][]map[string]any
	altered []string // that came again and said something else
}

func (o *outbox) Publish(_ context.Context, e notify.Event) error {
	if e.Key == "" {
		return hub.E(hub.Internal, "publish", "an event of "+e.API+" does not say what it is about", nil)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.subs {
		sub := &o.subs[i]
		id := hub.DeriveID(e.ID, sub.ID)
		if sub.TrustDomain != "hub" && sub.TrustDomain != e.TrustDomain {
			continue
		}
		body, ok := e.Render(sub, id)
		if !ok {
			continue
		}
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		if was, again := o.seen[id]; again {
			if was != string(raw) {
				o.altered = append(o.altered, was+"\nand again:\n"+string(raw))
			}
			continue
		}
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			return err
		}
		o.seen[id] = string(raw)
		o.told[sub.ID] = append(o.told[sub.ID], m)
	}
	return nil
}

func (o *outbox) of(sub, kind string) []map[string]any {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []map[string]any
	for _, m := range o.told[sub] {
		if m["notificationType"] == kind {
			out = append(out, m)
		}
	}
	return out
}

func (o *outbox) Subscription(_ context.Context, _, id string) (notify.Subscription, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.subs {
		if s.ID == id {
			return s, nil
		}
	}
	return notify.Subscription{}, hub.E(hub.NotFound, "find", "none", nil)
}

func (o *outbox) List(_ string, visible func(*notify.Subscription) bool, show func(*notify.Subscription) any) httpapi.Source {
	return func(after string) iter.Seq2[httpapi.Item, error] {
		return func(yield func(httpapi.Item, error) bool) {
			for i := range o.subs {
				if s := &o.subs[i]; s.ID > after && visible(s) && !yield(httpapi.Item{Key: s.ID, Value: show(s)}, nil) {
					return
				}
			}
		}
	}
}

func (o *outbox) Unsubscribe(_ context.Context, _, id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.subs = slices.DeleteFunc(o.subs, func(s notify.Subscription) bool { return s.ID == id })
	return nil
}

func (o *outbox) Request(_ *http.Request, in notify.Input) (notify.Subscription, bool, error) {
	filter, err := json.Marshal(in.Filter)
	if err != nil {
		return notify.Subscription{}, false, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.subs {
		if s.CallbackURI == in.CallbackURI && s.Owner == in.Owner.String() {
			return s, false, nil
		}
	}
	id := fmt.Sprintf("sub%d", len(o.subs))
	s := notify.Subscription{ID: id, TrustDomain: in.TrustDomain, Owner: in.Owner.String(), CallbackURI: in.CallbackURI, Filter: filter, Verbosity: in.Verbosity, Self: in.Collection + "/" + id}
	o.subs = append(o.subs, s)
	return s, true, nil
}

// records is the log of all domains.
type records struct {
	mu   sync.Mutex
	list []hub.Record
	by   map[string]string // domain by record

	before func(hub.Record) error // asked first, if it is set before use
}

func (l *records) Append(_ context.Context, domain string, r hub.Record) error {
	if l.before != nil {
		if err := l.before(r); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by[r.ID] == "" {
		l.by[r.ID] = domain
		l.list = append(l.list, r)
		return nil
	}
	for _, was := range l.list {
		if was.ID == r.ID && !was.Time.Equal(r.Time) {
			return hub.E(hub.Conflict, "append record", "a record of this ID has other content", nil)
		}
	}
	return nil
}

func (l *records) kinds(kind string) (out []hub.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.list {
		if r.Kind == kind {
			out = append(out, r)
		}
	}
	return out
}

// world is an NFVO with all that it needs around it. The surroundings survive
// its crashes.
type world struct {
	t     testing.TB
	bus   *memstate.Bus
	vim   *fakeVIM
	vnfm  *fakeVNFM
	sick  *fakeFaults // of the VNFM
	cat   *catalogue
	out   *outbox
	log   *records
	front *httptest.Server
	mux   atomic.Pointer[httpapi.Mux]
	svc   *nfvo.Service
	stop  context.CancelFunc
	now   func() time.Time
	tries int // how often what does not answer is tried; 0 means the default

	certMu  sync.Mutex  // covers what is below
	revoked []string    // trust domain and VNF, in order
	refuses []error     // of the next revocations
	leftAt  []time.Time // that the CMF was told, refused ones too
}

// quarantined stands for the CMF.
func (w *world) quarantined(_ context.Context, domain, vnf string, at time.Time) error {
	w.certMu.Lock()
	defer w.certMu.Unlock()
	w.leftAt = append(w.leftAt, at)
	if len(w.refuses) > 0 {
		err := w.refuses[0]
		w.refuses = w.refuses[1:]
		return err
	}
	w.revoked = append(w.revoked, domain+" "+vnf)
	return nil
}

func newWorld(t testing.TB) *world {
	w := &world{
		t: t, bus: &memstate.Bus{}, vim: newFakeVIM(t), now: time.Now,
		cat: &catalogue{nsds: map[string]nfvo.NSD{"shop": descriptor("shop", "north"), "south-shop": descriptor("south-shop", "south")}, disabled: map[string]bool{}, altered: map[string]bool{}},
		out: &outbox{seen: map[string]string{}, told: map[string][]map[string]any{}}, log: &records{by: map[string]string{}},
	}
	w.out.subs = []notify.Subscription{
		{ID: "north", TrustDomain: "north", Self: "https://nfvo/nslcm/v2/subscriptions/north"},
		{ID: "short", TrustDomain: "north", Verbosity: "SHORT", Self: "https://nfvo/nslcm/v2/subscriptions/short"},
		{ID: "south", TrustDomain: "south", Self: "https://nfvo/nslcm/v2/subscriptions/south"},
	}
	w.vnfm, w.sick = newFakeVNFM(t, w.vim), newFakeFaults(t)
	w.front = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if mux := w.mux.Load(); mux != nil {
			mux.ServeHTTP(rw, r)
			return
		}
		rw.WriteHeader(503)
	}))
	t.Cleanup(w.front.Close)
	w.vnfm.nfvo = w.front.URL
	w.start()
	t.Cleanup(func() { w.stop(); w.svc.Wait() })
	return w
}

// start lets a new NFVO take over what is stored.
func (w *world) start() {
	w.t.Helper()
	work, stop := context.WithCancel(context.Background())
	w.stop = stop
	client := func(base, version string) *httpapi.Client {
		return &httpapi.Client{Base: base, Version: version, Retries: -1}
	}
	w.svc = nfvo.New(nfvo.Config{
		Tables: w.bus, Packages: w.cat, Descriptors: w.cat, Publisher: w.out, Records: w.log,
		VNFM: client(w.vnfm.server.URL, "2.3.0"), VNFMFaults: client(w.sick.server.URL, "1.5.0"), VIM: client(w.vim.server.URL, "1.0.0"), CallbackURI: w.front.URL + "/manoward/v1/vnfm_notifications",
		Log: slog.New(slog.DiscardHandler), Now: w.now, Poll: time.Millisecond, Attempts: w.tries, Quarantined: w.quarantined,
	})
	if err := w.svc.Open(context.Background(), work, "north", "south", "hub"); err != nil {
		w.t.Fatal(err)
	}
	api := &nfvoapi.API{NFVO: w.svc, Authorize: authorize, Subscriptions: w.out}
	mux := httpapi.NewMux(httpapi.Options{Log: slog.New(slog.DiscardHandler)})
	api.NsLcmRoutes(mux.API(nfvoapi.NsLcm()))
	api.NsFmRoutes(mux.API(nfvoapi.NsFm()))
	api.GrantRoutes(mux.API(nfvoapi.Grant()))
	ours := mux.API(httpapi.API{Name: "manoward", Major: "v1", Versions: []httpapi.APIVersion{{Version: "1.0.0"}}, VersionOptional: true})
	api.ExtensionRoutes(ours)
	api.CallbackRoutes(ours)
	w.mux.Store(mux)
	for range 2000 {
		err := w.svc.Resume(context.Background())
		if err == nil {
			return
		}
		if !errors.Is(err, errDisk) {
			w.t.Fatal(err)
		}
	}
}

var errDisk = errors.New("no space left on device")

// crash ends the NFVO where it stands.
func (w *world) crash() {
	w.mux.Store(nil)
	w.stop()
	w.svc.Wait()
}

// authorize trusts what the request says of itself, and hides what belongs to
// another domain.
func authorize(r *http.Request, _, targetDomain, _ string) (hub.Identity, error) {
	id, err := hub.ParseIdentity(r.Header.Get("X-Caller"))
	if err != nil {
		return id, hub.E(hub.Unauthenticated, "authenticate", "say who you are", err)
	}
	if targetDomain != "" && id.TrustDomain != "hub" && id.TrustDomain != targetDomain {
		return id, hub.E(hub.NotFound, "authorize", "another domain's", nil)
	}
	return id, nil
}

const (
	north    = "spiffe://north/oss/bss"
	south    = "spiffe://south/oss/bss"
	operator = "spiffe://hub/operator/root"
)

// reply is an answer of the NFVO.
type reply struct {
	status   int
	location string
	body     []byte
	header   http.Header
}

func (w *world) call(caller, method, path string, in any, header ...string) reply {
	w.t.Helper()
	var body io.Reader
	if raw, ok := in.(string); ok {
		body = strings.NewReader(raw)
	} else if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			w.t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, w.front.URL+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Caller", caller)
	req.Header.Set("Accept", "application/json")
	if strings.HasPrefix(path, "/grant") {
		req.Header.Set("Version", "1.7.0")
	} else if strings.HasPrefix(path, "/nslcm") {
		req.Header.Set("Version", "2.3.0")
	} else if strings.HasPrefix(path, "/nsfm") {
		req.Header.Set("Version", "1.3.0")
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header.Get("Location"), raw, resp.Header}
}

func (r reply) id() string { return r.location[strings.LastIndex(r.location, "/")+1:] }

func decode[T any](t testing.TB, r reply) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	return v
}

const nsInstances = "/nslcm/v2/ns_instances"

// create makes an NS identifier.
func (w *world) create(caller, nsdID string) string {
	w.t.Helper()
	r := w.call(caller, "POST", nsInstances, sol005.CreateNsRequest{NsdID: nsdID, NsName: "n-" + nsdID, NsDescription: "d"})
	if r.status != 201 {
		w.t.Fatalf("create NS: %d %s", r.status, r.body)
	}
	return r.id()
}

// do starts a task and returns its operation.
func (w *world) do(caller, nsID, task string, in any) string {
	w.t.Helper()
	r := w.call(caller, "POST", nsInstances+"/"+nsID+"/"+task, in)
	if r.status != 202 {
		w.t.Fatalf("%s: %d %s", task, r.status, r.body)
	}
	return r.id()
}

// await waits until an operation is in a state in which it rests, and its NS is
// free again if it has ended.
func (w *world) await(id string, want sol005.NsLcmOperationStateType) *nfvo.OpOcc {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		o, err := w.svc.OpOcc(context.Background(), id)
		if err == nil && o.OperationState == want && (o.Closed || want == sol005.NsLcmOperationStateFailedTemp || want == sol005.NsLcmOperationStateProcessing) {
			return o
		}
		if time.Now().After(deadline) || (err == nil && o.Closed) {
			w.t.Fatalf("operation %s: want %s, have %+v %+v, %v", id, want, o, o.Error, err)
		}
		time.Sleep(time.Millisecond) // between two looks at what can be seen, with a deadline
	}
}

func (w *world) run(caller, nsID, task string, in any) *nfvo.OpOcc {
	w.t.Helper()
	return w.await(w.do(caller, nsID, task, in), sol005.NsLcmOperationStateCompleted)
}

// instantiated makes an NS that runs.
func (w *world) instantiated(caller, nsdID string) *nfvo.NsInstance {
	w.t.Helper()
	id := w.create(caller, nsdID)
	w.run(caller, id, "instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"})
	return w.show(id)
}

func (w *world) show(id string) *nfvo.NsInstance {
	w.t.Helper()
	n, err := w.svc.Instance(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// vnfOf is the first VNF of a VNFD in an NS.
func vnfOf(t testing.TB, n *nfvo.NsInstance, vnfdID string) *sol005.VnfInstance {
	t.Helper()
	for i := range n.VnfInstance {
		if n.VnfInstance[i].VnfdID == vnfdID {
			return &n.VnfInstance[i]
		}
	}
	t.Fatalf("the NS has no VNF of %s: %+v", vnfdID, n.VnfInstance)
	return nil
}
