package trust

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/httpapi/oauth"
	"github.com/manoward/manoward/internal/hub"
)

// The scopes of tokens, one for each party. What a scope covers stands in the
// decision table under its party.
const (
	ScopeRead = "manoward.read" // of a reader
	ScopeOSS  = "manoward.oss"
	ScopeVNFM = "manoward.vnfm"
	ScopeEM   = "manoward.em"
	ScopeVNF  = "manoward.vnf"  // of a VNF, for itself
	ScopeNFVO = "manoward.nfvo" // of an NFVO that is not the hub's own
	ScopeNFVI = "manoward.nfvi" // of what reports of the infrastructure
	// ScopeAudit is of an auditor of Security Managers.
	ScopeAudit = "manoward.audit"
)

var scopeOf = map[hub.Kind]string{
	hub.KindClient: ScopeRead, hub.KindOSS: ScopeOSS, hub.KindVNFM: ScopeVNFM, hub.KindEM: ScopeEM,
	hub.KindVNF: ScopeVNF, hub.KindNFVO: ScopeNFVO, hub.KindNFVI: ScopeNFVI, hub.KindAuditor: ScopeAudit,
}

// oauthClient is what is kept of a client: its secret's hash, never the secret.
type oauthClient struct {
	Name        string    `json:"name"`
	Party       hub.Kind  `json:"party,omitempty"`       // absent in clients of the first version: a reader
	TrustDomain string    `json:"trustDomain,omitempty"` // absent there as well: the hub
	SecretHash  [32]byte  `json:"secretHash"`
	Created     time.Time `json:"created"`
	// Certificates are those in force, the newest last.
	Certificates []clientCertificate `json:"certificates,omitempty"`
}

// public returns what may be shown of the client.
func (c oauthClient) public() hub.OAuthClient {
	return hub.OAuthClient{Name: c.Name, Party: cmp.Or(c.Party, hub.KindClient), TrustDomain: cmp.Or(c.TrustDomain, HubDomain), Created: c.Created}
}

const opCreateClient = "create client"

// CreateClient registers an outside party that shows itself by OAuth 2.0 client
// credentials; of want its name, party (empty: a reader) and trust domain count.
// The secret is in the answer and nowhere else.
func (r *Registry) CreateClient(ctx context.Context, actor hub.Identity, want hub.OAuthClient) (*hub.OAuthClient, error) {
	c := oauthClient{Name: want.Name, Party: cmp.Or(want.Party, hub.KindClient), TrustDomain: want.TrustDomain, Created: r.Now().UTC()}
	if err := r.checkClient(ctx, &c); err != nil {
		return nil, err
	}
	secret := oauth.NewSecret()
	c.SecretHash = oauth.HashSecret(secret)
	made := c.public()
	err := r.changeHub(ctx, actor, RecordClientCreated, "client/"+c.Name, made, func(state *hubState) error {
		if slices.ContainsFunc(state.Clients, func(x oauthClient) bool { return x.Name == c.Name }) {
			return hub.E(hub.Conflict, opCreateClient, fmt.Sprintf("client %q exists already; delete it first to give it a new secret", c.Name), nil)
		}
		state.Clients = append(slices.Clone(state.Clients), c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	made.Secret = secret.Reveal()
	return &made, nil
}

// checkClient refuses what no client can be, and fills in the domain of a reader.
func (r *Registry) checkClient(ctx context.Context, c *oauthClient) error {
	if err := hub.CheckName("client", c.Name); err != nil {
		return err
	}
	if c.Name == FunctionName {
		return hub.E(hub.Invalid, opCreateClient, fmt.Sprintf("the name %q is that of the hub's own functions; choose another", c.Name), nil)
	}
	switch {
	case !slices.Contains(hub.ClientParties(), c.Party):
		return hub.E(hub.Invalid, opCreateClient, fmt.Sprintf("a client is a client (a reader), oss, vnfm, em, vnf, nfvo, nfvi or auditor, and not %q", clipTarget(string(c.Party))), nil)
	case c.Party == hub.KindClient && c.TrustDomain != "" && c.TrustDomain != HubDomain:
		return hub.E(hub.Invalid, opCreateClient, "a reader is bound to no trust domain: it reads the operators' API as well; leave the trust domain out", nil)
	case c.Party == hub.KindClient:
		c.TrustDomain = HubDomain
	case c.TrustDomain == "":
		return hub.E(hub.Invalid, opCreateClient, "name the trust domain that the client belongs to, or \"hub\" for all of them", nil)
	case c.Party == hub.KindNFVI && c.TrustDomain != HubDomain:
		return hub.E(hub.Invalid, opCreateClient, "an NFVI belongs to no trust domain, since a host may serve several; name \"hub\" instead of one", nil)
	case c.Party == hub.KindVNF && c.TrustDomain == HubDomain:
		return hub.E(hub.Invalid, opCreateClient, "a VNF belongs to one trust domain; name that of its VNF instance", nil)
	case c.Party == hub.KindVNF && !vnfInstanceID.MatchString(c.Name):
		return hub.E(hub.Invalid, opCreateClient, fmt.Sprintf("a VNF is named by its vnfInstanceId, and %q is none; read it with: manoward ns show NS-ID", c.Name), nil)
	}
	if c.TrustDomain == HubDomain {
		return nil
	}
	_, _, err := r.active(ctx, c.TrustDomain)
	return err
}

// vnfInstanceID is the form of the identifiers that the VNFM gives to VNF instances.
// Whether there is such an instance, in the client's trust domain, is for the VNFM to
// say at each request.
var vnfInstanceID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// DeleteClient takes a client away. Its tokens are refused from then on.
func (r *Registry) DeleteClient(ctx context.Context, actor hub.Identity, name string) error {
	return r.changeHub(ctx, actor, RecordClientDeleted, "client/"+name, map[string]string{}, func(state *hubState) error {
		kept := slices.DeleteFunc(slices.Clone(state.Clients), func(x oauthClient) bool { return x.Name == name })
		if len(kept) == len(state.Clients) {
			return noClient("delete client", name)
		}
		state.Clients = kept
		return nil
	})
}

// Clients lists the clients that are known here, without their secrets.
func (r *Registry) Clients() []hub.OAuthClient {
	list := []hub.OAuthClient{}
	state, err := r.known()
	if err != nil {
		return list
	}
	for _, c := range state.Clients {
		list = append(list, c.public())
	}
	return list
}

// Client finds a client for the token endpoint and for every check of a token.
// One whose trust domain was deleted is there no more, whatever is stored. In a
// process that has not heard of the hub's clients yet it is hub.Unavailable.
func (r *Registry) Client(_ context.Context, id string) (oauth.Client, error) {
	state, err := r.known()
	if err != nil {
		return oauth.Client{}, err
	}
	for _, c := range state.Clients {
		if who := c.public(); c.Name == id && r.Directory.keepsRecords(who.TrustDomain) {
			return oauth.Client{
				ID: id, SecretHash: c.SecretHash, Scopes: []string{scopeOf[who.Party]}, Identity: who.Identity(),
			}, nil
		}
	}
	return oauth.Client{}, hub.E(hub.NotFound, "find client", "there is no such client", nil)
}

// known returns what this process knows of the hub's own parties.
func (r *Registry) known() (*hubState, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.operators == nil {
		return nil, hub.E(hub.Unavailable, "read the hub's own parties", "this process has not heard of the hub's operators and clients yet; see that the trust role runs, and try again", nil)
	}
	return r.operators, nil
}

// changeHub applies one recorded change to the hub's own entry. fn is called
// again when another change came first.
func (r *Registry) changeHub(ctx context.Context, actor hub.Identity, kind, subject string, data any, fn func(*hubState) error) error {
	return retryStale(ctx, "change the hub's entry", func() error {
		current, revision, err := r.hub.get(ctx, hubKey)
		if err != nil {
			return err
		}
		next := *current
		if err := fn(&next); err != nil {
			return err
		}
		record, err := r.record(kind, actor, subject, data)
		if err != nil {
			return err
		}
		if _, err = r.hub.set(ctx, hubKey, current, &next, revision, record, nil); err != nil {
			return err
		}
		stored, revision, err := r.hub.get(context.WithoutCancel(ctx), hubKey)
		if err != nil {
			return err
		}
		r.learnHub(stored, revision)
		return nil
	})
}

// learnHub takes note of a state of the hub's own entry. Two changes may come
// here in another order than they were stored in; the newer one stays.
func (r *Registry) learnHub(state *hubState, revision uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if revision > r.operatorsAt {
		r.operators, r.operatorsAt = state, revision
	}
}

// FollowHub keeps what this process knows of operators and OAuth clients up to
// date with what other processes of the hub change, until ctx ends.
func (r *Registry) FollowHub(ctx context.Context) error {
	return r.hub.table.Watch(ctx, func(c Change) {
		if c.Key != hubKey || c.Deleted {
			return
		}
		e, err := decodeEntry[hubState](c.Key, c.Value)
		if err != nil {
			r.Log.Error("cannot read the hub's own entry", "err", err)
			return
		}
		if e.Current != nil {
			r.learnHub(e.Current, c.Revision)
		}
	})
}
