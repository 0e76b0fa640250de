package policies

import (
	"bytes"
	"reflect"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/manoward/manoward/internal/hub"
)

// An input is mostly made of what earlier inputs had too, byte for byte: the VNFs,
// packages, computes and hosts around an event change seldom, and an earlier event
// never does. What was decoded, checked and converted once is taken as it is when
// the same bytes come under the same schema again, in an input of whatever kind.

// shape says how a value can be taken apart so that each part fits its schema if
// and only if the whole fits. The zero shape cannot.
type shape struct {
	each *jsonschema.Schema // of every member of an object, or item of a list
	list bool
	most int // items of a list; -1: any number
}

// shapesOf returns how the members of an input can be taken apart, nil when the
// schema says more of them together than which there are.
func shapesOf(root *jsonschema.Schema) map[string]shape {
	if !says(root, "Types", "Properties", "Required", "AdditionalProperties") || root.AdditionalProperties != false || !isType(root, "object") {
		return nil
	}
	shapes := map[string]shape{}
	for name, s := range root.Properties {
		shapes[name] = shape{}
		each, isMap := s.AdditionalProperties.(*jsonschema.Schema)
		switch {
		case isMap && says(s, "Types", "AdditionalProperties") && isType(s, "object"):
			shapes[name] = shape{each: each}
		case s.Items2020 != nil && says(s, "Types", "Items2020", "MaxItems") && isType(s, "array"):
			most := -1
			if s.MaxItems != nil {
				most = *s.MaxItems
			}
			shapes[name] = shape{each: s.Items2020, list: true, most: most}
		}
	}
	return shapes
}

// says reports whether a schema has no keyword but the named ones and those that
// demand nothing.
func says(s *jsonschema.Schema, keywords ...string) bool {
	silent := map[string]bool{"DraftVersion": true, "Location": true, "ID": true, "Title": true, "Description": true, "Comment": true}
	for _, k := range keywords {
		silent[k] = true
	}
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && !silent[f.Name] && !v.Field(i).IsZero() {
			return false
		}
	}
	return true
}

func isType(s *jsonschema.Schema, name string) bool {
	names := []string(nil)
	if s.Types != nil {
		names = s.Types.ToStrings()
	}
	return len(names) == 1 && names[0] == name
}

// usualMembers is no less than an input has.
const usualMembers = 20

// fromParts reads an input part by part. It returns nil for one that it is not
// sure to fit: who wants to know why reads it as a whole.
func (s *Schemas) fromParts(raw []byte) *Input {
	members := make([]member, 0, usualMembers)
	if !eachMember(raw, func(m member) bool { members = append(members, m); return true }) {
		return nil
	}
	kind := hub.EventKind(plainText(memberOf(members, "kind")))
	schema := s.byKind[kind]
	at, err := time.Parse(time.RFC3339Nano, plainText(memberOf(members, "time")))
	if schema == nil || schema.shapes == nil || err != nil || plainText(memberOf(members, "schema")) != InputSchema {
		return nil
	}
	for _, name := range schema.check.Required {
		if memberOf(members, name) == nil {
			return nil
		}
	}
	terms := newTerms(len(members))
	for _, m := range members {
		of := schema.check.Properties[string(m.name)]
		if of == nil {
			return nil
		}
		value := s.fromShape(schema.shapes[string(m.name)], of, m.value)
		if value == nil || !terms.add(m.name, value) {
			return nil
		}
	}
	return &Input{Kind: kind, Time: at.UTC(), value: ast.NewObject(terms.pairs...)}
}

// fromShape reads one member of an input; nil when it does not fit.
func (s *Schemas) fromShape(is shape, schema *jsonschema.Schema, raw []byte) ast.Value {
	switch {
	case is.each == nil:
		return s.part(s.passing, schema, raw)
	case is.list:
		items := []*ast.Term{}
		ok := eachItem(raw, func(item []byte) bool {
			value := s.part(s.earlier, is.each, item)
			items = append(items, &ast.Term{Value: value})
			return value != nil
		})
		if !ok || is.most >= 0 && len(items) > is.most {
			return nil
		}
		return ast.NewArray(items...)
	}
	terms := newTerms(8)
	ok := eachMember(raw, func(m member) bool {
		value := s.part(s.lasting, is.each, m.value)
		return value != nil && terms.add(m.name, value)
	})
	if !ok {
		return nil
	}
	return ast.NewObject(terms.pairs...)
}

// terms are the members of an object that is being made.
type terms struct {
	pairs [][2]*ast.Term
	names map[string]bool // of one with many; of few, all are looked at
}

// fewNames is how many names are compared one after the other.
const fewNames = 24

func newTerms(n int) *terms {
	t := &terms{pairs: make([][2]*ast.Term, 0, n)}
	if n > fewNames {
		t.names = make(map[string]bool, n)
	}
	return t
}

// has reports whether a name is there, and notes it if it is not.
func (t *terms) has(name string) bool {
	if t.names == nil && len(t.pairs) < fewNames {
		for _, pair := range t.pairs {
			if is, ok := pair[0].Value.(ast.String); ok && string(is) == name {
				return true
			}
		}
		return false
	}
	if t.names == nil {
		t.names = make(map[string]bool, 2*len(t.pairs))
		for _, pair := range t.pairs {
			if is, ok := pair[0].Value.(ast.String); ok {
				t.names[string(is)] = true
			}
		}
	}
	was := t.names[name]
	t.names[name] = true
	return was
}

// add reports false for a name that is there already: of two members of one name
// a reader of the whole takes the last.
func (t *terms) add(name []byte, value ast.Value) bool {
	key := string(name)
	if t.has(key) {
		return false
	}
	t.pairs = append(t.pairs, [2]*ast.Term{ast.InternedTerm(key), {Value: value}})
	return true
}

// part reads one value and checks it with its schema; nil when it does not fit.
// What it returns is shared, and is not to be changed.
func (s *Schemas) part(known *parts, schema *jsonschema.Schema, raw []byte) ast.Value {
	if value := known.get(schema, raw); value != nil {
		return value
	}
	text := string(raw)
	var value ast.Value
	if p := s.plans[schema]; p != nil {
		value = p.read(raw, text)
	}
	if value == nil {
		value = decodePart(schema, raw)
	}
	if value == nil {
		return nil
	}
	settle(value)
	known.keep(schema, text, value)
	return value
}

// decodePart decodes one value, checks it with its schema and converts it, one after
// the other; nil when it does not fit.
func decodePart(schema *jsonschema.Schema, raw []byte) ast.Value {
	doc, err := decodeJSON(raw)
	if err != nil || schema.Validate(doc) != nil {
		return nil
	}
	value, err := ast.InterfaceToValue(doc)
	if err != nil {
		return nil
	}
	return value
}

// settle has the engine do now what it does to an object when it goes through it
// for the first time: it sorts the names, while a copy of it may be made beside.
func settle(value ast.Value) {
	each := func(t *ast.Term) { settle(t.Value) }
	switch x := value.(type) {
	case ast.Object:
		x.Foreach(func(_, t *ast.Term) { each(t) })
	case *ast.Array:
		x.Foreach(each)
	}
}

// Bounds of what is remembered. A value takes six times the memory of its text.
const (
	lastingBytes = 2 << 20 // of elements: those around some 600 VNFs
	passingBytes = 1 << 18 // of what else inputs have
	earlierBytes = 1 << 19 // of the events before
	partBytes    = 16 << 10
	partCost     = 64 // bytes that count for each value beside its text
	// partLeast is the shortest text that is remembered: to read one that is shorter
	// takes no longer than to look for it.
	partLeast = 64
)

// parts remembers values by schema and text. When it is full, others give way that
// are taken blindly: events often go round among more elements than are remembered,
// and who forgets what was asked for least lately has then forgotten each of them
// when its turn comes. It is safe for concurrent use.
type parts struct {
	most int // bytes that count

	mu     sync.Mutex // covers what is below
	values map[partKey]ast.Value
	keys   []partKey // of values, in no order
	bytes  int       // that count
	blind  uint64    // what the choice of the next one that gives way comes from
}

type partKey struct {
	schema *jsonschema.Schema
	text   string
}

func (k partKey) bytes() int { return len(k.text) + partCost }

func (p *parts) get(schema *jsonschema.Schema, raw []byte) ast.Value {
	if len(raw) < partLeast || len(raw) > partBytes {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.values[partKey{schema, string(raw)}]
}

func (p *parts) keep(schema *jsonschema.Schema, text string, value ast.Value) {
	if len(text) < partLeast || len(text) > partBytes {
		return
	}
	key := partKey{schema, text}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.values == nil {
		p.values = map[partKey]ast.Value{}
	}
	if p.values[key] != nil {
		return // somebody else read it at the same time
	}
	for p.bytes += key.bytes(); p.bytes > p.most; {
		p.drop()
	}
	p.values[key] = value
	p.keys = append(p.keys, key)
}

// drop forgets one value. mu is held.
func (p *parts) drop() {
	p.blind = p.blind*6364136223846793005 + 1442695040888963407 // Knuth's linear congruential generator, whose upper bits are good
	i, last := int(p.blind>>33)%len(p.keys), len(p.keys)-1
	delete(p.values, p.keys[i])
	p.bytes -= p.keys[i].bytes()
	p.keys[i], p.keys[last] = p.keys[last], partKey{}
	p.keys = p.keys[:last]
}

// member is one of an object in JSON: its name without quotes, and its value as it
// is written.
type member struct{ name, value []byte }

func memberOf(members []member, name string) []byte {
	for _, m := range members {
		if string(m.name) == name {
			return m.value
		}
	}
	return nil
}

// plainText returns what a JSON text without escapes says, "" for anything else.
func plainText(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' || !isPlain(raw[1:len(raw)-1]) {
		return ""
	}
	return string(raw[1 : len(raw)-1])
}

// isPlain reports whether a text is written in JSON as it is.
func isPlain(text []byte) bool {
	for _, c := range text {
		if c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// eachMember calls fn with the members of a JSON object, and reports whether there
// is nothing but such an object with plain names, if their values are JSON, and fn
// said true of each.
func eachMember(raw []byte, fn func(member) bool) bool {
	return eachPart(raw, '{', '}', func(part []byte) (rest []byte, ok bool) {
		end := valueEnd(part)
		if end < 2 || part[0] != '"' || !isPlain(part[1:end-1]) {
			return nil, false
		}
		after := space(part[end:])
		if len(after) == 0 || after[0] != ':' {
			return nil, false
		}
		value := space(after[1:])
		n := valueEnd(value)
		return value[n:], n > 0 && fn(member{part[1 : end-1], value[:n]})
	})
}

// eachItem is eachMember for a list.
func eachItem(raw []byte, fn func([]byte) bool) bool {
	return eachPart(raw, '[', ']', func(part []byte) (rest []byte, ok bool) {
		n := valueEnd(part)
		return part[n:], n > 0 && fn(part[:n])
	})
}

// eachPart goes through what stands between two brackets, with commas between.
func eachPart(raw []byte, open, shut byte, take func([]byte) (rest []byte, ok bool)) bool {
	raw = space(raw)
	if len(raw) == 0 || raw[0] != open {
		return false
	}
	if raw = space(raw[1:]); len(raw) > 0 && raw[0] == shut {
		return len(space(raw[1:])) == 0
	}
	for {
		rest, ok := take(raw)
		if rest = space(rest); !ok || len(rest) == 0 {
			return false
		}
		switch rest[0] {
		case ',':
			raw = space(rest[1:])
		case shut:
			return len(space(rest[1:])) == 0
		default:
			return false
		}
	}
}

func space(raw []byte) []byte { return bytes.TrimLeft(raw, " \t\r\n") }

// valueEnd returns where the value ends that raw begins with, if it is JSON; 0 when
// it has no end.
func valueEnd(raw []byte) int {
	depth := 0
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; c {
		case '"':
			n := textEnd(raw[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i // of a number or word before it
			}
			if depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return 0
}

// textEnd returns where the text ends that raw begins with, 0 when it does not.
func textEnd(raw []byte) int {
	for i := 1; i < len(raw); i++ {
		n := bytes.IndexByte(raw[i:], '"')
		if n < 0 {
			return 0
		}
		escape := bytes.IndexByte(raw[i:i+n], '\\')
		if escape < 0 {
			return i + n + 1
		}
		i += escape + 1 // what it escapes
	}
	return 0
}
