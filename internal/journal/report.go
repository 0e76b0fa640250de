package journal

import (
	"fmt"
	"time"
)

// What a [Finding] is of.
const (
	Missing   = "missing"    // sealed, and not among the records; named by a record, and not in the pack
	Added     = "added"      // among the records, and not sealed though later ones are
	Altered   = "altered"    // not what was sealed
	Reordered = "reordered"  // sealed at another place
	Unsealed  = "unsealed"   // not sealed in time
	BadSeal   = "seal"       // the tree or its checkpoints do not fit together
	BadProof  = "proof"      // a proof does not hold
	BadFile   = "file"       // a file of the pack is missing, altered, added or moved
	BadFormat = "unreadable" // a part of the pack cannot be read
)

// Finding is one thing that is wrong.
type Finding struct {
	What     string `json:"what"`
	File     string `json:"file,omitempty"`
	Sequence uint64 `json:"sequence,omitempty"` // of the message that holds the record
	Index    int    `json:"index,omitempty"`    // of the record in it
	ID       string `json:"id,omitempty"`       // of the record
	Kind     string `json:"kind,omitempty"`
	Text     string `json:"text"`
}

// Report is what a verification found. No findings is a journal that fits to
// its records.
type Report struct {
	TrustDomain string    `json:"trustDomain"`
	Origin      string    `json:"origin"`
	Key         string    `json:"key"` // that the signatures were held against
	Exported    time.Time `json:"exported"`
	Records     int       `json:"records"` // compared
	Seals       int       `json:"seals"`
	Size        uint64    `json:"size"`            // entries in the tree at its newest checkpoint
	Root        string    `json:"root"`            // of that tree, base64
	Recent      int       `json:"recent"`          // records too new to be sealed yet
	Contents    int       `json:"contents"`        // that records name and the pack has
	NotKept     int       `json:"contentsNotKept"` // that records name and the hub did not have any more
	Findings    []Finding `json:"findings"`
	More        int       `json:"moreFindings,omitempty"` // beyond maxFindings

	Epoch    int       `json:"epoch"`              // of the journal: 2 and more, of one that was begun anew
	Resealed *Resealed `json:"resealed,omitempty"` // with which it was
	Accepted []Loss    `json:"accepted,omitempty"` // what was found, and is what the journal after it accepts as lost

	losses   losses // all findings
	accepted losses // what the journal after it accepts
}

// maxFindings bounds what a report lists.
const maxFindings = 1000

func (r *Report) find(f Finding) {
	if r.accepted.cover(f) {
		r.Accepted = losses(r.Accepted).with(f)
		return
	}
	r.losses = r.losses.with(f)
	if len(r.Findings) == maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, f)
}

func (r *Report) file(what, file, format string, args ...any) {
	r.find(Finding{What: what, File: file, Text: fmt.Sprintf(format, args...)})
}

func (r *Report) record(what, file string, e Entry, format string, args ...any) {
	r.find(Finding{What: what, File: file, Sequence: e.Sequence, Index: e.Index, ID: e.ID, Kind: e.Kind, Text: e.place() + " " + fmt.Sprintf(format, args...)})
}
