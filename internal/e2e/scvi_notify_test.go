package e2e_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// scviWorld is a hub with a watching Security Manager in each of two domains.
type scviWorld struct {
	*nsHub
	t            *testing.T
	north, south *scviSM
	in, other    *scviInbox // what north and south are told
	mark         int        // how much north had been told before the present step
}

// tell waits until north was told of a change or alarm of a resource since the
// last step.
func (w *scviWorld) tell(what, id string) *scviNote {
	w.t.Helper()
	return w.in.await(w.t, what+" of "+id, w.mark, func(n *scviNote) bool {
		return n.about() == id && (n.ChangeType == what || n.Alarm != nil && n.NotificationType == what)
	})
}

// step begins a step.
func (w *scviWorld) step() { w.mark = len(w.in.got()) }

// compute returns the only compute of north.
func (w *scviWorld) compute() ifa006.Compute {
	w.t.Helper()
	list := scviGet[[]ifa006.Compute](w.north, "/computes")
	if len(list) != 1 {
		w.t.Fatalf("north has %d computes", len(list))
	}
	return list[0]
}

// located wants a notification to say where the resource is, as the VIM says it.
func (w *scviWorld) located(n *scviNote, host string) {
	w.t.Helper()
	h := resources[ifa006.Host](w.nsHub, "hosts", "(eq,hostId,"+host+")")[0]
	at, zone, where := n.HostID, n.ZoneID, n.Location
	if n.Alarm != nil {
		at, zone, where = n.Alarm.HostID, n.Alarm.ZoneID, n.Alarm.Location
	}
	if at != host || zone != h.ZoneID || where == nil || *where != h.Location {
		w.t.Errorf("it is on %s: %s", host, n.raw)
	}
}

// What becomes of the computes of a domain is told to the Security Managers of that
// domain, who are subscribed with nothing but a passive mode's rights, in order, at
// a receiver that shows their own credential, with host, zone and physical
// location; of the infrastructure they share, all are told.
//
// Covers: Sc-Vi.N04, Sc-Vi.N10, Sc-Vi.Telem.001, Sc-Vi.Telem.002, Security.005, Security.007
func TestScVi_Notifications(t *testing.T) {
	t.Parallel()
	w := &scviWorld{nsHub: newNsHub(t, 1, "north", "south"), t: t}
	w.north, w.south = w.scviSM("north", "watcher"), w.scviSM("south", "watcher")
	w.in, w.other = w.north.inbox(w.north.at), w.south.inbox(w.south.at)
	path := w.north.subscribe(w.in, nil)
	w.south.subscribe(w.other, nil)
	alarms := w.north.inbox(w.north.at)
	w.north.subscribe(alarms, &ifa006.Filter{NotificationTypes: []string{ifa006.AlarmType, ifa006.AlarmClearedType}, ResourceTypes: []string{"COMPUTE"}})
	if mine, theirs := scviGet[[]ifa006.Subscription](w.north, "/subscriptions"), scviGet[[]ifa006.Subscription](w.south, "/subscriptions"); len(mine) != 2 || len(theirs) != 1 {
		t.Errorf("subscriptions: %+v, %+v", mine, theirs)
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if status, body, _ := w.south.ask(method, path, nil); status != http.StatusNotFound {
			t.Errorf("%s of another domain's subscription: %d %s", method, status, body)
		}
	}
	w.changes()
	w.erasure()
	w.faults(alarms)
	w.telemetry()
	w.packets()
	w.checkTold()
	if status, body, _ := w.north.ask(http.MethodDelete, path, nil); status != http.StatusNoContent {
		t.Errorf("end subscription: %d %s", status, body)
	}
	before := len(w.in.got())
	seen := len(w.other.got())
	w.do("vim", "event", "host-integrity", "host-3", "UNKNOWN")
	w.other.await(t, "south's change after north's end", seen, func(n *scviNote) bool { return n.ChangeType == ifa006.ChangeIntegrity })
	if after := w.in.got()[before:]; len(after) > 0 {
		t.Errorf("told after the end of the subscription: %+v", after)
	}
}

// changes lives the life of a compute: N04.
func (w *scviWorld) changes() {
	w.t.Helper()
	ns := w.instantiate("north", "edge")
	c := w.compute()
	w.located(w.tell(ifa006.ChangeCreated, c.ID), c.HostID)

	w.step()
	w.do("host", "stop-use", c.HostID, "--vnfs", "migrate")
	n := w.tell(ifa006.ChangeMigrated, c.ID)
	moved := w.compute()
	if moved.HostID == c.HostID || moved.ID != c.ID {
		w.t.Errorf("migrated from %s to %s", c.HostID, moved.HostID)
	}
	w.located(n, moved.HostID)
	w.tell(ifa006.ChangeState, c.HostID)
	w.do("host", "release", c.HostID)

	w.step()
	w.mustComplete(ns, "update", sol005.UpdateNsRequest{UpdateType: "OPERATE_VNF", OperateVnfData: []sol005.OperateVnfData{
		{VnfInstanceID: w.showNs(ns).VnfInstance[0].ID, ChangeStateTo: "STOPPED", StopType: "FORCEFUL"},
	}})
	w.located(w.tell(ifa006.ChangeOperated, c.ID), moved.HostID)
	if is := w.compute(); is.RunningState != ifa006.Halted {
		w.t.Errorf("a stopped compute is %s", is.RunningState)
	}

	w.step()
	w.do("ns", "terminate", ns)
	w.located(w.tell(ifa006.ChangeDeleted, c.ID), moved.HostID)
	if status, body, _ := w.north.ask(http.MethodGet, "/computes/"+c.ID, nil); status != http.StatusNotFound {
		w.t.Errorf("a compute that was terminated: %d %s", status, body)
	}
}

// erasure orders a compute to be overwritten before it goes: its content is another
// afterwards, and when it was done is told.
func (w *scviWorld) erasure() {
	w.t.Helper()
	w.step()
	w.instantiate("north", "edge")
	c := w.compute()
	if _, err := w.vim().Do(w.t.Context(), http.MethodDelete, "/computes/"+c.ID+"?erase=true", nil, nil); err != nil {
		w.t.Fatal(err)
	}
	n := w.tell(ifa006.ChangeErased, c.ID)
	sum := func(name string) any { return n.Changed[name].(map[string]any)["hash"] }
	if sum("checksumBefore") != c.ContentChecksum.Hash || sum("checksumAfter") == sum("checksumBefore") || n.Changed["erasedAt"] == nil {
		w.t.Errorf("erased: %s; the content was %+v", n.raw, c.ContentChecksum)
	}
	w.tell(ifa006.ChangeDeleted, c.ID)
	w.healed(c.ID) // a VNF that misses a compute heals itself
}

// healed waits until north has one compute, which is another one and runs.
func (w *scviWorld) healed(was string) ifa006.Compute {
	w.t.Helper()
	var c ifa006.Compute
	eventually(w.t, "the VNF is healed", patience, func() bool {
		list := scviGet[[]ifa006.Compute](w.north, "/computes")
		if len(list) == 1 && list[0].RunningState == ifa006.Started {
			c = list[0]
		}
		return c.ID != "" && c.ID != was
	})
	return c
}

// faults injects faults: N10.
func (w *scviWorld) faults(alarms *scviInbox) {
	w.t.Helper()
	c := w.compute()
	w.step()
	w.do("vim", "event", "host-failed", c.HostID)
	root := w.tell(ifa006.AlarmType, c.HostID)
	w.located(root, c.HostID)
	n := w.tell(ifa006.AlarmType, c.ID)
	w.located(n, c.HostID)
	if n.Alarm.RootCause != c.HostID || !slices.Contains(n.Alarm.CorrelatedAlarms, root.Alarm.ID) || !root.Alarm.IsRootCause || !slices.Contains(root.Alarm.CorrelatedAlarms, n.Alarm.ID) {
		w.t.Errorf("the alarms of a host and of its compute are not correlated: %s\n%s", root.raw, n.raw)
	}
	// The VNF heals itself, elsewhere: the alarm ends with the compute.
	w.tell(ifa006.AlarmClearedType, c.ID)
	w.tell(ifa006.ChangeDeleted, c.ID)
	healed := w.healed(c.ID)
	if healed.HostID == c.HostID {
		w.t.Errorf("healed on the failed host %s", c.HostID)
	}
	w.located(w.tell(ifa006.ChangeCreated, healed.ID), healed.HostID)
	w.do("vim", "event", "host-recovered", c.HostID)
	if n := w.tell(ifa006.AlarmClearedType, c.HostID); n.Alarm.ID != root.Alarm.ID || n.Alarm.Cleared == nil {
		w.t.Errorf("cleared: %s", n.raw)
	}

	w.step()
	w.do("vim", "event", "compute-failed", healed.ID)
	n = w.tell(ifa006.AlarmType, healed.ID)
	w.located(n, healed.HostID)
	if !n.Alarm.IsRootCause {
		w.t.Errorf("alone: %s", n.raw)
	}
	w.tell(ifa006.AlarmClearedType, healed.ID)
	alarms.await(w.t, "the last alarm's end, filtered", 0, func(n *scviNote) bool { return n.NotificationType == ifa006.AlarmClearedType && n.about() == healed.ID })
	for _, n := range alarms.got() {
		if n.Alarm == nil || n.about() == c.HostID {
			w.t.Errorf("the filter lets through %s", n.raw)
		}
	}
}

// telemetry injects what is measured: integrity of a host, content of an image.
func (w *scviWorld) telemetry() {
	w.t.Helper()
	w.step()
	w.do("vim", "event", "host-integrity", "host-2", "UNTRUSTED")
	n := w.tell(ifa006.ChangeIntegrity, "host-2")
	w.located(n, "host-2")
	if h := scviGet[ifa006.Host](w.north, "/hosts/host-2"); h.Integrity != ifa006.IntegrityUntrusted || n.Changed["integrityState"] != h.Integrity {
		w.t.Errorf("%s of %+v", n.raw, h)
	}
	w.other.await(w.t, "the same by south", 0, func(n *scviNote) bool { return n.ChangeType == ifa006.ChangeIntegrity && n.about() == "host-2" })
	image := scviGet[[]ifa006.Image](w.north, "/images")[0]
	w.do("vim", "event", "image-altered", image.ID, "evil")
	n = w.tell(ifa006.ChangeContent, image.ID)
	if now := scviGet[ifa006.Image](w.north, "/images/"+image.ID); *now.Checksum == *now.StatedChecksum || !strings.Contains(n.raw, now.Checksum.Hash) {
		w.t.Errorf("altered to %+v: %s", now, n.raw)
	}
}

// packets has packets seen on a port of north: who asks for headers by name gets
// those of its own domain, and nobody else any.
func (w *scviWorld) packets() {
	w.t.Helper()
	mine, theirs := w.north.inbox(w.north.at), w.south.inbox(w.south.at)
	byName := &ifa006.Filter{NotificationTypes: []string{ifa006.PacketType}}
	w.north.subscribe(mine, byName)
	w.south.subscribe(theirs, byName)
	c := w.compute()
	port := c.Ports[0]
	if out := w.do("vim", "ports"); !strings.Contains(out, port.ID) || !strings.Contains(out, port.IPAddresses[0]) {
		w.t.Errorf("the operator sees the ports %s", out)
	}
	w.do("vim", "event", "packet", port.ID, "tcp 198.51.100.66:40000 "+port.IPAddresses[0]+":22")
	w.do("vim", "event", "packet", port.ID, "udp 192.0.2.99:4444 203.0.113.9:53")
	n := mine.await(w.t, "the second packet", 0, func(n *scviNote) bool { return n.Packet != nil && n.Packet.Number == 2 })
	first := mine.got()[0]
	if n.PortID != port.ID || n.HostID != c.HostID || n.TrustDomain != "north" || n.Packet.Direction != ifa006.DirectionEgress || n.Packet.DestinationPort != 53 {
		w.t.Errorf("the second packet: %s", n.raw)
	}
	if first.Packet == nil || first.Packet.Number != 1 || first.Packet.Direction != ifa006.DirectionIngress || first.Packet.SourceAddress != "198.51.100.66" || first.Packet.Protocol != "TCP" {
		w.t.Errorf("the first packet: %s", first.raw)
	}
	if is := scviGet[ifa006.PortTraffic](w.north, "/packet_headers/"+port.ID); is.Observed != 2 || is.AttachedTo != c.ID || is.HostID != c.HostID || is.Headers[1] != *n.Packet {
		w.t.Errorf("the port shows %+v", is)
	}
	if list := scviGet[[]ifa006.PortTraffic](w.north, "/packet_headers"); len(list) != 1 || list[0].PortID != port.ID {
		w.t.Errorf("north sees %+v", list)
	}
	if list := scviGet[[]ifa006.PortTraffic](w.south, "/packet_headers"); len(list) != 0 {
		w.t.Errorf("south sees %+v", list)
	}
	if status, body, _ := w.south.ask(http.MethodGet, "/packet_headers/"+port.ID, nil); status != http.StatusNotFound {
		w.t.Errorf("a port of another domain: %d %s", status, body)
	}
	if told := theirs.got(); len(told) != 0 {
		w.t.Errorf("south is told %+v", told)
	}
	for _, n := range w.in.got() {
		if n.Packet != nil {
			w.t.Errorf("north is told of a packet without asking: %s", n.raw)
		}
	}
	mine.mu.Lock()
	defer mine.mu.Unlock()
	for _, fault := range mine.faults {
		w.t.Error(fault)
	}
}

// checkTold looks at all that was told: every notification came from the endpoint
// and is as the document says, those of one resource are in their order, and none
// of south's is about what is north's.
func (w *scviWorld) checkTold() {
	w.t.Helper()
	last, own := map[string]*scviNote{}, map[string]bool{}
	for _, n := range w.in.got() {
		at := n.TimeStamp
		if was := last[n.about()]; was != nil && at.Before(was.TimeStamp) {
			w.t.Errorf("out of order: %s\nafter %s", n.raw, was.raw)
		}
		if was := last[n.about()]; was == nil && n.ResourceType == "COMPUTE" && n.ChangeType != ifa006.ChangeCreated {
			w.t.Errorf("the first of a compute is %s", n.raw)
		}
		if was := last[n.about()]; was != nil && was.ChangeType == ifa006.ChangeDeleted && n.Alarm == nil {
			w.t.Errorf("after its end: %s", n.raw)
		}
		last[n.about()] = &n
		if n.TrustDomain == "north" {
			own[n.about()] = true
		}
	}
	for _, in := range []*scviInbox{w.in, w.other} {
		in.mu.Lock()
		for _, fault := range in.faults {
			w.t.Error(fault)
		}
		in.mu.Unlock()
	}
	if len(own) < 4 {
		w.t.Errorf("north was told of %v only", slices.Collect(maps.Keys(own)))
	}
	for _, n := range w.other.got() {
		for id := range own {
			if strings.Contains(n.raw, id) || strings.Contains(n.raw, `"north"`) {
				w.t.Errorf("south is told of north: %s", n.raw)
			}
		}
	}
}
