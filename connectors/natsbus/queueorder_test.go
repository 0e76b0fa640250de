package natsbus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
)

// Whatever fails and however often the owner changes, the items of each key are
// handled at least once, one at a time and in order.
func TestQueue_OrderUnderFailuresAndRestarts(t *testing.T) {
	t.Parallel()
	for range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed=%#x", seed), func(t *testing.T) { orderOfRandomWork(t, seed, false) })
	}
}

// The same of items that share their writes.
func TestQueue_OrderOfGroups(t *testing.T) {
	t.Parallel()
	for range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed=%#x", seed), func(t *testing.T) { orderOfRandomWork(t, seed, true) })
	}
}

// orderOfRandomWork pushes items of a few keys while owners come and go whose
// index is small and whose handlers fail, those of the first key nearly always.
func orderOfRandomWork(t *testing.T, seed uint64, grouped bool) {
	random := rand.New(rand.NewPCG(seed, 0))
	keys := []string{"a", "b", "c", "d", "e", "f"}
	o := &orderCheck{t: t, random: rand.New(rand.NewPCG(seed, 1)), keys: map[string]*keyCheck{}, groups: grouped}
	for _, key := range keys {
		o.keys[key] = &keyCheck{fails: random.Float64() / 2}
	}
	o.keys["a"].fails = 0.97
	s := testServer(t, t.TempDir())
	base := fast()
	base.Grouped = grouped
	in := mustQueue(t, testAccount(t, s), "q", base)
	pushed := map[string]int{}
	pushSome := func(n int) {
		var items []Item
		for range n {
			key := keys[min(random.IntN(2*len(keys)), len(keys)-1)] // half of them are of the last key
			items = append(items, Item{ID: fmt.Sprintf("%s %d", key, pushed[key]), Key: key})
			pushed[key]++
		}
		if grouped {
			pushTogether(t, in, items...)
			return
		}
		for _, it := range items {
			push(t, in, it.Key, it.ID)
		}
	}
	pushSome(100)
	for range 6 {
		cfg := base
		cfg.MaxWaiting, cfg.Workers = 1+random.IntN(20), 1+random.IntN(4)
		q := mustQueue(t, testAccount(t, s), "q", cfg)
		q.perKey = 1 + random.IntN(5)
		enough := o.handled() + random.IntN(30)
		stop := consume(t, q, o.handle)
		pushSome(30)
		eventually(t, "some are handled", func() bool { return o.handled() >= enough })
		stop()
		o.restarted()
	}
	q := mustQueue(t, testAccount(t, s), "q", base)
	q.perKey = 3
	defer consume(t, q, o.handle)()
	eventually(t, "nothing is left", func() bool { return itemsLeft(t, in) == 0 })
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, key := range keys {
		if o.keys[key].next != pushed[key] {
			t.Errorf("key %s: %d of %d items were handled", key, o.keys[key].next, pushed[key])
		}
	}
}

// orderCheck is a handler that fails at random and checks the order.
type orderCheck struct {
	t *testing.T

	mu      sync.Mutex // covers what is below
	random  *rand.Rand
	keys    map[string]*keyCheck
	success int
	groups  bool // more than one may come again, in order, also what an owner did that is dying
}

type keyCheck struct {
	fails   float64 // how likely an attempt fails
	next    int     // number of the next item
	again   bool    // the one before may come again: its owner left
	running bool
}

func (o *orderCheck) handle(_ context.Context, it Item) error {
	var n int
	if _, err := fmt.Sscanf(it.ID, it.Key+" %d", &n); err != nil {
		o.t.Errorf("item %q of key %q: %v", it.ID, it.Key, err)
	}
	k := o.begin(it.Key)
	runtime.Gosched() // lets another in that should not be
	return o.end(k, it.Key, n)
}

func (o *orderCheck) begin(key string) *keyCheck {
	o.mu.Lock()
	defer o.mu.Unlock()
	k := o.keys[key]
	if k.running {
		o.t.Errorf("two of key %s at a time", key)
	}
	k.running = true
	return k
}

func (o *orderCheck) end(k *keyCheck, key string, n int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	k.running = false
	if n != k.next && (n != k.next-1 && (!o.groups || n > k.next) || !k.again) {
		o.t.Errorf("key %s: item %d came, not %d", key, n, k.next)
	}
	if o.random.Float64() < k.fails {
		return errors.New("no")
	}
	k.next, k.again = n+1, k.again && o.groups
	o.success++
	return nil
}

func (o *orderCheck) handled() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.success
}

// restarted notes that the owner left.
func (o *orderCheck) restarted() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, k := range o.keys {
		k.again = true
	}
}
