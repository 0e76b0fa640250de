package indicators

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
)

// told is what a VNF has told of itself, as it is stored: one resource for each VNF,
// under its ID.
type told struct {
	VnfdID   string                 `json:"vnfdId"` // that Declared is of
	Declared []sol001.IndicatorDesc `json:"declared,omitempty"`
	Sources  []string               `json:"sources,omitempty"` // that had an address, sorted
	Values   map[string]value       `json:"values,omitempty"`  // by indicator
	Subject  json.RawMessage        `json:"subject,omitempty"` // what filters of subscriptions see of the VNF
	Since    time.Time              `json:"since"`             // a part of the IDs of events: a VNF may be forgotten and known again
	Events   int                    `json:"events"`            // counts them, for their IDs
	Pending  []event                `json:"pending,omitempty"`
}

// value is what an indicator says, and since when.
type value struct {
	Value   json.RawMessage `json:"value"`
	Changed time.Time       `json:"changed"`
}

// event is a notification that is to be published. What it says of the VNF is what is
// stored beside it: nothing else is written before it is told.
type event struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	At        time.Time `json:"at"`
	Indicator string    `json:"indicator,omitempty"` // whose value has changed
}

// termUnfinished marks a VNF whose events wait to be published.
const termUnfinished = "unfinished"

func (t *told) terms() []string {
	if len(t.Pending) > 0 {
		return []string{termUnfinished}
	}
	return nil
}

// from is the source at which an indicator is read: the one that the VNFD names, or,
// where it names both, the VNF before its EM. Empty if that has no address.
func from(d *sol001.IndicatorDesc, sources []string) string {
	has := func(s string) bool { return slices.Contains(sources, s) }
	switch {
	case d.Source != sol001.SourceBoth && has(d.Source):
		return d.Source
	case d.Source == sol001.SourceBoth && has(sol001.SourceVNF):
		return sol001.SourceVNF
	case d.Source == sol001.SourceBoth && has(sol001.SourceEM):
		return sol001.SourceEM
	}
	return ""
}

// supported are the indicators that can be read, in the order of the VNFD.
func (t *told) supported() (list []sol003.SupportedIndicator) {
	for i := range t.Declared {
		if d := &t.Declared[i]; from(d, t.Sources) != "" {
			list = append(list, sol003.SupportedIndicator{VnfIndicatorID: d.ID, Name: d.Name})
		}
	}
	return list
}

// name is the human-readable name of an indicator that the VNFD gives.
func (t *told) name(id string) string {
	for i := range t.Declared {
		if t.Declared[i].ID == id {
			return t.Declared[i].Name
		}
	}
	return ""
}

// note adds an event of a VNF.
func (t *told) note(vnf string, e event) {
	t.Events++
	e.ID = hub.DeriveID("indicator event", vnf, t.Since.UTC().Format(time.RFC3339Nano), strconv.Itoa(t.Events))
	t.Pending = append(t.Pending, e)
}

// become takes over which indicators there are, and their values as they were read, and
// notes what has changed. It reports whether anything has.
func (t *told) become(v *VNF, vnf string, declared []sol001.IndicatorDesc, values map[string]json.RawMessage, now time.Time) (bool, error) {
	before, sources := t.supported(), slices.Sorted(maps.Keys(v.Addresses))
	changed := t.VnfdID != v.VnfdID || !slices.Equal(t.Sources, sources)
	t.VnfdID, t.Declared, t.Sources, t.Subject = v.VnfdID, declared, sources, v.Subject
	after := t.supported()
	if !slices.Equal(before, after) {
		t.note(vnf, event{Type: TypeSupported, At: now})
	}
	next, size := map[string]value{}, 0
	for _, x := range after {
		id := x.VnfIndicatorID
		was, had := t.Values[id]
		is, read := values[id]
		switch {
		case read && (!had || !bytes.Equal(was.Value, is)):
			next[id] = value{is, now}
			t.note(vnf, event{Type: TypeValue, At: now, Indicator: id})
			changed = true
		case had:
			next[id] = was
		default:
			continue
		}
		size += len(next[id].Value)
	}
	if size > maxValues {
		return false, hub.E(hub.Unavailable, "read indicators", fmt.Sprintf("the values of VNF instance %s have %d bytes, and %d are taken", vnf, size, maxValues), nil)
	}
	t.Values = next
	return changed, nil
}
