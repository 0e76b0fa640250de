package policies

import (
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/manoward/manoward/internal/testkit/smload"
)

func planOf(t *testing.T, schema string) (*plan, *jsonschema.Schema) {
	t.Helper()
	doc, err := decodeJSON([]byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	check, err := compileSchema("test", doc)
	if err != nil {
		t.Fatal(err)
	}
	return newPlanner().plan(check), check
}

// readerSchemas are schemas with texts that their plan takes; of "" it takes none.
var readerSchemas = []struct {
	schema string
	takes  []string
}{
	{`{}`, []string{`1`, `"x"`, `null`, `true`, `false`, `[]`, `{}`, ` [ 1 , "x" , { "a" : null } ] `, `-7`, `0`, `-0`, `999999999999999`, `"\u00e9"`, `"é"`, `"\ud800"`, "\"\xff\""}},
	{`{"type":"string"}`, []string{`"x"`, `""`, `"\n"`}},
	{`{"type":["string","null"]}`, []string{`"x"`, `null`}},
	{`{"type":"string","minLength":2}`, []string{`"xy"`, `"éé"`}},
	{`{"type":"string","format":"date-time"}`, []string{`"2026-01-01T00:00:00Z"`, `"2026-01-01T00:00:00.5+01:00"`}},
	{`{"type":"string","enum":["a","b"]}`, []string{`"a"`, `"b"`, `"\u0061"`}},
	{`{"enum":["a",1]}`, []string{`"a"`, `1`, `1.0`}},
	{`{"const":"a"}`, []string{`"a"`}},
	{`{"const":false}`, []string{`false`}},
	{`{"type":"integer","minimum":2}`, []string{`2`, `30`}},
	{`{"type":"number","minimum":-2}`, []string{`-2`, `30`}},
	{`{"type":"number","minimum":0.5}`, []string{`1`, `0.5`}},
	{`{"type":"boolean"}`, []string{`true`, `false`}},
	{`{"type":"array","items":{"type":"string"},"maxItems":2}`, []string{`[]`, `["x"]`, `["x","y"]`}},
	{`{"type":"object","properties":{"a":{"type":"string"},"b":{}},"required":["a"],"additionalProperties":false}`, []string{`{"a":"x"}`, `{"a":"x","b":[1]}`, `{"b":{},"\u0061":""}`}},
	{`{"type":"object","properties":{"a":{"type":"string"}}}`, []string{`{}`, `{"a":"x"}`, `{"c":1}`}},
	{`{"type":"object","additionalProperties":{"$ref":"#/$defs/n"},"$defs":{"n":{"type":"object","properties":{"n":{"$ref":"#/$defs/n"}},"additionalProperties":false}}}`, []string{`{}`, `{"x":{"n":{"n":{}}}}`}},
	{`{"type":"string","maxLength":2}`, []string{`"xy"`, `"é"`}},
	{`{"properties":{"a":{"pattern":"^x"}}}`, []string{`{"a":"x"}`, `{"a":1}`}},
	{`{"anyOf":[{"type":"string"},{"type":"integer"}]}`, []string{`"x"`, `1`}},
	{`{"type":"object","required":["z"]}`, []string{`{"z":1}`}},
}

// readerTexts fit some of the schemas and not others, or are no JSON.
var readerTexts = []string{
	``, ` `, `x`, `tru`, `trueish`, `nul`, `"`, `"\x"`, "\"\x01\"", `"a" "b"`, `01`, `-`, `- 1`, `1.`, `1.5`, `1e5`, `1E400`, `-1`, `1234567890123456`, `12345678901234567890`,
	`[`, `[1`, `[1,]`, `[,1]`, `[1 2]`, `[1]]`, `["x","y","z"]`, `["x",1]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{,}`, `{"a" 1}`, `{1:1}`, `{"a":"x","a":"y"}`, `{"c":1,"c":2}`, `{"b":1}`,
	`{"a":1}`, `{"a":"x","c":1}`, `{"a":"y"}`, `{"x":{"n":{"m":1}}}`, `"2026-13-01T00:00:00Z"`, `"today"`, `"x"`, `"xyz"`, `"c"`, `2`, `1`, `-3`, `{}`, `[]`, `null`, `true`, `false`, `0.25`,
}

// A plan takes nothing that its schema does not take, and of what it takes it makes
// the same value.
func TestReader(t *testing.T) {
	for _, tt := range readerSchemas {
		p, check := planOf(t, tt.schema)
		for _, text := range tt.takes {
			if p.read([]byte(text), text) == nil {
				t.Errorf("%s: the plan does not take %s", tt.schema, text)
			}
		}
		for _, other := range readerSchemas {
			for _, text := range append(other.takes, readerTexts...) {
				is, want := p.read([]byte(text), text), decodePart(check, []byte(text))
				if is != nil && (want == nil || is.Compare(want) != 0 || is.Hash() != want.Hash() || is.String() != want.String()) {
					t.Errorf("%s: of %q the plan made %v; want %v", tt.schema, text, is, want)
				}
			}
		}
	}
}

// What is deep, or has many members, is left to who decodes, and comes to the same.
func TestReader_Bounds(t *testing.T) {
	p, check := planOf(t, `{}`)
	deep := func(n int) string { return strings.Repeat(`[`, n) + strings.Repeat(`]`, n) }
	wide := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`,"` + strings.Repeat("x", i+1) + `":1`)
		}
		return `{` + b.String()[1:] + `}`
	}
	for _, tt := range []struct {
		most, over string
	}{{deep(maxDepth), deep(maxDepth + 1)}, {wide(mostOthers), wide(mostOthers + 1)}} {
		if p.read([]byte(tt.most), tt.most) == nil || p.read([]byte(tt.over), tt.over) != nil {
			t.Errorf("the bound is not where it is said to be: %.80s", tt.most)
		}
		if decodePart(check, []byte(tt.over)) == nil {
			t.Errorf("not decoded: %.80s", tt.over)
		}
	}
	list := `[` + strings.TrimSuffix(strings.Repeat(deep(2)+`,`, 2*maxDepth), `,`) + `]` // what is closed is not deep
	if p.read([]byte(list), list) == nil {
		t.Error("a long list is taken for a deep one")
	}
}

// The inputs of the load are read by plans, so that what is measured is that.
func TestReader_Own(t *testing.T) {
	s := ownSchemas(t)
	var read, asked int
	for n := range 32 {
		if in, err := s.ParseInput(smload.Input(t, n, 40)); err != nil || in == nil {
			t.Fatal(err)
		}
	}
	for key := range s.lasting.values {
		if p := s.plans[key.schema]; p == nil || p.read([]byte(key.text), key.text) == nil {
			t.Errorf("no plan takes %s", key.text)
		}
		read++
	}
	for _, p := range s.plans {
		if p.whole != nil {
			asked++
		}
	}
	if read == 0 || asked > 0 {
		t.Errorf("of %d plans %d ask their schema", len(s.plans), asked)
	}
}

func FuzzReader(f *testing.F) {
	for _, tt := range readerSchemas {
		for _, text := range append(tt.takes, readerTexts...) {
			f.Add(tt.schema, []byte(text))
		}
	}
	type pair struct {
		p     *plan
		check *jsonschema.Schema
	}
	known := map[string]pair{}
	f.Fuzz(func(t *testing.T, schema string, raw []byte) {
		for _, tt := range readerSchemas {
			if _, there := known[tt.schema]; tt.schema == schema && !there {
				p, check := planOf(t, schema)
				known[schema] = pair{p, check}
			}
		}
		is, there := known[schema]
		if !there {
			return
		}
		if v := is.p.read(raw, string(raw)); v != nil {
			want := decodePart(is.check, raw)
			if want == nil || v.Compare(want) != 0 || v.Hash() != want.Hash() {
				t.Errorf("%s: of %q the plan made %v; want %v", schema, raw, v, want)
			}
		}
	})
}
