package vnfmapi

import (
	"context"
	"iter"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/mano-core/vnfm"
)

const whatOp = "VNF LCM operation occurrence"

func (a *API) listOps(w http.ResponseWriter, r *http.Request) error {
	who, err := a.permit(r, "op.query", "", "")
	if err != nil {
		return err
	}
	vnf := required(r, "vnfInstanceId")
	if who.VNFInstance() != "" {
		vnf = who.VNFInstance()
	}
	options := httpapi.ListOptions{
		ExcludeDefault: []string{"operationParams", "error", "resourceChanges", "changedInfo", "changedExtConnectivity", "lcmCoordinations", "modificationsTriggeredByVnfPkgChange", "warnings"},
		Required:       []string{"_links"},
	}
	return httpapi.List(w, r, options, source(
		func(after string) iter.Seq2[state.Entry[vnfm.Operation], error] {
			return a.Service.Ops(r.Context(), visible(who), vnf, after)
		},
		func(e state.Entry[vnfm.Operation]) any { return occurrence(who, a.Service.Occurrence(e, root(r))) },
	))
}

// findOp returns the operation of the path if the caller may do this with it, and who
// that is.
func (a *API) findOp(r *http.Request, operation string) (state.Entry[vnfm.Operation], hub.Identity, error) {
	e, found := a.Service.Op(r.Context(), r.PathValue("id"))
	who, err := a.authorize(r, operation, whatOp, e.Domain, found)
	if err == nil && !who.MayKnow(e.Value.VNF) {
		return e, who, a.another(r, operation, e.Domain, e.Value.VNF, whatOp)
	}
	if err != nil || operation == "op.query" || !who.IsOutsideNFVO() {
		return e, who, err
	}
	v, err := a.Service.VNF(r.Context(), e.Value.VNF)
	if err != nil {
		return e, who, err
	}
	return e, who, a.own(r, operation, v.Domain, v.ID, v.Value.CheckChange(who))
}

func (a *API) showOp(w http.ResponseWriter, r *http.Request) error {
	e, who, err := a.findOp(r, "op.query")
	if err != nil {
		return err
	}
	view := occurrence(who, a.Service.Occurrence(e, root(r)))
	return httpapi.WriteEncoded(w, r, view)
}

// accepted answers 202 without a body: it is the operation of the path that goes on.
func (a *API) accepted(w http.ResponseWriter, r *http.Request, operation string, do func(context.Context, string) error) error {
	e, _, err := a.findOp(r, operation)
	if err != nil {
		return err
	}
	if err := do(r.Context(), e.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func (a *API) retry(w http.ResponseWriter, r *http.Request) error {
	return a.accepted(w, r, "op.retry", a.Service.Retry)
}

func (a *API) rollBack(w http.ResponseWriter, r *http.Request) error {
	return a.accepted(w, r, "op.rollback", a.Service.RollBack)
}

func (a *API) cancel(w http.ResponseWriter, r *http.Request) error {
	return a.accepted(w, r, "op.cancel", func(ctx context.Context, id string) error {
		var in sol003.CancelMode
		if err := httpapi.DecodeLenient(r, &in); err != nil {
			return err
		}
		return a.Service.Cancel(ctx, id, in.CancelMode)
	})
}

func (a *API) fail(w http.ResponseWriter, r *http.Request) error {
	e, _, err := a.findOp(r, "op.fail")
	if err != nil {
		return err
	}
	if e, err = a.Service.Fail(r.Context(), e.ID); err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, a.Service.Occurrence(e, root(r)))
}
