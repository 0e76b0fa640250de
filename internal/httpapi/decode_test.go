package httpapi

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

type base struct {
	Name string `json:"name"`
}

// picky reads itself, and says what it does not like.
type picky struct{ value string }

func (p *picky) UnmarshalJSON(b []byte) error {
	if string(b) == `"bad"` {
		return hub.E(hub.Invalid, "read picky", "bad is not liked", nil)
	}
	p.value = string(b)
	return nil
}

type decoded struct {
	base
	ID      string          `json:"id"`
	Inner   *part           `json:"inner"`
	Parts   []part          `json:"parts"`
	ByName  map[string]part `json:"byName"`
	Free    any             `json:"free"`
	Mode    hub.Mode        `json:"mode"`
	At      time.Time       `json:"at"`
	Picky   picky           `json:"picky"`
	Hidden  string          `json:"-"`
	Plain   int
	private int
}

func post(body, contentType string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

func TestDecode(t *testing.T) {
	deep := strings.Repeat(`{"free":`, 40) + "1" + strings.Repeat("}", 40)
	for name, c := range map[string]struct {
		body    string
		strict  string // part of the error, empty if none
		lenient string
	}{
		"all":               {`{"name":"n","id":"a","inner":{"color":"red"},"parts":[{"size":1}],"byName":{"x":{"size":2}},"free":{"any":[1]},"mode":"PASSIVE","at":"2026-01-01T00:00:00Z","picky":{"z":1},"Plain":3}`, "", ""},
		"null":              {`{"inner":null,"parts":null}`, "", ""},
		"unknown":           {`{"color":1}`, `"color" is not known`, ""},
		"unknown inside":    {`{"inner":{"shape":1}}`, `"inner/shape" is not known`, ""},
		"unknown in list":   {`{"parts":[{"color":"a"},{"shape":1}]}`, `"parts/shape" is not known`, ""},
		"unknown in map":    {`{"byName":{"x":{"shape":1}}}`, `"byName/x/shape" is not known`, ""},
		"other case":        {`{"ID":"a"}`, `"ID" is spelt "id"`, `"ID" is spelt "id"`},
		"both cases":        {`{"id":"a","Id":"b"}`, `"Id" is spelt "id"`, `"Id" is spelt "id"`},
		"hidden field":      {`{"Hidden":"x"}`, `"Hidden" is not known`, ""},
		"private field":     {`{"private":1}`, `"private" is not known`, ""},
		"twice":             {`{"id":"a","id":"b"}`, `"id" stands twice`, `"id" stands twice`},
		"twice escaped":     {`{"id":"a","\u0069d":"b"}`, `"id" stands twice`, `"id" stands twice`},
		"twice inside":      {`{"free":[{"a":1,"a":2}]}`, `"free/a" stands twice`, `"free/a" stands twice`},
		"wrong type":        {`{"id":5}`, `"id" cannot be a JSON number`, `"id" cannot be a JSON number`},
		"wrong type inside": {`{"inner":{"size":"big"}}`, `"inner.size" cannot be`, `"inner.size" cannot be`},
		"list for object":   {`{"inner":[{"x":1}]}`, `cannot be a JSON array`, `cannot be a JSON array`},
		"object for list":   {`{"parts":{"x":1}}`, `cannot be a JSON object`, `cannot be a JSON object`},
		"object for string": {`{"id":{"x":1}}`, `cannot be a JSON object`, `cannot be a JSON object`},
		"bad time":          {`{"at":"noon"}`, "wrong form", "wrong form"},
		"picky":             {`{"picky":"bad"}`, "bad is not liked", "bad is not liked"},
		"two values":        {`{"id":"a"} {}`, "not one JSON value: error at byte 12", "byte 12"},
		"broken":            {`{"id":`, "not one JSON value", "not one JSON value"},
		"empty":             {" ", "body is empty", "body is empty"},
		"not UTF-8":         {"{\"id\":\"\xff\"}", "not UTF-8", "not UTF-8"},
		"deep":              {deep, "deeper than 32", "deeper than 32"},
		"deep list":         {strings.Repeat("[", 40) + strings.Repeat("]", 40), "deeper than 32", "deeper than 32"},
		"array on top":      {`[{"x":1}]`, "the body cannot be a JSON array", "the body cannot be a JSON array"},
	} {
		t.Run(name, func(t *testing.T) {
			var v decoded
			wantDecode(t, Decode(post(c.body, "application/json; charset=UTF-8"), &v), c.strict)
			v = decoded{}
			wantDecode(t, DecodeLenient(post(c.body, TypeJSON), &v), c.lenient)
			if v.private != 0 || v.Hidden != "" {
				t.Errorf("fields that are not members were set: %+v", v)
			}
		})
	}
}

func wantDecode(t *testing.T, err error, part string) {
	t.Helper()
	if part == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	if err == nil || !strings.Contains(hub.SafeText(err), part) {
		t.Errorf("error %v, want %q", err, part)
	}
	wantCode(t, err, hub.Invalid)
}

func TestDecode_MediaType(t *testing.T) {
	for contentType, status := range map[string]int{
		"application/json": 0, "APPLICATION/JSON;charset=utf-8": 0,
		"": 415, "text/plain": 415, "application/json; charset=latin1": 415, "application/merge-patch+json": 415, ";;": 415,
	} {
		var v decoded
		err := Decode(post(`{"id":"a"}`, contentType), &v)
		p, _ := problemOf(err, "")
		if status == 0 && err != nil || status != 0 && p.Status != status {
			t.Errorf("%q: %v", contentType, err)
		}
	}
}

func TestDecode_ContentCoding(t *testing.T) {
	for coding, status := range map[string]int{"": 0, "identity": 0, "gzip": 415, "br": 415} {
		r := post(`{"id":"a"}`, TypeJSON)
		r.Header.Set("Content-Encoding", coding)
		var v decoded
		err := Decode(r, &v)
		p, _ := problemOf(err, "")
		if status == 0 && err != nil || status != 0 && p.Status != status {
			t.Errorf("%q: %v", coding, err)
		}
	}
}

func TestDecode_BrokenBody(t *testing.T) {
	r := post("", TypeJSON)
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"id"`), failingReader{}))
	var v decoded
	err := Decode(r, &v)
	wantCode(t, err, hub.Invalid)
	if !strings.Contains(hub.SafeText(err), "broke off") {
		t.Errorf("%v", err)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("connection reset") }
