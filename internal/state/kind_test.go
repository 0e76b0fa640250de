package state_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/internal/testkit/testbus"
)

func TestKind(t *testing.T) {
	onBoth(t, func(t *testing.T, tables state.Tables) {
		_, k := opened(t, tables, "hub", "a", "b")
		ctx := within(t)
		e, err := k.Create(ctx, "a", "2", &thing{Name: "x"})
		must(t, err)
		_, err = k.Create(ctx, "a", "2", &thing{})
		wantCode(t, err, hub.Conflict)
		_, err = k.Create(ctx, "b", "2", &thing{}) // taken in another domain
		wantCode(t, err, hub.Conflict)
		create(t, k, "b", "1", "x")
		if got := listed(t, k, everything, ""); got != "1 2" || k.Len() != 2 {
			t.Errorf("listed %q, %d in all", got, k.Len())
		}
		if got := k.Find("name=x"); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("found %v", got)
		}
		changed, err := k.Update(ctx, "2", func(v *thing) error { v.Name, v.Count = "y", 7; return nil })
		if err != nil || changed.Revision <= e.Revision || changed.Value.Count != 7 || changed.Domain != "a" {
			t.Errorf("updated to %+v, %v", changed, err)
		}
		if x, y := k.Find("name=x"), k.Find("name=y"); !slices.Equal(x, []string{"1"}) || !slices.Equal(y, []string{"2"}) {
			t.Errorf("found %v and %v", x, y)
		}
		_, err = k.Replace(ctx, e)
		wantCode(t, err, hub.Precondition)
		if got, err := k.Get(ctx, "2"); err != nil || got.Value != changed.Value || got.Revision != changed.Revision {
			t.Errorf("read %+v, %v", got, err)
		}
		must(t, k.Delete(ctx, "2", nil))
		wantCode(t, k.Delete(ctx, "2", nil), hub.NotFound)
		_, err = k.Get(ctx, "2")
		wantCode(t, err, hub.NotFound)
		create(t, k, "b", "2", "z") // deleted just before, and now another domain's
		if d, ok := k.Domain("2"); !ok || d != "b" {
			t.Errorf("2 belongs to %q", d)
		}
		if got := listed(t, k, everything, ""); got != "1 2" {
			t.Errorf("listed %q", got)
		}
	})
}

func TestKind_Refused(t *testing.T) {
	bus := &memstate.Bus{}
	s, k := opened(t, bus, "a")
	create(t, k, "a", "1", "x")
	_, err := k.Update(within(t), "1", func(*thing) error { return errBroken })
	if !errors.Is(err, errBroken) {
		t.Errorf("update: %v", err)
	}
	if err := k.Delete(within(t), "1", func(*thing) error { return errBroken }); !errors.Is(err, errBroken) {
		t.Errorf("delete: %v", err)
	}
	bus.Fail = func(string, string, string) error { return hub.E(hub.Unavailable, "write", "full", nil) }
	_, err = k.Create(within(t), "a", "2", &thing{})
	wantCode(t, err, hub.Unavailable)
	_, err = k.Update(within(t), "1", func(*thing) error { return nil })
	wantCode(t, err, hub.Unavailable)
	wantCode(t, k.Delete(within(t), "1", nil), hub.Unavailable)
	if got := listed(t, k, everything, ""); got != "1" {
		t.Errorf("listed %q after refused writes", got)
	}
	_, err = k.Get(within(t), "none")
	wantCode(t, err, hub.NotFound)
	must(t, s.Check(within(t)))
	never := state.NewKind(s, "never", func(*func()) []string { return nil })
	f := func() {}
	if _, err := never.Create(within(t), "a", "1", &f); err == nil {
		t.Error("a function was stored")
	}
	if k.FindAfter("", "") == nil || len(k.Find("")) != 0 {
		t.Error("the empty term finds something")
	}
}

func TestSpace_NotOpened(t *testing.T) {
	s := state.New(&memstate.Bus{}, "THINGS", quiet())
	k := state.NewKind(s, "thing", byName)
	if _, err := k.Create(within(t), "a", "1", &thing{}); err == nil {
		t.Error("created in a space that is not open")
	}
}

func TestSpace_Stopping(t *testing.T) {
	s := state.New(&memstate.Bus{}, "THINGS", quiet())
	work, stop := context.WithCancel(t.Context())
	must(t, s.Open(within(t), work, "a"))
	stop()
	wantCode(t, s.Add(within(t), "b"), hub.Unavailable)
}

// A domain of the bus that does not exist is not made by asking for it.
func TestSpace_UnknownDomain(t *testing.T) {
	s, k := opened(t, testbus.Open(t, t.TempDir(), "a").Tables(), "a")
	_, err := k.Create(within(t), "none", "1", &thing{})
	wantCode(t, err, hub.NotFound)
	wantCode(t, s.Add(within(t), "none"), hub.NotFound)
	_, err = k.GetIn(within(t), "none", "1")
	wantCode(t, err, hub.NotFound)
	if got := s.Domains(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("domains %v", got)
	}
}

// Update under contention loses nothing, over two processes on one bus.
func TestKind_UpdateContended(t *testing.T) {
	onBoth(t, func(t *testing.T, tables state.Tables) {
		_, k1 := opened(t, tables, "a")
		create(t, k1, "a", "1", "x")
		_, k2 := opened(t, tables, "a")
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				for range 5 {
					if _, err := []*state.Kind[thing]{k1, k2}[i%2].Update(within(t), "1", func(v *thing) error { v.Count++; return nil }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if e, err := k1.Get(within(t), "1"); err != nil || e.Value.Count != 80 {
			t.Errorf("counted %d, %v", e.Value.Count, err)
		}
	})
}

// An Update that never gets its turn ends with its context.
func TestKind_UpdateGivesUp(t *testing.T) {
	_, k := opened(t, &memstate.Bus{}, "a")
	create(t, k, "a", "1", "x")
	for name, change := range map[string]func(ctx context.Context) error{
		"update": func(ctx context.Context) error {
			_, err := k.Update(ctx, "1", func(*thing) error { touch(t, k); return nil })
			return err
		},
		"delete": func(ctx context.Context) error {
			return k.Delete(ctx, "1", func(*thing) error { touch(t, k); return nil })
		},
	} {
		ctx, cancel := context.WithCancel(within(t))
		cancel()
		if err := change(ctx); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "try again") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// touch makes another revision of "1".
func touch(t *testing.T, k *state.Kind[thing]) {
	_, err := k.Update(within(t), "1", func(v *thing) error { v.Count++; return nil })
	must(t, err)
}

// Pages in order, while others come and go: what stays is told once.
func TestKind_PagesUnderChurn(t *testing.T) {
	_, k := opened(t, &memstate.Bus{}, "a", "b")
	const stay = 400
	for i := range stay {
		create(t, k, []string{"a", "b"}[i%2], fmt.Sprintf("%04d", 2*i), "stay")
	}
	done := make(chan struct{})
	var churn sync.WaitGroup
	churn.Go(func() {
		for i := 0; ; i = (i + 1) % stay {
			select {
			case <-done:
				return
			default:
				id := fmt.Sprintf("%04d", 2*i+1)
				create(t, k, "a", id, "go")
				must(t, k.Delete(within(t), id, nil))
			}
		}
	})
	for range 20 {
		var ids []string
		for after := ""; ; {
			page := 0
			for e, err := range k.List(within(t), everything, after) {
				must(t, err)
				if after = e.ID; e.Value.Name == "stay" {
					ids = append(ids, e.ID)
				}
				if page++; page == 7 {
					break
				}
			}
			if page < 7 {
				break
			}
		}
		if len(ids) != stay || !slices.IsSorted(ids) || len(slices.Compact(ids)) != stay {
			t.Fatalf("%d of %d told, sorted %v", len(ids), stay, slices.IsSorted(ids))
		}
	}
	close(done)
	churn.Wait()
}

func TestKind_ListOfOneDomain(t *testing.T) {
	_, k := opened(t, &memstate.Bus{}, "a", "b", "c")
	for i := range 300 {
		create(t, k, "b", fmt.Sprintf("b%03d", i), "x")
	}
	create(t, k, "a", "a1", "x")
	create(t, k, "c", "c1", "x")
	only := func(domains string) func(string) bool {
		return func(d string) bool { return strings.Contains(domains, d) }
	}
	for domains, want := range map[string]string{"a": "a1", "ac": "a1 c1", "": ""} {
		if got := listed(t, k, only(domains), ""); got != want {
			t.Errorf("visible %q: %q", domains, got)
		}
	}
	if got := strings.Fields(listed(t, k, only("b"), "b100")); len(got) != 199 || got[0] != "b101" {
		t.Errorf("%d after b100", len(got))
	}
	if got := slices.Collect(k.FindAfter("name=x", "b298")); !slices.Equal(got, []string{"b299", "c1"}) {
		t.Errorf("found %v", got)
	}
	var among []string
	for e, err := range k.Among(within(t), only("ac"), []string{"c1", "b001", "none", "a1"}) {
		must(t, err)
		among = append(among, e.ID)
	}
	if !slices.Equal(among, []string{"c1", "a1"}) {
		t.Errorf("among %v", among)
	}
}

func TestKept(t *testing.T) {
	bus := &memstate.Bus{}
	s := state.New(bus, "THINGS", quiet())
	k := state.NewKept(s, "thing", byName)
	open(t, s, "a")
	v := &thing{Name: "x"}
	_, err := k.Create(within(t), "a", "1", v)
	must(t, err)
	v.Name = "changed by its owner"
	if got := k.Kept("1"); got == nil || got.Name != "x" {
		t.Errorf("kept %+v", got)
	}
	_, other := opened(t, bus, "a")
	_, err = other.Update(within(t), "1", func(v *thing) error { v.Count = 5; return nil })
	must(t, err)
	eventually(t, "the change of another process is kept", func() bool { return k.Kept("1").Count == 5 })
	must(t, k.Delete(within(t), "1", nil))
	if got := k.Kept("1"); got != nil {
		t.Errorf("kept %+v after its removal", got)
	}
	create(t, other, "a", "2", "y")
	if got := other.Kept("2"); got != nil {
		t.Errorf("a kind that keeps nothing kept %+v", got)
	}
}

// A list in the order of a term has each resource once, also over pages and while
// others come and go; having narrows it.
func TestKind_InOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, tables state.Tables) {
		_, k := opened(t, tables, "hub", "a")
		const all = 600 // more than are looked at under one lock
		name := func(i int) string { return fmt.Sprintf("%04d", i*7919%all) }
		for i := range all {
			create(t, k, "a", fmt.Sprintf("id-%03d", i), name(i))
		}
		var last, id string
		seen := map[string]bool{}
		for pages := 0; ; pages++ {
			n := 0
			for term, at := range k.InOrder("name=", last, id) {
				if term < last || seen[at] {
					t.Fatalf("%s of %s comes after %s", at, term, last)
				}
				seen[at], last, id = true, term, at
				if n++; n == 250 {
					break
				}
			}
			if n < 250 {
				break
			}
			must(t, k.Delete(within(t), id, nil)) // that on which the page ended
			create(t, k, "a", fmt.Sprintf("new-%d", pages), "0000")
		}
		if len(seen) != all {
			t.Errorf("saw %d of %d", len(seen), all)
		}
		var found []string
		for _, at := range k.InOrder("name=", "", "", "name="+name(3)) {
			found = append(found, at)
		}
		if !slices.Equal(found, []string{"id-003"}) {
			t.Errorf("having a term: %v", found)
		}
		for _, prefix := range []string{"", "none=", "\x00a"} {
			for term, at := range k.InOrder(prefix, "", "") {
				t.Errorf("%q finds %s of %s", prefix, at, term)
			}
		}
	})
}
