package natsbus

import (
	"bytes"
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
	ctx := testContext(t)
	cfg, block, whole := fourRecords(t)
	third := 2 * len(whole) / 4 // the records are of one size, but for their IDs
	for third += 8; whole[third+4] != 3 || whole[third+5] != 0; third-- {
	}
	for bit := 24; bit < 62; bit++ {
		altered := append([]byte(nil), whole...)
		altered[third+4+bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(block, altered, 0o600); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		b, err := Open(ctx, cfg)
		if err == nil {
			_ = b.Close(ctx)
		}
		if hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), block) {
			t.Fatalf("bit %d of the sequence: %v after %s", bit, err, time.Since(began))
		}
	}
	cfg.AcceptDamage = true
	if left := recordIDs(t, cfg); left != "one two" {
		t.Errorf("with the damage accepted, %q are left", left)
	}
}

// The length of a message's headers is not under the server's checksum. A
// message with a wrong one is dropped by every client: it would be there, and
// never be read. It is refused by the file's name; and with AcceptDamage the
// length is mended, and nothing is lost.
func TestCheckBlocks_Headers(t *testing.T) {
	ctx := testContext(t)
	cfg, block, whole := fourRecords(t)
	var fields []int
	for at := bytes.Index(whole, headersBegin); at >= 0; {
		fields = append(fields, at-4)
		next := bytes.Index(whole[at+1:], headersBegin)
		if next < 0 {
			break
		}
		at += 1 + next
	}
	if len(fields) != 4 {
		t.Fatalf("the block has %d messages with headers", len(fields))
	}
	for bit := range 32 {
		altered := bytes.Clone(whole)
		altered[fields[bit%4]+bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(block, altered, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := Open(ctx, cfg)
		if err == nil {
			_ = b.Close(ctx)
		}
		if hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), block) {
			t.Fatalf("bit %d of the length: %v", bit, err)
		}
	}
	altered := bytes.Clone(whole)
	altered[fields[1]] ^= 0x10
	altered[fields[2]] ^= 0x01
	if err := os.WriteFile(block, altered, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.AcceptDamage = true
	if left := recordIDs(t, cfg); left != "one two three four" {
		t.Errorf("with the damage accepted, %q are left", left)
	}
}

// fourRecords is a bus that was closed with four records in one block.
func fourRecords(t *testing.T) (cfg Config, block string, whole []byte) {
	t.Helper()
	cfg, ctx := embeddedConfig(t), testContext(t)
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
	whole, err = os.ReadFile(blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	return cfg, blocks[0], whole
}

// recordIDs opens the bus and lists what it holds.
func recordIDs(t *testing.T, cfg Config) string {
	t.Helper()
	ctx := testContext(t)
	b := mustOpen(t, cfg)
	log, err := b.Hub().Log(ctx, "records")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for e, err := range log.Read(ctx, Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	if err := b.Close(ctx); err != nil {
		t.Fatal(err)
	}
	return strings.Join(ids, " ")
}

// What is no block, or ends in the middle of a record, is for the server to see.
func TestBlockFault_NoBlock(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "short": "abc", "text": strings.Repeat("text", 100), "zeros": string(make([]byte, 100))} {
		path := filepath.Join(t.TempDir(), "1.blk")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := blockFault(path); f != nil || err != nil {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	if _, err := blockFault(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a block that is not there is read")
	}
}
