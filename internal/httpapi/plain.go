package httpapi

import (
	"bytes"
	"reflect"
	"sync"
	"unicode/utf8"
)

// Most bodies are as they should be, and for these it is enough to go through the text
// once: no tree of them is made. Who wants to know what is wrong with another one reads
// it as a whole.

// plainly reports whether a body is sure to be in order, if it is JSON: nothing stands
// twice or too deep, and every member is one of v's type, or with lenient of no name
// that could be taken for one. False says nothing.
func plainly(body []byte, v any, strict bool) bool {
	p := onePass{body: body, strict: strict}
	return utf8.Valid(body) && p.value(reflect.TypeOf(v), 0)
}

// onePass is a body that is gone through.
type onePass struct {
	body   []byte
	at     int
	strict bool
	names  [][]byte // of the members of the objects that are open, which share the body
}

// mostNames is how many members an object may have whose names are compared one by one.
const mostNames = 48

func (p *onePass) space() byte {
	for ; p.at < len(p.body); p.at++ {
		switch c := p.body[p.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// skip goes over a character if it comes next.
func (p *onePass) skip(c byte) bool {
	if p.space() != c {
		return false
	}
	p.at++
	return true
}

// value goes over one value, to be read into a type; nil is one that takes anything.
func (p *onePass) value(t reflect.Type, depth int) bool {
	s := shapeOf(t)
	switch p.space() {
	case '{':
		return depth < maxDepth && p.object(s, depth+1)
	case '[':
		return depth < maxDepth && p.array(s, depth+1)
	case '"':
		_, ok := p.text(false)
		return ok
	}
	from := p.at
	for p.at < len(p.body) && p.body[p.at] != ',' && p.body[p.at] != ']' && p.body[p.at] != '}' && p.body[p.at] > ' ' {
		p.at++
	}
	return p.at > from
}

// text goes over a text; a name is plain ASCII.
func (p *onePass) text(name bool) (text []byte, ok bool) {
	if !p.skip('"') {
		return nil, false
	}
	for from := p.at; p.at < len(p.body); p.at++ {
		switch c := p.body[p.at]; {
		case c == '"':
			p.at++
			return p.body[from : p.at-1], true
		case name && (c == '\\' || c >= utf8.RuneSelf):
			return nil, false
		case c == '\\':
			p.at++
		}
	}
	return nil, false
}

func (p *onePass) array(s *shape, depth int) bool {
	p.at++
	for first := true; !p.skip(']'); first = false {
		if !first && !p.skip(',') || !p.value(s.items, depth) {
			return false
		}
	}
	return true
}

func (p *onePass) object(s *shape, depth int) bool {
	p.at++
	base := len(p.names)
	for first := true; !p.skip('}'); first = false {
		if !first && !p.skip(',') {
			return false
		}
		name, ok := p.text(true)
		if !ok || !p.skip(':') || len(p.names)-base == mostNames {
			return false
		}
		for _, other := range p.names[base:] {
			if bytes.Equal(other, name) {
				return false
			}
		}
		p.names = append(p.names, name)
		of := s.others
		if s.members != nil {
			var known bool
			if of, known = s.members[string(name)]; !known && (p.strict || s.like(name)) {
				return false
			}
		}
		if !p.value(of, depth) {
			return false
		}
	}
	p.names = p.names[:base]
	return true
}

// shape is what a type says of the names in its JSON. That of a type that takes
// anything, or reads itself, is empty.
type shape struct {
	items   reflect.Type            // of a list
	others  reflect.Type            // of the members of a map
	members map[string]reflect.Type // of a struct; nil: it is none
	folded  map[string]bool         // their names in lower case
	foreign bool                    // a name is not ASCII
}

var (
	shapes   sync.Map // of *shape, by reflect.Type: as many as the program has
	anyShape shape    // of what takes anything
)

func shapeOf(t reflect.Type) *shape {
	if t == nil {
		return &anyShape
	}
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := makeShape(t)
	shapes.Store(t, s)
	return s
}

func makeShape(t reflect.Type) *shape {
	for t.Kind() == reflect.Pointer && !decodesItself(t) {
		t = t.Elem()
	}
	s := &shape{}
	if decodesItself(t) || decodesItself(reflect.PointerTo(t)) {
		return s
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		s.items = t.Elem()
	case reflect.Map:
		s.others = t.Elem()
	case reflect.Struct:
		s.members, s.folded = jsonFields(t), map[string]bool{}
		for name := range s.members {
			lower := []byte(name)
			for i, c := range lower {
				lower[i] = lowerOf(c)
				s.foreign = s.foreign || c >= utf8.RuneSelf
			}
			s.folded[string(lower)] = true
		}
	}
	return s
}

func lowerOf(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// like reports whether a name of ASCII that is no member could be taken for one.
func (s *shape) like(name []byte) bool {
	var lower [64]byte
	if s.foreign || len(name) > len(lower) {
		return true
	}
	for i, c := range name {
		lower[i] = lowerOf(c)
	}
	return s.folded[string(lower[:len(name)])]
}
