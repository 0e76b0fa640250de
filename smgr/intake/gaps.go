package intake

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// GapsConfig says how notifications are compared with queries.
type GapsConfig struct {
	Client  *httpapi.Client // nslcm/v2 of an interface that may query NSs
	NFVO    string          // the NFVO's name, as [Sender] tells it
	Every   time.Duration   // between two looks at the operations; 1 min
	NsEvery time.Duration   // between two looks at all NSs, which cost what there is; 1 h
	// Grace is how long a notification may take before what it tells is a gap. The
	// clocks of NFVO and Security Manager should not lie further apart; 30 s.
	Grace time.Duration
	// Settle is how long Run waits at its start before it compares, unless it is
	// asked to look: what happened while nothing listened is on its way, as slowly as
	// a sender repeats what failed, and in its order. 90 s, the longest pause of our
	// NFVO and the grace.
	Settle time.Duration
	// MaxOps is how many operations one look reads. A filter keeps that small; an
	// NFVO that cannot filter shows all; 100,000.
	MaxOps int
}

// Gaps finds what happened and was not told. It compares, on a timer and after a
// subscription was renewed, the operation occurrences and the NSs that the NFVO
// shows with what came, and makes an event of what did not: as its notification
// would have been, but for what no query shows (see gapOp). Where something was
// missed, the NS is reviewed as well: changes of single VNFs are in no query.
//
// What happened before the first look of a Security Manager is no gap, and
// neither is what it was not running for longer than [Limits].Keep.
type Gaps struct {
	in   *Intake
	cfg  GapsConfig
	kick chan struct{}
	// Of Compare, which one goroutine at a time may call.
	settled time.Time            // before it, only what was there at the beginning is looked at
	nsLook  time.Time            // of the last look at the NSs; zero: look at once
	waiting map[string]time.Time // since when an NS was found to differ from what came
}

// NewGaps makes the gap finder of an intake.
func NewGaps(in *Intake, cfg GapsConfig) *Gaps {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&cfg.Every, time.Minute)
	def(&cfg.NsEvery, time.Hour)
	def(&cfg.Grace, 30*time.Second)
	def(&cfg.Settle, 90*time.Second)
	if cfg.MaxOps <= 0 {
		cfg.MaxOps = 100_000
	}
	return &Gaps{in: in, cfg: cfg, kick: make(chan struct{}, 1), waiting: map[string]time.Time{}}
}

// Look asks for a look at everything soon. It does not block.
func (g *Gaps) Look() {
	select {
	case g.kick <- struct{}{}:
	default:
	}
}

// Run compares until ctx ends. What fails is tried again at the next look.
func (g *Gaps) Run(ctx context.Context) {
	tick := time.NewTicker(g.cfg.Every)
	defer tick.Stop()
	g.settle()
	for {
		if err := g.Compare(ctx); err != nil && ctx.Err() == nil {
			g.in.ports.Log.Warn("notifications could not be compared with what the NFVO shows; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-g.kick:
			g.nsLook, g.settled = time.Time{}, time.Time{}
		}
	}
}

// settle lets what is on its way come before it is compared.
func (g *Gaps) settle() { g.settled = g.in.ports.Now().Add(g.cfg.Settle) }

// watermark is how far the comparison came, in the NFVO's time.
type watermark struct {
	Entered time.Time `json:"stateEnteredTime"` // of the newest operation that was looked at
	Began   time.Time `json:"began"`            // of the first look
	NsKnown bool      `json:"nsKnown"`          // the NSs that were there at the beginning are known
}

const (
	watermarkKey = "gap/watermark"
	overlap      = 5 * time.Minute // that each look goes back behind the last
	// lag is how far the watermark may stay behind where nothing happens. It is more
	// than the clock of an NFVO is slow.
	lag = time.Hour
)

// Compare looks once. It may be repeated at any time, and by other processes: the
// events that it makes have derived IDs.
func (g *Gaps) Compare(ctx context.Context) error {
	now := g.in.ports.Now().UTC()
	w, err := read[watermark](ctx, g.in.ledger.table, watermarkKey)
	if err != nil {
		return err
	}
	switch {
	case w.Entered.IsZero(): // the first look ever: what was before is no gap
		if err := g.advance(ctx, now); err != nil {
			return err
		}
	case w.NsKnown && now.Before(g.settled):
		return nil
	default:
		if err := g.operations(ctx, w, now); err != nil {
			return err
		}
	}
	if g.nsLook.IsZero() || now.Sub(g.nsLook) >= g.cfg.NsEvery || len(g.waiting) > 0 {
		if err := g.instances(ctx, w.NsKnown, now); err != nil {
			return err
		}
		g.nsLook = now
	}
	return nil
}

// advance moves the watermark forward.
func (g *Gaps) advance(ctx context.Context, to time.Time) error {
	return change(ctx, g.in.ledger.table, watermarkKey, func(w *watermark) bool {
		if !to.After(w.Entered) {
			return false
		}
		if w.Entered.IsZero() {
			w.Began = to
		}
		w.Entered = to
		return true
	})
}

// operations looks at the operations that entered their state since the
// watermark.
func (g *Gaps) operations(ctx context.Context, w watermark, now time.Time) error {
	from := w.Entered.Add(-overlap)
	if from.Before(w.Began) {
		from = w.Began
	}
	if oldest := now.Add(-g.in.limits.Keep + time.Hour); from.Before(oldest) {
		if err := g.tooOld(ctx, w.Entered, oldest); err != nil {
			return err
		}
		from = oldest
	}
	newest, err := g.fill(ctx, g.list(ctx, from), from, now)
	if err != nil {
		return err
	}
	if late := now.Add(-lag); newest.Before(late) {
		newest = late
	}
	return g.advance(ctx, newest)
}

// KindGapTooOld is the kind of the record, an alarm, of a time in which something
// may have happened that nobody judged.
const KindGapTooOld = "sm.gap-too-old"

// tooOld records that the time between two instants cannot be compared, and has
// every NS reviewed instead.
func (g *Gaps) tooOld(ctx context.Context, from, to time.Time) error {
	data := struct {
		From time.Time `json:"from"`
		To   time.Time `json:"to"`
	}{from, to}
	g.in.ports.count(hub.ScOrNsLcm, OutcomeGapTooOld)
	if err := g.in.recordOnce(ctx, hub.DeriveID("sm-gap-too-old", g.in.sm.String(), from.String()), KindGapTooOld, data); err != nil {
		return err
	}
	return g.eachNs(ctx, func(id string) error { return g.review(ctx, id, from.String()) })
}

// review has an NS judged as it stands.
func (g *Gaps) review(ctx context.Context, nsID, why string) error {
	now := g.in.ports.Now().UTC()
	ev := smgr.Event{
		ID: hub.DeriveID("sm-review", g.in.sm.String(), nsID, why), Kind: hub.EventReview, Key: smgr.KeyNs(nsID), Origin: smgr.OriginReview,
		Time: now, Received: now, Body: []byte(`{"reason":"gap-filled"}`),
	}
	_, err := g.in.admit(ctx, &ev, occurrence{}, true, nil)
	return err
}

// batch is how many operations are put in order at once.
const batch = 10_000

// fill makes events of the operations that nobody told, in the order in which they
// entered their states. It returns the newest time up to which nothing was left
// out.
func (g *Gaps) fill(ctx context.Context, ops func(func(opOcc, error) bool), from, now time.Time) (newest time.Time, err error) {
	var list []opOcc
	held := now // what is younger than this is left for the next look
	flush := func() error {
		slices.SortStableFunc(list, func(a, b opOcc) int { return a.Entered.Compare(b.Entered) })
		for i := range list {
			if err := g.fillOp(ctx, &list[i], from); err != nil {
				return err
			}
			if list[i].Entered.After(newest) {
				newest = list[i].Entered
			}
		}
		list = list[:0]
		return nil
	}
	for o, err := range ops {
		switch {
		case err != nil:
			return newest, err
		case o.ID == "" || o.NsInstanceID == "" || o.Entered.Before(from):
			continue
		case o.Entered.After(now.Add(-g.cfg.Grace)):
			if o.Entered.Before(held) {
				held = o.Entered
			}
			continue
		}
		if list = append(list, o); len(list) == batch {
			if err := flush(); err != nil {
				return newest, err
			}
		}
	}
	if err := flush(); err != nil {
		return newest, err
	}
	if newest.After(held) {
		newest = held
	}
	return newest, nil
}

// fillOp makes the events of one operation that nobody told.
func (g *Gaps) fillOp(ctx context.Context, o *opOcc, from time.Time) error {
	if !o.Start.Before(from) {
		if err := g.fillState(ctx, o, stateStarted, o.Start); err != nil {
			return err
		}
	}
	if o.State == stateStarted && o.Entered.Sub(o.Start).Abs() <= tolerance {
		return nil
	}
	return g.fillState(ctx, o, o.State, o.Entered)
}

// fillState makes the event that an operation entered a state, if nobody told.
func (g *Gaps) fillState(ctx context.Context, o *opOcc, state string, at time.Time) error {
	at = at.UTC()
	id := hub.DeriveID("sm-gap", g.in.sm.String(), o.ID, state, at.Format(time.RFC3339Nano))
	body, err := gapOp(id, o, state, at)
	if err != nil {
		return err
	}
	occ := opOccurrence(o.ID, state, at)
	return g.admit(ctx, id, hub.EventNsOperation, o.NsInstanceID, occ, body)
}

// admit takes the event of a gap in.
func (g *Gaps) admit(ctx context.Context, id string, kind hub.EventKind, nsID string, occ occurrence, body []byte) error {
	occ.isGap = true
	if err := g.in.ports.Check(kind, body); err != nil {
		g.in.ports.count(hub.ScOrNsLcm, OutcomeGapInvalid)
		return g.in.recordOnce(ctx, hub.DeriveID("sm-gap-invalid", id), KindRefused, RefusedRecord{
			Interface: hub.ScOrNsLcm, Sender: g.cfg.NFVO, Reason: OutcomeGapInvalid, Detail: hub.SafeText(err), NotificationID: id, Count: 1,
		})
	}
	ev := smgr.Event{
		ID: id, Kind: kind, Key: smgr.KeyNs(nsID), Origin: smgr.OriginGap, Time: occ.at.UTC(), Received: g.in.ports.Now().UTC(), Sender: g.cfg.NFVO, Body: body,
	}
	outcome, err := g.in.admit(ctx, &ev, occ, false, func() error {
		if err := g.in.recordOnce(ctx, hub.DeriveID("sm-gap-record", id), KindGap, gapRecord{ev.ID, nsID, occ.name, occ.at}); err != nil {
			return err
		}
		return g.review(ctx, nsID, ev.ID)
	})
	if outcome == OutcomeAccepted {
		g.in.ports.count(hub.ScOrNsLcm, OutcomeGap)
	}
	return err
}

// KindGap is the kind of the record, an alarm, of something that happened and was
// not told.
const KindGap = "sm.gap"

type gapRecord struct {
	EventID      string    `json:"eventId"`
	NsInstanceID string    `json:"nsInstanceId"`
	Occurrence   string    `json:"occurrence"` // "op/<nsLcmOpOccId>/<state>", "ns-created/<id>", "ns-deleted/<id>"
	Time         time.Time `json:"time"`
}

// recordOnce is record for what may be repeated: what is there already under the
// ID stays as it is.
func (in *Intake) recordOnce(ctx context.Context, id, kind string, data any) error {
	err := in.record(ctx, id, kind, data)
	if hub.CodeOf(err) == hub.Conflict {
		return nil
	}
	return err
}

// list yields the operations that entered their state since an instant. An NFVO
// that cannot filter shows all that it has.
func (g *Gaps) list(ctx context.Context, from time.Time) func(func(opOcc, error) bool) {
	filter := url.Values{"filter": {"(gte,stateEnteredTime," + from.UTC().Format(time.RFC3339) + ")"}}
	return func(yield func(opOcc, error) bool) {
		n := 0
		for _, query := range []url.Values{filter, nil} {
			refused := false
			for o, err := range httpapi.All[opOcc](ctx, g.cfg.Client, "/ns_lcm_op_occs", query) {
				code := hub.CodeOf(err)
				if n == 0 && query != nil && (code == hub.Invalid || code == hub.Unprocessable) {
					refused = true
					break
				}
				if n++; n > g.cfg.MaxOps {
					err = hub.E(hub.Unavailable, "compare with the NFVO", "the NFVO shows more operations than one look may read; let it filter by stateEnteredTime, or take old operations away there", nil)
				}
				if !yield(o, err) || err != nil {
					return
				}
			}
			if !refused {
				return
			}
		}
	}
}
