package decide

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/policies/library"
	"github.com/manoward/manoward/smgr"
)

// evil makes inputs of an NS with so many VNFs of an evil provider.
func (w *world) evil(n int) {
	vnfs := map[string]any{}
	for i := range n {
		id := fmt.Sprintf("v%05d", i)
		vnfs[id] = map[string]any{"id": id, "provider": "evil", "nsInstanceIds": []string{"n1"}, "vnfdId": "f1"}
	}
	w.inputs = func(_ context.Context, e smgr.Event) ([]byte, error) {
		return input(e, map[string]any{"vnfs": vnfs}), nil
	}
}

// parts checks that the decisions on an event hold all findings, each once.
func (w *world) parts(d *Decider, e smgr.Event, findings, parts int) []smgr.Decision {
	w.t.Helper()
	all := list(w.t, d, Query{EventID: e.ID})
	found := map[string]int{}
	for n, dec := range all {
		if dec.Part != n || dec.Parts != parts || len(dec.Undecided) > 0 || len(dec.Findings) > maxFindings || len(dec.Levels) != len(dec.Findings) {
			w.t.Errorf("decision %d is part %d of %d with %d findings, undecided %+v", n, dec.Part, dec.Parts, len(dec.Findings), dec.Undecided)
		}
		for _, f := range dec.Findings {
			found[f.Target.VnfInstanceID]++
		}
		if _, err := d.Input(w.t.Context(), &dec); err != nil {
			w.t.Errorf("part %d: %v", n, err)
		}
	}
	if len(all) != parts || len(found) != findings {
		w.t.Fatalf("%d decisions, %d findings; want %d and %d", len(all), len(found), parts, findings)
	}
	for id, n := range found {
		if n != 1 {
			w.t.Errorf("VNF %s is found %d times", id, n)
		}
	}
	return all
}

// TestParts holds that an event with more findings than a decision holds has
// several, with an order for each finding, and that nothing is made twice.
func TestParts(t *testing.T) {
	const n = 2*maxFindings + 100
	w := newWorld(t)
	d := w.active(one())
	w.evil(n)
	e := review(1)
	check(t, d.Handle(t.Context(), e, 1))
	all := w.parts(d, e, n, 3)
	var orders []string
	for _, dec := range all {
		orders = append(orders, dec.Orders...)
	}
	if len(w.planned) != n || !slices.Equal(orders, w.planned) {
		t.Errorf("%d orders are named, %d planned", len(orders), len(w.planned))
	}
	check(t, w.process().Handle(t.Context(), e, 1))
	if kinds := w.kinds(); kinds[RecordDecision] != 3 || kinds[RecordAlert] != 3 || kinds[RecordUndecided] != 0 || len(w.planned) != n {
		t.Errorf("records %v, %d orders", kinds, len(w.planned))
	}
	for _, dec := range all {
		c, err := d.Reopen(t.Context(), dec.ID)
		check(t, err)
		if _, same, err := d.Again(t.Context(), c); !same || err != nil {
			t.Errorf("part %d again: %t, %v", dec.Part, same, err)
		}
	}
	// They are removed one after the other; the first one, whose input they share,
	// last. One with an open order keeps it.
	for i, id := range w.planned {
		o := w.orders[id]
		if o.State = smgr.OrderCompleted; i == n-1 {
			o.State = smgr.OrderWaiting
		}
		w.orders[id] = o
	}
	w.wait(40 * 24 * time.Hour)
	prune := func(want, left int) {
		t.Helper()
		removed, err := d.Prune(t.Context())
		check(t, err)
		if is := list(t, d, Query{}); removed != want || len(is) != left {
			t.Fatalf("removed %d, left %d", removed, len(is))
		}
	}
	prune(1, 2)
	prune(0, 2)
	for _, dec := range list(t, d, Query{}) {
		if _, err := d.Input(t.Context(), &dec); err != nil {
			t.Error(err)
		}
	}
	o := w.orders[w.planned[n-1]]
	o.State = smgr.OrderExpired
	w.orders[o.ID] = o
	prune(1, 1)
	prune(1, 0)
	for kind, digest := range map[string]string{blobInput: all[0].InputDigest, blobFindings: all[0].All} {
		if _, err := d.blobs.get(t.Context(), kind, digest); hub.CodeOf(err) != hub.NotFound {
			t.Errorf("%s is left: %v", kind, err)
		}
	}
}

// TestParts_Crash cuts the handling of such an event off at each durable step,
// before and after it took place. Meanwhile the world changes; what was found
// first stays.
func TestParts_Crash(t *testing.T) {
	const n = maxFindings + 100
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			w := newWorld(t)
			d := w.active(files(map[string]string{"evil-provider": finder(`[{"type": "alert"}]`)}))
			w.evil(n)
			steps, cut := 0, false
			w.step = func(what string, do func() error) error {
				w.mu.Lock()
				steps++
				mine := steps == at
				w.mu.Unlock()
				if !mine {
					return do()
				}
				cut = true
				if after {
					check(t, do())
				}
				return hub.E(hub.Unavailable, what, "the process ends here", nil)
			}
			e := review(1)
			err := d.Handle(t.Context(), e, 1)
			w.step = nil
			if !cut {
				check(t, err)
				if at < 6 {
					t.Errorf("%d durable steps only", at-1)
				}
				break
			}
			if err == nil {
				t.Fatalf("step %d failed, and the event is said to be done", at)
			}
			d = w.process()
			decided := len(list(t, d, Query{EventID: e.ID})) > 0
			_, err = d.Levels().Set(t.Context(), Rule{Policy: Every, Scope: Every, Level: smgr.LevelEnforce, By: "ben"})
			check(t, err)
			check(t, d.Handle(t.Context(), e, 1))
			all := w.parts(d, e, n, 2)
			for _, dec := range all {
				if got := dec.Levels[0]; (got == smgr.LevelAdvise) != decided {
					t.Errorf("step %d: part %d is at level %s, decided before: %t", at, dec.Part, got, decided)
				}
			}
			if kinds := w.kinds(); kinds[RecordDecision] != 2 || kinds[RecordAlert] != 2 {
				t.Errorf("step %d: records %v", at, kinds)
			}
		}
	}
}

// largeNs is the input of the review of an NS with n VNFs, each on a host of its
// own. Of each the package was altered, and each host is not trusted.
func largeNs(t testing.TB, e smgr.Event, n int) []byte {
	t.Helper()
	vnfs, computes, hosts := map[string]any{}, map[string]any{}, map[string]any{}
	ids := make([]string, n)
	put := func(into map[string]any, id, text string, args ...any) {
		var v any
		if err := json.Unmarshal(fmt.Appendf(nil, text, args...), &v); err != nil {
			t.Fatal(err)
		}
		into[id] = v
	}
	for i := range n {
		vnf, compute, host := fmt.Sprint("v", i), fmt.Sprint("c", i), fmt.Sprint("h", i)
		ids[i] = vnf
		put(vnfs, vnf, `{"id": %q, "nsInstanceIds": ["n1"], "vnfProfileId": "amf", "vnfdId": "d-amf", "vnfPkgId": "k-amf", "provider": "Acme", "productName": "AMF", "softwareVersion": "1.2.0",
			"instantiationState": "INSTANTIATED", "operationalState": "STARTED", "securityVnf": false, "minInstances": 1,
			"integrity": {"verdict": "FAILED", "checksum": "ff01", "packageSecurityOption": "OPTION_2", "signer": "CN=Acme Release"},
			"connectivity": [{"extCpId": "x-%s", "cpdId": "mgmt", "virtualLinkInfoId": "l1", "pnfIds": []}], "computeIds": [%q],
			"certificates": [{"subject": "CN=%s", "keyHash": "f1", "attested": true, "assurance": "tpm", "notAfter": "2027-06-01T00:00:00Z", "serialNumber": "01", "vnfcId": "%s-c"}], "configuration": {}}`, vnf, vnf, compute, vnf, vnf)
		put(computes, compute, `{"id": %q, "vnfInstanceId": %q, "hostId": %q, "zoneId": "z1", "imageId": "i1", "flavourId": "small", "operationalState": "ENABLED", "runningState": "STARTED", "isolated": false,
			"location": {"country": "DE", "site": "Berlin"}}`, compute, vnf, host)
		put(hosts, host, `{"id": %q, "zoneId": "z1", "nfviPopId": "pop1", "state": "ENABLED", "integrity": "UNTRUSTED", "firmware": "2.4", "equipment": {"tpm": true, "hsm": false, "hmee": false},
			"trustDomains": ["red"], "location": {"country": "DE", "site": "Berlin"}, "computeIds": [%q], "otherTenants": false}`, host, compute)
	}
	rest := map[string]any{}
	put(rest, "packages", `{"k-amf": {"id": "k-amf", "vnfdId": "d-amf", "provider": "Acme", "productName": "AMF", "softwareVersion": "1.2.0", "operationalState": "ENABLED", "usageState": "IN_USE", "integrity": "OK",
		"checksum": {"algorithm": "SHA-256", "hash": "aa01"}, "onboardedChecksum": {"algorithm": "SHA-256", "hash": "aa01"}, "packageSecurityOption": "OPTION_2", "signer": "CN=Acme Release"}}`)
	put(rest, "images", `{"i1": {"id": "i1", "name": "amf-os", "vnfPkgId": "k-amf", "checksum": {"algorithm": "SHA-256", "hash": "bb01"}, "statedChecksum": {"algorithm": "SHA-256", "hash": "bb01"}, "status": "ACTIVE"}}`)
	put(rest, "asOf", `{"ns": "2026-04-30T23:00:00Z", "vnfs": "2026-04-30T23:00:00Z", "packages": "2026-04-30T23:00:00Z", "computes": "2026-04-30T23:00:00Z", "hosts": "2026-04-30T23:00:00Z", "images": "2026-04-30T23:00:00Z"}`)
	put(rest, "ns", `{"id": "n1", "name": "core", "nsdId": "d1", "state": "INSTANTIATED", "pnfs": {}, "virtualLinks": {"l1": {"name": "mgmt", "profileId": "vl-mgmt", "networkId": "net-1"}}, "replacementBars": {}}`)
	rest["ns"].(map[string]any)["vnfInstanceIds"] = ids
	maps.Copy(rest, map[string]any{"vnfs": vnfs, "computes": computes, "hosts": hosts})
	return input(e, rest)
}

// TestLargeNs holds that an NS of 2,000 VNFs is judged by the whole library in
// one event, with the deadline that decisions have, and nothing of it is lost.
func TestLargeNs(t *testing.T) {
	const n = 2000
	w := newWorld(t)
	d := w.active(one())
	r, problems, err := d.Policies().PushFiles(t.Context(), library.FS(), "library", "ann")
	if err != nil {
		t.Fatal(err, problems)
	}
	_, err = d.Policies().Activate(t.Context(), r.Revision, "ann", "all of them")
	check(t, err)
	d.c.Deadline = 0
	e := review(1)
	raw := largeNs(t, e, n)
	if len(raw) > policies.MaxInput {
		t.Fatalf("an input of %d bytes", len(raw))
	}
	w.inputs = func(context.Context, smgr.Event) ([]byte, error) { return raw, nil }
	began := time.Now()
	check(t, d.Handle(t.Context(), e, 1))
	took := time.Since(began)
	found, orders := map[string]int{}, 0
	all := list(t, d, Query{EventID: e.ID})
	for _, dec := range all {
		for _, f := range dec.Findings {
			found[f.Policy]++
		}
		if orders += len(dec.Orders); len(dec.Undecided) > 0 {
			t.Errorf("part %d: undecided %+v", dec.Part, dec.Undecided)
		}
	}
	t.Logf("%d VNFs, %d MiB: judged in %v, decided in %v; %d decisions, findings %v, %d orders", n, len(raw)>>20, all[0].Duration, took, len(all), found, orders)
	if found["host-integrity"] != n || found["package-checksum"] != 2*n || orders != 2*n { // a VNF and a host are ended each
		t.Errorf("%d VNFs: findings %v, %d orders", n, found, orders)
	}
	if most := d.Deadline(len(raw)); all[0].Duration > most {
		t.Errorf("it took %v, its deadline is %v", all[0].Duration, most)
	}
}

// TestDeadline holds that a deadline grows with what is judged, and has an end.
func TestDeadline(t *testing.T) {
	d := newWorld(t).process()
	d.c.Deadline = 0
	for size, want := range map[int]time.Duration{
		0: policies.DefaultDeadline, 20 << 10: policies.DefaultDeadline, 1 << 20: 5120 * time.Millisecond, policies.MaxInput: maxDeadline, 1 << 30: maxDeadline,
	} {
		if got := d.Deadline(size); got != want {
			t.Errorf("%d bytes: %v, want %v", size, got, want)
		}
	}
	d.c.Deadline = time.Minute
	if got := d.Deadline(1 << 20); got != time.Minute {
		t.Errorf("%v", got)
	}
}
