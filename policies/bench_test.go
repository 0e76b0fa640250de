package policies

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/smload"
)

// measured returns the rules and the data that everything is measured with.
func measured(t testing.TB) *Snapshot {
	return mustSnapshot(t, mustLoad(t, smload.Policies()), smload.Parameters(t))
}

// events returns inputs of both kinds, one in sixteen of which breaks a rule.
func events(t testing.TB) []*Input {
	list := make([]*Input, 64)
	for i := range list {
		var err error
		if list[i], err = ownSchemas(t).ParseInput(smload.Input(t, i, 400)); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// bare returns the same rules and data evaluated by the engine alone, as its
// documentation says: one prepared query for each kind, the input parsed before,
// no labels.
func bare(t testing.TB, s *Snapshot) func(*Input) {
	c := ast.NewCompiler()
	modules := map[string]*ast.Module{}
	for _, p := range s.set.policies {
		modules[p.File] = ast.MustParseModuleWithOpts(string(s.set.sources[p.File]), ast.ParserOptions{RegoVersion: ast.RegoV1})
	}
	if c.Compile(modules); c.Failed() {
		t.Fatal(c.Errors)
	}
	data := map[string]any{"manoward": map[string]any{"parameters": s.parameters}}
	store := inmem.NewFromObjectWithOpts(data, inmem.OptRoundTripOnWrite(false))
	queries := map[hub.EventKind]rego.PreparedEvalQuery{}
	for kind, telemetry := range map[hub.EventKind]bool{hub.EventNsOperation: false, hub.EventHostChange: true} {
		path := "data." + strings.ReplaceAll(smload.Path(telemetry), "/", ".")
		q, err := rego.New(rego.Query(path), rego.Compiler(c), rego.Store(store), rego.StrictBuiltinErrors(true)).PrepareForEval(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		queries[kind] = q
	}
	ctx := t.Context()
	return func(in *Input) {
		q := queries[in.Kind]
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
	s := measured(b)
	inputs, with, without := events(b), ours(b, s), bare(b, s)
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
// can be evaluated, with its samples or without, and to parse and compile the same
// files with the engine alone.
func loadTimes(t testing.TB, files fstest.MapFS, rounds int) (whole, ours, bare time.Duration) {
	sources, err := readSources(files, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	whole, ours, bare = time.Hour, time.Hour, time.Hour
	for range rounds {
		began := time.Now()
		mustSnapshot(t, mustLoad(t, files), nil)
		whole = min(whole, time.Since(began))

		began = time.Now()
		ps := &problems{}
		set := &Set{schemas: ownSchemas(t), sources: maps.Clone(sources), now: time.Now}
		modules := parseAll(ps, sources, false)
		set.sort(ps, modules)
		set.link(ps, set.build(ps, modules))
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
	return whole, ours, bare
}

// BenchmarkPublish prints how long 4,000 rules in 1,000 policies take until they
// judge: read, checked, compiled, tried with their samples and joined with their
// parameters; and beside it the engine's parsing and compiling of the same files.
func BenchmarkPublish(b *testing.B) {
	files := manyRules(1000)
	for b.Loop() {
		whole, ours, bare := loadTimes(b, files, 3)
		b.ReportMetric(whole.Seconds(), "s/publish")
		b.ReportMetric(ours.Seconds(), "s/without-samples")
		b.ReportMetric(bare.Seconds(), "s/bare")
		b.ReportMetric(whole.Seconds()/bare.Seconds(), "publish/bare")
	}
}

func BenchmarkParseInput(b *testing.B) {
	schemas := ownSchemas(b)
	raw := smload.Input(b, 0, 400)
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
	s := measured(t)
	for i, in := range events(t) {
		if found := evaluate(t, s, in, EvalOptions{}).Findings; len(found) != 0 != smload.NewEvent("", i, 400, "", in.Time).Bad {
			t.Fatalf("event %d has the findings %+v", i, found)
		}
	}
	x, y := compareRuns(events(t), 20, ours(t, s), bare(t, s))
	if ratio := float64(x) / float64(y); ratio > 1.6 {
		t.Errorf("a decision costs %.2f times a bare evaluation (%s, %s)", ratio, x, y)
	}
	x, y = compareRuns([]*Input{badNS(t)}, 200, ours(t, many(t, 200)), ours(t, many(t, 10)))
	if ratio := float64(x) / float64(y); ratio > 3 {
		t.Errorf("200 installed policies cost %.2f times ten (%s, %s)", ratio, x, y)
	}
	whole, x, y := loadTimes(t, manyRules(200), 3)
	if ratio := float64(x) / float64(y); ratio > 4 {
		t.Errorf("loading 800 rules costs %.2f times the engine's compiling (%s, %s)", ratio, x, y)
	}
	if ratio := float64(whole) / float64(y); ratio > 10 {
		t.Errorf("publishing 800 rules with 400 samples costs %.2f times the engine's compiling (%s, %s)", ratio, whole, y)
	}
}
