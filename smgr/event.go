package smgr

import (
	"encoding/json"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Origin says how an event came to be known.
type Origin string

// The origins of events.
const (
	OriginNotification Origin = "notification" // somebody told it
	OriginGap          Origin = "gap"          // nobody told it: a query showed that it had happened
	OriginReview       Origin = "review"       // nothing happened: an NS is judged again
)

// Event is something to be judged, as intake stored it. The same ID is the same
// event, however often it comes.
type Event struct {
	ID       string          `json:"id"`     // derived from sender and notification, or from what the gap or the review is of
	Kind     hub.EventKind   `json:"kind"`   //
	Key      string          `json:"key"`    // events of one key are judged in order: see [KeyNs]
	Origin   Origin          `json:"origin"` //
	Time     time.Time       `json:"time"`   // when it happened, as the sender says; UTC
	Received time.Time       `json:"received"`
	Sender   string          `json:"sender,omitempty"` // identity, or name of the NFVO or VIM that sent it
	Digest   string          `json:"digest,omitempty"` // of a notification whose ID the event's is derived from: what tells another one with its id
	Body     json.RawMessage `json:"body"`             // the notification as received; of a review, its reason
}

// Keys of events. Order is kept among those of one key alone.
func KeyNs(id string) string    { return "ns/" + id }
func KeyHost(id string) string  { return "host/" + id }
func KeyImage(id string) string { return "image/" + id }

// KeyDomain is the key of what concerns the trust domain as a whole, such as an
// attempt on something that is no NS.
const KeyDomain = "domain"
