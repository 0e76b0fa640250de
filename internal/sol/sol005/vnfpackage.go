package sol005

import "time"

// VnfPkgInfo is the data type of that name in SOL005 V3.7.1.
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

// VnfPkgInfoLinks is the data type of that name in SOL005 V3.7.1.
type VnfPkgInfoLinks struct {
	Self           Link `json:"self"`
	Vnfd           Link `json:"vnfd"`
	PackageContent Link `json:"packageContent"`
}

// VnfPackageSoftwareImageInfo is the data type of that name in SOL005 V3.7.1.
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

// VnfPackageArtifactInfo is the data type of that name in SOL005 V3.7.1.
type VnfPackageArtifactInfo struct {
	ArtifactPath           string        `json:"artifactPath,omitempty"`
	ArtifactURI            string        `json:"artifactURI,omitempty"`
	Checksum               Checksum      `json:"checksum"`
	IsEncrypted            bool          `json:"isEncrypted"`
	NonManoArtifactSetID   string        `json:"nonManoArtifactSetId,omitempty"`
	ArtifactClassification string        `json:"artifactClassification,omitempty"`
	Metadata               KeyValuePairs `json:"metadata,omitempty"`
}

// Checksum is the data type of that name in SOL005 V3.7.1.
type Checksum struct {
	Algorithm string `json:"algorithm"`
	Hash      string `json:"hash"`
}

// CreateVnfPkgInfoRequest is the data type of that name in SOL005 V3.7.1.
type CreateVnfPkgInfoRequest struct {
	UserDefinedData KeyValuePairs `json:"userDefinedData,omitempty"`
}

// VnfPkgInfoModifications is the data type of that name in SOL005 V3.7.1.
type VnfPkgInfoModifications struct {
	OperationalState PackageOperationalStateType `json:"operationalState,omitempty"`
	UserDefinedData  KeyValuePairs               `json:"userDefinedData,omitempty"`
}

// UploadVnfPackageFromURIRequest is the data type of that name in SOL005 V3.7.1.
type UploadVnfPackageFromURIRequest struct {
	AddressInformation            string               `json:"addressInformation"`
	AuthType                      string               `json:"authType,omitempty"`
	ParamsOauth2ClientCredentials *DownloadCredentials `json:"paramsOauth2ClientCredentials,omitempty"`
}

// ExternalArtifactsAccessConfig is the data type of that name in SOL005 V3.7.1.
type ExternalArtifactsAccessConfig struct {
	Artifact *ExternalArtifact `json:"artifact,omitempty"`
}

// ExternalArtifact is the data type of that name in SOL005 V3.7.1.
type ExternalArtifact struct {
	ArtifactURI                   string               `json:"artifactUri"`
	OverrideURI                   string               `json:"overrideUri,omitempty"`
	AuthType                      string               `json:"authType,omitempty"`
	ParamsOauth2ClientCredentials *DownloadCredentials `json:"paramsOauth2ClientCredentials,omitempty"`
}

// DownloadCredentials is the data type of that name in SOL005 V3.7.1.
type DownloadCredentials struct {
	ClientID       string `json:"clientId"`
	ClientPassword string `json:"clientPassword"`
	TokenEndpoint  string `json:"tokenEndpoint"`
}
