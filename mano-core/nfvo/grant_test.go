package nfvo_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/sol001"
)

const vnfmCaller = "spiffe://hub/vnfm/own"

func (w *world) grantOf(vnfID string) *sol003.Grant {
	w.vnfm.mu.Lock()
	defer w.vnfm.mu.Unlock()
	return w.vnfm.grants[vnfID]
}

func TestGrantOfAnInstantiation(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	g := w.grantOf(vnfOf(t, n, "web").ID)
	if len(g.Zones) != 1 || len(g.AddResources) != 1 || g.AddResources[0].ZoneID != g.Zones[0].ID || g.AddResources[0].ResourceDefinitionID != "r1" {
		t.Errorf("grant: %+v", g)
	}
	if a := g.VimAssets; len(a.ComputeResourceFlavours) != 1 || len(a.SoftwareImages) != 1 || a.SoftwareImages[0].VnfdSoftwareImageID != "img" {
		t.Errorf("assets: %+v", a)
	}
	shown := decode[sol003.Grant](t, w.call(vnfmCaller, "GET", "/grant/v1/grants/"+g.ID, nil))
	if shown.ID != g.ID || shown.Links.VnfInstance.Href == "" || !strings.HasSuffix(shown.Links.Self.Href, g.ID) {
		t.Errorf("shown: %+v", shown)
	}
	if r := w.call(south, "GET", "/grant/v1/grants/"+g.ID, nil); r.status != 404 {
		t.Errorf("another domain's grant: %d", r.status)
	}
	if r := w.call(vnfmCaller, "GET", "/grant/v1/grants/none", nil); r.status != 404 {
		t.Errorf("no such grant: %d", r.status)
	}
	again := w.call(vnfmCaller, "POST", "/grant/v1/grants", sol003.GrantRequest{VnfInstanceID: g.VnfInstanceID, VnfLcmOpOccID: g.VnfLcmOpOccID, Operation: "INSTANTIATE", VnfdID: "web"})
	if again.status != 201 || again.id() != g.ID {
		t.Errorf("asked again: %d %s", again.status, again.body)
	}
}

func TestGrantsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	web := vnfOf(t, n, "web").ID
	ask := func(change func(*sol003.GrantRequest)) reply {
		in := sol003.GrantRequest{VnfInstanceID: web, VnfLcmOpOccID: "op-1", VnfdID: "web", Operation: "SCALE", AddResources: []sol003.ResourceDefinition{{ID: "r", Type: "COMPUTE", ResourceTemplateID: "vdu"}}}
		change(&in)
		return w.call(vnfmCaller, "POST", "/grant/v1/grants", in)
	}
	for name, c := range map[string]struct {
		change func(*sol003.GrantRequest)
		status int
		text   string
	}{
		"no VNF named": {func(r *sol003.GrantRequest) { r.VnfInstanceID = "" }, 400, "are needed"},
		"unknown VNF":  {func(r *sol003.GrantRequest) { r.VnfInstanceID = "x" }, 404, "no VNF instance"},
		"operation":    {func(r *sol003.GrantRequest) { r.Operation = "EXPLODE" }, 400, "no operation"},
		"other VNFD":   {func(r *sol003.GrantRequest) { r.VnfdID = "db" }, 403, "names"},
		"not ordered":  {func(r *sol003.GrantRequest) { r.Operation = "TERMINATE" }, 403, "did not order"},
		"not ordered 2": {func(r *sol003.GrantRequest) {
			r.Operation, r.DstVnfdID = "CHANGE_VNFPKG", "web-2"
		}, 403, "did not order"},
		"flavour": {func(r *sol003.GrantRequest) { r.FlavourID = "x" }, 403, "no flavour"},
	} {
		if r := ask(c.change); r.status != c.status || !strings.Contains(string(r.body), c.text) {
			t.Errorf("%s: %d %s, want %d with %q", name, r.status, r.body, c.status, c.text)
		}
	}
	if r := w.call("spiffe://south/vnfm/theirs", "POST", "/grant/v1/grants", sol003.GrantRequest{VnfInstanceID: web, VnfLcmOpOccID: "op-1", VnfdID: "web", Operation: "SCALE"}); r.status != 404 {
		t.Errorf("another domain's VNFM: %d %s", r.status, r.body)
	}
	w.cat.mu.Lock()
	w.cat.disabled["pkg-north-web"] = true
	w.cat.mu.Unlock()
	if r := ask(func(*sol003.GrantRequest) {}); r.status != 403 || !strings.Contains(string(r.body), "DISABLED") {
		t.Errorf("disabled package: %d %s", r.status, r.body)
	}
	w.cat.mu.Lock()
	w.cat.disabled["pkg-north-web"], w.cat.altered["pkg-north-web"] = false, true
	w.cat.mu.Unlock()
	if r := ask(func(*sol003.GrantRequest) {}); r.status != 403 || !strings.Contains(string(r.body), "image.img was altered") {
		t.Errorf("altered package: %d %s", r.status, r.body)
	}
	w.cat.mu.Lock()
	w.cat.altered["pkg-north-web"] = false
	w.cat.mu.Unlock()
	w.vim.mu.Lock()
	for id, image := range w.vim.images {
		image.Checksum.Hash = "00"
		w.vim.images[id] = image
	}
	w.vim.mu.Unlock()
	if r := ask(func(*sol003.GrantRequest) {}); r.status != 403 || !strings.Contains(string(r.body), "was altered") {
		t.Errorf("altered image at the VIM: %d %s", r.status, r.body)
	}
	refused := w.log.kinds("grant.refused")
	if len(refused) == 0 || refused[0].Actor != vnfmCaller || w.log.by[refused[0].ID] != "north" || refused[0].Subject != "vnf/"+web {
		t.Errorf("records: %+v", refused)
	}
}

// A VNFM that asks under ever new names fills no log: each refusal counts, few are
// records of their own.
func TestGrant_FloodOfRefusals(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	web, db := vnfOf(t, n, "web").ID, vnfOf(t, n, "db").ID
	const many = 300
	begun := time.Now()
	for i := range many {
		w.askFor(web, fmt.Sprint("op-", i), "TERMINATE", nil)
	}
	other := w.askFor(db, "op", "TERMINATE", func(in *sol003.GrantRequest) { in.VnfdID = "db" })
	w.stop()
	w.svc.Wait()
	records, refused, dbs := 0, 0, 0
	for _, r := range w.log.kinds("grant.refused") {
		var data struct{ Count int }
		if err := json.Unmarshal(r.Data, &data); err != nil {
			t.Fatal(err)
		}
		if r.Subject == "vnf/"+db {
			dbs++
			continue
		}
		records++
		refused += max(1, data.Count)
	}
	most := 18 + int(time.Since(begun)/time.Second) // the burst, one a second, and the last
	if refused != many || records > most || dbs != 1 || other.status != 403 {
		t.Errorf("%d refusals in %d records, at most %d; of another VNF %d records, answered %d", refused, records, most, dbs, other.status)
	}
}

// zonesOf is where the VNFs of an NS are, by VNFD.
func zonesOf(w *world, n []sol005.VnfInstance) map[string]string {
	out := map[string]string{}
	for _, v := range n {
		out[v.VnfdID] = w.vim.computes[v.InstantiatedVnfInfo.VnfcResourceInfo[0].ComputeResource.ResourceID].ZoneID
	}
	return out
}

func TestPlaces(t *testing.T) {
	w := newWorld(t)
	nsd := w.cat.nsds["shop"]
	f := nsd.Flavours["df"]
	rule := func(anti bool, scope string) []sol001.AffinityRule {
		return []sol001.AffinityRule{{Name: "r", Anti: anti, Scope: scope, Members: []string{"web", "db"}}}
	}
	f.Affinity = rule(true, "zone")
	for range 4 {
		if z := zonesOf(w, w.instantiated(north, "shop").VnfInstance); z["web"] == z["db"] {
			t.Errorf("anti-affinity: %v", z)
		}
	}
	f.Affinity = rule(false, "zone")
	for range 4 {
		if z := zonesOf(w, w.instantiated(north, "shop").VnfInstance); z["web"] != z["db"] {
			t.Errorf("affinity: %v", z)
		}
	}
	f.Affinity = rule(true, "nfvi_node")
	n := w.instantiated(north, "shop")
	if p := w.grantOf(vnfOf(t, n, "web").ID).AdditionalParams["manoward.excludeHosts"]; p == nil {
		t.Error("hosts of the other VNF are not excluded")
	}
	f.Affinity = rule(false, "nfvi_node")
	n = w.instantiated(north, "shop")
	if z := zonesOf(w, n.VnfInstance); z["web"] != z["db"] {
		t.Errorf("what is on one host is in one zone: %v", z)
	}
	if a, b := w.grantOf(vnfOf(t, n, "web").ID), w.grantOf(vnfOf(t, n, "db").ID); a.AdditionalParams["manoward.constraints"] == nil || !reflect.DeepEqual(a.AdditionalParams, b.AdditionalParams) {
		t.Errorf("affinity on hosts: %v, %v", a.AdditionalParams, b.AdditionalParams)
	}
	f.Affinity = nil
	w.vim.full = "z2"
	for range 4 {
		if z := zonesOf(w, w.instantiated(north, "shop").VnfInstance); z["web"] != "z1" || z["db"] != "z1" {
			t.Errorf("z2 has no room: %v", z)
		}
	}
	w.vim.full = ""
	in := func(country string) sol005.InstantiateNsRequest {
		return sol005.InstantiateNsRequest{NsFlavourID: "df", LocationConstraints: []sol005.VnfLocationConstraint{{VnfProfileID: "web", LocationConstraints: &sol005.LocationConstraints{CountryCode: country}}}}
	}
	for range 4 {
		id := w.create(north, "shop")
		w.run(north, id, "instantiate", in("FR"))
		if z := zonesOf(w, w.show(id).VnfInstance); z["web"] != "z2" {
			t.Errorf("France is z2: %v", z)
		}
	}
	id := w.create(north, "shop")
	op := w.do(north, id, "instantiate", in("US"))
	if o := w.await(op, "FAILED_TEMP"); !strings.Contains(o.Error.Detail, "no zone") {
		t.Errorf("nowhere to go: %+v", o.Error)
	}
	extra := w.create(north, "shop")
	w.run(north, extra, "instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df", AdditionalAffinityOrAntiAffinityRule: []sol005.AffinityOrAntiAffinityRule{
		{VnfProfileID: []string{"web", "db"}, AffinityOrAntiAffiinty: "ANTI_AFFINITY", Scope: "ZONE"},
	}})
	if shown := w.show(extra); len(shown.AdditionalAffinityOrAntiAffinityRule) != 1 {
		t.Errorf("rule: %+v", shown.AdditionalAffinityOrAntiAffinityRule)
	} else if z := zonesOf(w, shown.VnfInstance); z["web"] == z["db"] {
		t.Errorf("anti-affinity of the request: %v", z)
	}
}
