package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/smgr"
)

// actionCase is one action with its arguments.
type actionCase struct {
	id     string // of the policy that asks for it
	action string // in Rego
	covers string // the requirement that it is for
	modes  string // letters of the modes that may carry it out
	kit    string // whose NS it is about; empty: north
	guard  bool   // it is about a security VNF, which an operator puts in
	holds  string // what the reason says when even level enforce waits for a person; empty: it is carried out
	// done compares the NS with what it is after the action, and with what it was
	// when the action was not carried out.
	done func(a *actionHub, w *actionWorld, on hub.Target, done bool)
}

// actionCases are those of one NS. Another table has those of a host, and
// checkCoHosted the one that reaches beyond its NS.
var actionCases = []actionCase{
	{id: "terminate", action: `{"type": "terminate-vnf", "belowMinimum": true}`, covers: "Sc-Or.SecEnforce.001", modes: "SF", done: checkEnded},
	{id: "terminate-minimum", action: `{"type": "terminate-vnf"}`, covers: "Sc-Or.SecEnforce.001", modes: "SF", holds: "whose minimum is 1", done: checkEnded},
	{id: "snapshot", action: `{"type": "terminate-vnf", "snapshot": true, "belowMinimum": true}`, covers: "Sc-Or.SecEnforce.002", modes: "SF", done: checkSnapshotFirst},
	{id: "replace", action: `{"type": "terminate-vnf", "replace": true, "belowMinimum": true}`, covers: "Sc-Or.SecEnforce.002", modes: "SF", done: checkReplaced},
	{id: "no-replace", action: `{"type": "terminate-vnf", "replace": false, "belowMinimum": true}`, covers: "Sc-Or.SecEnforce.002", modes: "SF", done: checkBarred},
	{id: "disable", action: `{"type": "terminate-vnf", "disablePackage": true, "belowMinimum": true}`, covers: "Sc-Or.SecEnforce.003", modes: "F", kit: "spare", done: checkDisabled},
	{id: "erase", action: `{"type": "terminate-vnf", "erase": true, "belowMinimum": true}`, covers: "Sc-Or.SecEnforce.003", modes: "F", done: checkErased},
	{id: "insert", action: `{"type": "insert-security-vnf"}`, covers: "Sc-Or.SecurityVnfMgmt.001", modes: "SF", done: checkInserted},
	{id: "modify", action: `{"type": "modify-security-vnf", "properties": {"inspection": "strict"}}`, covers: "Sc-Or.SecurityVnfMgmt.001", modes: "SF", guard: true, done: checkModified},
	{id: "remove", action: `{"type": "remove-security-vnf"}`, covers: "Sc-Or.SecurityVnfMgmt.001", modes: "SF", guard: true, done: checkEnded},
}

// policy is the policy that asks for the action.
func (c actionCase) policy() actionPolicy {
	p := actionOn(c.id, "INSTANTIATE", "-web", "["+c.action+"]")
	if c.guard {
		p = actionOn(c.id, "UPDATE", "-guard", "["+c.action+"]")
	}
	if c.id == "insert" {
		p.target = `{"nsInstanceId": input.ns.id, "vnfProfileId": "guard"}`
	}
	return p
}

// actionRow is a line of the printed table.
type actionRow struct{ id, mode, level, state, effect, covers string }

// actionCell is what one Security Manager does about one action at a level.
type actionCell struct {
	actionCase
	mode  string
	level smgr.Level
	on    hub.Target
}

// want is the state in which the order comes to rest.
func (c actionCell) want() smgr.OrderState {
	may := strings.Contains(c.modes, strings.ToUpper(c.mode[:1]))
	switch {
	case c.level == smgr.LevelShadow:
		return smgr.OrderShadow
	case c.level == smgr.LevelAdvise || !may:
		return smgr.OrderRecommended
	case c.holds != "":
		return smgr.OrderWaiting
	}
	return smgr.OrderCompleted
}

// Every action that the NFVO carries out, with each of its arguments, in each
// mode, in shadow, advised and enforced: a real event makes a policy ask for it,
// and what became of it is read from NFVO and VIM.
//
// Covers: Sc-Or.SecEnforce.001, Sc-Or.SecEnforce.002, Sc-Or.SecEnforce.003, Sc-Or.SecEnforce.004, Sc-Or.SecEnforce.005, Sc-Or.SecurityVnfMgmt.001, Sc-Or.SecurityVnfMgmt.002, Sc-Or.NsLcm.008
func TestAction_Matrix(t *testing.T) {
	t.Parallel()
	rooms := []string{"spare"} // what is migrated stays in its zone
	list := []actionPolicy{}
	for _, c := range actionCases {
		list = append(list, c.policy())
	}
	for _, c := range actionHostCases {
		list = append(list, c.policy())
		rooms = append(rooms, c.id)
	}
	list = append(list, actionToldCases()...)
	list = append(list, actionCoHosted, actionShared)
	a := newActionHub(t, rooms, list...)
	var table []actionRow
	for _, part := range []func() []actionRow{a.checkCoHosted, a.checkHosts, a.checkSharedVnf, a.checkNss, a.checkTold} {
		table = append(table, part()...)
	}
	t.Log(actionTable(table))
}

// actionTable prints the table as columns.
func actionTable(rows []actionRow) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-30s %-13s %-8s %-12s %-7s %s\n", "action", "mode", "level", "order", "effect", "requirement")
	for _, r := range rows {
		fmt.Fprintf(&b, "%-30s %-13s %-8s %-12s %-7s %s\n", r.id, r.mode, r.level, r.state, r.effect, r.covers)
	}
	return b.String()
}

// actionScene is an NS for some of the cells of an action: what is set there for
// the Security Manager of each mode.
type actionScene struct {
	name   string
	levels map[string]smgr.Level
}

// actionScenes: nothing is done in the first two; in each of the others at most
// one Security Manager may do it, so that it is seen who did.
var actionScenes = []actionScene{
	{"shadow", map[string]smgr.Level{"passive": smgr.LevelShadow, "semi-active": smgr.LevelShadow, "fully-active": smgr.LevelShadow}},
	{"advise", map[string]smgr.Level{"passive": smgr.LevelAdvise, "semi-active": smgr.LevelAdvise, "fully-active": smgr.LevelAdvise}},
	{"semi", map[string]smgr.Level{"passive": smgr.LevelEnforce, "semi-active": smgr.LevelEnforce, "fully-active": smgr.LevelOff}},
	{"fully", map[string]smgr.Level{"passive": smgr.LevelOff, "semi-active": smgr.LevelOff, "fully-active": smgr.LevelEnforce}},
}

// actionStage is an NS that is instantiated for a case in a scene.
type actionStage struct {
	actionCase
	actionScene
	ns, op string
	target hub.Target
	by     []string // modes of the Security Managers that did it
}

// checkNss drives the cells of actionCases.
func (a *actionHub) checkNss() (table []actionRow) {
	var stages []*actionStage
	for _, c := range actionCases {
		for _, s := range actionScenes {
			stages = append(stages, a.stage(c, s))
		}
	}
	for _, s := range stages {
		a.completed(s.op)
	}
	for _, s := range stages {
		if s.guard {
			s.op = a.begun(s.ns, "update", scorGuard(a.kits["north"]))
		}
	}
	for _, s := range stages {
		if s.guard {
			a.completed(s.op)
		}
	}
	for _, s := range stages {
		table = append(table, a.settle(s)...)
	}
	w := a.lookBack()
	for _, s := range stages {
		a.compare(w, s)
	}
	return table
}

// stage begins an NS, with the levels of the scene.
func (a *actionHub) stage(c actionCase, s actionScene) *actionStage {
	a.Helper()
	kit := c.kit
	if kit == "" {
		kit = "north"
	}
	ns := a.createNs(kit, c.id+"."+s.name)
	for _, mode := range actionModes {
		a.level(mode, "*", "ns/"+ns, s.levels[mode])
	}
	return &actionStage{c, s, ns, a.begun(ns, "instantiate", map[string]string{}), hub.Target{NsInstanceID: ns}, nil}
}

// settle waits for what the Security Managers make of a stage, and compares it
// with what is wanted.
func (a *actionHub) settle(s *actionStage) (table []actionRow) {
	a.Helper()
	for _, mode := range actionModes {
		if s.levels[mode] == smgr.LevelOff {
			continue
		}
		cell := actionCell{s.actionCase, mode, s.levels[mode], s.target}
		o := a.settled(mode, s.id, cell.level, cell.on)
		want := cell.want()
		if o.State != want || want == smgr.OrderWaiting && !strings.Contains(o.Reason, s.holds) || want == smgr.OrderRecommended && o.Reason == "" {
			a.Errorf("%s, %s, %s: the order is %s (%s), want %s; steps %+v", s.id, mode, cell.level, o.State, o.Reason, want, o.Steps)
		}
		if want == smgr.OrderCompleted {
			s.by = append(s.by, mode)
		}
		s.target = o.Target
		table = append(table, cell.row(o))
	}
	return table
}

// row is what the table says of a cell.
func (c actionCell) row(o smgr.Order) actionRow {
	effect := "none"
	if c.want() == smgr.OrderCompleted {
		effect = "seen"
	}
	return actionRow{c.id, c.mode, string(c.level), string(o.State), effect, c.covers}
}

// compare holds an NS against what was done to it, and by whom.
func (a *actionHub) compare(w *actionWorld, s *actionStage) {
	a.Helper()
	s.done(a, w, s.target, len(s.by) > 0)
	a.onlyBy(w, s.ns, s.by...)
}

func checkEnded(a *actionHub, w *actionWorld, on hub.Target, done bool) {
	a.Helper()
	if a.lives(w, on.NsInstanceID, on.VnfInstanceID) == done {
		a.Errorf("NS %s: the VNF is there: %t, want %t", w.nss[on.NsInstanceID].NsInstanceName, !done, done)
	}
}

// checkSnapshotFirst: the snapshot is of the VNF, and was taken before it ended.
func checkSnapshotFirst(a *actionHub, w *actionWorld, on hub.Target, done bool) {
	a.Helper()
	checkEnded(a, w, on, done)
	kept := slices.ContainsFunc(w.snapshots, func(s sol005.VnfSnapshotInfo) bool {
		return s.VnfSnapshot != nil && s.VnfSnapshot.VnfInstanceID == on.VnfInstanceID
	})
	if kept != done {
		a.Errorf("done is %t, the snapshots are %+v", done, w.snapshots)
	}
	ops := slices.DeleteFunc(slices.Clone(w.vnfOps), func(o sol003.VnfLcmOpOcc) bool { return o.VnfInstanceID != on.VnfInstanceID })
	var names []string
	for _, o := range ops {
		names = append(names, string(o.Operation))
	}
	want := []string{"INSTANTIATE"}
	if done {
		want = []string{"INSTANTIATE", "CREATE_SNAPSHOT", "TERMINATE"}
	}
	if !slices.Equal(names, want) || done && ops[2].StartTime.Before(ops[1].StateEnteredTime) {
		a.Errorf("the VNF's operations are %v, want %v, each after the end of the one before", names, want)
	}
}

// again asks as an operator for another VNF in the place of one that ended.
func (a *actionHub) again(ns, vnfd string) (op string, err error) {
	a.Helper()
	return a.task(ns, "update", sol005.UpdateNsRequest{UpdateType: sol005.UpdateInstantiateVnf, InstantiateVnfData: []sol005.InstantiateVnfData{{VnfProfileID: "web", VnfdID: vnfd}}})
}

// checkReplaced: nothing bars the VNF that takes its place.
func checkReplaced(a *actionHub, w *actionWorld, on hub.Target, done bool) {
	a.Helper()
	checkEnded(a, w, on, done)
	if bars := w.nss[on.NsInstanceID].Bars; len(bars) != 0 {
		a.Errorf("done is %t, and barred are %v", done, bars)
	}
	if !done {
		return
	}
	op, err := a.again(on.NsInstanceID, a.kits["north"].WebVNFD())
	if err != nil {
		a.Fatalf("the replacement: %v", err)
	}
	a.completed(op)
	if now := a.vnfsOf(on.NsInstanceID, a.kits["north"].WebVNFD()); len(now) != 1 || now[0] == on.VnfInstanceID {
		a.Errorf("the replacement is %+v", now)
	}
}

// checkBarred: nothing takes its place.
func checkBarred(a *actionHub, w *actionWorld, on hub.Target, done bool) {
	a.Helper()
	checkEnded(a, w, on, done)
	if bars := w.nss[on.NsInstanceID].Bars; (bars["web"] != nil) != done {
		a.Errorf("done is %t, and barred are %v", done, bars)
	}
	if !done {
		return
	}
	if _, err := a.again(on.NsInstanceID, a.kits["north"].WebVNFD()); hub.CodeOf(err) != hub.Conflict {
		a.Errorf("another VNF in its place: %v", err)
	}
}

// checkDisabled: the package is disabled, and was before its VNF ended, so that
// nothing is made of it meanwhile.
func checkDisabled(a *actionHub, w *actionWorld, on hub.Target, done bool) {
	a.Helper()
	checkEnded(a, w, on, done)
	if !done {
		return
	}
	var pkg sol005.VnfPkgInfo
	if _, err := a.osMa("/vnfpkgm/v2", "2.4.0").Do(a.Context(), http.MethodGet, "/vnf_packages/"+on.VnfPkgID, nil, &pkg); err != nil {
		a.Fatal(err)
	}
	var changes []hub.Record
	for _, r := range a.recordsOf("package.state-changed") {
		if strings.Contains(r.Subject, on.VnfPkgID) {
			changes = append(changes, r)
		}
	}
	updates := w.updates[on.NsInstanceID]
	if pkg.OperationalState != sol005.PackageOperationalStateDisabled || len(changes) != 1 || len(updates) != 1 || updates[0].StartTime.Before(changes[0].Time) || changes[0].Actor != updates[0].Source.Identity {
		a.Errorf("the package is %s by %+v, and the VNF ended by %+v", pkg.OperationalState, changes, updates)
	}
	if _, err := a.again(on.NsInstanceID, a.kits["spare"].WebVNFD()); err == nil {
		a.Error("a VNF was made of a package that is disabled")
	}
}

// checkErased: the storages that the VNF used are erased.
func checkErased(a *actionHub, w *actionWorld, on hub.Target, done bool) {
	a.Helper()
	checkEnded(a, w, on, done)
	erased, left := 0, 0
	for _, s := range w.storages {
		switch {
		case s.Metadata["vnfInstanceId"] != on.VnfInstanceID:
		case s.ErasedAt != nil:
			erased++
		default:
			left++
		}
	}
	if done && left > 0 || !done && (left == 0 || erased > 0) {
		a.Errorf("done is %t; %d storages are erased, %d are not", done, erased, left)
	}
}

func checkInserted(a *actionHub, w *actionWorld, on hub.Target, done bool) {
	a.Helper()
	guards := w.members(on.NsInstanceID, "-guard")
	if done != (len(guards) == 1) || len(guards) > 1 {
		a.Errorf("done is %t, and the security VNFs are %+v", done, guards)
	}
	for _, g := range guards {
		if !a.lives(w, on.NsInstanceID, g.ID) {
			a.Errorf("the security VNF %s has no compute", g.ID)
		}
	}
}

func checkModified(a *actionHub, w *actionWorld, on hub.Target, done bool) {
	a.Helper()
	guards := w.members(on.NsInstanceID, "-guard")
	if len(guards) != 1 || (guards[0].VnfConfigurableProperties["inspection"] == "strict") != done {
		a.Errorf("done is %t, and the security VNFs are %+v", done, guards)
	}
}
