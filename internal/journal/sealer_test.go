package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// run runs a sealer until the returned function is called, which gives its error.
func run(t *testing.T, s *Sealer) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() error { cancel(); return <-done }
}

// Each record is sealed within a second, in seals that fit to each other.
func TestSealsWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var oldest time.Duration
		s := w.sealer()
		s.Sealed = func(_ int, age time.Duration) { oldest = max(oldest, age) }
		stop := run(t, s)
		for i := range 40 {
			w.records.add("one", "two")
			time.Sleep(time.Duration(i*13) * time.Millisecond)
		}
		time.Sleep(time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if got := w.seals.size(t); got != 80 {
			t.Errorf("%d entries are sealed; want 80", got)
		}
		if oldest == 0 || oldest > time.Second {
			t.Errorf("a record was sealed after %s; want within a second", oldest)
		}
		if r := verify(t, w.key.Public(), w.export(t, Request{})); len(r.Findings) > 0 || r.Records != 80 {
			t.Errorf("report %+v; want 80 records and no finding", r)
		}
	})
}

// A sealer that is ended at any step of storing, before or after it took effect,
// is continued by the next: one tree, whatever the log was cut into.
func TestKillPoints(t *testing.T) {
	for _, stored := range []bool{false, true} {
		for nth := range 6 {
			t.Run(fmt.Sprintf("stored=%t/%d", stored, nth), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					at := 0
					w.seals.fail = func(is bool) error {
						if is == stored {
							if at++; at == nth+1 {
								return errBus
							}
						}
						return nil
					}
					for range 8 {
						stop := run(t, w.sealer())
						w.records.add("a", "b", "c")
						time.Sleep(time.Second)
						if err := stop(); err != nil && !errors.Is(err, errBus) {
							t.Fatal(err)
						}
					}
					stop := run(t, w.sealer())
					time.Sleep(time.Second)
					if err := stop(); err != nil {
						t.Fatal(err)
					}
					if r := verify(t, w.key.Public(), w.export(t, Request{})); len(r.Findings) > 0 || r.Size != 24 {
						t.Errorf("report %+v; want 24 entries and no finding", r)
					}
				})
			})
		}
	}
}

// Several sealers make one tree, and when the one that works ends, another one
// takes over.
func TestSealersShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var mu sync.Mutex
		by := map[int]int{}
		var stops []func() error
		for i := range 3 {
			s := w.sealer()
			s.Sealed = func(n int, _ time.Duration) { mu.Lock(); by[i] += n; mu.Unlock() }
			stops = append(stops, run(t, s))
		}
		busy := func() int {
			mu.Lock()
			defer mu.Unlock()
			best := 0
			for i, n := range by {
				if n > by[best] {
					best = i
				}
			}
			return best
		}
		for range 50 {
			w.records.add("x")
			time.Sleep(100 * time.Millisecond)
		}
		first := busy()
		if err := stops[first](); err != nil {
			t.Fatal(err)
		}
		before := by[first]
		for range 50 {
			w.records.add("y")
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * standby)
		for i, stop := range stops {
			if i == first {
				continue
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
		if by[first] != before || before < 40 {
			t.Errorf("the first sealer sealed %d of 50 records, and %d after its end", before, by[first]-before)
		}
		if r := verify(t, w.key.Public(), w.export(t, Request{})); len(r.Findings) > 0 || r.Size != 100 {
			t.Errorf("report %+v; want 100 entries and no finding", r)
		}
	})
}

// More than one seal takes is sealed in several, without waiting for more.
func TestSealsABacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range 10 {
			w.records.add(slices.Repeat([]string{"k"}, 300)...)
		}
		stop := run(t, w.sealer())
		time.Sleep(time.Second)
		if err := stop(); err != nil || w.seals.size(t) != 3000 {
			t.Errorf("%d entries are sealed, error %v; want 3000", w.seals.size(t), err)
		}
	})
}

// A sealer does not go on when its end of the tree, its key or the records are
// not what they were.
func TestRefusesToGoOn(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, w *world)
		want   string
	}{
		"record altered": {func(_ *testing.T, w *world) {
			w.records.tamper(func(l []Batch) []Batch { l[5].Lines[0] = []byte(`{"id":"r6-0","kind":"other"}`); return l })
		}, "is not what was sealed"},
		"records lost": {func(_ *testing.T, w *world) {
			w.records.tamper(func(l []Batch) []Batch { return l[:4] })
		}, "the records end with message 4"},
		"record dropped": {func(_ *testing.T, w *world) {
			w.records.add("late")
			w.records.tamper(func(l []Batch) []Batch { return slices.Delete(l, 5, 6) })
		}, "comes after message 5"},
		"seal altered": {func(_ *testing.T, w *world) {
			w.seals.raw[2] = []byte(strings.Replace(string(w.seals.raw[2]), `"kind":"k"`, `"kind":"j"`, 1))
		}, "does not fit"},
		"seal unreadable":        {func(_ *testing.T, w *world) { w.seals.raw[2] = []byte("{") }, "read seal"},
		"seal before unreadable": {func(_ *testing.T, w *world) { w.seals.raw[1] = []byte("{") }, "seal 2"},
		"seal before exchanged":  {func(_ *testing.T, w *world) { w.seals.raw[1] = w.seals.raw[0] }, "two different trees"},
		"first seal gone":        {func(_ *testing.T, w *world) { w.seals.raw = w.seals.raw[2:] }, "does not begin with the first entry"},
		"another key":            {func(t *testing.T, w *world) { w.key = newTestKey(t, "north") }, "checkpoint"},
		"key of another domain":  {func(t *testing.T, w *world) { w.key = newTestKey(t, "south") }, "checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for range 6 {
				w.records.add("k")
			}
			w.sealAll(t, 2)
			c.change(t, w)
			err := w.sealer().Run(t.Context())
			var damage *Damage
			if !errors.As(err, &damage) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run = %v; want damage that says %q", err, c.want)
			}
		})
	}
}

// What one sealer has seen must stay when another one goes on.
func TestSeesSealsGoBack(t *testing.T) {
	w := newWorld(t)
	w.records.add("a")
	w.records.add("b")
	w.sealAll(t, 1)
	s := w.sealer()
	if err := s.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.seals.raw = w.seals.raw[:1]
	var damage *Damage
	if err := s.load(t.Context()); !errors.As(err, &damage) {
		t.Errorf("load = %v; want damage", err)
	}
}

// A bus that fails ends a run with its own error, which is no damage.
func TestBusFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.seals.fail = func(bool) error { return errBus }
		w.records.add("a")
		err := w.sealer().Run(t.Context())
		var damage *Damage
		if !errors.Is(err, errBus) || errors.As(err, &damage) {
			t.Errorf("Run = %v; want the error of the bus", err)
		}
	})
}

// BenchmarkSeal is the work of sealing a record, in seals of 100, on a tree that has
// a million records already.
func BenchmarkSeal(b *testing.B) {
	key := newTestKey(b, "north")
	tree := trees.NewEmptyRange(0)
	for i := range 1_000_000 {
		if err := tree.Append(Entry{Sequence: uint64(i)}.hash(), nil); err != nil {
			b.Fatal(err)
		}
	}
	l := newRecordLog()
	l.add(slices.Repeat([]string{"sm.decision"}, 100)...)
	list, _ := l.snapshot()
	bytes := 0
	for b.Loop() {
		s, err := newSeal(key, tree, list[0].entries())
		if err != nil {
			b.Fatal(err)
		}
		raw, err := s.encode()
		if err != nil {
			b.Fatal(err)
		}
		bytes = len(raw)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/record")
	b.ReportMetric(float64(bytes)/100, "bytes/record")
}
