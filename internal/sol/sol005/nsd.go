package sol005

// NsdInfo is an NSD archive in the catalogue: what it describes, how far it has
// come, and who signed it (clause 5.5.2).
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

// NsdInfoLinks are the links of an NsdInfo.
type NsdInfoLinks struct {
	Self       Link `json:"self"`
	NsdContent Link `json:"nsd_content"`
}

// NsdArchiveArtifactInfo is a file of an NSD archive, with its checksum.
type NsdArchiveArtifactInfo struct {
	ArtifactPath string        `json:"artifactPath"`
	Checksum     Checksum      `json:"checksum"`
	Metadata     KeyValuePairs `json:"metadata,omitempty"`
}

// CreateNsdInfoRequest is a request to make room for an NSD archive. The archive
// itself comes after.
type CreateNsdInfoRequest struct {
	UserDefinedData KeyValuePairs `json:"userDefinedData,omitempty"`
}

// NsdInfoModifications is what may be changed of an NsdInfo.
type NsdInfoModifications struct {
	NsdOperationalState NsdOperationalStateType `json:"nsdOperationalState,omitempty"`
	UserDefinedData     []KeyValuePairs         `json:"userDefinedData,omitempty"`
}
