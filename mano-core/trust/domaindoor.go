package trust

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// DomainServerName is the server name of a reference point in a trust domain, to be
// sent as SNI; that of the hub itself is [PointServerName].
func DomainServerName(rp hub.ReferencePoint, domain, suffix string) string {
	return string(rp) + "." + domain + "." + suffix
}

// domainOf is the reverse of [DomainServerName].
func domainOf(rp hub.ReferencePoint, serverName, suffix string) (domain string, ok bool) {
	rest, ok := strings.CutPrefix(serverName, string(rp)+".")
	if !ok {
		return "", false
	}
	domain, ok = strings.CutSuffix(rest, "."+suffix)
	return domain, ok && domain != ""
}

// DomainEntranceConfig is what a [DomainEntrance] is made of. All fields are
// required.
type DomainEntranceConfig struct {
	EntranceConfig
	ReferencePoint hub.ReferencePoint
	Signer         EndpointSigner
	// Certificate is what the hub itself shows, under its own server name.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// RenewBefore returns how long before its end a server certificate of a lifetime
	// is made anew.
	RenewBefore func(lifetime time.Duration) time.Duration
}

// DomainEntrance is an entrance by certificate alone, in which each trust domain has
// a server name, a server key and a server certificate of its own domain's CA, as
// the endpoints of Security Managers have. Under a domain's name only clients of
// that domain are let in, under the hub's own name operators, auditors and other
// clients of the hub, and its own functions. Whoever else connects gets no answer,
// and the attempt is recorded. It is safe for concurrent use.
type DomainEntrance struct {
	DomainEntranceConfig
	faces *faces
}

// NewDomainEntrance makes an entrance.
func NewDomainEntrance(c DomainEntranceConfig) *DomainEntrance {
	if c.Observe == nil {
		c.Observe = func(string) {}
	}
	return &DomainEntrance{DomainEntranceConfig: c, faces: newFaces(c.Signer, c.Registry.Now, c.RenewBefore)}
}

// Listen wraps a listener: what its Accept returns has completed its handshake with
// a certificate that is in force under the server name that it asked for.
func (e *DomainEntrance) Listen(inner net.Listener) net.Listener {
	return listen(inner, doorway{config: e.configFor, refuse: e.refuse, observe: e.Observe, log: e.Log})
}

func (e *DomainEntrance) configFor(ctx context.Context, serverName string) (*tls.Config, error) {
	domain, err := e.domain(serverName)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{
		ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		// A ticket of one trust domain must never open another.
		SessionTicketsDisabled: true,
		Time:                   e.Registry.Now,
		VerifyConnection: func(cs tls.ConnectionState) error {
			_, err := e.admit(cs)
			return err
		},
	}
	if domain == HubDomain {
		conf.GetCertificate = e.Certificate
		if conf.ClientCAs, err = e.Registry.partyCAs(); err != nil {
			return nil, &refusal{reasonUnavailable, err}
		}
		return conf, nil
	}
	t, _ := e.Registry.Directory.Domain(domain)
	face, err := e.faces.get(ctx, domain, serverName, t.Intermediate)
	if err != nil {
		return nil, &refusal{reasonUnavailable, err}
	}
	conf.Certificates, conf.ClientCAs = []tls.Certificate{face.cert}, face.clientCAs
	return conf, nil
}

// domain tells which trust domain a server name is of, which is there.
func (e *DomainEntrance) domain(serverName string) (string, error) {
	domain, ok := domainOf(e.ReferencePoint, serverName, e.Registry.ServerNameSuffix)
	if ok && domain == HubDomain {
		return domain, nil
	}
	if t, there := e.Registry.Directory.Domain(domain); !ok || !there || t.State != hub.StateActive {
		return "", &refusal{reasonNoEndpoint, fmt.Errorf("server name %q", serverName)}
	}
	return domain, nil
}

// admit tells the holder of the certificate of a connection, as of now.
func (e *DomainEntrance) admit(cs tls.ConnectionState) (hub.Identity, error) {
	domain, err := e.domain(cs.ServerName)
	if err != nil {
		return hub.Identity{}, err
	}
	if err := e.Current(); err != nil {
		return hub.Identity{}, &refusal{reasonStale, err}
	}
	if len(cs.VerifiedChains) == 0 {
		return hub.Identity{}, &refusal{reasonNoCert, nil}
	}
	leaf := cs.VerifiedChains[0][0]
	id, err := certIdentity(leaf)
	if err != nil {
		return hub.Identity{}, &refusal{reasonIdentity, err}
	}
	switch {
	case id.TrustDomain != domain:
		return hub.Identity{}, &refusal{reasonIdentity, fmt.Errorf("%s at the entrance of %s", id, domain)}
	case id.Kind == hub.KindOperator:
		if id, err = e.Registry.Operator(leaf); hub.CodeOf(err) == hub.Unauthenticated {
			err = &refusal{reasonUnknown, err}
		}
		return id, err
	case id == FunctionIdentity(id.Kind):
		return id, e.Registry.checkFunction(id, cs.VerifiedChains)
	}
	return e.Registry.certifiedClient(leaf)
}

// Authenticate says who sent a request, as of now. It is for [httpapi.Options].
func (e *DomainEntrance) Authenticate(r *http.Request) (hub.Identity, error) {
	if r.TLS == nil {
		return hub.Identity{}, hub.E(hub.Unauthenticated, opAuthenticate, "this is reached over TLS only", nil)
	}
	id, err := e.admit(*r.TLS)
	if err != nil {
		e.refuse(r.TLS.ServerName, r.RemoteAddr, peer(*r.TLS), err)
		return hub.Identity{}, hub.E(hub.Unauthenticated, opAuthenticate, "the certificate of this connection is not in force here; connect again with a valid one", err)
	}
	return id, nil
}

// Authorize says whether the sender of a request, whom the mux has authenticated,
// may ask an operation about a thing, as [Entrance.Authorize] does.
func (e *DomainEntrance) Authorize(r *http.Request, op Operation, attr Attribute, target Target) (hub.Identity, error) {
	return authorize(&e.EntranceConfig, r, httpapi.Caller(r.Context()), op, attr, target)
}

// refuse counts a refused attempt and hands it over for recording. An attempt at no
// entrance belongs to no trust domain and is only counted.
func (e *DomainEntrance) refuse(serverName, remote string, shown shownCert, err error) {
	var why *refusal
	if !errors.As(err, &why) {
		why = &refusal{reasonProtocol, err}
	}
	e.Observe(why.reason)
	e.Log.Debug("refused", "serverName", serverName, "remote", remote, "reason", why.reason, "err", why.err)
	domain, err := e.domain(serverName)
	if err != nil {
		return
	}
	f := Refusal{Subject: string(e.Interface), Interface: e.Interface, ServerName: serverName, Remote: remote, Reason: why.reason}
	if shown.cert != nil {
		f.Fingerprint = fingerprint(shown.cert)
		if id, err := certIdentity(shown.cert); err == nil {
			f.Presented, f.Proven = id.String(), shown.verified && why.reason != reasonIdentity
		}
	}
	e.Refusals.add(domain, f)
}
