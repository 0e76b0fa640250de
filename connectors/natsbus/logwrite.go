package natsbus

import (
	"bytes"
	"context"
	"fmt"
	"sort"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// head is what a writer knows of the end of its log.
type head struct {
	seq    uint64 // of the newest message
	count  uint64 // records in the log
	chain  chain
	window *window
}

// write stores what waits, batch after batch, until nothing does. One
// goroutine runs it at a time, and what arrives while a batch is on its way to
// the disk goes into the next one.
func (l *Log) write() {
	var failing time.Time // since when nothing could be stored
	for {
		l.mu.Lock()
		calls := l.waiting
		if len(calls) == 0 {
			l.writing = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()

		err := l.writeOne(calls)
		switch {
		case err == nil:
			failing = time.Time{}
		case failing.IsZero():
			failing = time.Now()
		}
		if err != nil && (!isLost(err) || time.Since(failing) > l.patience) {
			failing = time.Time{}
			for _, c := range calls {
				c.finish(0, l.a.fail("append record", err))
			}
			l.drop(len(calls), nil)
			continue
		}
		l.drop(len(calls), calls)
		if err != nil {
			pause(context.Background(), 50*time.Millisecond) // a server that comes back needs a moment
		}
	}
}

// drop takes the first n calls out of the line, all but those of keep that are
// not answered.
func (l *Log) drop(n int, keep []*appending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var left []*appending
	for _, c := range keep {
		if !c.answered {
			left = append(left, c)
		}
	}
	l.waiting = append(left, l.waiting[n:]...)
}

// writeOne stores one batch of what the calls want stored and answers those
// that are complete. An error is about the log, not about one call.
func (l *Log) writeOne(calls []*appending) error {
	ctx := context.WithoutCancel(calls[0].ctx)
	if l.head == nil {
		h, err := l.load(ctx)
		if err != nil {
			return fmt.Errorf("read the end of log %s: %w", l.name, err)
		}
		l.head = h
	}
	b := l.collect(calls)
	if len(b.lines) == 0 {
		return nil
	}
	first := b.parts[0].call.ctx
	ok, err := l.publish(first, b)
	if err == nil && ok {
		for _, p := range b.parts {
			if p.call.sent = p.upTo; p.upTo == len(p.call.lines) {
				p.call.finish(l.head.count, nil)
			}
		}
		return nil
	}
	if err != nil && !isLost(err) {
		return err
	}
	// Somebody else was first, or the answer is lost. The log itself knows
	// which records are in it: the next collect leaves those out.
	before := l.head.seq
	if refresh := l.refresh(ctx); refresh != nil {
		return refresh
	}
	if err == nil && l.head.seq == before {
		err = fmt.Errorf("a write that the log does not show yet was first: %w", nats.ErrTimeout)
	}
	return err
}

// batch is what goes into one message.
type batch struct {
	lines []line
	size  int
	parts []part
}

// part is one call's share of a batch: with it, its lines before upTo are
// stored.
type part struct {
	call *appending
	upTo int
}

// collect takes lines from the front of the waiting calls until a batch is
// full, and answers the calls that need nothing stored.
func (l *Log) collect(calls []*appending) batch {
	var b batch
	ids := map[digest]bool{}
	for _, c := range calls {
		if err := c.check(l.head); err != nil {
			c.finish(l.head.count, err)
			continue
		}
		if c.last != nil && len(b.lines) > 0 {
			break // its message is its own; after this one it finds the log longer
		}
		upTo, added, full := c.sent, false, false
		for _, ln := range c.lines[c.sent:] {
			if _, stored := l.head.window.sums[ln.id]; !stored {
				if full = len(b.lines) == maxBatchRecords || b.size+len(ln.text) > maxBatchBytes; full || ids[ln.id] {
					break // an ID that another call adds in this batch is looked at after it
				}
				ids[ln.id] = true
				b.lines = append(b.lines, ln)
				b.size += len(ln.text)
				added = true
			}
			upTo++
		}
		switch {
		case added:
			b.parts = append(b.parts, part{c, upTo})
		case upTo == len(c.lines):
			c.finish(l.head.count, nil)
		}
		if full || c.last != nil && added {
			break
		}
	}
	return b
}

// publish sends a batch and reports whether it is stored. False without an
// error means that the log has messages that this writer has not seen.
func (l *Log) publish(ctx context.Context, b batch) (bool, error) {
	payload := make([]byte, 0, b.size)
	for _, ln := range b.lines {
		payload = append(payload, ln.text...)
	}
	h := l.head
	count := h.count + uint64(len(b.lines))
	sum := h.chain.next(count, payload)
	m := nats.NewMsg(l.subject)
	m.Data = payload
	m.Header.Set(headerChain, sum.String())
	m.Header.Set(headerCount, strconv.FormatUint(count, 10))
	ack, err := l.a.send(ctx, l.stream.CachedInfo().Config.Name, m, jetstream.WithExpectLastSequence(h.seq), jetstream.WithMsgID(sum.String()))
	switch {
	case isWrongSequence(err):
		return false, nil
	case err != nil:
		return false, err
	case ack.Duplicate || ack.Sequence != h.seq+1:
		return false, nil // an earlier try of the same batch: read it like anybody's
	}
	l.advance(ack.Sequence, count, sum, b.lines)
	return true, nil
}

// advance moves the head over one batch.
func (l *Log) advance(seq, count uint64, sum chain, lines []line) {
	h := l.head
	h.seq, h.count, h.chain = seq, count, sum
	for _, ln := range lines {
		h.window.add(ln.id, ln.sum)
	}
	l.a.guard.appended(l.stream.CachedInfo().Config.Name, seq, sum)
}

// load reads the newest records, as far as the window reaches.
func (l *Log) load(ctx context.Context) (*head, error) {
	h := &head{window: newWindow(l.memory)}
	newest, err := l.a.lastOf(ctx, l.stream, l.subject)
	if err != nil || newest == nil {
		return h, err
	}
	_, total, err := readHeaders(newest.Header)
	if err != nil {
		return nil, l.damaged(newest.Sequence, err)
	}
	if keep := uint64(l.memory); total > keep {
		if err := l.skip(ctx, h, newest.Sequence, total-keep); err != nil {
			return nil, err
		}
	}
	return h, l.readInto(ctx, h, newest.Sequence)
}

// skip moves h to the last batch that ends with the log's record number count
// or before, by bisection over the counts.
func (l *Log) skip(ctx context.Context, h *head, newest, count uint64) error {
	var failed error
	n := sort.Search(int(newest), func(i int) bool {
		if failed != nil {
			return true
		}
		_, c, err := l.headersAt(ctx, uint64(i)+1)
		failed = err
		return c > count
	})
	if failed != nil || n == 0 {
		return failed
	}
	h.seq = uint64(n)
	h.chain, h.count, failed = l.headersAt(ctx, h.seq)
	return failed
}

// headersAt reads what the batch at seq claims.
func (l *Log) headersAt(ctx context.Context, seq uint64) (chain, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	m, err := l.stream.GetMsg(ctx, seq)
	if err != nil {
		if isLost(err) {
			return chain{}, 0, err
		}
		return chain{}, 0, l.damaged(seq, err)
	}
	c, count, err := readHeaders(m.Header)
	if err != nil {
		return chain{}, 0, l.damaged(seq, err)
	}
	return c, count, nil
}

// refresh reads what the log holds after the head.
func (l *Log) refresh(ctx context.Context) error {
	newest, err := l.a.lastOf(ctx, l.stream, l.subject)
	if err != nil || newest == nil || newest.Sequence <= l.head.seq {
		return err
	}
	return l.readInto(ctx, l.head, newest.Sequence)
}

// readInto moves h forward to the batch at until, checking the chain.
func (l *Log) readInto(ctx context.Context, h *head, until uint64) error {
	ctx, cancel := context.WithTimeout(ctx, 10*attemptTimeout)
	defer cancel()
	link := link{seq: h.seq, count: h.count, chain: h.chain}
	before := h.seq
	defer func() {
		if h.seq > before {
			l.found(h)
		}
	}()
	return l.a.tail(ctx, tailing{
		stream: l.stream, filter: l.subject, from: h.seq + 1, until: until,
		each: func(m message) error {
			recs, err := link.read(m)
			if err != nil {
				return l.damaged(m.seq, err)
			}
			i := 0
			for text := range bytes.Lines(m.data) {
				h.window.add(digestOf([]byte(recs[i].ID)), digestOf(text))
				i++
			}
			h.seq, h.count, h.chain = link.seq, link.count, link.chain
			return nil
		},
		caughtUp: func() error { return errStop },
	})
}

// found tells the guard what the log was found to hold. A server that could not write
// a message to its disk shows it all the same until it is restarted.
func (l *Log) found(h *head) {
	name := l.stream.CachedInfo().Config.Name
	if l.a.store.stores(name) {
		l.a.guard.appended(name, h.seq, h.chain)
	}
}

func (l *Log) damaged(seq uint64, err error) error {
	return l.a.damaged("read log", "LOG_"+l.name, seq, "it does not fit to the messages before it", err)
}
