package wire

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/testbus"
)

// The log of a trust domain is opened once for all who append to it at the same time,
// and anew after the trust domain was deleted.
func TestRecords_OpenedOnce(t *testing.T) {
	t.Parallel()
	bus := testbus.Open(t, t.TempDir(), "north")
	l := newRecords(bus.Bus)
	var wg sync.WaitGroup
	var mu sync.Mutex
	opened := map[*natsbus.Log]bool{}
	for range 8 {
		wg.Go(func() {
			log, err := l.open(t.Context(), "north")
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			opened[log.Log] = true
		})
	}
	wg.Wait()
	if len(opened) != 1 {
		t.Errorf("the log was opened %d times", len(opened))
	}
	r := hub.Record{ID: hub.NewID(), Kind: "test", Time: time.Now(), Actor: "test", Subject: "test/1", Data: json.RawMessage(`{"n":1}`)}
	for _, data := range []string{`{"n":1}`, `{"n":1}`, `{"n":2}`} { // what is there stands
		r.Data = json.RawMessage(data)
		if err := l.Append(t.Context(), "north", r); err != nil {
			t.Errorf("append %s: %v", data, err)
		}
	}
	l.forget("north")
	again, err := l.open(t.Context(), "north")
	if err != nil || opened[again.Log] {
		t.Errorf("a log that was forgotten is there: %v", err)
	}
	if _, err := l.open(t.Context(), "nowhere"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("the log of a trust domain that does not exist: %v", err)
	}
}
