package sol001

// VNFD is a VNF descriptor (SOL 001 clause 6, tosca.nodes.nfv.VNF).
type VNFD struct {
	ID              string              `json:"id"` // descriptor_id
	Version         string              `json:"version"`
	Provider        string              `json:"provider"`
	ProductName     string              `json:"productName"`
	SoftwareVersion string              `json:"softwareVersion"`
	VnfmInfo        []string            `json:"vnfmInfo"`
	AutoHeal        bool                `json:"autoHeal"`  // configurable property is_autoheal_enabled is offered
	AutoScale       bool                `json:"autoScale"` // is_autoscale_enabled is offered
	Flavours        map[string]*Flavour `json:"flavours"`  // by flavour_id
	DefaultFlavour  string              `json:"defaultFlavour"`
	Configurable    map[string]any      `json:"configurableProperties,omitempty"` // declared names with defaults
	Certificates    []CertificateDesc   `json:"certificates,omitempty"`           // of SOL 001 V4.5.1 and later, clause 6.8.19
	Indicators      []IndicatorDesc     `json:"indicators,omitempty"`             // by the names of their policies
	Security        bool                `json:"security"`                         // declared as a security VNF: metadata manoward.security
	Extensions      map[string]any      `json:"modifiableAttributes,omitempty"`
	Metadata        map[string]string   `json:"metadata,omitempty"`
	Files           []string            `json:"files"` // of the package that it was read from, sorted
}

// Flavour is one deployment flavour of a VNF.
type Flavour struct {
	ID           string              `json:"id"`
	Description  string              `json:"description,omitempty"`
	Levels       map[string]*Level   `json:"instantiationLevels"` // at least one
	DefaultLevel string              `json:"defaultLevel"`
	Aspects      map[string]*Aspect  `json:"scalingAspects,omitempty"`
	VDUs         map[string]*VDU     `json:"vdus"`
	Links        map[string]*Link    `json:"virtualLinks,omitempty"` // internal
	ExtCps       map[string]*ExtCp   `json:"extCps,omitempty"`
	Storages     map[string]*Storage `json:"storages,omitempty"`
	Affinity     []AffinityRule      `json:"affinity,omitempty"`
	Operations   map[string]any      `json:"lcmOperationsConfiguration,omitempty"`
}

// Level says how many instances of each VDU an instantiation level has.
type Level struct {
	Description string         `json:"description,omitempty"`
	Instances   map[string]int `json:"instances"`       // by VDU
	Scale       map[string]int `json:"scale,omitempty"` // scale level by aspect
	BitRates    map[string]int `json:"bitRates,omitempty"`
}

// Aspect is a scaling aspect: each step adds Delta instances of VDUs.
type Aspect struct {
	Name     string           `json:"name,omitempty"`
	MaxLevel int              `json:"maxScaleLevel"`
	Deltas   []map[string]int `json:"deltas"` // for step 1, 2, ...; the last one repeats
}

// VDU is Vdu.Compute.
type VDU struct {
	ID              string         `json:"id"`
	Name            string         `json:"name"`
	Min             int            `json:"minInstances"`
	Max             int            `json:"maxInstances"`
	VCPUs           int            `json:"vCpus"`
	MemoryMiB       int            `json:"memoryMiB"`
	DiskGiB         int            `json:"diskGiB"`         // local, ephemeral
	Image           string         `json:"image,omitempty"` // ID of the image in the package: the VDU's own name, as SOL 003's vnfdSoftwareImageId
	SwImage         *SwImage       `json:"swImage,omitempty"`
	Storages        []string       `json:"storages,omitempty"` // names of attached Storage
	Cps             []Cp           `json:"cps,omitempty"`
	TPM             bool           `json:"tpm,omitempty"` // requested_additional_capabilities or logical_node manoward/SEC 012 keys
	HSM             bool           `json:"hsm,omitempty"`
	HMEE            bool           `json:"hmee,omitempty"`
	Acceleration    []string       `json:"acceleration,omitempty"` // requested_additional_capabilities "acceleration.<name>": the names, sorted
	Constraints     map[string]any `json:"logicalNode,omitempty"`
	CertificateDesc []string       `json:"installableCertificates,omitempty"`
}

// SwImage is a software image with the checksum that the descriptor states.
type SwImage struct {
	Name            string `json:"name"`
	Version         string `json:"version"`
	Provider        string `json:"provider,omitempty"`
	Algorithm       string `json:"algorithm"` // as stated: sha-256
	Hash            string `json:"hash"`
	ContainerFormat string `json:"containerFormat"`
	DiskFormat      string `json:"diskFormat"`
	MinDiskGiB      int    `json:"minDiskGiB"`
	MinMemoryMiB    int    `json:"minMemoryMiB"`
	SizeBytes       int64  `json:"sizeBytes"`
	File            string `json:"file,omitempty"` // path in the package, or a URI
}

// Cp is a connection point of a VDU, on an internal link or exposed as an
// external connection point.
type Cp struct {
	ID       string   `json:"id"`
	Order    int      `json:"order"`
	Link     string   `json:"link,omitempty"`
	ExtCp    string   `json:"extCp,omitempty"` // name of the external connection point it is
	Protocol []string `json:"layerProtocols,omitempty"`
}

// ExtCp is an external connection point of the VNF.
type ExtCp struct {
	ID          string   `json:"id"`
	InternalCp  string   `json:"internalCp,omitempty"`
	Link        string   `json:"link,omitempty"` // an internal link that is exposed
	Requirement string   `json:"requirement"`    // name under which an NSD wires it: virtual_link
	Protocol    []string `json:"layerProtocols,omitempty"`
}

// Link is an internal virtual link.
type Link struct {
	ID    string   `json:"id"`
	CIDRs []string `json:"cidrs,omitempty"`
	Type  string   `json:"type,omitempty"`
}

// Storage is a virtual storage of a VDU.
type Storage struct {
	ID      string   `json:"id"`
	Type    string   `json:"type"` // BLOCK, OBJECT, FILE
	SizeGiB int      `json:"sizeGiB"`
	SwImage *SwImage `json:"swImage,omitempty"`
}

// AffinityRule places VDUs, VNFs or links together or apart.
type AffinityRule struct {
	Name    string   `json:"name"`
	Anti    bool     `json:"anti"`
	Scope   string   `json:"scope"` // nfvi_node, zone, zone_group, nfvi_pop
	Members []string `json:"members"`
}

// CertificateDesc is a certificate descriptor (SOL 001 V5.4.1 clause 6.8.19).
type CertificateDesc struct {
	ID      string         `json:"id"`
	Type    string         `json:"type"` // VNFCI_CERT, VNFOAM_CERT
	Profile map[string]any `json:"baseProfile,omitempty"`
	CSR     map[string]any `json:"csrRequirements,omitempty"`
}

// IndicatorDesc is a VNF indicator that a VNF or its EM tells of itself (policy type
// tosca.policies.nfv.VnfIndicator of SOL 001). Its value is what the VNF says: SOL 001
// gives it no form.
type IndicatorDesc struct {
	ID     string `json:"id"` // name of the policy: IdentifierInVnfd
	Name   string `json:"name,omitempty"`
	Source string `json:"source"` // SourceVNF, SourceEM or SourceBoth
}

// The values of [IndicatorDesc.Source].
const (
	SourceVNF  = "vnf"
	SourceEM   = "em"
	SourceBoth = "both_em_vnf"
)
