package smgrapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/smgr"
)

func TestDecisions_List(t *testing.T) {
	w := active(t, smgr.LevelAdvise)
	ids := w.judge(5)
	var got []string
	for path := "/manoward/v1/security_managers/north/decisions?found=true&key=ns/n1"; path != ""; {
		a := w.send(t.Context(), ann, "GET", path, "").is(http.StatusOK)
		for _, d := range as[[]smgr.Decision](a) {
			got = append(got, d.ID)
		}
		link := a.header.Get("Link")
		path = ""
		if link != "" {
			path = strings.TrimPrefix(link[1:strings.Index(link, ">")], w.url)
		}
	}
	if !slices.Equal(got, ids) || len(ids) != 5 {
		t.Errorf("listed %v, want the newest first: %v", got, ids)
	}
	one := func(query, want string) {
		t.Helper()
		list := as[[]smgr.Decision](w.call(ann, "GET", "/decisions?"+query, "").is(http.StatusOK))
		if want == "" && len(list) > 0 || want != "" && (len(list) == 0 || list[0].EventID != want) {
			t.Errorf("%s: %+v", query, list)
		}
	}
	one("eventId=event-3", "event-3")
	one("before=2026-11-22T12:00:01Z", "event-1")
	one("filter=(eq,eventId,event-2)", "event-2")
	one("policy=other", "")
	one("undecided=true", "")
	one("vnfInstanceId=v1&conflict=false", "event-4")
	for _, bad := range []string{"found=perhaps", "before=noon", "nonsense=1", "filter=(eq"} {
		w.call(ann, "GET", "/decisions?"+bad, "").is(http.StatusBadRequest)
	}
}

func TestDecisions_Show(t *testing.T) {
	w := active(t, smgr.LevelAdvise)
	id := w.judge(1)[0]
	a := w.call(ann, "GET", "/decisions/"+id, "").is(http.StatusOK, "evil provider")
	w.call(ann, "GET", "/decisions/"+id, "", "If-None-Match: "+a.header.Get("ETag")).is(http.StatusNotModified)
	d := as[smgr.Decision](a)
	raw, err := w.m.Decide.Input(t.Context(), &d)
	check(t, err)
	if got := w.call(ann, "GET", "/decisions/"+id+"/input", "").is(http.StatusOK).body; string(got) != string(raw) {
		t.Errorf("the input is not that of the decision: %s", got)
	}
	for _, path := range []string{"", "/input", "/explanations", "/trace?policy=evil-provider"} {
		w.call(ann, "GET", "/decisions/none"+path, "").is(http.StatusNotFound)
	}
}

func TestDecisions_Explain(t *testing.T) {
	w := active(t, smgr.LevelAdvise)
	id := w.judge(1)[0]
	list := as[[]explanation](w.call(ann, "GET", "/decisions/"+id+"/explanations", "").is(http.StatusOK))
	if len(list) != 1 || len(list[0].Findings) != 1 || !strings.Contains(list[0].Text, "provider") {
		t.Errorf("explained: %+v", list)
	}
	w.call(ann, "GET", "/decisions/"+id+"/explanations?policy=evil-provider", "").is(http.StatusOK, "evil")
	w.call(ann, "GET", "/decisions/"+id+"/explanations?policy=other", "").is(http.StatusNotFound)
	a := w.call(ann, "GET", "/decisions/"+id+"/trace?policy=evil-provider", "").is(http.StatusOK, "evil_provider")
	if got := a.header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Error(got)
	}
	w.call(ann, "GET", "/decisions/"+id+"/trace", "").is(http.StatusBadRequest, "?policy=")
	w.call(ann, "GET", "/decisions/"+id+"/trace?policy=other", "").is(http.StatusNotFound)
	w.call(ann, "GET", "/decisions/"+id+"/trace?policy=evil-provider", "", "Accept: image/png").is(http.StatusNotAcceptable)
}

// What is asked for here leaves the processors to the events.
func TestDecisions_Busy(t *testing.T) {
	w := active(t, smgr.LevelAdvise)
	id := w.judge(1)[0]
	for range maxWorking {
		done, err := w.m.work("test")
		check(t, err)
		defer done()
	}
	w.call(ann, "GET", "/decisions/"+id+"/explanations", "").is(http.StatusTooManyRequests)
	w.call(ann, "GET", "/decisions/"+id+"/trace?policy=evil-provider", "").is(http.StatusTooManyRequests)
	w.call(ann, "POST", "/evaluations", `{"decisionId":"`+id+`"}`).is(http.StatusTooManyRequests)
}

func TestEvaluate(t *testing.T) {
	w := active(t, smgr.LevelEnforce)
	id := w.judge(1)[0]
	other := w.push("evil-provider", "Another")
	before := len(w.records)
	run := func(in map[string]any, status int, words ...string) answer {
		t.Helper()
		raw, err := json.Marshal(in)
		check(t, err)
		return w.call(ann, "POST", "/evaluations", string(raw)).is(status, words...)
	}
	raw, err := w.Input(t.Context(), review(7))
	check(t, err)
	mild := map[string]any{"evil-provider": map[string]any{"names": []string{"nobody"}}}
	for name, in := range map[string]map[string]any{
		"event":    {"event": review(7)},
		"input":    {"input": json.RawMessage(raw)},
		"decision": {"decisionId": id},
		"again":    {"decisionId": id, "revision": "recorded"},
		"revision": {"decisionId": id, "revision": other},
		"policy":   {"decisionId": id, "policy": "evil-provider"},
	} {
		t.Run(name, func(t *testing.T) { run(in, http.StatusOK, "VNF v1 is of an evil provider") })
	}
	run(map[string]any{"decisionId": id, "revision": "recorded"}, http.StatusOK, `"same":true`)
	run(map[string]any{"decisionId": id, "revision": other}, http.StatusOK, other)
	run(map[string]any{"decisionId": id, "parameters": mild}, http.StatusOK, `"findings":[]`)

	run(map[string]any{}, http.StatusBadRequest)
	run(map[string]any{"decisionId": id, "event": review(7)}, http.StatusBadRequest, "one of")
	run(map[string]any{"decisionId": id, "parameters": map[string]any{"evil-provider": map[string]any{"colour": 1}}}, http.StatusBadRequest, "colour")
	run(map[string]any{"decisionId": id, "parameters": mild, "revision": "recorded"}, http.StatusBadRequest)
	run(map[string]any{"decisionId": "none"}, http.StatusNotFound)
	run(map[string]any{"decisionId": id, "revision": "none"}, http.StatusNotFound)
	run(map[string]any{"input": map[string]any{"kind": "review"}}, http.StatusBadRequest)
	run(map[string]any{"unknown": 1}, http.StatusBadRequest, "unknown")
	if len(w.records) != before || len(w.judge(0)) != 1 {
		t.Error("a dry run left something behind")
	}
}

func TestEvaluate_NothingActive(t *testing.T) {
	w := newWorld(t)
	raw, err := w.Input(t.Context(), review(1))
	check(t, err)
	w.call(ann, "POST", "/evaluations", `{"input":`+string(raw)+`}`).is(http.StatusConflict, "no policies are active")
	w.call(ann, "POST", "/evaluations", `{"parameters":{"a":{}},"input":`+string(raw)+`}`).is(http.StatusConflict, "no policies are active")
	w.call(ann, "GET", "/policies", "").is(http.StatusConflict, "no policies are active")
	w.call(ann, "GET", "/policies/a/parameters", "").is(http.StatusConflict)
	r := w.push("evil-provider", "Test")
	w.call(ann, "POST", "/evaluations", `{"revision":"`+r+`","input":`+string(raw)+`}`).is(http.StatusOK, "evil provider")
}
