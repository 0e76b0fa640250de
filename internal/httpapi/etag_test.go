package httpapi

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

func TestETag(t *testing.T) {
	a, errA := ETag(map[string]any{"x": 1, "y": []int{2}})
	b, errB := ETag(map[string]any{"y": []int{2}, "x": 1})
	c, errC := ETag(map[string]any{"x": 2})
	if errA != nil || errB != nil || errC != nil || a != b || a == c || len(a) < 18 || a[0] != '"' {
		t.Errorf("tags %s %s %s, %v %v %v", a, b, c, errA, errB, errC)
	}
	if _, err := ETag(make(chan int)); hub.CodeOf(err) != hub.Internal {
		t.Errorf("tag of a channel: %v", err)
	}
	if RevisionETag(7) != `"r7"` {
		t.Errorf("revision tag %s", RevisionETag(7))
	}
}

func TestCheckMatch(t *testing.T) {
	const tag = `"r1"`
	for name, c := range map[string]struct {
		field, value, etag string
		fails              bool
	}{
		"same":                {"If-Match", tag, tag, false},
		"in list":             {"If-Match", `"x", "r1"`, tag, false},
		"comma in a tag":      {"If-Match", `"x,y" ,"r1"`, tag, false},
		"any":                 {"If-Match", "*", tag, false},
		"any of nothing":      {"If-Match", "*", "", true},
		"other":               {"If-Match", `"r2"`, tag, true},
		"weak":                {"If-Match", `W/"r1"`, tag, true},
		"unquoted":            {"If-Match", "r1", tag, true},
		"half quoted":         {"If-Match", `"r1`, tag, true},
		"empty":               {"If-Match", "", tag, true},
		"gone":                {"If-Match", tag, "", true},
		"create, exists":      {"If-None-Match", "*", tag, true},
		"create, does not":    {"If-None-Match", "*", "", false},
		"unless same":         {"If-None-Match", `W/"r1"`, tag, true},
		"unless other":        {"If-None-Match", `"r2"`, tag, false},
		"no condition at all": {"X-None", "", tag, false},
	} {
		r := httptest.NewRequest("PATCH", "/", nil)
		r.Header.Set(c.field, c.value)
		err := CheckMatch(r, c.etag)
		if c.fails {
			wantCode(t, err, hub.Precondition)
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWriteTagged(t *testing.T) {
	m := NewMux(Options{})
	m.API(nslcm).Handle("GET /thing", func(w http.ResponseWriter, r *http.Request) error {
		return WriteTagged(w, r, RevisionETag(1), thing{ID: "a"})
	})
	server := startTLS(t, m)
	for sent, want := range map[string]int{"": 200, `"r1"`: 304, `W/"r1"`: 304, `"r0"`: 200, "*": 304} {
		got := call(t, server, request{method: "GET", path: "/nslcm/v2/thing", header: map[string]string{"If-None-Match": sent}})
		if got.status != want || got.header.Get("ETag") != `"r1"` || (got.body == "") != (want == 304) {
			t.Errorf("If-None-Match %q: %d %s %q", sent, got.status, got.header.Get("ETag"), got.body)
		}
	}
}

func TestWriteEncoded(t *testing.T) {
	is := thing{ID: "a"}
	tag, err := ETag(is)
	if err != nil {
		t.Fatal(err)
	}
	m := NewMux(Options{})
	api := m.API(nslcm)
	api.Handle("GET /thing", func(w http.ResponseWriter, r *http.Request) error { return WriteEncoded(w, r, is) })
	api.Handle("GET /nothing", func(w http.ResponseWriter, r *http.Request) error { return WriteEncoded(w, r, make(chan int)) })
	server := startTLS(t, m)
	for sent, want := range map[string]int{"": 200, tag: 304, `"other"`: 200} {
		got := call(t, server, request{method: "GET", path: "/nslcm/v2/thing", header: map[string]string{"If-None-Match": sent}})
		if got.status != want || got.header.Get("ETag") != tag || (got.body == "") != (want == 304) {
			t.Errorf("If-None-Match %q: %d %s %q", sent, got.status, got.header.Get("ETag"), got.body)
		}
	}
	if got := call(t, server, request{method: "GET", path: "/nslcm/v2/nothing"}); got.status != 500 {
		t.Errorf("what cannot be encoded is answered %d", got.status)
	}
}
