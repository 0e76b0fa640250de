package trust

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// door is an entrance that is served on loopback. GET /ask/v1/ask?op=&domain=&id=
// answers 204 to who may.
type door struct {
	*Entrance
	addr  string
	hub   *testHub
	roots *x509.CertPool
	stale atomic.Bool // what Current says
}

// functionAt is who produces an interface.
var functionAt = map[hub.Interface]hub.Kind{
	OsMaInterface: hub.KindNFVO, OrVnfmInterface: hub.KindNFVO, VNFMInterface: hub.KindVNFM, VIMInterface: hub.KindVIM,
}

func openDoor(t testing.TB, h *testHub, i hub.Interface) *door {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	refusals := NewRefusals(h.Refused, log)
	refusals.every = time.Millisecond
	name := PointServerName(hub.ReferencePoint(i), h.ServerNameSuffix)
	d := &door{hub: h, roots: hubRoots(t, h)}
	var err error
	d.Entrance, err = NewEntrance(EntranceConfig{
		Interface: i, ServerName: name, Registry: h.Registry, Decider: NewDecider(), Refusals: refusals,
		Log: log, Current: func() error {
			if d.stale.Load() {
				return errors.New("the bus does not answer")
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := httpapi.NewMux(httpapi.Options{Log: log, Authenticate: d.Authenticate})
	mux.Public("POST /oauth2/token", d.Token)
	g := mux.API(httpapi.API{Name: "ask", Major: "v1", Versions: []httpapi.APIVersion{{Version: "1.0.0"}}, VersionOptional: true})
	g.Handle("GET /ask", func(w http.ResponseWriter, r *http.Request) error {
		q := r.URL.Query()
		who, err := d.Authorize(r, Operation(q.Get("op")), Attribute(q.Get("attr")), Target{q.Get("domain"), q.Get("id")})
		if err != nil {
			return err
		}
		w.Header().Set("X-Caller", who.String())
		return httpapi.NoContent(w)
	})
	cert := functionCert(t, h, functionAt[i], name)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.addr = inner.Addr().String()
	server := &http.Server{Handler: mux, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { refusals.Run(ctx) })
	running.Go(func() {
		server.Serve(tls.NewListener(inner, d.TLSConfig(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil })))
	})
	t.Cleanup(func() { server.Close(); cancel(); running.Wait() })
	return d
}

func hubRoots(t testing.TB, h *testHub) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(h.HubRoot())) {
		t.Fatal("the hub's root is no certificate")
	}
	return pool
}

// functionCert certifies a function of the hub's as its process does.
func functionCert(t testing.TB, h *testHub, kind hub.Kind, names ...string) tls.Certificate {
	t.Helper()
	if len(names) == 0 {
		names = []string{PointServerName(FunctionPoints(kind)[0], h.ServerNameSuffix)}
	}
	cert, err := NewServerCertificate(names[0], func(csr []byte) ([][]byte, error) {
		return h.SignFunction(t.Context(), FunctionIdentity(kind), names, []net.IP{net.IPv4(127, 0, 0, 1)}, csr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// operatorCert makes the credential of an operator.
func operatorCert(t testing.TB, h *testHub, name string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	cred, err := h.IssueOperator(t.Context(), name, makeCSR(t, key))
	if err != nil {
		t.Fatal(err)
	}
	return tlsCertificate(t, cred.Certificate, key)
}

// caller is how somebody shows himself to a door: by certificate or by token.
type caller struct {
	http  *http.Client
	token string
}

// with is a caller with a certificate; without one it shows none.
func (d *door) with(t testing.TB, certs ...tls.Certificate) *caller {
	t.Helper()
	c := &caller{http: newClient(d.addr, d.ServerName, d.roots, certs...)}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// signIn is a client with a token of this door.
func (d *door) signIn(t testing.TB, c *hub.OAuthClient) *caller {
	t.Helper()
	who := d.with(t)
	status, body := who.fetchToken(t, c)
	var answer struct {
		Token string `json:"access_token"`
	}
	if status != 200 || json.Unmarshal([]byte(body), &answer) != nil || answer.Token == "" {
		t.Fatalf("no token for %s: %d %s", c.Name, status, body)
	}
	who.token = answer.Token
	return who
}

func (c *caller) fetchToken(t testing.TB, who *hub.OAuthClient) (int, string) {
	t.Helper()
	r, err := http.NewRequest("POST", "https://endpoint/oauth2/token", strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(who.Name, who.Secret)
	status, body, _, err := c.send(r)
	if err != nil {
		t.Fatal(err)
	}
	return status, body
}

// ask asks an operation about a thing; status 0 is a connection that was refused.
func (c *caller) ask(op Operation, domain, id string) (status int, body string, header http.Header, err error) {
	q := url.Values{"op": {string(op)}, "domain": {domain}, "id": {id}}
	r, err := http.NewRequest("GET", "https://endpoint/ask/v1/ask?"+q.Encode(), nil)
	if err != nil {
		return 0, "", nil, err
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.send(r)
}

func (c *caller) send(r *http.Request) (int, string, http.Header, error) {
	resp, err := c.http.Do(r)
	if err != nil {
		return 0, "", nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), resp.Header, err
}

// wantStatus asks and compares.
func (c *caller) wantStatus(t *testing.T, what string, want int, op Operation, domain string) string {
	t.Helper()
	status, body, _, err := c.ask(op, domain, "")
	if status != want {
		t.Errorf("%s: %s about a thing of %s is answered %d %s (%v), want %d", what, op, domain, status, body, err, want)
	}
	return body
}

// makeClient registers a client.
func (h *testHub) makeClient(t testing.TB, name string, party hub.Kind, domain string) *hub.OAuthClient {
	t.Helper()
	c, err := h.CreateClient(t.Context(), operator, hub.OAuthClient{Name: name, Party: party, TrustDomain: domain})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// waitRecord waits for a refusal in the log of a domain.
func waitRecord(t *testing.T, h *testHub, domain string, match func(hub.Record, Refusal) bool) (found Refusal) {
	t.Helper()
	deadline, tick := time.After(10*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		seen := slices.ContainsFunc(refusalsOf(t, h, domain), func(r recordedRefusal) bool {
			found = r.Refusal
			return match(r.Record, r.Refusal)
		})
		if seen {
			return found
		}
		select {
		case <-deadline:
			t.Fatalf("the log of %s has no such refusal: %+v", domain, refusalsOf(t, h, domain))
		case <-tick.C:
		}
	}
}

type recordedRefusal struct {
	hub.Record
	Refusal Refusal
}

func refusalsOf(t *testing.T, h *testHub, domain string) (list []recordedRefusal) {
	t.Helper()
	err := h.Records(t.Context(), domain, "", func(_ string, rec hub.Record) bool {
		var r Refusal
		if rec.Kind == RecordRefused {
			if err := json.Unmarshal(rec.Data, &r); err != nil {
				t.Error(err)
			}
			list = append(list, recordedRefusal{rec, r})
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// forge signs a leaf for an identity with any CA.
func forge(t *testing.T, h *testHub, id hub.Identity, ca authority, from, life time.Duration) tls.Certificate {
	t.Helper()
	key := newKey(t)
	return tls.Certificate{Certificate: [][]byte{forgeLeaf(t, h, id, ca, key, from, life).Raw, ca.cert.Raw}, PrivateKey: key}
}

func forgeLeaf(t *testing.T, h *testHub, id hub.Identity, ca authority, key crypto.Signer, from, life time.Duration) *x509.Certificate {
	t.Helper()
	leaf, err := newServerCert(serverCert{names: []string{"x.hub.manoward.internal"}, client: true, id: id}, ca, key.Public(), h.clock.Now().Add(from), life)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}
