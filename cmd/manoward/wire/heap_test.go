package wire

import (
	"context"
	"runtime/debug"
	"testing"
	"testing/synctest"
)

// A small heap grows as the runtime has it, a larger one less, and none less than by half.
func TestHeap_Percent(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 10 << 20: 100, 48 << 20: 100, 60 << 20: 60, 64 << 20: 50, 90 << 20: 50, 96 << 20: 50, 2 << 30: 50} {
		if got := heapPercent(live); got != want {
			t.Errorf("%d MB in use: grows by %d %%, want %d", live>>20, got, want)
		}
	}
}

// The setting changes only by steps that are worth it.
func TestHeap_Steps(t *testing.T) {
	k := heapKeeper{percent: heapUsual}
	for n, step := range []struct {
		live uint64
		want int
	}{{40 << 20, 100}, {60 << 20, 60}, {59 << 20, 60}, {61 << 20, 60}, {80 << 20, 50}, {40 << 20, 100}} {
		if got, _ := k.look(heapSeen{live: step.live, cycles: uint64(n)}); got != step.want {
			t.Errorf("look %d: %d %%, want %d", n, got, step.want)
		}
	}
}

// Memory is given back once a process that has worked rests, and not again before it has
// worked again; one that works collects by itself.
func TestHeap_Rest(t *testing.T) {
	k := heapKeeper{percent: heapUsual}
	released := func(s heapSeen, looks int) (n int) {
		for range looks {
			if _, release := k.look(s); release {
				n++
				s.cycles += 3 // that is what it does
			}
		}
		return n
	}
	worked := heapSeen{allocated: 100 << 20, cycles: 1}
	if n := released(worked, heapRest); n != 0 {
		t.Errorf("released %d times before it rested", n)
	}
	if n := released(worked, 5*heapRest); n != 1 {
		t.Errorf("released %d times at rest, want once", n)
	}
	for n := range uint64(5 * heapRest) {
		if _, release := k.look(heapSeen{allocated: (200 + n) << 20, cycles: 10 + n}); release {
			t.Fatal("released while the collector was at work")
		}
	}
	little := heapSeen{allocated: 100<<20 + heapWaste - 1, cycles: 100}
	if n := released(little, 5*heapRest); n != 0 {
		t.Errorf("released %d times for next to nothing", n)
	}
	little.allocated++
	if n := released(little, 5*heapRest); n != 1 {
		t.Errorf("released %d times for %d bytes, want once", n, heapWaste)
	}
}

// While a start reads, the heap grows less, but for a small one: until the process rests for
// the first time, or for so many looks.
func TestHeap_Start(t *testing.T) {
	begin := func() heapKeeper { return heapKeeper{percent: heapUsual, young: heapYoung} }
	k := begin()
	for n, step := range []struct {
		live uint64
		want int
	}{{8 << 20, 100}, {heapSmall, heapLeast}, {heapSmall + 1, heapFirst}, {200 << 20, heapFirst}} {
		if got, _ := k.look(heapSeen{live: step.live, cycles: uint64(n)}); got != step.want {
			t.Errorf("%d MB in use: %d %%, want %d", step.live>>20, got, step.want)
		}
	}
	seen := heapSeen{live: 200 << 20, allocated: 100 << 20, cycles: 10}
	for released := false; !released; {
		_, released = k.look(seen)
	}
	if got, _ := k.look(seen); got != heapLeast {
		t.Errorf("after the first rest %d %%, want %d", got, heapLeast)
	}
	k = begin()
	for n := range uint64(heapYoung) {
		if got, _ := k.look(heapSeen{live: 200 << 20, cycles: n}); got != heapFirst {
			t.Fatalf("look %d: %d %%, want %d", n, got, heapFirst)
		}
	}
	if got, _ := k.look(heapSeen{live: 200 << 20, cycles: heapYoung}); got != heapLeast {
		t.Errorf("without a rest %d %% in the end, want %d", got, heapLeast)
	}
}

// What an operator has set stays, and what a hub has set ends with it.
func TestHeap_Setting(t *testing.T) {
	for _, was := range []int{250, heapUsual} {
		before := debug.SetGCPercent(was)
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); keepHeap(ctx) }()
			synctest.Wait()
			cancel()
			<-ended
		})
		if is := debug.SetGCPercent(before); is != was {
			t.Errorf("%d %% became %d", was, is)
		}
	}
}
