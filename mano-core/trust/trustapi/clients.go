package trustapi

import (
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

func (a *Admin) listClients(w http.ResponseWriter, r *http.Request) error {
	return httpapi.List(w, r, httpapi.ListOptions{}, httpapi.SliceSource(a.Registry.Clients(), func(c hub.OAuthClient) string { return c.Name }))
}

func (a *Admin) createClient(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name        string   `json:"name"`
		Party       hub.Kind `json:"party"`       // absent: a reader
		TrustDomain string   `json:"trustDomain"` // "hub": all of them
	}
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	c, err := a.Registry.CreateClient(r.Context(), httpapi.Caller(r.Context()), hub.OAuthClient{Name: in.Name, Party: in.Party, TrustDomain: in.TrustDomain})
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store") // the answer holds the secret
	return httpapi.Created(w, r, "/oauth_clients/"+c.Name, c)
}

func (a *Admin) deleteClient(w http.ResponseWriter, r *http.Request) error {
	if err := a.Registry.DeleteClient(r.Context(), httpapi.Caller(r.Context()), r.PathValue("client")); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

// certifyClient signs a certificate for a key that the client has, with which it
// shows itself on Cm-Vnfm.
func (a *Admin) certifyClient(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Request string `json:"request"` // PKCS#10, PEM
	}
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	made, err := a.Registry.CertifyClient(r.Context(), httpapi.Caller(r.Context()), r.PathValue("client"), in.Request)
	if err != nil {
		return err
	}
	if a.URL != nil {
		made.URL = a.URL(hub.CmVnfm)
	}
	return httpapi.Write(w, http.StatusCreated, made)
}
