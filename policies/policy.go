package policies

import (
	"encoding/json"
	"slices"

	"github.com/manoward/manoward/internal/hub"
)

// Policy is what the metadata of a policy says of it.
type Policy struct {
	ID          string          `json:"id"` // a DNS label, unique in its set
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Owner       string          `json:"owner"`
	Severity    hub.Severity    `json:"severity"` // of findings that say none themselves
	Controls    []string        `json:"controls,omitempty"`
	Events      []hub.EventKind `json:"events"` // the kinds that it is for, in the order of hub.EventKinds
	Parameters  []Parameter     `json:"parameters,omitempty"`
	File        string          `json:"file"`
	SampleFile  string          `json:"sampleFile"`
	Rules       int             `json:"rules"` // of the policy's file
	Samples     int             `json:"samples"`
}

// Parameter is a value of a policy that each trust domain can set.
type Parameter struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Default     json.RawMessage `json:"default"`
	Schema      json.RawMessage `json:"schema"` // JSON Schema of the value
}

// On reports whether the policy is for events of the kind.
func (p Policy) On(kind hub.EventKind) bool { return slices.Contains(p.Events, kind) }
