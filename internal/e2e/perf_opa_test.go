package e2e_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/smload"
)

// perfOPA is `opa run --server`, built of its own module, with the rules and data
// of the load, behind mutual TLS, and with the log that it has by default.
type perfOPA struct {
	url string
	cmd *exec.Cmd
}

func perfStartOPA(t testing.TB, client *http.Client) *perfOPA {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", ".cache", "e2e", "opa"))
	if err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-trimpath", "-o", path, "github.com/open-policy-agent/opa")
	build.Dir = "opa"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build opa: %v\n%s", err, out)
	}
	dir := t.TempDir()
	makeDir(t, filepath.Join(dir, "load"), 0o700)
	for name, file := range smload.Policies() {
		if filepath.Ext(name) == ".rego" {
			writeFile(t, filepath.Join(dir, "load", name), string(file.Data), 0o600)
		}
	}
	data, err := json.Marshal(map[string]any{"manoward": map[string]any{"parameters": smload.Parameters(t)}})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "load", "data.json"), string(data), 0o600)
	cert, roots := perfIdentity(t)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})), 0o600)
	writeFile(t, filepath.Join(dir, "key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), 0o600)
	writeFile(t, filepath.Join(dir, "ca"), string(roots), 0o600)
	address := smPort(t)
	o := &perfOPA{url: "https://" + address + "/v1/data/"}
	o.cmd = exec.Command(path, "run", "--server", "--addr", address, "--tls-cert-file", filepath.Join(dir, "crt"), "--tls-private-key-file", filepath.Join(dir, "key"), filepath.Join(dir, "load"))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	o.cmd.Stderr = log
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = o.cmd.Process.Kill() // it may have ended by itself
		_ = o.cmd.Wait()
	})
	eventually(t, "opa answers", patience, func() bool {
		resp, err := client.Get("https://" + address + "/health")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return o
}

// perfDecision is what is read of a decision over REST.
type perfDecision struct {
	ID        string        `json:"id"`
	Kind      hub.EventKind `json:"kind"`
	Findings  []hub.Finding `json:"findings"`
	Undecided []any         `json:"undecided"`
}

// inputs reads what the decisions were made of, as bodies for OPA, half of them of
// telemetry, and with what was found.
func (s *perfSM) inputs(most int) (bodies [2][][]byte, found [2][]int) {
	s.t.Helper()
	api := s.operator()
	var list []perfDecision
	if _, err := api.Do(s.t.Context(), "GET", "/security_managers/alpha/decisions", nil, &list); err != nil {
		s.t.Fatal(err)
	}
	for _, d := range list {
		n := 0
		if d.Kind == hub.EventHostChange {
			n = 1
		}
		if len(d.Undecided) != 0 {
			s.t.Fatalf("decision %s is undecided: %v", d.ID, d.Undecided)
		}
		if d.Kind == hub.EventReview || len(bodies[n]) >= most {
			continue
		}
		var input json.RawMessage
		if _, err := api.Do(s.t.Context(), "GET", "/security_managers/alpha/decisions/"+d.ID+"/input", nil, &input); err != nil {
			s.t.Fatal(err)
		}
		body, err := json.Marshal(map[string]any{"input": input})
		if err != nil {
			s.t.Fatal(err)
		}
		bodies[n], found[n] = append(bodies[n], body), append(found[n], len(d.Findings))
	}
	return bodies, found
}

// BenchmarkAgainstOPA sends the same events, with the same client over HTTPS, to a
// Security Manager, which checks them, keeps them, joins them with what it knows,
// decides and records the decision, all durable; and to `opa run`, which has the
// joined input sent, answers the same query, writes its log and keeps nothing. It
// prints the processor time of each process for an event, and their ratio.
func BenchmarkAgainstOPA(b *testing.B) {
	const (
		events, rounds = 3000, 3
		workers        = 48
	)
	s := perfStart(b, &smload.Peers{VNFs: 400}, smload.Policies())
	for policy, values := range smload.Parameters(b) {
		s.set("policies/"+policy+"/parameters", map[string]any{"set": values, "reason": "of a benchmark"})
	}
	s.reviewed()
	opa := perfStartOPA(b, s.client)
	first := s.decided()
	sent := 0
	round := func() (ours, wall time.Duration) {
		before, began := perfCPU(b, s.cmd.Process.Pid), time.Now()
		perfSend(sent, sent+events, workers, func(n int) { s.notify(n) })
		sent += events
		s.judged(first + sent)
		return perfCPU(b, s.cmd.Process.Pid) - before, time.Since(began)
	}
	round() // and what is read for the first time
	bodies, found := s.inputs(64)
	theirs := func() (cpu, wall time.Duration) {
		before, began := perfCPU(b, opa.cmd.Process.Pid), time.Now()
		perfSend(0, events, workers, func(n int) {
			kind, at := n%2, n/2%len(bodies[n%2])
			raw := perfPost(b, s.client, opa.url+smload.Path(kind == 1), bodies[kind][at], http.StatusOK)
			var answer struct{ Result []any }
			if err := json.Unmarshal(raw, &answer); err != nil || len(answer.Result) != found[kind][at] {
				b.Errorf("opa found %s, %v; want %d findings", raw, err, found[kind][at])
			}
		})
		return perfCPU(b, opa.cmd.Process.Pid) - before, time.Since(began)
	}
	theirs()
	for b.Loop() {
		var cpu, wall [2]time.Duration
		asks := s.peers.Asks()
		for range rounds {
			for i, do := range []func() (time.Duration, time.Duration){round, theirs} {
				c, w := do()
				cpu[i], wall[i] = cpu[i]+c, wall[i]+w
			}
		}
		const n = events * rounds
		b.ReportMetric(float64(cpu[0])/float64(cpu[1]), "ours/opa")
		b.ReportMetric(float64(cpu[0].Microseconds())/n, "cpu-us/event")
		b.ReportMetric(float64(cpu[1].Microseconds())/n, "opa-cpu-us/event")
		b.ReportMetric(n/wall[0].Seconds(), "events/s")
		b.ReportMetric(n/wall[1].Seconds(), "opa-events/s")
		b.ReportMetric(float64(s.peers.Asks()-asks)/n, "queries/event")
	}
}
