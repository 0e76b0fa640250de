package ifa006

import "time"

// States of hosts and computes.
const (
	Enabled     = "ENABLED"     // host: takes new computes
	Stopped     = "STOPPED"     // host: its use was ended; takes none
	Quarantined = "QUARANTINED" // host: as Stopped, and isolated with what is on it
	Failed      = "FAILED"      // host or compute: broken
	Started     = "STARTED"     // compute: runs
	Halted      = "HALTED"      // compute: allocated and not running
)

// Integrity states of a host (boot measurement).
const (
	IntegrityTrusted   = "TRUSTED"
	IntegrityUntrusted = "UNTRUSTED"
	IntegrityUnknown   = "UNKNOWN"
)

// NfviSourceModel is what every answer of the built-in NFVI model says in its
// nfviSource attribute, so that nobody takes it for a real infrastructure.
const NfviSourceModel = "manoward-model"

// NfviPop is NfviPop of IFA 005 clause 8.10.3.
type NfviPop struct {
	ID         string   `json:"nfviPopId"`
	VimID      string   `json:"vimId"`
	Location   Location `json:"geographicalLocationInfo"`
	Endpoints  []string `json:"networkConnectivityEndpoint,omitempty"`
	NfviSource string   `json:"nfviSource"`
}

// Location is a physical place.
type Location struct {
	Country   string  `json:"country,omitempty"` // ISO 3166-1 alpha-2
	Site      string  `json:"site,omitempty"`
	Latitude  float64 `json:"latitude,omitempty"`  // degrees, WGS 84
	Longitude float64 `json:"longitude,omitempty"` // degrees, WGS 84
	Room      string  `json:"room,omitempty"`
	Rack      string  `json:"rack,omitempty"`
	Unit      string  `json:"unit,omitempty"`
}

// Zone is ResourceZone of IFA 005 clause 8.10.2.
type Zone struct {
	ID         string            `json:"zoneId"`
	Name       string            `json:"zoneName"`
	State      string            `json:"zoneState"` // AVAILABLE, UNAVAILABLE
	NfviPopID  string            `json:"nfviPopId"`
	Properties []string          `json:"zoneProperty,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	NfviSource string            `json:"nfviSource"`
}

// Capacity is an amount of resources.
type Capacity struct {
	VCPUs     int `json:"numVCpus"`
	MemoryMiB int `json:"memoryMiB"`
	DiskGiB   int `json:"diskGiB"`
}

// Equipment is the security hardware of a host, or what of it is asked for.
type Equipment struct {
	TPM  bool `json:"tpm,omitempty"`
	HSM  bool `json:"hsm,omitempty"`
	HMEE bool `json:"hmee,omitempty"` // Hardware Mediated Execution Enclave
}

// Host is a compute node.
type Host struct {
	ID        string    `json:"hostId"`
	ZoneID    string    `json:"zoneId"`
	NfviPopID string    `json:"nfviPopId"`
	State     string    `json:"state"`
	Integrity string    `json:"integrityState"`
	Firmware  string    `json:"firmwareVersion,omitempty"`
	Equipment Equipment `json:"equipment"`
	// Acceleration is what its accelerators can do, such as "crypto" or "gpu"; see
	// [Flavour].
	Acceleration []string `json:"accelerationCapability,omitempty"`
	Total        Capacity `json:"totalCapacity"`
	Allocated    Capacity `json:"allocatedCapacity"`
	Location     Location `json:"physicalLocation"`
	TrustDomains []string `json:"trustDomains,omitempty"` // whose computes it may hold; none: those of all
	// StoppedFor are the trust domains for which alone the use of the host was
	// ended, QuarantinedFor those of them whose computes on it are isolated.
	StoppedFor     []string  `json:"stoppedFor,omitempty"`
	QuarantinedFor []string  `json:"quarantinedFor,omitempty"`
	StateReason    string    `json:"stateReason,omitempty"`
	StateSince     time.Time `json:"stateSince"`
	ComputeIDs     []string  `json:"computeIds,omitempty"` // what is on it; a Security Manager sees its own domain's only
	NfviSource     string    `json:"nfviSource"`
}

// Flavour is VirtualComputeFlavour of IFA 006 clause 8.4.2. Its acceleration capabilities
// are names of what the accelerators of the host must be able to do; several computes of
// a host may use the same.
type Flavour struct {
	ID           string    `json:"id"`
	Name         string    `json:"name,omitempty"`
	Size         Capacity  `json:"size"`
	Equipment    Equipment `json:"equipment,omitzero"`               // that the host must have
	Acceleration []string  `json:"accelerationCapability,omitempty"` // that the host must have
	IsPublic     bool      `json:"isPublic"`
	NfviSource   string    `json:"nfviSource"`
}

// Checksum is the digest of some content.
type Checksum struct {
	Algorithm string `json:"algorithm"` // SHA-256, SHA-512
	Hash      string `json:"hash"`      // hexadecimal
}

// Image is SoftwareImageInformation of IFA 006 clause 8.2.2.
type Image struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Provider string    `json:"provider,omitempty"`
	Version  string    `json:"version,omitempty"`
	Checksum *Checksum `json:"checksum,omitempty"` // of the content as the VIM holds it now
	// StatedChecksum is the one that the content must have: on input, the one that
	// is asked for; without it, that of the content as it was uploaded.
	StatedChecksum  *Checksum         `json:"statedChecksum,omitempty"`
	ContainerFormat string            `json:"containerFormat,omitempty"`
	DiskFormat      string            `json:"diskFormat,omitempty"`
	CreatedAt       time.Time         `json:"createdAt,omitzero"`
	UpdatedAt       time.Time         `json:"updatedAt,omitzero"`
	MinDiskGiB      int               `json:"minDiskGiB,omitempty"`
	MinMemoryMiB    int               `json:"minMemoryMiB,omitempty"`
	SizeBytes       int64             `json:"sizeBytes"`
	Status          string            `json:"status"`      // QUEUED without content, ACTIVE
	TrustDomain     string            `json:"trustDomain"` // that it serves
	Metadata        map[string]string `json:"metadata,omitempty"`
	NfviSource      string            `json:"nfviSource"`
}

// Compute is VirtualCompute of IFA 006 clause 8.4.3, and on input what Allocate
// Virtualised Compute Resource asks for.
type Compute struct {
	ID               string            `json:"id"` // computeId, chosen by the consumer
	Name             string            `json:"computeName"`
	TrustDomain      string            `json:"trustDomain"`
	FlavourID        string            `json:"flavourId"`
	ImageID          string            `json:"vcImageId,omitempty"`
	ZoneID           string            `json:"zoneId,omitempty"`
	HostID           string            `json:"hostId,omitempty"` // on input: this host and no other
	Ports            []Port            `json:"virtualNetworkInterface,omitempty"`
	Storages         []Storage         `json:"virtualDisks,omitempty"`
	Constraints      []Constraint      `json:"affinityOrAntiAffinityConstraints,omitempty"` // input only
	ExcludeHosts     []string          `json:"excludeHosts,omitempty"`                      // input only
	Metadata         map[string]string `json:"metadata,omitempty"`                          // such as vnfInstanceId
	OperationalState string            `json:"operationalState"`                            // Enabled, Failed
	RunningState     string            `json:"runningState"`                                // Started, Halted, Failed
	Location         *Location         `json:"physicalLocation,omitempty"`                  // of its host
	Acceleration     []string          `json:"accelerationCapability,omitempty"`            // that it uses of its host
	SecureStorage    []string          `json:"secureStorage,omitempty"`                     // TPM, HSM or HMEE slots of the host that hold data of it
	Isolated         bool              `json:"isolated,omitempty"`                          // its host is quarantined, for all or for its trust domain
	ContentChecksum  *Checksum         `json:"contentChecksum,omitempty"`                   // of its memory and local disk
	CreatedAt        time.Time         `json:"createdAt,omitzero"`
	NfviSource       string            `json:"nfviSource"`
}

// Constraint places computes together or apart: AFFINITY or ANTI_AFFINITY, in
// the scope HOST or ZONE, with all computes of the same group.
type Constraint struct {
	Type  string `json:"type"`
	Scope string `json:"scope"`
	Group string `json:"group"`
	// Party names the compute's side in a group of several: those of one party may
	// be together however far the parties are apart, as the VNFCs of one VNF are
	// that is to be apart from another. Empty: the compute is a side of its own.
	Party string `json:"party,omitempty"`
}

// Port is VirtualNetworkPort of IFA 006 clause 8.4.5.
type Port struct {
	ID          string            `json:"id"`
	Name        string            `json:"name,omitempty"`
	TrustDomain string            `json:"trustDomain"`
	NetworkID   string            `json:"networkId"`
	AttachedTo  string            `json:"attachedResourceId,omitempty"` // a compute, or a PNF's name
	MAC         string            `json:"macAddress,omitempty"`
	IPAddresses []string          `json:"ipAddress,omitempty"` // assigned from the network's subnets when none is asked for
	Isolated    bool              `json:"isolated,omitempty"`  // carries nothing, because its compute is isolated
	Metadata    map[string]string `json:"metadata,omitempty"`
	NfviSource  string            `json:"nfviSource"`
}

// Network is VirtualNetwork of IFA 006 clause 8.4.4 with its subnets.
type Network struct {
	ID          string            `json:"id"` // networkResourceId, chosen by the consumer
	Name        string            `json:"name"`
	TrustDomain string            `json:"trustDomain"`
	Type        string            `json:"networkType,omitempty"` // vlan, vxlan
	Subnets     []Subnet          `json:"subnet,omitempty"`
	PortIDs     []string          `json:"networkPort,omitempty"` // output only
	Metadata    map[string]string `json:"metadata,omitempty"`
	NfviSource  string            `json:"nfviSource"`
}

// Subnet is NetworkSubnet of IFA 006 clause 8.4.6.
type Subnet struct {
	ID        string `json:"id"`
	CIDR      string `json:"cidr"`
	IPVersion int    `json:"ipVersion"`
	GatewayIP string `json:"gatewayIp,omitempty"`
}

// Storage is VirtualStorage of IFA 006 clause 8.4.7.
type Storage struct {
	ID          string     `json:"id"`
	Name        string     `json:"storageName,omitempty"`
	TrustDomain string     `json:"trustDomain"`
	Type        string     `json:"typeOfStorage"` // BLOCK, OBJECT
	SizeGiB     int        `json:"sizeOfStorageGiB"`
	ImageID     string     `json:"imageId,omitempty"`
	HostID      string     `json:"hostId,omitempty"`
	AttachedTo  string     `json:"ownerId,omitempty"`
	ErasedAt    *time.Time `json:"erasedAt,omitempty"`
	// ContentChecksum is that of the content now; erasing changes it.
	ContentChecksum *Checksum         `json:"contentChecksum,omitempty"`
	Metadata        map[string]string `json:"metadata,omitempty"`
	NfviSource      string            `json:"nfviSource"`
}

// Snapshot is one compute with its storages as it was.
type Snapshot struct {
	ID          string            `json:"id"`
	TrustDomain string            `json:"trustDomain"`
	ComputeID   string            `json:"computeId"`
	Compute     *Compute          `json:"compute,omitempty"` // output only: as it was
	CreatedAt   time.Time         `json:"createdAt,omitzero"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	NfviSource  string            `json:"nfviSource"`
}
