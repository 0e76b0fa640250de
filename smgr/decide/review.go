package decide

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// The reasons of reviews.
const (
	ReviewPeriodic   = "periodic"
	ReviewPolicies   = "policies-changed"
	ReviewParameters = "parameters-changed"
)

// round is one review of all NSs. All processes name it alike, and so its events.
type round struct {
	id     string
	reason string
	at     time.Time // time of its events
}

// reviewState is how far the review of all NSs has come, shared by all processes.
type reviewState struct {
	Round      string    `json:"round"`
	After      string    `json:"after,omitempty"` // the last NS that was pushed
	Done       bool      `json:"done"`
	Activation string    `json:"activation,omitempty"` // the last one whose round was begun
	Updated    time.Time `json:"updated"`
}

const (
	reviewID = "all"
	// reviewPart is how many NSs are pushed at once, and reviewPause the time to the
	// next: what happens meanwhile is judged between them, and does not wait for
	// all. 50 a second are 2,000 NSs in 40 s.
	reviewPart  = 4
	reviewPause = 80 * time.Millisecond
	// reviewLease is how long a review that nobody goes on with is left to who
	// began it.
	reviewLease = time.Minute
)

// Review has every NS judged again when it is time: once each ReviewEvery, and
// after the active policies or parameters changed. It pushes events in parts and
// notes how far it came, so that after a crash, or in another process, it goes on
// there; an event that is pushed twice is judged once. Before a round of the time
// it records by what it judges, so that an auditor of any such time has that. It
// returns how many it pushed: none when there is nothing to do, or another process
// does it; and whether it is to be called again soon, for more.
//
// Call it on a timer of some seconds, from one goroutine.
func (d *Decider) Review(ctx context.Context) (pushed int, more bool, err error) {
	active, ok := d.policies.Active()
	if !ok {
		return 0, false, nil // everything would be undecided, which Policies.Check says already
	}
	there, fresh, err := d.reviewState(ctx)
	if err != nil {
		return 0, false, fmt.Errorf("review NSs: %w", err)
	}
	s, now := &there.Value, d.now()
	due := d.due(s, &active, now)
	if due.id == s.Round && (s.Done || d.reviewing == nil && now.Before(s.Updated.Add(reviewLease))) {
		return 0, false, nil
	}
	if d.reviewing == nil || due.id != s.Round {
		if err := d.beginReview(ctx, s, due, &active); err != nil {
			return 0, false, fmt.Errorf("review NSs: %w", err)
		}
	}
	going, err := d.noteReview(ctx, there, fresh)
	if err != nil {
		return 0, false, fmt.Errorf("review NSs: note how far it is: %w", err)
	}
	if going == nil {
		return 0, false, nil
	}
	if pushed, err = d.reviewNext(ctx, &going.Value, due); err != nil {
		return pushed, false, fmt.Errorf("review NSs: %w", err)
	}
	if !going.Value.Done {
		return pushed, true, nil
	}
	if _, err = d.noteReview(ctx, *going, false); err != nil {
		return pushed, false, fmt.Errorf("review NSs: note that it is done: %w", err)
	}
	d.reviewing = nil
	return pushed, false, nil
}

// reviewState returns how far the review is: as this process knows, which is about it,
// or as it is stored; fresh is one that is not stored yet.
func (d *Decider) reviewState(ctx context.Context) (there state.Entry[reviewState], fresh bool, err error) {
	if d.reviewing != nil {
		return *d.reviewing, false, nil
	}
	there, err = d.reviews.GetIn(ctx, d.c.TrustDomain, reviewID)
	return there, err != nil, ignore(err, hub.NotFound)
}

// beginReview prepares a round, or to go on with one of another process.
func (d *Decider) beginReview(ctx context.Context, s *reviewState, due round, active *Activation) error {
	// Before it is noted: of a round that is begun and not gone on with others keep away.
	if _, err := d.c.Inventory.NsIDs(ctx, "", 1); err != nil {
		return err
	}
	if due.id == s.Round {
		return nil
	}
	// A newer round has all that is left of the one before.
	if due.reason == ReviewPeriodic {
		if err := d.policies.inForce(ctx, active, due.at); err != nil {
			return err
		}
	}
	s.Round, s.After, s.Done = due.id, "", false
	if due.reason != ReviewPeriodic {
		s.Activation = due.id
	}
	return nil
}

// noteReview stores how far the review is, which makes this process the one that is
// about it; nil: another one is.
func (d *Decider) noteReview(ctx context.Context, there state.Entry[reviewState], fresh bool) (*state.Entry[reviewState], error) {
	d.reviewing = nil
	var err error
	there.Value.Updated = d.now()
	if fresh {
		there, err = d.reviews.Create(ctx, d.c.TrustDomain, reviewID, &there.Value)
	} else {
		there, err = d.reviews.Replace(ctx, there)
	}
	if code := hub.CodeOf(err); code == hub.Conflict || code == hub.Precondition {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d.reviewing = &there
	return d.reviewing, nil
}

// reviewNext pushes the events of the next NSs, and notes in s how far it came.
func (d *Decider) reviewNext(ctx context.Context, s *reviewState, due round) (pushed int, err error) {
	ids, err := d.c.Inventory.NsIDs(ctx, s.After, reviewPart)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := d.c.Push(ctx, d.reviewOf(id, due)); err != nil {
			return pushed, fmt.Errorf("NS %s: %w", id, err)
		}
		pushed++
		s.After = id
	}
	s.Done = len(ids) < reviewPart
	return pushed, nil
}

// due returns the round that is to be done now: that of a change that has none
// yet, or that is not done; otherwise that of the time, if it is later.
func (d *Decider) due(s *reviewState, a *Activation, now time.Time) round {
	if s.Activation != a.ID || s.Round == a.ID && !s.Done {
		reason := ReviewPolicies
		if a.Change == ChangeParameters {
			reason = ReviewParameters
		}
		return round{id: a.ID, reason: reason, at: a.At}
	}
	began := now.Truncate(d.c.ReviewEvery)
	if !began.After(a.At) { // all was judged since
		return round{id: s.Round, reason: ReviewPeriodic, at: began}
	}
	return round{id: "time/" + strconv.FormatInt(began.Unix(), 10), reason: ReviewPeriodic, at: began}
}

// reviewOf returns the event of one NS in a round.
func (d *Decider) reviewOf(nsID string, r round) smgr.Event {
	body, err := json.Marshal(map[string]string{"reason": r.reason})
	if err != nil {
		body = []byte(`{"reason":"` + ReviewPeriodic + `"}`) // a map of texts is always JSON
	}
	return smgr.Event{
		ID: hub.DeriveID("review", d.c.TrustDomain, d.c.Name, r.id, nsID), Kind: hub.EventReview, Key: smgr.KeyNs(nsID),
		Origin: smgr.OriginReview, Time: r.at, Received: d.now(), Body: body,
	}
}
