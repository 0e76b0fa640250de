package state_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/internal/testkit/testbus"
)

// testTime bounds every wait of a test.
const testTime = 30 * time.Second

// thing is a resource of the tests.
type thing struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	Fill  string `json:"fill,omitempty"`
}

func byName(v *thing) []string { return []string{"name=" + v.Name} }

// onBoth runs a test on tables in memory and on those of a real bus.
func onBoth(t *testing.T, test func(t *testing.T, tables state.Tables)) {
	t.Run("memory", func(t *testing.T) { test(t, &memstate.Bus{}) })
	t.Run("bus", func(t *testing.T) { test(t, testbus.Open(t, t.TempDir(), "a", "b").Tables()) })
}

// opened returns a space with one kind over the trust domains.
func opened(t testing.TB, tables state.Tables, domains ...string) (*state.Space, *state.Kind[thing]) {
	t.Helper()
	s := state.New(tables, "THINGS", quiet())
	k := state.NewKind(s, "thing", byName)
	open(t, s, domains...)
	return s, k
}

func open(t testing.TB, s *state.Space, domains ...string) {
	t.Helper()
	work, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	if err := s.Open(within(t), work, domains...); err != nil {
		t.Fatal(err)
	}
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), testTime)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for what can be seen.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(testTime)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within %v", what, testTime)
		case <-tick.C:
		}
	}
}

func wantCode(t testing.TB, err error, code hub.Code) {
	t.Helper()
	if hub.CodeOf(err) != code {
		t.Fatalf("%v has code %q, want %q", err, hub.CodeOf(err), code)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, k *state.Kind[thing], domain, id, name string) {
	t.Helper()
	_, err := k.Create(within(t), domain, id, &thing{Name: name})
	must(t, err)
}

func everything(string) bool { return true }

// listed returns the IDs that a list shows, joined.
func listed(t testing.TB, k *state.Kind[thing], visible func(string) bool, after string) string {
	t.Helper()
	var ids []string
	for e, err := range k.List(within(t), visible, after) {
		must(t, err)
		ids = append(ids, e.ID)
	}
	return strings.Join(ids, " ")
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

var errBroken = errors.New("broken by the test")
