package natsbus

import (
	"context"
	"maps"
	"slices"
	"strconv"
)

// queuePart is a part of a queue's keys that this process works on.
type queuePart struct {
	n       int
	fence   uint64
	ctx     context.Context // of its handlers: it ends with the part
	cancel  context.CancelFunc
	from    place // items up to here are in the index, or done
	running int   // keys of it that a worker has
	over    bool  // it was given up
}

// shares are the parts that a process has. The dispatcher's mu covers it.
type shares struct {
	all    int                // parts of the queue
	have   map[int]*queuePart // those that are over too, as long as a worker has a key of them
	coming map[int]*queuePart // that the next reading has as well
	at     place              // item that the present reading came to
	stop   func()             // ends the present reading
}

// partOf returns the part of a key that this process has, nil if another one has
// it. A key ends in a hash, which chooses.
func (s *shares) partOf(key string) *queuePart { return s.have[s.numberOf(key)] }

// numberOf returns the number of a key's part, -1 if it has none.
func (s *shares) numberOf(key string) int {
	const digits = 8 // of 64
	hash, err := strconv.ParseUint(key[max(0, len(key)-digits):], 16, 32)
	if err != nil || s.all == 0 {
		return -1
	}
	return int(hash % uint64(s.all))
}

// parts lists the parts that this process works on, or is about to.
func (d *dispatcher) parts() []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := slices.Collect(maps.Keys(d.coming))
	for n, p := range d.have {
		if !p.over {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

// grow begins with those of some parts, of all that there are, that this process
// does not have. What waits of them is read from the beginning of the queue, and so
// by a new reading.
func (d *dispatcher) grow(list []int, all int, fence uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = all
	for _, n := range list {
		if d.have[n] == nil && d.coming[n] == nil {
			p := &queuePart{n: n, fence: fence}
			p.ctx, p.cancel = context.WithCancel(d.ctx)
			d.coming[n] = p
		}
	}
	if len(d.coming) == 0 {
		return
	}
	if d.stop != nil {
		d.stop()
	}
	d.room.Broadcast()
}

// drop gives a part up: its handlers are told to stop, and none begins. It reports
// whether the last one has returned; idle tells when to ask again.
func (d *dispatcher) drop(n int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.coming[n]; p != nil {
		p.cancel()
		delete(d.coming, n)
	}
	p := d.have[n]
	if p == nil {
		return true
	}
	if !p.over {
		p.over = true
		p.cancel()
		d.index.remove(p)
		d.ready = slices.DeleteFunc(d.ready, func(w *keyWork) bool { return w.part == p })
		d.handOver(p)
		d.room.Broadcast()
	}
	if p.running > 0 {
		return false
	}
	delete(d.have, n)
	return true
}

// stopping reports whether a part was given up and a handler of it has not
// returned.
func (d *dispatcher) stopping(n int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.have[n]
	return p != nil && p.over
}

// left notes that a worker does not have a key of a part any more.
func (d *dispatcher) left(p *queuePart) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.running--; p.running > 0 || !p.over {
		return
	}
	delete(d.have, p.n)
	select {
	case d.idle <- struct{}{}:
	default:
	}
}

// read reads what waits of the parts of this process and what comes, until the
// work ends or an error.
func (d *dispatcher) read() error {
	for {
		reading, ok := d.reading()
		if !ok {
			return context.Cause(d.ctx)
		}
		err := d.readOnce(reading)
		if d.ctx.Err() != nil {
			return context.Cause(d.ctx)
		}
		if reading.Err() == nil {
			return err
		}
	}
}

// reading waits until there are parts to be read from the beginning. What is
// known of the others is passed over.
func (d *dispatcher) reading() (_ context.Context, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.coming) == 0 && !d.ended {
		d.room.Wait()
	}
	if d.ended {
		return nil, false
	}
	for _, p := range d.have {
		p.from = max(p.from, d.at)
	}
	maps.Copy(d.have, d.coming)
	clear(d.coming)
	d.at = 0
	reading, stop := context.WithCancel(d.ctx)
	d.stop = stop
	context.AfterFunc(reading, d.wake)
	return reading, true
}
