package scor

import (
	"context"
	"net/http"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// Authorize says whether the Security Manager that sent a request may do an
// operation, with an attribute, to a thing of a trust domain. A refusal is
// recorded with the target and answered with its error; that of another domain's
// thing is the answer to what does not exist. An empty target domain is the
// caller's own.
type Authorize func(r *http.Request, operation, attribute, targetDomain, target string) (hub.Identity, error)

// Deny refuses an order that the decision table allows, for a reason that lies in
// what it names, and returns the answer. The attempt is recorded, and so told
// (Sc-Or.NsLcm.003).
type Deny func(r *http.Request, operation, targetDomain, target, reason string) error

// NFVO carries orders out.
type NFVO interface {
	// NsDomain and VnfDomain return the trust domain that an instance belongs
	// to; false when there is none.
	NsDomain(nsInstanceID string) (domain string, ok bool)
	VnfDomain(vnfInstanceID string) (domain string, ok bool)
	// Update starts an Update NS. The same key of the same actor has one effect
	// and the same answer; with another body it is hub.Unprocessable.
	Update(ctx context.Context, o Order) (opOccID string, err error)
	// Ordered says whether a key of an actor's names an order that was taken.
	Ordered(ctx context.Context, actor hub.Identity, key string) (bool, error)
	// StopUse starts to end the use of a host for the VNFs of the actor's trust
	// domain, under the same rule for its key.
	StopUse(ctx context.Context, o HostOrder) (orderID string, err error)
	// HostOrder returns what became of an order, as it is shown, and its trust
	// domain; hub.NotFound if there is none.
	HostOrder(ctx context.Context, id string) (domain string, order any, err error)
	// SecurityProfile says whether the NSD of an NS foresees a VNF profile as one of
	// security VNFs, or the profile that a VNFD is of; either may be empty.
	SecurityProfile(ctx context.Context, nsInstanceID, vnfProfileID, vnfdID string) (bool, error)
	// SecurityMember says the same of a VNF of an NS; hub.NotFound if the NS has no
	// such VNF.
	SecurityMember(ctx context.Context, nsInstanceID, vnfInstanceID string) (bool, error)
	// SecurityVnfd says whether a VNFD is one of a security VNF, be it that the NSD
	// foresees it or that it says so itself.
	SecurityVnfd(ctx context.Context, nsInstanceID, vnfdID string) (bool, error)
}

// Order is an Update NS of a Security Manager's.
type Order struct {
	Actor        hub.Identity
	Key          string // of idempotency; empty: each order is another one
	NsInstanceID string
	Request      sol005.UpdateNsRequest
}

// HostOrder ends the use of a host (Sc-Or.SecEnforce.004).
type HostOrder struct {
	Actor  hub.Identity
	Key    string // of idempotency; empty: each order is another one
	HostID string
	StopUse
}

// StopUse is the body of a stop of use.
type StopUse struct {
	VNFs       string `json:"vnfs"` // MIGRATE or TERMINATE
	Quarantine bool   `json:"quarantine,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// Publisher is the outbox of notifications.
type Publisher interface {
	Publish(ctx context.Context, e notify.Event) error
}

// Log is the record log of one trust domain. Follow calls fn with each record
// after a position and then with each new one, until ctx ends or fn fails.
type Log interface {
	Follow(ctx context.Context, after string, fn func(position string, r hub.Record) error) error
}
