package policies

import (
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/types"
)

// maxSchemaDepth ends schemas that refer to themselves: below it, anything goes.
const maxSchemaDepth = 32

// typeOf returns what a JSON Schema says about the type of a document, in the
// words of Rego's type checker. The engine has such a function of its own, but
// that one takes an object without "properties" for an object of anything, so
// that it checks nothing below a map of identifiers, which is where most of our
// input is.
func typeOf(root, node any, depth int) types.Type {
	schema, ok := node.(map[string]any)
	if !ok || depth > maxSchemaDepth {
		return types.A
	}
	if ref, ok := schema["$ref"].(string); ok {
		return typeOf(root, resolve(root, ref), depth+1)
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		if list, ok := schema[word].([]any); ok {
			var t types.Type
			for _, one := range list {
				t = mergeTypes(t, typeOf(root, one, depth+1))
			}
			return t
		}
	}
	switch t := schema["type"].(type) {
	case string:
		return typeNamed(t, root, schema, depth)
	case []any:
		var sum types.Type
		for _, one := range t {
			name, _ := one.(string)
			sum = mergeTypes(sum, typeNamed(name, root, schema, depth))
		}
		return sum
	}
	if schema["properties"] != nil {
		return typeNamed("object", root, schema, depth)
	}
	return types.A
}

func typeNamed(name string, root any, schema map[string]any, depth int) types.Type {
	switch name {
	case "string":
		return types.S
	case "boolean":
		return types.B
	case "integer", "number":
		return types.N
	case "null":
		return types.Nl
	case "array":
		if schema["items"] == nil {
			return types.NewArray(nil, types.A)
		}
		return types.NewArray(nil, typeOf(root, schema["items"], depth+1))
	case "object":
		return typeOfObject(root, schema, depth)
	}
	return types.A
}

func typeOfObject(root any, schema map[string]any, depth int) types.Type {
	members, _ := schema["properties"].(map[string]any)
	static := make([]*types.StaticProperty, 0, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		static = append(static, types.NewStaticProperty(name, typeOf(root, members[name], depth+1)))
	}
	var dynamic *types.DynamicProperty
	switch rest := schema["additionalProperties"].(type) {
	case bool, nil:
		// Where an object may have members that the schema does not name, a policy
		// still reads only those that it does: the others are misspelt more often
		// than meant. object.get reads any.
		if len(static) == 0 && rest != false {
			dynamic = types.NewDynamicProperty(types.S, types.A)
		}
	default:
		dynamic = types.NewDynamicProperty(types.S, typeOf(root, rest, depth+1))
	}
	if patterns, ok := schema["patternProperties"].(map[string]any); ok && len(patterns) > 0 {
		var t types.Type
		for _, one := range slices.Sorted(maps.Keys(patterns)) {
			t = mergeTypes(t, typeOf(root, patterns[one], depth+1))
		}
		dynamic = types.NewDynamicProperty(types.S, t)
	}
	return types.NewObject(static, dynamic)
}

// mergeTypes returns the type of what is of one type or of the other. Two
// objects become one with the members of both: a policy for several kinds of
// events may read each field that one of them has. A nil type is no type.
func mergeTypes(a, b types.Type) types.Type {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	x, isX := a.(*types.Object)
	y, isY := b.(*types.Object)
	if !isX || !isY {
		return types.Or(a, b)
	}
	members := map[string]types.Type{}
	for _, o := range []*types.Object{x, y} {
		for _, p := range o.StaticProperties() {
			if name, ok := p.Key.(string); ok {
				members[name] = mergeTypes(members[name], p.Value)
			}
		}
	}
	static := make([]*types.StaticProperty, 0, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		static = append(static, types.NewStaticProperty(name, members[name]))
	}
	var value types.Type
	for _, o := range []*types.Object{x, y} {
		if d := o.DynamicProperties(); d != nil {
			value = mergeTypes(value, d.Value)
		}
	}
	if value == nil {
		return types.NewObject(static, nil)
	}
	return types.NewObject(static, types.NewDynamicProperty(types.S, value))
}

// pointer undoes the escapes of a JSON Pointer (RFC 6901, section 4).
var pointer = strings.NewReplacer("~1", "/", "~0", "~")

// resolve follows a reference within a schema: "#/$defs/name". One that leads
// nowhere gives nil; compileSchema refuses it.
func resolve(root any, ref string) any {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	at := root
	for _, step := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		if step == "" {
			continue
		}
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[pointer.Replace(step)]
	}
	return at
}
