package trustapi

import (
	"context"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// Renewer signs a new credential for the holder of one. It is the registry, or
// a way to it when it runs in another process.
type Renewer interface {
	Renew(ctx context.Context, caller hub.Identity, csr string) (*hub.Credential, error)
}

// Self serves what a Security Manager may ask about itself, on each of its
// endpoints: who it is there and what it may do, and a new credential.
type Self struct {
	Gate    *trust.Gate
	Renewer Renewer
}

// Authenticate tells the Security Manager of a request, as of now.
func (s *Self) Authenticate(r *http.Request) (hub.Identity, error) {
	caller, err := s.Gate.Caller(r)
	return caller.Identity, err
}

// Routes adds the resources to the mux of a gate.
func (s *Self) Routes(mux *httpapi.Mux) {
	g := mux.API(httpapi.API{Name: "manoward", Major: "v1", Versions: []httpapi.APIVersion{{Version: Version}}, VersionOptional: true})
	g.Handle("GET /session", s.session)
	g.Handle("POST /credentials", s.renew)
}

func (s *Self) session(w http.ResponseWriter, r *http.Request) error {
	c, err := s.authorize(r, trust.ReadSession)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, hub.Session{
		Identity: c.Identity.String(), TrustDomain: c.TrustDomain, Name: c.Name, Interface: c.Interface,
		Mode: c.Manager.Mode, Credential: *c.Credential,
		Operations: s.Gate.Decider.Allowed(c.Interface, c.Manager.Mode),
	})
}

func (s *Self) renew(w http.ResponseWriter, r *http.Request) error {
	c, err := s.authorize(r, trust.RenewCredential)
	if err != nil {
		return err
	}
	var in struct {
		Request string `json:"certificateSigningRequest"`
	}
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	cred, err := s.Renewer.Renew(r.Context(), c.Identity, in.Request)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusCreated, cred)
}

func (s *Self) authorize(r *http.Request, op trust.Operation) (trust.Caller, error) {
	return s.Gate.Authorize(r, op, "", trust.Target{TrustDomain: httpapi.Caller(r.Context()).TrustDomain})
}
