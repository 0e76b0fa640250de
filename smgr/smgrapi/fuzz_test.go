package smgrapi

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// What is no query of decisions is the caller's mistake, whatever it is.
func FuzzDecisionQuery(f *testing.F) {
	for _, seed := range []string{"found=true&key=ns/n1", "before=2026-11-22T12:00:01Z", "found=perhaps", "before=", "%zz", "conflict&undecided=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL = &url.URL{Path: "/", RawQuery: query}
		if _, err := decisionQuery(r); err != nil && hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%q: %v", query, err)
		}
	})
}

// What is no PolicyModifications in either media type is the caller's mistake.
func FuzzModifications(f *testing.F) {
	for _, seed := range []string{`{"activationStatus":"ACTIVATED"}`, `{"selectedVersion":"1","addAssociations":["a"]}`, `{"removeAllAssociations":null}`, `[]`, `{"x":1}`, ``} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, mediaType := range []string{httpapi.TypeJSON, httpapi.TypeMergePatch} {
			r := httptest.NewRequest(http.MethodPatch, "/", strings.NewReader(body))
			r.Header.Set("Content-Type", mediaType)
			_, err := readModifications(r)
			if code := hub.CodeOf(err); code != "" && code != hub.Invalid && code != hub.Unprocessable {
				t.Errorf("%s %q: %v", mediaType, body, err)
			}
		}
	})
}
