package smgr

import (
	"bytes"
	"encoding/json"
	"time"
	"unicode/utf8"

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
	Body     json.RawMessage `json:"body"`             // the notification as received; of a review, its reason. The last member: see [Event.JSON]
}

// JSON returns the event as it is stored, as encoding/json writes it. The body, most of
// it, must be JSON; it is not read for this where it is [Compacted].
func (e *Event) JSON() ([]byte, error) {
	if !Compacted(e.Body) {
		return json.Marshal(e)
	}
	head := *e
	head.Body = nil
	raw, err := json.Marshal(&head)
	if err != nil {
		return nil, err
	}
	raw = raw[:len(raw)-len("null}")]
	out := make([]byte, 0, len(raw)+len(e.Body)+1)
	return append(append(append(out, raw...), e.Body...), '}'), nil
}

// ReadEvent reads an event as [Event.JSON] returned it, or as encoding/json writes one.
// Its body is part of raw, and what is between its brackets was not read.
func ReadEvent(raw []byte) (Event, error) {
	var e Event
	head, body, found := bytes.Cut(raw, []byte(`,"body":`))
	if body, closed := bytes.CutSuffix(body, []byte{'}'}); found && closed && isObject(body) {
		if json.Unmarshal(append(head[:len(head):len(head)], '}'), &e) == nil {
			e.Body = body
			return e, nil
		}
		e = Event{} // what was cut is not what it seemed
	}
	err := json.Unmarshal(raw, &e)
	return e, err
}

// isObject reports whether JSON, or what could be some, is one object and nothing else.
func isObject(raw []byte) bool {
	depth, text := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			text = !text
		case text:
			if c == '\\' {
				i++
			}
		case c == '{', c == '[':
			depth++
		case c == '}', c == ']':
			if depth--; depth == 0 {
				return i == len(raw)-1 && raw[0] == '{'
			}
		case depth == 0:
			return false
		}
	}
	return false
}

// plain says which bytes of JSON encoding/json writes again as they are: it escapes what
// HTML would read, and what is not ASCII may be no UTF-8.
var plain = func() (table [256]bool) {
	for c := range table {
		table[c] = c >= ' ' && c < utf8.RuneSelf && c != '<' && c != '>' && c != '&'
	}
	return table
}()

// Plain reports whether encoding/json writes a text as it is, between quotes. It is false
// of what is not ASCII.
func Plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; !plain[c] || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// Compacted reports whether JSON is written as encoding/json would write it again:
// without white space between its parts and with nothing to be escaped. It takes JSON
// for granted, and is false of some that it would write so too.
func Compacted(raw []byte) bool {
	text := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case !plain[c], c == ' ' && !text:
			return false
		case c == '"':
			text = !text
		case c == '\\':
			i++
		}
	}
	return len(raw) > 0 && !text
}

// Keys of events. Order is kept among those of one key alone.
func KeyNs(id string) string    { return "ns/" + id }
func KeyHost(id string) string  { return "host/" + id }
func KeyImage(id string) string { return "image/" + id }

// KeyDomain is the key of what concerns the trust domain as a whole, such as an
// attempt on something that is no NS.
const KeyDomain = "domain"
