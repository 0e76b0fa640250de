package policies

import (
	"encoding/json"
	"sync"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A part of an input that is new is read, checked with its schema and converted in
// one go, where the schema says nothing but what a plan holds. Elsewhere, and for
// every text that a plan does not take, JSON is decoded, checked and converted one
// after the other: a plan takes less than its schema, and never more.

// plan is a schema that is ready for reading. The zero plan takes everything.
type plan struct {
	types    kinds // that are taken; 0: all
	texts    map[string]ast.Value
	least    int                // runes of a text
	format   *jsonschema.Format // of a text; nil: any
	minimum  int64              // of a number, if bounded
	bounded  bool
	members  map[string]*planMember
	required uint64 // members that must be there, by their bits
	others   *plan  // of members that are not named
	closed   bool   // there are no others
	items    *plan
	most     int // items; -1: any number

	// whole is the schema if it says more than a plan holds: it is asked.
	whole *jsonschema.Schema
}

type planMember struct {
	*plan
	name *ast.Term
	bit  uint64
}

// kinds is a set of types of JSON values.
type kinds uint8

const (
	isNull kinds = 1 << iota
	isBoolean
	isInteger
	isNumber
	isText
	isList
	isObject
)

var kindNames = map[string]kinds{
	"null": isNull, "boolean": isBoolean, "integer": isInteger, "number": isNumber | isInteger, "string": isText, "array": isList, "object": isObject,
}

// planner makes plans. Schemas may refer to themselves.
type planner struct {
	made     map[*jsonschema.Schema]*plan
	anything *plan
}

func newPlanner() *planner {
	anything := &plan{most: -1}
	anything.others, anything.items = anything, anything
	return &planner{made: map[*jsonschema.Schema]*plan{}, anything: anything}
}

// makePlans makes the plans of the parts that inputs are taken apart into.
func (s *Schemas) makePlans() {
	m := newPlanner()
	for _, kind := range s.byKind {
		kind.whole = m.plan(kind.check)
		for name, is := range kind.shapes {
			m.plan(kind.check.Properties[name])
			if is.each != nil {
				m.plan(is.each)
			}
		}
	}
	s.plans = m.made
}

// plan returns the plan of a schema, the one that takes everything for none.
func (m *planner) plan(s *jsonschema.Schema) *plan {
	if s == nil || s.Bool != nil && *s.Bool {
		return m.anything
	}
	if p := m.made[s]; p != nil {
		return p
	}
	p := &plan{whole: s} // also for who refers to it while it is made
	m.made[s] = p
	switch {
	case s.Ref != nil && says(s, "Ref"):
		p = m.plan(s.Ref)
		m.made[s] = p
	case says(s, "Types", "Enum", "Const", "Format", "MinLength", "Minimum", "Properties", "Required", "AdditionalProperties", "Items2020", "MaxItems"):
		if is, ok := m.of(s); ok {
			*p = is
		}
	}
	return p
}

// of makes the plan of a schema that has no other keywords than a plan can hold;
// false for one that uses them in another way.
func (m *planner) of(s *jsonschema.Schema) (p plan, ok bool) {
	p = plan{format: s.Format, most: -1, items: m.plan(s.Items2020)}
	if s.Types != nil {
		for _, name := range s.Types.ToStrings() {
			p.types |= kindNames[name]
		}
	}
	if s.MinLength != nil {
		p.least = *s.MinLength
	}
	if s.MaxItems != nil {
		p.most = *s.MaxItems
	}
	if s.Minimum != nil {
		if p.bounded = true; !s.Minimum.IsInt() || !s.Minimum.Num().IsInt64() {
			return plan{}, false
		}
		p.minimum = s.Minimum.Num().Int64()
	}
	return p, m.texts(&p, s) && m.members(&p, s)
}

// texts has a plan take the values of enum or const, if they are texts.
func (m *planner) texts(p *plan, s *jsonschema.Schema) bool {
	var values []any
	switch {
	case s.Const != nil && s.Enum != nil:
		return false
	case s.Const != nil:
		values = []any{*s.Const}
	case s.Enum != nil:
		values = s.Enum.Values
	default:
		return true
	}
	p.texts = make(map[string]ast.Value, len(values))
	for _, v := range values {
		text, ok := v.(string)
		if !ok {
			return false
		}
		p.texts[text] = ast.InternedTerm(text).Value
	}
	return true
}

// members has a plan take the members of objects.
func (m *planner) members(p *plan, s *jsonschema.Schema) bool {
	switch others := s.AdditionalProperties.(type) {
	case nil:
		p.others = m.anything
	case bool:
		p.others, p.closed = m.anything, !others
	case *jsonschema.Schema:
		p.others = m.plan(others)
	default:
		return false
	}
	if len(s.Properties) > 64 {
		return false
	}
	p.members = make(map[string]*planMember, len(s.Properties))
	for name, of := range s.Properties {
		p.members[name] = &planMember{plan: m.plan(of), name: ast.InternedTerm(name), bit: 1 << len(p.members)}
	}
	for _, name := range s.Required {
		if p.members[name] == nil {
			return false
		}
		p.required |= p.members[name].bit
	}
	return true
}

// reading is a text that is being read.
type reading struct {
	raw   []byte
	text  string // the same
	at    int
	pairs [][2]*ast.Term // of the objects that are open
	terms []ast.Term     // of which some are not used yet
	depth int            // of objects and lists that are open
}

// maxDepth of what a plan takes; deeper texts are decoded.
const maxDepth = 64

// openPairs are the pairs of readings that ended, for the next ones.
var openPairs = sync.Pool{New: func() any { return new([][2]*ast.Term) }}

// read reads one JSON value, nothing behind it, which text is of too; nil if the
// plan does not take it. The value shares the text.
func (p *plan) read(raw []byte, text string) ast.Value {
	pairs := openPairs.Get().(*[][2]*ast.Term)
	r := reading{raw: raw, text: text, pairs: (*pairs)[:0]}
	value := r.value(p)
	*pairs = r.pairs[:cap(r.pairs)]
	clear(*pairs) // nothing of a value stays in memory for them
	openPairs.Put(pairs)
	if r.space(); value == nil || r.at != len(raw) {
		return nil
	}
	return value
}

func (r *reading) space() {
	for r.at < len(r.text) && (r.text[r.at] == ' ' || r.text[r.at] == '\n' || r.text[r.at] == '\r' || r.text[r.at] == '\t') {
		r.at++
	}
}

// next returns the character that comes after space; 0 at the end.
func (r *reading) next() byte {
	if r.space(); r.at == len(r.text) {
		return 0
	}
	return r.text[r.at]
}

// skip goes over a character if it comes next.
func (r *reading) skip(c byte) bool {
	if r.next() != c {
		return false
	}
	r.at++
	return true
}

// value reads a value that the plan takes; nil if it does not, and then nothing more
// is read.
func (r *reading) value(p *plan) ast.Value {
	if p.whole != nil {
		return r.whole(p.whole)
	}
	switch r.next() {
	case '"':
		return r.ofText(p)
	case '{':
		return r.object(p)
	case '[':
		return r.list(p)
	case 't':
		return r.word(p, isBoolean, "true", ast.InternedTerm(true).Value)
	case 'f':
		return r.word(p, isBoolean, "false", ast.InternedTerm(false).Value)
	case 'n':
		return r.word(p, isNull, "null", ast.NullValue)
	default:
		return r.number(p)
	}
}

func (p *plan) takes(k kinds) bool { return p.types == 0 || p.types&k != 0 }

// whole has a value decoded and its schema asked.
func (r *reading) whole(schema *jsonschema.Schema) ast.Value {
	r.space()
	n := valueEnd(r.raw[r.at:])
	if n == 0 {
		n = len(r.raw) - r.at // a number or word at the end, or nothing that is JSON
	}
	value := decodePart(schema, r.raw[r.at:r.at+n])
	r.at += n
	return value
}

func (r *reading) word(p *plan, is kinds, word string, value ast.Value) ast.Value {
	if !p.takes(is) || p.texts != nil || len(r.text)-r.at < len(word) || r.text[r.at:r.at+len(word)] != word {
		return nil
	}
	r.at += len(word)
	return value
}

// number reads a whole number of up to fifteen digits. Others are decoded.
func (r *reading) number(p *plan) ast.Value {
	from, n, negative := r.at, int64(0), false
	if negative = r.skip('-'); negative {
		from = r.at - 1
	}
	digits := r.at
	for r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9' && r.at-digits < 16 {
		n = 10*n + int64(r.text[r.at]-'0')
		r.at++
	}
	switch length := r.at - digits; {
	case length == 0, length > 15, length > 1 && r.text[digits] == '0':
		return nil
	case r.at < len(r.text) && (r.text[r.at] == '.' || r.text[r.at] == 'e' || r.text[r.at] == 'E'):
		return nil
	}
	if negative {
		n = -n
	}
	if !p.takes(isInteger) || p.texts != nil || p.bounded && n < p.minimum {
		return nil
	}
	value, err := ast.InterfaceToValue(json.Number(r.text[from:r.at]))
	if err != nil {
		return nil
	}
	return value
}

// quoted reads a text; the quote comes next.
func (r *reading) quoted() (string, bool) {
	from := r.at + 1
	for i := from; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.at = i + 1
			return r.text[from:i], true
		case c < 0x20:
			return "", false
		case c == '\\', c >= utf8.RuneSelf:
			return r.spelled()
		}
	}
	return "", false
}

// spelled reads a text that is not written as it is.
func (r *reading) spelled() (text string, ok bool) {
	n := textEnd(r.raw[r.at:])
	if n == 0 || json.Unmarshal(r.raw[r.at:r.at+n], &text) != nil {
		return "", false
	}
	r.at += n
	return text, true
}

func (r *reading) ofText(p *plan) ast.Value {
	text, ok := r.quoted()
	if !ok || !p.takes(isText) || p.least > 0 && utf8.RuneCountInString(text) < p.least || p.format != nil && p.format.Validate(text) != nil {
		return nil
	}
	if p.texts != nil {
		return p.texts[text]
	}
	return ast.InternedValue(text)
}

func (r *reading) list(p *plan) ast.Value {
	if !p.takes(isList) || p.texts != nil {
		return nil
	}
	if r.depth++; r.depth > maxDepth {
		return nil
	}
	r.at++
	items := []*ast.Term{}
	for first := true; !r.skip(']'); first = false {
		if !first && !r.skip(',') {
			return nil
		}
		value := r.value(p.items)
		if value == nil {
			return nil
		}
		items = append(items, r.term(value))
	}
	r.depth--
	if p.most >= 0 && len(items) > p.most {
		return nil
	}
	return ast.NewArray(items...)
}

// mostOthers is how many members without a name in the schema an object may have;
// one with more is decoded.
const mostOthers = 32

func (r *reading) object(p *plan) ast.Value {
	if !p.takes(isObject) || p.texts != nil {
		return nil
	}
	if r.depth++; r.depth > maxDepth {
		return nil
	}
	r.at++
	seen, base, others := uint64(0), len(r.pairs), 0
	for first := true; !r.skip('}'); first = false {
		if !first && !r.skip(',') || r.next() != '"' {
			return nil
		}
		name, ok := r.quoted()
		if !ok || !r.skip(':') {
			return nil
		}
		key, of := (*ast.Term)(nil), p.others
		if m := p.members[name]; m != nil {
			if seen&m.bit != 0 { // of two members of one name a reader of the whole takes the last
				return nil
			}
			key, of, seen = m.name, m.plan, seen|m.bit
		} else {
			if others++; p.closed || others > mostOthers || r.has(base, name) {
				return nil
			}
			key = ast.InternedTerm(name)
		}
		value := r.value(of)
		if value == nil {
			return nil
		}
		r.pairs = append(r.pairs, [2]*ast.Term{key, r.term(value)})
	}
	if seen&p.required != p.required {
		return nil
	}
	object := ast.NewObject(r.pairs[base:]...)
	r.pairs = r.pairs[:base]
	r.depth--
	return object
}

// term makes a term. Those of one value are in memory together.
func (r *reading) term(value ast.Value) *ast.Term {
	if len(r.terms) == cap(r.terms) {
		r.terms = make([]ast.Term, 0, 16)
	}
	r.terms = append(r.terms, ast.Term{Value: value})
	return &r.terms[len(r.terms)-1]
}

// has reports whether an object that is open, whose members begin at base, has one
// of that name.
func (r *reading) has(base int, name string) bool {
	for _, pair := range r.pairs[base:] {
		if is, ok := pair[0].Value.(ast.String); ok && string(is) == name {
			return true
		}
	}
	return false
}
