// Package document holds docs/openapi/certmgmt.yaml to the API that it describes.
// It is a folder of its own because it alone needs the OpenAPI library, through
// internal/testkit/openapidoc.
package document

import (
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/cmf/cmfapi"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/testkit/openapidoc"
)

const file = "../../../docs/openapi/certmgmt.yaml"

// TestRoutes holds that each path of the document is served with the methods that
// it names and no other, those that 405 allows, and that it names all.
func TestRoutes(t *testing.T) {
	doc := openapidoc.Load(t, file)
	mux := httpapi.NewMux(httpapi.Options{})
	(&cmfapi.API{}).Routes(mux)
	server := httptest.NewServer(mux)
	defer server.Close()
	values := strings.NewReplacer("{id}", "x", "{domain}", "x", "{issuer}", "x")
	for path, methods := range doc.Paths() {
		want := slices.Clone(methods)
		if slices.Contains(want, http.MethodGet) {
			want = append(want, http.MethodHead)
		}
		slices.Sort(want)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/certmgmt/v1"+values.Replace(path), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Version", certmgmt.Version)
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		got := strings.Split(strings.ReplaceAll(resp.Header.Get("Allow"), " ", ""), ",")
		slices.Sort(got)
		if resp.StatusCode != http.StatusMethodNotAllowed || !slices.Equal(got, want) {
			t.Errorf("%s: %d, allowed %v; the document says %v", path, resp.StatusCode, got, want)
		}
	}
	source, err := os.ReadFile("../api.go")
	if err != nil {
		t.Fatal(err)
	}
	routes := regexp.MustCompile(`g\.Handle\("([A-Z]+) ([^"]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(routes) < 20 {
		t.Fatalf("only %d routes are found in api.go", len(routes))
	}
	for _, r := range routes {
		if !slices.Contains(doc.Paths()[r[2]], r[1]) {
			t.Errorf("%s %s is served and not documented", r[1], r[2])
		}
	}
}

// TestSchemas holds that each schema has the attributes of its type, and demands
// those that are always there.
func TestSchemas(t *testing.T) {
	doc := openapidoc.Load(t, file)
	for _, v := range []any{
		certmgmt.ActivationRequest{}, certmgmt.Attester{}, certmgmt.Authority{}, certmgmt.Certificate{}, certmgmt.Challenge{},
		certmgmt.ChallengeRequest{}, certmgmt.Issuer{}, certmgmt.Profile{}, certmgmt.Reason{}, certmgmt.RegisterRequest{},
		certmgmt.Registration{}, certmgmt.RevokeRequest{}, certmgmt.RotateRequest{}, certmgmt.Signing{}, certmgmt.SigningRequest{},
		certmgmt.WithdrawRequest{},
	} {
		typ := reflect.TypeOf(v)
		var has, needs []string
		for i := range typ.NumField() {
			name, option, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			has = append(has, name)
			if option == "" {
				needs = append(needs, name)
			}
		}
		slices.Sort(has)
		slices.Sort(needs)
		properties, required := doc.Object(t, typ.Name())
		if !slices.Equal(properties, has) || !slices.Equal(required, needs) {
			t.Errorf("%s has %v and needs %v; the document says %v and %v", typ.Name(), has, needs, properties, required)
		}
	}
}
