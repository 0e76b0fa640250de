// Package schemakit holds documents that we write for others against the official
// JSON Schema of their format, in tests.
package schemakit

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Holds reports on t where a document does not fit a schema.
func Holds(t testing.TB, schema, document []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatalf("read schema: %v", err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const at = "https://schema.invalid/schema.json"
	if err := c.AddResource(at, doc); err != nil {
		t.Fatalf("read schema: %v", err)
	}
	s, err := c.Compile(at)
	if err != nil {
		t.Fatalf("read schema: %v", err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatalf("read document: %v", err)
	}
	if err := s.Validate(value); err != nil {
		t.Errorf("the document does not fit its schema: %v", err)
	}
}
