package sol005

import "time"

// VnfPkgInfo is a VNF package in the catalogue: what it describes, how far it has
// come, what is in it and who signed it (clause 9.5.2).
type VnfPkgInfo struct {
	ID                              string                        `json:"id"`
	VnfdID                          string                        `json:"vnfdId,omitempty"`
	VnfProvider                     string                        `json:"vnfProvider,omitempty"`
	VnfProductName                  string                        `json:"vnfProductName,omitempty"`
	VnfSoftwareVersion              string                        `json:"vnfSoftwareVersion,omitempty"`
	VnfdVersion                     string                        `json:"vnfdVersion,omitempty"`
	CompatibleSpecificationVersions string                        `json:"compatibleSpecificationVersions,omitempty"`
	Checksum                        *Checksum                     `json:"checksum,omitempty"`
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
	Self           Link `json:"self"`
	Vnfd           Link `json:"vnfd"`
	PackageContent Link `json:"packageContent"`
}

// VnfPackageSoftwareImageInfo is a software image of a VNF package.
type VnfPackageSoftwareImageInfo struct {
	ID              string        `json:"id"`
	Name            string        `json:"name"`
	Provider        string        `json:"provider"`
	Version         string        `json:"version"`
	Checksum        Checksum      `json:"checksum"`
	IsEncrypted     bool          `json:"isEncrypted"`
	ContainerFormat string        `json:"containerFormat"`
	DiskFormat      string        `json:"diskFormat"`
	CreatedAt       time.Time     `json:"createdAt"`
	MinDisk         int           `json:"minDisk"`
	MinRam          int           `json:"minRam"`
	Size            int           `json:"size"`
	UserMetadata    KeyValuePairs `json:"userMetadata,omitempty"`
	ImagePath       string        `json:"imagePath"`
	ImageURI        string        `json:"imageUri,omitempty"`
}

// VnfPackageArtifactInfo is a file of a VNF package, or one that it refers to, with
// its checksum.
type VnfPackageArtifactInfo struct {
	ArtifactPath           string        `json:"artifactPath,omitempty"`
	ArtifactURI            string        `json:"artifactURI,omitempty"`
	Checksum               Checksum      `json:"checksum"`
	IsEncrypted            bool          `json:"isEncrypted"`
	NonManoArtifactSetID   string        `json:"nonManoArtifactSetId,omitempty"`
	ArtifactClassification string        `json:"artifactClassification,omitempty"`
	Metadata               KeyValuePairs `json:"metadata,omitempty"`
}

// Checksum is a digest and the name of its algorithm. SOL 003 has the digest alone.
type Checksum struct {
	Algorithm string `json:"algorithm"`
	Hash      string `json:"hash"`
}

// CreateVnfPkgInfoRequest is a request to make room for a VNF package. The package
// itself comes after.
type CreateVnfPkgInfoRequest struct {
	UserDefinedData KeyValuePairs `json:"userDefinedData,omitempty"`
}

// VnfPkgInfoModifications is what may be changed of a VnfPkgInfo.
type VnfPkgInfoModifications struct {
	OperationalState PackageOperationalStateType `json:"operationalState,omitempty"`
	UserDefinedData  KeyValuePairs               `json:"userDefinedData,omitempty"`
}

// UploadVnfPackageFromURIRequest is a request to fetch a VNF package from
// elsewhere.
type UploadVnfPackageFromURIRequest struct {
	AddressInformation            string               `json:"addressInformation"`
	AuthType                      string               `json:"authType,omitempty"`
	ParamsOauth2ClientCredentials *DownloadCredentials `json:"paramsOauth2ClientCredentials,omitempty"`
}

// ExternalArtifactsAccessConfig says how files are fetched that a VNF package only
// refers to.
type ExternalArtifactsAccessConfig struct {
	Artifact *ExternalArtifact `json:"artifact,omitempty"`
}

// ExternalArtifact says how one such file is fetched. It stands inline in
// ExternalArtifactsAccessConfig.
type ExternalArtifact struct {
	ArtifactURI                   string               `json:"artifactUri"`
	OverrideURI                   string               `json:"overrideUri,omitempty"`
	AuthType                      string               `json:"authType,omitempty"`
	ParamsOauth2ClientCredentials *DownloadCredentials `json:"paramsOauth2ClientCredentials,omitempty"`
}

// DownloadCredentials say with what, and where, an OAuth 2.0 access token is
// obtained to fetch a package or a file. It stands inline, as
// paramsOauth2ClientCredentials, in UploadVnfPackageFromURIRequest and in
// ExternalArtifact.
type DownloadCredentials struct {
	ClientID       string `json:"clientId"`
	ClientPassword string `json:"clientPassword"`
	TokenEndpoint  string `json:"tokenEndpoint"`
}
