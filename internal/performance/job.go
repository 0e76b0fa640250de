package performance

import (
	"slices"
	"strconv"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol"
)

// What one consumer may have, and what is kept.
const (
	MaxJobs       = 50             // PM jobs of one consumer
	MaxThresholds = 50             // thresholds of one consumer
	MaxObjects    = 64             // measured objects of one job
	MaxSubObjects = 256            // sub-objects that a job or threshold names
	MaxPeriod     = 1024           // seconds; what the files of ETSI allow
	MaxReports    = 48             // of one job: the newest
	KeepReports   = 24 * time.Hour // after it was made a report goes
	MaxValues     = 2_500          // of one report; where more come, there is one more report
)

// ThresholdPeriod is the collection period of what is compared with thresholds.
const ThresholdPeriod = 5 * time.Second

// settle is how long after its end a collection period is asked about, so that what
// was measured at its end can be read.
const settle = time.Second

// maxBehind bounds the collection periods that are made up for after a pause. What was
// measured before them is not reported.
const maxBehind = 10_000

// forever is after every time that JSON has.
var forever = time.Unix(253_402_300_800, 0)

// Value is what was measured of an object, or a sub-object of it, in one collection
// period.
type Value struct {
	Object string
	Sub    string // empty: of the object
	Metric string
	At     time.Time // end of the period
	Value  float64
}

// measuring is what jobs and thresholds have in common.
type measuring struct {
	Owner   string               `json:"owner"` // identity of the consumer
	Type    string               `json:"objectType"`
	Objects []string             `json:"objects"`
	Subs    []string             `json:"subs,omitempty"` // none: all
	Asked   string               `json:"asked"`          // digest of the request
	Created time.Time            `json:"created"`
	Until   time.Time            `json:"until"` // what was measured is collected up to here
	Marks   map[string]time.Time `json:"marks,omitempty"`
	Events  int                  `json:"events"` // counts them, for their IDs
	Pending []event              `json:"pending,omitempty"`
}

// job is a PM job as it is stored.
type job struct {
	measuring
	Metrics  []string   `json:"metrics,omitempty"` // as asked for
	Groups   []string   `json:"groups,omitempty"`
	Collect  int        `json:"collect"` // seconds
	Report   int        `json:"report"`  // seconds
	Boundary *time.Time `json:"boundary,omitempty"`
	Due      time.Time  `json:"due"` // end of the reporting period that is under way
	Ended    bool       `json:"ended,omitempty"`
	Entries  []entry    `json:"entries,omitempty"` // collected and not reported yet
	Made     int        `json:"made"`              // reports, for their IDs
	Reports  []made     `json:"reports,omitempty"` // the oldest first
}

// entry is the values of one metric of one object, in the order of their time.
type entry struct {
	Object string  `json:"object"`
	Sub    string  `json:"sub,omitempty"`
	Metric string  `json:"metric"`
	Values []point `json:"values"`
}

type point struct {
	At    time.Time `json:"at"`
	Value float64   `json:"value"`
}

// made says of a report when it was made.
type made struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// report is a report as it is stored, under its ID.
type report struct {
	Job     string  `json:"job"`
	Entries []entry `json:"entries"`
}

// threshold is a threshold as it is stored.
type threshold struct {
	measuring
	Metric     string  `json:"metric"`
	Value      float64 `json:"value"`
	Hysteresis float64 `json:"hysteresis"`
	// Up are the sub-objects, "" for the object, that have crossed upward and not back,
	// with the time of the last value of each.
	Up map[string]time.Time `json:"up,omitempty"`
}

// Terms that they are found by.
const (
	termDue        = "due=" // end of the next collection period, in a form that sorts
	termAged       = "aged="
	termOwner      = "owner="
	termUnfinished = "unfinished" // events wait to be published
	termJob        = "job="       // of a report
)

// stamp is a time as a term has it: the same length always, so that it sorts.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

func (m *measuring) terms() []string {
	t := []string{termOwner + m.Owner}
	if len(m.Pending) > 0 {
		t = append(t, termUnfinished)
	}
	return t
}

func (j *job) terms() []string {
	t := j.measuring.terms()
	if !j.Ended {
		t = append(t, termDue+stamp(j.Until.Add(j.period())))
	}
	if len(j.Reports) > 0 {
		t = append(t, termAged+stamp(j.Reports[0].At.Add(KeepReports)))
	}
	return t
}

func (t *threshold) terms() []string {
	return append(t.measuring.terms(), termDue+stamp(t.Until.Add(ThresholdPeriod)))
}

func (r *report) terms() []string { return []string{termJob + r.Job} }

func (j *job) period() time.Duration    { return time.Duration(j.Collect) * time.Second }
func (j *job) reporting() time.Duration { return time.Duration(j.Report) * time.Second }

// metrics are those that the job collects.
func (j *job) metrics(of *ObjectType) []string {
	if slices.Contains(j.Groups, of.Group) {
		return of.Metrics
	}
	return j.Metrics
}

// ends returns the end of the last collection period that has ended by now, and whether
// the job ends with it.
func (j *job) ends(now time.Time) (until time.Time, last bool) {
	if j.Boundary != nil && !now.Before(*j.Boundary) {
		now, last = *j.Boundary, true
	}
	return j.Until.Add(now.Sub(j.Until).Truncate(j.period())), last
}

// take adds values to what is collected.
func (j *job) take(values []Value) {
	for _, v := range values {
		i := slices.IndexFunc(j.Entries, func(e entry) bool { return e.Object == v.Object && e.Sub == v.Sub && e.Metric == v.Metric })
		if i < 0 {
			i = len(j.Entries)
			j.Entries = append(j.Entries, entry{Object: v.Object, Sub: v.Sub, Metric: v.Metric})
		}
		j.Entries[i].Values = append(j.Entries[i].Values, point{v.At, v.Value})
	}
}

// cut takes out of what is collected the values up to a time, at most [MaxValues].
func (j *job) cut(upTo time.Time) (out []entry) {
	room := MaxValues
	var left []entry
	for _, e := range j.Entries {
		n := 0
		for n < len(e.Values) && n < room && !e.Values[n].At.After(upTo) {
			n++
		}
		room -= n
		if n > 0 {
			out = append(out, entry{e.Object, e.Sub, e.Metric, e.Values[:n:n]})
		}
		if e.Values = e.Values[n:]; len(e.Values) > 0 {
			left = append(left, e)
		}
	}
	j.Entries = left
	return out
}

func (j *job) collected() (n int) {
	for _, e := range j.Entries {
		n += len(e.Values)
	}
	return n
}

// advance takes values in that were collected up to a time, and returns the reports that
// are due by then, by ID.
func (j *job) advance(id string, values []Value, until time.Time, last bool, now time.Time) map[string]*report {
	reports := map[string]*report{}
	publish := func(entries []entry) {
		if len(entries) == 0 {
			return
		}
		j.Made++
		r := hub.DeriveID("pm report", id, strconv.Itoa(j.Made))
		reports[r] = &report{Job: id, Entries: entries}
		j.Reports = append(j.Reports, made{r, now})
		var told []string
		for _, e := range entries {
			if !slices.Contains(told, e.Object) {
				told = append(told, e.Object)
				j.note(id, event{Type: TypeAvailable, At: now, Object: e.Object, Report: r})
			}
		}
	}
	j.take(values)
	j.Until, j.Ended = until, last
	for ; !j.Due.After(until); j.Due = j.Due.Add(j.reporting()) {
		for entries := j.cut(j.Due); len(entries) > 0; entries = j.cut(j.Due) {
			publish(entries)
		}
	}
	for last && len(j.Entries) > 0 || j.collected() > MaxValues {
		publish(j.cut(forever))
	}
	j.Reports = j.Reports[max(0, len(j.Reports)-MaxReports):]
	return reports
}

// compare compares values with the threshold, the oldest first, and notes where it is
// crossed.
func (t *threshold) compare(id string, values []Value, now time.Time) {
	values = slices.Clone(values)
	slices.SortStableFunc(values, func(a, b Value) int { return a.At.Compare(b.At) })
	for _, v := range values {
		_, up := t.Up[v.Sub]
		crossed := sol.CrossingDirectionType("")
		switch {
		case !up && v.Value >= t.Value+t.Hysteresis:
			crossed, up = sol.CrossingUp, true
		case up && v.Value <= t.Value-t.Hysteresis:
			crossed, up = sol.CrossingDown, false
		}
		if crossed != "" {
			t.note(id, event{Type: TypeCrossed, At: now, Object: v.Object, Sub: v.Sub, Direction: crossed, Value: v.Value})
		}
		if !up {
			delete(t.Up, v.Sub)
			continue
		}
		if t.Up == nil {
			t.Up = map[string]time.Time{}
		}
		t.Up[v.Sub] = v.At
	}
	for sub, at := range t.Up { // one that is no more has no end
		if now.Sub(at) > KeepReports {
			delete(t.Up, sub)
		}
	}
}
