package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// bench is a list over tables in memory, whose subscribers are lists too.
type bench struct {
	t     testing.TB
	bus   *memstate.Bus
	now   time.Time
	known []Known
	deaf  error // of the look at what there is

	mu     sync.Mutex
	closed error // of the outbox
	full   error // of the record log
	orders []hub.Record
	told   map[string][]string
	ids    map[string]bool
	subs   map[string]string // filter by subscription

	list *List
	end  func()
}

func newBench(t testing.TB) *bench {
	b := &bench{t: t, bus: &memstate.Bus{Domains: []string{"hub", "north", "south"}}, now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), told: map[string][]string{}, ids: map[string]bool{}, subs: map[string]string{"all": ""}}
	b.open()
	t.Cleanup(func() { b.end() })
	return b
}

// open starts the function over the tables that there are, as after a crash.
func (b *bench) open() {
	b.t.Helper()
	if b.end != nil {
		b.end()
	}
	work, end := context.WithCancel(context.Background())
	b.end = end
	space := state.New(b.bus, "TEST", slog.New(slog.DiscardHandler))
	b.list = New(space, Config{
		API: "vnffm", Path: "/vnffm/v1", Objects: "/vnflcm/v2/vnf_instances/", Publish: b.publish, Record: b.record,
		Show:     func(info sol.AlarmInfo, _ *Alarm) any { return info },
		Concerns: func(filter []byte, a *Alarm) bool { return !json.Valid(a.Subject) || len(filter) > 0 },
		Now:      func() time.Time { return b.now }, Log: slog.New(slog.DiscardHandler),
	})
	if err := space.Open(b.t.Context(), work, "hub", "north", "south"); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) publish(_ context.Context, e notify.Event) error {
	if e.Key == "" {
		return hub.E(hub.Internal, "publish", "an event of "+e.API+" does not say what it is about", nil)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != nil {
		return b.closed
	}
	for name, filter := range b.subs {
		s := &notify.Subscription{ID: name, Owner: "spiffe://north/nfvo/orchestrator", Self: "https://vnfm.test/root/vnffm/v1/subscriptions/" + name}
		if filter != "" {
			s.Filter = json.RawMessage(filter)
		}
		body, ok := e.Render(s, "n-"+e.ID)
		if !ok || b.ids[name+e.ID] {
			continue
		}
		b.ids[name+e.ID] = true
		text := ""
		switch n := body.(type) {
		case *sol.AlarmNotification:
			var a sol.AlarmInfo
			if err := json.Unmarshal(n.Alarm, &a); err != nil {
				b.t.Error(err)
			}
			if want := "https://vnfm.test/root/vnflcm/v2/vnf_instances/" + a.ManagedObjectID; a.Links.ObjectInstance.Href != want || n.ID != "n-"+e.ID || n.SubscriptionID != name {
				b.t.Errorf("notification %+v of %+v", n, a)
			}
			text = fmt.Sprintf("%s %s %s", a.ManagedObjectID, a.PerceivedSeverity, a.AckState)
		case *sol.AlarmClearedNotification:
			if want := "https://vnfm.test/root/vnffm/v1/alarms/" + n.AlarmID; n.Links.Alarm.Href != want {
				b.t.Errorf("link %q, want %q", n.Links.Alarm.Href, want)
			}
			text = "cleared"
		}
		b.told[name] = append(b.told[name], text)
	}
	return nil
}

func (b *bench) record(_ context.Context, domain string, r hub.Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if domain != "north" || r.Kind != kindOrdered || !strings.HasPrefix(r.Subject, "alarm/") || r.Time.IsZero() {
		b.t.Errorf("in %s: %+v", domain, r)
	}
	if b.full != nil {
		return b.full
	}
	for _, was := range b.orders {
		if was.ID == r.ID {
			return hub.E(hub.Conflict, "append record", "it is there already", nil)
		}
	}
	b.orders = append(b.orders, r)
	return nil
}

func (b *bench) look(context.Context) ([]Known, error) { return b.known, b.deaf }

// agree makes the list agree with these faults.
func (b *bench) agree(origin string, known ...Known) {
	b.t.Helper()
	b.known = known
	if err := b.list.Agree(b.t.Context(), origin, b.look); err != nil {
		b.t.Fatal(err)
	}
}

// wantTold fails unless a subscriber was told this since it was asked last.
func (b *bench) wantTold(name string, want ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.told[name], want) {
		b.t.Errorf("%s was told %q, want %q", name, b.told[name], want)
	}
	delete(b.told, name)
}

// all are the alarms of a domain.
func (b *bench) all(domain string, objects ...string) (list []state.Entry[Alarm]) {
	b.t.Helper()
	for e, err := range b.list.Alarms(b.t.Context(), func(d string) bool { return d == domain }, objects, "") {
		if err != nil {
			b.t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

func fault(object, origin string, s sol.PerceivedSeverityType) Known {
	return Known{Domain: "north", Fault: Fault{
		Object: object, Origin: origin, Severity: s, EventType: sol.EventEquipment, ProbableCause: "its host failed",
		Resource: &FaultyResource{Vim: "vim", ID: "c1", Type: sol.FaultyCompute}, Subject: json.RawMessage(`{}`),
	}}
}

// Alarms follow what there is: raised, changed, cleared and raised anew, each told
// once; of one origin alone when only that was looked at.
func TestAgree(t *testing.T) {
	b := newBench(t)
	one, two := fault("v1", "o1", sol.SeverityMajor), fault("v2", "o2", sol.SeverityMinor)
	b.agree("", one, two)
	b.agree("", one, two)
	b.wantTold("all", "v1 MAJOR UNACKNOWLEDGED", "v2 MINOR UNACKNOWLEDGED")
	worse := fault("v1", "o1", sol.SeverityCritical)
	b.now = b.now.Add(time.Minute)
	b.agree("o1", worse)
	b.wantTold("all", "v1 CRITICAL UNACKNOWLEDGED")
	b.agree("o1")
	b.wantTold("all", "cleared")
	list := b.all("north", "v1")
	if a := list[0].Value; len(list) != 1 || a.Cleared == nil || !a.Cleared.Equal(b.now) || !a.Changed.Equal(b.now) || a.severity() != sol.SeverityCritical {
		t.Errorf("cleared: %+v", a)
	}
	if n := len(b.all("north")); n != 2 {
		t.Errorf("%d alarms, want 2", n)
	}
	if n := len(b.all("south")); n != 0 {
		t.Errorf("south sees %d alarms", n)
	}
	b.agree("o1", one)
	if a := b.all("north", "v1")[0].Value; a.Cleared != nil || a.Changed != nil {
		t.Errorf("raised anew: %+v", a)
	}
	b.agree("")
	b.wantTold("all", "v1 MAJOR UNACKNOWLEDGED", "cleared", "cleared")
	b.deaf = errors.New("nobody answers")
	if err := b.list.Agree(t.Context(), "", b.look); !errors.Is(err, b.deaf) {
		t.Errorf("look failed: %v", err)
	}
	b.wantTold("all")
}

// What cannot be stored of one alarm keeps no other.
func TestAgree_OneFails(t *testing.T) {
	b := newBench(t)
	lost := fault("v1", "o1", sol.SeverityMajor)
	lost.Domain = "nowhere"
	b.known = []Known{lost, fault("v2", "o2", sol.SeverityMajor)}
	if err := b.list.Agree(t.Context(), "", b.look); err == nil {
		t.Error("an alarm of a trust domain that is not there was stored")
	}
	b.wantTold("all", "v2 MAJOR UNACKNOWLEDGED")
}

func TestAcknowledgeAndEscalate(t *testing.T) {
	b := newBench(t)
	b.agree("", fault("v1", "o1", sol.SeverityMinor))
	id := b.all("north")[0].ID
	free := func(state.Entry[Alarm]) error { return nil }
	refused := errors.New("refused")
	em := hub.Identity{TrustDomain: "north", Kind: hub.KindEM, Name: "em"}
	b.full = hub.E(hub.Unavailable, "append record", "the disk is full", nil)
	for what, err := range map[string]error{
		"acknowledge": b.list.Acknowledge(t.Context(), em, id, sol.Acknowledged, free),
		"escalate":    b.list.Escalate(t.Context(), em, id, sol.SeverityCritical),
	} {
		if hub.CodeOf(err) != hub.Unavailable {
			t.Errorf("%s without a record: %v", what, err)
		}
	}
	b.full = nil
	// Recorded by a call that failed before the change: it is recorded once.
	b.bus.Fail = func(string, string, string) error { return refused }
	if err := b.list.Acknowledge(t.Context(), em, id, sol.Acknowledged, free); err == nil {
		t.Error("acknowledged, and nothing can be stored")
	}
	b.bus.Fail = nil
	for _, x := range []struct {
		what string
		err  error
		code hub.Code
	}{
		{"unacknowledge", b.list.Acknowledge(t.Context(), em, id, sol.Unacknowledged, free), hub.Conflict},
		{"refused", b.list.Acknowledge(t.Context(), em, id, sol.Acknowledged, func(state.Entry[Alarm]) error { return hub.E(hub.Precondition, "", "", refused) }), hub.Precondition},
		{"acknowledge", b.list.Acknowledge(t.Context(), em, id, sol.Acknowledged, free), ""},
		{"again", b.list.Acknowledge(t.Context(), em, id, sol.Acknowledged, free), hub.Conflict},
		{"none", b.list.Acknowledge(t.Context(), em, "none", sol.Acknowledged, free), hub.NotFound},
		{"same severity", b.list.Escalate(t.Context(), em, id, sol.SeverityMinor), hub.Unprocessable},
		{"less", b.list.Escalate(t.Context(), em, id, sol.SeverityWarning), hub.Unprocessable},
		{"escalate", b.list.Escalate(t.Context(), em, id, sol.SeverityCritical), ""},
		{"escalate none", b.list.Escalate(t.Context(), em, "none", sol.SeverityCritical), hub.NotFound},
	} {
		if hub.CodeOf(x.err) != x.code {
			t.Errorf("%s: %v, want %q", x.what, x.err, x.code)
		}
	}
	var said []string
	for _, r := range b.orders {
		said = append(said, r.Actor+" "+string(r.Data))
	}
	if want := []string{
		em.String() + ` {"api":"vnffm","object":"v1","ackState":"ACKNOWLEDGED"}`,
		em.String() + ` {"api":"vnffm","object":"v1","perceivedSeverity":"CRITICAL"}`,
	}; !slices.Equal(said, want) {
		t.Errorf("recorded %q", said)
	}
	// What the origin says later does not take the escalation back.
	b.agree("", fault("v1", "o1", sol.SeverityMajor))
	b.agree("")
	if err := b.list.Escalate(t.Context(), em, id, sol.SeverityCritical); hub.CodeOf(err) != hub.Unprocessable {
		t.Errorf("escalate what is cleared: %v", err)
	}
	b.wantTold("all", "v1 MINOR UNACKNOWLEDGED", "v1 MINOR ACKNOWLEDGED", "v1 CRITICAL ACKNOWLEDGED", "v1 CRITICAL ACKNOWLEDGED", "cleared")
}

// Filters of subscriptions (SOL 003 clause 7.5.3.2); the end of an alarm goes to who
// was told of it.
func TestFilters(t *testing.T) {
	b := newBench(t)
	b.subs = map[string]string{
		"severe": `{"perceivedSeverities":["CRITICAL","MAJOR"]}`, "ends": `{"notificationTypes":["AlarmClearedNotification"]}`,
		"network": `{"faultyResourceTypes":["NETWORK"]}`, "compute": `{"faultyResourceTypes":["COMPUTE"],"eventTypes":["EQUIPMENT_ALARM"]}`,
		"quality": `{"eventTypes":["QOS_ALARM"]}`, "cause": `{"probableCauses":["fire"]}`, "broken": `{"eventTypes":3}`,
	}
	b.agree("", fault("v1", "o1", sol.SeverityMajor), fault("v2", "o2", sol.SeverityMinor))
	b.agree("")
	b.wantTold("severe", "v1 MAJOR UNACKNOWLEDGED", "cleared")
	b.wantTold("ends", "cleared", "cleared")
	b.wantTold("compute", "v1 MAJOR UNACKNOWLEDGED", "v2 MINOR UNACKNOWLEDGED", "cleared", "cleared")
	for _, none := range []string{"network", "quality", "cause", "broken"} {
		b.wantTold(none)
	}
}

// An outbox that is closed loses nothing, and cleared alarms are forgotten in time.
func TestTidy(t *testing.T) {
	b := newBench(t)
	b.closed = hub.E(hub.Unavailable, "publish", "the outbox is closed", nil)
	b.agree("", fault("v1", "o1", sol.SeverityMajor))
	b.agree("")
	if err := b.list.Tidy(t.Context()); err == nil {
		t.Error("events that wait are no error")
	}
	b.now = b.now.Add(KeepCleared + time.Second)
	if err := b.list.Tidy(t.Context()); err == nil || len(b.all("north")) != 1 {
		t.Errorf("an alarm whose end was not told is forgotten: %v", err)
	}
	b.closed = nil
	if err := b.list.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.wantTold("all", "v1 MAJOR UNACKNOWLEDGED", "cleared")
	b.agree("", fault("v2", "o2", sol.SeverityMajor), fault("v3", "o3", sol.SeverityMajor))
	b.agree("", fault("v3", "o3", sol.SeverityMajor))
	b.now = b.now.Add(KeepCleared)
	if err := b.list.Tidy(t.Context()); err != nil || len(b.all("north")) != 2 {
		t.Errorf("%d alarms are left, want that which is open and that which was cleared just so long ago; %v", len(b.all("north")), err)
	}
	b.now = b.now.Add(time.Nanosecond)
	if err := b.list.Tidy(t.Context()); err != nil || len(b.all("north")) != 1 {
		t.Errorf("%d alarms are left, want the open one; %v", len(b.all("north")), err)
	}
}

// The process dies at each of its writes: what there is when it is back is told, once
// and in order.
func TestCrash(t *testing.T) {
	for n := range 8 {
		b := newBench(t)
		var left atomic.Int64
		left.Store(1 << 40)
		b.bus.Fail = func(_, _, _ string) error {
			if left.Add(-1) < 0 {
				return errors.New("the process is dead")
			}
			return nil
		}
		b.open()
		left.Store(int64(n))
		_ = b.list.Agree(t.Context(), "", func(context.Context) ([]Known, error) { return []Known{fault("v1", "o1", sol.SeverityMajor)}, nil })
		_ = b.list.Agree(t.Context(), "o1", func(context.Context) ([]Known, error) { return nil, nil })
		left.Store(1 << 40)
		b.open()
		if err := b.list.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.agree("", fault("v1", "o1", sol.SeverityMajor))
		b.agree("")
		got := b.told["all"]
		want := []string{"v1 MAJOR UNACKNOWLEDGED", "cleared"}
		if len(got) == 4 { // it was cleared before, and is raised anew
			want = append(want, want...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("dead at write %d: told %q, want %q", n, got, want)
		}
	}
}
