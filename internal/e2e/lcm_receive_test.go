package e2e_test

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// lcmNote is a notification of NS life cycles, as far as the tests compare it.
type lcmNote struct {
	ID           string    `json:"id"`
	Type         string    `json:"notificationType"`
	Subscription string    `json:"subscriptionId"`
	At           time.Time `json:"timestamp"`
	NsID         string    `json:"nsInstanceId"`
	OpID         string    `json:"nsLcmOpOccId"`
	Status       string    `json:"notificationStatus"`
	State        string    `json:"operationState"`
	Component    string    `json:"nsComponentId"`
	VnfOp        string    `json:"lcmOpOccIdImpactingNsComponent"`
	Change       string    `json:"lcmOpOccStatusImpactingNsComponent"`
	Links        struct {
		Op *sol005.NotificationLink `json:"nslcmOpOcc"`
	} `json:"_links"`
}

// meaning is what a notification says, without the identifiers that each
// subscription has of its own.
func (n *lcmNote) meaning() string {
	return fmt.Sprint(n.Type, "|", n.NsID, "|", n.OpID, "|", n.Status, "|", n.State, "|", n.Component, "|", n.VnfOp, "|", n.Change, "|", n.At.UnixNano())
}

// lcmReceiver is the notification endpoint of a subscriber. It outlives the hub,
// and is at times busy or slow.
type lcmReceiver struct {
	name   string
	domain string // whose notifications it is to get; empty: those of all
	server *httptest.Server

	mu       sync.Mutex // covers what is below
	rnd      *rand.Rand
	got      []lcmNote // first deliveries, in their order
	seen     map[string]string
	again    int // deliveries of what was there already
	refused  int
	problems []string
}

// newLcmReceiver starts an endpoint that shows cert, or one of its own.
func newLcmReceiver(t *testing.T, name, domain string, seed uint64, cert *tls.Certificate) *lcmReceiver {
	r := &lcmReceiver{name: name, domain: domain, rnd: rand.New(rand.NewPCG(seed, 7)), seen: map[string]string{}}
	r.server = httptest.NewUnstartedServer(r)
	if cert != nil { // only the hub calls a Security Manager, and it shows who it is
		r.server.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	}
	r.server.StartTLS()
	t.Cleanup(r.server.Close)
	return r
}

// root is the certificate by which the endpoint is to be trusted, PEM.
func (r *lcmReceiver) root() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.server.Certificate().Raw}))
}

// ServeHTTP implements [http.Handler].
func (r *lcmReceiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Method == http.MethodGet {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	raw, err := io.ReadAll(q.Body)
	if err != nil {
		return // the hub was killed meanwhile
	}
	r.mu.Lock()
	mood := r.rnd.IntN(16)
	r.mu.Unlock()
	switch mood {
	case 0: // busy
		r.mu.Lock()
		r.refused++
		r.mu.Unlock()
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case 1: // slow
		<-time.After(30 * time.Millisecond)
	}
	r.take(raw)
	w.WriteHeader(http.StatusNoContent)
}

// take keeps a notification.
func (r *lcmReceiver) take(raw []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var n lcmNote
	if err := json.Unmarshal(raw, &n); err != nil {
		r.problems = append(r.problems, fmt.Sprintf("%s got what is no notification: %.200s", r.name, raw))
		return
	}
	if was, there := r.seen[n.ID]; there {
		r.again++
		if was != n.meaning() {
			r.problems = append(r.problems, fmt.Sprintf("%s got %s with two contents:\n%s\n%s", r.name, n.ID, was, n.meaning()))
		}
		return
	}
	r.seen[n.ID] = n.meaning()
	r.got = append(r.got, n)
}

// notes returns what was received so far, each once, and what was wrong with it.
func (r *lcmReceiver) notes() (list []lcmNote, problems []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]lcmNote{}, r.got...), append([]string{}, r.problems...)
}

// count is for the log.
func (r *lcmReceiver) count() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("%s %d (%d again, %d refused)", r.name, len(r.got), r.again, r.refused)
}

// subscribe subscribes the endpoint at an API.
func (r *lcmReceiver) subscribe(t *testing.T, api *httpapi.Client) {
	t.Helper()
	var s sol005.LccnSubscription
	in := sol005.LccnSubscriptionRequest{CallbackURI: r.server.URL + "/notified", Verbosity: sol005.LcmOpOccNotificationVerbosityFull}
	if _, err := api.Do(t.Context(), http.MethodPost, "/subscriptions", in, &s); err != nil {
		t.Fatalf("subscribe %s: %v", r.name, err)
	}
}

// lcmHub is a hub with two trust domains and three subscribers.
type lcmHub struct {
	*nsHub
	receivers []*lcmReceiver // the OSS's first
}

// newLcmHub starts a hub and its subscribers: an OSS, which gets everything, and
// a Security Manager in each trust domain.
func newLcmHub(t *testing.T, seed uint64) *lcmHub {
	t.Helper()
	oss := newLcmReceiver(t, "oss", "", seed, nil)
	started := newHub(t, "--set", "notifications.ca=oss.pem")
	writeFile(t, started.home+"/oss.pem", oss.root(), 0o600)
	h := &lcmHub{nsHub: newNsHubOn(t, started.start(), 2, "north", "south"), receivers: []*lcmReceiver{oss}}
	oss.subscribe(t, h.nslcm())
	for n, domain := range []string{"north", "south"} {
		for _, e := range h.register(domain, "alpha") {
			if e.Interface != hub.ScOrNsLcm {
				continue
			}
			r := newLcmReceiver(t, "alpha of "+domain, domain, seed+uint64(n)+1, &e.Cert)
			r.subscribe(t, &httpapi.Client{Base: strings.TrimSuffix(e.URL, "/") + "/nslcm/v2", Version: "2.3.0", HTTP: httpClient(t, e.tls(&e.Cert), true)})
			h.receivers = append(h.receivers, r)
		}
	}
	return h
}
