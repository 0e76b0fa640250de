package decide

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/manoward/manoward/internal/hub"
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
	reviewID   = "all"
	reviewPage = 256
	// reviewLease is how long a review that nobody goes on with is left to who
	// began it.
	reviewLease = time.Minute
)

// Review has every NS judged again when it is time: once each ReviewEvery, and
// after the active policies or parameters changed. It pushes events in pages and
// notes how far it came, so that after a crash, or in another process, it goes on
// there; an event that is pushed twice is judged once. Before a round of the time
// it records by what it judges, so that an auditor of any such time has that. It
// returns how many it pushed: none when there is nothing to do, or another process
// does it.
//
// Call it on a timer of some seconds.
func (d *Decider) Review(ctx context.Context) (int, error) {
	there, err := d.reviews.GetIn(ctx, d.c.TrustDomain, reviewID)
	if ignore(err, hub.NotFound) != nil {
		return 0, fmt.Errorf("review NSs: %w", err)
	}
	active, ok := d.policies.Active()
	if !ok {
		return 0, nil // everything would be undecided, which Policies.Check says already
	}
	fresh, now := err != nil, d.now()
	s := &there.Value
	due := d.due(s, &active, now)
	if due.id == s.Round && (s.Done || now.Before(s.Updated.Add(reviewLease))) {
		return 0, nil
	}
	// Before it is noted: of a round that is begun and not gone on with others keep away.
	if _, err := d.c.Inventory.NsIDs(ctx, "", 1); err != nil {
		return 0, fmt.Errorf("review NSs: %w", err)
	}
	if due.id != s.Round { // a newer round has all that is left of the one before
		if due.reason == ReviewPeriodic {
			if err := d.policies.inForce(ctx, &active, due.at); err != nil {
				return 0, fmt.Errorf("review NSs: %w", err)
			}
		}
		s.Round, s.After, s.Done = due.id, "", false
		if due.reason != ReviewPeriodic {
			s.Activation = due.id
		}
	}
	for pushed := 0; ; {
		s.Updated = d.now()
		if fresh {
			there, err = d.reviews.Create(ctx, d.c.TrustDomain, reviewID, s)
		} else {
			there, err = d.reviews.Replace(ctx, there)
		}
		if code := hub.CodeOf(err); code == hub.Conflict || code == hub.Precondition {
			return pushed, nil // another process goes on with it
		}
		if err != nil || there.Value.Done {
			return pushed, err
		}
		fresh, s = false, &there.Value
		ids, err := d.c.Inventory.NsIDs(ctx, s.After, reviewPage)
		if err != nil {
			return pushed, fmt.Errorf("review NSs: %w", err)
		}
		for _, id := range ids {
			if err := d.c.Push(ctx, d.reviewOf(id, due)); err != nil {
				return pushed, fmt.Errorf("review NS %s: %w", id, err)
			}
			pushed++
			s.After = id
		}
		s.Done = len(ids) < reviewPage
	}
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
