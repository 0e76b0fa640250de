package trust

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"sync"
	"time"
)

// faces holds what an endpoint shows of itself: a server key that is made here,
// lives in memory only and is no other endpoint's, and its certificate. A face
// is made when its endpoint is first asked for and made anew, with a new key,
// before it ends.
type faces struct {
	signer EndpointSigner
	now    Clock
	lead   func(lifetime time.Duration) time.Duration

	mu     sync.Mutex // covers byName; the faces have locks of their own
	byName map[string]*face
}

type face struct {
	mu   sync.Mutex // held while the face is being made, so that it is made once
	made *madeFace
}

type madeFace struct {
	cert      tls.Certificate
	clientCA  string // the PEM that clientCAs was read from
	clientCAs *x509.CertPool
	renewAt   time.Time
	notAfter  time.Time
}

func newFaces(signer EndpointSigner, now Clock, lead func(time.Duration) time.Duration) *faces {
	return &faces{signer: signer, now: now, lead: lead, byName: map[string]*face{}}
}

// get returns the face of a server name in a trust domain, whose clients are
// certified by the CA clientCA (PEM).
func (f *faces) get(ctx context.Context, domain, serverName, clientCA string) (*madeFace, error) {
	f.mu.Lock()
	slot := f.byName[serverName]
	if slot == nil {
		slot = &face{}
		f.byName[serverName] = slot
	}
	f.mu.Unlock()

	slot.mu.Lock()
	defer slot.mu.Unlock()
	now := f.now()
	if m := slot.made; m != nil && m.clientCA == clientCA && now.Before(m.renewAt) {
		return m, nil
	}
	m, err := f.make(ctx, domain, serverName, clientCA)
	if err != nil {
		if old := slot.made; old != nil && old.clientCA == clientCA && now.Before(old.notAfter) {
			return old, nil // goes on until its end; the next handshake tries again
		}
		return nil, err
	}
	slot.made = m
	return m, nil
}

func (f *faces) make(ctx context.Context, domain, serverName, clientCA string) (*madeFace, error) {
	cert, err := NewServerCertificate(serverName, func(csr []byte) ([][]byte, error) {
		return f.signer.SignEndpoint(ctx, domain, serverName, csr)
	})
	if err != nil {
		return nil, err
	}
	ca, err := decodeCert(clientCA)
	if err != nil {
		return nil, fmt.Errorf("read client CA of %s: %w", serverName, err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	end := cert.Leaf.NotAfter
	return &madeFace{
		cert: cert, clientCA: clientCA, clientCAs: pool,
		renewAt: end.Add(-f.lead(end.Sub(cert.Leaf.NotBefore))), notAfter: end,
	}, nil
}

// NewServerCertificate makes a server key in memory and has its certificate
// signed.
func NewServerCertificate(name string, sign func(csr []byte) (chain [][]byte, err error)) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make server key of %s: %w", name, err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: clipCN(name)}, DNSNames: []string{name},
	}, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("ask for server certificate of %s: %w", name, err)
	}
	chain, err := sign(csr)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certify server key of %s: %w", name, err)
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read server certificate of %s: %w", name, err)
	}
	return tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}, nil
}
