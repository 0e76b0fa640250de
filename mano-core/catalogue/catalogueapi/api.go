package catalogueapi

import (
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/mano-core/catalogue"
)

// API serves the catalogue.
type API struct {
	Catalogue     *catalogue.Service
	Subscriptions notify.Store
	// Authorize says whether the caller may do an operation on a target of a trust
	// domain, "" being the caller's own, and who the caller is.
	Authorize  func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error)
	MaxPackage int64 // bytes that an upload may have; as catalogue.Config
}

// The versions of the APIs: SOL 005 and SOL 003 V3.7.1.
const (
	VersionPackages = "2.4.0"
	VersionNSD      = "2.3.0"
)

// resource is one of the three collections of packages.
type resource struct {
	kind       catalogue.Kind
	path       string // of the collection
	operations string // prefix: package, nsd, pnfd
	noun       string // for people
	content    string // name of the content's resource
	descriptor string // name of the descriptor's resource
	show       func(r *http.Request, p *catalogue.Package) any
	exclude    []string // what lists leave out by default
	required   []string // what they never leave out, beside the links
}

func vnfPackages() resource {
	return resource{
		kind: catalogue.VNF, path: "/vnf_packages", operations: "package", noun: "VNF package", content: "package_content", descriptor: "vnfd",
		show:    func(r *http.Request, p *catalogue.Package) any { return vnfPkgInfo(r, p) },
		exclude: []string{"softwareImages", "additionalArtifacts", "userDefinedData", "checksum", "onboardingFailureDetails"},
	}
}

func nsDescriptors() resource {
	return resource{
		kind: catalogue.NSD, path: "/ns_descriptors", operations: "nsd", noun: "NSD", content: "nsd_content", descriptor: "nsd",
		show:     func(r *http.Request, p *catalogue.Package) any { return nsdInfo(r, p) },
		exclude:  []string{"userDefinedData", "onboardingFailureDetails"},
		required: []string{"vnfPkgIds", "nestedNsdInfoIds"}, // the OpenAPI file requires one of them
	}
}

func pnfDescriptors() resource {
	return resource{
		kind: catalogue.PNF, path: "/pnf_descriptors", operations: "pnfd", noun: "PNFD", content: "pnfd_content", descriptor: "pnfd",
		show:    func(r *http.Request, p *catalogue.Package) any { return pnfdInfo(r, p) },
		exclude: []string{"userDefinedData", "onboardingFailureDetails"},
	}
}

// Routes adds vnfpkgm and nsd of SOL 005 to the mux of Os-Ma-nfvo.
func (a *API) Routes(mux *httpapi.Mux) {
	g := mux.API(VnfPkgm())
	packages := vnfPackages()
	a.routeChanges(g, packages)
	a.routeReads(g, packages, a.byID(packages), packages.path+"/{id}")
	g.Handle("POST /vnf_packages/{id}/package_content/upload_from_uri", a.uploadFromURI(packages))
	g.Handle("GET /vnf_packages/{id}/artifacts", a.artifacts(a.byID(packages)), httpapi.Produces(typeZip))
	g.Handle("GET /vnf_packages/{id}/ext_artifacts_access", a.getExternal(packages))
	g.Handle("PUT /vnf_packages/{id}/ext_artifacts_access", a.putExternal(packages))
	a.routeSubscriptions(g, catalogue.APIPackages, readPackageSubscription, packageSubscription)

	g = mux.API(httpapi.API{Name: "nsd", Major: "v2", Versions: []httpapi.APIVersion{{Version: VersionNSD}}})
	for _, res := range []resource{nsDescriptors(), pnfDescriptors()} {
		a.routeChanges(g, res)
		a.routeReads(g, res, a.byID(res), res.path+"/{id}")
	}
	a.routeSubscriptions(g, catalogue.APINSD, readNsdSubscription, nsdSubscription)
}

// VnfPkgm names the API of SOL 005 V3.7.1 clause 9.
func VnfPkgm() httpapi.API {
	return httpapi.API{Name: "vnfpkgm", Major: "v2", Versions: []httpapi.APIVersion{{Version: VersionPackages}}}
}

// QueryRoutes adds what of vnfpkgm only looks at packages: for Sc-Or, where a
// Security Manager reads their integrity (Sc-Or.NsLcm.002).
func (a *API) QueryRoutes(g *httpapi.Group) {
	packages := vnfPackages()
	g.Handle("GET "+packages.path, a.list(packages, false))
	a.routeReads(g, packages, a.byID(packages), packages.path+"/{id}")
}

// ModifyRoute adds Update VNF Package Info: for Sc-Or, where a Security Manager
// disables a package (Sc-Or.SecEnforce.003).
func (a *API) ModifyRoute(g *httpapi.Group) {
	packages := vnfPackages()
	g.Handle("PATCH "+packages.path+"/{id}", a.modify(packages))
}

// RoutesOrVnfm adds vnfpkgm of SOL 003 to the mux of Or-Vnfm. It only reads.
func (a *API) RoutesOrVnfm(mux *httpapi.Mux) {
	g := mux.API(VnfPkgm())
	res := vnfPackages()
	res.show = func(r *http.Request, p *catalogue.Package) any { return vnfPkgInfoOrVnfm(r, p) }
	for path, find := range map[string]finder{
		"/vnf_packages":           a.onboardedOnly(a.byID(res)),
		"/onboarded_vnf_packages": a.byDescriptor(res),
	} {
		g.Handle("GET "+path, a.list(res, true))
		a.routeReads(g, res, find, path+"/{id}")
		g.Handle("GET "+path+"/{id}/artifacts", a.artifacts(find), httpapi.Produces(typeZip))
	}
	a.routeSubscriptions(g, catalogue.APIOrVnfm, readVnfmSubscription, vnfmSubscription)
}

func (a *API) routeChanges(g *httpapi.Group, res resource) {
	g.Handle("POST "+res.path, a.create(res))
	g.Handle("GET "+res.path, a.list(res, false))
	g.Handle("PATCH "+res.path+"/{id}", a.modify(res))
	g.Handle("DELETE "+res.path+"/{id}", a.remove(res))
	// One byte more than the catalogue takes, so that it is the catalogue that
	// refuses, and records it.
	g.Handle("PUT "+res.path+"/{id}/"+res.content, a.upload(res), httpapi.MaxBody(a.MaxPackage+1), httpapi.Produces()) // tackerclient asks for application/zip here
}

func (a *API) routeReads(g *httpapi.Group, res resource, find finder, path string) {
	g.Handle("GET "+path, a.read(res, find))
	g.Handle("GET "+path+"/"+res.content, a.getContent(find), httpapi.Produces(typeZip))
	g.Handle("GET "+path+"/"+res.descriptor, a.getDescriptor(find), httpapi.Produces(typeText, typeZip))
	g.Handle("GET "+path+"/manifest", a.getManifest(find), httpapi.Produces(typeText, typeZip))
	g.Handle("GET "+path+"/artifacts/{path...}", a.artifact(find), httpapi.Produces("application/octet-stream", typeText, typeZip))
}

// finder finds the package that a request is about, once the caller may read it.
type finder func(r *http.Request) (catalogue.Package, error)

func (a *API) byID(res resource) finder {
	return func(r *http.Request) (catalogue.Package, error) {
		p, _, err := a.find(r, res, "query")
		return p, err
	}
}

// onboardedOnly hides what a VNFM does not see: SOL 003 shows packages from
// on-boarding on.
func (a *API) onboardedOnly(find finder) finder {
	return func(r *http.Request) (catalogue.Package, error) {
		p, err := find(r)
		if err == nil && p.State != catalogue.Onboarded {
			return catalogue.Package{}, missing(vnfPackages())
		}
		return p, err
	}
}

// byDescriptor finds an on-boarded package by its vnfdId: in the caller's domain,
// or, for those who see all, in the one that has it. Where several have one it is
// hub.Conflict (docs/extensions/packages.md): each is another package, and the
// identifier does not say which is meant.
func (a *API) byDescriptor(res resource) finder {
	return func(r *http.Request) (catalogue.Package, error) {
		id := r.PathValue("id")
		caller, err := a.Authorize(r, res.operations+".query", "", id)
		if err != nil {
			return catalogue.Package{}, normalize(res, err)
		}
		domains := []string{caller.TrustDomain}
		if caller.TrustDomain == catalogue.HubDomain {
			domains = a.Catalogue.Domains()
		}
		var found []catalogue.Package
		for _, d := range domains {
			p, err := a.Catalogue.Find(r.Context(), res.kind, d, id)
			switch hub.CodeOf(err) {
			case "":
				found = append(found, p)
			case hub.NotFound:
			default:
				return catalogue.Package{}, err
			}
		}
		switch len(found) {
		case 0:
			return catalogue.Package{}, missing(res)
		case 1:
			return found[0], nil
		}
		return catalogue.Package{}, hub.E(hub.Conflict, "find "+res.noun, "several trust domains have on-boarded a "+res.noun+" of this descriptor; read the one that is meant by its vnfPkgId, which GET "+res.path+"?filter=(eq,vnfdId,...) lists", nil)
	}
}

// find returns the package that a path names, when the caller may do the
// operation on it.
func (a *API) find(r *http.Request, res resource, operation string) (catalogue.Package, hub.Identity, error) {
	id := r.PathValue("id")
	domain := a.Catalogue.Domain(res.kind, id)
	var found error
	if domain == "" {
		found = missing(res)
	}
	caller, err := httpapi.AuthorizeOwned(func(domain string) (hub.Identity, error) {
		return a.Authorize(r, res.operations+"."+operation, domain, string(res.kind)+"/"+id)
	}, domain, found, missing(res))
	if err != nil {
		return catalogue.Package{}, hub.Identity{}, err
	}
	p, err := a.Catalogue.Get(r.Context(), res.kind, id)
	if err != nil {
		return catalogue.Package{}, hub.Identity{}, normalize(res, err)
	}
	return p, caller, nil
}

// normalize makes all that is not there look alike: what was never there and what
// is another trust domain's.
func normalize(res resource, err error) error {
	if hub.CodeOf(err) == hub.NotFound {
		return missing(res)
	}
	return err
}

func missing(res resource) error {
	return hub.E(hub.NotFound, "find "+res.noun, "there is no such "+res.noun+"; GET "+res.path+" lists them", nil)
}
