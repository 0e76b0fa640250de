package journal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// readRecord reads one record of a pack as the entry that it should have.
func readRecord(line []byte) (e Entry, body []byte, err error) {
	var r packRecord
	if err := strict(line, &r); err != nil {
		return Entry{}, nil, fmt.Errorf("read record: %w", err)
	}
	if body, err = r.line(); err != nil {
		return Entry{}, nil, fmt.Errorf("read record: %w", err)
	}
	return newEntry(r.Sequence, r.Index, r.Stored, headerDigest(r.Header), body), body, nil
}

// readRecords compares the records of a part with its entries, both ways.
func (v *verifier) readRecords(name string, raw []byte) {
	v.stage = folderRecords
	var want []Entry
	places := map[string]Entry{} // of what was sealed, by digest
	for _, s := range v.parts {
		want = append(want, s.Entries...)
		for _, e := range s.Entries {
			places[e.Body] = e
		}
	}
	for i, line := range splitLines(raw) {
		got, body, err := readRecord(line)
		if err != nil {
			v.report.file(BadFormat, name, "line %d: %v", i+1, err)
			continue
		}
		v.report.Records++
		v.report.begins(got, body)
		if got.compare(v.at) <= 0 {
			v.report.record(Reordered, name, got, "stands after a later one")
			continue
		}
		v.at = got
		v.wantContents(body)
		for len(want) > 0 && want[0].compare(got) < 0 {
			v.report.record(Missing, name, want[0], "was sealed and is not among the records")
			want = want[1:]
		}
		if len(want) == 0 || want[0].compare(got) > 0 {
			v.report.record(Added, name, got, "was not sealed, and later ones were")
			continue
		}
		v.compare(name, want[0], got, places)
		want = want[1:]
	}
	for _, e := range want {
		v.report.record(Missing, name, e, "was sealed and is not among the records")
	}
}

// compare says in what a record differs from what was sealed.
func (v *verifier) compare(name string, want, got Entry, places map[string]Entry) {
	if want == got {
		return
	}
	if other, ok := places[got.Body]; ok && got.Body != want.Body {
		v.report.record(Reordered, name, want, "is not there: in its place stands what was sealed as %s", other.place())
		return
	}
	var parts []string
	for _, p := range []struct{ what, a, b string }{
		{"ID", want.ID, got.ID}, {"kind", want.Kind, got.Kind}, {"content", want.Body, got.Body}, {"header", want.Header, got.Header}, {"time of storing", want.Stored, got.Stored},
	} {
		if p.a != p.b {
			parts = append(parts, p.what)
		}
	}
	v.report.record(Altered, name, want, "was altered after it was sealed: %s", strings.Join(parts, ", "))
}

// manifestLine is one file in a manifest.
type manifestLine struct {
	sum  string
	size int
	name string
}

// readManifest reads the text of a manifest.
func readManifest(text, origin string, version int) ([]manifestLine, error) {
	rest, ok := strings.CutPrefix(text, manifestTitle(version)+"\n"+origin+"\n")
	if !ok {
		return nil, fmt.Errorf("it does not begin with %q and the name of this journal", manifestTitle(version))
	}
	var list []manifestLine
	for line := range strings.Lines(rest) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%.80q is no digest, size and name", line)
		}
		size, err := strconv.Atoi(fields[1])
		if err != nil || len(fields[0]) != 2*hashSize {
			return nil, fmt.Errorf("%.80q is no digest, size and name", line)
		}
		list = append(list, manifestLine{fields[0], size, fields[2]})
	}
	return list, nil
}

// checkManifest holds the files that came against the signed list.
func (v *verifier) checkManifest() {
	if v.manifest == nil {
		v.report.file(BadFile, fileManifest, "it is missing")
		return
	}
	text, err := v.key.openNote(v.manifest)
	var listed []manifestLine
	if err == nil {
		listed, err = readManifest(text, v.key.Origin(), max(1, v.about.Version))
	}
	if err != nil {
		v.report.file(BadFile, fileManifest, "it is not what the hub signed: %v", err)
		return
	}
	if slices.Equal(listed, v.files) {
		return
	}
	found := false
	for _, f := range v.files {
		i := slices.IndexFunc(listed, func(l manifestLine) bool { return l.name == f.name })
		switch {
		case i < 0:
			v.report.file(BadFile, f.name, "it was added: the manifest does not have it")
		case listed[i] != f:
			v.report.file(BadFile, f.name, "it was altered: its SHA-256 or size is not that of the manifest")
		default:
			continue
		}
		found = true
	}
	for _, l := range listed {
		if !slices.ContainsFunc(v.files, func(f manifestLine) bool { return l.name == f.name }) {
			v.report.file(BadFile, l.name, "it is missing")
			found = true
		}
	}
	if !found {
		v.report.file(BadFile, fileManifest, "the files are not in their order, or twice there")
	}
}
