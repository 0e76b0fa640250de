package e2e_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// takePacks takes an evidence pack of each trust domain away, as an auditor does: the tree has
// to go on from there.
func (m *mixed) takePacks(when string) {
	m.t.Helper()
	for _, d := range []string{"north", "south"} {
		m.awaitSealed(d)
		dir := filepath.Join(m.home, "audit-"+d+"-"+when)
		m.do("audit", "export", "--trust-domain", d, "-f", dir)
		keys := filepath.Join(m.home, "keys-"+d)
		writeFile(m.t, keys, m.do("audit", "key", "--trust-domain", d)+"\n", 0o600)
		m.packs = append(m.packs, mixedPack{d, filepath.Join(dir, "checkpoint"), keys})
	}
}

// check wants everything to come to rest, to be there once and to be recorded.
func (m *mixed) check() {
	m.t.Helper()
	m.cmf.settle()
	m.smKill.check()
	m.cmf.check()
	m.cmf.judge(m.size.judge)
	byKind := map[string][]hub.Record{}
	for _, r := range m.records("north") {
		byKind[r.Kind] = append(byKind[r.Kind], r)
	}
	m.checkOrders(byKind)
	m.checkMeasured()
	m.pushes.check(byKind)
	m.checkJournal()
}

// checkOrders wants every operation and NS that was acknowledged to be there and to have its
// records, each once.
func (m *mixed) checkOrders(byKind map[string][]hub.Record) {
	m.t.Helper()
	ops, _ := m.lcmOps()
	there := map[string]bool{}
	for _, o := range ops {
		there[o.ID] = true
	}
	count := func(kind string) map[string]int {
		n := map[string]int{}
		for _, r := range byKind[kind] {
			var of struct{ NsLcmOpOccID string }
			if err := json.Unmarshal(r.Data, &of); err != nil {
				m.t.Fatal(err)
			}
			if of.NsLcmOpOccID == "" {
				of.NsLcmOpOccID = r.Subject
			}
			n[of.NsLcmOpOccID]++
		}
		return n
	}
	began, ended, made, gone := count("ns.operation.started"), count("ns.operation.ended"), count("ns.created"), count("ns.deleted")
	for id, ns := range m.ledger.ops {
		if !there[id] {
			m.t.Errorf("operation %s of NS %s was accepted and is not there", id, ns)
		}
	}
	for id := range there {
		if began[id] != 1 || ended[id] != 1 {
			m.t.Errorf("operation %s has %d records of its beginning and %d of its end", id, began[id], ended[id])
		}
	}
	for id := range began { // a record is made before what it is of: a kill or the full disk may come between
		if _, accepted := m.ledger.ops[id]; !there[id] && !accepted {
			m.cutOff++
			if began[id] != 1 || ended[id] != 0 {
				m.t.Errorf("operation %s never was and has %d records of its beginning and %d of its end", id, began[id], ended[id])
			}
		}
	}
	for ns := range m.ledger.domains {
		if want := map[bool]int{true: 1}[m.ledger.gone[ns]]; made["ns/"+ns] != 1 || gone["ns/"+ns] != want {
			m.t.Errorf("NS %s has %d records of its making and %d of its end; it is gone: %v", ns, made["ns/"+ns], gone["ns/"+ns], m.ledger.gone[ns])
		}
	}
}

// checkMeasured wants each change of a host's integrity that was acknowledged to be told once.
// That all that was told is decided once, [smKill.check] has seen.
func (m *mixed) checkMeasured() {
	m.t.Helper()
	told := map[string]int{}
	for _, n := range m.vi.got() {
		if n.ResourceType == "HOST" && n.ChangeType == ifa006.ChangeIntegrity {
			told[n.ResourceID]++
		}
	}
	for host, was := range m.measured {
		if told[host] < was.least || told[host] > was.most {
			m.t.Errorf("the integrity of %s changed %d times at least and %d at most, and was told %d times", host, was.least, was.most, told[host])
		}
	}
	m.vi.mu.Lock()
	defer m.vi.mu.Unlock()
	for _, fault := range m.vi.faults {
		m.t.Error(fault)
	}
}

// check wants each set of policies that was acknowledged to be there and recorded, once for
// each time that it was asked for at most, and the last one to judge.
func (p *mixedPushes) check(byKind map[string][]hub.Record) {
	t := p.m.t
	t.Helper()
	records := map[string]int{}
	for _, kind := range []string{"sm.policies.pushed", "sm.policies.activate"} {
		for _, r := range byKind[kind] {
			records[kind+" "+strings.TrimPrefix(r.Subject, "policies/")]++
		}
	}
	revisions, activations := map[string]int{}, map[string]int{}
	for v, err := range httpapi.All[struct{ Revision string }](t.Context(), p.m.operator(), "/security_managers/alpha/revisions", nil) {
		if err != nil {
			t.Fatal(err)
		}
		revisions[v.Revision]++
	}
	for v, err := range httpapi.All[struct{ PolicyRevision string }](t.Context(), p.m.operator(), "/security_managers/alpha/activations", nil) {
		if err != nil {
			t.Fatal(err)
		}
		activations[v.PolicyRevision]++
	}
	last := ""
	for _, s := range p.sets {
		pushed, activated := records["sm.policies.pushed "+s.revision], records["sm.policies.activate "+s.revision]
		if s.pushed && (revisions[s.revision] != 1 || pushed < 1) || pushed > s.pushes {
			t.Errorf("revision %s was pushed (acknowledged: %v, %d times), is there %d times and recorded %d times", s.revision, s.pushed, s.pushes, revisions[s.revision], pushed)
		}
		if s.activated && (activations[s.revision] < 1 || activated < 1) || activated > s.tries || activations[s.revision] > s.tries {
			t.Errorf("revision %s was activated (acknowledged: %v, %d times), is %d times in the history and recorded %d times", s.revision, s.activated, s.tries, activations[s.revision], activated)
		}
		if s.activated {
			last = s.revision
		}
	}
	newest := p.sets[len(p.sets)-1]
	if got := p.m.smActive(); last != "" && got != last && (newest.activated || got != newest.revision) {
		t.Errorf("revision %s judges; the last one that was acknowledged is %s", got, last)
	}
	if len(p.sets) < 2 {
		t.Errorf("%d sets of policies were pushed; that tests nothing", len(p.sets))
	}
}

// checkJournal wants `audit verify` to find nothing in any journal, and each tree to go on from
// what auditors took away before and after the disk was full.
func (m *mixed) checkJournal() {
	m.t.Helper()
	for _, d := range []string{"hub", "north", "south"} {
		r := m.awaitSealed(d)
		if got := len(m.records(d)); got < r.Records || r.Size == 0 {
			m.t.Errorf("the journal of %s has %d records, and %d are there", d, r.Records, got)
		}
	}
	for _, p := range m.packs {
		m.awaitSealed(p.domain, "--keys", p.keys, "--checkpoint", p.checkpoint)
	}
	reports, code := m.verified()
	if code != 0 || len(reports) != 3 {
		m.t.Errorf("audit verify: exit code %d, %+v; want three journals without findings", code, reports)
	}
	status, missing := m.readyz()
	if status != http.StatusOK {
		m.t.Errorf("the hub is not ready at the end: %+v", missing)
	}
}

// median of durations, for the report.
func median(list []time.Duration) time.Duration { return perfQuantile(list, 0.5) }
