package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// What a decision says stays short, however much it holds.
func TestDecision_Says(t *testing.T) {
	finding := func(code string) hub.Finding {
		return hub.Finding{Policy: "p", Code: code, Severity: "high"}
	}
	for want, d := range map[string]decision{
		"nothing found":      {},
		"p/a (high, shadow)": {Findings: []hub.Finding{finding("a"), finding("a")}, Levels: []string{"shadow", "shadow"}},
		"p/a (high, -); undecided: q; conflicts: 1; orders: 2": {
			Findings: []hub.Finding{finding("a")}, Undecided: []policies.Undecided{{Policy: "q"}}, Orders: []string{"1", "2"},
			Conflicts: make([]struct {
				Findings [2]int `json:"findings"`
				Reason   string `json:"reason"`
			}, 1),
		},
		"p/a (high, -); p/b (high, -); p/c (high, -); 2 more":        {Findings: []hub.Finding{finding("a"), finding("b"), finding("c"), finding("d"), finding("e")}},
		"undecided: a; undecided: b; undecided: c; 1 more undecided": {Undecided: []policies.Undecided{{Policy: "a"}, {Policy: "b"}, {Policy: "c"}, {Policy: "d"}}},
	} {
		if got := d.says(); got != want {
			t.Errorf("says %q, want %q", got, want)
		}
	}
}

// A program that reads -o json gets all that the hub said, also what this CLI does
// not know yet.
func TestTold_KeepsAll(t *testing.T) {
	const raw = `{"id":"d1","new":{"x":1},"findings":null}`
	var d told[decision]
	if err := json.Unmarshal([]byte(raw), &d); err != nil || d.is.ID != "d1" {
		t.Fatalf("%+v %v", d, err)
	}
	got, err := json.Marshal([]told[decision]{d})
	if err != nil || string(got) != "["+raw+"]" {
		t.Errorf("%s %v", got, err)
	}
}

func TestOrder_Effect(t *testing.T) {
	no := false
	target := hub.Target{VnfInstanceID: "v1", VnfPkgID: "p1", HostID: "h1", NsInstanceID: "n1", VnfProfileID: "fw"}
	for want, a := range map[string]hub.Action{
		"takes a snapshot of VNF v1|disables package p1, of which no VNF is made any more|terminates VNF v1 in each NS that uses it|terminates the trust domain's other VNFs on its hosts|erases its storages and its TPM, HSM and HMEE slots|nothing brings it back until an operator lifts the bar|also when fewer instances than the least of its VNF profile are left": {
			Type: hub.ActionTerminateVnf, Snapshot: true, DisablePackage: true, CoHosted: true, Erase: true, Replace: &no, BelowMinimum: true},
		"terminates VNF v1 in each NS that uses it|nothing bars it from coming back: auto-heal and scaling may make it again": {Type: hub.ActionTerminateVnf},
		"ends the use of host h1|migrates its VNFs to other hosts":                                                            {Type: hub.ActionStopHost, Vnfs: "migrate"},
		"ends the use of host h1|terminates its VNFs|isolates the host with what stays on it":                                 {Type: hub.ActionStopHost, Vnfs: "terminate", Quarantine: true},
		"inserts a security VNF of profile fw into NS n1":                                                                     {Type: hub.ActionInsertSecurityVnf},
		"changes 1 configurable properties of security VNF v1":                                                                {Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "b"}},
		"removes security VNF v1":     {Type: hub.ActionRemoveSecurityVnf},
		"alert on " + target.String(): {Type: hub.ActionAlert},
	} {
		o := order{Action: a, Target: target}
		if got := strings.Join(o.effect(), "|"); got != want {
			t.Errorf("%s does %q, want %q", a.Type, got, want)
		}
	}
}

// fakeDecisions serves a list of decisions, the newest first, as a hub does.
type fakeDecisions struct {
	list  []decision
	down  bool
	asked []string // queries
}

func (f *fakeDecisions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.asked = append(f.asked, r.URL.RawQuery)
	if f.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(f.list); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (f *fakeDecisions) decide(id string, at time.Time) {
	f.list = append([]decision{{ID: id, Kind: "review", Key: "ns/1", Decided: at, EventTime: at}}, f.list...)
}

// The watcher shows what is decided after it began, each decision once, in order,
// also what was decided while the hub did not answer.
func TestWatcher(t *testing.T) {
	fake := &fakeDecisions{}
	server := httptest.NewServer(fake)
	defer server.Close()
	var out, log bytes.Buffer
	p := &program{Env: Env{Stdout: &out, Stderr: &log}, output: "json"}
	connect := func() *remoteSM {
		return &remoteSM{&httpapi.Client{Base: server.URL, HTTP: server.Client(), Retries: -1}, smChoice{name: "alpha"}}
	}
	w := &watcher{p: p, sm: connect(), seen: map[string]time.Time{}}
	look := func(want ...string) {
		t.Helper()
		out.Reset()
		if err := w.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			var d decision
			if err := json.Unmarshal([]byte(line), &d); err != nil {
				t.Fatalf("%q is no line of JSON: %v", line, err)
			}
			got = append(got, d.ID)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("shown %v, want %v", got, want)
		}
	}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for i := range 3 * watchOverlap {
		fake.decide(fmt.Sprintf("old-%03d", i), at.Add(time.Duration(i)*time.Millisecond))
	}
	look()
	fake.decide("b", at.Add(2*time.Second))
	fake.decide("a", at.Add(time.Second))
	look("a", "b")
	look()

	fake.down = true
	if err := w.look(t.Context()); hub.CodeOf(err) != hub.Unavailable || !w.passing(err) {
		t.Fatalf("a hub that does not answer: %v", err)
	}
	w.lost, fake.down = true, false
	// Decided meanwhile, on an event of long ago: behind all that is known.
	fake.list = append(fake.list, decision{ID: "late", Decided: at.Add(3 * time.Second), EventTime: at.Add(-time.Hour)})
	fake.decide("c", at.Add(4*time.Second))
	look("late", "c")
	if q := fake.asked[len(fake.asked)-1]; !strings.Contains(q, "filter=%28gte%2Cdecided%2C2026-11-22T11%3A50%3A02Z%29") {
		t.Errorf("after an outage it asks for %q", q)
	}
	w.lost = false
	look()

	// What is not to pass ends it, and so does the first failure of all.
	if w.passing(hub.E(hub.Denied, "op", "no", nil)) || (&watcher{}).passing(hub.E(hub.Unavailable, "op", "no", nil)) {
		t.Error("it waits for what does not come")
	}
	// Memory does not grow for ever.
	fake.list = nil
	fake.decide("next", at.Add(3*watchSlack))
	look("next")
	if len(w.seen) != 1 {
		t.Errorf("%d decisions are remembered", len(w.seen))
	}
}

func TestPastTime(t *testing.T) {
	for text, want := range map[string]string{"2026-11-22T13:00:00+01:00": "2026-11-22T12:00:00Z", "2026-11-22": "2026-11-22T00:00:00Z"} {
		if got, err := pastTime("since", text); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	if got, err := pastTime("since", "90m"); err != nil || time.Since(got).Round(time.Minute) != 90*time.Minute {
		t.Errorf("90m is %s, %v", got, err)
	}
	for _, text := range []string{"yesterday", "-1h", "12:00"} {
		if _, err := pastTime("since", text); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%s: %v", text, err)
		}
	}
}
