package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// wantRefusal checks that bad input is the caller's fault and shown as such.
func wantRefusal(t *testing.T, err error) {
	t.Helper()
	var e *hub.Error
	if !errors.As(err, &e) || e.Code != hub.Invalid || e.Text == "" {
		t.Fatalf("refused with %v, which is no hub.Invalid", err)
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, seed := range []string{
		"(eq,a,1)", "(in,a/b/@key,x,'y,z')", "(eq,a,'it''s');(gt,b~1c,2026-01-01T00:00:00Z)", "(cont,a,)", "(eq,a,'", "((", "(eq,~a~b~0,-1e9)", "(neq,parts/color,red);(eq,id,ns-1)",
	} {
		f.Add(seed)
	}
	resource := map[string]any{"id": "ns-1", "a": json.Number("1"), "parts": []any{map[string]any{"color": "red"}}, "m": map[string]any{"k": nil}}
	f.Fuzz(func(t *testing.T, s string) {
		filter, err := ParseFilter(s)
		if err != nil {
			wantRefusal(t, err)
			return
		}
		again, err := ParseFilter(filter.String())
		if len(filter.String()) > maxFilterLen {
			return // quotes can make the spelling longer than what is taken
		}
		if err != nil || !again.Equal(filter) || again.String() != filter.String() {
			t.Fatalf("%q prints as %q, which reads as %q, %v", s, filter, again, err)
		}
		if filter.Match(resource) != again.Match(resource) {
			t.Fatalf("%q and %q match differently", s, filter)
		}
	})
}

func FuzzSelector(f *testing.F) {
	for _, seed := range []string{"", "all_fields", "fields=a,b/c", "exclude_fields=parts/x", "exclude_default&fields=m/k", "fields=%zz", "fields=a~1b", "all_fields&fields=a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := ParseQuery(raw, "all_fields", "fields", "exclude_fields", "exclude_default")
		if err != nil {
			wantRefusal(t, err)
			return
		}
		s, err := ParseSelector(q, []string{"m"}, []string{"links"})
		if err != nil {
			wantRefusal(t, err)
			return
		}
		object := map[string]any{"id": "a", "links": map[string]any{"self": "x"}, "m": map[string]any{"k": []any{}}, "parts": []any{map[string]any{"x": map[string]any{}}}}
		s.Apply(object)
		if object["id"] != "a" || object["links"] == nil {
			t.Fatalf("%q left out a simple or a required attribute: %v", raw, object)
		}
	})
}

func FuzzMarker(f *testing.F) {
	m := NewMux(Options{MarkerKey: []byte("fuzz"), Now: newClock().Now})
	good := m.sealMarker("key", "scope")
	for _, seed := range []string{good, good[1:], good + "A", good + "\n", good[:5] + "\r\n" + good[5:], "", "AQ", "====", m.sealMarker("key", "other")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, marker string) {
		key, err := m.openMarker(marker, "scope")
		switch {
		case err != nil:
			wantRefusal(t, err)
		case marker != good || key != "key":
			t.Fatalf("the forged marker %q opens as %q", marker, key)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","inner":{"color":"red"},"parts":[{"size":1}],"byName":{"x":{}}}`, `{"ID":1}`, `{"a":1,"a":2}`, `[[[[`, `{"free":{"x":[null,true,1e400]}}`, `nul`, "\xff", `{"at":"2026-01-01T00:00:00Z","mode":"X"}`, `{"picky":"bad"}`, `1 2`,
		`{ "name" : "n" , "other\"\u00e9" : [ ] , "parts" : [ { } , {"size":-1.5e3} ] }`, `{"iD":1}`, `{"free":{"\u0061":1,"a":2}}`, `{"\u017fize":1}`, "{\"\u017fize\":1}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var strict, lenient decoded
		errStrict, errLenient := decode(body, &strict, true), decode(body, &lenient, false)
		for isStrict, err := range map[bool]error{true: errStrict, false: errLenient} {
			if whole := decodeWhole(body, &decoded{}, isStrict); (whole == nil) != (err == nil) {
				t.Fatalf("%q read as a whole: %v; in one go: %v", body, whole, err)
			}
		}
		if errStrict == nil && errLenient != nil {
			t.Fatalf("%q is taken by Decode and not by DecodeLenient: %v", body, errLenient)
		}
		for _, err := range []error{errStrict, errLenient} {
			if err != nil {
				wantRefusal(t, err)
			}
		}
		if errStrict == nil && !json.Valid(body) {
			t.Fatalf("%q is no JSON and was taken", body)
		}
		if _, err := parsePatch(body); err != nil {
			wantRefusal(t, err)
		}
	})
}

func FuzzVersionHeader(f *testing.F) {
	for _, seed := range []string{"2.3.0", "2.3.0-impl:etsi.org:hub:1", "2.03.0", "..", "-1.0.0", "1.0.0-impl:a:b:", "99999999999999999999.0.0"} {
		f.Add(seed)
	}
	g := NewMux(Options{}).API(nslcm)
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := parseVersion(s); err != nil {
			wantRefusal(t, err)
		} else if v.String() != s {
			t.Fatalf("%q prints as %q: a version has two spellings", s, v)
		}
		used, err := g.negotiate(http.Header{"Version": {s}})
		if err == nil && used != s || used != "2.3.0" && used != "2.2.0" {
			t.Fatalf("%q is answered in %q", s, used)
		}
	})
}

func FuzzLink(f *testing.F) {
	for _, seed := range []string{`</a>; rel="next"`, `</a>;title="x,\"";rel=next,</b>`, `<<>>;;,`, `<a>;rel="`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		next, err := nextPage("https://h/x", http.Header{"Link": {field}})
		if err == nil && next != "" && next[:len("https://h")] != "https://h" {
			t.Fatalf("%q leads away, to %q", field, next)
		}
	})
}
