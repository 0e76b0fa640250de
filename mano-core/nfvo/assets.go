package nfvo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
)

// assets sees to it that the VIM has the flavours and images that a VNF needs,
// and says how they are called there.
func (g *granting) assets(ctx context.Context, f *sol001.Flavour) (*sol003.GrantVimAssets, error) {
	out := &sol003.GrantVimAssets{}
	seen := map[string]bool{}
	for _, id := range sortedKeys(f.VDUs) {
		vdu := f.VDUs[id]
		size := sizeOf(vdu)
		if _, err := g.s.c.VIM.Do(ctx, "POST", "/flavours", size, nil); err != nil {
			return nil, fmt.Errorf("create flavour of VDU %s: %w", id, err)
		}
		out.ComputeResourceFlavours = append(out.ComputeResourceFlavours, sol003.VimComputeResourceFlavour{VimConnectionID: g.s.c.VimID, VnfdVirtualComputeDescID: id, VimFlavourID: size.ID})
		images := []*sol001.SwImage{vdu.SwImage}
		for _, name := range vdu.Storages {
			if st := f.Storages[name]; st != nil {
				images = append(images, st.SwImage)
			}
		}
		for _, image := range images {
			if image == nil || seen[image.Name] {
				continue
			}
			seen[image.Name] = true
			imageID, err := g.image(ctx, image)
			if err != nil {
				return nil, err
			}
			out.SoftwareImages = append(out.SoftwareImages, sol003.VimSoftwareImage{VimConnectionID: g.s.c.VimID, VnfdSoftwareImageID: image.Name, VimSoftwareImageID: imageID})
		}
	}
	return out, nil
}

// image brings a software image of the package to the VIM, once for each package
// and trust domain, and makes sure that the VIM holds those very bytes.
func (g *granting) image(ctx context.Context, image *sol001.SwImage) (string, error) {
	id := hub.DeriveID(g.v.Domain, g.pkg.VnfPkgID, image.Name)
	content, size, sum, err := g.s.c.Packages.Image(ctx, g.pkg.VnfPkgID, image.Name)
	if err != nil {
		return "", fmt.Errorf("open software image %s: %w", image.Name, err)
	}
	defer content.Close()
	var have ifa006.Image
	_, err = g.s.c.VIM.Do(ctx, "GET", "/images/"+url.PathEscape(id), nil, &have)
	if hub.CodeOf(err) == hub.NotFound {
		want := ifa006.Image{
			ID: id, Name: image.Name, Provider: image.Provider, Version: image.Version, ContainerFormat: image.ContainerFormat, DiskFormat: image.DiskFormat,
			MinDiskGiB: image.MinDiskGiB, MinMemoryMiB: image.MinMemoryMiB, TrustDomain: g.v.Domain,
			Metadata: map[string]string{"vnfPkgId": g.pkg.VnfPkgID, "vnfdId": g.pkg.VNFD.ID},
		}
		_, err = g.s.c.VIM.Do(ctx, "POST", "/images", want, &have)
	}
	if err != nil {
		return "", fmt.Errorf("add software image %s: %w", image.Name, err)
	}
	if have.Status != "ACTIVE" {
		if err := g.s.upload(ctx, id, content, size); err != nil {
			return "", fmt.Errorf("upload software image %s: %w", image.Name, err)
		}
		if _, err := g.s.c.VIM.Do(ctx, "GET", "/images/"+url.PathEscape(id), nil, &have); err != nil {
			return "", fmt.Errorf("read software image %s: %w", image.Name, err)
		}
	}
	if have.Checksum == nil || !strings.EqualFold(have.Checksum.Hash, sum) {
		return "", deny("the VIM's content of the software image %s is not that of the package: it was altered; delete image %s at the VIM", image.Name, id)
	}
	return id, nil
}

// upload sends the bytes of an image. Its client is that of the VIM's API, which
// speaks JSON only.
func (s *Service) upload(ctx context.Context, id string, content io.Reader, size int64) error {
	req, err := http.NewRequestWithContext(ctx, "PUT", s.c.VIM.Base+"/images/"+url.PathEscape(id)+"/content", content)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", "application/octet-stream")
	if s.c.VIM.Version != "" {
		req.Header.Set("Version", s.c.VIM.Version)
	}
	client := s.c.VIM.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return hub.E(hub.Unavailable, "upload software image", "the VIM does not answer; try again", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return hub.E(hub.Unprocessable, "upload software image", fmt.Sprintf("the VIM answered %d to the image's content; look at its log", resp.StatusCode), nil)
	}
	return nil
}
