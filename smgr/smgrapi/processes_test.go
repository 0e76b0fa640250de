package smgrapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/decide"
)

// second serves the same Security Manager from another process on the same bus.
func (w *world) second() *world {
	other := &world{TB: w.TB, now: w.now, mode: w.mode, client: http.DefaultClient, key: w.key, keys: w.keys, bus: w.bus}
	other.m = other.processOn(w.bus, "red", "north")
	api := &API{Authorize: other.authorize, Managers: []*Manager{other.m}, SeesAll: w.api.SeesAll, Subscriptions: w.api.Subscriptions}
	mux := httpapi.NewMux(httpapi.Options{Now: other.clock, Authenticate: func(r *http.Request) (hub.Identity, error) {
		return hub.ParseIdentity(r.Header.Get("X-Who"))
	}})
	api.Routes(mux.API(httpapi.API{Name: "manoward", Major: "v1", Versions: []httpapi.APIVersion{{Version: Version}}, VersionOptional: true}))
	server := httptest.NewServer(mux)
	w.Cleanup(server.Close)
	other.url = server.URL
	return other
}

// learns waits until a resource shows what another process may have changed: that
// comes over the bus, a moment later.
func (w *world) learns(path string, words ...string) answer {
	w.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		a := w.call(ann, "GET", path, "")
		missing := slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(string(a.body), word) })
		if a.status == http.StatusOK && !missing {
			return a
		}
		if time.Now().After(deadline) {
			return a.is(http.StatusOK, words...)
		}
	}
}

// race sends a change to both processes at once. One of them wins; the other is
// told that what it saw is not there any more.
func race(t *testing.T, processes []*world, change func(w *world, person string) answer) (winner string) {
	t.Helper()
	people := []string{ann, ben}
	answers := make([]answer, len(processes))
	var both sync.WaitGroup
	for i, w := range processes {
		both.Go(func() { answers[i] = change(w, people[i]) })
	}
	both.Wait()
	for i, a := range answers {
		switch {
		case a.status/100 == 2 && winner != "":
			t.Fatalf("both won: %s and %s", answers[0].body, answers[1].body)
		case a.status/100 == 2:
			winner = people[i]
		case a.status != http.StatusPreconditionFailed:
			t.Fatalf("answered %d: %s", a.status, a.body)
		}
	}
	if winner == "" {
		t.Fatalf("nobody won: %s and %s", answers[0].body, answers[1].body)
	}
	return winner
}

// Two processes of a Security Manager cannot both change what both have read.
func TestTwoProcesses_Preconditions(t *testing.T) {
	w := active(t, smgr.LevelAdvise)
	both := []*world{w, w.second()}
	const level, values = "/levels/evil-provider/ns/n1", "/policies/evil-provider/parameters"
	for round := range 20 {
		tag := w.call(ann, "PUT", level, fmt.Sprintf(`{"level":"shadow","reason":"round %d"}`, round)).is(http.StatusOK).header.Get("ETag")
		won := race(t, both, func(w *world, who string) answer {
			return w.call(who, "PUT", level, `{"level":"approve","reason":"race"}`, "If-Match: "+tag)
		})
		tag = w.learns(level, `"by":"`+won+`"`, `"level":"approve"`).header.Get("ETag")
		w.call(ann, "DELETE", level+"?reason=next", "", "If-Match: "+tag).is(http.StatusNoContent)
		race(t, both, func(w *world, who string) answer {
			return w.call(who, "PUT", level, `{"level":"off","reason":"race"}`, "If-None-Match: *")
		})

		tag = w.call(ann, "PUT", values, fmt.Sprintf(`{"set":{"names":["n%d"]},"reason":"x"}`, round)).is(http.StatusOK).header.Get("ETag")
		won = race(t, both, func(w *world, who string) answer {
			return w.call(who, "PUT", values, fmt.Sprintf(`{"set":{"names":[%q]},"reason":"x"}`, who), "If-Match: "+tag)
		})
		w.learns(values, fmt.Sprintf(`"values":{"names":[%q]}`, won))
	}
}

// Of two rollbacks of the same activation one is done.
func TestTwoProcesses_Rollback(t *testing.T) {
	w := active(t, smgr.LevelAdvise)
	other := w.second()
	for round := range 10 {
		w.wait(time.Second)
		next := w.activate("evil-provider", fmt.Sprintf("Round %d", round))
		a, _ := w.m.Decide.Policies().Active()
		other.wait(time.Second)
		answers := make([]answer, 2)
		var both sync.WaitGroup
		for i, p := range []*world{w, other} {
			both.Go(func() {
				answers[i] = p.call(ann, "POST", "/rollback", `{"from":"`+a.ID+`","reason":"race"}`)
			})
		}
		both.Wait()
		done := map[string]bool{}
		for _, a := range answers {
			switch a.status {
			case http.StatusOK: // the second may be told that it is done
				done[as[decide.Activation](a).ID] = true
			case http.StatusPreconditionFailed:
			default:
				t.Fatalf("answered %d: %s", a.status, a.body)
			}
		}
		if len(done) != 1 {
			t.Fatalf("%d rollbacks were made", len(done))
		}
		for id := range done {
			if s := as[status](w.learns("/status", `"id":"`+id+`"`)); s.Active.PolicyRevision == next {
				t.Fatalf("active: %+v", s.Active)
			}
		}
	}
}
