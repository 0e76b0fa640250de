package decide

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
)

// Topology makes inputs of events. Errors of code hub.Unavailable may pass by
// themselves; any other says that no input can be made of the event.
type Topology interface {
	// Apply takes in what an event says. It may be repeated.
	Apply(ctx context.Context, e smgr.Event) error
	// Follow takes in what an event says that another process judged.
	Follow(e smgr.Event) error
	// Input makes the input of an event that was applied.
	Input(ctx context.Context, e smgr.Event) ([]byte, error)
}

// Orders carries orders out.
type Orders interface {
	// Place returns the ID of the open order that does what this one asks for, or
	// can be made to; otherwise the ID that is next for its action and subject.
	Place(ctx context.Context, o smgr.Order) (id string, open bool, err error)
	// Plan takes an order, durable when it returns nil. The same order of the same
	// decision again has no second effect; where its ID is that of an order of
	// another decision, that one takes it in.
	Plan(ctx context.Context, o smgr.Order) error
	// Get returns an order as it stands; hub.NotFound if there is none.
	Get(ctx context.Context, id string) (smgr.Order, error)
	// Forget removes the orders of a decision that ended before a time. It may be
	// repeated.
	Forget(ctx context.Context, decisionID string, before time.Time) error
}

// Inventory lists what there is to be reviewed.
type Inventory interface {
	// NsIDs returns the identifiers of up to most NSs after one, sorted.
	NsIDs(ctx context.Context, after string, most int) ([]string, error)
}

// Config is what a [Decider] needs.
type Config struct {
	Name        string // of the Security Manager
	TrustDomain string
	// Space is the Security Manager's, not open yet: New adds its kinds to it.
	Space *state.Space
	// Blobs is a table that is the decider's alone and followed by nobody.
	Blobs state.Table
	// Records appends to the trust domain's record log. A record whose ID is there
	// has no second effect.
	Records  func(ctx context.Context, records ...hub.Record) error
	Topology Topology
	Orders   Orders

	Schemas *policies.Schemas
	// Keys are those that may sign policies now.
	Keys func() []policies.VerificationKey
	// Deadline of an evaluation; 0: policies.DefaultDeadline.
	Deadline  time.Duration
	Retention Retention

	Inventory   Inventory
	Push        func(context.Context, smgr.Event) error // to the queue of events; durable when it returns nil
	ReviewEvery time.Duration                           // 0: an hour

	// Altered is called with an event that came by another notification than the one
	// of its ID that was judged; nothing else comes of it. It may be called again, and
	// may be nil.
	Altered func(ctx context.Context, e smgr.Event) error
	// Decided is called with each decision after it was recorded, at least once:
	// for metrics. It may be nil.
	Decided func(*smgr.Decision)
	Now     func() time.Time
	Log     *slog.Logger
}

// Decider lets policies judge events for one Security Manager. Any number of
// processes may run one. It is safe for concurrent use.
type Decider struct {
	c         Config
	decisions *state.Kind[stored]
	reviews   *state.Kind[reviewState]
	blobs     *blobs
	levels    *Levels
	policies  *Policies
	elsewhere elsewhere
	reviewing *state.Entry[reviewState] // of Review: the round that this process is about; nil: none
}

// defects is how often an event is tried that fails for a reason that is no
// outage, before it is undecided.
const defects = 5

// New adds the decider's kinds to the space, which the caller opens next.
func New(c Config) *Decider {
	c.Retention = c.Retention.withDefaults()
	c.ReviewEvery = cmp.Or(c.ReviewEvery, time.Hour)
	d := &Decider{
		c: c, blobs: &blobs{table: c.Blobs},
		decisions: state.NewKind(c.Space, "decision", func(s *stored) []string { return terms(&s.Decision) }),
		reviews:   state.NewKept[reviewState](c.Space, "review", nil),
		levels: &Levels{
			domain: c.TrustDomain, name: c.Name, append: c.Records, now: c.Now,
			rules: state.NewKept[Rule](c.Space, "level", nil),
		},
	}
	d.policies = newPolicies(&d.c, d.blobs)
	d.elsewhere.queue = make(chan *smgr.Decision, elsewhereMost)
	d.decisions.Told(d.told)
	return d
}

// Levels returns how far policies are acted upon.
func (d *Decider) Levels() *Levels { return d.levels }

// Policies returns which policies are active.
func (d *Decider) Policies() *Policies { return d.policies }

func (d *Decider) now() time.Time { return d.c.Now().UTC() }

// The timers of Run.
const (
	tick       = 5 * time.Second
	soon       = 500 * time.Millisecond // after a change made here: other processes learn of it, and more changes may follow
	pruneEvery = 10 * time.Minute
)

// Run does what no event asks for, until ctx ends: it loads policies that another
// process activated, learns from what others judged, reviews NSs when it is time,
// and removes decisions over their age. What fails is logged and tried again.
func (d *Decider) Run(ctx context.Context) {
	var learning sync.WaitGroup
	defer learning.Wait()
	learning.Go(func() { d.learn(ctx) })
	timer := time.NewTimer(tick)
	defer timer.Stop()
	var pruned time.Time
	for {
		if _, err := d.policies.Current(ctx); err != nil && hub.CodeOf(err) != hub.Undecided && ctx.Err() == nil {
			d.c.Log.Warn("the active policies are not loaded; trying again", "err", err)
		}
		n, more, err := d.Review(ctx)
		if err != nil && ctx.Err() == nil {
			d.c.Log.Warn("the review of NSs is not done; trying again", "pushed", n, "err", err)
		}
		if now := d.now(); now.Sub(pruned) >= pruneEvery {
			if n, err := d.Prune(ctx); err == nil {
				pruned = now
			} else if ctx.Err() == nil {
				d.c.Log.Warn("old decisions are not removed; trying again", "removed", n, "err", err)
			}
		}
		wait := tick
		if more {
			wait = reviewPause
		}
		timer.Reset(wait)
		select {
		case <-d.policies.changed:
			timer.Reset(soon)
		case <-ctx.Done():
			return
		case <-timer.C:
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
	}
}

// Check is for readiness: why events cannot be judged now.
func (d *Decider) Check(ctx context.Context) error {
	return errors.Join(d.c.Space.Check(ctx), d.policies.Check(ctx))
}

// actor is the Security Manager in records.
func (c *Config) actor() string {
	return hub.Identity{TrustDomain: c.TrustDomain, Kind: hub.KindSM, Name: c.Name, Interface: hub.ScOrSecEnforce}.String()
}

// Handle judges an event. When it returns nil, the decision and its record are
// durable and its orders are planned. An error says that the event is to be tried
// again, with the same event and the next attempt, counted from 1; a repetition
// finds what was done and goes on behind it. Events of one key must come one
// after the other.
func (d *Decider) Handle(ctx context.Context, e smgr.Event, attempt int) error {
	is, found, err := d.find(ctx, e.ID)
	if err != nil {
		return fmt.Errorf("judge event %s: %w", e.ID, err)
	}
	var k *known
	if !found {
		if is, k, err = d.decide(ctx, e, attempt); err != nil {
			return fmt.Errorf("judge event %s: %w", e.ID, err)
		}
	}
	if is.Told != "" && e.Digest != "" && is.Told != e.Digest && d.c.Altered != nil {
		if err := d.c.Altered(ctx, e); err != nil {
			return fmt.Errorf("judge event %s: record that it is another: %w", e.ID, err)
		}
	}
	dec := &is.Decision
	if err := d.carryOn(ctx, dec, k); err != nil {
		return fmt.Errorf("judge event %s: decision %s: %w", e.ID, dec.ID, err)
	}
	return nil
}

// find returns the decision on an event if there is one, also when the event says
// another time now. Memory says so; another process's may be missing there for a
// moment, and is found when the decision is created.
func (d *Decider) find(ctx context.Context, eventID string) (*stored, bool, error) {
	ids := d.decisions.Find(termEvent + d.eventHash(eventID)) // the first part is first
	if len(ids) == 0 {
		return nil, false, nil
	}
	there, err := d.decisions.GetIn(ctx, d.c.TrustDomain, ids[0])
	return &there.Value, err == nil, ignore(err, hub.NotFound)
}

// decide judges an event that was not judged before: input, evaluation, decision.
func (d *Decider) decide(ctx context.Context, e smgr.Event, attempt int) (*stored, *known, error) {
	dec := &smgr.Decision{
		ID: d.decisionID(&e, 0), EventID: e.ID, Kind: e.Kind, Key: e.Key, EventTime: e.Time.UTC(),
		Engine: policies.EngineVersion(), Findings: []hub.Finding{},
	}
	raw, in, err := d.input(ctx, e)
	if err != nil {
		if again(ctx, err, attempt) {
			return nil, nil, err
		}
		dec.Undecided = []smgr.Undecided{{Policy: Every, Reason: "no input can be made of the event: " + hub.SafeText(err)}}
		if raw == nil {
			if raw, err = json.Marshal(e); err != nil {
				raw = e.Body // it is no JSON
			}
		}
		err = nil
	}
	dec.InputDigest = digest(raw)
	with, kept := d.keepInput(ctx, dec.InputDigest, raw)
	var k *known
	if in != nil {
		k, err = d.judge(ctx, dec, raw, in, attempt)
	}
	if err := errors.Join(err, <-kept); err != nil {
		return nil, nil, err
	}
	dec.Decided = d.now()
	if k != nil {
		if err := d.keepParts(ctx, dec); err != nil {
			return nil, nil, err
		}
		if err := d.placeOrders(ctx, dec, k); err != nil {
			return nil, nil, err
		}
	}
	is := &stored{*dec, with, e.Digest}
	d.elsewhere.making.Store(dec.ID, nil)
	_, err = d.decisions.CreateTogether(ctx, d.c.TrustDomain, dec.ID, is)
	d.elsewhere.making.Delete(dec.ID)
	if hub.CodeOf(err) == hub.Conflict { // by another process, or by us before a crash
		there, err := d.decisions.GetIn(ctx, d.c.TrustDomain, dec.ID)
		if err == nil && there.Value.InputDigest != dec.InputDigest {
			err = d.forget(ctx, is)
		}
		return &there.Value, nil, err
	}
	return is, k, err
}

// keepInput keeps the input of a decision that is being made. A small one is to be
// stored with the decision; another is kept by itself, while the policies work,
// because it is kept whatever they say. What came of that is told once.
func (d *Decider) keepInput(ctx context.Context, name string, raw []byte) (with []byte, kept <-chan error) {
	done := make(chan error, 1)
	packed, err := d.blobs.pack(raw)
	switch {
	case err != nil:
		done <- fmt.Errorf("compress input: %w", err)
	case len(packed) <= mostWithin:
		done <- nil
		return packed, done
	default:
		go func() { done <- d.blobs.keepAll(ctx, blobInput, name, packed) }()
	}
	return nil, done
}

// input makes the input of an event and checks it against its schema. With the
// error comes the input that did not fit, if there is one.
func (d *Decider) input(ctx context.Context, e smgr.Event) ([]byte, *policies.Input, error) {
	if err := d.c.Topology.Apply(ctx, e); err != nil {
		return nil, nil, err
	}
	raw, err := d.c.Topology.Input(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	in, err := d.c.Schemas.ParseInput(raw)
	if err != nil {
		return raw, nil, err
	}
	if in.Kind != e.Kind {
		return raw, nil, hub.E(hub.Invalid, "make input", fmt.Sprintf("the event is of the kind %s, its input of %s", e.Kind, in.Kind), nil)
	}
	return raw, in, nil
}

// again reports whether an event that failed is to be tried again, because the
// failure may pass: what is unavailable for as long as it is, a defect some times.
func again(ctx context.Context, err error, attempt int) bool {
	switch hub.CodeOf(err) {
	case hub.Unavailable, hub.RateLimited:
		return true
	case hub.Internal, hub.Conflict, hub.Precondition:
		return attempt < defects || ctx.Err() != nil
	}
	return ctx.Err() != nil
}

// judge has the active policies judge the input and takes what they say into the
// decision. It returns what a plan needs of the input, nil when there is nothing
// to plan.
func (d *Decider) judge(ctx context.Context, dec *smgr.Decision, raw []byte, in *policies.Input, attempt int) (*known, error) {
	s, err := d.policies.Current(ctx)
	var r *policies.Result
	if err == nil {
		r, err = s.Evaluate(ctx, in, policies.EvalOptions{Deadline: d.Deadline(len(raw))})
	}
	if err != nil {
		if again(ctx, err, attempt) {
			return nil, err
		}
		dec.Undecided = []smgr.Undecided{{Policy: Every, Reason: hub.SafeText(err)}}
		return nil, nil
	}
	dec.PolicyRevision, dec.DataRevision, dec.Duration = r.PolicyRevision, r.DataRevision, r.Duration
	for _, l := range r.Labels {
		dec.Labels = append(dec.Labels, smgr.Label{Policy: l.Policy, Rule: l.Rule, File: l.File, Line: l.Line})
	}
	for _, u := range r.Undecided {
		dec.Undecided = append(dec.Undecided, smgr.Undecided{Policy: u.Policy, Reason: u.Reason})
	}
	if len(r.Findings) == 0 && len(r.Undecided) == 0 {
		return nil, nil
	}
	k, err := readKnown(raw)
	if err != nil {
		return nil, err // its schema says otherwise
	}
	d.atLevels(dec, r.Findings, k)
	return k, nil
}

// atLevels takes the findings into the decision with their levels, and leaves out
// what is off.
func (d *Decider) atLevels(dec *smgr.Decision, findings []hub.Finding, k *known) {
	off := map[string]bool{}
	for _, f := range findings {
		level := d.levels.of(f.Policy, k.places(&f))
		if level == smgr.LevelOff {
			off[f.Policy] = true
			continue
		}
		dec.Findings, dec.Levels = append(dec.Findings, f), append(dec.Levels, level)
	}
	dec.Undecided = slices.DeleteFunc(dec.Undecided, func(u smgr.Undecided) bool {
		is := d.levels.at(u.Policy, k.place()) == smgr.LevelOff
		off[u.Policy] = off[u.Policy] || is
		return is
	})
	for id := range off {
		dec.Off = append(dec.Off, id)
	}
	slices.Sort(dec.Off)
	bound(dec)
	misplaced := map[string]bool{}
	for _, f := range dec.Findings {
		for _, a := range f.Actions {
			if sequence[a.Type] == 0 && a.Type != hub.ActionAlert && !misplaced[f.Policy] {
				misplaced[f.Policy] = true
				dec.Undecided = append(dec.Undecided, smgr.Undecided{Policy: f.Policy,
					Reason: fmt.Sprintf("it asks for %s, but this event is no request for a certificate; let the policy ask for that where certificates are requested", a.Type)})
			}
		}
	}
}

// carryOn records a decision that is stored, has its orders planned, and does the
// same with the further decisions on its event.
func (d *Decider) carryOn(ctx context.Context, dec *smgr.Decision, k *known) error {
	if k == nil && (len(dec.Orders) > 0 || dec.Parts > 1) {
		raw, err := d.Input(ctx, dec)
		if err != nil {
			return err
		}
		if k, err = readKnown(raw); err != nil {
			return err
		}
	}
	if err := d.carryOnOne(ctx, dec, k); err != nil || dec.Parts < 2 {
		return err
	}
	return d.carryOnParts(ctx, dec, k)
}

func (d *Decider) carryOnOne(ctx context.Context, dec *smgr.Decision, k *known) error {
	records, err := d.records(dec)
	if err != nil {
		return err
	}
	if err := d.c.Records(ctx, records...); err != nil {
		return fmt.Errorf("record decision: %w", err)
	}
	if len(dec.Orders) > 0 {
		if err := d.planOrders(ctx, dec, k); err != nil {
			return err
		}
	}
	if d.c.Decided != nil {
		d.c.Decided(dec)
	}
	return nil
}

// planOrders has the orders of a decision carried out, under the IDs that the
// decision names.
func (d *Decider) planOrders(ctx context.Context, dec *smgr.Decision, k *known) error {
	orders, clashes := plan(dec, k)
	if len(orders) != len(dec.Orders) {
		return hub.E(hub.Internal, "plan orders", fmt.Sprintf("the decision names %d orders, its input gives %d; run the version of the hub that decided it", len(dec.Orders), len(orders)), nil)
	}
	for i, o := range orders {
		o.ID = dec.Orders[i]
	}
	for _, c := range clashes {
		c.a.Against, c.b.Against = append(c.a.Against, c.b.ID), append(c.b.Against, c.a.ID)
	}
	for _, o := range orders {
		if err := d.c.Orders.Plan(ctx, *o); err != nil {
			return fmt.Errorf("plan order %s: %w", o.ID, err)
		}
	}
	return nil
}

// placeOrders names the conflicts and the orders in a decision: the open order that
// does the same as each, or the one that is to be made. No two that are to be made
// are the same.
func (d *Decider) placeOrders(ctx context.Context, dec *smgr.Decision, k *known) error {
	orders, clashes := plan(dec, k)
	dec.Conflicts = conflicts(clashes)
	next := map[string]int{} // by action and subject: the number after the last one that is to be made
	for _, o := range orders {
		id, open, err := d.c.Orders.Place(ctx, *o)
		if err != nil {
			return fmt.Errorf("place order: %w", err)
		}
		if !open {
			what := string(o.Action.Type) + " " + o.Scope.Subject
			number := max(smgr.OrderNumber(id), next[what])
			id = smgr.OrderID(d.c.TrustDomain, d.c.Name, o.Action.Type, o.Scope.Subject, number)
			next[what] = number + 1
		}
		dec.Orders = append(dec.Orders, id)
	}
	return nil
}
