package natsbus

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/manoward/manoward/internal/hub"
)

// A batch is the payload of one message of a log: one record after the other,
// each as a line of JSON. Its headers bind it to all batches before it.
const (
	headerChain = "Manoward-Chain" // SHA-256 in hex over the chain before, the count and the payload
	headerCount = "Manoward-Count" // records in the log up to and with this batch
)

// Limits of one batch.
const (
	maxBatchBytes   = 512 << 10
	maxBatchRecords = 4096
)

// chain is the value that binds a batch to all batches before it. The zero
// chain is that of an empty log.
type chain [sha256.Size]byte

// next returns the chain after a batch with this payload, when the log holds
// count records with it.
func (c chain) next(count uint64, payload []byte) chain {
	h := sha256.New()
	h.Write(c[:])
	h.Write(binary.BigEndian.AppendUint64(nil, count))
	h.Write(payload)
	return chain(h.Sum(nil))
}

func (c chain) String() string { return hex.EncodeToString(c[:]) }

func parseChain(s string) (chain, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != sha256.Size {
		return chain{}, fmt.Errorf("%.80q is no chain value", s)
	}
	return chain(b), nil
}

// readHeaders returns what the headers of a batch claim.
func readHeaders(h nats.Header) (c chain, count uint64, err error) {
	if c, err = parseChain(h.Get(headerChain)); err != nil {
		return chain{}, 0, err
	}
	if count, err = strconv.ParseUint(h.Get(headerCount), 10, 64); err != nil {
		return chain{}, 0, fmt.Errorf("read record count: %w", err)
	}
	return c, count, nil
}

// digest is a truncated SHA-256: 128 bits, so that no two records of a log are
// taken for one.
type digest [16]byte

func digestOf(b []byte) digest {
	sum := sha256.Sum256(b)
	return digest(sum[:16])
}

// line is a record as it is stored.
type line struct {
	id   digest // of the record's ID
	sum  digest // of text
	text []byte // JSON and a newline
}

// encodeRecord turns a record into its line. Time is stored in UTC, so that a
// record has one spelling.
func encodeRecord(r hub.Record) (line, error) {
	const op = "append record"
	if r.ID == "" {
		return line{}, hub.E(hub.Invalid, op, "a record needs an ID; give it one with hub.NewID", nil)
	}
	r.Time = r.Time.UTC()
	text, err := plainRecord(r), error(nil)
	if text == nil {
		text, err = json.Marshal(r)
	}
	if err != nil {
		return line{}, hub.E(hub.Invalid, op, fmt.Sprintf("record %.80q cannot be written as JSON; correct its data or time", r.ID), err)
	}
	text = append(text, '\n')
	if len(text) > maxBatchBytes {
		return line{}, hub.E(hub.Invalid, op, fmt.Sprintf("record %.80q is %d bytes long and a log takes at most %d; keep large content elsewhere and record its digest", r.ID, len(text), maxBatchBytes), nil)
	}
	return line{digestOf([]byte(r.ID)), digestOf(text), text}, nil
}

// decodeBatch reads the records of a batch. It accepts only what encodeRecord
// makes: whole lines, each a record with an ID. The data of the records share the payload,
// which is not changed any more.
func decodeBatch(payload []byte) ([]hub.Record, error) {
	n := bytes.Count(payload, []byte{'\n'})
	if n == 0 || n > maxBatchRecords || payload[len(payload)-1] != '\n' {
		return nil, fmt.Errorf("%d bytes with %d lines are no batch", len(payload), n)
	}
	recs := make([]hub.Record, 0, n)
	for text := range bytes.Lines(payload) {
		r, err := decodeRecord(text)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", len(recs), err)
		}
		if r.ID == "" {
			return nil, errors.New("a record has no ID")
		}
		recs = append(recs, r)
	}
	return recs, nil
}

// decodeRecord reads the line of a record.
func decodeRecord(text []byte) (hub.Record, error) {
	if r, ok := cutRecord(text); ok {
		return r, nil
	}
	var r hub.Record
	err := json.Unmarshal(text, &r)
	return r, err
}

// cutRecord reads a line that has the members of a record in their order, with texts
// that are written as they are, which are nearly all: what encoding/json reads of it, in
// less than half the time. false for any other line.
func cutRecord(text []byte) (r hub.Record, ok bool) {
	rest, ok := bytes.CutSuffix(text, []byte("}\n"))
	if !ok {
		return r, false
	}
	var at []byte
	for i, name := range [...]string{`{"id":`, `,"kind":`, `,"time":`, `,"actor":`, `,"subject":`} {
		value, ok := bytes.CutPrefix(rest, []byte(name))
		n := plainText(value)
		if !ok || n == 0 {
			return r, false
		}
		if i == 2 {
			at = value[:n]
		} else {
			*[...]*string{&r.ID, &r.Kind, nil, &r.Actor, &r.Subject}[i] = string(value[1 : n-1])
		}
		rest = value[n:]
	}
	data, ok := bytes.CutPrefix(rest, []byte(`,"data":`))
	if !ok || len(data) == 0 || data[0] <= ' ' || data[len(data)-1] <= ' ' || !validJSON(data) || r.Time.UnmarshalJSON(at) != nil {
		return r, false
	}
	r.Data = slices.Clip(data)
	return r, true
}

// plainText is the length of the JSON text that begins here, with its quotes, if it is
// written as it is: 0 if it is not, or if there is none.
func plainText(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return 0
	}
	for i, c := range b[1:] {
		switch {
		case c == '"':
			return i + 2
		case c < ' ', c > '~', c == '\\':
			return 0
		}
	}
	return 0
}

// window remembers the newest records of a log, to recognise one that is
// appended again.
type window struct {
	size int
	sums map[digest]digest // ID to content
	ring []digest          // IDs in the order they came
	next int               // place in ring of the oldest, once it is full
}

func newWindow(size int) *window { return &window{size: size, sums: map[digest]digest{}} }

// add remembers a record and forgets the oldest when there are too many.
func (w *window) add(id, sum digest) {
	if _, ok := w.sums[id]; ok {
		return
	}
	w.sums[id] = sum
	if len(w.ring) < w.size {
		w.ring = append(w.ring, id)
		return
	}
	delete(w.sums, w.ring[w.next])
	w.ring[w.next] = id
	w.next = (w.next + 1) % w.size
}
