package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/manoward/manoward/internal/hub"
)

// Signals are messages that may be lost: whoever is not listening at the moment
// does not get them. Subjects are words of letters, digits, '-' and '_' joined
// by '.'; they are kept under a prefix of their own, so that no signal reaches
// a stream, an inbox or the server's own subjects.
const signalPrefix = "signal."

// Headers of the reply to a request that failed.
const (
	headerCode = "Manoward-Error"
	headerText = "Manoward-Error-Text"
)

// serveAtOnce bounds how many requests of one Serve are handled at a time. More
// wait.
const serveAtOnce = 64

// Publish sends data to those who listen now. nil says that it is on its way,
// not that somebody got it.
func (a *Account) Publish(ctx context.Context, subject string, data []byte) error {
	m, err := a.signal(ctx, "publish signal", subject, data)
	if err != nil {
		return err
	}
	return a.fail("publish signal", a.conn.PublishMsg(m))
}

// Subscribe calls fn with each message on a subject, one at a time, until ctx
// ends. It returns when messages sent from then on arrive; those sent through
// another server of a cluster, a moment later. In the subject, '*'
// stands for one word and '>' at the end for one or more. fn's context carries
// the sender's trace.
func (a *Account) Subscribe(ctx context.Context, subject string, fn func(ctx context.Context, subject string, data []byte)) error {
	const op = "subscribe to signal"
	if err := checkSubject(op, subject, true); err != nil {
		return err
	}
	sub, err := a.conn.Subscribe(signalPrefix+subject, func(m *nats.Msg) {
		if ctx.Err() == nil {
			fn(a.extract(ctx, m), strings.TrimPrefix(m.Subject, signalPrefix), m.Data)
		}
	})
	return a.listen(ctx, op, sub, err)
}

// Request sends data to one of those who serve the subject and returns its
// answer, or its error with code and safe text. hub.Unavailable when nobody
// serves it, or when none answers before ctx ends.
func (a *Account) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	const op = "send request"
	m, err := a.signal(ctx, op, subject, data)
	if err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
	}
	reply, err := a.conn.RequestMsgWithContext(ctx, m)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, hub.E(hub.Unavailable, op, fmt.Sprintf("nobody serves %s now; is its role running? Try again later", subject), err)
	case err != nil:
		return nil, a.fail(op, err)
	case reply.Header.Get(headerCode) != "":
		return nil, hub.E(hub.Code(reply.Header.Get(headerCode)), op, reply.Header.Get(headerText), nil)
	}
	return reply.Data, nil
}

// Serve answers requests on a subject until ctx ends. It returns when requests
// sent from then on are answered, as with [Account.Subscribe]. Those who serve a subject with one queueGroup
// share the requests. Requests are handled at the same time, up to 64. The
// caller gets the code and the safe text of the handler's error; the whole
// error is logged here.
func (a *Account) Serve(ctx context.Context, subject, queueGroup string, handler func(ctx context.Context, data []byte) ([]byte, error)) error {
	const op = "serve requests"
	if err := checkSubject(op, subject, true); err != nil {
		return err
	}
	if err := checkSubject(op, queueGroup, false); err != nil {
		return err
	}
	slots := make(chan struct{}, serveAtOnce)
	sub, err := a.conn.QueueSubscribe(signalPrefix+subject, queueGroup, func(m *nats.Msg) {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		go func() {
			defer func() { <-slots }()
			a.answer(ctx, m, handler)
		}()
	})
	return a.listen(ctx, op, sub, err)
}

// answer handles one request.
func (a *Account) answer(ctx context.Context, m *nats.Msg, handler func(ctx context.Context, data []byte) ([]byte, error)) {
	data, err := handler(a.extract(ctx, m), m.Data)
	reply := nats.NewMsg(m.Reply)
	reply.Data = data
	if err != nil {
		a.log.Warn("a request failed", "account", a.name, "subject", m.Subject, "error", err)
		reply.Data = nil
		reply.Header.Set(headerCode, string(hub.CodeOf(err)))
		reply.Header.Set(headerText, strings.NewReplacer("\r", " ", "\n", " ").Replace(hub.SafeText(err)))
	}
	if err := m.RespondMsg(reply); err != nil {
		a.log.Warn("a request was not answered", "account", a.name, "subject", m.Subject, "error", err)
	}
}

// listen makes a subscription known to the server and ends it with ctx.
func (a *Account) listen(ctx context.Context, op string, sub *nats.Subscription, err error) error {
	if err != nil {
		return a.fail(op, err)
	}
	flush, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	if err := a.conn.FlushWithContext(flush); err != nil {
		return errors.Join(a.fail(op, err), sub.Unsubscribe())
	}
	context.AfterFunc(ctx, func() {
		if err := sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
			a.log.Debug("a subscription was not ended", "account", a.name, "error", err)
		}
	})
	return nil
}

func (a *Account) signal(ctx context.Context, op, subject string, data []byte) (*nats.Msg, error) {
	if err := checkSubject(op, subject, false); err != nil {
		return nil, err
	}
	m := nats.NewMsg(signalPrefix + subject)
	m.Data = data
	if a.trace.Inject != nil {
		a.trace.Inject(ctx, m.Header.Set)
	}
	return m, nil
}

// extract returns ctx with the trace that a message carries.
func (a *Account) extract(ctx context.Context, m *nats.Msg) context.Context {
	if a.trace.Extract == nil {
		return ctx
	}
	return a.trace.Extract(ctx, m.Header.Get)
}

// checkSubject reports whether a signal may have this subject. Only those who
// listen may use wildcards.
func checkSubject(op, subject string, wildcards bool) error {
	words := strings.Split(subject, ".")
	bad := len(subject) > maxKeyLen
	for n, w := range words {
		if wildcards && (w == "*" || w == ">" && n == len(words)-1) {
			continue
		}
		bad = bad || w == ""
		for i := 0; i < len(w) && !bad; i++ {
			bad = !isWordByte(w[i])
		}
	}
	if bad {
		return hub.E(hub.Invalid, op, fmt.Sprintf("subject %.80q: use words of letters, digits, '-' and '_', joined by '.'", subject), nil)
	}
	return nil
}
