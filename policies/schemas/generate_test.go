package schemas

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

var update = flag.Bool("update", false, "write the schemas that the pieces make")

const draft = "https://json-schema.org/draft/2020-12/schema"

// generate makes the schema of the input of one kind of event.
func generate(k hub.EventKind, of kind) node {
	shared := common()
	if of.alone {
		shared = shared[:2]
	}
	members := append(shared, need("kind", node{"const": k, "type": "string", "description": "kind of event"}), need("event", of.event))
	s := object("Input of policies: "+of.about+".", append(members, of.members...)...)
	s["$schema"], s["$id"], s["title"] = draft, "urn:manoward:policy-input:1:"+string(k), "Policy input "+string(k)
	all := parts()
	maps.Copy(all, of.parts)
	s["$defs"] = reachable(s, all)
	return s
}

// reachable returns the parts that s refers to, and those that they refer to.
func reachable(s node, all map[string]node) map[string]node {
	found := map[string]node{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case node:
			if to, ok := v["$ref"].(string); ok {
				name := strings.TrimPrefix(to, "#/$defs/")
				if _, seen := found[name]; !seen {
					found[name] = all[name]
					walk(all[name])
				}
			}
			for _, member := range v {
				walk(member)
			}
		}
	}
	walk(s)
	return found
}

// TestGenerated holds the files equal to what the pieces make; with -update it
// writes them.
func TestGenerated(t *testing.T) {
	made := map[string]node{"finding": finding()}
	for k, of := range kinds() {
		made[string(k)] = generate(k, of)
	}
	for name, s := range made {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(name+".json", want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		have, err := files.ReadFile(name + ".json")
		if err != nil || !bytes.Equal(have, want.Bytes()) {
			t.Errorf("%s.json is not what its pieces make (%v); run: go test ./policies/schemas -run Generated -update", name, err)
		}
	}
	if files, err := files.ReadDir("."); err != nil || (!*update && len(files) != len(made)) {
		t.Errorf("%d files for %d schemas: %v", len(files), len(made), err)
	}
}
