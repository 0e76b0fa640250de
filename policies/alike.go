package policies

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Inputs of most kinds have the same elements, and each kind has a schema of its own
// that describes them in the same words. One that says the same as another's is taken
// for it, so that what was read in an input of one kind is known in those of all.

// unite has the shapes of a kind's members use the schemas of other kinds where they
// say the same. known has those by what they say, and is added to.
func unite(known map[string]*jsonschema.Schema, doc any, shapes map[string]shape) {
	root, _ := doc.(map[string]any)
	properties, _ := root["properties"].(map[string]any)
	for name, is := range shapes {
		if is.each == nil {
			continue
		}
		keyword := "additionalProperties"
		if is.list {
			keyword = "items"
		}
		member, _ := properties[name].(map[string]any)
		text, ok := saying(root, member[keyword])
		if !ok {
			continue
		}
		if was := known[text]; was != nil {
			is.each = was
			shapes[name] = is
		} else {
			known[text] = is.each
		}
	}
}

// definitions is how a schema refers to a definition of its document.
const definitions = "#/$defs/"

// saying returns all that a part of a schema says, with the definitions that it refers
// to, as a text that is the same for what is the same; false for a part that refers to
// something else, or changes what references mean.
func saying(root map[string]any, part any) (text string, ok bool) {
	if part == nil {
		return "", false
	}
	defs, _ := root["$defs"].(map[string]any)
	used := map[string]any{}
	var collect func(any) bool
	collect = func(v any) bool {
		switch v := v.(type) {
		case []any:
			return !slices.ContainsFunc(v, func(item any) bool { return !collect(item) })
		case map[string]any:
			for name, value := range v {
				switch {
				case name == "$ref":
					target, _ := value.(string)
					name, local := strings.CutPrefix(target, definitions)
					def, there := defs[name]
					if !local || !there || strings.ContainsAny(name, "/~%") {
						return false
					}
					if _, met := used[name]; met {
						continue
					}
					used[name] = def
					if !collect(def) {
						return false
					}
				case strings.HasPrefix(name, "$") && name != "$comment", !collect(value):
					return false
				}
			}
		}
		return true
	}
	if !collect(part) {
		return "", false
	}
	names := slices.Sorted(maps.Keys(used))
	list := []any{root["$schema"], part}
	for _, name := range names {
		list = append(list, name, used[name])
	}
	raw, err := json.Marshal(list)
	return string(raw), err == nil
}
