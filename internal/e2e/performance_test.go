package e2e_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/testkit/openapi"
)

const (
	vnfPm = "/vnfpm/v2"
	nsPm  = "/nspm/v2"
)

// about are the notifications of a type about a job or a threshold, with what
// they say of a direction, by ID.
func (r *receiver) about(kind, attribute, id string) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := map[string]string{}
	for _, n := range r.told {
		if n["notificationType"] == kind && n[attribute] == id {
			way, _ := n["crossingDirection"].(string)
			ids[n["id"].(string)] = way
		}
	}
	return ids
}

// crossed waits until a threshold was told of as crossed so often each way, and holds
// that it was told of no more.
func (r *receiver) crossed(t testing.TB, id string, up, down int) {
	t.Helper()
	count := func() (u, d int) {
		for _, way := range r.about("ThresholdCrossedNotification", "thresholdId", id) {
			if way == "UP" {
				u++
			} else {
				d++
			}
		}
		return u, d
	}
	eventually(t, "the threshold is crossed", 30*time.Second, func() bool { u, d := count(); return u >= up && d >= down })
	if u, d := count(); u != up || d != down {
		t.Errorf("told %d times of the way up and %d times of the way down, want %d and %d", u, d, up, down)
	}
}

// values reads all reports of a job: the values of a metric, by object and sub-object.
func (h *apiHub) values(t testing.TB, s *site, jobs, id, metric string) map[string][]float64 {
	t.Helper()
	var job sol.PmJob
	s.want(t, 200, "GET", jobs+"/"+id, nil).json(t, &job)
	values := map[string][]float64{}
	for _, r := range job.Reports {
		var report sol.PerformanceReport
		s.want(t, 200, "GET", strings.TrimPrefix(r.Href, s.root), nil).json(t, &report)
		for _, e := range report.Entries {
			if e.PerformanceMetric != metric {
				continue
			}
			for _, v := range e.PerformanceValues {
				values[e.ObjectInstanceID+" "+e.SubObjectInstanceID] = append(values[e.ObjectInstanceID+" "+e.SubObjectInstanceID], v.Value)
			}
		}
	}
	return values
}

// What the VIM has measured of computes is reported of VNFCs to the consumers of the
// VNFM, and of NSs to those of the NFVO, and thresholds are crossed by it; what was
// measured before the hub is killed is reported after it, and nothing twice. All of it
// is what SOL 003, SOL 002 and SOL 005 say.
//
// Covers: VNFM, NFVO
func TestPerformance(t *testing.T) {
	t.Parallel()
	h := newAPIHub(t, "north", "south")
	os, or := h.site(hub.OsMa, false, openapi.NsPm), h.site(hub.VNFM, false, openapi.VnfPm)
	ve := h.as(h.site(hub.VNFM, true, openapi.VnfPmVeVnfm), "north-em", "--party", "em", "--trust-domain", "north")
	told := map[*site]*receiver{}
	for s, api := range map[*site]openapi.API{os: openapi.NsPmNotification, or: openapi.VnfPmNotification, ve: openapi.VnfPmNotification} {
		r := &receiver{url: h.server.URL + "/" + strings.ToLower(api.String()), v: openapi.Load(t, api)}
		if s == ve {
			r.url += "-ve"
		}
		told[s] = r
		path := strings.TrimPrefix(r.url, h.server.URL)
		h.files.Handle(path, r.v.Handler(r))
		h.files.Handle(path+"/second", r.v.Handler(r))
	}
	nsPath, ns := h.newNs("north", "measured")
	h.run("COMPLETED", nsPath, "instantiate", object{"nsFlavourId": "simple"})
	vnf := h.of(nsPath, h.kit("north").WebVNFD())
	var shown sol003.VnfInstance
	h.vnfm.want(t, 200, "GET", vnfs+"/"+vnf, nil).json(t, &shown)
	vnfc := shown.InstantiatedVnfInfo.VnfcResourceInfo[0]
	measure := func(what ...string) {
		t.Helper()
		for _, w := range what {
			h.do("vim", "event", "measured", vnfc.ComputeResource.ResourceID, w)
		}
	}

	job := func(kind, id, metric string, to *site) object {
		return object{
			"objectType": kind, "objectInstanceIds": []string{id}, "callbackUri": told[to].url,
			"criteria": object{"performanceMetric": []string{metric}, "collectionPeriod": 1, "reportingPeriod": 2},
		}
	}
	threshold := func(kind, id, metric string, to *site) object {
		return object{
			"objectType": kind, "objectInstanceId": id, "callbackUri": told[to].url,
			"criteria": object{"performanceMetric": metric, "thresholdType": "SIMPLE", "simpleThresholdDetails": object{"thresholdValue": 50.5, "hysteresis": 5}},
		}
	}
	const cpu = "VCpuUsageMeanVnf"
	for _, x := range []struct {
		s        *site
		root     string
		kind, id string
	}{{os, nsPm, "Ns", ns}, {or, vnfPm, "Vnfc", vnf}, {ve, vnfPm, "Vnf", vnf}} {
		if x.s != or { // the file of SOL 003 has api-versions, which SOL 013 has not
			h.versions(t, x.s, x.root)
		}
		h.refusals(t, x.s, "GET", x.root+"/pm_jobs", nil)
		h.refusals(t, x.s, "GET", x.root+"/thresholds", nil)
		x.s.want(t, 422, "POST", x.root+"/pm_jobs", job(x.kind, x.id, "VCpuUsage", x.s))
		x.s.want(t, 422, "POST", x.root+"/pm_jobs", job("Sap", x.id, cpu, x.s))
		x.s.want(t, 422, "POST", x.root+"/thresholds", threshold(x.kind, "none", cpu, x.s))
		x.s.want(t, 404, "GET", x.root+"/pm_jobs/none", nil)
		x.s.want(t, 404, "DELETE", x.root+"/thresholds/none", nil)
	}
	ofNs := os.want(t, 201, "POST", nsPm+"/pm_jobs", job("Ns", ns, cpu, os)).id()
	ofVnfc := or.want(t, 201, "POST", vnfPm+"/pm_jobs", job("Vnfc", vnf, cpu, or)).id()
	ofVnf := ve.want(t, 201, "POST", vnfPm+"/pm_jobs", job("Vnf", vnf, cpu, ve)).id()
	nsLimit := os.want(t, 201, "POST", nsPm+"/thresholds", threshold("Ns", ns, cpu, os)).id()
	limit := ve.want(t, 201, "POST", vnfPm+"/thresholds", threshold("Vnfc", vnf, cpu, ve)).id()
	for _, x := range []struct{ path, other string }{{nsPm + "/pm_jobs", ofNs}, {nsPm + "/thresholds", nsLimit}} {
		h.as(os, "south-oss-"+x.other[:8], "--party", "oss", "--trust-domain", "south").unseen(t, x.path, x.other, "DELETE ")
	}
	em := h.as(ve, "south-em", "--party", "em", "--trust-domain", "south")
	em.unseen(t, vnfPm+"/pm_jobs", ofVnf, "DELETE ")
	em.want(t, 422, "POST", vnfPm+"/pm_jobs", job("Vnf", vnf, cpu, ve))

	// The NFVO has PM jobs of its own at the VNFM soon: for the job and for the threshold.
	eventually(t, "the NFVO has PM jobs at the VNFM", 30*time.Second, func() bool {
		var jobs []sol.PmJob
		or.want(t, 200, "GET", vnfPm+"/pm_jobs", nil).json(t, &jobs)
		return len(jobs) == 4
	})
	measure("VCpuUsageMean 80")
	has := func(s *site, jobs, id, key string, v float64) func() bool {
		return func() bool {
			for _, got := range h.values(t, s, jobs, id, cpu)[key] {
				if got == v {
					return true
				}
			}
			return false
		}
	}
	eventually(t, "the VNFC is reported", 20*time.Second, has(or, vnfPm+"/pm_jobs", ofVnfc, vnf+" "+vnfc.ID, 80))
	eventually(t, "the VNF is reported", 20*time.Second, has(ve, vnfPm+"/pm_jobs", ofVnf, vnf+" ", 80))
	eventually(t, "the NS is reported", 20*time.Second, has(os, nsPm+"/pm_jobs", ofNs, ns+" "+vnf, 80))
	told[os].await(t, "PerformanceInformationAvailableNotification")
	told[or].await(t, "PerformanceInformationAvailableNotification")
	told[ve].crossed(t, limit, 1, 0)
	told[os].crossed(t, nsLimit, 1, 0)

	measure("VCpuUsageMean 60")
	h.kill()
	h.start()
	ve = h.as(ve, "north-em-again", "--party", "em", "--trust-domain", "north") // tokens end with the hub
	eventually(t, "what was measured before the kill is reported of the VNFC", 20*time.Second, has(or, vnfPm+"/pm_jobs", ofVnfc, vnf+" "+vnfc.ID, 60))
	eventually(t, "and of the NS", 20*time.Second, has(os, nsPm+"/pm_jobs", ofNs, ns+" "+vnf, 60))
	measure("VCpuUsageMean 20")
	told[os].crossed(t, nsLimit, 1, 1)
	eventually(t, "what was measured after it is reported too", 20*time.Second, has(os, nsPm+"/pm_jobs", ofNs, ns+" "+vnf, 20))
	eventually(t, "and of the VNFC", 20*time.Second, has(or, vnfPm+"/pm_jobs", ofVnfc, vnf+" "+vnfc.ID, 20))
	if got, want := h.values(t, or, vnfPm+"/pm_jobs", ofVnfc, cpu)[vnf+" "+vnfc.ID], []float64{80, 60, 20}; !slices.Equal(got, want) {
		t.Errorf("the VNFC was %v, want %v", got, want)
	}
	reports := func() int {
		return len(told[or].about("PerformanceInformationAvailableNotification", "pmJobId", ofVnfc))
	}
	eventually(t, "three reports are told of", 20*time.Second, func() bool { return reports() >= 3 })
	if n := reports(); n != 3 {
		t.Errorf("told of %d reports of the VNFC, want 3", n)
	}

	filter := "?filter=" + url.QueryEscape("(eq,objectType,Ns)")
	if list := os.want(t, 200, "GET", nsPm+"/pm_jobs"+filter, nil); !strings.Contains(string(list.text), ofNs) || strings.Contains(string(list.text), "reports") {
		t.Errorf("list: %s", list.text)
	}
	for s, path := range map[*site]string{os: nsPm + "/pm_jobs/" + ofNs, or: vnfPm + "/pm_jobs/" + ofVnfc} {
		if s == os { // the file of SOL 003 has the PATCH without a body; internal/performance tests it
			s.want(t, 422, "PATCH", path, object{"callbackUri": "http://example.com/"})
			s.want(t, 412, "PATCH", path, object{"callbackUri": told[s].url + "/second"}, "If-Match", `"old"`)
			s.want(t, 200, "PATCH", path, object{"callbackUri": told[s].url + "/second"})
		}
		s.want(t, 204, "DELETE", path, nil)
		s.want(t, 404, "GET", path, nil)
	}
	os.want(t, 200, "GET", nsPm+"/thresholds/"+nsLimit, nil)
	os.want(t, 200, "PATCH", nsPm+"/thresholds/"+nsLimit, object{"callbackUri": told[os].url + "/second"})
	os.want(t, 204, "DELETE", nsPm+"/thresholds/"+nsLimit, nil)
	os.want(t, 200, "GET", nsPm+"/thresholds", nil)
	ve.want(t, 404, "GET", vnfPm+"/thresholds/"+limit, nil) // of another client
	or.want(t, 200, "GET", vnfPm+"/thresholds/"+limit, nil) // the operator sees all
	or.want(t, 204, "DELETE", vnfPm+"/thresholds/"+limit, nil)
	for _, s := range []*site{os, or, ve} {
		t.Log(s.v.Report())
	}
}
