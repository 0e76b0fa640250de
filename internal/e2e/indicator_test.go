package e2e_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/testkit/openapi"
)

const indicatorsAt = "/vnfind/v1/indicators"

// fakeVNF produces vnfind/v1 of SOL 002, as a VNF or its EM does: over TLS, to who shows
// a certificate of its authority alone. What it is asked and what it answers is held
// against the official file.
type fakeVNF struct {
	t   testing.TB
	v   *openapi.Validator
	url string

	mu     sync.Mutex
	values map[string]string // JSON by indicator
	silent bool
	asked  int
}

func newFakeVNF(t testing.TB, pki *smAuthority) *fakeVNF {
	t.Helper()
	f := &fakeVNF{t: t, v: openapi.Load(t, openapi.VnfIndVeVnfm), values: map[string]string{}}
	f.url = serveVNF(t, pki, f.v.Transport(served{f}))
	return f
}

// serveVNF serves what a VNF answers over TLS, to who shows a certificate of its
// authority alone, and returns its {apiRoot}.
func serveVNF(t testing.TB, pki *smAuthority, answers http.RoundTripper) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := answers.RoundTrip(r)
		if err != nil {
			t.Errorf("ask a VNF: %v", err)
			return
		}
		defer resp.Body.Close()
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	roots := x509.NewCertPool()
	roots.AddCert(pki.cert)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots, Certificates: []tls.Certificate{pki.issue(&x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "vnf"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // who has not the credential is expected
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// served makes a round tripper of a handler.
type served struct{ http.Handler }

func (s served) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result(), nil
}

func (f *fakeVNF) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	vnf := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	w.Header().Set("Version", "1.4.0")
	if f.silent {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"status":503,"detail":"the VNF is busy with something else"}`)
		return
	}
	var list []string
	for _, id := range slices.Sorted(maps.Keys(f.values)) {
		list = append(list, fmt.Sprintf(`{"id":%q,"vnfInstanceId":%q,"value":%s,"_links":{"self":{"href":%q},"vnfInstance":{"href":"https://vnfm.test/vnflcm/v2/vnf_instances/%s"}}}`, id, vnf, f.values[id], f.url+r.URL.Path+"/"+id, vnf))
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "["+strings.Join(list, ",")+"]")
}

// say has the VNF give an indicator a value.
func (f *fakeVNF) say(indicator, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.values[indicator] = value
}

// times is how often the VNF was asked.
func (f *fakeVNF) times() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// again waits until the VNF has been asked so often from now on.
func (f *fakeVNF) again(n int) {
	f.t.Helper()
	until := f.times() + n
	eventually(f.t, "the VNF is asked", 20*time.Second, func() bool { return f.times() >= until })
}

// vnfCredential writes the credential of a trust domain for its VNFs.
func vnfCredential(t testing.TB, dir string, pki *smAuthority) {
	t.Helper()
	cert := pki.issue(&x509.Certificate{SerialNumber: big.NewInt(4), Subject: pkix.Name{CommonName: "vnfm"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key}, "ca.pem": {Type: "CERTIFICATE", Bytes: pki.cert.Raw},
	} {
		writeFile(t, filepath.Join(dir, name), string(pem.EncodeToMemory(block)), 0o600)
	}
}

// indicatorHub is a hub whose indicators are held against the official files, with an NS
// of trust domain north, whose VNF is not asked yet.
type indicatorHub struct {
	*apiHub
	or, ve      *site // an operator's at the VNFM, and an EM's
	nsPath, vnf string
}

func newIndicatorHub(t *testing.T, credentials string) *indicatorHub {
	h := &indicatorHub{apiHub: newAPIHubWith(t, []string{"--set", "indicators.credentials=" + credentials, "--set", "indicators.interval=100ms"}, "north", "south")}
	h.or = h.site(hub.VNFM, false, openapi.VnfInd)
	h.ve = h.as(h.site(hub.VNFM, true, openapi.VnfIndVeVnfm), "north-em", "--party", "em", "--trust-domain", "north")
	clear(h.receivers)
	for _, name := range []string{"vnfind", "vnfind-ve"} {
		r := &receiver{url: h.server.URL + "/" + name, v: openapi.Load(t, openapi.VnfIndNotification)}
		h.receivers[name] = r
		h.files.Handle("/"+name, r.v.Handler(r))
		h.files.Handle("/"+name+"/second", r.v.Handler(r))
	}
	h.nsPath, _ = h.newNs("north", "telling")
	h.run("COMPLETED", h.nsPath, "instantiate", object{"nsFlavourId": "simple"})
	h.vnf = h.of(h.nsPath, h.kit("north").WebVNFD())
	return h
}

// at has the VNF say where it and its EM are asked.
func (h *indicatorHub) at(vnf, em any) {
	h.t.Helper()
	in := object{"vnfConfigurableProperties": object{"manoward.indicators.vnf": vnf, "manoward.indicators.em": em}}
	h.vnfEnded(h.vnfm.want(h.t, 202, "PATCH", vnfs+"/"+h.vnf, in).id(), "COMPLETED")
}

// says waits until the VNFM has these values of the VNF: "load={...}", sorted.
func (h *indicatorHub) says(want ...string) (list []sol003.VnfIndicator) {
	h.t.Helper()
	eventually(h.t, fmt.Sprint("the indicators are ", want), 20*time.Second, func() bool {
		list = nil
		h.or.want(h.t, 200, "GET", indicatorsAt+"/"+h.vnf, nil).json(h.t, &list)
		var got []string
		for _, i := range list {
			got = append(got, i.ID+"="+string(i.Value))
		}
		return slices.Equal(got, want)
	})
	return list
}

// valuesOf are the values of an indicator that a subscriber was told of, each once
// however often it was delivered.
func (r *receiver) valuesOf(indicator string) (values []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := map[any]bool{}
	for _, n := range r.told {
		if n["notificationType"] == "VnfIndicatorValueChangeNotification" && n["vnfIndicatorId"] == indicator && !ids[n["id"]] {
			ids[n["id"]] = true
			raw, _ := json.Marshal(n["value"])
			values = append(values, string(raw))
		}
	}
	return values
}

// wantTold waits until both subscribers were told of these values, of no other and in
// that order.
func (h *indicatorHub) wantTold(indicator string, want ...string) {
	h.t.Helper()
	for name, r := range h.receivers {
		eventually(h.t, name+" is told of "+indicator, 20*time.Second, func() bool { return len(r.valuesOf(indicator)) >= len(want) })
		if got := r.valuesOf(indicator); !slices.Equal(got, want) {
			h.t.Errorf("%s was told of %s: %v, want %v", name, indicator, got, want)
		}
	}
}

// A VNF and its EM tell the VNFM of themselves, over TLS and with a credential of their
// trust domain; who reads or subscribes learns it, once each, whatever the hub goes
// through. All of it is what SOL 002 and SOL 003 say.
//
// Covers: VNFM, RefPoints
func TestIndicators(t *testing.T) {
	t.Parallel()
	north, south := newSMAuthority(t), newSMAuthority(t)
	credentials := t.TempDir()
	vnfCredential(t, filepath.Join(credentials, "north"), north)
	vnf, em, stranger := newFakeVNF(t, north), newFakeVNF(t, north), newFakeVNF(t, south)
	h := newIndicatorHub(t, credentials)
	h.subscribe(h.or, "vnfind", h.receivers["vnfind"], object{"notificationTypes": "VnfIndicatorValueChangeNotification", "indicatorIds": []string{"none"}}, `{"notificationTypes":"DANCE"}`)
	h.subscribe(h.ve, "vnfind", h.receivers["vnfind-ve"], object{"indicatorIds": []string{"none"}}, `{"indicatorIds":3}`)
	for _, s := range []*site{h.or, h.ve} {
		h.refusals(t, s, "GET", indicatorsAt, nil)
		h.refusals(t, s, "GET", indicatorsAt+"/"+h.vnf, nil)
		h.refusals(t, s, "POST", "/vnfind/v1/subscriptions", object{"callbackUri": h.server.URL})
		h.versions(t, s, "/vnfind/v1")
		s.want(t, 400, "GET", indicatorsAt+"?filter=nonsense", nil)
		s.want(t, 404, "GET", indicatorsAt+"/none", nil)
		s.want(t, 404, "GET", indicatorsAt+"/"+h.vnf+"/load", nil)
	}
	h.says()
	for _, wrong := range []any{"http://127.0.0.1/", "https://user:secret@127.0.0.1/", 7} {
		a, err := h.vnfm.send(openapi.Bad(t.Context()), h.vnfm.http, "PATCH", vnfs+"/"+h.vnf, object{"vnfConfigurableProperties": object{"manoward.indicators.em": wrong}}, nil)
		if err != nil || a.StatusCode != 422 && a.StatusCode != 400 {
			t.Errorf("address %v: %d, %v", wrong, a.StatusCode, err)
		}
	}

	// What is certified for another trust domain is not believed, and not even asked.
	vnf.say("load", `{"percent":10}`)
	vnf.say("temperature", `{"of":"nothing that the VNFD declares"}`)
	stranger.say("mode", `{"is":"a lie"}`)
	em.say("mode", `{"is":"day"}`)
	h.at(vnf.url, stranger.url)
	h.says(`load={"percent":10}`)
	vnf.again(3) // a value is there a moment before it is said when it was read
	if i := h.says(`load={"percent":10}`)[0]; i.Name != "Load of the web" || i.Links.VnfInstance.Href != h.or.root+vnfs+"/"+h.vnf || i.Links.Self.Href != h.or.root+indicatorsAt+"/"+h.vnf+"/load" || i.ReadAt == nil || i.ChangedAt == nil {
		t.Errorf("%+v", i)
	}
	if n := stranger.times(); n != 0 {
		t.Errorf("a VNF of another trust domain was asked %d times", n)
	}
	h.at(vnf.url, em.url)
	h.says(`load={"percent":10}`, `mode={"is":"day"}`)
	h.wantTold("load", `{"percent":10}`)
	h.wantTold("mode", `{"is":"day"}`)
	h.read()

	// Killed after the VNF has said something new, and before that is told.
	vnf.say("load", `{"percent":20}`)
	vnf.again(1)
	h.kill()
	vnf.say("load", `{"percent":30}`)
	h.start()
	h.says(`load={"percent":30}`, `mode={"is":"day"}`)
	h.ve = h.as(h.ve, "north-em-again", "--party", "em", "--trust-domain", "north") // tokens end with the hub
	for name, r := range h.receivers {
		eventually(t, name+" is told", 20*time.Second, func() bool { return slices.Contains(r.valuesOf("load"), `{"percent":30}`) })
		got := r.valuesOf("load")
		if kept := []string{`{"percent":10}`, `{"percent":20}`, `{"percent":30}`}; !slices.Equal(got, kept) && !slices.Equal(got, slices.Delete(kept, 1, 2)) { // the second may have been lost on its way to the hub
			t.Errorf("%s was told of the load: %v", name, got)
		}
	}
	h.wantTold("mode", `{"is":"day"}`)

	// A VNF that does not answer keeps what it said, and when.
	vnf.mu.Lock()
	vnf.silent = true
	vnf.mu.Unlock()
	vnf.again(1)
	before := h.says(`load={"percent":30}`, `mode={"is":"day"}`)
	em.again(3)
	after := h.says(`load={"percent":30}`, `mode={"is":"day"}`)
	if !after[0].ReadAt.Equal(*before[0].ReadAt) || !after[1].ReadAt.After(*before[1].ReadAt) {
		t.Errorf("read at %s and %s, then %s and %s", before[0].ReadAt, before[1].ReadAt, after[0].ReadAt, after[1].ReadAt)
	}
	h.ve.want(t, 200, "GET", indicatorsAt, nil)
	h.run("COMPLETED", h.nsPath, "terminate", object{})
	h.or.want(t, 404, "GET", indicatorsAt+"/"+h.vnf, nil)
	eventually(t, "what the VNF said is forgotten", 20*time.Second, func() bool {
		return string(h.or.want(t, 200, "GET", indicatorsAt, nil).text) == "[]"
	})
	for _, s := range []*site{h.or, h.ve} {
		t.Log(s.v.Report())
		s.v.RequireAll(t)
	}
	for _, r := range h.receivers {
		t.Log(r.v.Report())
		r.v.RequireAll(t)
	}
}

// read reads the indicators in all the ways that there are.
func (h *indicatorHub) read() {
	t, one := h.t, indicatorsAt+"/"+h.vnf+"/load"
	t.Helper()
	for _, s := range []*site{h.or, h.ve} {
		s.want(t, 200, "GET", one, nil)
		s.want(t, 200, "GET", indicatorsAt+"/"+h.vnf, nil)
		s.want(t, 404, "GET", indicatorsAt+"/"+h.vnf+"/temperature", nil)
		var list []sol003.VnfIndicator
		s.want(t, 200, "GET", indicatorsAt+"?filter=(eq,vnfInstanceId,"+h.vnf+");(eq,id,mode)", nil).json(t, &list)
		if len(list) != 1 || list[0].ID != "mode" {
			t.Errorf("%+v", list)
		}
		s.want(t, 200, "GET", indicatorsAt+"?filter=(eq,vnfInstanceId,none)", nil).json(t, &list)
		if len(list) != 0 {
			t.Errorf("of no VNF: %+v", list)
		}
	}
	h.refusals(t, h.or, "GET", one, nil)
	var v sol003.VnfInstance
	h.vnfm.want(t, 200, "GET", vnfs+"/"+h.vnf, nil).json(t, &v)
	if l := v.Links.Indicators; l == nil || l.Href != h.vnfm.root+indicatorsAt+"/"+h.vnf {
		t.Errorf("_links/indicators: %+v", l)
	}
	foreign := h.as(h.ve, "south-em", "--party", "em", "--trust-domain", "south")
	foreign.unseen(t, indicatorsAt, h.vnf)
	foreign.unseen(t, indicatorsAt, h.vnf, "GET /load")
	if list := h.do("indicator", "list", "--of", h.vnf); !strings.Contains(list, "Load of the web") || !strings.Contains(list, `{"percent":10}`) {
		t.Errorf("manoward indicator list: %s", list)
	}
	var shown sol003.VnfIndicator
	if err := json.Unmarshal([]byte(h.do("indicator", "show", h.vnf, "load", "-o", "json")), &shown); err != nil || shown.Name != "Load of the web" {
		t.Errorf("manoward indicator show: %+v, %v", shown, err)
	}
	if text := h.do("indicator", "show", h.vnf, "mode", "-o", "yaml"); !strings.Contains(text, "is: day") {
		t.Errorf("manoward indicator show -o yaml: %s", text)
	}
}
