package nfvo

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/performance"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// fakeMeter is vnfpm/v2 of a VNFM: its jobs have the reports that a test gives them.
type fakeMeter struct {
	jobs    map[string]*sol.PmJob // by Idempotency-Key
	reports map[string]sol.PerformanceReport
	made    int
}

func (f *fakeMeter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case parts[0] == "vnf_instances" && parts[1] == "gone":
		httpapi.WriteProblem(w, httpapi.ProblemDetails{Status: 404, Detail: "there is no such VNF"})
	case parts[0] == "vnf_instances" && parts[1] == "silent":
		httpapi.WriteProblem(w, httpapi.ProblemDetails{Status: 503, Detail: "not now"})
	case parts[0] == "vnf_instances":
		answer(200, map[string]string{"id": parts[1]})
	case r.Method == http.MethodPost:
		var in sol.CreatePmJobRequest
		_ = json.NewDecoder(r.Body).Decode(&in)
		if id := in.ObjectInstanceIDs[0]; id != "vnf" {
			httpapi.WriteProblem(w, httpapi.ProblemDetails{Status: 422, Detail: id + " cannot be measured"})
			return
		}
		key := r.Header.Get("Idempotency-Key")
		if f.jobs[key] == nil {
			f.made++
			f.jobs[key] = &sol.PmJob{ID: fmt.Sprint("job", f.made), ObjectType: in.ObjectType, ObjectInstanceIDs: in.ObjectInstanceIDs, Criteria: in.Criteria}
		}
		answer(201, f.jobs[key])
	case r.Method == http.MethodGet && len(parts) == 1:
		list := []*sol.PmJob{}
		for _, j := range f.jobs {
			list = append(list, j)
		}
		answer(200, list)
	case len(parts) == 4:
		answer(200, f.reports[parts[3]])
	default:
		for key, j := range f.jobs {
			if j.ID == parts[1] && r.Method == http.MethodDelete {
				delete(f.jobs, key)
				w.WriteHeader(204)
				return
			}
			if j.ID == parts[1] {
				answer(200, j)
				return
			}
		}
		httpapi.WriteProblem(w, httpapi.ProblemDetails{Status: 404, Detail: "no such job"})
	}
}

// add gives a job of the VNFM a report.
func (f *fakeMeter) add(job *sol.PmJob, id string, ready time.Time, entries ...sol.PerformanceEntry) {
	job.Reports = append(job.Reports, sol.PmJobReport{Href: "https://vnfm.test/vnfpm/v2/pm_jobs/" + job.ID + "/reports/" + id, ReadyTime: ready})
	f.reports[id] = sol.PerformanceReport{Entries: entries}
}

// Each report of the VNFM is read once, and that of a job which was there before from
// then on; what its external connection points have is summed up.
func TestReported(t *testing.T) {
	f := &fakeMeter{jobs: map[string]*sol.PmJob{}, reports: map[string]sol.PerformanceReport{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	client := &httpapi.Client{Base: server.URL, Version: "2.2.0", Retries: -1}
	s := &Service{c: Config{VNFM: client, VNFMPerformance: client, CallbackURI: "https://nfvo.test/"}, vnfJobs: map[vnfJob]string{}}
	at := func(second int) time.Time { return time.Date(2026, 11, 23, 0, 0, second, 0, time.UTC) }
	entry := func(sub, metric string, second int, v float64) sol.PerformanceEntry {
		return sol.PerformanceEntry{ObjectInstanceID: "vnf", SubObjectInstanceID: sub, PerformanceMetric: metric, PerformanceValues: []sol.PerformanceValue{{TimeStamp: at(second), Value: v}}}
	}
	in, out := "ByteIncomingVnfExtCp", "ByteOutgoingVnfExtCp"
	task := &performance.Task{Metrics: []string{in}, Period: 10 * time.Second, From: at(10)}
	jobs := jobsFor(task, "vnf")
	if len(jobs) != 1 || jobs[0].kind != "VnfExtCp" {
		t.Fatalf("%+v", jobs)
	}
	read := func() []string {
		t.Helper()
		marks := map[string]time.Time{}
		values, err := s.reported(t.Context(), task, jobs[0], marks)
		if err != nil {
			t.Fatal(err)
		}
		task.Marks = marks
		var got []string
		for _, v := range values {
			got = append(got, fmt.Sprintf("%s %d %v", v.Metric, v.At.Second(), v.Value))
		}
		return got
	}
	if got := read(); got != nil {
		t.Errorf("before there is a report: %q", got)
	}
	task.Marks = nil // another task comes later
	var job *sol.PmJob
	for _, job = range f.jobs {
	}
	if len(job.Criteria.PerformanceMetricGroup) != 1 || job.Criteria.CollectionPeriod != 10 || job.Criteria.ReportingPeriod != 10 {
		t.Errorf("%+v", job.Criteria)
	}
	f.add(job, "r1", at(11), entry("a", in, 10, 1))
	f.add(job, "r2", at(21), entry("a", in, 20, 2), entry("b", in, 20, 3), entry("a", out, 20, 9))
	for i, want := range [][]string{{in + " 20 5"}, nil} {
		if got := read(); !slices.Equal(got, want) {
			t.Errorf("reading %d: %q, want %q", i, got, want)
		}
	}
	f.add(job, "r3", at(31), entry("a", in, 30, 4))
	s.vnfJobs = map[vnfJob]string{} // another process
	if got := read(); !slices.Equal(got, []string{in + " 30 4"}) || f.made != 1 {
		t.Errorf("%q; %d jobs were made", got, f.made)
	}
	clear(f.jobs) // somebody deleted it
	if got := read(); got != nil {
		t.Errorf("%q", got)
	}
	if read(); f.made != 2 {
		t.Errorf("%d jobs were made, want one more", f.made)
	}
	if got, err := s.reported(t.Context(), task, vnfJob{"Vnf", "gone", time.Second}, map[string]time.Time{}); got != nil || err != nil {
		t.Errorf("a VNF that is gone: %v, %v", got, err)
	}
	for vnf, want := range map[string]hub.Code{"full": hub.Unprocessable, "silent": hub.Unavailable} {
		if _, err := s.reported(t.Context(), task, vnfJob{"Vnf", vnf, time.Second}, map[string]time.Time{}); hub.CodeOf(err) != want {
			t.Errorf("refused for another reason: %v, want %s", err, want)
		}
	}
}

// silent publishes nothing.
type silent struct{}

func (silent) Publish(context.Context, notify.Event) error { return nil }

// What nobody needs any more is deleted at the VNFM.
func TestSweepPerformance(t *testing.T) {
	f := &fakeMeter{jobs: map[string]*sol.PmJob{"k": {ID: "job1", ObjectType: "Vnf", ObjectInstanceIDs: []string{"vnf"}, Criteria: sol.PmJobCriteria{CollectionPeriod: 5}}}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	s := New(Config{
		Tables: &memstate.Bus{}, Publisher: silent{}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		VNFMPerformance: &httpapi.Client{Base: server.URL, Version: "2.2.0", Retries: -1},
	})
	if err := s.Open(t.Context(), t.Context(), "hub", "north"); err != nil {
		t.Fatal(err)
	}
	if err := s.SweepPerformance(t.Context()); err != nil || len(f.jobs) != 0 {
		t.Errorf("%v; %d are left", err, len(f.jobs))
	}
}
