package e2e_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// lcmQuiet bounds the wait for what a killed hub left to be done.
const lcmQuiet = 60 * time.Second

// listAll lists a collection with all attributes.
func listAll[T any](h *nsHub, api *httpapi.Client, path string) []T {
	h.t.Helper()
	list := []T{}
	for item, err := range httpapi.All[T](h.t.Context(), api, path, url.Values{"all_fields": {""}}) {
		if err != nil {
			h.t.Fatal(err)
		}
		list = append(list, item)
	}
	return list
}

// lcmOps waits until no operation runs, of the NFVO or of the VNFM, and returns
// them.
func (h *nsHub) lcmOps() (ops []sol005.NsLcmOpOcc, vnfOps []sol003.VnfLcmOpOcc) {
	h.t.Helper()
	lcm, vnflcm := h.nslcm(), h.vnflcm()
	running := ""
	began := time.Now()
	for {
		ops, vnfOps = listAll[sol005.NsLcmOpOcc](h, lcm, "/ns_lcm_op_occs"), listAll[sol003.VnfLcmOpOcc](h, vnflcm, "/vnf_lcm_op_occs")
		running = ""
		for _, o := range ops {
			if o.OperationState == sol005.NsLcmOperationStateProcessing || o.OperationState == sol005.NsLcmOperationStateRollingBack {
				running = fmt.Sprintf("%s %s %s since %s %s", o.LcmOperationType, o.ID, o.OperationState, o.StateEnteredTime, o.OperationParams)
			}
		}
		for _, o := range vnfOps {
			switch o.OperationState {
			case sol003.LcmOperationStateStarting, sol003.LcmOperationStateProcessing, sol003.LcmOperationStateRollingBack:
				running = fmt.Sprintf("%s %s of the VNFM %s since %s", o.Operation, o.ID, o.OperationState, o.StateEnteredTime)
			}
		}
		if running == "" {
			return ops, vnfOps
		}
		if time.Since(began) > lcmQuiet {
			h.t.Fatalf("goes on after %s: %s", lcmQuiet, running)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// claims is who says that it has a resource of the VIM, by the resource's ID.
type claims map[string]string

func (h *nsHub) sameAs(what string, got []string, want claims) {
	h.t.Helper()
	there := map[string]bool{}
	for _, id := range got {
		if there[id] {
			h.t.Errorf("%s %s is listed twice", what, id)
		}
		there[id] = true
		if want[id] == "" {
			h.t.Errorf("%s %s is there and belongs to nobody", what, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if !there[id] {
			h.t.Errorf("%s %s of %s is not there", what, id, want[id])
		}
	}
}

func idsOf[T any](list []T, id func(T) string) []string {
	var ids []string
	for _, item := range list {
		ids = append(ids, id(item))
	}
	return ids
}

// model is what the NFVO and the VNFM say that there is.
type model struct {
	vnfs                                          map[string]*sol003.VnfInstance
	computes, storages, networks, ports, vnfsWant claims
	snapshots, taken                              claims // VNF snapshots, and their parts at the VIM
	vnfds                                         map[string]bool
	running                                       map[string]string // state of each compute
}

func (m *model) addVnf(v *sol003.VnfInstance) {
	m.vnfs[v.ID], m.vnfds[v.VnfdID] = v, true
	in := v.InstantiatedVnfInfo
	if in == nil {
		return
	}
	who := "VNF " + v.ID
	for _, c := range in.VnfcResourceInfo {
		m.computes[c.ComputeResource.ResourceID] = who
		m.running[c.ComputeResource.ResourceID] = map[sol003.VnfOperationalStateType]string{"STARTED": ifa006.Started, "STOPPED": ifa006.Halted}[in.VnfState]
	}
	for _, s := range in.VirtualStorageResourceInfo {
		m.storages[s.StorageResource.ResourceID] = who
	}
	for _, l := range in.VnfVirtualLinkResourceInfo {
		m.networks[l.NetworkResource.ResourceID] = who
		for _, p := range l.VnfLinkPorts {
			m.ports[p.ResourceHandle.ResourceID] = who
		}
	}
	for _, l := range in.ExtVirtualLinkInfo {
		for _, p := range l.ExtLinkPorts {
			m.ports[p.ResourceHandle.ResourceID] = who
		}
	}
}

func (m *model) addNs(ns *sol005.NsInstance) {
	who := "NS " + ns.ID
	for _, v := range ns.VnfInstance {
		m.vnfsWant[v.ID] = who
	}
	for _, l := range ns.VirtualLinkInfo {
		for _, r := range l.ResourceHandle {
			m.networks[r.ResourceID] = who
		}
		for _, p := range l.LinkPort {
			if p.NsCpHandle != nil && (p.NsCpHandle.PnfInfoID != "" || p.NsCpHandle.NsSapInstanceID != "") {
				m.ports[p.ResourceHandle.ResourceID] = who
			}
		}
	}
	for _, id := range ns.VnfSnapshotInfoIDs {
		m.snapshots[id] = who
	}
}

// checkModel compares the NFVI model exactly with what the VNF and NS instances
// say, and the packages' states with their use. A VNF with an operation that was
// failed half-way may lack computes, and nothing else: SOL 003 has no way to show
// a VNFC without one.
func (h *nsHub) checkModel(vnfOps []sol003.VnfLcmOpOcc) {
	h.t.Helper()
	m := &model{vnfs: map[string]*sol003.VnfInstance{}, computes: claims{}, storages: claims{}, networks: claims{}, ports: claims{}, vnfsWant: claims{},
		snapshots: claims{}, taken: claims{}, vnfds: map[string]bool{}, running: map[string]string{}}
	for _, v := range listAll[sol003.VnfInstance](h, h.vnflcm(), "/vnf_instances") {
		m.addVnf(&v)
	}
	for _, n := range listAll[sol005.NsInstance](h, h.nslcm(), "/ns_instances") {
		ns := h.showNs(n.ID)
		m.addNs(&ns)
		for _, v := range ns.VnfInstance {
			if at := m.vnfs[v.ID]; at != nil && at.InstantiationState != v.InstantiationState {
				h.t.Errorf("VNF %s is %s at the NFVO and %s at the VNFM", v.ID, v.InstantiationState, at.InstantiationState)
			}
		}
	}
	h.sameAs("VNF instance", slices.Collect(maps.Keys(m.vnfs)), m.vnfsWant)
	computes := resources[ifa006.Compute](h, "computes", "")
	h.checkHosts(computes)
	for _, o := range vnfOps {
		if o.OperationState == sol003.LcmOperationStateFailed {
			m.halve(o.VnfInstanceID, computes)
		}
	}
	h.sameAs("compute", idsOf(computes, func(c ifa006.Compute) string { return c.ID }), m.computes)
	for _, c := range computes {
		if want := m.running[c.ID]; want != c.RunningState {
			h.t.Errorf("compute %s is %s and its VNF is %s", c.ID, c.RunningState, want)
		}
	}
	h.sameAs("storage", idsOf(resources[ifa006.Storage](h, "storages", ""), func(s ifa006.Storage) string { return s.ID }), m.storages)
	h.sameAs("network", idsOf(resources[ifa006.Network](h, "networks", ""), func(n ifa006.Network) string { return n.ID }), m.networks)
	h.sameAs("port", idsOf(resources[ifa006.Port](h, "ports", ""), func(p ifa006.Port) string { return p.ID }), m.ports)
	h.checkSnapshots(m)
	h.checkUse(m)
}

// halve takes the computes of a VNF off the claims that are not there.
func (m *model) halve(vnf string, there []ifa006.Compute) {
	for id, who := range m.computes {
		if who == "VNF "+vnf && !slices.ContainsFunc(there, func(c ifa006.Compute) bool { return c.ID == id }) {
			delete(m.computes, id)
		}
	}
}

// checkSnapshots compares the snapshots of NFVO, VNFM and VIM.
func (h *nsHub) checkSnapshots(m *model) {
	h.t.Helper()
	snaps := listAll[sol003.VnfSnapshotInfo](h, h.vnflcm(), "/vnf_snapshots")
	for _, s := range snaps {
		if s.VnfSnapshot == nil {
			h.t.Errorf("VNF snapshot %s is empty", s.ID)
			continue
		}
		for _, c := range s.VnfSnapshot.VnfcSnapshots {
			m.taken[c.ComputeSnapshotResource.ResourceID] = "VNF snapshot " + s.ID
		}
	}
	for _, s := range listAll[sol005.VnfSnapshotInfo](h, h.nslcm(), "/vnf_snapshots") {
		if m.snapshots[s.ID] == "" {
			m.snapshots[s.ID] = "an NS that is gone"
		}
	}
	h.sameAs("VNF snapshot", idsOf(snaps, func(s sol003.VnfSnapshotInfo) string { return s.ID }), m.snapshots)
	h.sameAs("snapshot", idsOf(resources[ifa006.Snapshot](h, "snapshots", ""), func(s ifa006.Snapshot) string { return s.ID }), m.taken)
}

// checkUse wants exactly the packages of VNFs in use.
func (h *nsHub) checkUse(m *model) {
	h.t.Helper()
	for _, p := range listAll[sol005.VnfPkgInfo](h, h.osMa("/vnfpkgm/v2", "2.4.0"), "/vnf_packages") {
		want := "NOT_IN_USE"
		if m.vnfds[p.VnfdID] {
			want = "IN_USE"
		}
		if string(p.UsageState) != want {
			h.t.Errorf("the package of %s is %s; want %s", p.VnfdID, p.UsageState, want)
		}
	}
}

// awaitTold waits until every subscriber has what it is to have, and reports
// what is wrong with it.
func (h *lcmHub) awaitTold(l *lcmLedger, ops []sol005.NsLcmOpOcc, vnfOps []sol003.VnfLcmOpOcc) {
	h.t.Helper()
	began := time.Now()
	for {
		problems := h.untold(l, ops, vnfOps)
		if len(problems) == 0 {
			return
		}
		if time.Since(began) > lcmQuiet {
			h.t.Errorf("%d problems with notifications:\n%s", len(problems), strings.Join(problems[:min(20, len(problems))], "\n"))
			return
		}
		<-time.After(50 * time.Millisecond)
	}
}

// untold says what is wrong, or still missing, with the notifications.
func (h *lcmHub) untold(l *lcmLedger, ops []sol005.NsLcmOpOcc, vnfOps []sol003.VnfLcmOpOcc) (problems []string) {
	all, _ := h.receivers[0].notes()
	for _, r := range h.receivers {
		notes, wrong := r.notes()
		problems = append(problems, wrong...)
		t := newTold(r, l, notes)
		t.operations(ops)
		t.vnfOperations(vnfOps, all)
		t.identities()
		problems = append(problems, t.problems...)
	}
	return problems
}

// told is what a subscriber got, by what it is about.
type told struct {
	r        *lcmReceiver
	l        *lcmLedger
	byOp     map[string][]lcmNote // of an operation itself
	byVnfOp  map[string][]lcmNote
	byNs     map[string][]lcmNote // all
	place    map[string]int       // of a notification in the order
	problems []string
}

func newTold(r *lcmReceiver, l *lcmLedger, notes []lcmNote) *told {
	t := &told{r: r, l: l, byOp: map[string][]lcmNote{}, byVnfOp: map[string][]lcmNote{}, byNs: map[string][]lcmNote{}, place: map[string]int{}}
	meanings, subscriptions := map[string]string{}, map[string]bool{}
	for i, n := range notes {
		t.place[n.ID] = i
		subscriptions[n.Subscription] = true
		if was := meanings[n.meaning()]; was != "" {
			t.wrong("the same twice, as %s and %s: %s", was, n.ID, n.meaning())
		}
		meanings[n.meaning()] = n.ID
		if domain := l.domains[n.NsID]; domain == "" && n.NsID != "" {
			t.wrong("about NS %s, which nobody made", n.NsID)
		} else if r.domain != "" && domain != r.domain && n.NsID != "" {
			t.wrong("of the trust domain %q: %s", domain, n.meaning())
		}
		t.byNs[n.NsID] = append(t.byNs[n.NsID], n)
		if n.OpID != "" {
			t.byOp[n.OpID] = append(t.byOp[n.OpID], n)
		}
		if n.VnfOp != "" {
			t.byVnfOp[n.VnfOp+" in "+n.NsID] = append(t.byVnfOp[n.VnfOp+" in "+n.NsID], n)
		}
	}
	if len(subscriptions) > 1 {
		t.wrong("%d subscriptions for one", len(subscriptions))
	}
	return t
}

func (t *told) wrong(format string, args ...any) {
	t.problems = append(t.problems, t.r.name+": "+fmt.Sprintf(format, args...))
}

func (t *told) concerns(ns string) bool { return t.r.domain == "" || t.l.domains[ns] == t.r.domain }

// operations wants the beginning and the end of each operation, in this order.
func (t *told) operations(ops []sol005.NsLcmOpOcc) {
	for _, o := range ops {
		if !t.concerns(o.NsInstanceID) {
			continue
		}
		var states []string
		for _, n := range t.byOp[o.ID] {
			states = append(states, n.Status+" "+n.State)
		}
		final := "RESULT " + string(o.OperationState)
		switch {
		case len(states) == 0 || states[0] != "START PROCESSING" || states[len(states)-1] != final:
			t.wrong("operation %s %s was told as %q; want START PROCESSING first and %s last", o.LcmOperationType, o.ID, states, final)
		case !t.l.steered[o.ID] && o.OperationState != sol005.NsLcmOperationStateFailedTemp && len(states) != 2:
			t.wrong("operation %s %s was told as %q; want two", o.LcmOperationType, o.ID, states)
		}
	}
}

// vnfOperations wants what became of each VNF, inside of the operation that it
// was a part of, and at a Security Manager all that the OSS got.
func (t *told) vnfOperations(vnfOps []sol003.VnfLcmOpOcc, all []lcmNote) {
	want := map[string]bool{}
	for _, n := range all {
		if n.VnfOp != "" && t.concerns(n.NsID) {
			want[n.VnfOp+" in "+n.NsID] = true
		}
	}
	states, what := map[string]string{}, map[string]string{}
	for _, o := range vnfOps {
		states[o.ID], what[o.ID] = string(o.OperationState), fmt.Sprintf("%s of VNF %s since %s, %+v", o.Operation, o.VnfInstanceID, o.StateEnteredTime, o.Error)
		if t.r.domain == "" && !slices.ContainsFunc(slices.Collect(maps.Keys(t.byVnfOp)), func(k string) bool { return strings.HasPrefix(k, o.ID) }) {
			t.wrong("%s %s of VNF %s was never told", o.Operation, o.ID, o.VnfInstanceID)
		}
	}
	for key := range want {
		notes := t.byVnfOp[key]
		if len(notes) == 0 {
			t.wrong("VNF operation %s was told to others only", key)
			continue
		}
		id, _, _ := strings.Cut(key, " ")
		var changes []string
		for _, n := range notes {
			changes = append(changes, n.Change)
			t.inside(&n)
		}
		if final, known := states[id]; known && final != "FAILED_TEMP" && !slices.Equal(changes, []string{"START", final}) {
			t.wrong("VNF operation %s is %s and was told as %q to be of %v: %s", key, final, changes, notes[0].Links.Op, what[id])
		}
	}
}

// inside wants a change of a VNF told while its NS operation was told to run.
func (t *told) inside(n *lcmNote) {
	if n.Links.Op == nil {
		return
	}
	op := t.byOp[n.Links.Op.Href[strings.LastIndex(n.Links.Op.Href, "/")+1:]]
	if len(op) == 0 || t.place[n.ID] < t.place[op[0].ID] {
		t.wrong("%s of VNF %s was told before its NS operation", n.Change, n.Component)
		return
	}
	if last := op[len(op)-1]; last.Status == "RESULT" && last.State != "FAILED_TEMP" && t.place[n.ID] > t.place[last.ID] {
		t.wrong("%s %s of VNF %s was told after its NS operation was %s", n.VnfOp, n.Change, n.Component, last.State)
	}
}

// identities wants the making of each NS told first, and its end last.
func (t *told) identities() {
	for id := range t.l.domains {
		if !t.concerns(id) {
			continue
		}
		notes := t.byNs[id]
		made, ended, open := 0, 0, ""
		for _, n := range notes {
			if n.OpID != "" && n.Status != "" {
				if open != "" && open != n.OpID {
					t.wrong("operation %s of NS %s was told before the end of %s", n.OpID, id, open)
				}
				open = n.OpID
				if n.Status == "RESULT" && n.State != "FAILED_TEMP" {
					open = ""
				}
			}
			switch n.Type {
			case "NsIdentifierCreationNotification":
				made++
			case "NsIdentifierDeletionNotification":
				ended++
			}
		}
		switch {
		case made != 1 || notes[0].Type != "NsIdentifierCreationNotification":
			t.wrong("the making of NS %s was told %d times in %d notifications; want once, first", id, made, len(notes))
		case t.l.gone[id] && (ended != 1 || notes[len(notes)-1].Type != "NsIdentifierDeletionNotification"):
			t.wrong("the end of NS %s was told %d times in %d notifications; want once, last", id, ended, len(notes))
		case !t.l.gone[id] && ended > 0:
			t.wrong("the end of NS %s was told, and it is there", id)
		}
	}
}
