package trust

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A flood of attempts that all look different makes a bounded number of records,
// and not one attempt is left out of their counts.
func TestRefusals_FloodIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var records atomic.Int64
		attempts := 0
		f := NewRefusals(func(_ context.Context, _ string, r Refusal) error {
			records.Add(1)
			attempts += r.Count
			return nil
		}, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { f.Run(ctx); close(done) }()
		const seconds, each = 600, 300
		for s := range seconds {
			for n := range each {
				f.add("north", Refusal{ServerName: "a", Fingerprint: fmt.Sprint(s, n), Reason: reasonUntrusted})
			}
			time.Sleep(time.Second) // the bubble's clock
		}
		if got, most := records.Load(), int64(seconds+maxCredit+1); got > most {
			t.Errorf("%d records, want at most %d", got, most)
		}
		time.Sleep(time.Hour)
		stop()
		<-done
		if attempts != seconds*each {
			t.Errorf("the records count %d attempts, want %d", attempts, seconds*each)
		}
	})
}

// Attempts of one party on things of two trust domains that wait for their record
// together have one each: what says whose thing it was does not stand for another's.
//
// Covers: Sc-Or.NsLcm.003
func TestRefusals_EachDomainHasItsOwn(t *testing.T) {
	got := map[string]int{}
	f := NewRefusals(func(_ context.Context, _ string, r Refusal) error {
		got[r.TargetDomain] += r.Count
		return nil
	}, slog.New(slog.DiscardHandler))
	for _, domain := range []string{"south", "nowhere", "south"} {
		f.add("north", Refusal{Subject: "oss/billing", ServerName: "a", TargetDomain: domain, Target: "ns-17", Reason: "denied"})
	}
	f.flush(t.Context())
	if got["south"] != 2 || got["nowhere"] != 1 || len(got) != 2 {
		t.Errorf("recorded by owner: %v", got)
	}
}
