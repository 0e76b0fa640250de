package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// The NFVI reports to the VIM with a credential of its own what happens, which has its
// effect also if the hub is killed then, and may do nothing else, there or elsewhere.
//
// Covers: RefPoints
func TestNfVi(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 1, "north")
	ns := h.instantiate("north", "edge")
	compute := h.scviComputes(ns)[0]
	client := h.createClient("racks", "--party", "nfvi", "--all-domains")
	h.fails(2, "an NFVI belongs to no trust domain", "client", "create", "shelves", "--party", "nfvi", "--trust-domain", "north")
	ask := func(token string, rp hub.ReferencePoint, method, path, body string) (int, string) {
		t.Helper()
		p := h.points()[rp]
		header := http.Header{"Authorization": {"Bearer " + token}, "Version": {"1.0.0"}, "Content-Type": {"application/json"}}
		if strings.HasPrefix(path, "/vnflcm") || strings.HasPrefix(path, "/nslcm") {
			header.Set("Version", "2.3.0")
		}
		resp, text := call(t, h.at(p, false), method, p.URL+path, header, body)
		return resp.StatusCode, text
	}
	token := h.token(h.points()[hub.VIM], client)
	report := func(want int, kind, target, value string) {
		t.Helper()
		if got, text := ask(token, hub.VIM, "POST", "/vim/v1/events", fmt.Sprintf(`{"kind":%q,"target":%q,"value":%q}`, kind, target, value)); got != want {
			t.Errorf("%s of %s: %d %s, want %d", kind, target, got, text, want)
		}
	}
	for path, id := range map[string]string{"/vim/v1/computes": compute.ID, "/vim/v1/hosts": compute.HostID} {
		if got, text := ask(token, hub.VIM, "GET", path, ""); got != 200 || !strings.Contains(text, id) {
			t.Errorf("of %s it reads %d %s", path, got, text)
		}
	}

	// What it is not to say, and what is wrong.
	image := resources[ifa006.Image](h, "images", "")[0].ID
	report(403, "image-altered", image, "")
	report(403, "flood", compute.HostID, "")
	report(400, "measured", compute.ID, "VCpuUsageMean 101")
	report(404, "measured", "none", "VCpuUsageMean 1")
	report(404, "host-failed", "none", "")
	for path, body := range map[string]string{
		"POST /vim/v1/inventory":                             `{}`,
		"POST /vim/v1/hosts/" + compute.HostID + "/stop_use": `{"id":"j","vnfs":"LEAVE"}`,
		"POST /vim/v1/hosts/" + compute.HostID + "/release":  `{}`,
		"DELETE /vim/v1/computes/" + compute.ID:              "",
		"POST /vim/v1/computes/" + compute.ID + "/operate":   `{"computeOperation":"STOP"}`,
		"POST /vim/v1/subscriptions":                         `{"callbackUri":"https://racks.example/"}`,
		"POST /vim/v1/flavours":                              `{"id":"f"}`,
	} {
		method, path, _ := strings.Cut(path, " ")
		if got, text := ask(token, hub.VIM, method, path, body); got != 403 {
			t.Errorf("%s %s: %d %s, want 403", method, path, got, text)
		}
	}
	for rp, path := range map[hub.ReferencePoint]string{hub.OsMa: "/nslcm/v2/ns_instances", hub.VNFM: "/vnflcm/v2/vnf_instances", hub.Admin: "/manoward/v1/trust_domains"} {
		if got, _ := ask(token, rp, "GET", path, ""); got != 401 {
			t.Errorf("%s answers its token of the VIM with %d", rp, got)
		}
		if got, _ := ask(h.token(h.points()[rp], client), rp, "GET", path, ""); got != 403 {
			t.Errorf("%s answers it with %d", rp, got)
		}
	}

	report(204, "measured", compute.ID, "VCpuUsageMean 12.5")
	report(204, "host-failed", compute.HostID, "")
	h.kill()
	h.start()
	eventually(t, "the VNF is healed on another host", patience, func() bool {
		list := h.scviComputes(ns)
		return len(list) == 1 && list[0].HostID != compute.HostID && list[0].RunningState == ifa006.Started
	})
	token = h.token(h.points()[hub.VIM], client)
	moved := h.scviComputes(ns)[0]
	report(204, "measured", moved.ID, "VCpuUsageMean 50")
	report(204, "host-recovered", compute.HostID, "")
	if list := resources[ifa006.Measurements](h, "measurements", "(eq,resourceId,"+moved.ID+")"); len(list) != 1 || list[0].Metrics[0].Measurements[0].Value != 50 {
		t.Errorf("what it measured: %+v", list)
	}
	eventually(t, "the host is in use again", 10*time.Second, func() bool {
		return strings.Contains(h.do("host", "show", compute.HostID), "ENABLED")
	})
	h.do("client", "delete", "racks")
	if got, _ := ask(token, hub.VIM, "GET", "/vim/v1/computes", ""); got != 401 {
		t.Errorf("once it is deleted: %d", got)
	}
}
