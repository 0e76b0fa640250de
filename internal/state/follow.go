package state

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// The pauses before a watch that ended is started again.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
)

// domainTable is the function's table in one trust domain.
type domainTable struct {
	name    string
	term    string // of the index, for what is in it
	table   Table
	synced  chan struct{}   // closed when the index holds all that was there
	work    context.Context // of following it
	stop    context.CancelFunc
	told    atomic.Uint64 // the index reflects everything up to this revision
	removed atomic.Bool   // nothing of it may enter the index any more
	waiting atomic.Int32  // how many wait for told to grow
	packer  packer
	creator creator
	sole    bool // no other process writes to it

	mu      sync.Mutex       // covers what is below
	trouble error            // why the table is not followed now
	bad     map[string]error // by key: what cannot be shown
	grown   chan struct{}    // closed and forgotten when told has grown; nil: nobody waits
}

// read reports whether the table has been read once.
func (d *domainTable) read() bool {
	select {
	case <-d.synced:
		return true
	default:
		return false
	}
}

// reflectTimeout is how long the index may stay behind the table. What it does not
// know by then may matter, so nothing is done without it.
const reflectTimeout = 10 * time.Second

// reflected waits until the index has everything up to a revision.
func (d *domainTable) reflected(ctx context.Context, revision uint64) error {
	if d.told.Load() >= revision {
		return nil
	}
	d.waiting.Add(1) // before told is looked at again: who raises it sees that somebody waits
	defer d.waiting.Add(-1)
	late := time.NewTimer(reflectTimeout)
	defer late.Stop()
	for {
		d.mu.Lock()
		if d.grown == nil {
			d.grown = make(chan struct{})
		}
		grown := d.grown
		d.mu.Unlock()
		if d.told.Load() >= revision {
			return nil
		}
		var ended error
		select {
		case <-grown:
			continue
		case <-ctx.Done():
			ended = ctx.Err()
		case <-late.C:
		}
		return hub.E(hub.Unavailable, "read stored resources", fmt.Sprintf("what others stored in trust domain %s is not known in time; look at the state of the bus", d.name), ended)
	}
}

// tellGrown wakes who waits for told to grow.
func (d *domainTable) tellGrown() {
	if d.waiting.Load() == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.grown != nil {
		close(d.grown)
		d.grown = nil
	}
}

// wait blocks until the table has been read once.
func (d *domainTable) wait(ctx context.Context) error {
	var ended error
	select {
	case <-d.synced:
		return nil
	case <-d.work.Done():
		ended = d.work.Err()
	case <-ctx.Done():
		ended = ctx.Err()
	}
	select {
	case <-d.synced: // as well
		return nil
	default:
		return hub.E(hub.Unavailable, "read stored resources", fmt.Sprintf("the stored resources of trust domain %s are not read yet; try again", d.name), ended)
	}
}

// follow keeps the index up to date with the table until ctx ends. A watch that
// ends before is started again, and what it missed is found.
func (s *Space) follow(ctx context.Context, d *domainTable) {
	again := false
	for wait := firstPause; ; wait, again = min(2*wait, lastPause), true {
		reached, err := s.watch(ctx, d, again)
		if ctx.Err() != nil {
			return
		}
		if reached {
			wait = firstPause
		}
		d.troubled(err)
		s.log.Error("stored resources are not followed; trying again", "trustDomain", d.name, "table", s.name, "pause", wait, "err", err)
		if pause(ctx, wait) != nil {
			return
		}
	}
}

// watch follows the table once, and reports whether it was read to its end. again
// says that something of it may be in the index.
func (s *Space) watch(ctx context.Context, d *domainTable, again bool) (reached bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if again {
		s.begin(d)
	}
	var waiting []Change // of those before the mark, to be decoded together
	err = d.table.Watch(ctx, func(c Change) {
		switch {
		case ctx.Err() != nil:
		case !c.Synced && reached:
			s.apply(d, []Change{c})
		case !c.Synced:
			if waiting = append(waiting, c); len(waiting) == decodeTogether {
				s.apply(d, waiting)
				waiting = waiting[:0]
			}
		default:
			s.apply(d, waiting)
			waiting = nil
			s.reflects(d, c.Revision)
			if again || reached {
				if err := s.settle(ctx, d); err != nil {
					cancel(err)
					return
				}
			}
			reached = true
			d.troubled(nil)
			select {
			case <-d.synced:
			default:
				close(d.synced)
			}
		}
	})
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err == nil {
		err = errors.New("the watch ended")
	}
	return reached, err
}

// reflects notes that the index has everything up to a revision: of what is not
// in it by now nothing more will be told, though this process may learn late that
// it wrote or deleted it.
func (s *Space) reflects(d *domainTable, revision uint64) {
	for _, k := range s.allKinds() {
		k.reflects(d, revision)
	}
	d.tellGrown()
}

// begin prepares for a watch that tells everything of a table anew, what cannot be
// shown as well.
func (s *Space) begin(d *domainTable) {
	for _, k := range s.allKinds() {
		k.begin(d)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.bad)
}

// decodeTogether is how many values are decoded by all processors while the table
// is read for the first time. Decoding is most of that work.
const decodeTogether = 512

// apply hands changes to their kinds: decoded in parallel, and taken in their
// order.
func (s *Space) apply(d *domainTable, changes []Change) {
	finish := make([]func() error, len(changes))
	var workers sync.WaitGroup
	part := (len(changes) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	for from := 0; from < len(changes); from += part {
		some, to := changes[from:min(from+part, len(changes))], finish[from:]
		decode := func() {
			for i, c := range some {
				to[i] = s.decode(d, c)
			}
		}
		if len(changes) == 1 {
			decode()
			break
		}
		workers.Go(decode)
	}
	workers.Wait()
	for i, c := range changes {
		if finish[i] != nil {
			s.note(d, c.Key, finish[i]())
		}
	}
	d.tellGrown()
}

// decode prepares a change for its kind; nil when there is none, because a newer
// version of this program wrote it.
func (s *Space) decode(d *domainTable, c Change) (finish func() error) {
	prefix, _, _ := strings.Cut(c.Key, "/")
	switch prefix {
	case packPrefix:
		return s.unpack(d, c)
	case groupPrefix:
		return s.ungroup(d, c)
	}
	s.mu.Lock()
	k := s.kinds[prefix]
	s.mu.Unlock()
	if k == nil {
		return nil
	}
	return k.decode(d, c, nil)
}

// note keeps in mind whether a key can be shown.
func (s *Space) note(d *domainTable, key string, err error) {
	if err != nil {
		s.log.Error("a stored resource cannot be shown", "trustDomain", d.name, "table", s.name, "key", key, "err", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.bad[key] = err
	} else {
		delete(d.bad, key)
	}
}

// settle looks after what a watch that has told everything did not tell: a
// removal that was made while nobody watched is not told later. Reading finds
// what is gone.
func (s *Space) settle(ctx context.Context, d *domainTable) error {
	for _, k := range s.allKinds() {
		for _, id := range k.untold(d) {
			if err := k.confirm(ctx, d, id); err != nil {
				return fmt.Errorf("look after %s: %w", id, err)
			}
		}
	}
	return nil
}

func (d *domainTable) troubled(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trouble = err
}

// check says what is wrong with the table.
func (d *domainTable) check() error {
	const op = "check stored resources"
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.synced:
	default:
		if d.trouble == nil {
			return hub.E(hub.Unavailable, op, fmt.Sprintf("the stored resources of trust domain %s are still being read; wait", d.name), nil)
		}
	}
	if d.trouble != nil {
		return hub.E(hub.Unavailable, op, fmt.Sprintf("the stored resources of trust domain %s cannot be followed, so what others change is not seen; look at the state of the bus", d.name), d.trouble)
	}
	if len(d.bad) == 0 {
		return nil
	}
	keys := slices.Sorted(maps.Keys(d.bad))
	return hub.E(hub.Unavailable, op, fmt.Sprintf("%d stored resources of trust domain %s cannot be read, the first is %.200s; run the version of the hub that wrote it, or restore it from a backup", len(keys), d.name, keys[0]), d.bad[keys[0]])
}

// pause waits for a time, or less when ctx ends.
func pause(ctx context.Context, wait time.Duration) error {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
