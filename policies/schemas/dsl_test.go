package schemas

// node is a part of a JSON Schema.
type node map[string]any

// property is a member of an object.
type property struct {
	name     string
	required bool
	node     node
}

// need is a member that must be there, may one that can be missing.
func need(name string, n node) property { return property{name, true, n} }
func may(name string, n node) property  { return property{name, false, n} }

// object is an object of our own shape: nothing else may be in it.
func object(about string, members ...property) node {
	n := open(about, members...)
	n["additionalProperties"] = false
	return n
}

// open is an object of somebody else's shape: what we do not know is let
// through, and no policy can see it.
func open(about string, members ...property) node {
	properties, required := node{}, []string{}
	for _, m := range members {
		properties[m.name] = m.node
		if m.required {
			required = append(required, m.name)
		}
	}
	n := node{"type": "object", "description": about, "properties": properties}
	if len(required) > 0 {
		n["required"] = required
	}
	return n
}

func text(about string) node    { return node{"type": "string", "description": about} }
func id(about string) node      { return node{"type": "string", "minLength": 1, "description": about} }
func boolean(about string) node { return node{"type": "boolean", "description": about} }
func whole(about string) node   { return node{"type": "integer", "minimum": 0, "description": about} }
func number(about string) node  { return node{"type": "number", "description": about} }
func moment(about string) node {
	return node{"type": "string", "format": "date-time", "description": about}
}

func oneOf(about string, values ...string) node {
	return node{"type": "string", "enum": values, "description": about}
}

func list(about string, item node) node {
	return node{"type": "array", "items": item, "description": about}
}

// keyed is an object that is keyed by id.
func keyed(about string, item node) node {
	return node{"type": "object", "additionalProperties": item, "description": about}
}

// anything is an object whose members differ with what it tells of.
func anything(about string) node { return node{"type": "object", "description": about} }

func ref(name string) node { return node{"$ref": "#/$defs/" + name} }
