package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr/intake"
)

const (
	// floodFactor is how many times the sustainable rate is offered, as far as the
	// machine lets one process send so much.
	floodFactor = 20
	// floodRSS bounds the memory of the hub in a flood, in bytes.
	floodRSS = 400 << 20
)

// floodFor is how long the flood lasts: 3 s, or 30 s with MANOWARD_SOAK.
func floodFor() time.Duration { return time.Duration(soak(3)) * time.Second }

// A flood of the NFVO, twenty times what is sustainable, is taken or refused with
// 429 or 503 and Retry-After, and recorded as an alarm; memory stays bounded, and
// the events of the VIM and those of another Security Manager go on. The hub is
// killed with 100 events undecided, 1,000 with MANOWARD_SOAK; everything that was
// acknowledged is decided once.
func TestSoak_SmFlood(t *testing.T) {
	t.Parallel()
	d := newSMDouble(t, 1, []string{"north", "south"})
	f := &smFlood{smDouble: d, t: t, lcm: d.notifier("north", hub.ScOrNsLcm), vi: d.notifier("north", hub.ScViTelem), acked: map[string]bool{}}
	for n := range 4 { // few: the events of each are decided one after the other
		f.nss = append(f.nss, d.createNs("north", fmt.Sprintf("edge-%d", n)))
	}
	eventually(t, "the Security Manager takes the test for its NFVO", patience, func() bool { return f.one(t.Context()) == http.StatusNoContent })
	rate := f.sustainable()

	beside, other := smGoOn(t, f.vi), smGoOn(t, d.notifier("south", hub.ScViTelem))
	f.flood(rate)
	taken, south := beside.end(), other.end()
	f.besideDecided(taken)
	undecided := f.pileUp(soak(100))
	d.kill()
	t.Logf("killed with %d events undecided", undecided)
	d.start()
	d.smReady()
	for _, id := range taken {
		f.acked[f.vi.eventID(d.sms["north"], id)] = true
	}
	f.allDecided()
	events := d.smDecisions("south", nil)
	vi := d.notifier("south", hub.ScViTelem)
	for _, id := range south {
		if n := events[vi.eventID(d.sms["south"], id)]; n != 1 {
			t.Errorf("event %s of the other Security Manager was decided %d times", id, n)
		}
	}
	for _, o := range []string{"north", "south"} {
		if list := smRecordsOf[intake.RefusedRecord](d.nsHub, o, intake.KindRefused); (len(list) > 0) != (o == "north") || len(list) > 20 {
			t.Errorf("%d alarms in the trust domain %s: %+v", len(list), o, list)
		}
	}
}

// smFlood is one run of the test.
type smFlood struct {
	*smDouble
	t       *testing.T
	lcm, vi *smNotifier
	nss     []string
	number  atomic.Int64

	mu    sync.Mutex // covers acked
	acked map[string]bool
}

// one sends the next notification, and returns the status.
func (f *smFlood) one(ctx context.Context) int {
	n := f.number.Add(1)
	id := fmt.Sprintf("flood-%d", n)
	got, err := f.lcm.send(ctx, f.lcm.operation(id, f.nss[n%int64(len(f.nss))], "op-"+id, "PROCESSING", time.Now()))
	switch {
	case err != nil:
		f.t.Errorf("a notification in a flood: %v", err)
		return 0
	case got.status == http.StatusNoContent:
		f.mu.Lock()
		f.acked[f.lcm.eventID(f.sms["north"], id)] = true
		f.mu.Unlock()
	case got.status != http.StatusTooManyRequests && got.status != http.StatusServiceUnavailable, got.header.Get("Retry-After") == "":
		f.t.Errorf("a notification in a flood is answered %d, Retry-After %q: %.200s", got.status, got.header.Get("Retry-After"), got.body)
	}
	return got.status
}

// decidedHere is how many events this start of the hub has decided on operations.
func (f *smFlood) decidedHere() float64 {
	return f.smMetric("manoward_sm_decisions_total", "trust_domain", "north", "kind", string(hub.EventNsOperation))
}

// sustainable measures how many events a second are taken in and decided.
func (f *smFlood) sustainable() float64 {
	f.t.Helper()
	const events = 400
	before, began := f.decidedHere(), time.Now()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range events / 16 {
				f.one(f.t.Context())
			}
		})
	}
	all.Wait()
	eventually(f.t, "the measured events are decided", patience, func() bool { return f.decidedHere() >= before+events })
	rate := events / time.Since(began).Seconds()
	f.t.Logf("sustainable: %.0f events/s", rate)
	return rate
}

// flood offers many times the rate and logs what became of it.
func (f *smFlood) flood(rate float64) {
	f.t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(f.t.Context(), floodFor())
	defer cancel()
	var offered, took, refused atomic.Int64
	var all sync.WaitGroup
	for range 96 {
		all.Go(func() {
			for ctx.Err() == nil {
				if ahead := float64(offered.Add(1)) - floodFactor*rate*time.Since(began).Seconds(); ahead > 0 {
					if waitFor(ctx, time.Duration(ahead/(floodFactor*rate)*float64(time.Second))) != nil {
						return
					}
				}
				switch f.one(f.t.Context()) {
				case http.StatusNoContent:
					took.Add(1)
				default:
					refused.Add(1)
				}
			}
		})
	}
	most := f.rss()
	for tick := time.NewTicker(50 * time.Millisecond); ctx.Err() == nil; <-tick.C {
		most = max(most, f.rss())
	}
	all.Wait()
	most = max(most, f.rss())
	seconds := time.Since(began).Seconds()
	f.t.Logf("flood: %.0f/s offered (%.1f times the sustainable rate) for %.1f s; %d taken, %d refused; at most %d MiB resident",
		float64(took.Load()+refused.Load())/seconds, float64(took.Load()+refused.Load())/seconds/rate, seconds, took.Load(), refused.Load(), most>>20)
	if most > floodRSS {
		f.t.Errorf("the hub had %d MiB resident; want at most %d", most>>20, floodRSS>>20)
	}
	if refused.Load() == 0 {
		f.t.Error("nothing of the flood was refused")
	}
}

// pileUp sends until at least so many events wait that were acknowledged, and
// returns how many do. A hub that decides as fast as it takes in has no queue after
// a flood; so all are now of one NS, whose events are decided one after the other
// while dozens are taken in at once.
func (f *smFlood) pileUp(want int) int {
	f.t.Helper()
	f.nss = f.nss[:1]
	for began := time.Now(); ; {
		var wave sync.WaitGroup
		for range 48 {
			wave.Go(func() {
				for range 4 {
					f.one(f.t.Context())
				}
			})
		}
		wave.Wait()
		undecided := len(f.acked) - int(f.decidedHere())
		if undecided >= want {
			return undecided
		}
		if limit := time.Duration(soak(1)) * patience; time.Since(began) > limit {
			f.t.Fatalf("%d events wait after %s in which 48 clients sent; want %d at least", undecided, limit, want)
		}
	}
}

// besideDecided wants what the VIM told to be decided while the flood waits.
func (f *smFlood) besideDecided(taken []string) {
	f.t.Helper()
	took := eventually(f.t, "the host events beside the flood are decided", patience, func() bool {
		events := f.smDecisions("north", url.Values{"filter": {"(eq,kind," + string(hub.EventHostChange) + ")"}})
		for _, id := range taken {
			if events[f.vi.eventID(f.sms["north"], id)] == 0 {
				return false
			}
		}
		return true
	})
	f.t.Logf("%d host events beside the flood were decided %s after it, and %d of the flood were not", len(taken), took.Round(time.Millisecond), len(f.acked)-int(f.decidedHere()))
}

// allDecided waits until everything that was acknowledged is decided, and wants
// it once.
func (f *smFlood) allDecided() {
	f.t.Helper()
	began := time.Now()
	quiet, last := time.Now(), -1.0
	var missing int
	var events map[string]int
	for limit := 10 * time.Minute; ; {
		if now := f.decidedHere(); now != last {
			quiet, last = time.Now(), now
		}
		if time.Since(quiet) > time.Second { // nothing is decided any more, or all is
			events, missing = f.smDecisions("north", nil), 0
			for id := range f.acked {
				if events[id] == 0 {
					missing++
				}
			}
			if missing == 0 {
				break
			}
			if time.Since(quiet) > patience || time.Since(began) > limit {
				f.t.Fatalf("%d of %d events that were acknowledged are not decided", missing, len(f.acked))
			}
		}
		<-time.After(100 * time.Millisecond)
	}
	for id := range f.acked {
		if events[id] != 1 {
			f.t.Errorf("event %s was decided %d times", id, events[id])
		}
	}
	f.t.Logf("%d acknowledged events were decided once, %s after the restart", len(f.acked), time.Since(began).Round(time.Millisecond))
}

// A disk that runs full while events come: none is acknowledged that is not kept,
// readiness and metrics say so, and after a restart with room they are taken again
// and each is judged once.
func TestSm_DiskFull(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	disk := h.home + "/disk"
	makeDir(t, disk, 0o700)
	h.data = disk + "/data"
	root := mountNamespace(t, h, "mount -t tmpfs -o size=160m,mode=0700 tmpfs "+disk)
	d := smDoubleOn(t, h, []string{"north"})
	h.start()
	h.ready.Context = root + h.ready.Context
	copyContext(t, h)
	d.nsHub = newNsHubOn(t, h, 1, "north")
	d.listen([]string{"north"})
	f := &smFlood{smDouble: d, t: t, lcm: d.notifier("north", hub.ScOrNsLcm), nss: []string{d.createNs("north", "edge")}, acked: map[string]bool{}}
	eventually(t, "the Security Manager takes the test for its NFVO", patience, func() bool { return f.one(t.Context()) == http.StatusNoContent })

	makeRoom := fillDisk(t, root+disk)
	refused := 0
	eventually(t, "notifications are refused on a full disk", patience, func() bool {
		if f.one(t.Context()) == http.StatusServiceUnavailable {
			refused++
		}
		return refused == 3
	})
	if n := d.smOutcome("north", hub.ScOrNsLcm, intake.OutcomeUnavailable); n == 0 {
		t.Error("no notification is counted that could not be kept")
	}
	h.awaitMissing("bus")
	makeRoom()
	h.stop()
	h.start()
	h.ready.Context = root + h.ready.Context
	copyContext(t, h)
	d.smReady()
	eventually(t, "notifications are taken again", patience, func() bool { return f.one(t.Context()) == http.StatusNoContent })
	f.allDecided()
}
