package trust

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

const (
	hubKey          = "hub" // key of the hub's own entry in hubTable
	operatorCALabel = "operator-ca"
	// operatorLifetime is long because a person holds the credential; what ends
	// it early is making a new one (see IssueOperator).
	operatorLifetime = 365 * 24 * time.Hour
)

// hubState is the hub's own certificate authority and its operators.
type hubState struct {
	Authority  hub.TrustDomain  `json:"authority"`
	OperatorCA string           `json:"operatorCa"` // PEM
	Operators  []hub.Credential `json:"operators"`
	Clients    []oauthClient    `json:"clients,omitempty"`
}

// EnsureHub loads the hub's own certificate authority and makes it at the first
// start.
func (r *Registry) EnsureHub(ctx context.Context) error {
	state, revision, err := r.hub.get(ctx, hubKey)
	if hub.CodeOf(err) == hub.NotFound {
		state, revision, err = r.newHub(ctx)
	}
	if err == nil {
		err = r.checkSuffix(&state.Authority)
	}
	if err != nil {
		return fmt.Errorf("open the hub's certificate authority: %w", err)
	}
	keys, err := r.KeyStores.Open(ctx, HubDomain, state.Authority.KeyStore)
	if err != nil {
		return fmt.Errorf("open the hub's keys: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.operators, r.operatorsAt = state, revision
	r.opened[HubDomain] = &domain{log: r.hubLog, keys: keys}
	return nil
}

// checkSuffix refuses another suffix of server names than the hub was made with:
// its CAs are constrained to that one, so whatever they signed under another
// name would be refused by every client.
func (r *Registry) checkSuffix(t *hub.TrustDomain) error {
	ca, err := decodeCert(t.Intermediate)
	if err != nil {
		return err
	}
	if want := t.Name + "." + r.ServerNameSuffix; !slices.Contains(ca.PermittedDNSDomains, want) {
		was := strings.TrimPrefix(strings.Join(ca.PermittedDNSDomains, " "), t.Name+".")
		return hub.E(hub.Invalid, "check server names", fmt.Sprintf("trust.serverNameSuffix is %q and this hub was made with %q; set it back: the certificates of its trust domains hold no other names", r.ServerNameSuffix, was), nil)
	}
	return nil
}

func (r *Registry) newHub(ctx context.Context) (*hubState, uint64, error) {
	t, err := r.newDomain(ctx, HubDomain)
	if err != nil {
		return nil, 0, err
	}
	keys, err := r.KeyStores.Open(ctx, HubDomain, t.KeyStore)
	if err != nil {
		return nil, 0, err
	}
	issuer, err := r.issuer(ctx, t, &domain{keys: keys})
	if err != nil {
		return nil, 0, err
	}
	key, err := caKey(ctx, keys, operatorCALabel)
	if err != nil {
		return nil, 0, err
	}
	cert, err := newClientCA("operators", HubDomain, AdminInterface, issuer, key.Public(), r.Now().UTC())
	if err != nil {
		return nil, 0, err
	}
	state := &hubState{Authority: *t, OperatorCA: encodeCerts(cert)}
	record, err := r.record(RecordHubAuthorityMade, hubItself(), "hub", state)
	if err != nil {
		return nil, 0, err
	}
	revision, err := r.hub.create(ctx, hubKey, state, record, nil)
	if err != nil {
		return nil, 0, err
	}
	return state, revision, nil
}

// hubCA returns the hub's state and its CA.
func (r *Registry) hubCA(ctx context.Context) (*hubState, *domain, authority, error) {
	r.mu.Lock()
	state, d := r.operators, r.opened[HubDomain]
	r.mu.Unlock()
	ca, err := r.issuer(ctx, &state.Authority, d)
	return state, d, ca, err
}

// HubRoot returns the root certificate, in PEM, under which the hub's own
// listeners, its functions and its operators are certified; "" in a process that
// has not heard of it yet.
func (r *Registry) HubRoot() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.operators == nil {
		return ""
	}
	return r.operators.Authority.Root
}

// OperatorCAs returns the CA that operators are certified by.
func (r *Registry) OperatorCAs() (*x509.CertPool, error) {
	r.mu.Lock()
	text := r.operators.OperatorCA
	r.mu.Unlock()
	cert, err := decodeCert(text)
	if err != nil {
		return nil, fmt.Errorf("read operator CA: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool, nil
}

// IssueOperator signs the credential of an operator and revokes every other of
// the same name, so that whoever holds the data directory can take a lost
// credential out of force by making a new one.
func (r *Registry) IssueOperator(ctx context.Context, name, csrText string) (*hub.Credential, error) {
	return r.issueOperator(ctx, operatorIdentity(name), name, csrText, func(*hubState) error { return nil })
}

// CreateOperator signs the credential of one more operator, who is a person of
// its own wherever two are asked for. csrText is PKCS#10 in PEM, for a key that
// no other operator has. The record names who made whom. A name that is taken is
// hub.Conflict: no operator takes another's place.
func (r *Registry) CreateOperator(ctx context.Context, actor hub.Identity, name, csrText string) (*hub.Operator, error) {
	const op = "create operator"
	if err := hub.CheckName("operator", name); err != nil {
		return nil, err
	}
	csr, err := parseCSR(csrText, operatorIdentity(name))
	if err != nil {
		return nil, err
	}
	hash := keyHash(csr.RawSubjectPublicKeyInfo)
	if r.Directory.KeyOwner(hash) != "" {
		return nil, hub.E(hub.Invalid, op, "the key is that of a Security Manager; make a new one", nil)
	}
	cred, err := r.issueOperator(ctx, actor, name, csrText, func(state *hubState) error {
		for _, c := range state.Operators {
			switch who, err := identityOf(c); {
			case err == nil && who.Name == name:
				return hub.E(hub.Conflict, op, fmt.Sprintf("there is an operator %q already; give another name, or delete that one first", name), nil)
			case c.KeyHash == hash:
				return hub.E(hub.Invalid, op, "the key is that of another operator; make a new one", nil)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	made := shownOperator(name, cred)
	made.Certificate = cred.Certificate
	return &made, nil
}

// DeleteOperator takes the credential of an operator out of force, at once. The
// last one cannot be deleted, nor an operator by itself: somebody else shall know.
func (r *Registry) DeleteOperator(ctx context.Context, actor hub.Identity, name string) error {
	const op = "delete operator"
	if actor == operatorIdentity(name) {
		return hub.E(hub.Conflict, op, "this is your own credential; another operator can take it away", nil)
	}
	return r.changeHub(ctx, actor, RecordOperatorDeleted, "operator/"+name, map[string]string{}, func(state *hubState) error {
		kept := slices.DeleteFunc(slices.Clone(state.Operators), func(c hub.Credential) bool {
			who, err := identityOf(c)
			return err == nil && who.Name == name
		})
		switch {
		case len(kept) == len(state.Operators):
			return hub.E(hub.NotFound, op, fmt.Sprintf("there is no operator %q; list them with: manoward operator list", clipTarget(name)), nil)
		case len(kept) == 0:
			return hub.E(hub.Conflict, op, "this is the only operator; create another one first", nil)
		}
		state.Operators = kept
		return nil
	})
}

// Operators lists the operators that are known here, by name.
func (r *Registry) Operators() []hub.Operator {
	list := []hub.Operator{}
	state, err := r.known()
	if err != nil {
		return list
	}
	for i := range state.Operators {
		if who, err := identityOf(state.Operators[i]); err == nil {
			list = append(list, shownOperator(who.Name, &state.Operators[i]))
		}
	}
	slices.SortFunc(list, func(a, b hub.Operator) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func shownOperator(name string, c *hub.Credential) hub.Operator {
	return hub.Operator{Name: name, Identity: operatorIdentity(name).String(), Fingerprint: c.Fingerprint, NotAfter: c.NotAfter}
}

func operatorIdentity(name string) hub.Identity {
	return hub.Identity{TrustDomain: HubDomain, Kind: hub.KindOperator, Name: name}
}

// issueOperator signs and stores the credential, if allowed does not refuse it.
func (r *Registry) issueOperator(ctx context.Context, actor hub.Identity, name, csrText string, allowed func(*hubState) error) (*hub.Credential, error) {
	id := operatorIdentity(name)
	csr, err := parseCSR(csrText, id)
	if err != nil {
		return nil, err
	}
	state, d, issuer, err := r.hubCA(ctx)
	if err != nil {
		return nil, err
	}
	key, err := d.keys.Signer(ctx, operatorCALabel)
	if err != nil {
		return nil, err
	}
	caCert, err := decodeCert(state.OperatorCA)
	if err != nil {
		return nil, err
	}
	ca := authority{cert: caCert, chain: []*x509.Certificate{issuer.cert}, key: key}
	leaf, err := newClientCert(id, ca, csr.PublicKey, r.Now().UTC(), operatorLifetime)
	if err != nil {
		return nil, err
	}
	cred := newCredential(leaf, ca)
	err = r.changeHub(ctx, actor, RecordOperatorSigned, "operator/"+name, cred, func(state *hubState) error {
		if err := allowed(state); err != nil {
			return err
		}
		others := slices.DeleteFunc(slices.Clone(state.Operators), func(c hub.Credential) bool {
			who, err := identityOf(c)
			return err != nil || who.Name == name
		})
		state.Operators = append(others, cred)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &cred, nil
}

// Operator says which operator a certificate of an established connection
// belongs to. The certificate must have been verified under [Registry.OperatorCAs].
func (r *Registry) Operator(leaf *x509.Certificate) (hub.Identity, error) {
	state, err := r.known()
	if err != nil {
		return hub.Identity{}, err
	}
	known := state.Operators
	print := fingerprint(leaf)
	for i := range known {
		if known[i].Fingerprint != print {
			continue
		}
		if why := known[i].Usable(r.Now()); why != "" {
			return hub.Identity{}, hub.E(hub.Unauthenticated, "check operator", "the operator's credential is "+why, nil)
		}
		return identityOf(known[i])
	}
	return hub.Identity{}, hub.E(hub.Unauthenticated, "check operator", "this operator's credential is not in force; use the context file of the newest one", nil)
}

// isOperatorKey reports whether a key is an operator's.
func (r *Registry) isOperatorKey(hash string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.operators.Operators, func(c hub.Credential) bool { return c.KeyHash == hash })
}

// OperatorExpiry returns when the named operator's credential ends; the zero
// time if there is none.
func (r *Registry) OperatorExpiry(name string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.operators.Operators {
		if who, err := identityOf(c); err == nil && who.Name == name {
			return c.NotAfter
		}
	}
	return time.Time{}
}

func identityOf(c hub.Credential) (hub.Identity, error) {
	cert, err := decodeCert(c.Certificate)
	if err != nil {
		return hub.Identity{}, err
	}
	return certIdentity(cert)
}

// certIdentity reads the identity in a certificate: its only URI name.
func certIdentity(cert *x509.Certificate) (hub.Identity, error) {
	if len(cert.URIs) != 1 {
		return hub.Identity{}, fmt.Errorf("the certificate has %d URI names; an identity is exactly one", len(cert.URIs))
	}
	return hub.ParseIdentity(cert.URIs[0].String())
}

// SignAdmin signs the certificate of the hub's own listener, for a key that the
// listener made.
func (r *Registry) SignAdmin(ctx context.Context, names []string, ips []net.IP, csr []byte) ([][]byte, error) {
	_, _, ca, err := r.hubCA(ctx)
	if err != nil {
		return nil, err
	}
	return r.signServer(ctx, r.hubLog, ca, serverCert{subject: "hub", names: names, ips: ips}, csr)
}
