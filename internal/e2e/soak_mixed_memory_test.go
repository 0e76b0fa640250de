package e2e_test

import (
	"slices"
	"time"
)

const (
	// mixedRSS bounds the resident memory of a hub under this load, in bytes, in each second of
	// each process, beside one and a half times what is stored: 70 MB are pages of the program,
	// the heap may fill to one and a half times of what is in use, and the bus reads blocks of
	// what is stored into it.
	mixedRSS = 256 << 20
	// mixedEach is by how much memory may grow for each request that is acknowledged, in bytes:
	// an operation, a decision, an order, a certificate stays in the index of what there is. In
	// the run of docs/reliability.md it were 4.3 kB at rest, with what each led to.
	mixedEach = 5 << 10
	// mixedNoise is by how much of itself memory at rest may differ from one time to the
	// next, and mixedSwing that under load, where the collector is at a random point.
	mixedNoise, mixedSwing = 0.05, 0.10
	// mixedAge is the age of a process, in seconds, at which its memory is compared with that of
	// others.
	mixedAge = 8
	// mixedLives is how many processes a comparison of thirds needs.
	mixedLives = 20
)

// mixedRest is the memory of a hub that rests.
type mixedRest struct {
	rss, stored int64 // bytes
	done        int   // requests that were acknowledged before
}

// rest stops asking and waits as long as the hub needs to collect its heap and to give back what it
// does not use, which it does when nothing was collected for ten seconds.
func (m *mixed) rest() {
	m.t.Helper()
	<-time.After(m.size.rest) // nothing tells that a collector is done
	r := mixedRest{rss: m.rss(), stored: treeSize(m.t, m.file("bus")), done: m.times.count().done}
	m.rests = append(m.rests, r)
}

// checkMemory bounds the hub's memory in all processes, and wants it not to grow from the middle
// third of the run to the last: at rest, under load from one process to the next, and within the
// last process, which nobody killed. Thirds need the processes of the full size.
func (m *mixed) checkMemory() {
	m.t.Helper()
	most := int64(0)
	for _, l := range m.lives {
		for _, rss := range l.rss {
			if most = max(most, rss); rss > mixedRSS+3*l.stored/2 {
				m.t.Errorf("the hub had %d MB resident with %d MB stored; want at most %d and one and a half times what is stored", rss>>20, l.stored>>20, mixedRSS>>20)
			}
		}
	}
	if most == 0 {
		m.t.Error("memory was never looked at")
	}
	if len(m.lives) < mixedLives {
		m.t.Logf("%d processes: too few for a trend of memory; at most %d MB resident", len(m.lives), most>>20)
		return
	}
	if len(m.rests) != 3 {
		m.t.Fatalf("%d looks at rest, want one at the end of each third", len(m.rests))
	}
	last, before := m.rests[2], m.rests[1]
	m.flat("at rest", before.rss, last.rss, mixedNoise, last.done-before.done)
	rss, _ := m.aged()
	a, b := thirds(rss)
	m.flat("from one process to the next", a, b, mixedSwing, last.done-before.done)
	life := m.lives[len(m.lives)-1]
	a, b = thirds(life.rss)
	m.flat("within the last process", a, b, mixedSwing, life.done/3)
}

// flat compares the memory in the middle third with that in the last.
func (m *mixed) flat(what string, middle, last int64, noise float64, requests int) {
	m.t.Helper()
	allowed := int64(noise*float64(middle)) + mixedEach*int64(requests)
	if last-middle > allowed {
		m.t.Errorf("resident memory %s grew from %d MB in the middle third to %d MB in the last; want at most %d MB more", what, middle>>20, last>>20, allowed>>20)
	}
}

// thirds are the medians of the middle third and of the last third of a series.
func thirds(series []int64) (middle, last int64) {
	n := len(series) / 3
	if n == 0 {
		return 0, 0
	}
	of := func(part []int64) int64 {
		part = slices.Clone(part)
		slices.Sort(part)
		return part[len(part)/2]
	}
	return of(series[n : 2*n]), of(series[len(series)-n:])
}

// aged is the memory of each process that was killed, all at the same age, and what was stored
// at its end, in bytes.
func (m *mixed) aged() (rss, stored []int64) {
	for _, l := range m.lives[:len(m.lives)-1] {
		if len(l.rss) >= mixedAge {
			rss, stored = append(rss, l.rss[mixedAge-1]), append(stored, l.stored)
		}
	}
	return rss, stored
}
