package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/testkit/testbus"
	"github.com/manoward/manoward/smgr"
)

// onBus opens an intake on a real bus, with a queue that nobody works on.
func onBus(t testing.TB, dir string) (*Intake, notify.Queue, *testbus.Bus) {
	t.Helper()
	bus := testbus.Open(t, dir, "north")
	q, err := bus.Queues(1, nil)(t.Context(), "north")
	if err != nil {
		t.Fatal(err)
	}
	in, err := Open(t.Context(), bus.Tables(), "north", "alpha", Ports{
		Push: q.Push, Decided: func(context.Context, string) (bool, error) { return false, nil },
		Told:   func(context.Context, string) (string, bool, error) { return "", false, nil },
		Append: func(context.Context, ...hub.Record) error { return nil },
		Check:  func(hub.EventKind, []byte) error { return nil },
		Log:    slog.New(slog.DiscardHandler), Now: time.Now,
	}, Limits{Rate: 1e9, Burst: 1e9, InFlight: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return in, q, bus
}

// What was answered 204 is handled after the bus was closed and opened again, in
// the order of its NS, each once.
func TestDurable(t *testing.T) {
	const each = 10
	dir := t.TempDir()
	in, _, bus := onBus(t, dir)
	url := serve(t, NewReceiver(in, &ours{}), hub.ScOrNsLcm)
	var all sync.WaitGroup
	for ns := range 4 {
		all.Go(func() {
			for n := range each {
				body := changeBody(fmt.Sprintf("n-%d-%d", ns, n), fmt.Sprint(ns), time.Now())
				for range 2 {
					if got := post(t, url, "nfvo", body).StatusCode; got != 204 {
						t.Errorf("answered %d", got)
					}
				}
			}
		})
	}
	all.Wait()
	bus.Close()

	_, q, _ := onBus(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	next, total := map[string]int{}, 0
	err := q.Consume(ctx, func(_ context.Context, id, key string, _ int, data []byte) error {
		var ev smgr.Event
		var n notification
		if err := json.Unmarshal(data, &ev); err != nil || ev.ID != id || ev.Key != key {
			t.Errorf("%s: %v", data, err)
		}
		if err := json.Unmarshal(ev.Body, &n); err != nil || n.ID != fmt.Sprintf("n-%s-%d", n.NsInstanceID, next[key]) {
			t.Errorf("key %s: %s comes as number %d", key, n.ID, next[key])
		}
		next[key]++
		if total++; total == 4*each {
			cancel()
		}
		return nil
	})
	if err != nil || total != 4*each {
		t.Fatalf("%d handled, %v", total, err)
	}
}

// cpu is what the process used of the processors.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkIntake compares the intake of one notification over HTTP with a bare
// handler that decodes it and appends it to the same queue, both durable. "cpu" is
// of the whole process per notification: client, server and bus. Run it with -cpu 1
// to leave waiting for the disk out of the comparison.
func BenchmarkIntake(b *testing.B) {
	in, q, _ := onBus(b, b.TempDir())
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		var n notification
		if err != nil || json.Unmarshal(raw, &n) != nil {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		ev, err := json.Marshal(smgr.Event{ID: n.ID, Kind: hub.EventNsChange, Key: smgr.KeyNs(n.NsInstanceID), Time: n.time(), Body: raw})
		if err == nil {
			err = q.Push(r.Context(), n.ID, smgr.KeyNs(n.NsInstanceID), ev)
		}
		if err != nil {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	var serial atomic.Int64
	for _, tt := range []struct {
		name    string
		handler http.Handler
	}{{"bare", bare}, {"intake", NewReceiver(in, &ours{}).Handler(hub.ScOrNsLcm, byHeader)}} {
		b.Run(tt.name, func(b *testing.B) {
			s := httptest.NewServer(tt.handler)
			defer s.Close()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			defer client.CloseIdleConnections()
			b.SetParallelism(32)
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n := serial.Add(1)
					body := changeBody(fmt.Sprint("n-", n), fmt.Sprint(n%100), time.Now())
					resp, err := client.Post(s.URL, "application/json", bytes.NewReader(body))
					if err != nil {
						b.Error(err)
						return
					}
					resp.Body.Close()
					if resp.StatusCode != 204 {
						b.Errorf("answered %d", resp.StatusCode)
					}
				}
			})
			b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}
