package policies

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

func TestEvaluate(t *testing.T) {
	set := mustLoad(t, base())
	s := mustSnapshot(t, set, nil)
	in := review(t, map[string]any{
		"packages": map[string]any{"p1": map[string]any{"id": "p1", "signer": "CN=evil"}, "p2": map[string]any{"id": "p2", "signer": "CN=good"}},
		"vnfs":     map[string]any{"v1": map[string]any{"id": "v1", "vnfPkgId": "p1"}, "v2": map[string]any{"id": "v2", "vnfPkgId": "p2"}},
	})
	r := evaluate(t, s, in, EvalOptions{})
	want := []hub.Finding{{
		Policy: "package-signer", Code: "signer-unknown", Severity: hub.SeverityHigh, Message: "package p1 is signed by somebody unknown",
		Target:  hub.Target{VnfPkgID: "p1", VnfInstanceID: "v1"},
		Actions: []hub.Action{{Type: hub.ActionTerminateVnf, Snapshot: true, DisablePackage: true}},
	}}
	if !reflect.DeepEqual(r.Findings, want) {
		t.Errorf("findings = %+v", r.Findings)
	}
	if r.Undecided != nil || r.Evaluated != 1 || r.PolicyRevision != set.Revision() || r.DataRevision != s.DataRevision() || r.EngineVersion != EngineVersion() {
		t.Errorf("result = %+v", r)
	}
	labels := []Label{
		{File: "lib/text.rego", Line: 3, Rule: "sentence"},
		{Policy: "package-signer", Rule: "findings", Title: "The signer is none that we know", File: "package_signer.rego", Line: 29, Labels: map[string]any{"control": "SI-7"}},
		{Policy: "package-signer", Rule: "known", File: "package_signer.rego", Line: 41},
	}
	if !reflect.DeepEqual(r.Labels, labels) {
		t.Errorf("labels = %+v", r.Labels)
	}

	s = mustSnapshot(t, set, map[string]json.RawMessage{"package-signer": json.RawMessage(`{"signers": ["CN=good", "CN=evil"]}`)})
	if r := evaluate(t, s, in, EvalOptions{}); len(r.Findings) != 0 || r.Findings == nil || r.Undecided != nil {
		t.Errorf("with other parameters: %+v", r)
	}
}

// TestRouter holds that only the policies for the kind are asked.
func TestRouter(t *testing.T) {
	files := add(base(), "p", ns)
	s := mustSnapshot(t, mustLoad(t, files), nil)
	in := &Input{Kind: hub.EventAlarm, value: badNS(t).value}
	if r := evaluate(t, s, in, EvalOptions{}); r.Evaluated != 0 || len(r.Findings) != 0 {
		t.Errorf("result = %+v", r)
	}
	if r := evaluate(t, s, badNS(t), EvalOptions{}); r.Evaluated != 2 || len(r.Findings) != 1 || r.Findings[0].Policy != "p" {
		t.Errorf("result = %+v", r)
	}
	if r := evaluate(t, s, badNS(t), EvalOptions{Policy: "package-signer"}); r.Evaluated != 1 || len(r.Findings) != 0 {
		t.Errorf("result = %+v", r)
	}
	for _, tt := range []struct {
		in   *Input
		o    EvalOptions
		code hub.Code
	}{
		{badNS(t), EvalOptions{Policy: "q"}, hub.NotFound},
		{in, EvalOptions{Policy: "p"}, hub.Invalid},
		{&Input{Kind: "x"}, EvalOptions{}, hub.Undecided},
	} {
		if _, err := s.Evaluate(t.Context(), tt.in, tt.o); hub.CodeOf(err) != tt.code {
			t.Errorf("%v: %v", tt.o, err)
		}
	}
}

// bads are rules that go wrong for a bad NS, in each way that there is.
var bads = map[string]struct{ rules, reason string }{
	"builtin":    {find(`{"code": "x", "message": sprintf("%d", [to_number(input.ns.name)]), "target": {"nsInstanceId": input.ns.id}}`), "invalid syntax"},
	"conflict":   {"findings contains {\"code\": \"x\", \"message\": m, \"target\": {\"nsInstanceId\": input.ns.id}}\nm := \"a\" if input.ns.name == \"bad\"\nm := \"b\" if input.ns.name == \"bad\"", "produced conflicting values"},
	"loop":       {slow("numbers.range(1, 1000000000)"), "not done after"},
	"product":    {slow("[1 | r := numbers.range(1, 3000); some a in r; some b in r; some c in r; a + b == c]"), "not done after"},
	"member":     {find(`object.union({"code": "x", "message": "m", "target": {"nsInstanceId": input.ns.id}}, {concat("", ["sev", "ere"]): 1})`), `a finding has no member "severe"`},
	"action":     {find(`{"code": "x", "message": "m", "target": {"nsInstanceId": input.ns.id}, "actions": [{"type": concat("-", ["re", "boot"])}]}`), `unknown action "re-boot"`},
	"argument":   {find(`{"code": "x", "message": "m", "target": {"vnfInstanceId": "v"}, "actions": [{"type": "terminate-vnf", "snapshot": input.ns.name}]}`), `"snapshot" is a string, not true or false`},
	"needs":      {find(`{"code": "x", "message": "m", "target": {"nsInstanceId": input.ns.id}, "actions": [{"type": "terminate-vnf"}]}`), "terminate-vnf needs target.vnfInstanceId"},
	"target":     {find(`{"code": "x", "message": "m", "target": {concat("", ["ns"]): "a"}}`), `a target has no member "ns"`},
	"no-target":  {find(`{"code": "x", "message": "m", "target": {}}`), "needs a target"},
	"text":       {find(`input.ns.name`), "the finding is a string, not an object"},
	"severity":   {find(`{"code": "x", "message": "m", "target": {"nsInstanceId": "a"}, "severity": concat("", ["worst"])}`), `unknown severity "worst"`},
	"number":     {find(`{"code": "x", "message": 7, "target": {"nsInstanceId": "a"}}`), `"message" is a number, not a text`},
	"long":       {find(`{"code": "x", "message": concat("", [x | some i in numbers.range(1, 2000); x := "a"]), "target": {"nsInstanceId": "a"}}`), "needs a message of 1 to 1,000"},
	"many":       {`findings contains {"code": "x", "message": sprintf("%d", [i]), "target": {"nsInstanceId": "a"}} if { some i in numbers.range(1, 20001); input.ns.name == "bad" }`, "20001 findings in one event; at most 20000"},
	"actions":    {find(`{"code": "x", "message": "m", "target": {"nsInstanceId": "a"}, "actions": [x | some i in numbers.range(1, 17); x := {"type": "alert"}]}`), "17 actions; at most 16"},
	"not-list":   {find(`{"code": "x", "message": "m", "target": {"nsInstanceId": "a"}, "actions": object.get(input, "ns", [])}`), `"actions" is an object, not a list`},
	"properties": {find(`{"code": "x", "message": "m", "target": {"nsInstanceId": "a", "vnfInstanceId": "b"}, "actions": [{"type": "modify-security-vnf", "properties": {"a": object.get(input.ns, "x", 7)}}]}`), `"properties.a" is a number, not a text`},
	"key":        {find(`object.union({"code": "x"}, {count(input.ns.name): 1})`), "a member whose name is no text"},
}

func find(term string) string { return "findings contains " + term + " if input.ns.name == \"bad\"" }

// slow is a rule that counts what takes too long to make.
func slow(list string) string {
	return `findings contains {"code": "x", "message": "m", "target": {"nsInstanceId": "a"}} if { input.ns.name == "bad"; count(` + list + `) > 0 }`
}

// withoutSamples loads policies whose samples say nothing about a bad NS.
func withoutSamples(t testing.TB, rules map[string]string) *Set {
	files := fstest.MapFS{}
	for id, r := range rules {
		files[id+".rego"] = &fstest.MapFile{Data: []byte(simple(id, r+"\n"+`findings contains {"code": "sample", "message": "m", "target": {"nsInstanceId": input.ns.id}} if input.ns.name == "sample"`))}
		files[id+".samples.yaml"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(strings.ReplaceAll(nsSamples, "name: bad", "name: sample"), "code: x", "code: sample"))}
	}
	return mustLoad(t, files)
}

// TestUndecided holds that a policy that goes wrong is undecided with the
// reason, alone: the policies around it judge.
func TestUndecided(t *testing.T) {
	for name, bad := range bads {
		t.Run(name, func(t *testing.T) {
			s := mustSnapshot(t, withoutSamples(t, map[string]string{"a": ns, "b": bad.rules, "c": ns}), nil)
			deadline := 20 * time.Second // of what is wrong for another reason
			if bad.reason == "not done after" {
				deadline = 300 * time.Millisecond
			}
			r := evaluate(t, s, badNS(t), EvalOptions{Deadline: deadline})
			if len(r.Undecided) != 1 || r.Undecided[0].Policy != "b" || !strings.Contains(r.Undecided[0].Reason, bad.reason) {
				t.Errorf("undecided = %+v", r.Undecided)
			}
			var found []string
			for _, f := range r.Findings {
				found = append(found, f.Policy)
			}
			if !slices.Equal(found, []string{"a", "c"}) || r.Evaluated != 3 {
				t.Errorf("result = %+v", r)
			}
		})
	}
}

// TestLabelsOneByOne holds that a rule that policies share is named once, also
// when they are asked one by one.
func TestLabelsOneByOne(t *testing.T) {
	files := base()
	uses := "findings contains {\"code\": \"x\", \"message\": data.manoward.lib.text.sentence(1, 2), \"target\": {\"nsInstanceId\": \"a\"}} if input.ns.name == \"bad\""
	add(add(files, "a", uses), "b", uses)
	s := mustSnapshot(t, mustLoad(t, files), nil)
	together := evaluate(t, s, badNS(t), EvalOptions{})
	apart := &Result{}
	s.oneByOne(t.Context(), s.set.queries[hub.EventReview].policies, badNS(t), time.Second, apart)
	if len(together.Labels) != 3 || len(apart.Labels) != 4 {
		t.Errorf("labels = %+v and %+v", together.Labels, apart.Labels)
	}
	bad := add(files, "c", "x := 1")
	bad["c.rego"].Data = []byte(simple("c", bads["conflict"].rules+"\n"+strings.ReplaceAll(ns, "bad", "sample")))
	bad["c.samples.yaml"].Data = []byte(strings.ReplaceAll(nsSamples, "name: bad", "name: sample"))
	r := evaluate(t, mustSnapshot(t, mustLoad(t, bad), nil), badNS(t), EvalOptions{Deadline: time.Second})
	if len(r.Undecided) != 1 || len(r.Findings) != 2 || len(r.Labels) != 3 {
		t.Errorf("result = %+v", r)
	}
}

// TestDeadline holds that policies that never end take ten deadlines together
// and no more, and that a caller who gives up is told so.
func TestDeadline(t *testing.T) {
	rules := map[string]string{}
	for i := range 30 {
		rules[fmt.Sprintf("p%d", i)] = slow("numbers.range(1, 1000000000)")
	}
	s := mustSnapshot(t, withoutSamples(t, rules), nil)
	began := time.Now()
	r := evaluate(t, s, badNS(t), EvalOptions{Deadline: 20 * time.Millisecond})
	if took := time.Since(began); took > 3*time.Second || len(r.Undecided) != 30 || len(r.Findings) != 0 {
		t.Errorf("after %s: %+v", took, r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := s.Evaluate(ctx, badNS(t), EvalOptions{Deadline: time.Minute}); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("err = %v", err)
	}
}

// TestVocabulary carries every action with every argument through a policy.
func TestVocabulary(t *testing.T) {
	no := false
	want := []hub.Action{
		{Type: hub.ActionAlert},
		{Type: hub.ActionTerminateVnf, Snapshot: true, Replace: &no, DisablePackage: true, CoHosted: true, Erase: true, BelowMinimum: true},
		{Type: hub.ActionStopHost, Vnfs: "migrate", Quarantine: true},
		{Type: hub.ActionInsertSecurityVnf},
		{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"level": "high"}},
		{Type: hub.ActionRemoveSecurityVnf},
		{Type: hub.ActionDenyCertificate},
		{Type: hub.ActionDowngradeAttestation},
	}
	target := hub.Target{NsInstanceID: "n", VnfInstanceID: "v", VnfProfileID: "p", VnfPkgID: "k", HostID: "h", ImageID: "i", CertificateRequestID: "c"}
	if len(want) != len(actionTypes()) {
		t.Error("an action is missing here")
	}
	rules := find(`{"code": "x", "severity": "critical", "message": "m", "target": ` + string(encode(target)) + `, "actions": ` + string(encode(want)) + `}`)
	s := mustSnapshot(t, withoutSamples(t, map[string]string{"a": rules}), nil)
	r := evaluate(t, s, badNS(t), EvalOptions{})
	if len(r.Findings) != 1 || !reflect.DeepEqual(r.Findings[0].Actions, want) || r.Findings[0].Target != target || r.Findings[0].Severity != hub.SeverityCritical {
		t.Errorf("result = %+v", r)
	}
}

// TestPanic holds that a defect of the engine makes policies undecided.
func TestPanic(t *testing.T) {
	s := mustSnapshot(t, withoutSamples(t, map[string]string{"a": ns, "b": ns}), nil)
	s.store = nil
	r := evaluate(t, s, badNS(t), EvalOptions{})
	if len(r.Undecided) != 2 || !strings.Contains(r.Undecided[0].Reason, "the engine failed: ") {
		t.Errorf("result = %+v", r)
	}
}

// TestEventTime holds that a policy sees the time of the event and no other,
// and that the same input gives the same result.
func TestEventTime(t *testing.T) {
	rules := find(`{"code": "x", "message": sprintf("%d", [time.parse_rfc3339_ns(input.time)]), "target": {"nsInstanceId": "a"}}`)
	s := mustSnapshot(t, withoutSamples(t, map[string]string{"a": rules}), nil)
	in := badNS(t)
	first, again := evaluate(t, s, in, EvalOptions{}), evaluate(t, s, in, EvalOptions{})
	if want := fmt.Sprint(in.Time.UnixNano()); len(first.Findings) != 1 || first.Findings[0].Message != want {
		t.Errorf("findings = %+v, not %s", first.Findings, want)
	}
	first.Duration, again.Duration = 0, 0
	if !reflect.DeepEqual(first, again) {
		t.Errorf("%+v, then %+v", first, again)
	}
}

func TestParseInput(t *testing.T) {
	schemas := ownSchemas(t)
	good := blank("review")
	good["event"] = map[string]any{"reason": "periodic"}
	with := func(name string, value any) []byte {
		m := map[string]any{}
		for k, v := range good {
			m[k] = v
		}
		if m[name] = value; value == nil {
			delete(m, name)
		}
		return encode(m)
	}
	in, err := schemas.ParseInput(with("time", "2026-02-03T04:05:06.5+01:00"))
	if err != nil || in.Kind != hub.EventReview || !in.Time.Equal(time.Date(2026, 2, 3, 3, 5, 6, 500_000_000, time.UTC)) {
		t.Errorf("in = %+v, %v", in, err)
	}
	for _, tt := range []struct {
		raw  []byte
		want string
	}{
		{nil, "no JSON document"},
		{[]byte("[]"), "no JSON object"},
		{append(with("x", nil), '1'), "no JSON document"},
		{with("schema", "other"), `"schema" must be "manoward.policy-input/1"`},
		{with("kind", "reviw"), `"kind" is "reviw"; use one of ns-operation`},
		{with("vnfz", 1), "additional properties 'vnfz' not allowed"},
		{with("event", map[string]any{"reason": "because"}), "does not fit the schema of review: at '/event/reason'"},
		{with("time", "yesterday"), "time"},
		{with("sm", nil), "missing property 'sm'"},
		{make([]byte, MaxInput+1), "at most 16777216 are judged"},
	} {
		if _, err := schemas.ParseInput(tt.raw); hub.CodeOf(err) != hub.Invalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.want, err)
		}
	}
}

func FuzzParseInput(f *testing.F) {
	schemas := ownSchemas(f)
	good := blank("review")
	good["event"] = map[string]any{"reason": "periodic"}
	f.Add([]byte(encode(good)))
	f.Add([]byte(`{"schema":"manoward.policy-input/1","kind":"alarm","time":1e999}`))
	f.Add([]byte(strings.Repeat(`{"a":`, 2000)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := schemas.ParseInput(raw)
		if err == nil && (in.value == nil || in.Time.IsZero() && in.Kind == "") {
			t.Error("an input without content")
		}
		if err != nil && hub.CodeOf(err) != hub.Invalid {
			t.Errorf("err = %v", err)
		}
	})
}

func TestSnapshot(t *testing.T) {
	set := mustLoad(t, add(base(), "p", ns))
	first := mustSnapshot(t, set, nil)
	if string(first.Parameters("package-signer")) != `{"signers":["CN=good"]}` || first.Parameters("nobody") != nil {
		t.Errorf("parameters = %s", first.Parameters("package-signer"))
	}
	same := mustSnapshot(t, set, map[string]json.RawMessage{"package-signer": json.RawMessage(`{"signers": [ "CN=good" ]}`), "p": json.RawMessage(`{}`)})
	if first.DataRevision() != same.DataRevision() {
		t.Error("the same parameters have two revisions")
	}
	other := mustSnapshot(t, set, map[string]json.RawMessage{"package-signer": json.RawMessage(`{"signers": []}`)})
	if first.DataRevision() == other.DataRevision() || other.PolicyRevision() != set.Revision() || other.Set() != set {
		t.Error("other parameters have the same revision")
	}
	for raw, want := range map[string]string{
		`{"package-signr": {}}`:                 `there is no policy "package-signr"; did you mean "package-signer"?`,
		`{"package-signer": {"signrs": []}}`:    `the parameters of package-signer have no "signrs"; did you mean "signers"?`,
		`{"package-signer": {"signers": [7]}}`:  "the parameters of package-signer do not fit: at '/signers/0'",
		`{"package-signer": 7, "p": {"a": 1}}`:  "are no JSON object\n",
		`{"p": {"a": 1}}`:                       `the parameters of p have no "a"; take it out`,
		`{"package-signer": {"signers": null}}`: "do not fit",
	} {
		parameters := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(raw), &parameters); err != nil {
			t.Fatal(err)
		}
		if _, err := set.Snapshot(parameters); hub.CodeOf(err) != hub.Invalid || !strings.Contains(err.Error()+"\n", want) {
			t.Errorf("%s: %v", raw, err)
		}
	}
	if _, err := set.Snapshot(map[string]json.RawMessage{"p": json.RawMessage(`{`)}); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("err = %v", err)
	}
}

// TestEngine swaps snapshots while many evaluations run: each result is of one
// snapshot or of the other, in every member.
func TestEngine(t *testing.T) {
	var e Engine
	in := badNS(t)
	if _, err := e.Evaluate(t.Context(), in, EvalOptions{}); hub.CodeOf(err) != hub.Undecided || e.Active() != nil {
		t.Errorf("without a snapshot: %v", err)
	}
	some := mustSnapshot(t, mustLoad(t, add(base(), "p", ns)), nil)
	none := mustSnapshot(t, mustLoad(t, base()), nil)
	if e.Activate(some) != nil || e.Activate(none) != some || e.Active() != none {
		t.Error("activate does not return what was active")
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				r, err := e.Evaluate(t.Context(), in, EvalOptions{Deadline: time.Minute})
				if err != nil || (r.PolicyRevision == some.PolicyRevision()) != (len(r.Findings) == 1) || r.Undecided != nil {
					t.Errorf("%+v, %v", r, err)
				}
			}
		})
	}
	for range 50 {
		e.Activate(some)
		e.Activate(none)
	}
	all.Wait()
}
