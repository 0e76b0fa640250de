package enforce

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/smgr"
)

// What each answer to a request makes of an order. Each stands for the first
// request; the ones after it are carried out.
func TestAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		times  int // 0: always
		state  smgr.OrderState
		reason string
		sent   int
	}{
		"mode":               {http.StatusForbidden, 1, smgr.OrderRecommended, "mode FULLY_ACTIVE): the detail", 1},
		"bad request":        {http.StatusBadRequest, 1, smgr.OrderFailed, "the detail", 1},
		"unprocessable":      {http.StatusUnprocessableEntity, 1, smgr.OrderFailed, "the detail", 1},
		"not allowed":        {http.StatusMethodNotAllowed, 1, smgr.OrderFailed, "the detail", 1},
		"not implemented":    {http.StatusNotImplemented, 1, smgr.OrderFailed, "the detail", 1},
		"credential expired": {http.StatusUnauthorized, 1, smgr.OrderCompleted, "", 2},
		"too many":           {http.StatusTooManyRequests, 2, smgr.OrderCompleted, "", 3},
		"unavailable":        {http.StatusServiceUnavailable, 2, smgr.OrderCompleted, "", 3},
		"broken":             {http.StatusInternalServerError, 2, smgr.OrderCompleted, "", 3},
		"gateway":            {http.StatusGatewayTimeout, 2, smgr.OrderCompleted, "", 3},
		"moved":              {http.StatusPermanentRedirect, 1, smgr.OrderCompleted, "", 2},
		"a bar":              {http.StatusConflict, 0, smgr.OrderFailed, "the detail", 3},
		"not found though it is there": {
			http.StatusNotFound, 1, smgr.OrderFailed, "the detail", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, true)
			s := w.process()
			left := tc.times
			w.nfvo.answer = func(*http.Request) (int, string) {
				if left--; left >= 0 || tc.times == 0 {
					return tc.status, "the detail"
				}
				return 0, ""
			}
			w.plan(s, terminate("o", "vnf-a"))
			w.work(s, 10)
			o := w.want(s, "o", tc.state)
			sent := w.nfvo.requests()
			if len(sent) != tc.sent || !strings.Contains(o.Reason, tc.reason) {
				t.Errorf("%d requests, reason %q; want %d, %q", len(sent), o.Reason, tc.sent, tc.reason)
			}
			for _, r := range sent {
				if r.key != "o/decision-1/remove-vnf:ns-1" || r.body != sent[0].body {
					t.Errorf("the request was repeated as another one: %+v", r)
				}
			}
			w.checkRecords(s, "o")
		})
	}
}

// An NS that another operation holds keeps the order, and those behind it, for
// later; other NSs go on.
func TestBusy(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	holder := w.nfvo.begin("ns-1", sol005.UpdateNsRequest{UpdateType: sol005.UpdateMoveVnf})
	holder.held = true
	other := newOrder("x", "ns/ns-3", hub.Action{Type: hub.ActionTerminateVnf}, hub.Target{NsInstanceID: "ns-3", VnfInstanceID: "vnf-d"})
	w.plan(s, terminate("o", "vnf-a"), terminate("p", "vnf-b"), other)
	w.work(s, 8)
	if o := w.want(s, "o", smgr.OrderRunning); !strings.Contains(o.Reason, "op-1 holds the NS") {
		t.Errorf("the reason is %q", o.Reason)
	}
	w.want(s, "p", smgr.OrderPlanned)
	w.want(s, "x", smgr.OrderCompleted)
	w.nfvo.end(holder, "COMPLETED")
	w.work(s, 8)
	w.want(s, "o", smgr.OrderCompleted)
	w.want(s, "p", smgr.OrderCompleted)
	if got, want := w.nfvo.happened(), []string{"remove vnf-d from ns-3", "remove vnf-a from ns-1", "remove vnf-b from ns-1"}; !slices.Equal(got, want) {
		t.Errorf("the effects are %q, want %q", got, want)
	}
}

// How an operation ends is how its order ends.
func TestOutcomes(t *testing.T) {
	for outcome, want := range map[sol005.NsLcmOperationStateType]smgr.OrderState{
		"COMPLETED": smgr.OrderCompleted, "PARTIALLY_COMPLETED": smgr.OrderFailed, "FAILED": smgr.OrderFailed, "ROLLED_BACK": smgr.OrderFailed,
	} {
		w := newWorld(t, true)
		s := w.process()
		w.nfvo.outcome = func(*fakeOp) sol005.NsLcmOperationStateType { return outcome }
		w.plan(s, terminate("o", "vnf-a"))
		w.work(s, 5)
		o := w.want(s, "o", want)
		if !strings.HasPrefix(o.Steps[0].Outcome, string(outcome)) || want == smgr.OrderFailed && !strings.Contains(o.Reason, "it went wrong") {
			t.Errorf("%s: the step is %+v, the reason %q", outcome, o.Steps[0], o.Reason)
		}
		w.checkRecords(s, "o")
	}
}

// A snapshot that fails at a foreign NFVO ends nothing.
func TestForeign_SnapshotFails(t *testing.T) {
	w := newWorld(t, false)
	s := w.process()
	w.nfvo.outcome = func(*fakeOp) sol005.NsLcmOperationStateType { return "FAILED" }
	o := terminate("o", "vnf-a")
	o.Action.Snapshot = true
	w.plan(s, o)
	w.work(s, 5)
	if o := w.want(s, "o", smgr.OrderFailed); o.Steps[1].State != smgr.OrderPlanned || len(w.nfvo.requests()) != 1 {
		t.Errorf("the steps are %+v, the requests %+v", o.Steps, w.nfvo.requests())
	}
}

// An operation that needs a person is waited for and alarmed, once.
func TestStuck(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	alarms := 0
	s.Metrics.Alarm = func(string) { alarms++ }
	w.nfvo.outcome = func(*fakeOp) sol005.NsLcmOperationStateType { return "FAILED_TEMP" }
	w.plan(s, terminate("o", "vnf-a"))
	for range 60 {
		w.work(s, 1)
	}
	if o := w.want(s, "o", smgr.OrderRunning); !strings.Contains(o.Reason, "FAILED_TEMP: it went wrong; an operator has to") {
		t.Errorf("the reason is %q", o.Reason)
	}
	var said struct{ Alarm, Order, Step string }
	raised := w.kinds("sm.alarm")
	if len(raised) != 1 || alarms != 1 || json.Unmarshal(raised[0].Data, &said) != nil || said.Alarm != "stuck" || said.Order != "o" || said.Step != "remove-vnf:ns-1" {
		t.Fatalf("the alarms are %d, %+v", alarms, raised)
	}
	if n := len(w.kinds("sm.order")); n > 8 {
		t.Errorf("waiting made %d records", n)
	}
	w.nfvo.end(w.nfvo.ops[0], "FAILED")
	w.work(s, 2)
	w.want(s, "o", smgr.OrderFailed)
}

// An NFVO that does not answer is tried for ever, with the same key, and alarmed
// after a while.
func TestSilence(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	w.nfvo.answer = func(*http.Request) (int, string) { return http.StatusBadGateway, "nobody is there" }
	w.plan(s, terminate("o", "vnf-a"))
	for range 200 {
		w.work(s, 1)
	}
	if o := w.want(s, "o", smgr.OrderRunning); !strings.Contains(o.Reason, "nobody is there") || len(w.kinds("sm.alarm")) != 1 {
		t.Errorf("reason %q, alarms %v", o.Reason, w.kinds("sm.alarm"))
	}
	if w.appends > 40 { // the log knows a repetition only for a while
		t.Errorf("200 attempts appended %d times", w.appends)
	}
	w.nfvo.answer = nil
	w.work(s, 5)
	w.want(s, "o", smgr.OrderCompleted)
	w.checkRecords(s, "o")
	keys := map[string]bool{}
	for _, r := range w.nfvo.requests() {
		keys[r.key] = true
	}
	if len(keys) != 1 {
		t.Errorf("the keys were %v", keys)
	}
}

// An operation that the NFVO forgets is judged by its effect.
func TestForgotten(t *testing.T) {
	for name, gone := range map[string]bool{"with its effect": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, true)
			s := w.process()
			w.nfvo.outcome = func(o *fakeOp) sol005.NsLcmOperationStateType {
				o.id = "another" // from the next question on
				if gone {
					delete(w.nfvo.nss["ns-1"], "vnf-a")
				}
				return "PROCESSING"
			}
			w.plan(s, terminate("o", "vnf-a"))
			w.work(s, 5)
			o := w.want(s, "o", map[bool]smgr.OrderState{true: smgr.OrderCompleted, false: smgr.OrderFailed}[gone])
			if !strings.Contains(o.Steps[0].Outcome, "does not know the operation any more") {
				t.Errorf("the step is %+v", o.Steps[0])
			}
		})
	}
}

// A package that is DISABLED already, or gone, holds up nothing; one that cannot
// be disabled fails the order before anything ends.
func TestDisable(t *testing.T) {
	for was, want := range map[string]smgr.OrderState{"DISABLED": smgr.OrderCompleted, "": smgr.OrderCompleted, "ENABLED": smgr.OrderFailed} {
		w := newWorld(t, true)
		s := w.process()
		w.nfvo.pkgs["pkg-1"] = was
		if was == "ENABLED" {
			w.nfvo.answer = func(*http.Request) (int, string) { return http.StatusConflict, "it is being on-boarded" }
		}
		o := terminate("o", "vnf-a")
		o.Action.DisablePackage, o.Target.VnfPkgID = true, "pkg-1"
		w.plan(s, o)
		w.work(s, 5)
		w.want(s, "o", want)
		if n := len(w.nfvo.happened()); n != map[smgr.OrderState]int{smgr.OrderCompleted: 1}[want] {
			t.Errorf("package %q: effects %q", was, w.nfvo.happened())
		}
	}
}

// What is gone when the request arrives supersedes the order.
func TestGone(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	w.nfvo.answer = func(*http.Request) (int, string) {
		delete(w.nfvo.nss["ns-1"], "vnf-a")
		return http.StatusNotFound, "not found"
	}
	w.plan(s, terminate("o", "vnf-a"))
	w.work(s, 5)
	if o := w.want(s, "o", smgr.OrderSuperseded); !strings.Contains(o.Reason, "gone already") {
		t.Errorf("the reason is %q", o.Reason)
	}
}

// An NFVO that takes a request without a Location: its operation is found, and
// what cannot be found fails in plain sight.
func TestNoLocation(t *testing.T) {
	for found, want := range map[bool]smgr.OrderState{true: smgr.OrderCompleted, false: smgr.OrderFailed} {
		w := newWorld(t, false)
		s := w.process()
		inner := s.NFVO.SecEnforce.NsLcm.HTTP.Transport
		s.NFVO.SecEnforce.NsLcm.HTTP.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			a, err := inner.RoundTrip(r)
			if err == nil && r.Method == http.MethodPost {
				a.Header.Del("Location")
				if !found {
					w.nfvo.mu.Lock()
					w.nfvo.ops = nil
					w.nfvo.mu.Unlock()
				}
			}
			return a, err
		})
		w.plan(s, terminate("o", "vnf-a"))
		w.work(s, 5)
		w.want(s, "o", want)
		if len(w.nfvo.requests()) != 1 {
			t.Errorf("it was sent %d times", len(w.nfvo.requests()))
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A long operation does not hold a worker for ever.
func TestHold(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	w.nfvo.polls = 1 << 30
	w.plan(s, terminate("o", "vnf-a"))
	before := w.Now()
	if err := w.step(s, "ns/ns-1"); err == nil {
		t.Fatal("the item ended before the operation")
	}
	if took := w.Now().Sub(before); took > s.Hold+time.Second {
		t.Errorf("a worker was held for %s", took)
	}
	w.nfvo.end(w.nfvo.ops[0], "COMPLETED")
	w.work(s, 2)
	w.want(s, "o", smgr.OrderCompleted)
}

// The result of an operation that is followed has it asked for at once; nothing else
// that is told does.
func TestTold(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	event := func(kind hub.EventKind, body string) *smgr.Event {
		return &smgr.Event{Kind: kind, Body: json.RawMessage(strings.ReplaceAll(body, "ID", w.nfvo.ops[0].id))}
	}
	waits := 0
	s.Wait = func(ctx context.Context, _ time.Duration) error {
		waits++
		for _, e := range []*smgr.Event{
			event(hub.EventNsOperation, `{"notificationStatus":"START","nsLcmOpOccId":"ID"}`),
			event(hub.EventNsOperation, `{"notificationStatus":"RESULT","nsLcmOpOccId":"another"}`),
			event(hub.EventNsChange, `{"notificationStatus":"RESULT","nsLcmOpOccId":"ID"}`),
			event(hub.EventNsOperation, `{"notificationStatus":"RESULT","nsLcmOpOccId":["ID"]}`),
		} {
			if s.Told(e); ctx.Err() != nil {
				t.Fatalf("%s %s ends the wait", e.Kind, e.Body)
			}
		}
		if s.Told(event(hub.EventNsOperation, `{"notificationStatus":"RESULT","nsLcmOpOccId":"ID"}`)); ctx.Err() == nil {
			t.Fatal("the result of the operation does not end the wait")
		}
		return ctx.Err()
	}
	w.nfvo.polls = 2 // it goes on when it is asked for the first time
	w.plan(s, terminate("o", "vnf-a"))
	if err := w.step(s, "ns/ns-1"); err != nil {
		t.Fatal(err)
	}
	w.want(s, "o", smgr.OrderCompleted)
	if waits != 2 {
		t.Errorf("%d waits, want one before each of two answers", waits)
	}
	s.Told(event(hub.EventNsOperation, `{"notificationStatus":"RESULT","nsLcmOpOccId":"ID"}`)) // nobody waits any more
}

func TestCapabilities(t *testing.T) {
	for _, ours := range []bool{true, false} {
		w := newWorld(t, ours)
		s := w.process()
		if c, known := s.Known(); known {
			t.Errorf("ours %t: known before it was asked: %+v", ours, c)
		}
		got, err := s.Capabilities(t.Context())
		if c, known := s.Known(); !known || c.Extensions != got.Extensions {
			t.Errorf("ours %t: known is %+v, %t", ours, c, known)
		}
		if err != nil || got.Extensions != ours || (len(got.Cannot) == 0) != ours {
			t.Errorf("ours %t: %+v, %v", ours, got, err)
		}
	}
	w := newWorld(t, true)
	s := w.process()
	w.nfvo.Close()
	w.plan(s, terminate("o", "vnf-a"))
	if _, err := s.Capabilities(t.Context()); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("an NFVO that does not answer: %v", err)
	}
	w.work(s, 2)
	if o := w.want(s, "o", smgr.OrderPlanned); !strings.Contains(o.Reason, "extensions") {
		t.Errorf("the reason is %q", o.Reason)
	}
	s = w.process()
	s.NFVO.SecEnforce.Session = nil
	if got, err := s.Capabilities(t.Context()); err != nil || got.Extensions {
		t.Errorf("without a session: %+v, %v", got, err)
	}
}

// FuzzAnswer: whatever an NFVO answers, an identifier is one path segment, and
// what an operation says ends in a state or goes on.
func FuzzAnswer(f *testing.F) {
	f.Add("https://nfvo.example.net/nslcm/v2/ns_lcm_op_occs/1", []byte(`{"id":"1","operationState":"FAILED","error":{"detail":"x"},"operationParams":{"updateType":"REMOVE_VNF","removeVnfInstanceId":["v"]}}`))
	f.Add("/sc-or/v1/host_orders/..", []byte(`{"state":"PARTIALLY_COMPLETED","problems":["x"]}`))
	f.Add("%2e%2e%2f/a%2fb", []byte(`{"operationParams":[],"warnings":null,"startTime":"2026-11-22T12:00:00Z"}`))
	f.Add("//", []byte(`{"vnfInstance":[{"id":"v","vnfInstanceName":"n"}]}`))
	f.Fuzz(func(t *testing.T, location string, body []byte) {
		if id := resourceID(location); strings.ContainsAny(id, "/\\\n") || id == ".." || id == "." {
			t.Errorf("%q has the identifier %q", location, id)
		}
		want := sol005.UpdateNsRequest{UpdateType: sol005.UpdateRemoveVnf, RemoveVnfInstanceID: []string{"v"}}
		var occ opOcc
		if json.Unmarshal(body, &occ) == nil {
			p := occ.progress()
			if p.ended == (p.to == "") || len(p.outcome) > 1100 {
				t.Errorf("progress %+v", p)
			}
			if sameUpdate(occ.OperationParams.UpdateNsRequest, &want) && occ.OperationParams.UpdateType != sol005.UpdateRemoveVnf {
				t.Errorf("another operation was taken for ours: %+v", occ)
			}
		}
		var h hostOrder
		if json.Unmarshal(body, &h) == nil && h.progress().ended && h.State == "" {
			t.Error("a host order without a state has ended")
		}
		var ns nsAnswer
		if json.Unmarshal(body, &ns) == nil && ns.has("v") && len(ns.VnfInstance) == 0 {
			t.Error("an empty NS has a VNF")
		}
	})
}

func TestJudgeAnswer_Broken(t *testing.T) {
	for _, a := range []*httpapi.Answer{nil, {Status: 202}, {Status: 302}} {
		if v := judgeAnswer(a, context.DeadlineExceeded); v != retry {
			t.Errorf("%+v is %s, want retry", a, v)
		}
	}
}

// An answer 412 to a question is no change of the order by somebody else.
func TestFollow_Precondition(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	inner := s.NFVO.SecEnforce.NsLcm.HTTP.Transport
	asked := 0
	s.NFVO.SecEnforce.NsLcm.HTTP.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		a, err := inner.RoundTrip(r)
		if err == nil && r.Method == http.MethodGet {
			if asked++; asked <= 2 {
				a.StatusCode = http.StatusPreconditionFailed
			}
		}
		return a, err
	})
	w.plan(s, terminate("o", "vnf-a"))
	if err := w.step(s, "ns/ns-1"); err == nil || asked != 1 {
		t.Fatalf("after %d questions: %v; want it tried again later", asked, err)
	}
	w.work(s, 5)
	w.want(s, "o", smgr.OrderCompleted)
}
