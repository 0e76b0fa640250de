package e2e_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/formats"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/attestkit"
	"github.com/manoward/manoward/internal/testkit/devicekit"
	"github.com/manoward/manoward/internal/testkit/stepcakit"
)

// certPeer is a process that issues certificates over HTTPS, and the requests that
// were made for it before anything is measured.
type certPeer struct {
	client *http.Client
	target string
	header http.Header
	bodies [][]byte
	pid    int
	used   int
}

// issue has several clients send the next requests, and returns how long that took and
// what of the processor's time the process used.
func (p *certPeer) issue(b *testing.B, clients, many int) (took, cpu time.Duration) {
	b.Helper()
	before, began := perfCPU(b, p.pid), time.Now()
	perfSend(p.used, p.used+many, clients, func(n int) {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, p.target, bytes.NewReader(p.bodies[n]))
		if err != nil {
			b.Error(err)
			return
		}
		req.Header = p.header
		resp, err := p.client.Do(req)
		if err != nil {
			b.Error(err)
			return
		}
		defer resp.Body.Close()
		if raw, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusCreated || !bytes.Contains(raw, []byte("BEGIN CERTIFICATE")) {
			b.Errorf("%s answered %s, %v: %.500s", p.target, resp.Status, err, raw)
		}
	})
	p.used += many
	return time.Since(began), perfCPU(b, p.pid) - before
}

// certClient is a client of the same kind for both sides: connections that stay.
func certClient(b *testing.B, conf *tls.Config) *http.Client {
	transport := &http.Transport{TLSClientConfig: conf, MaxIdleConnsPerHost: 64}
	b.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: patience, Transport: transport}
}

// BenchmarkAttested has a hub issue certificates for attested keys over mutual TLS,
// with every check, record and store of the product, and a real step-ca with its badger
// database issue certificates for keys that nobody attested over HTTPS; by turns, with
// 1, 4 and 16 clients. Every certificate of the hub is another VNFC instance's.
func BenchmarkAttested(b *testing.B) {
	const rounds, each, warm = 10, 128, 256
	device := devicekit.NewSoft(b)
	ours, vnfm := attestedPeer(b)
	step := stepcakit.Start(b, stepcakit.Options{})
	roots := x509.NewCertPool()
	roots.AddCert(step.Root)
	peers := []*certPeer{ours, {
		client: certClient(b, &tls.Config{RootCAs: roots}), target: step.URL + "/1.0/sign", pid: step.PID(),
		header: http.Header{"Content-Type": {"application/json"}},
	}}
	for b.Loop() {
		var csrs [][]byte
		const all = warm + 3*rounds*each
		peers[0].bodies, csrs = attestedRequests(b, vnfm, device, all)
		peers[1].bodies = stepRequests(b, step, all)
		for _, p := range peers {
			p.used = 0
			p.issue(b, 4, warm)
		}
		for _, clients := range []int{1, 4, 16} {
			first := peers[0].used
			var took, cpu [2]time.Duration
			for range rounds {
				for n, p := range peers {
					t, c := p.issue(b, clients, each)
					took[n], cpu[n] = took[n]+t, cpu[n]+c
				}
			}
			const n = rounds * each
			b.ReportMetric(took[0].Seconds()/took[1].Seconds(), fmt.Sprintf("step-ca/hub-%d", clients))
			b.ReportMetric(n/took[0].Seconds(), fmt.Sprintf("hub/s-%d", clients))
			b.ReportMetric(n/took[1].Seconds(), fmt.Sprintf("step-ca/s-%d", clients))
			b.ReportMetric(float64(cpu[0].Microseconds())/n, fmt.Sprintf("hub-cpu-us-%d", clients))
			b.ReportMetric(float64(cpu[1].Microseconds())/n, fmt.Sprintf("step-ca-cpu-us-%d", clients))
			if clients == 1 {
				b.ReportMetric(verifyAll(b, device, csrs[first:first+n]).Seconds()/took[0].Seconds(), "verify-share")
			}
		}
	}
}

// attestedPeer starts a hub with a VNFM of trust domain north, and says how that has
// certificates issued.
func attestedPeer(b *testing.B) (*certPeer, *cmVnfm) {
	b.Helper()
	h := startHub(b)
	h.do("trust-domain", "create", "north")
	vnfm := h.newCmVnfm("north", "vnfm")
	return &certPeer{
		client: certClient(b, &tls.Config{RootCAs: vnfm.roots, ServerName: vnfm.serverName, Certificates: []tls.Certificate{vnfm.cert}}),
		target: vnfm.Base + "/certificate_signing_requests", pid: h.cmd.Process.Pid,
		header: http.Header{"Content-Type": {"application/json"}, "Version": {certmgmt.Version}},
	}, vnfm
}

// attestedRequests registers VNFC instances and makes a request for each, with an
// attested key.
func attestedRequests(b *testing.B, vnfm *cmVnfm, device *devicekit.Soft, many int) (bodies, csrs [][]byte) {
	b.Helper()
	const together = 100
	for len(bodies) < many {
		in := certmgmt.RegisterRequest{
			CertType: certmgmt.VNFCICert, TypeOfVnfcCertHandling: certmgmt.DelegationMode,
			Attesters: []certmgmt.Attester{{StatementOID: "2.23.133.20.1", PublicKey: string(device.AKPEM())}},
		}
		for range together {
			in.SubjectID = append(in.SubjectID, hub.NewID())
		}
		if _, err := vnfm.Do(b.Context(), http.MethodPost, "/registrations", in, nil); err != nil {
			b.Fatal(err)
		}
		for _, id := range in.SubjectID {
			made := device.CSR(b, devicekit.Want{CommonName: id})
			body, err := json.Marshal(certmgmt.SigningRequest{VnfcID: id, CertType: certmgmt.VNFCICert, CertChainRequest: true, CSR: string(made.PEM)})
			if err != nil {
				b.Fatal(err)
			}
			bodies, csrs = append(bodies, body), append(csrs, made.DER)
		}
	}
	return bodies, csrs
}

// verifyAll is how long it takes to verify requests and their statements, and nothing
// else.
func verifyAll(b *testing.B, device *devicekit.Soft, csrs [][]byte) time.Duration {
	b.Helper()
	registry, err := formats.New(formats.Config{})
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for _, csr := range csrs {
		if v := registry.Verify(attestation.Request{CSR: csr, Attester: device.Attester(), Time: began}); !v.Accepted {
			b.Fatalf("not accepted: %v", v.Reasons)
		}
	}
	return time.Since(began)
}

// stepRequests are requests to a step-ca, each with a key and a one-time token of its
// own (RFC 7519).
func stepRequests(b *testing.B, s *stepcakit.Server, many int) (bodies [][]byte) {
	b.Helper()
	for range many {
		name := hub.NewID() + ".example"
		csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}}, attestkit.P256(b))
		if err != nil {
			b.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr})
		body, err := json.Marshal(map[string]string{"csr": string(text), "ott": stepToken(b, s, name)})
		if err != nil {
			b.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	return bodies
}

func stepToken(b *testing.B, s *stepcakit.Server, name string) string {
	b.Helper()
	now := time.Now().Unix()
	part := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			b.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := part(map[string]string{"alg": "ES256", "typ": "JWT", "kid": "of-manoward"}) + "." + part(map[string]any{
		"iss": stepcakit.Provisioner, "aud": s.URL + "/1.0/sign", "sub": name, "sans": []string{name}, "jti": hub.NewID(), "iat": now, "nbf": now, "exp": now + 3600,
	})
	sum := sha256.Sum256([]byte(text))
	der, err := s.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	var pair struct{ R, S *big.Int }
	if err == nil {
		_, err = asn1.Unmarshal(der, &pair)
	}
	if err != nil {
		b.Fatal(err)
	}
	size := s.Key.Public().(*ecdsa.PublicKey).Curve.Params().BitSize / 8
	raw := append(pair.R.FillBytes(make([]byte, size)), pair.S.FillBytes(make([]byte, size))...)
	return text + "." + base64.RawURLEncoding.EncodeToString(raw)
}
