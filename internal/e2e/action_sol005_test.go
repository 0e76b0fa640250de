package e2e_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/openapi"
)

// plainNFVO is an NFVO of another make: SOL 005 over TLS with client
// certificates, and nothing of ours. All that it is asked and answers is held
// against the official OpenAPI files. It shows lists without what SOL 005 lets it
// leave out, and knows no filter.
type plainNFVO struct {
	t      *testing.T
	server *httptest.Server
	client *http.Client      // by which it notifies
	ca     *x509.Certificate // of its certificate
	mux    *http.ServeMux    // behind the validator
	v      *openapi.Validator

	mu      sync.Mutex // covers what is below
	nss     map[string]*sol005.NsInstance
	pkgs    map[string]*sol005.VnfPkgInfo
	ops     []*sol005.NsLcmOpOcc
	subs    map[string]sol005.LccnSubscription
	clients map[string]bool     // identities that asked
	changes map[string][]string // what was asked to change, in order, by NS or package
	extras  []string            // asked for although it is none of SOL 005's
}

// plainName is the name in its certificate.
const plainName = "nfvo.vendor.example"

// newPlainNFVO starts one that lets in who has a certificate of one of the roots.
func newPlainNFVO(t *testing.T, clients *x509.CertPool) *plainNFVO {
	t.Helper()
	n := &plainNFVO{
		t: t, mux: http.NewServeMux(), v: openapi.Load(t, openapi.NsLcm, openapi.VnfPkgm),
		nss: map[string]*sol005.NsInstance{}, pkgs: map[string]*sol005.VnfPkgInfo{}, subs: map[string]sol005.LccnSubscription{},
		clients: map[string]bool{}, changes: map[string][]string{},
	}
	for pattern, h := range map[string]func(*http.Request) (int, any){
		"GET /nslcm/v2/ns_instances":              n.listNss,
		"GET /nslcm/v2/ns_instances/{id}":         n.showNs,
		"POST /nslcm/v2/ns_instances/{id}/update": n.update,
		"GET /nslcm/v2/ns_lcm_op_occs":            n.listOps,
		"GET /nslcm/v2/ns_lcm_op_occs/{id}":       n.showOp,
		"GET /nslcm/v2/subscriptions":             n.listSubs,
		"POST /nslcm/v2/subscriptions":            n.subscribe,
		"GET /nslcm/v2/subscriptions/{id}":        n.showSub,
		"DELETE /nslcm/v2/subscriptions/{id}":     n.unsubscribe,
		"GET /vnfpkgm/v2/vnf_packages":            n.listPkgs,
		"GET /vnfpkgm/v2/vnf_packages/{id}":       n.showPkg,
		"PATCH /vnfpkgm/v2/vnf_packages/{id}":     n.patchPkg,
	} {
		n.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { n.answer(w, r, h) })
	}
	n.server = httptest.NewUnstartedServer(n)
	cert, ca := plainCertificate(t)
	n.ca = ca
	n.server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS12}
	n.server.EnableHTTP2 = true
	n.server.StartTLS()
	t.Cleanup(n.server.Close)
	// Who answers is not what is tested: it is the Security Manager's listener, whose
	// own certificate sm_test.go and sm_hostile_test.go look at.
	n.client = httpClient(t, &tls.Config{Certificates: []tls.Certificate{cert}, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, true)
	return n
}

// plainCertificate is a certificate for server and client, and its CA.
func plainCertificate(t *testing.T) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	issue := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if parent == nil {
			parent, signer = template, key
		}
		template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(raw)
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	ca, caKey := issue(&x509.Certificate{Subject: pkix.Name{CommonName: "vendor"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	cert, key := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: plainName}, DNSNames: []string{plainName}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, ca, caKey)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}, ca
}

// root is its CA's certificate, PEM.
func (n *plainNFVO) root() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.ca.Raw}))
}

// ServeHTTP implements [http.Handler].
func (n *plainNFVO) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	for _, u := range r.TLS.PeerCertificates[0].URIs {
		n.clients[u.String()] = true
	}
	n.mu.Unlock()
	if !strings.HasPrefix(r.URL.Path, "/nslcm/") && !strings.HasPrefix(r.URL.Path, "/vnfpkgm/") {
		n.mu.Lock()
		n.extras = append(n.extras, r.Method+" "+r.URL.Path)
		n.mu.Unlock()
		plainProblem(w, http.StatusNotFound, "there is no such resource")
		return
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return // the hub ended meanwhile
	}
	ctx := r.Context()
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/subscriptions") && plainUnknown(raw) != "" {
		ctx = openapi.Bad(ctx) // it tries whether our extensions are known
	}
	in := r.Clone(ctx)
	in.Body = http.NoBody
	if len(raw) > 0 {
		in.Body = io.NopCloser(bytes.NewReader(raw))
	}
	a, err := n.v.Transport(plainInner{n.mux}).RoundTrip(in)
	if err != nil {
		n.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		return
	}
	defer a.Body.Close()
	maps.Copy(w.Header(), a.Header)
	w.WriteHeader(a.StatusCode)
	_, _ = io.Copy(w, a.Body) // the hub may have ended meanwhile
}

// plainInner answers what passed the validator.
type plainInner struct{ http.Handler }

// RoundTrip implements [http.RoundTripper].
func (p plainInner) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

func plainProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Version", "2.3.0")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "detail": detail}) // as above
}

// answer writes what a handler says: a resource, or a text that says what is
// wrong. What is made or started says where it is.
func (n *plainNFVO) answer(w http.ResponseWriter, r *http.Request, h func(*http.Request) (int, any)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	status, is := h(r)
	if text, wrong := is.(string); wrong && status >= 400 {
		plainProblem(w, status, text)
		return
	}
	w.Header().Set("Version", "2.3.0")
	switch x := is.(type) {
	case nil:
	case *sol005.NsLcmOpOcc:
		w.Header().Set("Location", x.Links.Self.Href)
	case sol005.LccnSubscription:
		w.Header().Set("Location", x.Links.Self.Href)
	}
	if status == http.StatusAccepted || status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(is) // as above
}

func (n *plainNFVO) at(path string) sol005.Link { return sol005.Link{Href: n.server.URL + path} }

func (n *plainNFVO) listNss(r *http.Request) (int, any) {
	list := []sol005.NsInstance{}
	for _, id := range slices.Sorted(maps.Keys(n.nss)) {
		ns := *n.nss[id]
		ns.VnfInstance = nil // left out of lists
		list = append(list, ns)
	}
	return http.StatusOK, list
}

func (n *plainNFVO) showNs(r *http.Request) (int, any) {
	if ns := n.nss[r.PathValue("id")]; ns != nil {
		return http.StatusOK, ns
	}
	return http.StatusNotFound, "there is no such NS"
}

// update carries an Update NS out at once.
func (n *plainNFVO) update(r *http.Request) (int, any) {
	ns := n.nss[r.PathValue("id")]
	raw, err := io.ReadAll(r.Body)
	var in sol005.UpdateNsRequest
	if ns == nil || err != nil || json.Unmarshal(raw, &in) != nil {
		return http.StatusNotFound, "there is no such NS"
	}
	index := func(id string) int {
		return slices.IndexFunc(ns.VnfInstance, func(v sol005.VnfInstance) bool { return v.ID == id })
	}
	about := ""
	switch in.UpdateType {
	case sol005.UpdateCreateVnfSnapshot:
		about = in.CreateSnapshotData.VnfInstanceID
	case sol005.UpdateRemoveVnf:
		about = strings.Join(in.RemoveVnfInstanceID, " ")
		for _, id := range in.RemoveVnfInstanceID {
			if i := index(id); i >= 0 {
				ns.VnfInstance = slices.Delete(ns.VnfInstance, i, i+1)
			}
		}
	case sol005.UpdateInstantiateVnf:
		d := in.InstantiateVnfData[0]
		about = d.VnfProfileID + d.VnfdID
		ns.VnfInstance = append(ns.VnfInstance, n.vnf(ns.ID+"-new", "vendor-guard", "", d.VnfInstanceName))
	case sol005.UpdateModifyVnfInformation:
		about = in.ModifyVnfInfoData[0].VnfInstanceID
		if i := index(about); i >= 0 {
			ns.VnfInstance[i].VnfConfigurableProperties = in.ModifyVnfInfoData[0].VnfConfigurableProperties
		}
	}
	n.changes[ns.ID] = append(n.changes[ns.ID], in.UpdateType+" "+about)
	now := time.Now().UTC()
	id := fmt.Sprintf("op-%d", len(n.ops))
	op := &sol005.NsLcmOpOcc{ID: id, OperationState: sol005.NsLcmOperationStateCompleted, StateEnteredTime: now, StartTime: now, NsInstanceID: ns.ID, LcmOperationType: "UPDATE", OperationParams: raw}
	op.Links.Self, op.Links.NsInstance = n.at("/nslcm/v2/ns_lcm_op_occs/"+id), n.at("/nslcm/v2/ns_instances/"+ns.ID)
	n.ops = append(n.ops, op)
	return http.StatusAccepted, op
}

func (n *plainNFVO) listOps(*http.Request) (int, any) {
	list := []sol005.NsLcmOpOcc{}
	for _, op := range n.ops {
		is := *op
		is.OperationParams = nil // left out of lists
		list = append(list, is)
	}
	return http.StatusOK, list
}

func (n *plainNFVO) showOp(r *http.Request) (int, any) {
	for _, op := range n.ops {
		if op.ID == r.PathValue("id") {
			return http.StatusOK, *op
		}
	}
	return http.StatusNotFound, "there is no such operation"
}

func (n *plainNFVO) listSubs(*http.Request) (int, any) {
	return http.StatusOK, slices.AppendSeq([]sol005.LccnSubscription{}, maps.Values(n.subs))
}

func (n *plainNFVO) showSub(r *http.Request) (int, any) {
	if s, ok := n.subs[r.PathValue("id")]; ok {
		return http.StatusOK, s
	}
	return http.StatusNotFound, "there is no such subscription"
}

// plainUnknown is a type of notification in a filter that SOL 005 does not have.
func plainUnknown(raw []byte) string {
	var in sol005.LccnSubscriptionRequest
	if json.Unmarshal(raw, &in) != nil || in.Filter == nil {
		return ""
	}
	for _, name := range in.Filter.NotificationTypes {
		if !slices.Contains([]string{"NsLcmOperationOccurrenceNotification", "NsChangeNotification", "NsIdentifierCreationNotification", "NsIdentifierDeletionNotification"}, name) {
			return name
		}
	}
	return ""
}

func (n *plainNFVO) subscribe(r *http.Request) (int, any) {
	raw, err := io.ReadAll(r.Body)
	var in sol005.LccnSubscriptionRequest
	if err != nil || json.Unmarshal(raw, &in) != nil {
		return http.StatusBadRequest, "the body is no JSON"
	}
	if name := plainUnknown(raw); name != "" {
		return http.StatusBadRequest, "there is no notification " + name
	}
	s := sol005.LccnSubscription{ID: hub.NewID(), Filter: in.Filter, CallbackURI: in.CallbackURI, Verbosity: in.Verbosity}
	s.Links.Self = n.at("/nslcm/v2/subscriptions/" + s.ID)
	n.subs[s.ID] = s
	return http.StatusCreated, s
}

func (n *plainNFVO) unsubscribe(r *http.Request) (int, any) {
	delete(n.subs, r.PathValue("id"))
	return http.StatusNoContent, nil
}

func (n *plainNFVO) listPkgs(*http.Request) (int, any) {
	return http.StatusOK, slices.AppendSeq([]*sol005.VnfPkgInfo{}, maps.Values(n.pkgs))
}

func (n *plainNFVO) showPkg(r *http.Request) (int, any) {
	if p := n.pkgs[r.PathValue("id")]; p != nil {
		return http.StatusOK, p
	}
	return http.StatusNotFound, "there is no such package"
}

func (n *plainNFVO) patchPkg(r *http.Request) (int, any) {
	p := n.pkgs[r.PathValue("id")]
	var in sol005.VnfPkgInfoModifications
	if p == nil || json.NewDecoder(r.Body).Decode(&in) != nil {
		return http.StatusNotFound, "there is no such package"
	}
	p.OperationalState = in.OperationalState
	n.changes[p.ID] = append(n.changes[p.ID], string(in.OperationalState))
	for id, ns := range n.nss { // in the order of what happens to its VNFs
		if slices.ContainsFunc(ns.VnfInstance, func(v sol005.VnfInstance) bool { return v.VnfPkgID == p.ID }) {
			n.changes[id] = append(n.changes[id], "PACKAGE "+string(in.OperationalState))
		}
	}
	return http.StatusOK, in
}
