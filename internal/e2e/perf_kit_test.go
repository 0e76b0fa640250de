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
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/smload"
)

// perfName is what the producer of a measured Security Manager's notifications
// is called.
const perfName = "producer.smload"

// perfSM is a hub, the built program, that runs the Security Manager alpha of
// trust domain north, whose NFVO and VIM are in this process and do nothing by
// themselves.
type perfSM struct {
	*hubProcess
	peers      *smload.Peers
	scOr, scVi string       // where it takes notifications
	client     *http.Client // shows the producer's certificate
	admin      *http.Client // the operator's
	run        string       // names the events of this run
}

// perfStart starts it with policies of its own, and waits until it knows its
// world.
func perfStart(t testing.TB, peers *smload.Peers, rules fstest.MapFS) *perfSM {
	t.Helper()
	dir := t.TempDir()
	cert, roots := perfIdentity(t)
	producer := httptest.NewUnstartedServer(peers)
	producer.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert}
	producer.EnableHTTP2 = true
	producer.StartTLS()
	t.Cleanup(producer.Close)
	makeDir(t, filepath.Join(dir, "rules"), 0o700)
	for name, file := range rules {
		writeFile(t, filepath.Join(dir, "rules", name), string(file.Data), 0o600)
	}
	s := &perfSM{peers: peers, scOr: smPort(t), scVi: smPort(t), run: hub.NewID()}
	file, credentials := filepath.Join(dir, "manoward.yaml"), filepath.Join(dir, "credentials")
	writeFile(t, file, fmt.Sprintf("securityManagers:\n  - {name: alpha, trustDomain: north, credentials: %q, scOr: %q, scVi: %q, policies: %q}\n",
		credentials, s.scOr, s.scVi, filepath.Join(dir, "rules")), 0o600)
	s.hubProcess = startHub(t, "--config", file)
	s.admin = httpClient(t, adminTLS(t, s.operatorContext(), true), true)
	s.do("trust-domain", "create", "north")
	s.register("north", "alpha")
	perfRedirect(t, filepath.Join(s.home, "north-alpha"), credentials, producer.URL, roots)
	s.client = &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{cert}}, // who answers is not what is tested
		MaxIdleConnsPerHost: 256,
	}}
	t.Cleanup(s.client.CloseIdleConnections)
	perfWait(t, "the Security Manager knows its world", func() bool {
		return s.metric("manoward_sm_topology_elements", `kind="vnf"`) == float64(peers.VNFs) && s.metric("manoward_sm_topology_elements", `kind="refresh"`) == 0 &&
			peers.Subscription("nslcm") != "" && peers.Subscription("sc-vi") != ""
	})
	return s
}

// perfIdentity makes a CA and what it certified: a producer, as server and as the
// client that notifies. The CA is PEM.
func perfIdentity(t testing.TB) (tls.Certificate, []byte) {
	t.Helper()
	caKey, key := perfKey(t), perfKey(t)
	from, to := time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "smload CA"}, NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: perfName}, NotBefore: from, NotAfter: to, DNSNames: []string{perfName},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	caRaw, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw, caRaw}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caRaw})
}

func perfKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// perfRedirect makes of the credentials that were registered those for a producer
// elsewhere, as docs/howto/run-a-security-manager.md says, all at once.
func perfRedirect(t testing.TB, from, to, producer string, roots []byte) {
	t.Helper()
	endpoints := map[hub.Interface]map[string]string{}
	for _, i := range hub.Interfaces() {
		endpoints[i] = map[string]string{"url": producer, "serverName": perfName}
		writeFile(t, filepath.Join(from, string(i)+".ca.crt"), string(roots), 0o600)
	}
	raw, err := json.Marshal(endpoints)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(from, "endpoints.json"), string(raw), 0o600)
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// metric sums the values of a metric whose labels hold a text.
func (s *perfSM) metric(name, labels string) float64 {
	s.t.Helper()
	resp, body := call(s.t, s.admin, "GET", s.operatorContext().Server+"/metrics", nil, "")
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("/metrics answered %d", resp.StatusCode)
	}
	sum := 0.0
	for line := range strings.Lines(body) {
		if what, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && strings.HasPrefix(what, name+"{") && strings.Contains(what, labels) {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}

// decided returns how many events were decided, without reviews.
func (s *perfSM) decided() int {
	return int(s.metric("manoward_sm_decisions_total", "") - s.metric("manoward_sm_decisions_total", `kind="review"`))
}

// judged waits until so many events are decided.
func (s *perfSM) judged(n int) {
	s.t.Helper()
	perfWait(s.t, "all events are decided", func() bool { return s.decided() >= n })
}

// reviewed waits until the NSs are judged anew after a change: until no further one
// was for longer than the timer of reviews takes.
func (s *perfSM) reviewed() {
	s.t.Helper()
	const longer = 7 * time.Second
	last, since := -1.0, time.Now()
	perfWait(s.t, "all NSs are reviewed", func() bool {
		if n := s.metric("manoward_sm_decisions_total", `kind="review"`); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > longer
	})
}

// set changes something of the Security Manager, as an operator.
func (s *perfSM) set(path string, in any) {
	s.t.Helper()
	if _, err := s.operator().Do(s.t.Context(), http.MethodPut, "/security_managers/alpha/"+path, in, nil); err != nil {
		s.t.Fatal(err)
	}
}

// notify sends event n as the producer does, and reports when it was sent.
func (s *perfSM) notify(n int) time.Time {
	scOr, scVi := s.peers.Subscription("nslcm"), s.peers.Subscription("sc-vi")
	e := smload.NewEvent(s.run, n, s.peers.VNFs, scOr, time.Now())
	to := s.scOr
	if e.Telemetry {
		e = smload.NewEvent(s.run, n, s.peers.VNFs, scVi, time.Now())
		to = s.scVi
	}
	at := time.Now()
	perfPost(s.t, s.client, "https://"+to, e.Body, http.StatusNoContent)
	return at
}

func perfPost(t testing.TB, c *http.Client, target string, body []byte, want int) []byte {
	resp, err := c.Post(target, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return nil
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Errorf("%s answered %d, %v: %.300s", target, resp.StatusCode, err, raw)
	}
	return raw
}

// perfSend does the work of the numbers from one to another with this many at once.
func perfSend(from, to, workers int, do func(n int)) {
	var next atomic.Int64
	next.Store(int64(from))
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for n := int(next.Add(1)) - 1; n < to; n = int(next.Add(1)) - 1 {
				do(n)
			}
		})
	}
	all.Wait()
}

// perfStat is what /proc says of the processor time of a process: user and
// system, of all its threads, ended ones too, in ticks of 10 ms.
var perfStat = regexp.MustCompile(`\) \S(?: -?\d+){10} (\d+) (\d+) `)

// perfCPU returns the processor time that a process has used.
func perfCPU(t testing.TB, pid int) time.Duration {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := perfStat.FindStringSubmatch(string(raw))
	if m == nil {
		t.Fatalf("no times in %s", raw)
	}
	user, err1 := strconv.Atoi(m[1])
	system, err2 := strconv.Atoi(m[2])
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// perfQuantile returns what a part of the durations is not longer than.
func perfQuantile(took []time.Duration, part float64) time.Duration {
	slices.Sort(took)
	return took[min(len(took)-1, int(part*float64(len(took))))]
}

// perfWait waits for a condition, and looks so seldom that looking costs nothing
// beside what is measured.
func perfWait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(8 * patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
