package natsbus

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/manoward/manoward/internal/hub"
)

// Log is an append-only sequence of records: the Record class. Nothing in it is
// ever changed or removed, and every batch carries a hash over all before it.
//
// Several processes may append to and read one log. Methods are safe for
// concurrent use; let the writers of one process share a Log, so that their
// appends are grouped.
type Log struct {
	a        *Account
	name     string
	stream   jetstream.Stream
	subject  string
	patience time.Duration // how long a batch is tried before its appends fail
	memory   int           // how many of the newest records are recognised

	mu      sync.Mutex
	waiting []*appending // in the order they came
	writing bool         // a goroutine runs write
	head    *head        // owned by the goroutine that writes; nil until the first append
}

// Window is how many of the newest records a log recognises by ID when they are
// appended again.
const Window = 65_536

// Log opens the record log of that name and creates it if need be. Names are
// up to 64 letters, digits, '-' and '_'.
func (a *Account) Log(ctx context.Context, name string) (*Log, error) {
	return a.openLog(ctx, name, Window)
}

// ShortLog is [Account.Log] that recognises only the newest few records when they
// are appended again. It takes that much less memory, and is for a log that is
// written with [Log.AppendAt].
func (a *Account) ShortLog(ctx context.Context, name string) (*Log, error) {
	return a.openLog(ctx, name, shortWindow)
}

// shortWindow is what a writer of AppendAt needs to know its own last record
// again when the answer of the server was lost.
const shortWindow = 16

func (a *Account) openLog(ctx context.Context, name string, memory int) (*Log, error) {
	if err := checkStreamName(classLog, name); err != nil {
		return nil, err
	}
	subject := "log." + name
	s, err := a.openStream(ctx, classLog, jetstream.StreamConfig{
		Name:       "LOG_" + name,
		Subjects:   []string{subject},
		Retention:  jetstream.LimitsPolicy,
		Discard:    jetstream.DiscardNew, // a limit refuses what is new: it never removes what is old
		DenyDelete: true,
		DenyPurge:  true,
		Duplicates: 2 * time.Minute,
	})
	if err != nil {
		return nil, err
	}
	return &Log{a: a, name: name, stream: s, subject: subject, patience: 3 * attemptTimeout, memory: memory}, nil
}

// Append makes records durable, in their order.
//
// It returns nil only when every record is on stable storage: the message that
// holds it MUST have been synced by the server (embedded), or by a quorum
// (cluster), before. Callers MUST NOT act on a record before Append returned
// nil.
//
// A record whose ID is among the newest [Window] records is not added again:
// Append counts it as done when its content is the same and answers
// hub.Conflict when it is not, adding none of the call's records. So an Append
// that failed may always be repeated.
//
// After any other error than hub.Invalid and hub.Conflict it is not known which
// of the records are stored; those that are, are the first ones of the call.
// An error of [Config.Stored] is such a one.
// Records that wait for the disk at the same time are written together.
func (l *Log) Append(ctx context.Context, recs ...hub.Record) error {
	return l.append(ctx, nil, recs)
}

// AppendAt is [Log.Append] of one record on the condition that the newest message
// of the log has the sequence last, 0 for an empty log: hub.Precondition when
// somebody else has appended since. The sequence of the record is last+1.
func (l *Log) AppendAt(ctx context.Context, last uint64, rec hub.Record) error {
	return l.append(ctx, &last, []hub.Record{rec})
}

func (l *Log) append(ctx context.Context, last *uint64, recs []hub.Record) error {
	if len(recs) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return l.a.fail("append record", err)
	}
	if err := l.a.guard.Damaged(); err != nil {
		return err
	}
	call := &appending{ctx: ctx, last: last, lines: make([]line, len(recs)), done: make(chan struct{})}
	for i, r := range recs {
		var err error
		if call.lines[i], err = encodeRecord(r); err != nil {
			return err
		}
	}
	if err := call.repeats(); err != nil {
		return err
	}
	l.mu.Lock()
	l.waiting = append(l.waiting, call)
	if !l.writing {
		l.writing = true
		go l.write()
	}
	l.mu.Unlock()
	select {
	case <-call.done:
		return l.held(ctx, call)
	case <-ctx.Done():
		return hub.E(hub.Unavailable, "append record", "the caller left before the record was known to be stored; append it again with the same ID", ctx.Err())
	}
}

// held asks whether what is stored may be acted on: for a call whose records are
// there, if only from an earlier one with other content.
func (l *Log) held(ctx context.Context, call *appending) error {
	there := call.err == nil || hub.CodeOf(call.err) == hub.Conflict
	if l.a.stored == nil || call.last != nil || !there {
		return call.err
	}
	if err := l.a.stored(ctx, l.a.name, l.name, call.count); err != nil {
		return err
	}
	return call.err
}

// appending is one call of Append on its way.
type appending struct {
	ctx   context.Context
	last  *uint64 // see AppendAt; nil: anywhere
	lines []line
	err   error
	count uint64 // records in the log when the call was answered
	done  chan struct{}

	// For the goroutine that writes alone.
	sent     int // lines that are stored
	answered bool
}

// finish answers the caller, unless that was done before. count is how many records
// the log has, of which those of a call that succeeded are the last or before.
func (c *appending) finish(count uint64, err error) {
	if c.answered {
		return
	}
	c.answered, c.count, c.err = true, count, err
	close(c.done)
}

// repeats refuses a call that holds one ID with two contents, and drops what it
// holds twice.
func (c *appending) repeats() error {
	if len(c.lines) == 1 {
		return nil
	}
	seen := make(map[digest]digest, len(c.lines))
	kept := c.lines[:0]
	for i, ln := range c.lines {
		sum, ok := seen[ln.id]
		if ok && sum != ln.sum {
			return conflict(fmt.Sprintf("number %d of this call", i+1))
		}
		if !ok {
			seen[ln.id] = ln.sum
			kept = append(kept, ln)
		}
	}
	c.lines = kept
	return nil
}

func conflict(which string) error {
	return hub.E(hub.Conflict, "append record", "record "+which+" has the ID of another record with other content; records are never changed: append it under a new ID", nil)
}

// check compares the call with what the log holds already.
func (c *appending) check(h *head) error {
	w := h.window
	if err := c.ctx.Err(); err != nil {
		return hub.E(hub.Unavailable, "append record", "the caller left before the record was stored", err)
	}
	for i, ln := range c.lines[c.sent:] {
		if sum, ok := w.sums[ln.id]; ok && sum != ln.sum {
			return conflict(fmt.Sprintf("number %d of this call", c.sent+i+1))
		}
	}
	if c.last == nil || h.seq == *c.last {
		return nil
	}
	if _, stored := w.sums[c.lines[0].id]; stored && h.seq > *c.last {
		return nil // by an earlier try of this call
	}
	return hub.E(hub.Precondition, "append record", "the log does not end where the caller saw its end; read it again", nil)
}
