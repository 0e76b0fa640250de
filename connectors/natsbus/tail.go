package natsbus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/manoward/manoward/internal/hub"
)

// message is one stored message, as [Account.tail] hands it out.
type message struct {
	seq     uint64
	subject string
	header  nats.Header
	data    []byte
	stored  time.Time
}

// errStop ends a tail without an error.
var errStop = errors.New("stop")

// tailing says what to read of a stream.
type tailing struct {
	stream      jetstream.Stream
	filter      string // subject, may hold wildcards
	from        uint64 // first sequence wanted; 0 and 1 are the beginning
	until       uint64 // sequence at the leader that must be reached before caughtUp; 0: none
	headersOnly bool
	each        func(message) error
	caughtUp    func() error  // called once, when nothing more is waiting; may be nil
	stall       time.Duration // 0: stallTimeout
}

// stallTimeout is how long a message that must exist may take before tail asks
// the server for it by name: the server's consumer does not report a message
// that it cannot read, it stops.
const stallTimeout = time.Second

// tail hands out stored messages in order, each once, and goes on with what is
// written later, over reconnects and changes of leader, until ctx ends, a
// function returns an error, or a message cannot be read. errStop ends it with
// nil.
func (a *Account) tail(ctx context.Context, t tailing) error {
	r := tailer{Account: a, tailing: t, next: max(t.from, 1)}
	if r.stall == 0 {
		r.stall = stallTimeout
	}
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		before := r.next
		err := r.run(ctx)
		switch {
		case errors.Is(err, errStop):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case r.final:
			return err
		}
		if r.next > before {
			wait = 50 * time.Millisecond
		}
		a.log.Debug("reading a stream was interrupted", "account", a.name, "stream", t.stream.CachedInfo().Config.Name, "error", err)
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

type tailer struct {
	*Account
	tailing
	next  uint64 // first sequence not handed out
	done  bool   // caughtUp was called
	gone  int    // how often in a row the next message was not found
	final bool   // the error is the caller's or damage: trying again is no use
}

// run reads with one server-side consumer until something breaks.
func (r *tailer) run(ctx context.Context) error {
	c, err := askAnew(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
		return r.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
			FilterSubjects:    []string{r.filter},
			DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
			OptStartSeq:       r.next,
			InactiveThreshold: 30 * time.Second,
			HeadersOnly:       r.headersOnly,
		})
	})
	if err != nil {
		return fmt.Errorf("create consumer: %w", err)
	}
	pending := c.CachedInfo().NumPending
	it, err := c.Messages(jetstream.PullExpiry(10*time.Second), jetstream.PullHeartbeat(time.Second))
	if err != nil {
		return fmt.Errorf("start consumer: %w", err)
	}
	stop := context.AfterFunc(ctx, it.Stop) // a reset inside Next does not watch ctx
	defer func() {
		stop()
		it.Stop()
		go r.discard(c)
	}()
	for {
		if err := r.settle(pending); err != nil {
			return err
		}
		m, err := r.take(ctx, it)
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("read metadata: %w", err)
		}
		pending = meta.NumPending
		if meta.Sequence.Stream < r.next {
			continue
		}
		r.next, r.gone = meta.Sequence.Stream+1, 0
		if err := r.each(message{meta.Sequence.Stream, m.Subject(), m.Headers(), m.Data(), meta.Timestamp}); err != nil {
			r.final = true
			return err
		}
	}
}

// settle calls caughtUp when everything that was there has been handed out.
func (r *tailer) settle(pending uint64) error {
	if r.done || pending > 0 || r.next <= r.until {
		return nil
	}
	r.done = true
	if r.caughtUp == nil {
		return nil
	}
	if err := r.caughtUp(); err != nil {
		r.final = true
		return err
	}
	return nil
}

// take waits for the next message. While messages that exist are awaited it
// looks for the reason when none comes.
func (r *tailer) take(ctx context.Context, it jetstream.MessagesContext) (jetstream.Msg, error) {
	for {
		wait, cancel := ctx, context.CancelFunc(func() {})
		if !r.done {
			wait, cancel = context.WithTimeout(ctx, r.stall)
		}
		m, err := it.Next(jetstream.NextContext(wait))
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return m, err
		}
		if err := r.probe(ctx); err != nil {
			return nil, err
		}
	}
}

// probe reads the next message by request. It was counted as waiting, so when
// the server has an error for it, or does not find it again and again, it is
// there and cannot be read.
func (r *tailer) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	m, err := r.stream.GetMsg(ctx, r.next, jetstream.WithGetMsgSubject(r.filter))
	var api *jetstream.APIError
	switch {
	case err == nil:
		return fmt.Errorf("message %d is there and was not delivered", m.Sequence)
	case errors.Is(err, jetstream.ErrMsgNotFound):
		if r.gone++; r.gone < 3 {
			return errors.New("the message awaited was removed meanwhile")
		}
	case !errors.As(err, &api) || api.Code == 503:
		return fmt.Errorf("read message %d: %w", r.next, err)
	}
	r.final = true
	err = r.damaged("read", r.stream.CachedInfo().Config.Name, r.next, "it or one after it cannot be read back", err)
	r.guard.report(err)
	return err
}

// discard removes the server's side of a consumer at once instead of after its
// time of inactivity.
func (r *tailer) discard(c jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	if err := r.stream.DeleteConsumer(ctx, c.CachedInfo().Name); err != nil {
		r.log.Debug("a consumer is left to expire", "account", r.name, "error", err)
	}
}

// damaged names a message that is not what it must be.
func (a *Account) damaged(op, stream string, seq uint64, what string, err error) error {
	return hub.E(hub.Unavailable, op, fmt.Sprintf("the data of account %s is damaged: stream %s, message %d: %s; restore the data directory from a backup, or this replica from its peers", a.name, stream, seq, what), err)
}
