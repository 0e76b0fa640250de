package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/openapi"
)

// faultHub is a hub whose fault management is held against the official files, with
// an NS of trust domain north.
type faultHub struct {
	*apiHub
	os, or, ve *site // an operator's at the NFVO and at the VNFM, and an EM's
	ns, vnf    string
	nsPath     string
}

const (
	vnfAlarms = "/vnffm/v1/alarms"
	nsAlarms  = "/nsfm/v1/alarms"
)

func newFaultHub(t *testing.T) *faultHub {
	h := &faultHub{apiHub: newAPIHub(t, "north", "south")}
	h.os, h.or = h.site(hub.OsMa, false, openapi.NsFm), h.site(hub.VNFM, false, openapi.VnfFm)
	h.ve = h.as(h.site(hub.VNFM, true, openapi.VnfFmVeVnfm), "north-em", "--party", "em", "--trust-domain", "north")
	clear(h.receivers)
	for name, api := range map[string]openapi.API{"nsfm": openapi.NsFmNotification, "vnffm": openapi.VnfFmNotification, "vnffm-ve": openapi.VnfFmNotification} {
		r := &receiver{url: h.server.URL + "/" + name, v: openapi.Load(t, api)}
		h.receivers[name] = r
		h.files.Handle("/"+name, r.v.Handler(r))
		h.files.Handle("/"+name+"/second", r.v.Handler(r))
	}
	h.nsPath, h.ns = h.newNs("north", "broken")
	h.run("COMPLETED", h.nsPath, "instantiate", object{"nsFlavourId": "simple"})
	h.vnf = h.of(h.nsPath, h.kit("north").WebVNFD())
	// Else it is healed, and its alarms with it, before anybody has read them.
	off := object{"vnfConfigurableProperties": object{"is_autoheal_enabled": false, "isAutohealEnabled": false}}
	h.vnfEnded(h.vnfm.want(t, 202, "PATCH", vnfs+"/"+h.vnf, off).id(), "COMPLETED")
	return h
}

// computes are those of the VNF.
func (h *faultHub) computes() (list []ifa006.Compute) {
	h.t.Helper()
	var v sol003.VnfInstance
	h.vnfm.want(h.t, 200, "GET", vnfs+"/"+h.vnf, nil).json(h.t, &v)
	for _, c := range v.InstantiatedVnfInfo.VnfcResourceInfo {
		var compute ifa006.Compute
		if _, err := h.vim().Do(h.t.Context(), http.MethodGet, "/computes/"+c.ComputeResource.ResourceID, nil, &compute); err != nil {
			h.t.Fatal(err)
		}
		list = append(list, compute)
	}
	return list
}

// open waits until as many alarms are open of the VNF and of the NS, and returns them.
func (h *faultHub) open(want int) (of []sol003.Alarm, ns []sol005.Alarm) {
	h.t.Helper()
	filter := func(object string) string {
		return "?filter=" + url.QueryEscape("(eq,managedObjectId,"+object+");(neq,perceivedSeverity,CLEARED)")
	}
	eventually(h.t, "the alarms agree", 20*time.Second, func() bool {
		of, ns = nil, nil
		h.or.want(h.t, 200, "GET", vnfAlarms+filter(h.vnf), nil).json(h.t, &of)
		h.os.want(h.t, 200, "GET", nsAlarms+filter(h.ns), nil).json(h.t, &ns)
		return len(of) == want && len(ns) == want
	})
	return of, ns
}

// told counts the notifications of a type about an alarm, each once however often it
// was delivered.
func (r *receiver) toldOf(kind, alarm string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := map[any]bool{}
	for _, n := range r.told {
		about, _ := n["alarmId"].(string)
		if a, ok := n["alarm"].(map[string]any); ok {
			about, _ = a["id"].(string)
		}
		if n["notificationType"] == kind && about == alarm {
			ids[n["id"]] = true
		}
	}
	return len(ids)
}

// wantTold waits until subscribers were told so often that an alarm was raised or has
// changed, and that it was cleared.
func (h *faultHub) wantTold(alarm string, raised, cleared int, receivers ...string) {
	h.t.Helper()
	for _, name := range receivers {
		r := h.receivers[name]
		eventually(h.t, name+" is told of "+alarm, 20*time.Second, func() bool {
			return r.toldOf("AlarmNotification", alarm) >= raised && r.toldOf("AlarmClearedNotification", alarm) >= cleared
		})
		if n, c := r.toldOf("AlarmNotification", alarm), r.toldOf("AlarmClearedNotification", alarm); n != raised || c != cleared {
			h.t.Errorf("%s was told %d times of %s and %d times of its end, want %d and %d", name, n, alarm, c, raised, cleared)
		}
	}
}

// A host fails: the VNF on it has an alarm, and its NS, with the chain to the cause;
// all of it is what SOL 003, SOL 002 and SOL 005 say. The host recovers: they are
// cleared. Whoever subscribed is told, once of each, whatever the hub goes through.
//
// Covers: VNFM, NFVO
func TestFaults(t *testing.T) {
	t.Parallel()
	h := newFaultHub(t)
	filter := object{"notificationTypes": []string{"AlarmNotification"}, "perceivedSeverities": []string{"MINOR"}, "faultyResourceTypes": []string{"NETWORK"}}
	h.subscribe(h.os, "nsfm", h.receivers["nsfm"], filter, `{"perceivedSeverities":["AWFUL"]}`)
	h.subscribe(h.or, "vnffm", h.receivers["vnffm"], filter, `{"eventTypes":["DANCE"]}`)
	h.subscribe(h.ve, "vnffm", h.receivers["vnffm-ve"], filter, `{"notificationTypes":3}`)
	for _, x := range []struct {
		s         *site
		api, path string
	}{{h.os, "nsfm", nsAlarms}, {h.or, "vnffm", vnfAlarms}, {h.ve, "vnffm", vnfAlarms}} {
		h.refusals(t, x.s, "GET", x.path, nil)
		h.refusals(t, x.s, "POST", "/"+x.api+"/v1/subscriptions", object{"callbackUri": h.server.URL})
		h.versions(t, x.s, "/"+x.api+"/v1")
		x.s.want(t, 400, "GET", x.path+"?filter=nonsense", nil)
		x.s.want(t, 404, "GET", x.path+"/none", nil)
		x.s.want(t, 404, "PATCH", x.path+"/none", object{"ackState": "ACKNOWLEDGED"})
	}

	host := h.computes()[0].HostID
	h.do("vim", "event", "host-failed", host)
	of, ns := h.open(1)
	h.checkChain(host, of[0], ns[0])
	h.wantTold(of[0].ID, 1, 0, "vnffm", "vnffm-ve")
	h.wantTold(ns[0].ID, 1, 0, "nsfm")
	h.acknowledge(h.os, nsAlarms, ns[0].ID)
	h.acknowledge(h.or, vnfAlarms, of[0].ID)
	h.ve.want(t, 422, "POST", vnfAlarms+"/"+of[0].ID+"/escalate", object{"proposedPerceivedSeverity": "MAJOR"})
	h.elsewhere(of[0].ID, ns[0].ID)

	// Killed with the alarms open, and while they are cleared.
	h.kill()
	h.start()
	h.open(1)
	h.do("vim", "event", "host-recovered", host)
	h.kill()
	h.start()
	h.open(0)
	h.wantTold(of[0].ID, 4, 1, "vnffm", "vnffm-ve")
	h.wantTold(ns[0].ID, 4, 1, "nsfm")
	var last sol003.Alarm
	h.or.want(t, 200, "GET", vnfAlarms+"/"+of[0].ID, nil).json(t, &last)
	if last.PerceivedSeverity != sol.SeverityCleared || last.AlarmClearedTime == nil || last.AckState != sol.Acknowledged {
		t.Errorf("cleared: %+v", last)
	}

	h.degraded()
	for _, s := range []*site{h.os, h.or, h.ve} {
		t.Log(s.v.Report())
		s.v.RequireAll(t)
	}
	for name, r := range h.receivers {
		t.Log(r.v.Report())
		// The lists are durable and are never rebuilt.
		r.v.RequireAll(t, map[bool]string{true: "NsFm", false: "VnfFm"}[name == "nsfm"]+"Notification POST AlarmListRebuiltNotification")
	}
}

// checkChain holds alarms of a VNF and an NS against what happened to a host.
func (h *faultHub) checkChain(host string, of sol003.Alarm, ns sol005.Alarm) {
	t := h.t
	t.Helper()
	compute := h.computes()[0]
	if r := of.RootCauseFaultyResource; r == nil || r.FaultyResource.ResourceID != compute.ID || r.FaultyResourceType != sol.FaultyCompute {
		t.Errorf("root cause of the VNF's alarm: %+v", r)
	}
	if of.PerceivedSeverity != sol.SeverityCritical || of.EventType != sol.EventEquipment || of.AckState != sol.Unacknowledged ||
		!slices.Contains(of.FaultDetails, "hostId="+host) || of.Links.ObjectInstance.Href != h.vnfm.root+vnfs+"/"+h.vnf {
		t.Errorf("the VNF's alarm: %+v", of)
	}
	if c, r := ns.RootCauseFaultyComponent, ns.RootCauseFaultyResource; c == nil || c.FaultyVnfInstanceID != h.vnf || r == nil || r.FaultyResource.ResourceID != compute.ID {
		t.Errorf("root cause of the NS's alarm: %+v %+v", c, r)
	}
	if !slices.Equal(ns.CorrelatedAlarmIDs, []string{of.ID}) || !ns.EventTime.Equal(of.EventTime) || ns.Links.ObjectInstance.Href != h.osMa.root+h.nsPath {
		t.Errorf("the NS's alarm: %+v", ns)
	}
	var at ifa006.Alarm
	if _, err := h.vim().Do(t.Context(), http.MethodGet, "/alarms/"+of.CorrelatedAlarmIDs[0], nil, &at); err != nil || at.ManagedObjectID != compute.ID || at.RootCause != host {
		t.Errorf("the VIM's alarm: %+v, %v", at, err)
	}
	if list := h.do("vim", "alarms"); !strings.Contains(list, at.ID) || !strings.Contains(list, host) {
		t.Errorf("manoward vim alarms: %s", list)
	}
	if list := h.do("alarm", "list", "--of", h.ns); !strings.Contains(list, ns.ID) {
		t.Errorf("manoward alarm list: %s", list)
	}
	if shown := h.do("alarm", "show", of.ID, "--at", "vnfm"); !strings.Contains(shown, compute.ID) || !strings.Contains(shown, at.ID) {
		t.Errorf("manoward alarm show: %s", shown)
	}
	h.fails(2, "--at is nfvo or vnfm", "alarm", "list", "--at", "vim")
}

// acknowledge takes note of an alarm, takes that back and does it again by the CLI,
// with all that can go wrong. The alarm's subscribers are told of three changes.
func (h *faultHub) acknowledge(s *site, alarms, id string) {
	t, one := h.t, alarms+"/"+id
	t.Helper()
	h.refusals(t, s, "GET", one, nil)
	s.want(t, 415, "PATCH", one, object{"ackState": "ACKNOWLEDGED"}, "Content-Type", "application/json")
	s.want(t, 400, "PATCH", one, object{"ackState": "SEEN"})
	s.want(t, 400, "PATCH", one, object{"perceivedSeverity": "MINOR"})
	tag := s.want(t, 200, "GET", one, nil).Header.Get("ETag")
	s.want(t, 412, "PATCH", one, object{"ackState": "ACKNOWLEDGED"}, "If-Match", `"old"`)
	s.want(t, 200, "PATCH", one, object{"ackState": "ACKNOWLEDGED"}, "If-Match", tag)
	s.want(t, 412, "PATCH", one, object{"ackState": "UNACKNOWLEDGED"}, "If-Match", tag)
	s.want(t, 409, "PATCH", one, object{"ackState": "ACKNOWLEDGED"})
	s.want(t, 200, "PATCH", one, object{"ackState": "UNACKNOWLEDGED"})
	at := map[string]string{nsAlarms: "nfvo", vnfAlarms: "vnfm"}[alarms]
	h.do("alarm", "ack", id, "--at", at)
	h.fails(5, "ACKNOWLEDGED already", "alarm", "ack", id, "--at", at)
	var a sol003.Alarm
	s.want(t, 200, "GET", one, nil).json(t, &a)
	if a.AckState != sol.Acknowledged || a.AlarmAcknowledgedTime == nil || a.AlarmChangedTime == nil {
		t.Errorf("acknowledged: %+v", a)
	}
	var ordered []string // in the order of the log
	var records []hub.Record
	if err := json.Unmarshal([]byte(h.do("trust-domain", "records", "north", "-o", "json")), &records); err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Kind == "alarm.change.ordered" && r.Subject == "alarm/"+id {
			var what sol.AlarmModifications
			if err := json.Unmarshal(r.Data, &what); err != nil || r.Actor == "" {
				t.Errorf("record %+v: %v", r, err)
			}
			ordered = append(ordered, string(what.AckState))
		}
	}
	if want := []string{"ACKNOWLEDGED", "UNACKNOWLEDGED", "ACKNOWLEDGED"}; !slices.Equal(ordered, want) {
		t.Errorf("recorded %v, want %v", ordered, want)
	}
}

// elsewhere is what parties of another trust domain, and who may only look, get.
func (h *faultHub) elsewhere(of, ns string) {
	t := h.t
	t.Helper()
	oss := h.as(h.os, "south-oss", "--party", "oss", "--trust-domain", "south")
	oss.unseen(t, nsAlarms, ns, "PATCH ")
	em := h.as(h.ve, "south-em", "--party", "em", "--trust-domain", "south")
	em.unseen(t, vnfAlarms, of, "PATCH ", "POST /escalate")
	looker := h.as(h.or, "north-oss", "--party", "oss", "--trust-domain", "north")
	looker.want(t, 200, "GET", vnfAlarms+"/"+of, nil)
	looker.want(t, 403, "PATCH", vnfAlarms+"/"+of, object{"ackState": "ACKNOWLEDGED"})
}

// degraded has one of two VNFCs fail: the VNF is not out of service until its EM says
// that it is. The alarms end with the NS.
func (h *faultHub) degraded() {
	t := h.t
	t.Helper()
	h.ve = h.as(h.ve, "north-em-again", "--party", "em", "--trust-domain", "north") // tokens end with the hub
	h.run("COMPLETED", h.nsPath, "scale", object{"scaleType": "SCALE_VNF", "scaleVnfData": []any{object{
		"vnfInstanceId": h.vnf, "scaleVnfType": "SCALE_OUT", "scaleByStepData": object{"aspectId": "out", "numberOfSteps": 1},
	}}})
	h.do("vim", "event", "compute-failed", h.computes()[0].ID)
	of, ns := h.open(1)
	if of[0].PerceivedSeverity != sol.SeverityMajor || of[0].EventType != sol.EventProcessingError || ns[0].PerceivedSeverity != sol.SeverityMajor {
		t.Errorf("one of two VNFCs failed: %+v; %+v", of[0], ns[0])
	}
	escalate := vnfAlarms + "/" + of[0].ID + "/escalate"
	h.refusals(t, h.ve, "POST", escalate, object{"proposedPerceivedSeverity": "CRITICAL"})
	h.ve.want(t, 400, "POST", escalate, object{"proposedPerceivedSeverity": "CLEARED"})
	h.ve.want(t, 404, "POST", vnfAlarms+"/none/escalate", object{"proposedPerceivedSeverity": "CRITICAL"})
	h.ve.want(t, 204, "POST", escalate, object{"proposedPerceivedSeverity": "CRITICAL"})
	h.ve.want(t, 422, "POST", escalate, object{"proposedPerceivedSeverity": "CRITICAL"})
	h.ve.want(t, 200, "GET", vnfAlarms+"/"+of[0].ID, nil)
	h.ve.want(t, 200, "PATCH", vnfAlarms+"/"+of[0].ID, object{"ackState": "ACKNOWLEDGED"})
	h.os.until(t, nsAlarms+"/"+ns[0].ID, "perceivedSeverity", "CRITICAL")
	h.run("COMPLETED", h.nsPath, "terminate", object{})
	h.open(0)
	h.wantTold(of[0].ID, 3, 1, "vnffm", "vnffm-ve")
	h.wantTold(ns[0].ID, 2, 1, "nsfm")
	h.ve.want(t, 422, "POST", escalate, object{"proposedPerceivedSeverity": "CRITICAL"})
}
