package intake

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// A subscription is made once, remembered over a restart, and its notifications
// are ours.
func TestSubscribe(t *testing.T) {
	w, p := newWorld(t), newProducer(t)
	renewed := 0
	s := p.subscriber(w, func(hub.Interface) { renewed++ })
	if s.Check(hub.ScOrNsLcm) == nil || s.Check(hub.ScViTelem) == nil {
		t.Fatal("healthy before the first look")
	}
	s.Look(t.Context())
	s.Look(t.Context())
	if len(p.subs) != 1 || p.creates != 1 || s.Check(hub.ScOrNsLcm) != nil || s.Reduced(hub.ScOrNsLcm) != "" || renewed != 1 || w.count(OutcomeRenewed) != 0 {
		t.Fatalf("%+v, %d made, %v, renewed %d", p.subs, p.creates, s.Check(hub.ScOrNsLcm), renewed)
	}
	if got := p.subs[0]; got.CallbackURI != callback || got.Verbosity != "FULL" || !slices.Contains(got.Filter.NotificationTypes, typeAttempt) || slices.Contains(got.Filter.NotificationTypes, typeShortage) {
		t.Fatalf("subscribed with %+v", got)
	}
	s = p.subscriber(w, nil)
	for id, want := range map[string]bool{"sub-1": true, "sub-2": false, "": false} {
		if owned, err := s.Owns(t.Context(), hub.ScOrNsLcm, id); err != nil || owned != want {
			t.Errorf("after a restart it owns %q: %v, %v", id, owned, err)
		}
		w.advance(2 * readEvery)
	}
	if owned, err := s.Owns(t.Context(), hub.ScViTelem, "sub-1"); owned || err != nil {
		t.Errorf("an interface without a producer owns it: %v", err)
	}
	s.Look(t.Context())
	if p.creates != 1 {
		t.Fatalf("made %d after a restart", p.creates)
	}
}

// When a subscription is gone, or was changed, it is made anew, and a comparison
// begins.
func TestRenewed(t *testing.T) {
	w, p := newWorld(t), newProducer(t)
	renewed := 0
	s := p.subscriber(w, func(hub.Interface) { renewed++ })
	s.Look(t.Context())
	p.do(func() { p.subs = nil })
	s.Look(t.Context())
	if len(p.subs) != 1 || p.subs[0].ID != "sub-2" || renewed != 2 || w.count(OutcomeRenewed) != 1 {
		t.Fatalf("gone: %+v, renewed %d", p.subs, renewed)
	}
	p.do(func() { p.subs[0].Filter = &remoteFilter{NotificationTypes: []string{typeCreated}} })
	s.Look(t.Context())
	if len(p.subs) != 1 || p.subs[0].ID != "sub-3" || renewed != 3 {
		t.Fatalf("narrowed: %+v, renewed %d", p.subs, renewed)
	}
	for _, id := range []string{"sub-1", "sub-2", "sub-3"} { // what is on its way still comes
		if owned, _ := s.Owns(t.Context(), hub.ScOrNsLcm, id); !owned {
			t.Errorf("%s is not ours", id)
		}
	}
}

// A callback URI that is configured anew is subscribed with, and the old one no
// longer.
func TestOtherCallback(t *testing.T) {
	w, p := newWorld(t), newProducer(t)
	p.subscriber(w, nil).Look(t.Context())
	s := p.subscriber(w, nil)
	s.cfg.Producers[0].CallbackURI = "https://sm.example.net/moved"
	s.Look(t.Context())
	if len(p.subs) != 1 || p.subs[0].CallbackURI != "https://sm.example.net/moved" || s.Check(hub.ScOrNsLcm) != nil {
		t.Fatalf("%+v", p.subs)
	}
	s = p.subscriber(w, nil) // back, and at once for good
	if err := s.End(t.Context()); err != nil || len(p.subs) != 0 {
		t.Fatalf("after End: %+v, %v", p.subs, err)
	}
}

// Wherever the process ends while it subscribes, there is one subscription in the
// end; also when the answer is lost, and when two processes do it at once.
func TestNeverTwo(t *testing.T) {
	for steps := range 3 {
		w, p := newWorld(t), newProducer(t)
		first := p.subscriber(w, nil)
		w.steps = steps
		first.Look(t.Context())
		w.steps = -1
		s := p.subscriber(w, nil)
		s.Look(t.Context())
		if len(p.subs) != 1 || p.creates != 1 || s.Check(hub.ScOrNsLcm) != nil {
			t.Fatalf("after %d steps: %+v, %d made", steps, p.subs, p.creates)
		}
	}
	w, p := newWorld(t), newProducer(t)
	p.lost = true
	s := p.subscriber(w, nil)
	s.Look(t.Context())
	if s.Check(hub.ScOrNsLcm) == nil {
		t.Fatal("healthy though the answer was lost")
	}
	p.do(func() { p.lost = false })
	s.Look(t.Context())
	if len(p.subs) != 1 || p.creates != 1 || s.Check(hub.ScOrNsLcm) != nil {
		t.Fatalf("after a lost answer: %+v", p.subs)
	}

	w, p = newWorld(t), newProducer(t)
	both := []*Subscriber{p.subscriber(w, nil), p.subscriber(w, nil)}
	var all sync.WaitGroup
	for _, s := range both {
		all.Go(func() { s.Look(t.Context()) })
	}
	all.Wait()
	for range 2 {
		for _, s := range both {
			s.Look(t.Context())
		}
	}
	if len(p.subs) != 1 || both[0].Check(hub.ScOrNsLcm) != nil || both[1].Check(hub.ScOrNsLcm) != nil {
		t.Fatalf("two processes: %+v", p.subs)
	}
}

// An NFVO that does not know our word, or no filter at all, is subscribed to all
// the same, and it is said what is lost. One that has it already answers 303.
func TestForeignProducer(t *testing.T) {
	for name, refuse := range map[string]func(request) int{
		"no words of ours": func(r request) int {
			if slices.Contains(r.Filter.NotificationTypes, typeAttempt) {
				return 422
			}
			return 0
		},
		"one r": func(r request) int {
			if slices.Contains(r.Filter.NotificationTypes, typeOpOcc) {
				return 400
			}
			return 0
		},
		"no filter": func(r request) int {
			if r.Filter != nil {
				return 400
			}
			return 0
		},
	} {
		w, p := newWorld(t), newProducer(t)
		p.refuse = refuse
		s := p.subscriber(w, nil)
		s.Look(t.Context())
		s.Look(t.Context())
		if len(p.subs) != 1 || s.Check(hub.ScOrNsLcm) != nil || s.Reduced(hub.ScOrNsLcm) == "" {
			t.Errorf("%s: %+v, %v", name, p.subs, s.Check(hub.ScOrNsLcm))
		}
	}
	w, p := newWorld(t), newProducer(t)
	p.refuse = func(request) int { return 400 }
	s := p.subscriber(w, nil)
	s.Look(t.Context())
	if err := s.Check(hub.ScOrNsLcm); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("refused in all ways: %v", err)
	}
	// It does not show subscriptions of others, and says 303.
	w, p = newWorld(t), newProducer(t)
	p.subs = []remote{{ID: "hidden", CallbackURI: "https://sm.example.net/else"}}
	p.refuse = func(request) int { return http.StatusSeeOther }
	s = p.subscriber(w, nil)
	s.Look(t.Context())
	if owned, err := s.Owns(t.Context(), hub.ScOrNsLcm, "hidden"); !owned || err != nil {
		t.Errorf("after 303: %v, %v; %v", owned, err, s.Check(hub.ScOrNsLcm))
	}
}

// While the producer does not answer, the Security Manager is not ready and says
// why; it keeps its subscription.
func TestProducerDown(t *testing.T) {
	w, p := newWorld(t), newProducer(t)
	s := p.subscriber(w, nil)
	s.Look(t.Context())
	p.do(func() { p.down = true })
	s.Look(t.Context())
	if err := s.Check(hub.ScOrNsLcm); hub.CodeOf(err) != hub.Unavailable {
		t.Fatalf("down: %v", err)
	}
	p.do(func() { p.down = false })
	s.Look(t.Context())
	if s.Check(hub.ScOrNsLcm) != nil || p.creates != 1 {
		t.Fatalf("up again: %v, %d made", s.Check(hub.ScOrNsLcm), p.creates)
	}
}

// End ends it for good: no look makes it again, until Resume.
func TestEnd(t *testing.T) {
	w, p := newWorld(t), newProducer(t)
	s := p.subscriber(w, nil)
	s.Look(t.Context())
	p.do(func() { p.down = true })
	if s.End(t.Context()) == nil {
		t.Fatal("ended though the producer is down")
	}
	p.do(func() { p.down = false })
	for range 2 {
		if err := s.End(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s = p.subscriber(w, nil)
	s.Look(t.Context())
	if len(p.subs) != 0 || s.Check(hub.ScOrNsLcm) == nil {
		t.Fatalf("after End: %+v, %v", p.subs, s.Check(hub.ScOrNsLcm))
	}
	if err := s.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Look(t.Context())
	if len(p.subs) != 1 || s.Check(hub.ScOrNsLcm) != nil {
		t.Fatalf("after Resume: %+v", p.subs)
	}
}

// Run subscribes, makes a stuck subscription anew, once a minute at most, and ends
// with its context.
func TestRunRenews(t *testing.T) {
	w, p := newWorld(t), newProducer(t)
	renewed := make(chan hub.Interface, 10)
	s := p.subscriber(w, func(i hub.Interface) { renewed <- i })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	wait := func(what string) {
		t.Helper()
		select {
		case <-renewed:
		case <-time.After(20 * time.Second):
			t.Fatal(what)
		}
	}
	wait("not subscribed")
	for range 3 {
		s.Renew(hub.ScOrNsLcm)
	}
	s.Renew(hub.ScViTelem) // has no producer
	wait("not made anew")
	cancel()
	<-done
	if len(p.subs) != 1 || p.subs[0].ID != "sub-2" || p.creates != 2 {
		t.Fatalf("%+v, %d made", p.subs, p.creates)
	}
}

// A producer that cannot be subscribed to at first is asked again long before the
// next look is due.
func TestRunTriesAgainSoon(t *testing.T) {
	w, p := newWorld(t), newProducer(t)
	p.down = true
	renewed := make(chan hub.Interface, 10)
	s := p.subscriber(w, func(i hub.Interface) { renewed <- i })
	if s.cfg.Every < time.Minute {
		t.Fatalf("it looks each %v", s.cfg.Every)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) { // between two looks at what can be seen
		s.mu.Lock()
		failed := s.held[hub.ScOrNsLcm].err != nil
		s.mu.Unlock()
		if failed {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the first look did not fail")
		}
	}
	p.do(func() { p.down = false })
	select {
	case <-renewed:
	case <-time.After(20 * time.Second):
		t.Error("not tried again")
	}
	cancel()
	<-done
}

// A producer of Sc-Vi is subscribed to without a filter.
func TestSubscribeVIM(t *testing.T) {
	w, p := newWorld(t), newProducer(t)
	s := NewSubscriber(w.open(Limits{}), SubscriberConfig{Producers: []Producer{{Interface: hub.ScViTelem, Client: p.client, CallbackURI: callback}}})
	s.Look(t.Context())
	if len(p.subs) != 1 || p.subs[0].Filter != nil || p.subs[0].Verbosity != "" || s.Check(hub.ScViTelem) != nil {
		t.Fatalf("%+v, %v", p.subs, s.Check(hub.ScViTelem))
	}
	p.do(func() { // an own one that a crash left, and many of others
		p.subs = append(p.subs, remote{ID: "left", CallbackURI: callback})
		for n := range 50 {
			p.subs = append(p.subs, remote{ID: fmt.Sprint("other-", n), CallbackURI: "https://other.example.net"})
		}
		p.subs = slices.Delete(p.subs, 0, 1)
	})
	s.Look(t.Context())
	if owned, err := s.Owns(t.Context(), hub.ScViTelem, "left"); !owned || err != nil || p.creates != 1 || len(p.subs) != 51 {
		t.Fatalf("left one is ours: %v, %v, %d made, %d there", owned, err, p.creates, len(p.subs))
	}
}
