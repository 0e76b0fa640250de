package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// A trust domain whose storage cannot be opened when it is made is tried again,
// and served then: without that, nobody is told of attempts on it until a
// restart. Neither is one missed that is made while the functions start.
func TestFollowDomains(t *testing.T) {
	operator := hub.Identity{TrustDomain: trust.HubDomain, Kind: hub.KindOperator, Name: "root"}
	served, removed := make(chan string, 3), make(chan string, 3)
	var failures, serving atomic.Int32
	seen := make(chan struct{}) // the failure, by who asks for readiness
	h := startProcess(t, func(h *hubProcess) {
		create := func(ctx context.Context, _ context.Context) error {
			_, err := h.registry.CreateDomain(ctx, operator, "early")
			return err
		}
		h.mano = []*function{{
			name: "late", start: create,
			add: func(_ context.Context, domain string) error {
				if domain != "north" {
					return nil
				}
				if failures.Add(1) < 3 {
					return hub.E(hub.Unavailable, "open", "the bus does not answer", nil)
				}
				<-seen
				return nil
			},
			serve: func(ctx context.Context, domain string) error {
				serving.Add(1)
				served <- domain
				<-ctx.Done()
				serving.Add(-1)
				return ctx.Err()
			},
			remove: func(domain string) error {
				removed <- domain
				return errors.New("no")
			},
		}}
	})
	next := func(c chan string, want string) {
		t.Helper()
		select {
		case got := <-c:
			if got != want {
				t.Fatalf("%s comes, want %s", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s never comes", want)
		}
	}
	next(served, "early")
	if _, err := h.registry.CreateDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
	missing := func() (text string) {
		for _, m := range h.health.Missing() {
			text += fmt.Sprintln(m)
		}
		return text
	}
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(missing(), "resources/late/north"); {
		if time.Now().After(deadline) {
			t.Fatalf("readiness never names what cannot be opened: %s", missing())
		}
		<-time.After(10 * time.Millisecond)
	}
	close(seen)
	next(served, "north")
	if text := missing(); strings.Contains(text, "late/north") {
		t.Errorf("opened, and still missing: %s", text)
	}
	if n := failures.Load(); n != 3 {
		t.Errorf("opened at attempt %d, want 3", n)
	}
	if err := h.registry.DeleteDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
	next(removed, "north")
	if n := serving.Load(); n != 1 {
		t.Errorf("%d trust domains are served after one of two was deleted", n)
	}
}

// A function that does nothing for a trust domain but hold its storage, as the VNFM
// in a process of its own, holds it until the domain is deleted.
func TestFollowDomains_KeepsWhatIsNotServed(t *testing.T) {
	operator := hub.Identity{TrustDomain: trust.HubDomain, Kind: hub.KindOperator, Name: "root"}
	events := make(chan string, 9)
	h := startProcess(t, func(h *hubProcess) {
		h.roles = []string{"trust"} // no other function, which would serve the trust domain
		h.mano = []*function{{
			name: "store", start: func(context.Context, context.Context) error { return nil },
			add:    func(_ context.Context, domain string) error { events <- "add " + domain; return nil },
			remove: func(domain string) error { events <- "remove " + domain; return nil },
		}}
	})
	for _, step := range []struct {
		change func(context.Context, hub.Identity, string) error
		domain string
		want   string
	}{
		{h.createDomain, "north", "add north"},
		{h.createDomain, "south", "add south"}, // by then north would have been removed
		{h.registry.DeleteDomain, "north", "remove north"},
	} {
		if err := step.change(t.Context(), operator, step.domain); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-events:
			if got != step.want {
				t.Fatalf("%s, want %s", got, step.want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("nothing happens, want %s", step.want)
		}
	}
}

// createDomain is [trust.Registry.CreateDomain] without its answer.
func (h *hubProcess) createDomain(ctx context.Context, by hub.Identity, name string) error {
	_, err := h.registry.CreateDomain(ctx, by, name)
	return err
}

// Work that goes on for long and fails now and then is tried again at once each
// time; what fails at once waits longer and longer.
func TestTry_Pauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hubProcess{log: slog.New(slog.DiscardHandler)}
		var pauses []time.Duration
		var last time.Time
		h.try(t.Context(), "work", func(context.Context) error {
			if !last.IsZero() {
				pauses = append(pauses, time.Since(last))
			}
			if n := len(pauses); n == 10 {
				return nil
			} else if n > 7 {
				time.Sleep(time.Minute)
			}
			last = time.Now()
			return errors.New("failed")
		})
		want := "[100ms 200ms 400ms 800ms 1.6s 3.2s 6.4s 10s 100ms 100ms]"
		if got := fmt.Sprint(pauses); got != want {
			t.Errorf("pauses %s, want %s", got, want)
		}
	})
}
