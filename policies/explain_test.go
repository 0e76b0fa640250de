package policies

import (
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/manoward/manoward/internal/hub"
)

func TestExplain(t *testing.T) {
	s := mustSnapshot(t, mustLoad(t, base()), nil)
	in := review(t, map[string]any{
		"packages": map[string]any{"p1": map[string]any{"id": "p1", "signer": "CN=evil"}, "p2": map[string]any{"id": "p2"}},
		"vnfs":     map[string]any{"v1": map[string]any{"id": "v1", "vnfPkgId": "p1"}, "v2": map[string]any{"id": "v2", "vnfPkgId": "p2"}},
	})
	e, err := s.Explain(t.Context(), in, "package-signer")
	if err != nil || len(e.Findings) != 1 {
		t.Fatalf("%+v, %v", e, err)
	}
	want := `Policy package-signer (Package signed by somebody unknown)
  finds signer-unknown (high): package p1 is signed by somebody unknown
    on vnf/v1 package/p1
    because the rule findings (The signer is none that we know) at package_signer.rego:29 was true, reading
      input.packages.p1.signer: "CN=evil"
      input.vnfs.v1.id: "v1"
      input.vnfs.v1.vnfPkgId: "p1"
    and the rule sentence at lib/text.rego:3 was true
`
	if got := e.String(); got != want {
		t.Errorf("explanation:\n%s\nwant:\n%s", got, want)
	}

	good := review(t, map[string]any{
		"packages": map[string]any{"p1": map[string]any{"id": "p1", "signer": "CN=good"}},
		"vnfs":     map[string]any{"v1": map[string]any{"id": "v1", "vnfPkgId": "p1"}},
	})
	if e, err := s.Explain(t.Context(), good, "package-signer"); err != nil || !strings.Contains(e.String(), "finds nothing: no rule") {
		t.Errorf("%+v, %v", e, err)
	}
	for id, code := range map[string]hub.Code{"": hub.NotFound, "other": hub.NotFound} {
		if _, err := s.Explain(t.Context(), in, id); hub.CodeOf(err) != code {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// TestExplainReads holds what a rule is said to have read: parameters, values of
// helpers, and that there was none.
func TestExplainReads(t *testing.T) {
	rules := `
findings contains {"code": "x", "message": "m", "target": {"nsInstanceId": ns.id}} if {
	bad_name
	not input.ns.flavourId
}
ns := input.ns
bad_name if ns.name in {"bad", "worse"}
`
	s := mustSnapshot(t, withoutSamples(t, map[string]string{"a": rules, "b": bads["conflict"].rules}), nil)
	e, err := s.Explain(t.Context(), badNS(t), "a")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, e.String(), "input.ns.flavourId: nothing there", "the rule bad_name at a.rego:19 was true", "the rule ns at a.rego:18 was true, reading\n      input.ns: {\"id\":\"n1\",\"name\":\"bad\"}")

	e, err = s.Explain(t.Context(), badNS(t), "b")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, e.String(), "is undecided: b.rego:15: rule data.manoward.policies.b.m produced conflicting values")

	parameters := mustSnapshot(t, mustLoad(t, base()), nil)
	in := review(t, map[string]any{"packages": map[string]any{"p1": map[string]any{"id": "p1", "signer": "CN=good"}}})
	var out strings.Builder
	if err := parameters.Trace(t.Context(), in, "package-signer", &out); err != nil {
		t.Fatal(err)
	}
	wantText(t, out.String(), "package_signer.rego:29", "Enter data.manoward.policies.package_signer.findings", "Fail")
	if err := parameters.Trace(t.Context(), in, "x", &out); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("err = %v", err)
	}
	out.Reset()
	if err := s.Trace(t.Context(), badNS(t), "b", &out); err != nil || !strings.Contains(out.String(), "undecided: ") {
		t.Errorf("%s, %v", out.String(), err)
	}
}

// TestTraceOfALoop holds that the trace of a policy that never ends does.
func TestTraceOfALoop(t *testing.T) {
	s := mustSnapshot(t, withoutSamples(t, map[string]string{"a": bads["product"].rules}), nil)
	if err := s.Trace(t.Context(), badNS(t), "a", io.Discard); err != nil {
		t.Fatal(err)
	}
	r := &recorder{buffer: topdown.NewBufferTracer(), most: 10}
	for range 20 {
		r.TraceEvent(topdown.Event{Op: topdown.EnterOp})
	}
	if len(*r.buffer) != 10 || !r.more {
		t.Errorf("%d steps are kept, more %t", len(*r.buffer), r.more)
	}
	if e, err := s.Explain(t.Context(), badNS(t), "a"); err != nil || !strings.Contains(e.Undecided, "it was not done after 1s") {
		t.Errorf("%+v, %v", e, err)
	}
}

const signerTest = `package manoward.policies.package_signer_test

import data.manoward.policies.package_signer

evil := {"packages": {"p1": {"signer": "CN=evil"}}, "vnfs": {"v1": {"id": "v1", "vnfPkgId": "p1"}}}

test_foreign if count(package_signer.findings) == 1 with input as evil

test_own if {
	count(package_signer.findings) == 0 with input as evil with data.manoward.parameters["package-signer"].signers as ["CN=evil"]
}
`

func TestTest(t *testing.T) {
	files := base()
	files["package_signer_test.rego"] = &fstest.MapFile{Data: []byte(signerTest)}
	o := TestOptions{Options: Options{Schemas: ownSchemas(t)}}
	report, problems := Test(t.Context(), files, o)
	if report == nil || !report.Passed() || len(report.Results) != 2 || report.Percent() != 100 {
		t.Fatalf("report = %+v, %v", report, problems)
	}
	if r := report.Results[1]; r.File != "package_signer_test.rego" || r.Line != 9 || r.Name != "test_own" || r.Package != "manoward.policies.package_signer_test" {
		t.Errorf("result = %+v", r)
	}

	files["more_test.rego"] = &fstest.MapFile{Data: []byte(`package more_test
test_wrong if { print("seen", 7); 1 == 2 }
test_error if to_number("x") == 1
todo_test_later if 1 == 2
`)}
	add(files, "p", ns+"\nuntested if input.ns.name == \"a\"\nuntested if {\n\tinput.ns.name == \"b\"\n}")
	report, problems = Test(t.Context(), files, o)
	if report == nil || report.Passed() {
		t.Fatalf("report = %+v, %v", report, problems)
	}
	outcomes := map[string]Outcome{}
	for _, r := range report.Results {
		outcomes[r.Name] = r.Outcome
		if r.Name == "test_wrong" && r.Output != "seen 7\n" {
			t.Errorf("output = %q", r.Output)
		}
		if r.Name == "test_error" && !strings.Contains(r.Error, "to_number") {
			t.Errorf("error = %q", r.Error)
		}
	}
	if outcomes["test_wrong"] != Fail || outcomes["test_error"] != Err || outcomes["todo_test_later"] != Skip || outcomes["test_own"] != Pass {
		t.Errorf("outcomes = %v", outcomes)
	}
	for _, c := range report.Coverage {
		if c.File == "p.rego" && len(c.Uncovered) != 4 {
			t.Errorf("coverage = %+v", c)
		}
	}
	o.Filter = "test_own"
	if report, _ := Test(t.Context(), files, o); report == nil || len(report.Results) != 1 {
		t.Errorf("filtered: %+v", report)
	}
	o.Filter = "("
	if report, problems := Test(t.Context(), files, o); report != nil || len(problems) != 1 {
		t.Errorf("bad filter: %+v, %v", report, problems)
	}
	o.Filter = ""
	files["more_test.rego"].Data = []byte("package more_test\ntest_x if http.send({})")
	report, problems = Test(t.Context(), files, o)
	if report != nil || len(problems) != 1 || !strings.Contains(problems[0].String(), "more_test.rego:2:11: error: the function http.send is not for policies") {
		t.Errorf("%+v, %v", report, problems)
	}
	if (&TestReport{}).Passed() {
		t.Error("no test is a pass")
	}
}
