package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/smgr"
)

func (p *producer) gaps(w *world) *Gaps {
	return NewGaps(w.open(Limits{}), GapsConfig{Client: p.client, NFVO: "nfvo"})
}

// began returns a world in which a first look was taken, an hour ago.
func began(t testing.TB) (*world, *producer, *Gaps) {
	w, p := newWorld(t), newProducer(t)
	g := p.gaps(w)
	w.advance(-time.Hour)
	if err := g.Compare(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Hour)
	return w, p, g
}

func compare(t testing.TB, g *Gaps) {
	t.Helper()
	if err := g.Compare(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// states returns what was judged of operations, as "op state".
func states(w *world) string {
	text := ""
	for _, ev := range w.judged(hub.EventNsOperation) {
		var n sol005.NsLcmOperationOccurrenceNotification
		if err := json.Unmarshal(ev.Body, &n); err != nil {
			w.t.Error(err)
		}
		text += fmt.Sprintf("%s %s, ", n.NsLcmOpOccID, n.OperationState)
	}
	return text
}

// What was not told becomes an event, as the notification would have been, once,
// and is recorded; its NS is reviewed.
func TestGap(t *testing.T) {
	w, p, g := began(t)
	p.ops = []map[string]any{op("op-1", "ns-1", "COMPLETED", start.Add(-3*time.Minute), start.Add(-2*time.Minute))}
	for range 3 {
		compare(t, g)
		if got := states(w); got != "op-1 PROCESSING, op-1 COMPLETED, " {
			t.Fatalf("judged %s", got)
		}
		w.advance(time.Minute)
	}
	begun, ended := w.judged(hub.EventNsOperation)[0], w.judged(hub.EventNsOperation)[1]
	if begun.Origin != smgr.OriginGap || begun.Key != "ns/ns-1" || begun.Sender != "nfvo" || !begun.Time.Equal(start.Add(-3*time.Minute)) || !ended.Time.Equal(start.Add(-2*time.Minute)) {
		t.Fatalf("%+v, %+v", begun, ended)
	}
	var n sol005.NsLcmOperationOccurrenceNotification
	if err := json.Unmarshal(ended.Body, &n); err != nil || n.NotificationStatus != "RESULT" || n.NotificationType != typeOpOcc || n.Operation != "UPDATE" || len(n.AffectedVnf) != 1 || n.ID != ended.ID {
		t.Fatalf("the notification is %s, %v", ended.Body, err)
	}
	if bytes.Contains(begun.Body, []byte("affectedVnf")) || !bytes.Contains(begun.Body, []byte(`"START"`)) {
		t.Fatalf("the beginning is %s", begun.Body)
	}
	if n := len(recorded[gapRecord](w, KindGap)); n != 2 || w.count(OutcomeGap) != 2 {
		t.Fatalf("%d records, counted %v", n, w.counts)
	}
	reviews := w.judged(hub.EventReview)
	if len(reviews) != 2 || reviews[0].Key != "ns/ns-1" || reviews[0].Origin != smgr.OriginReview || string(reviews[0].Body) != `{"reason":"gap-filled"}` {
		t.Fatalf("reviews %+v", reviews)
	}
}

// What was told is no gap: before the look, or after it.
func TestGapAndNotification(t *testing.T) {
	told := func(w *world) string { return serve(t, NewReceiver(w.open(Limits{}), &ours{}), hub.ScOrNsLcm) }
	begin, end := start.Add(-3*time.Minute), start.Add(-2*time.Minute)
	send := func(w *world, url, id, state string, at time.Time) {
		t.Helper()
		if got := post(t, url, "nfvo", opBody(id, "op-1", state, at)).StatusCode; got != 204 {
			t.Fatal(got)
		}
	}
	for _, handled := range []bool{false, true} {
		// Told first; the NFVO's times of beginning and telling lie apart a little.
		w, p, g := began(t)
		p.ops = []map[string]any{op("op-1", "ns-1", "COMPLETED", begin, end)}
		url := told(w)
		send(w, url, "n-1", "PROCESSING", begin.Add(time.Second))
		send(w, url, "n-2", "COMPLETED", end.Add(5*time.Second))
		if handled {
			w.handle()
		}
		compare(t, g)
		if got := states(w); got != "op-1 PROCESSING, op-1 COMPLETED, " || w.count(OutcomeGap) != 0 {
			t.Fatalf("told first: judged %s, counted %v", got, w.counts)
		}

		// Found first, told later, and again.
		w, p, g = began(t)
		p.ops = []map[string]any{op("op-1", "ns-1", "COMPLETED", begin, end)}
		compare(t, g)
		if handled {
			w.handle()
		}
		url = told(w)
		for range 2 {
			send(w, url, "n-1", "PROCESSING", begin)
			send(w, url, "n-2", "COMPLETED", end.Add(time.Minute))
		}
		if got := states(w); got != "op-1 PROCESSING, op-1 COMPLETED, " || w.count(OutcomeDuplicate) != 4 {
			t.Fatalf("found first: judged %s, counted %v", got, w.counts)
		}
	}

	// A state that is entered again is not what was told of the first time.
	w, p, g := began(t)
	send(w, told(w), "n-1", "PROCESSING", begin)
	send(w, told(w), "n-2", "FAILED_TEMP", begin.Add(10*time.Second))
	p.ops = []map[string]any{op("op-1", "ns-1", "FAILED_TEMP", begin, end)}
	compare(t, g)
	if got := states(w); got != "op-1 PROCESSING, op-1 FAILED_TEMP, op-1 FAILED_TEMP, " {
		t.Fatalf("entered again: judged %s", got)
	}
}

// Wherever the process ends while it fills a gap, the next look, or the late
// notification, makes the event, once, and its record.
func TestGapCrash(t *testing.T) {
	for _, late := range []bool{false, true} {
		for _, handled := range []bool{false, true} {
			for steps := 0; ; steps++ {
				w, p, g := began(t)
				end := start.Add(-2 * time.Minute)
				p.ops = []map[string]any{op("op-1", "ns-1", "COMPLETED", start.Add(-2*time.Hour), end)}
				w.steps = steps
				failed := g.Compare(t.Context())
				w.steps = -1
				if handled {
					w.handle()
				}
				if late {
					url := serve(t, NewReceiver(w.open(Limits{}), &ours{}), hub.ScOrNsLcm)
					if got := post(t, url, "nfvo", opBody("n-1", "op-1", "COMPLETED", end)).StatusCode; got != 204 {
						t.Fatal(got)
					}
				}
				compare(t, p.gaps(w))
				if got := states(w); got != "op-1 COMPLETED, " {
					t.Fatalf("after %d steps: judged %s", steps, got)
				}
				if n := len(recorded[gapRecord](w, KindGap)); n != 1 && !late {
					t.Fatalf("after %d steps: %d records", steps, n)
				}
				if failed == nil {
					break
				}
			}
		}
	}
}

// Operations are looked at in the order of their states, over pages; those that
// are young, and those from before the first look, are left.
func TestGapOrder(t *testing.T) {
	for _, noFilter := range []bool{false, true} {
		w, p, g := began(t)
		p.noFilter = noFilter
		for n := range 7 {
			at := start.Add(-time.Duration(2+n) * time.Minute)
			p.ops = append(p.ops, op(fmt.Sprint("op-", n), "ns-1", "ROLLED_BACK", start.Add(-time.Hour*2), at))
		}
		p.ops = append(p.ops, op("young", "ns-1", "COMPLETED", start.Add(-2*time.Hour), start.Add(-time.Second)), op("old", "ns-1", "COMPLETED", start.Add(-2*time.Hour), start.Add(-90*time.Minute)))
		want := ""
		for n := 6; n >= 0; n-- {
			want += fmt.Sprintf("op-%d ROLLED_BACK, ", n)
		}
		compare(t, g)
		if got := states(w); got != want {
			t.Fatalf("judged %s, want %s", got, want)
		}
		w.advance(time.Minute)
		compare(t, g)
		if got := states(w); got != want+"young COMPLETED, " {
			t.Fatalf("a minute later: judged %s", got)
		}
	}
}

// What an NFVO shows in excess, wrongly or not at all is an error, and nothing is
// taken for compared.
func TestGapFailures(t *testing.T) {
	w, p, g := began(t)
	p.ops = []map[string]any{op("op-1", "ns-1", "COMPLETED", start.Add(-2*time.Hour), start.Add(-50*time.Minute)), op("op-2", "ns-1", "COMPLETED", start.Add(-2*time.Hour), start.Add(-50*time.Minute))}
	p.do(func() { p.down = true })
	if err := g.Compare(t.Context()); err == nil {
		t.Fatal("compared with an NFVO that is down")
	}
	p.do(func() { p.down = false })
	g.cfg.MaxOps = 1
	if err := g.Compare(t.Context()); hub.CodeOf(err) != hub.Unavailable {
		t.Fatalf("more than a look reads: %v", err)
	}
	g.cfg.MaxOps = 2
	w.refusals = func(hub.EventKind, []byte) error { return hub.E(hub.Invalid, "check", "operation is unknown", nil) }
	compare(t, g)
	if recs := recorded[RefusedRecord](w, KindRefused); len(recs) != 2 || recs[0].Reason != OutcomeGapInvalid || w.count(OutcomeGapInvalid) != 2 || states(w) != "" {
		t.Fatalf("unfit: recorded %+v", recs)
	}
}

// After more time than the ledger keeps, what cannot be compared is an alarm, and
// every NS is reviewed.
func TestGapTooOld(t *testing.T) {
	w, p, g := began(t)
	p.nss = []string{"a", "b"}
	w.advance(72 * time.Hour)
	for range 2 {
		compare(t, g)
	}
	if n := len(recorded[map[string]any](w, KindGapTooOld)); n != 1 || w.count(OutcomeGapTooOld) != 1 {
		t.Fatalf("%d records, %v", n, w.counts)
	}
	if got := w.judged(hub.EventReview); len(got) != 2 {
		t.Fatalf("%d reviews", len(got))
	}
}

// An NFVO where nothing happens for days is compared all the same.
func TestQuietNFVO(t *testing.T) {
	w, p, g := began(t)
	for range 100 {
		w.advance(time.Hour)
		compare(t, g)
	}
	now := w.clock()
	p.ops = []map[string]any{op("op-1", "ns-1", "COMPLETED", now.Add(-time.Minute), now.Add(-time.Minute))}
	compare(t, g)
	if got := states(w); got != "op-1 PROCESSING, op-1 COMPLETED, " || w.count(OutcomeGapTooOld) != 0 {
		t.Fatalf("judged %s, counted %v", got, w.counts)
	}
}

// NSs that came or went without a word are events, when that lasted; those that
// were there at the beginning, and those that were told of, are none.
func TestGapOfNs(t *testing.T) {
	w, p := newWorld(t), newProducer(t)
	p.nss = []string{"old", "goes"}
	g := p.gaps(w)
	compare(t, g)
	url := serve(t, NewReceiver(w.open(Limits{}), &ours{}), hub.ScOrNsLcm)
	body := bytes.Replace(changeBody("n-1", "told", start), []byte("NsChange"), []byte("NsIdentifierCreation"), 1)
	if got := post(t, url, "nfvo", body).StatusCode; got != 204 {
		t.Fatal(got)
	}
	p.nss = []string{"old", "told", "new"}
	w.advance(2 * time.Hour)
	compare(t, g)
	if got := w.judged(hub.EventNsIdentifier); len(got) != 1 {
		t.Fatalf("at once: %+v", got)
	}
	for range 3 {
		w.advance(time.Minute)
		compare(t, g)
	}
	got := map[string]string{}
	for _, ev := range w.judged(hub.EventNsIdentifier) {
		var n notification
		if err := json.Unmarshal(ev.Body, &n); err != nil {
			t.Fatal(err)
		}
		got[n.NsInstanceID+" "+n.Type] = string(ev.Origin)
	}
	if len(got) != 3 || got["told "+typeCreated] != "notification" || got["new "+typeCreated] != "gap" || got["goes "+typeDeleted] != "gap" {
		t.Fatalf("judged %v", got)
	}
	// Told late, it has no second effect.
	late := bytes.Replace(changeBody("n-2", "new", w.clock()), []byte("NsChange"), []byte("NsIdentifierCreation"), 1)
	if got := post(t, url, "nfvo", late).StatusCode; got != 204 || len(w.judged(hub.EventNsIdentifier)) != 3 {
		t.Fatalf("late: %d, judged %d", got, len(w.judged(hub.EventNsIdentifier)))
	}
}

// After a start, what was told late is no gap: it comes in its order. What is still
// not told when the senders have had their time is one, and at once when the
// subscription was made anew.
func TestGapSettles(t *testing.T) {
	w, p, g := began(t)
	p.ops = []map[string]any{
		op("op-1", "ns-1", "COMPLETED", start.Add(-3*time.Minute), start.Add(-2*time.Minute)),
		op("op-2", "ns-2", "COMPLETED", start.Add(-3*time.Minute), start.Add(-2*time.Minute)),
	}
	p.nss = []string{"ns-1", "ns-2"}
	g.settle()
	compare(t, g)
	w.advance(g.cfg.Settle - time.Second)
	compare(t, g)
	url := serve(t, NewReceiver(w.open(Limits{}), &ours{}), hub.ScOrNsLcm)
	post(t, url, "nfvo", opBody("n-1", "op-1", "PROCESSING", start.Add(-3*time.Minute)))
	post(t, url, "nfvo", opBody("n-2", "op-1", "COMPLETED", start.Add(-2*time.Minute)))
	if got := states(w); got != "op-1 PROCESSING, op-1 COMPLETED, " || w.count(OutcomeGap) != 0 {
		t.Fatalf("while it settles: judged %s, counted %v", got, w.counts)
	}
	w.advance(time.Second)
	compare(t, g)
	if got := states(w); got != "op-1 PROCESSING, op-1 COMPLETED, op-2 PROCESSING, op-2 COMPLETED, " || len(recorded[gapRecord](w, KindGap)) != 2 {
		t.Fatalf("afterwards: judged %s, counted %v", got, w.counts)
	}
}

// Run looks at once, when it is asked to, and ends with its context.
func TestRunGaps(t *testing.T) {
	w, p := newWorld(t), newProducer(t)
	g := p.gaps(w)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { g.Run(ctx); close(done) }()
	asked := func(what string) {
		t.Helper()
		select {
		case <-p.asked:
		case <-time.After(20 * time.Second):
			t.Fatal(what)
		}
	}
	asked("no first look")
	g.Look()
	g.Look()
	asked("no look though it was asked for")
	cancel()
	<-done
}
