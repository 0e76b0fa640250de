package csar

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// manifest is what a manifest file says (SOL 004 clause 4.3, SOL 007 clause
// 4.3): metadata, then blocks that start with Source, then sets of non-MANO
// artifacts, in any order, and at the end perhaps a CMS signature.
type manifest struct {
	metadata map[string]string // keys in lower case
	sources  []sourceEntry
	sets     []artifactSet
	content  []byte // what the CMS signature covers: every byte before its BEGIN line
	cms      []byte // the armoured block; nil when there is none
	problems problems
}

// sourceEntry is one file that a manifest or TOSCA.meta lists.
type sourceEntry struct {
	path, algorithm, hash, signature, certificate string

	line   int
	has    map[string]bool // keywords that are there, even if empty
	inMeta bool            // listed by TOSCA.meta
}

// artifactSet is one set of non_mano_artifact_sets.
type artifactSet struct {
	name    string
	line    int
	sources []sourceEntry
}

// problem is a flaw of form.
type problem struct {
	line int
	text string
}

// problems are the flaws of one file. A file that is something else altogether
// has one in each line: after maxProblems they say nothing new.
type problems []problem

const maxProblems = 100

func (p *problems) add(line int, format string, args ...any) {
	if len(*p) < maxProblems {
		*p = append(*p, problem{line, fmt.Sprintf(format, args...)})
	}
}

var (
	markers = regexp.MustCompile(`(?m)^-----(BEGIN|END) (CMS|PKCS7)-----[ \t]*\r?$`)
	isURL   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
)

const (
	keyMetadata = "metadata"
	keyNonMANO  = "non_mano_artifact_sets"
)

// parseManifest reads a manifest. It reads on after each problem.
func parseManifest(data []byte) *manifest {
	m := &manifest{metadata: map[string]string{}}
	m.split(data)
	p := manifestParser{m: m}
	n := 0
	for line := range bytes.Lines(m.content) {
		n++
		p.line(n, strings.TrimRight(string(line), "\r\n"))
	}
	p.flush()
	return m
}

// split cuts the CMS block off. A block that is broken, or not at the end, stays
// where it is and covers nothing.
func (m *manifest) split(data []byte) {
	m.content = data
	found := markers.FindAllSubmatchIndex(data, 3)
	if len(found) == 0 {
		return
	}
	lineOf := func(at int) int { return 1 + bytes.Count(data[:at], []byte("\n")) }
	kind := func(i int) string { return string(data[found[i][2]:found[i][3]]) }
	switch {
	case kind(0) != "BEGIN":
		m.problems.add(lineOf(found[0][0]), "the CMS block has no BEGIN marker")
	case len(found) == 1 || kind(1) != "END":
		m.problems.add(lineOf(found[0][0]), "the CMS block has no END marker")
	case len(found) > 2:
		m.problems.add(lineOf(found[2][0]), "there is more than one CMS block")
	case len(bytes.TrimSpace(data[found[1][1]:])) > 0:
		m.problems.add(lineOf(found[1][0]), "the CMS block is not at the end of the manifest")
	default:
		m.content, m.cms = data[:found[0][0]], data[found[0][0]:found[1][1]]
	}
}

// withoutBlank returns the content without the blank line at its end, and
// whether there is one.
func (m *manifest) withoutBlank() ([]byte, bool) {
	for _, blank := range []string{"\r\n", "\n"} {
		if rest, ok := bytes.CutSuffix(m.content, []byte(blank)); ok && bytes.HasSuffix(rest, []byte("\n")) {
			return rest, true
		}
	}
	return nil, false
}

// manifestParser is the state between two lines.
type manifestParser struct {
	m       *manifest
	section string       // keyMetadata, keyNonMANO or "" for sources
	entry   *sourceEntry // that the lines belong to
	inCMS   bool         // inside a block that was not cut off
}

// line reads one line. Keywords count without regard to case.
func (p *manifestParser) line(n int, line string) {
	text := strings.TrimSpace(line)
	if markers.MatchString(text) {
		if len(p.m.problems) == 0 { // else split has said what is wrong with the block
			p.m.problems.add(n, "a CMS marker does not stand at the start of its line")
		}
		p.inCMS = strings.Contains(text, "BEGIN")
		return
	}
	if p.inCMS || text == "" || strings.HasPrefix(text, "#") {
		return
	}
	if !isText(text) {
		p.m.problems.add(n, notText)
		return
	}
	key, value, ok := strings.Cut(text, ":")
	if !ok {
		p.m.problems.add(n, "there is no %q after the keyword", ":")
		return
	}
	key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
	switch {
	case (key == keyMetadata || key == keyNonMANO) && value == "":
		p.flush()
		p.section = key
	case p.section == keyNonMANO && (line[0] == ' ' || line[0] == '\t'):
		p.set(n, key, value)
	case key == "source":
		p.flush()
		p.section = ""
		p.entry = newSource(n, value)
	case p.entry != nil:
		p.property(n, key, value)
	case p.section == keyMetadata:
		p.metadata(n, key, value)
	default:
		p.m.problems.add(n, "keyword %s stands outside of metadata, a Source block and a set", quote(key))
	}
}

// property reads a line of a Source block.
func (p *manifestParser) property(n int, key, value string) {
	if p.entry.has[key] {
		p.m.problems.add(n, "keyword %s occurs twice for one Source", quote(key))
		return
	}
	if !p.entry.set(key, value) {
		p.m.problems.add(n, "keyword %s is not known in a Source block", quote(key))
	}
}

func (p *manifestParser) metadata(n int, key, value string) {
	if _, twice := p.m.metadata[key]; twice {
		p.m.problems.add(n, "metadata %s occurs twice", quote(key))
		return
	}
	p.m.metadata[key] = value
}

// set reads an indented line below non_mano_artifact_sets: the name of a set, or
// a Source in one.
func (p *manifestParser) set(n int, key, value string) {
	sets := p.m.sets
	switch {
	case value == "" && key != "source":
		p.m.sets = append(sets, artifactSet{name: key, line: n})
	case len(sets) == 0:
		p.m.problems.add(n, "there is no set that %s could be in", quote(key))
	case key != "source":
		p.m.problems.add(n, "keyword %s is not known in set %s; a set has Source lines", quote(key), quote(sets[len(sets)-1].name))
	default:
		sets[len(sets)-1].sources = append(sets[len(sets)-1].sources, *newSource(n, value))
	}
}

// flush ends the Source block that is open.
func (p *manifestParser) flush() {
	if p.entry != nil {
		p.m.sources = append(p.m.sources, *p.entry)
		p.entry = nil
	}
}

// maxLine bounds a line of a manifest or TOSCA.meta, in bytes.
const maxLine = 4096

const notText = "the line is too long, or holds characters that cannot be shown"

// isText reports whether a line can be shown to people: what a package says ends
// up on terminals.
func isText(line string) bool {
	return len(line) <= maxLine && utf8.ValidString(line) && !strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && !unicode.IsPrint(r) })
}

// shown returns a text as it is when it can be shown, and else quoted.
func shown(s string) string {
	if isText(s) {
		return s
	}
	return quote(s)
}

func newSource(line int, path string) *sourceEntry {
	return &sourceEntry{path: path, line: line, has: map[string]bool{}}
}

// set sets a property by its keyword in lower case, and reports whether there is
// one.
func (e *sourceEntry) set(key, value string) bool {
	switch key {
	case "algorithm":
		e.algorithm = value
	case "hash":
		e.hash = value
	case "signature":
		e.signature = value
	case "certificate":
		e.certificate = value
	default:
		return false
	}
	e.has[key] = true
	return true
}

// external reports whether the entry is outside the package.
func (e *sourceEntry) external() bool { return isURL.MatchString(e.path) }
