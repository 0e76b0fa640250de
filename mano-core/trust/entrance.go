package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/httpapi/oauth"
	"github.com/manoward/manoward/internal/hub"
)

// EntranceConfig is what an [Entrance] is made of. All fields but Observe are
// required.
type EntranceConfig struct {
	Interface  hub.Interface // what the decision table calls it: OsMaInterface and so on
	ServerName string        // names the listener in tokens, which are good for it alone
	Registry   *Registry     // knows operators, clients and the hub's CA; see [Registry.FollowHub]
	Decider    *Decider
	Refusals   *Refusals
	// Current reports why what the registry knows may be out of date; nil when it
	// is up to date. While it fails nobody is let in, because a client may have
	// been deleted.
	Current func() error
	Observe func(outcome string) // counts refused requests by reason
	Log     *slog.Logger
}

// Entrance is the counterpart of [Gate] for the reference points between MANO
// functions, OSS/BSS, VNFMs and EMs: it says who sent a request, by an operator's
// certificate, the certificate of one of the hub's own functions or an OAuth 2.0
// token, and whether the decision table allows what it asks (SOL 013 clause 8).
//
// It issues the tokens itself, for its own listener only. Their key is made with
// it and lives in memory, so a token ends with the process that issued it, and
// another listener or process refuses it. An Entrance is safe for concurrent use.
type Entrance struct {
	EntranceConfig
	issuer   *oauth.Issuer
	verifier *oauth.Verifier
}

// reasonToken is the reason for which a request with a bad token is refused;
// those of [Gate] count here as well.
const reasonToken = "invalid-token"

// NewEntrance makes an entrance and its token key.
func NewEntrance(c EntranceConfig) (*Entrance, error) {
	if c.Observe == nil {
		c.Observe = func(string) {}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make token key of %s: %w", c.Interface, err)
	}
	name := "https://" + c.ServerName
	return &Entrance{
		EntranceConfig: c,
		issuer:         &oauth.Issuer{Name: name, Audience: name, Key: key, Clients: c.Registry, Now: c.Registry.Now, Log: c.Log},
		verifier:       &oauth.Verifier{Issuer: name, Audience: name, Keys: []*ecdsa.PublicKey{&key.PublicKey}, Clients: c.Registry, Now: c.Registry.Now},
	}, nil
}

// Token answers a token request (RFC 6749 clause 4.4). It is registered with
// [httpapi.Mux.Public], because who asks for a token is not yet known.
func (e *Entrance) Token(w http.ResponseWriter, r *http.Request) error {
	if err := e.Current(); err != nil {
		return e.stale(err)
	}
	return e.issuer.Handle(w, r)
}

// TLSConfig returns the TLS configuration of the listener, which shows what
// certificate gives. Clients may show a certificate of the hub's own parties; any
// other is refused by TLS itself.
func (e *Entrance) TLSConfig(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			// Asked each time: the CAs are learnt from the bus, after the start.
			pool, err := e.Registry.partyCAs()
			if err != nil {
				return nil, err
			}
			return &tls.Config{
				GetCertificate: certificate,
				ClientAuth:     tls.VerifyClientCertIfGiven,
				ClientCAs:      pool,
				MinVersion:     tls.VersionTLS12,
				NextProtos:     []string{"h2", "http/1.1"},
				// A ticket would carry a client past the check of its certificate.
				SessionTicketsDisabled: true,
				Time:                   e.Registry.Now,
			}, nil
		},
	}
}

// Authenticate says who sent a request, as of now: an operator whose credential
// was replaced, a client that was deleted or a function whose certificate ended
// since the connection was made is refused. It is for [httpapi.Options].
func (e *Entrance) Authenticate(r *http.Request) (hub.Identity, error) {
	if r.TLS == nil {
		return hub.Identity{}, hub.E(hub.Unauthenticated, opAuthenticate, "this is reached over TLS only", nil)
	}
	if err := e.Current(); err != nil {
		return hub.Identity{}, e.stale(err)
	}
	var id hub.Identity
	var err error
	switch {
	case len(r.TLS.VerifiedChains) > 0:
		id, err = e.certified(r.TLS.VerifiedChains)
	case r.Header.Get("Authorization") == "":
		e.Observe(reasonNoCert) // shows nothing to record
		return hub.Identity{}, hub.E(hub.Unauthenticated, opAuthenticate, "this needs an access token, which a client gets at /oauth2/token on this listener, or the certificate of an operator or of a function of this hub", nil)
	default:
		id, err = e.verifier.Authenticate("")(r)
	}
	if err != nil {
		return hub.Identity{}, e.unknown(r, err)
	}
	return id, nil
}

const opAuthenticate = "authenticate"

// certified tells the holder of a certificate that TLS has verified.
func (e *Entrance) certified(chains [][]*x509.Certificate) (hub.Identity, error) {
	id, err := certIdentity(chains[0][0])
	if err != nil {
		return hub.Identity{}, &refusal{reasonIdentity, err}
	}
	if id.Kind != hub.KindOperator {
		return id, e.Registry.checkFunction(id, chains)
	}
	id, err = e.Registry.Operator(chains[0][0])
	if hub.CodeOf(err) == hub.Unauthenticated {
		return hub.Identity{}, &refusal{reasonUnknown, err}
	}
	return id, err
}

func (e *Entrance) stale(err error) error {
	e.Observe(reasonStale)
	return hub.E(hub.Unavailable, opAuthenticate, "this hub cannot tell now who may come in, because its bus does not answer; try again", err)
}

// unknown records that somebody showed what is not in force, in the log of the
// hub itself: what it was about is not known. The answer tells no more than that.
func (e *Entrance) unknown(r *http.Request, err error) error {
	var why *refusal
	known := errors.As(err, &why)
	switch code := hub.CodeOf(err); {
	case known:
		err = hub.E(hub.Unauthenticated, opAuthenticate, "the certificate of this connection is not in force here; connect again with a valid one", err)
	case code != hub.Unauthenticated && code != hub.Invalid && code != hub.Denied:
		return err // not the caller's doing
	default:
		why = &refusal{reasonToken, err}
	}
	e.Observe(why.reason)
	f := Refusal{Subject: string(e.Interface), Interface: e.Interface, ServerName: e.ServerName, Remote: r.RemoteAddr, Reason: why.reason}
	if shown := peer(*r.TLS); shown.cert != nil {
		f.Fingerprint = fingerprint(shown.cert)
		if id, err := certIdentity(shown.cert); err == nil {
			f.Presented, f.Proven = id.String(), shown.verified && why.reason != reasonIdentity
		}
	}
	e.Refusals.add(HubDomain, f)
	return err
}

// Authorize says whether the sender of a request may ask an operation about a
// thing, and who it is. What it may not is recorded, in the log of its own trust
// domain and in that of the thing's, and answered with the code of the decision
// table's verdict: hub.NotFound for what is another domain's.
//
// The sender is who the mux has just authenticated, so that a token is checked
// once for each request; the mux of the listener must do it by [Entrance.Authenticate].
func (e *Entrance) Authorize(r *http.Request, op Operation, attr Attribute, target Target) (hub.Identity, error) {
	who := httpapi.Caller(r.Context())
	if who == (hub.Identity{}) {
		var err error
		if who, err = e.Authenticate(r); err != nil {
			return hub.Identity{}, err
		}
	}
	return authorize(&e.EntranceConfig, r, who, op, attr, target)
}

// authorize asks the decision table for a party that an entrance let in, and
// records what it refuses.
func authorize(e *EntranceConfig, r *http.Request, who hub.Identity, op Operation, attr Attribute, target Target) (hub.Identity, error) {
	q := Question{Caller: who, Interface: e.Interface, Operation: op, Attribute: attr, TargetDomain: target.TrustDomain}
	v := e.Decider.Decide(q)
	if v.Allowed {
		return who, nil
	}
	e.Observe(labelDenied)
	f := Refusal{
		Subject: string(who.Kind) + "/" + who.Name, Interface: e.Interface, ServerName: e.ServerName,
		Remote: r.RemoteAddr, Reason: "denied: " + v.Reason,
	}
	if shown := peer(*r.TLS); shown.cert != nil {
		f.Fingerprint = fingerprint(shown.cert)
	}
	e.Refusals.denied(f, q, target, e.Registry.Directory.keepsRecords)
	return hub.Identity{}, v.err(op)
}
