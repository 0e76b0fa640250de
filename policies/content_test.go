package policies

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// A set is the same from the zip and the bundle that are kept of it, and what is
// neither is refused.
func TestLoadContent(t *testing.T) {
	set, problems := Load(t.Context(), base(), Options{})
	if set == nil {
		t.Fatal(problems)
	}
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	if err := z.AddFS(base()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"zip": packed.Bytes(), "bundle": mustBundle(t, set)} {
		got, problems, err := LoadContent(t.Context(), content, Options{Known: set})
		if err != nil || got == nil || got.Revision() != set.Revision() {
			t.Errorf("%s: %v, %v", name, problems, err)
		}
		if _, _, err := LoadContent(t.Context(), content[:len(content)/2], Options{}); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("half a %s: %v; want invalid", name, err)
		}
	}
}
