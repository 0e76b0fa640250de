package vim

import (
	"slices"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// A compute is on a host that has all the acceleration of its flavour, and stays on such
// a one whatever is done with it; who asks is told what it uses.
func TestAcceleration(t *testing.T) {
	ctx := t.Context()
	bus := &memstate.Bus{}
	m := loaded(t, bus, newSubscribers())
	both := []string{"crypto", "gpu"}
	if h, err := m.Host(ctx, "alpha", "h4"); err != nil || !slices.Equal(h.Acceleration, both) {
		t.Errorf("h4 has %v, %v", h.Acceleration, err)
	}
	if f, err := m.Flavour(ctx, "gpu"); err != nil || !slices.Equal(f.Acceleration, both) {
		t.Errorf("the flavour has %v, %v", f.Acceleration, err)
	}
	// What a request says that it uses is not asked for: the flavour says that.
	want := compute("g1", "gpu")
	want.Acceleration = []string{"more"}
	for range 2 { // again is the same
		c, err := m.Allocate(ctx, want)
		ok(t, err)
		if c.HostID != "h4" || !slices.Equal(c.Acceleration, both) {
			t.Errorf("it is on %s and uses %v", c.HostID, c.Acceleration)
		}
	}
	for _, host := range []string{"h1", "h3"} {
		_, err := m.Allocate(ctx, func() ifa006.Compute { c := compute("g2", "gpu"); c.HostID = host; return c }())
		refused(t, err, hub.Conflict, host, "without the acceleration that is needed (crypto, gpu)")
		refused(t, m.Migrate(ctx, All, "g1", ifa006.MigrateRequest{HostID: host}), hub.Conflict, "without the acceleration")
	}
	refused(t, m.Migrate(ctx, All, "g1", ifa006.MigrateRequest{}), hub.Conflict, "without the acceleration")

	// Another flavour in place.
	on(t, m, "s1", "alpha", "h3")
	refused(t, m.Scale(ctx, All, "s1", "gpu"), hub.Conflict, "h3 is without the acceleration of flavour gpu")
	on(t, m, "s2", "alpha", "h4")
	for _, flavour := range []string{"gpu", "small"} {
		ok(t, m.Scale(ctx, All, "s2", flavour))
		if c, err := m.Compute(ctx, "alpha", "s2"); err != nil || slices.Equal(c.Acceleration, both) != (flavour == "gpu") {
			t.Errorf("with flavour %s it uses %v, %v", flavour, c.Acceleration, err)
		}
	}

	// As stored.
	again, _ := open(t, bus, newSubscribers())
	if c, err := again.Compute(ctx, "alpha", "g1"); err != nil || !slices.Equal(c.Acceleration, both) {
		t.Errorf("after a restart it uses %v, %v", c.Acceleration, err)
	}
	_, err := again.Allocate(ctx, compute("g3", "gpu"))
	ok(t, err)
	checkModel(t, again)
}

// The request for a flavour is the same however its names are ordered.
func TestAcceleration_Order(t *testing.T) {
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	f := ifa006.Flavour{ID: "f", Size: ifa006.Capacity{VCPUs: 1, MemoryMiB: 1}, Acceleration: []string{"b", "a", "b"}}
	_, err := m.AddFlavour(t.Context(), f)
	ok(t, err)
	f.Acceleration = []string{"a", "b"}
	_, err = m.AddFlavour(t.Context(), f)
	ok(t, err)
	f.Acceleration = []string{"a"}
	_, err = m.AddFlavour(t.Context(), f)
	refused(t, err, hub.Unprocessable, "f")
}
