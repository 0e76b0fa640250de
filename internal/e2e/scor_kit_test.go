package e2e_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/nskit"
)

// scorSM is a Security Manager of a test, with what `sm register` gave it.
type scorSM struct {
	t            testing.TB
	domain, name string
	at           map[hub.Interface]*endpoint
	clients      map[hub.Interface]*http.Client
}

// scorSM registers a Security Manager in a mode.
func (h *nsHub) scorSM(domain, name, mode string) *scorSM {
	h.t.Helper()
	dir := filepath.Join(h.home, domain+"-"+name)
	h.do("sm", "register", name, "--trust-domain", domain, "--mode", mode, "--out", dir)
	s := &scorSM{t: h.t, domain: domain, name: name, at: map[hub.Interface]*endpoint{}, clients: map[hub.Interface]*http.Client{}}
	for _, e := range readEndpoints(h.t, dir, domain, name) {
		s.at[e.Interface] = e
		c := httpClient(h.t, e.tls(&e.Cert), true)
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		s.clients[e.Interface] = c
	}
	return s
}

// scorAnswer is an answer as it came.
type scorAnswer struct {
	status   int
	location string
	body     string
}

// id is the last part of the Location.
func (a scorAnswer) id() string { return a.location[strings.LastIndex(a.location, "/")+1:] }

// scorVersions are the versions that a client names for each API.
var scorVersions = map[string]string{"nslcm": "2.3.0", "vnfpkgm": "2.4.0", "vnflcm": "2.3.0", "grant": "1.7.0", "sc-or": "1.0.0", "sc-vi": "1.0.0", "manoward": "1.0.0"}

// ask sends one request on an interface; fields are header fields, name and value
// by turns.
func (s *scorSM) ask(i hub.Interface, method, path string, body any, fields ...string) scorAnswer {
	s.t.Helper()
	api, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	header := http.Header{"Version": {scorVersions[api]}, "Accept": {"application/json"}}
	text := ""
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		text = string(raw)
		header.Set("Content-Type", "application/json")
		if method == http.MethodPatch {
			header.Set("Content-Type", "application/merge-patch+json")
		}
	}
	for n := 0; n+1 < len(fields); n += 2 {
		header.Set(fields[n], fields[n+1])
	}
	resp, got := call(s.t, s.clients[i], method, s.at[i].URL+path, header, text)
	return scorAnswer{resp.StatusCode, resp.Header.Get("Location"), got}
}

// must sends a request that must be answered with a status.
func (s *scorSM) must(status int, i hub.Interface, method, path string, body any, fields ...string) scorAnswer {
	s.t.Helper()
	a := s.ask(i, method, path, body, fields...)
	if a.status != status {
		s.t.Fatalf("%s %s %s of %s/%s: %d, want %d: %.600s", i, method, path, s.domain, s.name, a.status, status, a.body)
	}
	return a
}

// read gets a resource.
func (s *scorSM) read(i hub.Interface, path string, out any) {
	s.t.Helper()
	a := s.must(http.StatusOK, i, http.MethodGet, path, nil)
	if err := json.Unmarshal([]byte(a.body), out); err != nil {
		s.t.Fatalf("%s: %v: %s", path, err, a.body)
	}
}

// order sends an Update NS that must be taken and returns its operation.
func (s *scorSM) order(i hub.Interface, ns string, in sol005.UpdateNsRequest, fields ...string) string {
	s.t.Helper()
	return s.must(http.StatusAccepted, i, http.MethodPost, "/nslcm/v2/ns_instances/"+ns+"/update", in, fields...).id()
}

// scorComplete orders an Update NS that must be taken and complete.
func (h *nsHub) scorComplete(s *scorSM, i hub.Interface, ns string, in sol005.UpdateNsRequest) sol005.NsLcmOpOcc {
	h.t.Helper()
	return h.scorEnded(s.order(i, ns, in), sol005.NsLcmOperationStateCompleted)
}

// scorEnded waits until an operation goes on no further, in a state.
func (h *nsHub) scorEnded(id string, want sol005.NsLcmOperationStateType) sol005.NsLcmOpOcc {
	h.t.Helper()
	op := h.awaitOp(id)
	if op.OperationState != want {
		raw, _ := json.Marshal(op)
		h.t.Fatalf("the operation is %s, want %s: %s", op.OperationState, want, raw)
	}
	return op
}

// scorNote is a notification of the NS life cycle as an SM reads it.
type scorNote struct {
	raw              []byte                                                       // as it came
	ID               string                                                       `json:"id"`
	Type             string                                                       `json:"notificationType"`
	Subscription     string                                                       `json:"subscriptionId"`
	Timestamp        time.Time                                                    `json:"timestamp"`
	Ns               string                                                       `json:"nsInstanceId"`
	Operation        string                                                       `json:"operation"`
	OpOcc            string                                                       `json:"nsLcmOpOccId"`
	State            string                                                       `json:"operationState"`
	Status           string                                                       `json:"notificationStatus"`
	Automatic        bool                                                         `json:"isAutomaticInvocation"`
	AffectedVnf      []sol005.AffectedVnf                                         `json:"affectedVnf"`
	AffectedPnf      []sol005.AffectedPnf                                         `json:"affectedPnf"`
	Component        string                                                       `json:"nsComponentId"`
	ComponentOp      string                                                       `json:"lcmOpNameImpactingNsComponent"`
	ComponentStatus  string                                                       `json:"lcmOpOccStatusImpactingNsComponent"`
	ComponentOpOccID string                                                       `json:"lcmOpOccIdImpactingNsComponent"`
	Source           struct{ Kind, Identity string }                              `json:"manoward.sourceOfRequest"`
	Vnf              *scorVnf                                                     `json:"manoward.vnf"`
	Change           map[string]json.RawMessage                                   `json:"manoward.change"`
	Attempt          *struct{ RecordID, Actor, Operation, Target, Reason string } `json:"attempt"`
}

// scorVnf is what a notification says of a VNF.
type scorVnf struct {
	VnfInstanceID, VnfdID, VnfPkgID, VnfProfileID string
	Integrity                                     struct{ Verdict, Checksum, PackageSecurityOption, Signer string }
	Connectivity                                  []struct {
		ExtCpID, CpdID, VirtualLinkInfoID string
		PnfIDs                            []string
	}
}

// scorInbox takes the notifications of one Security Manager, as its owner would:
// it shows the SM's credential of an interface, and wants the endpoint of that
// interface as client.
type scorInbox struct {
	url string

	mu        sync.Mutex
	notes     []scorNote
	strangers []string
}

// inbox opens an inbox for what the endpoint of an interface sends, which shows
// that credential or, to be refused, another one.
func (s *scorSM) inbox(i hub.Interface, shown *endpoint) *scorInbox {
	in := &scorInbox{}
	own := s.at[i]
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in.take(w, r, own)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{shown.Cert}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	server.EnableHTTP2 = true
	server.StartTLS()
	s.t.Cleanup(server.Close)
	in.url = server.URL + "/inbox"
	return in
}

func (in *scorInbox) take(w http.ResponseWriter, r *http.Request, own *endpoint) {
	in.mu.Lock()
	defer in.mu.Unlock()
	leaf, between := r.TLS.PeerCertificates[0], x509.NewCertPool()
	for _, c := range r.TLS.PeerCertificates[1:] {
		between.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: own.Roots, Intermediates: between, DNSName: own.ServerName, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		in.strangers = append(in.strangers, err.Error())
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if r.Method == http.MethodGet {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	var n scorNote
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(raw, &n)
	}
	n.raw = raw
	if err != nil {
		in.strangers = append(in.strangers, err.Error()+": "+string(raw))
	}
	if !slices.ContainsFunc(in.notes, func(was scorNote) bool { return was.ID == n.ID }) { // at least once is promised
		in.notes = append(in.notes, n)
	}
	w.WriteHeader(http.StatusNoContent)
}

// got returns what came until now.
func (in *scorInbox) got() []scorNote {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.notes)
}

// await waits for a notification.
func (in *scorInbox) await(t testing.TB, what string, ok func(scorNote) bool) scorNote {
	t.Helper()
	var found scorNote
	deadline := time.Now().Add(20 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
		list := in.got()
		if n := slices.IndexFunc(list, ok); n >= 0 {
			found = list[n]
			tick.Stop()
			return found
		}
		if time.Now().After(deadline) {
			lines := []string{}
			for _, n := range list {
				lines = append(lines, n.line())
			}
			t.Fatalf("no notification: %s; there are:\n%s", what, strings.Join(lines, "\n"))
		}
	}
}

// line says in one line what a notification is about.
func (n scorNote) line() string {
	parts := []string{n.Type, n.Ns, n.Operation, n.Status, n.State, n.Component, n.ComponentOp, n.ComponentStatus, n.Source.Kind}
	if n.Attempt != nil {
		parts = append(parts, n.Attempt.Actor, n.Attempt.Operation, n.Attempt.Target, n.Attempt.Reason)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

// subscribe makes a subscription of the NS life cycle with an inbox of its own.
func (s *scorSM) subscribe(filter *sol005.LifecycleChangeNotificationsFilter) (*scorInbox, string) {
	s.t.Helper()
	in := s.inbox(hub.ScOrNsLcm, s.at[hub.ScOrNsLcm])
	a := s.must(http.StatusCreated, hub.ScOrNsLcm, http.MethodPost, "/nslcm/v2/subscriptions", sol005.LccnSubscriptionRequest{CallbackURI: in.url, Filter: filter})
	return in, a.id()
}

// scorNSD on-boards another NSD of a kit.
func (h *nsHub) scorNSD(domain, name string, raw []byte) {
	h.t.Helper()
	path := filepath.Join(h.home, domain+"-"+name+".csar")
	writeFile(h.t, path, string(raw), 0o600)
	h.do("nsd", "onboard", path, "--trust-domain", domain)
}

// scorPackage on-boards another package of a kit.
func (h *nsHub) scorPackage(domain, name string, raw []byte) {
	h.t.Helper()
	path := filepath.Join(h.home, domain+"-"+name+".csar")
	writeFile(h.t, path, string(raw), 0o600)
	h.do("package", "onboard", path, "--trust-domain", domain)
}

// scorMake makes an NS of an NSD and instantiates it.
func (h *nsHub) scorMake(nsd, name string) string {
	h.t.Helper()
	var ns sol005.NsInstance
	in := sol005.CreateNsRequest{NsdID: nsd, NsName: name, NsDescription: "of a test"}
	if _, err := h.nslcm().Do(h.t.Context(), http.MethodPost, "/ns_instances", in, &ns); err != nil {
		h.t.Fatal(err)
	}
	h.mustComplete(ns.ID, "instantiate", map[string]string{})
	return ns.ID
}

// vnfsOf returns the VNF instances of an NS that are of a VNFD.
func (h *nsHub) vnfsOf(ns, vnfd string) []string {
	h.t.Helper()
	var list []string
	for _, v := range h.showNs(ns).VnfInstance {
		if v.VnfdID == vnfd {
			list = append(list, v.ID)
		}
	}
	return list
}

// scorGuard adds the security VNF of a kit to an NS.
func scorGuard(k *nskit.Kit) sol005.UpdateNsRequest {
	return sol005.UpdateNsRequest{UpdateType: sol005.UpdateInstantiateVnf, InstantiateVnfData: []sol005.InstantiateVnfData{{VnfProfileID: "guard", VnfdID: k.GuardVNFD()}}}
}

// scorRemove orders to end VNFs, with parameters of ours, name and value by turns.
func scorRemove(vnfs []string, params ...any) sol005.UpdateNsRequest {
	in := sol005.UpdateNsRequest{UpdateType: sol005.UpdateRemoveVnf, RemoveVnfInstanceID: vnfs}
	for _, id := range vnfs {
		d := sol005.TerminateVnfData{VnfInstanceID: id, TerminationType: "FORCEFUL", AdditionalParams: sol005.KeyValuePairs{}}
		for n := 0; n+1 < len(params); n += 2 {
			d.AdditionalParams["manoward."+params[n].(string)] = params[n+1]
		}
		in.TerminateVnfData = append(in.TerminateVnfData, d)
	}
	return in
}
