package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/smgr"
)

// errCrash stands for the end of the process at a durable step.
var errCrash = errors.New("the process ended")

// world is what is around an intake: the bus, the queue with its handler, the log
// and the clock.
type world struct {
	t   testing.TB
	bus *memstate.Bus

	mu       sync.Mutex
	now      time.Time
	waiting  []smgr.Event
	handled  map[string]int // effects by event ID: a decision is made once
	order    []smgr.Event   // of what was handled
	records  map[string]hub.Record
	counts   map[string]int
	steps    int // durable steps left before the process ends; below 0: for ever
	pushes   int
	refusals func(hub.EventKind, []byte) error
	untold   error // of asking whether an event was judged
}

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: start, handled: map[string]int{}, records: map[string]hub.Record{}, counts: map[string]int{}, steps: -1}
	w.bus = &memstate.Bus{Fail: func(string, string, string) error { return w.step() }}
	return w
}

// step is one durable step; it fails when the process has ended.
func (w *world) step() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stepLocked()
}

func (w *world) stepLocked() error {
	if w.steps == 0 {
		return hub.E(hub.Unavailable, "write", "no answer", errCrash)
	}
	if w.steps > 0 {
		w.steps--
	}
	return nil
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) ports() Ports {
	return Ports{
		Push: func(_ context.Context, id, key string, raw []byte) error {
			var ev smgr.Event
			if err := json.Unmarshal(raw, &ev); err != nil || ev.ID != id || ev.Key != key {
				w.t.Errorf("event %s is not what was pushed: %v", raw, err)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if err := w.stepLocked(); err != nil {
				return err
			}
			w.pushes++
			if !slices.ContainsFunc(w.waiting, func(o smgr.Event) bool { return o.ID == id }) {
				w.waiting = append(w.waiting, ev)
			}
			return nil
		},
		Depth: func(context.Context) (int, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.waiting), nil
		},
		Decided: func(_ context.Context, id string) (bool, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.handled[id] > 0, nil
		},
		Told: func(_ context.Context, id string) (string, bool, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, ev := range w.order {
				if ev.ID == id {
					return ev.Digest, true, w.untold
				}
			}
			return "", false, w.untold
		},
		Append: func(_ context.Context, recs ...hub.Record) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if err := w.stepLocked(); err != nil {
				return err
			}
			for _, r := range recs {
				if was, ok := w.records[r.ID]; ok && (!bytes.Equal(was.Data, r.Data) || !was.Time.Equal(r.Time)) {
					return hub.E(hub.Conflict, "append", "another record", nil)
				}
				w.records[r.ID] = r
			}
			return nil
		},
		Check: func(k hub.EventKind, raw []byte) error {
			w.mu.Lock()
			check := w.refusals
			w.mu.Unlock()
			if check == nil {
				return nil
			}
			return check(k, raw)
		},
		Count: func(i hub.Interface, outcome string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.counts[outcome]++
		},
		Log: slog.New(slog.DiscardHandler), Now: w.clock,
	}
}

// handle lets the queue's handler do all that waits. It makes a decision once, as
// the handler of the queue does, whatever is queued.
func (w *world) handle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ev := range w.waiting {
		if w.handled[ev.ID] == 0 {
			w.handled[ev.ID]++
			w.order = append(w.order, ev)
		}
	}
	w.waiting = nil
}

func (w *world) count(outcome string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[outcome]
}

func (w *world) pushed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pushes
}

// judged returns what was judged of a kind, in order.
func (w *world) judged(kind hub.EventKind) []smgr.Event {
	w.handle()
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []smgr.Event
	for _, ev := range w.order {
		if ev.Kind == kind {
			list = append(list, ev)
		}
	}
	return list
}

// recorded returns the data of the records of a kind.
func recorded[T any](w *world, kind string) []T {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []T
	for _, r := range w.records {
		if r.Kind != kind {
			continue
		}
		var v T
		if err := json.Unmarshal(r.Data, &v); err != nil {
			w.t.Error(err)
		}
		list = append(list, v)
	}
	return list
}

// open opens the intake, as a process that starts does.
func (w *world) open(limits Limits) *Intake {
	w.t.Helper()
	in, err := Open(context.Background(), w.bus, "north", "alpha", w.ports(), limits)
	if err != nil {
		w.t.Fatal(err)
	}
	return in
}

// ours is Subscriptions with one subscription on each interface.
type ours struct {
	mu      sync.Mutex
	renewed []hub.Interface
	err     error
}

func (o *ours) Owns(_ context.Context, _ hub.Interface, id string) (bool, error) {
	return id == "sub-1", o.err
}

func (o *ours) Renew(i hub.Interface) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.renewed = append(o.renewed, i)
}

// byHeader takes the sender from a header; "mallory" may not send.
func byHeader(r *http.Request) (string, bool) {
	name := r.Header.Get("Sender")
	if name == "" {
		name = "nfvo"
	}
	return name, name != "mallory"
}

// serve serves a receiver over HTTP and returns its URL.
func serve(t testing.TB, rc *Receiver, i hub.Interface) string {
	s := httptest.NewServer(rc.Handler(i, byHeader))
	t.Cleanup(s.Close)
	return s.URL
}

// post sends a notification and returns the answer, with its body read.
func post(t testing.TB, url, sender string, body []byte) *http.Response {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Sender", sender)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp
}

// opBody is a notification of an operation.
func opBody(id, op, state string, at time.Time) []byte {
	status := "RESULT"
	if state == "PROCESSING" {
		status = "START"
	}
	return fmt.Appendf(nil, `{"id":%q,"notificationType":"NsLcmOperationOccurrenceNotification","subscriptionId":"sub-1","timestamp":%q,`+
		`"nsInstanceId":"ns-1","nsLcmOpOccId":%q,"operation":"INSTANTIATE","notificationStatus":%q,"operationState":%q,"isAutomaticInvocation":false,"_links":{}}`,
		id, at.Format(time.RFC3339Nano), op, status, state)
}

// changeBody is a notification of a change of a VNF.
func changeBody(id, ns string, at time.Time) []byte {
	return fmt.Appendf(nil, `{"id":%q,"notificationType":"NsChangeNotification","subscriptionId":"sub-1","timestamp":%q,"nsInstanceId":%q}`, id, at.Format(time.RFC3339Nano), ns)
}
