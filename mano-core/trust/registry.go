package trust

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/manoward/manoward/internal/hub"
)

// The tables and logs that the registry keeps. They are part of the stored
// format: changing a name loses sight of what is there.
const (
	domainTable = "TRUST_DOMAINS"     // in the hub's account: trust domains by name
	hubTable    = "HUB"               // in the hub's account: the hub's own CA and operators
	smTable     = "SECURITY_MANAGERS" // in a domain's account: SMs by name
	RecordLog   = "RECORDS"           // in each account: everything that happened
)

// HubDomain is the trust domain of the hub's own parties: its operators. No
// user's domain can have this name.
const HubDomain = "hub"

// The kinds of records that the registry writes.
const (
	RecordDomainCreated    = "trust-domain.created"
	RecordDomainDeleting   = "trust-domain.deleting"
	RecordDomainKept       = "trust-domain.kept" // a deletion was taken back: the domain was in use
	RecordDomainDeleted    = "trust-domain.deleted"
	RecordSMRegistered     = "security-manager.registered"
	RecordSMModeSet        = "security-manager.mode-set"
	RecordSMRotated        = "security-manager.rotated"
	RecordSMRenewed        = "security-manager.renewed"
	RecordSMRevoked        = "security-manager.revoked"
	RecordEndpointSigned   = "endpoint.certificate-signed"
	RecordFunctionSigned   = "function.certificate-signed"
	RecordBusCredential    = "bus-credential.signed"
	RecordRefused          = "access.refused"
	RecordNote             = "operator.note"
	RecordOperatorSigned   = "operator.certificate-signed"
	RecordOperatorDeleted  = "operator.deleted"
	RecordHubAuthorityMade = "hub.authority-made"
	RecordClientCreated    = "oauth-client.created"
	RecordClientDeleted    = "oauth-client.deleted"
	RecordClientCertified  = "oauth-client.certificate-signed"
)

// Config is what a [Registry] is made of. All fields but InUse and Keeps are required.
type Config struct {
	Accounts           Accounts
	KeyStores          KeyStores
	Directory          *Directory
	ServerNameSuffix   string        // server names of endpoints end in it: "manoward.internal"
	CredentialLifetime time.Duration // of client credentials
	EndpointLifetime   time.Duration // of the certificates of endpoints, of functions and of the admin listener
	Now                Clock
	Log                *slog.Logger
	// InUse lists what a trust domain still holds beside Security Managers, in
	// words for people: "2 network services". A domain that holds something is not
	// deleted, because nobody could end it afterwards. nil: nothing else is held.
	InUse func(ctx context.Context, domain string) ([]string, error)
	// Keeps lists, in the same words, what nobody can read any more once a trust
	// domain is deleted. A domain that keeps something is deleted only for who has
	// said that it may be lost. nil: nothing is.
	Keeps func(ctx context.Context, domain string) ([]string, error)
}

// Registry keeps the trust domains and the Security Managers in them. It is
// safe for concurrent use, also by several processes over one bus; each change
// is a compare-and-set, and the loser tries again on what the winner left.
type Registry struct {
	Config
	hubLog  Log
	domains cellFor
	hub     cell[hubState]

	mu        sync.Mutex // covers the fields below; never held over I/O
	opened    map[string]*domain
	inFlight  map[string]bool // public key hashes of registrations that are being made
	operators *hubState

	operatorsAt uint64 // revision of operators
}

// cellFor gives the cell of trust domains; changes of a domain are recorded in
// the domain's own log.
type cellFor struct{ table Table }

func (c cellFor) of(d *domain) cell[hub.TrustDomain] {
	return cell[hub.TrustDomain]{c.table, d.log}
}

// domain is an opened trust domain: its storage and its keys.
type domain struct {
	log  Log
	sms  cell[hub.SecurityManager]
	keys Keys // nil when the key store could not be opened
	err  error
}

// NewRegistry opens the registry's storage.
func NewRegistry(ctx context.Context, c Config) (*Registry, error) {
	account := c.Accounts.Hub()
	log, err := account.Log(ctx, RecordLog)
	if err != nil {
		return nil, fmt.Errorf("open the hub's records: %w", err)
	}
	domains, err := account.Table(ctx, domainTable)
	if err != nil {
		return nil, fmt.Errorf("open the table of trust domains: %w", err)
	}
	state, err := account.Table(ctx, hubTable)
	if err != nil {
		return nil, fmt.Errorf("open the hub's table: %w", err)
	}
	return &Registry{
		Config:   c,
		hubLog:   log,
		domains:  cellFor{domains},
		hub:      cell[hubState]{state, log},
		opened:   map[string]*domain{},
		inFlight: map[string]bool{},
	}, nil
}

// Recover completes what a crash left half done: every entry that was being
// changed, also one that was never seen because its creation was cut off. It is
// called once at start.
func (r *Registry) Recover(ctx context.Context) error {
	entries, err := r.domains.table.List(ctx)
	if err != nil {
		return fmt.Errorf("recover trust domains: %w", err)
	}
	var work errgroup.Group
	work.SetLimit(recoverAtATime)
	for _, c := range entries {
		work.Go(func() error {
			if err := r.recoverDomain(ctx, c); err != nil {
				return fmt.Errorf("recover trust domain %s: %w", c.Key, err)
			}
			return nil
		})
	}
	return work.Wait()
}

// recoverAtATime bounds how many trust domains a start looks at in parallel:
// each one waits for the bus several times.
const recoverAtATime = 8

func (r *Registry) recoverDomain(ctx context.Context, c Change) error {
	e, err := decodeEntry[hub.TrustDomain](c.Key, c.Value)
	if err != nil {
		return err
	}
	if e.Record == nil && e.Current.State == hub.StateDeleted {
		return nil // nothing of it changes any more
	}
	d, err := r.openStorage(ctx, c.Key)
	if err != nil {
		return err
	}
	if e.Record != nil {
		if _, err := r.domains.of(d).complete(ctx, c.Key, e, c.Revision); err != nil {
			return err
		}
	}
	return r.recoverSMs(ctx, d)
}

// recoverSMs completes every SM entry of a domain.
func (r *Registry) recoverSMs(ctx context.Context, d *domain) error {
	entries, err := d.sms.table.List(ctx)
	if err != nil {
		return err
	}
	for _, c := range entries {
		e, err := decodeEntry[hub.SecurityManager](c.Key, c.Value)
		if err == nil && e.Record != nil {
			created := e.Current == nil
			_, err = d.sms.complete(ctx, c.Key, e, c.Revision)
			if created && hub.CodeOf(err) == hub.NotFound {
				err = nil // the registration took itself back (see stillActive)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// storage returns the records and the entries of a trust domain, without its
// keys.
func (r *Registry) storage(ctx context.Context, name string) (*domain, error) {
	if name == HubDomain {
		return &domain{log: r.hubLog}, nil
	}
	r.mu.Lock()
	d := r.opened[name]
	r.mu.Unlock()
	if d != nil {
		return d, nil
	}
	d, err := r.openStorage(ctx, name)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if was := r.opened[name]; was != nil {
		return was, nil
	}
	r.opened[name] = d
	return d, nil
}

// open returns a trust domain with its keys. The key store is opened again at
// each call as long as that fails, so that a token which comes back is used.
func (r *Registry) open(ctx context.Context, name string) (*domain, error) {
	d, err := r.storage(ctx, name)
	if err != nil {
		return nil, err
	}
	t, known := r.Directory.Domain(name)
	if d.keys != nil || !known || t.State == hub.StateDeleted {
		return d, nil
	}
	keys, err := r.KeyStores.Open(ctx, name, t.KeyStore)
	d = &domain{log: d.log, sms: d.sms, keys: keys, err: err}
	if err != nil {
		d.keys = nil // an interface that holds nothing is not nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if was := r.opened[name]; was.keys != nil {
		return was, nil
	}
	r.opened[name] = d
	return d, nil
}

func (r *Registry) openStorage(ctx context.Context, name string) (*domain, error) {
	account, err := r.Accounts.Open(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("open the account of trust domain %s: %w", name, err)
	}
	log, err := account.Log(ctx, RecordLog)
	if err != nil {
		return nil, fmt.Errorf("open the records of trust domain %s: %w", name, err)
	}
	table, err := account.Table(ctx, smTable)
	if err != nil {
		return nil, fmt.Errorf("open the Security Managers of trust domain %s: %w", name, err)
	}
	return &domain{log: log, sms: cell[hub.SecurityManager]{table, log}}, nil
}

// active opens a trust domain that exists and is not being deleted. Any other
// name is hub.NotFound.
func (r *Registry) active(ctx context.Context, name string) (*hub.TrustDomain, *domain, error) {
	t, ok := r.Directory.Domain(name)
	if !ok || t.State != hub.StateActive {
		return nil, nil, hub.E(hub.NotFound, "find trust domain", fmt.Sprintf("there is no trust domain %q; list them with: manoward trust-domain list", name), nil)
	}
	d, err := r.open(ctx, name)
	return t, d, err
}

// issuer returns the CA of a trust domain with its key.
func (r *Registry) issuer(ctx context.Context, t *hub.TrustDomain, d *domain) (authority, error) {
	unavailable := func(err error) (authority, error) {
		return authority{}, hub.E(hub.Unavailable, "open the CA of trust domain "+t.Name, fmt.Sprintf("the keys of trust domain %s cannot be used: %s", t.Name, hub.SafeText(err)), err)
	}
	if d.keys == nil {
		return unavailable(d.err)
	}
	key, err := d.keys.Signer(ctx, intermediateLabel)
	if err != nil {
		return unavailable(err)
	}
	cert, err := decodeCert(t.Intermediate)
	if err != nil {
		return authority{}, err
	}
	return authority{cert: cert, key: key}, nil
}

// clientCA returns the CA that issues the credentials of one endpoint.
func (r *Registry) clientCA(ctx context.Context, t *hub.TrustDomain, d *domain, sm string, ep *hub.Endpoint) (authority, error) {
	above, err := r.issuer(ctx, t, d)
	if err != nil {
		return authority{}, err
	}
	key, err := d.keys.Signer(ctx, clientCALabel(sm, ep.Interface))
	if err != nil {
		return authority{}, hub.E(hub.Unavailable, "open client CA", fmt.Sprintf("the client CA of %s on %s cannot be used: %s", sm, ep.Interface, hub.SafeText(err)), err)
	}
	cert, err := decodeCert(ep.ClientCA)
	if err != nil {
		return authority{}, err
	}
	return authority{cert: cert, chain: []*x509.Certificate{above.cert}, key: key}, nil
}

// Check reports whether the keys of a trust domain can be used now.
func (r *Registry) Check(ctx context.Context, name string) error {
	_, d, err := r.active(ctx, name)
	if err != nil {
		return err
	}
	if d.keys == nil {
		return d.err
	}
	return d.keys.Check(ctx)
}

// record makes a record of now.
func (r *Registry) record(kind string, actor hub.Identity, subject string, data any) (hub.Record, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return hub.Record{}, fmt.Errorf("write %s record: %w", kind, err)
	}
	return hub.Record{
		ID: hub.NewID(), Kind: kind, Time: r.Now().UTC(),
		Actor: actor.String(), Subject: subject, Data: raw,
	}, nil
}

// serverName is the name of an SM's endpoint, to be sent as SNI.
func (r *Registry) serverName(domain, sm string, i hub.Interface) string {
	return strings.Join([]string{strings.ReplaceAll(string(i), ".", "-"), sm, domain, r.ServerNameSuffix}, ".")
}
