package sol001

import (
	"math"
	"strconv"
	"strings"
)

// reader takes values out of one topology. It keeps the first fault, so that
// what it fills in is read in one go and checked at the end.
type reader struct {
	*model
	topology *node
	file     string
	err      error
	steps    int // of the walk along forwarding paths
}

func (m *model) reader(t template) *reader {
	return &reader{model: m, topology: t.topology, file: t.file}
}

func (r *reader) fail(n *node, format string, args ...any) {
	if r.err != nil {
		return
	}
	file, line := r.file, 0
	if n != nil {
		file, line = n.file, n.line
	}
	r.err = fault(file, line, format, args...)
}

// spend counts work that a small text can ask for many times over, about n, and
// reports whether there is any left. It fails when there is not.
func (r *reader) spend(n *node, work int) bool {
	if r.work -= work; r.work < 0 {
		r.fail(n, "rules, levels and inputs together ask for more than %d values; make the descriptor smaller", maxWork)
	}
	return r.work >= 0
}

// resolve replaces { get_input: x } by the default of input x, nil without one:
// it is then given when the VNF or NS is made. Other functions need an
// orchestrator of TOSCA, and are refused where a value is needed.
func (r *reader) resolve(n *node) *node {
	for range maxDepth {
		if n == nil || !n.isMap || len(n.keys) != 1 {
			return n
		}
		switch key := n.keys[0]; key {
		case "get_input":
			n = r.topology.get("inputs", n.fields[key].text, "default")
			if n != nil && !r.spend(n, n.size) { // an input counts as often as it is used
				return nil
			}
		case "get_property", "get_attribute", "concat", "token", "get_artifact", "get_operation_output":
			r.fail(n, "the function %s is not supported here; write the value", key)
			return nil
		default:
			return n
		}
	}
	return nil // an input whose default is itself
}

// at follows keys, functions resolved on the way.
func (r *reader) at(n *node, path ...string) *node {
	n = r.resolve(n)
	for _, key := range path {
		n = r.resolve(n.get(key))
	}
	return n
}

func (r *reader) str(n *node, path ...string) string {
	n = r.at(n, path...)
	if n.absent() {
		return ""
	}
	if n.isMap || n.isList {
		r.fail(n, "text was expected here")
		return ""
	}
	return n.text
}

// strs reads a list of texts, or one text.
func (r *reader) strs(n *node, path ...string) []string {
	n = r.at(n, path...)
	if n.absent() {
		return nil
	}
	if !n.isList {
		return []string{r.str(n)}
	}
	if !r.spend(n, len(n.list)) {
		return nil
	}
	out := make([]string, 0, len(n.list))
	for _, item := range n.list {
		out = append(out, r.str(item))
	}
	return out
}

// number reads a whole number that is not negative; otherwise if it is absent.
func (r *reader) number(n *node, otherwise int, path ...string) int {
	n = r.at(n, path...)
	if n.absent() {
		return otherwise
	}
	v, err := strconv.ParseInt(n.text, 10, 32)
	if err != nil || v < 0 || n.isMap || n.isList {
		r.fail(n, "%q is no whole number from 0 on", clip(n.text))
		return otherwise
	}
	return int(v)
}

// instances reads a number of instances that is made as it is written, and not
// only a limit of such numbers.
func (r *reader) instances(n *node, otherwise int, path ...string) int {
	v := r.number(n, otherwise, path...)
	if v > maxInstances {
		r.fail(n, "%d instances are more than the %d that are supported", v, maxInstances)
	}
	return v
}

func (r *reader) truth(n *node, otherwise bool, path ...string) bool {
	n = r.at(n, path...)
	if n.absent() {
		return otherwise
	}
	switch strings.ToLower(n.text) {
	case "true", "yes":
		return true
	case "false", "no":
		return false
	}
	r.fail(n, "%q is neither true nor false", clip(n.text))
	return otherwise
}

// units of the scalar-unit.size of TOSCA Simple Profile clause 3.3.6.4, bytes.
var units = map[string]float64{
	"b": 1, "kb": 1e3, "kib": 1 << 10, "mb": 1e6, "mib": 1 << 20, "gb": 1e9, "gib": 1 << 30, "tb": 1e12, "tib": 1 << 40,
}

// bytes reads a scalar-unit.size.
func (r *reader) bytes(n *node, path ...string) float64 {
	n = r.at(n, path...)
	if n.absent() {
		return 0
	}
	text := strings.TrimSpace(n.text)
	cut := strings.IndexFunc(text, func(c rune) bool { return (c < '0' || c > '9') && c != '.' })
	if cut < 0 {
		cut = len(text)
	}
	unit, known := units[strings.ToLower(strings.TrimSpace(text[cut:]))]
	v, err := strconv.ParseFloat(text[:cut], 64)
	if err != nil || !known || n.isMap || n.isList || v*unit > 1<<60 {
		r.fail(n, "%q is no size; write a number and B, kB, KiB, MB, MiB, GB, GiB, TB or TiB", clip(n.text))
		return 0
	}
	return v * unit
}

// mib and gib round up: what was asked for must fit.
func (r *reader) mib(n *node, path ...string) int {
	return int(math.Ceil(r.bytes(n, path...) / (1 << 20)))
}
func (r *reader) gib(n *node, path ...string) int {
	return int(math.Ceil(r.bytes(n, path...) / (1 << 30)))
}

// texts reads a map of texts, such as metadata.
func (r *reader) texts(n *node) map[string]string {
	n = r.at(n)
	if n.absent() {
		return nil
	}
	out := map[string]string{}
	for k, v := range n.named() {
		if !v.isMap && !v.isList {
			out[k] = v.text
		}
	}
	return out
}

// values reads a map of anything.
func (r *reader) values(n *node, path ...string) map[string]any {
	n = r.at(n, path...)
	if n.absent() || !r.spend(n, n.size) {
		return nil
	}
	out, _ := n.plain().(map[string]any)
	return out
}

// targets returns the nodes that a requirement of a node template leads to. A
// requirement is written as a name or as {node: name}; it may stand several
// times.
func (r *reader) targets(tmpl *node, requirement string) []string {
	var out []string
	for name, v := range tmpl.get("requirements").named() {
		if name != requirement {
			continue
		}
		if t := target(v); t != "" {
			out = append(out, t)
		}
	}
	return out
}

func target(v *node) string {
	if v.absent() {
		return ""
	}
	if v.isMap {
		v = v.get("node")
	}
	if v.absent() {
		return ""
	}
	return v.text
}

func (r *reader) target(tmpl *node, requirement string) string {
	if t := r.targets(tmpl, requirement); len(t) > 0 {
		return t[0]
	}
	return ""
}
