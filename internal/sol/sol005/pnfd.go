package sol005

import "time"

// PnfdInfo is a PNFD archive in the catalogue. pnfdersion is ETSI's spelling.
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

// PnfdInfoLinks are the links of a PnfdInfo.
type PnfdInfoLinks struct {
	Self        Link `json:"self"`
	PnfdContent Link `json:"pnfd_content"`
}

// PnfdArchiveArtifactInfo is a file of a PNFD archive, with its checksum.
type PnfdArchiveArtifactInfo struct {
	ArtifactPath         string        `json:"artifactPath"`
	Checksum             Checksum      `json:"checksum"`
	NonManoArtifactSetID string        `json:"nonManoArtifactSetId,omitempty"`
	Metadata             KeyValuePairs `json:"metadata,omitempty"`
}

// CreatePnfdInfoRequest is a request to make room for a PNFD archive. The archive
// itself comes after.
type CreatePnfdInfoRequest struct {
	UserDefinedData KeyValuePairs `json:"userDefinedData,omitempty"`
}

// PnfdInfoModifications is what may be changed of a PnfdInfo.
type PnfdInfoModifications struct {
	UserDefinedData KeyValuePairs `json:"userDefinedData"`
}

// PnfdOnBoardingNotification tells that a PNFD archive has come in whole.
type PnfdOnBoardingNotification struct {
	ID               string     `json:"id"`
	NotificationType string     `json:"notificationType"`
	SubscriptionID   string     `json:"subscriptionId"`
	TimeStamp        time.Time  `json:"timeStamp"`
	PnfdInfoID       string     `json:"pnfdInfoId"`
	PnfdID           string     `json:"pnfdId"`
	Links            PnfdmLinks `json:"_links"`
}

// PnfdOnBoardingFailureNotification tells that a PNFD archive was refused, and why.
type PnfdOnBoardingFailureNotification struct {
	ID                       string          `json:"id"`
	NotificationType         string          `json:"notificationType"`
	SubscriptionID           string          `json:"subscriptionId"`
	TimeStamp                time.Time       `json:"timeStamp"`
	PnfdInfoID               string          `json:"pnfdInfoId"`
	PnfdID                   string          `json:"pnfdId,omitempty"`
	OnboardingFailureDetails *ProblemDetails `json:"onboardingFailureDetails"`
	Links                    PnfdmLinks      `json:"_links"`
}

// PnfdDeletionNotification tells that a PNFD was deleted.
type PnfdDeletionNotification struct {
	ID               string     `json:"id"`
	NotificationType string     `json:"notificationType"`
	SubscriptionID   string     `json:"subscriptionId"`
	TimeStamp        time.Time  `json:"timeStamp"`
	PnfdInfoID       string     `json:"pnfdInfoId"`
	PnfdID           string     `json:"pnfdId"`
	Links            PnfdmLinks `json:"_links"`
}

// PnfdmLinks are the links of a notification about a PNFD.
type PnfdmLinks struct {
	PnfdInfo     NotificationLink `json:"pnfdInfo"`
	Subscription NotificationLink `json:"subscription"`
}
