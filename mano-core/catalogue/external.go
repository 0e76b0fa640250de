package catalogue

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/catalogue/csar"
)

// External says where an artifact outside of the package is fetched from, when
// that is not the URI that the manifest names (SOL 005 ext_artifacts_access).
type External struct {
	URI      string `json:"uri"`                // as in the manifest
	Override string `json:"override,omitempty"` // "" means URI itself
}

const maxExternal = 64 // artifacts outside of one package

// SetExternal replaces the access configuration. hub.Conflict unless the package
// is CREATED or ERROR: it is used by the next on-boarding.
func (s *Service) SetExternal(ctx context.Context, id string, x *External) error {
	if x != nil {
		for _, uri := range []string{x.URI, x.Override} {
			if uri != "" && !fetchable(uri) {
				return hub.E(hub.Unprocessable, "configure external artifacts", "artifactUri or overrideUri is no https URI without credentials; give one", nil)
			}
		}
	}
	_, err := s.kinds[VNF].Update(ctx, id, func(p *Package) error {
		switch {
		case p.Deleting:
			return notFound(VNF)
		case p.State != Created && p.State != Failed:
			return hub.E(hub.Conflict, "configure external artifacts", fmt.Sprintf("the package is %s; this can be set while it is CREATED or ERROR", p.State), nil)
		}
		p.External = x
		return nil
	})
	return err
}

// fetchable says whether content may be fetched from a URI.
func fetchable(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && u.Fragment == "" && len(uri) <= 4096
}

// checkExternal fetches each artifact outside of the package once and compares it
// with the digest that the manifest states. The bytes are not kept: who uses such
// an artifact fetches it again, and compares with the digest that is shown.
func (s *Service) checkExternal(ctx context.Context, p *Package) error {
	var outside []csar.Artifact
	for _, a := range p.Result.Artifacts {
		if a.External {
			outside = append(outside, a)
		}
	}
	switch {
	case len(outside) == 0:
		return nil
	case len(outside) > maxExternal:
		return refusal(fmt.Sprintf("more than %d artifacts are outside of the package; put them into it", maxExternal), nil)
	}
	return inSlot(ctx, s.fetching, func() error {
		ctx, cancel := context.WithTimeout(ctx, s.config.FetchTimeout)
		defer cancel()
		for _, a := range outside {
			if err := s.checkOneExternal(ctx, p, a); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) checkOneExternal(ctx context.Context, p *Package, a csar.Artifact) error {
	uri := a.Path
	if p.External != nil && p.External.URI == a.Path && p.External.Override != "" {
		uri = p.External.Override
	}
	if a.Hash == "" {
		return refusal(clip(a.Path)+": the manifest states no digest of this artifact outside of the package; add it", nil)
	}
	if !fetchable(uri) {
		return refusal(clip(a.Path)+": the artifact is at no https URI; put it into the package, or give an overrideUri", nil)
	}
	body, err := s.get(ctx, uri)
	if err != nil {
		return refusal(clip(a.Path)+": "+hub.SafeText(err), err)
	}
	defer body.Close()
	h := newHash(a.Algorithm)
	read, err := io.Copy(h, io.LimitReader(cancelled{ctx, body}, s.config.MaxPackage+1))
	switch {
	case err != nil:
		return refusal(clip(a.Path)+": the artifact broke off while it was fetched; upload the package again", err)
	case read > s.config.MaxPackage:
		return refusal(fmt.Sprintf("%s: the artifact is larger than the %d bytes that are taken here", clip(a.Path), s.config.MaxPackage), nil)
	case hex.EncodeToString(h.Sum(nil)) != a.Hash:
		return refusal(clip(a.Path)+": its digest is not the one that the manifest states", nil)
	}
	return nil
}

// get asks a URI for content that is not larger than a package may be.
func (s *Service) get(ctx context.Context, uri string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, refusal("the URI cannot be asked for", err)
	}
	resp, err := s.config.Fetch.Do(req)
	if err != nil {
		return nil, refusal("the URI does not answer; check the address, its certificate and that it may be reached", err)
	}
	if resp.StatusCode == http.StatusOK && resp.ContentLength <= s.config.MaxPackage {
		return resp.Body, nil
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(fmt.Sprintf("the URI answers %d and not 200; redirects are not followed", resp.StatusCode), nil)
	}
	return nil, refusal(fmt.Sprintf("what is at the URI is larger than the %d bytes that are taken here", s.config.MaxPackage), nil)
}
