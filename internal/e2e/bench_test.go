package e2e_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/manoward/manoward/cmd/manoward/cli"
	"github.com/manoward/manoward/cmd/manoward/wire"
	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
)

// benchPair is an endpoint of a hub, which runs in this process, and beside it a
// bare net/http server with mutual TLS, the same kinds of keys, chains of the
// same length and an answer of the same bytes, for the same client.
type benchPair struct{ hub, bare *endpoint }

func benchStart(b *testing.B) benchPair {
	b.Helper()
	h := newHub(b)
	cfg, err := config.Load(config.Sources{Flags: map[string]string{"dataDir": h.data, "log.level": "error"}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended, ready := make(chan error, 1), make(chan cli.Ready, 1)
	go func() {
		ended <- wire.Serve(ctx, cfg, nil, cli.Env{Stdout: io.Discard, Stderr: io.Discard}, func(r cli.Ready) { ready <- r })
	}()
	b.Cleanup(func() { stop(); <-ended })
	select {
	case h.ready = <-ready:
	case err := <-ended:
		b.Fatal(err)
	}
	h.context = h.ready.Context
	h.do("trust-domain", "create", "north")
	ep := h.register("north", "alpha")[0]
	c := httpClient(b, ep.tls(&ep.Cert), false)
	s, status, err := ep.session(b.Context(), c)
	if err != nil || status != http.StatusOK {
		b.Fatalf("status %d, %v", status, err)
	}
	return benchPair{hub: ep, bare: benchBare(b, ep, s)}
}

// benchBare starts the bare server. It accepts the same credential.
func benchBare(b *testing.B, like *endpoint, s hub.Session) *endpoint {
	b.Helper()
	body, err := json.Marshal(s)
	if err != nil {
		b.Fatal(err)
	}
	clients := x509.NewCertPool()
	rest, err := os.ReadFile(like.Files + ".crt")
	if err != nil {
		b.Fatal(err)
	}
	_, rest = pem.Decode(rest) // the leaf; next comes the client CA
	block, _ := pem.Decode(rest)
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		b.Fatal(err)
	}
	clients.AddCert(ca)
	cert, roots := benchChain(b)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	})}
	go server.Serve(tls.NewListener(l, &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
		MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true, NextProtos: []string{"h2", "http/1.1"},
	}))
	b.Cleanup(func() { server.Close() })
	bare := *like
	bare.URL, bare.ServerName, bare.Roots = "https://"+l.Addr().String(), "bare.test", roots
	return &bare
}

// benchChain makes a P-256 server certificate under a P-256 CA under a root.
func benchChain(b *testing.B) (tls.Certificate, *x509.CertPool) {
	b.Helper()
	var parent *x509.Certificate
	var parentKey *ecdsa.PrivateKey
	var chain [][]byte
	var root *x509.Certificate
	for n, name := range []string{"root", "CA", "bare.test"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		tmpl := &x509.Certificate{SerialNumber: big.NewInt(int64(n) + 1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
		if n < 2 {
			tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage = true, true, x509.KeyUsageCertSign
		} else {
			tmpl.DNSNames, tmpl.KeyUsage, tmpl.ExtKeyUsage = []string{name}, x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}
		if parent == nil {
			parent, parentKey = tmpl, key
		}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), parentKey)
		if err != nil {
			b.Fatal(err)
		}
		if parent, err = x509.ParseCertificate(der); err != nil {
			b.Fatal(err)
		}
		if parentKey = key; root == nil {
			root = parent
		} else {
			chain = append([][]byte{der}, chain...)
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	return tls.Certificate{Certificate: chain, PrivateKey: parentKey}, roots
}

// ratio runs both sides in turn and reports how many times as long the hub takes.
func (p benchPair) ratio(b *testing.B, ask func(*endpoint)) {
	b.Helper()
	var hubTook, bareTook time.Duration
	ask(p.hub)
	ask(p.bare)
	for b.Loop() {
		began := time.Now()
		ask(p.hub)
		middle := time.Now()
		ask(p.bare)
		hubTook, bareTook = hubTook+middle.Sub(began), bareTook+time.Since(middle)
	}
	b.ReportMetric(float64(hubTook)/float64(bareTook), "x")
	b.ReportMetric(float64(hubTook.Microseconds())/float64(b.N), "hub-µs/op")
	b.ReportMetric(float64(bareTook.Microseconds())/float64(b.N), "bare-µs/op")
}

func benchAsk(b *testing.B, ep *endpoint, c *http.Client) {
	if _, status, err := ep.session(b.Context(), c); err != nil || status != http.StatusOK {
		b.Fatalf("status %d, %v", status, err)
	}
}

// BenchmarkHandshake is a new connection with one authorised request.
func BenchmarkHandshake(b *testing.B) {
	p := benchStart(b)
	confs := map[*endpoint]*tls.Config{p.hub: p.hub.tls(&p.hub.Cert), p.bare: p.bare.tls(&p.bare.Cert)}
	p.ratio(b, func(ep *endpoint) {
		transport := &http.Transport{TLSClientConfig: confs[ep]}
		defer transport.CloseIdleConnections()
		benchAsk(b, ep, &http.Client{Transport: transport})
	})
}

// BenchmarkRequest is an authorised request on a connection that is kept.
func BenchmarkRequest(b *testing.B) {
	p := benchStart(b)
	clients := map[*endpoint]*http.Client{p.hub: httpClient(b, p.hub.tls(&p.hub.Cert), false), p.bare: httpClient(b, p.bare.tls(&p.bare.Cert), false)}
	p.ratio(b, func(ep *endpoint) { benchAsk(b, ep, clients[ep]) })
}
