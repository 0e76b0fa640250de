package catalogue

import (
	"context"
	"sync"

	"github.com/manoward/manoward/internal/hub"
)

// checks compares stored files with their digests, each file by one reading at a
// time: of many that ask for a file at once, all but the first share the reading
// that begins after they asked. No one is told of a reading that had begun
// before, which may have passed what was altered since.
type checks struct {
	read func(ctx context.Context, domain string, c *Content) (bool, error)

	mu    sync.Mutex
	files map[string]*check
}

// check is what goes on with one file.
type check struct {
	now, next *reading
}

// reading is one comparison of a whole file.
type reading struct {
	done   chan struct{} // closed when what is below is known
	intact bool
	err    error
}

func newChecks(read func(ctx context.Context, domain string, c *Content) (bool, error)) *checks {
	return &checks{read: read, files: map[string]*check{}}
}

// intact says whether a stored file is still what it was. The reading goes on
// until work ends, because others may wait for it too.
func (c *checks) intact(ctx, work context.Context, domain string, content *Content) (bool, error) {
	r := c.join(work, domain, content)
	select {
	case <-r.done:
		return r.intact, r.err
	case <-ctx.Done():
		return false, hub.E(hub.Unavailable, "check package", "the check of the stored package was broken off; try again", ctx.Err())
	}
}

func (c *checks) join(work context.Context, domain string, content *Content) *reading {
	key := domain + "/" + content.SHA256
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.files[key]
	if f == nil {
		f = &check{now: &reading{done: make(chan struct{})}}
		c.files[key] = f
		go c.run(work, key, domain, content, f)
		return f.now
	}
	if f.next == nil {
		f.next = &reading{done: make(chan struct{})}
	}
	return f.next
}

// run reads a file for as long as somebody asks.
func (c *checks) run(work context.Context, key, domain string, content *Content, f *check) {
	for r := f.now; r != nil; {
		r.intact, r.err = c.read(work, domain, content)
		close(r.done)
		c.mu.Lock()
		f.now, f.next = f.next, nil
		if r = f.now; r == nil {
			delete(c.files, key)
		}
		c.mu.Unlock()
	}
}
