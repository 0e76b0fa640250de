package smgrapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/state"
)

// PolicyAPI names the nfvpolicy API in subscriptions.
const PolicyAPI = "nfvpolicy"

// The types of notifications, and what a PolicyChangeNotification is about.
const (
	policyChange   = "PolicyChangeNotification"
	policyConflict = "PolicyConflictNotification"

	changeCreate   = "CREATE_POLICY"
	changeTransfer = "TRANSFER_POLICY"
	changeDelete   = "DELETE_POLICY"
	changeModify   = "MODIFY_POLICY"
)

// Publisher is the outbox of notifications.
type Publisher interface {
	Publish(ctx context.Context, e notify.Event) error
}

// change is something that subscribers are told. It waits in the stored policy
// until the outbox has it, so that none is lost.
type change struct {
	Number        int            `json:"number"` // of the policy's changes, from 1; names the notification
	Type          string         `json:"type"`
	At            time.Time      `json:"at"`
	Version       string         `json:"version,omitempty"`
	Previous      string         `json:"previous,omitempty"` // that was selected before
	Modifications *modifications `json:"modifications,omitempty"`
	Object        string         `json:"object"` // URI of the policy
}

// termUntold finds policies with a change that nobody was told.
const termUntold = "untold"

// note adds a change, to be stored with what it tells.
func (m *Manager) note(r *http.Request, id string, p *resource, c change) {
	p.Changes++
	c.Number, c.At, c.Object = p.Changes, m.Now().UTC(), httpapi.ResourceURI(r, "/policies/"+id)
	p.Untold = append(slices.Clone(p.Untold), c)
}

// tell publishes what of a policy was not told, and removes one that was deleted.
func (m *Manager) tell(ctx context.Context, e state.Entry[resource]) error {
	for _, c := range e.Value.Untold {
		err := m.Publisher.Publish(ctx, notify.Event{
			ID:  hub.DeriveID("sol012", m.TrustDomain, m.Name, e.ID, strconv.Itoa(c.Number)),
			API: PolicyAPI, TrustDomain: m.TrustDomain, Key: e.ID,
			Render: func(s *notify.Subscription, id string) (any, bool) { return render(s, id, e.ID, c) },
		})
		if err != nil {
			return fmt.Errorf("tell of policy %s: %w", e.ID, err)
		}
	}
	var err error
	if e.Value.Deleted {
		err = m.resources.Delete(ctx, e.ID, nil)
	} else if e.Value.Untold != nil {
		e.Value.Untold = nil
		_, err = m.resources.Replace(ctx, e)
	}
	if code := hub.CodeOf(err); code == hub.NotFound || code == hub.Precondition {
		return nil // somebody else goes on with it, and may tell it again
	}
	return err
}

// Tell publishes the changes of policies that were stored and not told when a
// process ended. Call it at start and now and then.
func (m *Manager) Tell(ctx context.Context) error {
	for _, id := range m.resources.Find(termUntold) {
		e, err := m.resources.GetIn(ctx, m.TrustDomain, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err == nil {
			err = m.tell(ctx, e)
		}
		if err != nil {
			return fmt.Errorf("tell of changed policies: %w", err)
		}
	}
	return nil
}

// changeNotification is a PolicyChangeNotification (clause 5.6.2.7).
type changeNotification struct {
	ID               string         `json:"id"`
	NotificationType string         `json:"notificationType"`
	SubscriptionID   string         `json:"subscriptionId"`
	TimeStamp        string         `json:"timeStamp"`
	PolicyID         string         `json:"policyId"`
	AffectedVersion  string         `json:"affectedVersion,omitempty"`
	Previous         string         `json:"previousSelectedVersion,omitempty"`
	Modifications    *modifications `json:"policyModifications,omitempty"`
	ChangeType       string         `json:"changeType"`
	Links            struct {
		Subscription   link `json:"subscription"`
		ObjectInstance link `json:"objectInstance"`
	} `json:"_links"`
}

// changeFilter is a PolicyNotificationsFilter (clause 5.6.3.2).
type changeFilter struct {
	NotificationTypes []string `json:"notificationTypes,omitempty"`
	PolicyIDs         []string `json:"policyIds,omitempty"`
	ChangeTypes       []string `json:"changeTypes,omitempty"`
}

func render(s *notify.Subscription, id, policy string, c change) (any, bool) {
	if f := notify.FilterOf[changeFilter](s); f != nil {
		for _, m := range []struct {
			wanted []string
			is     string
		}{{f.NotificationTypes, policyChange}, {f.PolicyIDs, policy}, {f.ChangeTypes, c.Type}} {
			if len(m.wanted) > 0 && !slices.Contains(m.wanted, m.is) {
				return nil, false
			}
		}
	}
	n := changeNotification{
		ID: id, NotificationType: policyChange, SubscriptionID: s.ID, TimeStamp: c.At.Format(time.RFC3339Nano), PolicyID: policy,
		AffectedVersion: c.Version, Previous: c.Previous, Modifications: c.Modifications, ChangeType: c.Type,
	}
	n.Links.Subscription.Href, n.Links.ObjectInstance.Href = s.Self, c.Object
	return n, true
}

func (a *API) subscriptionRoutes(g *httpapi.Group) {
	(&notify.Resource{
		API: PolicyAPI, Store: a.Subscriptions, Authorize: a.Authorize, SeesAll: a.SeesAll,
		Decode: readSubscription, Show: showSubscription,
	}).Routes(g)
}

func readSubscription(r *http.Request) (notify.Input, error) {
	const op = "subscribe"
	var in struct {
		CallbackURI    string                          `json:"callbackUri"`
		Filter         *changeFilter                   `json:"filter"`
		Authentication *sol.SubscriptionAuthentication `json:"authentication"`
	}
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return notify.Input{}, err
	}
	out := notify.Input{CallbackURI: in.CallbackURI, Authentication: in.Authentication}
	if in.Filter == nil {
		return out, nil
	}
	out.Filter = in.Filter
	for _, t := range in.Filter.NotificationTypes {
		if t == policyConflict {
			return out, hub.E(hub.Unprocessable, op, "policies of one set do not conflict by themselves; what they ask for in one event may, which the decision shows: read the decisions with conflict=true", nil)
		}
		if t != policyChange {
			return out, hub.E(hub.Invalid, op, fmt.Sprintf("filter/notificationTypes: %.80q is no notification of this API", t), nil)
		}
	}
	for _, t := range in.Filter.ChangeTypes {
		if !slices.Contains([]string{changeCreate, changeTransfer, changeDelete, changeModify}, t) {
			return out, hub.E(hub.Invalid, op, fmt.Sprintf("filter/changeTypes: %.80q is no change of a policy", t), nil)
		}
	}
	return out, nil
}

func showSubscription(s *notify.Subscription) any {
	out := struct {
		ID          string        `json:"id"`
		Filter      *changeFilter `json:"filter,omitempty"`
		CallbackURI string        `json:"callbackUri"`
		Links       shownLinks    `json:"_links"`
	}{ID: s.ID, Filter: notify.FilterOf[changeFilter](s), CallbackURI: s.CallbackURI}
	out.Links.Self.Href = s.Self
	return out
}
