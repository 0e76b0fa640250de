package sol003

import "time"

// VnfPkgInfo is a VNF package as the NFVO shows it to a VNFM (clause 10.5.2).
// Checksums are plain digests here, and an object in SOL 005.
type VnfPkgInfo struct {
	ID                              string                        `json:"id"`
	VnfdID                          string                        `json:"vnfdId,omitempty"`
	VnfProvider                     string                        `json:"vnfProvider,omitempty"`
	VnfProductName                  string                        `json:"vnfProductName,omitempty"`
	VnfSoftwareVersion              string                        `json:"vnfSoftwareVersion,omitempty"`
	VnfdVersion                     string                        `json:"vnfdVersion,omitempty"`
	CompatibleSpecificationVersions []string                      `json:"compatibleSpecificationVersions,omitempty"`
	Checksum                        string                        `json:"checksum,omitempty"`
	PackageSecurityOption           string                        `json:"packageSecurityOption,omitempty"`
	SigningCertificate              string                        `json:"signingCertificate,omitempty"`
	SoftwareImages                  []VnfPackageSoftwareImageInfo `json:"softwareImages,omitempty"`
	AdditionalArtifacts             []VnfPackageArtifactInfo      `json:"additionalArtifacts,omitempty"`
	OnboardingState                 PackageOnboardingStateType    `json:"onboardingState"`
	OperationalState                PackageOperationalStateType   `json:"operationalState"`
	UsageState                      PackageUsageStateType         `json:"usageState"`
	VnfmInfo                        []string                      `json:"vnfmInfo,omitempty"`
	UserDefinedData                 KeyValuePairs                 `json:"userDefinedData,omitempty"`
	OnboardingFailureDetails        *ProblemDetails               `json:"onboardingFailureDetails,omitempty"`
	Links                           VnfPkgInfoLinks               `json:"_links"`
}

// VnfPkgInfoLinks are the links of a VnfPkgInfo.
type VnfPkgInfoLinks struct {
	Self           Link  `json:"self"`
	Vnfd           *Link `json:"vnfd,omitempty"`
	PackageContent Link  `json:"packageContent"`
}

// VnfPackageSoftwareImageInfo is a software image of a VNF package.
type VnfPackageSoftwareImageInfo struct {
	ID              string        `json:"id"`
	Name            string        `json:"name"`
	Provider        string        `json:"provider"`
	Version         string        `json:"version"`
	Checksum        string        `json:"checksum"`
	IsEncrypted     bool          `json:"isEncrypted"`
	ContainerFormat string        `json:"containerFormat"`
	DiskFormat      string        `json:"diskFormat"`
	CreatedAt       time.Time     `json:"createdAt"`
	MinDisk         int           `json:"minDisk"`
	MinRam          int           `json:"minRam"`
	Size            int           `json:"size"`
	UserMetadata    KeyValuePairs `json:"userMetadata,omitempty"`
	ImagePath       string        `json:"imagePath,omitempty"`
	ImageURI        string        `json:"imageUri,omitempty"`
}

// VnfPackageArtifactInfo is a file of a VNF package, or one that it refers to, with
// its checksum.
type VnfPackageArtifactInfo struct {
	ArtifactPath           string        `json:"artifactPath"`
	ArtifactURI            []string      `json:"artifactURI,omitempty"`
	Checksum               string        `json:"checksum"`
	IsEncrypted            bool          `json:"isEncrypted"`
	NonManoArtifactSetID   string        `json:"nonManoArtifactSetId,omitempty"`
	ArtifactClassification string        `json:"artifactClassification,omitempty"`
	Metadata               KeyValuePairs `json:"metadata,omitempty"`
}
