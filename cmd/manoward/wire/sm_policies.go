package wire

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/policies/library"
	"github.com/manoward/manoward/smgr/decide"
)

// builtIn is the name of the built-in policies in a configuration.
const builtIn = "library"

// ownIdentity is this hub itself, which activates the first policies.
func ownIdentity() string {
	return hub.Identity{TrustDomain: trust.HubDomain, Kind: hub.KindHub, Name: trust.HubDomain}.String()
}

// policyKeys reads the key that bundles of policies are signed with.
func policyKeys(c config.SecurityManager) ([]policies.VerificationKey, error) {
	if c.PolicyKey == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(c.PolicyKey)
	if err != nil {
		return nil, hub.E(hub.Unavailable, "read policy key", fmt.Sprintf("%s cannot be read by this user", c.PolicyKey), err)
	}
	return []policies.VerificationKey{{ID: c.PolicyKeyID, PEM: string(raw)}}, nil
}

// activatePolicies activates what the configuration names when nothing is active
// yet. What an operator activated since stays.
func activatePolicies(ctx context.Context, p *decide.Policies, c config.SecurityManager) error {
	if _, active := p.Active(); active {
		return nil
	}
	r, err := pushPolicies(ctx, p, c)
	if err != nil {
		return err
	}
	_, err = p.Activate(ctx, r.Revision, ownIdentity(), "the first policies, as the configuration names them")
	if hub.CodeOf(err) == hub.Precondition { // another process was faster
		return nil
	}
	return err
}

func pushPolicies(ctx context.Context, p *decide.Policies, c config.SecurityManager) (decide.Revision, error) {
	const op = "read policies"
	if c.Policies == "" || c.Policies == builtIn {
		r, _, err := p.PushFiles(ctx, library.FS(), builtIn, ownIdentity())
		return r, err
	}
	info, err := os.Stat(c.Policies)
	if err != nil {
		return decide.Revision{}, hub.E(hub.Unavailable, op, fmt.Sprintf("%s cannot be read by this user; name a directory, a bundle or %q", c.Policies, builtIn), err)
	}
	if info.IsDir() {
		source, err := filepath.Abs(c.Policies)
		if err != nil {
			return decide.Revision{}, fmt.Errorf("%s: %w", op, err)
		}
		r, _, err := p.PushFiles(ctx, os.DirFS(c.Policies), source, ownIdentity())
		return r, err
	}
	if info.Size() > policies.MaxBundle {
		return decide.Revision{}, hub.E(hub.Invalid, op, fmt.Sprintf("%s has %d bytes; a bundle has at most %d", c.Policies, info.Size(), policies.MaxBundle), nil)
	}
	raw, err := os.ReadFile(c.Policies)
	if err != nil {
		return decide.Revision{}, hub.E(hub.Unavailable, op, fmt.Sprintf("%s cannot be read by this user", c.Policies), err)
	}
	r, _, err := p.Push(ctx, raw, c.PolicyKeyID, ownIdentity())
	return r, err
}
