package httpapi

import (
	"slices"
	"testing"
	"time"
)

func TestFilter_Values(t *testing.T) {
	for name, c := range map[string]struct {
		filter, path string
		want         []string // nil: not ok
	}{
		"eq":              {"(eq,id,ns-1)", "id", []string{"ns-1"}},
		"in":              {"(in,id,b,a,b)", "id", []string{"a", "b"}},
		"one of several":  {"(gt,size,3);(eq,a/b,x)", "a/b", []string{"x"}},
		"first of two":    {"(eq,id,a);(eq,id,b)", "id", []string{"a"}},
		"escaped":         {"(eq,a~1b,x)", "a~1b", []string{"x"}},
		"quoted":          {"(eq,name,'a,(b)')", "name", []string{"a,(b)"}},
		"empty value":     {"(eq,name,)", "name", []string{""}},
		"keys":            {"(eq,m/@key,k)", "m/@key", []string{"k"}},
		"other path":      {"(eq,ids,a)", "id", nil},
		"deeper path":     {"(eq,id/x,a)", "id", nil},
		"neq":             {"(neq,id,a)", "id", nil},
		"nin":             {"(nin,id,a)", "id", nil},
		"cont":            {"(cont,id,a)", "id", nil},
		"gte":             {"(gte,id,a)", "id", nil},
		"time":            {"(eq,at,2026-01-01T00:00:00Z)", "at", nil},
		"time, then text": {"(eq,at,2026-01-01T00:00:00Z);(eq,at,x)", "at", []string{"x"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ParseFilter(c.filter)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := f.Values(c.path)
			if ok != (c.want != nil) || !slices.Equal(got, c.want) {
				t.Errorf("%v, %v, want %v", got, ok, c.want)
			}
		})
	}
	if values, ok := (*Filter)(nil).Values("id"); ok {
		t.Errorf("no filter requires %v", values)
	}
}

func TestFilter_Since(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for filter, want := range map[string]bool{
		"(gte,at,2026-01-02T03:04:05Z)": true, "(gt,at,2026-01-02T04:04:05+01:00)": true, "(eq,id,x);(gte,at,2026-01-02T03:04:05Z)": true,
		"(lt,at,2026-01-02T03:04:05Z)": false, "(gte,other,2026-01-02T03:04:05Z)": false, "(gte,at,x)": false, "(eq,at,2026-01-02T03:04:05Z)": false,
	} {
		f, err := ParseFilter(filter)
		if err != nil {
			t.Fatal(err)
		}
		if from, ok := f.Since("at"); ok != want || ok && !from.Equal(at) {
			t.Errorf("%s: %v, %v", filter, from, ok)
		}
	}
	if _, ok := (*Filter)(nil).Since("at"); ok {
		t.Error("no filter is since an instant")
	}
}

func TestFilter_Names(t *testing.T) {
	f, err := ParseFilter("(eq,id,a);(neq,vnf/name,b);(cont,m/@key,k)")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"id": true, "vnf": true, "vnf/name": true, "m": true, "vn": false, "name": false, "vnf/name/x": false} {
		if f.Names(path) != want {
			t.Errorf("%s: %t", path, !want)
		}
	}
	if (*Filter)(nil).Names("id") {
		t.Error("no filter names something")
	}
}

// What matches has one of the values: an index that offers only those misses
// nothing.
func TestFilter_ValuesMissNothing(t *testing.T) {
	resources := []map[string]any{{"id": "a", "n": "1"}, {"id": "b", "n": "1.0"}, {"id": "c"}}
	for _, text := range []string{"(eq,id,a)", "(in,id,a,c)", "(eq,n,1)", "(eq,id,b);(eq,n,1.0)"} {
		f, err := ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"id", "n"} {
			values, ok := f.Values(path)
			for _, r := range resources {
				attribute, _ := r[path].(string)
				if ok && f.Match(r) && !slices.Contains(values, attribute) {
					t.Errorf("%s matches %v, which has none of %v at %s", text, r, values, path)
				}
			}
		}
	}
}
