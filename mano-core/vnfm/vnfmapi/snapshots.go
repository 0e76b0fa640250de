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

const whatSnapshot = "VNF snapshot"

func (a *API) listSnapshots(w http.ResponseWriter, r *http.Request) error {
	who, err := a.permit(r, "vnf-snapshot.query", "", "")
	if err != nil {
		return err
	}
	options := httpapi.ListOptions{ExcludeDefault: []string{"vnfSnapshot/vnfInstance", "vnfSnapshot/vnfcSnapshots"}, Required: []string{"_links"}}
	return httpapi.List(w, r, options, source(
		func(after string) iter.Seq2[state.Entry[vnfm.Snapshot], error] {
			return a.Service.Snapshots(r.Context(), visible(who), after)
		},
		func(e state.Entry[vnfm.Snapshot]) any { return a.Service.SnapshotInfo(e, root(r)) },
	))
}

// createSnapshotInfo makes an empty snapshot. The hub's own and hub-wide consumers
// may say whose it is to be (manoward.trustDomain); without that it becomes the
// VNF's when it is taken.
func (a *API) createSnapshotInfo(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		sol003.CreateVnfSnapshotInfoRequest
		TrustDomain string `json:"manoward.trustDomain"`
	}
	decoded := httpapi.DecodeLenient(r, &in)
	who, err := a.permit(r, "vnf-snapshot.create", in.TrustDomain, "")
	if err != nil {
		return err
	}
	if decoded != nil {
		return decoded
	}
	domain := in.TrustDomain
	if domain == "" {
		domain = who.TrustDomain
	}
	c, err := caller(r, who)
	if err != nil {
		return err
	}
	id, _, err := a.Service.CreateSnapshotInfo(r.Context(), c, domain, in.CreateVnfSnapshotInfoRequest)
	if err != nil {
		return err
	}
	e, err := a.Service.SnapshotIn(r.Context(), domain, id)
	if err != nil {
		return err
	}
	return httpapi.Created(w, r, "/vnf_snapshots/"+id, a.Service.SnapshotInfo(e, root(r)))
}

func (a *API) findSnapshot(r *http.Request, operation string) (state.Entry[vnfm.Snapshot], error) {
	e, found := a.Service.Snapshot(r.Context(), r.PathValue("id"))
	who, err := a.authorize(r, operation, whatSnapshot, e.Domain, found)
	if err == nil && operation != "vnf-snapshot.query" {
		err = a.own(r, operation, e.Domain, e.ID, e.Value.CheckChange(who))
	}
	return e, err
}

func (a *API) showSnapshot(w http.ResponseWriter, r *http.Request) error {
	e, err := a.findSnapshot(r, "vnf-snapshot.query")
	if err != nil {
		return err
	}
	return httpapi.WriteTagged(w, r, httpapi.RevisionETag(e.Revision), a.Service.SnapshotInfo(e, root(r)))
}

func (a *API) modifySnapshot(w http.ResponseWriter, r *http.Request) error {
	e, err := a.findSnapshot(r, "vnf-snapshot.modify")
	if err != nil {
		return err
	}
	patch, err := httpapi.DecodePatch(r)
	if err != nil {
		return err
	}
	changed, err := httpapi.ApplyPatch(sol003.VnfSnapshotInfoModifications{VnfSnapshotPkgID: e.Value.PkgID}, patch, httpapi.PatchRules{Allowed: []string{"vnfSnapshotPkgId"}})
	if err != nil {
		return err
	}
	err = a.Service.ModifySnapshotInfo(r.Context(), e.ID, changed.VnfSnapshotPkgID, func(now state.Entry[vnfm.Snapshot]) error {
		return httpapi.CheckMatch(r, httpapi.RevisionETag(now.Revision))
	})
	if hub.CodeOf(err) == hub.Precondition && r.Header.Get("If-Match") == "" {
		err = hub.E(hub.Conflict, "modify VNF snapshot", "the VNF snapshot was changed at the same time; send the request again", err)
	}
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, changed)
}

func (a *API) deleteSnapshot(w http.ResponseWriter, r *http.Request) error {
	e, err := a.findSnapshot(r, "vnf-snapshot.delete")
	if err != nil {
		return err
	}
	if err := httpapi.CheckMatch(r, httpapi.RevisionETag(e.Revision)); err != nil {
		return err
	}
	if err := a.Service.DeleteSnapshotInfo(r.Context(), e.ID); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

func (a *API) showStateSnapshot(_ http.ResponseWriter, r *http.Request) error {
	e, err := a.findSnapshot(r, "vnf-snapshot.query")
	if err != nil {
		return err
	}
	return a.Service.StateSnapshot(e)
}
