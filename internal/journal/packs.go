package journal

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// epochFolder is where the pack of an earlier journal of the same trust domain
// stands in a pack.
func epochFolder(epoch int) string { return "epoch-" + strconv.Itoa(max(1, epoch)) + "/" }

// WritePacks writes the evidence of a trust domain as one tar file: the pack of its
// journal, and after it those of the journals before, the newest first, each whole
// in a folder. hub.NotFound as [WritePack], when nothing of any is wanted.
func WritePacks(ctx context.Context, w io.Writer, sources []Source, r Request) error {
	out := tar.NewWriter(w)
	var none error
	written := false
	for i, s := range sources {
		folder := ""
		if i > 0 {
			folder = epochFolder(s.Epoch)
		}
		err := writePack(ctx, out, folder, s, r)
		switch {
		case hub.CodeOf(err) == hub.NotFound:
			none = err
		case err != nil:
			return err
		default:
			written = true
		}
	}
	if !written {
		return none
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	return nil
}

// VerifyAll is [Verify] for each of the packs that [WritePacks] put together, in
// their order. trustOf says what is known from elsewhere of a journal, by its name.
// What the record accepts with which a journal begins is no finding of the one
// before it, and one that it names is to be there.
func VerifyAll(ctx context.Context, files Files, trustOf func(origin string) (Trust, error)) ([]*Report, error) {
	all := &packs{files: files}
	var reports []*Report
	var follows *Resealed // what the one that was verified last says of the next
	for {
		one, about, err := all.next()
		if err != nil && len(reports) > 0 {
			break // one that says that the rest cannot be read is a finding of the last
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, hub.E(hub.Invalid, "verify evidence", "the pack cannot be read: give the file or folder that \"manoward audit export\" wrote", err)
		}
		var trust Trust
		if about.Origin != "" { // else it is no pack, which is found
			if trust, err = trustOf(about.Origin); err != nil {
				return nil, err
			}
		}
		v := newVerifier(trust)
		named := follows != nil && follows.Previous == about.Origin
		if named {
			v.report.accepted = follows.Losses
			if about.From == nil && about.To == nil {
				v.follows = follows.Checkpoint
			}
		}
		r, err := v.verify(ctx, one)
		if err != nil {
			return nil, err
		}
		if len(reports) > 0 && !named {
			r.file(BadFile, all.folder, "no journal of this pack says that it took the place of this one")
		}
		reports = append(reports, r)
		if follows = r.Resealed; follows != nil && about.From == nil && !all.more() {
			r.file(Missing, fileAbout, "the journal before it, %.80q, is not in the pack", follows.Previous)
		}
	}
	return reports, nil
}

// packs reads the files of packs that were put together.
type packs struct {
	files  Files
	folder string // of the pack that is read

	name string // of the file that was read and not handed out yet
	raw  []byte
	err  error
	peek bool
}

// fill reads the next file ahead.
func (p *packs) fill() {
	if p.peek {
		return
	}
	p.name, p.raw, p.err = next(p.files)
	p.peek = true
}

// more reports whether another pack follows.
func (p *packs) more() bool {
	p.fill()
	return p.err == nil && strings.HasSuffix(p.name, "/"+fileAbout)
}

// next returns the files of the next pack and what it says that it is; io.EOF after
// the last.
func (p *packs) next() (Files, about, error) {
	p.fill()
	if p.err != nil {
		return p.hand, about{}, p.err
	}
	p.folder = ""
	if folder, name, ok := strings.Cut(p.name, "/"); ok && name == fileAbout {
		p.folder = folder + "/"
	}
	var a about
	if json.Unmarshal(p.raw, &a) != nil {
		a = about{} // which is found
	}
	return p.hand, a, nil
}

// hand hands out the files of one pack, up to where the next begins.
func (p *packs) hand() (string, io.Reader, error) {
	p.fill()
	if p.err != nil {
		return p.name, nil, p.err
	}
	name, inside := strings.CutPrefix(p.name, p.folder)
	if folder, rest, ok := strings.Cut(name, "/"); !inside || ok && rest == fileAbout && folder != "" {
		return "", nil, io.EOF
	}
	p.peek = false
	return name, bytes.NewReader(p.raw), nil
}
