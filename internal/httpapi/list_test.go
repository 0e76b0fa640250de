package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// listServer serves a list that a test can change between two pages.
type listServer struct {
	clock  *fakeClock
	things []thing
	mux    *Mux
}

func newListServer(n int) *listServer {
	s := &listServer{clock: newClock()}
	for i := range n {
		s.things = append(s.things, thing{ID: fmt.Sprintf("t%03d", i), Count: i, Parts: []part{{Color: "red"}}})
	}
	s.mux = NewMux(Options{Now: s.clock.Now, PageSize: 4})
	g := s.mux.API(nslcm)
	list := func(w http.ResponseWriter, r *http.Request) error {
		o := ListOptions{ExcludeDefault: []string{"parts"}, Params: []string{"verbose"}}
		return List(w, r, o, SliceSource(s.things, func(v thing) string { return v.ID }))
	}
	g.Handle("GET /things", list)
	g.Handle("GET /others", list)
	return s
}

func ids(t *testing.T, r reply) []string {
	t.Helper()
	var page []thing
	if err := json.Unmarshal([]byte(r.body), &page); err != nil || r.status != 200 {
		t.Fatalf("%d %v: %s", r.status, err, r.body)
	}
	var out []string
	for _, v := range page {
		out = append(out, v.ID)
	}
	return out
}

// next returns the path of the next page on the same server.
func next(t *testing.T, base string, r reply) string {
	t.Helper()
	link := nextLink(r.header.Values("Link"))
	path, ok := strings.CutPrefix(link, base)
	if !ok {
		t.Fatalf("Link %q", r.header.Values("Link"))
	}
	return path
}

func TestList_PagesAreStable(t *testing.T) {
	s := newListServer(10)
	server := startTLS(t, s.mux)
	first := call(t, server, request{method: "GET", path: "/nslcm/v2/things?filter=(gte,count,1);(lt,count,100)&verbose=1"})
	if got := ids(t, first); !slices.Equal(got, []string{"t001", "t002", "t003", "t004"}) {
		t.Fatalf("first page %v", got)
	}
	// Between two pages: the last key shown goes, one before it comes, one after comes.
	s.things = slices.DeleteFunc(s.things, func(v thing) bool { return v.ID == "t004" })
	s.things = append(s.things, thing{ID: "t0015", Count: 50}, thing{ID: "t0055", Count: 51})
	second := call(t, server, request{method: "GET", path: next(t, server.URL, first)})
	if got := ids(t, second); !slices.Equal(got, []string{"t005", "t0055", "t006", "t007"}) {
		t.Fatalf("second page %v", got)
	}
	third := call(t, server, request{method: "GET", path: next(t, server.URL, second)})
	if got := ids(t, third); !slices.Equal(got, []string{"t008", "t009"}) || third.header.Get("Link") != "" {
		t.Fatalf("third page %v, Link %q", got, third.header.Get("Link"))
	}
}

func TestList_ExactPageHasNoNext(t *testing.T) {
	server := startTLS(t, newListServer(4).mux)
	got := call(t, server, request{method: "GET", path: "/nslcm/v2/things"})
	if len(ids(t, got)) != 4 || got.header.Get("Link") != "" {
		t.Errorf("Link %q", got.header.Get("Link"))
	}
	empty := call(t, server, request{method: "GET", path: "/nslcm/v2/things?filter=(eq,id,none)"})
	if empty.body != "[]" {
		t.Errorf("an empty list is %s", empty.body)
	}
}

func TestList_SelectsAttributes(t *testing.T) {
	server := startTLS(t, newListServer(2).mux)
	for query, want := range map[string]string{
		"":                                `[{"id":"t000"},{"count":1,"id":"t001"}]`,
		"?all_fields":                     `[{"id":"t000","parts":[{"color":"red"}]},{"id":"t001","count":1,"parts":[{"color":"red"}]}]`,
		"?all_fields&filter=(eq,count,1)": `[{"id":"t001","count":1,"parts":[{"color":"red"}]}]`,
	} {
		if got := call(t, server, request{method: "GET", path: "/nslcm/v2/things" + query}); got.body != want {
			t.Errorf("%q: %s, want %s", query, got.body, want)
		}
	}
}

func TestList_RefusesBadQueries(t *testing.T) {
	server := startTLS(t, newListServer(10).mux)
	for query, want := range map[string]string{
		"filter=(eq,a":               `the filter is wrong at byte 5`,
		"all_fields&fields=a":        "all_fields cannot stand",
		"limit=5":                    `"limit" is not known`,
		"nextpage_opaque_marker=":    "is not one of this resource's",
		"nextpage_opaque_marker=!!":  "is not one of this resource's",
		"nextpage_opaque_marker=AQI": "is not one of this resource's",
	} {
		got := call(t, server, request{method: "GET", path: "/nslcm/v2/things?" + query})
		if got.status != 400 || !strings.Contains(got.problem.Detail, want) {
			t.Errorf("%s: %d %q, want %q", query, got.status, got.problem.Detail, want)
		}
	}
}

func TestList_MarkerIsBoundAndTamperEvident(t *testing.T) {
	s := newListServer(10)
	server := startTLS(t, s.mux)
	first := call(t, server, request{method: "GET", path: "/nslcm/v2/things?filter=(gte,count,1)&verbose=1"})
	path := next(t, server.URL, first)
	_, marker, _ := strings.Cut(path, "nextpage_opaque_marker=")
	raw, err := base64.RawURLEncoding.DecodeString(marker)
	if err != nil {
		t.Fatal(err)
	}
	good := "/nslcm/v2/things?filter=(gte,count,1)&verbose=1&nextpage_opaque_marker="
	for name, path := range map[string]string{
		"other filter":   "/nslcm/v2/things?filter=(gte,count,2)&verbose=1&nextpage_opaque_marker=" + marker,
		"no filter":      "/nslcm/v2/things?verbose=1&nextpage_opaque_marker=" + marker,
		"other selector": "/nslcm/v2/things?filter=(gte,count,1)&verbose=1&all_fields&nextpage_opaque_marker=" + marker,
		"other param":    "/nslcm/v2/things?filter=(gte,count,1)&verbose=2&nextpage_opaque_marker=" + marker,
		"other resource": "/nslcm/v2/others?filter=(gte,count,1)&verbose=1&nextpage_opaque_marker=" + marker,
		"too long":       good + strings.Repeat("A", maxMarkerLen+1),
		"other version":  good + base64.RawURLEncoding.EncodeToString(append([]byte{2}, raw[1:]...)),
	} {
		if got := call(t, server, request{method: "GET", path: path}); got.status != 400 {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	for i := range raw {
		changed := slices.Clone(raw)
		changed[i] ^= 1
		got := call(t, server, request{method: "GET", path: good + base64.RawURLEncoding.EncodeToString(changed)})
		if got.status != 400 {
			t.Errorf("byte %d changed: %d", i, got.status)
		}
	}
	if got := call(t, server, request{method: "GET", path: good + marker}); got.status != 200 {
		t.Errorf("the marker itself: %d %s", got.status, got.body)
	}
	s.clock.advance(DefaultMarkerLife)
	if got := call(t, server, request{method: "GET", path: good + marker}); got.status != 400 || !strings.Contains(got.problem.Detail, "expired") {
		t.Errorf("an expired marker: %d %s", got.status, got.body)
	}
}

func TestList_MarkerKeyIsShared(t *testing.T) {
	one := NewMux(Options{MarkerKey: []byte("key of both")})
	two := NewMux(Options{MarkerKey: []byte("key of both")})
	other := NewMux(Options{})
	marker := one.sealMarker("k", "scope")
	if key, err := two.openMarker(marker, "scope"); err != nil || key != "k" {
		t.Errorf("another instance: %q, %v", key, err)
	}
	_, err := other.openMarker(marker, "scope")
	wantCode(t, err, hub.Invalid)
}

func TestList_Sources(t *testing.T) {
	sequence := func(items ...Item) Source {
		return func(string) iter.Seq2[Item, error] {
			return func(yield func(Item, error) bool) {
				for _, item := range items {
					err, _ := item.Value.(error)
					if !yield(item, err) {
						return
					}
				}
			}
		}
	}
	big := strings.Repeat("x", maxPageBytes/2)
	long := strings.Repeat("k", maxKeyLen)
	source := Source(nil)
	m := NewMux(Options{})
	m.API(nslcm).Handle("GET /list", func(w http.ResponseWriter, r *http.Request) error {
		return List(w, r, ListOptions{}, source)
	})
	server := startTLS(t, m)
	for name, c := range map[string]struct {
		source Source
		query  string
		status int
	}{
		"in order":        {sequence(Item{"a", 1}, Item{"b", 2}), "", 200},
		"scalars, filter": {sequence(Item{"a", 1}, Item{"b", 2}), "?filter=(eq,x,1)", 200},
		"out of order":    {sequence(Item{"b", 1}, Item{"a", 2}), "", 500},
		"twice":           {sequence(Item{"a", 1}, Item{"a", 2}), "", 500},
		"empty key":       {sequence(Item{"", 1}), "", 500},
		"long key":        {sequence(Item{long, 1}), "", 200},
		"key too long":    {sequence(Item{long + "k", 1}), "", 500},
		"fails half way":  {sequence(Item{"a", 1}, Item{"b", hub.E(hub.Unavailable, "read", "store is gone", nil)}), "", 503},
		"not encodable":   {sequence(Item{"a", make(chan int)}), "", 500},
		"bytes bound":     {sequence(Item{"a", big}, Item{"b", big}, Item{"c", 1}), "", 200},
	} {
		source = c.source
		got := call(t, server, request{method: "GET", path: "/nslcm/v2/list" + c.query})
		if got.status != c.status {
			t.Errorf("%s: %d", name, got.status)
		}
		if name == "bytes bound" && (len(got.body) > maxPageBytes || got.header.Get("Link") == "") {
			t.Errorf("%s: %d bytes, Link of %d bytes", name, len(got.body), len(got.header.Get("Link")))
		}
	}
	wantCode(t, List(nil, post("", ""), ListOptions{}, source), hub.Internal)
}

func TestSliceSource_SortsAndSeeks(t *testing.T) {
	source := SliceSource([]string{"c", "a", "b"}, func(s string) string { return s })
	for after, want := range map[string]string{"": "abc", "a": "bc", "aa": "bc", "c": "", "d": ""} {
		got := ""
		for item, err := range source(after) {
			got += item.Key
			if err != nil || item.Value != item.Key {
				t.Errorf("%v %v", item, err)
			}
		}
		if got != want {
			t.Errorf("after %q: %q, want %q", after, got, want)
		}
	}
	for range source("") {
		break // stopping early must not panic
	}
}

// What a filter asks for is known before the list is made; what is wrong with a query is
// for the list to say.
func TestAskedFor(t *testing.T) {
	for query, want := range map[string][]string{
		"":                               nil,
		"filter=(eq,id,a)":               nil,
		"filter=(eq,of,b)":               {"b"},
		"filter=(in,of,b,a);(eq,id,x)":   {"a", "b"},
		"filter=(neq,of,b)":              nil,
		"filter=nonsense":                nil,
		"filter=(eq,of,b)&all_fields":    {"b"},
		"filter=(eq,of,b)&other=unknown": nil,
	} {
		r := httptest.NewRequest("GET", "/things?"+query, nil)
		if got := AskedFor(r, "of"); !slices.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%q asks for %q, want %q", query, got, want)
		}
	}
}
