package natsbus

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What several read together takes as long as it must, and not much longer.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pace{rate: 1 << 20}
		begun := time.Now()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 1000 {
					if err := p.take(t.Context(), 1<<10); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if took, want := time.Since(begun), 4000*time.Second/1024; took > want || took < want-worthWaiting {
			t.Errorf("4000 kB at 1 MB a second took %s, want %s", took, want)
		}
		time.Sleep(time.Hour) // is not saved up
		begun = time.Now()
		if err := p.take(t.Context(), 10<<20); err != nil || time.Since(begun) != 10*time.Second {
			t.Errorf("after a rest 10 MB took %s, %v", time.Since(begun), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.take(ctx, 1<<20); !errors.Is(err, context.Canceled) {
			t.Errorf("who is to end waits on: %v", err)
		}
	})
	if err := (*pace)(nil).take(t.Context(), 1<<40); err != nil {
		t.Errorf("without a pace: %v", err)
	}
}
