package trust

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/httpapi/oauth"
	"github.com/manoward/manoward/internal/hub"
)

// ScopeRead is the scope of all tokens: reading the operators' API. What it
// covers stands in the decision table under the party "client".
const ScopeRead = "manoward.read"

// oauthClient is what is kept of a client: its secret's hash, never the secret.
type oauthClient struct {
	Name       string    `json:"name"`
	SecretHash [32]byte  `json:"secretHash"`
	Created    time.Time `json:"created"`
}

// CreateClient registers a program that reads the operators' API with OAuth 2.0
// client credentials. The secret is in the answer and nowhere else.
func (r *Registry) CreateClient(ctx context.Context, actor hub.Identity, name string) (*hub.OAuthClient, error) {
	if err := hub.CheckName("client", name); err != nil {
		return nil, err
	}
	secret := oauth.NewSecret()
	c := oauthClient{Name: name, SecretHash: oauth.HashSecret(secret), Created: r.Now().UTC()}
	err := r.changeHub(ctx, actor, RecordClientCreated, "client/"+name, map[string]string{}, func(state *hubState) error {
		if slices.ContainsFunc(state.Clients, func(x oauthClient) bool { return x.Name == name }) {
			return hub.E(hub.Conflict, "create client", fmt.Sprintf("client %q exists already; delete it first to give it a new secret", name), nil)
		}
		state.Clients = append(slices.Clone(state.Clients), c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &hub.OAuthClient{Name: name, Created: c.Created, Secret: secret.Reveal()}, nil
}

// DeleteClient takes a client away. Its tokens are refused from then on.
func (r *Registry) DeleteClient(ctx context.Context, actor hub.Identity, name string) error {
	return r.changeHub(ctx, actor, RecordClientDeleted, "client/"+name, map[string]string{}, func(state *hubState) error {
		kept := slices.DeleteFunc(slices.Clone(state.Clients), func(x oauthClient) bool { return x.Name == name })
		if len(kept) == len(state.Clients) {
			return hub.E(hub.NotFound, "delete client", fmt.Sprintf("there is no client %q; list them with: manoward client list", name), nil)
		}
		state.Clients = kept
		return nil
	})
}

// Clients lists the clients, without their secrets.
func (r *Registry) Clients() []hub.OAuthClient {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []hub.OAuthClient{}
	for _, c := range r.operators.Clients {
		list = append(list, hub.OAuthClient{Name: c.Name, Created: c.Created})
	}
	return list
}

// Client finds a client for the token endpoint and for every check of a token.
func (r *Registry) Client(_ context.Context, id string) (oauth.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.operators.Clients {
		if c.Name == id {
			return oauth.Client{
				ID: id, SecretHash: c.SecretHash, Scopes: []string{ScopeRead},
				Identity: hub.Identity{TrustDomain: HubDomain, Kind: hub.KindClient, Name: id},
			}, nil
		}
	}
	return oauth.Client{}, hub.E(hub.NotFound, "find client", "there is no such client", nil)
}

// changeHub applies one recorded change to the hub's own entry. fn is called
// again when another change came first.
func (r *Registry) changeHub(ctx context.Context, actor hub.Identity, kind, subject string, data any, fn func(*hubState) error) error {
	return retryStale("change the hub's entry", func() error {
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
