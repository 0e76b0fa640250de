package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/intake"
)

// smChange is one change, as it can be found on both sides.
type smChange struct {
	key string    // of the event that it is
	at  time.Time //
	occ string    // what a query shows of it, as a record of a gap names it
}

// numbered lists changes sorted, those of one key with their number, so that it
// holds their order.
func numbered(list []smChange) []string {
	number, out := map[string]int{}, []string{}
	for _, c := range list {
		number[c.key]++
		out = append(out, fmt.Sprintf("%s|%06d|%s", c.key, number[c.key], c.at.UTC().Format(time.RFC3339Nano)))
	}
	slices.Sort(out)
	return out
}

// told is what the watcher was told that is to be judged.
func (s *smKill) told() (list []smChange) {
	s.t.Helper()
	notes, problems := s.lcm.notes()
	for _, p := range problems {
		s.t.Error(p)
	}
	for _, n := range notes {
		occ := ""
		switch n.Type {
		case "NsLcmCapacityShortageNotification":
			continue
		case "NsLcmOperationOccurrenceNotification":
			occ = "op/" + n.OpID + "/" + n.State
		case "NsIdentifierCreationNotification":
			occ = "ns-created/" + n.NsID
		case "NsIdentifierDeletionNotification":
			occ = "ns-deleted/" + n.NsID
		}
		list = append(list, smChange{smgr.KeyNs(n.NsID), n.At, occ})
	}
	for _, n := range s.vi.got() {
		switch {
		case n.ID == "": // broken off by a kill
		case n.Alarm != nil && n.Alarm.HostID != "":
			list = append(list, smChange{key: smgr.KeyHost(n.Alarm.HostID), at: n.TimeStamp})
		case n.Alarm != nil:
			list = append(list, smChange{key: "compute/" + n.Alarm.ManagedObjectID, at: n.TimeStamp})
		case n.ResourceType == "HOST":
			list = append(list, smChange{key: smgr.KeyHost(n.ResourceID), at: n.TimeStamp})
		case n.ResourceType == "IMAGE":
			list = append(list, smChange{key: smgr.KeyImage(n.ResourceID), at: n.TimeStamp})
		case n.ResourceType != "NETWORK":
			list = append(list, smChange{key: "compute/" + n.ResourceID, at: n.TimeStamp})
		}
	}
	return list
}

// smGap is a record of something that a query showed before it was told.
type smGap struct {
	EventID, Occurrence string
	Time                time.Time
}

// compare returns what was told and what was decided, each in its order. What a
// query showed first is left out on both sides: it has the time of the query, and
// is judged before what was told late. missing is how many of these nobody told.
func (s *smKill) compare() (told, judged []string, missing int) {
	s.t.Helper()
	gaps, byEvent := smRecords[smGap](s.nsHub, intake.KindGap), map[string]bool{}
	for _, g := range gaps {
		byEvent[g.EventID] = true
	}
	found := map[string]bool{}
	all := slices.DeleteFunc(s.told(), func(c smChange) bool {
		for _, g := range gaps {
			if c.occ == g.Occurrence && !found[g.EventID] && (c.at.Sub(g.Time).Abs() <= 2*time.Second || !strings.HasSuffix(c.occ, "ING") && !strings.HasSuffix(c.occ, "_TEMP")) {
				found[g.EventID] = true
				return true
			}
		}
		return false
	})
	var list []smChange
	for _, d := range smRecords[smgr.Decision](s.nsHub, "sm.decision") {
		if d.Kind != hub.EventReview && !byEvent[d.EventID] {
			list = append(list, smChange{key: d.Key, at: d.EventTime})
		}
	}
	return numbered(all), numbered(list), len(byEvent) - len(found)
}

// same reports whether everything that was told was decided, and nothing else.
func (s *smKill) same() bool {
	s.t.Helper()
	told, judged, missing := s.compare()
	return missing == 0 && slices.Equal(told, judged)
}

// differ reports what was told and not judged, or the other way round.
func (s *smKill) differ() {
	s.t.Helper()
	told, judged, missing := s.compare()
	s.t.Logf("%d were found by queries and never told", missing)
	for what, lists := range map[string][2][]string{"told and not judged": {told, judged}, "judged and not told": {judged, told}} {
		n := 0
		for _, line := range lists[0] {
			if _, found := slices.BinarySearch(lists[1], line); !found {
				if n++; n <= 10 {
					s.t.Errorf("%s: %s", what, line)
				}
			}
		}
		s.t.Logf("%d %s", n, what)
	}
}

// check wants every change decided once and in order, and every order carried out
// once and in order, as NFVO, VIM and the Security Manager say it.
func (s *smKill) check() {
	s.t.Helper()
	s.rest()
	decisions, events, withData := smRecords[smgr.Decision](s.nsHub, "sm.decision"), map[string]int{}, 0
	orders := s.orders()
	for _, d := range decisions {
		if events[d.EventID]++; events[d.EventID] > 1 {
			s.t.Errorf("event %s was decided %d times", d.EventID, events[d.EventID])
		}
		for _, u := range d.Undecided {
			if !strings.Contains(u.Reason, "it was not done after") { // the machine was too slow, not the data too little
				s.t.Errorf("decision %s on %s of %s: %s is undecided: %s", d.ID, d.Kind, d.Key, u.Policy, u.Reason)
			}
		}
		for _, id := range d.Orders {
			if _, there := orders[id]; !there {
				s.t.Errorf("order %s of decision %s is lost", id, d.ID)
			}
		}
		withData += min(1, len(d.Orders))
	}
	states := map[string]int{}
	for _, o := range orders {
		states[string(o.Action.Type)+" "+string(o.State)]++
	}
	gaps := map[string]bool{}
	for _, g := range smRecords[smGap](s.nsHub, intake.KindGap) {
		gaps[g.EventID] = true
	}
	for id := range gaps {
		if events[id] != 1 {
			s.t.Errorf("event %s, which a query showed, was decided %d times", id, events[id])
		}
	}
	s.t.Logf("%d decisions, %d of them on what a query showed first, %d with orders: %v", len(decisions), len(gaps), withData, states)
	s.checkEffects(orders)
	s.checkOrder(orders)
	_, vnfOps := s.lcmOps()
	s.checkModel(vnfOps)
	s.checkREST(decisions)
	if len(events) == 0 || withData == 0 {
		s.t.Error("nothing was decided or ordered")
	}
}

// checkEffects compares what was ordered with what the NFVO did for the Security
// Manager: each is the other, once.
func (s *smKill) checkEffects(orders map[string]smgr.Order) {
	s.t.Helper()
	by := map[string]string{} // operation or host order -> order and step
	for _, o := range orders {
		for _, st := range o.Steps {
			id := st.Resource[strings.LastIndex(st.Resource, "/")+1:]
			if id == "" {
				continue
			}
			if was := by[id]; was != "" {
				s.t.Errorf("%s and %s %s have one operation, %s", was, o.ID, st.Name, id)
			}
			by[id] = o.ID + " " + st.Name
			if st.Name == "stop-use" {
				s.checkHostOrder(o, st, id)
				delete(by, id)
			}
		}
	}
	for _, op := range listAll[smOp](s.nsHub, s.nslcm(), "/ns_lcm_op_occs") {
		if op.Source.Kind != "SM" {
			continue
		}
		if by[op.ID] == "" {
			s.t.Errorf("operation %s of NS %s was asked for by %s, and no order says so", op.ID, op.NsInstanceID, op.Source.Identity)
		}
		delete(by, op.ID)
	}
	for id, order := range by {
		s.t.Errorf("order %s has operation %s, which the NFVO does not know as the Security Manager's", order, id)
	}
}

func (s *smKill) checkHostOrder(o smgr.Order, st smgr.Step, id string) {
	s.t.Helper()
	var at struct{ HostID, State string }
	if _, err := ownOf(s.nslcm()).Do(s.t.Context(), http.MethodGet, "/host_orders/"+id, nil, &at); err != nil {
		s.t.Errorf("host order of %s: %v", o.ID, err)
	}
	if at.HostID != o.Target.HostID || (st.State == smgr.OrderCompleted) != (at.State == "COMPLETED") {
		s.t.Errorf("order %s to stop %s is %s, and the NFVO's of %s is %s", o.ID, o.Target.HostID, st.State, at.HostID, at.State)
	}
	hosts := resources[ifa006.Host](s.nsHub, "hosts", "(eq,hostId,"+o.Target.HostID+")")
	if len(hosts) != 1 {
		s.t.Errorf("the VIM has %d hosts %s", len(hosts), o.Target.HostID)
	}
}

// checkOrder wants the orders of one key one after the other, as they were made.
func (s *smKill) checkOrder(orders map[string]smgr.Order) {
	s.t.Helper()
	byKey := map[string][]smgr.Order{}
	for _, o := range orders {
		if len(o.Steps) > 0 && !o.Steps[0].Started.IsZero() {
			byKey[o.Key] = append(byKey[o.Key], o)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		list := byKey[key]
		slices.SortFunc(list, func(a, b smgr.Order) int { return a.Steps[0].Started.Compare(b.Steps[0].Started) })
		for n := 1; n < len(list); n++ {
			was, is := list[n-1], list[n]
			if is.Created.Before(was.Created) {
				s.t.Errorf("order %s of %s was made before %s and begun after it", is.ID, key, was.ID)
			}
			for _, st := range was.Steps {
				if st.Ended != nil && st.Ended.After(is.Steps[0].Started) {
					s.t.Errorf("order %s of %s was begun while %s %s went on", is.ID, key, was.ID, st.Name)
				}
			}
		}
	}
}

// checkREST compares what the Security Manager serves with its records.
func (s *smKill) checkREST(decisions []smgr.Decision) {
	s.t.Helper()
	if s.sm != s.hubProcess { // the one that serves operators runs it now
		s.sm.stop()
		s.stop()
		s.args = append(slices.Insert(slices.Clone(s.args), 5, "sm"), "--config", s.config)
		s.start()
		s.smReady()
	}
	shown := s.smDecisions("north", nil)
	for _, d := range decisions {
		if shown[d.EventID] != 1 {
			s.t.Errorf("the decision on event %s is recorded, and served %d times", d.EventID, shown[d.EventID])
		}
	}
	var differ []string
	for range 3 { // who took over may review, and order more between two readings
		differ = nil
		orders := s.orders()
		served := smList[smgr.Order](s.nsHub, "north", "orders", nil)
		for _, o := range served {
			if was, there := orders[o.ID]; !there || was.State != o.State {
				differ = append(differ, fmt.Sprintf("order %s is served as %s and recorded as %q", o.ID, o.State, was.State))
			}
		}
		if len(served) != len(orders) {
			differ = append(differ, fmt.Sprintf("%d orders are served, %d recorded", len(served), len(orders)))
		}
		if differ == nil {
			return
		}
		s.rest()
	}
	s.t.Errorf("served and recorded differ at rest: %q", differ)
}
