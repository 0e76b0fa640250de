package natsbus

import (
	"bytes"
	"sync"
)

// Bounds of what a process remembers of the items that it pushed to one queue:
// enough where the work keeps up, and little where it does not.
const (
	recentItems = 256
	recentBytes = 1 << 20
)

// recent remembers the newest items that this process pushed, by sequence, until
// they are handled for the first time. Who pushes is mostly who handles: it need
// not ask the server for what it has just sent.
type recent struct {
	mu    sync.Mutex // covers what is below
	items map[uint64]Item
	order []uint64 // sequences as they came, some of them taken already
	bytes int
}

// keep remembers an item and forgets the oldest when there is too much.
func (r *recent) keep(seq uint64, it Item) {
	if len(it.Data) > recentBytes {
		return
	}
	it.Data = bytes.Clone(it.Data) // it is the caller's
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.items == nil {
		r.items = map[uint64]Item{}
	}
	r.items[seq] = it
	r.order = append(r.order, seq)
	r.bytes += len(it.Data)
	for len(r.order) > recentItems || r.bytes > recentBytes {
		r.drop(r.order[0])
		r.order = r.order[1:]
	}
}

// take returns an item and forgets it.
func (r *recent) take(seq uint64) (Item, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	it, ok := r.items[seq]
	r.drop(seq)
	return it, ok
}

func (r *recent) drop(seq uint64) {
	r.bytes -= len(r.items[seq].Data)
	delete(r.items, seq)
}
