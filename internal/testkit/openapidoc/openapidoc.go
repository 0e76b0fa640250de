// Package openapidoc holds an OpenAPI document of our own to the API that it
// describes, for tests. The official documents have a validator of their own,
// internal/testkit/openapi.
package openapidoc

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// Document is a valid OpenAPI document. It is immutable.
type Document struct{ doc *openapi3.T }

// Load reads a document and fails the test unless it is valid.
func Load(t testing.TB, file string) *Document {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err == nil {
		err = doc.Validate(t.Context())
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return &Document{doc}
}

// Paths returns the methods of each path, sorted.
func (d *Document) Paths() map[string][]string {
	paths := map[string][]string{}
	for path, item := range d.doc.Paths.Map() {
		for method := range item.Operations() {
			paths[path] = append(paths[path], method)
		}
		slices.Sort(paths[path])
	}
	return paths
}

// Answer checks the JSON body of a 200 of GET by the schema of its path.
func (d *Document) Answer(path string, body []byte) error {
	item := d.doc.Paths.Value(path)
	if item == nil || item.Get == nil {
		return fmt.Errorf("the document has no GET %s", path)
	}
	response := item.Get.Responses.Status(http.StatusOK)
	if response == nil {
		return fmt.Errorf("GET %s has no 200", path)
	}
	return check(response.Value.Content.Get("application/json").Schema, body)
}

// Schema checks a JSON value by a schema of the document's components.
func (d *Document) Schema(name string, body []byte) error {
	schema := d.doc.Components.Schemas[name]
	if schema == nil {
		return fmt.Errorf("the document has no schema %s", name)
	}
	return check(schema, body)
}

func check(schema *openapi3.SchemaRef, body []byte) error {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	return schema.Value.VisitJSON(v, openapi3.MultiErrors())
}

// Object returns the properties of an object among the document's components, and
// those that it requires, sorted.
func (d *Document) Object(t testing.TB, name string) (properties, required []string) {
	t.Helper()
	schema := d.doc.Components.Schemas[name]
	if schema == nil {
		t.Fatalf("the document has no schema %s", name)
	}
	return slices.Sorted(maps.Keys(schema.Value.Properties)), slices.Sorted(slices.Values(schema.Value.Required))
}
