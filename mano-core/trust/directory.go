package trust

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Directory is what a process knows of all trust domains and Security Managers,
// held in memory and kept up to date by watching the bus. Every question on the
// path of a request is answered from it without asking the bus.
//
// It is safe for concurrent use. Values that it returns are shared and must not
// be changed.
type Directory struct {
	log *slog.Logger

	mu        sync.RWMutex // covers everything below; held for map work only
	domains   map[string]*hub.TrustDomain
	sms       map[string]*hub.SecurityManager // by domain/name
	endpoints map[string]endpointRef          // by server name
	keys      map[string]string               // public key hash -> whose it is, over all domains
	revisions map[string]uint64               // by watched table: the newest revision seen
	synced    map[string]bool                 // by watched table: all that was there has been told
	changed   chan struct{}                   // closed and replaced at every change
}

type endpointRef struct {
	sm    *hub.SecurityManager
	iface hub.Interface
}

// NewDirectory makes an empty directory. [Directory.Run] fills it.
func NewDirectory(log *slog.Logger) *Directory {
	return &Directory{
		log:       log,
		domains:   map[string]*hub.TrustDomain{},
		sms:       map[string]*hub.SecurityManager{},
		endpoints: map[string]endpointRef{},
		keys:      map[string]string{},
		revisions: map[string]uint64{},
		synced:    map[string]bool{},
		changed:   make(chan struct{}),
	}
}

// Run watches the hub's table of trust domains and the table of Security
// Managers of each, until ctx ends.
func (d *Directory) Run(ctx context.Context, accounts Accounts) error {
	table, err := accounts.Hub().Table(ctx, domainTable)
	if err != nil {
		return fmt.Errorf("watch trust domains: %w", err)
	}
	var watches sync.WaitGroup
	defer watches.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watching := map[string]bool{}
	return table.Watch(ctx, func(c Change) {
		domain := d.applyDomain(c)
		if domain == nil || domain.State == hub.StateDeleted || watching[domain.Name] {
			return
		}
		watching[domain.Name] = true
		name := domain.Name
		watches.Go(func() { d.watchDomain(ctx, accounts, name) })
	})
}

// watchDomain follows one domain's Security Managers. A domain whose account
// cannot be opened is tried again; until then none of its parties is known, so
// they are refused.
func (d *Directory) watchDomain(ctx context.Context, accounts Accounts, domain string) {
	const pause = time.Second
	for ctx.Err() == nil {
		account, err := accounts.Open(ctx, domain)
		var table Table
		if err == nil {
			table, err = account.Table(ctx, smTable)
		}
		if err == nil {
			err = table.Watch(ctx, func(c Change) { d.applySM(domain, c) })
		}
		if err != nil && ctx.Err() == nil {
			d.log.Error("cannot follow Security Managers", "trustDomain", domain, "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (d *Directory) applyDomain(c Change) *hub.TrustDomain {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.noteLocked(domainTable, c)
	if c.Synced || c.Deleted {
		return nil
	}
	e, err := decodeEntry[hub.TrustDomain](c.Key, c.Value)
	if err != nil {
		d.log.Error("cannot read trust domain", "trustDomain", c.Key, "err", err)
		return nil
	}
	if e.Current == nil {
		return nil // not recorded yet: it does not exist
	}
	d.domains[c.Key] = e.Current
	return e.Current
}

func (d *Directory) applySM(domain string, c Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.noteLocked(smTable+"/"+domain, c)
	if c.Synced {
		return
	}
	key := domain + "/" + c.Key
	if c.Deleted {
		d.forgetLocked(key)
		return
	}
	e, err := decodeEntry[hub.SecurityManager](c.Key, c.Value)
	if err != nil {
		d.log.Error("cannot read Security Manager", "trustDomain", domain, "sm", c.Key, "err", err)
		d.forgetLocked(key) // fail closed: what cannot be read opens nothing
		return
	}
	d.forgetLocked(key)
	if e.Current == nil {
		return
	}
	sm := e.Current
	d.sms[key] = sm
	for _, ep := range sm.Endpoints {
		d.endpoints[strings.ToLower(ep.ServerName)] = endpointRef{sm, ep.Interface}
		for _, cred := range ep.Credentials {
			d.keys[cred.KeyHash] = sm.Identity(ep.Interface).String()
		}
	}
	for _, user := range sm.BusUsers {
		d.keys[busKey(user)] = key
	}
}

// busKey is what a public nkey stands under among the keys that have an owner.
func busKey(publicKey string) string { return "bus/" + publicKey }

func (d *Directory) forgetLocked(key string) {
	sm := d.sms[key]
	if sm == nil {
		return
	}
	delete(d.sms, key)
	for _, ep := range sm.Endpoints {
		delete(d.endpoints, strings.ToLower(ep.ServerName))
		for _, cred := range ep.Credentials {
			delete(d.keys, cred.KeyHash)
		}
	}
	for _, user := range sm.BusUsers {
		delete(d.keys, busKey(user))
	}
}

func (d *Directory) noteLocked(table string, c Change) {
	d.revisions[table] = max(d.revisions[table], c.Revision)
	d.synced[table] = d.synced[table] || c.Synced
	close(d.changed)
	d.changed = make(chan struct{})
}

// wait blocks until the directory has seen the revision of a table.
func (d *Directory) wait(ctx context.Context, table string, revision uint64) error {
	return d.until(ctx, func() bool { return d.revisions[table] >= revision })
}

// Changed returns a channel that is closed at the next change of anything in the
// directory.
func (d *Directory) Changed() <-chan struct{} {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.changed
}

// WaitSynced blocks until everything that the bus held when [Directory.Run]
// began is known here.
func (d *Directory) WaitSynced(ctx context.Context) error {
	return d.until(ctx, func() bool {
		if !d.synced[domainTable] {
			return false
		}
		for name, domain := range d.domains {
			if domain.State != hub.StateDeleted && !d.synced[smTable+"/"+name] {
				return false
			}
		}
		return true
	})
}

func (d *Directory) until(ctx context.Context, done func() bool) error {
	for {
		d.mu.RLock()
		ok, changed := done(), d.changed
		d.mu.RUnlock()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return hub.E(hub.Unavailable, "read the registry", "the bus did not answer in time; ask again", ctx.Err())
		case <-changed:
		}
	}
}

// Domain returns a trust domain, deleted ones included.
func (d *Directory) Domain(name string) (*hub.TrustDomain, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	t, ok := d.domains[name]
	return t, ok
}

// keepsRecords reports whether there is a trust domain of that name, or the hub
// itself, in whose log something can be recorded.
func (d *Directory) keepsRecords(name string) bool {
	t, ok := d.Domain(name)
	return name == HubDomain || ok && t.State != hub.StateDeleted
}

// Domains lists the trust domains by name, deleted ones included.
func (d *Directory) Domains() []*hub.TrustDomain {
	d.mu.RLock()
	defer d.mu.RUnlock()
	list := make([]*hub.TrustDomain, 0, len(d.domains))
	for _, name := range slices.Sorted(maps.Keys(d.domains)) {
		list = append(list, d.domains[name])
	}
	return list
}

// SecurityManager returns a registered SM.
func (d *Directory) SecurityManager(domain, name string) (*hub.SecurityManager, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	sm, ok := d.sms[domain+"/"+name]
	return sm, ok
}

// SecurityManagers lists the SMs of a domain by name; of all domains, by domain
// and name, when domain is empty.
func (d *Directory) SecurityManagers(domain string) []*hub.SecurityManager {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var list []*hub.SecurityManager
	for _, key := range slices.Sorted(maps.Keys(d.sms)) {
		if sm := d.sms[key]; domain == "" || sm.TrustDomain == domain {
			list = append(list, sm)
		}
	}
	return list
}

// ByServerName finds whose endpoint a server name is. Case does not count
// (RFC 6066 clause 3, RFC 4343).
func (d *Directory) ByServerName(serverName string) (*hub.SecurityManager, hub.Interface, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	ref, ok := d.endpoints[strings.ToLower(serverName)]
	return ref.sm, ref.iface, ok
}

// KeyOwner says whose a public key is, by the SHA-256 of its
// SubjectPublicKeyInfo; "" if no credential has it.
func (d *Directory) KeyOwner(keyHash string) string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.keys[keyHash]
}
