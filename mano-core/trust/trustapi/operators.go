package trustapi

import (
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

func (a *Admin) listOperators(w http.ResponseWriter, r *http.Request) error {
	return httpapi.List(w, r, httpapi.ListOptions{}, httpapi.SliceSource(a.Registry.Operators(), func(o hub.Operator) string { return o.Name }))
}

// createOperator signs a request that the new operator's key made.
func (a *Admin) createOperator(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name    string `json:"name"`
		Request string `json:"request"` // PKCS#10, PEM
	}
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	o, err := a.Registry.CreateOperator(r.Context(), httpapi.Caller(r.Context()), in.Name, in.Request)
	if err != nil {
		return err
	}
	return httpapi.Created(w, r, "/operators/"+o.Name, o)
}

func (a *Admin) deleteOperator(w http.ResponseWriter, r *http.Request) error {
	if err := a.Registry.DeleteOperator(r.Context(), httpapi.Caller(r.Context()), r.PathValue("operator")); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}
