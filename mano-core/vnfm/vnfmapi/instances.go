package vnfmapi

import (
	"iter"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/mano-core/vnfm"
)

const whatVNF = "VNF instance"

// source turns stored entries into items of a list.
func source[T any](entries func(after string) iter.Seq2[state.Entry[T], error], show func(state.Entry[T]) any) httpapi.Source {
	return func(after string) iter.Seq2[httpapi.Item, error] {
		return func(yield func(httpapi.Item, error) bool) {
			for e, err := range entries(after) {
				item := httpapi.Item{}
				if err == nil {
					item = httpapi.Item{Key: e.ID, Value: show(e)}
				}
				if !yield(item, err) {
					return
				}
			}
		}
	}
}

func (a *API) listVNFs(w http.ResponseWriter, r *http.Request) error {
	who, err := a.permit(r, "vnf.query", "", "")
	if err != nil {
		return err
	}
	ids := a.indexed(r)
	if vnf := who.VNFInstance(); vnf != "" {
		ids = []string{vnf}
	}
	options := httpapi.ListOptions{
		ExcludeDefault: []string{"vnfConfigurableProperties", "vimConnectionInfo", "instantiatedVnfInfo", "metadata", "extensions"},
		Required:       []string{"_links"},
	}
	return httpapi.List(w, r, options, source(
		func(after string) iter.Seq2[state.Entry[vnfm.VNF], error] {
			return a.Service.VNFs(r.Context(), visible(who), ids, after)
		},
		func(e state.Entry[vnfm.VNF]) any { return shown(who, a.Service.Instance(e, root(r))) },
	))
}

func (a *API) createVNF(w http.ResponseWriter, r *http.Request) error {
	var in sol003.CreateVnfRequest
	decoded := httpapi.DecodeLenient(r, &in)
	domain, _ := in.Metadata[vnfm.MetaTrustDomain].(string)
	who, err := a.permit(r, "vnf.create", domain, in.VnfInstanceName)
	if err != nil {
		return err
	}
	if decoded != nil {
		return decoded
	}
	if set := in.Metadata[vnfm.MetaTrustDomain]; set != nil && domain == "" {
		return hub.E(hub.Invalid, "read request", "metadata/"+vnfm.MetaTrustDomain+" is not the name of a trust domain; send a string, or leave it out", nil)
	}
	if domain == "" {
		domain = who.TrustDomain
	}
	c, err := caller(r, who)
	if err != nil {
		return err
	}
	id, _, err := a.Service.Create(r.Context(), c, domain, in)
	if err != nil {
		return err
	}
	e, err := a.Service.VNFIn(r.Context(), domain, id)
	if err != nil {
		return err
	}
	return httpapi.Created(w, r, "/vnf_instances/"+id, a.Service.Instance(e, root(r)))
}

// find returns the VNF of the path if the caller may do the operation.
func (a *API) find(r *http.Request, operation string) (state.Entry[vnfm.VNF], hub.Identity, error) {
	e, found := a.Service.VNF(r.Context(), r.PathValue("id"))
	who, err := a.authorize(r, operation, whatVNF, e.Domain, found)
	if err == nil && !who.MayKnow(e.ID) {
		return e, who, a.another(r, operation, e.Domain, e.ID, whatVNF)
	}
	if err == nil && operation != "vnf.query" && operation != "configuration.query" {
		err = a.own(r, operation, e.Domain, e.ID, e.Value.CheckChange(who))
	}
	return e, who, err
}

// own passes on why another NFVO may not change what is not its own, after it had
// that recorded in the thing's trust domain as the attempt that it is: no row of
// the decision table allows the operation that is asked about then.
func (a *API) own(r *http.Request, operation, domain, id string, refusal error) error {
	if refusal != nil {
		if _, err := a.permit(r, operation+":of-another", domain, "vnf/"+id); err != nil && hub.CodeOf(err) != hub.Denied {
			return err
		}
	}
	return refusal
}

func (a *API) showVNF(w http.ResponseWriter, r *http.Request) error {
	e, who, err := a.find(r, "vnf.query")
	if err != nil {
		return err
	}
	view := shown(who, a.Service.Instance(e, root(r)))
	return httpapi.WriteEncoded(w, r, view)
}

// showConfiguration asks a VNF for its configuration, and says how far the one that is
// wanted is.
func (a *API) showConfiguration(w http.ResponseWriter, r *http.Request) error {
	e, _, err := a.find(r, "configuration.query")
	if err != nil {
		return err
	}
	view, err := a.Service.Configuration().Show(r.Context(), e.ID)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, view)
}

// checkMatch compares If-Match with what the instance is now.
func (a *API) checkMatch(r *http.Request, e state.Entry[vnfm.VNF]) error {
	tag, err := httpapi.ETag(a.Service.Instance(e, root(r)))
	if err != nil {
		return err
	}
	return httpapi.CheckMatch(r, tag)
}

func (a *API) modifyVNF(w http.ResponseWriter, r *http.Request) error {
	_, who, err := a.find(r, "vnf.modify")
	if err != nil {
		return err
	}
	c, err := caller(r, who)
	if err != nil {
		return err
	}
	patch, err := httpapi.DecodePatch(r)
	if err != nil {
		return err
	}
	op, err := a.Service.Modify(r.Context(), c, r.PathValue("id"), patch, func(e state.Entry[vnfm.VNF]) error { return a.checkMatch(r, e) })
	if err != nil {
		return err
	}
	return httpapi.Accepted(w, r, "/vnf_lcm_op_occs/"+op)
}

func (a *API) deleteVNF(w http.ResponseWriter, r *http.Request) error {
	e, _, err := a.find(r, "vnf.delete")
	if err != nil {
		return err
	}
	if err := a.checkMatch(r, e); err != nil {
		return err
	}
	if err := a.Service.Delete(r.Context(), e.ID); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}
