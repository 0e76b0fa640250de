package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Record is one record of a pack, with its place.
type Record struct {
	Entry
	Epoch   int    // of the journal, from 1; see [EpochOrigin]
	Leaf    uint64 // its index in the tree, from 0; of one that is sealed
	Sealed  bool   // an entry of the tree is of this place
	Altered bool   // that entry is of something else
	Line    []byte // the record, a line of JSON
}

// Read calls fn with each record of a pack, in the order of the log. Where a journal
// was begun anew, the newest comes first, and after it those before. It judges nothing:
// what a pack proves, [Verify] says.
func Read(ctx context.Context, files Files, fn func(Record) error) error {
	var sealed map[place]sealedAt
	epoch := 1
	return each(ctx, files, func(name string, raw []byte) error {
		switch folderOf(inPack(name)) {
		case fileAbout:
			var a about
			if err := strict(raw, &a); err != nil {
				return hub.E(hub.Invalid, opRead, fmt.Sprintf("%.80q of the pack is damaged; look at it with \"manoward audit verify --pack\"", name), err)
			}
			epoch, sealed = max(1, a.Epoch), nil
		case folderSeals:
			sealed = placesOf(raw)
		case folderRecords, fileUnsealed:
			for _, line := range splitLines(raw) {
				r, err := readOne(line, sealed)
				if err != nil {
					return hub.E(hub.Invalid, opRead, fmt.Sprintf("a record in %.80q cannot be read; look at it with \"manoward audit verify --pack\"", name), err)
				}
				r.Epoch = epoch
				if err := fn(r); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// inPack is the name of a file in its own pack, where several were put together.
func inPack(name string) string { return strings.TrimPrefix(name, folderOfEpoch(name)) }

// folderOf returns the folder of a file of a pack, or the file itself.
func folderOf(name string) string {
	folder, _, _ := strings.Cut(name, "/")
	return folder
}

// StoredAt is when the bus stored the record; the zero time if that is not said.
func (r *Record) StoredAt() time.Time { return storedAt(r.Entry) }

// place is where a record stands in its log.
type place struct {
	sequence uint64
	index    int
}

// sealedAt is an entry of the tree and its index there.
type sealedAt struct {
	Entry
	leaf uint64
}

// placesOf reads the seals of a part. One that is damaged seals nothing.
func placesOf(raw []byte) map[place]sealedAt {
	places := map[place]sealedAt{}
	for _, line := range splitLines(raw) {
		s, err := decodeSeal(line)
		if err != nil {
			continue
		}
		for i, e := range s.Entries {
			places[place{e.Sequence, e.Index}] = sealedAt{e, s.Start + uint64(i)}
		}
	}
	return places
}

func readOne(line []byte, sealed map[place]sealedAt) (Record, error) {
	e, body, err := readRecord(line)
	if err != nil {
		return Record{}, err
	}
	r := Record{Entry: e, Line: body}
	if at, ok := sealed[place{e.Sequence, e.Index}]; ok {
		r.Leaf, r.Sealed, r.Altered = at.leaf, true, at.Entry != e
	}
	return r, nil
}

// FindInput finds the input of a decision in a pack, by its SHA-256: hub.NotFound
// with the reason if the pack does not have it.
func FindInput(ctx context.Context, files Files, digest string) (raw []byte, err error) {
	found := errors.New("found")
	err = ReadContents(ctx, files, ContentInput, func(_ string, content []byte) error {
		if digestOf(ContentInput, content) != digest {
			return nil
		}
		raw = content
		return found
	})
	switch {
	case errors.Is(err, found):
		return raw, nil
	case err == nil:
		err = hub.E(hub.NotFound, opRead, "the pack does not hold it", nil)
	}
	return nil, err
}

// ReadContents calls fn with each content of a kind that a pack has, in order.
func ReadContents(ctx context.Context, files Files, kind string, fn func(name string, content []byte) error) error {
	return each(ctx, files, func(name string, raw []byte) error {
		if folderOf(inPack(name)) != folderContents {
			return nil
		}
		for _, line := range splitLines(raw) {
			var l contentLine
			body := []byte(nil)
			err := strict(line, &l)
			if err == nil {
				body, err = l.content()
			}
			switch {
			case err != nil:
				return hub.E(hub.Invalid, opRead, fmt.Sprintf("a content in %.80q cannot be read; look at it with \"manoward audit verify --pack\"", name), err)
			case l.Kind != kind || l.Absent != "":
				continue
			}
			if err := fn(l.Name, body); err != nil {
				return err
			}
		}
		return nil
	})
}

// Description is what a pack says of itself.
type Description struct {
	TrustDomain string
	Origin      string
	Exported    time.Time
	Manifest    string // its SHA-256, hexadecimal, which names the pack
}

// Describe reads what a pack says of itself.
func Describe(ctx context.Context, files Files) (Description, error) {
	var d Description
	err := each(ctx, files, func(name string, raw []byte) error {
		switch name {
		case fileAbout:
			var a about
			if err := strict(raw, &a); err != nil {
				return hub.E(hub.Invalid, opRead, "about.json of the pack is damaged; look at it with \"manoward audit verify --pack\"", err)
			}
			d.TrustDomain, d.Origin, d.Exported = a.TrustDomain, a.Origin, a.Exported
		case fileManifest:
			d.Manifest = digestOf("", raw)
		}
		return nil
	})
	if err == nil && (d.Manifest == "" || d.Origin == "") {
		err = hub.E(hub.Invalid, opRead, "the pack is not whole; look at it with \"manoward audit verify --pack\"", nil)
	}
	return d, err
}

const opRead = "read evidence"

// each calls fn with each file of a pack.
func each(ctx context.Context, files Files, fn func(name string, raw []byte) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		name, raw, err := next(files)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return hub.E(hub.Invalid, opRead, "the pack ends early or cannot be read; look at it with \"manoward audit verify --pack\"", err)
		}
		if err := fn(name, raw); err != nil {
			return err
		}
	}
}
