package e2e_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/testkit/openapi"
)

// configuredVNF produces vnfconfig/v1 of SOL 002. What it is asked and what it answers is
// held against the official file.
type configuredVNF struct {
	t   testing.TB
	v   *openapi.Validator
	url string

	mu      sync.Mutex
	data    map[string]any
	version int
	changes []string      // that were taken
	refuse  string        // value that is not taken
	hold    chan struct{} // what a change waits for after it was taken, if not nil
	taken   chan struct{} // gets one for a change that waits
}

func newConfiguredVNF(t testing.TB, pki *smAuthority) *configuredVNF {
	t.Helper()
	f := &configuredVNF{t: t, v: openapi.Load(t, openapi.VnfConfig), data: map[string]any{"colour": "none", "serial": "of the VNF"}, taken: make(chan struct{}, 1)}
	f.url = serveVNF(t, pki, f.v.Transport(served{f}))
	return f
}

func (f *configuredVNF) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Version", "1.3.0")
	tag := fmt.Sprintf("%q", fmt.Sprint("v", f.version))
	answer := func(status int, body any) {
		raw, err := json.Marshal(body)
		if err != nil {
			f.t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		if status >= 400 {
			w.Header().Set("Content-Type", "application/problem+json")
		}
		w.WriteHeader(status)
		_, _ = w.Write(raw)
	}
	if r.Method == http.MethodGet {
		w.Header().Set("ETag", tag)
		answer(http.StatusOK, object{"vnfConfigurationData": object{"vnfSpecificData": f.data}})
		return
	}
	raw, _ := io.ReadAll(r.Body)
	var in struct {
		VnfConfigurationData struct{ VnfSpecificData map[string]any }
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		f.t.Error(err)
	}
	change := in.VnfConfigurationData.VnfSpecificData
	switch {
	case r.Header.Get("If-Match") != tag:
		answer(http.StatusPreconditionFailed, object{"status": 412, "detail": "the configuration was changed"})
		return
	case f.refuse != "" && change["colour"] == f.refuse:
		answer(http.StatusUnprocessableEntity, object{"status": 422, "detail": "there is no colour " + f.refuse})
		return
	}
	for name, value := range change {
		if f.data[name] = value; value == nil {
			delete(f.data, name)
		}
	}
	f.version++
	f.changes = append(f.changes, fmt.Sprint(change))
	if hold := f.hold; hold != nil {
		f.mu.Unlock()
		f.taken <- struct{}{}
		<-hold
		f.mu.Lock()
	}
	w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprint("v", f.version)))
	answer(http.StatusOK, json.RawMessage(raw))
}

func (f *configuredVNF) set(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
}

// wantChanges wants the VNF to have taken these changes, each once.
func (f *configuredVNF) wantChanges(want ...string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.changes, want) {
		f.t.Errorf("the VNF has taken %q, want %q", f.changes, want)
	}
}

// veHub is a hub with two VNFs of trust domain north, "a" of which is a consumer of the
// VNFM over Ve-Vnfm-vnf.
type veHub struct {
	*apiHub
	nsA, a, b string
	client    hub.OAuthClient
	ve        *site // a's
}

func newVeHub(t *testing.T, credentials string) *veHub {
	h := &veHub{apiHub: newAPIHubWith(t, []string{"--set", "indicators.credentials=" + credentials, "--set", "indicators.interval=100ms"}, "north", "south")}
	clear(h.receivers)
	for name, api := range map[string]openapi.API{"nslcm": openapi.NsLcmNotification, "vnflcm": openapi.VnfLcmNotification, "vnffm": openapi.VnfFmNotification} {
		r := &receiver{url: h.server.URL + "/ve-" + name, v: openapi.Load(t, api)}
		h.receivers[name] = r
		h.files.Handle("/ve-"+name, r.v.Handler(r))
		h.files.Handle("/ve-"+name+"/second", r.v.Handler(r))
	}
	var nsB string
	h.nsA, _ = h.newNs("north", "first")
	nsB, _ = h.newNs("north", "second")
	h.run("COMPLETED", h.nsA, "instantiate", object{"nsFlavourId": "simple"})
	h.run("COMPLETED", nsB, "instantiate", object{"nsFlavourId": "simple"})
	h.a, h.b = h.of(h.nsA, h.kit("north").WebVNFD()), h.of(nsB, h.kit("north").WebVNFD())
	h.client = h.createClient(h.a, "--party", "vnf", "--trust-domain", "north")
	h.ve = h.site(hub.VNFM, true, openapi.VnfLcm, openapi.VnfFmVeVnfm, openapi.VnfPmVeVnfm)
	h.ve.http = h.ve.nobody
	h.signIn()
	return h
}

// signIn gets the VNF a token, which ends with the process of the hub.
func (h *veHub) signIn() { h.ve.bearer = h.token(h.points()[hub.VNFM], h.client) }

// configuration waits until the VNFM says so of the configuration of a.
func (h *veHub) configuration(state, problem string) (v struct {
	State, Problem string
	Wanted         map[string]any
	Configuration  struct {
		VnfConfigurationData struct{ VnfSpecificData map[string]any }
	}
}) {
	h.t.Helper()
	eventually(h.t, "the configuration is "+state, 20*time.Second, func() bool {
		if err := json.Unmarshal([]byte(h.do("vnf", "configuration", "show", h.a, "-o", "json")), &v); err != nil {
			h.t.Fatal(err)
		}
		return v.State == state && strings.Contains(v.Problem, problem)
	})
	return v
}

// A VNF is a consumer of the VNFM, for itself alone, and is configured by it; whatever the
// hub goes through. All of it is what SOL 002 says.
//
// Covers: RefPoints, VNFM, Sc-Or.NsLcm.006
func TestVeVnfmVnf(t *testing.T) {
	t.Parallel()
	north, south := newSMAuthority(t), newSMAuthority(t)
	credentials := t.TempDir()
	vnfCredential(t, filepath.Join(credentials, "north"), north)
	vnf, stranger := newConfiguredVNF(t, north), newConfiguredVNF(t, south)
	h := newVeHub(t, credentials)

	// What it sees, and what it may do, of itself.
	h.subscribe(h.ve, "vnflcm", h.receivers["vnflcm"], object{"vnfInstanceSubscriptionFilter": object{"vnfInstanceIds": []string{h.b}}}, `{"notificationTypes":"DANCE"}`)
	h.subscribe(h.ve, "vnffm", h.receivers["vnffm"], object{"notificationTypes": []string{"AlarmClearedNotification"}}, `{"notificationTypes":3}`)
	h.subscribe(h.osMa, "nslcm", h.receivers["nslcm"], nil, `{"notificationTypes":"DANCE"}`)
	h.refusals(t, h.ve, "GET", vnfs+"/"+h.a, nil)
	var self sol003.VnfInstance
	h.ve.want(t, 200, "GET", vnfs+"/"+h.a, nil).json(t, &self)
	if _, ids := h.ve.pages(t, vnfs); self.ID != h.a || !slices.Equal(ids, []string{h.a}) {
		t.Errorf("%s sees %s and %v", h.a, self.ID, ids)
	}
	op := h.ve.want(t, 202, "POST", vnfs+"/"+h.a+"/scale", object{"type": "SCALE_OUT", "aspectId": "out", "numberOfSteps": 1}).id()
	h.vnfEnded(op, "COMPLETED")
	h.vnfEnded(h.ve.want(t, 202, "POST", vnfs+"/"+h.a+"/heal", object{"cause": "itself"}).id(), "COMPLETED")
	h.ve.want(t, 200, "GET", "/vnflcm/v2/vnf_lcm_op_occs/"+op, nil)
	h.receivers["vnflcm"].await(t, "VnfLcmOperationOccurrenceNotification")
	eventually(t, "the NFVO tells who asked", 15*time.Second, func() bool {
		return h.receivers["nslcm"].hasSource("VNF", "spiffe://north/vnf/"+h.a)
	})
	h.others(op)
	h.alarmed()

	// What is certified for another trust domain is not configured, and not even asked.
	h.do("vnf", "configuration", "set", h.a, "manoward.configuration="+stranger.url, "colour=blue")
	h.configuration("PENDING", "does not answer")
	stranger.wantChanges()
	h.do("vnf", "configuration", "set", h.a, "manoward.configuration="+vnf.url)
	if v := h.configuration("TAKEN", ""); !maps.Equal(v.Configuration.VnfConfigurationData.VnfSpecificData, object{"colour": "blue", "serial": "of the VNF"}) {
		t.Errorf("the VNF has %+v", v)
	}
	vnf.set(func() { vnf.refuse = "pink" })
	h.do("vnf", "configuration", "set", h.a, "colour=pink")
	h.configuration("REFUSED", "there is no colour pink")

	// Killed after the VNF has taken a change, and before its answer has come.
	vnf.set(func() { vnf.hold = make(chan struct{}) })
	h.vnfEnded(h.vnfm.want(t, 202, "PATCH", vnfs+"/"+h.a, object{"vnfConfigurableProperties": object{"colour": "green", "shade": "dark"}}).id(), "COMPLETED")
	select {
	case <-vnf.taken:
	case <-time.After(20 * time.Second):
		t.Fatal("the VNF is sent nothing")
	}
	h.kill()
	vnf.set(func() { close(vnf.hold); vnf.hold = nil })
	h.start()
	h.signIn()
	h.configuration("TAKEN", "")
	vnf.wantChanges("map[colour:blue]", "map[colour:green shade:dark]")
	// Killed before the VNF has heard of it, and taken back what is not wanted any more.
	vnf.set(func() { vnf.refuse = "grey" })
	h.vnfEnded(h.vnfm.want(t, 202, "PATCH", vnfs+"/"+h.a, object{"vnfConfigurableProperties": object{"colour": "grey", "shade": nil}}).id(), "COMPLETED")
	h.kill()
	vnf.set(func() { vnf.refuse = "" })
	h.start()
	h.signIn()
	h.configuration("TAKEN", "")
	vnf.wantChanges("map[colour:blue]", "map[colour:green shade:dark]", "map[colour:grey shade:<nil>]")
	if !slices.ContainsFunc(h.records("north"), func(r hub.Record) bool {
		return r.Kind == "vnf.configuration.sent" && r.Subject == "vnf/"+h.a && r.Actor == "spiffe://hub/operator/admin" && string(r.Data) == `{"properties":["colour","shade"]}`
	}) {
		t.Error("there is no record of what was sent")
	}

	// The VNF ends, and its credential opens nothing any more.
	h.ve.want(t, 200, "GET", vnfs+"/"+h.a, nil)
	h.run("COMPLETED", h.nsA, "terminate", object{})
	for _, path := range []string{vnfs, vnfs + "/" + h.a, vnfs + "/" + h.b, vnfs + "/none", "/vnflcm/v2/subscriptions", vnfAlarms} {
		h.ve.want(t, 403, "GET", path, nil)
	}
	h.receivers["vnflcm"].mu.Lock()
	defer h.receivers["vnflcm"].mu.Unlock()
	for _, n := range h.receivers["vnflcm"].told {
		if n["vnfInstanceId"] != h.a {
			t.Errorf("%s is told of %v", h.a, n)
		}
	}
}

// hasSource says whether a subscriber was told that a party asked for something.
func (r *receiver) hasSource(kind, identity string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.told, func(n map[string]any) bool {
		source, _ := n["manoward.sourceOfRequest"].(map[string]any)
		return source["kind"] == kind && source["identity"] == identity
	})
}

// others uses the credential of a where it is good for nothing: at b, at what is not a
// VNF's to ask, and at every other listener.
func (h *veHub) others(own string) {
	t := h.t
	t.Helper()
	h.ve.unseen(t, vnfs, h.b, "POST /scale", "POST /heal")
	theirs := h.vnfm.want(t, 202, "POST", vnfs+"/"+h.b+"/heal", object{"cause": "exercise"}).id()
	h.vnfEnded(theirs, "COMPLETED")
	h.ve.unseen(t, "/vnflcm/v2/vnf_lcm_op_occs", theirs)
	for _, id := range []string{h.a, h.b, "none"} {
		for task, in := range vnfTasks("other") {
			if !slices.Contains([]string{"scale", "scale_to_level", "heal"}, task) {
				h.ve.want(t, 403, "POST", vnfs+"/"+id+"/"+task, in)
			}
		}
		h.ve.want(t, 403, "PATCH", vnfs+"/"+id, object{"vnfInstanceName": "mine"})
		h.ve.want(t, 403, "DELETE", vnfs+"/"+id, nil)
	}
	for _, id := range []string{own, theirs, "none"} {
		for _, task := range []string{"retry", "rollback", "fail"} {
			h.ve.want(t, 403, "POST", "/vnflcm/v2/vnf_lcm_op_occs/"+id+"/"+task, nil)
		}
	}
	h.ve.want(t, 403, "GET", "/vnflcm/v2/vnf_snapshots", nil)
	points := h.points()
	for rp, paths := range map[hub.ReferencePoint][]string{
		hub.VNFM:   {"/vnfind/v1/indicators", "/manoward/v1/vnf_configurations/" + h.a, "/manoward/v1/vim_notifications"},
		hub.OsMa:   {"/nslcm/v2/ns_instances", "/vnfpkgm/v2/vnf_packages", "/nsd/v2/ns_descriptors", "/nsfm/v1/alarms"},
		hub.OrVnfm: {"/vnfpkgm/v2/vnf_packages", "/grant/v1/grants/x"},
		hub.VIM:    {"/vim/v1/hosts", "/vim/v1/computes", "/vim/v1/subscriptions"},
		hub.Admin:  {"/manoward/v1/trust_domains", "/manoward/v1/trust_domains/north/records", "/manoward/v1/oauth_clients"},
	} {
		token := h.token(points[rp], h.client)
		for _, path := range paths {
			for bearer, want := range map[string][]int{token: {403, 404}, h.ve.bearer: {401}} {
				if rp == hub.VNFM && bearer == h.ve.bearer {
					continue
				}
				api, _, _ := strings.Cut(path[1:], "/")
				resp, text := call(t, h.at(points[rp], false), "GET", points[rp].URL+path, http.Header{"Authorization": {"Bearer " + bearer}, "Version": {cmp.Or(h.ve.version[api], "1.0.0")}}, "")
				if !slices.Contains(want, resp.StatusCode) {
					t.Errorf("%s%s answers a VNF with %s: %.200s", rp, path, resp.Status, text)
				}
			}
		}
	}
	h.fails(2, "is a VNF, which uses its secret", "client", "certify", h.a, "--out", filepath.Join(t.TempDir(), "credential"))

	// The same instance in another trust domain, and one that there is not, have no right.
	for domain, id := range map[string]string{"south": h.b, "north": hub.NewID()} {
		s := *h.ve
		s.bearer = h.token(points[hub.VNFM], h.createClient(id, "--party", "vnf", "--trust-domain", domain))
		for _, path := range []string{vnfs, vnfs + "/" + h.a, vnfs + "/" + h.b, vnfs + "/none", vnfAlarms} {
			s.want(t, 403, "GET", path, nil)
		}
	}
	eventually(t, "what was tried is recorded", patience, func() bool {
		out := h.do("trust-domain", "records", "north", "--kind", "access.refused", "-o", "json")
		return strings.Contains(out, `"vnf.heal:of-another"`) && strings.Contains(out, `"vnf/`+h.b+`"`) && strings.Contains(out, "of-an-ended-vnf")
	})
}

// alarmed has the hosts of both VNFs fail: the one sees its alarm and not the other's.
func (h *veHub) alarmed() {
	t := h.t
	t.Helper()
	hosts := map[string]bool{}
	for _, id := range []string{h.a, h.b} {
		off := object{"vnfConfigurableProperties": object{"is_autoheal_enabled": false, "isAutohealEnabled": false}}
		h.vnfEnded(h.vnfm.want(t, 202, "PATCH", vnfs+"/"+id, off).id(), "COMPLETED")
		var v sol003.VnfInstance
		h.vnfm.want(t, 200, "GET", vnfs+"/"+id, nil).json(t, &v)
		var compute ifa006.Compute
		if _, err := h.vim().Do(t.Context(), http.MethodGet, "/computes/"+v.InstantiatedVnfInfo.VnfcResourceInfo[0].ComputeResource.ResourceID, nil, &compute); err != nil {
			t.Fatal(err)
		}
		hosts[compute.HostID] = true
	}
	for host := range hosts {
		h.do("vim", "event", "host-failed", host)
	}
	or := h.site(hub.VNFM, false, openapi.VnfFm)
	var all []sol003.Alarm
	eventually(t, "both have an alarm", 20*time.Second, func() bool {
		of := map[string]bool{}
		or.want(t, 200, "GET", vnfAlarms, nil).json(t, &all)
		for _, a := range all {
			of[a.ManagedObjectID] = true
		}
		return of[h.a] && of[h.b]
	})
	missing := detail(t, h.ve.want(t, 404, "GET", vnfAlarms+"/none", nil))
	for _, a := range all {
		if a.ManagedObjectID == h.a {
			h.ve.want(t, 200, "GET", vnfAlarms+"/"+a.ID, nil)
		} else if got := detail(t, h.ve.want(t, 404, "GET", vnfAlarms+"/"+a.ID, nil)); got != missing {
			t.Errorf("an alarm of another VNF: %q, and of what there is not %q", got, missing)
		}
		h.ve.want(t, 403, "PATCH", vnfAlarms+"/"+a.ID, object{"ackState": "ACKNOWLEDGED"})
		h.ve.want(t, 403, "POST", vnfAlarms+"/"+a.ID+"/escalate", object{"proposedPerceivedSeverity": "CRITICAL"})
	}
	var mine []sol003.Alarm
	h.ve.want(t, 200, "GET", vnfAlarms, nil).json(t, &mine)
	if len(mine) == 0 || slices.ContainsFunc(mine, func(a sol003.Alarm) bool { return a.ManagedObjectID != h.a }) {
		t.Errorf("%s sees %+v", h.a, mine)
	}
	h.receivers["vnffm"].await(t, "AlarmNotification")
	for host := range hosts {
		h.do("vim", "event", "host-recovered", host)
	}
	h.receivers["vnffm"].await(t, "AlarmClearedNotification")
}
