package httpapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

func TestSelector(t *testing.T) {
	const resource = `{"id":"a","list":[1],"links":{"self":{"href":"h"}},"inst":{"state":"on","deep":{"x":1,"y":[2]},"other":{"z":1}},"subs":[{"n":1,"c":{"d":1}},{"n":2,"e":{}}]}`
	defaults, required := []string{"inst", "subs"}, []string{"links"}
	for query, want := range map[string]string{
		"":                       `{"id":"a","links":{"self":{"href":"h"}},"list":[1]}`,
		"exclude_default":        `{"id":"a","links":{"self":{"href":"h"}},"list":[1]}`,
		"exclude_default=":       `{"id":"a","links":{"self":{"href":"h"}},"list":[1]}`,
		"all_fields":             resource,
		"fields=inst":            `{"id":"a","inst":{"deep":{"x":1,"y":[2]},"other":{"z":1},"state":"on"},"links":{"self":{"href":"h"}}}`,
		"fields=inst/deep":       `{"id":"a","inst":{"deep":{"x":1,"y":[2]},"state":"on"},"links":{"self":{"href":"h"}}}`,
		"fields=inst/deep/y":     `{"id":"a","inst":{"deep":{"x":1,"y":[2]},"state":"on"},"links":{"self":{"href":"h"}}}`,
		"fields=subs/c,list":     `{"id":"a","links":{"self":{"href":"h"}},"list":[1],"subs":[{"c":{"d":1},"n":1},{"n":2}]}`,
		"fields=absent":          `{"id":"a","links":{"self":{"href":"h"}}}`,
		"exclude_fields=list,id": `{"id":"a","inst":{"deep":{"x":1,"y":[2]},"other":{"z":1},"state":"on"},"links":{"self":{"href":"h"}},"subs":[{"c":{"d":1},"n":1},{"e":{},"n":2}]}`,
		"exclude_fields=inst/deep,subs/c,subs/e,links": `{"id":"a","inst":{"other":{"z":1},"state":"on"},"links":{"self":{"href":"h"}},"list":[1],"subs":[{"n":1},{"n":2}]}`,
		"exclude_default&fields=inst/deep":             `{"id":"a","inst":{"deep":{"x":1,"y":[2]},"state":"on"},"links":{"self":{"href":"h"}},"list":[1]}`,
		"fields=subs&exclude_default":                  `{"id":"a","links":{"self":{"href":"h"}},"list":[1],"subs":[{"c":{"d":1},"n":1},{"e":{},"n":2}]}`,
	} {
		q, err := ParseQuery(query, "all_fields", "fields", "exclude_fields", "exclude_default")
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseSelector(q, defaults, required)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		object := parseJSON(t, resource).(map[string]any)
		s.Apply(object)
		got, _ := json.Marshal(object)
		expected, _ := json.Marshal(parseJSON(t, want))
		if string(got) != string(expected) {
			t.Errorf("%q: %s\nwant %s", query, got, expected)
		}
		for _, path := range []string{"list", "inst", "inst/deep", "inst/other", "subs", "links", "links/self"} {
			var at any = object
			for name := range strings.SplitSeq(path, "/") {
				inside, _ := at.(map[string]any)
				at = inside[name]
			}
			if s.LeavesOut(path) != (at == nil) {
				t.Errorf("%q: %s is left out: %t, and is in the answer %v", query, path, s.LeavesOut(path), at)
			}
		}
	}
}

func TestSelector_RequiredInside(t *testing.T) {
	s, err := ParseSelector(Query{"fields": "list"}, nil, []string{"inst/deep"})
	if err != nil {
		t.Fatal(err)
	}
	object := parseJSON(t, `{"inst":{"deep":{"x":{}},"other":{}},"list":[]}`).(map[string]any)
	s.Apply(object)
	if got, _ := json.Marshal(object); string(got) != `{"inst":{"deep":{"x":{}}},"list":[]}` {
		t.Errorf("%s", got)
	}
}

func TestSelector_Errors(t *testing.T) {
	for query, want := range map[string]string{
		"all_fields&fields=a":              "all_fields cannot stand",
		"all_fields&exclude_fields=a":      "all_fields cannot stand",
		"all_fields&exclude_default":       "all_fields cannot stand",
		"fields=a&exclude_fields=b":        "fields and exclude_fields",
		"exclude_fields=b&exclude_default": "exclude_fields and exclude_default",
		"all_fields=true":                  "all_fields is a flag",
		"exclude_default=1":                "exclude_default is a flag",
		"fields=":                          `fields holds ""`,
		"fields=a,,b":                      `fields holds ""`,
		"fields=a//b":                      `fields holds "a//b"`,
		"fields=@key":                      `fields holds "@key"`,
		"exclude_fields=a/":                `exclude_fields holds "a/"`,
		"fields=" + strings.Repeat("a,", maxSelected) + "a": "more than 64",
		"fields=" + strings.Repeat("a", maxSelectorLen+1):   "longer than 4096",
	} {
		q, err := ParseQuery(query, "all_fields", "fields", "exclude_fields", "exclude_default")
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseSelector(q, nil, nil)
		if err == nil || !strings.Contains(hub.SafeText(err), want) {
			t.Errorf("%.60s: %v, want %q", query, err, want)
		}
		wantCode(t, err, hub.Invalid)
	}
}

func TestParseQuery(t *testing.T) {
	q, err := ParseQuery("&filter=(eq,a,1);(eq,b,'x%26y+z')&flag&", "filter", "flag")
	if err != nil || q.Get("filter") != "(eq,a,1);(eq,b,'x&y z')" || !q.Has("flag") || q.Get("flag") != "" || q.Has("else") {
		t.Errorf("%v, %v", q, err)
	}
	for raw, want := range map[string]string{
		"filter=%zz":        `value of the query parameter "filter" is not escaped`,
		"%z=1":              `"%z" is not escaped`,
		"colour=1":          `"colour" is not known here; known are filter`,
		"filter=1&filter=2": `"filter" stands twice`,
	} {
		_, err := ParseQuery(raw, "filter")
		if err == nil || !strings.Contains(hub.SafeText(err), want) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
		wantCode(t, err, hub.Invalid)
	}
}
