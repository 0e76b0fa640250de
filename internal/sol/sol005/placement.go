package sol005

// AffinityOrAntiAffinityRule says that VNFs must, or must not, share what scope
// names: a host, a zone or a site. affinityOrAntiAffiinty is ETSI's spelling.
type AffinityOrAntiAffinityRule struct {
	VnfdID                 []string `json:"vnfdId,omitempty"`
	VnfProfileID           []string `json:"vnfProfileId,omitempty"`
	VnfInstanceID          []string `json:"vnfInstanceId,omitempty"`
	AffinityOrAntiAffiinty string   `json:"affinityOrAntiAffiinty"`
	Scope                  string   `json:"scope"`
}

// LocationConstraints say where on Earth something may run, as a country, a civic
// address or an area (RFC 4776, RFC 7946).
type LocationConstraints struct {
	CountryCode         string                `json:"countryCode,omitempty"`
	CivicAddressElement []CivicAddressElement `json:"civicAddressElement,omitempty"`
	Area                map[string]any        `json:"area,omitempty"`
}

// CivicAddressElement is one element of a civic address, by its type in RFC 4776.
// It stands inline in LocationConstraints.
type CivicAddressElement struct {
	CaType  int    `json:"caType"`
	CaValue string `json:"caValue"`
}

// VnfLocationConstraint says where the VNFs of a profile may run.
type VnfLocationConstraint struct {
	VnfProfileID        string               `json:"vnfProfileId"`
	LocationConstraints *LocationConstraints `json:"locationConstraints,omitempty"`
}

// NestedNsLocationConstraint says where the nested NSs of a profile may run.
type NestedNsLocationConstraint struct {
	NsProfileID         string              `json:"nsProfileId"`
	LocationConstraints LocationConstraints `json:"locationConstraints"`
}
