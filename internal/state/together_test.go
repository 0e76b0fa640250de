package state_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/internal/testkit/testbus"
)

// onAlone is onBoth for tables that no other process writes to.
func onAlone(t *testing.T, test func(t *testing.T, tables state.Tables)) {
	t.Run("memory", func(t *testing.T) { test(t, &memstate.Bus{Alone: true}) })
	t.Run("bus", func(t *testing.T) { test(t, testbus.Open(t, t.TempDir(), "a", "b").Tables()) })
}

// createMany creates many resources at once.
func createMany(t *testing.T, k *state.Kind[thing], many int) {
	t.Helper()
	var all sync.WaitGroup
	for n := range many {
		all.Go(func() {
			e, err := k.CreateTogether(within(t), "a", fmt.Sprint(n), &thing{Name: "edge", Count: n, Fill: strings.Repeat("x", 500)})
			if err != nil || e.Revision == 0 || e.Value.Count != n {
				t.Errorf("%+v %v", e, err)
			}
			// Who created it reads it at once.
			if e, err := k.Get(within(t), fmt.Sprint(n)); err != nil || e.Value.Count != n {
				t.Errorf("read back: %+v %v", e, err)
			}
		})
	}
	all.Wait()
}

// What is created at once shares messages, and is read and found as any other, after a
// restart too.
func TestCreateTogether(t *testing.T) {
	t.Parallel()
	onAlone(t, func(t *testing.T, tables state.Tables) {
		const many = 300
		_, k := opened(t, tables, "a")
		createMany(t, k, many)
		if n := len(keys(t, tables)); n == 0 || n > many/2 {
			t.Errorf("%d messages", n)
		}
		_, again := opened(t, tables, "a")
		for _, k := range []*state.Kind[thing]{k, again} {
			if k.Len() != many || len(k.Find("name=edge")) != many {
				t.Errorf("%d there, %d found", k.Len(), len(k.Find("name=edge")))
			}
			for n := range many {
				if e, err := k.GetIn(within(t), "a", fmt.Sprint(n)); err != nil || e.Value.Count != n || e.Revision == 0 {
					t.Fatalf("%d: %+v %v", n, e, err)
				}
			}
			_, err := k.CreateTogether(within(t), "a", "7", &thing{})
			wantCode(t, err, hub.Conflict)
			_, err = k.Create(within(t), "a", "7", &thing{})
			wantCode(t, err, hub.Conflict)
			_, err = k.Update(within(t), "7", func(v *thing) error { v.Count = 1; return nil })
			wantCode(t, err, hub.Internal)
		}
	})
}

// Of many who create one ID at once, one does.
func TestCreateTogether_One(t *testing.T) {
	t.Parallel()
	onAlone(t, func(t *testing.T, tables state.Tables) {
		_, k := opened(t, tables, "a")
		for n := range 20 {
			var made atomic.Int32
			var count atomic.Int64
			var all sync.WaitGroup
			for who := range 8 {
				all.Go(func() {
					_, err := k.CreateTogether(within(t), "a", fmt.Sprint(n), &thing{Count: who})
					if err == nil {
						made.Add(1)
						count.Store(int64(who))
					} else if hub.CodeOf(err) != hub.Conflict {
						t.Error(err)
					}
					if _, err := k.Get(within(t), fmt.Sprint(n)); err != nil {
						t.Error("who lost does not find it:", err)
					}
				})
			}
			all.Wait()
			if e, err := k.Get(within(t), fmt.Sprint(n)); err != nil || made.Load() != 1 || e.Value.Count != int(count.Load()) {
				t.Errorf("%d made it, %d last; it is %+v %v", made.Load(), count.Load(), e, err)
			}
		}
	})
}

// What is deleted is gone, and its message with the last of it. A restart in between
// shows it again, and it can be deleted again.
func TestCreateTogether_Delete(t *testing.T) {
	t.Parallel()
	onAlone(t, func(t *testing.T, tables state.Tables) {
		const many = 100
		_, k := opened(t, tables, "a")
		createMany(t, k, many)
		for n := range many / 2 {
			must(t, k.Delete(within(t), fmt.Sprint(n), nil))
			wantCode(t, k.Delete(within(t), fmt.Sprint(n), nil), hub.NotFound)
		}
		if k.Len() != many/2 {
			t.Errorf("%d are left", k.Len())
		}
		_, again := opened(t, tables, "a")
		if n := again.Len(); n < many/2 || n > many {
			t.Errorf("%d are left after a restart", n)
		}
		for n := range many {
			if err := again.Delete(within(t), fmt.Sprint(n), nil); err != nil && (n >= many/2 || hub.CodeOf(err) != hub.NotFound) {
				t.Error(err)
			}
		}
		if list := keys(t, tables); len(list) > 0 || again.Len() > 0 || len(again.Find("name=edge")) > 0 {
			t.Errorf("%v and %d resources are left", list, again.Len())
		}
		_, err := again.Get(within(t), "1")
		wantCode(t, err, hub.NotFound)
		if e, err := again.CreateTogether(within(t), "a", "1", &thing{Count: 7}); err != nil || e.Value.Count != 7 {
			t.Errorf("made again: %+v %v", e, err)
		}
	})
}

// A kind whose keys would be read as messages of several resources is none: such as the
// placement groups of the VIM when these messages were called so too.
func TestNewKind_Reserved(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"pack", strings.TrimSuffix(state.Groups, "/"), "group"} {
		t.Run(prefix, func(t *testing.T) {
			reserved := prefix != "group"
			defer func() {
				if is := recover(); (is != nil) != reserved {
					t.Errorf("%v", is)
				}
			}()
			bus := &memstate.Bus{Alone: true}
			s := state.New(bus, "THINGS", quiet())
			k := state.NewKind(s, prefix, byName)
			open(t, s, "a")
			e, err := k.Create(within(t), "a", "1", &thing{Name: "edge"})
			must(t, err)
			must(t, k.Reflected(within(t), e))
			must(t, s.Check(within(t)))
			if found := k.Find("name=edge"); len(found) != 1 {
				t.Errorf("found %v", found)
			}
		})
	}
}

// Where others write too, each has its own key, and what was created together before is
// there.
func TestCreateTogether_Shared(t *testing.T) {
	t.Parallel()
	bus := &memstate.Bus{Alone: true}
	_, before := opened(t, bus, "a")
	createMany(t, before, 10)
	bus.Alone = false
	_, mine := opened(t, bus, "a")
	_, theirs := opened(t, bus, "a")
	if _, err := mine.CreateTogether(within(t), "a", "new", &thing{Name: "edge"}); err != nil {
		t.Fatal(err)
	}
	if list := keys(t, bus); list[len(list)-1] != "thing/new" {
		t.Errorf("the table holds %v", list)
	}
	for n := range 10 {
		must(t, mine.Delete(within(t), fmt.Sprint(n), nil))
	}
	eventually(t, "others know that all is gone", func() bool { return theirs.Len() == 1 && len(theirs.Find("name=edge")) == 1 })
}

// lossy are tables whose creations fail: without effect, or after it.
type lossy struct {
	*memstate.Bus
	fails atomic.Int32 // creations
	after atomic.Bool
	code  hub.Code
}

func (l *lossy) Open(ctx context.Context, domain, name string) (state.Table, error) {
	t, err := l.Bus.Open(ctx, domain, name)
	return lossyTable{t, l}, err
}

type lossyTable struct {
	state.Table
	of *lossy
}

func (t lossyTable) Sole() bool { return true }

func (t lossyTable) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	if t.of.fails.Add(-1) < 0 {
		return t.Table.Create(ctx, key, value)
	}
	if t.of.after.Load() {
		if _, err := t.Table.Create(ctx, key, value); err != nil {
			return 0, err
		}
	}
	return 0, hub.E(t.of.code, "create key", "it is not known", nil)
}

// When it is not known whether something was stored, the first that was made is what
// counts for whoever makes it again; what is known not to be stored can be made anew.
func TestCreateTogether_Unsure(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		code  hub.Code
		after bool
		again hub.Code // of who makes it again
		count int
	}{
		{"it was not stored", hub.Unavailable, false, hub.Conflict, 1},
		{"it was stored", hub.Unavailable, true, hub.Conflict, 1},
		{"it was refused", hub.Invalid, false, "", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			tables := &lossy{Bus: &memstate.Bus{Alone: true}, code: test.code}
			tables.after.Store(test.after)
			_, k := opened(t, tables, "a")
			tables.fails.Store(1)
			_, err := k.CreateTogether(within(t), "a", "1", &thing{Count: 1})
			wantCode(t, err, test.code)
			if _, err := k.CreateTogether(within(t), "a", "2", &thing{Count: 2}); err != nil {
				t.Error("what comes next is not stored:", err)
			}
			_, err = k.CreateTogether(within(t), "a", "1", &thing{Count: 2})
			wantCode(t, err, test.again)
			_, restarted := opened(t, tables, "a")
			for _, k := range []*state.Kind[thing]{k, restarted} {
				if e, err := k.GetIn(within(t), "a", "1"); err != nil || e.Value.Count != test.count || k.Len() != 2 {
					t.Errorf("%+v %v, %d there", e, err, k.Len())
				}
			}
		})
	}
}

// As long as nothing is stored, everybody is told so, and all can be made once it is.
func TestCreateTogether_Down(t *testing.T) {
	t.Parallel()
	tables := &lossy{Bus: &memstate.Bus{Alone: true}, code: hub.Unavailable}
	_, k := opened(t, tables, "a")
	tables.fails.Store(1 << 20)
	for range 3 {
		for n := range 5 {
			_, err := k.CreateTogether(within(t), "a", fmt.Sprint(n), &thing{Count: n})
			wantCode(t, err, hub.Unavailable)
		}
	}
	tables.fails.Store(0)
	for n := range 5 {
		_, err := k.CreateTogether(within(t), "a", fmt.Sprint(n), &thing{Count: n})
		if err != nil && hub.CodeOf(err) != hub.Conflict {
			t.Error(err)
		}
		if e, err := k.Get(within(t), fmt.Sprint(n)); err != nil || e.Value.Count != n {
			t.Errorf("%+v %v", e, err)
		}
	}
	if k.Len() != 5 {
		t.Errorf("%d are there", k.Len())
	}
}
