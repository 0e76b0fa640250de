package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// GateConfig is what a [Gate] is made of. All fields but Observe are required.
type GateConfig struct {
	ReferencePoint hub.ReferencePoint // only endpoints of its interfaces are shown
	Directory      *Directory
	Decider        *Decider
	Signer         EndpointSigner
	Refusals       *Refusals
	// RenewBefore returns how long before its end an endpoint's certificate of a
	// lifetime is made anew.
	RenewBefore func(lifetime time.Duration) time.Duration
	// Current reports why what the directory knows may be out of date, as when
	// the bus does not answer; nil when it is up to date. While it fails nobody
	// is let in, because a revocation may have been missed.
	Current func() error
	// LoopbackPeers says whether Security Managers may take notifications on this
	// machine.
	LoopbackPeers bool
	Observe       func(outcome string) // counts handshakes: "accepted" or a reason of a refusal
	Now           Clock
	Log           *slog.Logger
}

// Gate shows each Security Manager its own TLS endpoints on one reference point
// and lets only the credentials of an endpoint in. The endpoint, its server key
// and its client CA are chosen by the server name (SNI) that the client asks
// for; a name that is no endpoint gets no certificate at all.
//
// A Gate is safe for concurrent use.
type Gate struct {
	GateConfig
	faces *faces

	notifyMu sync.Mutex              // covers notify
	notify   map[string]*http.Client // of NotifyClient, by server name of the endpoint
}

// NewGate makes a gate.
func NewGate(c GateConfig) *Gate {
	if c.Observe == nil {
		c.Observe = func(string) {}
	}
	return &Gate{GateConfig: c, faces: newFaces(c.Signer, c.Now, c.RenewBefore)}
}

// Caller is a Security Manager that proved itself on one of its endpoints.
type Caller struct {
	hub.Identity
	Manager    *hub.SecurityManager
	Credential *hub.Credential
}

// The reasons for which a handshake or a request is refused. They are labels of
// metrics and stand in records.
const (
	reasonNoEndpoint  = "no-such-endpoint"
	reasonNoCert      = "no-credential"
	reasonUntrusted   = "untrusted-credential"
	reasonIdentity    = "wrong-identity"
	reasonUnknown     = "unknown-credential"
	reasonRevoked     = "revoked-credential"
	reasonExpired     = "expired-credential"
	reasonRetired     = "retired-credential"
	reasonStale       = "registry-out-of-date"
	reasonUnavailable = "endpoint-unavailable"
	reasonProtocol    = "protocol-error"
	reasonTooMany     = "too-many-handshakes"
	reasonAccept      = "not-accepted"

	// labelDenied is the label for all verdicts of the decision table, whose
	// reasons are whole sentences.
	labelDenied = "denied"
)

// refusal is the error of a refused handshake or request.
type refusal struct {
	reason string
	err    error
}

func (e *refusal) Error() string {
	if e.err == nil {
		return e.reason
	}
	return e.reason + ": " + e.err.Error()
}

func (e *refusal) Unwrap() error { return e.err }

// configFor returns the TLS configuration of the endpoint that a client asks
// for.
func (g *Gate) configFor(ctx context.Context, serverName string) (*tls.Config, error) {
	sm, iface, err := g.endpoint(serverName)
	if err != nil {
		return nil, err
	}
	ep := sm.Endpoint(iface)
	face, err := g.faces.get(ctx, sm.TrustDomain, ep.ServerName, ep.ClientCA)
	if err != nil {
		return nil, &refusal{reasonUnavailable, err}
	}
	return &tls.Config{
		Certificates: []tls.Certificate{face.cert},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    face.clientCAs,
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
		// A ticket of one endpoint must never open another.
		SessionTicketsDisabled: true,
		Time:                   g.Now,
		VerifyConnection: func(cs tls.ConnectionState) error {
			_, err := g.admit(cs)
			return err
		},
	}, nil
}

// endpoint finds the endpoint of a server name on this gate's reference point.
func (g *Gate) endpoint(serverName string) (*hub.SecurityManager, hub.Interface, error) {
	sm, iface, ok := g.Directory.ByServerName(serverName)
	if !ok || iface.ReferencePoint() != g.ReferencePoint {
		return nil, "", &refusal{reasonNoEndpoint, fmt.Errorf("server name %q", serverName)}
	}
	t, ok := g.Directory.Domain(sm.TrustDomain)
	if !ok || t.State == hub.StateDeleted {
		return nil, "", &refusal{reasonNoEndpoint, fmt.Errorf("trust domain %s is gone", sm.TrustDomain)}
	}
	return sm, iface, nil
}

// admit checks that the certificate of a connection is a credential of the
// endpoint that it was made to, and that this credential is in force now.
func (g *Gate) admit(cs tls.ConnectionState) (Caller, error) {
	sm, iface, err := g.endpoint(cs.ServerName)
	if err != nil {
		return Caller{}, err
	}
	if err := g.Current(); err != nil {
		return Caller{}, &refusal{reasonStale, err}
	}
	if len(cs.VerifiedChains) == 0 || len(cs.PeerCertificates) == 0 {
		return Caller{}, &refusal{reasonNoCert, nil}
	}
	return g.holder(sm, iface, cs.PeerCertificates[0])
}

// holder checks that a certificate, which was verified under the client CA of an
// endpoint, is a credential of that endpoint and in force now.
func (g *Gate) holder(sm *hub.SecurityManager, iface hub.Interface, leaf *x509.Certificate) (Caller, error) {
	id, err := certIdentity(leaf)
	if err != nil {
		return Caller{}, &refusal{reasonIdentity, err}
	}
	if want := sm.Identity(iface); id != want {
		return Caller{}, &refusal{reasonIdentity, fmt.Errorf("%s at the endpoint of %s", id, want)}
	}
	cred := findCredential(sm.Endpoint(iface), fingerprint(leaf))
	if cred == nil {
		return Caller{}, &refusal{reasonUnknown, fmt.Errorf("no certificate of this hub's: %s", id)}
	}
	if sm.State != hub.StateActive {
		return Caller{}, &refusal{reasonRevoked, nil}
	}
	switch cred.Usable(g.Now()) {
	case hub.StateRevoked:
		return Caller{}, &refusal{reasonRevoked, nil}
	case hub.StateExpired:
		return Caller{}, &refusal{reasonExpired, nil}
	case hub.StateRetiring:
		return Caller{}, &refusal{reasonRetired, nil}
	}
	return Caller{Identity: id, Manager: sm, Credential: cred}, nil
}

func findCredential(ep *hub.Endpoint, fingerprint string) *hub.Credential {
	for i := range ep.Credentials {
		if ep.Credentials[i].Fingerprint == fingerprint {
			return &ep.Credentials[i]
		}
	}
	return nil
}

// Caller says who sent a request, as of now: a credential that was revoked or
// ended since its connection was made is refused, and so is one whose endpoint
// went away.
func (g *Gate) Caller(r *http.Request) (Caller, error) {
	if r.TLS == nil {
		return Caller{}, hub.E(hub.Unauthenticated, opAuthenticate, "this endpoint is reached over TLS only", nil)
	}
	caller, err := g.admit(*r.TLS)
	if err != nil {
		g.refuse(r.TLS.ServerName, r.RemoteAddr, peer(*r.TLS), err)
		return Caller{}, hub.E(hub.Unauthenticated, opAuthenticate, "the credential of this connection is not in force; connect again with a valid one", err)
	}
	return caller, nil
}

// Authorize says whether the sender of a request may ask an operation about a
// thing. What it may not is recorded, in the log of the thing's trust domain as
// well, and answered with the code of the decision table's verdict.
func (g *Gate) Authorize(r *http.Request, op Operation, attr Attribute, target Target) (Caller, error) {
	caller, err := g.Caller(r)
	if err != nil {
		return Caller{}, err
	}
	q := Question{
		Caller: caller.Identity, Mode: caller.Manager.Mode, Interface: caller.Interface,
		Operation: op, Attribute: attr, TargetDomain: target.TrustDomain,
	}
	v := g.Decider.Decide(q)
	if v.Allowed {
		return caller, nil
	}
	g.denied(r, caller, q, target, v.Reason)
	return Caller{}, v.err(op)
}

// Deny refuses a request that the decision table allows, for a reason that lies in
// the thing that it is about: the attempt is recorded as one that the table
// refuses. It returns the answer.
func (g *Gate) Deny(r *http.Request, op Operation, target Target, reason string) error {
	caller, err := g.Caller(r)
	if err != nil {
		return err
	}
	q := Question{Caller: caller.Identity, Interface: caller.Interface, Operation: op, TargetDomain: target.TrustDomain}
	g.denied(r, caller, q, target, reason)
	return hub.E(hub.Denied, string(op), reason, nil)
}

// denied counts and records a refusal.
func (g *Gate) denied(r *http.Request, caller Caller, q Question, target Target, reason string) {
	g.Observe(labelDenied)
	g.Refusals.denied(Refusal{
		Subject: "sm/" + caller.Name, Interface: caller.Interface, ServerName: r.TLS.ServerName, Remote: r.RemoteAddr,
		Fingerprint: caller.Credential.Fingerprint, Reason: "denied: " + reason,
	}, q, target, g.Directory.keepsRecords)
}

// shownCert is the certificate that a peer presented, if any, and whether it was
// verified under the client CA of the endpoint. Anybody can write any identity
// into one that was not.
type shownCert struct {
	cert     *x509.Certificate
	verified bool
}

func peer(cs tls.ConnectionState) shownCert {
	if len(cs.PeerCertificates) == 0 {
		return shownCert{}
	}
	return shownCert{cs.PeerCertificates[0], len(cs.VerifiedChains) > 0}
}
