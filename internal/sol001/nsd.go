package sol001

// NSD is a network service descriptor (SOL 001 clause 7, tosca.nodes.nfv.NS).
type NSD struct {
	ID          string                `json:"id"` // descriptor_id
	InvariantID string                `json:"invariantId"`
	Name        string                `json:"name"`
	Designer    string                `json:"designer"`
	Version     string                `json:"version"`
	Flavours    map[string]*NSFlavour `json:"flavours"`
	Default     string                `json:"defaultFlavour"`
	AutoHeal    bool                  `json:"autoHeal"`
	AutoScale   bool                  `json:"autoScale"`
	VNFDs       []string              `json:"vnfdIds"` // every VNFD it may use, security VNFs included
	PNFDs       []string              `json:"pnfdIds,omitempty"`
	Nested      []string              `json:"nestedNsdIds,omitempty"`
	Metadata    map[string]string     `json:"metadata,omitempty"`
	Files       []string              `json:"files"` // of the package that it was read from, sorted
}

// NSFlavour is one deployment flavour of an NS.
type NSFlavour struct {
	ID           string                 `json:"id"`
	Levels       map[string]*NSLevel    `json:"levels"`
	DefaultLevel string                 `json:"defaultLevel"`
	Aspects      map[string]*NSAspect   `json:"scalingAspects,omitempty"`
	VNFs         map[string]*VNFProfile `json:"vnfProfiles"`
	PNFs         map[string]*PNFProfile `json:"pnfProfiles,omitempty"`
	Links        map[string]*NSLink     `json:"virtualLinkProfiles,omitempty"`
	SAPs         map[string]*SAP        `json:"saps,omitempty"`
	VNFFGs       map[string]*VNFFG      `json:"vnffgs,omitempty"`
	Affinity     []AffinityRule         `json:"affinity,omitempty"` // members are VNF profiles
}

// NSLevel says how many instances of each VNF profile an NS level has.
type NSLevel struct {
	Description string         `json:"description,omitempty"`
	Instances   map[string]int `json:"instances"`
	Scale       map[string]int `json:"scale,omitempty"`
}

// NSAspect is a scaling aspect of an NS: each step adds instances of profiles.
type NSAspect struct {
	Name     string           `json:"name,omitempty"`
	MaxLevel int              `json:"maxScaleLevel"`
	Deltas   []map[string]int `json:"deltas"`
}

// VNFProfile is one kind of VNF in an NS.
type VNFProfile struct {
	ID       string            `json:"id"`
	VnfdID   string            `json:"vnfdId"`
	Flavour  string            `json:"flavourId"`
	Level    string            `json:"instantiationLevel"`
	Min      int               `json:"minInstances"`
	Max      int               `json:"maxInstances"`
	Links    map[string]string `json:"links"`    // link profile by the VNFD's external CP requirement
	Security bool              `json:"security"` // a security VNF that the NSD foresees (Sc-Or.SecurityVnfMgmt.001)
	Initial  bool              `json:"initial"`  // made when the NS is instantiated; a security VNF need not be
}

// PNFProfile is one PNF in an NS.
type PNFProfile struct {
	ID     string            `json:"id"`
	PnfdID string            `json:"pnfdId"`
	Links  map[string]string `json:"links"` // link profile by the PNFD's external CP
}

// NSLink is a virtual link of an NS.
type NSLink struct {
	ID       string   `json:"id"`
	CIDRs    []string `json:"cidrs,omitempty"`
	Protocol []string `json:"layerProtocols,omitempty"`
	Min      int      `json:"minBitRate,omitempty"`
	Max      int      `json:"maxBitRate,omitempty"`
}

// SAP is a service access point.
type SAP struct {
	ID   string `json:"id"`
	Link string `json:"link,omitempty"`
	Name string `json:"name,omitempty"`
}

// VNFFG is a VNF forwarding graph.
type VNFFG struct {
	ID      string          `json:"id"`
	Members []string        `json:"members"` // VNF and PNF profiles
	Links   []string        `json:"links"`
	NFPs    map[string]*NFP `json:"nfps"`
}

// NFP is a network forwarding path through connection points.
type NFP struct {
	ID        string         `json:"id"`
	Positions []Position     `json:"positions"`
	Rule      map[string]any `json:"rule,omitempty"`
}

// Position is a step of a path: a connection point of a VNF or PNF profile, or
// a SAP.
type Position struct {
	Element string `json:"element"` // VNF profile, PNF profile or SAP
	Cp      string `json:"cp,omitempty"`
}

// PNFD is a PNF descriptor (SOL 001 clause 8).
type PNFD struct {
	ID          string            `json:"id"`
	InvariantID string            `json:"invariantId"`
	Name        string            `json:"name"`
	Provider    string            `json:"provider"`
	Version     string            `json:"version"`
	Description string            `json:"description,omitempty"`
	ExtCps      map[string]*ExtCp `json:"extCps"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Files       []string          `json:"files"` // of the package that it was read from, sorted
}
