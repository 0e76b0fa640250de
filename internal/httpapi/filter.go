package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Bounds of a filter. They keep the cost of one request small: matching costs
// terms x values for each attribute looked at.
const (
	maxFilterLen    = 4 << 10 // bytes
	maxFilterTerms  = 32
	maxFilterValues = 256 // of one term
	maxPathLen      = 16  // attribute names of one path
)

// Filter is a parsed attribute filter (SOL 013 clause 5.2.2):
//
//	filter     = term *( ";" term )                ; all terms must match
//	term       = "(" op "," path "," value *( "," value ) ")"
//	op         = "eq" / "neq" / "gt" / "lt" / "gte" / "lte"   ; one value
//	           / "in" / "nin" / "cont" / "ncont"              ; one or more
//	path       = name *( "/" name )                ; "@key" is the keys of a map
//	value      = plain / "'" quoted "'"            ; ' is written '' in quotes
//
// In a name ~0 stands for "~", ~1 for "/", ~a for "," and ~b for "@".
//
// A Filter is immutable and safe for concurrent use. The nil Filter matches
// everything.
type Filter struct {
	terms []filterTerm
}

type filterTerm struct {
	op     string
	path   []pathStep
	values []filterValue
}

// pathStep is one name of a path, or the keys of the map reached so far.
type pathStep struct {
	name string
	keys bool
}

const keyStep = "@key"

// isMulti says whether an operator takes several values, and whether it is one.
func isMulti(op string) (multi, known bool) {
	switch op {
	case "eq", "neq", "gt", "lt", "gte", "lte":
		return false, true
	case "in", "nin", "cont", "ncont":
		return true, true
	}
	return false, false
}

// ParseFilter reads the value of the query parameter filter. Its error is a
// hub.Invalid that says where the filter is wrong and what was expected there.
func ParseFilter(s string) (*Filter, error) {
	p := filterParser{text: s}
	if len(s) > maxFilterLen {
		return nil, p.bad(fmt.Sprintf("at most %d bytes; it has %d", maxFilterLen, len(s)))
	}
	f := &Filter{}
	for {
		term, err := p.term()
		if err != nil {
			return nil, err
		}
		f.terms = append(f.terms, term)
		if p.pos == len(s) {
			return f, nil
		}
		if err := p.expect(';'); err != nil {
			return nil, err
		}
		if len(f.terms) == maxFilterTerms {
			return nil, p.bad(fmt.Sprintf("the end, after %d terms", maxFilterTerms))
		}
	}
}

type filterParser struct {
	text string
	pos  int
}

func (p *filterParser) bad(expected string) error {
	text := fmt.Sprintf("the filter is wrong at byte %d: expected %s, got %q", p.pos, expected, clip(p.text[p.pos:]))
	return hub.E(hub.Invalid, "read filter", text, nil)
}

func (p *filterParser) expect(c byte) error {
	if p.pos == len(p.text) || p.text[p.pos] != c {
		return p.bad(fmt.Sprintf("%q", string(c)))
	}
	p.pos++
	return nil
}

// upTo takes everything up to one of the stop bytes or the end.
func (p *filterParser) upTo(stops string) string {
	start := p.pos
	for p.pos < len(p.text) && strings.IndexByte(stops, p.text[p.pos]) < 0 {
		p.pos++
	}
	return p.text[start:p.pos]
}

func (p *filterParser) term() (filterTerm, error) {
	var t filterTerm
	if err := p.expect('('); err != nil {
		return t, err
	}
	start := p.pos
	t.op = p.upTo(",)")
	multi, known := isMulti(t.op)
	if !known {
		p.pos = start
		return t, p.bad("an operator: eq, neq, gt, lt, gte, lte, in, nin, cont or ncont")
	}
	if err := p.expect(','); err != nil {
		return t, err
	}
	var err error
	if t.path, err = p.path(); err != nil {
		return t, err
	}
	for {
		if err := p.expect(','); err != nil {
			return t, err
		}
		v, err := p.value()
		if err != nil {
			return t, err
		}
		t.values = append(t.values, newFilterValue(v))
		if p.pos < len(p.text) && p.text[p.pos] == ')' {
			p.pos++
			return t, nil
		}
		switch {
		case !multi:
			return t, p.bad(fmt.Sprintf(`")", because %s takes one value`, t.op))
		case len(t.values) == maxFilterValues:
			return t, p.bad(fmt.Sprintf(`")" after %d values`, maxFilterValues))
		}
	}
}

func (p *filterParser) path() ([]pathStep, error) {
	var path []pathStep
	for {
		start := p.pos
		step, ok := newPathStep(p.upTo(",/()'"))
		switch {
		case !ok:
			p.pos = start
			return nil, p.bad("an attribute name, with ~0 ~1 ~a ~b for ~ / , @")
		case len(path) == maxPathLen:
			p.pos = start
			return nil, p.bad(fmt.Sprintf("at most %d names in a path", maxPathLen))
		}
		path = append(path, step)
		if p.pos == len(p.text) || p.text[p.pos] != '/' {
			return path, nil
		}
		p.pos++
	}
}

// value takes a plain value, which may be empty, or a quoted one.
func (p *filterParser) value() (string, error) {
	if p.pos == len(p.text) || p.text[p.pos] != '\'' {
		return p.upTo(",()'"), nil
	}
	var b strings.Builder
	p.pos++
	for {
		b.WriteString(p.upTo("'"))
		if p.pos == len(p.text) {
			return "", p.bad("the closing quote of a value")
		}
		p.pos++
		if p.pos == len(p.text) || p.text[p.pos] != '\'' {
			return b.String(), nil
		}
		b.WriteByte('\'')
		p.pos++
	}
}

// newPathStep reads one name of a path with its escapes. "@key" is special; any
// other @ is written ~b.
func newPathStep(s string) (pathStep, bool) {
	if s == keyStep {
		return pathStep{keys: true}, true
	}
	if s == "" || strings.Contains(s, "@") {
		return pathStep{}, false
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '~' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			return pathStep{}, false
		}
		at := strings.IndexByte(escaped, s[i])
		if at < 0 {
			return pathStep{}, false
		}
		b.WriteByte(unescaped[at])
	}
	return pathStep{name: b.String()}, true
}

// The letters behind "~" and what they stand for, in the same order.
const (
	escaped   = "01ab"
	unescaped = "~/,@"
)

func (s pathStep) String() string {
	if s.keys {
		return keyStep
	}
	return strings.NewReplacer("~", "~0", "/", "~1", ",", "~a", "@", "~b").Replace(s.name)
}

func (t filterTerm) String() string {
	var b strings.Builder
	b.WriteString("(" + t.op + "," + t.pathString())
	for _, v := range t.values {
		b.WriteByte(',')
		if strings.ContainsAny(v.text, ",()';") {
			b.WriteString("'" + strings.ReplaceAll(v.text, "'", "''") + "'")
		} else {
			b.WriteString(v.text)
		}
	}
	b.WriteByte(')')
	return b.String()
}

// String returns the filter in its shortest spelling, which [ParseFilter] reads
// as the same filter. The nil Filter is the empty string.
func (f *Filter) String() string {
	if f == nil {
		return ""
	}
	terms := make([]string, len(f.terms))
	for i, t := range f.terms {
		terms[i] = t.String()
	}
	return strings.Join(terms, ";")
}

// Equal says whether two filters are the same but for spelling.
func (f *Filter) Equal(g *Filter) bool {
	if f == nil || g == nil {
		return f == g
	}
	return slices.EqualFunc(f.terms, g.terms, func(a, b filterTerm) bool { return a.String() == b.String() })
}

// Values returns the values of which every match has one at an attribute path,
// such as "vnfdId" or "_links/self/href", spelled as in a filter: those of an eq
// or in term for it. A handler can then look them up in an index instead of
// going through all resources; the list is still filtered. ok is false when
// there is no such term, or when a value is a date-time, which has several
// spellings. It is for attributes that are strings: 1 and 1.0 are one number.
func (f *Filter) Values(path string) (values []string, ok bool) {
	if f == nil {
		return nil, false
	}
	for i := range f.terms {
		if t := &f.terms[i]; (t.op == "eq" || t.op == "in") && t.pathString() == path && t.exact() {
			for _, v := range t.values {
				values = append(values, v.text)
			}
			return slices.Compact(slices.Sorted(slices.Values(values))), true
		}
	}
	return nil, false
}

// Since returns the instant before which a date-time at an attribute path matches
// nothing, from a gt or gte term for it. It is what [Filter.Values] is for others: the
// list is still filtered. ok is false when there is no such term.
func (f *Filter) Since(path string) (from time.Time, ok bool) {
	if f == nil {
		return time.Time{}, false
	}
	for i := range f.terms {
		if t := &f.terms[i]; (t.op == "gt" || t.op == "gte") && t.pathString() == path && len(t.values) == 1 && !t.values[0].time.IsZero() {
			return t.values[0].time, true
		}
	}
	return time.Time{}, false
}

// Names says whether the filter looks at an attribute, by its path such as "a/b", or
// at anything in it.
func (f *Filter) Names(path string) bool {
	return f != nil && slices.ContainsFunc(f.terms, func(t filterTerm) bool {
		at := t.pathString()
		return at == path || strings.HasPrefix(at, path+"/")
	})
}

// exact reports whether a string attribute equals a value of the term only when
// it is spelled like it.
func (t *filterTerm) exact() bool {
	return !slices.ContainsFunc(t.values, func(v filterValue) bool { return !v.time.IsZero() })
}

func (t *filterTerm) pathString() string {
	names := make([]string, len(t.path))
	for i, step := range t.path {
		names[i] = step.String()
	}
	return strings.Join(names, "/")
}
