package e2e_test

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/smgr"
)

// smPort is an address on loopback that nothing listens on.
func smPort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// smHub is a hub that runs the Security Manager alpha of trust domain north,
// which is registered in a mode, with an NS.
func smHub(t testing.TB, mode string) (*nsHub, *scorSM, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manoward.yaml")
	started := newHub(t, "--config", file)
	writeFile(t, file, fmt.Sprintf("securityManagers:\n  - {name: alpha, trustDomain: north, credentials: %q, scOr: %q, scVi: %q}\n",
		filepath.Join(started.home, "north-alpha"), smPort(t), smPort(t)), 0o600)
	h := newNsHubOn(t, started.start(), 1, "north")
	ns := h.instantiate("north", "edge")
	if _, missing := h.readyz(); !slices.ContainsFunc(missing, func(m missingCheck) bool { return m.Name == "security-manager/north/alpha" }) {
		t.Errorf("readiness does not miss the Security Manager: %+v", missing)
	}
	sm := h.scorSM("north", "alpha", mode)
	h.smReady()
	return h, sm, ns
}

// smReady waits until the Security Manager works.
func (h *nsHub) smReady() {
	h.t.Helper()
	var missing []missingCheck
	eventually(h.t, "the Security Manager is ready", patience, func() bool {
		_, missing = h.readyz()
		return len(missing) == 0
	})
}

// smRecords reads what the trust domain's records say of one kind.
func smRecords[T any](h *nsHub, kind string) []T {
	h.t.Helper()
	var records []hub.Record
	if err := json.Unmarshal([]byte(h.do("trust-domain", "records", "north", "--kind", kind, "-o", "json")), &records); err != nil {
		h.t.Fatal(err)
	}
	list := make([]T, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r.Data, &list[i]); err != nil {
			h.t.Fatal(err)
		}
	}
	return list
}

// smOrder waits for the record of an order of a policy that is in a state.
func (h *nsHub) smOrder(policy string, state smgr.OrderState) smgr.Order {
	h.t.Helper()
	var found smgr.Order
	eventually(h.t, fmt.Sprintf("an order of %s is %s", policy, state), patience, func() bool {
		list := smRecords[smgr.Order](h, "sm.order")
		n := slices.IndexFunc(list, func(o smgr.Order) bool { return o.Policy == policy && o.State == state })
		if n >= 0 {
			found = list[n]
		}
		return n >= 0
	})
	return found
}

// smHost is a host that an NS uses.
func (h *nsHub) smHost() string {
	h.t.Helper()
	return resources[ifa006.Compute](h, "computes", "")[0].HostID
}

// At level advise, which every policy has at first, an untrusted host becomes a
// decision and a recommended order, and nothing is done to the host. An end of
// the process by power cut loses neither.
func TestSm_Advise(t *testing.T) {
	t.Parallel()
	h, _, _ := smHub(t, "semi-active")
	host := h.smHost()
	h.do("vim", "event", "host-integrity", host, "UNTRUSTED")
	order := h.smOrder("host-integrity", smgr.OrderRecommended)
	if order.Action.Type != hub.ActionStopHost || order.Target.HostID != host || order.Level != smgr.LevelAdvise {
		t.Errorf("the order is %+v", order)
	}
	decisions := smRecords[smgr.Decision](h, "sm.decision")
	n := slices.IndexFunc(decisions, func(d smgr.Decision) bool { return d.ID == order.DecisionID })
	if n < 0 || decisions[n].Kind != hub.EventHostChange || len(decisions[n].Labels) == 0 || decisions[n].InputDigest == "" || len(decisions[n].Undecided) != 0 {
		t.Fatalf("the decision of %+v is not among %+v", order, decisions)
	}
	for _, x := range resources[ifa006.Host](h, "hosts", "") {
		if len(x.StoppedFor) != 0 {
			t.Errorf("host %s was stopped at level advise", x.ID)
		}
	}

	// What is told while the process is dead, or just before, is judged after.
	second := ""
	for _, x := range resources[ifa006.Host](h, "hosts", "") {
		if x.ID != host {
			second = x.ID
		}
	}
	h.do("vim", "event", "host-integrity", second, "UNTRUSTED")
	h.kill()
	h.start()
	h.smReady()
	about := func(id string) (n int) {
		for _, d := range smRecords[smgr.Decision](h, "sm.decision") {
			if d.Key == smgr.KeyHost(id) {
				n++
			}
		}
		return n
	}
	eventually(t, "the second host was judged", 60*time.Second, func() bool { return about(second) > 0 })
	if n := about(second); n != 1 || about(host) != 1 {
		t.Errorf("%d decisions on the second host, %d on the first", n, about(host))
	}
	if got := len(smRecords[smgr.Order](h, "sm.order")); got < 1 {
		t.Errorf("%d records of orders", got)
	}
}
