package natsbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/manoward/manoward/internal/hub"
)

// Limits of what check reads before the account may be used. The rest is read
// in the background.
const (
	checkMessages = 10_000                 // newest messages of each stream
	checkTime     = 300 * time.Millisecond // no further stream is begun after it
)

// check compares what the server holds of the account with the witness. It
// reads the newest part of every stream at once and the rest in the background;
// what that finds makes [guard.Damaged] answer. accept takes what is there as
// it is, for an operator who has no backup: what is missing stays missing.
//
// check starts the writing of the witness; end it with close.
func (g *guard) check(ctx context.Context, a *Account, accept bool) error {
	if g == nil {
		return nil
	}
	f, err := g.load()
	if err != nil && !accept {
		return hub.E(hub.Unavailable, "check stored data", fmt.Sprintf("%s, which tells what account %s must hold, cannot be read; restore the data directory from a backup", g.path, g.account), err)
	}
	found, err := g.found(ctx, a)
	if err != nil {
		return err
	}
	if f == nil {
		if len(found) > 0 && !accept {
			return hub.E(hub.Unavailable, "check stored data", fmt.Sprintf("%s, which tells what account %s must hold, is missing; restore the data directory from a backup", g.path, g.account), nil)
		}
		f = &witnessFile{}
	}
	var rest []*inspection
	begun := time.Now()
	for name, w := range f.Streams {
		s, ok := found[name]
		delete(found, name)
		if w.Closed {
			g.streams[name] = w
			continue
		}
		if !ok {
			if accept {
				g.log.Error("a lost stream is given up", "account", g.account, "stream", name)
				continue
			}
			return g.harm(name, "is gone: its files are missing or unreadable", nil)
		}
		in := &inspection{guard: g, account: a, name: name, stream: s, old: *w, clean: f.Clean, accept: accept}
		later, err := in.first(ctx, time.Since(begun) < checkTime)
		if err != nil {
			return err
		}
		if later {
			rest = append(rest, in)
		}
	}
	for name, s := range found { // made just before a crash
		in := &inspection{guard: g, account: a, name: name, stream: s, old: witness{Class: s.CachedInfo().Config.Metadata[classKey]}, accept: accept}
		if err := in.all(ctx); err != nil {
			return err
		}
	}
	return g.begin(rest)
}

// begin starts what runs beside the account.
func (g *guard) begin(rest []*inspection) error {
	g.mu.Lock()
	err := g.save(false)
	g.mu.Unlock()
	if err != nil {
		return hub.E(hub.Unavailable, "check stored data", "cannot write "+g.path+"; is the disk full or the directory read-only?", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	g.finished.Go(func() { g.flush(ctx) })
	g.finished.Go(func() {
		for _, in := range rest {
			in.pace = g.pace
			if err := in.all(ctx); err != nil && ctx.Err() == nil {
				g.report(err)
			}
		}
	})
	return nil
}

// found returns the account's streams that are ours, by name.
func (g *guard) found(ctx context.Context, a *Account) (map[string]jetstream.Stream, error) {
	found := map[string]jetstream.Stream{}
	names := a.js.StreamNames(ctx)
	for name := range names.Name() {
		s, err := a.js.Stream(ctx, name)
		if err != nil {
			return nil, g.harm(name, "cannot be opened", err)
		}
		if s.CachedInfo().Config.Metadata[classKey] != "" {
			found[name] = s
		}
	}
	return found, a.fail("check stored data", names.Err())
}

// inspection compares one stream with its witness.
type inspection struct {
	guard   *guard
	account *Account
	name    string
	stream  jetstream.Stream
	old     witness
	clean   bool
	accept  bool
	upTo    uint64 // newest message at start
	pace    *pace  // nil: somebody waits for it
}

// first looks at the state of the stream and, with enough time, at its newest
// messages. It reports whether more is to be read.
func (in *inspection) first(ctx context.Context, read bool) (more bool, err error) {
	state := in.stream.CachedInfo().State
	in.upTo = state.LastSeq
	if in.accept {
		return false, in.all(ctx)
	}
	switch {
	case state.LastSeq < in.old.Last:
		return false, in.harm(fmt.Sprintf("ends at message %d and must reach %d", state.LastSeq, in.old.Last), nil)
	case in.old.Class == classLog && state.Msgs != state.LastSeq:
		return false, in.harm(fmt.Sprintf("lacks %d of its %d messages", state.LastSeq-state.Msgs, state.LastSeq), nil)
	}
	if read && state.Msgs <= checkMessages {
		return false, in.all(ctx)
	}
	in.hold()
	if !read {
		return true, nil
	}
	return true, in.newest(ctx)
}

// hold lets the stream be used before all of it is read.
func (in *inspection) hold() {
	g := in.guard
	g.mu.Lock()
	defer g.mu.Unlock()
	w := in.old
	if w.Class != classLog {
		w.held = w.Last != in.upTo || w.Lost
		w.Lost = false
		w.scrub = &scrub{upTo: in.upTo, gone: map[uint64]uint64{}}
	}
	g.streams[in.name] = &w
}

// newest reads back the newest messages of a large stream.
func (in *inspection) newest(ctx context.Context) error {
	from := in.upTo - checkMessages + 1
	if in.old.Class != classLog {
		return in.read(ctx, from, func(message) error { return nil })
	}
	from = max(min(from, in.old.Last), 1)
	k := link{}
	if from > 1 {
		base, err := in.stream.GetMsg(ctx, from-1)
		if err != nil {
			return in.harm(fmt.Sprintf("message %d cannot be read back", from-1), err)
		}
		if k.chain, k.count, err = readHeaders(base.Header); err != nil {
			return in.harm(fmt.Sprintf("message %d is not what was stored", from-1), err)
		}
		k.seq = from - 1
	}
	return in.readLog(ctx, k)
}

// all reads the whole stream and sets its witness.
func (in *inspection) all(ctx context.Context) error {
	if in.upTo == 0 {
		in.upTo = in.stream.CachedInfo().State.LastSeq
	}
	if in.old.Class == classLog {
		return in.readLog(ctx, link{})
	}
	return in.readTable(ctx)
}

// readLog follows the chain to the end and compares it with the witness.
func (in *inspection) readLog(ctx context.Context, k link) error {
	last, sum := in.old.Last, in.old.Chain
	err := in.read(ctx, k.seq+1, func(m message) error {
		if _, err := k.read(m); err != nil {
			return in.harm(fmt.Sprintf("message %d is not what was stored", m.seq), err)
		}
		if m.seq == last && k.chain.String() != sum {
			return in.harm(fmt.Sprintf("message %d is another than was acknowledged", m.seq), nil)
		}
		return nil
	})
	if err == nil && k.seq < in.upTo {
		err = in.harm(fmt.Sprintf("lacks messages %d to %d", k.seq+1, in.upTo), nil)
	}
	if err != nil {
		if !in.accept || ctx.Err() != nil {
			return err
		}
		in.guard.log.Error("a damaged log is accepted", "account", in.guard.account, "stream", in.name, "error", err)
		return nil
	}
	g := in.guard
	g.mu.Lock()
	defer g.mu.Unlock()
	if w := g.streams[in.name]; w == nil || w.Last < k.seq {
		g.streams[in.name] = &witness{Class: classLog, Last: k.seq, Chain: k.chain.String()}
	}
	return nil
}

// scrub collects what was read of a table or queue that is in use meanwhile.
type scrub struct {
	upTo uint64
	seen []uint64          // sequences that were read, ascending
	gone map[uint64]uint64 // mark of messages that were replaced or removed meanwhile, by sequence
}

// lost notes that a message went away.
func (s *scrub) lost(subject string, seq uint64) {
	if s != nil && seq <= s.upTo {
		s.gone[seq] = mark(subject, seq)
	}
}

// missed returns the marks of messages that went away before they were read.
func (s *scrub) missed(upTo uint64) (sum uint64) {
	if s == nil {
		return 0
	}
	for seq, m := range s.gone {
		if _, read := slices.BinarySearch(s.seen, seq); !read && seq <= upTo {
			sum += m
		}
	}
	return sum
}

// unknown reports whether a message after last went away before it was read: what it
// replaced may be of before, and nothing tells it any more.
func (s *scrub) unknown(last uint64) bool {
	if s == nil {
		return false
	}
	for seq := range s.gone {
		if _, read := slices.BinarySearch(s.seen, seq); !read && seq > last {
			return true
		}
	}
	return false
}

// readTable adds up the marks of all messages and compares the sum of those
// that the witness knows of.
func (in *inspection) readTable(ctx context.Context) error {
	var old, all uint64 // sums up to the witness, and up to the end
	exact := !in.old.Lost
	var seen []uint64
	err := in.read(ctx, 1, func(m message) error {
		if m.seq > in.upTo {
			return errStop
		}
		seen = append(seen, m.seq)
		all += mark(m.subject, m.seq)
		if m.seq <= in.old.Last {
			old += mark(m.subject, m.seq)
			return nil
		}
		replaced, err := strconv.ParseUint(m.header.Get(headerPrevious), 10, 64)
		switch {
		case in.old.Class == classQueue:
		case err != nil:
			return in.harm(fmt.Sprintf("message %d is not what was stored", m.seq), err)
		case replaced > in.old.Last:
			exact = false // replaced twice after the witness was written: what it replaced first is unknown
		case replaced > 0:
			old += mark(m.subject, replaced)
		}
		return nil
	})
	if err != nil && (!in.accept || ctx.Err() != nil) {
		return err
	}
	if in.old.Class == classQueue && !in.clean {
		exact = false // what was done between the witness and the crash is not in it
	}
	if in.accept {
		exact = false
	}
	return in.conclude(ctx, exact, old, all, seen)
}

// conclude compares the sums. Changes made while the stream was read may be
// known only a moment later, so a difference must last before it counts.
func (in *inspection) conclude(ctx context.Context, exact bool, old, all uint64, seen []uint64) error {
	g := in.guard
	begun := time.Now()
	for {
		g.mu.Lock()
		w := g.streams[in.name]
		if w == nil {
			w = &witness{Class: in.old.Class, Last: in.upTo, Sum: all}
			g.streams[in.name] = w
		}
		busy := w.scrub != nil
		if busy {
			w.scrub.seen = seen
		}
		exact = exact && !w.scrub.unknown(in.old.Last)
		same := old+w.scrub.missed(in.old.Last) == in.old.Sum
		if same || !exact || w.Lost || !busy || time.Since(begun) > 2*attemptTimeout {
			if w.held {
				w.Last, w.Sum, w.held = in.upTo, all+w.scrub.missed(in.upTo), false
				w.catchUp()
			}
			wrong := exact && !same && !w.Lost
			w.scrub = nil
			g.dirty = true
			g.mu.Unlock()
			if wrong {
				return in.harm("lacks messages, or holds some that were replaced", nil)
			}
			return nil
		}
		g.mu.Unlock()
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// catchUp applies what happened while the witness was held.
func (w *witness) catchUp() {
	for seq, delta := range w.later {
		if seq <= w.Last {
			w.Sum += delta
			delete(w.later, seq)
		}
	}
	w.settle()
}

// read hands out the stream's messages from a sequence to the newest at start.
func (in *inspection) read(ctx context.Context, from uint64, each func(message) error) error {
	if from > in.upTo {
		return nil
	}
	if in.pace == nil { // what is paced takes as long as there is to read
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 10*time.Minute)
		defer cancel()
	}
	err := in.account.tail(ctx, tailing{
		stream: in.stream, filter: ">", from: from, stall: 200 * time.Millisecond,
		each: func(m message) error {
			if err := each(m); err != nil {
				return err
			}
			if m.seq >= in.upTo {
				return errStop
			}
			return in.pace.take(ctx, len(m.data))
		},
		caughtUp: func() error { return errStop },
	})
	var ours *hub.Error
	if err == nil || errors.As(err, &ours) {
		return err
	}
	return fmt.Errorf("read back stream %s of account %s: %w", in.name, in.guard.account, err)
}

func (in *inspection) harm(what string, err error) error {
	return in.guard.harm(in.name, what, err)
}
