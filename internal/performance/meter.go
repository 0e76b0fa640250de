package performance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
)

// ObjectType is a type of measured object, with what is measured of it.
type ObjectType struct {
	Name    string
	Group   string   // of all its metrics
	Metrics []string // in the order in which they are shown to people
	Subs    string   // what its sub-objects are, for people; empty: it has none
}

// Task is what is to be measured.
type Task struct {
	ID      string // of the job or the threshold
	Type    string
	Metrics []string
	Objects []string
	Subs    []string      // none: all
	Period  time.Duration // of one value
	// From and Until are the ends of collection periods: those after From are asked
	// for, up to the one that ends with Until.
	From, Until time.Time
	// Marks is what the function keeps with what was collected, for the next time.
	Marks map[string]time.Time
}

// Wants says whether a sub-object is asked for.
func (t *Task) Wants(sub string) bool { return len(t.Subs) == 0 || slices.Contains(t.Subs, sub) }

// Config is what a [Meter] works with. All fields but Callbacks and Gone are needed.
type Config struct {
	API     string // whose callbacks are told: "vnfpm" or "nspm"
	Path    string // of the API below {apiRoot}: "/vnfpm/v2"
	Objects string // path of the measured objects below {apiRoot}: "/vnflcm/v2/vnf_instances/"
	Types   []ObjectType
	// Publish takes an event for delivery; when it returns nil the event is durable.
	Publish func(ctx context.Context, e notify.Event) error
	// Callbacks keeps where jobs and thresholds tell; nil: nobody makes any, see
	// [Meter.Served].
	Callbacks *notify.Outbox
	// Gone says whether a consumer is no more, such as a VNF that has ended: what it made
	// here ends then. nil: none ends before its trust domain.
	Gone func(ctx context.Context, owner hub.Identity) (bool, error)
	// Object returns the trust domain of a measured object, and the sub-objects that it
	// has now of a type; hub.NotFound if there is no such object.
	Object func(ctx context.Context, kind, id string) (domain string, subs []string, err error)
	// Measure returns what was measured, of each object and metric the oldest first, and
	// the marks for the next time. An object that is no more has no values. An error is
	// tried again, with the same marks and a later Until.
	Measure func(ctx context.Context, t *Task) ([]Value, map[string]time.Time, error)
	Now     func() time.Time
	Wait    func(ctx context.Context, d time.Duration) error // blocks for d or until ctx ends
	Log     *slog.Logger
}

// Meter keeps the PM jobs and thresholds of a function and carries them out. It is safe
// for concurrent use. One process at a time may call what changes it.
type Meter struct {
	c          Config
	jobs       *state.Kind[job]
	reports    *state.Kind[report]
	thresholds *state.Kind[threshold]

	mu        sync.Mutex     // covers making
	making    map[string]int // what is being made, by operation and consumer
	round     sync.Mutex     // held while due periods are collected; covers what is below
	failing   map[string]bool
	sweepAt   time.Time // when what is nobody's is looked for again
	orphansAt time.Time // and reports without a job
}

// New makes the meter of a function, which is kept with its other resources.
func New(space *state.Space, c Config) *Meter {
	return &Meter{
		c: c, jobs: state.NewKind(space, "pmjob", (*job).terms), reports: state.NewKind(space, "pmreport", (*report).terms),
		thresholds: state.NewKind(space, "pmthreshold", (*threshold).terms), failing: map[string]bool{}, making: map[string]int{},
	}
}

// Served says whether there can be jobs and thresholds: they need callbacks.
func (m *Meter) Served() bool { return m.c.Callbacks != nil }

func (m *Meter) now() time.Time { return m.c.Now().UTC() }

// kind returns a type of measured object, nil if there is none of the name.
func (m *Meter) kind(name string) *ObjectType {
	for i := range m.c.Types {
		if m.c.Types[i].Name == name {
			return &m.c.Types[i]
		}
	}
	return nil
}

// tick is how often the meter looks for what is due.
const tick = time.Second

// Watch collects what is due, again and again, until ctx ends. It returns ctx's error.
func (m *Meter) Watch(ctx context.Context) error {
	for {
		m.Round(ctx)
		if err := m.c.Wait(ctx, tick); err != nil {
			return err
		}
	}
}

// Round collects what is due now, tells what waits to be told, and forgets reports that
// are old. What fails keeps nothing else; it is logged when that begins and when it
// ends, and tried again in the next round. Its cost grows with what is due.
func (m *Meter) Round(ctx context.Context) {
	m.round.Lock()
	defer m.round.Unlock()
	each(ctx, m, m.jobs.Find(termUnfinished), "publish what a PM job has to tell", again(m.jobs, m.tellJob))
	each(ctx, m, m.thresholds.Find(termUnfinished), "publish what a threshold has to tell", again(m.thresholds, m.tellThreshold))
	now := m.now()
	each(ctx, m, until(m.jobs, termDue, now.Add(-settle)), "collect for a PM job", m.collect)
	each(ctx, m, until(m.thresholds, termDue, now.Add(-settle)), "compare with a threshold", m.watch)
	each(ctx, m, until(m.jobs, termAged, now), "forget old reports of a PM job", m.forget)
	if !now.Before(m.sweepAt) {
		m.sweepAt = now.Add(sweepEvery)
		each(ctx, m, []string{m.c.API}, "delete what is nobody's any more", func(ctx context.Context, _ string) error { return m.sweep(ctx) })
	}
}

// until returns the IDs that have a term of this prefix with a time that is not later.
func until[T any](k *state.Kind[T], prefix string, at time.Time) (ids []string) {
	limit := prefix + stamp(at)
	for term, id := range k.InOrder(prefix, "", "") {
		if term > limit {
			break
		}
		ids = append(ids, id)
	}
	return ids
}

// again is what is done with a resource that is read first.
func again[T any](k *state.Kind[T], do func(context.Context, state.Entry[T]) error) func(context.Context, string) error {
	return func(ctx context.Context, id string) error {
		e, err := k.Get(ctx, id)
		if err != nil {
			return err
		}
		return do(ctx, e)
	}
}

func each(ctx context.Context, m *Meter, ids []string, what string, do func(context.Context, string) error) {
	for _, id := range ids {
		if ctx.Err() != nil {
			return
		}
		err := do(ctx, id)
		if hub.CodeOf(err) == hub.NotFound { // deleted meanwhile
			err = nil
		}
		key := what + " " + id
		switch failed := m.failing[key]; {
		case err != nil && ctx.Err() == nil && !failed:
			m.c.Log.Warn("cannot "+what+"; trying again", "id", id, "err", err)
			m.failing[key] = true
		case err == nil && failed:
			m.c.Log.Info("can again "+what, "id", id)
			delete(m.failing, key)
		}
	}
}

// collect carries a job on: it takes in what was measured in the collection periods that
// have ended, and makes the reports that are due.
func (m *Meter) collect(ctx context.Context, id string) error {
	e, err := m.jobs.Get(ctx, id)
	if err != nil {
		return err
	}
	j := &e.Value
	end, last := j.ends(m.now().Add(-settle))
	if j.Ended || !last && !end.After(j.Until) {
		return nil
	}
	t := &Task{
		ID: id, Type: j.Type, Objects: j.Objects, Subs: j.Subs, Period: j.period(), From: j.Until, Until: end, Marks: j.Marks,
	}
	values, err := m.measure(ctx, t, j.metrics)
	if err != nil {
		return err
	}
	j.Marks = t.Marks
	for id, r := range j.advance(id, values, end, last, m.now()) {
		if err := m.keep(ctx, e.Domain, id, r); err != nil {
			return fmt.Errorf("keep a report: %w", err)
		}
	}
	if e, err = m.jobs.Replace(ctx, e); err != nil {
		return err
	}
	return errors.Join(m.tellJob(ctx, e), m.dropReports(ctx, e))
}

// measure asks the function what was measured, and brings the marks of the task up to
// date.
func (m *Meter) measure(ctx context.Context, t *Task, metrics func(*ObjectType) []string) (values []Value, err error) {
	kind := m.kind(t.Type)
	if kind == nil {
		return nil, hub.E(hub.Unavailable, "measure", fmt.Sprintf("this version of the hub does not measure %s", t.Type), nil)
	}
	t.Metrics = metrics(kind)
	if oldest := t.Until.Add(-maxBehind * t.Period); t.From.Before(oldest) {
		m.c.Log.Warn("performance was not collected for long; what was measured before is not reported", "id", t.ID, "from", t.From, "to", oldest)
		t.From = oldest
	}
	values, t.Marks, err = m.c.Measure(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("collect what was measured: %w", err)
	}
	return values, nil
}

// keep stores a report. One that a crash left behind was told to nobody.
func (m *Meter) keep(ctx context.Context, domain, id string, r *report) error {
	_, err := m.reports.Create(ctx, domain, id, r)
	if hub.CodeOf(err) == hub.Conflict {
		_, err = m.reports.Update(ctx, id, func(old *report) error { *old = *r; return nil })
	}
	return err
}

// dropReports deletes the stored reports that a job does not name any more.
func (m *Meter) dropReports(ctx context.Context, e state.Entry[job]) error {
	for _, id := range m.reports.Find(termJob + e.ID) {
		if slices.ContainsFunc(e.Value.Reports, func(r made) bool { return r.ID == id }) {
			continue
		}
		if err := m.reports.Delete(ctx, id, nil); err != nil && hub.CodeOf(err) != hub.NotFound {
			return fmt.Errorf("forget a report: %w", err)
		}
	}
	return nil
}

// forget lets go of the reports of a job that are old.
func (m *Meter) forget(ctx context.Context, id string) error {
	limit := m.now().Add(-KeepReports)
	e, err := m.jobs.Update(ctx, id, func(j *job) error {
		j.Reports = slices.DeleteFunc(j.Reports, func(r made) bool { return !r.At.After(limit) })
		return nil
	})
	if err != nil {
		return err
	}
	return m.dropReports(ctx, e)
}

// watch compares what was measured since the last time with a threshold.
func (m *Meter) watch(ctx context.Context, id string) error {
	e, err := m.thresholds.Get(ctx, id)
	if err != nil {
		return err
	}
	x := &e.Value
	end := x.Until.Add(m.now().Add(-settle).Sub(x.Until).Truncate(ThresholdPeriod))
	if !end.After(x.Until) {
		return nil
	}
	t := &Task{ID: id, Type: x.Type, Objects: x.Objects, Subs: x.Subs, Period: ThresholdPeriod, From: x.Until, Until: end, Marks: x.Marks}
	values, err := m.measure(ctx, t, func(*ObjectType) []string { return []string{x.Metric} })
	if err != nil {
		return err
	}
	x.Marks, x.Until = t.Marks, end
	x.compare(id, values, m.now())
	if e, err = m.thresholds.Replace(ctx, e); err != nil {
		return err
	}
	return m.tellThreshold(ctx, e)
}

// Tasks yields what the jobs that have not ended and the thresholds measure: type,
// metrics, objects and period of each.
func (m *Meter) Tasks(ctx context.Context) iter.Seq2[Task, error] {
	all := func(string) bool { return true }
	return func(yield func(Task, error) bool) {
		for e, err := range m.jobs.List(ctx, all, "") {
			j := &e.Value
			kind := m.kind(j.Type)
			if err == nil && (j.Ended || kind == nil) {
				continue
			}
			t := Task{}
			if err == nil {
				t = Task{ID: e.ID, Type: j.Type, Metrics: j.metrics(kind), Objects: j.Objects, Subs: j.Subs, Period: j.period()}
			}
			if !yield(t, err) {
				return
			}
		}
		for e, err := range m.thresholds.List(ctx, all, "") {
			x := &e.Value
			if !yield(Task{ID: e.ID, Type: x.Type, Metrics: []string{x.Metric}, Objects: x.Objects, Subs: x.Subs, Period: ThresholdPeriod}, err) {
				return
			}
		}
	}
}
