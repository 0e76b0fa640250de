package wire

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Go lets the heap grow to twice of what was in use at the last collection, and
// collects nothing while nothing is asked for. Both are dear here: half of a hub's
// heap can be blocks of the bus that were read once, which only a collection gives
// back, and most of what a start has read is never read again.
const (
	// heapSmall is the size, in bytes, up to which a heap may be filled with garbage
	// to twice of what is in use. Above it the collector works harder.
	heapSmall = 96 << 20
	// heapUsual is the runtime's own setting, in percent of what is in use, and
	// heapLeast the hardest: a larger heap is filled to one and a half times.
	heapUsual, heapLeast = 100, 50
	// heapFirst is the setting while a start reads what it keeps, of a heap that is not
	// small. Go never moves what is
	// in use: what stays lies among the garbage of its time, and keeps the pages of that
	// from being given back. What the heap grows to here is what it is at rest.
	// heapYoung is how many looks this may last, in a hub that does not come to rest.
	heapFirst, heapYoung = 25, 300
	// heapStep is the least change of the setting that is made: each stops the
	// program for a moment.
	heapStep = 5
	// heapLook is the time between two looks, and heapRest how many of them without a
	// collection make a process that rests.
	heapLook, heapRest = time.Second, 10
	// heapWaste is what must have been allocated since, in bytes, for a collection
	// at rest.
	heapWaste = 8 << 20
)

// heapSeen is what the runtime says of the heap.
type heapSeen struct {
	live      uint64 // bytes in use after the last collection
	allocated uint64 // bytes, ever
	cycles    uint64 // collections, ever
}

// heapKeeper decides when the heap is collected.
type heapKeeper struct {
	percent   int    // as it is set
	cycles    uint64 // at the last look
	young     int    // looks that are left of the start
	quiet     int    // looks without a collection
	collected uint64 // bytes allocated up to the last collection that this asked for
}

// look returns the percentage by which the heap may grow, and whether memory is to
// be given back now.
func (k *heapKeeper) look(s heapSeen) (percent int, release bool) {
	p := heapPercent(s.live)
	if k.young > 0 {
		k.young--
		if s.live > heapSmall {
			p = heapFirst
		}
	}
	if p-k.percent >= heapStep || k.percent-p >= heapStep {
		k.percent = p
	}
	if s.cycles != k.cycles {
		k.cycles, k.quiet = s.cycles, 0
		return k.percent, false
	}
	if k.quiet++; k.quiet < heapRest || s.allocated-k.collected < heapWaste {
		return k.percent, false
	}
	k.collected, k.young = s.allocated, 0
	return k.percent, true
}

// heapPercent is by how much a heap of which so many bytes are in use may grow.
func heapPercent(live uint64) int {
	if live >= heapSmall {
		return heapLeast
	}
	return max(heapLeast, min(heapUsual, int(100*(heapSmall-live)/max(live, 1))))
}

// keepHeap keeps the memory of the process near what it uses, until ctx ends. An
// operator who has set GOGC has decided otherwise.
func keepHeap(ctx context.Context) {
	if was := debug.SetGCPercent(heapUsual); was != heapUsual {
		debug.SetGCPercent(was)
		return
	}
	defer debug.SetGCPercent(heapUsual)
	k := heapKeeper{percent: heapUsual, young: heapYoung}
	for tick := time.NewTicker(heapLook); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		was := k.percent
		percent, release := k.look(readHeap())
		if percent != was {
			debug.SetGCPercent(percent)
		}
		if release {
			releaseMemory()
		}
	}
}

func readHeap() heapSeen {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(s)
	return heapSeen{live: s[0].Value.Uint64(), allocated: s[1].Value.Uint64(), cycles: s[2].Value.Uint64()}
}

// releaseMemory gives back to the system what is not used: after a start it is as
// much again as what is kept, and would be given back only after minutes. The
// first collection frees what weak pointers hold, such as blocks of the embedded
// bus, into pools; a pool is empty at the second one after that.
func releaseMemory() {
	runtime.GC()
	runtime.GC()
	debug.FreeOSMemory()
}
