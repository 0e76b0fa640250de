package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/manoward/manoward/internal/hub"
)

// Files hands out the files of a pack in their order; io.EOF after the last. The
// reader is good until the next call.
type Files func() (name string, content io.Reader, err error)

// maxFile bounds one file of a pack in memory.
const maxFile = 512 << 20

// grace is how old a record may be at the export that is not sealed: a second,
// and the time that another sealer takes to take over.
const grace = 10 * time.Second

// Verify holds the records of a pack against its seals, the seals against the
// signed checkpoints, these against each other, the proofs against them, and
// every file against the signed manifest. It needs no hub, and memory for one
// part of the pack.
//
// What is wrong is in the report; an error says that there is nothing to judge.
func Verify(ctx context.Context, files Files, trust Trust) (*Report, error) {
	return newVerifier(trust).verify(ctx, files)
}

func newVerifier(trust Trust) *verifier {
	return &verifier{key: trust.Key, trusted: trust.Checkpoint, report: &Report{Findings: []Finding{}}, wanted: map[string]*content{}, chains: map[string]*x509.Certificate{}}
}

func (v *verifier) verify(ctx context.Context, files Files) (*Report, error) {
	if err := v.begin(files); err != nil {
		return nil, err
	}
	for _, earlier := range []string{v.trusted, v.follows} {
		if err := v.expect(earlier); err != nil {
			return nil, err
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name, content, err := next(files)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			v.broken(name, err)
			break
		}
		v.file(name, content)
	}
	v.end()
	return v.report, nil
}

// broken names where a pack cannot be read any further.
func (v *verifier) broken(name string, err error) {
	if name == "" {
		name = v.files[len(v.files)-1].name // begin has seen one
		if v.manifest != nil {
			name = fileManifest
		}
		v.report.file(BadFile, name, "after this file the pack ends early or cannot be read, %v", err)
		return
	}
	v.report.file(BadFile, name, "the pack ends early or cannot be read: %v", err)
}

// Trust is what a verifier has from elsewhere than the hub.
type Trust struct {
	// Key is the journal's; nil takes the one that the pack names, which proves no
	// more than that the pack fits to itself.
	Key *PublicKey
	// Checkpoint is one that the hub signed earlier, as the file of an earlier pack
	// has it: the tree must have gone on from it. Empty: none.
	Checkpoint string
}

// expect takes note of an earlier checkpoint.
func (v *verifier) expect(earlier string) error {
	if earlier == "" {
		return nil
	}
	c, err := v.key.open(earlier)
	if err != nil {
		return hub.E(hub.Invalid, "verify evidence", "the earlier checkpoint is not one that the key of this journal signed; give the file \"checkpoint\" of an earlier pack of the same trust domain", err)
	}
	v.earlier = append(v.earlier, c)
	return nil
}

// hold holds a checkpoint of the pack against the earlier one. Each that was ever
// signed is that of a seal.
func (v *verifier) hold(name string, c checkpoint) {
	v.earlier = slices.DeleteFunc(v.earlier, func(earlier checkpoint) bool {
		if earlier.size == c.size && !bytes.Equal(earlier.root, c.root) {
			v.report.file(BadSeal, name, "the tree of %d entries is another one than that of the earlier checkpoint: everything was signed anew", c.size)
		}
		return earlier.size == c.size
	})
}

// next reads one file whole.
func next(files Files) (string, []byte, error) {
	name, r, err := files()
	if err != nil {
		return name, nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxFile)
	}
	return name, raw, err
}

// verifier goes through one pack.
type verifier struct {
	key      *PublicKey
	report   *Report
	about    about
	files    []manifestLine // as they came
	manifest []byte         // nil: not seen

	part     int          // of the newest seals
	parts    []sealed     // its seals
	stage    string       // folder of the part that was seen last
	previous *checkpoint  // of the seal before the next; nil: none, or unreadable
	trusted  string       // an earlier checkpoint, from elsewhere; empty: none
	follows  string       // one that the journal after this one names; empty: none
	earlier  []checkpoint // those that must be among the pack's and were not seen yet
	good     string       // the newest checkpoint up to which all holds
	bad      bool         // a seal did not hold
	last     Entry        // of the newest seal
	ending   string       // the newest checkpoint as text
	seals    uint64
	at       Entry // of the record that was compared last

	wanted map[string]*content          // contents that records name
	due    []string                     // those that must come with the part
	chains map[string]*x509.Certificate // issuers that are proven, by name
}

// sealed is a seal, what its checkpoint says, and what the one before it said.
type sealed struct {
	*seal
	signed *checkpoint
	before *checkpoint
}

func (v *verifier) begin(files Files) error {
	name, raw, err := next(files)
	if err != nil && !errors.Is(err, io.EOF) {
		return hub.E(hub.Invalid, "verify evidence", "the pack cannot be read: give the file or folder that \"manoward audit export\" wrote", err)
	}
	if name != fileAbout || strict(raw, &v.about) != nil {
		return hub.E(hub.Invalid, "verify evidence", "this is no evidence pack, or its first file, about.json, is damaged: give the file or folder that \"manoward audit export\" wrote", err)
	}
	if v.about.Version < 0 || v.about.Version > version {
		return hub.E(hub.Invalid, "verify evidence", fmt.Sprintf("the pack is of version %d, and this program knows those up to %d: use a newer one", v.about.Version, version), nil)
	}
	named, err := ParseKey(v.about.Key)
	switch {
	case err != nil && v.key == nil:
		return err
	case v.key == nil:
		v.key = named
	case named == nil || named.String() != v.key.String():
		v.report.file(BadFile, fileAbout, "the pack names another key than the one that was given")
	}
	r := v.report
	r.Epoch = max(1, v.about.Epoch)
	r.TrustDomain, r.Origin, r.Key, r.Exported = v.about.TrustDomain, v.about.Origin, v.key.String(), v.about.Exported
	if v.about.Origin != v.key.Origin() || v.about.Origin != EpochOrigin(v.about.TrustDomain, v.about.Epoch) {
		r.file(BadFile, fileAbout, "the pack is of %.80q, trust domain %.80q, and the key of %.80q", v.about.Origin, v.about.TrustDomain, v.key.Origin())
	}
	v.seen(name, raw)
	return nil
}

func (v *verifier) seen(name string, raw []byte) {
	v.files = append(v.files, manifestLine{fmt.Sprintf("%x", sha256.Sum256(raw)), len(raw), name})
}

// file judges one file.
func (v *verifier) file(name string, raw []byte) {
	if v.manifest != nil {
		v.report.file(BadFile, name, "it comes after the manifest")
		return
	}
	if name == fileManifest {
		v.manifest = raw
		return
	}
	v.seen(name, raw)
	switch {
	case name == fileBefore:
		if c, err := v.key.open(string(raw)); err != nil {
			v.report.file(BadSeal, name, "the checkpoint before the pack: %v", err)
		} else {
			v.previous = &c
			v.hold(name, c)
		}
	case name == partName(folderSeals, v.part+1):
		v.finishPart()
		v.part++
		v.readSeals(name, raw)
	case name == partName(folderProofs, v.part) && v.stage == folderSeals:
		v.readProofs(name, raw)
	case name == partName(folderRecords, v.part) && v.stage == folderProofs:
		v.readRecords(name, raw)
	case v.contentsOf(name):
		v.readContents(name, raw)
	case name == fileUnsealed:
		v.readUnsealed(name, raw)
	case name == fileCheckpoint:
		if string(raw) != v.ending {
			v.report.file(BadSeal, name, "it is not the checkpoint of the last seal")
		}
	default:
		v.report.file(BadFile, name, "no such file belongs here")
	}
}

// finishPart says what of a part has not come.
func (v *verifier) finishPart() {
	if v.part > 0 && v.stage != folderRecords && v.stage != folderContents {
		v.report.file(BadFile, partName(folderRecords, v.part), "the files of part %d are not all there, or not in their order", v.part)
	}
	v.finishContents()
}

// contentsOf reports whether a file has contents of the part that was read.
func (v *verifier) contentsOf(name string) bool {
	return v.about.Contents && (v.stage == folderRecords || v.stage == folderContents) && strings.HasPrefix(name, fmt.Sprintf("%s/%06d-", folderContents, v.part))
}

func (v *verifier) end() {
	v.finishPart()
	if v.about.FirstSeal > v.about.LastSeal+1 || v.seals != v.about.LastSeal-v.about.FirstSeal+1 {
		v.report.file(BadSeal, fileAbout, "there are %d seals, and %d to %d were exported", v.seals, v.about.FirstSeal, v.about.LastSeal)
	}
	for _, earlier := range v.earlier {
		v.report.file(BadSeal, fileAbout, "the earlier checkpoint, of %d entries, is not among those of the pack: the journal was cut or signed anew, or the pack is of another time", earlier.size)
	}
	v.checkManifest()
}

// readSeals holds each seal against its checkpoint and against the one before.
func (v *verifier) readSeals(name string, raw []byte) {
	v.stage, v.parts = folderSeals, nil
	for line := range bytes.Lines(raw) {
		number := v.about.FirstSeal + v.seals
		v.seals++
		s, err := decodeSeal(bytes.TrimSuffix(line, []byte{'\n'}))
		if err != nil {
			v.report.file(BadSeal, name, "seal %d: %v", number, err)
			v.previous, v.bad = nil, true
			continue
		}
		one := sealed{seal: s, before: v.previous}
		if c, err := v.key.open(s.Checkpoint); err == nil {
			one.signed = &c
			v.hold(name, c)
		}
		v.bad = !v.join(name, number, one) || v.bad
		if !v.bad {
			v.good = s.Checkpoint
		}
		v.parts = append(v.parts, one)
		v.previous, v.last, v.ending = one.signed, s.last(), s.Checkpoint
		v.report.Seals++
		if one.signed != nil {
			v.report.Size, v.report.Root = one.signed.size, base64.StdEncoding.EncodeToString(one.signed.root)
		}
	}
}

// join reports whether a seal holds, and says how it does not.
func (v *verifier) join(name string, number uint64, s sealed) bool {
	_, before, err := s.check(v.key)
	var wrong []string
	switch {
	case err != nil:
		wrong = append(wrong, fmt.Sprintf("seal %d, entries %d to %d: %v", number, s.Start, s.size()-1, err))
	case s.before != nil:
		if err := s.follows(*s.before, before); err != nil {
			wrong = append(wrong, fmt.Sprintf("seal %d: %v", number, err))
		}
	case number == 1 && s.Start != 0:
		wrong = append(wrong, "seal 1 does not begin with the first entry")
	case number > 1:
		wrong = append(wrong, fmt.Sprintf("seal %d: the checkpoint before it is not there or not readable", number))
	}
	if v.last.compare(s.Entries[0]) >= 0 {
		wrong = append(wrong, fmt.Sprintf("seal %d begins before the seal before it ends", number))
	}
	for _, text := range wrong {
		v.report.file(BadSeal, name, "%s", text)
	}
	return len(wrong) == 0
}

// readProofs checks what the pack proves to whoever has a checkpoint alone. They
// also name the entry that is not what was signed.
func (v *verifier) readProofs(name string, raw []byte) {
	v.stage = folderProofs
	lines := splitLines(raw)
	if len(lines) != len(v.parts) {
		v.report.file(BadProof, name, "it has proofs of %d seals; want %d", len(lines), len(v.parts))
	}
	for i, line := range lines[:min(len(lines), len(v.parts))] {
		s := v.parts[i]
		var p proofs
		if err := strict(line, &p); err != nil || p.Size != s.size() || len(p.Inclusion) != len(s.Entries) {
			v.report.file(BadProof, name, "line %d is not the proofs of the seal of entries %d to %d", i+1, s.Start, s.size()-1)
			continue
		}
		if s.signed == nil {
			continue // the seal is found to be bad
		}
		h := rfc6962.DefaultHasher
		for j, e := range s.Entries {
			if err := proof.VerifyInclusion(h, s.Start+uint64(j), s.signed.size, e.hash(), p.Inclusion[j], s.signed.root); err != nil {
				v.report.record(BadProof, name, e, "is not proven to be entry %d of the signed tree: the entry or its proof was altered", s.Start+uint64(j))
			}
		}
		if s.before == nil || s.before.size == 0 {
			continue
		}
		if err := proof.VerifyConsistency(h, s.before.size, s.signed.size, p.Consistency, s.before.root, s.signed.root); err != nil {
			v.report.file(BadProof, name, "the checkpoints of %d and %d entries are not proven to be of one tree", s.before.size, s.signed.size)
		}
	}
}

// readUnsealed counts what is too new to be sealed, and names what is not.
func (v *verifier) readUnsealed(name string, raw []byte) {
	for i, line := range splitLines(raw) {
		e, body, err := readRecord(line)
		switch {
		case err != nil:
			v.report.file(BadFormat, name, "line %d: %v", i+1, err)
		case e.compare(v.last) <= 0:
			v.report.record(Added, name, e, "is not sealed, and later ones are")
		case v.about.Exported.Sub(storedAt(e)) > grace:
			v.report.record(Unsealed, name, e, "was stored at %s and is not sealed: nobody seals this log, see /readyz and the alarms", e.Stored)
		default:
			v.report.Recent++
			v.report.begins(e, body)
		}
	}
}

func splitLines(raw []byte) [][]byte {
	var list [][]byte
	for line := range bytes.Lines(raw) {
		list = append(list, bytes.TrimSuffix(line, []byte{'\n'}))
	}
	return list
}

// strict reads one value of JSON: no field that is not known, and nothing after.
func strict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if len(bytes.TrimSpace(raw[d.InputOffset():])) > 0 {
		return errors.New("something stands after the value")
	}
	return nil
}
