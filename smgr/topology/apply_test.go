package topology

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/smgr"
)

// TestApplyAtOnce holds what an event changes by itself: nothing is asked for
// before its input.
func TestApplyAtOnce(t *testing.T) {
	checksum := func(hash string) map[string]any { return map[string]any{"algorithm": "SHA-256", "hash": hash} }
	told := func(m map[string]any) map[string]any { return map[string]any{"manoward.change": m} }
	before := func(a any) map[string]any { return map[string]any{"before": map[string]any{}, "after": a} }
	for _, tt := range []struct {
		name  string
		event smgr.Event
		want  map[string]string
	}{
		{"configuration", nsChange("n1", "v1", "VNF_MODIFY_INFO", "COMPLETED", noon, told(map[string]any{"configuration": before(map[string]any{"logLevel": "debug", "n": 1})})),
			map[string]string{"vnfs v1 configuration": `{"logLevel":"debug","n":"1"}`}},
		{"state", nsChange("n1", "v1", "VNF_OPERATE", "COMPLETED", noon, told(map[string]any{"vnfState": map[string]any{"before": "STARTED", "after": "STOPPED"}})),
			map[string]string{"vnfs v1 operationalState": `"STOPPED"`}},
		{"version", nsChange("n1", "v1", "VNF_OPERATE", "COMPLETED", noon, map[string]any{
			"manoward.vnf":    map[string]any{"vnfInstanceId": "v1", "vnfdId": "d2", "vnfPkgId": "k1", "vnfProfileId": "amf", "integrity": map[string]any{"verdict": "checksum differs"}, "connectivity": []any{map[string]any{"extCpId": "x9", "pnfIds": []any{"p1"}}}},
			"manoward.change": map[string]any{"version": before(map[string]any{"vnfdId": "d2", "vnfSoftwareVersion": "2"})}}),
			map[string]string{"vnfs v1 softwareVersion": `"2"`, "vnfs v1 vnfdId": `"d2"`, "vnfs v1 integrity": `{"verdict":"checksum differs"}`, "vnfs v1 connectivity": `[{"extCpId":"x9","pnfIds":["p1"]}]`}},
		{"migration", nsChange("n1", "v1", "VNF_MODIFY_INFO", "COMPLETED", noon, told(map[string]any{"location": before(map[string]any{"v1-vnfc": map[string]any{"host": "h2", "zone": "z-h2"}}), "image": before(map[string]any{"v1-vnfc": "i1"})})),
			map[string]string{"computes v1-c hostId": `"h2"`, "computes v1-c zoneId": `"z-h2"`, "computes v1-c location site": `"site-h2"`, "hosts h2 computeIds": `["v1-c","v2-c"]`, "hosts h1": "absent"}},
		{"scale in", nsChange("n1", "v1", "VNF_SCALE", "COMPLETED", noon, told(map[string]any{"vnfcsRemoved": []any{"v1-vnfc"}})),
			map[string]string{"vnfs v1 id": `"v1"`}},
		{"scaled", change(hub.EventComputeChange, "host/h1", "COMPUTE", "v1-c", "SCALED", noon, map[string]any{"flavourId": "large", "formerFlavourId": "small"}, nil),
			map[string]string{"computes v1-c flavourId": `"large"`}},
		{"compute failed", change(hub.EventComputeChange, "host/h1", "COMPUTE", "v1-c", "STATE", noon, map[string]any{"operationalState": "FAILED", "runningState": "FAILED"}, nil),
			map[string]string{"computes v1-c operationalState": `"FAILED"`, "computes v1-c runningState": `"FAILED"`}},
		{"compute gone", change(hub.EventComputeChange, "host/h1", "COMPUTE", "v1-c", "DELETED", noon, nil, map[string]any{"hostId": "h1"}),
			map[string]string{"computes v1-c": "absent", "subject vnfInstanceId": `"v1"`, "asOf computes": "absent"}},
		{"quarantine", change(hub.EventHostChange, "host/h1", "HOST", "h1", "STATE", noon, map[string]any{"stateForTrustDomain": "QUARANTINED"}, map[string]any{"zoneId": "z9", "physicalLocation": map[string]any{"country": "FR"}}),
			map[string]string{"hosts h1 state": `"QUARANTINED"`, "computes v1-c isolated": "true", "computes v3-c isolated": "true", "hosts h1 zoneId": `"z9"`, "hosts h1 location country": `"FR"`}},
		{"image stated", change(hub.EventImageChange, "image/i1", "IMAGE", "i1", "CONTENT", noon, map[string]any{"checksum": checksum("cc"), "statedChecksum": checksum("bb")}, nil),
			map[string]string{"images i1 checksum hash": `"cc"`, "images i1 statedChecksum hash": `"bb"`}},
		{"image gone", change(hub.EventImageChange, "image/i1", "IMAGE", "i1", "DELETED", noon, nil, nil), map[string]string{"images i1": "absent", "asOf images": "absent"}},
		{"terminated", nsChange("n1", "v1", "VNF_TERMINATE", "COMPLETED", noon, nil),
			map[string]string{"vnfs v1 instantiationState": `"NOT_INSTANTIATED"`, "vnfs v1 securityVnf": "false", "vnfs v1 operationalState": "absent", "computes v1-c": "absent"}},
		{"START of a change", nsChange("n1", "v1", "VNF_TERMINATE", "START", noon, nil), map[string]string{"vnfs v1 instantiationState": `"INSTANTIATED"`, "computes v1-c id": `"v1-c"`, "outcome": "absent"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := built(t, small())
			expect(t, s.input(t, tt.event), tt.want)
			if asked := s.world.requests(); len(asked) > 0 {
				t.Errorf("the data were at hand, and it asked for %v", asked)
			}
			if again := s.refreshes.waiting() > 0; again == strings.HasPrefix(tt.name, "START") {
				t.Errorf("something is to be read again: %t", again)
			}
		})
	}
}

// TestAsksWhenTheEventOutdatesTheModel holds that an event that shows that the
// model is no longer true, and not what is, makes the input ask.
func TestAsksWhenTheEventOutdatesTheModel(t *testing.T) {
	w := small()
	s := built(t, w)
	w.addVnf("n1", "v4", "h1") // told as new, then read
	in := s.input(t, nsChange("n1", "v4", "VNF_INSTANTIATE", "COMPLETED", noon, nil))
	expect(t, in, map[string]string{"vnfs v4 provider": `"Acme"`, "computes v4-c hostId": `"h1"`, "ns vnfInstanceIds": `["v1","v2","v4"]`})

	// A foreign NFVO says that something is over, and not what came of it.
	w.mu.Lock()
	w.place("v1", "h2")
	w.mu.Unlock()
	e := nsChange("n1", "v1", "VNF_HEAL", "COMPLETED", noon.Add(time.Second), map[string]any{"manoward.vnf": nil})
	expect(t, s.input(t, e), map[string]string{"computes v1-c hostId": `"h2"`, "vnfs v1 vnfProfileId": `"amf"`})

	// The end of an operation on the NS.
	w.mu.Lock()
	n := maps.Clone(w.nss["n1"])
	n["pnfInfo"] = []any{}
	w.nss["n1"] = n
	w.mu.Unlock()
	op := event(hub.EventNsOperation, smgr.KeyNs("n1"), noon.Add(2*time.Second), map[string]any{"id": "y", "notificationType": "NsLcmOperationOccurrenceNotification", "timestamp": noon, "nsInstanceId": "n1",
		"nsLcmOpOccId": "o", "operation": "UPDATE", "notificationStatus": "RESULT", "operationState": "COMPLETED",
		"affectedVnf": []any{map[string]any{"vnfInstanceId": "v1", "vnfdId": "d1", "vnfProfileId": "other", "vnfName": "v", "changeType": "MODIFY", "changeResult": "COMPLETED"}}})
	expect(t, s.input(t, op), map[string]string{"ns pnfs": "{}", "subject vnfInstanceId": `"v1"`, "outcome": `"COMPLETED"`})
}

// TestMigrationFromAStoppedHost holds that who judges a migration sees whether the
// host that the compute left is in use still, which the VIM alone can say.
func TestMigrationFromAStoppedHost(t *testing.T) {
	w := small()
	s := built(t, w)
	w.mu.Lock()
	w.place("v1", "h2")
	h := w.hosts["h1"]
	h.StoppedFor = []string{"north"}
	w.hosts["h1"] = h
	w.mu.Unlock()
	expect(t, s.input(t, change(hub.EventComputeChange, "host/h2", "COMPUTE", "v1-c", "MIGRATED", noon, map[string]any{"hostId": "h2", "formerHostId": "h1", "zoneId": "z-h2"},
		map[string]any{"hostId": "h2", "zoneId": "z-h2", "physicalLocation": map[string]any{"country": "FR"}})),
		map[string]string{"computes v1-c hostId": `"h2"`, "computes v1-c location country": `"FR"`, "subject vnfInstanceId": `"v1"`, "subject hostId": `"h2"`, "hosts h1 state": `"STOPPED"`})
}

// TestRefusedGrant holds that a package is read again when the NFVO refused to
// grant something to a VNF of it, and not for any other attempt.
func TestRefusedGrant(t *testing.T) {
	w := small()
	s := built(t, w)
	w.mu.Lock()
	k := w.pkgs["k1"]
	k.UserDefinedData = sol005.KeyValuePairs{"manoward.integrity": "FAILED"}
	w.pkgs["k1"] = k
	w.mu.Unlock()
	attempt := func(id, operation string) smgr.Event {
		return event(hub.EventUnauthorizedAttempt, smgr.KeyDomain, noon, map[string]any{"id": id, "notificationType": "manoward.UnauthorizedAttemptNotification", "timestamp": noon,
			"attempt": map[string]any{"recordId": id, "time": noon, "actor": "spiffe://hub/vnfm/hub", "operation": operation, "target": "vnf/v1", "reason": "no", "count": 1}})
	}
	expect(t, s.input(t, attempt("a", "vnf.heal")), map[string]string{"packages k1 integrity": `"OK"`, "subject vnfPkgId": `"k1"`})
	expect(t, s.input(t, attempt("b", "grant.request:SCALE")), map[string]string{"packages k1 integrity": `"FAILED"`, "subject vnfInstanceId": `"v1"`})
}

// TestEndOfAVnf holds that the event of an end is judged by what the VNF was, also
// after the NFVO shows it no more.
func TestEndOfAVnf(t *testing.T) {
	w := small()
	s := built(t, w)
	w.removeVnf("n1", "v1")
	if err := s.read(t.Context(), ref{kindNs, "n1"}); err != nil {
		t.Fatal(err)
	}
	w.forget()
	in := s.input(t, nsChange("n1", "v1", "VNF_TERMINATE", "COMPLETED", noon, nil))
	expect(t, in, map[string]string{
		"ns vnfInstanceIds": `["v2"]`, "vnfs v1 securityVnf": "false", "vnfs v1 instantiationState": `"NOT_INSTANTIATED"`, "vnfs v1 nsInstanceIds": `["n1"]`, "vnfs v1 computeIds": "[]",
		"packages k1 id": `"k1"`, "computes v1-c": "absent",
	})
	if asked := w.requests(); len(asked) > 0 {
		t.Errorf("it asked for %v", asked)
	}
	s.drain(t)
	s.m.mu.RLock()
	defer s.m.mu.RUnlock()
	if s.m.vnfs.byID["v1"] != nil || s.m.computes.byID["v1-c"] != nil || len(s.m.computesOf.of("v1")) > 0 {
		t.Error("what ended is in the model")
	}
}

func TestDepartedAreBounded(t *testing.T) {
	d := newDeparted()
	for i := range 3 * maxDeparted {
		d.add(&vnf{ID: strings.Repeat("x", i%(2*maxDeparted))})
	}
	if len(d.byID) != maxDeparted || len(d.order) != maxDeparted {
		t.Errorf("%d and %d", len(d.byID), len(d.order))
	}
}

// TestNsComesAndGoes drives the identifier notifications.
func TestNsComesAndGoes(t *testing.T) {
	w := small()
	s := built(t, w)
	w.mu.Lock()
	w.nss["n9"] = object(sol005.NsInstance{ID: "n9", NsInstanceName: "new", NsdID: "nsd-1", NsState: "NOT_INSTANTIATED"})
	w.mu.Unlock()
	created := event(hub.EventNsIdentifier, smgr.KeyNs("n9"), noon, map[string]any{"id": "x", "notificationType": "NsIdentifierCreationNotification", "timestamp": noon, "nsInstanceId": "n9"})
	expect(t, s.input(t, created), map[string]string{"operation": `"CREATE"`, "ns state": `"NOT_INSTANTIATED"`, "ns name": `"new"`, "asOf vnfs": `"2026-11-22T12:00:00Z"`})
	w.mu.Lock()
	delete(w.nss, "n2")
	w.mu.Unlock()
	deleted := event(hub.EventNsIdentifier, smgr.KeyNs("n2"), noon, map[string]any{"id": "x", "notificationType": "NsIdentifierDeletionNotification", "timestamp": noon, "nsInstanceId": "n2"})
	expect(t, s.input(t, deleted), map[string]string{"operation": `"DELETE"`, "ns": "absent"})
	s.drain(t)
	if n := s.Sizes(); n["ns"] != 2 || n["vnf"] != 2 {
		t.Errorf("sizes %v", n)
	}
}

// TestForeignNFVO holds that plain SOL 005 without Sc-Vi leaves unknown what it
// cannot say, and that the input still fits.
func TestForeignNFVO(t *testing.T) {
	w := small()
	for id, n := range w.nss {
		n = maps.Clone(n)
		maps.DeleteFunc(n, func(k string, _ any) bool { return strings.HasPrefix(k, "manoward.") })
		w.nss[id] = n
	}
	w.shallow = true
	s := start1(t, w, &memstate.Bus{}, func(c *Config) { c.Vi = nil })
	if err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	in := s.input(t, review("n1", noon))
	expect(t, in, map[string]string{
		"ns replacementBars": "absent", "vnfs v1 provider": `"Acme"`, "vnfs v1 securityVnf": "absent", "vnfs v1 integrity": "absent", "vnfs v1 computeIds": `["v1-c"]`,
		"vnfs v1 connectivity": `[{"cpdId":"mgmt","extCpId":"v1-x","pnfIds":["p1"],"virtualLinkInfoId":"n1-l"}]`, "computes": "{}", "hosts": "{}", "asOf computes": "absent", "asOf hosts": "absent",
		"asOf packages": `"2026-11-22T12:00:00Z"`, "vnfs v1 vnfProfileId": "absent",
	})
	// The profile is told by an operation, and stays when the NS is read again.
	op := event(hub.EventNsOperation, smgr.KeyNs("n1"), noon, map[string]any{"id": "y", "notificationType": "NsLcmOperationOccurrenceNotification", "timestamp": noon, "nsInstanceId": "n1", "nsLcmOpOccId": "o",
		"operation": "UPDATE", "notificationStatus": "RESULT", "operationState": "COMPLETED", "affectedVnf": []any{map[string]any{"vnfInstanceId": "v1", "vnfProfileId": "amf"}}})
	expect(t, s.input(t, op), map[string]string{"vnfs v1 vnfProfileId": `"amf"`})
	expect(t, s.input(t, change(hub.EventHostChange, "host/h1", "HOST", "h1", "STATE", noon, map[string]any{"state": "FAILED"}, nil)), map[string]string{"hosts h1 state": `"FAILED"`})
	for _, p := range w.requests() {
		if strings.HasPrefix(p, "/sc-vi") {
			t.Errorf("it asked for %s", p)
		}
	}
}

// TestPackageOfAnotherChecksum holds that the checksum of a package when it was
// first seen outlasts a restart.
func TestPackageOfAnotherChecksum(t *testing.T) {
	w, bus := small(), &memstate.Bus{}
	s := start1(t, w, bus, nil)
	if err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := w.pkgs["k1"]
	p.Checksum = &sol005.Checksum{Algorithm: "SHA-256", Hash: "ee"}
	w.pkgs["k1"] = p
	for _, s := range []*setup{s, start1(t, w, bus, nil)} {
		if err := s.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, s.input(t, review("n1", noon)), map[string]string{"packages k1 checksum hash": `"ee"`, "packages k1 onboardedChecksum hash": `"aa"`})
	}
	delete(w.pkgs, "k1")
	if err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.firsts.Len(); n != 0 {
		t.Errorf("%d checksums of packages that are gone", n)
	}
}

// TestOldEvent holds that an event that is told late changes nothing, and makes
// sure by a reading.
func TestOldEvent(t *testing.T) {
	w := small()
	s := built(t, w)
	state := func(state string, at time.Time) smgr.Event {
		return change(hub.EventHostChange, "host/h1", "HOST", "h1", "STATE", at, map[string]any{"state": state}, nil)
	}
	w.mu.Lock()
	h := w.hosts["h1"]
	h.State = ifa006.Failed
	w.hosts["h1"] = h
	w.mu.Unlock()
	expect(t, s.input(t, state("FAILED", noon.Add(time.Minute))), map[string]string{"hosts h1 state": `"FAILED"`})
	expect(t, s.input(t, state("ENABLED", noon)), map[string]string{"hosts h1 state": `"FAILED"`})
	if asked := w.requests(); !slices.Contains(asked, "/sc-vi/v1/hosts/h1") {
		t.Errorf("it asked for %v", asked)
	}
}
