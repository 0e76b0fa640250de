package sol

// SubscriptionAuthentication is how a notification is to be authorised towards its
// receiver (SOL 013 clause 8.3.4, which SOL 003 and SOL 005 use for every
// subscription). It holds passwords: it is taken in and never shown.
type SubscriptionAuthentication struct {
	AuthType                      []string                       `json:"authType"`
	ParamsBasic                   *ParamsBasic                   `json:"paramsBasic,omitempty"`
	ParamsOauth2ClientCredentials *ParamsOauth2ClientCredentials `json:"paramsOauth2ClientCredentials,omitempty"`
}

// ParamsBasic are the name and the password for HTTP Basic authentication.
type ParamsBasic struct {
	UserName string `json:"userName,omitempty"`
	Password string `json:"password,omitempty"`
}

// ParamsOauth2ClientCredentials say with what, and where, an OAuth 2.0 access token
// is obtained.
type ParamsOauth2ClientCredentials struct {
	ClientID       string `json:"clientId,omitempty"`
	ClientPassword string `json:"clientPassword,omitempty"`
	TokenEndpoint  string `json:"tokenEndpoint,omitempty"`
}

// VnfProduct is the part of a subscription's filter that names a product of a VNF
// provider, in all versions or in some (SOL 003 clauses 4.4.1 and 10.5.3, SOL 005
// clause 9.5.3).
type VnfProduct struct {
	VnfProductName string               `json:"vnfProductName"`
	Versions       []VnfProductVersions `json:"versions,omitempty"`
}

// VnfProductVersions is the part of a subscription's filter that names a version of
// a VNF's software, in all VNFDs or in some.
type VnfProductVersions struct {
	VnfSoftwareVersion string   `json:"vnfSoftwareVersion"`
	VnfdVersions       []string `json:"vnfdVersions,omitempty"`
}

// LcmOpOccNotificationVerbosityType says how much a notification of an operation
// tells (SOL 003 clause 5.5.4, SOL 005 clause 6.5.4.11).
type LcmOpOccNotificationVerbosityType string

// FULL has what the operation changed in the notification, SHORT only where to read
// it.
const (
	LcmOpOccNotificationVerbosityFull  LcmOpOccNotificationVerbosityType = "FULL"
	LcmOpOccNotificationVerbosityShort LcmOpOccNotificationVerbosityType = "SHORT"
)
