package natsbus

import (
	"context"
	"sync"
	"time"
)

// scrubRate is how many bytes a second are read back in the background, of all
// accounts together. The server holds each block that is read as a whole, and
// what is read becomes garbage at once: at full speed a store of 300 MB made the
// process twice as large.
const scrubRate = 16 << 20

// pace bounds how fast something is read. It is safe for concurrent use; a nil
// pace bounds nothing.
type pace struct {
	rate int // bytes a second

	mu   sync.Mutex
	paid time.Time // what was read until now was due by then
}

// worthWaiting is the shortest wait that is made: more is read at once instead.
const worthWaiting = 20 * time.Millisecond

// take waits until so many bytes more may have been read.
func (p *pace) take(ctx context.Context, bytes int) error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	now := time.Now()
	if p.paid.Before(now) {
		p.paid = now // what was not read in time is not made up for
	}
	p.paid = p.paid.Add(time.Duration(bytes) * time.Second / time.Duration(p.rate))
	wait := p.paid.Sub(now)
	p.mu.Unlock()
	if wait < worthWaiting {
		return nil
	}
	return pause(ctx, wait)
}
