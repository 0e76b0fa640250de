// Package atonce makes the same call many times at once, for tests of what must have one
// effect, or one winner.
package atonce

import "sync"

// Do calls fn n times at once and returns what each returned, in the order in which
// they began; of one that ended the test (testing.T.FailNow), the zero value.
func Do[T any](n int, fn func() T) []T {
	all := make([]T, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { all[i] = fn() })
	}
	group.Wait()
	return all
}
