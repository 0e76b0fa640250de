package catalogue

import (
	"context"
	"fmt"
	"slices"

	"github.com/manoward/manoward/internal/hub"
)

// The keys of ours in userDefinedData.
const (
	KeyTrustDomain = "manoward.trustDomain" // given at creation, fixed; default is the caller's own domain
	KeyIntegrity   = "manoward.integrity"   // shown, never given: OK or FAILED
)

// HubDomain is the domain of those who see all trust domains. No package
// belongs to it.
const HubDomain = "hub"

// Creation asks for a new, empty package.
type Creation struct {
	Kind     Kind
	ID       string // "" means a random one; derived from caller and idempotency key
	Request  string // SHA-256 of the request that ID was derived for
	Domain   string
	UserData map[string]any
}

// DomainOf returns the trust domain that a creation is for: the one that the
// user data names, or else the caller's own.
func DomainOf(caller hub.Identity, userData map[string]any) (string, error) {
	named, given := userData[KeyTrustDomain]
	domain, isText := named.(string)
	switch {
	case given && (!isText || domain == ""):
		return "", hub.E(hub.Unprocessable, "create package", KeyTrustDomain+" in userDefinedData is no name of a trust domain", nil)
	case !given && caller.TrustDomain == HubDomain:
		return "", hub.E(hub.Unprocessable, "create package", "the caller belongs to no trust domain; name the package's in userDefinedData as "+KeyTrustDomain, nil)
	case !given:
		return caller.TrustDomain, nil
	}
	return domain, nil
}

// Create makes an empty package. The same creation twice, under an ID that was
// derived, makes one; another creation under that ID is hub.Unprocessable.
func (s *Service) Create(ctx context.Context, c Creation) (Package, error) {
	missing := hub.E(hub.Unprocessable, "create package", fmt.Sprintf("there is no trust domain %q for packages; list them with: manoward trust-domain list, and name one in userDefinedData as %s", clip(c.Domain), KeyTrustDomain), nil)
	if c.Domain == HubDomain {
		return Package{}, missing
	}
	if !slices.Contains(s.space.Domains(), c.Domain) { // one that was just made may not be open here yet
		if err := s.space.Add(ctx, c.Domain); hub.CodeOf(err) == hub.NotFound {
			return Package{}, missing
		} else if err != nil {
			return Package{}, fmt.Errorf("create package: %w", err)
		}
	}
	id := c.ID
	if id == "" {
		id = hub.NewID()
	}
	p := Package{
		ID: id, Kind: c.Kind, Domain: c.Domain, State: Created, Created: s.config.Now().UTC(),
		Request: c.Request, UserData: ownKeysRemoved(c.UserData),
	}
	e, err := s.kinds[c.Kind].Create(ctx, c.Domain, id, &p)
	if hub.CodeOf(err) == hub.Conflict && c.ID != "" {
		return s.repeated(ctx, c)
	}
	if err != nil {
		return Package{}, fmt.Errorf("create package: %w", err)
	}
	return s.seen(e.Value), nil
}

// repeated returns what a creation with this ID has made before. The index may not have
// yet what the same request has just stored; then it is in the domain that is asked for.
func (s *Service) repeated(ctx context.Context, c Creation) (Package, error) {
	domain, known := s.kinds[c.Kind].Domain(c.ID)
	if !known {
		domain = c.Domain
	}
	e, err := s.kinds[c.Kind].GetIn(ctx, domain, c.ID)
	if err != nil {
		return Package{}, err
	}
	if e.Value.Request != c.Request {
		return Package{}, hub.E(hub.Unprocessable, "create package", "this idempotency key was used with another request; take a new one", nil)
	}
	return s.seen(e.Value), nil
}

// ownKeysRemoved returns user data without what is shown from elsewhere.
func ownKeysRemoved(data map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range data {
		if k != KeyTrustDomain && k != KeyIntegrity {
			out[k] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// ShownData returns the user data with our own keys in it.
func (p *Package) ShownData() map[string]any {
	out := map[string]any{KeyTrustDomain: p.Domain}
	if i := p.Integrity(); i != "" {
		out[KeyIntegrity] = i
	}
	for k, v := range p.UserData {
		out[k] = v
	}
	return out
}
