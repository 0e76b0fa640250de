package vimapi

import (
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/ifa006"
)

// lister answers GET of a collection.
func (a *API) lister(w http.ResponseWriter, r *http.Request, source func(viewer string) httpapi.Source) error {
	viewer, err := a.own(r, opQuery, "")
	if err != nil {
		return err
	}
	return list(w, r, source(viewer))
}

// shower answers GET of one resource.
func (a *API) shower(w http.ResponseWriter, r *http.Request, collection string, get func(viewer, id string) (any, error)) error {
	viewer, err := a.about(r, opQuery, collection)
	if err != nil {
		return err
	}
	v, err := get(viewer, r.PathValue("id"))
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, v)
}

// doer answers an order about one resource with 204.
func (a *API) doer(w http.ResponseWriter, r *http.Request, collection string, do func(viewer, id string) error) error {
	viewer, err := a.about(r, opManage, collection)
	if err != nil {
		return err
	}
	if err := do(viewer, r.PathValue("id")); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

// creator answers POST to a collection. in is the decoded body, domain and id
// are where its trust domain and identifier stand.
func (a *API) creator(w http.ResponseWriter, r *http.Request, collection string, in any, domain, id *string, make func() (any, error)) error {
	if err := httpapi.DecodeLenient(r, in); err != nil {
		return err
	}
	if err := a.create(r, domain, *id); err != nil {
		return err
	}
	v, err := make()
	if err != nil {
		return err
	}
	return httpapi.Created(w, r, "/"+collection+"/"+*id, v)
}

func (a *API) listNetworks(w http.ResponseWriter, r *http.Request) error {
	return a.lister(w, r, func(viewer string) httpapi.Source { return a.Model.Networks(r.Context(), viewer, query(r)) })
}

func (a *API) showNetwork(w http.ResponseWriter, r *http.Request) error {
	return a.shower(w, r, "networks", func(viewer, id string) (any, error) { return a.Model.Network(r.Context(), viewer, id) })
}

func (a *API) createNetwork(w http.ResponseWriter, r *http.Request) error {
	var in ifa006.Network
	return a.creator(w, r, "networks", &in, &in.TrustDomain, &in.ID, func() (any, error) { return a.Model.CreateNetwork(r.Context(), in) })
}

func (a *API) listPorts(w http.ResponseWriter, r *http.Request) error {
	return a.lister(w, r, func(viewer string) httpapi.Source { return a.Model.Ports(r.Context(), viewer, query(r)) })
}

func (a *API) showPort(w http.ResponseWriter, r *http.Request) error {
	return a.shower(w, r, "ports", func(viewer, id string) (any, error) { return a.Model.Port(r.Context(), viewer, id) })
}

func (a *API) createPort(w http.ResponseWriter, r *http.Request) error {
	var in ifa006.Port
	return a.creator(w, r, "ports", &in, &in.TrustDomain, &in.ID, func() (any, error) { return a.Model.CreatePort(r.Context(), in) })
}

func (a *API) listStorages(w http.ResponseWriter, r *http.Request) error {
	return a.lister(w, r, func(viewer string) httpapi.Source { return a.Model.Storages(r.Context(), viewer, query(r)) })
}

func (a *API) showStorage(w http.ResponseWriter, r *http.Request) error {
	return a.shower(w, r, "storages", func(viewer, id string) (any, error) { return a.Model.Storage(r.Context(), viewer, id) })
}

func (a *API) createStorage(w http.ResponseWriter, r *http.Request) error {
	var in ifa006.Storage
	return a.creator(w, r, "storages", &in, &in.TrustDomain, &in.ID, func() (any, error) { return a.Model.CreateStorage(r.Context(), in) })
}

func (a *API) listComputes(w http.ResponseWriter, r *http.Request) error {
	return a.lister(w, r, func(viewer string) httpapi.Source { return a.Model.Computes(r.Context(), viewer, query(r)) })
}

func (a *API) showCompute(w http.ResponseWriter, r *http.Request) error {
	return a.shower(w, r, "computes", func(viewer, id string) (any, error) { return a.Model.Compute(r.Context(), viewer, id) })
}

func (a *API) allocate(w http.ResponseWriter, r *http.Request) error {
	var in ifa006.Compute
	return a.creator(w, r, "computes", &in, &in.TrustDomain, &in.ID, func() (any, error) { return a.Model.Allocate(r.Context(), in) })
}

func (a *API) listSnapshots(w http.ResponseWriter, r *http.Request) error {
	return a.lister(w, r, func(viewer string) httpapi.Source { return a.Model.Snapshots(r.Context(), viewer, query(r)) })
}

func (a *API) showSnapshot(w http.ResponseWriter, r *http.Request) error {
	return a.shower(w, r, "snapshots", func(viewer, id string) (any, error) { return a.Model.Snapshot(r.Context(), viewer, id) })
}

func (a *API) createSnapshot(w http.ResponseWriter, r *http.Request) error {
	var in ifa006.Snapshot
	return a.creator(w, r, "snapshots", &in, &in.TrustDomain, &in.ID, func() (any, error) { return a.Model.CreateSnapshot(r.Context(), in) })
}

func (a *API) deleteNetwork(w http.ResponseWriter, r *http.Request) error {
	return a.doer(w, r, "networks", func(viewer, id string) error { return a.Model.DeleteNetwork(r.Context(), viewer, id) })
}

func (a *API) deletePort(w http.ResponseWriter, r *http.Request) error {
	return a.doer(w, r, "ports", func(viewer, id string) error { return a.Model.DeletePort(r.Context(), viewer, id) })
}

func (a *API) deleteSnapshot(w http.ResponseWriter, r *http.Request) error {
	return a.doer(w, r, "snapshots", func(viewer, id string) error { return a.Model.DeleteSnapshot(r.Context(), viewer, id) })
}

func (a *API) restoreSnapshot(w http.ResponseWriter, r *http.Request) error {
	return a.doer(w, r, "snapshots", func(viewer, id string) error { return a.Model.Restore(r.Context(), viewer, id) })
}

func (a *API) deleteStorage(w http.ResponseWriter, r *http.Request) error {
	erase, err := erase(r)
	if err != nil {
		return err
	}
	return a.doer(w, r, "storages", func(viewer, id string) error { return a.Model.DeleteStorage(r.Context(), viewer, id, erase) })
}

func (a *API) terminate(w http.ResponseWriter, r *http.Request) error {
	erase, err := erase(r)
	if err != nil {
		return err
	}
	return a.doer(w, r, "computes", func(viewer, id string) error { return a.Model.Terminate(r.Context(), viewer, id, erase) })
}

func (a *API) operate(w http.ResponseWriter, r *http.Request) error {
	var in ifa006.OperateRequest
	return a.order(w, r, &in, func(viewer, id string) error { return a.Model.Operate(r.Context(), viewer, id, in.Operation) })
}

func (a *API) migrate(w http.ResponseWriter, r *http.Request) error {
	var in ifa006.MigrateRequest
	return a.order(w, r, &in, func(viewer, id string) error { return a.Model.Migrate(r.Context(), viewer, id, in) })
}

func (a *API) scale(w http.ResponseWriter, r *http.Request) error {
	var in ifa006.ScaleComputeRequest
	return a.order(w, r, &in, func(viewer, id string) error { return a.Model.Scale(r.Context(), viewer, id, in.FlavourID) })
}

// order answers an order with a body about one compute: 200 with the compute as
// it is now.
func (a *API) order(w http.ResponseWriter, r *http.Request, in any, do func(viewer, id string) error) error {
	viewer, err := a.about(r, opManage, "computes")
	if err != nil {
		return err
	}
	if err := httpapi.DecodeLenient(r, in); err != nil {
		return err
	}
	if err := do(viewer, r.PathValue("id")); err != nil {
		return err
	}
	c, err := a.Model.Compute(r.Context(), viewer, r.PathValue("id"))
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, c)
}

func (a *API) patchPort(w http.ResponseWriter, r *http.Request) error {
	viewer, err := a.about(r, opManage, "ports")
	if err != nil {
		return err
	}
	patch, err := httpapi.DecodePatch(r)
	if err != nil {
		return err
	}
	port, err := a.Model.PatchPort(r.Context(), viewer, r.PathValue("id"), func(p ifa006.Port) (ifa006.Port, error) {
		return httpapi.ApplyPatch(p, patch, httpapi.PatchRules{Allowed: []string{"name", "attachedResourceId", "metadata"}})
	})
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, port)
}

func (a *API) listAlarms(w http.ResponseWriter, r *http.Request) error {
	viewer, err := a.own(r, opQuery, "")
	if err != nil {
		return err
	}
	alarms, err := a.Model.Alarms(r.Context(), viewer)
	if err != nil {
		return err
	}
	return list(w, r, alarms)
}

func (a *API) showAlarm(w http.ResponseWriter, r *http.Request) error {
	return a.shower(w, r, "alarms", func(viewer, id string) (any, error) { return a.Model.Alarm(r.Context(), viewer, id) })
}

func (a *API) listMeasurements(w http.ResponseWriter, r *http.Request) error {
	return a.lister(w, r, func(viewer string) httpapi.Source {
		return a.Model.Measured(r.Context(), viewer, httpapi.AskedFor(r, "resourceId"))
	})
}

func (a *API) showMeasurements(w http.ResponseWriter, r *http.Request) error {
	return a.shower(w, r, "measurements", func(viewer, id string) (any, error) { return a.Model.MeasuredOf(r.Context(), viewer, id) })
}
