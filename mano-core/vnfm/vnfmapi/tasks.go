package vnfmapi

import (
	"context"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/mano-core/vnfm"
)

// tasks adds the task resources of a VNF instance (SOL 003 clauses 5.4.4 to
// 5.4.11a, 5.4.21 and 5.4.22).
func (a *API) tasks(g *httpapi.Group) {
	s := a.Service
	task(a, g, "instantiate", "vnf.instantiate", s.Instantiate)
	task(a, g, "scale", "vnf.scale", s.Scale)
	task(a, g, "scale_to_level", "vnf.scale", s.ScaleToLevel)
	task(a, g, "change_flavour", "vnf.change-flavour", s.ChangeFlavour)
	task(a, g, "terminate", "vnf.terminate", s.Terminate)
	task(a, g, "heal", "vnf.heal", s.Heal)
	task(a, g, "operate", "vnf.operate", s.Operate)
	task(a, g, "change_ext_conn", "vnf.change-ext-conn", s.ChangeExtConn)
	task(a, g, "change_vnfpkg", "vnf.change-vnfpkg", s.ChangePackage)
	task(a, g, "create_snapshot", "vnf.snapshot", s.CreateSnapshot, a.mayFill)
	task(a, g, "revert_to_snapshot", "vnf.revert", s.RevertToSnapshot)
}

// mayFill has the attempt recorded to fill a snapshot of the VNF's trust domain that
// another party made. All else about the snapshot is for CreateSnapshot to refuse.
func (a *API) mayFill(r *http.Request, e state.Entry[vnfm.VNF], who hub.Identity, in sol003.CreateVnfSnapshotRequest) error {
	snap, err := a.Service.Snapshot(r.Context(), in.VnfSnapshotInfoID)
	if err != nil || snap.Domain != e.Domain {
		return nil
	}
	return a.own(r, "vnf.snapshot", snap.Domain, snap.ID, snap.Value.CheckChange(who))
}

// task adds one task resource: 202 with the URI of the operation occurrence.
func task[T any](a *API, g *httpapi.Group, name, operation string, start func(context.Context, vnfm.Caller, string, T) (string, error), checks ...func(*http.Request, state.Entry[vnfm.VNF], hub.Identity, T) error) {
	g.Handle("POST /vnf_instances/{id}/"+name, func(w http.ResponseWriter, r *http.Request) error {
		e, who, err := a.find(r, operation)
		if err != nil {
			return err
		}
		c, err := caller(r, who)
		if err != nil {
			return err
		}
		var in T
		if err := httpapi.DecodeLenient(r, &in); err != nil {
			return err
		}
		for _, check := range checks {
			if err := check(r, e, who, in); err != nil {
				return err
			}
		}
		op, err := start(r.Context(), c, e.ID, in)
		if err != nil {
			return err
		}
		return httpapi.Accepted(w, r, "/vnf_lcm_op_occs/"+op)
	})
}
