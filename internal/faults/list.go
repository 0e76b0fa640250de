package faults

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/state"
)

// KeepCleared is how long a cleared alarm stays in the list.
const KeepCleared = 7 * 24 * time.Hour

// Config is what a [List] works with. All fields are needed.
type Config struct {
	API     string // of the subscriptions that are told: "vnffm" or "nsfm"
	Path    string // of the API below {apiRoot}: "/vnffm/v1"
	Objects string // path of the managed objects below {apiRoot}: "/vnflcm/v2/vnf_instances/"
	// Publish takes an event for delivery; when it returns nil the event is durable.
	Publish func(ctx context.Context, e notify.Event) error
	// Record keeps what somebody ordered of an alarm among the records of its trust
	// domain; hub.Conflict for a record that is there already.
	Record func(ctx context.Context, domain string, r hub.Record) error
	// Show adds to an alarm what the API calls its root cause.
	Show func(info sol.AlarmInfo, a *Alarm) any
	// Concerns says whether a subscription's filter, which is not empty, is about the
	// managed object of an alarm.
	Concerns func(filter []byte, a *Alarm) bool
	Now      func() time.Time
	Log      *slog.Logger
}

// List is the alarm list of a function. It is safe for concurrent use. One process
// at a time may call what changes it.
type List struct {
	c      Config
	alarms *state.Kind[Alarm]
	// agreeing lets one caller at a time ask what is so and write it down: an answer
	// that another has overtaken would bring back what is cleared.
	agreeing sync.Mutex
}

// New makes the alarm list of a function, which is kept with its other resources.
func New(space *state.Space, c Config) *List {
	return &List{c: c, alarms: state.NewKind(space, "alarm", (*Alarm).terms)}
}

// Known is a fault that there is now, and the trust domain that it belongs to.
type Known struct {
	Domain string
	Fault
}

// Agree asks which faults there are now and makes the list say the same. origin
// narrows that to the alarms of one origin; empty is all of them. look must then
// return all that there is of it, and what it does not return is cleared; its error
// ends it with nothing changed. What cannot be stored of one alarm does not keep the
// others.
func (l *List) Agree(ctx context.Context, origin string, look func(context.Context) ([]Known, error)) error {
	l.agreeing.Lock()
	defer l.agreeing.Unlock()
	term := termOpen
	if origin != "" {
		term = termOrigin + origin
	}
	gone := map[string]bool{}
	for _, id := range l.alarms.Find(term) {
		gone[id] = true
	}
	known, err := look(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for i := range known {
		id := l.id(&known[i].Fault)
		delete(gone, id)
		if err := l.raise(ctx, known[i].Domain, id, known[i].Fault); err != nil {
			failed = append(failed, fmt.Errorf("raise alarm %s: %w", id, err))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(gone)) {
		if err := l.clear(ctx, id); err != nil && hub.CodeOf(err) != hub.NotFound {
			failed = append(failed, fmt.Errorf("clear alarm %s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

// id names the alarm of a managed object for an origin.
func (l *List) id(f *Fault) string { return hub.DeriveID("alarm", l.c.API, f.Object, f.Origin) }

func (l *List) now() time.Time { return l.c.Now().UTC() }

// errSame ends a change that would change nothing.
var errSame = errors.New("nothing has changed")

// raise makes an alarm, or brings one that there is up to date. One that was cleared
// is raised anew.
func (l *List) raise(ctx context.Context, domain, id string, f Fault) error {
	if _, err := l.alarms.Get(ctx, id); hub.CodeOf(err) == hub.NotFound {
		fresh := &Alarm{Fault: f, Raised: l.now()}
		l.note(id, fresh, typeRaised)
		e, err := l.alarms.Create(ctx, domain, id, fresh)
		if err != nil {
			return err
		}
		l.announce(ctx, e)
		return nil
	} else if err != nil {
		return err
	}
	return l.change(ctx, id, func(a *Alarm) error {
		switch {
		case a.Cleared != nil:
			a.Fault, a.Raised = f, l.now()
			a.Changed, a.Cleared, a.Acknowledged, a.Escalated = nil, nil, nil, ""
		case a.says(&f):
			return errSame
		default:
			now := l.now()
			a.Fault, a.Changed = f, &now
		}
		l.note(id, a, typeRaised)
		return nil
	})
}

func (l *List) clear(ctx context.Context, id string) error {
	return l.change(ctx, id, func(a *Alarm) error {
		if a.Cleared != nil {
			return errSame
		}
		now := l.now()
		a.Cleared = &now
		l.note(id, a, typeCleared)
		return nil
	})
}

// change writes an alarm with its event, and publishes that.
func (l *List) change(ctx context.Context, id string, fn func(*Alarm) error) error {
	e, err := l.alarms.Update(ctx, id, fn)
	if errors.Is(err, errSame) {
		return nil
	}
	if err != nil {
		return err
	}
	l.announce(ctx, e)
	return nil
}

// Acknowledge says that somebody has taken note of an alarm, or takes that back, and
// records who. check may refuse it by what the alarm is now. An alarm that is in that
// state already is a hub.Conflict (SOL 003 clause 7.4.3.3.4).
func (l *List) Acknowledge(ctx context.Context, by hub.Identity, id string, to sol.AckStateType, check func(state.Entry[Alarm]) error) error {
	const op = "acknowledge alarm"
	e, err := l.Alarm(ctx, id)
	if err != nil {
		return err
	}
	return l.change(ctx, id, func(a *Alarm) error {
		if err := check(state.Entry[Alarm]{ID: id, Domain: e.Domain, Value: *a}); err != nil {
			return err
		}
		if a.ackState() == to {
			return hub.E(hub.Conflict, op, fmt.Sprintf("the alarm is %s already; read it again", to), nil)
		}
		now := l.now()
		if err := l.record(ctx, e.Domain, id, a, order{by, now, to, ""}); err != nil {
			return err
		}
		a.Changed, a.Acknowledged = &now, nil
		if to == sol.Acknowledged {
			a.Acknowledged = &now
		}
		l.note(id, a, typeRaised)
		return nil
	})
}

// Escalate gives an open alarm a more urgent severity (SOL 002 clause 7.4.4.3.1), and
// records who did; hub.Unprocessable if it is not more urgent than what the alarm has,
// or the alarm is cleared.
func (l *List) Escalate(ctx context.Context, by hub.Identity, id string, to sol.PerceivedSeverityType) error {
	const op = "escalate alarm"
	e, err := l.Alarm(ctx, id)
	if err != nil {
		return err
	}
	return l.change(ctx, id, func(a *Alarm) error {
		if a.Cleared != nil {
			return hub.E(hub.Unprocessable, op, "the alarm is cleared; there is nothing left to be urgent", nil)
		}
		if urgency(to) >= urgency(a.severity()) {
			return hub.E(hub.Unprocessable, op, fmt.Sprintf("the alarm is %s, and %s is not more urgent; the order is %v", a.severity(), to, severities), nil)
		}
		now := l.now()
		if err := l.record(ctx, e.Domain, id, a, order{by, now, "", to}); err != nil {
			return err
		}
		a.Escalated, a.Changed = to, &now
		l.note(id, a, typeRaised)
		return nil
	})
}

// Alarm returns an alarm, or hub.NotFound. Who may see it is for the caller to
// decide.
func (l *List) Alarm(ctx context.Context, id string) (state.Entry[Alarm], error) {
	return l.alarms.Get(ctx, id)
}

// Alarms yields the alarms of the trust domains that visible allows, of some managed
// objects or, with none, of all, after a given ID in the order of IDs.
func (l *List) Alarms(ctx context.Context, visible func(domain string) bool, objects []string, after string) iter.Seq2[state.Entry[Alarm], error] {
	if len(objects) == 0 {
		return l.alarms.List(ctx, visible, after)
	}
	var ids []string
	for _, o := range objects {
		ids = slices.AppendSeq(ids, l.alarms.FindAfter(termObject+o, after))
	}
	slices.Sort(ids)
	return l.alarms.Among(ctx, visible, slices.Compact(ids))
}

// Tidy publishes what waits to be, after a crash or because the outbox failed, and
// forgets alarms that were cleared longer than [KeepCleared] ago. Its cost grows with
// what there is to do.
func (l *List) Tidy(ctx context.Context) error {
	var failed []error
	for _, id := range l.alarms.Find(termUnfinished) {
		e, err := l.alarms.Get(ctx, id)
		if err == nil {
			err = l.tell(ctx, e)
		}
		if err != nil && hub.CodeOf(err) != hub.NotFound {
			failed = append(failed, fmt.Errorf("publish what happened to alarm %s: %w", id, err))
		}
	}
	limit := termCleared + stamp(l.now().Add(-KeepCleared))
	for term, id := range l.alarms.InOrder(termCleared, "", "") {
		if term >= limit {
			break
		}
		err := l.alarms.Delete(ctx, id, func(a *Alarm) error {
			if a.Cleared == nil || len(a.Pending) > 0 {
				return errSame
			}
			return nil
		})
		if err != nil && !errors.Is(err, errSame) && hub.CodeOf(err) != hub.NotFound {
			failed = append(failed, fmt.Errorf("forget alarm %s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}
