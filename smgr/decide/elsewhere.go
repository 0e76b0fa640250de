package decide

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// elsewhere is what other processes of the Security Manager have judged. The
// topology of this one learns from their events as from its own: an event on one
// NS may be about a host of which another process was told.
type elsewhere struct {
	making sync.Map // IDs of the decisions that this process is making
	queue  chan *smgr.Decision
}

// elsewhereMost is how many decisions of others wait, each some 5 kB with its
// input. What is more is left to the next rebuild of the topology.
const elsewhereMost = 4000

// told notes a decision that was made.
func (d *Decider) told(id string, is *stored) {
	dec := &is.Decision
	if _, mine := d.elsewhere.making.Load(id); mine || dec.Part > 0 || dec.Kind == hub.EventReview {
		return
	}
	select {
	case d.elsewhere.queue <- dec:
	default:
		d.c.Log.Warn("other processes judge faster than this one learns from it; what it misses is read when the topology is rebuilt", "decision", id)
	}
}

// learn has the topology learn from what others judge, in the order in which they
// did, until ctx ends.
func (d *Decider) learn(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case dec := <-d.elsewhere.queue:
			if err := d.learnFrom(ctx, dec); err != nil && ctx.Err() == nil {
				d.c.Log.Warn("nothing was learnt from an event that another process judged; it is read when the topology is rebuilt", "decision", dec.ID, "err", err)
			}
		}
	}
}

// learnTries is how often, a second apart, it is tried to read what another
// process judged.
const learnTries = 5

func (d *Decider) learnFrom(ctx context.Context, dec *smgr.Decision) error {
	raw, err := d.Input(ctx, dec)
	for try := 1; hub.CodeOf(err) == hub.Unavailable && try < learnTries; try++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		raw, err = d.Input(ctx, dec)
	}
	if err != nil {
		return err
	}
	e, err := eventIn(dec, raw)
	if err != nil {
		return err
	}
	return d.c.Topology.Follow(e)
}

// eventIn returns the event that a decision was made on, as its input has it.
func eventIn(dec *smgr.Decision, raw []byte) (smgr.Event, error) {
	var in struct {
		Event json.RawMessage `json:"event"`
		Body  json.RawMessage `json:"body"` // of an event of which no input could be made
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return smgr.Event{}, fmt.Errorf("read input: %w", err)
	}
	e := smgr.Event{ID: dec.EventID, Kind: dec.Kind, Key: dec.Key, Time: dec.EventTime, Body: in.Event}
	if in.Event == nil {
		e.Body = in.Body
	}
	return e, nil
}

// judgedMost is how many events [Decider.Judged] returns: as many as an input shows of
// earlier ones.
const judgedMost = 256

// Judged returns the events of a key that were judged, but for reviews and for known
// ones, of which ID and Time are set: from the newest back to a time, at most 256. Those
// whose input is not kept any more are left out.
func (d *Decider) Judged(ctx context.Context, key string, since time.Time, known []smgr.Event) ([]smgr.Event, error) {
	left := make(map[string]bool, len(known))
	for i := range known {
		left[d.decisionID(&known[i], 0)] = true
	}
	var list []smgr.Event
	for id := range d.decisions.FindAfter("key="+key, "") {
		if moment(id).Before(since) || len(list) == judgedMost {
			break
		}
		if left[id] || id != partID(id, 0) {
			continue
		}
		e, err := d.judged(ctx, id, key)
		switch hub.CodeOf(err) {
		case "":
			list = append(list, e)
		case hub.NotFound: // it is about the key and of another, or over its age
		default:
			return nil, fmt.Errorf("read judged event: %w", err)
		}
	}
	return list, nil
}

// judged returns the event of a decision, hub.NotFound if it has another key or is a
// review.
func (d *Decider) judged(ctx context.Context, id, key string) (smgr.Event, error) {
	there, err := d.decisions.GetIn(ctx, d.c.TrustDomain, id)
	if err != nil {
		return smgr.Event{}, err
	}
	dec := &there.Value.Decision
	if dec.Key != key || dec.Kind == hub.EventReview {
		return smgr.Event{}, hub.E(hub.NotFound, "read judged event", "the decision is on an event of another key, or on a review", nil)
	}
	raw, err := d.Input(ctx, dec)
	if err != nil {
		return smgr.Event{}, err
	}
	return eventIn(dec, raw)
}
