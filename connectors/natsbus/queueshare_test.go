package natsbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// sharing is a queue that several processes work on, each with a connection of
// its own. The checker sees what they do.
type sharing struct {
	t  *testing.T
	s  *server.Server
	in *Queue
	o  *orderCheck

	cfg QueueConfig

	mu     sync.Mutex     // covers what is below
	worked map[string]int // items handled, by process
}

const sharedKeys = 24

func newSharing(t *testing.T, grouped bool) *sharing {
	s := testServer(t, t.TempDir())
	sh := &sharing{t: t, s: s, cfg: sharedConfig(), worked: map[string]int{}}
	sh.cfg.Grouped = grouped
	sh.in = mustQueue(t, testAccount(t, s), "q", sh.cfg)
	sh.o = &orderCheck{t: t, random: rand.New(rand.NewPCG(1, 1)), keys: map[string]*keyCheck{}, groups: grouped}
	for n := range sharedKeys {
		sh.o.keys[fmt.Sprintf("k%d", n)] = &keyCheck{fails: 0.05}
	}
	return sh
}

func sharedConfig() QueueConfig {
	cfg := fast()
	cfg.Shares = 8
	return cfg
}

// process begins to work on the queue.
func (sh *sharing) process(name string, a *Account) (stop func()) {
	return consume(sh.t, mustQueue(sh.t, a, "q", sh.cfg), func(ctx context.Context, it Item) error {
		err := sh.o.handle(ctx, it)
		if err == nil {
			sh.mu.Lock()
			sh.worked[name]++
			sh.mu.Unlock()
		}
		return err
	})
}

// push adds an item of each key.
func (sh *sharing) push(round int) {
	var items []Item
	for n := range sharedKeys {
		key := fmt.Sprintf("k%d", n)
		items = append(items, Item{ID: fmt.Sprintf("%s %d", key, round), Key: key})
	}
	if sh.cfg.Grouped {
		pushTogether(sh.t, sh.in, items...)
		return
	}
	for _, it := range items {
		push(sh.t, sh.in, it.Key, it.ID)
	}
}

// shared waits until these processes, and no others, have all parts in equal
// shares.
func (sh *sharing) shared(processes int) {
	sh.t.Helper()
	eventually(sh.t, fmt.Sprintf("%d processes share the parts", processes), func() bool {
		now := sh.claims()
		if len(now.Members) != processes || slices.Contains(now.Parts, "") {
			return false
		}
		if n := sh.in.Parts(); n != 0 {
			sh.t.Errorf("one that does no work has %d parts", n)
		}
		for id := range now.Members {
			if n := len(now.of(id)); n < 8/processes-1 || n > (8+processes-1)/processes {
				return false
			}
		}
		return true
	})
}

func (sh *sharing) claims() claims {
	sh.t.Helper()
	kv, err := sh.in.leases.Get(within(sh.t), "queue/q")
	if err != nil {
		return claims{}
	}
	return readClaims(kv, time.Second)
}

// empty waits until nothing is left, and wants each key to be done up to a round.
func (sh *sharing) empty(rounds int) {
	sh.t.Helper()
	eventually(sh.t, "nothing is left", func() bool { return itemsLeft(sh.t, sh.in) == 0 })
	sh.o.mu.Lock()
	defer sh.o.mu.Unlock()
	for key, k := range sh.o.keys {
		if k.next != rounds {
			sh.t.Errorf("key %s: %d of %d items were handled", key, k.next, rounds)
		}
	}
}

// Processes divide the keys among them, also when one comes, stops or is cut off,
// and the items of each key are handled in order, one at a time.
func TestQueue_Shared(t *testing.T) {
	t.Parallel()
	t.Run("single", func(t *testing.T) { t.Parallel(); sharedByThree(t, false) })
	t.Run("grouped", func(t *testing.T) { t.Parallel(); sharedByThree(t, true) })
}

func sharedByThree(t *testing.T, grouped bool) {
	sh := newSharing(t, grouped)
	round := 0
	rounds := func(n int) {
		for range n {
			sh.push(round)
			round++
		}
	}
	rounds(3) // what waits when the first one comes
	stopFirst := sh.process("first", testAccount(t, sh.s))
	defer stopFirst()
	sh.shared(1)
	sh.empty(round)
	for name, n := range map[string]int{"first": sharedKeys * 3} {
		if sh.worked[name] != n {
			t.Errorf("%s handled %d", name, sh.worked[name])
		}
	}
	a, line := flakyAccount(t, sh.s)
	stopSecond := sh.process("second", a)
	rounds(3) // while the second takes its share
	sh.shared(2)
	rounds(3)
	stopThird := sh.process("third", testAccount(t, sh.s))
	rounds(3)
	sh.shared(3)
	rounds(3)
	sh.empty(round)
	for _, name := range []string{"first", "second", "third"} {
		if sh.worked[name] == 0 {
			t.Errorf("%s handled nothing", name)
		}
	}
	rounds(3)
	stopThird()
	sh.shared(2)
	rounds(3)
	line.mute() // as a process that hangs: it does not hand its parts over
	sh.o.restarted()
	rounds(3)
	sh.shared(1)
	sh.empty(round)
	line.cut()
	stopSecond()
}

// A handler whose key becomes another process's is told to stop, and only then
// the other one begins.
func TestQueue_HandedOver(t *testing.T) {
	s := testServer(t, t.TempDir())
	cfg := sharedConfig()
	cfg.Shares, cfg.Workers = 2, 8
	first, second := mustQueue(t, testAccount(t, s), "q", cfg), mustQueue(t, testAccount(t, s), "q", cfg)
	for n := range 6 {
		push(t, first, fmt.Sprint("k", n), fmt.Sprint(n))
	}
	var mu sync.Mutex
	holds, came, release := map[string]bool{}, 0, make(chan struct{})
	hold := func(ctx context.Context, it Item) error {
		mu.Lock()
		if holds[it.Key] {
			t.Errorf("two of key %s at a time", it.Key)
		}
		holds[it.Key] = true
		came++
		mu.Unlock()
		select {
		case <-ctx.Done():
		case <-release:
		}
		mu.Lock()
		defer mu.Unlock()
		holds[it.Key] = false
		return ctx.Err()
	}
	defer consume(t, first, hold)()
	count := func() int { mu.Lock(); defer mu.Unlock(); return came }
	eventually(t, "all are begun", func() bool { return count() == 6 })
	defer consume(t, second, hold)()
	eventually(t, "some are begun again", func() bool { return count() > 6 })
	eventually(t, "each has one part", func() bool { return first.Parts() == 1 && second.Parts() == 1 })
	close(release)
	eventually(t, "nothing is left", func() bool { return itemsLeft(t, first) == 0 })
}

// Whatever fails and however processes come and go, the items of each key are
// handled at least once, one at a time and in order.
func TestQueue_SharedAtRandom(t *testing.T) {
	t.Run("single", func(t *testing.T) { sharedAtRandom(t, false) })
	t.Run("grouped", func(t *testing.T) { sharedAtRandom(t, true) })
}

func sharedAtRandom(t *testing.T, grouped bool) {
	sh := newSharing(t, grouped)
	random := rand.New(rand.NewPCG(rand.Uint64(), 0))
	round := 0
	var stops []func()
	for range 8 {
		if len(stops) < 3 && (len(stops) == 0 || random.IntN(2) == 0) {
			stops = append(stops, sh.process(fmt.Sprint(round), testAccount(t, sh.s)))
		} else {
			n := random.IntN(len(stops))
			stops[n]()
			stops = slices.Delete(stops, n, n+1)
			sh.o.restarted()
		}
		enough := sh.o.handled()
		if len(stops) > 0 {
			enough += random.IntN(20)
		}
		for range 3 {
			sh.push(round)
			round++
		}
		eventually(t, "some are handled", func() bool { return sh.o.handled() >= enough })
	}
	stops = append(stops, sh.process("last", testAccount(t, sh.s)))
	sh.empty(round)
	for _, stop := range stops {
		stop()
	}
	if _, err := sh.in.leases.Get(within(t), "queue/q"); err == nil {
		t.Error("a claim is left over")
	}
}

// What a program before there were parts has is respected until its lease ends,
// and then its work is taken over; and such a program sees a lease that is kept.
func TestQueue_UpgradeFromOneOwner(t *testing.T) {
	t.Parallel()
	s := testServer(t, t.TempDir())
	q := mustQueue(t, testAccount(t, s), "q", sharedConfig())
	push(t, q, "k", "1", "2")
	old := []byte(`{"owner":"old","lease":900000000}`)
	revision, err := q.leases.Create(within(t), "queue/q", old)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	began := time.Now()
	stop := consume(t, q, func(_ context.Context, it Item) error { got <- it.ID; return nil })
	defer stop()
	for time.Since(began) < 2*time.Second { // it is renewed
		<-time.After(200 * time.Millisecond)
		if revision, err = q.leases.Update(within(t), "queue/q", old, revision); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) > 0 {
		t.Error("work was taken whose owner lives")
	}
	expect(t, got, "1", "2")
	var seen []uint64
	eventually(t, "the lease is renewed", func() bool {
		kv, err := q.leases.Get(within(t), "queue/q")
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			Owner string
			Lease time.Duration
		}
		if err := json.Unmarshal(kv.Value, &v); err != nil || v.Owner == "" || v.Lease != 900*time.Millisecond {
			t.Fatalf("an older program reads %+v, %v", v, err)
		}
		if !slices.Contains(seen, kv.Revision) {
			seen = append(seen, kv.Revision)
		}
		return len(seen) == 3
	})
}

// A process that was stopped for longer than its lease, and does not know it yet,
// hands nothing out.
func TestQueue_LeaseOver(t *testing.T) {
	q := mustQueue(t, testAccount(t, testServer(t, t.TempDir())), "q", fast())
	ctx, cancel := context.WithCancelCause(t.Context())
	d := newDispatcher(ctx, cancel, q, func(_ context.Context, it Item) error {
		t.Errorf("handed out %s", it.ID)
		return nil
	})
	c := q.newClaim(d)
	long := time.Now().Add(-time.Second)
	c.renewed.Store(&long)
	d.valid = c.valid
	push(t, q, "k", "1")
	d.grow([]int{0}, 1, 1)
	go d.read()
	<-ctx.Done()
	d.end()
	d.busy.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, errLeaseLost) {
		t.Errorf("it ended with %v", cause)
	}
}
