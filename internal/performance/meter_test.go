package performance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/sol"
)

func TestJob(t *testing.T) {
	b := newBench(t)
	made := want[sol.PmJob](b, 201, b.do("POST", "/pm_jobs", aJob(`["a","b"]`, `{"performanceMetricGroup":["All"],"collectionPeriod":10,"reportingPeriod":20}`)))
	if made.CallbackURI != "https://oss.test/n" || len(made.Links.Objects) != 2 || made.Links.Objects[0].Href != "https://vnfm.test/things/a" {
		t.Fatalf("%+v", made)
	}
	b.pass(10 * time.Second) // the period has ended just now
	if len(b.asked) != 0 {
		t.Errorf("asked for %+v before it can be known", b.asked)
	}
	b.pass(settle)
	if len(b.asked) != 1 || len(b.notes()) != 0 || !slices.Equal(b.asked[0].Metrics, []string{"heat", "light"}) || b.asked[0].Marks != nil {
		t.Fatalf("asked %+v, told %v", b.asked, b.notes())
	}
	b.pass(10 * time.Second)
	if len(b.asked) != 2 || b.asked[1].Marks["read"] != b.asked[0].Until || b.asked[1].From != b.asked[0].Until {
		t.Fatalf("asked %+v", b.asked)
	}
	notes := b.notes()
	if len(notes) != 2 || notes[0]["notificationType"] != TypeAvailable || notes[0]["objectInstanceId"] != "a" || notes[1]["objectInstanceId"] != "b" || notes[0]["pmJobId"] != made.ID {
		t.Fatalf("told %v", notes)
	}
	shown := want[sol.PmJob](b, 200, b.do("GET", "/pm_jobs/"+made.ID, ""))
	if len(shown.Reports) != 1 || shown.Reports[0].ExpiryTime.Sub(shown.Reports[0].ReadyTime) != KeepReports {
		t.Fatalf("%+v", shown.Reports)
	}
	link := notes[0]["_links"].(map[string]any)["performanceReport"].(map[string]any)["href"].(string)
	if link != shown.Reports[0].Href {
		t.Errorf("the notification leads to %s, the job to %s", link, shown.Reports[0].Href)
	}
	report := want[sol.PerformanceReport](b, 200, b.do("GET", strings.TrimPrefix(link, "https://vnfm.test/vnfpm/v2"), ""))
	if len(report.Entries) != 4 || len(report.Entries[0].PerformanceValues) != 2 || report.Entries[0].PerformanceValues[1].TimeStamp != b.asked[1].Until {
		t.Errorf("%+v", report)
	}
	want[any](b, 404, b.do("GET", "/pm_jobs/"+made.ID+"/reports/none", ""))
	want[any](b, 404, b.do("GET", strings.TrimPrefix(link, "https://vnfm.test/vnfpm/v2"), "", "X-Caller", "em@north"))
	want[any](b, 204, b.do("DELETE", "/pm_jobs/"+made.ID, ""))
	want[any](b, 404, b.do("GET", "/pm_jobs/"+made.ID, ""))
	if n := b.meter.reports.Len(); n != 0 {
		t.Errorf("%d reports are left", n)
	}
	b.pass(time.Minute)
	if len(b.asked) != 2 || len(b.notes()) != 2 {
		t.Error("a job that is deleted goes on")
	}
}

// Where nothing was measured there is no report; and what measures may fail.
func TestJob_Nothing(t *testing.T) {
	b := newBench(t)
	made := want[sol.PmJob](b, 201, b.do("POST", "/pm_jobs", aJob(`["a"]`, criteria)))
	all := b.values
	b.values = func(*Task) []Value { return nil }
	b.pass(25 * time.Second)
	if len(b.asked) == 0 || len(b.notes()) != 0 {
		t.Errorf("asked %v, told %v", b.asked, b.notes())
	}
	b.values, b.deaf = all, errors.New("deaf")
	b.pass(30 * time.Second)
	b.deaf = nil
	b.pass(time.Second) // at 56 s, which makes up for all from 20 s on
	if shown := want[sol.PmJob](b, 200, b.do("GET", "/pm_jobs/"+made.ID, "")); len(shown.Reports) != 1 || len(b.notes()) != 1 {
		t.Fatalf("%+v; told %v", shown.Reports, b.notes())
	}
	if last := b.asked[len(b.asked)-1]; last.Until.Sub(last.From) != 30*time.Second {
		t.Errorf("asked for %v", last.Until.Sub(last.From))
	}
}

// What was collected and is not told survives; it is told once, under one ID.
func TestJob_Crash(t *testing.T) {
	b := newBench(t)
	made := want[sol.PmJob](b, 201, b.do("POST", "/pm_jobs", aJob(`["a"]`, criteria)))
	want[sol.Threshold](b, 201, b.do("POST", "/thresholds", aThreshold("Thing", "a", "", "heat", `{"thresholdValue":0.5,"hysteresis":0.1}`)))
	b.closed = errors.New("closed")
	b.pass(21 * time.Second)
	b.open()
	b.pass(0)
	if len(b.notes()) != 0 {
		t.Fatalf("told %v", b.notes())
	}
	b.set(func() { b.closed = nil })
	b.open()
	b.pass(0)
	b.open()
	b.pass(0)
	if n := b.notes(); len(n) != 2 {
		t.Fatalf("told %v, want a report and a threshold", n)
	}
	b.pass(20 * time.Second)
	if shown := want[sol.PmJob](b, 200, b.do("GET", "/pm_jobs/"+made.ID, "")); len(shown.Reports) != 2 || len(b.notes()) != 3 {
		t.Errorf("%+v; told %v", shown.Reports, b.notes())
	}
}

// A report that was stored just before a crash is stored again, and one whose job is no
// more goes.
func TestJob_LeftReports(t *testing.T) {
	b := newBench(t)
	made := want[sol.PmJob](b, 201, b.do("POST", "/pm_jobs", aJob(`["a"]`, criteria)))
	j, err := b.meter.jobs.Get(t.Context(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	until := j.Value.Until.Add(20 * time.Second)
	for id := range j.Value.advance(made.ID, []Value{{Object: "a", Metric: "heat", At: until}}, until, false, b.now) {
		for stored, job := range map[string]string{id: made.ID, "left": "none"} {
			if _, err := b.meter.reports.Create(t.Context(), "north", stored, &report{Job: job}); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.open()
	b.pass(21 * time.Second)
	shown := want[sol.PmJob](b, 200, b.do("GET", "/pm_jobs/"+made.ID, ""))
	if len(shown.Reports) != 1 || b.meter.reports.Len() != 1 {
		t.Fatalf("%+v; %d are stored", shown.Reports, b.meter.reports.Len())
	}
	if r := want[sol.PerformanceReport](b, 200, b.do("GET", strings.TrimPrefix(shown.Reports[0].Href, "https://vnfm.test/vnfpm/v2"), "")); len(r.Entries) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestJob_Boundary(t *testing.T) {
	b := newBench(t)
	made := want[sol.PmJob](b, 201, b.do("POST", "/pm_jobs", aJob(`["a"]`, `{"performanceMetric":["heat"],"collectionPeriod":10,"reportingPeriod":20,"reportingBoundary":"2026-11-23T00:00:35Z"}`)))
	b.pass(time.Hour)
	b.pass(time.Hour)
	shown := want[sol.PmJob](b, 200, b.do("GET", "/pm_jobs/"+made.ID, ""))
	if len(b.asked) != 1 || len(shown.Reports) != 2 { // up to 20 s, and the rest up to 30 s
		t.Errorf("asked %+v; %+v", b.asked, shown.Reports)
	}
	b.pass(KeepReports)
	if shown = want[sol.PmJob](b, 200, b.do("GET", "/pm_jobs/"+made.ID, "")); len(shown.Reports) != 0 || b.meter.reports.Len() != 0 {
		t.Errorf("old reports: %+v, %d", shown.Reports, b.meter.reports.Len())
	}
}

// More values than a report may have make more reports, and more reports than are kept
// push the oldest out.
func TestJob_Bounds(t *testing.T) {
	b := newBench(t)
	made := want[sol.PmJob](b, 201, b.do("POST", "/pm_jobs", aJob(`["a"]`, `{"performanceMetric":["heat"],"collectionPeriod":1,"reportingPeriod":1024}`)))
	b.values = func(t *Task) (list []Value) {
		for i := range 2*MaxValues + 1 {
			list = append(list, Value{Object: "a", Sub: fmt.Sprint(i), Metric: "heat", At: t.Until, Value: 1})
		}
		return list
	}
	b.pass(2 * time.Second)
	shown := want[sol.PmJob](b, 200, b.do("GET", "/pm_jobs/"+made.ID, ""))
	if len(shown.Reports) != 2 {
		t.Fatalf("%d reports before their time, want those that are full", len(shown.Reports))
	}
	n := 0
	for _, r := range shown.Reports {
		n += len(want[sol.PerformanceReport](b, 200, b.do("GET", strings.TrimPrefix(r.Href, "https://vnfm.test/vnfpm/v2"), "")).Entries)
	}
	e, err := b.meter.jobs.Get(t.Context(), made.ID)
	if err != nil || n != 2*MaxValues || e.Value.collected() != 1 {
		t.Errorf("%d are reported, and %d left; %v", n, e.Value.collected(), err)
	}
	b.values = func(t *Task) []Value { return []Value{{Object: "a", Metric: "heat", At: t.Until, Value: 1}} }
	for range MaxReports + 3 {
		b.pass(1024 * time.Second)
	}
	shown = want[sol.PmJob](b, 200, b.do("GET", "/pm_jobs/"+made.ID, ""))
	if len(shown.Reports) != MaxReports || b.meter.reports.Len() != MaxReports {
		t.Errorf("%d reports, %d are stored", len(shown.Reports), b.meter.reports.Len())
	}
}

func TestThreshold(t *testing.T) {
	b := newBench(t)
	made := want[sol.Threshold](b, 201, b.do("POST", "/thresholds", aThreshold("Part", "a", "", "heat", `{"thresholdValue":50,"hysteresis":10}`)))
	one := want[sol.Threshold](b, 201, b.do("POST", "/thresholds", aThreshold("Part", "a", `"subObjectInstanceIds":["2"],`, "heat", `{"thresholdValue":50,"hysteresis":10}`)))
	var got []string
	for _, step := range []struct{ first, second float64 }{{40, 0}, {59.9, 0}, {60, 0}, {99, 70}, {45, 70}, {60, 70}, {40, 70}, {39, 40}, {61, 40}} {
		b.set(func() {
			b.values = func(task *Task) (list []Value) {
				for sub, v := range map[string]float64{"1": step.first, "2": step.second} {
					if task.Wants(sub) {
						list = append(list, Value{Object: "a", Sub: sub, Metric: "heat", At: task.Until, Value: v})
					}
				}
				return list
			}
		})
		b.pass(ThresholdPeriod)
		if step.first == 99 {
			b.open() // which side it is on is remembered
		}
	}
	b.pass(settle)
	alone := 0
	for _, n := range b.notes() {
		if n["thresholdId"] == one.ID {
			alone++
			continue
		}
		if n["thresholdId"] != made.ID || n["notificationType"] != TypeCrossed {
			t.Fatalf("told %v", n)
		}
		got = append(got, fmt.Sprintf("%v %v %v", n["subObjectInstanceId"], n["crossingDirection"], n["performanceValue"]))
	}
	slices.Sort(got)
	if want := []string{"1 DOWN 40", "1 UP 60", "1 UP 61", "2 DOWN 40", "2 UP 70"}; !slices.Equal(got, want) {
		t.Errorf("crossed %q, want %q", got, want)
	}
	if alone != 2 {
		t.Errorf("of the part alone %d were told, want 2", alone)
	}
	want[any](b, 204, b.do("DELETE", "/thresholds/"+one.ID, ""))
	want[any](b, 404, b.do("GET", "/thresholds/"+one.ID, ""))
}

func TestTasks(t *testing.T) {
	b := newBench(t)
	want[sol.PmJob](b, 201, b.do("POST", "/pm_jobs", aJob(`["a"]`, criteria)))
	want[sol.Threshold](b, 201, b.do("POST", "/thresholds", aThreshold("Part", "a", "", "heat", `{"thresholdValue":50,"hysteresis":10}`)))
	var got []string
	for task, err := range b.meter.Tasks(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %v %v %s", task.Type, task.Metrics, task.Objects, task.Period))
	}
	if want := []string{"Thing [heat] [a] 10s", "Part [heat] [a] 5s"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Watch ends with its context and not before.
func TestWatch(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.meter.Watch(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
