package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/openapi"
	"github.com/manoward/manoward/policies"
)

// smPolicies makes signed sets of one policy, which finds each host that is not
// trusted.
type smPolicies struct {
	testing.TB
	key    policies.SigningKey
	public string // PEM
}

func newSMPolicies(t testing.TB, keyID string) *smPolicies {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return &smPolicies{
		TB:     t,
		key:    policies.SigningKey{ID: keyID, PEM: hub.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))},
		public: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
	}
}

// bundle returns a signed set and its revision; another title makes another set.
func (p *smPolicies) bundle(title string) (revision string, signed []byte) {
	p.Helper()
	files := fstest.MapFS{
		"own_host.rego": {Data: []byte(`# METADATA
# title: ` + title + `
# description: The use of a host that is not trusted ends.
# scope: package
# custom:
#   id: own-host
#   owner: team@example.net
#   severity: high
#   events: [host-change, review]
#   samples: own_host.samples.yaml
package manoward.policies.own_host

findings contains {"code": "untrusted", "message": sprintf("host %s is not trusted", [id]), "target": {"hostId": id}, "actions": [{"type": "stop-host", "vnfs": "migrate"}]} if {
	some id, h in input.hosts
	h.integrity == "UNTRUSTED"
}
`)},
		"own_host.samples.yaml": {Data: []byte(`
- {name: trusted, kind: review, input: {event: {reason: periodic}, hosts: {h1: {id: h1, integrity: TRUSTED}}}, findings: []}
- {name: untrusted, kind: review, input: {event: {reason: periodic}, hosts: {h1: {id: h1, integrity: UNTRUSTED}}}, findings: [{code: untrusted}]}
`)},
	}
	return p.sign(files)
}

// sign makes a signed set of files, and returns its revision too.
func (p *smPolicies) sign(files fs.FS) (revision string, signed []byte) {
	p.Helper()
	schemas, err := policies.OwnSchemas()
	if err != nil {
		p.Fatal(err)
	}
	set, problems := policies.Load(p.Context(), files, policies.Options{Schemas: schemas})
	if set == nil {
		p.Fatal(problems)
	}
	raw, err := set.Bundle()
	if err != nil {
		p.Fatal(err)
	}
	if signed, err = policies.Sign(raw, p.key); err != nil {
		p.Fatal(err)
	}
	return set.Revision(), signed
}

// smSite is the operators' entrance as a client of SOL 012 sees it, held against
// the official file.
func (h *nsHub) smSite(point hub.PointAddress) *site {
	h.t.Helper()
	s := &site{
		v: openapi.Load(h.t, openapi.NfvPolicy), http: h.at(point, true), nobody: h.at(point, false), point: point.ReferencePoint, root: point.URL,
		version: map[string]string{"nfvpolicy": "1.0.0", "manoward": "1.0.0"},
	}
	for _, c := range []*http.Client{s.http, s.nobody} {
		c.Transport = s.v.Transport(c.Transport)
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return s
}

// transfer puts the content of a version. The official file has forgotten the
// body of this request, so the validator does not see it.
func (h *nsHub) transfer(s *site, path string, content []byte, want int, says string) {
	h.t.Helper()
	plain := *s
	c := http.Client{Transport: h.at(h.points()[s.point], true).Transport}
	a, err := plain.send(context.WithoutCancel(h.t.Context()), &c, http.MethodPut, path, content, []string{"Content-Type", "application/gzip"})
	if err != nil {
		h.t.Fatal(err)
	}
	if a.StatusCode != want || !strings.Contains(string(a.text), says) {
		h.t.Fatalf("PUT %s answered %s, want %d and %q: %.600s", path, a.Status, want, says, a.text)
	}
	if want >= 400 {
		helpful(h.t, "PUT "+path, a.text)
	}
}

const policiesPath = "/nfvpolicy/v1/policies"

// An author of policies creates, transfers, activates and deletes them over
// SOL 012 as the official file has it, through TLS, and a subscriber is told of
// each change, also of one that happened while it was away.
func TestSm_PolicyManagement(t *testing.T) {
	t.Parallel()
	files := http.NewServeMux()
	server := httptest.NewTLSServer(files)
	t.Cleanup(server.Close)
	dir, team := t.TempDir(), newSMPolicies(t, "team")
	ca, key, file := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "team.pem"), filepath.Join(dir, "manoward.yaml")
	writeFile(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})), 0o600)
	writeFile(t, key, team.public, 0o600)
	started := newHub(t, "--config", file, "--set", "notifications.ca="+ca)
	config := strings.Replace(smConfig(t, filepath.Join(started.home, "north-alpha")), "}\n", fmt.Sprintf(", policyKey: %q, policyKeyId: team}\n", key), 1)
	writeFile(t, file, config, 0o600)
	h := &nsHub{hubProcess: started.start()}
	h.do("trust-domain", "create", "north")
	h.scorSM("north", "alpha", "semi-active")
	h.smReady()
	s := h.smSite(h.points()[hub.Admin])

	told := &receiver{url: server.URL + "/told", v: openapi.Load(t, openapi.NfvPolicyNotification)}
	files.Handle("/told", told.v.Handler(told))
	subscription := s.want(t, 201, "POST", "/nfvpolicy/v1/subscriptions", object{"callbackUri": told.url}).id()
	s.want(t, 303, "POST", "/nfvpolicy/v1/subscriptions", object{"callbackUri": told.url})
	s.want(t, 422, "POST", "/nfvpolicy/v1/subscriptions", object{"callbackUri": server.URL + "/nobody"})

	in := object{"designer": "team", "name": "hosts", "pfId": "north/alpha"}
	s.want(t, 422, "POST", policiesPath, object{"designer": "team", "name": "hosts", "pfId": "north/beta"})
	s.want(t, 422, "POST", policiesPath, object{"designer": "team", "name": "hosts", "pfId": "south/alpha"})
	policy := policiesPath + "/" + s.want(t, 201, "POST", policiesPath, in).id()
	one, content := team.bundle("One")
	_, forged := newSMPolicies(t, "team").bundle("One")
	h.transfer(s, policy+"/versions/"+one, forged, 422, "not signed by")
	h.transfer(s, policy+"/versions/"+one, make([]byte, policies.MaxBundle+1), 413, "larger")
	h.transfer(s, policy+"/versions/other", content, 422, one)
	h.transfer(s, policy+"/versions/"+one, content, 201, "")
	if a := s.want(t, 200, "GET", policy+"/versions/"+one, nil, "Accept", "application/gzip"); !bytes.Equal(a.text, content) {
		t.Error("what is read is not what was transferred")
	}
	s.want(t, 200, "PATCH", policy, object{"activationStatus": "ACTIVATED"})
	if got := h.smActive(); got != one {
		t.Errorf("revision %s judges, want %s", got, one)
	}
	s.want(t, 422, "PATCH", policy, object{"activationStatus": "DEACTIVATED"})
	s.want(t, 409, "DELETE", policy, nil)
	api := &apiHub{nsHub: h}
	api.refusals(t, s, "POST", policiesPath, in)
	api.refusals(t, s, "GET", policy, nil)
	api.versions(t, s, "/nfvpolicy/v1")

	// An auditor reads; one of another trust domain learns nothing.
	h.do("trust-domain", "create", "south")
	auditor := api.as(s, "audit", "--party", "auditor", "--trust-domain", "north")
	auditor.want(t, 200, "GET", policy, nil)
	auditor.want(t, 200, "GET", policy+"/versions/"+one, nil, "Accept", "application/gzip")
	auditor.want(t, 403, "PATCH", policy, object{"activationStatus": "ACTIVATED"})
	auditor.want(t, 403, "DELETE", policy, nil)
	auditor.want(t, 403, "POST", policiesPath, in)
	api.as(s, "audit-south", "--party", "auditor", "--trust-domain", "south").unseen(t, policiesPath, policy[strings.LastIndex(policy, "/")+1:])

	// A second version takes its place; the subscriber is away, and the hub dies.
	two, next := team.bundle("Two")
	eventually(t, "the first changes are told", patience, func() bool { return told.heard("PolicyChangeNotification", subscription) == 3 })
	told.away(true)
	h.transfer(s, policy+"/versions/"+two, next, 201, "")
	s.want(t, 200, "PATCH", policy, object{"selectedVersion": two})
	h.kill()
	h.start()
	h.smReady()
	s = h.smSite(h.points()[hub.Admin])
	told.away(false)
	if got := h.smActive(); got != two {
		t.Errorf("revision %s judges after the restart, want %s", got, two)
	}
	s.want(t, 409, "DELETE", policy+"/versions/"+two, nil) // selected
	s.want(t, 409, "DELETE", policy+"/versions/"+one, nil) // what a rollback goes back to
	empty := s.want(t, 201, "POST", policiesPath, object{"designer": "team", "name": "empty", "pfId": "alpha"}).id()
	s.want(t, 204, "DELETE", policiesPath+"/"+empty, nil)
	s.want(t, 404, "GET", policiesPath+"/"+empty, nil)
	eventually(t, "all changes are told", patience, func() bool { return told.heard("PolicyChangeNotification", subscription) >= 7 })
	want := []string{"CREATE_POLICY", "TRANSFER_POLICY", "MODIFY_POLICY", "TRANSFER_POLICY", "MODIFY_POLICY", "CREATE_POLICY", "DELETE_POLICY"}
	if got := told.changes(); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	if out := h.do("subscription", "list", "-o", "json"); !strings.Contains(out, told.url) {
		t.Errorf("the operator does not see the subscription:\n%s", out)
	}
	s.want(t, 204, "DELETE", "/nfvpolicy/v1/subscriptions/"+subscription, nil)
	s.want(t, 404, "GET", "/nfvpolicy/v1/subscriptions/"+subscription, nil)
	other := &receiver{url: server.URL + "/other", v: told.v}
	files.Handle("/other", other.v.Handler(other))
	s.want(t, 201, "POST", "/nfvpolicy/v1/subscriptions", object{"callbackUri": other.url, "filter": object{"changeTypes": []string{"CREATE_POLICY"}}})
	s.want(t, 201, "POST", policiesPath, object{"designer": "team", "name": "untold", "pfId": "alpha"})
	other.await(t, "PolicyChangeNotification")
	if n := len(told.changes()); n != len(want) {
		t.Errorf("%d changes were told, the last after the subscription had ended", n)
	}
}

// smActive is the revision of policies that judges.
func (h *nsHub) smActive() string {
	h.t.Helper()
	var status struct {
		Active struct{ PolicyRevision string }
	}
	if _, err := h.operator().Do(h.t.Context(), http.MethodGet, "/security_managers/alpha/status", nil, &status); err != nil {
		h.t.Fatal(err)
	}
	return status.Active.PolicyRevision
}

// away has a subscriber refuse what it is told, or take it again.
func (r *receiver) away(is bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = is
}

// changes lists what was told of policies, each notification once, in order.
func (r *receiver) changes() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := map[any]bool{}
	for _, n := range r.told {
		if !seen[n["id"]] {
			seen[n["id"]] = true
			list = append(list, fmt.Sprint(n["changeType"]))
		}
	}
	return list
}
