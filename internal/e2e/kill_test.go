package e2e_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// killSeed makes the order of operations and the instants of the kills again.
var killSeed = flag.Uint64("kill.seed", 0, "seed of TestSoak_KillHub; 0: a new one")

const (
	killDomain  = "north"
	killClients = 4
)

// TestSoak_KillHub kills the hub at random instants while clients change what it
// keeps: 5 times, 50 with MANOWARD_SOAK.
func TestSoak_KillHub(t *testing.T) {
	t.Parallel()
	kills := soak(5)
	seed := *killSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again with: -run TestSoak_KillHub -args -kill.seed=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))

	h := startHub(t)
	h.do("trust-domain", "create", killDomain)
	var clients []*killClient
	for n := range killClients {
		clients = append(clients, &killClient{name: fmt.Sprintf("c%d", n), rnd: rand.New(rand.NewPCG(seed, uint64(n)+1))})
	}
	domains := &killDomains{rnd: rand.New(rand.NewPCG(seed, 99))}
	acknowledged := 0
	var slowest time.Duration
	for range kills {
		acknowledged += killRound(t, h, clients, domains, 20*time.Millisecond+time.Duration(rnd.Int64N(int64(500*time.Millisecond))))
		if rnd.IntN(3) == 0 { // and once more while it starts
			killStarting(t, h, time.Duration(rnd.Int64N(int64(200*time.Millisecond))))
		}
		began := time.Now()
		h.start()
		took := time.Since(began)
		slowest = max(slowest, took)
		t.Logf("ready after %s with %d trust domains", took.Round(time.Millisecond), len(domains.states)+1)
		killVerify(t, h, clients, domains)
		if t.Failed() {
			return
		}
	}
	if acknowledged < kills {
		t.Errorf("%d changes were acknowledged between %d kills; that tests nothing", acknowledged, kills)
	}
	if slowest > readyWithin {
		t.Errorf("the slowest restart took %s; want at most %s", slowest, readyWithin)
	}
	t.Logf("%d kills, %d acknowledged changes, slowest restart %s", kills, acknowledged, slowest)
}

// killRound lets the clients work and kills the hub under them.
func killRound(t *testing.T, h *hubProcess, clients []*killClient, domains *killDomains, after time.Duration) (acknowledged int) {
	var work sync.WaitGroup
	counts := make([]int, len(clients)+1)
	api := h.operator()
	for n, c := range clients {
		work.Go(func() { counts[n] = c.work(t, api) })
	}
	work.Go(func() { counts[len(clients)] = domains.work(t, api) })
	<-time.After(after) // the instant of the kill
	h.kill()
	work.Wait()
	for _, n := range counts {
		acknowledged += n
	}
	return acknowledged
}

// killStarting kills a hub that has not said that it is ready, or just has.
func killStarting(t *testing.T, h *hubProcess, after time.Duration) {
	t.Helper()
	if _, err := h.launch(); err != nil {
		t.Fatal(err)
	}
	<-time.After(after) // the instant of the kill
	h.kill()
}

// killVerify compares what the hub holds with what it acknowledged.
func killVerify(t *testing.T, h *hubProcess, clients []*killClient, domains *killDomains) {
	t.Helper()
	api := h.operator()
	bySubject := map[string][]hub.Record{}
	seen := map[string]bool{}
	for _, r := range h.records(killDomain) {
		if seen[r.ID] {
			t.Errorf("record %s %s of %s is there twice", r.ID, r.Kind, r.Subject)
		}
		seen[r.ID] = true
		bySubject[r.Subject] = append(bySubject[r.Subject], r)
	}
	stored := map[string]*hub.SecurityManager{}
	for sm, err := range httpapi.All[hub.SecurityManager](t.Context(), api, "/security_managers", nil) {
		if err != nil {
			t.Fatal(err)
		}
		stored[sm.Name] = &sm
	}
	for _, c := range clients {
		for _, m := range c.sms {
			m.verify(t, stored[m.name], bySubject["sm/"+m.name])
			delete(stored, m.name)
			delete(bySubject, "sm/"+m.name)
		}
		c.forgetUnmade()
		c.verifyNotes(t, api, bySubject["trust-domain/"+killDomain])
	}
	for name := range stored {
		t.Errorf("Security Manager %s is there and nobody registered it", name)
	}
	for subject, records := range bySubject {
		if subject != "trust-domain/"+killDomain {
			t.Errorf("%d records of %s, which is not there", len(records), subject)
		}
	}
	domains.verify(t, h, api)
}

// TestSoak_KillFirstStart kills hubs in their very first start. The next start
// brings a hub that works.
func TestSoak_KillFirstStart(t *testing.T) {
	t.Parallel()
	whole := killFirstStart(t)
	instants := soak(16)
	for n := range instants {
		h := newHub(t)
		killStarting(t, h, whole*time.Duration(n)/time.Duration(instants-2)) // the last ones after it was ready
		if err := h.tryStart(); err != nil {
			t.Errorf("after a kill in the first start: %v", err)
			continue
		}
		h.do("trust-domain", "create", "north")
		ep := h.register("north", "alpha")[0]
		ep.mustOpen(t, &ep.Cert)
		h.kill()
	}
}

// TestKill_FirstStepOfFirstStart wants a directory that was cut off after its
// very first file to be begun anew, and one that has lost its unlock key not to
// be.
func TestKill_FirstStepOfFirstStart(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.kill()
	format, err := os.ReadFile(filepath.Join(h.data, "FORMAT"))
	if err != nil {
		t.Fatal(err)
	}
	cut := newHub(t)
	if err := os.Mkdir(cut.data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cut.data, "FORMAT"), format, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cut.tryStart(); err != nil {
		t.Errorf("after a kill between the first two files: %v", err)
	}
	if err := os.Remove(filepath.Join(h.data, "unlock.key")); err != nil {
		t.Fatal(err)
	}
	if err := h.tryStart(); err == nil || !strings.Contains(err.Error(), "unlock.key is missing") {
		t.Errorf("a hub without its unlock key: %v", err)
	}
}

// killFirstStart measures a first start.
func killFirstStart(t *testing.T) time.Duration {
	if _, err := binary(); err != nil { // is not part of it
		t.Fatal(err)
	}
	began := time.Now()
	h := startHub(t)
	took := time.Since(began)
	h.kill()
	return took
}

// killDomains creates and deletes trust domains, one after the other.
type killDomains struct {
	rnd     *rand.Rand
	states  []string // acknowledged, by number; "" if it is not known to be there
	pending string   // what was asked of the last one and not acknowledged: "create", "delete" or ""
}

func killDomainName(n int) string { return fmt.Sprintf("d%d", n) }

// work makes a domain, perhaps deletes it, and so on until the hub is gone. It
// looks more often than it changes: each domain is another account to open at
// every start.
func (k *killDomains) work(t *testing.T, api *httpapi.Client) (acknowledged int) {
	for {
		if k.rnd.IntN(48) > 0 {
			if _, err := api.Do(t.Context(), "GET", "/trust_domains/"+killDomain, nil, nil); err != nil {
				killed(t, "look at a trust domain", err)
				return acknowledged
			}
			continue
		}
		last := len(k.states) - 1
		if last < 0 || k.states[last] != hub.StateActive || k.rnd.IntN(3) == 0 {
			k.states, k.pending = append(k.states, ""), "create"
			last++
			if _, err := api.Do(t.Context(), "POST", "/trust_domains", map[string]string{"name": killDomainName(last)}, nil); err != nil {
				killed(t, "create trust domain", err)
				return acknowledged
			}
			k.states[last], k.pending = hub.StateActive, ""
		} else {
			k.pending = "delete"
			if _, err := api.Do(t.Context(), "DELETE", "/trust_domains/"+killDomainName(last), nil, nil); err != nil {
				killed(t, "delete trust domain", err)
				return acknowledged
			}
			k.states[last], k.pending = hub.StateDeleted, ""
		}
		acknowledged++
	}
}

// killed accepts the failure of a request whose hub was killed.
func killed(t *testing.T, what string, err error) {
	t.Helper()
	if hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("%s: %v", what, err)
	}
}

// verify checks every domain's state against what was acknowledged, and its
// records against its state.
func (k *killDomains) verify(t *testing.T, h *hubProcess, api *httpapi.Client) {
	t.Helper()
	stored := map[string]string{}
	for d, err := range httpapi.All[hub.TrustDomain](t.Context(), api, "/trust_domains", nil) {
		if err != nil {
			t.Fatal(err)
		}
		stored[d.Name] = d.State
	}
	for n := range k.states {
		name, want := killDomainName(n), []string{k.states[n]}
		if n == len(k.states)-1 {
			switch k.pending {
			case "create":
				want = []string{"", hub.StateActive}
			case "delete":
				want = []string{hub.StateActive, hub.StateDeleted}
			}
		}
		if !slices.Contains(want, stored[name]) {
			t.Errorf("trust domain %s is %q; want one of %q", name, stored[name], want)
		}
		k.states[n] = stored[name]
		if k.states[n] != "" {
			killDomainRecords(t, h, name, k.states[n])
		}
	}
	if last := len(k.states) - 1; last >= 0 && k.states[last] == "" {
		k.states = k.states[:last] // it is free to be made
	}
	k.pending = ""
}

// killDomainRecords wants the records that lead to a domain's state, each once.
// A deletion that was cut off before it began to destroy may have been begun
// again.
func killDomainRecords(t *testing.T, h *hubProcess, name, state string) {
	t.Helper()
	var kinds []string
	for _, r := range h.records(name) {
		kinds = append(kinds, strings.TrimPrefix(r.Kind, "trust-domain."))
	}
	want := []string{"created"}
	if state == hub.StateDeleted {
		want = []string{"created", "deleting", "deleted"}
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("trust domain %s is %s and its records are %q; want %q", name, state, kinds, want)
	}
}
