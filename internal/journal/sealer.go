package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/transparency-dev/merkle/compact"

	"github.com/manoward/manoward/internal/hub"
)

const (
	// gather is how long a sealer waits for more records after the first one.
	gather = 300 * time.Millisecond
	// standby is how long one that found another at work waits for it.
	standby = 3 * time.Second
)

// Sealer seals the records of one log. Any number may run for one log, in one
// process or several: the tree follows from the log, and the store of the seals
// takes each number once. One works; the others see its seals, and take over when
// records stay unsealed for some seconds.
type Sealer struct {
	Records Records
	Seals   Seals
	Key     *Key
	Now     func() time.Time
	// Sealed is told how many records were sealed, and how long after it was stored
	// the first of them was; nil: nobody.
	Sealed func(records int, age time.Duration)
	// Gate is told how far the tree reaches, and somebody waits there for each
	// record: what comes is sealed at once, and grouped only by how long that takes.
	// nil: nobody waits.
	Gate *Gate

	head    head
	waiting bool // another one works
}

// head is the end of the tree.
type head struct {
	number uint64 // of the newest seal
	tree   *compact.Range
	seal   *seal // the newest; nil: none yet
}

// Damage says that records and journal disagree, or that the journal does not fit
// to itself. Nothing is sealed from then on.
type Damage struct{ Err error }

func (d *Damage) Error() string { return d.Err.Error() }

// Unwrap returns the cause.
func (d *Damage) Unwrap() error { return d.Err }

func damaged(err error) error {
	return &Damage{hub.E(hub.Unavailable, "seal records", fmt.Sprintf("the records and their journal disagree, so sealing has stopped: %v; find out who changed them with \"manoward audit verify\", and restore both from one backup", err), err)}
}

// Run seals until ctx ends, then returns nil. It continues the tree that is
// there, after it has held its end against the records. A *[Damage] is final; any
// other error says that the bus failed, and Run may be called again.
func (s *Sealer) Run(ctx context.Context) error {
	s.head = head{}
	if err := s.load(ctx); err != nil {
		return err
	}
	err := s.run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (s *Sealer) run(ctx context.Context) error {
	last, err := s.Records.LastBatch(ctx)
	if err != nil {
		return err
	}
	var after uint64
	if s.head.seal != nil {
		after = s.head.seal.last().Sequence - 1 // again: its records are compared
	}
	if after >= last.Sequence && s.head.seal != nil {
		return damaged(fmt.Errorf("%s is sealed, and the records end with message %d", s.head.seal.last().place(), last.Sequence))
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	batches, ended := make(chan Batch), make(chan error, 1)
	go func() {
		ended <- s.Records.FollowBatches(ctx, after, func(b Batch) error {
			select {
			case batches <- b:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return s.work(ctx, after, batches, ended)
}

// work seals what comes. No more is taken in than one seal holds and the last
// message brought, however far behind it is.
func (s *Sealer) work(ctx context.Context, at uint64, batches <-chan Batch, ended <-chan error) error {
	var pending []Entry
	var due <-chan time.Time
	for {
		in := batches
		if len(pending) >= maxSeal {
			in = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case b := <-in:
			if b.Sequence != at+1 {
				return damaged(fmt.Errorf("message %d of the records comes after message %d", b.Sequence, at))
			}
			at = b.Sequence
			added, err := s.unsealed(b.entries())
			if err != nil {
				return err
			}
			pending = append(pending, added...)
		case <-due:
			var err error
			if pending, err = s.flush(ctx, pending); err != nil {
				return err
			}
			due = nil
		}
		switch {
		case len(pending) == 0:
			due = nil
		case len(pending) >= maxSeal && !s.waiting:
			var err error
			if pending, err = s.flush(ctx, pending); err != nil {
				return err
			}
			due = s.next(pending)
		case due == nil:
			due = s.next(pending)
		}
	}
}

// next tells when what is pending is to be sealed.
func (s *Sealer) next(pending []Entry) <-chan time.Time {
	switch {
	case len(pending) == 0:
		return nil
	case s.waiting:
		return time.After(standby)
	case s.Gate != nil:
		return time.After(0)
	}
	return time.After(gather)
}

// unsealed returns the entries that are not in the tree, and holds those that are
// against the newest seal.
func (s *Sealer) unsealed(entries []Entry) ([]Entry, error) {
	if s.head.seal == nil {
		return entries, nil
	}
	known := s.head.seal.Entries
	for len(entries) > 0 && entries[0].compare(s.head.seal.last()) <= 0 {
		for len(known) > 0 && known[0].compare(entries[0]) < 0 {
			known = known[1:]
		}
		if len(known) > 0 && known[0].compare(entries[0]) == 0 && known[0] != entries[0] {
			return nil, damaged(fmt.Errorf("%s is not what was sealed", entries[0].place()))
		}
		entries = entries[1:]
	}
	return entries, nil
}

// flush seals what is pending and returns what is left: what came while the bus
// did not answer, or while another one was at work.
func (s *Sealer) flush(ctx context.Context, pending []Entry) ([]Entry, error) {
	if s.waiting {
		before := s.head.number
		if err := s.load(ctx); err != nil {
			return nil, err
		}
		var err error
		if pending, err = s.unsealed(pending); err != nil || s.head.number != before {
			return pending, err
		}
		s.waiting = false // nobody has sealed anything: this one takes over
	}
	for len(pending) > 0 {
		part := pending[:min(len(pending), maxSeal)]
		err := s.store(ctx, part)
		switch {
		case err == nil:
			pending = pending[len(part):]
		case hub.CodeOf(err) == hub.Precondition || hub.CodeOf(err) == hub.Conflict:
			s.waiting = true
			if err := s.load(ctx); err != nil {
				return nil, err
			}
			return s.unsealed(pending)
		default:
			return nil, err
		}
	}
	return nil, nil
}

// store adds one seal.
func (s *Sealer) store(ctx context.Context, entries []Entry) error {
	tree, err := trees.NewRange(0, s.head.tree.End(), bytesOf(s.head.tree.Hashes()))
	if err != nil {
		return fmt.Errorf("seal records: %w", err)
	}
	next, err := newSeal(s.Key, tree, entries)
	if err != nil {
		return fmt.Errorf("seal records: %w", err)
	}
	raw, err := next.encode()
	if err != nil {
		return fmt.Errorf("seal records: %w", err)
	}
	if err := s.Seals.Append(ctx, s.head.number, next.id(), raw); err != nil {
		return err
	}
	s.lead(head{s.head.number + 1, tree, next})
	if s.Sealed != nil {
		s.Sealed(len(entries), s.age(entries[0]))
	}
	return nil
}

func (s *Sealer) age(e Entry) time.Duration {
	stored, err := time.Parse(time.RFC3339Nano, e.Stored)
	if err != nil {
		return 0 // this process wrote it
	}
	return max(0, s.Now().Sub(stored))
}

// load reads the end of the tree, and holds it against itself, the seal before
// and what this sealer has seen.
func (s *Sealer) load(ctx context.Context) error {
	number, raw, err := s.Seals.Last(ctx)
	if err != nil {
		return err
	}
	if number < s.head.number {
		return damaged(fmt.Errorf("the journal has %d seals, and had %d", number, s.head.number))
	}
	if number == 0 {
		s.head = head{tree: trees.NewEmptyRange(0)}
		return nil
	}
	newest, err := decodeSeal(raw)
	if err != nil {
		return damaged(fmt.Errorf("seal %d: %w", number, err))
	}
	tree, before, err := newest.check(s.Key.Public())
	if err != nil {
		return damaged(fmt.Errorf("seal %d: %w", number, err))
	}
	if err := s.joined(ctx, number, newest, before); err != nil {
		return err
	}
	s.lead(head{number, tree, newest})
	return nil
}

// lead takes a newer end of the tree.
func (s *Sealer) lead(h head) {
	s.head = h
	if s.Gate != nil {
		s.Gate.Reached(h.seal.size())
	}
}

// joined holds a seal against the one before it.
func (s *Sealer) joined(ctx context.Context, number uint64, newest *seal, before []byte) error {
	if number == 1 {
		if newest.Start != 0 {
			return damaged(errors.New("the first seal does not begin with the first entry"))
		}
		return nil
	}
	raw, err := s.Seals.At(ctx, number-1)
	if err != nil {
		return err
	}
	previous, err := decodeSeal(raw)
	if err != nil {
		return damaged(fmt.Errorf("seal %d: %w", number-1, err))
	}
	signed, err := s.Key.Public().open(previous.Checkpoint)
	if err == nil {
		err = newest.follows(signed, before)
	}
	if err == nil && previous.last().compare(newest.Entries[0]) >= 0 {
		err = errors.New("it begins before the seal before it ends")
	}
	if err != nil {
		return damaged(fmt.Errorf("seal %d: %w", number, err))
	}
	if same := s.head; same.number == number && same.seal.Checkpoint != newest.Checkpoint {
		return damaged(fmt.Errorf("seal %d has changed", number))
	}
	return nil
}
