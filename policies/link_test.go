package policies

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/manoward/manoward/internal/hub"
)

// divided returns a set large enough to be compiled in groups, and how many there are
// of its policies. Each of them calls a shared rule, has an author's variables, and a
// threshold of its own.
func divided(t *testing.T) (fstest.MapFS, int) {
	t.Helper()
	const policies = 3 * minGroup
	files := fstest.MapFS{"lib/text.rego": {Data: []byte("package manoward.lib.text\n\nlong(name, n) if {\n\tletters := count(name)\n\tletters > n\n}\n")}}
	for i := range policies {
		add(files, fmt.Sprintf("p%03d", i), fmt.Sprintf(
			"import data.manoward.lib.text\n\n%s\n\nfindings contains {\"code\": \"long\", \"message\": \"m\", \"target\": {\"nsInstanceId\": input.ns.id}} if {\n\tchosen := input.ns.name\n\ttext.long(chosen, %d)\n\tevery id, vnf in input.vnfs { vnf.id == id }\n}", ns, i%7+3))
	}
	ps := &problems{}
	set := &Set{schemas: ownSchemas(t)}
	sources := map[string][]byte{}
	for name, f := range files {
		sources[name] = f.Data
	}
	set.sources = sources
	modules := parseAll(ps, sources, false)
	set.sort(ps, modules)
	if groups := set.groups(modules); ps.bad() || len(groups) < 2 {
		t.Fatalf("%d groups, %v", len(groups), ps.list)
	}
	return files, policies
}

// TestLink holds that a set that is compiled in groups judges as each of its policies
// does alone, names the rules that were true, and is explained and traced with the
// words of its authors.
func TestLink(t *testing.T) {
	files, policies := divided(t)
	s := mustSnapshot(t, mustLoad(t, files), nil)
	in := review(t, map[string]any{"ns": map[string]any{"id": "n1", "name": "abcdef"}})
	r := evaluate(t, s, in, EvalOptions{})
	if r.Evaluated != policies || r.Undecided != nil {
		t.Fatalf("%d evaluated, %v undecided", r.Evaluated, r.Undecided)
	}
	found := map[string]bool{}
	for _, f := range r.Findings {
		found[f.Policy] = true
	}
	for i := range policies {
		id := fmt.Sprintf("p%03d", i)
		if want := 6 > i%7+3; found[id] != want {
			t.Errorf("%s finds %t, want %t", id, found[id], want)
		}
		alone := mustSnapshot(t, mustLoad(t, fstest.MapFS{"lib/text.rego": files["lib/text.rego"], id + ".rego": files[id+".rego"], id + ".samples.yaml": files[id+".samples.yaml"]}), nil)
		if own := evaluate(t, alone, in, EvalOptions{}).Findings; len(own) > 0 != found[id] {
			t.Errorf("%s finds %v alone", id, own)
		}
	}
	if i := slices.IndexFunc(r.Labels, func(l Label) bool { return l.File == "lib/text.rego" }); i < 0 || r.Labels[i].Rule != "long" {
		t.Errorf("the shared rule is not among %v", r.Labels)
	}

	for _, id := range []string{"p000", fmt.Sprintf("p%03d", policies-3)} { // of the first group, and of the last
		e, err := s.Explain(t.Context(), in, id)
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, e.String(), "the rule findings at "+id+".rego:17 was true", "the rule long at lib/text.rego:3 was true", `input.ns.name: "abcdef"`)
		var out strings.Builder
		if err := s.Trace(t.Context(), in, id, &out); err != nil {
			t.Fatal(err)
		}
		wantText(t, out.String(), id+".rego:18", "chosen = input.ns.name", "lib/text.rego:4", "count(name, ")
	}
}

// TestLink_Refusal holds that the author of a policy is told the same whether it
// stands alone or among many.
func TestLink_Refusal(t *testing.T) {
	many, _ := divided(t)
	for _, tt := range []struct{ name, rules, want string }{
		{"no such field", `x if input.ns.nmae`, `zz.rego:13:6: error: input.ns has no field "nmae"; did you mean "name"?`},
		{"no such field below every", `x if every v in input.vnfs { v.securityVnff }`, `has no field "securityVnff"; did you mean "securityVnf"?`},
		{"no such value", "x if {\n\tchosen := input.sm.mode\n\tchosen == \"PASIVE\"\n}", `input.sm.mode is never "PASIVE"`},
		{"the argument of a shared rule", "import data.manoward.lib.text\nx if text.long(1, \"a\")", `zz.rego:14:6: error: `},
		{"no such shared rule", "import data.manoward.lib.text\nx if text.short(input.ns.name)", `there is no function data.manoward.lib.text.short`},
		{"a rule of another policy", "x if count(data.manoward.policies.p000.findings) > 0", `data.manoward.policies.p000.findings is nothing that a policy may read`},
		{"a function of another policy", "x if data.manoward.policies.p000.f(1)", `there is no function data.manoward.policies.p000.f`},
		{"what the type checker is given", "x if count(data.manoward.parameters) > 0", `data.manoward.parameters is not a parameter of this policy`},
		{"itself", "x := y\ny := x", `is recursive`},
		{"two values of one name", "x := 1\nx contains 2", `conflicting rules`},
		{"a variable that is not used", "x if { y := 1 }", `assigned var y unused`},
		{"no rule of findings of that type", `x := input.ns.id + 1`, `error: `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules := tt.rules + "\n" + ns
			small := fstest.MapFS{"lib/text.rego": many["lib/text.rego"]}
			if strings.Contains(tt.rules, "p000") {
				small["p000.rego"], small["p000.samples.yaml"] = many["p000.rego"], many["p000.samples.yaml"]
			}
			got, alone := refused(t, add(maps.Clone(many), "zz", rules)), refused(t, add(small, "zz", rules))
			if wantText(t, got, tt.want); got != alone {
				t.Errorf("among many:\n%s\nalone:\n%s", got, alone)
			}
		})
	}
	t.Run("two shared files of one name", func(t *testing.T) {
		files := maps.Clone(many)
		files["lib/more.rego"] = &fstest.MapFile{Data: []byte("package manoward.lib.text.long\n\nx := 1\n")}
		wantText(t, refused(t, files), "conflicts with rule")
	})
	t.Run("a sample that fails", func(t *testing.T) {
		files := add(maps.Clone(many), "zz", ns)
		files["zz.samples.yaml"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(nsSamples, "name: bad", "name: good"))}
		wantText(t, refused(t, files), "zz.samples.yaml:2: error: the sample \"yes\" fails")
	})
}

// TestLink_Negations holds that what is silent where there is nothing is seen in a set
// that is compiled in groups, and that what an author has bound is not taken for it.
func TestLink_Negations(t *testing.T) {
	files, _ := divided(t)
	rules := ns + "\nfindings contains {\"code\": \"y\", \"message\": \"m\", \"target\": {\"nsInstanceId\": input.ns.id}} if {\n\tinput.ns.id\n\tnot input.ns.flavourId in {\"a\", \"b\"}\n}"
	add(files, "zz", rules)
	texts := func(files fstest.MapFS) (list []string) {
		for _, p := range Check(t.Context(), files, Options{Schemas: ownSchemas(t)}) {
			if strings.Contains(p.Text, `the "not" is undefined`) {
				list = append(list, p.String())
			}
		}
		return list
	}
	alone := texts(add(fstest.MapFS{}, "zz", rules))
	if got := texts(files); len(alone) != 1 || !slices.Equal(got, alone) {
		t.Errorf("among many: %v; alone: %v", got, alone)
	}
}

// TestQuery holds that the question that a set is asked is what the engine's compiler
// makes of it in the language.
func TestQuery(t *testing.T) {
	s := mustLoad(t, add(base(), "p-q", ns))
	q := s.queries[hub.EventReview]
	body, err := s.compiler.QueryCompiler().Compile(ast.MustParseBody(
		`answer = {"p-q": data.manoward.policies.p_q.findings, "package-signer": data.manoward.policies.package_signer.findings}`))
	if err != nil {
		t.Fatal(err)
	}
	text := body.String()
	for i := range 2 {
		text = strings.ReplaceAll(text, fmt.Sprintf("__localq%d__", i), fmt.Sprintf("findings%d", i))
	}
	if got := q.body.String(); got != text {
		t.Errorf("the question is %s, of the compiler %s", got, text)
	}
}
