package natsbus

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// Who is asked before anybody acts on a record is told how far it reaches, also of
// one that was there before, and what it refuses Append returns although the
// record is stored. Of one that is not stored, and of AppendAt, nobody is asked.
func TestLog_Stored(t *testing.T) {
	var mu sync.Mutex
	var asked []uint64
	refusal := error(nil)
	cfg := embeddedConfig(t)
	cfg.Stored = func(_ context.Context, account, log string, records uint64) error {
		mu.Lock()
		defer mu.Unlock()
		if account != "north" || log != "KEPT" {
			t.Errorf("asked about log %s of %s", log, account)
		}
		asked = append(asked, records)
		return refusal
	}
	b := mustOpen(t, cfg)
	l := mustLog(t, mustCreate(t, b, "north"), "KEPT")
	changed := record("b")
	changed.Subject = "other"
	other := hub.E(hub.Unavailable, "seal", "not yet", nil)
	for _, c := range []struct {
		records []hub.Record
		refusal error
		want    hub.Code
	}{
		{records: []hub.Record{record("a")}},
		{records: []hub.Record{record("b"), record("c")}},
		{records: []hub.Record{record("a")}},                        // again
		{records: []hub.Record{changed}, want: hub.Conflict},        // the one that is there stands
		{records: []hub.Record{record("d"), {}}, want: hub.Invalid}, // nothing is stored
		{records: []hub.Record{record("e")}, refusal: other, want: hub.Unavailable},
	} {
		mu.Lock()
		refusal = c.refusal
		mu.Unlock()
		err := l.Append(within(t), c.records...)
		if hub.CodeOf(err) != c.want || c.refusal != nil && !errors.Is(err, c.refusal) {
			t.Errorf("Append of %s: %v; want %q", c.records[0].ID, err, c.want)
		}
	}
	if err := l.AppendAt(within(t), 3, record("f")); err != nil {
		t.Error(err)
	}
	if want := []uint64{1, 3, 3, 3, 4}; !slices.Equal(asked, want) {
		t.Errorf("asked about %v records; want %v", asked, want)
	}
	if got, want := readIDs(t, l, Position{}), []string{"a", "b", "c", "e", "f"}; !slices.Equal(got, want) {
		t.Errorf("the log holds %v; want %v", got, want)
	}
}
