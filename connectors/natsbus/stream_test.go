package natsbus

import (
	"fmt"
	"sync"
	"testing"
)

// Who opens a stream for the first time while another one does so as well has it, and
// is not told that it is gone.
func TestOpenStream_AtOnce(t *testing.T) {
	t.Parallel()
	a := testAccount(t, testServer(t, t.TempDir()))
	a.guard = newGuard(t.TempDir(), a.name, a.log)
	for n := range 50 {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if _, err := a.Table(within(t), fmt.Sprint("t", n)); err != nil {
					t.Errorf("table %d: %v", n, err)
				}
			})
		}
		all.Wait()
	}
}
