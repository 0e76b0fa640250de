package cmfapi_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation/formats"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/cmf/cmfapi"
	"github.com/manoward/manoward/cmf/direct"
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/connectors/stepca"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/devicekit"
	"github.com/manoward/manoward/internal/testkit/memlog"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/internal/vault"
	"github.com/manoward/manoward/mano-core/trust"
)

// The callers of the tests: a request names one in the header "By".
var (
	self    = hub.Identity{TrustDomain: "hub", Kind: hub.KindCMF, Name: "hub"}
	parties = map[string]hub.Identity{
		"operator": {TrustDomain: "hub", Kind: hub.KindOperator, Name: "anna"}, "alpha": {TrustDomain: "north", Kind: hub.KindVNFM, Name: "alpha"},
		"beta": {TrustDomain: "north", Kind: hub.KindVNFM, Name: "beta"}, "south": {TrustDomain: "south", Kind: hub.KindVNFM, Name: "alpha"},
	}
)

// site serves a CMF whose tables and CA keys are of the test.
type site struct {
	testing.TB
	server *httptest.Server
	store  *cmf.Store
	device *devicekit.Soft
}

func newSite(t testing.TB) *site {
	t.Helper()
	dir := t.TempDir()
	v, err := vault.Create(filepath.Join(dir, "unlock.key"))
	if err != nil {
		t.Fatal(err)
	}
	registry, err := formats.New(formats.Config{})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	space := state.New(&memstate.Bus{Domains: []string{"hub", "north", "south"}}, "CMF", log)
	s := &site{TB: t, store: cmf.NewStore(space), device: devicekit.NewSoft(t)}
	keep := func(context.Context, string, ...hub.Record) error { return nil }
	cas := authority.New(authority.Config{
		Space: space, Keys: fileKeys{dir, v}, Self: self, Now: time.Now, Log: log,
		Open: func(current authority.Signer, earlier ...authority.Signer) (authority.CA, error) {
			var issuers []stepca.Issuer
			for _, e := range earlier {
				issuers = append(issuers, stepca.Issuer(e))
			}
			return stepca.Open(stepca.Issuer(current), issuers...)
		},
		Records: func(context.Context, string, hub.Record) error { return nil },
		Wait:    func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() },
	})
	enrolment, err := enrol.New(enrol.Config{
		Store: s.store, Authorities: cas, Formats: registry, Records: keep, Ledger: &memlog.Logs{}, Now: time.Now, Log: log,
		Profiles: func(string, certmgmt.CertType) enrol.Profile { return enrol.Profile{} },
		Publish: func(domain, issuer string) (crl, ocsp, ca []string) {
			return cmfapi.Published("http://pki.example/", domain, issuer)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	life := lifecycle.New(lifecycle.Config{Store: s.store, Enrol: enrolment, Authorities: cas, Records: keep, Self: self, Now: time.Now, Log: log})
	api := &cmfapi.API{
		Enrol: enrolment, Life: life, Authorities: cas, Authorize: authorize, Self: self,
		VNFM: direct.New(direct.Config{Store: s.store, Now: time.Now, Log: log}),
	}
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(end)
	if err := space.Open(ctx, ctx, "hub", "north", "south"); err != nil {
		t.Fatal(err)
	}
	mux := httpapi.NewMux(httpapi.Options{Log: log, PageSize: 2, Authenticate: func(r *http.Request) (hub.Identity, error) { return parties[r.Header.Get("By")], nil }})
	api.Routes(mux)
	api.FunctionRoutes(mux.API(httpapi.API{Name: "manoward", Major: "v1", Versions: []httpapi.APIVersion{{Version: "1.0.0"}}}))
	(&cmfapi.Status{Life: life, Authorities: cas, Now: time.Now}).Routes(mux)
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

// authorize lets operators do everything, and others what is not the CA's in their
// own trust domain, as the decision table does.
func authorize(r *http.Request, operation, domain, _ string) (hub.Identity, error) {
	who := httpapi.Caller(r.Context())
	switch {
	case domain != "" && domain != who.TrustDomain && who.TrustDomain != "hub":
		return who, hub.E(hub.NotFound, operation, "not found", nil)
	case (operation == "ca.rotate" || operation == "ca.revoke") && who.TrustDomain != "hub":
		return who, hub.E(hub.Denied, operation, "for operators alone", nil)
	}
	return who, nil
}

// fileKeys are CA keys in files.
type fileKeys struct {
	dir   string
	vault *vault.Vault
}

func (fileKeys) Kind(string) string { return hub.KeysInFile }

func (k fileKeys) Open(_ context.Context, domain, _ string) (authority.Keys, error) {
	return trust.OpenFileKeys(filepath.Join(k.dir, domain), domain, k.vault)
}

// answer is what came back.
type answer struct {
	*http.Response
	body []byte
}

// ask sends a request; header are names and values by turns.
func (s *site) ask(by, method, path, body string, header ...string) answer {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.server.URL+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("By", by)
	req.Header.Set("Version", "1.0.0")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.server.Client().Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{Response: resp}
	if a.body, err = io.ReadAll(resp.Body); err != nil {
		s.Fatal(err)
	}
	return a
}

// must sends a JSON request that is answered with a status, and decodes the answer.
func (s *site) must(status int, by, method, path string, in, out any) answer {
	s.Helper()
	body := ""
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			s.Fatal(err)
		}
		body = string(raw)
	}
	a := s.ask(by, method, path, body)
	if a.StatusCode != status {
		s.Fatalf("%s %s: %d %s, want %d", method, path, a.StatusCode, a.body, status)
	}
	if out != nil {
		if err := json.Unmarshal(a.body, out); err != nil {
			s.Fatalf("%s %s: %v in %s", method, path, err, a.body)
		}
	}
	return a
}

// isProblem wants an answer to be ProblemDetails of a status (SOL 013 clause 6.3) that
// say what is wrong, and nothing that is for nobody.
func (a answer) isProblem(t testing.TB, what string, status int) {
	t.Helper()
	var p struct {
		Status int
		Detail string
	}
	err := json.Unmarshal(a.body, &p)
	if a.StatusCode != status || a.Header.Get("Content-Type") != "application/problem+json" || err != nil || p.Status != status || len(p.Detail) < 9 {
		t.Errorf("%s: %d %s %.300s, want %d", what, a.StatusCode, a.Header.Get("Content-Type"), a.body, status)
	}
	for _, leak := range []string{"panic", "goroutine", "%!", "0xc0", ".go:"} {
		if strings.Contains(string(a.body), leak) {
			t.Errorf("%s: %q is nothing for a caller: %s", what, leak, a.body)
		}
	}
}
