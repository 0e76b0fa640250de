package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/openapi"
)

// What went through the SAPs of an NS is reported to the consumers of the NFVO, and
// crosses thresholds; what was measured before the hub is killed is reported after it.
// What VNFs on the link of the SAP say to one another is not. All of it is what SOL 005
// says.
//
// Covers: NFVO
func TestPerformance_Saps(t *testing.T) {
	t.Parallel()
	h := newAPIHub(t, "north", "south")
	oss := h.site(hub.OsMa, false, openapi.NsPm)
	told := &receiver{url: h.server.URL + "/saps", v: openapi.Load(t, openapi.NsPmNotification)}
	h.files.Handle("/saps", told.v.Handler(told))
	nsPath, ns := h.newNs("north", "reached")
	h.run("COMPLETED", nsPath, "instantiate", object{"nsFlavourId": "simple"})
	var shown sol005.NsInstance
	h.osMa.want(t, 200, "GET", nsPath, nil).json(t, &shown)
	if len(shown.SapInfo) != 1 {
		t.Fatalf("SAPs: %+v", shown.SapInfo)
	}
	sap, port, other := shown.SapInfo[0].ID, "", ""
	for _, l := range shown.VirtualLinkInfo {
		for _, p := range l.LinkPort {
			switch {
			case p.NsCpHandle.NsSapInstanceID == sap && p.NsCpHandle.NsInstanceID == ns:
				port = p.ResourceHandle.ResourceID
			case p.NsCpHandle.VnfInstanceID != "":
				other = p.ResourceHandle.ResourceID
			}
		}
	}
	if port == "" || other == "" {
		t.Fatalf("the SAP is at port %q, and a VNF at %q: %+v", port, other, shown.VirtualLinkInfo)
	}

	const in, out = "ByteIncomingSap", "ByteOutgoingSap"
	job := func(kind, metric string, subs ...string) object {
		o := object{
			"objectType": kind, "objectInstanceIds": []string{ns}, "callbackUri": told.url,
			"criteria": object{"performanceMetric": []string{metric}, "collectionPeriod": 1, "reportingPeriod": 2},
		}
		if len(subs) > 0 {
			o["subObjectInstanceIds"] = subs
		}
		return o
	}
	oss.want(t, 422, "POST", nsPm+"/pm_jobs", job("Ns", in))
	oss.want(t, 422, "POST", nsPm+"/pm_jobs", job("Sap", "VCpuUsageMeanVnf"))
	oss.want(t, 422, "POST", nsPm+"/pm_jobs", job("Sap", in, "none"))
	south := h.as(oss, "south-oss", "--party", "oss", "--trust-domain", "south")
	south.want(t, 422, "POST", nsPm+"/pm_jobs", job("Sap", in))
	incoming := oss.want(t, 201, "POST", nsPm+"/pm_jobs", job("Sap", in)).id()
	outgoing := oss.want(t, 201, "POST", nsPm+"/pm_jobs", job("Sap", out, sap)).id()
	limit := oss.want(t, 201, "POST", nsPm+"/thresholds", object{
		"objectType": "Sap", "objectInstanceId": ns, "callbackUri": told.url,
		"criteria": object{"performanceMetric": in, "thresholdType": "SIMPLE", "simpleThresholdDetails": object{"thresholdValue": 1000, "hysteresis": 1}},
	}).id()
	south.unseen(t, nsPm+"/pm_jobs", incoming, "DELETE ")

	reported := func(job, metric string, v float64) {
		t.Helper()
		eventually(t, "the SAP is reported", 20*time.Second, func() bool {
			return slices.Contains(h.values(t, oss, nsPm+"/pm_jobs", job, metric)[ns+" "+sap], v)
		})
	}
	h.do("vim", "event", "measured", other, "VNetByteOutgoing 9")
	h.do("vim", "event", "measured", port, "VNetByteOutgoing 1500")
	h.do("vim", "event", "measured", port, "VNetByteIncoming 40")
	reported(incoming, in, 1500)
	reported(outgoing, out, 40)
	told.await(t, "PerformanceInformationAvailableNotification")
	told.crossed(t, limit, 1, 0)
	h.do("vim", "event", "measured", port, "VNetByteOutgoing 20")
	h.kill()
	h.start()
	reported(incoming, in, 20)
	if got := h.values(t, oss, nsPm+"/pm_jobs", incoming, in)[ns+" "+sap]; !slices.Equal(got, []float64{1500, 20}) {
		t.Errorf("the SAP had %v, want 1500 and 20", got)
	}
	told.crossed(t, limit, 1, 1)

	// The port goes with the NS.
	h.run("COMPLETED", nsPath, "terminate", object{})
	if ports := h.do("vim", "ports"); strings.Contains(ports, port) {
		t.Errorf("the port of the SAP is left:\n%s", ports)
	}
	t.Log(oss.v.Report())
}
