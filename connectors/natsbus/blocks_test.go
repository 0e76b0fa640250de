package natsbus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// One altered bit of a record's sequence makes the server count to it: a start
// would hang and take all memory. It is refused at once, by the file's name; and
// with AcceptDamage the bus starts without that record and those after it.
func TestCheckBlocks(t *testing.T) {
	cfg := embeddedConfig(t)
	ctx := testContext(t)
	b := mustOpen(t, cfg)
	log, err := b.Hub().Log(ctx, "records")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"one", "two", "three", "four"} {
		if err := log.Append(ctx, hub.Record{ID: id, Kind: "test", Time: time.Unix(0, 0).UTC(), Data: []byte(`"` + strings.Repeat("x", 100) + `"`)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(ctx); err != nil {
		t.Fatal(err)
	}
	blocks, err := filepath.Glob(filepath.Join(cfg.Dir, storeDir, streamsDir, "*", "streams", "LOG_records", streamData, "*.blk"))
	if err != nil || len(blocks) != 1 {
		t.Fatalf("%v, %v", blocks, err)
	}
	whole, err := os.ReadFile(blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	third := 2 * len(whole) / 4 // the records are of one size, but for their IDs
	for third += 8; whole[third+4] != 3 || whole[third+5] != 0; third-- {
	}
	for bit := 24; bit < 62; bit++ {
		altered := append([]byte(nil), whole...)
		altered[third+4+bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(blocks[0], altered, 0o600); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		b, err := Open(ctx, cfg)
		if err == nil {
			_ = b.Close(ctx)
		}
		if hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), blocks[0]) {
			t.Fatalf("bit %d of the sequence: %v after %s", bit, err, time.Since(began))
		}
	}
	cfg.AcceptDamage = true
	b = mustOpen(t, cfg)
	if log, err = b.Hub().Log(ctx, "records"); err != nil {
		t.Fatal(err)
	}
	var left []string
	for e, err := range log.Read(ctx, Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, e.ID)
	}
	if strings.Join(left, " ") != "one two" {
		t.Errorf("with the damage accepted, %q are left", left)
	}
	if err := b.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// What is no block, or ends in the middle of a record, is for the server to see.
func TestFarRecord_NoBlock(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "short": "abc", "text": strings.Repeat("text", 100), "zeros": string(make([]byte, 100))} {
		path := filepath.Join(t.TempDir(), "1.blk")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if at, err := farRecord(path); at != -1 || err != nil {
			t.Errorf("%s: %d, %v", name, at, err)
		}
	}
	if _, err := farRecord(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a block that is not there is read")
	}
}
