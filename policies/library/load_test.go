package library_test

import (
	"testing"

	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/policies/library"
)

// TestLoads loads the library as a Security Manager does: strict, typed against
// the schemas, with its samples, and without as much as a warning.
func TestLoads(t *testing.T) {
	schemas, err := policies.OwnSchemas()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := policies.Load(t.Context(), library.FS(), policies.Options{Schemas: schemas})
	for _, p := range problems {
		t.Error(p)
	}
	if set == nil {
		t.Fatal("there is no set")
	}
}
