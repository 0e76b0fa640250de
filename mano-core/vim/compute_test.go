package vim

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

func TestAllocate_AndTerminate(t *testing.T) {
	ctx, subs := t.Context(), newSubscribers()
	m := loaded(t, &memstate.Bus{}, subs)
	want := compute("c1", "tpm")
	want.Ports = []ifa006.Port{{NetworkID: "net", Name: "eth0"}}
	want.Storages = []ifa006.Storage{{Name: "disk", SizeGiB: 5}}
	c, err := m.Allocate(ctx, want)
	ok(t, err)
	if c.HostID != "h1" || c.ZoneID != "z1" || c.Location.Rack != "r1" || c.RunningState != ifa006.Started || c.NfviSource != ifa006.NfviSourceModel {
		t.Errorf("compute %+v", c)
	}
	if len(c.Ports) != 1 || len(c.Ports[0].IPAddresses) != 1 || len(c.Storages) != 1 || c.Storages[0].HostID != "h1" || !slices.Equal(c.SecureStorage, []string{"tpm/c1"}) {
		t.Errorf("what it has: %+v %+v %v", c.Ports, c.Storages, c.SecureStorage)
	}
	again, err := m.Allocate(ctx, want)
	ok(t, err)
	if again.CreatedAt != c.CreatedAt || m.computes.Len() != 1 {
		t.Error("the same request made another compute")
	}
	want.Name = "another"
	_, err = m.Allocate(ctx, want)
	refused(t, err, hub.Unprocessable, "c1", "another request")
	checkModel(t, m)
	ok(t, m.Terminate(ctx, All, "c1", false))
	h, err := m.Host(ctx, All, "h1")
	ok(t, err)
	if h.Allocated != (ifa006.Capacity{}) || len(h.ComputeIDs) > 0 || m.ports.Len()+m.leases.Len()+m.storages.Len() != 0 {
		t.Errorf("left behind: %+v, %d ports, %d leases, %d storages", h.Allocated, m.ports.Len(), m.leases.Len(), m.storages.Len())
	}
	refused(t, m.Terminate(ctx, All, "c1", false), hub.NotFound, "c1")
}

func TestAllocate_Refused(t *testing.T) {
	ctx := t.Context()
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	_, err := m.AddImage(ctx, ifa006.Image{ID: "empty", TrustDomain: "alpha"})
	ok(t, err)
	_, err = m.AddImage(ctx, ifa006.Image{ID: "foreign", TrustDomain: "beta"})
	ok(t, err)
	tests := []struct {
		name   string
		change func(*ifa006.Compute)
		code   hub.Code
		words  []string
	}{
		{"id", func(c *ifa006.Compute) { c.ID = "a/b" }, hub.Invalid, []string{"a/b"}},
		{"domain", func(c *ifa006.Compute) { c.TrustDomain = "" }, hub.Invalid, []string{"trustDomain"}},
		{"long text", func(c *ifa006.Compute) { c.Name = string(make([]byte, maxText+1)) }, hub.Invalid, []string{"1024"}},
		{"constraint", func(c *ifa006.Compute) { c.Constraints = []ifa006.Constraint{{Type: "NEAR"}} }, hub.Invalid, []string{"NEAR"}},
		{"ports", func(c *ifa006.Compute) { c.Ports = make([]ifa006.Port, 65) }, hub.Invalid, []string{"64"}},
		{"flavour", func(c *ifa006.Compute) { c.FlavourID = "none" }, hub.Unprocessable, []string{"none"}},
		{"capacity", func(c *ifa006.Compute) { c.FlavourID = "huge" }, hub.Conflict, []string{"4 short of capacity", "400 vCPUs"}},
		{"zone", func(c *ifa006.Compute) { c.ZoneID = "z9" }, hub.Conflict, []string{"another zone than z9"}},
		{"equipment", func(c *ifa006.Compute) { c.FlavourID, c.ZoneID = "tpm", "z2" }, hub.Conflict, []string{"2 without the security hardware", "TPM"}},
		{"host", func(c *ifa006.Compute) { c.HostID, c.FlavourID = "h2", "tpm" }, hub.Conflict, []string{"host h2", "TPM"}},
		{"no host", func(c *ifa006.Compute) { c.HostID = "h9" }, hub.Conflict, []string{"not in the inventory"}},
		{"excluded", func(c *ifa006.Compute) { c.ExcludeHosts = []string{"h1", "h2", "h3", "h4"} }, hub.Conflict, []string{"4 excluded"}},
		{"image", func(c *ifa006.Compute) { c.ImageID = "none" }, hub.Unprocessable, []string{"none"}},
		{"other domain's image", func(c *ifa006.Compute) { c.ImageID = "foreign" }, hub.Unprocessable, []string{"foreign"}},
		{"empty image", func(c *ifa006.Compute) { c.ImageID = "empty" }, hub.Conflict, []string{"no content"}},
		{"network", func(c *ifa006.Compute) { c.Ports = []ifa006.Port{{NetworkID: "none"}} }, hub.Unprocessable, []string{"none"}},
		{"storage", func(c *ifa006.Compute) { c.Storages = []ifa006.Storage{{Name: "s"}} }, hub.Invalid, []string{"sizeOfStorageGiB"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := compute("c1", "small")
			tt.change(&c)
			_, err := m.Allocate(ctx, c)
			refused(t, err, tt.code, tt.words...)
			checkModel(t, m)
			if m.computes.Len() != 0 {
				t.Error("something is left of it")
			}
		})
	}
}

func TestConstraints(t *testing.T) {
	ctx := t.Context()
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	for i := range 4 {
		c := compute(fmt.Sprint("a", i), "small")
		c.Constraints = apart("g")
		_, err := m.Allocate(ctx, c)
		ok(t, err)
	}
	checkModel(t, m)
	fifth := compute("a4", "small")
	fifth.Constraints = apart("g")
	_, err := m.Allocate(ctx, fifth)
	refused(t, err, hub.Conflict, "ANTI_AFFINITY", "group g")
	refused(t, m.Migrate(ctx, All, "a0", ifa006.MigrateRequest{}), hub.Conflict, "ANTI_AFFINITY")

	// Two parties are apart, and those of one may share a host.
	party := map[string]string{}
	for i := range 8 {
		c := compute(fmt.Sprint("p", i), "small")
		side := fmt.Sprint("vnf-", i%2)
		c.Constraints = []ifa006.Constraint{{Type: antiAffinity, Scope: scopeHost, Group: "sides", Party: side}}
		made, err := m.Allocate(ctx, c)
		ok(t, err)
		if was := party[made.HostID]; was != "" && was != side {
			t.Errorf("host %s has computes of %s and %s", made.HostID, was, side)
		}
		party[made.HostID] = side
	}
	for i := range 8 {
		ok(t, m.Terminate(ctx, All, fmt.Sprint("p", i), false))
	}

	var host string
	for i := range 3 {
		c := compute(fmt.Sprint("b", i), "small")
		c.Constraints = []ifa006.Constraint{{Type: affinity, Scope: scopeHost, Group: "together"}}
		made, err := m.Allocate(ctx, c)
		ok(t, err)
		if host != "" && made.HostID != host {
			t.Errorf("affinity: %s and %s", host, made.HostID)
		}
		host = made.HostID
	}
	zones := map[string]bool{}
	for i := range 2 {
		c := compute(fmt.Sprint("z", i), "small")
		c.Constraints = []ifa006.Constraint{{Type: antiAffinity, Scope: scopeZone, Group: "zones"}}
		made, err := m.Allocate(ctx, c)
		ok(t, err)
		zones[made.ZoneID] = true
	}
	if len(zones) != 2 {
		t.Error("two computes that are to be in two zones are in one")
	}
	// A group of the same name in another trust domain is another group.
	other := fifth
	other.TrustDomain = "beta"
	_, err = m.Allocate(ctx, other)
	ok(t, err)
}

// TestAllocate_AtOnce has many callers fight for the last places, and for one
// group, and some of them twice for the same compute.
func TestAllocate_AtOnce(t *testing.T) {
	ctx := t.Context()
	bus := &memstate.Bus{}
	first := loaded(t, bus, newSubscribers())
	second, _ := open(t, bus, newSubscribers())
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := map[string]bool{}
	for i := range 60 {
		m := []*Model{first, second}[i%2]
		wg.Go(func() {
			c := compute(fmt.Sprint("c", i/2), "large")
			if i/2%3 == 0 {
				c.Constraints = apart("g")
			}
			c.Ports = []ifa006.Port{{NetworkID: "net"}}
			got, err := m.Allocate(ctx, c)
			switch hub.CodeOf(err) {
			case "":
				mu.Lock()
				made[got.ID] = true
				mu.Unlock()
			case hub.Conflict:
			default:
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	// Two vCPU quarters on each of four hosts.
	if len(made) == 0 || len(made) > 8 {
		t.Errorf("%d computes got a place, and there are 8", len(made))
	}
	third, _ := open(t, bus, newSubscribers())
	checkModel(t, third)
}

// TestAllocate_LateForAnEarlierCompute holds that a process which is late in placing
// a compute takes no claim of another that was allocated under its ID since, and
// that this one takes the claims which the late one left.
func TestAllocate_LateForAnEarlierCompute(t *testing.T) {
	ctx := t.Context()
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	allocate := func(flavour string) (computeRecord, *need, place) {
		t.Helper()
		c := compute("c1", flavour)
		c.HostID = "h1"
		_, err := m.Allocate(ctx, c)
		ok(t, err)
		e, err := m.computes.Get(ctx, "c1")
		ok(t, err)
		n, err := m.needOf(ctx, &e.Value)
		ok(t, err)
		return e.Value, n, place{"h1", e.Value.ZoneID}
	}
	first, n, at := allocate("small")
	ok(t, m.Terminate(ctx, All, "c1", false))
	_, err := m.occupy(ctx, &first, n, at, "")
	ok(t, err)
	second, _, _ := allocate("large")
	_, err = m.occupy(ctx, &first, n, at, "")
	refused(t, err, hub.Precondition, "c1")
	ok(t, m.withdraw(ctx, "c1", first.Incarnation, "h1"))
	host, err := m.hosts.Get(ctx, "h1")
	ok(t, err)
	if got := host.Value.Claims["c1"]; got.Of != second.Incarnation || got.Size != second.Size {
		t.Errorf("host h1 claims %v for c1, want %v", got, second.Size)
	}
	checkModel(t, m)
}

func TestMigrateScaleOperate(t *testing.T) {
	ctx, subs := t.Context(), newSubscribers()
	m := loaded(t, &memstate.Bus{}, subs)
	c := compute("c1", "small")
	c.HostID = "h1"
	_, err := m.Allocate(ctx, c)
	ok(t, err)
	ok(t, m.Migrate(ctx, All, "c1", ifa006.MigrateRequest{HostID: "h3"}))
	ok(t, m.Migrate(ctx, All, "c1", ifa006.MigrateRequest{HostID: "h3"})) // is there
	got, err := m.Compute(ctx, All, "c1")
	ok(t, err)
	if got.HostID != "h3" || got.ZoneID != "z2" || got.Location.Rack != "r3" {
		t.Errorf("after migration: %+v", got)
	}
	refused(t, m.Migrate(ctx, All, "c1", ifa006.MigrateRequest{ExcludeHosts: []string{"h1", "h2", "h4"}}), hub.Conflict, "excluded")
	ok(t, m.Scale(ctx, All, "c1", "large"))
	ok(t, m.Scale(ctx, All, "c1", "large"))
	refused(t, m.Scale(ctx, All, "c1", "huge"), hub.Conflict, "short of capacity", "h3")
	refused(t, m.Scale(ctx, All, "c1", "tpm"), hub.Conflict, "TPM")
	refused(t, m.Scale(ctx, All, "c1", "none"), hub.Unprocessable, "none")
	checkModel(t, m)
	ok(t, m.Operate(ctx, All, "c1", "STOP"))
	refused(t, m.Operate(ctx, All, "c1", "REBOOT"), hub.Conflict, "halted")
	ok(t, m.Operate(ctx, All, "c1", "START"))
	refused(t, m.Operate(ctx, All, "c1", "DANCE"), hub.Invalid, "DANCE")
	refused(t, m.Operate(ctx, All, "c9", "START"), hub.NotFound, "c9")
	// What is another domain's is not there.
	for _, err := range []error{
		m.Operate(ctx, "beta", "c1", "STOP"), m.Migrate(ctx, "beta", "c1", ifa006.MigrateRequest{}), m.Scale(ctx, "beta", "c1", "small"), m.Terminate(ctx, "beta", "c1", false),
	} {
		refused(t, err, hub.NotFound, "c1")
	}
	ok(t, m.DeleteFlavour(ctx, "small"))
	refused(t, m.DeleteFlavour(ctx, "large"), hub.Conflict, "c1")
	refused(t, m.DeleteFlavour(ctx, "small"), hub.NotFound, "small")
}

func TestErase(t *testing.T) {
	ctx := t.Context()
	subs := newSubscribers(notifyAll())
	m := loaded(t, &memstate.Bus{}, subs)
	kept, err := m.CreateStorage(ctx, ifa006.Storage{ID: "kept", TrustDomain: "alpha", SizeGiB: 1})
	ok(t, err)
	c := compute("c1", "tpm")
	c.Storages = []ifa006.Storage{{ID: "kept"}, {Name: "own", SizeGiB: 1}}
	_, err = m.Allocate(ctx, c)
	ok(t, err)
	refused(t, m.DeleteStorage(ctx, All, "kept", true), hub.Conflict, "attached", "c1")
	ok(t, m.Terminate(ctx, All, "c1", true))
	after, err := m.Storage(ctx, All, "kept")
	ok(t, err)
	if after.ErasedAt == nil || *after.ContentChecksum == *kept.ContentChecksum || after.AttachedTo != "" {
		t.Errorf("after erasure: %+v", after)
	}
	if m.storages.Len() != 1 {
		t.Error("the compute's own storage is left")
	}
	erased := 0
	for _, c := range subs.changes("all") {
		if c == "COMPUTE c1 ERASED" || c == "STORAGE kept ERASED" {
			erased++
		}
	}
	if erased != 2 {
		t.Errorf("told: %v", subs.changes("all"))
	}
	ok(t, m.DeleteStorage(ctx, All, "kept", false))
	refused(t, m.DeleteStorage(ctx, All, "kept", false), hub.NotFound, "kept")
}

func TestSnapshot(t *testing.T) {
	ctx := t.Context()
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	c := compute("c1", "small")
	c.Storages = []ifa006.Storage{{Name: "own", SizeGiB: 1}}
	made, err := m.Allocate(ctx, c)
	ok(t, err)
	want := ifa006.Snapshot{ID: "s1", TrustDomain: "alpha", ComputeID: "c1"}
	s, err := m.CreateSnapshot(ctx, want)
	ok(t, err)
	again, err := m.CreateSnapshot(ctx, want)
	ok(t, err)
	if s.Compute.FlavourID != "small" || again.ID != s.ID {
		t.Errorf("snapshot %+v", s)
	}
	_, err = m.storages.Update(ctx, made.Storages[0].ID, func(r *storageRecord) error { r.Content = []byte("malware"); return nil })
	ok(t, err)
	ok(t, m.Scale(ctx, All, "c1", "large"))
	ok(t, m.Operate(ctx, All, "c1", "STOP"))
	ok(t, m.Restore(ctx, All, "s1"))
	back, err := m.Compute(ctx, All, "c1")
	ok(t, err)
	if back.FlavourID != "small" || back.RunningState != ifa006.Started || *back.Storages[0].ContentChecksum != *made.Storages[0].ContentChecksum {
		t.Errorf("restored: %+v", back)
	}
	checkModel(t, m)
	_, err = m.CreateSnapshot(ctx, ifa006.Snapshot{ID: "s2", TrustDomain: "beta", ComputeID: "c1"})
	refused(t, err, hub.Unprocessable, "c1")
	_, err = m.CreateSnapshot(ctx, ifa006.Snapshot{ID: "", TrustDomain: "beta"})
	refused(t, err, hub.Invalid, "id")
	refused(t, m.Restore(ctx, "beta", "s1"), hub.NotFound, "s1")
	ok(t, m.Terminate(ctx, All, "c1", false))
	refused(t, m.Restore(ctx, All, "s1"), hub.Conflict, "gone")
	ok(t, m.DeleteSnapshot(ctx, All, "s1"))
	refused(t, m.DeleteSnapshot(ctx, All, "s1"), hub.NotFound, "s1")
}

// TestPublishFails holds that a change stands when it cannot be told, and is told
// once that works again.
func TestPublishFails(t *testing.T) {
	ctx := t.Context()
	subs := newSubscribers(notifyAll())
	m := loaded(t, &memstate.Bus{}, subs)
	subs.fail = errors.New("the disk is full")
	_, err := m.Allocate(ctx, compute("c1", "small"))
	ok(t, err)
	if slices.Contains(subs.changes("all"), "COMPUTE c1 CREATED") {
		t.Fatal("told in spite of the failure")
	}
	if err := m.Resume(ctx); err == nil {
		t.Error("Resume hid that nothing can be told")
	}
	subs.fail = nil
	ok(t, m.Resume(ctx))
	ok(t, m.Resume(ctx))
	if got := subs.changes("all"); !slices.Contains(got, "COMPUTE c1 CREATED") || len(m.computes.Find(termPending)) != 0 {
		t.Errorf("told %v", got)
	}
}

// TestTerminate_Hidden holds that a compute is not there any more once its end can
// have been told, although its record goes last.
func TestTerminate_Hidden(t *testing.T) {
	ctx := t.Context()
	subs := newSubscribers(notifyAll())
	m := loaded(t, &memstate.Bus{}, subs)
	_, err := m.Allocate(ctx, compute("c1", "small"))
	ok(t, err)
	_, err = m.Compute(ctx, All, "c1")
	ok(t, err)
	subs.fail = errors.New("the disk is full") // the removal cannot end
	if err := m.Terminate(ctx, All, "c1", false); err == nil {
		t.Error("Terminate hid that its end cannot be told")
	}
	_, err = m.Compute(ctx, All, "c1")
	refused(t, err, hub.NotFound, "c1")
	for item, err := range m.Computes(ctx, All, Query{})("") {
		t.Errorf("listed: %v, %v", item, err)
	}
	subs.fail = nil
	ok(t, m.Resume(ctx))
	if got := subs.changes("all"); !slices.Contains(got, "COMPUTE c1 DELETED") {
		t.Errorf("told %v", got)
	}
}
