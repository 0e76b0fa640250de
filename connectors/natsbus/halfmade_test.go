package natsbus

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// A crash between the two files that make a stream leaves one that the server
// does not see. What is stored under its name later must survive.
func TestClearHalfMade(t *testing.T) {
	cfg := embeddedConfig(t)
	b := mustOpen(t, cfg)
	ctx := testContext(t)
	a, err := b.CreateDomain(ctx, "north")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Table(ctx, "whole"); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(ctx); err != nil {
		t.Fatal(err)
	}
	whole, err := filepath.Glob(filepath.Join(cfg.Dir, storeDir, streamsDir, "*", "streams", "KV_whole"))
	if err != nil || len(whole) != 1 {
		t.Fatalf("%v, %v", whole, err)
	}
	meta, err := os.ReadFile(filepath.Join(whole[0], streamMeta))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"cut": meta, "empty": nil} {
		half := filepath.Join(filepath.Dir(whole[0]), "KV_"+name)
		if err := os.MkdirAll(filepath.Join(half, streamData), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(half, streamMeta), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	b = mustOpen(t, cfg)
	a, err = b.Domain(ctx, "north")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cut", "empty", "whole"} {
		table, err := a.Table(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := table.Create(ctx, "key", []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(ctx); err != nil {
		t.Fatal(err)
	}

	b = mustOpen(t, cfg)
	if a, err = b.Domain(ctx, "north"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cut", "empty", "whole"} {
		table, err := a.Table(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := table.Get(ctx, "key"); err != nil || string(got.Value) != name {
			t.Errorf("table %s: %q, %v", name, got.Value, err)
		}
	}

	// One that holds messages is not half made, whatever it lacks.
	if err := b.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(whole[0], streamMetaSum)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, cfg); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("a stream with messages lost its checksum, and the bus opened: %v", err)
	}
}
