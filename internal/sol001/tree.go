package sol001

import (
	"fmt"
	"iter"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/manoward/manoward/internal/hub"
)

// The limits of a descriptor. They are far above what real packages need: the
// largest type file of ETSI has about 12,000 nodes.
const (
	maxFile  = 4 << 20 // bytes of one file
	maxFiles = 64
	maxNodes = 200_000 // of all files, aliases counted as often as they are used
	maxDepth = 64

	// What multiplies with one another is bounded more tightly.
	maxTemplates = 2_000  // node templates, policies or groups of one topology; members of one rule
	maxLevels    = 256    // levels of one flavour, aspects of one flavour, steps of one aspect
	maxSteps     = 4_096  // of a walk along forwarding paths
	maxInstances = 10_000 // of one profile, and of all at one NS level

	maxIndicators    = 128 // of one VNF
	maxIndicatorText = 255 // bytes of the identifier of one, and of its name
	// What a rule says of many, and what several parts name, is read once for
	// each of them: all such readings of one descriptor together.
	maxWork = 2_000_000
)

// node is a YAML value with its place. Its methods work on a nil node too, which
// stands for what is absent.
type node struct {
	file   string
	line   int
	tag    string // of a scalar: !!str, !!int, !!float, !!bool, !!null
	text   string // of a scalar
	size   int    // values in it, itself included
	list   []*node
	keys   []string // of a map, in the order of the file
	fields map[string]*node
	isList bool
	isMap  bool
}

// fault is a problem of a descriptor: file, line, cause and mend.
func fault(file string, line int, format string, args ...any) error {
	at := file
	if line > 0 {
		at = fmt.Sprintf("%s, line %d", file, line)
	}
	return hub.E(hub.Unprocessable, "read descriptor", at+": "+fmt.Sprintf(format, args...), nil)
}

// treeMaker turns YAML into nodes within the limits.
type treeMaker struct {
	file string
	left *int // nodes that may still be made
}

func (m treeMaker) parse(data []byte) (*node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fault(m.file, 0, "it is no YAML (%s); correct it", clip(err.Error()))
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, fault(m.file, 0, "it is empty; a service template was expected")
	}
	n, err := m.value(doc.Content[0], 0)
	if err != nil {
		return nil, err
	}
	if !n.isMap {
		return nil, fault(m.file, n.line, "it is no map; a service template was expected")
	}
	return n, nil
}

func (m treeMaker) value(y *yaml.Node, depth int) (*node, error) {
	for y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	*m.left--
	if *m.left < 0 {
		return nil, fault(m.file, y.Line, "the descriptor has more than %d values, aliases counted as often as they are used; make it smaller", maxNodes)
	}
	if depth > maxDepth {
		return nil, fault(m.file, y.Line, "values nest deeper than %d levels; make it flatter", maxDepth)
	}
	n := &node{file: m.file, line: y.Line, size: 1}
	switch y.Kind {
	case yaml.MappingNode:
		return n, m.mapping(n, y, depth)
	case yaml.SequenceNode:
		n.isList = true
		for _, c := range y.Content {
			item, err := m.value(c, depth+1)
			if err != nil {
				return nil, err
			}
			n.list = append(n.list, item)
			n.size += item.size
		}
	default:
		n.tag, n.text = y.ShortTag(), y.Value
	}
	return n, nil
}

func (m treeMaker) mapping(n *node, y *yaml.Node, depth int) error {
	n.isMap, n.fields = true, map[string]*node{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
			return fault(m.file, key.Line, "a key is no plain text; write it out")
		}
		if _, twice := n.fields[key.Value]; twice {
			return fault(m.file, key.Line, "the key %q stands twice; keep one", clip(key.Value))
		}
		v, err := m.value(y.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		n.keys = append(n.keys, key.Value)
		n.fields[key.Value] = v
		n.size += v.size
	}
	return nil
}

// get follows keys through maps; nil if one is absent.
func (n *node) get(path ...string) *node {
	for _, key := range path {
		if n == nil {
			return nil
		}
		n = n.fields[key]
	}
	return n
}

// absent says whether there is no value: none or null.
func (n *node) absent() bool {
	return n == nil || (!n.isMap && !n.isList && n.tag == "!!null")
}

// named yields the entries of a map, or of a list of maps as TOSCA writes
// requirements and policies: in the order of the file.
func (n *node) named() iter.Seq2[string, *node] {
	return func(yield func(string, *node) bool) {
		if n == nil {
			return
		}
		for _, key := range n.keys {
			if !yield(key, n.fields[key]) {
				return
			}
		}
		for _, item := range n.list {
			for _, key := range item.keys {
				if !yield(key, item.fields[key]) {
					return
				}
			}
		}
	}
}

// plain returns the value as encoding/json would: maps, slices and scalars.
func (n *node) plain() any {
	switch {
	case n.absent():
		return nil
	case n.isMap:
		m := make(map[string]any, len(n.keys))
		for k, v := range n.named() {
			m[k] = v.plain()
		}
		return m
	case n.isList:
		l := make([]any, len(n.list))
		for i, v := range n.list {
			l[i] = v.plain()
		}
		return l
	}
	return scalar(n)
}

func scalar(n *node) any {
	var v any
	y := yaml.Node{Kind: yaml.ScalarNode, Tag: n.tag, Value: n.text}
	switch n.tag {
	case "!!int", "!!float", "!!bool":
		if y.Decode(&v) == nil && jsonable(v) {
			return v
		}
	}
	return n.text
}

// jsonable says whether JSON can hold a scalar: it has no infinity.
func jsonable(v any) bool {
	f, isFloat := v.(float64)
	return !isFloat || (f-f == 0)
}

// clip keeps what a stranger wrote short and printable in messages.
func clip(s string) string {
	const most = 120
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
