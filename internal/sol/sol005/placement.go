package sol005

// AffinityOrAntiAffinityRule is the data type of that name in SOL005 V3.7.1.
type AffinityOrAntiAffinityRule struct {
	VnfdID                 []string `json:"vnfdId,omitempty"`
	VnfProfileID           []string `json:"vnfProfileId,omitempty"`
	VnfInstanceID          []string `json:"vnfInstanceId,omitempty"`
	AffinityOrAntiAffiinty string   `json:"affinityOrAntiAffiinty"`
	Scope                  string   `json:"scope"`
}

// LocationConstraints is the data type of that name in SOL005 V3.7.1.
type LocationConstraints struct {
	CountryCode         string                `json:"countryCode,omitempty"`
	CivicAddressElement []CivicAddressElement `json:"civicAddressElement,omitempty"`
	Area                map[string]any        `json:"area,omitempty"`
}

// CivicAddressElement is the data type of that name in SOL005 V3.7.1.
type CivicAddressElement struct {
	CaType  int    `json:"caType"`
	CaValue string `json:"caValue"`
}

// VnfLocationConstraint is the data type of that name in SOL005 V3.7.1.
type VnfLocationConstraint struct {
	VnfProfileID        string               `json:"vnfProfileId"`
	LocationConstraints *LocationConstraints `json:"locationConstraints,omitempty"`
}

// NestedNsLocationConstraint is the data type of that name in SOL005 V3.7.1.
type NestedNsLocationConstraint struct {
	NsProfileID         string              `json:"nsProfileId"`
	LocationConstraints LocationConstraints `json:"locationConstraints"`
}
