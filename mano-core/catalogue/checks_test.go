package catalogue

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/manoward/manoward/internal/hub"
)

// A hundred who ask at once cost two readings, of which the second began after
// all but the first had asked; nobody gets the verdict of an older reading.
func TestChecks_Shared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var readings atomic.Int32
		turn := make(chan bool)
		c := newChecks(func(context.Context, string, *Content) (bool, error) {
			readings.Add(1)
			return <-turn, nil
		})
		file := &Content{SHA256: "aa"}
		var first bool
		var asking, asking1 sync.WaitGroup
		asking1.Go(func() { first, _ = c.intact(t.Context(), t.Context(), "north", file) })
		synctest.Wait()
		var passed atomic.Int32
		for range 100 {
			asking.Go(func() {
				ok, err := c.intact(t.Context(), t.Context(), "north", file)
				if err != nil {
					t.Error(err)
				}
				if ok {
					passed.Add(1)
				}
			})
		}
		synctest.Wait()
		turn <- true // the first reading: of before the file was altered
		asking1.Wait()
		synctest.Wait()
		if !first || passed.Load() != 0 {
			t.Errorf("%v, and %d of those who asked later got its verdict", first, passed.Load())
		}
		turn <- false
		asking.Wait()
		if passed.Load() != 0 || readings.Load() != 2 {
			t.Errorf("%d passed, %d readings", passed.Load(), readings.Load())
		}
		synctest.Wait()
		if len(c.files) != 0 {
			t.Error("something is kept of a file that nobody asks for")
		}
	})
}

// Files are read apart; who stops waiting does not end the reading for others; an
// error reaches all.
func TestChecks_Ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		turn := map[string]chan struct{}{"north/aa": make(chan struct{}), "south/aa": make(chan struct{})}
		c := newChecks(func(ctx context.Context, domain string, file *Content) (bool, error) {
			select {
			case <-turn[domain+"/"+file.SHA256]:
				return false, broken
			case <-ctx.Done():
				return false, ctx.Err()
			}
		})
		work, stop := context.WithCancel(t.Context())
		gone, leave := context.WithCancel(t.Context())
		results := make(chan error, 3)
		ask := func(ctx context.Context, domain string) {
			_, err := c.intact(ctx, work, domain, &Content{SHA256: "aa"})
			results <- err
		}
		go ask(gone, "north")
		synctest.Wait()
		go ask(t.Context(), "north")
		synctest.Wait()
		leave()
		if err := <-results; hub.CodeOf(err) != hub.Unavailable {
			t.Errorf("who left: %v", err)
		}
		go ask(t.Context(), "south")
		synctest.Wait()
		turn["north/aa"] <- struct{}{} // of who left
		turn["north/aa"] <- struct{}{}
		if err := <-results; !errors.Is(err, broken) {
			t.Errorf("who stayed: %v", err)
		}
		stop()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("at the end of the work: %v", err)
		}
	})
}
