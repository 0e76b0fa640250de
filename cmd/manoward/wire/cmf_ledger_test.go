package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// After the records were begun anew the CMF still finds, from its mark on, what was
// issued by the records before, so that no certificate is unknown to it.
func TestCMFLedger_BegunAnew(t *testing.T) {
	h := startProcess(t, func(*hubProcess) {})
	ctx := t.Context()
	if _, err := h.registry.CreateDomain(ctx, hub.Identity{}, "north"); err != nil {
		t.Fatal(err)
	}
	account, err := h.bus.Domain(ctx, "north")
	if err != nil {
		t.Fatal(err)
	}
	add := func(epoch int, ids ...string) {
		t.Helper()
		log, err := account.Log(ctx, inEpoch(trust.RecordLog, epoch))
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if err := log.Append(ctx, hub.Record{ID: id, Kind: "certificate.issued", Time: time.Now(), Subject: "certificate/" + id}); err != nil {
				t.Fatal(err)
			}
		}
	}
	ledger := func() cmfLedger {
		return cmfLedger{&cmfRole{hubProcess: &hubProcess{bus: h.bus, logs: newRecords(h.bus)}}}
	}
	issued := func(after uint64) (string, uint64) {
		t.Helper()
		var ids []string
		last := uint64(0)
		err := ledger().Read(ctx, "north", after, func(at uint64, r hub.Record) error {
			if at < last || at <= after {
				return fmt.Errorf("record %s is at %d, after %d", r.ID, at, last)
			}
			last = at
			if r.Kind == "certificate.issued" {
				ids = append(ids, r.ID)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(ids, " "), last
	}
	add(1, "one")
	mark, err := ledger().End(ctx, "north")
	if err != nil {
		t.Fatal(err)
	}
	add(1, "two", "three") // recorded, and not stored when the process died
	add(2, "four")
	table, err := accounts{h.bus}.Hub().Table(ctx, epochTable)
	if err != nil {
		t.Fatal(err)
	}
	if err := put(ctx, table, "north", "2"); err != nil {
		t.Fatal(err)
	}
	got, last := issued(mark)
	if got != "two three four" {
		t.Errorf("after the mark are %q; want two three four", got)
	}
	if got, _ := issued(last); got != "" {
		t.Errorf("after the end is %q", got)
	}
	add(2, "five")
	if got, _ := issued(last); got != "five" {
		t.Errorf("after the end of before is %q; want five", got)
	}
	stop := errors.New("enough")
	if err := ledger().Read(ctx, "north", mark, func(uint64, hub.Record) error { return stop }); err == nil || !errors.Is(err, stop) {
		t.Errorf("a reader that fails: %v", err)
	}
}
