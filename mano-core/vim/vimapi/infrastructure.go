package vimapi

import (
	"io"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/mano-core/vim"
)

// infrastructure adds what the VIM itself has: PoPs, zones, hosts, and the
// orders about them.
func (a *API) infrastructure(g *httpapi.Group) {
	g.Handle("GET /nfvi_pops", func(w http.ResponseWriter, r *http.Request) error {
		viewer, err := a.own(r, opHosts, "")
		if err != nil {
			return err
		}
		return list(w, r, a.Model.NfviPops(r.Context(), viewer))
	})
	g.Handle("GET /resource_zones", func(w http.ResponseWriter, r *http.Request) error {
		viewer, err := a.own(r, opHosts, "")
		if err != nil {
			return err
		}
		return list(w, r, a.Model.Zones(r.Context(), viewer))
	})
	g.Handle("GET /hosts", func(w http.ResponseWriter, r *http.Request) error {
		viewer, err := a.own(r, opHosts, "")
		if err != nil {
			return err
		}
		return list(w, r, a.Model.Hosts(r.Context(), viewer, query(r)))
	})
	g.Handle("GET /hosts/{id}", a.showHost)
	g.Handle("POST /hosts/{id}/stop_use", a.stopUse)
	g.Handle("POST /hosts/{id}/release", a.release)
	g.Handle("GET /jobs/{id}", a.showJob)
	g.Handle("POST /inventory", a.load, httpapi.MaxBody(maxInventory))
	g.Handle("POST /events", a.inject)
}

// maxInventory bounds the bytes of an inventory: some 100,000 hosts.
const maxInventory = 64 << 20

func (a *API) showHost(w http.ResponseWriter, r *http.Request) error {
	viewer, err := a.own(r, opHosts, r.PathValue("id"))
	if err != nil {
		return err
	}
	h, err := a.Model.Host(r.Context(), viewer, r.PathValue("id"))
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, h)
}

// scope returns the trust domain that an order binds: without one it is about
// the whole host, which is the hub's.
func scope(domain string) string {
	if domain == "" {
		return vim.All
	}
	return domain
}

func (a *API) stopUse(w http.ResponseWriter, r *http.Request) error {
	var in ifa006.StopUseRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	who, err := a.Authorize(r, opStopUse, scope(in.TrustDomain), "host/"+r.PathValue("id"))
	if err != nil {
		return err
	}
	job, err := a.Model.StopUse(r.Context(), who, r.PathValue("id"), in)
	if err != nil {
		return err
	}
	return httpapi.Accepted(w, r, "/jobs/"+job.ID)
}

func (a *API) release(w http.ResponseWriter, r *http.Request) error {
	var in ifa006.ReleaseRequest
	if r.ContentLength != 0 {
		if err := httpapi.DecodeLenient(r, &in); err != nil {
			return err
		}
	}
	if _, err := a.Authorize(r, opRelease, scope(in.TrustDomain), "host/"+r.PathValue("id")); err != nil {
		return err
	}
	if err := a.Model.Release(r.Context(), r.PathValue("id"), in.TrustDomain); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

func (a *API) showJob(w http.ResponseWriter, r *http.Request) error {
	viewer, err := a.own(r, opHosts, r.PathValue("id"))
	if err != nil {
		return err
	}
	job, err := a.Model.Job(r.Context(), viewer, r.PathValue("id"))
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, job)
}

func (a *API) load(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Authorize(r, opInventory, vim.All, ""); err != nil {
		return err
	}
	var in ifa006.Inventory
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	if err := a.Model.Load(r.Context(), in); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

func (a *API) inject(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Authorize(r, opReport, vim.All, ""); err != nil {
		return err
	}
	var in ifa006.Exercise
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	if !vim.Reported(in.Kind) {
		if _, err := a.Authorize(r, opEvent, vim.All, ""); err != nil {
			return err
		}
	}
	if err := a.Model.Exercise(r.Context(), in); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

func (a *API) listImages(w http.ResponseWriter, r *http.Request) error {
	viewer, err := a.own(r, opQuery, "")
	if err != nil {
		return err
	}
	return list(w, r, a.Model.Images(r.Context(), viewer, query(r)))
}

func (a *API) addImage(w http.ResponseWriter, r *http.Request) error {
	var in ifa006.Image
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	if err := a.create(r, &in.TrustDomain, in.ID); err != nil {
		return err
	}
	image, err := a.Model.AddImage(r.Context(), in)
	if err != nil {
		return err
	}
	return httpapi.Created(w, r, "/images/"+image.ID, image)
}

func (a *API) showImage(w http.ResponseWriter, r *http.Request) error {
	viewer, err := a.about(r, opQuery, "images")
	if err != nil {
		return err
	}
	image, err := a.Model.Image(r.Context(), viewer, r.PathValue("id"))
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, image)
}

func (a *API) deleteImage(w http.ResponseWriter, r *http.Request) error {
	viewer, err := a.about(r, opManage, "images")
	if err != nil {
		return err
	}
	if err := a.Model.DeleteImage(r.Context(), viewer, r.PathValue("id")); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

// putContent takes the bytes as they are, of whatever media type.
func (a *API) putContent(w http.ResponseWriter, r *http.Request) error {
	viewer, err := a.about(r, opManage, "images")
	if err != nil {
		return err
	}
	if err := a.Model.PutContent(r.Context(), viewer, r.PathValue("id"), bounded{r.Body}); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

// bounded gives an upload that is too large the status that says so.
type bounded struct{ io.Reader }

func (b bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if _, large := err.(*http.MaxBytesError); large {
		err = httpapi.WithStatus(hub.E(hub.Invalid, "upload image", "the image is larger than is taken here", err), http.StatusRequestEntityTooLarge)
	}
	return n, err
}

func (a *API) listFlavours(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.own(r, opQuery, ""); err != nil {
		return err
	}
	return list(w, r, a.Model.Flavours(r.Context(), vim.All))
}

func (a *API) addFlavour(w http.ResponseWriter, r *http.Request) error {
	var in ifa006.Flavour
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	if _, err := a.Authorize(r, opManage, vim.All, in.ID); err != nil {
		return err
	}
	f, err := a.Model.AddFlavour(r.Context(), in)
	if err != nil {
		return err
	}
	return httpapi.Created(w, r, "/flavours/"+f.ID, f)
}

func (a *API) showFlavour(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.own(r, opQuery, r.PathValue("id")); err != nil {
		return err
	}
	f, err := a.Model.Flavour(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, f)
}

func (a *API) deleteFlavour(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Authorize(r, opManage, vim.All, r.PathValue("id")); err != nil {
		return err
	}
	if err := a.Model.DeleteFlavour(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}
