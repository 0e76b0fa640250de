package vnfmapi_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/mano-core/vnfm"
	"github.com/manoward/manoward/mano-core/vnfm/vnfmapi"
)

// deadline bounds every wait for something that can be seen.
const deadline = 20 * time.Second

// rig is a VNFM behind HTTP between an NFVO and a VIM that are fakes.
type rig struct {
	t      testing.TB
	bus    *memstate.Bus
	vim    *fakeVIM
	nfvo   *fakeNFVO
	outbox *fakeOutbox
	logged atomic.Int64 // records
	vnfds  map[string]*sol001.VNFD
	vimAt  string
	nfvoAt string
	ahead  atomic.Int64 // nanoseconds by which the VNFM's clock is
	cmf    *fakeCMF     // nil: there is none

	service *vnfm.Service
	server  *httptest.Server
	stop    func()
}

func newRig(t testing.TB) *rig {
	r := &rig{t: t, bus: &memstate.Bus{}, vim: newFakeVIM(t), outbox: &fakeOutbox{}, vnfds: map[string]*sol001.VNFD{"vnfd-1": vnfd("vnfd-1", "img-1"), "vnfd-2": vnfd("vnfd-2", "img-2")}}
	r.nfvo = &fakeNFVO{t: t, grants: map[string]sol003.Grant{}, requests: map[string]sol003.GrantRequest{}}
	for _, ext := range []string{"ext-a", "ext-b"} {
		r.vim.things["networks"][ext] = map[string]any{"id": ext}
	}
	vim, nfvo := httptest.NewServer(r.vim), httptest.NewServer(r.nfvo)
	t.Cleanup(vim.Close)
	t.Cleanup(nfvo.Close)
	r.vimAt, r.nfvoAt = vim.URL+"/vim/v1", nfvo.URL+"/grant/v1"
	r.open()
	t.Cleanup(func() { r.stop() })
	return r
}

// open starts the VNFM over the tables that there are; stop ends it, as a crash
// does: nothing is finished.
func (r *rig) open() {
	work, end := context.WithCancel(context.Background())
	var certificates vnfm.Certificates
	if r.cmf != nil {
		certificates = r.cmf
	}
	r.service = vnfm.New(vnfm.Config{
		Certificates: certificates,
		Tables:       r.bus, Publisher: r.outbox, Record: r.record, NFVO: &httpapi.Client{Base: r.nfvoAt, Version: "1.7.0", Retries: -1}, VIM: &httpapi.Client{Base: r.vimAt, Version: "1.0.0", Retries: -1},
		VNFD: func(_ context.Context, domain, id string) (*sol001.VNFD, string, error) {
			if d := r.vnfds[id]; d != nil && domain != "empty" {
				return d, "pkg-of-" + id, nil
			}
			return nil, "", hub.E(hub.NotFound, "find VNFD", "no such VNFD", nil)
		},
		Root: "https://vnfm.test/vnflcm/v2", Callback: "https://vnfm.test" + vnfmapi.NotificationPath,
		Wait: func(ctx context.Context, d time.Duration) error {
			if d == vnfm.DefaultSweep { // the test sweeps when it wants to
				<-ctx.Done()
			}
			timer := time.NewTimer(min(d, time.Millisecond))
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			return ctx.Err()
		},
		Now: func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) },
		Log: slog.New(slog.DiscardHandler),
	})
	if err := r.service.Open(context.Background(), work, "hub", "north", "south", "empty"); err != nil {
		r.t.Fatal(err)
	}
	mux := httpapi.NewMux(httpapi.Options{})
	api := &vnfmapi.API{Service: r.service, Subscriptions: r.outbox, Authorize: authorize}
	api.Routes(mux)
	r.server = httptest.NewServer(mux)
	r.stop = sync.OnceFunc(func() {
		end()
		r.server.Close()
		r.service.Close()
	})
}

// authorize takes the caller's word for who it is: the header X-Caller, as
// kind@domain. An em and a vnf may do only what parties allow them.
func authorize(r *http.Request, operation, domain, _ string) (hub.Identity, error) {
	kind, of, _ := strings.Cut(cmp.Or(r.Header.Get("X-Caller"), "nfvo@hub"), "@")
	who := hub.Identity{TrustDomain: of, Kind: hub.Kind(kind), Name: "tester"}
	if kind == "nfvo" && of == "hub" {
		who.Name = "hub" // the hub's own
	}
	if kind == "vnf" { // vnf@domain/vnfInstanceId
		of, who.Name, _ = strings.Cut(of, "/")
		who.TrustDomain = of
		if !slices.Contains([]string{"vnf.query", "vnf.scale", "vnf.heal", "op.query", "subscription.create", "subscription.query", "alarm.query", "alarm-subscription.create"}, operation) {
			return who, hub.E(hub.Denied, operation, "a VNF may not do this", nil)
		}
	}
	if kind == "em" && !slices.Contains([]string{"vnf.query", "vnf.heal", "vnf.operate", "vnf.modify", "op.query", "configuration.query"}, operation) {
		return who, hub.E(hub.Denied, operation, "an EM may not do this", nil)
	}
	if domain != "" && domain != of && of != "hub" {
		return who, hub.E(hub.NotFound, operation, "there is no such thing", nil)
	}
	return who, nil
}

// vnfd is a VNFD with a scaled VDU on an internal and an external link, and one
// beside it.
func vnfd(id, image string) *sol001.VNFD {
	flavour := func(name string, memory int) *sol001.Flavour {
		return &sol001.Flavour{
			ID: name, DefaultLevel: "small",
			Levels: map[string]*sol001.Level{
				"small": {Instances: map[string]int{"web": 1, "db": 1}, Scale: map[string]int{"webs": 0}},
				"big":   {Instances: map[string]int{"web": 3, "db": 1}, Scale: map[string]int{"webs": 2}},
			},
			Aspects: map[string]*sol001.Aspect{"webs": {MaxLevel: 3, Deltas: []map[string]int{{"web": 1}}}},
			VDUs: map[string]*sol001.VDU{
				"web": {
					ID: "web", Min: 1, Max: 4, VCPUs: 1, MemoryMiB: 512, Image: "web", SwImage: &sol001.SwImage{Name: "web-image", Hash: image},
					Cps: []sol001.Cp{{ID: "web_int", Link: "int"}, {ID: "web_ext", ExtCp: "ext_cp"}},
				},
				"db": {ID: "db", Min: 1, Max: 1, VCPUs: 1, MemoryMiB: memory, Storages: []string{"data"}, Cps: []sol001.Cp{{ID: "db_int", Link: "int"}}},
			},
			Links:    map[string]*sol001.Link{"int": {ID: "int", CIDRs: []string{"192.0.2.0/24"}}},
			ExtCps:   map[string]*sol001.ExtCp{"ext_cp": {ID: "ext_cp"}},
			Storages: map[string]*sol001.Storage{"data": {ID: "data", Type: "BLOCK", SizeGiB: 5}},
			Affinity: []sol001.AffinityRule{{Name: "apart", Anti: true, Scope: "nfvi_node", Members: []string{"web"}}},
		}
	}
	return &sol001.VNFD{
		ID: id, Version: "1", Provider: "acme", ProductName: "shop", SoftwareVersion: "1.0", AutoHeal: true, DefaultFlavour: "simple",
		Flavours: map[string]*sol001.Flavour{"simple": flavour("simple", 512), "large": flavour("large", 1024)},
	}
}

// answerOf is an HTTP answer with its body.
type answerOf struct {
	status   int
	location string
	etag     string
	body     []byte
}

// do sends a request; body may be a string, which is sent as it is. header are
// pairs of names and values.
func (r *rig) do(method, target string, body any, header ...string) answerOf {
	r.t.Helper()
	a, err := r.try(method, target, body, header...)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func (r *rig) try(method, target string, body any, header ...string) (answerOf, error) {
	raw, isText := body.(string)
	if body != nil && !isText {
		encoded, err := json.Marshal(body)
		if err != nil {
			return answerOf{}, err
		}
		raw = string(encoded)
	}
	version := "1.0.0"
	switch {
	case strings.HasPrefix(target, "/vnffm"):
		version = vnfmapi.FaultVersion
	case !strings.HasPrefix(target, "/manoward"):
		target, version = "/vnflcm/v2"+target, "2.0.0" // as tackerclient says
	}
	req, err := http.NewRequest(method, r.server.URL+target, bytes.NewReader([]byte(raw)))
	if err != nil {
		return answerOf{}, err
	}
	req.Header.Set("Version", version)
	if body != nil {
		req.Header.Set("Content-Type", map[bool]string{true: httpapi.TypeMergePatch, false: httpapi.TypeJSON}[method == "PATCH"])
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return answerOf{}, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return answerOf{resp.StatusCode, resp.Header.Get("Location"), resp.Header.Get("ETag"), got}, err
}

// want fails unless an answer has this status.
func (r *rig) want(a answerOf, status int) answerOf {
	r.t.Helper()
	if a.status != status {
		r.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

func (r *rig) read(target string, out any) {
	r.t.Helper()
	if err := json.Unmarshal(r.want(r.do("GET", target, nil), 200).body, out); err != nil {
		r.t.Fatal(err)
	}
}

// create makes a VNF instance of trust domain north.
func (r *rig) create() string {
	r.t.Helper()
	a := r.want(r.do("POST", "/vnf_instances", `{"vnfdId":"vnfd-1","vnfInstanceName":"edge","metadata":{"manoward.trustDomain":"north"}}`), 201)
	return path.Base(a.location)
}

const instantiateBody = `{"flavourId":"simple","localizationLanguage":"fr","extVirtualLinks":[{"id":"vl-a","resourceId":"ext-a","extCps":[{"cpdId":"ext_cp","cpConfig":{"c1":{"cpProtocolData":[{"layerProtocol":"IP_OVER_ETHERNET","ipOverEthernet":{"ipAddresses":[{"type":"IPV4","fixedAddresses":["198.51.100.7"]}]}}]}}}]}],
	"vnfConfigurableProperties":{"isAutohealEnabled":true},"extensions":{"x":"y"}}`

// task starts an operation and waits for its end.
func (r *rig) task(vnf, name, body string, want sol003.LcmOperationStateType) vnfm.OpOcc {
	r.t.Helper()
	a := r.want(r.do("POST", "/vnf_instances/"+vnf+"/"+name, body), 202)
	return r.ended(path.Base(a.location), want)
}

// instantiated makes a VNF instance and instantiates it.
func (r *rig) instantiated() string {
	r.t.Helper()
	id := r.create()
	r.task(id, "instantiate", instantiateBody, sol003.LcmOperationStateCompleted)
	return id
}

// until waits for a condition that a background run brings about.
func (r *rig) until(what string, fn func() bool) {
	r.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); !fn(); <-tick.C {
		if time.Now().After(end) {
			r.t.Fatalf("waited %s for %s", deadline, what)
		}
	}
}

// ended waits until an operation does not run any longer, with its events told.
func (r *rig) ended(op string, want sol003.LcmOperationStateType) vnfm.OpOcc {
	r.t.Helper()
	var o vnfm.OpOcc
	r.until("the end of "+op, func() bool {
		o = vnfm.OpOcc{}
		r.read("/vnf_lcm_op_occs/"+op, &o)
		switch o.OperationState {
		case "STARTING", "PROCESSING", "ROLLING_BACK":
			return false
		}
		e, err := r.service.Op(context.Background(), op)
		return err == nil && len(e.Value.Pending) == 0
	})
	if o.OperationState != want {
		r.t.Fatalf("operation is %s, want %s: %+v", o.OperationState, want, o.Error)
	}
	return o
}

func (r *rig) vnf(id string) sol003.VnfInstance {
	r.t.Helper()
	var v sol003.VnfInstance
	r.read("/vnf_instances/"+id, &v)
	return v
}

// same fails unless the VIM has exactly what the instance says.
func (r *rig) same(id string) *sol003.InstantiatedVnfInfo {
	r.t.Helper()
	info := r.vnf(id).InstantiatedVnfInfo
	says := map[string][]string{"computes": {}, "ports": {}, "storages": {}, "networks": {}}
	if i := info; i != nil {
		for _, c := range i.VnfcResourceInfo {
			says["computes"] = append(says["computes"], c.ComputeResource.ResourceID)
		}
		for _, l := range i.VnfVirtualLinkResourceInfo {
			says["networks"] = append(says["networks"], l.NetworkResource.ResourceID)
			for _, p := range l.VnfLinkPorts {
				says["ports"] = append(says["ports"], p.ResourceHandle.ResourceID)
			}
		}
		for _, l := range i.ExtVirtualLinkInfo {
			for _, p := range l.ExtLinkPorts {
				says["ports"] = append(says["ports"], p.ResourceHandle.ResourceID)
			}
		}
		for _, st := range i.VirtualStorageResourceInfo {
			says["storages"] = append(says["storages"], st.StorageResource.ResourceID)
		}
	}
	for collection, ids := range says {
		slices.Sort(ids)
		if has := r.vim.ids(collection); !slices.Equal(ids, has) {
			r.t.Fatalf("%s: the instance says %v, the VIM has %v", collection, ids, has)
		}
	}
	return info
}

func (r *rig) record(context.Context, string, hub.Record) error {
	r.logged.Add(1)
	return nil
}

// fakeOutbox delivers to subscriptions at once, into lists.
type fakeOutbox struct {
	mu   sync.Mutex
	subs []notify.Subscription
	got  map[string][]json.RawMessage // by subscription
	ids  map[string]bool
	fail bool
}

func (o *fakeOutbox) Publish(_ context.Context, e notify.Event) error {
	if e.Key == "" {
		return hub.E(hub.Internal, "publish", "an event of "+e.API+" does not say what it is about", nil)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail {
		return hub.E(hub.Unavailable, "publish", "the outbox is closed", nil)
	}
	if o.got == nil {
		o.got, o.ids = map[string][]json.RawMessage{}, map[string]bool{}
	}
	for i := range o.subs {
		s := &o.subs[i]
		id := hub.DeriveID(e.ID, s.ID)
		body, ok := e.Render(s, id)
		if !ok || s.API != e.API || o.ids[id] || s.TrustDomain != "hub" && s.TrustDomain != e.TrustDomain {
			continue
		}
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		o.ids[id] = true
		o.got[s.ID] = append(o.got[s.ID], raw)
	}
	return nil
}

func (o *fakeOutbox) Request(_ *http.Request, in notify.Input) (notify.Subscription, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !strings.HasPrefix(in.CallbackURI, "https://") {
		return notify.Subscription{}, false, hub.E(hub.Invalid, "subscribe", "callbackUri is no https URI; send one", nil)
	}
	filter, err := json.Marshal(in.Filter)
	if err != nil {
		return notify.Subscription{}, false, err
	}
	s := notify.Subscription{
		ID: fmt.Sprint("s", len(o.subs)), API: in.API, TrustDomain: in.TrustDomain, Owner: in.Owner.String(), CallbackURI: in.CallbackURI,
		Filter: filter, Verbosity: in.Verbosity, Self: in.Collection + "/s" + fmt.Sprint(len(o.subs)),
	}
	for _, was := range o.subs {
		if was.CallbackURI == s.CallbackURI && was.Owner == s.Owner && bytes.Equal(was.Filter, s.Filter) {
			return was, false, nil
		}
	}
	o.subs = append(o.subs, s)
	return s, true, nil
}

func (o *fakeOutbox) List(_ string, visible func(*notify.Subscription) bool, show func(*notify.Subscription) any) httpapi.Source {
	o.mu.Lock()
	defer o.mu.Unlock()
	shown := map[any]string{}
	var views []any
	for i := range o.subs {
		if s := &o.subs[i]; visible(s) {
			view := show(s)
			p := any(&view)
			shown[p] = s.ID
			views = append(views, p)
		}
	}
	return httpapi.SliceSource(views, func(v any) string { return shown[v] })
}

func (o *fakeOutbox) Subscription(_ context.Context, _, id string) (notify.Subscription, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.subs {
		if s.ID == id {
			return s, nil
		}
	}
	return notify.Subscription{}, hub.E(hub.NotFound, "find subscription", "no such subscription", nil)
}

func (o *fakeOutbox) Unsubscribe(_ context.Context, _, id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.subs = slices.DeleteFunc(o.subs, func(s notify.Subscription) bool { return s.ID == id })
	return nil
}
