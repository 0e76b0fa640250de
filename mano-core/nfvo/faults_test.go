package nfvo_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// fakeFaults is the fault management of a VNFM.
type fakeFaults struct {
	server *httptest.Server

	mu     sync.Mutex
	alarms map[string]*sol003.Alarm
	away   bool
}

func newFakeFaults(t testing.TB) *fakeFaults {
	f := &fakeFaults{alarms: map[string]*sol003.Alarm{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /alarms", func(w http.ResponseWriter, r *http.Request) {
		list := []any{}
		filter, err := httpapi.ParseFilter(r.URL.Query().Get("filter"))
		if err != nil {
			t.Error(err)
		}
		for _, a := range f.alarms {
			if filter.Match(map[string]any{"perceivedSeverity": string(a.PerceivedSeverity)}) {
				list = append(list, a)
			}
		}
		answer(w, 200, list)
	})
	mux.HandleFunc("GET /alarms/{id}", func(w http.ResponseWriter, r *http.Request) {
		if a := f.alarms[r.PathValue("id")]; a != nil {
			answer(w, 200, a)
			return
		}
		httpapi.WriteProblem(w, httpapi.ProblemDetails{Status: 404, Detail: "there is no such alarm"})
	})
	mux.HandleFunc("POST /subscriptions", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 201, map[string]string{"id": "s"})
	})
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.away {
			httpapi.WriteProblem(w, httpapi.ProblemDetails{Status: 503, Detail: "the VNFM is away"})
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.server.Close)
	return f
}

func (f *fakeFaults) set(id string, a *sol003.Alarm) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alarms[id] = a
}

func (f *fakeFaults) turn(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
}

// An alarm of a VNF is one of each NS that has it, and of no other.
func TestFaults(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	first, web := n.ID, vnfOf(t, n, "web").ID
	open := func() []sol005.Alarm {
		t.Helper()
		return decode[[]sol005.Alarm](t, w.call(north, "GET", "/nsfm/v1/alarms?filter=(neq,perceivedSeverity,CLEARED)", nil))
	}
	tell := func(body string, status int) {
		t.Helper()
		if r := w.call(vnfmCaller, "POST", "/manoward/v1/vnfm_notifications", body); r.status != status {
			t.Errorf("%s: %d %s, want %d", body, r.status, r.body, status)
		}
	}
	const raised, cleared = `{"notificationType":"AlarmNotification","alarm":{"id":"a1"}}`, `{"notificationType":"AlarmClearedNotification","alarmId":"a1"}`
	tell(raised, 204) // of which the VNFM knows nothing
	if n := len(open()); n != 0 {
		t.Fatalf("%d alarms of nothing", n)
	}
	a := &sol003.Alarm{RootCauseFaultyResource: &sol003.FaultyResourceInfo{FaultyResource: sol003.ResourceHandle{ResourceID: "c1"}, FaultyResourceType: "COMPUTE"}}
	a.ID, a.ManagedObjectID, a.PerceivedSeverity, a.EventType, a.ProbableCause = "a1", web, "MAJOR", "EQUIPMENT_ALARM", "its host failed"
	w.sick.set("a1", a)
	other := *a
	other.ID, other.ManagedObjectID = "a2", "of-nobody"
	w.sick.set("a2", &other)
	tell(raised, 204)
	tell(`{"notificationType":"AlarmNotification","alarm":{"id":"a2"}}`, 204)
	list := open()
	if len(list) != 1 || list[0].ManagedObjectID != first || list[0].RootCauseFaultyComponent.FaultyVnfInstanceID != web ||
		list[0].RootCauseFaultyResource.FaultyResource.ResourceID != "c1" || list[0].PerceivedSeverity != "MAJOR" || fmt.Sprint(list[0].CorrelatedAlarmIDs) != "[a1]" {
		t.Fatalf("%+v", list)
	}
	if r := w.call(south, "GET", "/nsfm/v1/alarms/"+list[0].ID, nil); r.status != 404 {
		t.Errorf("south reads it: %d", r.status)
	}
	w.sick.turn(true)
	tell(cleared, 503)
	if err := w.svc.SweepFaults(t.Context()); err == nil || len(open()) != 1 {
		t.Errorf("the VNFM was away: %v, %+v", err, open())
	}
	w.sick.turn(false)
	worse := *a
	worse.PerceivedSeverity = "CRITICAL"
	w.sick.set("a1", &worse)
	if err := w.svc.SweepFaults(t.Context()); err != nil || open()[0].PerceivedSeverity != "CRITICAL" {
		t.Errorf("%v: %+v", err, open())
	}
	done, at := worse, worse.EventTime
	done.PerceivedSeverity, done.AlarmClearedTime = "CLEARED", &at
	w.sick.set("a1", &done)
	tell(cleared, 204)
	if n := len(open()); n != 0 {
		t.Errorf("%d alarms are open after the end of the cause", n)
	}
}
