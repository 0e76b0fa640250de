package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// Sender tells who sent a request, by the certificate that the connection proved,
// and whether it may notify on the interface that the callback URI is of. name is
// stable and may be empty when ok is false.
type Sender func(r *http.Request) (name string, ok bool)

// Receiver serves the callback URIs of a Security Manager, one for each of its
// interfaces that has notifications (SOL 013 clause 8.3, Sc-Or.NsLcm.004).
type Receiver struct {
	in     *Intake
	subs   Subscriptions
	gate   *gate
	alarms *alarms

	mu    sync.Mutex // covers stuck
	stuck map[hub.Interface]*repeated
}

// Subscriptions is what the Receiver needs of a [Subscriber].
type Subscriptions interface {
	// Owns reports whether the Security Manager has, or lately had, the
	// subscription on an interface.
	Owns(ctx context.Context, i hub.Interface, subscriptionID string) (bool, error)
	// Renew ends the subscription of an interface soon and makes a new one.
	Renew(i hub.Interface)
}

// NewReceiver makes the receiver of an intake.
func NewReceiver(in *Intake, subs Subscriptions) *Receiver {
	return &Receiver{
		in: in, subs: subs, gate: newGate(in.limits, &in.ports), alarms: &alarms{in: in, quiet: map[alarmKey]*silence{}},
		stuck: map[hub.Interface]*repeated{},
	}
}

// Handler serves the callback URI of one interface. GET answers 204, for the test
// of the URI by the producer (SOL 005 clause 6.4.20.3.2). POST takes one
// notification and answers
//
//	204  it is durable, was durable before, or is nothing that is judged
//	400  it is malformed, unknown, of another time, or does not fit its schema
//	403  the sender is not the one that this interface listens to
//	404  it comes by no subscription of this Security Manager
//	405, 413, 415
//	409  another notification of the sender had its id
//	429, 503 with Retry-After: send it again
//
// What is refused, but for 405, is counted and recorded as an alarm. A producer that keeps
// the order of its notifications sends a refused one for ever, and nothing after
// it; after a few repetitions the subscription is made anew.
func (rc *Receiver) Handler(i hub.Interface, sender Sender) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodPost {
			w.Header().Set("Allow", "GET, POST")
			(&refusal{code: hub.Invalid, status: http.StatusMethodNotAllowed, text: "a callback URI takes GET and POST"}).write(w)
			return
		}
		ctx, name, n := r.Context(), "", &notification{}
		outcome, refused := "", (*refusal)(nil)
		if who, ok := sender(r); !ok {
			name, refused = who, &refusal{code: hub.Denied, reason: OutcomeWrongSender, text: "this callback URI is for the producer that the Security Manager subscribed with; show its certificate"}
		} else if name = who; r.Method == http.MethodPost {
			outcome, refused = rc.take(w, r, i, name, n)
		}
		if refused != nil {
			rc.refuse(ctx, i, name, n, refused)
			refused.write(w)
			return
		}
		if r.Method == http.MethodPost {
			rc.in.ports.count(i, outcome)
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// refuse counts, records and logs a refusal.
func (rc *Receiver) refuse(ctx context.Context, i hub.Interface, sender string, n *notification, why *refusal) {
	rc.in.ports.count(i, why.reason)
	if sender == "" {
		sender = "nobody"
	}
	if why.cause != nil {
		rc.in.ports.Log.Warn("a notification was refused", "interface", i, "sender", sender, "reason", why.reason, "error", why.cause)
	}
	// What comes by somebody else's subscription is no reason to renew ours.
	if why.wait == 0 && n.ID != "" && why.reason != OutcomeNotSubscribed && rc.repeats(i, n.ID) {
		rc.subs.Renew(i)
	}
	// Recorded even when the sender does not wait for the answer.
	rc.alarms.raise(context.WithoutCancel(ctx), RefusedRecord{
		Interface: i, Sender: clip(sender), Reason: why.reason, Detail: why.text, NotificationID: clip(n.ID), NotificationType: clip(n.Type),
	})
}

// clip bounds what a sender chose, for records.
func clip(s string) string {
	if len(s) > 128 {
		s = fmt.Sprintf("%.125s...", s)
	}
	return s
}

// repeated is a notification that was refused last, and how often in a row.
type repeated struct {
	id    string
	times int
}

// maxRepeats is how often one notification is refused before its subscription is
// taken for stuck.
const maxRepeats = 3

// repeats reports that a refused notification is the one that holds up its
// subscription.
func (rc *Receiver) repeats(i hub.Interface, id string) bool {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	s := rc.stuck[i]
	if s == nil || s.id != id {
		s = &repeated{id: id}
		rc.stuck[i] = s
	}
	s.times++
	return s.times%maxRepeats == 0
}

// take takes one notification in. n is filled as far as it could be read.
func (rc *Receiver) take(w http.ResponseWriter, r *http.Request, i hub.Interface, sender string, n *notification) (string, *refusal) {
	ctx := r.Context()
	leave, refused := rc.gate.enter(ctx, sender)
	if refused != nil {
		return "", refused
	}
	defer leave()
	body, refused := rc.read(w, r, n)
	if refused != nil {
		return "", refused
	}
	what, err := n.sort(i)
	if err != nil {
		return "", &refusal{code: hub.Invalid, reason: OutcomeUnknownType, text: hub.SafeText(err)}
	}
	if refused := rc.check(ctx, i, n, what.kind, body); refused != nil {
		return "", refused
	}
	if what.kind == "" {
		return OutcomeIgnored, nil
	}
	ev := smgr.Event{
		Kind: what.kind, Key: what.key, Origin: smgr.OriginNotification, Time: n.time(), Received: rc.in.ports.Now().UTC(), Sender: sender, Body: body,
	}
	outcome, err := rc.in.admitNotification(ctx, &ev, n.ID, what.occ)
	if err == nil {
		err = rc.in.knownNs(ctx, n)
	}
	switch {
	case errors.Is(err, errAltered):
		return "", &refusal{code: hub.Conflict, reason: OutcomeAltered, text: hub.SafeText(err)}
	case err != nil:
		return "", &refusal{code: hub.Unavailable, reason: OutcomeUnavailable, text: "it cannot be made durable now; send it again", wait: 5 * time.Second, cause: err}
	}
	return outcome, nil
}

// usualBody is how much memory, in bytes, is asked for at once because a request says
// that its body is so long.
const usualBody = 64 << 10

// read reads the body: as JSON in one spelling of its white space, and into n.
func (rc *Receiver) read(w http.ResponseWriter, r *http.Request, n *notification) ([]byte, *refusal) {
	limit := rc.in.limits.MaxBody
	tooLarge := &refusal{
		code: hub.Invalid, status: http.StatusRequestEntityTooLarge, reason: OutcomeTooLarge,
		text: fmt.Sprintf("a notification may have %d bytes", limit),
	}
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(rc.in.limits.BodyTime)) // a writer that is no connection has none
	got := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), usualBody)+bytes.MinRead))
	_, err := got.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	raw := got.Bytes()
	if err != nil { // and with the deadline behind it the server reads no further either
		if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
			return nil, tooLarge
		}
		return nil, &refusal{code: hub.Invalid, reason: OutcomeMalformed, text: "the body broke off; send it again", wait: time.Second}
	}
	_ = conn.SetReadDeadline(time.Time{})
	r.Body = io.NopCloser(bytes.NewReader(raw))
	if err := httpapi.DecodeLenient(r, n); err != nil {
		return nil, &refusal{code: hub.Invalid, status: mediaStatus(r), reason: OutcomeMalformed, text: hub.SafeText(err)}
	}
	return compact(raw)
}

// mediaStatus is 415 for a body that was not read for its media type.
func mediaStatus(r *http.Request) int {
	if n, err := io.Copy(io.Discard, r.Body); err == nil && n > 0 {
		return http.StatusUnsupportedMediaType
	}
	return 0
}

// check holds what is known of every notification against subscription, time and
// schema. What is not judged has no schema.
func (rc *Receiver) check(ctx context.Context, i hub.Interface, n *notification, kind hub.EventKind, body []byte) *refusal {
	bad := func(reason, text string) *refusal { return &refusal{code: hub.Invalid, reason: reason, text: text} }
	if n.ID == "" || len(n.ID) > maxID {
		return bad(OutcomeMalformed, fmt.Sprintf("a notification needs an id of 1 to %d bytes", maxID))
	}
	owned, err := rc.subs.Owns(ctx, i, n.SubscriptionID)
	if err != nil {
		return &refusal{code: hub.Unavailable, reason: OutcomeUnavailable, text: "the subscriptions cannot be read now; send it again", wait: 5 * time.Second, cause: err}
	}
	if !owned {
		return &refusal{code: hub.NotFound, reason: OutcomeNotSubscribed, text: "this Security Manager has no such subscription; end it"}
	}
	now, at, l := rc.in.ports.Now(), n.time(), rc.in.limits
	switch {
	case at.IsZero():
		return bad(OutcomeMalformed, "the notification does not say when it happened (timestamp, timeStamp)")
	case at.After(now.Add(l.MaxAhead)):
		return bad(OutcomeFuture, fmt.Sprintf("its time is more than %v in the future; see to the clock of its sender", l.MaxAhead))
	case at.Before(now.Add(-l.MaxAge)):
		return bad(OutcomeStale, fmt.Sprintf("its time is more than %v past; what happened then is found by queries", l.MaxAge))
	}
	if kind != "" {
		if err := rc.in.ports.Check(kind, body); err != nil {
			return bad(OutcomeSchema, "it does not fit the schema of its type: "+hub.SafeText(err))
		}
	}
	return nil
}

// maxID bounds identifiers that a sender chooses, in bytes.
const maxID = 256
