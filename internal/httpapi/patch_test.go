package httpapi

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// The examples of RFC 7396 appendix A, and nulls inside arrays.
func TestMergePatch_RFC7396(t *testing.T) {
	for _, c := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{}`, `{"a":[{"b":null},null]}`, `{"a":[{"b":null},null]}`},
	} {
		target, patch, want := parseJSON(t, c[0]), parseJSON(t, c[1]), parseJSON(t, c[2])
		if got := mergePatch(target, patch); !reflect.DeepEqual(got, want) {
			t.Errorf("%s with %s: %v, want %v", c[0], c[1], got, want)
		}
		if !reflect.DeepEqual(target, parseJSON(t, c[0])) {
			t.Errorf("%s was changed in place", c[0])
		}
	}
}

func parseJSON(t testing.TB, s string) any {
	t.Helper()
	v, err := jsonForm(json.RawMessage(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

func TestPatch_OverHTTP(t *testing.T) {
	m := NewMux(Options{})
	stored := thing{ID: "a", Count: 1, Meta: map[string]any{"k": "v", "fixed": "f"}}
	m.API(nslcm).Handle("PATCH /thing", func(w http.ResponseWriter, r *http.Request) error {
		if err := CheckMatch(r, `"r1"`); err != nil {
			return err
		}
		p, err := DecodePatch(r)
		if err != nil {
			return err
		}
		next, err := ApplyPatch(stored, p, PatchRules{Allowed: []string{"id", "count", "meta"}, Immutable: []string{"id", "meta/fixed"}})
		if err != nil {
			return err
		}
		return Write(w, 200, next)
	}, MaxBody(200))
	server := startTLS(t, m)
	for name, c := range map[string]struct {
		body, want string // want is the whole body of 200, or part of the detail
		status     int
		header     map[string]string
	}{
		"change":            {`{"count":2,"meta":{"k":null,"n":1}}`, `{"id":"a","count":2,"meta":{"fixed":"f","n":1}}`, 200, nil},
		"same immutable":    {`{"id":"a"}`, `{"id":"a","count":1,"meta":{"fixed":"f","k":"v"}}`, 200, nil},
		"immutable":         {`{"id":"b"}`, `"id" is fixed`, 422, nil},
		"immutable removed": {`{"id":null}`, `"id" is fixed`, 422, nil},
		"inner immutable":   {`{"meta":{"fixed":"g"}}`, `"meta/fixed" is fixed`, 422, nil},
		"outer of it":       {`{"meta":null}`, `"meta/fixed" is fixed`, 422, nil},
		"not allowed":       {`{"parts":[]}`, `"parts" cannot be modified`, 400, nil},
		"wrong type":        {`{"count":"x"}`, `"count" cannot be`, 400, nil},
		"no object":         {`[1]`, "JSON object", 400, nil},
		"broken":            {`{`, "not one JSON value", 400, nil},
		"too large":         {`{"meta":{"k":"` + strings.Repeat("x", 200) + `"}}`, "larger than", 413, nil},
		"media type":        {`{}`, "merge-patch", 415, map[string]string{"Content-Type": TypeJSON}},
		"stale":             {`{}`, "read it again", 412, map[string]string{"If-Match": `"r0"`}},
	} {
		t.Run(name, func(t *testing.T) {
			header := map[string]string{"Content-Type": TypeMergePatch, "If-Match": `"r1"`}
			for k, v := range c.header {
				header[k] = v
			}
			got := call(t, server, request{method: "PATCH", path: "/nslcm/v2/thing", body: c.body, header: header})
			if got.status != c.status || c.status == 200 && got.body != c.want || !strings.Contains(got.problem.Detail+got.body, c.want) {
				t.Errorf("%d %s, want %d %s", got.status, got.body, c.status, c.want)
			}
		})
	}
	if stored.Count != 1 || stored.Meta["k"] != "v" {
		t.Errorf("the stored resource was changed in place: %+v", stored)
	}
}

func TestApplyPatch_Rules(t *testing.T) {
	current := decoded{ID: "a", ByName: map[string]part{"x": {Color: "red", Size: 1}}}
	for body, want := range map[string]string{
		`{"byName":{"x":{"size":2}}}`:       "",
		`{"byName":{"x":{"color":"b"}}}`:    `"byName/x/color" cannot be modified`,
		`{"byName":{"y":{}}}`:               `"byName/y" cannot be modified`,
		`{"byName":null}`:                   `"byName" cannot be modified`,
		`{"byName":{"x":{"size":{"a":1}}}}`: `cannot be a JSON object`,
	} {
		p, err := parsePatch([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		next, err := ApplyPatch(current, p, PatchRules{Allowed: []string{"byName/x/size"}})
		wantDecode(t, err, want)
		if err == nil && next.ByName["x"] != (part{Color: "red", Size: 2}) {
			t.Errorf("%s: %+v", body, next)
		}
	}
	if _, err := ApplyPatch(current, Patch{"shape": 1}, PatchRules{}); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("an attribute that is not there: %v", err)
	}
	if _, err := ApplyPatch(map[string]any{"x": make(chan int)}, Patch{}, PatchRules{}); hub.CodeOf(err) != hub.Internal {
		t.Errorf("a resource that cannot be encoded: %v", err)
	}
	if _, err := ApplyPatch(map[string]any{}, Patch{"x": make(chan int)}, PatchRules{}); hub.CodeOf(err) != hub.Internal {
		t.Errorf("a patch that cannot be encoded: %v", err)
	}
}
