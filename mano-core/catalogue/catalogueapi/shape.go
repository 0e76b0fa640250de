package catalogueapi

import (
	"encoding/pem"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/mano-core/catalogue"
	"github.com/manoward/manoward/mano-core/catalogue/csar"
)

func operational(p *catalogue.Package) string {
	if p.Enabled {
		return "ENABLED"
	}
	return "DISABLED"
}

func usage(p *catalogue.Package) string {
	if p.InUse() {
		return "IN_USE"
	}
	return "NOT_IN_USE"
}

func failure(p *catalogue.Package) *sol005.ProblemDetails {
	if p.Failure == nil {
		return nil
	}
	return &sol005.ProblemDetails{Status: p.Failure.Status, Detail: p.Failure.Detail, Findings: p.Failure.Findings}
}

// signingCertificate is the certificate of who signed the package, in PEM.
func signingCertificate(p *catalogue.Package) string {
	if p.Result == nil {
		return ""
	}
	for _, g := range p.Result.Signers {
		if g.Check == csar.OK && (p.Result.Option == csar.Option2 || g.Signed == p.Result.Manifest) {
			return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.Certificate}))
		}
	}
	return ""
}

func securityOption(p *catalogue.Package) string {
	if p.Result == nil {
		return ""
	}
	return string(p.Result.Option)
}

func vnfPkgInfo(r *http.Request, p *catalogue.Package) sol005.VnfPkgInfo {
	self := httpapi.ResourceURI(r, "/vnf_packages/"+p.ID)
	out := sol005.VnfPkgInfo{
		ID: p.ID, PackageSecurityOption: securityOption(p), SigningCertificate: signingCertificate(p),
		OnboardingState: sol005.PackageOnboardingStateType(p.State), OperationalState: sol005.PackageOperationalStateType(operational(p)),
		UsageState: sol005.PackageUsageStateType(usage(p)), UserDefinedData: p.ShownData(), OnboardingFailureDetails: failure(p),
		Links: sol005.VnfPkgInfoLinks{
			Self: sol005.Link{Href: self}, Vnfd: sol005.Link{Href: self + "/vnfd"}, PackageContent: sol005.Link{Href: self + "/package_content"},
		},
	}
	if p.VNFD == nil {
		return out
	}
	d := p.VNFD
	out.VnfdID, out.VnfProvider, out.VnfProductName, out.VnfSoftwareVersion, out.VnfdVersion = d.ID, d.Provider, d.ProductName, d.SoftwareVersion, d.Version
	out.VnfmInfo = d.VnfmInfo
	out.Checksum = &sol005.Checksum{Algorithm: "SHA-256", Hash: p.Content.SHA256}
	images := p.Images()
	for _, id := range slices.Sorted(maps.Keys(images)) {
		out.SoftwareImages = append(out.SoftwareImages, softwareImage(p, id, images[id]))
	}
	for _, a := range additional(p) {
		info := sol005.VnfPackageArtifactInfo{
			Checksum: sol005.Checksum{Algorithm: a.Algorithm, Hash: a.Hash}, IsEncrypted: a.Encrypted, NonManoArtifactSetID: a.NonMANO,
		}
		if a.External {
			info.ArtifactURI = a.Path
		} else {
			info.ArtifactPath = a.Path
		}
		out.AdditionalArtifacts = append(out.AdditionalArtifacts, info)
	}
	return out
}

func softwareImage(p *catalogue.Package, id string, img *sol001.SwImage) sol005.VnfPackageSoftwareImageInfo {
	const mib, gib = 1 << 20, 1 << 30
	provider := img.Provider
	if provider == "" {
		provider = p.VNFD.Provider
	}
	return sol005.VnfPackageSoftwareImageInfo{
		ID: id, Name: img.Name, Provider: provider, Version: img.Version,
		Checksum:        sol005.Checksum{Algorithm: strings.ToUpper(img.Algorithm), Hash: img.Hash},
		ContainerFormat: strings.ToUpper(img.ContainerFormat), DiskFormat: strings.ToUpper(img.DiskFormat), CreatedAt: p.Time,
		MinDisk: img.MinDiskGiB * gib, MinRam: img.MinMemoryMiB * mib, Size: int(img.SizeBytes), ImagePath: img.File,
	}
}

// additional are the artifacts that are neither software images nor part of the
// descriptor or of the package's own form.
func additional(p *catalogue.Package) []csar.Artifact {
	if p.Result == nil {
		return nil
	}
	own := map[string]bool{p.Result.Manifest: true, "TOSCA-Metadata/TOSCA.meta": true}
	for _, img := range p.Images() {
		own[img.File] = true
	}
	for _, s := range p.Result.Checks.ArtifactSignatures {
		own[s.Signature] = true
	}
	for _, d := range slices.Concat(p.DescriptorFiles(), typeFiles(p)) {
		own[d] = true
	}
	var out []csar.Artifact
	for _, a := range p.Result.Artifacts {
		if !own[a.Path] && a.Hash != "" {
			out = append(out, a)
		}
	}
	return out
}

// typeFiles are the type definitions of SOL 001 that the package brings along.
func typeFiles(p *catalogue.Package) []string {
	var out []string
	for _, a := range p.Result.Artifacts {
		if !a.External && sol001.TypeFile(a.Path) {
			out = append(out, a.Path)
		}
	}
	return out
}

func vnfPkgInfoOrVnfm(r *http.Request, p *catalogue.Package) sol003.VnfPkgInfo {
	in := vnfPkgInfo(r, p)
	self := httpapi.ResourceURI(r, "/vnf_packages/"+p.ID)
	out := sol003.VnfPkgInfo{
		ID: in.ID, VnfdID: in.VnfdID, VnfProvider: in.VnfProvider, VnfProductName: in.VnfProductName,
		VnfSoftwareVersion: in.VnfSoftwareVersion, VnfdVersion: in.VnfdVersion,
		PackageSecurityOption: in.PackageSecurityOption, SigningCertificate: in.SigningCertificate,
		OnboardingState: in.OnboardingState, OperationalState: in.OperationalState,
		UsageState: in.UsageState, VnfmInfo: in.VnfmInfo, UserDefinedData: in.UserDefinedData,
		Links: sol003.VnfPkgInfoLinks{
			Self: sol003.Link{Href: self}, Vnfd: &sol003.Link{Href: self + "/vnfd"}, PackageContent: sol003.Link{Href: self + "/package_content"},
		},
	}
	if in.Checksum != nil {
		out.Checksum = in.Checksum.Hash
	}
	for _, i := range in.SoftwareImages {
		out.SoftwareImages = append(out.SoftwareImages, sol003.VnfPackageSoftwareImageInfo{
			ID: i.ID, Name: i.Name, Provider: i.Provider, Version: i.Version, Checksum: i.Checksum.Hash, IsEncrypted: i.IsEncrypted,
			ContainerFormat: i.ContainerFormat, DiskFormat: i.DiskFormat, CreatedAt: i.CreatedAt, MinDisk: i.MinDisk, MinRam: i.MinRam,
			Size: i.Size, ImagePath: i.ImagePath,
		})
	}
	for _, a := range in.AdditionalArtifacts {
		info := sol003.VnfPackageArtifactInfo{ArtifactPath: a.ArtifactPath, Checksum: a.Checksum.Hash, IsEncrypted: a.IsEncrypted, NonManoArtifactSetID: a.NonManoArtifactSetID}
		if a.ArtifactURI != "" {
			info.ArtifactURI = []string{a.ArtifactURI}
		}
		out.AdditionalArtifacts = append(out.AdditionalArtifacts, info)
	}
	return out
}

func nsdInfo(r *http.Request, p *catalogue.Package) sol005.NsdInfo {
	self := httpapi.ResourceURI(r, "/ns_descriptors/"+p.ID)
	out := sol005.NsdInfo{
		ID: p.ID, VnfPkgIDs: append([]string{}, p.VnfPkgIDs...), PnfdInfoIDs: p.PnfdInfoIDs, NestedNsdInfoIDs: p.NestedInfoIDs,
		ArchiveSecurityOption: securityOption(p), SigningCertificate: signingCertificate(p),
		NsdOnboardingState: sol005.NsdOnboardingStateType(p.State), OnboardingFailureDetails: failure(p),
		NsdOperationalState: sol005.NsdOperationalStateType(operational(p)), NsdUsageState: sol005.NsdUsageStateType(usage(p)),
		UserDefinedData: p.ShownData(),
		Links:           sol005.NsdInfoLinks{Self: sol005.Link{Href: self}, NsdContent: sol005.Link{Href: self + "/nsd_content"}},
	}
	if d := p.NSD; d != nil {
		out.NsdID, out.NsdName, out.NsdVersion, out.NsdDesigner, out.NsdInvariantID = d.ID, d.Name, d.Version, d.Designer, d.InvariantID
	}
	for _, a := range additional(p) {
		out.Artifacts = append(out.Artifacts, sol005.NsdArchiveArtifactInfo{ArtifactPath: a.Path, Checksum: sol005.Checksum{Algorithm: a.Algorithm, Hash: a.Hash}})
	}
	return out
}

func pnfdInfo(r *http.Request, p *catalogue.Package) sol005.PnfdInfo {
	self := httpapi.ResourceURI(r, "/pnf_descriptors/"+p.ID)
	out := sol005.PnfdInfo{
		ID: p.ID, ArchiveSecurityOption: securityOption(p), SigningCertificate: signingCertificate(p),
		PnfdOnboardingState: sol005.PnfdOnboardingStateType(p.State), OnboardingFailureDetails: failure(p),
		PnfdUsageState: sol005.PnfdUsageStateType(usage(p)), UserDefinedData: p.ShownData(),
		Links: sol005.PnfdInfoLinks{Self: sol005.Link{Href: self}, PnfdContent: sol005.Link{Href: self + "/pnfd_content"}},
	}
	if d := p.PNFD; d != nil {
		out.PnfdID, out.PnfdName, out.Pnfdersion, out.PnfdProvider, out.PnfdInvariantID = d.ID, d.Name, d.Version, d.Provider, d.InvariantID
	}
	for _, a := range additional(p) {
		out.Artifacts = append(out.Artifacts, sol005.PnfdArchiveArtifactInfo{
			ArtifactPath: a.Path, Checksum: sol005.Checksum{Algorithm: a.Algorithm, Hash: a.Hash}, NonManoArtifactSetID: a.NonMANO,
		})
	}
	return out
}
