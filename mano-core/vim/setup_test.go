package vim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// subscribers takes what is published, as the subscriptions it holds would get it.
type subscribers struct {
	mu   sync.Mutex // covers what is below
	subs []notify.Subscription
	got  map[string][]any // by subscription, each event once
	seen map[string]bool
	fail error
}

func newSubscribers(subs ...notify.Subscription) *subscribers {
	return &subscribers{subs: subs, got: map[string][]any{}, seen: map[string]bool{}}
}

func (s *subscribers) publish(_ context.Context, e notify.Event) error {
	if e.Key == "" {
		return hub.E(hub.Internal, "publish", "an event of "+e.API+" does not say what it is about", nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	for i := range s.subs {
		sub := &s.subs[i]
		id := hub.DeriveID(e.ID, sub.ID)
		if sub.API != e.API || sub.TrustDomain != e.TrustDomain && sub.TrustDomain != All || s.seen[id] {
			continue
		}
		if body, ok := e.Render(sub, id); ok {
			s.seen[id] = true
			s.got[sub.ID] = append(s.got[sub.ID], body)
		}
	}
	return nil
}

// changes returns what a subscription was told, as "TYPE id CHANGE".
func (s *subscribers) changes(sub string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, body := range s.got[sub] {
		switch n := body.(type) {
		case *ifa006.ResourceChange:
			out = append(out, fmt.Sprintf("%s %s %s", n.ResourceType, n.ResourceID, n.ChangeType))
		case *ifa006.AlarmNotification:
			out = append(out, fmt.Sprintf("%s %s", n.NotificationType, n.Alarm.ManagedObjectID))
		}
	}
	return out
}

var testNow = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// open starts a model on a bus, and ends it with the test.
func open(t testing.TB, bus *memstate.Bus, subs *subscribers) (*Model, context.CancelFunc) {
	t.Helper()
	work, stop := context.WithCancel(context.Background())
	m := New(Config{
		Tables: bus, VimID: "vim-1", Publish: subs.publish, Domains: func() []string { return []string{"alpha", "beta"} },
		Now: func() time.Time { return testNow }, Log: slog.New(slog.DiscardHandler),
	})
	if err := m.Open(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	end := func() { stop(); m.Wait() }
	t.Cleanup(end)
	return m, end
}

// smallInventory is two zones of two hosts each.
func smallInventory() ifa006.Inventory {
	in := ifa006.Inventory{
		NfviPops: []ifa006.NfviPop{{ID: "pop-1", VimID: "vim-1", Location: ifa006.Location{Country: "DE", Site: "north"}}},
		Zones:    []ifa006.Zone{{ID: "z1", Name: "one", NfviPopID: "pop-1"}, {ID: "z2", Name: "two", NfviPopID: "pop-1"}},
		Flavours: []ifa006.Flavour{
			{ID: "small", Size: ifa006.Capacity{VCPUs: 1, MemoryMiB: 1024, DiskGiB: 10}, IsPublic: true},
			{ID: "large", Size: ifa006.Capacity{VCPUs: 4, MemoryMiB: 4096, DiskGiB: 40}, IsPublic: true},
			{ID: "tpm", Size: ifa006.Capacity{VCPUs: 1, MemoryMiB: 1024, DiskGiB: 10}, Equipment: ifa006.Equipment{TPM: true}},
			{ID: "gpu", Size: ifa006.Capacity{VCPUs: 1, MemoryMiB: 1024, DiskGiB: 10}, Acceleration: []string{"gpu", "crypto"}},
			{ID: "huge", Size: ifa006.Capacity{VCPUs: 400, MemoryMiB: 4096, DiskGiB: 40}},
		},
	}
	for i := range 4 {
		in.Hosts = append(in.Hosts, ifa006.Host{
			ID: fmt.Sprintf("h%d", i+1), ZoneID: fmt.Sprintf("z%d", i/2+1), Total: ifa006.Capacity{VCPUs: 8, MemoryMiB: 8192, DiskGiB: 100},
			Equipment: ifa006.Equipment{TPM: i == 0}, Location: ifa006.Location{Rack: fmt.Sprintf("r%d", i+1)}, Integrity: ifa006.IntegrityTrusted,
		})
	}
	in.Hosts[2].Acceleration = []string{"gpu"}
	in.Hosts[3].Acceleration = []string{"gpu", "crypto", "gpu"}
	return in
}

// loaded is a model with the small inventory and a network of 14 addresses.
func loaded(t testing.TB, bus *memstate.Bus, subs *subscribers) *Model {
	t.Helper()
	m, _ := open(t, bus, subs)
	ok(t, m.Load(t.Context(), smallInventory()))
	_, err := m.CreateNetwork(t.Context(), ifa006.Network{ID: "net", Name: "net", TrustDomain: "alpha", Subnets: []ifa006.Subnet{{CIDR: "192.0.2.0/28", GatewayIP: "192.0.2.1"}}})
	ok(t, err)
	return m
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks the code of an error and that its text says all of the words.
func refused(t testing.TB, err error, code hub.Code, words ...string) {
	t.Helper()
	if hub.CodeOf(err) != code {
		t.Fatalf("%v; want code %s", err, code)
	}
	for _, w := range words {
		if !contains(hub.SafeText(err), w) {
			t.Errorf("%q does not say %q", hub.SafeText(err), w)
		}
	}
}

func contains(s, part string) bool {
	for i := range len(s) - len(part) + 1 {
		if s[i:i+len(part)] == part {
			return true
		}
	}
	return false
}

// until waits for what another goroutine brings about.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about", what)
		}
	}
}

func compute(id, flavour string) ifa006.Compute {
	return ifa006.Compute{ID: id, Name: id, TrustDomain: "alpha", FlavourID: flavour, Metadata: map[string]string{"vnfInstanceId": "vnf-" + id}}
}

func apart(group string) []ifa006.Constraint {
	return []ifa006.Constraint{{Type: antiAffinity, Scope: scopeHost, Group: group}}
}

// checkModel checks what must hold whenever nothing is under way.
func checkModel(t testing.TB, m *Model) {
	t.Helper()
	ctx := t.Context()
	everything := func(string) bool { return true }
	computes := map[string]computeRecord{}
	for e, err := range m.computes.List(ctx, everything, "") {
		ok(t, err)
		if e.Value.Phase != "" {
			t.Errorf("compute %s is in phase %s", e.ID, e.Value.Phase)
		}
		if e.Value.Size == (ifa006.Capacity{}) {
			t.Errorf("compute %s has no size, so any host takes it", e.ID)
		}
		computes[e.ID] = e.Value
	}
	claims := 0
	for e, err := range m.hosts.List(ctx, everything, "") {
		ok(t, err)
		h, sum := e.Value, ifa006.Capacity{}
		for id, c := range h.Claims {
			claims++
			if got := computes[id]; got.HostID != h.ID || got.Size != c.Size {
				t.Errorf("host %s claims %v for compute %s, which is on %q with %v", h.ID, c.Size, id, got.HostID, got.Size)
			}
			sum = plus(sum, c.Size)
			if failed := computes[id].RunningState == ifa006.Failed; h.State == ifa006.Failed && !failed {
				t.Errorf("compute %s runs on failed host %s", id, h.ID)
			}
		}
		if sum != h.Allocated || !within(sum, h.Total) {
			t.Errorf("host %s: allocated %v, sum %v, total %v", h.ID, h.Allocated, sum, h.Total)
		}
	}
	if claims != len(computes) {
		t.Errorf("%d claims for %d computes", claims, len(computes))
	}
	checkGroups(t, computes)
	checkPorts(t, m, computes)
	for e, err := range m.storages.List(ctx, everything, "") {
		ok(t, err)
		if _, there := computes[e.Value.AttachedTo]; e.Value.AttachedTo != "" && !there {
			t.Errorf("storage %s is attached to compute %s, which is gone", e.ID, e.Value.AttachedTo)
		}
	}
}

func checkGroups(t testing.TB, computes map[string]computeRecord) {
	t.Helper()
	at := map[string]string{}
	for id, c := range computes {
		for _, r := range c.Want.Constraints {
			key := r.Group + "@" + c.HostID
			if other := at[key]; other != "" && r.Type == antiAffinity {
				t.Errorf("computes %s and %s of group %s are both on %s", id, other, r.Group, c.HostID)
			}
			at[key] = id
		}
	}
}

func checkPorts(t testing.TB, m *Model, computes map[string]computeRecord) {
	t.Helper()
	everything := func(string) bool { return true }
	used := map[string]string{}
	for e, err := range m.ports.List(t.Context(), everything, "") {
		ok(t, err)
		p := e.Value
		if p.Phase != "" || len(p.IPAddresses) == 0 {
			t.Errorf("port %s is in phase %q with addresses %v", e.ID, p.Phase, p.IPAddresses)
		}
		if _, there := computes[p.Compute]; p.Compute != "" && !there {
			t.Errorf("port %s is attached to compute %s, which is gone", e.ID, p.Compute)
		}
		for _, a := range append(slices.Clone(p.IPAddresses), p.Port.MAC) {
			if other := used[a]; other != "" {
				t.Errorf("ports %s and %s both have %s", e.ID, other, a)
			}
			used[a] = e.ID
		}
	}
	leases := 0
	for range m.leases.IDs("") {
		leases++
	}
	if leases != len(used) {
		t.Errorf("%d leases for %d addresses", leases, len(used))
	}
}

var errCrash = errors.New("the process was killed")
