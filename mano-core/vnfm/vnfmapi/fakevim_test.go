package vnfmapi_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/ifa006"
)

// fakeVIM keeps ifa006's contract in memory: what is created under an ID is
// returned when the same is asked for again, and what is in use is not deleted.
type fakeVIM struct {
	t  testing.TB
	mu sync.Mutex
	// things holds resources by collection and ID; asked what was asked for.
	things map[string]map[string]map[string]any
	asked  map[string]map[string]any
	calls  []string
	// refuse, if set, answers a call with its status instead.
	refuse func(method, path string) int
}

func newFakeVIM(t testing.TB) *fakeVIM {
	v := &fakeVIM{t: t, things: map[string]map[string]map[string]any{}, asked: map[string]map[string]any{}}
	for _, c := range []string{"networks", "ports", "storages", "computes", "snapshots", "subscriptions", "alarms"} {
		v.things[c] = map[string]map[string]any{}
	}
	return v
}

// ids returns what is there, but for external networks.
func (v *fakeVIM) ids(collection string) []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	ids := []string{}
	for id := range v.things[collection] {
		if !strings.HasPrefix(id, "ext-") {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (v *fakeVIM) set(collection, id, attribute string, value any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.things[collection][id][attribute] = value
}

func (v *fakeVIM) get(collection, id string) map[string]any {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.things[collection][id]
}

func (v *fakeVIM) setRefuse(fn func(method, path string) int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refuse = fn
}

func (v *fakeVIM) count(prefix string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, c := range v.calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

func problem(w http.ResponseWriter, status int, detail string) {
	httpapi.WriteProblem(w, httpapi.ProblemDetails{Status: status, Detail: detail})
}

func (v *fakeVIM) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/vim/v1")
	v.calls = append(v.calls, r.Method+" "+path+"?"+r.URL.RawQuery)
	if r.Header.Get("Version") != "1.0.0" {
		problem(w, 400, "Version is missing")
		return
	}
	if v.refuse != nil {
		if status := v.refuse(r.Method, path); status != 0 {
			problem(w, status, "the fake VIM refuses")
			return
		}
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	things := v.things[parts[0]]
	switch {
	case things == nil:
		problem(w, 404, "no such collection")
	case len(parts) == 1 && r.Method == http.MethodGet:
		v.list(w, r, things)
	case len(parts) == 1:
		v.create(w, r, parts[0], things)
	case things[parts[1]] == nil:
		problem(w, 404, "no such resource")
	case len(parts) == 3:
		v.order(w, r, parts, things[parts[1]])
	case r.Method == http.MethodDelete:
		v.delete(w, parts[0], parts[1])
	default:
		answer(w, 200, things[parts[1]])
	}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (v *fakeVIM) list(w http.ResponseWriter, r *http.Request, things map[string]map[string]any) {
	out := []any{}
	filter, err := httpapi.ParseFilter(r.URL.Query().Get("filter"))
	if r.URL.RawQuery == "" {
		filter, err = nil, nil
	}
	if err != nil {
		problem(w, 400, err.Error())
		return
	}
	for _, x := range things {
		if filter.Match(x) {
			out = append(out, x)
		}
	}
	answer(w, 200, out)
}

func (v *fakeVIM) create(w http.ResponseWriter, r *http.Request, collection string, things map[string]map[string]any) {
	var in map[string]any
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		problem(w, 400, err.Error())
		return
	}
	id, _ := in["id"].(string)
	if collection == "subscriptions" {
		id = "sub-1"
	}
	if was := v.asked[collection+"/"+id]; was != nil && things[id] != nil {
		if !reflect.DeepEqual(was, in) {
			v.t.Errorf("POST /%s of %s again with another body:\n%v\n%v", collection, id, was, in)
			problem(w, 422, "another body")
			return
		}
		answer(w, 200, things[id])
		return
	}
	raw, _ := json.Marshal(in)
	var made map[string]any
	_ = json.Unmarshal(raw, &made)
	if status, why := v.admit(collection, made); status != 0 {
		problem(w, status, why)
		return
	}
	made["id"] = id
	things[id], v.asked[collection+"/"+id] = made, in
	answer(w, 201, made)
}

// admit checks what a new resource refers to, and fills in what the VIM decides.
func (v *fakeVIM) admit(collection string, in map[string]any) (int, string) {
	switch collection {
	case "ports":
		if v.things["networks"][in["networkId"].(string)] == nil {
			return 422, "no such network"
		}
		in["macAddress"] = "02:00:00:00:00:01"
		if in["ipAddress"] == nil {
			in["ipAddress"] = []any{"192.0.2.10"}
		}
	case "snapshots":
		if v.things["computes"][in["computeId"].(string)] == nil {
			return 422, "no such compute"
		}
	case "computes":
		if in["flavourId"] == "" {
			return 422, "no flavour"
		}
		attach := func(list any, collection, attribute string) {
			items, _ := list.([]any)
			for _, x := range items {
				v.things[collection][x.(map[string]any)["id"].(string)][attribute] = in["id"]
			}
		}
		attach(in["virtualNetworkInterface"], "ports", "attachedResourceId")
		attach(in["virtualDisks"], "storages", "ownerId")
		in["operationalState"], in["runningState"] = ifa006.Enabled, ifa006.Started
		if in["zoneId"] == nil {
			in["zoneId"] = "zone-of-vim"
		}
	}
	return 0, ""
}

func (v *fakeVIM) delete(w http.ResponseWriter, collection, id string) {
	users := map[string][2]string{"networks": {"ports", "networkId"}}[collection]
	for other, x := range v.things[users[0]] {
		if x[users[1]] == id {
			problem(w, 409, "in use by "+other)
			return
		}
	}
	if owner, _ := v.things[collection][id]["ownerId"].(string); owner != "" && v.things["computes"][owner] != nil {
		problem(w, 409, "attached")
		return
	}
	delete(v.things[collection], id)
	w.WriteHeader(204)
}

func (v *fakeVIM) order(w http.ResponseWriter, r *http.Request, parts []string, thing map[string]any) {
	switch parts[2] {
	case "operate":
		var in ifa006.OperateRequest
		_ = json.NewDecoder(r.Body).Decode(&in)
		state := map[string]string{"START": ifa006.Started, "STOP": ifa006.Halted}[in.Operation]
		if thing["runningState"] == state {
			problem(w, 409, "it is in that state already")
			return
		}
		thing["runningState"] = state
		answer(w, 200, thing)
	case "restore":
		compute := v.things["computes"][thing["computeId"].(string)]
		if compute == nil {
			problem(w, 409, "the compute is gone")
			return
		}
		compute["restoredFrom"] = parts[1]
		answer(w, 200, compute)
	default:
		problem(w, 404, "no such order")
	}
}
