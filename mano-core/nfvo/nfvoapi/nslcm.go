package nfvoapi

import (
	"context"
	"iter"
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/mano-core/nfvo"
)

const keyHeader = "Idempotency-Key"

// createNs finds the NSD first: the NS belongs to its trust domain. An attempt on
// an NSD of another domain is put to the port, which records it, and answers as
// if there were none.
func (a *API) createNs(w http.ResponseWriter, r *http.Request) error {
	var in sol005.CreateNsRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	caller, err := a.Authorize(r, "ns.create", "", "nsd/"+in.NsdID)
	if err != nil {
		return err
	}
	if nsd, err := a.NFVO.FindNSD(r.Context(), "hub", in.NsdID); err == nil && in.NsdID != "" {
		if _, own := a.NFVO.FindNSD(r.Context(), caller.TrustDomain, in.NsdID); own != nil || caller.TrustDomain == "hub" {
			if caller, err = a.authorizeOn(r, "ns.create", nsd.Domain, true, "nsd/"+in.NsdID, own); err != nil {
				return err
			}
		}
	}
	n, err := a.NFVO.CreateNs(r.Context(), caller, in, r.Header.Get(keyHeader))
	if err != nil {
		return err
	}
	return httpapi.Created(w, r, "/ns_instances/"+n.ID, withLinks(r, n))
}

// withLinks sets the links of an NS as it is shown to the caller.
func withLinks(r *http.Request, n *nfvo.NsInstance) *nfvo.NsInstance {
	self := httpapi.ResourceURI(r, "/ns_instances/"+n.ID)
	link := func(task string) *sol005.Link { return &sol005.Link{Href: self + "/" + task} }
	n.Links = sol005.NsInstanceLinks{Self: sol005.Link{Href: self}}
	if n.NsState == "NOT_INSTANTIATED" {
		n.Links.Instantiate = link("instantiate")
	} else {
		n.Links.Terminate, n.Links.Update, n.Links.Scale, n.Links.Heal = link("terminate"), link("update"), link("scale"), link("heal")
	}
	for _, id := range n.VnfSnapshotInfoIDs {
		n.Links.VnfSnapshotInfos = append(n.Links.VnfSnapshotInfos, sol005.Link{Href: httpapi.ResourceURI(r, "/vnf_snapshots/"+id)})
	}
	return n
}

// items turns a sequence of resources into a list's source.
func items[T any](seq iter.Seq2[T, error], id func(T) string, show func(T) any) iter.Seq2[httpapi.Item, error] {
	return func(yield func(httpapi.Item, error) bool) {
		for v, err := range seq {
			if err != nil {
				yield(httpapi.Item{}, err)
				return
			}
			if !yield(httpapi.Item{Key: id(v), Value: show(v)}, nil) {
				return
			}
		}
	}
}

// listParams are the query parameters of a list.
func listParams(r *http.Request) (httpapi.Query, error) {
	return httpapi.ParseQuery(r.URL.RawQuery, "filter", "all_fields", "fields", "exclude_fields", "exclude_default", "nextpage_opaque_marker")
}

// unasked says whether a list needs none of some attributes, neither for its answer
// nor for its filter. A query that cannot be read is for httpapi.List to refuse.
func unasked(r *http.Request, o httpapi.ListOptions, attributes ...string) bool {
	q, err := listParams(r)
	if err != nil {
		return false
	}
	selected, err := httpapi.ParseSelector(q, o.ExcludeDefault, o.Required)
	if err != nil {
		return false
	}
	var filter *httpapi.Filter
	if q.Has("filter") {
		if filter, err = httpapi.ParseFilter(q.Get("filter")); err != nil {
			return false
		}
	}
	return !slices.ContainsFunc(attributes, func(name string) bool { return !selected.LeavesOut(name) || filter.Names(name) })
}

func (a *API) listNs(w http.ResponseWriter, r *http.Request) error {
	caller, err := a.Authorize(r, "ns.query", "", "")
	if err != nil {
		return err
	}
	options := httpapi.ListOptions{
		// As the OpenAPI file lists them, by the names that the attributes have.
		ExcludeDefault: []string{"vnfInstance", "manoward.vnfs", "pnfInfo", "virtualLinkInfo", "vnffgInfo", "sapInfo", "nsScaleStatus", "additionalAffinityOrAntiAffinityRule", "wanConnectionInfo"},
		Required:       []string{"_links"},
	}
	want := wanted(r, "id", "nsInstanceName", "nsdId", "nsdInfoId", "vnfInstance/id", "vnfInstance/vnfdId", "vnfInstance/vnfPkgId")
	list := a.NFVO.Instances
	if unasked(r, options, "vnfInstance", "manoward.vnfs", "virtualLinkInfo") { // as by default
		list = a.NFVO.Outlines
	}
	return httpapi.List(w, r, options, func(after string) iter.Seq2[httpapi.Item, error] {
		return items(list(r.Context(), visible(caller), after, want...),
			func(n *nfvo.NsInstance) string { return n.ID }, func(n *nfvo.NsInstance) any { return withLinks(r, n) })
	})
}

func (a *API) showNs(w http.ResponseWriter, r *http.Request) error {
	_, id, err := a.onNs(r, "ns.query")
	if err != nil {
		return err
	}
	n, err := a.NFVO.Instance(r.Context(), id)
	if err != nil {
		return err
	}
	withLinks(r, n)
	return httpapi.WriteEncoded(w, r, n)
}

func (a *API) deleteNs(w http.ResponseWriter, r *http.Request) error {
	caller, id, err := a.onNs(r, "ns.delete")
	if err != nil {
		return err
	}
	n, err := a.NFVO.Instance(r.Context(), id)
	if err != nil {
		return err
	}
	tag, err := httpapi.ETag(withLinks(r, n))
	if err != nil {
		return err
	}
	if err := httpapi.CheckMatch(r, tag); err != nil {
		return err
	}
	if err := a.NFVO.DeleteNs(r.Context(), caller, id); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

// task is the handler of a task resource of an NS. Its operation may depend on what
// is asked for, so that the record of a refusal says it; who may not ask is told
// nothing of a body that cannot be read.
func task[T any](a *API, operation func(*T) string, start func(context.Context, nfvo.Order, T) (string, bool, error)) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		var in T
		malformed := httpapi.DecodeLenient(r, &in)
		caller, id, err := a.onNs(r, operation(&in))
		if err != nil {
			return err
		}
		if malformed != nil {
			return malformed
		}
		op, _, err := start(r.Context(), nfvo.Order{Actor: caller, IdempotencyKey: r.Header.Get(keyHeader), NsInstanceID: id}, in)
		if err != nil {
			return err
		}
		return httpapi.Accepted(w, r, "/ns_lcm_op_occs/"+op)
	}
}

func always[T any](operation string) func(*T) string {
	return func(*T) string { return operation }
}

// updateOperation names the update type as Sc-Or does: to end a VNF and to rename
// it are two attempts.
func updateOperation(in *sol005.UpdateNsRequest) string {
	const most = 80
	kind := in.UpdateType
	if kind == "" {
		return "ns.update"
	}
	if len(kind) > most {
		kind = kind[:most] + "…"
	}
	return "ns.update:" + kind
}

// withOpLinks sets the links of an operation: what can be done with it now.
func withOpLinks(r *http.Request, o *nfvo.OpOcc) *nfvo.OpOcc {
	self := httpapi.ResourceURI(r, "/ns_lcm_op_occs/"+o.ID)
	link := func(task string) *sol005.Link { return &sol005.Link{Href: self + "/" + task} }
	o.Links = sol005.NsLcmOpOccLinks{Self: sol005.Link{Href: self}, NsInstance: sol005.Link{Href: httpapi.ResourceURI(r, "/ns_instances/"+o.NsInstanceID)}}
	switch o.OperationState {
	case sol005.NsLcmOperationStateProcessing, sol005.NsLcmOperationStateRollingBack:
		o.Links.Cancel = link("cancel")
	case sol005.NsLcmOperationStateFailedTemp:
		o.Links.Retry, o.Links.Continue, o.Links.Fail = link("retry"), link("continue"), link("fail")
		if o.CanRollBack {
			o.Links.Rollback = link("rollback")
		}
	}
	return o
}

func (a *API) listOps(w http.ResponseWriter, r *http.Request) error {
	caller, err := a.Authorize(r, "op.query", "", "")
	if err != nil {
		return err
	}
	// exclude_default names these; without it an operation is shown whole.
	options := httpapi.ListOptions{Required: []string{"_links"}}
	if q, err := listParams(r); err == nil && q.Has("exclude_default") {
		options.ExcludeDefault = []string{"error", "resourceChanges", "lcmCoordinations", "warnings"}
	}
	want := append(since(r, "stateEnteredTime"), wanted(r, "id", "nsInstanceId", "operationState")...) // the last one counts: it leaves the fewest
	return httpapi.List(w, r, options, func(after string) iter.Seq2[httpapi.Item, error] {
		return items(a.NFVO.OpOccs(r.Context(), visible(caller), after, want...),
			func(o *nfvo.OpOcc) string { return o.ID }, func(o *nfvo.OpOcc) any { return withOpLinks(r, o) })
	})
}

func (a *API) showOp(w http.ResponseWriter, r *http.Request) error {
	_, id, err := a.onOp(r, "op.query")
	if err != nil {
		return err
	}
	o, err := a.NFVO.OpOcc(r.Context(), id)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, withOpLinks(r, o))
}

// steer is the handler of a task resource of an operation that takes no body.
func (a *API) steer(operation string, do func(context.Context, hub.Identity, string) error) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		caller, id, err := a.onOp(r, operation)
		if err != nil {
			return err
		}
		if err := noBody(r); err != nil {
			return err
		}
		if err := do(r.Context(), caller, id); err != nil {
			return err
		}
		return httpapi.Accepted(w, r, "/ns_lcm_op_occs/"+id)
	}
}

func (a *API) failOp(w http.ResponseWriter, r *http.Request) error {
	caller, id, err := a.onOp(r, "op.fail")
	if err != nil {
		return err
	}
	if err := noBody(r); err != nil {
		return err
	}
	o, err := a.NFVO.Fail(r.Context(), caller, id)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, withOpLinks(r, o))
}

func (a *API) cancelOp(w http.ResponseWriter, r *http.Request) error {
	caller, id, err := a.onOp(r, "op.cancel")
	if err != nil {
		return err
	}
	var in sol005.CancelMode
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	if err := a.NFVO.Cancel(r.Context(), caller, id, in.CancelMode); err != nil {
		return err
	}
	return httpapi.Accepted(w, r, "/ns_lcm_op_occs/"+id)
}
