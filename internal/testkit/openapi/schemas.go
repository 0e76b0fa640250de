package openapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Value holds v, as JSON, against the schema with that name in the files, and
// returns the violations. A name that two of the validator's APIs give to
// different types is written with its API: "VnfLcm:VnfInstance".
func (v *Validator) Value(name string, value any) []string {
	api, short, qualified := strings.Cut(name, ":")
	if !qualified {
		short = name
	}
	var schema *openapi3.Schema
	var from API
	for _, d := range v.docs {
		s := d.schemas[short]
		if s == nil || qualified && d.api.String() != api {
			continue
		}
		if schema != nil {
			return []string{fmt.Sprintf("%s is a schema of %s and of %s: say which, as in %q", short, from, d.api, d.api.String()+":"+short)}
		}
		schema, from = s, d.api
	}
	if schema == nil {
		return []string{fmt.Sprintf("no API of this validator has a schema %s", name)}
	}
	text, err := json.Marshal(value)
	if err != nil {
		return []string{fmt.Sprintf("%s: encode the value: %v", name, err)}
	}
	return visit(name, schema, text)
}

// visit holds a JSON text against a schema. Each violation begins with where.
func visit(where string, schema *openapi3.Schema, text []byte, opts ...openapi3.SchemaValidationOption) []string {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return []string{fmt.Sprintf("%s: not JSON (%v): %s", where, err, excerpt(string(text)))}
	}
	opts = append(opts, openapi3.MultiErrors())
	return violations(where, "", schema.VisitJSON(value, opts...), opts)
}

// violations flattens an error of the schema checker: one line for each, with
// the JSON pointer of the place, the reason, and the value there. The pointers
// of err begin at the place base.
func violations(where, base string, err error, opts []openapi3.SchemaValidationOption) []string {
	var many openapi3.MultiError
	var one *openapi3.SchemaError
	switch {
	case err == nil:
		return nil
	case asMulti(err, &many):
		var all []string
		for _, e := range many {
			all = append(all, violations(where, base, e, opts)...)
		}
		return all
	case errors.As(err, &one):
		reason := one.Reason
		if reason == "" { // the checker gives none for "not"
			reason = fmt.Sprintf("breaks the rule %q", one.SchemaField)
		}
		for _, part := range one.JSONPointer() {
			base += "/" + part
		}
		line := fmt.Sprintf("%s at %s: %s%s; value %s", where, cmp.Or(base, "/"), reason, causes(one, opts), excerptOf(one.Value))
		return append([]string{line}, beside(where, base, one, opts)...)
	}
	return []string{where + ": " + err.Error()}
}

// beside returns what else is wrong with a value that breaks a rule of
// alternatives: the checker ends there and does not look at its attributes.
func beside(where, base string, e *openapi3.SchemaError, opts []openapi3.SchemaValidationOption) []string {
	if !slices.Contains([]string{"oneOf", "anyOf", "allOf", "not"}, e.SchemaField) {
		return nil
	}
	rest := *e.Schema
	rest.OneOf, rest.AnyOf, rest.AllOf, rest.Not = nil, nil, nil, nil
	return violations(where, base, rest.VisitJSON(e.Value, opts...), opts)
}

// asMulti reports whether err itself, not what it wraps, is a list.
func asMulti(err error, many *openapi3.MultiError) bool {
	m, ok := err.(openapi3.MultiError)
	*many = m
	return ok
}

// causes tells why each alternative of a oneOf or allOf did not fit.
func causes(e *openapi3.SchemaError, opts []openapi3.SchemaValidationOption) string {
	if e.Origin == nil || e.SchemaField == "format" {
		return ""
	}
	return " (" + strings.Join(violations("", "", e.Origin, opts), "; ") + ")"
}

// excerptOf is the value at a violation, cut short.
func excerptOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%v", value)
	}
	return excerpt(string(text))
}

// excerpt cuts a text to what fits in a line of a test's output.
func excerpt(s string) string {
	const most = 300
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// named lists the schemas that the operations of doc reach, by the last part of
// the references to them.
func named(doc *openapi3.T) map[string]*openapi3.Schema {
	w := walk{names: map[string]*openapi3.Schema{}, seen: map[*openapi3.Schema]bool{}}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		operations := doc.Paths.Value(path).Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			op := operations[method]
			if op.RequestBody != nil {
				w.content(op.RequestBody.Value.Content)
			}
			for _, code := range slices.Sorted(maps.Keys(op.Responses.Map())) {
				w.content(op.Responses.Value(code).Value.Content)
			}
		}
	}
	return w.names
}

// walk visits schemas once each.
type walk struct {
	names map[string]*openapi3.Schema
	seen  map[*openapi3.Schema]bool
}

func (w *walk) content(c openapi3.Content) {
	for _, media := range slices.Sorted(maps.Keys(c)) {
		w.schema(c[media].Schema)
	}
}

func (w *walk) schema(ref *openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil {
		return
	}
	if name := ref.Ref[strings.LastIndexByte(ref.Ref, '/')+1:]; name != "" && w.names[name] == nil {
		w.names[name] = ref.Value
	}
	s := ref.Value
	if w.seen[s] {
		return
	}
	w.seen[s] = true
	w.schema(s.Items)
	w.schema(s.AdditionalProperties.Schema)
	for _, p := range slices.Sorted(maps.Keys(s.Properties)) {
		w.schema(s.Properties[p])
	}
	for _, r := range slices.Concat(s.AllOf, s.AnyOf, s.OneOf) {
		w.schema(r)
	}
}

// statusText is "409 Conflict".
func statusText(code int) string { return fmt.Sprintf("%d %s", code, http.StatusText(code)) }
