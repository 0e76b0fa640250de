package intake

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// A notification with the id of another one is refused whether this process
// remembers the other one or its decision does; while the other one waits, taken in
// by another process, it is taken in, and recorded when it is judged.
func TestAltered(t *testing.T) {
	w := newWorld(t)
	one, other := changeBody("n-1", "a", start), changeBody("n-1", "b", start)
	first, second := w.open(Limits{}), w.open(Limits{})
	here, there := serve(t, NewReceiver(first, &ours{}), hub.ScOrNsLcm), serve(t, NewReceiver(second, &ours{}), hub.ScOrNsLcm)
	send := func(what, url string, body []byte, want int) {
		t.Helper()
		if got := post(t, url, "nfvo", body).StatusCode; got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	send("the first", here, one, http.StatusNoContent)
	send("another, where the first is remembered", here, other, http.StatusConflict)
	send("another, elsewhere, while the first waits", there, other, http.StatusNoContent)
	w.handle()
	restarted := serve(t, NewReceiver(w.open(Limits{}), &ours{}), hub.ScOrNsLcm)
	send("another, after the first was judged", restarted, other, http.StatusConflict)
	send("another, once more", restarted, other, http.StatusConflict)
	send("the first again", restarted, one, http.StatusNoContent)

	ev := smgr.Event{ID: w.order[0].ID, Sender: "nfvo", Body: other, Digest: digestOf(other)}
	for range 2 {
		if err := first.Altered(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	at := 0
	for _, r := range recorded[RefusedRecord](w, KindRefused) {
		if r.Reason == OutcomeAltered && r.NotificationID == "n-1" && r.Interface == hub.ScOrNsLcm && r.Detail != errAltered.Error() {
			at++
		}
	}
	if at == 0 {
		t.Errorf("records %+v", w.records)
	}
	if err := first.Altered(t.Context(), smgr.Event{Body: []byte("no")}); hub.CodeOf(err) != hub.Internal {
		t.Errorf("an event without a notification: %v", err)
	}
}

// When it cannot be said whether a notification was judged, it is to be sent again,
// and is then taken in.
func TestToldUnavailable(t *testing.T) {
	w := newWorld(t)
	url := serve(t, NewReceiver(w.open(Limits{}), &ours{}), hub.ScOrNsLcm)
	body := changeBody("n-1", "a", start)
	w.untold = hub.E(hub.Unavailable, "read", "no answer", nil)
	if got := post(t, url, "nfvo", body).StatusCode; got != http.StatusServiceUnavailable {
		t.Errorf("answered %d", got)
	}
	w.untold = nil
	if got := post(t, url, "nfvo", body).StatusCode; got != http.StatusNoContent || w.count(OutcomeAccepted) != 1 {
		t.Errorf("answered %d, counted %v", got, w.counts)
	}
}

// A ledger of an earlier version is asked for what it has as long as that is kept,
// and a new one is not.
func TestSeenOfEarlierVersion(t *testing.T) {
	w := newWorld(t)
	if in := w.open(Limits{}); in.seenUntil.After(w.now) {
		t.Errorf("a new ledger is asked until %v", in.seenUntil)
	}
	w = newWorld(t)
	table, err := w.bus.Open(t.Context(), "north", "SM-alpha-intake")
	if err != nil {
		t.Fatal(err)
	}
	body := changeBody("n-1", "a", start)
	earlier := &ledger{table: table, now: w.clock, keep: 48 * time.Hour}
	if _, _, err := earlier.claim(t.Context(), spaceSeen, []string{"nfvo", "n-1"}, entry{Digest: digestOf(body)}, func(*entry) bool { return true }); err != nil {
		t.Fatal(err)
	}
	in := w.open(Limits{})
	if again := w.open(Limits{}); !in.seenUntil.Equal(start.Add(48*time.Hour)) || !again.seenUntil.Equal(in.seenUntil) {
		t.Errorf("it is asked until %v, and %v", in.seenUntil, again.seenUntil)
	}
	url := serve(t, NewReceiver(in, &ours{}), hub.ScOrNsLcm)
	if got := post(t, url, "nfvo", changeBody("n-1", "b", start)).StatusCode; got != http.StatusConflict {
		t.Errorf("other content: %d", got)
	}
	if got := post(t, url, "nfvo", body).StatusCode; got != http.StatusNoContent || w.count(OutcomeDuplicate) != 1 || w.pushed() != 1 {
		t.Errorf("the same: %d, counted %v, pushed %d", got, w.counts, w.pushed())
	}
}

// What is remembered is bounded, and what came last is remembered.
func TestTakenBounds(t *testing.T) {
	var m taken
	for n := range 3 * takenMost {
		m.enter(fmt.Sprint(n), "d")
	}
	if len(m.now)+len(m.before) > 2*takenMost {
		t.Errorf("%d and %d are remembered", len(m.now), len(m.before))
	}
	if was, known := m.enter(fmt.Sprint(2*takenMost), "other"); !known || was != "d" {
		t.Errorf("of the last: %q, %v", was, known)
	}
	if _, known := m.enter("0", "d"); known {
		t.Error("what is old is remembered")
	}
	m.correct("0", "right")
	if was, known := m.enter("0", "d"); !known || was != "right" {
		t.Errorf("corrected: %q, %v", was, known)
	}
	m.correct("0", "")
	if _, known := m.enter("0", "d"); known {
		t.Error("what was dropped is remembered")
	}
}
