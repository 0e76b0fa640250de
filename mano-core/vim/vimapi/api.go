// Package vimapi is the REST binding of the VIM's interfaces for the NFVO, VNFMs
// and operators (Or-Vi, Vi-Vnfm): the API of package ifa006, {apiRoot}/vim/v1,
// over the NFVI model.
package vimapi

import (
	"net/http"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/mano-core/vim"
	"github.com/manoward/manoward/mano-core/vim/subscribe"
)

// Version is the version of the API.
const Version = "1.0.0"

// maxImage bounds the bytes of one image.
const maxImage = 1 << 40

// API serves the model. Its fields are required and must not change once it
// serves.
type API struct {
	Model *vim.Model
	// Authorize says who sent a request and whether it may do this to what is of
	// a trust domain; an empty targetDomain is the caller's own.
	Authorize     func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error)
	Subscriptions notify.Store
}

// The operations that are authorised.
const (
	opQuery     = "resource.query"
	opManage    = "resource.manage"
	opHosts     = "host.query"
	opStopUse   = "host.stop-use"
	opRelease   = "host.release"
	opInventory = "inventory.load"
	opReport    = "event.report" // of what the NFVI sees
	opEvent     = "event.inject" // of the rest
)

// Routes adds the API to a mux.
func (a *API) Routes(mux *httpapi.Mux) {
	g := mux.API(httpapi.API{Name: vim.API, Major: "v1", Versions: []httpapi.APIVersion{{Version: Version}}})
	a.infrastructure(g)
	g.Handle("GET /images", a.listImages)
	g.Handle("POST /images", a.addImage)
	g.Handle("GET /images/{id}", a.showImage)
	g.Handle("DELETE /images/{id}", a.deleteImage)
	g.Handle("PUT /images/{id}/content", a.putContent, httpapi.MaxBody(maxImage))
	g.Handle("GET /flavours", a.listFlavours)
	g.Handle("POST /flavours", a.addFlavour)
	g.Handle("GET /flavours/{id}", a.showFlavour)
	g.Handle("DELETE /flavours/{id}", a.deleteFlavour)
	g.Handle("GET /networks", a.listNetworks)
	g.Handle("POST /networks", a.createNetwork)
	g.Handle("GET /networks/{id}", a.showNetwork)
	g.Handle("DELETE /networks/{id}", a.deleteNetwork)
	g.Handle("GET /ports", a.listPorts)
	g.Handle("POST /ports", a.createPort)
	g.Handle("GET /ports/{id}", a.showPort)
	g.Handle("PATCH /ports/{id}", a.patchPort)
	g.Handle("DELETE /ports/{id}", a.deletePort)
	g.Handle("GET /storages", a.listStorages)
	g.Handle("POST /storages", a.createStorage)
	g.Handle("GET /storages/{id}", a.showStorage)
	g.Handle("DELETE /storages/{id}", a.deleteStorage)
	g.Handle("GET /computes", a.listComputes)
	g.Handle("POST /computes", a.allocate)
	g.Handle("GET /computes/{id}", a.showCompute)
	g.Handle("DELETE /computes/{id}", a.terminate)
	g.Handle("POST /computes/{id}/operate", a.operate)
	g.Handle("POST /computes/{id}/migrate", a.migrate)
	g.Handle("POST /computes/{id}/scale", a.scale)
	g.Handle("GET /snapshots", a.listSnapshots)
	g.Handle("POST /snapshots", a.createSnapshot)
	g.Handle("GET /snapshots/{id}", a.showSnapshot)
	g.Handle("DELETE /snapshots/{id}", a.deleteSnapshot)
	g.Handle("POST /snapshots/{id}/restore", a.restoreSnapshot)
	g.Handle("GET /alarms", a.listAlarms)
	g.Handle("GET /alarms/{id}", a.showAlarm)
	g.Handle("GET /measurements", a.listMeasurements)
	g.Handle("GET /measurements/{id}", a.showMeasurements)
	subscriptions := &notify.Resource{
		API: vim.API, Store: a.Subscriptions, Authorize: a.Authorize, SeesAll: subscribe.SeesAll,
		Decode: subscribe.Decode(nil, "COMPUTE", "HOST", "IMAGE", "STORAGE", "NETWORK", "PORT"), Show: subscribe.Show,
	}
	subscriptions.Routes(g)
}

// about authorises an operation about one resource and returns who the caller
// is.
func (a *API) about(r *http.Request, operation, collection string) (viewer string, err error) {
	id := r.PathValue("id")
	owner, found := a.Model.Owner(r.Context(), collection, id)
	if operation == opQuery && owner == vim.All && (collection == "images" || collection == "networks" || collection == "alarms") {
		owner = "" // shared by all, or of the infrastructure
	}
	who, err := httpapi.AuthorizeOwned(func(domain string) (hub.Identity, error) {
		return a.Authorize(r, operation, domain, strings.TrimSuffix(collection, "s")+"/"+id)
	}, owner, found, hub.E(hub.NotFound, "find resource", "there is no such resource; GET /"+collection+" lists what there is", nil))
	return who.TrustDomain, err
}

// own authorises an operation in the caller's own domain, such as a list.
func (a *API) own(r *http.Request, operation, target string) (viewer string, err error) {
	who, err := a.Authorize(r, operation, "", target)
	return who.TrustDomain, err
}

// create authorises the creation of a resource in a domain, by default the
// caller's own; the hub's own functions always name one.
func (a *API) create(r *http.Request, domain *string, id string) error {
	who, err := a.Authorize(r, opManage, *domain, id)
	if err != nil {
		return err
	}
	if *domain == "" && who.TrustDomain != vim.All {
		*domain = who.TrustDomain
	}
	return nil
}

// erase reads the query of a DELETE.
func erase(r *http.Request) (bool, error) {
	q, err := httpapi.ParseQuery(r.URL.RawQuery, "erase")
	if err != nil {
		return false, err
	}
	switch q.Get("erase") {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, hub.E(hub.Invalid, "read query", "erase is true or false", nil)
}

// query reads what of a list's filter the model's index can answer; a wrong
// filter is reported by the list itself.
func query(r *http.Request) vim.Query {
	q, err := httpapi.ParseQuery(r.URL.RawQuery, "filter", "nextpage_opaque_marker", "all_fields", "fields", "exclude_fields", "exclude_default")
	if err != nil || !q.Has("filter") {
		return vim.Query{}
	}
	f, err := httpapi.ParseFilter(q.Get("filter"))
	if err != nil {
		return vim.Query{}
	}
	indexed, ok := any(f).(interface {
		Values(path string) ([]string, bool)
	})
	if !ok {
		return vim.Query{}
	}
	values := func(path string) []string {
		v, _ := indexed.Values(path)
		return v
	}
	return vim.Query{
		HostIDs: values("hostId"), ZoneIDs: values("zoneId"), TrustDomains: values("trustDomain"), VnfIDs: values("metadata/vnfInstanceId"),
		NetworkIDs: values("networkId"), States: values("operationalState"), ComputeIDs: append(values("attachedResourceId"), append(values("ownerId"), values("computeId")...)...),
	}
}

func list(w http.ResponseWriter, r *http.Request, source httpapi.Source) error {
	return httpapi.List(w, r, httpapi.ListOptions{}, source)
}
