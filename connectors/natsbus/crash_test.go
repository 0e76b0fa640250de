package natsbus

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// childWork appends and pushes as fast as it can, printing what was
// acknowledged, and takes a part of the queue's work.
func childWork(t *testing.T, a *Account) {
	l, q := mustLog(t, a, "l"), mustQueue(t, a, "q", fast())
	var mu sync.Mutex
	acknowledged := 0
	say := func(what, id string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(what, id)
		if acknowledged++; acknowledged == 300 {
			fmt.Println("ready")
		}
	}
	go q.Consume(within(t), func(_ context.Context, it Item) error {
		if strings.HasPrefix(it.ID, "2-") { // the other keys hang, as they would in a slow peer
			say("done", it.ID)
			return nil
		}
		<-within(t).Done()
		return nil
	})
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%05d", w, i)
				if l.Append(within(t), record(id)) == nil {
					say("appended", id)
				}
				if q.Push(within(t), Item{ID: id, Key: fmt.Sprint(w)}) == nil {
					say("pushed", id)
				}
			}
		}()
	}
}

// A process is killed with SIGKILL in the middle of its work. What was
// acknowledged is there, once; work goes on in order.
func TestKilled(t *testing.T) {
	if role := os.Getenv("NATSBUS_CHILD"); role != "" {
		killedChild(t, role)
		return
	}
	dir := t.TempDir()
	said := map[string][]string{}
	for _, line := range killChild(t, "work", dir) {
		if what, id, ok := strings.Cut(line, " "); ok {
			said[what] = append(said[what], id)
		}
	}
	if len(said["appended"]) == 0 || len(said["pushed"]) == 0 {
		t.Fatalf("the child did nothing: %v", said)
	}
	a, s, err := guarded(within(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer leave(a, s)

	ids := readIDs(t, mustLog(t, a, "l"), Position{})
	count := map[string]int{}
	for _, id := range ids {
		count[id]++
	}
	for id, n := range count {
		if n != 1 {
			t.Errorf("record %s is there %d times", id, n)
		}
	}
	for _, id := range said["appended"] {
		if count[id] == 0 {
			t.Errorf("record %s was acknowledged and is lost", id)
		}
	}

	var mu sync.Mutex
	handled := map[string][]string{}
	left := map[string]bool{}
	for _, id := range said["pushed"] {
		left[id] = true
	}
	for _, id := range said["done"] {
		delete(left, id)
	}
	stop := consume(t, mustQueue(t, a, "q", fast()), func(_ context.Context, it Item) error {
		mu.Lock()
		defer mu.Unlock()
		handled[it.Key] = append(handled[it.Key], it.ID)
		delete(left, it.ID)
		return nil
	})
	defer stop()
	eventually(t, "what was pushed is handled", func() bool { mu.Lock(); defer mu.Unlock(); return len(left) == 0 })
	stop()
	for key, ids := range handled {
		if !slices.IsSorted(ids) {
			t.Errorf("key %s out of order: %v", key, ids)
		}
	}
}
