package natsbus

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/manoward/manoward/internal/hub"
)

// Queue is durable work: what is pushed is handled at least once, items of one
// key in the order in which they were pushed and one at a time, items of
// different keys in parallel.
//
// A queue is a stream whose messages are exactly the work that is left: an item
// that was handled is removed from it, or the group of items that it is in when all
// of these were (see [QueueConfig].Grouped). (JetStream's own work queues leave the
// order to redelivery timers; here each process reads the stream in order, works
// on the keys that it has by a lease, and a message leaves the stream by name.)
// Methods are safe for concurrent use.
type Queue struct {
	a      *Account
	name   string
	cfg    QueueConfig
	perKey int // how many items of one key the owner has in its index
	stream jetstream.Stream
	leases *Table
	recent recent
	parts  atomic.Int64 // that this process works on

	gathering gathering
	opened    opened
	working   atomic.Pointer[dispatcher] // nil: this process does no work
	elsewhere atomic.Int64               // items that wait for other processes, as they said last
}

// keyIndexed is [Queue.perKey]. The more there are, the seldomer the server has
// to look in its own index for those of a key that has more.
const keyIndexed = 1000

// QueueConfig says how a queue's work is done. The zero value has the defaults
// named below.
type QueueConfig struct {
	// Backoff returns how long to wait after the given attempt, from 1, failed.
	// Nil: 1 s, doubled up to 1 min.
	Backoff func(attempt int) time.Duration
	// MaxAttempts is how often an item is tried before it is parked. 0: for ever.
	MaxAttempts int
	// Workers is how many items are handled at the same time. 0: 8.
	Workers int
	// MaxWaiting bounds the index of the owner: the keys in it, at some 250
	// bytes each, and the items in it beside the first of each key, at up to 16
	// bytes each. What is beyond waits in the stream: items of a key that is in
	// the index hold up nothing, those of one that is not hold up what was pushed
	// after them. 0: 1,000,000.
	MaxWaiting int
	// Lease is how long a process that stopped answering keeps its work from the
	// others. 0: 10 s.
	Lease time.Duration
	// Shares is into how many parts the keys are cut, which the processes that work
	// on the queue divide equally. It holds when the first of them begins; the
	// others take over its number. 0: 1, so that one process does all of the work.
	Shares int
	// Grouped has items that are pushed at the same time stored as one message, with
	// one sync, and removed with one when all of them are done: for handlers to whom
	// an item may come again, together with others of its key in their order, after
	// its process died or its keys became another process's. Only the process that
	// pushed an ID lately, or has it in its part of the work, knows it again when it
	// is pushed once more. All processes of a queue say the same.
	Grouped bool
}

// Item is one piece of work.
type Item struct {
	ID   string // of the work: the same in every attempt; unique in its queue
	Key  string // items of one key are handled in order; empty: in order with nothing
	Data []byte

	// Attempt counts from 1. It is not kept over a change of owner.
	Attempt int
	// Fence grows with each change of the key's owner. An effect that remembers the
	// highest one it saw can refuse the late work of an earlier owner.
	Fence uint64
}

// After has an item whose handler returns it tried again after a time, in the
// place of the back-off. For that attempt it is not parked.
func After(d time.Duration, err error) error { return &after{d, err} }

type after struct {
	d   time.Duration
	err error
}

func (a *after) Error() string { return a.err.Error() }
func (a *after) Unwrap() error { return a.err }

// Headers of a queued item.
const (
	headerID  = "Manoward-Id"
	headerKey = "Manoward-Key"
)

// pushWindow is how long an ID that was pushed is recognised, at least while
// the server runs on. An ID that is still queued is always recognised.
const pushWindow = 2 * time.Minute

// Queue opens the work queue of that name and creates it if need be. Names are
// up to 64 letters, digits, '-' and '_'.
func (a *Account) Queue(ctx context.Context, name string, cfg QueueConfig) (*Queue, error) {
	if err := checkStreamName(classQueue, name); err != nil {
		return nil, err
	}
	if cfg.Backoff == nil {
		cfg.Backoff = func(attempt int) time.Duration { return min(time.Second<<min(attempt-1, 6), time.Minute) }
	}
	if cfg.Workers <= 0 {
		cfg.Workers = 8
	}
	if cfg.MaxWaiting <= 0 {
		cfg.MaxWaiting = 1_000_000
	}
	if cfg.Lease <= 0 {
		cfg.Lease = 10 * time.Second
	}
	cfg.Shares = max(cfg.Shares, 1)
	s, err := a.openStream(ctx, classQueue, jetstream.StreamConfig{
		Name:       "QUEUE_" + name,
		Subjects:   []string{"queue." + name + ".>"},
		Retention:  jetstream.LimitsPolicy,
		Discard:    jetstream.DiscardNew,
		DenyPurge:  true,
		Duplicates: pushWindow,
	})
	if err != nil {
		return nil, err
	}
	leases, err := a.Table(ctx, "leases")
	if err != nil {
		return nil, err
	}
	return &Queue{a: a, name: name, cfg: cfg, perKey: keyIndexed, stream: s, leases: leases}, nil
}

// subject returns where an item is kept: queue.NAME.STATE.KEY.ID, with key and
// ID as hashes, so that any text can be one.
func (q *Queue) subject(state string, it Item) string {
	name := nameOf(&it)
	return q.keyOf(state, name.key) + "." + hex.EncodeToString(name.id[:])
}

// keyOf is what the subjects of all items of a key begin with.
func (q *Queue) keyOf(state string, key digest) string {
	return q.states(state) + hex.EncodeToString(key[:])
}

// The states of an item.
const (
	stateReady  = "ready"
	stateParked = "parked"
	stateGroup  = "group" // several items that are ready: queue.NAME.group.TOKEN
	stateDone   = "done"  // which of a group are done: queue.NAME.done.TOKEN
)

func (q *Queue) states(state string) string { return "queue." + q.name + "." + state + "." }

// Push makes an item durable and answers nil when it is. An ID that is still
// queued adds nothing, and neither does one that was pushed in the last two
// minutes, unless the server was restarted meanwhile; see also
// [QueueConfig].Grouped. An ID belongs to one key.
// After hub.Unavailable, push again with the same ID.
func (q *Queue) Push(ctx context.Context, it Item) error {
	const op = "queue work"
	if it.ID == "" || len(it.ID) > maxKeyLen || len(it.Key) > maxKeyLen || strings.ContainsAny(it.ID+it.Key, "\r\n") {
		return hub.E(hub.Invalid, op, fmt.Sprintf("an item needs an ID; ID and key have at most %d bytes and no line breaks", maxKeyLen), nil)
	}
	if err := q.a.guard.Damaged(); err != nil {
		return err
	}
	if q.cfg.Grouped {
		return q.pushGrouped(ctx, it)
	}
	return q.put(ctx, op, stateReady, it, true)
}

// put stores an item under a state, once. dedupe also leaves it out when its ID
// was pushed lately.
func (q *Queue) put(ctx context.Context, op, state string, it Item, dedupe bool) error {
	subject, id := q.subject(state, it), ""
	if dedupe {
		id = it.ID
	}
	seq, err := q.store(ctx, op, id, func() *nats.Msg {
		m := nats.NewMsg(subject)
		m.Data = it.Data
		m.Header.Set(headerID, it.ID)
		m.Header.Set(headerKey, it.Key)
		return m
	})
	if seq > 0 && state == stateReady {
		q.recent.keep(placeOf(seq, 0), it)
	}
	return err
}

// store stores a message whose subject has none, once, and returns its sequence, 0
// when it was there. With an id it is also left out when the server lately had one
// of that id.
func (q *Queue) store(ctx context.Context, op, id string, message func() *nats.Msg) (uint64, error) {
	lost := false // the outcome of an earlier try is not known
	opts := []jetstream.PublishOpt{jetstream.WithExpectLastSequencePerSubject(0)}
	if id != "" {
		opts = append(opts, jetstream.WithMsgID(id))
	}
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		if err := ctx.Err(); err != nil {
			return 0, q.a.fail(op, err)
		}
		m := message()
		ack, err := q.a.send(ctx, q.streamName(), m, opts...)
		switch {
		case err == nil && !ack.Duplicate:
			q.a.guard.pushed(q.streamName(), m.Subject, ack.Sequence)
			return ack.Sequence, nil
		case isWrongSequence(err) && !q.holds(ctx, m.Subject):
			// On a replicated stream an earlier try that is not committed, and may
			// never be, gives the same answer. If it is committed, the repetition is
			// refused while the item is there; with an id also when it was handled
			// by then, and else the item is handled twice.
		case err == nil, isWrongSequence(err):
			if lost {
				q.a.guard.unsure(q.streamName()) // it may be ours, and its sequence was never told
			}
			return 0, nil // it is there
		case !isLost(err):
			if lost || errors.Is(err, errUnacknowledged) {
				q.a.guard.unsure(q.streamName())
			}
			return 0, q.a.fail(op, err)
		}
		lost = true
		if pause(ctx, wait) != nil {
			q.a.guard.unsure(q.streamName())
			return 0, q.a.fail(op, err)
		}
	}
}

// Waiting returns how many items are in the queue, those included that are being
// handled or are parked. Of a queue whose items share their writes it counts those
// of this process and, as they said some seconds ago, those of the others.
func (q *Queue) Waiting(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	info, err := q.stream.Info(ctx)
	if err != nil {
		return 0, q.a.fail("count queue", err)
	}
	items := info.State.Msgs
	if d := q.working.Load(); d != nil && q.cfg.Grouped {
		items = max(items, uint64(d.waiting()+q.elsewhere.Load()))
	}
	return int(min(items, math.MaxInt32)), nil
}

// Parts returns how many of the queue's parts this process works on now.
func (q *Queue) Parts() int { return int(q.parts.Load()) }

// holds reports whether the leader has a message on a subject.
func (q *Queue) holds(ctx context.Context, subject string) bool {
	m, err := q.a.lastOf(context.WithoutCancel(ctx), q.stream, subject)
	return err == nil && m != nil
}

func (q *Queue) streamName() string { return "QUEUE_" + q.name }

// remove takes a message out of the queue. One that is gone already is no
// error.
func (q *Queue) remove(ctx context.Context, subject string, seq uint64) error {
	if err := q.a.mayWrite(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
	defer cancel()
	err := q.stream.DeleteMsg(ctx, seq)
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) && !hasCode(err, codeSequenceNotFound) {
		q.a.guard.unsure(q.streamName())
		return err
	}
	q.a.guard.removed(q.streamName(), subject, seq)
	return nil
}

const codeSequenceNotFound = 10043

// item returns a stored item, nil when it is not there any more: for the first
// time, what this process pushed itself, as it did.
func (q *Queue) item(ctx context.Context, at place) (*Item, error) {
	if it, ok := q.recent.take(at); ok {
		return &Item{ID: it.ID, Key: it.Key, Data: it.Data}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	m, err := q.read(ctx, at.seq(), at.seq())
	if m == nil || err != nil {
		return nil, err
	}
	if m.Header.Get(headerItems) == "" {
		return &Item{ID: m.Header.Get(headerID), Key: m.Header.Get(headerKey), Data: m.Data}, nil
	}
	items, err := decodeGroup(m.Data)
	if err != nil || at.n() == 0 || at.n() > len(items) {
		return nil, q.a.damaged("read work", q.streamName(), at.seq(), "it is no group of items", err)
	}
	q.opened.keep(m.Subject, items)
	return items[at.n()-1].clone(), nil
}

// clone returns an item whose data is the caller's.
func (it Item) clone() *Item { return &Item{ID: it.ID, Key: it.Key, Data: bytes.Clone(it.Data)} }

// searchTimeout bounds the search for the next item of a key, for which the
// server may go through a large part of the stream: half a second for a
// gigabyte that is in memory.
const searchTimeout = 10 * attemptTimeout

// search returns the place of the first item of a key after one place and not after
// another, 0 when there is none. key is what the subjects of its items begin with.
func (q *Queue) search(ctx context.Context, key string, after, last place) (place, error) {
	ctx, cancel := context.WithTimeout(ctx, searchTimeout)
	defer cancel()
	if q.cfg.Grouped {
		return q.searchGroups(ctx, key, after, last)
	}
	m, err := q.read(ctx, after.seq()+1, last.seq(), jetstream.WithGetMsgSubject(key+".*"))
	if m == nil || err != nil {
		return 0, err
	}
	return placeOf(m.Sequence, 0), nil
}

// searchGroups is search for a queue in which one message may hold several items.
func (q *Queue) searchGroups(ctx context.Context, key string, after, last place) (place, error) {
	for seq := max(after.seq(), 1); seq <= last.seq(); seq++ {
		m, err := q.read(ctx, seq, last.seq(), jetstream.WithGetMsgSubject(q.states("*")+">"))
		if m == nil || err != nil {
			return 0, err
		}
		seq = m.Sequence
		at, err := q.firstOf(&message{seq: seq, subject: m.Subject, header: m.Header}, key, after, last)
		if at > 0 || err != nil {
			return at, err
		}
	}
	return 0, nil
}

// read returns the message of sequence from, or with an option the first one
// from there on that meets it, nil when the stream has none up to last. The owner
// may have heard of last from a replica that the leader is behind: what the
// leader does not find counts only when it had taken in last before.
func (q *Queue) read(ctx context.Context, from, last uint64, opts ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	for reached := false; ; {
		m, err := q.stream.GetMsg(ctx, from, opts...)
		switch {
		case err == nil && m.Sequence <= last:
			return m, nil
		case err == nil: // the leader has one after last, so it has all before
			return nil, nil
		case !errors.Is(err, jetstream.ErrMsgNotFound):
			return nil, err
		case reached:
			return nil, nil
		}
		info, err := q.stream.Info(ctx)
		if err != nil {
			return nil, err
		}
		if reached = info.State.LastSeq >= last; reached {
			continue
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// Parked returns the items that failed too often, in the order in which they
// were parked.
func (q *Queue) Parked(ctx context.Context) ([]Item, error) {
	var items []Item
	err := q.eachParked(ctx, func(it Item, _ string, _ uint64) error {
		items = append(items, it)
		return nil
	})
	return items, q.a.fail("list parked work", err)
}

func (q *Queue) eachParked(ctx context.Context, fn func(it Item, subject string, seq uint64) error) error {
	filter := q.states(stateParked) + ">"
	newest, err := q.a.lastOf(ctx, q.stream, filter)
	if err != nil || newest == nil {
		return err
	}
	return q.a.tail(ctx, tailing{
		stream: q.stream, filter: filter,
		each: func(m message) error {
			return fn(Item{ID: m.header.Get(headerID), Key: m.header.Get(headerKey), Data: m.data}, m.subject, m.seq)
		},
		caughtUp: func() error { return errStop },
	})
}

// Retry queues a parked item again, behind what its key has waiting;
// hub.NotFound when no item of that ID is parked.
func (q *Queue) Retry(ctx context.Context, id string) error {
	const op = "retry parked work"
	var found *Item
	var subject string
	var seq uint64
	err := q.eachParked(ctx, func(it Item, s string, n uint64) error {
		if it.ID != id {
			return nil
		}
		found, subject, seq = &it, s, n
		return errStop
	})
	switch {
	case err != nil:
		return q.a.fail(op, err)
	case found == nil:
		return hub.E(hub.NotFound, op, fmt.Sprintf("no item %.80q is parked in %s", id, q.name), nil)
	}
	if err := q.put(ctx, op, stateReady, *found, false); err != nil {
		return err
	}
	return q.a.fail(op, q.remove(ctx, subject, seq))
}
