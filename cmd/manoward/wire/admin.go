package wire

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/manoward/manoward/cmd/manoward/cli"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/httpapi/oauth"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
	"github.com/manoward/manoward/mano-core/trust/trustapi"
)

const (
	contextFile = "operator.context.json"
	// operatorName is the operator whose credential a start makes.
	operatorName = "admin"
)

// openAdmin serves the operators' API, health and metrics over TLS. Health needs
// no credential; everything else needs an operator's.
func (h *hubProcess) openAdmin(ctx, work context.Context, l net.Listener, observe observer) error {
	pool, err := h.registry.OperatorCAs()
	if err != nil {
		return err
	}
	tokens, err := h.newTokens()
	if err != nil {
		return err
	}
	admin := &trustapi.Admin{Registry: h.registry, Decider: h.decider, Bus: busUsers{h.bus, h.cfg.Trust.CredentialLifetime}, URL: h.url, Points: h.pointAddresses, Journal: h.journals.Source, Journals: h.journals.Sources, Reseal: h.sealing.reseal}
	h.run("finish revocations", work, func(ctx context.Context) error { h.finishRevocations(ctx, admin); return nil })
	authenticate := func(r *http.Request) (hub.Identity, error) {
		return h.operator(r, tokens.verifier.Authenticate(trust.ScopeRead))
	}
	api := h.newMux(hub.Admin, observe, authenticate)
	admin.Routes(api)
	api.Public("POST /oauth2/token", tokens.issuer.Handle)
	mux := http.NewServeMux()
	mux.Handle("/", h.traced("admin", api))
	if h.runsManagers() {
		// Auditors come in here as well, and nowhere else: readiness and the registry
		// speak of all trust domains.
		h.sms = h.newSMAPI(observe, func(r *http.Request) (hub.Identity, error) {
			return h.operator(r, tokens.verifier.Authenticate(""))
		})
		for _, path := range smPaths {
			mux.Handle(path, h.sms)
			// The list itself is the registry's; without this it would be a redirect.
			mux.Handle(strings.TrimSuffix(path, "/"), h.traced("admin", api))
		}
	}
	mux.Handle("/healthz", h.health.Handler())
	mux.Handle("/readyz", h.readiness(authenticate))
	mux.Handle("GET /metrics", h.restricted(authenticate, "metrics.read", h.metrics.Handler()))

	cert := &memoryCertificate{make: h.signAdmin, lead: h.cfg.Trust.RenewBefore.Lead}
	if _, err := cert.get(ctx); err != nil {
		return err
	}
	h.serve("admin", work, tls.NewListener(l, &tls.Config{
		GetCertificate: cert.serve,
		ClientAuth:     tls.VerifyClientCertIfGiven,
		ClientCAs:      pool,
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
	}), mux)
	return nil
}

// readiness answers /readyz: to an operator or a client with the reasons, to
// anybody else with no more than the names of what is missing.
func (h *hubProcess) readiness(authenticate func(*http.Request) (hub.Identity, error)) http.Handler {
	whole, public := h.health.Handler(), h.health.PublicHandler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := authenticate(r); err == nil {
			whole.ServeHTTP(w, r)
			return
		}
		public.ServeHTTP(w, r)
	})
}

// finishRevocations ends the bus credentials of revoked Security Managers once
// more: a crash may have come between the two. One that fails now, as when the
// bus is going away, ends with the next start or the next sm revoke.
func (h *hubProcess) finishRevocations(ctx context.Context, admin *trustapi.Admin) {
	for _, sm := range h.directory.SecurityManagers("") {
		if sm.State != hub.StateRevoked {
			continue
		}
		if err := admin.RevokeBusUsers(ctx, sm); err != nil && ctx.Err() == nil {
			h.log.Error("cannot end the bus credentials of a revoked Security Manager", "trustDomain", sm.TrustDomain, "sm", sm.Name, "err", err)
		}
	}
}

// tokens is the OAuth 2.0 side of the admin listener.
type tokens struct {
	issuer   *oauth.Issuer
	verifier *oauth.Verifier
}

// newTokens makes the token endpoint and its check. The key lives in memory
// only: tokens live for minutes, and a client whose token ended with the process
// asks for another.
func (h *hubProcess) newTokens() (*tokens, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make token key: %w", err)
	}
	name := "https://" + h.serverName(hub.Admin)
	return &tokens{
		issuer:   &oauth.Issuer{Name: name, Audience: name, Key: key, Clients: h.registry, Log: h.log.With("part", "oauth")},
		verifier: &oauth.Verifier{Issuer: name, Audience: name, Keys: []*ecdsa.PublicKey{&key.PublicKey}, Clients: h.registry},
	}, nil
}

// operator tells who sent a request, as of now: an operator by its certificate,
// or a client by its token.
func (h *hubProcess) operator(r *http.Request, byToken authenticator) (hub.Identity, error) {
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return h.registry.Operator(r.TLS.PeerCertificates[0])
	}
	if r.Header.Get("Authorization") == "" {
		return hub.Identity{}, hub.E(hub.Unauthenticated, "authenticate", "this needs an operator's certificate, which the context file holds, or an access token", nil)
	}
	return byToken(r)
}

// restricted lets those pass whom the decision table allows an operation.
func (h *hubProcess) restricted(authenticate func(*http.Request) (hub.Identity, error), op trust.Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := authenticate(r)
		if err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			httpapi.WriteProblem(w, httpapi.ProblemDetails{Status: http.StatusUnauthorized, Title: http.StatusText(http.StatusUnauthorized), Detail: hub.SafeText(err)})
			return
		}
		v := h.decider.Decide(trust.Question{Caller: who, Interface: trust.AdminInterface, Operation: op, TargetDomain: who.TrustDomain})
		if !v.Allowed {
			httpapi.WriteProblem(w, httpapi.ProblemDetails{Status: http.StatusForbidden, Title: http.StatusText(http.StatusForbidden), Detail: v.Reason})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (h *hubProcess) signAdmin(ctx context.Context) (tls.Certificate, error) {
	name := h.serverName(hub.Admin)
	return trust.NewServerCertificate(name, func(csr []byte) ([][]byte, error) {
		if h.registry == nil {
			return remoteTrust{h.bus.Hub()}.SignAdmin(ctx, h.pointIPs(hub.Admin), csr)
		}
		return h.registry.SignAdmin(ctx, []string{name}, h.pointIPs(hub.Admin), csr)
	})
}

// openOperator makes the operator's credential at the first start, when its file
// was removed, and when it is about to end.
func (h *hubProcess) openOperator(ctx, work context.Context) error {
	if !h.has("trust") {
		return nil
	}
	h.context = h.dir.file(contextFile)
	if err := h.fetchOperator(ctx); err != nil {
		return err
	}
	if err := h.refreshOperator(ctx); err != nil {
		return err
	}
	h.run("renew the operator's credential", work, func(ctx context.Context) error {
		tick := time.NewTicker(time.Hour)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				if err := h.refreshOperator(ctx); err != nil {
					h.log.Error("cannot renew the operator's credential", "err", err)
				}
			}
		}
	})
	return nil
}

// refreshOperator keeps the context file good: it is made when it is missing or
// ends within a month, and follows the address of the listener.
func (h *hubProcess) refreshOperator(ctx context.Context) error {
	const early = 30 * 24 * time.Hour
	server := h.listeners.url(hub.Admin)
	current, err := cli.ReadContext(h.context)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	if !missing && time.Until(h.registry.OperatorExpiry(operatorName)) > early {
		if current.Server == server {
			return nil
		}
		current.Server = server
		return current.Save(h.context)
	}
	id := hub.Identity{TrustDomain: trust.HubDomain, Kind: hub.KindOperator, Name: operatorName}
	csr, key, err := cli.NewRequest(id)
	if err != nil {
		return err
	}
	cred, err := h.registry.IssueOperator(ctx, operatorName, csr)
	if err != nil {
		return err
	}
	c := cli.Context{Server: server, ServerName: h.serverName(hub.Admin), CA: h.registry.HubRoot(), Certificate: cred.Certificate, Key: key}
	if err := c.Save(h.context); err != nil {
		return err
	}
	return h.shareOperator(ctx)
}
