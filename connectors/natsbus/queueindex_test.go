package natsbus

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// However many items come of however few keys, the index stays within its bounds,
// and each key has its items in order.
func TestIndex_Bounds(t *testing.T) {
	const size, perKey = 20, 4
	random := rand.New(rand.NewPCG(1, 2))
	x := newIndex(size, perKey)
	stream := map[string][]place{} // what waits, by key
	for seq := place(1); seq <= 5000; seq++ {
		key := fmt.Sprint(random.IntN(30))
		switch w := x.keys[key]; {
		case x.room(key):
			if begun := x.add(key, seq); (begun == nil) != (w != nil) {
				t.Fatalf("key %s: begun %v, was %v", key, begun, w)
			}
			stream[key] = append(stream[key], seq)
		case len(x.keys) < size || w != nil:
			t.Fatalf("no room for key %s with %d keys", key, len(x.keys))
		}
		for _, w := range x.keys { // one key is worked on
			if random.IntN(2) == 0 {
				break // it fails: less is done than comes
			}
			if w.first() == 0 {
				found := slices.Clone(stream[w.key][:min(x.most(w), len(stream[w.key]))])
				x.extend(w, found, found[len(found)-1])
			}
			if w.first() != stream[w.key][0] {
				t.Fatalf("key %s: first is %d of %v", w.key, w.first(), stream[w.key])
			}
			x.done(w)
			stream[w.key] = stream[w.key][1:]
			if x.drop(w) != (len(stream[w.key]) == 0) {
				t.Fatalf("key %s: dropped with %v left", w.key, stream[w.key])
			}
			break
		}
		listed, waiting := 0, 0
		for _, w := range x.keys {
			if waiting += w.waiting; w.waiting != len(stream[w.key]) {
				t.Fatalf("%d items of key %s wait, counted %d", len(stream[w.key]), w.key, w.waiting)
			}
			if listed += len(w.list); len(w.list) > perKey {
				t.Fatalf("%d items of key %s are listed", len(w.list), w.key)
			}
		}
		if waiting != x.waiting {
			t.Fatalf("%d items wait, counted %d", waiting, x.waiting)
		}
		if listed != x.listed || listed > size+len(x.keys) || len(x.keys) > size {
			t.Fatalf("%d items listed, %d counted, %d keys", listed, x.listed, len(x.keys))
		}
	}
}
