package policies

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// lifecycle and telemetry are the rule set that the engine was measured with
// before there was this package: seven rules on life-cycle events, four on the
// infrastructure, keyed look-ups in 10,000 packages.
const lifecycle = `
import data.manoward.parameters["lifecycle"].packages

# METADATA
# title: signer
findings contains f("unknown-package", id, vnf) if { some id, vnf in input.vnfs; not packages[vnf.vnfPkgId] }
# METADATA
# title: signer
findings contains f("signer", id, vnf) if { some id, vnf in input.vnfs; packages[vnf.vnfPkgId].signer != vnf.integrity.signer }
findings contains f("checksum", id, vnf) if { some id, vnf in input.vnfs; packages[vnf.vnfPkgId].sha256 != vnf.integrity.checksum }
findings contains f("tenant", id, vnf) if { some id, vnf in input.vnfs; not input.sm.trustDomain in packages[vnf.vnfPkgId].tenants }
findings contains f("image", id, vnf) if {
	some id, vnf in input.vnfs
	some c in vnf.computeIds
	not input.computes[c].imageId in packages[vnf.vnfPkgId].images
}
findings contains f("verdict", id, vnf) if { some id, vnf in input.vnfs; vnf.integrity.verdict == "FAILED" }
findings contains f("provider", id, vnf) if { some id, vnf in input.vnfs; startswith(vnf.provider, "banned") }

f(code, id, vnf) := {
	"code": code, "message": sprintf("VNF %s breaks %s", [id, code]),
	"target": {"vnfInstanceId": id, "vnfPkgId": vnf.vnfPkgId},
	"actions": [{"type": "terminate-vnf", "snapshot": true}],
}
`

const telemetry = `
findings contains g("integrity", id) if { some id, h in input.hosts; h.integrity == "UNTRUSTED" }
findings contains g("tenants", id) if { some id, h in input.hosts; h.otherTenants; count(h.trustDomains) > 1 }
findings contains g("country", id) if { some id, h in input.hosts; not h.location.country in {"DE", "FR", "IT"} }
findings contains g("isolated", c.hostId) if { some c in input.computes; c.isolated; input.hosts[c.hostId].integrity != "TRUSTED" }

g(code, id) := {
	"code": code, "message": sprintf("host %s breaks %s", [id, code]),
	"target": {"hostId": id}, "actions": [{"type": "stop-host", "vnfs": "migrate"}],
}
`

// measured returns the rule set as two policies, and its 10,000 packages.
func measured(t testing.TB, packages int) (*Set, map[string]json.RawMessage) {
	files := fstest.MapFS{}
	for id, rules := range map[string]string{"lifecycle": lifecycle, "telemetry": telemetry} {
		files[id+".rego"] = &fstest.MapFile{Data: []byte(simple(id, rules))}
	}
	source := string(files["lifecycle.rego"].Data)
	files["lifecycle.rego"].Data = []byte(strings.Replace(source, "#   samples:", `#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       packages:
#         type: object
#         default: {}
#         additionalProperties:
#           type: object
#           additionalProperties: false
#           properties: {signer: {type: string}, sha256: {type: string}, tenants: {type: array, items: {type: string}}, images: {type: array, items: {type: string}}}
#   samples:`, 1))
	files["lifecycle.samples.yaml"] = &fstest.MapFile{Data: []byte(`
- {name: "yes", kind: review, input: {event: {reason: periodic}, vnfs: {a: {id: a, vnfPkgId: b}}}, findings: [{code: unknown-package}]}
- {name: "no", kind: review, input: {event: {reason: periodic}}, findings: []}
`)}
	files["telemetry.samples.yaml"] = &fstest.MapFile{Data: []byte(`
- {name: "yes", kind: review, input: {event: {reason: periodic}, hosts: {a: {id: a, integrity: UNTRUSTED, location: {country: DE}}}}, findings: [{code: integrity}]}
- {name: "no", kind: review, input: {event: {reason: periodic}}, findings: []}
`)}
	list := map[string]any{}
	for i := range packages {
		list[fmt.Sprintf("pkg-%05d", i)] = map[string]any{
			"signer": fmt.Sprintf("CN=vendor-%d", i%7), "sha256": fmt.Sprintf("%064x", i),
			"tenants": []string{"red", "green", "blue"}, "images": []string{"i1", "i2", "i3"},
		}
	}
	return mustLoad(t, files), map[string]json.RawMessage{"lifecycle": encode(map[string]any{"packages": list})}
}

// event returns an input with four VNFs on eight hosts; one VNF breaks a rule
// when bad says so.
func event(t testing.TB, i int, bad bool) *Input {
	vnfs, computes, hosts := map[string]any{}, map[string]any{}, map[string]any{}
	for n := range 4 {
		at := (i*31 + n*7) % 10_000
		id, c := fmt.Sprintf("vnf-%d", n), fmt.Sprintf("c-%d", n)
		verdict := "OK"
		if bad && n == 0 {
			verdict = "FAILED"
		}
		vnfs[id] = map[string]any{
			"id": id, "vnfPkgId": fmt.Sprintf("pkg-%05d", at), "provider": "vendor", "computeIds": []string{c},
			"integrity": map[string]any{"verdict": verdict, "checksum": fmt.Sprintf("%064x", at), "signer": fmt.Sprintf("CN=vendor-%d", at%7)},
		}
		computes[c] = map[string]any{"id": c, "hostId": fmt.Sprintf("h-%d", n), "imageId": "i2"}
	}
	for n := range 8 {
		id := fmt.Sprintf("h-%d", n)
		hosts[id] = map[string]any{"id": id, "integrity": "TRUSTED", "trustDomains": []string{"red"}, "location": map[string]any{"country": "DE"}}
	}
	return review(t, map[string]any{
		"sm": map[string]any{"name": "a", "trustDomain": "red", "mode": "PASSIVE"}, "vnfs": vnfs, "computes": computes, "hosts": hosts,
	})
}

func events(t testing.TB) []*Input {
	list := make([]*Input, 64)
	for i := range list {
		list[i] = event(t, i, i%16 == 0)
	}
	return list
}

// bare returns the same rules and data evaluated by the engine alone, as its
// documentation says: one prepared query, the input parsed before, no labels.
func bare(t testing.TB, set *Set, s *Snapshot) func(*Input) {
	c := ast.NewCompiler()
	modules := map[string]*ast.Module{}
	for _, p := range set.policies {
		modules[p.File] = ast.MustParseModuleWithOpts(string(set.sources[p.File]), ast.ParserOptions{RegoVersion: ast.RegoV1})
	}
	if c.Compile(modules); c.Failed() {
		t.Fatal(c.Errors)
	}
	data := map[string]any{"manoward": map[string]any{"parameters": s.parameters}}
	q, err := rego.New(rego.Query("[data.manoward.policies.lifecycle.findings, data.manoward.policies.telemetry.findings]"), rego.Compiler(c), rego.Store(inmem.NewFromObjectWithOpts(data, inmem.OptRoundTripOnWrite(false))),
		rego.StrictBuiltinErrors(true)).PrepareForEval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	return func(in *Input) {
		rs, err := q.Eval(ctx, rego.EvalParsedInput(in.value), rego.EvalTime(in.Time))
		if err != nil || len(rs) != 1 {
			t.Fatal(rs, err)
		}
	}
}

// ours returns an evaluation as decisions do it.
func ours(t testing.TB, s *Snapshot) func(*Input) {
	ctx := t.Context()
	return func(in *Input) {
		if r, err := s.Evaluate(ctx, in, EvalOptions{Deadline: time.Minute}); err != nil || r.Undecided != nil {
			t.Fatal(r, err)
		}
	}
}

// compareRuns runs a and b by turns over the inputs and returns the least time
// of a round of each, which is what noise on the machine changes least.
func compareRuns(inputs []*Input, rounds int, a, b func(*Input)) (time.Duration, time.Duration) {
	least := [2]time.Duration{time.Hour, time.Hour}
	for range rounds {
		for i, f := range []func(*Input){a, b} {
			began := time.Now()
			for _, in := range inputs {
				f(in)
			}
			least[i] = min(least[i], time.Since(began))
		}
	}
	n := time.Duration(len(inputs))
	return least[0] / n, least[1] / n
}

const alarmEvent = `{id: n, notificationType: AlarmNotification, timeStamp: "2026-01-01T00:00:00Z",
  alarm: {alarmId: a, managedObjectId: h, alarmRaisedTime: "2026-01-01T00:00:00Z", state: FIRED}}`

// many returns a set of policies of which ten are for reviews.
func many(t testing.TB, installed int) *Snapshot {
	files := fstest.MapFS{}
	for i := range installed {
		id := fmt.Sprintf("p%d", i)
		source := simple(id, fmt.Sprintf("findings contains {\"code\": \"a%d\", \"message\": \"m\", \"target\": {\"nsInstanceId\": input.ns.id}} if { input.ns.name == \"bad\"; some v in input.vnfs; v.provider == \"p%d\" }\n%s", i, i, ns))
		samples := nsSamples
		if i >= 10 {
			source = strings.Replace(source, "[review]", "[alarm]", 1)
			samples = strings.ReplaceAll(strings.ReplaceAll(samples, "kind: review", "kind: alarm"), "{reason: periodic}", alarmEvent)
		}
		files[id+".rego"] = &fstest.MapFile{Data: []byte(source)}
		files[id+".samples.yaml"] = &fstest.MapFile{Data: []byte(samples)}
	}
	return mustSnapshot(t, mustLoad(t, files), nil)
}

// manyRules returns policies with four rules each.
func manyRules(policies int) fstest.MapFS {
	files := fstest.MapFS{}
	for i := range policies {
		id := fmt.Sprintf("p%d", i)
		var rules strings.Builder
		rules.WriteString(ns)
		for r := range 3 {
			fmt.Fprintf(&rules, "\nfindings contains {\"code\": \"r%d\", \"message\": sprintf(\"VNF %%s\", [id]), \"target\": {\"vnfInstanceId\": id}, \"actions\": [{\"type\": \"terminate-vnf\"}]} if {\n\tsome id, vnf in input.vnfs\n\tvnf.integrity.verdict == \"V%d\"\n\tvnf.provider != \"p%d\"\n}", r, r, i)
		}
		add(files, id, rules.String())
	}
	return files
}

// BenchmarkDecision prints what a decision costs beside a bare evaluation of the
// same rules on the same inputs, in one run, by turns.
func BenchmarkDecision(b *testing.B) {
	set, parameters := measured(b, 10_000)
	s := mustSnapshot(b, set, parameters)
	inputs, with, without := events(b), ours(b, s), bare(b, set, s)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			with(inputs[i%len(inputs)])
		}
	})
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			without(inputs[i%len(inputs)])
		}
	})
	b.Run("ratio", func(b *testing.B) {
		for b.Loop() {
			x, y := compareRuns(inputs, 30, with, without)
			b.ReportMetric(float64(x)/float64(y), "ours/bare")
			b.ReportMetric(float64(x.Nanoseconds()), "ns/decision")
		}
	})
}

// BenchmarkInstalled prints what 1,000 installed policies cost of which ten are
// for the event, beside ten installed.
func BenchmarkInstalled(b *testing.B) {
	ten, thousand := ours(b, many(b, 10)), ours(b, many(b, 1000))
	inputs := []*Input{badNS(b)}
	for b.Loop() {
		x, y := compareRuns(inputs, 300, thousand, ten)
		b.ReportMetric(float64(x)/float64(y), "1000/10")
		b.ReportMetric(float64(x.Nanoseconds()), "ns/decision")
	}
}

// loadTimes returns the least times, of some rounds, to make of files a set that
// can be evaluated, without the samples, and to parse and compile the same files
// with the engine alone.
func loadTimes(t testing.TB, files fstest.MapFS, rounds int) (ours, bare time.Duration) {
	sources, err := readSources(files, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	ours, bare = time.Hour, time.Hour
	for range rounds {
		began := time.Now()
		ps := &problems{}
		set := &Set{schemas: ownSchemas(t), sources: maps.Clone(sources), now: time.Now}
		modules := parseAll(ps, sources, false)
		set.sort(ps, modules)
		set.build(ps, modules)
		if ps.bad() || len(set.policies) != len(files)/2 {
			t.Fatal(ps.sorted())
		}
		ours = min(ours, time.Since(began))

		began = time.Now()
		plain := map[string]*ast.Module{}
		for name, source := range sources {
			if strings.HasSuffix(name, ".rego") {
				plain[name] = ast.MustParseModuleWithOpts(string(source), ast.ParserOptions{RegoVersion: ast.RegoV1})
			}
		}
		c := ast.NewCompiler()
		if c.Compile(plain); c.Failed() {
			t.Fatal(c.Errors)
		}
		bare = min(bare, time.Since(began))
	}
	return ours, bare
}

// BenchmarkLoad prints how long 4,000 rules in 1,000 policies take to load
// beside the engine's parsing and compiling of the same files.
func BenchmarkLoad(b *testing.B) {
	files := manyRules(1000)
	for b.Loop() {
		ours, bare := loadTimes(b, files, 5)
		b.ReportMetric(ours.Seconds(), "s/load")
		b.ReportMetric(bare.Seconds(), "s/bare")
		b.ReportMetric(ours.Seconds()/bare.Seconds(), "ours/bare")
	}
}

func BenchmarkParseInput(b *testing.B) {
	schemas := ownSchemas(b)
	raw := []byte(event(b, 1, true).value.String())
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := schemas.ParseInput(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// TestCost holds the bounds of the benchmarks with the slack that a busy machine
// needs; the least of many rounds is compared.
func TestCost(t *testing.T) {
	set, parameters := measured(t, 2_000)
	s := mustSnapshot(t, set, parameters)
	if r := evaluate(t, s, event(t, 0, true), EvalOptions{}); len(r.Findings) == 0 {
		t.Fatalf("the bad event has no finding: %+v", r)
	}
	x, y := compareRuns(events(t), 20, ours(t, s), bare(t, set, s))
	if ratio := float64(x) / float64(y); ratio > 1.6 {
		t.Errorf("a decision costs %.2f times a bare evaluation (%s, %s)", ratio, x, y)
	}
	x, y = compareRuns([]*Input{badNS(t)}, 200, ours(t, many(t, 200)), ours(t, many(t, 10)))
	if ratio := float64(x) / float64(y); ratio > 3 {
		t.Errorf("200 installed policies cost %.2f times ten (%s, %s)", ratio, x, y)
	}
	x, y = loadTimes(t, manyRules(200), 3)
	if ratio := float64(x) / float64(y); ratio > 4 {
		t.Errorf("loading 800 rules costs %.2f times the engine's compiling (%s, %s)", ratio, x, y)
	}
}
