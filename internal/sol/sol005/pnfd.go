package sol005

import "time"

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

// PnfdInfoLinks is the data type of that name in SOL005 V3.7.1.
type PnfdInfoLinks struct {
	Self        Link `json:"self"`
	PnfdContent Link `json:"pnfd_content"`
}

// PnfdArchiveArtifactInfo is the data type of that name in SOL005 V3.7.1.
type PnfdArchiveArtifactInfo struct {
	ArtifactPath         string        `json:"artifactPath"`
	Checksum             Checksum      `json:"checksum"`
	NonManoArtifactSetID string        `json:"nonManoArtifactSetId,omitempty"`
	Metadata             KeyValuePairs `json:"metadata,omitempty"`
}

// CreatePnfdInfoRequest is the data type of that name in SOL005 V3.7.1.
type CreatePnfdInfoRequest struct {
	UserDefinedData KeyValuePairs `json:"userDefinedData,omitempty"`
}

// PnfdInfoModifications is the data type of that name in SOL005 V3.7.1.
type PnfdInfoModifications struct {
	UserDefinedData KeyValuePairs `json:"userDefinedData"`
}

// PnfdOnBoardingNotification is the data type of that name in SOL005 V3.7.1.
type PnfdOnBoardingNotification struct {
	ID               string     `json:"id"`
	NotificationType string     `json:"notificationType"`
	SubscriptionID   string     `json:"subscriptionId"`
	TimeStamp        time.Time  `json:"timeStamp"`
	PnfdInfoID       string     `json:"pnfdInfoId"`
	PnfdID           string     `json:"pnfdId"`
	Links            PnfdmLinks `json:"_links"`
}

// PnfdOnBoardingFailureNotification is the data type of that name in SOL005 V3.7.1.
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

// PnfdDeletionNotification is the data type of that name in SOL005 V3.7.1.
type PnfdDeletionNotification struct {
	ID               string     `json:"id"`
	NotificationType string     `json:"notificationType"`
	SubscriptionID   string     `json:"subscriptionId"`
	TimeStamp        time.Time  `json:"timeStamp"`
	PnfdInfoID       string     `json:"pnfdInfoId"`
	PnfdID           string     `json:"pnfdId"`
	Links            PnfdmLinks `json:"_links"`
}

// PnfdmLinks is the data type of that name in SOL005 V3.7.1.
type PnfdmLinks struct {
	PnfdInfo     NotificationLink `json:"pnfdInfo"`
	Subscription NotificationLink `json:"subscription"`
}
