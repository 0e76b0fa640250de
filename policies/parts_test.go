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

// What is remembered is bounded, and what is asked for stays.
func TestParts_Bounds(t *testing.T) {
	s := ownSchemas(t)
	schema := s.byKind[hub.EventAlarm].check.Properties["sm"]
	one := func(n int) []byte {
		return fmt.Appendf(nil, `{"name":"%0900d","trustDomain":"north","mode":"PASSIVE"}`, n)
	}
	for n := range 4 * passingBytes / (len(one(0)) + partCost) {
		if s.part(s.passing, schema, one(n)) == nil || s.part(s.passing, schema, one(0)) == nil {
			t.Fatal("it does not fit")
		}
	}
	if most := 2 * (passingBytes/len(one(0)) + 1); len(s.passing.young)+len(s.passing.elder) > most {
		t.Errorf("%d values are remembered; want at most %d", len(s.passing.young)+len(s.passing.elder), most)
	}
	if s.passing.get(schema, one(0)) == nil || s.passing.get(schema, one(1)) != nil {
		t.Error("what is asked for is forgotten, or what is not is kept")
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
