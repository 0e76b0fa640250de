package decide

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/smgr"
)

// reviewAll reviews until there is nothing more to do soon.
func reviewAll(t *testing.T, d *Decider) (pushed int, err error) {
	t.Helper()
	for {
		n, more, err := d.Review(t.Context())
		if pushed += n; !more || err != nil {
			return pushed, err
		}
		if n == 0 || n > reviewPart {
			t.Fatalf("%d events at once, of at most %d, and there are more", n, reviewPart)
		}
	}
}

func TestReview(t *testing.T) {
	w := newWorld(t)
	for i := range 2*reviewPart + 10 {
		w.nss = append(w.nss, fmt.Sprintf("n%04d", i))
	}
	idle := w.process()
	if n, err := reviewAll(t, idle); n != 0 || err != nil {
		t.Errorf("%d reviews without policies, %v", n, err)
	}
	d := w.active(one())
	run := func(d *Decider, want int, reason string) {
		t.Helper()
		before := len(w.pushed)
		n, err := reviewAll(t, d)
		check(t, err)
		if n != want || len(w.pushed)-before != want {
			t.Fatalf("%d events, pushed %d, want %d", n, len(w.pushed)-before, want)
		}
		for i, e := range w.pushed[before:] {
			var body struct{ Reason string }
			check(t, json.Unmarshal(e.Body, &body))
			if body.Reason != reason || e.Key != smgr.KeyNs(w.nss[i]) || e.Origin != smgr.OriginReview || e.Time.IsZero() {
				t.Fatalf("%+v", e)
			}
		}
	}
	all := len(w.nss)
	run(d, all, ReviewPolicies)
	run(d, 0, "")
	w.wait(20 * time.Minute)
	_, err := d.Policies().SetParameters(t.Context(), "evil-provider", json.RawMessage(`{"names": ["x"]}`), "ann", "")
	check(t, err)
	run(d, all, ReviewParameters)
	w.wait(30 * time.Minute)
	run(d, 0, "")
	w.wait(10 * time.Minute) // the hour is full
	run(d, all, ReviewPeriodic)
	run(w.process(), 0, "")
	w.wait(time.Hour)
	run(w.process(), all, ReviewPeriodic)

	ids := map[string]bool{}
	for _, e := range w.pushed {
		ids[e.ID] = true
	}
	if len(ids) != 4*all {
		t.Errorf("%d events in 4 rounds of %d", len(ids), all)
	}
	// Each round of the time says what is in force, once.
	var still []Activation
	for _, r := range w.records {
		if r.Kind == "sm.policies.in-force" {
			var a Activation
			check(t, json.Unmarshal(r.Data, &a))
			still = append(still, a)
		}
	}
	now, _ := d.Policies().Active()
	if w.kinds()["sm.policies.in-force"] != 2 || still[0].ID != now.ID || still[0].PolicyRevision != now.PolicyRevision {
		t.Errorf("in force are %+v, want twice %+v", still, now)
	}
	// A review is judged as any event is.
	e := w.pushed[0]
	w.inputs = nil
	check(t, d.Handle(t.Context(), e, 1))
	if got := list(t, d, Query{EventID: e.ID}); len(got) != 1 || got[0].Undecided != nil {
		t.Errorf("%+v", got)
	}
}

// A review that is due before the NSs are known, as after a start, begins as soon as they
// are, and not when its lease is over.
func TestReview_NotRead(t *testing.T) {
	w := newWorld(t)
	w.nss = []string{"n1", "n2"}
	d := w.active(one())
	w.blind = errors.New("not read yet")
	if n, err := reviewAll(t, d); n != 0 || err == nil {
		t.Fatalf("%d reviews of what is not known, %v", n, err)
	}
	w.blind = nil
	if n, err := reviewAll(t, d); n != len(w.nss) || err != nil {
		t.Errorf("%d reviews, %v; want %d", n, err, len(w.nss))
	}
}

// A process that was held up in the middle of a review leaves it to the one that took it
// over.
func TestReview_TakenOver(t *testing.T) {
	w := newWorld(t)
	for i := range 3 * reviewPart {
		w.nss = append(w.nss, fmt.Sprintf("n%04d", i))
	}
	d, other := w.active(one()), w.process()
	part := func(d *Decider, want int) {
		t.Helper()
		n, more, err := d.Review(t.Context())
		check(t, err)
		if n != want || more != (want > 0) {
			t.Errorf("%d events, more: %v; want %d", n, more, want)
		}
	}
	part(d, reviewPart)
	part(other, 0) // it is the first one's
	w.wait(reviewLease)
	part(other, reviewPart) // what is noted is the beginning
	part(d, 0)
	part(d, 0)
	n, err := reviewAll(t, other)
	check(t, err)
	if n != 2*reviewPart {
		t.Errorf("%d events, want %d", n, 2*reviewPart)
	}
	part(d, 0)
}

// TestReviewCrash ends a review at each step. Another process leaves it alone for
// a while, then goes on where it was, and each NS is pushed in the end.
func TestReviewCrash(t *testing.T) {
	for at := 1; ; at += 3 {
		w := newWorld(t)
		for i := range reviewPart + 5 {
			w.nss = append(w.nss, fmt.Sprintf("n%04d", i))
		}
		d := w.active(one())
		n, cut := 0, false
		w.step = func(_ string, do func() error) error {
			if n++; n < at {
				return do()
			}
			cut = true
			return errors.New("the process ends here")
		}
		_, err := reviewAll(t, d)
		w.step = nil
		if !cut {
			check(t, err)
			return
		}
		if err == nil {
			t.Fatalf("step %d: a review that was cut off is said to be done", at)
		}
		other := w.process()
		if at > 1 {
			if n, err := reviewAll(t, other); n != 0 || err != nil {
				t.Errorf("step %d: two processes review: %d, %v", at, n, err)
			}
		}
		w.wait(reviewLease)
		_, err = reviewAll(t, other)
		check(t, err)
		var got []string
		ids := map[string]bool{}
		for _, e := range w.pushed {
			if got = append(got, e.Key); ids[e.ID] {
				got = got[:len(got)-1]
			}
			ids[e.ID] = true
		}
		if slices.Sort(got); len(got) != len(w.nss) || got[0] != smgr.KeyNs(w.nss[0]) {
			t.Errorf("step %d: %d NSs of %d", at, len(got), len(w.nss))
		}
		if n, err := reviewAll(t, other); n != 0 || err != nil {
			t.Errorf("step %d: %d more, %v", at, n, err)
		}
	}
}
