package sol

// VnfExtCpData says how the external connection points of one CPD are to be
// attached to a virtual link (SOL 003 clause 4.4.1, SOL 005 clause 6.5.3). CpConfig
// has a connection point under each key; the key is what later changes name it by.
type VnfExtCpData struct {
	CpdID    string                    `json:"cpdId"`
	CpConfig map[string]VnfExtCpConfig `json:"cpConfig,omitempty"`
}

// VnfExtCpConfig is the link port that one connection point is to use, or the
// addresses that a new link port is to have, or both (SOL 003 clause 4.4.1, SOL 005
// clause 6.5.3). ParentCpConfigID is there for the subport of a trunk.
type VnfExtCpConfig struct {
	ParentCpConfigID  string           `json:"parentCpConfigId,omitempty"`
	LinkPortID        string           `json:"linkPortId,omitempty"`
	CreateExtLinkPort bool             `json:"createExtLinkPort,omitempty"`
	CpProtocolData    []CpProtocolData `json:"cpProtocolData,omitempty"`
}

// CpProtocolData is what a protocol layer of a connection point is to be set to
// (SOL 003 clause 4.4.1, SOL 005 clause 6.5.3). The one layer that both
// specifications know is IP_OVER_ETHERNET.
type CpProtocolData struct {
	LayerProtocol  string                     `json:"layerProtocol"`
	IpOverEthernet *IpOverEthernetAddressData `json:"ipOverEthernet,omitempty"`
}

// IpOverEthernetAddressData are the addresses that a connection point is to get: a
// MAC address, IP addresses, or both (SOL 003 clause 4.4.1, SOL 005 clause 6.5.3).
type IpOverEthernetAddressData struct {
	MacAddress       string          `json:"macAddress,omitempty"`
	SegmentationType string          `json:"segmentationType,omitempty"`
	SegmentationID   string          `json:"segmentationId,omitempty"`
	IpAddresses      []IpAddressData `json:"ipAddresses,omitempty"`
}

// IpAddressData are the IP addresses that a connection point is to get in one
// subnet: exactly one of fixed ones, a number of dynamic ones, and a range. It
// stands inline in IpOverEthernetAddressData.
type IpAddressData struct {
	Type                string          `json:"type"`
	FixedAddresses      []string        `json:"fixedAddresses,omitempty"`
	NumDynamicAddresses int             `json:"numDynamicAddresses,omitempty"`
	AddressRange        *IpAddressRange `json:"addressRange,omitempty"`
	SubnetID            string          `json:"subnetId,omitempty"`
}

// IpAddressInfo are the IP addresses that a connection point has in one subnet:
// either single ones or a range. It stands inline in IpOverEthernetAddressInfo (SOL
// 003 clause 5.5.3, SOL 005 clause 6.5.3).
type IpAddressInfo struct {
	Type         string          `json:"type"`
	Addresses    []string        `json:"addresses,omitempty"`
	IsDynamic    bool            `json:"isDynamic,omitempty"`
	AddressRange *IpAddressRange `json:"addressRange,omitempty"`
	SubnetID     string          `json:"subnetId,omitempty"`
}

// IpAddressRange are all IP addresses from one to another, both included. It stands
// inline in IpAddressData and IpAddressInfo.
type IpAddressRange struct {
	MinAddress string `json:"minAddress"`
	MaxAddress string `json:"maxAddress"`
}
