package enforce

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/sol/sol005"
)

// fakeNFVO is an NFVO with a few NSs. Ours remembers Idempotency-Keys and knows
// the extensions; a foreign one does not.
type fakeNFVO struct {
	*httptest.Server
	ours bool
	now  func() time.Time

	mu      sync.Mutex                   // covers what is below
	nss     map[string]map[string]string // NS: VNF: instance name
	pkgs    map[string]string            // package: operational state
	ops     []*fakeOp
	hosts   []*fakeHost
	keys    map[string]string // Idempotency-Key and body: Location
	effects []string          // what happened, in order
	sent    []fakeRequest     // what came in and changes something
	// answer, if set, is asked before each changing request: a status other than
	// 0 is the answer.
	answer func(r *http.Request) (status int, detail string)
	// outcome, if set, says how an operation ends.
	outcome func(o *fakeOp) sol005.NsLcmOperationStateType
	polls   int // of an operation until it ends
}

type fakeRequest struct{ line, key, body string }

type fakeOp struct {
	id, ns string
	state  sol005.NsLcmOperationStateType
	start  time.Time
	params sol005.UpdateNsRequest
	left   int
	held   bool // it never ends by itself
}

type fakeHost struct{ id, state string }

func newFakeNFVO(t testing.TB, ours bool, now func() time.Time) *fakeNFVO {
	f := &fakeNFVO{
		ours: ours, now: now, keys: map[string]string{}, polls: 2,
		nss: map[string]map[string]string{
			"ns-1": {"vnf-a": "", "vnf-b": "", "vnf-s": ""}, "ns-2": {"vnf-s": "", "vnf-c": ""}, "ns-3": {"vnf-d": ""},
		},
		pkgs: map[string]string{"pkg-1": "ENABLED"},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /manoward/v1/session", func(w http.ResponseWriter, _ *http.Request) {
		if !f.ours {
			problem(w, http.StatusNotFound, "no such resource")
			return
		}
		reply(w, http.StatusOK, map[string]string{"mode": "FULLY_ACTIVE"})
	})
	mux.HandleFunc("GET /nslcm/v2/ns_instances", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		list := []any{}
		for _, id := range slices.Sorted(maps.Keys(f.nss)) {
			if ns := f.showNs(id); f.fields(r, "vnfInstance") {
				list = append(list, ns)
			} else {
				list = append(list, map[string]string{"id": id})
			}
		}
		reply(w, http.StatusOK, list) // it knows no filters
	})
	mux.HandleFunc("GET /nslcm/v2/ns_instances/{id}", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.nss[r.PathValue("id")] == nil {
			problem(w, http.StatusNotFound, "not found")
			return
		}
		reply(w, http.StatusOK, f.showNs(r.PathValue("id")))
	})
	mux.HandleFunc("GET /nslcm/v2/ns_lcm_op_occs", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		list := []any{map[string]any{"id": "other", "nsInstanceId": "ns-9", "operationState": "PROCESSING", "lcmOperationType": "SCALE", "operationParams": []int{1}}}
		for _, o := range f.ops {
			v := o.show()
			if !f.fields(r, "operationParams") {
				delete(v, "operationParams")
			}
			list = append(list, v)
		}
		reply(w, http.StatusOK, list)
	})
	mux.HandleFunc("GET /nslcm/v2/ns_lcm_op_occs/{id}", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, o := range f.ops {
			if o.id == r.PathValue("id") {
				f.progress(o)
				reply(w, http.StatusOK, o.show())
				return
			}
		}
		problem(w, http.StatusNotFound, "not found")
	})
	mux.HandleFunc("GET /vnfpkgm/v2/vnf_packages/{id}", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		reply(w, http.StatusOK, map[string]string{"operationalState": f.pkgs[r.PathValue("id")]})
	})
	mux.HandleFunc("GET /sc-or/v1/host_orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, h := range f.hosts {
			if h.id == r.PathValue("id") {
				was := h.state
				if h.state == "PROCESSING" {
					h.state = "COMPLETED"
				}
				reply(w, http.StatusOK, map[string]any{"state": was, "problems": []string{}})
			}
		}
	})
	mux.HandleFunc("POST /nslcm/v2/ns_instances/{id}/update", f.changing(f.update))
	mux.HandleFunc("PATCH /vnfpkgm/v2/vnf_packages/{id}", f.changing(f.patch))
	mux.HandleFunc("POST /sc-or/v1/hosts/{id}/stop_use", f.changing(f.stopUse))
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client sees a broken answer
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "detail": detail})
}

// changing notes a request, answers as the test wants, and keeps the keys.
func (f *fakeNFVO) changing(fn func(r *http.Request, body string) (status int, location, detail string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var raw json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&raw); err != nil {
			problem(w, http.StatusBadRequest, err.Error())
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		prefix := "/" + strings.Join(strings.Split(r.URL.Path, "/")[1:3], "/")
		key := r.Header.Get("Idempotency-Key")
		f.sent = append(f.sent, fakeRequest{r.Method + " " + strings.TrimPrefix(r.URL.Path, prefix), key, string(raw)})
		if f.answer != nil {
			if status, detail := f.answer(r); status != 0 {
				problem(w, status, detail)
				return
			}
		}
		known := f.ours && key != "" && r.Method == http.MethodPost
		if at, ok := f.keys[key+" "+string(raw)]; ok && known {
			w.Header().Set("Location", at)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		if known && slices.ContainsFunc(slices.Collect(maps.Keys(f.keys)), func(k string) bool { return strings.HasPrefix(k, key+" ") }) {
			problem(w, http.StatusUnprocessableEntity, "the key was used for another order")
			return
		}
		status, location, detail := fn(r, string(raw))
		if status >= 400 {
			problem(w, status, detail)
			return
		}
		if location != "" {
			location = f.URL + prefix + location
			w.Header().Set("Location", location)
			if known {
				f.keys[key+" "+string(raw)] = location
			}
		}
		w.WriteHeader(status)
	}
}

func (f *fakeNFVO) showNs(id string) any {
	vnfs := []any{}
	for _, v := range slices.Sorted(maps.Keys(f.nss[id])) {
		vnfs = append(vnfs, map[string]string{"id": v, "vnfInstanceName": f.nss[id][v]})
	}
	return map[string]any{"id": id, "vnfInstance": vnfs}
}

// fields says whether a list shows an attribute that it leaves out by default.
// The foreign NFVO does not know the parameter.
func (f *fakeNFVO) fields(r *http.Request, name string) bool {
	return f.ours && r.URL.Query().Get("fields") == name
}

func (o *fakeOp) show() map[string]any {
	v := map[string]any{"id": o.id, "nsInstanceId": o.ns, "operationState": o.state, "lcmOperationType": "UPDATE", "startTime": o.start, "operationParams": o.params}
	if o.state != "PROCESSING" && o.state != "COMPLETED" {
		v["error"] = map[string]any{"status": 500, "detail": "it went wrong"}
	}
	return v
}

// progress lets an operation end after it was asked for often enough.
func (f *fakeNFVO) progress(o *fakeOp) {
	if o.held || o.state != "PROCESSING" {
		return
	}
	if o.left--; o.left > 0 {
		return
	}
	o.state = "COMPLETED"
	if f.outcome != nil {
		o.state = f.outcome(o)
	}
	if o.state == "COMPLETED" {
		f.apply(o)
	}
}

func (f *fakeNFVO) apply(o *fakeOp) {
	switch p := o.params; p.UpdateType {
	case sol005.UpdateRemoveVnf:
		delete(f.nss[o.ns], p.RemoveVnfInstanceID[0])
		f.effects = append(f.effects, "remove "+p.RemoveVnfInstanceID[0]+" from "+o.ns)
	case sol005.UpdateCreateVnfSnapshot:
		f.effects = append(f.effects, "snapshot "+p.CreateSnapshotData.VnfInstanceID)
	case sol005.UpdateInstantiateVnf:
		d := p.InstantiateVnfData[0]
		f.nss[o.ns]["new-"+d.VnfInstanceName] = d.VnfInstanceName
		f.effects = append(f.effects, "instantiate "+d.VnfProfileID+" in "+o.ns)
	case sol005.UpdateAddVnf:
		f.nss[o.ns][p.AddVnfIstance[0].VnfInstanceID] = ""
		f.effects = append(f.effects, "add "+p.AddVnfIstance[0].VnfInstanceID+" to "+o.ns)
	case sol005.UpdateModifyVnfInformation:
		f.effects = append(f.effects, "modify "+p.ModifyVnfInfoData[0].VnfInstanceID)
	}
}

func (f *fakeNFVO) update(r *http.Request, body string) (int, string, string) {
	ns := r.PathValue("id")
	if f.nss[ns] == nil {
		return http.StatusNotFound, "", "there is no such NS"
	}
	for _, o := range f.ops {
		if o.ns == ns && (o.state == "PROCESSING" || o.state == "FAILED_TEMP") {
			return http.StatusConflict, "", "operation " + o.id + " holds this NS"
		}
	}
	var in sol005.UpdateNsRequest
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		return http.StatusBadRequest, "", err.Error()
	}
	needs := slices.Clone(in.RemoveVnfInstanceID)
	if in.CreateSnapshotData != nil {
		needs = append(needs, in.CreateSnapshotData.VnfInstanceID)
	}
	for _, v := range needs {
		if _, ok := f.nss[ns][v]; !ok {
			return http.StatusNotFound, "", "there is no VNF " + v
		}
	}
	return http.StatusAccepted, "/ns_lcm_op_occs/" + f.begin(ns, in).id, ""
}

func (f *fakeNFVO) begin(ns string, in sol005.UpdateNsRequest) *fakeOp {
	o := &fakeOp{id: fmt.Sprintf("op-%d", len(f.ops)+1), ns: ns, state: "PROCESSING", start: f.now(), params: in, left: f.polls}
	f.ops = append(f.ops, o)
	return o
}

func (f *fakeNFVO) patch(r *http.Request, body string) (int, string, string) {
	id := r.PathValue("id")
	switch {
	case f.pkgs[id] == "":
		return http.StatusNotFound, "", "there is no such package"
	case f.pkgs[id] == "DISABLED":
		return http.StatusConflict, "", "the package is DISABLED already"
	}
	f.pkgs[id] = "DISABLED"
	f.effects = append(f.effects, "disable "+id)
	return http.StatusNoContent, "", body
}

func (f *fakeNFVO) stopUse(r *http.Request, _ string) (int, string, string) {
	h := &fakeHost{fmt.Sprintf("ho-%d", len(f.hosts)+1), "PROCESSING"}
	f.hosts = append(f.hosts, h)
	f.effects = append(f.effects, "stop "+r.PathValue("id"))
	return http.StatusAccepted, "/host_orders/" + h.id, ""
}

// end ends an operation that the test began.
func (f *fakeNFVO) end(o *fakeOp, state sol005.NsLcmOperationStateType) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o.state, o.held = state, false
}

func (f *fakeNFVO) happened() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.effects)
}

func (f *fakeNFVO) requests() []fakeRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.sent)
}
