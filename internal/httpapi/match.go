package httpapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// filterValue is one value of a term, read once as everything that it may be.
type filterValue struct {
	text   string
	number json.Number // empty if the text is no JSON number
	time   time.Time   // zero if the text is no date-time
}

func newFilterValue(s string) filterValue {
	v := filterValue{text: s}
	if isNumber(s) {
		v.number = json.Number(s)
	}
	if at, ok := parseTime(s); ok {
		v.time = at
	}
	return v
}

func isNumber(s string) bool {
	if s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return false
	}
	return json.Valid([]byte(s))
}

// parseTime reads an RFC 3339 date-time. The check of the length and of the "T"
// makes the common case, a string that is none, cheap.
func parseTime(s string) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[10] != 'T' && s[10] != 't' {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339, s)
	return at, err == nil && !at.IsZero()
}

// Match says whether v matches all terms of the filter. v is either JSON in maps
// and slices, with numbers as [json.Number] or float64, which is matched as it is,
// or any other value, which is encoded first; what cannot be encoded matches
// nothing.
//
// A term matches if any value that its path leads to fulfils it: a path goes
// through every element of an array. This holds for neq, nin and ncont too, as it
// does in other implementations; the text of clause 5.2 was not at hand. A path that leads nowhere fulfils no
// operator, not even neq. Terms are matched one by one, so two terms may be
// fulfilled by two elements of one array. Values are compared as numbers, booleans
// or date-times if the attribute is one, and else as strings; gt, lt, gte and lte
// order strings by their bytes; cont and ncont look for substrings of strings.
func (f *Filter) Match(v any) bool {
	if f == nil || len(f.terms) == 0 {
		return true
	}
	switch v.(type) {
	case map[string]any, []any:
	default:
		var err error
		if v, err = jsonForm(v); err != nil {
			return false
		}
	}
	for i := range f.terms {
		if t := &f.terms[i]; !t.matchPath(v, t.path) {
			return false
		}
	}
	return true
}

// jsonForm returns v as encoding/json shows it: maps, slices and json.Numbers.
func jsonForm(v any) (any, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var form any
	err = d.Decode(&form)
	return form, err
}

func (t *filterTerm) matchPath(node any, path []pathStep) bool {
	if list, ok := node.([]any); ok {
		for _, item := range list {
			if t.matchPath(item, path) {
				return true
			}
		}
		return false
	}
	if len(path) == 0 {
		return t.matchLeaf(node)
	}
	object, ok := node.(map[string]any)
	if !ok {
		return false
	}
	if path[0].keys {
		return t.matchKeys(object, path[1:])
	}
	child, ok := object[path[0].name]
	return ok && t.matchPath(child, path[1:])
}

func (t *filterTerm) matchKeys(object map[string]any, rest []pathStep) bool {
	if len(rest) > 0 {
		return false // a key has no attributes
	}
	for key := range object {
		if t.matchLeaf(key) {
			return true
		}
	}
	return false
}

// matchLeaf applies the operator to a simple value. Objects and null fulfil none.
func (t *filterTerm) matchLeaf(leaf any) bool {
	switch leaf.(type) {
	case map[string]any, nil:
		return false
	}
	switch t.op {
	case "eq", "in":
		return t.any(func(v *filterValue) bool { order, ok := v.compare(leaf); return ok && order == 0 })
	case "neq", "nin":
		return !t.any(func(v *filterValue) bool { order, ok := v.compare(leaf); return ok && order == 0 })
	case "gt":
		return t.ordered(leaf, func(order int) bool { return order > 0 })
	case "gte":
		return t.ordered(leaf, func(order int) bool { return order >= 0 })
	case "lt":
		return t.ordered(leaf, func(order int) bool { return order < 0 })
	case "lte":
		return t.ordered(leaf, func(order int) bool { return order <= 0 })
	}
	text, ok := leaf.(string)
	contains := t.any(func(v *filterValue) bool { return strings.Contains(text, v.text) })
	return ok && contains == (t.op == "cont")
}

func (t *filterTerm) any(fulfils func(*filterValue) bool) bool {
	for i := range t.values {
		if fulfils(&t.values[i]) {
			return true
		}
	}
	return false
}

func (t *filterTerm) ordered(leaf any, holds func(order int) bool) bool {
	if _, isBool := leaf.(bool); isBool {
		return false // true is not greater than false
	}
	order, ok := t.values[0].compare(leaf)
	return ok && holds(order)
}

// compare orders leaf against the value: below 0 if leaf is smaller. It is false
// when the two cannot be compared: the number 5 and the text "red".
func (v *filterValue) compare(leaf any) (int, bool) {
	switch x := leaf.(type) {
	case string:
		if !v.time.IsZero() {
			if at, ok := parseTime(x); ok {
				return at.Compare(v.time), true
			}
		}
		return cmp.Compare(x, v.text), true
	case bool:
		return compareBool(x, v.text)
	case json.Number:
		return compareNumbers(x, v.number)
	case float64:
		return compareNumbers(json.Number(strconv.FormatFloat(x, 'g', -1, 64)), v.number)
	}
	return 0, false
}

func compareBool(leaf bool, text string) (int, bool) {
	if text != "true" && text != "false" {
		return 0, false
	}
	if leaf == (text == "true") {
		return 0, true
	}
	return 1, true
}

// compareNumbers compares whole numbers exactly, because identifiers and counters
// beyond 2^53 exist, and all others as float64.
func compareNumbers(a, b json.Number) (int, bool) {
	if b == "" {
		return 0, false
	}
	x, errX := a.Int64()
	y, errY := b.Int64()
	if errX == nil && errY == nil {
		return cmp.Compare(x, y), true
	}
	if len(a) <= maxExact && len(b) <= maxExact {
		if order, ok := compareExact(string(a), string(b)); ok {
			return order, true
		}
	}
	f, errF := a.Float64()
	g, errG := b.Float64()
	return cmp.Compare(f, g), errF == nil && errG == nil
}

// maxExact is how many digits of a whole number are compared exactly; uint64 has
// twenty.
const maxExact = 40

func compareExact(a, b string) (int, bool) {
	x, okX := new(big.Int).SetString(a, 10)
	y, okY := new(big.Int).SetString(b, 10)
	if !okX || !okY {
		return 0, false
	}
	return x.Cmp(y), true
}
