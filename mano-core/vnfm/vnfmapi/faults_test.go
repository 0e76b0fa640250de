package vnfmapi_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/sol/sol003"
)

const alarms = "/vnffm/v1/alarms"

// fail opens an alarm of a compute at the VIM.
func (r *rig) fail(alarm, compute, host string) {
	r.vim.mu.Lock()
	defer r.vim.mu.Unlock()
	r.vim.things["alarms"][alarm] = map[string]any{
		"alarmId": alarm, "managedObjectId": compute, "rootCauseFaultyResource": host, "alarmRaisedTime": "2026-11-23T01:02:03Z", "state": "FIRED",
		"perceivedSeverity": "CRITICAL", "faultType": "Virtualised compute failure", "probableCause": "its host failed", "hostId": host, "nfviSource": "test",
	}
}

// recover ends an alarm at the VIM.
func (r *rig) recover(alarm string) {
	r.vim.mu.Lock()
	defer r.vim.mu.Unlock()
	delete(r.vim.things["alarms"], alarm)
}

// tell has the VIM notify of an alarm.
func (r *rig) tell(alarm, compute string) answerOf {
	r.t.Helper()
	return r.do("POST", "/manoward/v1/vim_notifications", fmt.Sprintf(`{"notificationType":"AlarmNotification","alarm":{"alarmId":%q,"managedObjectId":%q}}`, alarm, compute))
}

// alarmed are the alarms that are not cleared.
func (r *rig) alarmed() (list []sol003.Alarm) {
	r.t.Helper()
	r.read(alarms+"?filter="+url.QueryEscape("(neq,perceivedSeverity,CLEARED)"), &list)
	return list
}

// kinds are the notifications of alarms that a subscription was sent.
func (r *rig) kinds(sub string) (kinds []string) {
	r.t.Helper()
	for _, x := range r.told(sub) {
		kinds = append(kinds, x.NotificationType)
	}
	return kinds
}

// A compute's alarm at the VIM is one of its VNF, whatever the notifications say and
// in whatever order they come.
func TestFaults(t *testing.T) {
	r := newRig(t)
	r.want(r.do("POST", "/vnffm/v1/subscriptions", `{"callbackUri":"https://oss.test/a","filter":{"vnfInstanceSubscriptionFilter":{"vnfInstanceNames":["edge"]}}}`), 201)
	r.want(r.do("POST", "/vnffm/v1/subscriptions", `{"callbackUri":"https://oss.test/b","filter":{"vnfInstanceSubscriptionFilter":{"vnfdIds":["other"]}}}`), 201)
	id := r.instantiated()
	web := byVDU(r.same(id), "web")[0]
	compute := web.ComputeResource.ResourceID

	r.want(r.tell("a1", compute), 204) // of which the VIM knows nothing
	r.fail("elsewhere", "unknown", "h2")
	r.want(r.tell("elsewhere", "unknown"), 204)
	if n := len(r.alarmed()); n != 0 {
		t.Fatalf("%d alarms of nothing", n)
	}
	r.fail("a1", compute, "h1")
	for range 2 {
		r.want(r.tell("a1", compute), 204)
	}
	list := r.alarmed()
	if len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	a := list[0]
	if a.ManagedObjectID != id || a.RootCauseFaultyResource.FaultyResource.ResourceID != compute || a.RootCauseFaultyResource.FaultyResource.VimConnectionID == "" ||
		a.PerceivedSeverity != sol.SeverityMajor || a.EventType != sol.EventEquipment || !a.EventTime.Equal(time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC)) ||
		a.FaultDetails[0] != "vnfcInstanceId="+web.ID || a.CorrelatedAlarmIDs[0] != "a1" {
		t.Errorf("%+v", a)
	}
	r.want(r.do("GET", alarms+"/"+a.ID, nil, "X-Caller", "nfvo@south"), 404)
	r.want(r.do("PATCH", alarms+"/"+a.ID, `{"ackState":"ACKNOWLEDGED"}`, "X-Caller", "nfvo@north"), 403) // an NFVO that did not make the VNF

	r.recover("a1")
	r.want(r.tell("a1", compute), 204)
	if n := len(r.alarmed()); n != 0 {
		t.Errorf("%d alarms are open after the recovery", n)
	}
	// What no notification told of is found by the sweep.
	r.fail("a2", compute, "")
	for want, change := range []func(){func() { r.recover("a2") }, func() { r.fail("a3", compute, "") }} {
		change()
		if err := r.service.SweepFaults(t.Context()); err != nil || len(r.alarmed()) != want {
			t.Errorf("%v: %+v", err, r.alarmed())
		}
	}
	if a := r.alarmed()[0]; a.EventType != sol.EventProcessingError {
		t.Errorf("%+v", a)
	}
	r.task(id, "terminate", `{"terminationType":"FORCEFUL"}`, completed) // with the compute goes the alarm
	if err := r.service.SweepFaults(t.Context()); err != nil || len(r.alarmed()) != 0 {
		t.Errorf("%v: %+v", err, r.alarmed())
	}
	if got := r.kinds("s0"); fmt.Sprint(got) != "[AlarmNotification AlarmClearedNotification AlarmNotification AlarmClearedNotification]" {
		t.Errorf("told %v", got)
	}
	if got := r.kinds("s1"); len(got) != 0 {
		t.Errorf("told of another VNFD: %v", got)
	}
}

// A VIM that does not answer clears nothing, and is asked again.
func TestFaults_VIMAway(t *testing.T) {
	r := newRig(t)
	id := r.instantiated()
	compute := byVDU(r.same(id), "web")[0].ComputeResource.ResourceID
	r.fail("a1", compute, "h1")
	r.want(r.tell("a1", compute), 204)
	r.vim.setRefuse(func(string, string) int { return 503 })
	r.want(r.tell("a1", compute), 503)
	if err := r.service.SweepFaults(t.Context()); err == nil {
		t.Error("the VIM was away, and that is no error")
	}
	r.vim.setRefuse(nil)
	if n := len(r.alarmed()); n != 1 {
		t.Errorf("%d alarms are open, want that which there was", n)
	}
}

// A subscription that an older VNFM made is replaced by one that tells of the ends of
// alarms too.
func TestFaults_OldSubscription(t *testing.T) {
	r := newRig(t)
	raw := `{"id":"old","callbackUri":"https://vnfm.test/manoward/v1/vim_notifications","filter":{"notificationTypes":["AlarmNotification"]}}`
	old, others := map[string]any{}, map[string]any{"id": "theirs", "callbackUri": "https://other.test/"}
	if err := json.Unmarshal([]byte(raw), &old); err != nil {
		t.Fatal(err)
	}
	r.vim.things["subscriptions"]["old"], r.vim.things["subscriptions"]["theirs"] = old, others
	work, stop := contextOf(t)
	ended := make(chan error, 1)
	go func() { ended <- r.service.Watch(work) }()
	r.until("the new subscription alone", func() bool { return fmt.Sprint(r.vim.ids("subscriptions")) == "[sub-1 theirs]" })
	stop()
	<-ended
	if types := r.vim.get("subscriptions", "sub-1")["filter"].(map[string]any)["notificationTypes"]; fmt.Sprint(types) != fmt.Sprint([]string{ifa006.AlarmType, ifa006.AlarmClearedType, ifa006.NotificationType}) {
		t.Errorf("subscribed to %v", types)
	}
}
