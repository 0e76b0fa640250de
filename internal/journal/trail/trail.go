package trail

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
)

// Trail is one chain.
type Trail struct {
	ID          string `json:"id"` // as it was asked for
	TrustDomain string `json:"trustDomain"`
	Is          string `json:"is"` // what the ID names: "order", "certificate", "record"
	Links       []Link `json:"links"`
}

// Link is one step of a chain.
type Link struct {
	Step    string    `json:"step"`            // "decision"
	Thing   string    `json:"thing,omitempty"` // what the step is about: "order/4c1e..."
	Time    time.Time `json:"time,omitzero"`
	Actor   string    `json:"actor,omitempty"`
	Text    string    `json:"text,omitempty"`
	Record  *Place    `json:"record,omitempty"`  // that says so
	Missing string    `json:"missing,omitempty"` // why there is no record of the step, or not all of it
}

// Place is where a record stands.
type Place struct {
	ID       string  `json:"id"`
	Kind     string  `json:"kind"`
	Epoch    int     `json:"epoch,omitempty"`   // of the journal, from 2 on: one that was begun anew
	Sequence uint64  `json:"sequence"`          // of the message that holds it
	Index    int     `json:"index"`             // of the record in that message
	Leaf     *uint64 `json:"journalIndex"`      // in the journal, from 0; null: not sealed
	Altered  bool    `json:"altered,omitempty"` // it is not what was sealed
}

// The things of a chain: the first part of a [Thing].
const (
	Event        = "event"
	Decision     = "decision"
	Order        = "order"
	Operation    = "operation" // at the NFVO: an operation occurrence, or an order on a host
	Registration = "registration"
	Certificate  = "certificate" // and the request that it came from, which has the same ID
	Policies     = "policies"
	Attester     = "attester"
)

// Thing names something that records are about: "order/4c1e...".
type Thing string

// Kind is what the thing is.
func (t Thing) Kind() string {
	kind, _, _ := strings.Cut(string(t), "/")
	return kind
}

// ID names it among those of its kind.
func (t Thing) ID() string {
	_, id, _ := strings.Cut(string(t), "/")
	return id
}

// Source is where the records are read.
type Source interface {
	// Records calls fn with the records of the log: all, or at least those that may be
	// about the things.
	Records(ctx context.Context, about []Thing, fn func(journal.Record) error) error
	// Input returns the input of a decision, hub.NotFound with the reason if it is not kept.
	Input(ctx context.Context, decision, sha256 string) ([]byte, error)
}

// Walk walks the chain of an ID: of a record, event, decision, order, operation
// occurrence, registration, certificate signing request or certificate, or of a
// certificate's serial number in hexadecimal. also are other names of the same,
// such as the event that a notification became (see [EventIDs]). hub.NotFound when
// no record names any of them.
func Walk(ctx context.Context, from Source, trustDomain, id string, also ...string) (*Trail, error) {
	w := &walk{from: from, ids: append([]string{id}, also...), up: map[Thing]bool{}, down: map[Thing]bool{}, stands: map[Thing]bool{}}
	if err := w.find(ctx); err != nil {
		return nil, err
	}
	t := &Trail{ID: id, TrustDomain: trustDomain, Is: w.is}
	if len(w.up) == 0 {
		t.Links = []Link{w.alone.link("record", w.alone.Subject)}
		return t, nil
	}
	if err := w.follow(ctx); err != nil {
		return nil, err
	}
	t.Links = w.tell(ctx)
	if len(t.Links) == 0 { // records name it, and none is about it
		for _, c := range w.cards {
			t.Links = append(t.Links, c.link("record", c.Subject))
		}
	}
	if len(t.Links) == 0 {
		return nil, w.unknown()
	}
	return t, nil
}

// NeverBegan notes that the NFVO does not have an operation that had not ended: it was
// cut off between the record and its start. It reports whether the chain has it so.
func (t *Trail) NeverBegan(operation Thing) bool {
	for i := range t.Links {
		if l := &t.Links[i]; l.Thing == string(operation) && l.Missing == notEnded {
			l.Missing = "it never began: its start is recorded, and the NFVO does not have it; it was cut off between the two, and nothing of it was done"
			return true
		}
	}
	return false
}

// unknown is the error for an ID that no record names.
func (w *walk) unknown() error {
	return hub.E(hub.NotFound, "walk the records", fmt.Sprintf("no record that was read names %.80q: give the ID of a record, notification, event, decision, order, operation, registration, signing request or certificate, or a serial number; see that --trust-domain is the right one, and, if it is new, ask again in a second", w.ids[0]), nil)
}

// EventIDs are the IDs that a notification's event can have: the Security Manager
// derives it from who it is, the server name of the endpoint that told it, and the
// notification's ID.
func EventIDs(sm *hub.SecurityManager, notification string) []string {
	var ids []string
	self := hub.Identity{TrustDomain: sm.TrustDomain, Kind: hub.KindSM, Name: sm.Name}.String()
	for _, e := range sm.Endpoints {
		ids = append(ids, hub.DeriveID("sm-event", self, e.ServerName, notification))
	}
	return ids
}

// walk is one chain while it is looked for. Each pass over the records finds what
// is one link further; how much is kept depends on the chain, not on the log.
type walk struct {
	from  Source
	ids   []string // that name what was asked for
	is    string
	alone *card // the record that was asked for, if it is in no chain

	up, down map[Thing]bool // what led to the thing that was asked for, with it, and what followed
	stands   map[Thing]bool // what these stand on, which is not followed
	cards    []*card        // of these things, of the last pass, in the order of the log
}

// find finds what the ID names.
func (w *walk) find(ctx context.Context) error {
	var ask []Thing
	for _, kind := range []string{Event, Decision, Order, Operation, Registration, Certificate} {
		ask = append(ask, things(kind, w.ids...)...)
	}
	err := w.from.Records(ctx, ask, func(r journal.Record) error {
		c := read(r)
		for _, t := range slices.Concat(c.about, c.up, c.down) {
			if slices.Contains(w.ids, t.ID()) {
				w.start(t)
			}
		}
		switch {
		case slices.Contains(w.ids, c.ID):
			w.alone = c
			for _, t := range c.about {
				w.start(t)
			}
		case c.serial != "" && number(c.serial) == number(w.ids[0]):
			w.start(c.about[0])
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(w.up) > 0:
		return nil
	case w.alone != nil:
		w.is = "record"
		return nil
	}
	return w.unknown()
}

// number writes a serial number as it is compared, however it is shown.
func number(serial string) string {
	return strings.TrimLeft(strings.ToLower(strings.ReplaceAll(serial, ":", "")), "0")
}

func (w *walk) start(t Thing) {
	w.up[t], w.down[t] = true, true
	if w.is == "" {
		w.is = t.Kind()
	}
}

// follow passes over the records until nothing new is found.
func (w *walk) follow(ctx context.Context) error {
	for before := -1; before < w.size(); {
		before = w.size()
		w.cards = nil
		ask := slices.Sorted(maps.Keys(w.up))
		ask = slices.AppendSeq(ask, maps.Keys(w.down))
		ask = slices.AppendSeq(ask, maps.Keys(w.stands))
		err := w.from.Records(ctx, ask, func(r journal.Record) error {
			if c := read(r); len(c.about) > 0 {
				w.take(c)
			}
			return nil
		})
		if err != nil {
			return err
		}
		slices.SortStableFunc(w.cards, func(a, b *card) int { // a source may begin with the newest journal
			return cmp.Or(cmp.Compare(a.place.Epoch, b.place.Epoch), cmp.Compare(a.place.Sequence, b.place.Sequence), cmp.Compare(a.place.Index, b.place.Index))
		})
	}
	return nil
}

func (w *walk) size() int { return len(w.up) + len(w.down) + len(w.stands) }

// take looks whether a record is of the chain, and notes what it leads to.
func (w *walk) take(c *card) {
	if among(c.down, w.up) {
		add(w.up, c.about)
	}
	if among(c.up, w.down) {
		add(w.down, c.about)
	}
	of := among(c.about, w.up)
	if of {
		add(w.up, c.up)
	}
	if among(c.about, w.down) {
		add(w.down, c.down)
		of = true
	}
	if of {
		add(w.stands, c.stands)
	}
	if of || among(c.about, w.stands) {
		w.cards = append(w.cards, c)
	}
}

func among(list []Thing, of map[Thing]bool) bool {
	return slices.ContainsFunc(list, func(t Thing) bool { return of[t] })
}

func add(to map[Thing]bool, list []Thing) {
	for _, t := range list {
		to[t] = true
	}
}
