package catalogueapi

import (
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/mano-core/catalogue"
)

// accessConfig is where artifacts outside of the package are fetched from. SOL 005
// V3.7.1 has one artifact in it.
func accessConfig(x *catalogue.External) sol005.ExternalArtifactsAccessConfig {
	if x == nil {
		return sol005.ExternalArtifactsAccessConfig{}
	}
	return sol005.ExternalArtifactsAccessConfig{Artifact: &sol005.ExternalArtifact{ArtifactURI: x.URI, OverrideURI: x.Override}}
}

func (a *API) getExternal(res resource) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, _, err := a.find(r, res, "query")
		if err != nil {
			return err
		}
		return httpapi.Write(w, http.StatusOK, accessConfig(p.External))
	}
}

func (a *API) putExternal(res resource) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, _, err := a.find(r, res, "upload")
		if err != nil {
			return err
		}
		var in sol005.ExternalArtifactsAccessConfig
		if err := httpapi.DecodeLenient(r, &in); err != nil {
			return err
		}
		var x *catalogue.External
		if in.Artifact != nil {
			if in.Artifact.AuthType != "" || in.Artifact.ParamsOauth2ClientCredentials != nil {
				return hub.E(hub.Unprocessable, "configure external artifacts", "artifacts are fetched without credentials here; offer them at a URI that needs none, or put them into the package", nil)
			}
			if in.Artifact.ArtifactURI == "" {
				return hub.E(hub.Invalid, "configure external artifacts", "artifact/artifactUri is missing; give the URI that the manifest names", nil)
			}
			x = &catalogue.External{URI: in.Artifact.ArtifactURI, Override: in.Artifact.OverrideURI}
		}
		if err := a.Catalogue.SetExternal(r.Context(), p.ID, x); err != nil {
			return normalize(res, err)
		}
		return httpapi.Write(w, http.StatusOK, accessConfig(x))
	}
}
