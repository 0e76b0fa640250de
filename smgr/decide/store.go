package decide

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// stored is a decision as it is stored: one write keeps it with its input, if that
// is small. One with a larger input has it among the contents.
type stored struct {
	smgr.Decision
	Input []byte `json:"input,omitempty"` // as a content is packed; of part 0 alone
	Told  string `json:"told,omitempty"`  // smgr.Event.Digest; of part 0 alone
}

// mostWithin is how large an input may be, packed, to be stored with its decision:
// a few VNFs. Decisions are read whole at start.
const mostWithin = 4 << 10

// timeDigits is how many digits of a decision's ID stand for its time.
const timeDigits = 13 // with the hyphen: "fe6d3a5b-2c00"

// stamp is the time as the beginning of an ID: the milliseconds that are left to
// the end of 48 bits, so that what is newer sorts first.
func stamp(t time.Time) string {
	const end = 1<<48 - 1
	left := end - uint64(min(max(t.UnixMilli(), 0), end))
	return fmt.Sprintf("%08x-%04x", left>>16, left&0xffff)
}

// moment is the time that an ID begins with.
func moment(id string) time.Time {
	left, err := strconv.ParseUint(strings.ReplaceAll(id[:timeDigits], "-", ""), 16, 64)
	if err != nil {
		return time.Time{} // older than all
	}
	return time.UnixMilli(int64(1<<48 - 1 - left))
}

// partDigits is how many digits at the end of a decision's ID stand for its part.
const partDigits = 3

// eventHash stands for an event, whatever time it says.
func (d *Decider) eventHash(eventID string) string {
	return eventOf(hub.DeriveID("sm.decision", d.c.TrustDomain, d.c.Name, eventID))
}

// eventOf returns the digits of a decision's ID that stand for its event.
func eventOf(id string) string {
	if len(id) < timeDigits+partDigits {
		return ""
	}
	return id[timeDigits : len(id)-partDigits]
}

// decisionID returns the ID of a decision on an event: a UUID (version 8) that
// begins with the event's time, so that decisions are listed from the newest, and
// ends with its part.
func (d *Decider) decisionID(e *smgr.Event, part int) string {
	return fmt.Sprintf("%s%s%0*x", stamp(e.Time), d.eventHash(e.ID), partDigits, part)
}

// partID returns the ID of another decision on the event of a decision.
func partID(id string, part int) string {
	return fmt.Sprintf("%s%0*x", id[:len(id)-partDigits], partDigits, part)
}

// termEvent finds the decisions on an event.
const termEvent = "event="

// terms are what a decision is found by. What found nothing has few, because
// there are many of those.
func terms(d *smgr.Decision) []string {
	list := []string{termEvent + eventOf(d.ID), "key=" + d.Key}
	if len(d.Findings) > 0 {
		list = append(list, "found")
	}
	if len(d.Undecided) > 0 {
		list = append(list, "undecided")
	}
	if len(d.Conflicts) > 0 {
		list = append(list, "conflict")
	}
	for _, f := range d.Findings {
		list = append(list, "policy="+f.Policy)
		if f.Target.NsInstanceID != "" {
			list = append(list, "key="+smgr.KeyNs(f.Target.NsInstanceID))
		}
		if f.Target.VnfInstanceID != "" {
			list = append(list, "vnf="+f.Target.VnfInstanceID)
		}
		if f.Target.HostID != "" {
			list = append(list, "key="+smgr.KeyHost(f.Target.HostID))
		}
	}
	for _, u := range d.Undecided {
		list = append(list, "policy="+u.Policy)
	}
	return list
}

// Query says which decisions are listed. Of several members that are set, each
// must hold.
type Query struct {
	After     string    // the ID of the last one that is known already
	Before    time.Time // events up to this time only
	Key       string    // of the event, or of the NS or host of a finding: smgr.KeyNs
	Vnf       string    // that a finding is about
	Policy    string    // that found something, or is undecided
	EventID   string
	Found     bool // with a finding
	Undecided bool
	Conflict  bool
}

// terms lists what a decision must have, the rarest first as far as that can be
// said.
func (d *Decider) terms(q Query) []string {
	var list []string
	add := func(wanted bool, term string) {
		if wanted {
			list = append(list, term)
		}
	}
	add(q.EventID != "", termEvent+d.eventHash(q.EventID))
	add(q.Vnf != "", "vnf="+q.Vnf)
	add(q.Conflict, "conflict")
	add(q.Undecided, "undecided")
	add(q.Key != "", "key="+q.Key)
	add(q.Policy != "", "policy="+q.Policy)
	add(q.Found, "found")
	return list
}

// Decisions yields decisions from the newest event to the oldest. It takes from
// the store what is taken from it, so that a page costs a page. The ID of the last
// one, as Query.After, goes on from there.
func (d *Decider) Decisions(ctx context.Context, q Query) iter.Seq2[smgr.Decision, error] {
	after, want := q.After, d.terms(q)
	if !q.Before.IsZero() {
		after = max(after, stamp(q.Before))
	}
	ids := d.decisions.IDs(after)
	if len(want) > 0 {
		ids = d.decisions.FindAfter(want[0], after)
	}
	return func(yield func(smgr.Decision, error) bool) {
		for id := range ids {
			e, err := d.decisions.GetIn(ctx, d.c.TrustDomain, id)
			if hub.CodeOf(err) == hub.NotFound {
				continue // it is over its age
			}
			if err == nil && !hasAll(terms(&e.Value.Decision), want) {
				continue
			}
			if !yield(e.Value.Decision, err) || err != nil {
				return
			}
		}
	}
}

func hasAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(t string) bool { return !slices.Contains(have, t) })
}

// Decision returns a decision, hub.NotFound if there is none.
func (d *Decider) Decision(ctx context.Context, id string) (smgr.Decision, error) {
	e, err := d.decisions.GetIn(ctx, d.c.TrustDomain, id)
	if code := hub.CodeOf(err); code == hub.NotFound || code == hub.Invalid {
		return smgr.Decision{}, hub.E(hub.NotFound, "find decision", fmt.Sprintf("there is no decision %.80q, or it is over its age; list them with \"manoward decision list\"", id), err)
	}
	return e.Value.Decision, err
}

// Told returns the digest of the notification that a judged event came with, empty
// if the decision does not say, and whether there is a decision on the event.
func (d *Decider) Told(ctx context.Context, eventID string) (digest string, found bool, err error) {
	is, found, err := d.find(ctx, eventID)
	if err != nil || !found {
		return "", false, err
	}
	return is.Told, true, nil
}

// Input returns the input of a decision, byte for byte as it was judged, or as it
// was refused because it does not fit its schema. Of an event of which no input
// could be made, it is the event.
func (d *Decider) Input(ctx context.Context, dec *smgr.Decision) ([]byte, error) {
	there, err := d.decisions.GetIn(ctx, d.c.TrustDomain, partID(dec.ID, 0))
	if err == nil && there.Value.Input != nil && there.Value.InputDigest == dec.InputDigest {
		return unpack(blobInput, dec.InputDigest, there.Value.Input)
	}
	if ignore(err, hub.NotFound) != nil {
		return nil, fmt.Errorf("read input of decision: %w", err)
	}
	raw, err := d.blobs.get(ctx, blobInput, dec.InputDigest)
	if hub.CodeOf(err) == hub.NotFound {
		return nil, hub.E(hub.NotFound, "read input of decision", "the input of this decision is not kept any more", err)
	}
	return raw, err
}

// Retention says how long decisions are kept. Records of them stay in the log.
type Retention struct {
	Age  time.Duration // since the event; 0: 30 days
	Most int           // decisions, each some 500 bytes of memory; 0: 100,000
}

func (r Retention) withDefaults() Retention {
	if r.Age <= 0 {
		r.Age = 30 * 24 * time.Hour
	}
	if r.Most <= 0 {
		r.Most = 100_000
	}
	return r
}

// Prune removes decisions over their age and, of those that are too many, the
// oldest, with their inputs and orders; it returns how many. A decision with an order that is
// not final stays. Any number of processes may prune, and be cut off while they
// do. What an event older than the age is judged to be is pruned soon after; intake
// refuses such events.
func (d *Decider) Prune(ctx context.Context) (int, error) {
	after := stamp(d.now().Add(-d.c.Retention.Age))
	if d.decisions.Len() > d.c.Retention.Most {
		n := 0
		for id := range d.decisions.IDs("") {
			if n++; n == d.c.Retention.Most {
				after = min(after, id)
				break
			}
		}
	}
	removed := 0
	for id := range d.decisions.IDs(after) {
		gone, err := d.prune(ctx, id, moment(after))
		if err != nil {
			return removed, fmt.Errorf("prune decisions: %w", err)
		}
		if gone {
			removed++
		}
	}
	return removed, nil
}

// prune removes a decision and, if they ended before a time, its orders.
func (d *Decider) prune(ctx context.Context, id string, before time.Time) (bool, error) {
	e, err := d.decisions.GetIn(ctx, d.c.TrustDomain, id)
	if err != nil {
		return false, ignore(err, hub.NotFound)
	}
	for _, order := range e.Value.Orders {
		o, err := d.c.Orders.Get(ctx, order)
		if ignore(err, hub.NotFound) != nil {
			return false, err
		}
		if err == nil && !o.State.Final() {
			return false, nil
		}
	}
	if e.Value.Parts > 1 && e.Value.Part == 0 && len(d.judgedTogether(&e.Value.Decision)) > 1 {
		return false, nil // the other parts need its input; it goes with the next run
	}
	if err := d.c.Orders.Forget(ctx, id, before); err != nil {
		return false, err
	}
	// The input first: a decision without one can be found and is removed by the
	// next run, an input without a decision would stay for ever. An input names its
	// event, or the NS and the moment of a review, so no decision on another event
	// has it.
	if err := d.forget(ctx, &e.Value); err != nil {
		return false, err
	}
	return true, ignore(d.decisions.Delete(ctx, id, nil), hub.NotFound)
}
