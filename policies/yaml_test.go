package policies

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

func TestFromYAML(t *testing.T) {
	for in, want := range map[string]string{
		`{"a": 1.50, "b": [true, null]}`:               `{"a": 1.50, "b": [true, null]}`,
		"a: 1\nb: [x, 2026-01-01T00:00:00Z]":           `{"a":1,"b":["x","2026-01-01T00:00:00Z"]}`,
		"---\na: &x {b: \"1\"}\nc: *x\n":               `{"a":{"b":"1"},"c":{"b":"1"}}`,
		"big: 12345678901234567890\nsmall: 0.1\nno: ~": `{"big":12345678901234567890,"no":null,"small":0.1}`,
	} {
		if got, err := FromYAML([]byte(in)); err != nil || string(got) != want {
			t.Errorf("%q: %s, %v; want %s", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"":                       "there is nothing in it",
		"# only a comment\n":     "there is nothing in it",
		"a: 1\nb: [":             "line 2",
		"a: 1\na: 2":             `line 2: "a" is twice there`,
		"a: 1\n---\nb: 2":        "more after the first document",
		"a: !!binary aGk=":       "the tag !!binary",
		"\x00\x01\x02":           "neither JSON nor YAML",
		"<<: {a: 1}":             "no plain name",
		"a: &a [*a]":             "more than 200000 values",
		strings.Repeat("[", 1e5): "neither JSON nor YAML",
	} {
		_, err := FromYAML([]byte(in))
		if hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%.40q: %v", in, err)
			continue
		}
		wantText(t, hub.SafeText(err), want)
	}
}

func FuzzFromYAML(f *testing.F) {
	for _, seed := range []string{`{"a":[1]}`, "a: &x [1]\nb: *x", "- 2026-01-01", "a: &a {b: *a}", "? [a]\n: b", "a: .nan", "\xff", "a: 0x1F\nb: 1_000"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := FromYAML(raw)
		if (err == nil) != json.Valid(got) {
			t.Errorf("%q: %q, %v", raw, got, err)
		}
		if err != nil && hub.CodeOf(err) != hub.Invalid {
			t.Error(err)
		}
	})
}
