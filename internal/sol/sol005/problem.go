package sol005

// ProblemDetails is the data type of that name in SOL013 clause 6.3 (RFC 9457),
// as it stands inside other resources.
type ProblemDetails struct {
	Type     string `json:"type,omitempty"`
	Title    string `json:"title,omitempty"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Instance string `json:"instance,omitempty"`
	// Findings is our extension: each reason for which a package was refused.
	Findings []string `json:"manoward.findings,omitempty"`
}
