package nfvo

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// ns is a stored network service instance.
type ns struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	NsdID       string `json:"nsdId"`
	NsdInfoID   string `json:"nsdInfoId"`
	BodyHash    string `json:"bodyHash"` // of the request that created it
	State       string `json:"state"`
	FlavourID   string `json:"flavourId,omitempty"`
	AutoHeal    bool   `json:"autoHeal,omitempty"`

	Members   []member                            `json:"members,omitempty"`
	Pnfs      []sol005.PnfInfo                    `json:"pnfs,omitempty"`
	Links     []sol005.NsVirtualLinkInfo          `json:"links,omitempty"`
	Vnffgs    []vnffg                             `json:"vnffgs,omitempty"`
	Saps      []sol005.SapInfo                    `json:"saps,omitempty"`
	Scale     map[string]int                      `json:"scale,omitempty"` // level by aspect
	Rules     []sol005.AffinityOrAntiAffinityRule `json:"rules,omitempty"`
	Locations []sol005.VnfLocationConstraint      `json:"locations,omitempty"`
	Snapshots []string                            `json:"snapshots,omitempty"`
	Bars      map[string]Bar                      `json:"bars,omitempty"` // by VNF profile

	Running  string  `json:"running,omitempty"`  // operation that holds it
	Events   []event `json:"events,omitempty"`   // not published yet
	Creating *intent `json:"creating,omitempty"` // nobody sees it until its creation is recorded
	Deleting *intent `json:"deleting,omitempty"` // it goes, and nothing more is done with it
}

// intent is what was decided of a resource and is not done yet. It is stored
// first; who finds it does the rest, so that all of it takes place once or, where
// the intent was never stored, nothing.
type intent struct {
	By string    `json:"by"` // identity
	At time.Time `json:"at"`
}

// leftOver says whether an NS that is not instantiated holds something all the
// same: parts of an instantiation that was failed half-way.
func (n *ns) leftOver() bool {
	return n.State == notInstantiated && len(n.Members)+len(n.Pnfs)+len(n.Links) > 0
}

func (n *ns) autoHeals() bool { return n.AutoHeal && n.State == instantiated }

// member is a VNF of an NS. What the NS can be found by stands here too.
type member struct {
	VnfID     string `json:"vnfInstanceId"`
	ProfileID string `json:"vnfProfileId"`
	VnfdID    string `json:"vnfdId"`
	PkgID     string `json:"vnfPkgId"`
}

// vnffg is a forwarding graph with its paths.
type vnffg struct {
	Info     sol005.VnffgInfo `json:"info"`
	Profiles []string         `json:"profiles"` // of the VNFs and PNFs in it
	NFPs     []NFP            `json:"nfps"`
}

// NFP is a network forwarding path of a VNFFG as instantiated. SOL 005 V3.7.1
// has no place for it in VnffgInfo; it is shown as manoward.nfpInfo.
type NFP struct {
	ID        string        `json:"id"`
	NfpdID    string        `json:"nfpdId"`
	Positions []NFPPosition `json:"positions"`
}

// NFPPosition is one step of a path: the profile or SAP, its connection point,
// and the instances that stand there now.
type NFPPosition struct {
	Element   string   `json:"element"`
	Cp        string   `json:"cp,omitempty"`
	Instances []string `json:"instances"`
}

// Bar keeps a VNF profile of an NS without new instances until an operator
// lifts it.
type Bar struct {
	VnfProfileID  string    `json:"vnfProfileId"`
	VnfInstanceID string    `json:"vnfInstanceId"` // whose replacement was barred
	OpOccID       string    `json:"nsLcmOpOccId"`
	By            string    `json:"by"` // identity
	Since         time.Time `json:"since"`
}

// nsTerms is what an NS can be found by.
func nsTerms(n *ns) []string {
	terms := []string{"nsInstanceName=" + n.Name, "nsdId=" + n.NsdID, "nsdInfoId=" + n.NsdInfoID}
	for _, m := range n.Members {
		terms = append(terms, vnfTerm(m.VnfID), "vnfInstance/vnfdId="+m.VnfdID, "vnfInstance/vnfPkgId="+m.PkgID)
	}
	for i := range n.Pnfs {
		terms = append(terms, usedPnfd(n.Pnfs[i].PnfdInfoID))
	}
	if len(n.Events) > 0 || n.Creating != nil || n.Deleting != nil {
		terms = append(terms, pendingTerm)
	}
	if len(n.Bars) > 0 {
		terms = append(terms, barredTerm)
	}
	if n.autoHeals() {
		terms = append(terms, autoHealTerm)
	}
	slices.Sort(terms)
	return slices.Compact(terms)
}

// vnfTerm is under which the NSs of a VNF are found.
func vnfTerm(vnfID string) string { return "vnfInstance/id=" + vnfID }

// place is where a compute of a VNF is.
type place struct {
	Host  string `json:"host,omitempty"`
	Zone  string `json:"zone,omitempty"`
	Image string `json:"image,omitempty"`
}

// vnf is a stored VNF instance. It is named by the identifier that the VNFM
// gave it, and several NSs may refer to it.
type vnf struct {
	ProfileID string             `json:"vnfProfileId"`
	PkgID     string             `json:"vnfPkgId"`
	Integrity Integrity          `json:"integrity"`
	NSs       []string           `json:"nss"`
	Info      sol003.VnfInstance `json:"info"`
	Places    map[string]place   `json:"places,omitempty"` // by compute
	Security  bool               `json:"security,omitempty"`
	Gone      bool               `json:"gone,omitempty"`    // its VNFM said that it deleted it, and has it no more
	Ending    string             `json:"ending,omitempty"`  // operation that ends it, as the last NS that uses it drops it
	Pending   *expectation       `json:"pending,omitempty"` // what the NFVO ordered last
	Ops       []toldOp           `json:"ops,omitempty"`     // operations told last, oldest first
	Events    []event            `json:"events,omitempty"`
	Use       *use               `json:"allocated,omitempty"` // of the infrastructure; nil: nobody has counted it
}

// expectation is an operation that the NFVO ordered of the VNFM.
type expectation struct {
	OpOccID string `json:"nsLcmOpOccId"`
	Task    string `json:"task"`
	VnfOp   string `json:"vnfLcmOpOccId,omitempty"`
	Source  Source `json:"source"`
	// At is when it was ordered first. What an earlier version stored has none.
	At time.Time `json:"at,omitzero"`
}

// toldOp is what subscribers know of an operation of the VNFM.
type toldOp struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

func vnfTerms(v *vnf) []string {
	terms := []string{usedPackage(v.PkgID)}
	for _, id := range v.NSs {
		terms = append(terms, ofNs(id))
	}
	for id := range v.Places {
		terms = append(terms, "compute="+id)
	}
	if len(v.Events) > 0 {
		terms = append(terms, pendingTerm)
	}
	if v.Gone {
		terms = append(terms, goneTerm)
	}
	if v.uncounted() {
		terms = append(terms, uncountedTerm)
	}
	terms = append(terms, v.Use.terms()...)
	slices.Sort(terms)
	return slices.Compact(terms)
}

// The terms that Resume, AutoHeal and grants look for.
const (
	pendingTerm  = "pending"
	openTerm     = "open"
	autoHealTerm = "autoHeal"
	barredTerm   = "barred"
	goneTerm     = "gone"
)

const (
	instantiated    = "INSTANTIATED"
	notInstantiated = "NOT_INSTANTIATED"
)

// SourceKind says who asked for an operation (Sc-Or.NsLcm.006, .007).
type SourceKind string

// The kinds of sources.
const (
	SourceOSS       SourceKind = "OSS"
	SourceSM        SourceKind = "SM"
	SourceVNFM      SourceKind = "VNFM"
	SourceEM        SourceKind = "EM"
	SourceVNF       SourceKind = "VNF" // of itself
	SourceOperator  SourceKind = "OPERATOR"
	SourceAutoHeal  SourceKind = "AUTO_HEAL"
	SourceAutoScale SourceKind = "AUTO_SCALE"
	SourceAutoRenew SourceKind = "AUTO_RENEW" // of certificates
)

// Source is who asked for an operation; notifications show it as
// manoward.sourceOfRequest.
type Source struct {
	Kind     SourceKind `json:"kind"`
	Identity string     `json:"identity"`
}

// self is this function as a party (docs/architecture.md: the hub's own functions
// are spiffe://hub/<kind>/hub).
func self() hub.Identity {
	return hub.Identity{TrustDomain: "hub", Kind: hub.KindNFVO, Name: "hub"}
}

// SourceOf says what kind of source a caller is.
func SourceOf(caller hub.Identity) Source {
	kind := SourceOSS
	switch string(caller.Kind) {
	case string(hub.KindSM):
		kind = SourceSM
	case string(hub.KindOperator):
		kind = SourceOperator
	case string(hub.KindVNFM), string(hub.KindNFVO):
		kind = SourceVNFM
	case string(hub.KindEM):
		kind = SourceEM
	case string(hub.KindVNF):
		kind = SourceVNF
	}
	return Source{Kind: kind, Identity: caller.String()}
}

// op is a stored NS LCM operation occurrence.
type op struct {
	NsID     string                         `json:"nsInstanceId"`
	Type     sol005.NsLcmOpType             `json:"type"`
	Name     string                         `json:"name"` // type, or the update type
	State    sol005.NsLcmOperationStateType `json:"state"`
	Entered  time.Time                      `json:"entered"`
	Started  time.Time                      `json:"started"`
	Params   json.RawMessage                `json:"params"`
	BodyHash string                         `json:"bodyHash"`
	Source   Source                         `json:"source"`
	Auto     bool                           `json:"auto,omitempty"`
	Parent   string                         `json:"parent,omitempty"` // operation or host order that it is a part of
	Claimed  bool                           `json:"claimed"`          // it holds its NS; before that it does not exist for anyone
	Closed   bool                           `json:"closed,omitempty"` // ended, NS released, told and recorded

	Steps    []step                 `json:"steps"`
	Slots    map[string]string      `json:"slots,omitempty"` // VNF made by this operation, by the name that steps use
	Cancel   sol005.CancelModeType  `json:"cancel,omitempty"`
	Error    *sol005.ProblemDetails `json:"error,omitempty"`
	Warnings []string               `json:"warnings,omitempty"`
	Changes  sol005.ResourceChanges `json:"changes"`
	Events   []event                `json:"events,omitempty"`
}

func opTerms(o *op) []string {
	terms := []string{"nsInstanceId=" + o.NsID, "operationState=" + string(o.State), entered(o.Entered)}
	if !o.Closed {
		terms = append(terms, openTerm, openIn(o.NsID))
	}
	if !ended(o.State) { // what its steps made names its package itself by then
		for i := range o.Steps {
			terms = append(terms, wants(&o.Steps[i])...)
		}
	}
	return terms
}

// enteredTerm begins the terms by which operations are in the order of when they entered
// their state.
const enteredTerm = "stateEnteredTime="

// entered is the term of an operation that entered its state at an instant: of a fixed
// width, so that it sorts as time does.
func entered(at time.Time) string {
	return enteredTerm + at.UTC().Format("2006-01-02T15:04:05.000000000Z")
}

// openIn is under which the operations of an NS are found that have not told and
// recorded their end.
func openIn(nsID string) string { return openTerm + "=" + nsID }

// step is one thing that an operation does.
type step struct {
	Kind    string          `json:"kind"`
	VnfID   string          `json:"vnfInstanceId,omitempty"` // an existing VNF
	Slot    string          `json:"slot,omitempty"`          // or one that this operation makes
	Profile string          `json:"profile,omitempty"`
	Task    string          `json:"task,omitempty"` // of a VNFM operation
	Body    json.RawMessage `json:"body,omitempty"`
	State   string          `json:"state,omitempty"` // "", done, undone, skipped
	VnfOp   string          `json:"vnfLcmOpOccId,omitempty"`
	Last    string          `json:"lastVnfLcmOpOccId,omitempty"` // an earlier order of it, which failed for good
	Attempt int             `json:"attempt,omitempty"`           // how often it failed
	Result  json.RawMessage `json:"result,omitempty"`
	Change  string          `json:"change,omitempty"` // changeType of AffectedVnf
}

const (
	stepDone    = "done"
	stepUndone  = "undone"
	stepSkipped = "skipped" // not needed, such as the end of a shared VNF
)

// snapshot is a stored VNF snapshot.
type snapshot struct {
	NsID  string                 `json:"nsInstanceId"`
	VnfID string                 `json:"vnfInstanceId"`
	Info  sol005.VnfSnapshotInfo `json:"info"`
}
