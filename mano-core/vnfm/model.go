package vnfm

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
)

// Names of metadata that mean something to this VNFM.
const (
	MetaTrustDomain = "manoward.trustDomain" // trust domain of the instance; fixed when it is created
	MetaCreatedBy   = "manoward.createdBy"   // identity of who made the instance; fixed too
	MetaBarred      = "manoward.barred"      // "true": not to be healed automatically; the NFVO's to set
)

// VNF is a VNF instance as it is stored.
type VNF struct {
	Name            string                              `json:"name,omitempty"`
	Description     string                              `json:"description,omitempty"`
	VnfdID          string                              `json:"vnfdId"`
	PkgID           string                              `json:"pkgId,omitempty"`
	Provider        string                              `json:"provider"`
	Product         string                              `json:"product"`
	SoftwareVersion string                              `json:"softwareVersion"`
	VnfdVersion     string                              `json:"vnfdVersion"`
	AutoHealOffered bool                                `json:"autoHealOffered,omitempty"`
	Configurable    sol003.KeyValuePairs                `json:"configurable,omitempty"`
	Metadata        sol003.KeyValuePairs                `json:"metadata,omitempty"`
	Extensions      sol003.KeyValuePairs                `json:"extensions,omitempty"`
	VimConnections  map[string]sol003.VimConnectionInfo `json:"vimConnections,omitempty"`
	Layout          *Layout                             `json:"layout,omitempty"`  // nil: NOT_INSTANTIATED
	Generation      int                                 `json:"generation"`        // counts operations, so that no resource ID comes twice
	Running         string                              `json:"running,omitempty"` // the operation that holds it, if that has not ended
	BodyHash        string                              `json:"bodyHash"`          // of the request that created it
	Deleted         bool                                `json:"deleted,omitempty"` // gone for everyone; its last event may wait
	Pending         []Event                             `json:"pending,omitempty"`
}

// terms are what a VNF is found by.
func (v *VNF) terms() []string {
	t := []string{"vnfd=" + v.VnfdID}
	if v.Name != "" {
		t = append(t, "name="+v.Name)
	}
	if v.Deleted || len(v.Pending) > 0 {
		t = append(t, termUnfinished)
	}
	for _, c := range v.Layout.vnfcs() {
		t = append(t, "compute="+c.ComputeID)
	}
	if v.isIndicated() {
		t = append(t, termIndicated)
	}
	if v.configuredAt() != "" {
		t = append(t, termConfigured)
	}
	if at := v.Layout.nextRenewal(); !at.IsZero() {
		t = append(t, termRenew(at), termCertified)
	}
	return t
}

// autoHeals says whether a failed compute of it is replaced without being asked.
func (v *VNF) autoHeals() bool {
	if v.Layout == nil || v.Deleted || !v.AutoHealOffered || isTrue(v.Metadata[MetaBarred]) {
		return false
	}
	return isTrue(v.Configurable["isAutohealEnabled"]) || isTrue(v.Configurable["is_autoheal_enabled"])
}

// isTrue reads a boolean that consumers write as true or as "true".
func isTrue(v any) bool { return v == true || v == "true" }

// Layout is the resources of an instantiated VNF.
type Layout struct {
	VnfdID   string                         `json:"vnfdId"`
	Flavour  string                         `json:"flavour"`
	State    sol003.VnfOperationalStateType `json:"state"`
	Language string                         `json:"language,omitempty"` // localizationLanguage
	Scale    map[string]int                 `json:"scale,omitempty"`    // level by aspect
	MaxScale map[string]int                 `json:"maxScale,omitempty"` // by aspect
	VNFCs    []VNFC                         `json:"vnfcs,omitempty"`
	Links    []Link                         `json:"links,omitempty"` // internal
	Ext      []sol003.ExtVirtualLinkData    `json:"ext,omitempty"`
}

// VNFC is one VNFC instance with its compute.
type VNFC struct {
	ID           string              `json:"id"`
	VDU          string              `json:"vdu"`
	Index        int                 `json:"index"` // among those of its VDU
	ComputeID    string              `json:"computeId"`
	Connection   string              `json:"connection,omitempty"` // vimConnectionId
	FlavourID    string              `json:"flavourId,omitempty"`
	Image        string              `json:"image,omitempty"`    // as the VNFD names it
	ImageKey     string              `json:"imageKey,omitempty"` // under which the package has it
	ImageID      string              `json:"imageId,omitempty"`
	Zone         string              `json:"zone,omitempty"` // as granted
	ExcludeHosts []string            `json:"excludeHosts,omitempty"`
	Constraints  []ifa006.Constraint `json:"constraints,omitempty"`
	Storages     []Storage           `json:"storages,omitempty"`
	Ports        []Port              `json:"ports,omitempty"`
	Wanted       []Wanted            `json:"wanted,omitempty"` // certificates that the VNFD asks for
	Certificates []VNFCCertificate   `json:"certificates,omitempty"`
	SeenZone     string              `json:"seenZone,omitempty"` // as the VIM told
}

// Storage is a storage of one VNFC.
type Storage struct {
	ID         string `json:"id"`
	Desc       string `json:"desc"`
	ResourceID string `json:"resourceId"`
	Type       string `json:"type"`
	SizeGiB    int    `json:"sizeGiB"`
	Image      string `json:"image,omitempty"`
	ImageID    string `json:"imageId,omitempty"`
}

// Port is a connection point of a VNFC and the port that it has at the VIM.
type Port struct {
	ID          string   `json:"id"` // of the VNFC's connection point
	Cpd         string   `json:"cpd"`
	PortID      string   `json:"portId"`
	NetworkID   string   `json:"networkId"`
	Link        string   `json:"link,omitempty"`    // internal link, by its descriptor
	ExtCp       string   `json:"extCp,omitempty"`   // external connection point's descriptor
	ExtLink     string   `json:"extLink,omitempty"` // external link
	ConfigID    string   `json:"configId,omitempty"`
	MAC         string   `json:"mac,omitempty"` // asked for
	IPAddresses []string `json:"ipAddresses,omitempty"`
	SeenMAC     string   `json:"seenMac,omitempty"` // as the VIM told
	SeenIPs     []string `json:"seenIps,omitempty"`
}

// extCpID and linkPortID name what a port is in instantiatedVnfInfo.
func (p *Port) extCpID() string    { return "ext-" + p.ID }
func (p *Port) linkPortID() string { return "port-" + p.ID }

// Link is an internal virtual link.
type Link struct {
	ID         string   `json:"id"`
	Desc       string   `json:"desc"`
	NetworkID  string   `json:"networkId"`
	Connection string   `json:"connection,omitempty"`
	CIDRs      []string `json:"cidrs,omitempty"`
	Type       string   `json:"type,omitempty"`
	Managed    bool     `json:"managed,omitempty"` // made outside (extManagedVirtualLinks) and not ours to delete
}

func (l *Layout) vnfcs() []VNFC {
	if l == nil {
		return nil
	}
	return l.VNFCs
}

func (l *Layout) links() []Link {
	if l == nil {
		return nil
	}
	return l.Links
}

func (l *Layout) ext() []sol003.ExtVirtualLinkData {
	if l == nil {
		return nil
	}
	return l.Ext
}

// clone returns a layout that shares nothing with l that a plan changes.
func (l *Layout) clone() *Layout {
	if l == nil {
		return nil
	}
	c := *l
	c.Scale, c.MaxScale = maps.Clone(l.Scale), maps.Clone(l.MaxScale)
	c.VNFCs, c.Links, c.Ext = slices.Clone(l.VNFCs), slices.Clone(l.Links), slices.Clone(l.Ext)
	for i := range c.VNFCs {
		c.VNFCs[i].Ports = slices.Clone(c.VNFCs[i].Ports)
		c.VNFCs[i].Storages = slices.Clone(c.VNFCs[i].Storages)
	}
	return &c
}

// vnfc returns the VNFC with this ID, nil if there is none.
func (l *Layout) vnfc(id string) *VNFC {
	if l == nil {
		return nil
	}
	for i := range l.VNFCs {
		if l.VNFCs[i].ID == id {
			return &l.VNFCs[i]
		}
	}
	return nil
}

func (l *Layout) hasLink(id string) bool {
	return slices.ContainsFunc(l.links(), func(x Link) bool { return x.ID == id })
}

func (c *VNFC) port(id string) *Port {
	for i := range c.Ports {
		if c.Ports[i].PortID == id {
			return &c.Ports[i]
		}
	}
	return nil
}

// Operation is a life-cycle operation as it is stored.
type Operation struct {
	VNF           string                              `json:"vnf"`
	Kind          sol003.LcmOperationType             `json:"kind"`
	State         sol003.LcmOperationStateType        `json:"state"`
	Entered       time.Time                           `json:"entered"`
	Started       time.Time                           `json:"started"`
	Params        map[string]any                      `json:"params,omitempty"`
	Automatic     bool                                `json:"automatic,omitempty"`
	RequestedBy   string                              `json:"requestedBy"`
	BodyHash      string                              `json:"bodyHash"`
	GrantID       string                              `json:"grantId,omitempty"`
	Level         string                              `json:"level,omitempty"`
	Before        *Layout                             `json:"before,omitempty"`
	After         *Layout                             `json:"after,omitempty"`
	Actual        *Layout                             `json:"actual,omitempty"` // what was found after a failure; meaningful with Error only
	Erase         bool                                `json:"erase,omitempty"`
	Graceful      bool                                `json:"graceful,omitempty"`
	Package       *VNF                                `json:"package,omitempty"` // attributes that a new VNFD brings
	Patch         map[string]any                      `json:"patch,omitempty"`   // merge patch of MODIFY_INFO, or of what a task changes besides
	Connections   map[string]sol003.VimConnectionInfo `json:"connections,omitempty"`
	Snapshot      string                              `json:"snapshot,omitempty"` // vnfSnapshotInfoId
	Shell         *Snapshot                           `json:"shell,omitempty"`    // the snapshot as it was before
	CancelPending bool                                `json:"cancelPending,omitempty"`
	CancelMode    sol003.CancelModeType               `json:"cancelMode,omitempty"`
	Error         *sol003.ProblemDetails              `json:"error,omitempty"`
	ChangedInfo   *sol003.VnfInfoModifications        `json:"changedInfo,omitempty"`
	Warnings      []string                            `json:"warnings,omitempty"`
	Events        int                                 `json:"events"` // counts them, for their IDs
	Pending       []Event                             `json:"pending,omitempty"`
	Subject       Subject                             `json:"subject"`
}

// ended says whether the operation lets its VNF go.
func (o *Operation) ended() bool {
	switch o.State {
	case sol003.LcmOperationStateCompleted, sol003.LcmOperationStateFailed, sol003.LcmOperationStateRolledBack:
		return true
	}
	return false
}

// terms are what an operation is found by.
func (o *Operation) terms() []string {
	t := []string{"vnf=" + o.VNF}
	if len(o.Pending) > 0 || !o.ended() && o.State != sol003.LcmOperationStateFailedTemp {
		t = append(t, termUnfinished)
	}
	return t
}

// termUnfinished marks what somebody has to go on with after a crash.
const termUnfinished = "unfinished"

// Snapshot is a VnfSnapshotInfo resource as it is stored.
type Snapshot struct {
	PkgID     string               `json:"pkgId,omitempty"`
	CreatedBy string               `json:"createdBy,omitempty"` // identity
	BodyHash  string               `json:"bodyHash,omitempty"`
	Op        string               `json:"op,omitempty"`      // the operation that fills it
	Content   *sol003.VnfSnapshot  `json:"content,omitempty"` // nil: nothing was taken yet
	Layout    *Layout              `json:"layout,omitempty"`
	Computes  map[string]string    `json:"computes,omitempty"` // VIM snapshot by compute
	UserData  sol003.KeyValuePairs `json:"userData,omitempty"`
}

// Event is a notification that is to be published: its body but for what differs
// by subscription.
type Event struct {
	ID   string          `json:"id"`
	Type string          `json:"type"`
	Body json.RawMessage `json:"body"`
	Subject
}

// Subject is what filters of subscriptions look at.
type Subject struct {
	VNF             string `json:"vnf"`
	Name            string `json:"name,omitempty"`
	VnfdID          string `json:"vnfdId"`
	Provider        string `json:"provider"`
	Product         string `json:"product"`
	SoftwareVersion string `json:"softwareVersion"`
	VnfdVersion     string `json:"vnfdVersion"`
}

func (v *VNF) subject(id string) Subject {
	return Subject{id, v.Name, v.VnfdID, v.Provider, v.Product, v.SoftwareVersion, v.VnfdVersion}
}
