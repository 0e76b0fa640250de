package state

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// groupPrefix begins the keys of messages that hold resources which were created at
// the same time, see [Kind.CreateTogether]. A group is written as a pack is. Its
// resources are never changed; one that is deleted is gone from the index, and the
// message goes with the last of them. After a restart the deleted ones of a message that
// is left are there again, to be deleted again.
const groupPrefix = "together"

// Groups is what the keys of those messages begin with, for who looks at a table itself.
const Groups = groupPrefix + "/"

// CountGrouped counts the resources in such a message whose keys have a prefix.
func CountGrouped(message []byte, prefix string) (n int) {
	for line := range bytes.Lines(message) {
		if bytes.HasPrefix(line, []byte(prefix)) {
			n++
		}
	}
	return n
}

// EachGrouped hands out the resources in such a message, each by its key and as it is
// stored. Its error says that the message is none.
func EachGrouped(message []byte, fn func(key string, raw []byte)) error {
	return eachRow(message, fn)
}

// togetherPause is how long a group waits for more where several came lately. One that
// comes alone is not waited with.
const togetherPause = 2 * time.Millisecond

// CreateTogether is [Kind.Create] for resources that are never changed and whose
// deletion may be forgotten by a restart, such as one for their age. Those that are
// created at the same time share a message, and so the wait for the disk, where no
// other process writes to the table ([Sole]); elsewhere it is Create, because each ID
// has to be compared with what others create.
//
// When it is not known whether a group was stored, its callers are answered
// hub.Unavailable. Its IDs are in use from then on, and who creates one of them again has
// that very group stored first.
func (k *Kind[T]) CreateTogether(ctx context.Context, domain, id string, value *T) (Entry[T], error) {
	d, err := k.space.ready(ctx, domain)
	if err != nil {
		return Entry[T]{}, err
	}
	if !d.sole {
		return k.Create(ctx, domain, id, value)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return Entry[T]{}, fmt.Errorf("create %s %s: %w", k.prefix, id, err)
	}
	x, terms, err := k.written(d, id, 0, raw, value)
	if err != nil {
		return Entry[T]{}, err
	}
	c := &creation{ctx: ctx, key: k.key(id), raw: raw, enter: func(from *pack, revision uint64, told bool) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if told || revision > d.told.Load() {
			is := *x
			is.pack, is.revision, is.told = from, revision, told
			k.put(id, &is, terms)
		}
	}}
	a, mine := d.creator.add(d, c, func() bool { _, used := k.Domain(id); return used })
	if a == nil {
		return Entry[T]{}, hub.E(hub.Conflict, "create "+k.prefix, "it is there already", nil)
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		return Entry[T]{}, hub.E(hub.Unavailable, "create "+k.prefix, "the caller left before it was known to be stored", ctx.Err())
	}
	switch {
	case a.err != nil:
		return Entry[T]{}, fmt.Errorf("create %s %s: %w", k.prefix, id, a.err)
	case !mine:
		return Entry[T]{}, hub.E(hub.Conflict, "create "+k.prefix, "it is there already", nil)
	}
	return Entry[T]{ID: id, Domain: domain, Revision: a.revision, Value: *value}, nil
}

// creation is a resource on its way into a group.
type creation struct {
	ctx   context.Context
	key   string
	raw   []byte
	enter func(from *pack, revision uint64, told bool) // puts it into the index
	try   *attempt
}

// attempt is one attempt to store a resource with its group.
type attempt struct {
	done     chan struct{}
	revision uint64
	err      error // once done is closed
}

// group is a message on its way, or of which it is not known whether it is there.
type group struct {
	from *pack
	rows []*creation
	text []byte
}

// creator writes the groups of a table, one after the other: what comes while one is on
// its way goes into the next.
type creator struct {
	mu      sync.Mutex // covers what is below
	waiting []*creation
	under   map[string]*creation // by key: that wait, are on their way, or are of the unsure group
	full    chan struct{}        // closed when what waits fills a group; nil: nobody pauses
	unsure  *group               // not known to be stored, and stored before anything else
	lately  int                  // how many the last group had
	writing bool                 // a goroutine runs write
	own     map[string]*group    // by key: of this process, which the watch has not told
}

// add has a resource stored, and returns the attempt to wait for; nil if it is used.
// mine is false where another call is about to create the resource, or may have.
func (k *creator) add(d *domainTable, c *creation, used func() bool) (a *attempt, mine bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	was := k.under[c.key]
	switch {
	case was != nil: // under the lock: it leaves k.under after it has entered the index
		c = was
	case used():
		return nil, false
	default:
		mine = true
		if k.under == nil {
			k.under, k.own = map[string]*creation{}, map[string]*group{}
		}
		c.try = &attempt{done: make(chan struct{})}
		k.under[c.key], k.waiting = c, append(k.waiting, c)
		if len(k.waiting) >= mostPacked && k.full != nil {
			close(k.full)
			k.full = nil
		}
	}
	if !k.writing {
		k.writing = true
		go k.write(d)
	}
	return c.try, mine
}

// write stores group after group until nothing waits, or one is not stored.
func (k *creator) write(d *domainTable) {
	for {
		k.pause(d.work)
		g := k.next()
		if g == nil {
			return
		}
		revision, err := g.store(d)
		if err == nil {
			for _, c := range g.rows {
				c.enter(g.from, revision, false)
			}
		}
		if !k.finish(g, revision, err) {
			return
		}
	}
}

// pause waits for more to come, if more came lately.
func (k *creator) pause(work context.Context) {
	k.mu.Lock()
	n := len(k.waiting)
	if k.unsure != nil || n == 0 || n >= mostPacked || n == 1 && k.lately < 2 {
		k.mu.Unlock()
		return
	}
	full := make(chan struct{})
	k.full = full
	k.mu.Unlock()
	t := time.NewTimer(togetherPause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-full:
	case <-work.Done():
	}
}

// next returns the group to be stored next; nil when nothing waits, and then nobody
// writes.
func (k *creator) next() *group {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.full = nil
	if k.unsure != nil {
		return k.unsure
	}
	if len(k.waiting) == 0 {
		k.writing = false
		return nil
	}
	g := &group{from: &pack{key: groupPrefix + "/" + hub.NewID(), left: new(atomic.Int32)}}
	n, size := 0, 0
	for ; n < min(len(k.waiting), mostPacked); n++ {
		row := rowSize(k.waiting[n].key, k.waiting[n].raw)
		if n > 0 && size+row > packBytes {
			break
		}
		size += row
	}
	g.rows, g.text, k.waiting = k.waiting[:n:n], make([]byte, 0, size), k.waiting[n:]
	for _, c := range g.rows {
		g.text = appendRow(g.text, c.key, c.raw)
	}
	g.from.left.Store(int32(len(g.rows)))
	k.own[g.from.key] = g // before it is there: the watch may tell it first
	k.lately = len(g.rows)
	return g
}

// finish answers those who wait for a group. It reports whether to go on: where one is
// not stored, nothing that waits is tried either.
func (k *creator) finish(g *group, revision uint64, err error) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	answer := func(list []*creation) {
		for _, c := range list {
			delete(k.under, c.key)
			c.try.revision, c.try.err = revision, err
			close(c.try.done)
		}
	}
	answer(g.rows)
	if err == nil {
		k.unsure = nil
		return true
	}
	k.unsure = nil
	if c := hub.CodeOf(err); c == hub.Unavailable || c == hub.RateLimited {
		k.unsure = g
		for _, c := range g.rows { // until it is known what became of them
			c.try = &attempt{done: make(chan struct{})}
			k.under[c.key] = c
		}
	} else {
		delete(k.own, g.from.key)
	}
	answer(k.waiting)
	k.waiting, k.writing = nil, false
	return false
}

// store writes a group. One that is there already was stored by an earlier attempt.
func (g *group) store(d *domainTable) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(g.rows[0].ctx), packTimeout)
	defer cancel()
	revision, err := d.table.Create(ctx, g.from.key, g.text)
	if hub.CodeOf(err) == hub.Conflict {
		_, revision, err = d.table.Get(ctx, g.from.key)
	}
	if err != nil {
		return 0, fmt.Errorf("store %d resources: %w", len(g.rows), err)
	}
	return revision, nil
}

// take returns a group of this process that the watch has not told before.
func (k *creator) take(key string) *group {
	k.mu.Lock()
	defer k.mu.Unlock()
	g := k.own[key]
	delete(k.own, key)
	return g
}

// ungroup prepares a group for the kinds of what it holds, or its removal. What this
// process wrote is not decoded again.
func (s *Space) ungroup(d *domainTable, c Change) (finish func() error) {
	switch g := d.creator.take(c.Key); {
	case c.Deleted:
		return func() error {
			if !d.sole { // else all of it was deleted here before
				for _, k := range s.allKinds() {
					k.dropPacked(d, c.Key)
				}
			}
			s.reflects(d, c.Revision)
			return nil
		}
	case g != nil:
		return func() error {
			for _, row := range g.rows {
				row.enter(g.from, c.Revision, true)
			}
			s.reflects(d, c.Revision)
			return nil
		}
	}
	from := &pack{key: c.Key, left: new(atomic.Int32)}
	rows, finish := s.unpackRows(d, c, from)
	from.left.Store(int32(rows))
	return finish
}

// dropPacked drops what a message that was removed held. It looks at all there is: it is
// for processes that share a table, which the message was not made on.
func (k *Kind[T]) dropPacked(d *domainTable, key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, x := range k.all() {
		if x.domain == d && x.pack != nil && x.pack.key == key {
			k.put(id, gone[T](d, x.revision, true), nil)
		}
	}
}

// deleteGrouped removes a resource of a group from the index, and the message with the
// last one of it.
func (k *Kind[T]) deleteGrouped(ctx context.Context, d *domainTable, id string, from *pack, revision uint64) error {
	if err := d.reflected(ctx, revision); err != nil { // it would come back
		return fmt.Errorf("delete %s %s: %w", k.prefix, id, err)
	}
	k.mu.Lock()
	x := k.at(id)
	if x == nil || x.domain != d || x.pack != from {
		k.mu.Unlock()
		return k.notFound()
	}
	k.put(id, gone[T](d, x.revision, true), nil)
	k.mu.Unlock()
	if from.left.Add(-1) > 0 {
		return nil
	}
	err := d.table.Delete(ctx, from.key, revision)
	if c := hub.CodeOf(err); c != "" && c != hub.NotFound {
		return fmt.Errorf("delete %s %s: remove its message: %w", k.prefix, id, err)
	}
	return nil
}
