package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/smgr"
)

// actionHostCase is one way to end the use of a host.
type actionHostCase struct {
	id         string // of the policy, and of the room in which its hosts stand
	vnfs       string
	quarantine bool
	modes      string
}

// actionHostCases come one after the other, so that nothing migrates to a host
// whose VNFs end.
var actionHostCases = []actionHostCase{
	{"stop-terminate", "terminate", false, "SF"},
	{"stop-terminate-quarantine", "terminate", true, "F"},
	{"stop-migrate", "migrate", false, "SF"},
	{"stop-migrate-quarantine", "migrate", true, "F"},
}

// policy asks for it when a host in the room is not trusted any more.
func (c actionHostCase) policy() actionPolicy {
	return actionPolicy{
		id: c.id, kind: hub.EventHostChange,
		when: fmt.Sprintf(`input.operation == "INTEGRITY"
	host := input.hosts[input.subject.hostId]
	host.integrity == "UNTRUSTED"
	host.location.room == %q`, c.id),
		target:  `{"hostId": input.subject.hostId}`,
		actions: fmt.Sprintf(`[{"type": "stop-host", "vnfs": %q, "quarantine": %t}]`, c.vnfs, c.quarantine),
		sample:  fmt.Sprintf(`operation: INTEGRITY, subject: {hostId: h}, hosts: {h: {id: h, integrity: UNTRUSTED, location: {room: %s}}}, event: %s`, c.id, actionHostChange("INTEGRITY")),
	}
}

// actionHost is the host in a room of a zone.
func actionHost(room string, zone int) string { return fmt.Sprintf("%s-%d", room, zone) }

// checkHosts drives the cells of actionHostCases: each case has a host on which
// nothing is done, one for the semi-active and one for the fully-active Security
// Manager, each in a zone.
func (a *actionHub) checkHosts() (table []actionRow) {
	a.fill()
	for _, round := range []struct {
		zone   int
		levels map[string]smgr.Level
	}{{0, actionScenes[0].levels}, {0, actionScenes[1].levels}, {1, actionScenes[2].levels}, {2, actionScenes[3].levels}} {
		var ending []string // hosts on which VNFs end
		for _, c := range actionHostCases {
			for _, mode := range actionModes {
				a.level(mode, c.id, "*", round.levels[mode])
			}
			if c.vnfs == "terminate" && round.zone > 0 {
				ending = append(ending, actionHost(c.id, round.zone))
			}
		}
		a.elsewhere(ending...)
		before := a.look()
		done := map[string]bool{}
		for _, c := range actionHostCases {
			a.integrity(actionHost(c.id, round.zone), "UNTRUSTED")
			for _, mode := range actionModes {
				if round.levels[mode] == smgr.LevelOff {
					continue
				}
				cell := actionCell{actionCase{id: c.id, modes: c.modes, covers: "Sc-Or.SecEnforce.004"}, mode, round.levels[mode], hub.Target{HostID: actionHost(c.id, round.zone)}}
				o := a.settled(mode, c.id, cell.level, cell.on)
				if want := cell.want(); o.State != want || want == smgr.OrderRecommended && o.Reason == "" {
					a.Errorf("%s, %s, %s: the order is %s (%s), want %s; steps %+v", c.id, mode, cell.level, o.State, o.Reason, want, o.Steps)
				}
				done[c.id] = done[c.id] || cell.want() == smgr.OrderCompleted
				table = append(table, cell.row(o))
			}
		}
		after := a.look()
		for _, c := range actionHostCases {
			a.checkHost(c, actionHost(c.id, round.zone), before, after, done[c.id])
			a.integrity(actionHost(c.id, round.zone), "TRUSTED")
		}
	}
	return table
}

// integrity lets the VIM say how far a host is trusted.
func (a *actionHub) integrity(host, state string) {
	a.Helper()
	if _, err := a.vim().Do(a.Context(), http.MethodPost, "/events", ifa006.Exercise{Kind: "host-integrity", Target: host, Value: state}, nil); err != nil {
		a.Fatal(err)
	}
}

// fill makes NSs of both trust domains until each has a web VNF on each host.
func (a *actionHub) fill() {
	a.Helper()
	for _, domain := range []string{"south", "north"} {
		for n := 0; a.fillOnce(domain); n++ {
			if n == 20 {
				a.Fatal("some hosts stay empty")
			}
		}
	}
	a.load(roomy)
}

// fillOnce makes NSs of a trust domain, with three web VNFs each, which find room
// on hosts only that have none of the domain yet. It reports whether there was
// such a host.
func (a *actionHub) fillOnce(domain string) bool {
	a.Helper()
	w, empty := a.look(), 0
	for host := range w.hosts {
		if len(w.onHost(domain, host)) == 0 {
			empty++
		}
	}
	if empty == 0 {
		return false
	}
	a.load(func(host string) int {
		if len(w.onHost(domain, host)) == 0 {
			return roomy(host)
		}
		return w.hosts[host].Allocated.VCPUs
	})
	var nss, ops []string
	for range (empty + 2) / 3 {
		ns, op := a.begin(domain, "filler."+domain)
		nss, ops = append(nss, ns), append(ops, op)
	}
	for i, ns := range nss {
		a.completed(ops[i])
		ops[i] = a.begun(ns, "scale", sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: "SCALE_OUT", AspectID: "users", NumberOfSteps: 2}}})
	}
	a.completed(ops...)
	return true
}

// elsewhere sees to it that each NS with a web VNF on one of the hosts has one on
// another too, so that the end of what is on all of them leaves it its minimum.
func (a *actionHub) elsewhere(hosts ...string) {
	a.Helper()
	for n := 0; ; n++ {
		w := a.look()
		here, alone := []string{}, ""
		for _, host := range hosts {
			here = append(here, w.onHost("north", host)...)
		}
		for _, vnf := range here {
			ns := w.nsOf(vnf)
			if !slices.ContainsFunc(w.members(ns, "-web"), func(v sol005.VnfInstance) bool { return !slices.Contains(here, v.ID) }) {
				alone = ns
			}
		}
		if alone == "" {
			return
		}
		if n == 20 {
			a.Fatalf("the VNFs of NS %s all come to hosts %v", alone, hosts)
		}
		a.load(func(host string) int { // or it may come to one of these again, until the NS has all it may have
			if slices.Contains(hosts, host) {
				return w.hosts[host].Allocated.VCPUs
			}
			return roomy(host)
		})
		op, err := a.again(alone, a.kits["north"].WebVNFD())
		if err != nil {
			a.Fatal(err)
		}
		a.completed(op)
		a.load(roomy)
		a.judged(alone, op)
	}
}

// judged waits until each Security Manager has judged the end of an operation, and
// so knows what it brought about.
func (a *actionHub) judged(ns, op string) {
	a.Helper()
	var ended sol005.NsLcmOpOcc
	if _, err := a.osma.Do(a.Context(), http.MethodGet, "/ns_lcm_op_occs/"+op, nil, &ended); err != nil {
		a.Fatal(err)
	}
	for _, mode := range actionModes {
		a.soon(mode+" judges the end of operation "+op, func() bool {
			for d, err := range httpapi.All[smgr.Decision](a.Context(), a.api, "/"+mode+"/decisions", url.Values{"key": {"ns/" + ns}}) {
				if err != nil {
					a.Fatal(err)
				}
				if !d.EventTime.Before(ended.StateEnteredTime) {
					return true
				}
			}
			return false
		})
	}
}

// checkHost compares a host and what was on it with what is wanted. Nothing
// happens to other trust domains' VNFs there.
func (a *actionHub) checkHost(c actionHostCase, host string, before, after *actionWorld, done bool) {
	a.Helper()
	is, was := after.hosts[host], before.onHost("north", host)
	if slices.Contains(is.StoppedFor, "north") != done || slices.Contains(is.QuarantinedFor, "north") != (done && c.quarantine) || len(is.StoppedFor) > 1 {
		a.Errorf("%s: done is %t, and the host is %+v", c.id, done, is)
	}
	left := after.onHost("north", host) // others may have migrated to it
	gone := slices.ContainsFunc(was, func(vnf string) bool { return !slices.Contains(left, vnf) })
	if len(was) == 0 || done && len(left) > 0 || !done && gone {
		a.Errorf("%s: done is %t, and on the host are %v, were %v", c.id, done, left, was)
	}
	for _, vnf := range was {
		if lives := a.lives(after, before.nsOf(vnf), vnf); lives == (done && c.vnfs == "terminate") {
			a.Errorf("%s: done is %t, and VNF %s lives: %t", c.id, done, vnf, lives)
		}
	}
	if others := after.onHost("south", host); len(others) == 0 || !slices.Equal(others, before.onHost("south", host)) {
		a.Errorf("%s: the VNFs of another trust domain are %v, were %v", c.id, others, before.onHost("south", host))
	}
}

// actionToldCases ask for what no order is made of: an alert, and what only
// somebody who is asked for a certificate can do.
func actionToldCases() []actionPolicy {
	var list []actionPolicy
	for _, action := range []hub.ActionType{hub.ActionAlert, hub.ActionDenyCertificate, hub.ActionDowngradeAttestation} {
		p := actionOn(string(action), "INSTANTIATE", "-web", fmt.Sprintf(`[{"type": %q}]`, action))
		p.target = `{"nsInstanceId": input.ns.id, "certificateRequestId": "request-1"}`
		list = append(list, p)
	}
	return list
}

// checkTold: an alert is told from level advise on, in every mode. What is about
// certificates is undecided wherever no certificate is asked for, at every level.
func (a *actionHub) checkTold() (table []actionRow) {
	type stage struct {
		policy, ns string
		level      smgr.Level
	}
	var stages []stage
	var ops []string
	for _, p := range actionToldCases() {
		for _, level := range []smgr.Level{smgr.LevelShadow, smgr.LevelAdvise, smgr.LevelEnforce} {
			s := a.stage(actionCase{id: p.id}, actionScene{string(level), map[string]smgr.Level{"passive": level, "semi-active": level, "fully-active": level}})
			stages, ops = append(stages, stage{p.id, s.ns, level}), append(ops, s.op)
		}
	}
	decided := map[stage]map[string]smgr.Decision{} // by mode
	for i, s := range stages {
		a.completed(ops[i])
		decided[s] = map[string]smgr.Decision{}
		for _, mode := range actionModes {
			decided[s][mode] = a.decision(mode, s.policy, s.ns)
		}
	}
	told := map[string]bool{} // kind and decision
	for _, kind := range []string{"sm.alert", "sm.undecided"} {
		for _, r := range a.recordsOf(kind) {
			told[kind+" "+strings.TrimPrefix(r.Subject, "decision/")] = true
		}
	}
	for _, s := range stages {
		for _, mode := range actionModes {
			d := decided[s][mode]
			alert := s.policy == string(hub.ActionAlert)
			is := "decided"
			if len(d.Undecided) > 0 {
				is = "undecided"
			}
			if told["sm.alert "+d.ID] != (alert && s.level != smgr.LevelShadow) || told["sm.undecided "+d.ID] == alert || len(d.Orders) != 0 {
				a.Errorf("%s, %s, %s: alert %t, alarm %t, orders %v", s.policy, mode, s.level, told["sm.alert "+d.ID], told["sm.undecided "+d.ID], d.Orders)
			}
			if !alert && (len(d.Undecided) != 1 || !strings.Contains(d.Undecided[0].Reason, "no request for a certificate")) {
				a.Errorf("%s, %s, %s: undecided is %+v", s.policy, mode, s.level, d.Undecided)
			}
			table = append(table, actionRow{s.policy, mode, string(s.level), is, map[bool]string{true: "told", false: "none"}[told["sm.alert "+d.ID]], ""})
		}
	}
	return table
}

// decision waits for the only decision of a Security Manager in which a policy
// found something in an NS.
func (a *actionHub) decision(mode, policy, ns string) (found smgr.Decision) {
	a.Helper()
	a.soon(fmt.Sprintf("%s decides on %s in NS %s", mode, policy, ns), func() bool {
		var list []smgr.Decision
		if _, err := a.api.Do(a.Context(), http.MethodGet, "/"+mode+"/decisions?policy="+policy+"&key=ns/"+ns, nil, &list); err != nil {
			a.Fatal(err)
		}
		list = slices.DeleteFunc(list, func(d smgr.Decision) bool { return len(d.Findings) == 0 })
		if len(list) > 1 {
			a.Fatalf("%s decided %d times on %s", mode, len(list), policy)
		}
		if len(list) == 1 {
			found = list[0]
		}
		return len(list) == 1
	})
	return found
}
