package nfvo

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/performance"
	"github.com/manoward/manoward/internal/sol"
)

// PerformanceAPI is the API whose PM jobs and thresholds tell.
const PerformanceAPI = "nspm"

// The types of measured objects. Of each the object is an NS.
const (
	measuredNs  = "Ns"  // its VNF instances
	measuredSap = "Sap" // its SAPs (IFA 027 clause 7.3)
)

// measuredAs are the measured objects of the VNFM that the metrics of a VNF are of, with
// their metric groups.
var measuredAs = []struct {
	kind, group string
	metrics     []string
}{
	{"Vnf", "VirtualisedComputeResource", []string{"VCpuUsageMeanVnf", "VCpuUsagePeakVnf", "VMemoryUsageMeanVnf", "VMemoryUsagePeakVnf", "VDiskUsageMeanVnf", "VDiskUsagePeakVnf"}},
	{"VnfExtCp", "VnfExternalCp", []string{"ByteIncomingVnfExtCp", "ByteOutgoingVnfExtCp", "PacketIncomingVnfExtCp", "PacketOutgoingVnfExtCp"}},
}

// PerformanceTypes are what the NFVO measures.
func PerformanceTypes() []performance.ObjectType {
	ofNs := performance.ObjectType{Name: measuredNs, Group: "manoward.Vnf", Subs: "VNF instances"}
	for _, as := range measuredAs {
		ofNs.Metrics = append(ofNs.Metrics, as.metrics...)
	}
	return []performance.ObjectType{ofNs, {Name: measuredSap, Group: "manoward.Sap", Metrics: sapMetrics(), Subs: "SAPs"}}
}

// newPerformance makes what keeps the PM jobs and thresholds of the NSs.
func (s *Service) newPerformance() *performance.Meter {
	return performance.New(s.space, performance.Config{
		API: PerformanceAPI, Path: "/nspm/v2", Objects: "/nslcm/v2/ns_instances/", Types: PerformanceTypes(), Publish: s.c.Publisher.Publish,
		Callbacks: s.c.Callbacks, Object: s.measurable, Measure: s.measured, Now: s.c.Now, Wait: s.waitFor, Log: s.c.Log,
	})
}

// Performance is the PM jobs and thresholds of the NSs. What was measured of an NS is
// what the VNFM reports of each of its VNFs over Or-Vnfm, where the NFVO has a PM job
// for each VNF, kind of metric and collection period that somebody asks for; of the
// external connection points of a VNF it is the sum. What went through a SAP is what the
// VIM has of its port.
func (s *Service) Performance() *performance.Meter { return s.performance }

// waitFor waits on the clock of the NFVO.
func (s *Service) waitFor(ctx context.Context, d time.Duration) error {
	select {
	case <-s.c.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// measurable returns the trust domain of an NS, and its sub-objects of a type.
func (s *Service) measurable(ctx context.Context, kind, id string) (string, []string, error) {
	e, err := s.seen(ctx, id)
	if err != nil {
		return "", nil, err
	}
	var subs []string
	if kind == measuredSap {
		for _, sap := range e.Value.Saps {
			subs = append(subs, sap.ID)
		}
		return e.Domain, subs, nil
	}
	for _, m := range e.Value.Members {
		subs = append(subs, m.VnfID)
	}
	return e.Domain, subs, nil
}

// vnfJob is a PM job at the VNFM, as far as the NFVO wants it.
type vnfJob struct {
	kind, vnf string
	period    time.Duration
}

// jobsFor are those that a task needs of a VNF.
func jobsFor(t *performance.Task, vnf string) (jobs []vnfJob) {
	for _, as := range measuredAs {
		if slices.ContainsFunc(as.metrics, func(m string) bool { return slices.Contains(t.Metrics, m) }) {
			jobs = append(jobs, vnfJob{as.kind, vnf, t.Period})
		}
	}
	return jobs
}

// measured reads what was measured in the periods of a task: of SAPs at the VIM, and of
// VNFs what the VNFM has reported since the marks: for each of its PM jobs, when the
// newest report was made that was read.
func (s *Service) measured(ctx context.Context, t *performance.Task) (values []performance.Value, marks map[string]time.Time, _ error) {
	if t.Type == measuredSap {
		values, err := s.measuredSaps(ctx, t)
		return values, nil, err
	}
	if s.c.VNFMPerformance == nil || s.c.CallbackURI == "" {
		return nil, nil, hub.E(hub.Unavailable, "measure NS", "this NFVO has no VNFM that measures", nil)
	}
	marks = map[string]time.Time{}
	for _, ns := range t.Objects {
		_, vnfs, err := s.measurable(ctx, measuredNs, ns)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read NS %s: %w", ns, err)
		}
		for _, vnf := range vnfs {
			if !t.Wants(vnf) {
				continue
			}
			for _, j := range jobsFor(t, vnf) {
				of, err := s.reported(ctx, t, j, marks)
				if err != nil {
					return nil, nil, fmt.Errorf("read what the VNFM measured of VNF %s: %w", vnf, err)
				}
				for _, v := range of {
					v.Object, v.Sub = ns, vnf
					values = append(values, v)
				}
			}
		}
	}
	return values, marks, nil
}

// reported reads the reports of a PM job that were not read yet, and notes which were. A
// VNF that the VNFM does not have has none.
func (s *Service) reported(ctx context.Context, t *performance.Task, j vnfJob, marks map[string]time.Time) ([]performance.Value, error) {
	id, err := s.vnfJobID(ctx, j)
	if hub.CodeOf(err) == hub.Unprocessable {
		// It may be that there is no such VNF any more, which the VNFM says in words alone.
		gone, lookErr := s.goneAtVNFM(ctx, j.vnf)
		if gone || lookErr != nil {
			return nil, lookErr
		}
	}
	if err != nil {
		return nil, err
	}
	var is sol.PmJob
	_, err = s.c.VNFMPerformance.Do(ctx, http.MethodGet, "/pm_jobs/"+url.PathEscape(id), nil, &is)
	if hub.CodeOf(err) == hub.NotFound { // somebody deleted it; there is a new one at the next time
		s.mu.Lock()
		delete(s.vnfJobs, j)
		s.mu.Unlock()
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	read, before := t.Marks[id]
	marks[id] = read
	sums := map[performance.Value]float64{} // by all but the value
	for _, r := range is.Reports {
		if before && !r.ReadyTime.After(read) {
			continue
		}
		var report sol.PerformanceReport
		_, err := s.c.VNFMPerformance.Do(ctx, http.MethodGet, "/pm_jobs/"+url.PathEscape(id)+"/reports/"+url.PathEscape(path.Base(r.Href)), nil, &report)
		if err != nil && hub.CodeOf(err) != hub.NotFound { // gone: too old
			return nil, err
		}
		for _, e := range report.Entries {
			for _, v := range e.PerformanceValues {
				if slices.Contains(t.Metrics, e.PerformanceMetric) && (before || v.TimeStamp.After(t.From)) {
					sums[performance.Value{Metric: e.PerformanceMetric, At: v.TimeStamp.UTC()}] += v.Value
				}
			}
		}
		if r.ReadyTime.After(marks[id]) {
			marks[id] = r.ReadyTime
		}
	}
	var values []performance.Value
	for v, sum := range sums {
		v.Value = sum
		values = append(values, v)
	}
	slices.SortFunc(values, func(a, b performance.Value) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.Metric, b.Metric)
	})
	return values, nil
}

// goneAtVNFM says whether the VNFM does not have a VNF.
func (s *Service) goneAtVNFM(ctx context.Context, vnf string) (bool, error) {
	var is struct{}
	_, err := s.c.VNFM.Do(ctx, http.MethodGet, "/vnf_instances/"+url.PathEscape(vnf), nil, &is)
	if hub.CodeOf(err) == hub.NotFound {
		return true, nil
	}
	return false, err
}

// vnfJobID returns the PM job at the VNFM, which is made if it is not there. The request
// names itself, so that what another process has made is found.
func (s *Service) vnfJobID(ctx context.Context, j vnfJob) (string, error) {
	s.mu.Lock()
	id := s.vnfJobs[j]
	s.mu.Unlock()
	if id != "" {
		return id, nil
	}
	seconds := int(j.period / time.Second)
	in := sol.CreatePmJobRequest{ObjectType: j.kind, ObjectInstanceIDs: []string{j.vnf}, CallbackURI: s.c.CallbackURI, Criteria: sol.PmJobCriteria{CollectionPeriod: seconds, ReportingPeriod: seconds}}
	for _, as := range measuredAs {
		if as.kind == j.kind {
			in.Criteria.PerformanceMetricGroup = []string{as.group}
		}
	}
	var made sol.PmJob
	key := hub.DeriveID("pm job of NSs", j.kind, j.vnf, strconv.Itoa(seconds))
	if _, err := s.c.VNFMPerformance.Do(ctx, http.MethodPost, "/pm_jobs", in, &made, func(h http.Header) { h.Set("Idempotency-Key", key) }); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vnfJobs[j] = made.ID
	return made.ID, nil
}

// performanceSweep is how often PM jobs at the VNFM are looked for that nobody needs.
const performanceSweep = time.Minute

// WatchPerformance deletes PM jobs at the VNFM that nobody needs any more, until ctx
// ends. It returns ctx's error.
func (s *Service) WatchPerformance(ctx context.Context) error {
	for {
		if err := s.SweepPerformance(ctx); err != nil && ctx.Err() == nil {
			s.c.Log.Warn("PM jobs that nobody needs are left at the VNFM", "err", err)
		}
		if err := s.waitFor(ctx, performanceSweep); err != nil {
			return err
		}
	}
}

// SweepPerformance deletes the PM jobs of this NFVO at the VNFM that no job and no
// threshold of an NS needs any more: somebody deleted that, or the NS has another VNF.
func (s *Service) SweepPerformance(ctx context.Context) error {
	there := map[string]vnfJob{}
	for j, err := range httpapi.All[sol.PmJob](ctx, s.c.VNFMPerformance, "/pm_jobs", nil) { // of this consumer alone
		if err != nil {
			return fmt.Errorf("list the PM jobs at the VNFM: %w", err)
		}
		if len(j.ObjectInstanceIDs) == 1 {
			there[j.ID] = vnfJob{j.ObjectType, j.ObjectInstanceIDs[0], time.Duration(j.Criteria.CollectionPeriod) * time.Second}
		}
	}
	needed := map[vnfJob]bool{}
	for t, err := range s.performance.Tasks(ctx) {
		if err != nil {
			return fmt.Errorf("list what is measured of NSs: %w", err)
		}
		for _, ns := range t.Objects {
			if t.Type != measuredNs {
				continue
			}
			_, vnfs, err := s.measurable(ctx, measuredNs, ns)
			if err != nil && hub.CodeOf(err) != hub.NotFound {
				return fmt.Errorf("read NS %s: %w", ns, err)
			}
			for _, vnf := range vnfs {
				for _, j := range jobsFor(&t, vnf) {
					needed[j] = needed[j] || t.Wants(vnf)
				}
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(there)) {
		j := there[id]
		if needed[j] {
			continue
		}
		s.mu.Lock()
		delete(s.vnfJobs, j)
		s.mu.Unlock()
		if _, err := s.c.VNFMPerformance.Do(ctx, http.MethodDelete, "/pm_jobs/"+url.PathEscape(id), nil, nil); err != nil && hub.CodeOf(err) != hub.NotFound {
			return fmt.Errorf("delete PM job %s at the VNFM: %w", id, err)
		}
	}
	return nil
}
