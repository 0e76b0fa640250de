package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/testkit/openapi"
)

// A VNF has itself measured by the VNFM, and no other; what was measured before the hub is
// killed is reported after it. When the VNF ends, what it had measured ends with it, also
// if the hub is killed then. All of it is what SOL 002 says.
//
// Covers: RefPoints, VNFM
func TestVeVnfmVnf_Performance(t *testing.T) {
	t.Parallel()
	h := newVeHub(t, t.TempDir())
	told := &receiver{url: h.server.URL + "/ve-vnfpm", v: openapi.Load(t, openapi.VnfPmNotification)}
	h.files.Handle("/ve-vnfpm", told.v.Handler(told))
	h.files.Handle("/ve-vnfpm/second", told.v.Handler(told))
	clientB := h.createClient(h.b, "--party", "vnf", "--trust-domain", "north")
	b := *h.ve
	b.bearer = h.token(h.points()[hub.VNFM], clientB)

	const cpu = "VCpuUsageMeanVnf"
	job := func(ids ...string) object {
		return object{
			"objectType": "Vnf", "objectInstanceIds": ids, "callbackUri": told.url,
			"criteria": object{"performanceMetric": []string{cpu}, "collectionPeriod": 1, "reportingPeriod": 2},
		}
	}
	threshold := func(id string) object {
		return object{
			"objectType": "Vnf", "objectInstanceId": id, "callbackUri": told.url,
			"criteria": object{"performanceMetric": cpu, "thresholdType": "SIMPLE", "simpleThresholdDetails": object{"thresholdValue": 50.5, "hysteresis": 5}},
		}
	}
	h.refusals(t, h.ve, "GET", vnfPm+"/pm_jobs", nil)
	h.refusals(t, h.ve, "GET", vnfPm+"/thresholds", nil)
	for what, refused := range map[string]func(id string) string{
		"PM jobs": func(id string) string { return detail(t, h.ve.want(t, 422, "POST", vnfPm+"/pm_jobs", job(id))) },
		"thresholds": func(id string) string {
			return detail(t, h.ve.want(t, 422, "POST", vnfPm+"/thresholds", threshold(id)))
		},
	} {
		if theirs, none := refused(h.b), refused("none"); strings.ReplaceAll(theirs, h.b, "none") != none {
			t.Errorf("%s of another VNF: %q, and of what there is not: %q", what, theirs, none)
		}
	}
	h.ve.want(t, 422, "POST", vnfPm+"/pm_jobs", job(h.a, h.b))
	ofA := h.ve.want(t, 201, "POST", vnfPm+"/pm_jobs", job(h.a)).id()
	ofB := b.want(t, 201, "POST", vnfPm+"/pm_jobs", job(h.b)).id()
	limit := h.ve.want(t, 201, "POST", vnfPm+"/thresholds", threshold(h.a)).id()
	extra := h.ve.want(t, 201, "POST", vnfPm+"/thresholds", threshold(h.a)).id()
	h.ve.want(t, 204, "DELETE", vnfPm+"/thresholds/"+extra, nil)
	h.ve.unseen(t, vnfPm+"/pm_jobs", ofB, "DELETE ")
	b.unseen(t, vnfPm+"/pm_jobs", ofA, "DELETE ")
	b.unseen(t, vnfPm+"/thresholds", limit, "DELETE ")
	eventually(t, "what was tried is recorded", patience, func() bool {
		out := h.do("trust-domain", "records", "north", "--kind", "access.refused", "-o", "json")
		return strings.Contains(out, `"performance.create:of-another"`) && strings.Contains(out, `"performance.delete:of-another"`) && strings.Contains(out, `"vnf/`+h.b+`"`)
	})

	var self sol003.VnfInstance
	h.ve.want(t, 200, "GET", vnfs+"/"+h.a, nil).json(t, &self)
	compute := self.InstantiatedVnfInfo.VnfcResourceInfo[0].ComputeResource.ResourceID
	reported := func(v float64) {
		t.Helper()
		eventually(t, "the VNF is reported", 20*time.Second, func() bool {
			return slices.Contains(h.values(t, h.ve, vnfPm+"/pm_jobs", ofA, cpu)[h.a+" "], v)
		})
	}
	h.do("vim", "event", "measured", compute, "VCpuUsageMean 80")
	reported(80)
	told.await(t, "PerformanceInformationAvailableNotification")
	told.crossed(t, limit, 1, 0)
	h.do("vim", "event", "measured", compute, "VCpuUsageMean 60")
	h.kill()
	h.start()
	h.signIn()
	reported(60)
	if got := h.values(t, h.ve, vnfPm+"/pm_jobs", ofA, cpu)[h.a+" "]; !slices.Equal(got, []float64{80, 60}) {
		t.Errorf("the VNF was %v, want 80 and 60", got)
	}

	// It ends, and the hub is killed before it has put away what is left of it.
	h.run("COMPLETED", h.nsA, "terminate", object{})
	h.ve.want(t, 403, "GET", vnfPm+"/pm_jobs/"+ofA, nil)
	h.kill()
	h.start()
	b.bearer = h.token(h.points()[hub.VNFM], clientB)
	operator := h.site(hub.VNFM, false, openapi.VnfPm)
	eventually(t, "what the VNF had measured is gone", 30*time.Second, func() bool {
		var jobs []sol.PmJob
		var thresholds []sol.Threshold
		operator.want(t, 200, "GET", vnfPm+"/pm_jobs", nil).json(t, &jobs)
		operator.want(t, 200, "GET", vnfPm+"/thresholds", nil).json(t, &thresholds)
		return len(jobs) == 1 && jobs[0].ID == ofB && len(thresholds) == 0
	})
	b.want(t, 200, "GET", vnfPm+"/pm_jobs/"+ofB, nil)
	t.Log(h.ve.v.Report())
}
