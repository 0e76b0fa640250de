package trust

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"

	"github.com/manoward/manoward/internal/hub"
)

const opRegister = "register Security Manager"

// Register makes a Security Manager: for each logical interface a client CA of
// its own and a credential for the key of the request. Asking again for the same
// SM with the same keys and mode gives the same answer, so that a client whose
// answer was lost can simply repeat; any other SM of that name is hub.Conflict.
func (r *Registry) Register(ctx context.Context, actor hub.Identity, domainName string, reg hub.Registration) (*hub.SecurityManager, error) {
	if err := hub.CheckName("Security Manager", reg.Name); err != nil {
		return nil, err
	}
	mode, err := hub.ParseMode(string(reg.Mode))
	if err != nil {
		return nil, err
	}
	t, d, err := r.active(ctx, domainName)
	if err != nil {
		return nil, err
	}
	requests, err := parseCSRs(domainName, reg.Name, reg.Requests)
	if err != nil {
		return nil, err
	}
	if len(requests) != len(hub.Interfaces()) {
		return nil, hub.E(hub.Invalid, opRegister, "a registration needs a certificate signing request for each of the five interfaces", nil)
	}
	if sm, ok := r.Directory.SecurityManager(domainName, reg.Name); ok {
		return repeated(sm, mode, requests)
	}
	release, err := r.reserveKeys(requests)
	if err != nil {
		return nil, err
	}
	defer release()
	sm, err := r.newSM(ctx, t, d, reg.Name, mode, requests)
	if err != nil {
		return nil, err
	}
	record, err := r.record(RecordSMRegistered, actor, "sm/"+reg.Name, sm)
	if err != nil {
		return nil, err
	}
	revision, err := d.sms.create(ctx, reg.Name, sm, record, func(ctx context.Context) error { return r.stillActive(ctx, domainName) })
	if hub.CodeOf(err) == hub.Conflict {
		return r.registeredBefore(ctx, d, domainName, reg.Name, mode, requests)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", opRegister, reg.Name, err)
	}
	return r.seen(ctx, domainName, reg.Name, revision)
}

// registeredBefore answers a registration whose name was taken after the
// directory was asked, or by a registration that was left half done: that one is
// completed, and answered like any that is repeated.
func (r *Registry) registeredBefore(ctx context.Context, d *domain, domainName, name string, mode hub.Mode, requests map[hub.Interface]*x509.CertificateRequest) (*hub.SecurityManager, error) {
	_, revision, err := d.sms.get(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", opRegister, name, err)
	}
	sm, err := r.seen(ctx, domainName, name, revision)
	if err != nil {
		return nil, err
	}
	return repeated(sm, mode, requests)
}

func smExists(domain, name string) error {
	return hub.E(hub.Conflict, opRegister, fmt.Sprintf("Security Manager %q is registered already in trust domain %s; choose another name, or use: manoward sm rotate %s", name, domain, name), nil)
}

// repeated answers a registration of an SM that exists.
func repeated(sm *hub.SecurityManager, mode hub.Mode, requests map[hub.Interface]*x509.CertificateRequest) (*hub.SecurityManager, error) {
	if sm.Mode != mode || sm.State != hub.StateActive {
		return nil, smExists(sm.TrustDomain, sm.Name)
	}
	for i, csr := range requests {
		hash := keyHash(csr.RawSubjectPublicKeyInfo)
		if !slices.ContainsFunc(sm.Endpoint(i).Credentials, func(c hub.Credential) bool { return c.KeyHash == hash }) {
			return nil, smExists(sm.TrustDomain, sm.Name)
		}
	}
	return sm, nil
}

func parseCSRs(domain, sm string, texts map[hub.Interface]string) (map[hub.Interface]*x509.CertificateRequest, error) {
	requests := map[hub.Interface]*x509.CertificateRequest{}
	for i, text := range texts {
		if _, err := hub.ParseInterface(string(i)); err != nil {
			return nil, err
		}
		csr, err := parseCSR(text, hub.Identity{TrustDomain: domain, Kind: hub.KindSM, Name: sm, Interface: i})
		if err != nil {
			return nil, err
		}
		requests[i] = csr
	}
	return requests, nil
}

// reserveKeys makes sure that no two credentials share a key (Security.001,
// Security.006): not within the request, not with any other party of any
// domain, and not with a request that is being answered right now.
func (r *Registry) reserveKeys(requests map[hub.Interface]*x509.CertificateRequest) (release func(), err error) {
	var mine []string
	for i, csr := range requests {
		hash := keyHash(csr.RawSubjectPublicKeyInfo)
		if slices.Contains(mine, hash) || r.Directory.KeyOwner(hash) != "" || r.isOperatorKey(hash) {
			return nil, hub.E(hub.Conflict, "check keys", fmt.Sprintf("the key for %s is in use by another credential; every interface of every Security Manager needs a key of its own", i), nil)
		}
		mine = append(mine, hash)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, hash := range mine {
		if r.inFlight[hash] {
			return nil, hub.E(hub.Conflict, "check keys", "a key of this request is being certified by another request; every interface of every Security Manager needs a key of its own", nil)
		}
	}
	for _, hash := range mine {
		r.inFlight[hash] = true
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, hash := range mine {
			delete(r.inFlight, hash)
		}
	}, nil
}

// newSM makes the client CAs and signs the first credentials of an SM.
func (r *Registry) newSM(ctx context.Context, t *hub.TrustDomain, d *domain, name string, mode hub.Mode, requests map[hub.Interface]*x509.CertificateRequest) (*hub.SecurityManager, error) {
	issuer, err := r.issuer(ctx, t, d)
	if err != nil {
		return nil, err
	}
	now := r.Now().UTC()
	sm := &hub.SecurityManager{Name: name, TrustDomain: t.Name, Mode: mode, State: hub.StateActive, Registered: now}
	for _, i := range hub.Interfaces() {
		key, err := caKey(ctx, d.keys, clientCALabel(name, i))
		if err != nil {
			return nil, fmt.Errorf("make client CA key of %s on %s: %w", name, i, err)
		}
		cert, err := newClientCA(name, t.Name, i, issuer, key.Public(), now)
		if err != nil {
			return nil, err
		}
		ca := authority{cert: cert, chain: []*x509.Certificate{issuer.cert}, key: key}
		leaf, err := newClientCert(sm.Identity(i), ca, requests[i].PublicKey, now, r.CredentialLifetime)
		if err != nil {
			return nil, err
		}
		sm.Endpoints = append(sm.Endpoints, hub.Endpoint{
			Interface: i, ServerName: r.serverName(t.Name, name, i),
			ClientCA: encodeCerts(cert), Credentials: []hub.Credential{newCredential(leaf, ca)},
		})
	}
	return sm, nil
}

// seen waits until the change is known here, so that a caller who got an answer
// finds it in force, and returns the SM.
func (r *Registry) seen(ctx context.Context, domain, name string, revision uint64) (*hub.SecurityManager, error) {
	if err := r.Directory.wait(ctx, smTable+"/"+domain, revision); err != nil {
		return nil, err
	}
	sm, ok := r.Directory.SecurityManager(domain, name)
	if !ok {
		return nil, fmt.Errorf("entry of Security Manager %s/%s is stored and not in the directory", domain, name)
	}
	return sm, nil
}

// SetMode changes how far an SM may act. It holds for every request that is
// decided after it returned, on connections that are open already as well.
// unless, if not nil, is asked with what the SM is when it is changed, and its
// error refuses the change.
func (r *Registry) SetMode(ctx context.Context, actor hub.Identity, domain, name string, mode hub.Mode, unless func(*hub.SecurityManager) error) (*hub.SecurityManager, error) {
	mode, err := hub.ParseMode(string(mode))
	if err != nil {
		return nil, err
	}
	return r.change(ctx, actor, domain, name, RecordSMModeSet, func(sm *hub.SecurityManager) (any, error) {
		if unless != nil {
			if err := unless(sm); err != nil {
				return nil, err
			}
		}
		was := sm.Mode
		sm.Mode = mode
		return map[string]hub.Mode{"from": was, "to": mode}, nil
	})
}

// Revoke ends credentials at once: all of an SM, those of one interface, or one
// by its serial number. Connections that were made with them are refused at
// their next request.
func (r *Registry) Revoke(ctx context.Context, actor hub.Identity, domain, name string, rev hub.Revocation) (*hub.SecurityManager, error) {
	if rev.Interface != "" {
		if _, err := hub.ParseInterface(string(rev.Interface)); err != nil {
			return nil, err
		}
	}
	return r.change(ctx, actor, domain, name, RecordSMRevoked, func(sm *hub.SecurityManager) (any, error) {
		var serials []string
		found := false
		for e := range sm.Endpoints {
			if rev.Interface != "" && sm.Endpoints[e].Interface != rev.Interface {
				continue
			}
			for c := range sm.Endpoints[e].Credentials {
				cred := &sm.Endpoints[e].Credentials[c]
				if rev.Serial != "" && cred.Serial != rev.Serial {
					continue
				}
				found = true
				if cred.State != hub.StateRevoked {
					r.revoke(cred, rev.Reason)
					serials = append(serials, cred.Serial)
				}
			}
		}
		if !found {
			return nil, hub.E(hub.NotFound, "revoke credential", fmt.Sprintf("Security Manager %s has no such credential; list them with: manoward sm credentials %s", name, name), nil)
		}
		if rev.Interface == "" && rev.Serial == "" {
			sm.State = hub.StateRevoked
		}
		return map[string]any{"serials": serials, "reason": rev.Reason, "whole": sm.State == hub.StateRevoked}, nil
	})
}

func (r *Registry) revoke(c *hub.Credential, reason string) {
	now := r.Now().UTC()
	c.State, c.RevokedAt, c.Reason = hub.StateRevoked, &now, reason
}

// change applies one recorded change to an SM. fn changes its copy and returns
// what the record says; it is called again when another change came first.
func (r *Registry) change(ctx context.Context, actor hub.Identity, domain, name, kind string, fn func(*hub.SecurityManager) (any, error)) (*hub.SecurityManager, error) {
	_, d, err := r.active(ctx, domain)
	if err != nil {
		return nil, err
	}
	var revision uint64
	var refused error // by fn; that is no reason to try again
	err = retryStale(ctx, "change Security Manager "+name, func() error {
		revision, err = r.changeOnce(ctx, actor, d, domain, name, kind, func(sm *hub.SecurityManager) (data any, err error) {
			data, refused = fn(sm)
			return data, refused
		})
		if refused != nil {
			return nil
		}
		return err
	})
	if err = cmp.Or(refused, err); err != nil {
		return nil, err
	}
	return r.seen(ctx, domain, name, revision)
}

func (r *Registry) changeOnce(ctx context.Context, actor hub.Identity, d *domain, domain, name, kind string, fn func(*hub.SecurityManager) (any, error)) (uint64, error) {
	current, revision, err := d.sms.get(ctx, name)
	if hub.CodeOf(err) == hub.NotFound {
		return 0, hub.E(hub.NotFound, "find Security Manager", fmt.Sprintf("trust domain %s has no Security Manager %q; list them with: manoward sm list", domain, name), err)
	}
	if err != nil {
		return 0, err
	}
	next := cloneSM(current)
	data, err := fn(next)
	if err != nil {
		return 0, err
	}
	record, err := r.record(kind, actor, "sm/"+name, data)
	if err != nil {
		return 0, err
	}
	// A rotation may reinstate an SM while its domain is being deleted.
	revision, err = d.sms.set(ctx, name, current, next, revision, record, func(ctx context.Context) error { return r.stillActive(ctx, domain) })
	if err != nil {
		return 0, fmt.Errorf("change Security Manager %s: %w", name, err)
	}
	return revision, nil
}

// cloneSM copies an SM as deep as a change may reach.
func cloneSM(sm *hub.SecurityManager) *hub.SecurityManager {
	c := *sm
	c.Endpoints = slices.Clone(sm.Endpoints)
	for i := range c.Endpoints {
		c.Endpoints[i].Credentials = slices.Clone(sm.Endpoints[i].Credentials)
	}
	return &c
}

// sortedInterfaces returns the interfaces of a request in the order of IFA 033.
func sortedInterfaces[V any](m map[hub.Interface]V) []hub.Interface {
	order := hub.Interfaces()
	return slices.SortedFunc(maps.Keys(m), func(a, b hub.Interface) int {
		return slices.Index(order, a) - slices.Index(order, b)
	})
}
