package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/smgr"
)

// actionShared asks for the end of a VNF that two NSs share.
var actionShared = func() actionPolicy {
	p := actionOn("shared", "UPDATE", "-web", `[{"type": "terminate-vnf", "belowMinimum": true}]`)
	p.when += "\n\tcount(v.nsInstanceIds) == 2"
	p.sample = fmt.Sprintf(`operation: UPDATE, phase: RESULT, outcome: COMPLETED, ns: {id: n, name: shared.sample}, vnfs: {v: {id: v, vnfdId: some-web, vnfPkgId: p, nsInstanceIds: [m, n]}}, event: %s`, actionOperation("UPDATE", "RESULT", "COMPLETED"))
	return p
}()

// checkSharedVnf: a VNF that two NSs share ends by one Update NS for each of them.
func (a *actionHub) checkSharedVnf() []actionRow {
	one, op := a.begin("north", "sharing.one")
	two, other := a.begin("north", "shared.two")
	a.completed(op, other)
	for _, ns := range []string{one, two} {
		for _, mode := range actionModes {
			a.level(mode, "*", "ns/"+ns, actionScenes[2].levels[mode])
		}
	}
	vnf, own := a.vnfsOf(one, a.kits["north"].WebVNFD())[0], a.vnfsOf(two, a.kits["north"].WebVNFD())[0]
	a.completed(a.begun(two, "update", sol005.UpdateNsRequest{UpdateType: sol005.UpdateAddVnf, AddVnfIstance: []sol005.VnfInstanceData{{VnfInstanceID: vnf, VnfProfileID: "web"}}}))
	o := a.settled("semi-active", "shared", smgr.LevelEnforce, hub.Target{NsInstanceID: two})
	if o.State != smgr.OrderCompleted || len(o.Steps) != 2 {
		a.Errorf("the order is %s (%s) with steps %+v", o.State, o.Reason, o.Steps)
	}
	w := a.lookBack()
	for _, ns := range []string{one, two} {
		updates := w.updates[ns]
		if len(updates) != 1 || !slices.Equal(updates[0].params(a).RemoveVnfInstanceID, []string{vnf}) {
			a.Errorf("NS %s was updated by %+v, want the removal of %s", ns, updates, vnf)
		}
		a.onlyBy(w, ns, "semi-active")
		if a.lives(w, ns, vnf) {
			a.Errorf("the shared VNF is left in NS %s", ns)
		}
	}
	if !a.lives(w, two, own) {
		a.Error("the second NS's own VNF ended")
	}
	return []actionRow{{"terminate of a shared VNF", "semi-active", "enforce", string(o.State), "seen", "Sc-Or.SecEnforce.002"}}
}

// params are those of an Update NS.
func (u *actionUpdate) params(a *actionHub) (in sol005.UpdateNsRequest) {
	a.Helper()
	if err := json.Unmarshal(u.OperationParams, &in); err != nil {
		a.Fatal(err)
	}
	return in
}

// actionCoHosted asks for the end of a VNF with all others of its trust domain on
// its host.
var actionCoHosted = actionOn("co-hosted", "UPDATE", "-web", `[{"type": "terminate-vnf", "coHosted": true, "belowMinimum": true}]`)

// checkCoHosted: the VNFs of the domain on the host end, in whatever NS; those of
// other domains, and on other hosts, stay. It comes first: the level of each NS
// on the host counts, and those that are set here would count for what comes after.
func (a *actionHub) checkCoHosted() (table []actionRow) {
	a.fill()
	c := actionCase{id: actionCoHosted.id, covers: "Sc-Or.SecEnforce.003", modes: "F", done: checkEnded}
	for _, scene := range actionScenes {
		w := a.look()
		a.load(func(host string) int { // what stays a recommendation here contradicts one to migrate from the same host
			if strings.HasPrefix(host, "spare-") {
				return roomy(host)
			}
			return w.hosts[host].Allocated.VCPUs
		})
		s := a.stage(c, scene)
		a.completed(s.op)
		a.load(roomy)
		s.target.VnfInstanceID = a.vnfsOf(s.ns, a.kits["north"].WebVNFD())[0]
		before := a.look()
		host := before.computes[s.target.VnfInstanceID][0].HostID
		here := before.onHost("north", host)
		for _, vnf := range here { // the level of its NS counts for what is ended there, too
			for _, mode := range actionModes {
				a.level(mode, c.id, "ns/"+before.nsOf(vnf), scene.levels[mode])
			}
		}
		a.completed(a.begun(s.ns, "update", scorGuard(a.kits["north"])))
		table = append(table, a.settle(s)...)
		after := a.lookBack()
		a.compare(after, s)
		ended := len(s.by) > 0
		for vnf, computes := range before.computes {
			want := !ended || computes[0].TrustDomain != "north" || !slices.Contains(here, vnf)
			if a.lives(after, before.nsOf(vnf), vnf) != want {
				a.Errorf("%s: VNF %s of %s on %s lives: %t", scene.name, vnf, computes[0].TrustDomain, computes[0].HostID, !want)
			}
		}
		if ended && (len(here) < 2 || len(before.onHost("south", host)) == 0) {
			a.Errorf("on host %s were %v only", host, here)
		}
		a.completed(a.begun(s.ns, "terminate", map[string]string{}))
	}
	return table
}
