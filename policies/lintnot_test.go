package policies

import (
	"strings"
	"testing"
	"testing/fstest"
)

// A "not" that is silent where there is nothing is told with its line, and one that
// is not is left alone.
func TestCheck_Negation(t *testing.T) {
	o := Options{Schemas: ownSchemas(t)}
	warned := func(t *testing.T, rules string) string {
		t.Helper()
		var lines []string
		for _, p := range Check(t.Context(), add(fstest.MapFS{}, "p", ns+"\n\n"+rules), o) {
			if p.Level == LevelError {
				t.Fatalf("the case is wrong: %v", p)
			}
			if strings.Contains(p.Text, "\"not\"") {
				lines = append(lines, p.String())
			}
		}
		return strings.Join(lines, "\n")
	}
	silent := map[string]string{
		"a field in a list":           "x if not input.ns.name in {\"a\"}",
		"a call":                      "x if not startswith(input.ns.name, \"a\")",
		"a call of a call":            "x if not startswith(lower(input.ns.name), \"a\")",
		"an iteration":                "x if {\n\tsome v in input.vnfs\n\tnot v.provider in {\"a\"}\n}",
		"a lookup":                    "x if {\n\tid := input.ns.id\n\tnot input.vnfs[id].id in {\"a\"}\n}",
		"an alias":                    "x if {\n\tn := input.ns\n\tnot n.name in {\"a\"}\n}",
		"a comparison":                "x if not input.ns.name != \"a\"",
		"a rule without default":      "x if not name in {\"a\"}\n\nname := input.ns.name",
		"a rule with a condition":     "x if not name in {\"a\"}\n\nname := \"b\" if input.time == \"c\"",
		"in a comprehension":          "x := {v.id | some v in input.vnfs; not v.provider in {\"a\"}}",
		"asked for only in a \"not\"": "x if {\n\tnot input.ns.name\n\tnot input.ns.name in {\"a\"}\n}",
	}
	for name, rules := range silent {
		got := warned(t, rules)
		if strings.Count(got, "warning: the \"not\" is undefined, and not true, when there is no ") != 1 || !strings.HasPrefix(got, "p.rego:") {
			t.Errorf("%s: %q", name, got)
		}
	}
	heard := map[string]string{
		"what the schema requires": "x if not input.time in {\"a\"}",
		"the key of an iteration":  "x if {\n\tsome v in input.vnfs\n\tnot v.id in {\"a\"}\n}",
		"a default":                "x if not object.get(input, [\"ns\", \"name\"], \"\") in {\"a\"}",
		"a rule of its own":        "x if not known\n\nknown if input.ns.name in {\"a\"}",
		"an equality":              "x if not input.ns.name == \"a\"",
		"the field alone":          "x if not input.ns.name",
		"bound before":             "x if {\n\tname := input.ns.name\n\tnot name in {\"a\"}\n}",
		"asked for before":         "x if {\n\tinput.ns.name != \"\"\n\tnot input.ns.name in {\"a\"}\n}",
		"a rule with a default":    "x if not name in {\"a\"}\n\ndefault name := \"\"\n\nname := input.ns.name",
		"a rule that always is":    "x if not hour in {1}\n\nhour := time.clock(time.parse_rfc3339_ns(input.time))[0]",
		"a constant":               "x if not name in {\"a\"}\n\nname := \"b\"",
	}
	for name, rules := range heard {
		if got := warned(t, rules); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	got := warned(t, silent["an iteration"])
	if !strings.HasPrefix(got, "p.rego:17: ") || !strings.Contains(got, "no input.vnfs[_].provider, so") || !strings.Contains(got, "write what must hold as a rule of its own") {
		t.Error(got)
	}
}
