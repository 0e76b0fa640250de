package nfvo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
)

// fakeVNFM is a small VNFM in memory: it asks the NFVO for grants over HTTP, makes
// computes at the fake VIM, notifies the NFVO and honours idempotency keys.
type fakeVNFM struct {
	server *httptest.Server
	vim    *fakeVIM
	nfvo   string // base of the NFVO's listener

	mu        sync.Mutex
	instances map[string]*sol003.VnfInstance
	ops       map[string]*sol003.VnfLcmOpOcc
	snapshots map[string]*sol003.VnfSnapshotInfo
	answered  map[string]string // location by idempotency key
	computes  map[string][]string
	calls     []string
	fail      map[string]string // task -> why its operations fail for now
	grants    map[string]*sol003.Grant
	refuse    map[string]string // task -> why it is not possible
	refused   int               // answers 409
	hold      chan struct{}     // if set, operations wait until it is closed
	silent    bool              // sends no notifications
	quick     bool              // answers an order when its operation has ended
	finished  map[string]chan struct{}
	work      sync.WaitGroup
}

func newFakeVNFM(t testing.TB, vim *fakeVIM) *fakeVNFM {
	m := &fakeVNFM{
		vim: vim, instances: map[string]*sol003.VnfInstance{}, ops: map[string]*sol003.VnfLcmOpOcc{}, snapshots: map[string]*sol003.VnfSnapshotInfo{},
		answered: map[string]string{}, computes: map[string][]string{}, fail: map[string]string{}, refuse: map[string]string{}, grants: map[string]*sol003.Grant{},
		finished: map[string]chan struct{}{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /subscriptions", func(w http.ResponseWriter, _ *http.Request) { answer(w, 201, map[string]string{"id": "s"}) })
	mux.HandleFunc("POST /vnf_instances", m.create)
	mux.HandleFunc("GET /vnf_instances/{id}", func(w http.ResponseWriter, r *http.Request) { get(w, m, m.instances, r.PathValue("id")) })
	mux.HandleFunc("DELETE /vnf_instances/{id}", m.delete)
	mux.HandleFunc("PATCH /vnf_instances/{id}", func(w http.ResponseWriter, r *http.Request) { m.task(w, r, "modify") })
	mux.HandleFunc("POST /vnf_instances/{id}/{task}", func(w http.ResponseWriter, r *http.Request) { m.task(w, r, r.PathValue("task")) })
	mux.HandleFunc("GET /vnf_lcm_op_occs", m.listOps)
	mux.HandleFunc("GET /vnf_lcm_op_occs/{id}", func(w http.ResponseWriter, r *http.Request) { get(w, m, m.ops, r.PathValue("id")) })
	mux.HandleFunc("POST /vnf_lcm_op_occs/{id}/{what}", m.steer)
	mux.HandleFunc("POST /vnf_snapshots", m.createSnapshot)
	mux.HandleFunc("GET /vnf_snapshots/{id}", func(w http.ResponseWriter, r *http.Request) { get(w, m, m.snapshots, r.PathValue("id")) })
	mux.HandleFunc("DELETE /vnf_snapshots/{id}", func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.snapshots, r.PathValue("id"))
		w.WriteHeader(204)
	})
	m.server = httptest.NewServer(mux)
	t.Cleanup(func() { m.server.Close(); m.work.Wait() })
	return m
}

func get[T any](w http.ResponseWriter, m *fakeVNFM, values map[string]*T, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := values[id]
	if !ok {
		problem(w, 404, "no such thing")
		return
	}
	answer(w, 200, v)
}

func (m *fakeVNFM) create(w http.ResponseWriter, r *http.Request) {
	var in sol003.CreateVnfRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		problem(w, 400, "bad body")
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := r.Header.Get("Idempotency-Key")
	id, again := m.answered[key]
	if !again {
		id = hub.NewID()
		m.answered[key] = id
		m.instances[id] = &sol003.VnfInstance{
			ID: id, VnfInstanceName: in.VnfInstanceName, VnfdID: in.VnfdID, VnfProvider: "acme", VnfProductName: strings.TrimSuffix(in.VnfdID, "-2"),
			VnfSoftwareVersion: "1", VnfdVersion: "1", InstantiationState: "NOT_INSTANTIATED", Metadata: in.Metadata,
		}
	}
	answer(w, 201, m.instances[id])
}

func (m *fakeVNFM) delete(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.instances[r.PathValue("id")]
	switch {
	case !ok:
		problem(w, 404, "no such VNF")
	case v.InstantiationState == "INSTANTIATED":
		problem(w, 409, "still instantiated")
	default:
		delete(m.instances, v.ID)
		w.WriteHeader(204)
	}
}

// listOps lists the operations of a VNF in the states that a filter names.
func (m *fakeVNFM) listOps(w http.ResponseWriter, r *http.Request) {
	filter := r.URL.Query().Get("filter")
	m.mu.Lock()
	defer m.mu.Unlock()
	list := []*sol003.VnfLcmOpOcc{}
	for _, o := range m.ops {
		if strings.Contains(filter, "(eq,vnfInstanceId,"+o.VnfInstanceID+")") && strings.Contains(filter, string(o.OperationState)) {
			list = append(list, o)
		}
	}
	answer(w, 200, list)
}

// refusals is how many orders were answered 409.
func (m *fakeVNFM) refusals() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refused
}

// task starts an operation; it ends in a goroutine of its own.
func (m *fakeVNFM) task(w http.ResponseWriter, r *http.Request, task string) {
	var in map[string]any
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		problem(w, 400, "bad body")
		return
	}
	id, ended := m.taskOnce(w, r, task, in)
	if id == "" {
		return
	}
	if ended != nil {
		<-ended
	}
	w.Header().Set("Location", m.server.URL+"/vnf_lcm_op_occs/"+id)
	w.WriteHeader(202)
}

// taskOnce returns the operation that an order starts, or started before; what is
// refused is answered. Ended is what to wait for.
func (m *fakeVNFM) taskOnce(w http.ResponseWriter, r *http.Request, task string, in map[string]any) (id string, ended chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.instances[r.PathValue("id")]
	if !ok {
		problem(w, 404, "no such VNF")
		return "", nil
	}
	key := r.Header.Get("Idempotency-Key")
	id, again := m.answered[key]
	if why := m.refuse[task]; why != "" {
		m.refused++
		problem(w, 409, why)
		return "", nil
	}
	if !again {
		for _, o := range m.ops {
			if o.VnfInstanceID == v.ID && (o.OperationState == "PROCESSING" || o.OperationState == "FAILED_TEMP") {
				m.refused++
				problem(w, 409, "another operation runs: "+o.ID)
				return "", nil
			}
		}
		id = m.startLocked(v, task, in, false, "")
		m.answered[key] = id
	}
	if m.quick {
		return id, m.finished[id]
	}
	return id, nil
}

func (m *fakeVNFM) startLocked(v *sol003.VnfInstance, task string, in map[string]any, automatic bool, by string) string {
	operation := sol003.LcmOperationType(strings.ToUpper(task))
	if task == "modify" {
		operation = sol003.LcmOperationModifyInfo
	}
	o := &sol003.VnfLcmOpOcc{ID: hub.NewID(), OperationState: "PROCESSING", StartTime: time.Now(), VnfInstanceID: v.ID, Operation: operation, OperationParams: in, IsAutomaticInvocation: automatic}
	m.ops[o.ID] = o
	m.calls = append(m.calls, task+" "+v.VnfdID)
	m.work.Add(1)
	ended := make(chan struct{})
	m.finished[o.ID] = ended
	go func() { defer m.work.Done(); defer close(ended); m.run(o.ID, task, by) }()
	return o.ID
}

// begin is what an EM or the VNFM itself starts.
func (m *fakeVNFM) begin(vnfID, task string, automatic bool, by string, in map[string]any) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.startLocked(m.instances[vnfID], task, in, automatic, by)
}

func (m *fakeVNFM) run(id, task, by string) {
	m.notify(id, by)
	m.mu.Lock()
	hold := m.hold
	m.mu.Unlock()
	if hold != nil {
		<-hold
	}
	grant, err := m.ask(id, task)
	m.mu.Lock()
	o := m.ops[id]
	v := m.instances[o.VnfInstanceID]
	reason := m.fail[task]
	if err != nil {
		o.OperationState, reason = "ROLLED_BACK", err.Error()
		o.Error = &sol003.ProblemDetails{Status: 403, Detail: reason}
	} else if reason != "" {
		o.OperationState = "FAILED_TEMP"
		o.Error = &sol003.ProblemDetails{Status: 500, Detail: reason}
	} else {
		m.applyLocked(v, o, task, grant)
		o.OperationState, o.Error = "COMPLETED", nil
	}
	m.mu.Unlock()
	m.notify(id, by)
}

// applyLocked does what the operation is about.
func (m *fakeVNFM) applyLocked(v *sol003.VnfInstance, o *sol003.VnfLcmOpOcc, task string, g *sol003.Grant) {
	in := o.OperationParams
	switch task {
	case "instantiate":
		v.InstantiationState = "INSTANTIATED"
		v.InstantiatedVnfInfo = &sol003.InstantiatedVnfInfo{FlavourID: fmt.Sprint(in["flavourId"]), VnfState: "STARTED", ExtCpInfo: []sol003.VnfExtCpInfo{}}
		m.connectLocked(v, in)
		m.addLocked(v, g)
	case "terminate":
		params, _ := in["additionalParams"].(map[string]any)
		for _, c := range m.computes[v.ID] {
			m.vim.drop(c, params["manoward.erase"] == true)
		}
		delete(m.computes, v.ID)
		v.InstantiationState, v.InstantiatedVnfInfo = "NOT_INSTANTIATED", nil
	case "scale":
		if in["type"] == "SCALE_OUT" {
			m.addLocked(v, g)
		} else if last := len(m.computes[v.ID]) - 1; last >= 0 {
			m.vim.drop(m.computes[v.ID][last], false)
			m.computes[v.ID], v.InstantiatedVnfInfo.VnfcResourceInfo = m.computes[v.ID][:last], v.InstantiatedVnfInfo.VnfcResourceInfo[:last]
		}
	case "heal":
		for _, c := range m.computes[v.ID] {
			m.vim.drop(c, false)
		}
		m.computes[v.ID], v.InstantiatedVnfInfo.VnfcResourceInfo = nil, nil
		m.addLocked(v, g)
	case "operate":
		v.InstantiatedVnfInfo.VnfState = sol003.VnfOperationalStateType(fmt.Sprint(in["changeStateTo"]))
	case "modify":
		if name, ok := in["vnfInstanceName"].(string); ok {
			v.VnfInstanceName = name
		}
		o.ChangedInfo = &sol003.VnfInfoModifications{VnfInstanceName: v.VnfInstanceName}
	case "change_vnfpkg":
		v.VnfdID = fmt.Sprint(in["vnfdId"])
	case "change_ext_conn":
		m.connectLocked(v, in)
	case "create_snapshot":
		s := m.snapshots[fmt.Sprint(in["vnfSnapshotInfoId"])]
		copied := *v
		s.VnfSnapshot = &sol003.VnfSnapshot{ID: s.ID, VnfInstanceID: v.ID, VnfdID: v.VnfdID, VnfInstance: &copied, VnfcSnapshots: []sol003.VnfcSnapshotInfo{}}
		s.VnfSnapshot.UserDefinedData, _ = in["userDefinedData"].(map[string]any)
	}
}

func (m *fakeVNFM) addLocked(v *sol003.VnfInstance, g *sol003.Grant) {
	id := fmt.Sprintf("%s-%d", v.ID, len(m.computes[v.ID]))
	zone, image := "", ""
	if len(g.Zones) > 0 {
		zone = g.Zones[0].ZoneID
	}
	if g.VimAssets != nil && len(g.VimAssets.SoftwareImages) > 0 {
		image = g.VimAssets.SoftwareImages[0].VimSoftwareImageID
	}
	m.vim.place(id, fmt.Sprint(v.Metadata["manoward.trustDomain"]), zone, image)
	m.computes[v.ID] = append(m.computes[v.ID], id)
	v.InstantiatedVnfInfo.VnfcResourceInfo = append(v.InstantiatedVnfInfo.VnfcResourceInfo, sol003.VnfcResourceInfo{
		ID: "c" + id, VduID: "vdu", ComputeResource: sol003.ResourceHandle{VimConnectionID: "vim", ResourceID: id},
	})
}

func (m *fakeVNFM) connectLocked(v *sol003.VnfInstance, in map[string]any) {
	raw, _ := json.Marshal(in["extVirtualLinks"])
	var links []sol003.ExtVirtualLinkData
	_ = json.Unmarshal(raw, &links)
	info := v.InstantiatedVnfInfo
	info.ExtCpInfo, info.ExtVirtualLinkInfo = []sol003.VnfExtCpInfo{}, nil
	for _, l := range links {
		ext := sol003.ExtVirtualLinkInfo{ID: l.ID, ResourceHandle: sol003.ResourceHandle{VimConnectionID: "vim", ResourceID: l.ResourceID}, CurrentVnfExtCpData: l.ExtCps}
		for _, cp := range l.ExtCps {
			port := "port-" + v.ID + cp.CpdID
			info.ExtCpInfo = append(info.ExtCpInfo, sol003.VnfExtCpInfo{ID: "cp-" + cp.CpdID, CpdID: cp.CpdID, CpProtocolInfo: []sol003.CpProtocolInfo{}, ExtLinkPortID: port})
			ext.ExtLinkPorts = append(ext.ExtLinkPorts, sol003.ExtLinkPortInfo{ID: port, ResourceHandle: sol003.ResourceHandle{ResourceID: port}, CpInstanceID: "cp-" + cp.CpdID})
		}
		info.ExtVirtualLinkInfo = append(info.ExtVirtualLinkInfo, ext)
	}
}

// ask asks the NFVO for a grant.
func (m *fakeVNFM) ask(id, task string) (*sol003.Grant, error) {
	if task == "modify" {
		return &sol003.Grant{}, nil
	}
	m.mu.Lock()
	o := m.ops[id]
	v := m.instances[o.VnfInstanceID]
	in := sol003.GrantRequest{
		VnfInstanceID: v.ID, VnfLcmOpOccID: id, VnfdID: v.VnfdID, Operation: sol003.GrantedLcmOperationType(o.Operation), IsAutomaticInvocation: o.IsAutomaticInvocation,
		Links: sol003.GrantRequestLinks{VnfLcmOpOcc: sol003.Link{Href: m.server.URL + "/o"}, VnfInstance: sol003.Link{Href: m.server.URL + "/v"}},
	}
	if task == "change_vnfpkg" {
		in.DstVnfdID = fmt.Sprint(o.OperationParams["vnfdId"])
	}
	if task == "instantiate" {
		in.FlavourID = fmt.Sprint(o.OperationParams["flavourId"])
	}
	if task == "instantiate" || task == "heal" || (task == "scale" && o.OperationParams["type"] == "SCALE_OUT") {
		in.AddResources = []sol003.ResourceDefinition{{ID: "r1", Type: "COMPUTE", ResourceTemplateID: "vdu", VduID: "vdu"}}
	}
	if task == "heal" || (task == "scale" && o.OperationParams["type"] == "SCALE_IN") {
		for i, c := range m.computes[v.ID] {
			if task == "heal" || i == len(m.computes[v.ID])-1 {
				in.RemoveResources = append(in.RemoveResources, sol003.ResourceDefinition{ID: "c" + c, Type: "COMPUTE", ResourceTemplateID: "vdu", VduID: "vdu", Resource: &sol003.ResourceHandle{ResourceID: c}})
			}
		}
	}
	m.mu.Unlock()
	var g sol003.Grant
	if err := m.post("/grant/v1/grants", "1.7.0", in, &g); err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.grants[v.ID] = &g
	m.mu.Unlock()
	return &g, nil
}

// post calls the NFVO until it answers: it may be down for a moment in tests of
// crashes.
func (m *fakeVNFM) post(path, version string, in, out any) error {
	raw, _ := json.Marshal(in)
	for range 2000 {
		req, _ := http.NewRequest("POST", m.nfvo+path, bytes.NewReader(raw))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Version", version)
		req.Header.Set("X-Caller", "spiffe://hub/vnfm/own")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		var body struct {
			Detail string `json:"detail"`
		}
		if resp.StatusCode/100 == 2 {
			if out != nil {
				err = json.NewDecoder(resp.Body).Decode(out)
			}
			resp.Body.Close()
			return err
		}
		_ = json.NewDecoder(resp.Body).Decode(&body)
		resp.Body.Close()
		if resp.StatusCode < 500 {
			return fmt.Errorf("%d: %s", resp.StatusCode, body.Detail)
		}
	}
	return fmt.Errorf("the NFVO does not answer")
}

func (m *fakeVNFM) notify(id, by string) {
	m.mu.Lock()
	silent := m.silent
	o := *m.ops[id]
	m.mu.Unlock()
	if !silent {
		_ = m.post("/manoward/v1/vnfm_notifications", "1.0.0", map[string]any{
			"notificationType": "VnfLcmOperationOccurrenceNotification", "vnfInstanceId": o.VnfInstanceID, "vnfLcmOpOccId": id, "manoward.requestedBy": by,
		}, nil)
	}
}

func (m *fakeVNFM) steer(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.ops[r.PathValue("id")]
	if !ok || (o.OperationState != "FAILED_TEMP" && r.PathValue("what") != "cancel") {
		problem(w, 409, "not FAILED_TEMP")
		return
	}
	switch r.PathValue("what") {
	case "retry":
		o.OperationState = "PROCESSING"
		task := strings.ToLower(string(o.Operation))
		m.work.Add(1)
		go func() { defer m.work.Done(); m.run(o.ID, task, "") }()
	case "rollback":
		o.OperationState = "ROLLED_BACK"
	case "fail":
		o.OperationState = "FAILED"
	case "cancel":
		m.calls = append(m.calls, "cancel")
	}
	w.WriteHeader(202)
}

func (m *fakeVNFM) createSnapshot(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := r.Header.Get("Idempotency-Key")
	id, again := m.answered[key]
	if !again {
		id = hub.NewID()
		m.answered[key] = id
		m.snapshots[id] = &sol003.VnfSnapshotInfo{ID: id}
	}
	answer(w, 201, m.snapshots[id])
}

func (m *fakeVNFM) setFail(task, why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail[task] = why
}

// setHold makes operations wait until hold is closed; nil lets them pass.
func (m *fakeVNFM) setHold(hold chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hold = hold
}

// begun is how many operations were ordered.
func (m *fakeVNFM) begun() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.calls)
}

// waiting counts the operations that wait for somebody.
func (m *fakeVNFM) waiting() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.ops {
		if o.OperationState == "FAILED_TEMP" {
			n++
		}
	}
	return n
}

func (m *fakeVNFM) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.instances)
}
