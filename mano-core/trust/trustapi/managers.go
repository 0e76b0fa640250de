package trustapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

func (a *Admin) listManagers(w http.ResponseWriter, r *http.Request) error {
	sms := a.Registry.Directory.SecurityManagers("")
	views := make([]*hub.SecurityManager, 0, len(sms))
	for _, sm := range sms {
		views = append(views, a.view(sm))
	}
	return httpapi.List(w, r, httpapi.ListOptions{}, httpapi.SliceSource(views, func(sm *hub.SecurityManager) string {
		return sm.TrustDomain + "/" + sm.Name
	}))
}

// view adds to a copy of an SM where its endpoints are reached.
func (a *Admin) view(sm *hub.SecurityManager) *hub.SecurityManager {
	c := *sm
	c.Endpoints = make([]hub.Endpoint, len(sm.Endpoints))
	for i, ep := range sm.Endpoints {
		ep.URL = a.URL(ep.Interface.ReferencePoint())
		c.Endpoints[i] = ep
	}
	return &c
}

// find returns the SM of the path. Its entity tag covers what an operator can
// change, so that two who change at a time do not undo each other.
func (a *Admin) find(r *http.Request) (*hub.SecurityManager, error) {
	sm, ok := a.Registry.Directory.SecurityManager(r.PathValue("domain"), r.PathValue("sm"))
	if !ok {
		return nil, hub.E(hub.NotFound, "find Security Manager", "trust domain "+clip(r.PathValue("domain"))+" has no Security Manager "+clip(r.PathValue("sm"))+"; list them with: manoward sm list", nil)
	}
	return sm, nil
}

func (a *Admin) showManager(w http.ResponseWriter, r *http.Request) error {
	sm, err := a.find(r)
	if err != nil {
		return err
	}
	return writeTagged(w, r, a.view(sm))
}

func (a *Admin) register(w http.ResponseWriter, r *http.Request) error {
	var in hub.Registration
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	sm, err := a.Registry.Register(r.Context(), httpapi.Caller(r.Context()), r.PathValue("domain"), in)
	if err != nil {
		return err
	}
	return httpapi.Created(w, r, "/trust_domains/"+sm.TrustDomain+"/security_managers/"+sm.Name, a.view(sm))
}

func (a *Admin) setMode(w http.ResponseWriter, r *http.Request) error {
	sm, err := a.find(r)
	if err != nil {
		return err
	}
	patch, err := httpapi.DecodePatch(r)
	if err != nil {
		return err
	}
	next, err := httpapi.ApplyPatch(struct {
		Mode hub.Mode `json:"mode"`
	}{sm.Mode}, patch, httpapi.PatchRules{Allowed: []string{"mode"}})
	if err != nil {
		return err
	}
	sm, err = a.Registry.SetMode(r.Context(), httpapi.Caller(r.Context()), sm.TrustDomain, sm.Name, next.Mode, func(now *hub.SecurityManager) error { return a.checkMatch(r, now) })
	return a.changed(w, sm, err)
}

func (a *Admin) checkMatch(r *http.Request, sm *hub.SecurityManager) error {
	tag, err := httpapi.ETag(a.view(sm))
	if err != nil {
		return err
	}
	return httpapi.CheckMatch(r, tag)
}

func (a *Admin) rotate(w http.ResponseWriter, r *http.Request) error {
	var in hub.Rotation
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	sm, err := a.Registry.Rotate(r.Context(), httpapi.Caller(r.Context()), r.PathValue("domain"), r.PathValue("sm"), in)
	return a.changed(w, sm, err)
}

func (a *Admin) revoke(w http.ResponseWriter, r *http.Request) error {
	var in hub.Revocation
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	sm, err := a.Registry.Revoke(r.Context(), httpapi.Caller(r.Context()), r.PathValue("domain"), r.PathValue("sm"), in)
	if err == nil && sm.State == hub.StateRevoked {
		err = a.RevokeBusUsers(r.Context(), sm)
	}
	return a.changed(w, sm, err)
}

// RevokeBusUsers ends the bus credentials of a Security Manager that is revoked.
// Until it has succeeded it is to be called again; it may be called too often.
func (a *Admin) RevokeBusUsers(ctx context.Context, sm *hub.SecurityManager) error {
	for _, key := range sm.BusUsers {
		if err := a.Bus.RevokeBusUser(ctx, sm.TrustDomain, key); err != nil {
			return hub.E(hub.CodeOf(err), "revoke bus credential", fmt.Sprintf("Security Manager %s is revoked, but its credentials for the bus could not be: %s; run the same command again", sm.Name, hub.SafeText(err)), err)
		}
	}
	return nil
}

// changed answers with what an SM is after a change.
func (a *Admin) changed(w http.ResponseWriter, sm *hub.SecurityManager, err error) error {
	if err != nil {
		return err
	}
	view := a.view(sm)
	tag, err := httpapi.ETag(view)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", tag)
	return httpapi.Write(w, http.StatusOK, view)
}

func (a *Admin) signBusUser(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		PublicKey string `json:"publicKey"` // of an nkey of type user
	}
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	sm, err := a.find(r)
	if err != nil {
		return err
	}
	if sm.State != hub.StateActive {
		return hub.E(hub.Conflict, "sign bus credential", "Security Manager "+sm.Name+" is revoked", nil)
	}
	jwt, err := a.Bus.SignBusUser(r.Context(), sm.TrustDomain, sm.Name, in.PublicKey)
	if err != nil {
		return err
	}
	// Recorded before it is handed out: what somebody holds is known and can end.
	if err := a.Registry.RecordBusCredential(r.Context(), httpapi.Caller(r.Context()), sm.TrustDomain, sm.Name, in.PublicKey); err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusCreated, map[string]string{"jwt": jwt})
}

func (a *Admin) listRecords(w http.ResponseWriter, r *http.Request) error {
	domain := r.PathValue("domain")
	if _, ok := a.Registry.Directory.Domain(domain); !ok && domain != trust.HubDomain {
		return noDomain(r)
	}
	return httpapi.List(w, r, httpapi.ListOptions{}, recordSource(r.Context(), a.Registry, domain))
}
