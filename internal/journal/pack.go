package journal

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/manoward/manoward/internal/hub"
)

// The files of an evidence pack, in their order. Those in folders are parts,
// numbered from 1, in the order seals, proofs, records,
// contents.
const (
	fileAbout      = "about.json"
	fileBefore     = "before"
	fileUnsealed   = "unsealed.jsonl"
	fileCheckpoint = "checkpoint"
	fileManifest   = "manifest"

	folderSeals    = "seals"
	folderProofs   = "proofs"
	folderRecords  = "records"
	folderContents = "contents" // none or several for each part, if wanted
)

// version is of the packs that are written. Those of version 1, which have no
// contents and do not name their version, are read too.
const version = 2

// manifestTitle begins the text of a manifest, so that its signature is for
// nothing else.
func manifestTitle(version int) string {
	return fmt.Sprintf("manoward evidence pack, version %d", version)
}

func partName(folder string, n int) string { return fmt.Sprintf("%s/%06d.jsonl", folder, n) }

// about says what a pack holds.
type about struct {
	Version     int        `json:"version,omitempty"`  // absent: 1
	Contents    bool       `json:"contents,omitempty"` // what sealed records name is in the pack
	Epoch       int        `json:"epoch,omitempty"`    // of the journal; absent: the first
	Origin      string     `json:"origin"`
	TrustDomain string     `json:"trustDomain"`
	Key         string     `json:"key"` // the key that the hub names; whoever verifies should have it from elsewhere
	From        *time.Time `json:"from,omitempty"`
	To          *time.Time `json:"to,omitempty"`
	Exported    time.Time  `json:"exported"`
	FirstSeal   uint64     `json:"firstSeal"`
	LastSeal    uint64     `json:"lastSeal"`
}

// packRecord is one record in a pack, as the bus holds it.
type packRecord struct {
	Sequence uint64              `json:"sequence"`
	Index    int                 `json:"index"`
	Stored   string              `json:"stored"`
	Header   map[string][]string `json:"header"`
	Record   string              `json:"record,omitempty"`
	Base64   string              `json:"recordBase64,omitempty"` // instead, of what is no text
}

func (r *packRecord) line() ([]byte, error) {
	if r.Base64 == "" {
		return []byte(r.Record), nil
	}
	return base64.StdEncoding.DecodeString(r.Base64)
}

// Request says what a pack is of.
type Request struct {
	TrustDomain string
	From, To    time.Time // of storing; zero: from the first, to the last
	Contents    bool      // add what the records name: inputs, policies, certificates
}

// Source is where a pack is made from.
type Source struct {
	Records Records
	Seals   Seals
	Key     *Key
	Now     func() time.Time
	Epoch   int // of the journal, from 1; see [EpochOrigin]
	// Closed says that nothing is added any more: the journal was damaged, and what of
	// it cannot be read is for [Verify] to find.
	Closed bool
	// Contents reads what a record names: hub.NotFound, with the reason, for what is
	// not kept. Needed where contents are wanted.
	Contents func(ctx context.Context, ref Reference) ([]byte, error)
}

// WritePack writes an evidence pack as a tar file: every seal that has a record
// of the wanted time, the records as the bus holds them now, and the proofs. What
// is wrong with them is no matter here: [Verify] finds it. hub.NotFound when a time
// is wanted and no seal is of it; nothing was written then.
func WritePack(ctx context.Context, w io.Writer, s Source, r Request) error {
	return WritePacks(ctx, w, []Source{s}, r)
}

// writePack writes a pack into a folder of a tar file.
func writePack(ctx context.Context, out *tar.Writer, folder string, s Source, r Request) error {
	first, last, err := s.choose(ctx, r)
	if err != nil {
		return err
	}
	p := &packer{Source: s, ctx: ctx, tar: out, folder: folder, now: s.Now().UTC(), wanted: r.Contents, given: map[string]bool{}}
	a := about{
		Version: version, Contents: r.Contents, Epoch: s.Epoch,
		Origin: s.Key.Public().Origin(), TrustDomain: r.TrustDomain, Key: s.Key.Public().String(),
		From: optional(r.From), To: optional(r.To), Exported: p.now, FirstSeal: first, LastSeal: last,
	}
	if err := p.addJSON(fileAbout, a); err != nil {
		return err
	}
	if err := p.addParts(first, last); err != nil {
		return err
	}
	if r.To.IsZero() {
		if err := p.addUnsealed(); err != nil {
			return err
		}
	}
	if p.newest != nil {
		if err := p.add(fileCheckpoint, []byte(p.newest.Checkpoint)); err != nil {
			return err
		}
	}
	return p.finish()
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// choose finds the seals of a time, by bisection.
func (s Source) choose(ctx context.Context, r Request) (first, last uint64, err error) {
	newest, _, err := s.Seals.Last(ctx)
	if err != nil {
		return 0, 0, err
	}
	var failed error
	search := func(is func(*seal) bool) uint64 {
		return 1 + uint64(sort.Search(int(newest), func(i int) bool {
			if failed != nil {
				return true
			}
			one, err := readSeal(ctx, s.Seals, uint64(i)+1)
			if err != nil {
				failed = err
				return true
			}
			return is(one)
		}))
	}
	first, last = 1, newest
	if !r.From.IsZero() {
		first = search(func(one *seal) bool { return storedAt(one.last()).Compare(r.From) >= 0 })
	}
	if !r.To.IsZero() {
		last = search(func(one *seal) bool { return storedAt(one.Entries[0]).After(r.To) }) - 1
	}
	switch {
	case failed != nil:
		return 0, 0, fmt.Errorf("find the seals of a time: %w", failed)
	case first > last && (newest > 0 || !r.From.IsZero() || !r.To.IsZero()):
		if unsealed, err := s.unsealed(ctx, newest, r.From); unsealed && r.To.IsZero() || err != nil {
			return first, last, err
		}
		return 0, 0, hub.E(hub.NotFound, "export evidence", "no sealed record is of that time; widen --from and --to, or wait a second if it is new", nil)
	}
	return first, last, nil
}

// unsealed reports whether there are records after a seal that were stored from a
// time on.
func (s Source) unsealed(ctx context.Context, newest uint64, from time.Time) (bool, error) {
	end, err := s.Records.LastBatch(ctx)
	if err != nil || end.Sequence == 0 || end.Stored.Before(from) {
		return false, err
	}
	if newest == 0 {
		return true, nil
	}
	one, err := readSeal(ctx, s.Seals, newest)
	return err == nil && one.last().Sequence < end.Sequence, err
}

func storedAt(e Entry) time.Time {
	t, err := time.Parse(time.RFC3339Nano, e.Stored)
	if err != nil {
		return time.Time{} // no sealer writes that, and Verify says so
	}
	return t
}

// packer writes one pack.
type packer struct {
	Source
	ctx      context.Context
	tar      *tar.Writer
	folder   string // of the pack in it
	now      time.Time
	newest   *seal // the last one that was added
	at       Entry // the last one whose record was added, or that is before the pack
	manifest strings.Builder
	wanted   bool            // contents
	given    map[string]bool // shared contents that were added
}

func (p *packer) add(name string, content []byte) error {
	h := &tar.Header{Name: p.folder + name, Mode: 0o644, Size: int64(len(content)), ModTime: p.now.Truncate(time.Second), Format: tar.FormatPAX}
	if err := p.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	if _, err := p.tar.Write(content); err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	fmt.Fprintf(&p.manifest, "%x %d %s\n", sha256.Sum256(content), len(content), name)
	return nil
}

func (p *packer) addJSON(name string, v any) error {
	var b bytes.Buffer
	if err := writeLine(&b, v); err != nil {
		return err
	}
	return p.add(name, b.Bytes())
}

func writeLine(b *bytes.Buffer, v any) error {
	if err := json.NewEncoder(b).Encode(v); err != nil {
		return fmt.Errorf("encode evidence: %w", err)
	}
	return nil
}

// addParts adds the seals of numbers first to last, each with its proofs and what
// the bus holds of its records.
func (p *packer) addParts(first, last uint64) error {
	if first > 1 {
		previous, err := readSeal(p.ctx, p.Seals, first-1)
		if err != nil {
			return err
		}
		if err := p.add(fileBefore, []byte(previous.Checkpoint)); err != nil {
			return err
		}
		p.at = previous.last()
	}
	for n, part := first, 1; n <= last; part++ {
		var seals, proven, records bytes.Buffer
		newest := p.newest
		for count := 0; n <= last && count < maxSeal; n++ {
			entries, err := p.addSeal(n, &seals, &proven)
			if err != nil {
				return err
			}
			count += max(1, entries)
		}
		if p.newest != newest {
			if err := p.records(&records, p.at, p.newest.last()); err != nil {
				return err
			}
			p.at = p.newest.last()
		}
		err := errors.Join(p.add(partName(folderSeals, part), seals.Bytes()), p.add(partName(folderProofs, part), proven.Bytes()), p.add(partName(folderRecords, part), records.Bytes()))
		if err == nil {
			err = p.contents(part, records.Bytes())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addSeal adds the lines of one seal and returns how many entries it has. One that
// cannot be read is added as it is, and one that proves nothing without proofs, so
// that they are found.
func (p *packer) addSeal(number uint64, seals, proven *bytes.Buffer) (int, error) {
	raw, err := p.Seals.At(p.ctx, number)
	if err != nil && p.Closed && p.ctx.Err() == nil {
		raw, err = []byte(unreadableSeal), nil
	}
	if err != nil {
		return 0, err
	}
	seals.Write(bytes.ReplaceAll(raw, []byte{'\n'}, []byte{' '}))
	seals.WriteByte('\n')
	one, err := decodeSeal(raw)
	if err != nil {
		return 0, nil
	}
	shown, err := one.prove()
	if err != nil {
		shown = &proofs{}
	}
	p.newest = one
	return len(one.Entries), writeLine(proven, shown)
}

// unreadableSeal stands for a seal that a damaged journal does not have any more.
const unreadableSeal = `"it cannot be read from the bus"`

var errEnough = errors.New("enough")

// records adds what the bus holds after one place, up to another; the zero Entry
// for upTo is the end.
func (p *packer) records(b *bytes.Buffer, after, upTo Entry) error {
	from := after.Sequence
	if from > 0 {
		from-- // its message may hold more
	}
	err := p.Records.ReadBatches(p.ctx, from, func(batch Batch) error {
		stored := batch.Stored.UTC().Format(time.RFC3339Nano)
		for i, line := range batch.Lines {
			at := Entry{Sequence: batch.Sequence, Index: i}
			switch {
			case at.compare(after) <= 0:
				continue
			case upTo.Sequence > 0 && at.compare(upTo) > 0:
				return errEnough
			}
			r := packRecord{Sequence: batch.Sequence, Index: i, Stored: stored, Header: batch.Header}
			if utf8.Valid(line) && len(line) > 0 {
				r.Record = string(line)
			} else {
				r.Base64 = base64.StdEncoding.EncodeToString(line)
			}
			if err := writeLine(b, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("read records: %w", err)
	}
	return nil
}

// addUnsealed adds what the bus holds after the last seal: what is new, or what
// nobody seals.
func (p *packer) addUnsealed() error {
	var b bytes.Buffer
	if err := p.records(&b, p.at, Entry{}); err != nil {
		return err
	}
	return p.add(fileUnsealed, b.Bytes())
}

// finish adds the signed list of all files.
func (p *packer) finish() error {
	signed, err := p.Key.signNote(manifestTitle(version) + "\n" + p.Key.Public().Origin() + "\n" + p.manifest.String())
	if err != nil {
		return err
	}
	return p.add(fileManifest, []byte(signed))
}

// State is how far a journal is.
type State struct {
	Origin     string `json:"origin"`
	Key        string `json:"key"` // verifies its checkpoints
	Seals      uint64 `json:"seals"`
	Records    uint64 `json:"records"`              // that are sealed
	Checkpoint string `json:"checkpoint,omitempty"` // the newest, signed
}

// State reads how far the journal is.
func (s Source) State(ctx context.Context) (State, error) {
	state := State{Origin: s.Key.Public().Origin(), Key: s.Key.Public().String()}
	number, raw, err := s.Seals.Last(ctx)
	if err != nil || number == 0 {
		return state, err
	}
	newest, err := decodeSeal(raw)
	if err != nil {
		return state, hub.E(hub.Unavailable, "read journal", "the newest seal of the journal is damaged; restore the data directory from a backup", err)
	}
	state.Seals, state.Records, state.Checkpoint = number, newest.size(), newest.Checkpoint
	return state, nil
}
