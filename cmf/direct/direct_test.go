package direct_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/direct"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

const vnfmID = "spiffe://hub/vnfm/hub"

// fakeVNFM answers for VNFs with VNFCs.
type fakeVNFM struct {
	mu            sync.Mutex // covers what is below
	vnfs          map[string][]string
	ops           map[string]sol003.LcmOperationStateType // by VNF
	subscriptions []map[string]any
	down          bool
	asked         func(path string) // before an answer
}

func (f *fakeVNFM) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.asked != nil {
		f.asked(r.URL.Path)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	path := strings.TrimPrefix(r.URL.Path, "/vnflcm/v2")
	id, one := strings.CutPrefix(path, "/vnf_instances/")
	switch {
	case f.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case path == "/subscriptions" && r.Method == http.MethodPost:
		var in map[string]any
		_ = json.NewDecoder(r.Body).Decode(&in)
		in["id"] = fmt.Sprint("sub-", len(f.subscriptions))
		f.subscriptions = append(f.subscriptions, in)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{}`)
	case path == "/subscriptions":
		_ = json.NewEncoder(w).Encode(f.subscriptions)
	case strings.HasPrefix(path, "/subscriptions/") && r.Method == http.MethodDelete:
		f.subscriptions = slices.DeleteFunc(f.subscriptions, func(s map[string]any) bool { return path == "/subscriptions/"+fmt.Sprint(s["id"]) })
		w.WriteHeader(http.StatusNoContent)
	case path == "/vnf_lcm_op_occs":
		list := []sol003.VnfLcmOpOcc{}
		for vnf, is := range f.ops {
			list = append(list, sol003.VnfLcmOpOcc{ID: "op-" + vnf, VnfInstanceID: vnf, OperationState: is})
		}
		_ = json.NewEncoder(w).Encode(list)
	case path == "/vnf_instances":
		list := []sol003.VnfInstance{}
		for _, id := range slices.Sorted(maps.Keys(f.vnfs)) {
			v := f.vnf(id)
			if !r.URL.Query().Has("all_fields") { // as SOL 003 clause 5.4.2.3.2 has it
				v.InstantiatedVnfInfo, v.Metadata = nil, nil
			}
			list = append(list, v)
		}
		_ = json.NewEncoder(w).Encode(list)
	case one && f.vnfs[id] != nil:
		_ = json.NewEncoder(w).Encode(f.vnf(id))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (f *fakeVNFM) vnf(id string) sol003.VnfInstance {
	v := sol003.VnfInstance{ID: id, VnfdID: "vnfd", InstantiationState: "INSTANTIATED", Metadata: sol003.KeyValuePairs{"manoward.trustDomain": "north"}, InstantiatedVnfInfo: &sol003.InstantiatedVnfInfo{}}
	for _, c := range f.vnfs[id] {
		v.InstantiatedVnfInfo.VnfcResourceInfo = append(v.InstantiatedVnfInfo.VnfcResourceInfo, sol003.VnfcResourceInfo{ID: c})
	}
	return v
}

// set changes a VNF and what goes on with it; vnfcs nil: it is gone.
func (f *fakeVNFM) set(vnf string, op sol003.LcmOperationStateType, vnfcs ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.vnfs[vnf], f.ops[vnf] = vnfcs, op
	if vnfcs == nil {
		delete(f.vnfs, vnf)
	}
}

// rig is a follower over a fake VNFM.
type rig struct {
	*testing.T
	bus      *memstate.Bus
	vnfm     *fakeVNFM
	server   *httptest.Server
	store    *cmf.Store
	follower *direct.Follower
	direct   bool
	fails    error // of End and Prepare

	ended, prepared []string
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, bus: &memstate.Bus{}, vnfm: &fakeVNFM{vnfs: map[string][]string{}, ops: map[string]sol003.LcmOperationStateType{}}}
	r.server = httptest.NewServer(r.vnfm)
	t.Cleanup(r.server.Close)
	r.open()
	return r
}

// open starts the CMF's side anew, as after a crash.
func (r *rig) open() {
	r.store = cmf.NewStore(state.New(r.bus, "CMF", slog.New(slog.DiscardHandler)))
	r.follower = direct.New(direct.Config{
		Store: r.store, VNFM: &httpapi.Client{Base: r.server.URL + "/vnflcm/v2", Version: "2.0.0", Retries: -1}, Manager: vnfmID,
		Callback: "https://cmf.test/notifications", Direct: r.direct, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Prepare: func(_ context.Context, domain string, in certmgmt.RegisterRequest) error {
			r.prepared = append(r.prepared, domain+" "+in.VnfInstanceID+" "+in.SubjectID[0]+" "+string(in.TypeOfVnfcCertHandling))
			if r.fails == nil {
				r.register(in.SubjectID[0], in.VnfInstanceID, vnfmID, in.SubjectID[0])
			}
			return r.fails
		},
		End: func(ctx context.Context, domain, id string) error {
			if r.fails != nil {
				return r.fails
			}
			r.ended = append(r.ended, domain+" "+id)
			_, err := r.store.Registrations.Update(ctx, id, func(x *cmf.Registration) error { x.Ended = true; return nil })
			return err
		},
	})
	if err := r.store.Space.Open(r.Context(), r.Context(), "hub", "north"); err != nil {
		r.Fatal(err)
	}
}

// register stores a registration of a VNF's VNFC instances.
func (r *rig) register(id, vnf, manager string, vnfcs ...string) {
	r.Helper()
	_, err := r.store.Registrations.Create(r.Context(), "north", id, &cmf.Registration{Registration: certmgmt.Registration{ID: id, VnfInstanceID: vnf, SubjectID: vnfcs, Manager: manager, CertType: certmgmt.VNFCICert}})
	if err != nil {
		r.Fatal(err)
	}
}

// notify lets the VNFM tell of an operation's end, and has it followed.
func (r *rig) notify(vnf string) error {
	r.Helper()
	n := sol003.VnfLcmOperationOccurrenceNotification{VnfInstanceID: vnf, NotificationStatus: "RESULT"}
	if err := r.follower.Notified(r.Context(), n); err != nil {
		r.Fatal(err)
	}
	return r.follower.Follow(r.Context())
}

func (r *rig) wantEnded(want ...string) {
	r.Helper()
	if !slices.Equal(r.ended, want) {
		r.Errorf("ended are %v, want %v", r.ended, want)
	}
}

// What a VNF has lost is ended, in whatever way it is learnt, once, and nothing else.
func TestFollow(t *testing.T) {
	r := newRig(t)
	r.vnfm.set("v1", "COMPLETED", "a", "b")
	r.vnfm.set("v2", "COMPLETED", "c")
	for _, id := range []string{"a", "b", "gone"} {
		r.register(id, "v1", vnfmID, id)
	}
	r.register("both", "v1", vnfmID, "gone", "a")
	r.register("other", "v1", "spiffe://north/vnfm/other", "gone")
	r.register("c", "v2", vnfmID, "c")
	if err := r.notify("v1"); err != nil {
		t.Fatal(err)
	}
	r.wantEnded("north gone")
	r.vnfm.set("v1", "COMPLETED", "b")
	if err := r.notify("v1"); err != nil {
		t.Fatal(err)
	}
	r.wantEnded("north gone", "north a", "north both")
	r.vnfm.set("v2", "COMPLETED") // nothing told of it
	if err := r.follower.Compare(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantEnded("north gone", "north a", "north both", "north c")
	if len(r.prepared) != 0 {
		t.Errorf("prepared %v in delegation mode", r.prepared)
	}
	if err := r.notify("v1"); err != nil || len(r.ended) != 4 {
		t.Errorf("again: %v, %v", err, r.ended)
	}
}

// While an operation holds a VNF, what the VNFM has registered for it is not in
// the instance yet.
func TestFollow_OperationGoesOn(t *testing.T) {
	for _, is := range []sol003.LcmOperationStateType{"STARTING", "PROCESSING", "FAILED_TEMP", "ROLLING_BACK"} {
		r := newRig(t)
		r.vnfm.set("v1", is, []string{}...)
		r.register("a", "v1", vnfmID, "a")
		if err := errorsOf(r.notify("v1"), r.follower.Compare(t.Context())); err != nil {
			t.Fatal(err)
		}
		r.wantEnded()
		r.vnfm.set("v1", "ROLLED_BACK", []string{}...)
		if err := r.notify("v1"); err != nil {
			t.Fatal(err)
		}
		r.wantEnded("north a")
	}
}

func errorsOf(list ...error) error {
	return list[max(0, slices.IndexFunc(list, func(e error) bool { return e != nil }))]
}

// An operation that begins and registers between the questions does no harm.
func TestFollow_OperationBeginsMeanwhile(t *testing.T) {
	for _, path := range []string{"/vnf_lcm_op_occs", "/vnf_instances/v1"} {
		r := newRig(t)
		r.vnfm.set("v1", "COMPLETED", "a")
		r.register("a", "v1", vnfmID, "a")
		r.vnfm.asked = func(at string) {
			if strings.HasSuffix(at, path) && len(r.store.Registrations.Find(cmf.ByVnf("v1"))) == 1 {
				r.register("new", "v1", vnfmID, "new") // its VNFC comes into the instance at the end
			}
		}
		if err := r.notify("v1"); err != nil {
			t.Fatal(err)
		}
		r.wantEnded()
	}
}

// A hint survives what goes wrong, and a new one that comes meanwhile.
func TestFollow_Again(t *testing.T) {
	r := newRig(t)
	r.vnfm.set("v1", "COMPLETED", []string{}...)
	r.register("a", "v1", vnfmID, "a")
	r.vnfm.down = true
	if err := r.notify("v1"); err == nil {
		t.Error("followed without the VNFM")
	}
	r.vnfm.down = false
	r.fails = hub.E(hub.Unavailable, "end", "the bus is down", nil)
	if err := r.follower.Follow(t.Context()); err == nil {
		t.Error("followed without a bus")
	}
	r.fails = nil
	r.open() // killed and started again
	if err := r.follower.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantEnded("north a")

	r.register("b", "v1", vnfmID, "b")
	r.vnfm.set("v1", "COMPLETED", "b")
	once := sync.OnceFunc(func() {
		n := sol003.VnfLcmOperationOccurrenceNotification{VnfInstanceID: "v1", NotificationStatus: "RESULT"}
		if err := r.follower.Notified(t.Context(), n); err != nil {
			t.Error(err)
		}
	})
	r.vnfm.asked = func(path string) {
		if strings.HasSuffix(path, "/v1") {
			once()
		}
	}
	if err := r.notify("v1"); err != nil {
		t.Fatal(err)
	}
	r.vnfm.set("v1", "COMPLETED", []string{}...)
	if err := r.follower.Follow(t.Context()); err != nil { // the second hint is still there
		t.Fatal(err)
	}
	r.wantEnded("north a", "north b")
}

// In direct mode a VNFC instance that came is prepared, once; one that the VNFM
// has registered in delegation mode is not.
func TestFollow_Direct(t *testing.T) {
	r := newRig(t)
	r.direct = true
	r.open()
	r.vnfm.set("v1", "COMPLETED", "a", "b")
	r.register("a", "v1", vnfmID, "a")
	r.fails = hub.E(hub.Unavailable, "prepare", "the bus is down", nil)
	if err := r.notify("v1"); err == nil {
		t.Error("prepared without a bus")
	}
	r.fails, r.prepared = nil, nil
	if err := errorsOf(r.follower.Follow(t.Context()), r.notify("v1"), r.follower.Compare(t.Context())); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.prepared, []string{"north v1 b DIRECT_MODE"}) {
		t.Errorf("prepared %v", r.prepared)
	}
}

// It subscribes once, for the ends of operations. The subscription of an earlier
// version, for everything, ends; another's stays.
func TestCompare_Subscribes(t *testing.T) {
	const callback = "https://cmf.test/notifications"
	everything := map[string]any{"notificationTypes": []any{"VnfLcmOperationOccurrenceNotification"}}
	other := map[string]any{"id": "other", "callbackUri": "https://nfvo.test/notifications", "filter": everything}
	for name, tc := range map[string]struct{ there, want []map[string]any }{
		"none":                  {nil, nil},
		"of an earlier version": {[]map[string]any{{"id": "early", "callbackUri": callback, "filter": everything}, other}, []map[string]any{other}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.vnfm.subscriptions = tc.there
			for range 3 {
				if err := r.follower.Compare(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			rest := slices.DeleteFunc(slices.Clone(r.vnfm.subscriptions), func(s map[string]any) bool { return s["callbackUri"] == callback })
			if len(r.vnfm.subscriptions) != len(tc.want)+1 || !reflect.DeepEqual(append([]map[string]any{}, rest...), append([]map[string]any{}, tc.want...)) {
				t.Fatalf("subscriptions are %v", r.vnfm.subscriptions)
			}
			states := r.vnfm.subscriptions[len(r.vnfm.subscriptions)-1]["filter"].(map[string]any)["operationStates"]
			if want := []any{"COMPLETED", "FAILED", "ROLLED_BACK"}; !reflect.DeepEqual(states, want) {
				t.Errorf("it asks for %v, want %v", states, want)
			}
		})
	}
}

// What says nothing changes nothing, and what names nothing is refused.
func TestNotified(t *testing.T) {
	r := newRig(t)
	for name, n := range map[string]sol003.VnfLcmOperationOccurrenceNotification{
		"no VNF":   {NotificationStatus: "RESULT"},
		"long VNF": {NotificationStatus: "RESULT", VnfInstanceID: strings.Repeat("x", 256)},
	} {
		if err := r.follower.Notified(t.Context(), n); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.follower.Notified(t.Context(), sol003.VnfLcmOperationOccurrenceNotification{NotificationStatus: "START", VnfInstanceID: "v1"}); err != nil {
		t.Error(err)
	}
	r.vnfm.asked = func(path string) { t.Errorf("asked for %s", path) }
	if err := r.follower.Follow(t.Context()); err != nil {
		t.Error(err)
	}
}

// Run follows hints as they come, compares at the start, and goes on after what
// went wrong.
func TestRun(t *testing.T) {
	r := newRig(t)
	r.vnfm.set("v1", "COMPLETED", []string{}...)
	r.register("a", "v1", vnfmID, "a")
	ctx, stop := context.WithCancel(t.Context())
	waiting := make(chan time.Duration, 100)
	r.follower.Wait = func(ctx context.Context, d time.Duration) error {
		waiting <- d
		<-ctx.Done()
		return ctx.Err()
	}
	done := make(chan error, 1)
	go func() { done <- r.follower.Run(ctx) }()
	if d := <-waiting; d != direct.DefaultSweep {
		t.Errorf("rests for %s", d)
	}
	r.wantEnded("north a")
	r.register("b", "v1", vnfmID, "b")
	if err := r.follower.Notified(t.Context(), sol003.VnfLcmOperationOccurrenceNotification{VnfInstanceID: "v1", NotificationStatus: "RESULT"}); err != nil {
		t.Fatal(err)
	}
	<-waiting
	r.wantEnded("north a", "north b")
	stop()
	if err := <-done; err == nil {
		t.Error("Run ended without a reason")
	}
}
