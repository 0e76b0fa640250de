package sol005

// NsdArchiveArtifactInfo is the data type of that name in SOL005 V3.7.1.
type NsdArchiveArtifactInfo struct {
	ArtifactPath string        `json:"artifactPath"`
	Checksum     Checksum      `json:"checksum"`
	Metadata     KeyValuePairs `json:"metadata,omitempty"`
}

// NsdInfoLinks is the data type of that name in SOL005 V3.7.1.
type NsdInfoLinks struct {
	Self       Link `json:"self"`
	NsdContent Link `json:"nsd_content"`
}

// NsdInfo is the data type of that name in SOL005 V3.7.1.
type NsdInfo struct {
	ID                       string                   `json:"id"`
	NsdID                    string                   `json:"nsdId,omitempty"`
	NsdName                  string                   `json:"nsdName,omitempty"`
	NsdVersion               string                   `json:"nsdVersion,omitempty"`
	NsdDesigner              string                   `json:"nsdDesigner,omitempty"`
	NsdInvariantID           string                   `json:"nsdInvariantId,omitempty"`
	VnfPkgIDs                []string                 `json:"vnfPkgIds"` // this or nestedNsdInfoIds is required: never null
	PnfdInfoIDs              []string                 `json:"pnfdInfoIds,omitempty"`
	NestedNsdInfoIDs         []string                 `json:"nestedNsdInfoIds,omitempty"`
	ArchiveSecurityOption    string                   `json:"archiveSecurityOption,omitempty"`
	SigningCertificate       string                   `json:"signingCertificate,omitempty"`
	Artifacts                []NsdArchiveArtifactInfo `json:"artifacts,omitempty"`
	NsdOnboardingState       NsdOnboardingStateType   `json:"nsdOnboardingState"`
	OnboardingFailureDetails *ProblemDetails          `json:"onboardingFailureDetails,omitempty"`
	NsdOperationalState      NsdOperationalStateType  `json:"nsdOperationalState"`
	NsdUsageState            NsdUsageStateType        `json:"nsdUsageState"`
	UserDefinedData          KeyValuePairs            `json:"userDefinedData,omitempty"`
	Links                    NsdInfoLinks             `json:"_links"`
}

// NsdInfoModifications is the data type of that name in SOL005 V3.7.1.
type NsdInfoModifications struct {
	NsdOperationalState NsdOperationalStateType `json:"nsdOperationalState,omitempty"`
	UserDefinedData     []KeyValuePairs         `json:"userDefinedData,omitempty"`
}

// CreateNsdInfoRequest is the data type of that name in SOL005 V3.7.1.
type CreateNsdInfoRequest struct {
	UserDefinedData KeyValuePairs `json:"userDefinedData,omitempty"`
}

// PnfdArchiveArtifactInfo is the data type of that name in SOL005 V3.7.1.
type PnfdArchiveArtifactInfo struct {
	ArtifactPath         string        `json:"artifactPath"`
	Checksum             Checksum      `json:"checksum"`
	NonManoArtifactSetID string        `json:"nonManoArtifactSetId,omitempty"`
	Metadata             KeyValuePairs `json:"metadata,omitempty"`
}

// PnfdInfoLinks is the data type of that name in SOL005 V3.7.1.
type PnfdInfoLinks struct {
	Self        Link `json:"self"`
	PnfdContent Link `json:"pnfd_content"`
}

// PnfdInfo is the data type of that name in SOL005 V3.7.1.
type PnfdInfo struct {
	ID                       string                    `json:"id"`
	PnfdID                   string                    `json:"pnfdId,omitempty"`
	PnfdName                 string                    `json:"pnfdName,omitempty"`
	Pnfdersion               string                    `json:"pnfdersion,omitempty"`
	PnfdProvider             string                    `json:"pnfdProvider,omitempty"`
	PnfdInvariantID          string                    `json:"pnfdInvariantId,omitempty"`
	ArchiveSecurityOption    string                    `json:"archiveSecurityOption,omitempty"`
	SigningCertificate       string                    `json:"signingCertificate,omitempty"`
	Artifacts                []PnfdArchiveArtifactInfo `json:"artifacts,omitempty"`
	PnfdOnboardingState      PnfdOnboardingStateType   `json:"pnfdOnboardingState"`
	OnboardingFailureDetails *ProblemDetails           `json:"onboardingFailureDetails,omitempty"`
	PnfdUsageState           PnfdUsageStateType        `json:"pnfdUsageState"`
	UserDefinedData          KeyValuePairs             `json:"userDefinedData,omitempty"`
	Links                    PnfdInfoLinks             `json:"_links"`
}

// PnfdInfoModifications is the data type of that name in SOL005 V3.7.1.
type PnfdInfoModifications struct {
	UserDefinedData KeyValuePairs `json:"userDefinedData"`
}

// CreatePnfdInfoRequest is the data type of that name in SOL005 V3.7.1.
type CreatePnfdInfoRequest struct {
	UserDefinedData KeyValuePairs `json:"userDefinedData,omitempty"`
}

// NsdmNotificationsFilter is the data type of that name in SOL005 V3.7.1.
type NsdmNotificationsFilter struct {
	NotificationTypes   []string                  `json:"notificationTypes,omitempty"`
	NsdInfoID           []string                  `json:"nsdInfoId,omitempty"`
	NsdID               []string                  `json:"nsdId,omitempty"`
	NsdName             []string                  `json:"nsdName,omitempty"`
	NsdVersion          []string                  `json:"nsdVersion,omitempty"`
	NsdDesigner         []string                  `json:"nsdDesigner,omitempty"`
	NsdInvariantID      []string                  `json:"nsdInvariantId,omitempty"`
	VnfPkgIDs           []string                  `json:"vnfPkgIds,omitempty"`
	PnfdInfoIDs         []string                  `json:"pnfdInfoIds,omitempty"`
	NestedNsdInfoIDs    []string                  `json:"nestedNsdInfoIds,omitempty"`
	NsdOnboardingState  []NsdOnboardingStateType  `json:"nsdOnboardingState,omitempty"`
	NsdOperationalState []NsdOperationalStateType `json:"nsdOperationalState,omitempty"`
	NsdUsageState       []NsdUsageStateType       `json:"nsdUsageState,omitempty"`
	PnfdID              []string                  `json:"pnfdId,omitempty"`
	PnfdName            []string                  `json:"pnfdName,omitempty"`
	PnfdVersion         []string                  `json:"pnfdVersion,omitempty"`
	PnfdProvider        []string                  `json:"pnfdProvider,omitempty"`
	PnfdInvariantID     []string                  `json:"pnfdInvariantId,omitempty"`
	PnfdOnboardingState []PnfdOnboardingStateType `json:"pnfdOnboardingState,omitempty"`
	PnfdUsageState      []PnfdUsageStateType      `json:"pnfdUsageState,omitempty"`
}

// NsdmSubscriptionLinks is the data type of that name in SOL005 V3.7.1.
type NsdmSubscriptionLinks struct {
	Self *Link `json:"self,omitempty"`
}

// NsdmSubscription is the data type of that name in SOL005 V3.7.1.
type NsdmSubscription struct {
	ID          string                   `json:"id"`
	Filter      *NsdmNotificationsFilter `json:"filter,omitempty"`
	CallbackURI string                   `json:"callbackUri"`
	Links       NsdmSubscriptionLinks    `json:"_links"`
}

// NsdmSubscriptionRequest is the data type of that name in SOL005 V3.7.1.
type NsdmSubscriptionRequest struct {
	Filter         *NsdmNotificationsFilter    `json:"filter,omitempty"`
	CallbackURI    string                      `json:"callbackUri"`
	Authentication *SubscriptionAuthentication `json:"authentication,omitempty"`
}
