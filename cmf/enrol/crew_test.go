package enrol

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Work that comes at once is done at once; work that comes later is done by those that are
// idle, who leave when there is none: the bubble would not end with them.
func TestCrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun, done atomic.Int64
		c, release := newCrew(), make(chan struct{})
		for range 3 {
			c.do(func() { begun.Add(1); <-release; done.Add(1) })
			synctest.Wait()
		}
		if begun.Load() != 3 {
			t.Fatalf("%d of 3 are begun", begun.Load())
		}
		close(release)
		synctest.Wait()
		was := runtime.NumGoroutine()
		for range 20 {
			c.do(func() { done.Add(1) })
			synctest.Wait()
		}
		if is := runtime.NumGoroutine(); done.Load() != 23 || is > was {
			t.Errorf("%d of 23 are done, by %d goroutines more", done.Load(), is-was)
		}
		time.Sleep(2 * crewIdle)
		c.do(func() { done.Add(1) })
		synctest.Wait()
		if done.Load() != 24 {
			t.Error("nobody came back")
		}
		time.Sleep(2 * crewIdle)
	})
}
