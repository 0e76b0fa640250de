package intake

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// The flood of one sender, twenty times what is sustainable for 30 s while nobody
// takes from the queue, is refused with bounds; the notifications of another one
// are all taken, and the alarms are few.
func TestFlood(t *testing.T) {
	w := newWorld(t)
	in := w.open(Limits{Rate: 10, Burst: 20, MaxQueued: 400})
	rc := NewReceiver(in, &ours{})
	url := serve(t, rc, hub.ScOrNsLcm)
	quiet := 0
	for second := range 30 {
		for n := range 200 {
			body := changeBody(fmt.Sprintf("flood-%d-%d", second, n), "a", w.clock())
			resp := post(t, url, "vim", body)
			if resp.StatusCode != 204 && (resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "") {
				t.Fatalf("the flood is answered %d", resp.StatusCode)
			}
			if n == 100 && second%2 == 0 {
				if got := post(t, url, "nfvo", changeBody(fmt.Sprint("quiet-", second), "b", w.clock())).StatusCode; got != 204 {
					t.Fatalf("second %d: the quiet sender is answered %d, %d wait", second, got, len(w.waiting))
				}
				quiet++
			}
		}
		w.advance(time.Second)
	}
	if len(w.waiting) > 400 || w.count(OutcomeAccepted) != len(w.waiting) || w.count(OutcomeFlood) < 5000 {
		t.Fatalf("%d wait, counted %v", len(w.waiting), w.counts)
	}
	if n := len(recorded[RefusedRecord](w, KindRefused)); n != 1 {
		t.Fatalf("%d records of one flood within a minute", n)
	}
	// The next record, a minute later, tells how many there were.
	w.advance(time.Minute)
	w.handle()
	for n := range 100 {
		post(t, url, "vim", changeBody(fmt.Sprint("more-", n), "a", w.clock()))
	}
	most := 0
	for _, r := range recorded[RefusedRecord](w, KindRefused) {
		most = max(most, r.Count)
	}
	if most < 5000 || quiet != 15 {
		t.Fatalf("the record tells of %d", most)
	}
}

// A full queue refuses with 503, and takes again when it was worked off.
func TestQueueFull(t *testing.T) {
	w := newWorld(t)
	url := serve(t, NewReceiver(w.open(Limits{MaxQueued: 8}), &ours{}), hub.ScOrNsLcm)
	var last *http.Response
	for n := range 20 {
		last = post(t, url, "nfvo", changeBody(fmt.Sprint("n-", n), "a", start))
	}
	if last.StatusCode != http.StatusServiceUnavailable || last.Header.Get("Retry-After") == "" || len(w.waiting) != 8 || w.count(OutcomeQueueFull) != 12 {
		t.Fatalf("answered %d, %d wait, counted %v", last.StatusCode, len(w.waiting), w.counts)
	}
	w.handle()
	w.advance(time.Second)
	if got := post(t, url, "nfvo", changeBody("n-19", "a", start)).StatusCode; got != 204 {
		t.Fatalf("after it was worked off: %d", got)
	}
}

// A sender has a bounded number of notifications that are being handled.
func TestInFlight(t *testing.T) {
	w := newWorld(t)
	p := w.ports()
	g := newGate(Limits{InFlight: 2}.withDefaults(), &p)
	leave, refused := g.enter(t.Context(), "a")
	if refused != nil {
		t.Fatal(refused)
	}
	if _, refused := g.enter(t.Context(), "a"); refused != nil {
		t.Fatal(refused)
	}
	if _, refused := g.enter(t.Context(), "a"); refused == nil || refused.reason != OutcomeFlood {
		t.Fatalf("a third: %+v", refused)
	}
	if _, refused := g.enter(t.Context(), "b"); refused != nil {
		t.Fatalf("another sender: %+v", refused)
	}
	leave()
	if _, refused := g.enter(t.Context(), "a"); refused != nil {
		t.Fatalf("after one left: %+v", refused)
	}
}

// The ledger forgets what is older than it keeps, when its slot is written.
func TestLedgerForgets(t *testing.T) {
	w := newWorld(t)
	in := w.open(Limits{MaxAge: time.Hour, Keep: 2 * time.Hour})
	all := func(*entry) bool { return true }
	none := func(*entry) bool { return false }
	for range 50 {
		if _, found, err := in.ledger.claim(t.Context(), spaceSeen, []string{"x"}, entry{Digest: "1"}, none); err != nil || found {
			t.Fatal(found, err)
		}
		w.advance(time.Hour)
	}
	slot, _ := nameOf(spaceSeen, "x")
	list, err := read[[]entry](t.Context(), in.ledger.table, slot)
	if err != nil || len(list) > 3 {
		t.Fatalf("%d entries, %v", len(list), err)
	}
	if _, found, err := in.ledger.claim(t.Context(), spaceSeen, []string{"x"}, entry{Digest: "2"}, all); err != nil || !found {
		t.Fatal(found, err)
	}
}

// Refusals that cannot be recorded are told of by the next record.
func TestAlarmIsNotLost(t *testing.T) {
	w := newWorld(t)
	in := w.open(Limits{})
	a := &alarms{in: in, quiet: map[alarmKey]*silence{}}
	w.steps = 0
	a.raise(context.Background(), RefusedRecord{Sender: "x", Reason: OutcomeSchema})
	a.raise(context.Background(), RefusedRecord{Sender: "x", Reason: OutcomeSchema})
	w.steps = -1
	a.raise(context.Background(), RefusedRecord{Sender: "x", Reason: OutcomeSchema})
	if recs := recorded[RefusedRecord](w, KindRefused); len(recs) != 1 || recs[0].Count != 3 {
		t.Fatalf("recorded %+v", recs)
	}
	for n := range 2 * maxAlarmKeys {
		a.raise(context.Background(), RefusedRecord{Sender: fmt.Sprint(n), Reason: OutcomeSchema})
	}
	if len(a.quiet) > maxAlarmKeys+1 {
		t.Fatalf("%d keys are remembered", len(a.quiet))
	}
}

// A body that comes byte by byte holds a place of its sender's for a while, and
// not for ever.
func TestSlowBody(t *testing.T) {
	w := newWorld(t)
	limits := Limits{BodyTime: 100 * time.Millisecond, InFlight: 1}
	url := serve(t, NewReceiver(w.open(limits), &ours{}), hub.ScOrNsLcm)
	slow, trickle := io.Pipe()
	answered := make(chan int, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, slow)
		if err != nil {
			t.Error(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	if _, err := trickle.Write([]byte("{")); err != nil {
		t.Fatal(err)
	}
	if got := <-answered; got != http.StatusBadRequest {
		t.Errorf("answered %d, want 400", got)
	}
	trickle.Close()
	if got := post(t, url, "nfvo", changeBody("n", "ns", start)); got.StatusCode != http.StatusNoContent {
		t.Errorf("the next one is answered %d", got.StatusCode)
	}
}
