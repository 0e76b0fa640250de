package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestVersionHeader(t *testing.T) {
	server := startTLS(t, thingsMux(Options{}))
	for name, c := range map[string]struct {
		version string
		status  int
		used    string
		detail  string
	}{
		"newest":           {"2.3.0", 200, "2.3.0", ""},
		"older":            {"2.2.0", 200, "2.2.0", ""},
		"missing":          {"", 400, "2.3.0", "send Version: 2.3.0"},
		"two numbers":      {"2.3", 400, "2.3.0", "three numbers"},
		"words":            {"latest", 400, "2.3.0", "three numbers"},
		"leading zero":     {"2.03.0", 400, "2.3.0", "where a number belongs"},
		"plus":             {"+2.3.0", 400, "2.3.0", "where a number belongs"},
		"negative":         {"2.-3.0", 400, "2.3.0", "where a number belongs"},
		"overflow":         {"2.3.99999999999999999999", 400, "2.3.0", "where a number belongs"},
		"long":             {strings.Repeat("2", 200), 400, "2.3.0", "longer than"},
		"half a suffix":    {"2.3.0-impl:etsi.org", 400, "2.3.0", "suffix"},
		"bad suffix":       {"2.3.0-impl:etsi.org:a b:1", 400, "2.3.0", "suffix"},
		"suffix no number": {"2.3.0-impl:etsi.org:hub:one", 400, "2.3.0", "suffix"},
		"unsupported":      {"2.4.0", 406, "2.3.0", "supported are 2.2.0, 2.3.0"},
		"other impl":       {"2.3.0-impl:etsi.org:hub:1", 406, "2.3.0", "not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			got := call(t, server, request{method: "GET", path: "/nslcm/v2/things/a", header: map[string]string{"Version": c.version}})
			if got.status != c.status || !strings.Contains(got.problem.Detail, c.detail) {
				t.Errorf("%d %q, want %d %q", got.status, got.problem.Detail, c.status, c.detail)
			}
			wantHeader(t, got, "Version", c.used)
		})
	}
}

func TestVersionHeader_Twice(t *testing.T) {
	g := NewMux(Options{}).API(nslcm)
	if _, err := g.negotiate(http.Header{"Version": {"2.3.0", "2.2.0"}}); err == nil || !strings.Contains(err.Error(), "once") {
		t.Errorf("two Version fields: %v", err)
	}
}

func TestVersionHeader_ImplSuffix(t *testing.T) {
	g := NewMux(Options{}).API(API{Name: "a", Major: "v1", Versions: []APIVersion{{Version: "1.0.0-impl:example.com:hub:2"}}})
	for _, asked := range []string{"1.0.0", "1.0.0-impl:example.com:hub:2"} {
		if used, err := g.negotiate(http.Header{"Version": {asked}}); err != nil || used != "1.0.0-impl:example.com:hub:2" {
			t.Errorf("%s: %q, %v", asked, used, err)
		}
	}
}

func TestAPIVersions(t *testing.T) {
	m := NewMux(Options{Root: "/sol"})
	m.API(nslcm)
	m.API(API{Name: "nslcm", Major: "v1", Versions: []APIVersion{{Version: "1.4.0"}}})
	server := startTLS(t, m)
	v2 := `{"version":"2.2.0","isDeprecated":true,"retirementDate":"2027-01-01T00:00:00Z"},{"version":"2.3.0","isDeprecated":false}`
	v1 := `{"version":"1.4.0","isDeprecated":false}`
	for path, want := range map[string]struct{ prefix, versions string }{
		"/sol/nslcm/api_versions":    {"/sol/nslcm/", v2 + "," + v1},
		"/sol/nslcm/v2/api_versions": {"/sol/nslcm/v2/", v2},
		"/sol/nslcm/v1/api_versions": {"/sol/nslcm/v1/", v1},
	} {
		got := call(t, server, request{method: "GET", path: path, header: map[string]string{"Version": ""}})
		if body := `{"uriPrefix":"` + server.URL + want.prefix + `","apiVersions":[` + want.versions + `]}`; got.body != body {
			t.Errorf("%s: %s\nwant %s", path, got.body, body)
		}
		if !json.Valid([]byte(got.body)) || got.header.Get("Version") == "" {
			t.Errorf("%s: Version %q", path, got.header.Get("Version"))
		}
	}
	if got := call(t, server, request{method: "GET", path: "/sol/nslcm/v3/api_versions"}); got.status != 404 {
		t.Errorf("api_versions of an unknown major: %d", got.status)
	}
}
