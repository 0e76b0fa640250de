package e2e_test

import (
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"testing"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/devicekit"
	"github.com/manoward/manoward/internal/testkit/nskit"
)

// prepared lists the VNFC instances that are registered and not ended, and those that
// are, each in the order of their names. All have to be in direct mode.
func (h *nsHub) prepared() (open, ended []string) {
	h.t.Helper()
	var list []certmgmt.Registration
	api := h.point(hub.CmVnfm, "/certmgmt/v1", certmgmt.Version)
	if _, err := api.Do(h.t.Context(), http.MethodGet, "/registrations", nil, &list); err != nil {
		h.t.Fatal(err)
	}
	for _, r := range list {
		if r.TypeOfVnfcCertHandling != certmgmt.DirectMode || r.Manager != "spiffe://hub/vnfm/hub" || r.TrustDomain != "north" || r.CertType != certmgmt.VNFCICert || len(r.SubjectID) != 1 || r.VnfInstanceID == "" {
			h.t.Errorf("registered is %+v", r)
		}
		if r.Ended {
			ended = append(ended, r.SubjectID...)
		} else {
			open = append(open, r.SubjectID...)
		}
	}
	slices.Sort(open)
	slices.Sort(ended)
	return open, ended
}

// vnfcs lists the VNFC instances that the VNFM shows, in the order of their names.
func (h *nsHub) vnfcs() (ids []string) {
	h.t.Helper()
	for v, err := range httpapi.All[sol003.VnfInstance](h.t.Context(), h.vnflcm(), "/vnf_instances", url.Values{"all_fields": {""}}) {
		if err != nil {
			h.t.Fatal(err)
		}
		if v.InstantiatedVnfInfo == nil {
			continue
		}
		for _, c := range v.InstantiatedVnfInfo.VnfcResourceInfo {
			ids = append(ids, c.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// In direct mode the CMF learns from the VNFM which VNFCs there are, and prepares and
// ends them with it. Nothing is signed for them over Cm-Vnfm, whoever asks, and no
// consumer of Cm-Vnfm registers one (table 11.2.2.2-1).
//
// Covers: Cm-Vnfm.002, CMF.Register
func TestCmf_DirectMode(t *testing.T) {
	t.Parallel()
	started := newHub(t)
	config := filepath.Join(started.home, "cmf.yaml")
	writeFile(t, config, "certificateManagement: {directMode: true}\n", 0o600)
	started.args = append(started.args, "--config", config)
	h := newNsHubOn(t, started.start(), 2)
	h.do("trust-domain", "create", "north")
	h.onboard("north", nskit.New(t, "north"))
	ns := h.instantiate("north", "shop")
	seen := map[string]bool{}
	follows := func(after string) (live, ended int) {
		t.Helper()
		there := h.vnfcs()
		for _, id := range there {
			seen[id] = true
		}
		left := slices.DeleteFunc(slices.Sorted(maps.Keys(seen)), func(id string) bool { return slices.Contains(there, id) })
		eventually(t, "the CMF follows the VNFM after "+after, patience, func() bool {
			open, gone := h.prepared()
			return slices.Equal(open, there) && slices.Equal(gone, left)
		})
		return len(there), len(left)
	}
	before, _ := follows("INSTANTIATE")
	if before == 0 {
		t.Fatal("the VNFM shows no VNFC")
	}
	first := h.vnfcs()[0]

	// Neither another VNFM of the trust domain nor an operator gets a certificate for
	// it, and a registration in direct mode is refused, as is one of an entity that
	// enrols by itself.
	vendor := h.newCmVnfm("north", "vendor")
	device := devicekit.NewSoft(t)
	register := certmgmt.RegisterRequest{CertType: certmgmt.VNFCICert, SubjectID: []string{hub.NewID()}, TypeOfVnfcCertHandling: certmgmt.DirectMode}
	vendor.refused(t, hub.Invalid, "DELEGATION_MODE", http.MethodPost, "/registrations", register)
	register.SubjectID, register.TypeOfVnfcCertHandling = []string{first}, certmgmt.DelegationMode
	vendor.refused(t, hub.Conflict, "", http.MethodPost, "/registrations", register)
	sign := certmgmt.SigningRequest{VnfcID: first, CertType: certmgmt.VNFCICert, CSR: string(device.CSR(t, devicekit.Want{CommonName: first}).PEM)}
	vendor.refused(t, hub.Unprocessable, "subject-unknown", http.MethodPost, "/certificate_signing_requests", sign)
	operator := cmVnfm{Client: h.point(hub.CmVnfm, "/certmgmt/v1", certmgmt.Version)}
	sign.TrustDomain = "north"
	operator.refused(t, hub.Unprocessable, "subject-unknown", http.MethodPost, "/certificate_signing_requests", sign)

	scale := func(direction string) {
		h.mustComplete(ns, "scale", sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: direction, AspectID: "users", NumberOfSteps: 1}}})
	}
	scale("SCALE_OUT")
	if live, _ := follows("SCALE_OUT"); live != before+1 {
		t.Errorf("%d VNFCs after scaling out, %d before", live, before)
	}

	// What happens while the CMF is away is followed when it is back.
	h.kill()
	h.start()
	scale("SCALE_IN")
	if live, ended := follows("SCALE_IN"); live != before || ended != 1 {
		t.Errorf("after scaling in %d VNFCs are there, and %d ended", live, ended)
	}
	h.mustComplete(ns, "terminate", map[string]string{})
	if live, ended := follows("TERMINATE"); live != 0 || ended != before+1 {
		t.Errorf("after the end %d VNFCs are there, and %d ended", live, ended)
	}
	if list := h.certificates(); len(list) != 0 {
		t.Errorf("certificates were issued in direct mode: %+v", list)
	}
	kinds := map[string]int{}
	for _, r := range h.records("north") {
		kinds[r.Kind]++
	}
	if kinds["registration.registered"] != before+1 || kinds["registration.ended"] != before+1 || kinds["certificate.issued"] != 0 {
		t.Errorf("the records have %v", kinds)
	}
}
