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

// recent remembers the newest items that this process pushed, by place, until
// they are handled for the first time. Who pushes is mostly who handles: it need
// not ask the server for what it has just sent.
type recent struct {
	mu    sync.Mutex // covers what is below
	items map[place]Item
	order []place // as they came, some of them taken already
	bytes int
}

// keep remembers an item and forgets the oldest when there is too much.
func (r *recent) keep(at place, it Item) {
	if len(it.Data) > recentBytes {
		return
	}
	it.Data = bytes.Clone(it.Data) // it is the caller's
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.items == nil {
		r.items = map[place]Item{}
	}
	r.items[at] = it
	r.order = append(r.order, at)
	r.bytes += len(it.Data)
	for len(r.order) > recentItems || r.bytes > recentBytes {
		r.drop(r.order[0])
		r.order = r.order[1:]
	}
}

// take returns an item and forgets it.
func (r *recent) take(at place) (Item, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	it, ok := r.items[at]
	r.drop(at)
	return it, ok
}

func (r *recent) drop(at place) {
	r.bytes -= len(r.items[at].Data)
	delete(r.items, at)
}

// opened remembers the items of groups, by the subject of their message: of those
// that this process pushed last, and of those that it read last.
type opened struct {
	mu     sync.Mutex // covers what is below
	groups map[string][]Item
	order  []string // subjects as they came, some of them dropped already
	bytes  int
}

// openedBytes bounds the payloads of the groups that are remembered: some sixteen
// of the largest.
const openedBytes = 16 * maxGroupBytes

// keep remembers the items of a group and forgets the oldest ones when there is
// too much.
func (o *opened) keep(subject string, items []Item) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.groups[subject] != nil {
		return
	}
	if o.groups == nil {
		o.groups = map[string][]Item{}
	}
	o.groups[subject] = items
	o.order = append(o.order, subject)
	o.bytes += sizeOfGroup(items)
	for len(o.order) > 0 && (o.bytes > openedBytes || len(o.order) > recentItems) {
		o.forget(o.order[0])
		o.order = o.order[1:]
	}
}

// item returns the n-th item of a group.
func (o *opened) item(subject string, n int) (Item, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	items := o.groups[subject]
	if n >= len(items) {
		return Item{}, false
	}
	return items[n], true
}

// drop forgets a group.
func (o *opened) drop(subject string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.forget(subject)
}

func (o *opened) forget(subject string) {
	o.bytes -= sizeOfGroup(o.groups[subject])
	delete(o.groups, subject)
}

func sizeOfGroup(items []Item) int {
	size := 0
	for i := range items {
		size += sizeInGroup(&items[i])
	}
	return size
}
