package catalogueapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"mime"
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/mano-core/catalogue"
)

// headerKey names a request, so that sent twice it has one effect: our extension.
const headerKey = "Idempotency-Key"

const maxKey = 255 // bytes

func (a *API) create(res resource) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		var in struct {
			UserDefinedData map[string]any `json:"userDefinedData"`
		}
		if err := httpapi.DecodeLenient(r, &in); err != nil {
			return err
		}
		caller := httpapi.Caller(r.Context())
		domain, err := catalogue.DomainOf(caller, in.UserDefinedData)
		if err != nil {
			return err
		}
		if caller, err = a.Authorize(r, res.operations+".create", domain, ""); err != nil {
			return err
		}
		c := catalogue.Creation{Kind: res.kind, Domain: domain, UserData: in.UserDefinedData}
		if err := identify(r, caller, &c); err != nil {
			return err
		}
		p, err := a.Catalogue.Create(r.Context(), c)
		if err != nil {
			return err
		}
		return httpapi.Created(w, r, res.path+"/"+p.ID, res.show(r, &p))
	}
}

// identify derives the ID of what is created from the caller and the idempotency
// key, if there is one.
func identify(r *http.Request, caller hub.Identity, c *catalogue.Creation) error {
	key := r.Header.Get(headerKey)
	if key == "" {
		return nil
	}
	if len(key) > maxKey {
		return hub.E(hub.Invalid, "read request", fmt.Sprintf("%s has %d bytes; send at most %d", headerKey, len(key), maxKey), nil)
	}
	body, err := json.Marshal([]any{c.Domain, c.UserData})
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	sum := sha256.Sum256(body)
	c.ID, c.Request = hub.DeriveID("catalogue", string(c.Kind), caller.String(), key), hex.EncodeToString(sum[:])
	return nil
}

// visible says which trust domains somebody sees.
func visible(caller hub.Identity) func(domain string) bool {
	return func(domain string) bool {
		return caller.TrustDomain == catalogue.HubDomain || domain == caller.TrustDomain
	}
}

func (a *API) list(res resource, onboarded bool) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		caller, err := a.Authorize(r, res.operations+".query", "", "")
		if err != nil {
			return err
		}
		source := func(after string) iter.Seq2[httpapi.Item, error] {
			return func(yield func(httpapi.Item, error) bool) {
				for p, err := range a.Catalogue.List(r.Context(), res.kind, visible(caller), after) {
					if err == nil && onboarded && p.State != catalogue.Onboarded {
						continue
					}
					var item httpapi.Item
					if err == nil {
						item = httpapi.Item{Key: p.ID, Value: res.show(r, &p)}
					}
					if !yield(item, err) {
						return
					}
				}
			}
		}
		return httpapi.List(w, r, httpapi.ListOptions{ExcludeDefault: res.exclude, Required: append([]string{"_links"}, res.required...)}, source)
	}
}

func (a *API) read(res resource, find finder) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := find(r)
		if err != nil {
			return err
		}
		v := res.show(r, &p)
		tag, err := httpapi.ETag(v)
		if err != nil {
			return err
		}
		return httpapi.WriteTagged(w, r, tag, v)
	}
}

func (a *API) remove(res resource) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, caller, err := a.find(r, res, "delete")
		if err != nil {
			return err
		}
		tag, err := httpapi.ETag(res.show(r, &p))
		if err != nil {
			return err
		}
		if err := httpapi.CheckMatch(r, tag); err != nil {
			return err
		}
		if err := a.Catalogue.Delete(r.Context(), caller, res.kind, p.ID); err != nil {
			return normalize(res, err)
		}
		return httpapi.NoContent(w)
	}
}

// modify serves PATCH. Each resource spells its operational state in its own way,
// and PNFDs have none.
func (a *API) modify(res resource) httpapi.Handler {
	attribute := map[catalogue.Kind]string{catalogue.VNF: "operationalState", catalogue.NSD: "nsdOperationalState"}[res.kind]
	return func(w http.ResponseWriter, r *http.Request) error {
		p, caller, err := a.find(r, res, "update")
		if err != nil {
			return err
		}
		patch, err := httpapi.DecodePatch(r)
		if err != nil {
			return err
		}
		p, err = a.Catalogue.Modify(r.Context(), caller, res.kind, p.ID, func(now catalogue.Package) (catalogue.Modification, error) {
			tag, err := httpapi.ETag(res.show(r, &now))
			if err != nil {
				return catalogue.Modification{}, err
			}
			if err := httpapi.CheckMatch(r, tag); err != nil {
				return catalogue.Modification{}, err
			}
			return modification(&now, attribute, patch)
		})
		if err != nil {
			return normalize(res, err)
		}
		return httpapi.Write(w, http.StatusOK, modified(&p, patch))
	}
}

// modification reads a merge patch of operational state and user data.
func modification(p *catalogue.Package, attribute string, patch httpapi.Patch) (catalogue.Modification, error) {
	invalid := func(text string) (catalogue.Modification, error) {
		return catalogue.Modification{}, hub.E(hub.Invalid, "change package", text, nil)
	}
	var m catalogue.Modification
	for name, value := range patch {
		switch {
		case name == "userDefinedData":
			data, err := patchedData(p, value)
			if err != nil {
				return m, err
			}
			m.UserData = &data
		case name != "" && name == attribute:
			if value != "ENABLED" && value != "DISABLED" {
				return invalid(attribute + " is neither ENABLED nor DISABLED")
			}
			enabled := value == "ENABLED"
			m.Enabled = &enabled
		}
	}
	if m.Enabled == nil && m.UserData == nil {
		return invalid("the patch changes nothing that can be changed; send userDefinedData, or the operational state if the resource has one")
	}
	return m, nil
}

// patchedData applies a merge patch to the user data (RFC 7396). The official
// OpenAPI file gives NSDs an array of objects here; each of them is applied.
func patchedData(p *catalogue.Package, value any) (map[string]any, error) {
	patches, isList := value.([]any)
	if !isList {
		patches = []any{value}
	}
	shown := struct {
		UserDefinedData map[string]any `json:"userDefinedData"`
	}{p.ShownData()}
	for _, one := range patches {
		if _, isMap := one.(map[string]any); !isMap && one != nil {
			return nil, hub.E(hub.Invalid, "change package", "userDefinedData is no object", nil)
		}
		next, err := httpapi.ApplyPatch(shown, httpapi.Patch{"userDefinedData": one}, httpapi.PatchRules{})
		if err != nil {
			return nil, err
		}
		shown = next
	}
	for _, key := range []string{catalogue.KeyTrustDomain, catalogue.KeyIntegrity} {
		if v, there := shown.UserDefinedData[key]; there && v != p.ShownData()[key] {
			return nil, hub.E(hub.Unprocessable, "change package", key+" in userDefinedData cannot be changed", nil)
		}
	}
	return shown.UserDefinedData, nil
}

// modified is the answer to a PATCH: what was changed, as it is now.
func modified(p *catalogue.Package, patch httpapi.Patch) any {
	_, data := patch["userDefinedData"]
	switch p.Kind {
	case catalogue.VNF:
		out := sol005.VnfPkgInfoModifications{}
		if _, ok := patch["operationalState"]; ok {
			out.OperationalState = sol005.PackageOperationalStateType(operational(p))
		}
		if data {
			out.UserDefinedData = p.ShownData()
		}
		return out
	case catalogue.NSD:
		out := sol005.NsdInfoModifications{}
		if _, ok := patch["nsdOperationalState"]; ok {
			out.NsdOperationalState = sol005.NsdOperationalStateType(operational(p))
		}
		if data {
			out.UserDefinedData = []sol005.KeyValuePairs{p.ShownData()}
		}
		return out
	}
	return sol005.PnfdInfoModifications{UserDefinedData: p.ShownData()}
}

// zipTypes are the media types that a package is sent with.
var zipTypes = []string{typeZip, "application/x-zip-compressed", "application/octet-stream", "application/binary"}

func (a *API) upload(res resource) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, caller, err := a.find(r, res, "upload")
		if err != nil {
			return err
		}
		mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || !slices.Contains(zipTypes, mediaType) {
			err := hub.E(hub.Invalid, "upload package", "the Content-Type is no package; send "+typeZip, nil)
			return httpapi.WithStatus(err, http.StatusUnsupportedMediaType)
		}
		err = a.Catalogue.Upload(r.Context(), caller, res.kind, p.ID, r.Body)
		if errors.Is(err, catalogue.ErrTooLarge) {
			return httpapi.WithStatus(err, http.StatusRequestEntityTooLarge)
		}
		if err != nil {
			return normalize(res, err)
		}
		w.WriteHeader(http.StatusAccepted)
		return nil
	}
}

func (a *API) uploadFromURI(res resource) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, caller, err := a.find(r, res, "upload")
		if err != nil {
			return err
		}
		var in sol005.UploadVnfPackageFromURIRequest
		if err := httpapi.DecodeLenient(r, &in); err != nil {
			return err
		}
		if in.AddressInformation == "" {
			return hub.E(hub.Invalid, "upload package from URI", "addressInformation is missing; give an https URI", nil)
		}
		if in.AuthType != "" || in.ParamsOauth2ClientCredentials != nil {
			return hub.E(hub.Unprocessable, "upload package from URI", "packages are fetched without credentials here; offer the package at a URI that needs none, or upload its content", nil)
		}
		if err := a.Catalogue.UploadFrom(r.Context(), caller, res.kind, p.ID, in.AddressInformation); err != nil {
			return normalize(res, err)
		}
		w.WriteHeader(http.StatusAccepted)
		return nil
	}
}
