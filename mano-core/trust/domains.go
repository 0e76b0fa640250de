package trust

import (
	"context"
	"fmt"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

const opCreateDomain = "create trust domain"

// CreateDomain makes a trust domain: an account on the bus, a root and a CA
// below it whose keys are made in the domain's own key store. A name that was
// used before is hub.Conflict, also when that domain was deleted: its records
// remain and must stay its own.
func (r *Registry) CreateDomain(ctx context.Context, actor hub.Identity, name string) (*hub.TrustDomain, error) {
	if err := hub.CheckName("trust domain", name); err != nil {
		return nil, err
	}
	if name == HubDomain {
		return nil, hub.E(hub.Invalid, opCreateDomain, `the name "hub" is the hub's own; choose another`, nil)
	}
	if t, ok := r.Directory.Domain(name); ok {
		return nil, domainExists(t)
	}
	account, err := r.Accounts.Create(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", opCreateDomain, name, err)
	}
	log, err := account.Log(ctx, RecordLog)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", opCreateDomain, name, err)
	}
	t, err := r.newDomain(ctx, name)
	if err != nil {
		return nil, err
	}
	record, err := r.record(RecordDomainCreated, actor, "trust-domain/"+name, t)
	if err != nil {
		return nil, err
	}
	cell := r.domains.of(&domain{log: log})
	revision, err := cell.create(ctx, name, t, record, nil)
	if hub.CodeOf(err) == hub.Conflict {
		// Perhaps by a creation that was left half done: complete it, so that
		// what "exists already" is there to be seen.
		if _, revision, err = cell.get(ctx, name); err == nil {
			err = r.Directory.wait(ctx, domainTable, revision)
		}
		if err == nil {
			err = domainExists(&hub.TrustDomain{Name: name})
		}
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", opCreateDomain, name, err)
	}
	return t, r.Directory.wait(ctx, domainTable, revision)
}

func domainExists(t *hub.TrustDomain) error {
	text := fmt.Sprintf("trust domain %q exists already", t.Name)
	if t.State == hub.StateDeleted {
		text = fmt.Sprintf("trust domain %q existed and was deleted; its records remain, so choose another name", t.Name)
	}
	return hub.E(hub.Conflict, opCreateDomain, text, nil)
}

// newDomain makes the keys and certificates of a domain's CA.
func (r *Registry) newDomain(ctx context.Context, name string) (*hub.TrustDomain, error) {
	kind := r.KeyStores.Kind(name)
	keys, err := r.KeyStores.Open(ctx, name, kind)
	if err != nil {
		return nil, hub.E(hub.Unavailable, opCreateDomain, fmt.Sprintf("the key store of trust domain %s cannot be opened: %s", name, hub.SafeText(err)), err)
	}
	rootKey, err := caKey(ctx, keys, rootLabel)
	if err != nil {
		return nil, fmt.Errorf("make root key of %s: %w", name, err)
	}
	key, err := caKey(ctx, keys, intermediateLabel)
	if err != nil {
		return nil, fmt.Errorf("make CA key of %s: %w", name, err)
	}
	now := r.Now().UTC()
	root, err := newRoot(name, rootKey, now)
	if err != nil {
		return nil, err
	}
	ca, err := newIntermediate(name, r.ServerNameSuffix, authority{cert: root, key: rootKey}, key.Public(), now)
	if err != nil {
		return nil, err
	}
	return &hub.TrustDomain{
		Name: name, State: hub.StateActive, KeyStore: kind, Created: now,
		Root: encodeCerts(root), Intermediate: encodeCerts(ca),
	}, nil
}

// DeleteDomain destroys the keys of a trust domain, after which nothing of it
// opens or is signed again. Its records remain. A domain with Security Managers
// that are not revoked, or with what Config.InUse knows of, is in use:
// hub.Conflict, naming it. So is one that keeps what Config.Keeps knows of; see
// [Registry.DiscardDomain].
func (r *Registry) DeleteDomain(ctx context.Context, actor hub.Identity, name string) error {
	if t, ok := r.Directory.Domain(name); r.Keeps != nil && ok && t.State == hub.StateActive {
		kept, err := r.Keeps(ctx, name)
		if err != nil {
			return fmt.Errorf("delete trust domain %s: %w", name, err)
		}
		if len(kept) > 0 {
			return hub.E(hub.Conflict, "delete trust domain", fmt.Sprintf("with trust domain %s nobody could read %s any more; what is in its records stays; if that is meant, add --discard (?discard=true)", name, strings.Join(kept, ", ")), nil)
		}
	}
	return r.DiscardDomain(ctx, actor, name)
}

// DiscardDomain is [Registry.DeleteDomain] for a domain whatever it keeps.
func (r *Registry) DiscardDomain(ctx context.Context, actor hub.Identity, name string) error {
	t, ok := r.Directory.Domain(name)
	if !ok || t.State == hub.StateDeleted {
		_, _, err := r.active(ctx, name)
		return err
	}
	d, err := r.open(ctx, name)
	if err != nil {
		return err
	}
	if err := r.setDomainState(ctx, actor, d, name, hub.StateDeleting, RecordDomainDeleting); err != nil {
		return err
	}
	// A registration that is under way stands in the table now, or finds the
	// domain's state changed and takes itself back (see stillActive).
	if err := r.recoverSMs(ctx, d); err != nil {
		return err
	}
	if used := r.checkUnused(ctx, d, name); used != nil {
		if restore := r.setDomainState(ctx, actor, d, name, hub.StateActive, RecordDomainKept); restore != nil {
			return restore
		}
		return used
	}
	if err := r.destroyKeys(ctx, d, name); err != nil {
		return err
	}
	return r.setDomainState(ctx, actor, d, name, hub.StateDeleted, RecordDomainDeleted)
}

// checkUnused says who or what uses a domain, hub.Conflict, and why that is not
// known otherwise.
func (r *Registry) checkUnused(ctx context.Context, d *domain, name string) error {
	const op = "delete trust domain"
	users, err := r.users(ctx, d)
	if err != nil {
		return err
	}
	if len(users) > 0 {
		return hub.E(hub.Conflict, op, fmt.Sprintf("trust domain %s is in use by Security Managers: %s; revoke them first with: manoward sm revoke NAME --trust-domain %s", name, strings.Join(users, ", "), name), nil)
	}
	if r.InUse == nil {
		return nil
	}
	held, err := r.InUse(ctx, name)
	if err != nil {
		return fmt.Errorf("%s %s: %w", op, name, err)
	}
	if len(held) > 0 {
		return hub.E(hub.Conflict, op, fmt.Sprintf("trust domain %s still holds %s; terminate and delete the network services, then delete the packages", name, strings.Join(held, ", ")), nil)
	}
	return nil
}

// FinishDeletions brings to an end what a crash cut off: a trust domain whose
// deletion had begun is deleted, or kept when it turns out to be in use. What
// cannot be finished now, as when a token is gone, is logged and stays as it
// is; deleting the domain again tries again. The directory must be synced.
func (r *Registry) FinishDeletions(ctx context.Context) error {
	for _, t := range r.Directory.Domains() {
		if t.State != hub.StateDeleting {
			continue
		}
		err := r.DiscardDomain(ctx, hubItself(), t.Name) // who began it was asked
		if ctx.Err() != nil {
			return fmt.Errorf("finish the deletion of trust domain %s: %w", t.Name, err)
		}
		if err != nil {
			r.Log.Warn("a deletion that a crash cut off was not finished", "trustDomain", t.Name, "err", err)
		}
	}
	return nil
}

// stillActive reads from the bus, not from memory, whether a trust domain is
// there and no deletion of it has begun.
func (r *Registry) stillActive(ctx context.Context, name string) error {
	raw, _, err := r.domains.table.Get(ctx, name)
	if err != nil {
		return err
	}
	e, err := decodeEntry[hub.TrustDomain](name, raw)
	if err != nil {
		return err
	}
	for _, t := range []*hub.TrustDomain{e.Current, e.Next} {
		if t != nil && t.State != hub.StateActive {
			return hub.E(hub.NotFound, "find trust domain", fmt.Sprintf("trust domain %q is being deleted", name), nil)
		}
	}
	return nil
}

// users lists the SMs of a domain that are not revoked, as the table has them.
func (r *Registry) users(ctx context.Context, d *domain) ([]string, error) {
	entries, err := d.sms.table.List(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range entries {
		e, err := decodeEntry[hub.SecurityManager](c.Key, c.Value)
		if err != nil {
			return nil, err
		}
		if e.Current == nil || e.Current.State != hub.StateRevoked {
			names = append(names, c.Key)
		}
	}
	return names, nil
}

func (r *Registry) setDomainState(ctx context.Context, actor hub.Identity, d *domain, name, state, kind string) error {
	cell := r.domains.of(d)
	t, revision, err := cell.get(ctx, name)
	if err != nil {
		return err
	}
	if t.State == state {
		return nil
	}
	next := *t
	next.State = state
	record, err := r.record(kind, actor, "trust-domain/"+name, map[string]string{"state": state})
	if err != nil {
		return err
	}
	if revision, err = cell.set(ctx, name, t, &next, revision, record, nil); err != nil {
		return err
	}
	return r.Directory.wait(ctx, domainTable, revision)
}

func (r *Registry) destroyKeys(ctx context.Context, d *domain, name string) error {
	if d.keys == nil {
		return hub.E(hub.Unavailable, "delete trust domain", fmt.Sprintf("the keys of trust domain %s cannot be reached to destroy them: %s", name, hub.SafeText(d.err)), d.err)
	}
	entries, err := d.sms.table.List(ctx)
	if err != nil {
		return err
	}
	labels := []string{intermediateLabel, rootLabel}
	for _, c := range entries {
		for _, i := range hub.Interfaces() {
			labels = append(labels, clientCALabel(c.Key, i))
		}
	}
	for _, label := range labels {
		if err := d.keys.Delete(ctx, label); err != nil {
			return fmt.Errorf("delete trust domain %s: %w", name, err)
		}
	}
	return nil
}
