package state_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// What is promised is found, listed and read before it is stored, and is the same
// afterwards; another process sees it then.
func TestPromise(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, tables state.Tables) {
		_, k := opened(t, tables, "a")
		if err := k.Promise(within(t), "a", "1", &thing{Name: "edge", Count: 1}); err != nil {
			t.Fatal(err)
		}
		seen := func(revised bool) {
			t.Helper()
			for what, get := range map[string]func() (state.Entry[thing], error){
				"Get": func() (state.Entry[thing], error) { return k.Get(within(t), "1") }, "GetIn": func() (state.Entry[thing], error) { return k.GetIn(within(t), "a", "1") },
			} {
				if e, err := get(); err != nil || e.Value.Count != 1 || (e.Revision > 0) != revised {
					t.Errorf("%s: %+v %v", what, e, err)
				}
			}
			if domain, ok := k.Domain("1"); domain != "a" || !ok || k.Len() != 1 || !slices.Equal(k.Find("name=edge"), []string{"1"}) || k.Promised("1") == revised {
				t.Errorf("%s %v, %d there, found %v, promised %v", domain, ok, k.Len(), k.Find("name=edge"), k.Promised("1"))
			}
			n := 0
			for e, err := range k.List(within(t), func(string) bool { return true }, "") {
				if n++; err != nil || e.ID != "1" {
					t.Errorf("listed %+v %v", e, err)
				}
			}
			if n != 1 {
				t.Errorf("%d are listed", n)
			}
		}
		seen(false)
		if _, err := k.Create(within(t), "a", "1", &thing{}); hub.CodeOf(err) != hub.Conflict {
			t.Errorf("created beside its promise: %v", err)
		}
		for range 2 {
			if err := k.Keep(within(t), "a", "1"); err != nil {
				t.Fatal(err)
			}
			seen(true)
		}
		_, other := opened(t, tables, "a")
		if e, err := other.Get(within(t), "1"); err != nil || e.Value.Name != "edge" {
			t.Errorf("another process has %+v %v", e, err)
		}
		if err := k.Promise(within(t), "a", "1", &thing{Count: 2}); err != nil || k.Promised("1") {
			t.Errorf("what is there was promised: %v", err)
		}
	})
}

// A change of what is promised waits until it is stored, also when another process
// stores it, and changes it, first.
func TestPromise_Changed(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]func(t *testing.T, k, other *state.Kind[thing]){
		"kept": func(t *testing.T, k, _ *state.Kind[thing]) {
			if err := k.Keep(within(t), "a", "1"); err != nil {
				t.Error(err)
			}
		},
		"by another": func(t *testing.T, _, other *state.Kind[thing]) {
			if _, err := other.Create(within(t), "a", "1", &thing{Name: "edge", Count: 10}); err != nil {
				t.Error(err)
			}
		},
		"kept, by another before": func(t *testing.T, k, other *state.Kind[thing]) {
			if _, err := other.Create(within(t), "a", "1", &thing{Name: "edge", Count: 10}); err != nil {
				t.Error(err)
			}
			if err := k.Keep(within(t), "a", "1"); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tables := &memstate.Bus{}
			_, k := opened(t, tables, "a")
			_, other := opened(t, tables, "a")
			if err := k.Promise(within(t), "a", "1", &thing{Name: "edge", Count: 1}); err != nil {
				t.Fatal(err)
			}
			var looked atomic.Int32
			done := make(chan error, 1)
			go func() {
				_, err := k.Update(within(t), "1", func(v *thing) error { looked.Add(1); v.Count++; return nil })
				done <- err
			}()
			eventually(t, "the change has read what is promised", func() bool { return looked.Load() > 0 })
			keep(t, k, other)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			want := 2
			if name != "kept" {
				want = 11
			}
			if e, err := k.Get(within(t), "1"); err != nil || e.Value.Count != want || k.Promised("1") {
				t.Errorf("%+v %v", e, err)
			}
		})
	}
}

// A promise that cannot be kept yet stays one, and who changes it is told so when its
// time is over; with its trust domain it goes.
func TestPromise_Unkept(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	s, k := opened(t, &memstate.Bus{Fail: func(_, _, key string) error {
		if key == "thing/1" {
			return hub.E(hub.Unavailable, "write", "no", full)
		}
		return nil
	}}, "a")
	if err := k.Promise(within(t), "a", "1", &thing{Name: "edge"}); err != nil {
		t.Fatal(err)
	}
	if err := k.Keep(within(t), "a", "1"); !errors.Is(err, full) || !k.Promised("1") {
		t.Errorf("kept: %v", err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := k.Update(gone, "1", func(*thing) error { return nil }); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("changed: %v", err)
	}
	if err := k.Delete(gone, "1", nil); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("deleted: %v", err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := k.Update(within(t), "1", func(*thing) error { return nil })
		done <- err
	}()
	s.Remove("a")
	if err := <-done; hub.CodeOf(err) != hub.NotFound && hub.CodeOf(err) != hub.Precondition {
		t.Errorf("changed after its trust domain went: %v", err)
	}
}
