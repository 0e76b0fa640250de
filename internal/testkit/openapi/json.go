package openapi

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"

	"go.yaml.in/yaml/v3"
)

// converted has the JSON of each text that was read, by its digest, for the life of
// the process: most files are read again and again, with other patches elsewhere.
var converted sync.Map

// toJSON is the YAML text as JSON. The loader parses a file anew for each reference
// into it, and reads JSON ten times as fast.
func toJSON(text []byte) ([]byte, error) {
	digest := sha256.Sum256(text)
	if done, ok := converted.Load(digest); ok {
		return done.([]byte), nil
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return nil, fmt.Errorf("read YAML: %w", err)
	}
	asWritten(&node)
	var value any
	if err := node.Decode(&value); err != nil {
		return nil, fmt.Errorf("read YAML: %w", err)
	}
	done, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("write YAML as JSON: %w", err)
	}
	converted.Store(digest, done)
	return done, nil
}

// asWritten makes strings of what JSON has no type for: keys that look like numbers
// (the codes of answers), and times.
func asWritten(node *yaml.Node) {
	if node.Tag == "!!timestamp" {
		node.Tag = "!!str"
	}
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 && child.Tag != "!!merge" {
			child.Tag = "!!str"
		}
		asWritten(child)
	}
}
