package trail

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
)

// card is what a chain needs of one record.
type card struct {
	hub.Record
	place Place

	about  []Thing // what the record is of
	up     []Thing // what that came from
	down   []Thing // what came from it
	stands []Thing // what it stands on, which belongs to many chains: policies, an attester
	serial string  // of a certificate, hexadecimal

	data data
}

// data is the members of the records of a chain, of whatever kind. What a kind has
// beyond them is not needed here.
type data struct {
	EventID    string            `json:"eventId"`
	DecisionID string            `json:"decisionId"`
	Kind       string            `json:"kind"`
	Key        string            `json:"key"`
	EventTime  time.Time         `json:"eventTime"`
	ID         string            `json:"id"`
	Part       int               `json:"part"`
	Input      string            `json:"inputDigest"`
	Policies   string            `json:"policyRevision"`
	Parameters string            `json:"dataRevision"`
	Findings   []hub.Finding     `json:"findings"`
	Levels     []string          `json:"levels"`
	Labels     []label           `json:"labels"`
	Undecided  []undecided       `json:"undecided"`
	Conflicts  []json.RawMessage `json:"conflicts"`
	Orders     []string          `json:"orders"`

	Policy   string     `json:"policy"` // of an order its ID, of a request the revision
	Action   hub.Action `json:"action"`
	Target   hub.Target `json:"target"`
	Level    string     `json:"level"`
	State    string     `json:"state"`
	Reason   string     `json:"reason"`
	Steps    []step     `json:"steps"`
	Taken    []taken    `json:"taken"`
	Approval *approval  `json:"approval"`

	OpOcc      string          `json:"nsLcmOpOccId"`
	NS         string          `json:"nsInstanceId"`
	Operation  string          `json:"operation"`
	Task       string          `json:"task"`
	Parent     string          `json:"parent"`
	Error      json.RawMessage `json:"error"`
	Operations []string        `json:"nsLcmOpOccIds"`
	Problems   []string        `json:"problems"`
	Occurrence string          `json:"occurrence"`

	RequestID    string     `json:"requestId"`
	Registration string     `json:"registrationId"`
	CertType     string     `json:"certType"`
	Subject      string     `json:"subjectId"`
	CSR          string     `json:"csrHash"`
	AttesterID   string     `json:"attesterId"`
	Verdict      *verdict   `json:"verdict"`
	Assurance    string     `json:"assurance"`
	Renews       string     `json:"renews"`
	Reasons      []reason   `json:"reasons"`
	Serial       string     `json:"serialNumber"`
	Issuer       string     `json:"issuer"`
	NotAfter     *time.Time `json:"notAfter"`
	Failure      string     `json:"failure"`
	InForce      inForce    `json:"inForce"`

	// Of what is in force at the CMF.
	Content  string                `json:"content"`
	NotKept  string                `json:"notKept"`
	Profiles map[string]profile    `json:"profiles"`
	Judges   []struct{ ID string } `json:"policies"`
	Outside  bool                  `json:"outsideVerifier"`
}

// inForce says by what a certificate request was judged.
type inForce struct {
	Content string    `json:"content"` // SHA-256 that names it
	Since   time.Time `json:"since"`   // when it was recorded
}

// profile is what a certificate profile asks of an attestation.
type profile struct {
	MinimumAssurance string `json:"minimumAssurance"`
	NonceRequired    bool   `json:"nonceRequired"`
	Validity         string `json:"validity"`
}

type label struct {
	Policy string `json:"policy"`
	Rule   string `json:"rule"`
	File   string `json:"file"`
	Line   int    `json:"line"`
}

type undecided struct {
	Policy string `json:"policy"`
	Reason string `json:"reason"`
}

type step struct {
	Name     string `json:"name"`
	State    string `json:"state"`
	Resource string `json:"resource"`
	Outcome  string `json:"outcome"`
}

type taken struct {
	DecisionID string `json:"decisionId"`
}

type approval struct {
	By       string `json:"by"`
	Approved bool   `json:"approved"`
	Reason   string `json:"reason"`
}

type verdict struct {
	Accepted  bool     `json:"accepted"`
	Format    string   `json:"format"`
	Statement string   `json:"statement"`
	Attester  string   `json:"attester"`
	Assurance string   `json:"assurance"`
	Reasons   []reason `json:"reasons"`
}

type reason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// read makes the card of a record. One that is no record of the hub's is a card
// without things: it can be asked for by its own ID.
func read(r journal.Record) *card {
	c := &card{place: Place{ID: r.ID, Kind: r.Kind, Sequence: r.Sequence, Index: r.Index, Altered: r.Altered}}
	if r.Epoch > 1 {
		c.place.Epoch = r.Epoch
	}
	if r.Sealed {
		leaf := r.Leaf
		c.place.Leaf = &leaf
	}
	if json.Unmarshal(r.Line, &c.Record) != nil {
		c.Record = hub.Record{ID: r.ID, Kind: r.Kind}
		return c
	}
	c.place.ID, c.place.Kind = c.ID, c.Kind
	if c.inChain() {
		_ = json.Unmarshal(c.Data, &c.data) // a member that another kind has with another type stays empty
		c.join(&c.data)
	}
	return c
}

// The kinds of records of a chain; a point at the end means all that begin so.
const (
	kindGap       = "sm.gap"
	kindDecision  = "sm.decision"
	kindOrder     = "sm.order"
	kindStarted   = "ns.operation.started"
	kindEnded     = "ns.operation.ended"
	kindDropped   = "ns.operation.dropped"
	kindHostOrder = "host.stop-use.ordered"
	kindHostEnded = "host.stop-use.ended"
	kindIssued    = "certificate.issued"
	kindRefused   = "certificate.refused"
	kindFailed    = "certificate.failed"

	kindInForce = "cmf.policies.in-force"
	kindStill   = "sm.policies.in-force" // once an hour: that nothing changed

	kindRegistered = "security-manager.registered"

	kindsPolicies     = "sm.policies."
	kindsOperation    = "ns.operation."
	kindsHostOrder    = "host.stop-use."
	kindsRegistration = "registration."
	kindsCertificate  = "certificate."
	kindsAttester     = "attester."
)

// notices tell somebody of a decision.
var notices = []string{"sm.alert", "sm.undecided", "sm.conflict"}

// inChain reports whether the record's kind is in any chain.
func (c *card) inChain() bool {
	if slices.Contains(notices, c.Kind) {
		return true
	}
	if c.Kind == kindStill { // there are too many of it, which tell nothing of a chain
		return false
	}
	for _, kind := range []string{
		kindInForce, kindGap, kindDecision, kindOrder, kindsPolicies, kindsOperation, kindsHostOrder, kindsRegistration, kindsCertificate, kindsAttester,
	} {
		if strings.HasPrefix(c.Kind, kind) {
			return true
		}
	}
	return false
}

// join says of what things the record is, and what these came from.
func (c *card) join(d *data) {
	of := func(kinds string) bool { return strings.HasPrefix(c.Kind, kinds) }
	switch {
	case c.Kind == kindInForce:
		c.about = things(Policies, d.Content)
	case c.Kind == kindGap:
		c.about = things(Event, d.EventID)
	case c.Kind == kindDecision:
		c.about, c.up, c.down = things(Decision, d.ID), things(Event, d.EventID), things(Order, d.Orders...)
		c.stands = things(Policies, d.Policies)
	case slices.Contains(notices, c.Kind):
		c.about, c.up = things(Decision, d.DecisionID), things(Event, d.EventID)
	case c.Kind == kindOrder:
		c.joinOrder(d)
	case of(kindsOperation):
		c.about, c.up = things(Operation, d.OpOcc), things(Operation, d.Parent)
	case of(kindsHostOrder):
		c.about, c.down = things(Operation, d.ID), things(Operation, d.Operations...)
	case of(kindsRegistration):
		c.about = things(Registration, c.subject())
	case of(kindsCertificate):
		id := d.RequestID
		if id == "" {
			id = c.subject()
		}
		c.about, c.up, c.serial = things(Certificate, id), things(Registration, d.Registration), d.Serial
		c.stands = append(things(Attester, d.AttesterID), things(Policies, d.InForce.Content)...)
	case of(kindsAttester):
		c.about = things(Attester, c.subject())
	case of(kindsPolicies):
		c.about = things(Policies, c.subject())
	}
}

func (c *card) joinOrder(d *data) {
	c.about, c.up = things(Order, d.ID), things(Decision, d.DecisionID)
	for _, t := range d.Taken {
		c.up = append(c.up, things(Decision, t.DecisionID)...)
	}
	for _, s := range d.Steps {
		c.down = append(c.down, things(Operation, s.operation())...)
	}
}

// operation is the ID of what the NFVO answered with; empty if it did not.
func (s *step) operation() string { return s.Resource[strings.LastIndexByte(s.Resource, '/')+1:] }

// subject is the name of what the record is about, without its kind.
func (c *card) subject() string {
	_, name, _ := strings.Cut(c.Subject, "/")
	return name
}

// things names things of one kind; those without a name are none.
func things(kind string, ids ...string) []Thing {
	var list []Thing
	for _, id := range ids {
		if id != "" {
			list = append(list, Thing(kind+"/"+id))
		}
	}
	return list
}

// StandsOn returns when that was recorded which the record of a certificate stands on,
// as far as it says so itself: a source that reads by time finds it there.
func StandsOn(r journal.Record) []time.Time {
	if !strings.HasPrefix(r.Kind, kindsCertificate) {
		return nil
	}
	if at := read(r).data.InForce.Since; !at.IsZero() {
		return []time.Time{at}
	}
	return nil
}
