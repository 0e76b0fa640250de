package httpapi

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// checkMembers compares the member names in tree with the fields of v's type.
// encoding/json alone takes names in any case, and names no path when it refuses
// an unknown one.
func checkMembers(tree, v any, strict bool) error {
	return memberCheck{strict: strict}.value(tree, reflect.TypeOf(v), "")
}

type memberCheck struct{ strict bool }

func (c memberCheck) value(tree any, t reflect.Type, path string) error {
	for t != nil && t.Kind() == reflect.Pointer && !decodesItself(t) {
		t = t.Elem()
	}
	if t == nil || decodesItself(t) || decodesItself(reflect.PointerTo(t)) {
		return nil
	}
	switch node := tree.(type) {
	case map[string]any:
		return c.object(node, t, path)
	case []any:
		if t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
			return nil // the wrong type is for json.Unmarshal to report
		}
		for _, item := range node {
			if err := c.value(item, t.Elem(), path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c memberCheck) object(node map[string]any, t reflect.Type, path string) error {
	if t.Kind() == reflect.Map {
		for _, name := range slices.Sorted(maps.Keys(node)) {
			if err := c.value(node[name], t.Elem(), join(path, name)); err != nil {
				return err
			}
		}
		return nil
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	fields := jsonFields(t)
	for _, name := range slices.Sorted(maps.Keys(node)) {
		field, known := fields[name]
		if known {
			if err := c.value(node[name], field, join(path, name)); err != nil {
				return err
			}
			continue
		}
		if other := foldMatch(fields, name); other != "" {
			return badBody(fmt.Sprintf("attribute %q is spelt %q", clip(join(path, name)), other), nil)
		}
		if c.strict {
			return badBody(fmt.Sprintf("attribute %q is not known here", clip(join(path, name))), nil)
		}
	}
	return nil
}

func foldMatch(fields map[string]reflect.Type, name string) string {
	for field := range fields {
		if strings.EqualFold(field, name) {
			return field
		}
	}
	return ""
}

// fieldsOf has the result of jsonFields by the type of the struct. There are as many as
// there are types that bodies are read into.
var fieldsOf sync.Map

// jsonFields returns the members that encoding/json reads into a struct. They must not be
// changed.
func jsonFields(t reflect.Type) map[string]reflect.Type {
	if known, ok := fieldsOf.Load(t); ok {
		return known.(map[string]reflect.Type)
	}
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		embedded := f.Anonymous && name == "" && structOf(f.Type)
		if !f.IsExported() || embedded || f.Tag.Get("json") == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields[name] = f.Type
	}
	fieldsOf.Store(t, fields)
	return fields
}

func structOf(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}

func decodesItself(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[json.Unmarshaler]()) || t.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
