package catalogue

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/mano-core/catalogue/csar"
)

// Kind is what a package is of.
type Kind string

// The kinds. Their values are part of the stored format.
const (
	VNF Kind = "vnf-package"
	NSD Kind = "nsd"
	PNF Kind = "pnfd"
)

// Kinds lists the kinds.
func Kinds() []Kind { return []Kind{VNF, NSD, PNF} }

// State is the on-boarding state of SOL 005.
type State string

// The states.
const (
	Created    State = "CREATED"
	Uploading  State = "UPLOADING"
	Processing State = "PROCESSING"
	Onboarded  State = "ONBOARDED"
	Failed     State = "ERROR"
)

// Package is a VNF package, an NSD or a PNFD, with all that is known of it.
type Package struct {
	ID      string    `json:"id"`
	Kind    Kind      `json:"kind"`
	Domain  string    `json:"trustDomain"`
	State   State     `json:"state"`
	Created time.Time `json:"created"`
	Request string    `json:"request,omitempty"` // SHA-256 of the body that created it, with an idempotency key

	Enabled  bool           `json:"enabled"` // operationalState
	UserData map[string]any `json:"userDefinedData,omitempty"`
	Failure  *Failure       `json:"failure,omitempty"` // of the last on-boarding

	Actor    string    `json:"actor,omitempty"`  // who uploaded it last, as hub.Identity.String
	Upload   string    `json:"upload,omitempty"` // ID of the last upload
	Source   string    `json:"source,omitempty"` // URI that it is fetched from
	External *External `json:"external,omitempty"`
	Content  *Content  `json:"content,omitempty"`
	Time     time.Time `json:"onboarded,omitzero"` // when it was judged

	Result *csar.Result `json:"result,omitempty"`
	VNFD   *sol001.VNFD `json:"vnfd,omitempty"`
	NSD    *sol001.NSD  `json:"nsd,omitempty"`
	PNFD   *sol001.PNFD `json:"pnfd,omitempty"`
	Judged Policy       `json:"policy,omitzero"` // under which it was accepted, without the anchors

	VnfPkgIDs     []string `json:"vnfPkgIds,omitempty"` // that an NSD needs
	PnfdInfoIDs   []string `json:"pnfdInfoIds,omitempty"`
	NestedInfoIDs []string `json:"nestedNsdInfoIds,omitempty"`

	Altered  string  `json:"altered,omitempty"` // what was found changed on disk after on-boarding
	Deleting bool    `json:"deleting,omitempty"`
	Pending  []Event `json:"pending,omitempty"` // events that may not have been told yet

	used bool // as [Config.InUse] said when it was read; not stored
}

// Content is the stored file.
type Content struct {
	SHA256 string `json:"sha256"` // hexadecimal
	Size   int64  `json:"size"`   // bytes
}

// Failure is why an on-boarding failed.
type Failure struct {
	Status   int      `json:"status"`
	Detail   string   `json:"detail"`             // the first reasons
	Findings []string `json:"findings,omitempty"` // each reason, when it is the package's content that was refused
}

// Event is something that subscribers are told about.
type Event struct {
	ID     string    `json:"id"`
	Type   EventType `json:"type"`
	Time   time.Time `json:"time"`
	Detail *Failure  `json:"detail,omitempty"`
}

// EventType is the kind of an event.
type EventType string

// The types.
const (
	EventOnboarded EventType = "ONBOARDED"
	EventFailed    EventType = "FAILED"
	EventState     EventType = "OP_STATE_CHANGE"
	EventDeleted   EventType = "PKG_DELETE"
)

// DescriptorID returns the identifier of the descriptor: vnfdId, nsdId or pnfdId;
// "" before on-boarding.
func (p *Package) DescriptorID() string {
	switch {
	case p.VNFD != nil:
		return p.VNFD.ID
	case p.NSD != nil:
		return p.NSD.ID
	case p.PNFD != nil:
		return p.PNFD.ID
	}
	return ""
}

// DescriptorFiles returns the paths of the files that the descriptor was read
// from; nil before on-boarding.
func (p *Package) DescriptorFiles() []string {
	switch {
	case p.VNFD != nil:
		return p.VNFD.Files
	case p.NSD != nil:
		return p.NSD.Files
	case p.PNFD != nil:
		return p.PNFD.Files
	}
	return nil
}

// InUse says whether somebody used the package when it was read.
func (p *Package) InUse() bool { return p.used }

// Integrity is the state of the stored content: "OK", "FAILED" once it was found
// altered, "" before on-boarding.
func (p *Package) Integrity() string {
	switch {
	case p.Altered != "":
		return "FAILED"
	case p.State == Onboarded:
		return "OK"
	}
	return ""
}

// terms are what a package can be found by.
func terms(p *Package) []string {
	var out []string
	if p.State == Onboarded && !p.Deleting {
		out = append(out, byDescriptor(p.Domain, p.DescriptorID()))
	}
	if p.Content != nil {
		out = append(out, byContent(p.Domain, p.Content.SHA256))
	}
	if p.unfinished() {
		out = append(out, termUnfinished)
	}
	return out
}

const termUnfinished = "unfinished"

func byDescriptor(domain, id string) string { return "descriptor=" + domain + "/" + id }
func byContent(domain, sum string) string   { return "content=" + domain + "/" + sum }

// unfinished says whether there is work left that a restart must take up.
func (p *Package) unfinished() bool {
	return p.State == Uploading || p.State == Processing || p.Deleting || len(p.Pending) > 0
}

// event notes something that subscribers are to be told. Its ID is made of what
// it stands for.
func (p *Package) event(t EventType, at time.Time, nonce string, detail *Failure) {
	p.Pending = append(p.Pending, Event{ID: hub.DeriveID("catalogue-event", p.ID, string(t), nonce), Type: t, Time: at, Detail: detail})
}

func failureOf(err error) *Failure {
	status := 422
	if hub.CodeOf(err) == hub.Conflict {
		status = 409
	}
	out := &Failure{Status: status, Detail: hub.SafeText(err)}
	var f *findings
	if errors.As(err, &f) {
		out.Findings = f.list
	}
	return out
}

// raw encodes the data of a record, which is always ours and encodable.
func raw(v any) (json.RawMessage, error) { return json.Marshal(v) }
