package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/manoward/manoward/internal/hub"
)

// Batch is one message of a record log, as it is stored: records that were
// written together.
type Batch struct {
	Sequence uint64              // of the message, from 1
	Stored   time.Time           // when the bus stored it
	Header   map[string][]string // of the message
	Lines    [][]byte            // the records, each as its line of JSON without the newline
	Records  []hub.Record        // what the lines say, where all of them are records; nil: they were not read
}

// Entry is what the journal keeps of one record: where it stands, what it is
// called, and digests of every byte of it. Its JSON is the leaf of the tree.
type Entry struct {
	Sequence uint64 `json:"sequence"` // of the message that holds the record
	Index    int    `json:"index"`    // of the record in that message, from 0
	Stored   string `json:"stored"`   // when the bus stored it, RFC 3339 with nanoseconds, UTC
	ID       string `json:"id"`       // of the record: up to maxName characters, '?' for those that are not plain
	Kind     string `json:"kind"`     // likewise
	Header   string `json:"header"`   // SHA-256 of the message's header, hexadecimal
	Body     string `json:"body"`     // SHA-256 of the record's line
}

// maxName bounds what an entry repeats of a record, in bytes: a seal must fit
// into one message.
const maxName = 128

// entries returns the entries of a batch. A line that is no record has an entry
// without ID and kind: what is stored is sealed as it is.
func (b Batch) entries() []Entry {
	list := make([]Entry, len(b.Lines))
	header := headerDigest(b.Header)
	stored := b.Stored.UTC().Format(time.RFC3339Nano)
	for i, line := range b.Lines {
		if b.Records != nil { // it is not read again
			list[i] = namedEntry(b.Sequence, i, stored, header, line, b.Records[i].ID, b.Records[i].Kind)
		} else {
			list[i] = newEntry(b.Sequence, i, stored, header, line)
		}
	}
	return list
}

func newEntry(sequence uint64, index int, stored, header string, line []byte) Entry {
	var r struct {
		ID   string `json:"id"`
		Kind string `json:"kind"`
	}
	if json.Unmarshal(line, &r) != nil {
		r.ID, r.Kind = "", ""
	}
	return namedEntry(sequence, index, stored, header, line, r.ID, r.Kind)
}

// namedEntry is newEntry for a line that says this of its record.
func namedEntry(sequence uint64, index int, stored, header string, line []byte, id, kind string) Entry {
	sum := sha256.Sum256(line)
	return Entry{Sequence: sequence, Index: index, Stored: stored, ID: cut(id), Kind: cut(kind), Header: header, Body: hex.EncodeToString(sum[:])}
}

// cut returns the beginning of a name, with no byte that JSON would write longer.
func cut(s string) string {
	name := []byte(s[:min(len(s), maxName)])
	for i, c := range name {
		if c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 {
			name[i] = '?'
		}
	}
	return string(name)
}

// headerDigest is the SHA-256 of a header, whatever the order of its names.
func headerDigest(h map[string][]string) string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		for _, value := range h[name] { // lengths first: no two headers have one text
			fmt.Fprintf(sum, "%d %d %s%s\n", len(name), len(value), name, value)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// leaf returns the bytes that the tree holds of an entry.
func (e Entry) leaf() []byte {
	raw, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and numbers have JSON
	}
	return raw
}

func (e Entry) hash() []byte { return rfc6962.DefaultHasher.HashLeaf(e.leaf()) }

// compare orders two entries by their place in the log.
func (e Entry) compare(o Entry) int {
	switch {
	case e.Sequence != o.Sequence && e.Sequence < o.Sequence, e.Sequence == o.Sequence && e.Index < o.Index:
		return -1
	case e.Sequence == o.Sequence && e.Index == o.Index:
		return 0
	}
	return 1
}

// place names the entry for people.
func (e Entry) place() string {
	text := "record " + strconv.FormatUint(e.Sequence, 10) + "/" + strconv.Itoa(e.Index)
	if e.Kind != "" {
		text += fmt.Sprintf(" (%q, id %q)", e.Kind, e.ID)
	}
	return text
}
