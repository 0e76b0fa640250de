package state_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/testbus"
)

const (
	few   = 100
	many  = 50_000
	opens = 8
)

// BenchmarkInventory compares the cost of each operation with 100 resources of
// 2 KB and with 50,000 in one table of an embedded bus, taken in one run in
// turns; "x" is the ratio, to be below 1.5. It also tells what it takes to open
// the large table: the best of several.
func BenchmarkInventory(b *testing.B) {
	tables := testbus.Open(b, b.TempDir(), "a").Tables()
	stock(b, tables, "FEW", few)
	stock(b, tables, "MANY", many)
	_, small, _ := timedOpen(b, tables, "FEW")
	before := heap()
	_, large, best := timedOpen(b, tables, "MANY")
	each := (heap() - before) / many
	for range opens {
		space, _, took := timedOpen(b, tables, "MANY")
		best = min(best, took)
		space.Remove("a")
	}
	b.Logf("opened %d in %v; %d bytes of memory for each", many, best, each)
	ctx := b.Context()
	for name, op := range map[string]func(k *state.Kind[thing], n int) error{
		"Get":    func(k *state.Kind[thing], n int) error { _, err := k.Get(ctx, benchID(n)); return err },
		"Find":   func(k *state.Kind[thing], n int) error { return findOften(k, n) },
		"Update": func(k *state.Kind[thing], n int) error { return bump(ctx, k, benchID(n)) },
		"Page": func(k *state.Kind[thing], _ int) error {
			n := 0
			for _, err := range k.List(ctx, everything, "") {
				if n++; err != nil || n == 50 {
					return err
				}
			}
			return nil
		},
	} {
		b.Run(name, func(b *testing.B) {
			var inFew, inMany time.Duration
			i := 0
			for b.Loop() {
				inFew += lasted(b, func() error { return op(small, i%few) })
				inMany += lasted(b, func() error { return op(large, i*7919%many) })
				i++
			}
			b.ReportMetric(float64(inMany.Nanoseconds())/float64(i), "ns/many")
			b.ReportMetric(inMany.Seconds()/inFew.Seconds(), "x")
		})
	}
}

func benchID(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }

// findOften is 100 look-ups: one is too short for the clock.
func findOften(k *state.Kind[thing], n int) error {
	for range 100 {
		if err := found(k.Find("name=" + benchID(n))); err != nil {
			return err
		}
	}
	return nil
}

func found(ids []string) error {
	if len(ids) != 1 {
		return fmt.Errorf("found %v", ids)
	}
	return nil
}

func bump(ctx context.Context, k *state.Kind[thing], id string) error {
	_, err := k.Update(ctx, id, func(v *thing) error { v.Count++; return nil })
	return err
}

func lasted(b *testing.B, f func() error) time.Duration {
	begun := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begun)
}

// stock fills a table with n resources of some 2 KB.
func stock(b *testing.B, tables state.Tables, name string, n int) {
	s := state.New(tables, name, quiet())
	k := state.NewKind(s, "thing", byName)
	open(b, s, "a")
	fill := strings.Repeat("x", 2000)
	next := make(chan int)
	var writers sync.WaitGroup
	for range 64 {
		writers.Go(func() {
			for i := range next {
				if _, err := k.Create(b.Context(), "a", benchID(i), &thing{Name: benchID(i), Fill: fill}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	writers.Wait()
	s.Remove("a")
}

func timedOpen(b *testing.B, tables state.Tables, name string) (*state.Space, *state.Kind[thing], time.Duration) {
	s := state.New(tables, name, quiet())
	k := state.NewKind(s, "thing", byName)
	begun := time.Now()
	open(b, s, "a")
	took := time.Since(begun)
	if k.Len() == 0 {
		b.Fatal("nothing there")
	}
	return s, k, took
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
