package trust

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

const (
	// maxUsable bounds how many credentials of one endpoint work at a time, so
	// that a renewal gone wild cannot grow an SM's entry without end.
	maxUsable = 8
	// renewOverlap is how long a credential goes on after its holder renewed it.
	renewOverlap = 24 * time.Hour
)

// Rotate gives an SM new credentials for new keys. The old ones go on for the
// overlap, which may be 0. An SM that was revoked as a whole is reinstated by a
// rotation of all five interfaces.
func (r *Registry) Rotate(ctx context.Context, actor hub.Identity, domainName, name string, rot hub.Rotation) (*hub.SecurityManager, error) {
	overlap := time.Duration(rot.OverlapSeconds) * time.Second
	if rot.OverlapSeconds < 0 || overlap > r.CredentialLifetime {
		return nil, hub.E(hub.Invalid, "rotate credentials", fmt.Sprintf("the overlap must be between 0 and the life of a credential, %s", r.CredentialLifetime), nil)
	}
	requests, err := parseCSRs(domainName, name, rot.Requests)
	if err != nil {
		return nil, err
	}
	if len(requests) == 0 {
		return nil, hub.E(hub.Invalid, "rotate credentials", "a rotation needs a certificate signing request for at least one interface", nil)
	}
	if sm, ok := r.Directory.SecurityManager(domainName, name); ok {
		if sm.State == hub.StateActive && hasKeys(sm, requests) {
			return sm, nil // repeated after a lost answer
		}
		if sm.State == hub.StateRevoked && len(requests) != len(hub.Interfaces()) {
			return nil, hub.E(hub.Conflict, "rotate credentials", fmt.Sprintf("Security Manager %s is revoked; rotate all its interfaces to reinstate it", name), nil)
		}
	}
	return r.recertify(ctx, actor, domainName, name, RecordSMRotated, requests, overlap)
}

// Renew gives the holder of a credential a new one for a new key on the same
// interface, before the old one ends. The old one goes on for a day at most.
// The same request again gives the same answer.
func (r *Registry) Renew(ctx context.Context, caller hub.Identity, csrText string) (*hub.Credential, error) {
	requests, err := parseCSRs(caller.TrustDomain, caller.Name, map[hub.Interface]string{caller.Interface: csrText})
	if err != nil {
		return nil, err
	}
	sm, ok := r.Directory.SecurityManager(caller.TrustDomain, caller.Name)
	if !ok || !hasKeys(sm, requests) {
		sm, err = r.recertify(ctx, caller, caller.TrustDomain, caller.Name, RecordSMRenewed, requests, renewOverlap)
		if err != nil {
			return nil, err
		}
	}
	hash := keyHash(requests[caller.Interface].RawSubjectPublicKeyInfo)
	creds := sm.Endpoint(caller.Interface).Credentials
	i := slices.IndexFunc(creds, func(c hub.Credential) bool { return c.KeyHash == hash })
	return &creds[i], nil
}

// hasKeys reports whether every request is for a key that has a usable
// credential on its interface already.
func hasKeys(sm *hub.SecurityManager, requests map[hub.Interface]*x509.CertificateRequest) bool {
	for i, csr := range requests {
		hash := keyHash(csr.RawSubjectPublicKeyInfo)
		if !slices.ContainsFunc(sm.Endpoint(i).Credentials, func(c hub.Credential) bool {
			return c.KeyHash == hash && c.State == hub.StateActive
		}) {
			return false
		}
	}
	return true
}

func (r *Registry) recertify(ctx context.Context, actor hub.Identity, domainName, name, kind string, requests map[hub.Interface]*x509.CertificateRequest, overlap time.Duration) (*hub.SecurityManager, error) {
	t, d, err := r.active(ctx, domainName)
	if err != nil {
		return nil, err
	}
	release, err := r.reserveKeys(requests)
	if err != nil {
		return nil, err
	}
	defer release()
	return r.change(ctx, actor, domainName, name, kind, func(sm *hub.SecurityManager) (any, error) {
		signed := map[hub.Interface]hub.Credential{}
		for _, i := range sortedInterfaces(requests) {
			ep := sm.Endpoint(i)
			ca, err := r.clientCA(ctx, t, d, name, ep)
			if err != nil {
				return nil, err
			}
			leaf, err := newClientCert(sm.Identity(i), ca, requests[i].PublicKey, r.Now().UTC(), r.CredentialLifetime)
			if err != nil {
				return nil, err
			}
			if err := r.supersede(ep, overlap); err != nil {
				return nil, err
			}
			cred := newCredential(leaf, ca)
			ep.Credentials = append(ep.Credentials, cred)
			signed[i] = cred
		}
		if len(requests) == len(hub.Interfaces()) {
			sm.State = hub.StateActive
		}
		return map[string]any{"credentials": signed, "overlapSeconds": int64(overlap / time.Second)}, nil
	})
}

// supersede retires the credentials of an endpoint and forgets those that have
// been useless for as long as they were meant to live; the records keep them.
func (r *Registry) supersede(ep *hub.Endpoint, overlap time.Duration) error {
	now := r.Now().UTC()
	ep.Credentials = slices.DeleteFunc(ep.Credentials, func(c hub.Credential) bool {
		return now.After(c.NotAfter.Add(r.CredentialLifetime))
	})
	usable := 0
	for i := range ep.Credentials {
		c := &ep.Credentials[i]
		if c.Usable(now) != "" {
			continue
		}
		usable++
		end := now.Add(overlap)
		switch {
		case overlap == 0:
			r.revoke(c, "superseded")
		case c.RetiresAt == nil || c.RetiresAt.After(end):
			c.State, c.RetiresAt = hub.StateRetiring, &end
		}
	}
	if overlap > 0 && usable >= maxUsable {
		return hub.E(hub.RateLimited, "renew credential", fmt.Sprintf("%d credentials of %s are in use at the same time already; let some of them end first", usable, ep.Interface), nil)
	}
	return nil
}
