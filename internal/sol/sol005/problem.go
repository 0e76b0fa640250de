package sol005

// ProblemDetails says why something failed, as it stands inside other resources (SOL
// 013 clause 6.3, after RFC 9457).
type ProblemDetails struct {
	Type     string `json:"type,omitempty"`
	Title    string `json:"title,omitempty"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Instance string `json:"instance,omitempty"`
	// Findings is our extension: each reason for which a package was refused.
	Findings []string `json:"manoward.findings,omitempty"`
}
