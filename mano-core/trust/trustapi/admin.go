// Package trustapi is the REST binding of the trust registry: the operators'
// resources, on the admin listener, and the few resources that a Security
// Manager has about itself, on each of its endpoints. Both live under
// /manoward/v1/, because no ETSI specification defines them.
package trustapi

import (
	"context"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/mano-core/trust"
)

// Version is the version of the /manoward/v1 API.
const Version = "1.0.0"

// BusCredentials signs credentials for the bus, by which the processes of a
// Security Manager reach the account of their trust domain and no other.
type BusCredentials interface {
	// SignBusUser returns a user JWT for a public nkey. hub.Conflict when the
	// bus cannot be reached from outside of this process.
	SignBusUser(ctx context.Context, domain, name, publicKey string) (jwt string, err error)
	// RevokeBusUser ends every credential of a public nkey and disconnects its
	// holder. Revoking again is no error.
	RevokeBusUser(ctx context.Context, domain, publicKey string) error
}

// Admin serves the operators' resources.
type Admin struct {
	Registry *trust.Registry
	Decider  *trust.Decider
	Bus      BusCredentials
	// URL returns where a reference point is reached; "" when nobody serves it.
	URL func(hub.ReferencePoint) string
	// Points lists where the reference points are reached that somebody serves.
	Points func() []hub.PointAddress
	// Journal opens the journal of a trust domain, or of the hub itself.
	Journal func(ctx context.Context, domain string) (journal.Source, error)
	// Journals opens it and those that it took the place of, the newest first.
	Journals func(ctx context.Context, domain string) ([]journal.Source, error)
	// Reseal begins the records and the journal of a trust domain anew after damage,
	// with what is lost given up by who asks, for a reason.
	Reseal func(ctx context.Context, who hub.Identity, domain, reason string) (journal.Resealed, error)
}

// Routes adds the resources to a mux whose Authenticate tells operators.
func (a *Admin) Routes(mux *httpapi.Mux) {
	g := mux.API(httpapi.API{Name: "manoward", Major: "v1", Versions: []httpapi.APIVersion{{Version: Version}}, VersionOptional: true})
	handle := func(pattern string, op trust.Operation, h httpapi.Handler, options ...httpapi.RouteOption) {
		g.Handle(pattern, func(w http.ResponseWriter, r *http.Request) error {
			if err := a.authorize(r, op); err != nil {
				return err
			}
			return h(w, r)
		}, options...)
	}
	handle("GET /trust_domains", "trust-domain.read", a.listDomains)
	handle("POST /trust_domains", "trust-domain.create", a.createDomain)
	handle("GET /trust_domains/{domain}", "trust-domain.read", a.showDomain)
	handle("DELETE /trust_domains/{domain}", "trust-domain.delete", a.deleteDomain)
	handle("GET /trust_domains/{domain}/records", "record.read", a.listRecords)
	handle("GET /trust_domains/{domain}/journal", "record.read", a.showJournal)
	handle("GET /trust_domains/{domain}/journal/evidence", "record.read", a.exportEvidence, httpapi.Produces(typeTar))
	handle("POST /trust_domains/{domain}/journal/reseal", "journal.reseal", a.resealJournal)
	handle("POST /trust_domains/{domain}/notes", "record.note", a.note)
	handle("GET /security_managers", "security-manager.read", a.listManagers)
	handle("POST /trust_domains/{domain}/security_managers", "security-manager.register", a.register)
	handle("GET /trust_domains/{domain}/security_managers/{sm}", "security-manager.read", a.showManager)
	handle("PATCH /trust_domains/{domain}/security_managers/{sm}", "security-manager.set-mode", a.setMode)
	handle("POST /trust_domains/{domain}/security_managers/{sm}/rotate", "security-manager.rotate", a.rotate)
	handle("POST /trust_domains/{domain}/security_managers/{sm}/revoke", "security-manager.revoke", a.revoke)
	handle("POST /trust_domains/{domain}/security_managers/{sm}/bus_credentials", "bus-credential.issue", a.signBusUser)
	handle("GET /reference_points", "reference-point.read", a.listPoints)
	handle("GET /trust_matrix", "matrix.read", a.matrix)
	handle("GET /oauth_clients", "oauth-client.read", a.listClients)
	handle("POST /oauth_clients", "oauth-client.create", a.createClient)
	handle("POST /oauth_clients/{client}/certificates", "oauth-client.certify", a.certifyClient)
	handle("DELETE /oauth_clients/{client}", "oauth-client.delete", a.deleteClient)
	handle("GET /operators", "operator.read", a.listOperators)
	handle("POST /operators", "operator.create", a.createOperator)
	handle("DELETE /operators/{operator}", "operator.delete", a.deleteOperator)
}

// authorize asks the decision table. The operator's entrance has no other
// domains, so the target is the operator's own view of all of them.
func (a *Admin) authorize(r *http.Request, op trust.Operation) error {
	caller := httpapi.Caller(r.Context())
	v := a.Decider.Decide(trust.Question{Caller: caller, Interface: trust.AdminInterface, Operation: op, TargetDomain: caller.TrustDomain})
	if v.Allowed {
		return nil
	}
	return hub.E(v.Code, string(op), v.Reason, nil)
}

func (a *Admin) listDomains(w http.ResponseWriter, r *http.Request) error {
	return httpapi.List(w, r, httpapi.ListOptions{}, httpapi.SliceSource(a.Registry.Directory.Domains(), func(t *hub.TrustDomain) string { return t.Name }))
}

func (a *Admin) createDomain(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name string `json:"name"`
	}
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	t, err := a.Registry.CreateDomain(r.Context(), httpapi.Caller(r.Context()), in.Name)
	if err != nil {
		return err
	}
	return httpapi.Created(w, r, "/trust_domains/"+t.Name, t)
}

func (a *Admin) showDomain(w http.ResponseWriter, r *http.Request) error {
	t, ok := a.Registry.Directory.Domain(r.PathValue("domain"))
	if !ok {
		return noDomain(r)
	}
	return writeTagged(w, r, t)
}

func noDomain(r *http.Request) error {
	return hub.E(hub.NotFound, "find trust domain", "there is no trust domain "+clip(r.PathValue("domain"))+"; list them with: manoward trust-domain list", nil)
}

func (a *Admin) deleteDomain(w http.ResponseWriter, r *http.Request) error {
	remove := a.Registry.DeleteDomain
	if r.URL.Query().Get("discard") == "true" {
		remove = a.Registry.DiscardDomain
	}
	if err := remove(r.Context(), httpapi.Caller(r.Context()), r.PathValue("domain")); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

func (a *Admin) note(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	}
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	id, err := a.Registry.Note(r.Context(), httpapi.Caller(r.Context()), r.PathValue("domain"), in.ID, in.Text)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusCreated, map[string]string{"id": id})
}

// listPoints answers with all of the few there are.
func (a *Admin) listPoints(w http.ResponseWriter, r *http.Request) error {
	return httpapi.Write(w, http.StatusOK, a.Points())
}

func (a *Admin) matrix(w http.ResponseWriter, r *http.Request) error {
	return httpapi.Write(w, http.StatusOK, trust.Rules())
}

func writeTagged(w http.ResponseWriter, r *http.Request, v any) error {
	tag, err := httpapi.ETag(v)
	if err != nil {
		return err
	}
	return httpapi.WriteTagged(w, r, tag, v)
}

// clip keeps hostile path segments out of answers at full length.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
