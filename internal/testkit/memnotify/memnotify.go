// Package memnotify is the outbox of internal/notify over memory, for tests of
// what subscriptions an API takes and shows.
package memnotify

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// Open opens an outbox with these trust domains, until the end of the test. Its
// endpoints answer whatever they are asked with 204, and it delivers nothing.
func Open(t testing.TB, domains ...string) *notify.Outbox {
	t.Helper()
	asIs := func(_ string, data []byte) ([]byte, error) { return data, nil }
	o := notify.New(notify.Config{
		Tables: &memstate.Bus{}, Seal: asIs, Open: asIs, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Queues: func(context.Context, string) (notify.Queue, error) { return idle{}, nil },
		Client: func(*notify.Subscription) (*http.Client, error) { return &http.Client{Transport: agreeing{}}, nil },
	})
	work, stop := context.WithCancel(context.Background())
	t.Cleanup(func() { stop(); o.Wait() })
	if err := o.Open(t.Context(), work, domains...); err != nil {
		t.Fatal(err)
	}
	return o
}

// idle is a queue that keeps nothing.
type idle struct{}

func (idle) Push(context.Context, string, string, []byte) error { return nil }

func (idle) Consume(ctx context.Context, _ func(context.Context, string, string, int, []byte) error) error {
	<-ctx.Done()
	return nil
}

// agreeing is every endpoint there is.
type agreeing struct{}

func (agreeing) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusNoContent, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}
