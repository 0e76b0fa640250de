package nfvoapi

import (
	"iter"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

func (a *API) onSnapshot(r *http.Request, operation string) (hub.Identity, string, error) {
	id := r.PathValue("id")
	domain, there := a.NFVO.SnapshotDomain(id)
	caller, err := a.authorizeOn(r, operation, domain, there, "vnf-snapshot/"+id, notFound("VNF snapshot", "/vnf_snapshots"))
	return caller, id, err
}

func withSnapshotLink(r *http.Request, s *sol005.VnfSnapshotInfo) *sol005.VnfSnapshotInfo {
	s.Links = &sol005.SelfLinks{Self: sol005.Link{Href: httpapi.ResourceURI(r, "/vnf_snapshots/"+s.ID)}}
	return s
}

func (a *API) listSnapshots(w http.ResponseWriter, r *http.Request) error {
	caller, err := a.Authorize(r, "vnf-snapshot.query", "", "")
	if err != nil {
		return err
	}
	options := httpapi.ListOptions{ExcludeDefault: []string{"vnfSnapshot/vnfInstance", "vnfSnapshot/vnfcSnapshots"}, Required: []string{"_links"}}
	return httpapi.List(w, r, options, func(after string) iter.Seq2[httpapi.Item, error] {
		return items(a.NFVO.Snapshots(r.Context(), visible(caller), after),
			func(s *sol005.VnfSnapshotInfo) string { return s.ID }, func(s *sol005.VnfSnapshotInfo) any { return withSnapshotLink(r, s) })
	})
}

func (a *API) showSnapshot(w http.ResponseWriter, r *http.Request) error {
	_, id, err := a.onSnapshot(r, "vnf-snapshot.query")
	if err != nil {
		return err
	}
	s, err := a.NFVO.Snapshot(r.Context(), id)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, withSnapshotLink(r, s))
}

func (a *API) deleteSnapshot(w http.ResponseWriter, r *http.Request) error {
	caller, id, err := a.onSnapshot(r, "vnf-snapshot.delete")
	if err != nil {
		return err
	}
	if err := a.NFVO.DeleteSnapshot(r.Context(), caller, id); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}
