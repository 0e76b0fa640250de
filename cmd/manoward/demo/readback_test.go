package demo

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hubThatSays is a stage whose verbs print what is given for their first two words, and
// do nothing.
func hubThatSays(t *testing.T, answers map[string]string) *Stage {
	t.Helper()
	dir := t.TempDir()
	for verb, text := range answers {
		if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(verb, " ", "-")), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexec cat \""+dir+"/$1-$2\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return &Stage{
		Dir: dir, o: &Options{Executable: program, Program: "manoward", Now: time.Now},
		line: &timeline{out: io.Discard, progress: io.Discard, now: time.Now, began: time.Now()},
		hub:  &hubProcess{process: &process{ended: make(chan struct{})}}, proofs: new([]string),
	}
}

const (
	bothHosts = `[{"hostId": "h1", "computeIds": ["c1"]}, {"hostId": "h2", "computeIds": ["c2"]}]`
	oneVNF    = `{"vnfInstance": [{"id": "v1"}]}`
)

// What NFVO and VIM do not say alike, or not as a scenario wants it, fails the step.
func TestPlaced(t *testing.T) {
	t.Parallel()
	of := func(vnfs, computes map[string]string) *service {
		return &service{domain: "north", id: "n1", vnfs: vnfs, computes: computes}
	}
	for name, c := range map[string]struct {
		of         *service
		want, said string
	}{
		"as wanted":         {of(map[string]string{"web": "v1"}, map[string]string{"v1": "c1"}), "web h1", ""},
		"on another host":   {of(map[string]string{"web": "v1"}, map[string]string{"v1": "c2"}), "web h1", "there run: web h2; wanted: web h1"},
		"gone at the VIM":   {of(map[string]string{"web": "v1"}, map[string]string{"v1": "c3"}), "web h1", "the NFVO has it: true, the VIM runs it: false"},
		"left at the VIM":   {of(map[string]string{"web": "v2"}, map[string]string{"v2": "c2"}), "", "the NFVO has it: false, the VIM runs it: true"},
		"gone from both":    {of(map[string]string{"web": "v2"}, map[string]string{"v2": "c9"}), "", ""},
		"gone and not told": {of(map[string]string{"web": "v2"}, map[string]string{"v2": "c9"}), "web h1", "wanted: web h1"},
	} {
		s := hubThatSays(t, map[string]string{"ns show": oneVNF, "vim hosts": bothHosts})
		fails(t, name, s.placed(t.Context(), c.of, c.want), c.said)
	}
}

// fails compares an error with what it has to say; nothing: there is none.
func fails(t *testing.T, what string, err error, said string) {
	t.Helper()
	if said == "" && err == nil {
		return
	}
	if said == "" || err == nil || !strings.Contains(err.Error(), said) {
		t.Errorf("%s: %v, want it to say %q", what, err, said)
	}
}

func TestUntouched(t *testing.T) {
	t.Parallel()
	for answer, said := range map[string]string{`[{"id": "o1"}]`: "", `[{"id": "o1"}, {"id": "o2"}]`: "lists 2 operations on n1", `{`: "read what"} {
		s := hubThatSays(t, map[string]string{"ns ops": answer})
		fails(t, answer, s.untouched(t.Context(), &service{id: "n1"}), said)
	}
}

// The records say what became of an order; the newest one counts, and one of another
// Security Manager does not.
func TestOrdered(t *testing.T) {
	t.Parallel()
	order := func(sm, state, reason string) string {
		return `{"id": "r", "actor": "spiffe://north/sm/` + sm + `/sc-or.sec-enforce", "data": {"id": "o-` + sm + `", "state": "` + state + `", "reason": "` + reason + `", "target": {"vnfInstanceId": "v1", "hostId": "h1"}}}`
	}
	for answer, said := range map[string]string{
		"[" + order("alpha", "running", "") + "," + order("alpha", "completed", "") + "," + order("beta", "failed", "") + "]": "",
		"[" + order("alpha", "failed", "no room") + "]":                                                                       "the order of alpha about v1 is failed (no room), and must be completed",
		`[{"id": "r", "actor": "spiffe://north/sm/alpha/sc-or.sec-enforce", "data": 7}]`:                                      "read record r",
	} {
		s := hubThatSays(t, map[string]string{"trust-domain records": answer})
		found, err := s.ordered(t.Context(), "alpha", "north", map[string]string{"v1": "completed"})
		fails(t, answer, err, said)
		if err == nil && found["v1"].ID != "o-alpha" {
			t.Errorf("found %+v", found)
		}
	}
}

// The VIM has to have erased what it has of a VNF, and to have told of what it has not any more.
func TestErased(t *testing.T) {
	t.Parallel()
	const (
		kept    = `[{"metadata": {"vnfInstanceId": "v1"}}]`
		another = `[{"metadata": {"vnfInstanceId": "v2"}}, {"metadata": {"vnfInstanceId": "v1"}, "erasedAt": "2026-11-23T01:02:03Z"}]`
		judged  = `[{"actor": "spiffe://bank/sm/sentinel/x", "subject": "decision/d1", "data": {"key": "compute/c1"}}]`
	)
	notice := func(secure, before, after string) string {
		return `{"event": {"changeType": "ERASED", "changedResourceData": {"erasedAt": "2026-11-23T01:02:03Z", "secureStorage": "` + secure +
			`", "checksumBefore": {"hash": "` + before + `"}, "checksumAfter": {"hash": "` + after + `"}}}}`
	}
	for name, c := range map[string]struct{ storages, records, notice, said string }{
		"erased":                {another, judged, notice("erased", "a", "b"), ""},
		"a storage is left":     {kept, judged, notice("erased", "a", "b"), "has 1 storages of VNF v1 that were not erased"},
		"the content is left":   {"[]", judged, notice("erased", "a", "a"), "its content be another"},
		"the TPM slot is left":  {"[]", judged, notice("", "a", "b"), "its TPM slot must be erased"},
		"the answer is no JSON": {"[]", judged, "{", "read what"},
	} {
		s := hubThatSays(t, map[string]string{"vim storages": c.storages, "trust-domain records": c.records, "decision show": c.notice})
		told, err := (&compromise{bank: &service{computes: map[string]string{"v1": "c1"}}}).erased(t.Context(), s, "v1")
		fails(t, name, err, c.said)
		if err == nil && (told.decision != "d1" || told.Event.Changed.ErasedAt.Minute() != 2) {
			t.Errorf("%s: %+v", name, told)
		}
	}
}

// A chain counts when its steps have records and the journal has those; a record that is
// not what was sealed fails it.
func TestChained(t *testing.T) {
	t.Parallel()
	for answer, said := range map[string]string{
		`{"links": [{"step": "event", "missing": "none"}, {"step": "order", "record": {"journalIndex": 0}}]}`: "",
		`{"links": [{"step": "order", "record": {"journalIndex": 3, "altered": true}}]}`:                      "the record of the order in the chain of order o1 is not what was sealed",
		`[]`: "read what",
	} {
		s := hubThatSays(t, map[string]string{"audit show": answer})
		fails(t, answer, s.chained(t.Context(), "north", "order", "o1", []string{"order"}), said)
		if (len(*s.proofs) == 1) != (said == "") {
			t.Errorf("%s: proofs %q", answer, *s.proofs)
		}
	}
}

// Two refusals are the same when they differ by the IDs of request and VNF alone.
func TestTold(t *testing.T) {
	t.Parallel()
	a, b := `{"detail":"no VNF v1","requestId":"1-2"}`, `{"detail":"no VNF v2","requestId":"3-4"}`
	if told(a, "v1") != told(b, "v2") || told(a, "v1") == told(strings.ReplaceAll(b, "no VNF", "no such VNF"), "v2") {
		t.Errorf("%q and %q", told(a, "v1"), told(b, "v2"))
	}
}

// Credentials that are not there, or not whole, are named.
func TestForeign(t *testing.T) {
	t.Parallel()
	s := hubThatSays(t, nil)
	_, err := s.foreign("intruder")
	fails(t, "no folder", err, "read the endpoints of intruder")
	if err := os.MkdirAll(s.File("intruder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.File("intruder/endpoints.json"), []byte(`{"sc-or.sec-enforce": {"url": "https://127.0.0.1:1"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := s.foreign("intruder")
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.ask(t.Context(), "sc-or.sec-enforce", "2.3.0", "GET", "/", "")
	fails(t, "no credential", err, "read the credential of sc-or.sec-enforce")
}
