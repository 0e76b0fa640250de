package policies

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/smload"
)

// samePartly holds that an input that is read in parts is the one that is read as a
// whole, the first time and again, and that nothing is taken that does not fit.
func samePartly(t *testing.T, s *Schemas, raw []byte) (taken bool) {
	t.Helper()
	sameAtOnce(t, s, raw)
	for range 2 {
		is := s.fromParts(raw)
		want, err := s.parseWhole(raw)
		switch {
		case is == nil:
			return false
		case err != nil:
			t.Fatalf("taken in parts, and refused as a whole: %v\n%s", err, raw)
		case is.Kind != want.Kind || !is.Time.Equal(want.Time) || is.value.Compare(want.value) != 0 || is.value.Hash() != want.value.Hash():
			t.Fatalf("in parts it is another input than as a whole:\n%s\n%s", is.JSON(), want.JSON())
		}
	}
	return true
}

// sameAtOnce holds the same of an input that is read in one go.
func sameAtOnce(t *testing.T, s *Schemas, raw []byte) (taken bool) {
	t.Helper()
	for kind, schema := range s.byKind {
		is := schema.readNew(kind, raw)
		if is == nil {
			continue
		}
		taken = true
		want, err := s.parseWhole(raw)
		if err != nil || is.Kind != want.Kind || !is.Time.Equal(want.Time) || is.value.Compare(want.value) != 0 || is.value.Hash() != want.value.Hash() {
			t.Fatalf("in one go it is another input than as a whole: %v\n%s", err, raw)
		}
	}
	return taken
}

// A request for a certificate is read in one go, and as it is read otherwise.
func TestParseNew(t *testing.T) {
	s := ownSchemas(t)
	const raw = `{"schema":"manoward.policy-input/1","kind":"certificate-request","time":"2026-11-22T23:00:00Z","trustDomain":"north","subject":{"certificateRequestId":"q1"},` +
		`"event":{"id":"q1","certType":"VNFCI_CERT","subjectId":"c1","manager":"spiffe://north/vnfm/a","registrationId":"r1","key":{"algorithm":"ECDSA","bits":256,"hash":"f1","otherCertificates":0,"otherSubjects":[]}},` +
		`"attested":true,"assurance":"protected","verdict":{"accepted":true,"assurance":"protected","claims":[{"name":"sign","value":"true"}]},"attester":{"id":"a1","known":["public-key"],"registered":"2026-11-01T00:00:00Z"},` +
		`"profile":{"minimumAssurance":"bound","nonceRequired":false},"issued":[{"hour":"2026-11-22T08:00:00Z","certificates":1}],"earlier":[]}`
	if !sameAtOnce(t, s, []byte(raw)) {
		t.Fatal("it is not read in one go")
	}
	for _, change := range [][2]string{
		{`"kind":"certificate-request"`, `"kind":"review"`}, {`policy-input/1`, `policy-input/2`}, {`"2026-11-22T23:00:00Z"`, `"today"`}, {`"earlier":[]`, `"later":[]`},
		{`"attested":true`, `"attested":1`}, {`"earlier":[]`, `"earlier":[{}]`}, {`"attested":true`, `"attested":true,"attested":true,"x":1`}, {`"earlier":[]}`, `"earlier":[]`},
	} {
		changed := []byte(strings.Replace(raw, change[0], change[1], 1))
		if sameAtOnce(t, s, changed) {
			t.Errorf("%q is taken", change)
		}
		if _, err := s.ParseNew(hub.EventCertificateRequest, changed); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%q: err = %v", change, err)
		}
	}
	for _, kind := range []hub.EventKind{hub.EventReview, "other"} { // it is of the kind that it says
		if in, err := s.ParseNew(kind, []byte(raw)); err != nil || in.Kind != hub.EventCertificateRequest {
			t.Errorf("asked for as %s: %v, %v", kind, in, err)
		}
	}
}

func TestParts(t *testing.T) {
	s := ownSchemas(t)
	for n := range 64 {
		if !samePartly(t, s, smload.Input(t, n, 40)) {
			t.Fatalf("input %d is not read in parts", n)
		}
	}
	for kind, is := range s.byKind {
		_, hasVnfs := is.check.Properties["vnfs"]
		if is.shapes == nil || hasVnfs && (is.shapes["vnfs"].each == nil || !is.shapes["recent"].list) {
			t.Errorf("inputs of the kind %s cannot be read in parts", kind)
		}
	}
}

// What is wrong anywhere in an input is found although the rest is known.
func TestParts_Wrong(t *testing.T) {
	s := ownSchemas(t)
	raw := string(smload.Input(t, 0, 40))
	if !samePartly(t, s, []byte(raw)) {
		t.Fatal("the input is not read in parts")
	}
	many := strings.Repeat(`{"kind":"alarm","time":"2026-01-01T00:00:00Z"},`, 257)
	for _, change := range [][2]string{
		{`"integrity":"TRUSTED"`, `"integrity":1`},
		{`"recent":[]`, `"recent":[{}]`},
		{`"recent":[]`, `"recent":{}`},
		{`"recent":[]`, `"recent":[` + strings.TrimSuffix(many, ",") + `]`},
		{`"recent":[]`, `"recent":[],"unknown":1`},
		{`"recent":[],`, ``},
		{`"vnfs":{`, `"vnfs":[`},
		{`"hosts":{`, `"hosts":{"x":{},`},
		{`"kind":"ns-operation"`, `"kind":"alarm"`},
		{`"operationState":"PROCESSING"`, `"operationState":"?"`},
		{`"schema":"manoward.policy-input/1"`, `"schema":"2"`},
	} {
		changed := strings.Replace(raw, change[0], change[1], 1)
		if changed == raw {
			t.Fatalf("nothing is changed by %q", change)
		}
		if samePartly(t, s, []byte(changed)) {
			t.Errorf("%q is taken", change)
		}
		if _, err := s.ParseInput([]byte(changed)); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%q: err = %v", change, err)
		}
	}
	for _, cut := range []int{1, 2, len(raw) / 2, len(raw) - 1} {
		if samePartly(t, s, []byte(raw[:cut])) {
			t.Errorf("%d bytes are taken", cut)
		}
	}
}

// Of two members of one name the last counts, as for every other reader.
func TestParts_Twice(t *testing.T) {
	s := ownSchemas(t)
	raw := strings.Replace(string(smload.Input(t, 0, 40)), `"recent":[]`, `"recent":[{}],"recent":[]`, 1)
	in, err := s.ParseInput([]byte(raw))
	if err != nil || samePartly(t, s, []byte(raw)) || strings.Contains(string(in.JSON()), "{}],") {
		t.Errorf("err = %v, input %s", err, in.JSON())
	}
}

// What one kind of input has is known to all that describe it in the same words, and to
// no other.
func TestParts_Alike(t *testing.T) {
	s := ownSchemas(t)
	shapes := s.byKind[hub.EventNsOperation].shapes
	for kind, is := range s.byKind {
		for _, name := range []string{"vnfs", "packages", "computes", "hosts", "images", "recent"} {
			if _, has := is.check.Properties[name]; has && is.shapes[name].each != shapes[name].each {
				t.Errorf("%s of inputs of the kind %s are others than those of ns-operation", name, kind)
			}
		}
	}
	read := func(text string) map[string]any {
		doc, err := decodeJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return doc.(map[string]any)
	}
	const of = `{"$schema":"s","properties":{"a":{"items":%s}},"$defs":{"x":{"type":"array","items":{"$ref":"#/$defs/y"}},"y":%s,"z":{}}}`
	say := func(items, y string) string {
		doc := read(fmt.Sprintf(of, items, y))
		text, ok := saying(doc, doc["properties"].(map[string]any)["a"].(map[string]any)["items"])
		if !ok {
			return ""
		}
		return text
	}
	same := say(`{"$ref":"#/$defs/x"}`, `{"type":"string","minLength":1}`)
	for _, test := range []struct{ name, items, y, want string }{
		{"in another order", `{"$ref":"#/$defs/x"}`, `{"minLength":1,"type":"string"}`, same},
		{"no definition", `{"$ref":"#/$defs/w"}`, `{}`, ""},
		{"a reference elsewhere", `{"$ref":"#/properties/a"}`, `{}`, ""},
		{"a reference within a definition", `{"$ref":"#/$defs/x/items"}`, `{}`, ""},
		{"an identifier of its own", `{"$ref":"#/$defs/x"}`, `{"$id":"y"}`, ""},
		{"a dynamic reference", `{"anyOf":[{"$dynamicRef":"#/$defs/x"}]}`, `{}`, ""},
	} {
		if is := say(test.items, test.y); is != test.want {
			t.Errorf("%s: %q, want %q", test.name, is, test.want)
		}
	}
	if other := say(`{"$ref":"#/$defs/x"}`, `{"type":"string","minLength":2}`); same == "" || other == same {
		t.Errorf("a definition that says another thing is taken for the same: %q", other)
	}
}

// What is remembered is bounded, and is of use to who goes round among more than that.
func TestParts_Bounds(t *testing.T) {
	s := ownSchemas(t)
	schema := s.byKind[hub.EventAlarm].check.Properties["sm"]
	one := func(n int) []byte {
		return fmt.Appendf(nil, `{"name":"%0900d","trustDomain":"north","mode":"PASSIVE"}`, n)
	}
	fit := passingBytes / (len(one(0)) + partCost)
	around, found := fit*4/3, 0
	for n := range 4 * around {
		if n >= around && s.passing.get(schema, one(n%around)) != nil {
			found++
		}
		if s.part(s.passing, schema, one(n%around)) == nil {
			t.Fatal("it does not fit")
		}
	}
	counted := 0
	for key := range s.passing.values {
		counted += key.bytes()
	}
	if n := len(s.passing.values); len(s.passing.keys) != n || counted != s.passing.bytes || counted > passingBytes || counted < passingBytes*9/10 {
		t.Errorf("%d values and %d keys are remembered, of %d bytes, counted as %d; want nearly %d", n, len(s.passing.keys), counted, s.passing.bytes, passingBytes)
	}
	if least := around; found < least { // a third
		t.Errorf("%d of %d were remembered; want %d", found, 3*around, least)
	}
	if short := []byte(`{"name":"x","trustDomain":"n","mode":"PASSIVE"}`); s.part(s.passing, schema, short) == nil || s.passing.get(schema, short) != nil {
		t.Error("a part that is read as fast is refused or remembered")
	}
	if large := []byte(`{"name":"` + strings.Repeat("x", partBytes) + `","trustDomain":"n","mode":"PASSIVE"}`); s.part(s.passing, schema, large) == nil || s.passing.get(schema, large) != nil {
		t.Error("a part that is too large is refused or remembered")
	}
}

// What inputs share is copied by one evaluation while another goes through it; the
// race detector sees what does not bear that.
func TestParts_Shared(t *testing.T) {
	s := ownSchemas(t)
	raw := smload.Input(t, 1, 40)
	first, second := s.fromParts(raw), s.fromParts(raw)
	texts := make([]string, 2)
	var both sync.WaitGroup
	both.Go(func() { texts[0] = ast.NewTerm(first.value).Copy().String() })
	both.Go(func() { texts[1] = second.value.String() })
	both.Wait()
	if texts[0] != texts[1] {
		t.Errorf("a copy is another value:\n%s\n%s", texts[0], texts[1])
	}
}

func FuzzParts(f *testing.F) {
	s := ownSchemas(f)
	for n := range 4 {
		f.Add([]byte(smload.Input(f, n, 4)))
	}
	f.Add([]byte(`{"schema":"manoward.policy-input/1","kind":"review","time":"2026-01-01T00:00:00Z","\u006bind":1}`))
	f.Add([]byte(`{"kind" : "review" , "recent" : [ { } , 1e5 , "\"" ] }`))
	f.Fuzz(func(t *testing.T, raw []byte) { samePartly(t, s, raw) })
}

// A name is told from the others whether few or many stand before it.
func TestParts_Names(t *testing.T) {
	for _, room := range []int{0, 8, 4 * fewNames} {
		is := newTerms(room)
		for n := range 3 * fewNames {
			if name := fmt.Append(nil, n); !is.add(name, ast.Null{}) || is.add(name, ast.Null{}) || is.add([]byte("0"), ast.Null{}) {
				t.Fatalf("with room for %d, name %d is taken for another", room, n)
			}
		}
		if len(is.pairs) != 3*fewNames {
			t.Errorf("%d members; want %d", len(is.pairs), 3*fewNames)
		}
	}
}
