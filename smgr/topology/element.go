package topology

import (
	"slices"
	"time"

	"github.com/manoward/manoward/internal/ifa006"
)

// The elements as they stand in the input. A member that is not known is absent;
// a list or object that is known to be empty is there.

type checksum struct {
	Algorithm string `json:"algorithm"`
	Hash      string `json:"hash"`
}

type source struct {
	Kind     string `json:"kind,omitempty"`
	Identity string `json:"identity,omitempty"`
}

type ns struct {
	ID     string           `json:"id"`
	Name   string           `json:"name,omitempty"`
	NsdID  string           `json:"nsdId,omitempty"`
	State  string           `json:"state,omitempty"`
	Flavor string           `json:"flavourId,omitempty"`
	VnfIDs []string         `json:"vnfInstanceIds,omitzero"` // sorted
	Pnfs   few[pnf]         `json:"pnfs,omitzero"`
	Links  few[link]        `json:"virtualLinks,omitzero"`
	Bars   map[string]nsBar `json:"replacementBars,omitzero"`
	ports  few[portsOf]     // what is attached to each virtual link

	profiles few[string] // by VNF, as the NS says
}

// portsOf are the connection points on a virtual link: of a VNF by the VNF's ID
// and its own, and the PNFs.
type portsOf struct {
	cps  [][2]string
	pnfs []string
}

type pnf struct {
	Name      string `json:"pnfName,omitempty"`
	PnfdID    string `json:"pnfdId,omitempty"`
	ProfileID string `json:"profileId,omitempty"`
}

type link struct {
	Name      string `json:"name,omitempty"`
	ProfileID string `json:"profileId,omitempty"`
	NetworkID string `json:"networkId,omitempty"`
}

type nsBar struct {
	By    string    `json:"by,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

type vnf struct {
	ID            string        `json:"id"`
	NsIDs         []string      `json:"nsInstanceIds,omitzero"` // joined
	ProfileID     string        `json:"vnfProfileId,omitempty"`
	VnfdID        string        `json:"vnfdId,omitempty"`
	PkgID         string        `json:"vnfPkgId,omitempty"`
	Provider      string        `json:"provider,omitempty"`
	Product       string        `json:"productName,omitempty"`
	Version       string        `json:"softwareVersion,omitempty"`
	Instantiation string        `json:"instantiationState,omitempty"`
	Operational   string        `json:"operationalState,omitempty"`
	Security      *bool         `json:"securityVnf,omitempty"`
	MinInstances  *int          `json:"minInstances,omitempty"`
	Integrity     *integrity    `json:"integrity,omitempty"`
	Connectivity  []connection  `json:"connectivity,omitzero"` // as told last, until it is read
	cps           []cp          // as read, to be joined with the virtual links; nil: not known
	ComputeIDs    []string      `json:"computeIds,omitzero"` // joined
	Certificates  []certificate `json:"certificates,omitzero"`
	Config        few[string]   `json:"configuration,omitzero"`
	vnfcs         few[string]   // compute by VNFC
}

// integrity is what the NFVO found when it used the package last.
type integrity struct {
	Verdict  string `json:"verdict"`
	Checksum string `json:"checksum,omitempty"`
	Option   string `json:"packageSecurityOption,omitempty"`
	Signer   string `json:"signer,omitempty"`
}

type connection struct {
	ExtCpID string   `json:"extCpId"`
	CpdID   string   `json:"cpdId,omitempty"`
	LinkID  string   `json:"virtualLinkInfoId,omitempty"`
	PnfIDs  []string `json:"pnfIds,omitzero"`
}

// cp is a connection point of a VNF as it is read.
type cp struct{ id, cpdID, network string } // network: at the VIM

type pkg struct {
	ID          string    `json:"id"`
	VnfdID      string    `json:"vnfdId,omitempty"`
	Provider    string    `json:"provider,omitempty"`
	Product     string    `json:"productName,omitempty"`
	Version     string    `json:"softwareVersion,omitempty"`
	Operational string    `json:"operationalState,omitempty"`
	Usage       string    `json:"usageState,omitempty"`
	Integrity   string    `json:"integrity,omitempty"`
	Checksum    *checksum `json:"checksum,omitempty"`
	Onboarded   *checksum `json:"onboardedChecksum,omitempty"` // joined
	Option      string    `json:"packageSecurityOption,omitempty"`
	Signer      string    `json:"signer,omitempty"`
}

type compute struct {
	ID          string           `json:"id"`
	VnfID       string           `json:"vnfInstanceId,omitempty"` // joined; as stored, what the VIM says
	HostID      string           `json:"hostId,omitempty"`
	ZoneID      string           `json:"zoneId,omitempty"`
	ImageID     string           `json:"imageId,omitempty"`
	FlavourID   string           `json:"flavourId,omitempty"`
	Operational string           `json:"operationalState,omitempty"`
	Running     string           `json:"runningState,omitempty"`
	Isolated    *bool            `json:"isolated,omitempty"`
	Location    *ifa006.Location `json:"location,omitempty"`
}

type host struct {
	ID           string           `json:"id"`
	ZoneID       string           `json:"zoneId,omitempty"`
	NfviPopID    string           `json:"nfviPopId,omitempty"`
	State        string           `json:"state,omitempty"`
	Integrity    string           `json:"integrity,omitempty"`
	Firmware     string           `json:"firmware,omitempty"`
	Equipment    *equipment       `json:"equipment,omitempty"`
	TrustDomains []string         `json:"trustDomains,omitzero"`
	Location     *ifa006.Location `json:"location,omitempty"`
	ComputeIDs   []string         `json:"computeIds,omitzero"`    // joined; as stored, what the VIM says
	OtherTenants *bool            `json:"otherTenants,omitempty"` // joined
	allocated    ifa006.Capacity  // by all trust domains
	left         int              // of it beside the domain's own, as was known last: see notKnown
	since        time.Time        // when that was
}

type equipment struct {
	TPM  bool `json:"tpm"`
	HSM  bool `json:"hsm"`
	HMEE bool `json:"hmee"`
}

type image struct {
	ID       string    `json:"id"`
	Name     string    `json:"name,omitempty"`
	PkgID    string    `json:"vnfPkgId,omitempty"`
	Checksum *checksum `json:"checksum,omitempty"`
	Stated   *checksum `json:"statedChecksum,omitempty"`
	Status   string    `json:"status,omitempty"`
}

// oneOf returns v if it is one of the values that the input's schema knows, else
// nothing: what an outside system calls otherwise is unknown.
func oneOf(v string, known ...string) string {
	if slices.Contains(known, v) {
		return v
	}
	return ""
}

// known is a fact that is known. Elements share it: nobody changes what it points to, which
// TestMain holds after all tests.
func known(is bool) *bool {
	if is {
		return &isTrue
	}
	return &isFalse
}

var isTrue, isFalse = true, false

// sortedWith returns a sorted copy with one more.
func sortedWith(list []string, id string) []string {
	i, _ := slices.BinarySearch(list, id)
	return slices.Insert(slices.Clone(list), i, id)
}
