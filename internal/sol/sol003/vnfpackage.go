package sol003

import "time"

// VnfPackageSoftwareImageInfo is the data type of that name in SOL003 V3.7.1.
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

// VnfPackageArtifactInfo is the data type of that name in SOL003 V3.7.1.
type VnfPackageArtifactInfo struct {
	ArtifactPath           string        `json:"artifactPath"`
	ArtifactURI            []string      `json:"artifactURI,omitempty"`
	Checksum               string        `json:"checksum"`
	IsEncrypted            bool          `json:"isEncrypted"`
	NonManoArtifactSetID   string        `json:"nonManoArtifactSetId,omitempty"`
	ArtifactClassification string        `json:"artifactClassification,omitempty"`
	Metadata               KeyValuePairs `json:"metadata,omitempty"`
}

// VnfPkgInfoLinks is the data type of that name in SOL003 V3.7.1.
type VnfPkgInfoLinks struct {
	Self           Link  `json:"self"`
	Vnfd           *Link `json:"vnfd,omitempty"`
	PackageContent Link  `json:"packageContent"`
}

// VnfPkgInfo is the data type of that name in SOL003 V3.7.1.
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

// VnfProductsFromProvider is the data type of that name in SOL003 V3.7.1.
type VnfProductsFromProvider struct {
	VnfProvider string       `json:"vnfProvider"`
	VnfProducts []VnfProduct `json:"vnfProducts,omitempty"`
}

// PkgmNotificationsFilter is the data type of that name in SOL003 V3.7.1.
type PkgmNotificationsFilter struct {
	NotificationTypes        []string                    `json:"notificationTypes,omitempty"`
	VnfProductsFromProviders []VnfProductsFromProvider   `json:"vnfProductsFromProviders,omitempty"`
	VnfdID                   []string                    `json:"vnfdId,omitempty"`
	VnfPkgID                 []string                    `json:"vnfPkgId,omitempty"`
	OperationalState         PackageOperationalStateType `json:"operationalState,omitempty"`
	UsageState               PackageUsageStateType       `json:"usageState,omitempty"`
	VnfmInfo                 []string                    `json:"vnfmInfo,omitempty"`
}

// PkgmSubscriptionRequest is the data type of that name in SOL003 V3.7.1.
type PkgmSubscriptionRequest struct {
	Filter         *PkgmNotificationsFilter    `json:"filter,omitempty"`
	CallbackURI    string                      `json:"callbackUri"`
	Authentication *SubscriptionAuthentication `json:"authentication,omitempty"`
}

// PkgmSubscription is the data type of that name in SOL003 V3.7.1.
type PkgmSubscription struct {
	ID          string                   `json:"id"`
	Filter      *PkgmNotificationsFilter `json:"filter,omitempty"`
	CallbackURI string                   `json:"callbackUri"`
	Links       SelfLinks                `json:"_links"`
}
