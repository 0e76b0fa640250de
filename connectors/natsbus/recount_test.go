package natsbus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// blockRecords is how many records of large fill a block of the server to where
// the next one begins a new block.
const blockRecords = 17

func large(i int) hub.Record {
	r := record(fmt.Sprintf("r%02d", i))
	r.Subject = strings.Repeat("x", 480<<10)
	return r
}

// indexOf returns the file with the server's own count of a log.
func indexOf(t *testing.T, cfg Config, name string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(cfg.Dir, storeDir, streamsDir, "*", "streams", "LOG_"+name, streamData))
	if err != nil || len(found) != 1 {
		t.Fatalf("log %s is in %v: %v", name, found, err)
	}
	return filepath.Join(found[0], streamIndex)
}

// A full disk refuses the first message of a new block, be it the first of the
// log. The server counts it, and leaves it out when it starts: the log is opened,
// has what was acknowledged and no hole, and takes the record when it is repeated.
//
// "Must hold" of issue 2: a full disk.
func TestFullDisk_NewBlock(t *testing.T) {
	t.Parallel()
	for _, before := range []int{0, blockRecords} {
		t.Run(fmt.Sprint(before), func(t *testing.T) {
			cfg, fill := fullDisk(t)
			b := mustOpen(t, cfg)
			l := mustLog(t, mustCreate(t, b, "north"), "l")
			var want []string
			for i := range before {
				if err := l.Append(testContext(t), large(i)); err != nil {
					t.Fatal(err)
				}
				want = append(want, large(i).ID)
			}
			makeRoom := fill()
			refused := large(before)
			wantError(t, l.Append(testContext(t), refused), hub.Unavailable, "disk full")
			// Not so when the disk had a page left for a part of the message.
			if info, err := l.stream.Info(testContext(t)); err == nil {
				t.Logf("the server counts %d messages and has %d", info.State.LastSeq, info.State.Msgs)
			}
			makeRoom()
			closeBus(t, b)

			for range 2 { // a start that was cut off is repeated
				b = mustOpen(t, cfg)
				closeBus(t, b)
			}
			b = mustOpen(t, cfg)
			a, err := b.Domain(testContext(t), "north")
			if err != nil {
				t.Fatal(err)
			}
			l = mustLog(t, a, "l")
			if got := readIDs(t, l, Position{}); !slices.Equal(got, want) {
				t.Errorf("after the restart the log holds %v, want %v", got, want)
			}
			if err := l.Append(testContext(t), refused); err != nil {
				t.Fatalf("the refused record, repeated: %v", err)
			}
			if last, err := l.Last(testContext(t)); err != nil || last.Sequence != uint64(before)+1 {
				t.Errorf("the log ends at %v, %v; want message %d", last, err, before+1)
			}
			if got := readIDs(t, l, Position{}); !slices.Equal(got, append(want, refused.ID)) {
				t.Errorf("the log holds %v", got)
			}
		})
	}
}

// A log that lost its end is damaged whatever happened to the block, and stays so;
// when an operator accepts that, it goes on from what is left.
func TestRecountLogs_AcknowledgedIsMissed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what    string
		records int
		damage  func(newest string) error
	}{
		{"the only block is empty", 1, func(newest string) error { return os.Truncate(newest, 0) }},
		{"the newest block is empty", blockRecords + 1, func(newest string) error { return os.Truncate(newest, 0) }},
		{"the newest block is gone", blockRecords + 1, os.Remove},
		{"the newest block is overwritten", blockRecords + 1, func(newest string) error { return os.WriteFile(newest, make([]byte, 1000), 0o600) }},
	} {
		t.Run(c.what, func(t *testing.T) {
			cfg := embeddedConfig(t)
			b := mustOpen(t, cfg)
			l := mustLog(t, mustCreate(t, b, "north"), "l")
			for i := range c.records {
				if err := l.Append(testContext(t), large(i)); err != nil {
					t.Fatal(err)
				}
			}
			closeBus(t, b)
			newest := "1.blk"
			if c.records > blockRecords {
				newest = "2.blk"
			}
			if err := c.damage(filepath.Join(filepath.Dir(indexOf(t, cfg, "l")), newest)); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the server marks what it misses as deleted, in a new block
				_, err := Open(testContext(t), cfg)
				wantError(t, err, hub.Unavailable, "the data of account north is damaged", "LOG_l")
			}
			cfg.AcceptDamage = true
			b = mustOpen(t, cfg)
			a, err := b.Domain(testContext(t), "north")
			if err != nil {
				t.Fatal(err)
			}
			l = mustLog(t, a, "l")
			if err := l.Append(testContext(t), record("next")); err != nil {
				t.Fatal(err)
			}
			if got := readIDs(t, l, Position{}); len(got) != c.records || got[c.records-1] != "next" {
				t.Errorf("after the acceptance the log holds %v", got)
			}
			closeBus(t, b)
			cfg.AcceptDamage = false
			closeBus(t, mustOpen(t, cfg))
		})
	}
}

// Only the newest blocks without a message are removed, with the count of the server,
// and a warning tells of it when the log is not empty.
func TestRecountLogs(t *testing.T) {
	mark := make([]byte, 30) // of a deletion, as the server writes it
	binary.LittleEndian.PutUint32(mark, 30)
	binary.LittleEndian.PutUint64(mark[4:], tombFlag|18)
	stored := bytes.Clone(mark)
	binary.LittleEndian.PutUint64(stored[4:], 18)
	for _, c := range []struct {
		name   string
		blocks map[string]string
		left   string // the blocks
		warns  bool
	}{
		{name: "no block"},
		{name: "an empty log", blocks: map[string]string{"1.blk": ""}},
		{name: "an empty newest block", blocks: map[string]string{"9.blk": string(stored), "10.blk": ""}, left: "9.blk", warns: true},
		{name: "marks of deletions", blocks: map[string]string{"1.blk": string(stored), "2.blk": "", "3.blk": string(mark) + string(mark)}, left: "1.blk", warns: true},
		{name: "a message after a mark", blocks: map[string]string{"1.blk": string(mark) + string(stored)}, left: "1.blk"},
		{name: "a part of a mark", blocks: map[string]string{"1.blk": string(mark[:29])}, left: "1.blk"},
		{name: "a part of its head", blocks: map[string]string{"1.blk": string(mark) + "x"}, left: "1.blk"},
		{name: "an impossible length", blocks: map[string]string{"1.blk": strings.Repeat("\xff", 40)}, left: "1.blk"},
		{name: "an empty older block", blocks: map[string]string{"9.blk": "", "10.blk": "x"}, left: "10.blk 9.blk"},
		{name: "files of other names", blocks: map[string]string{"1.blk": "x", "2.blk.tmp": "", "02.blk": "", "3.key": ""}, left: "02.blk 1.blk 2.blk.tmp 3.key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			data := filepath.Join(dir, storeDir, streamsDir, "ACCOUNT", "streams", "LOG_l", streamData)
			if err := os.MkdirAll(data, 0o700); err != nil {
				t.Fatal(err)
			}
			for name, content := range c.blocks {
				if err := os.WriteFile(filepath.Join(data, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(data, streamIndex), []byte("count"), 0o600); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			if err := recountLogs(dir, slog.New(slog.NewTextHandler(&said, nil))); err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(data)
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, e := range entries {
				left = append(left, e.Name())
			}
			want := strings.Fields(c.left)
			if len(want) == len(c.blocks) {
				want = append(want, streamIndex)
			}
			if !slices.Equal(left, want) {
				t.Errorf("%q are left, want %q", left, want)
			}
			if warned := strings.Contains(said.String(), "counted anew"); warned != c.warns {
				t.Errorf("it says %q", &said)
			}
		})
	}
}

// What cannot be read or removed is named.
func TestRecountLogs_Refused(t *testing.T) {
	dir := t.TempDir()
	stream := filepath.Join(dir, storeDir, streamsDir, "ACCOUNT", "streams", "LOG_l")
	data := filepath.Join(stream, streamData)
	if err := os.MkdirAll(stream, 0o700); err != nil {
		t.Fatal(err)
	}
	steps := []func() error{
		func() error { return os.WriteFile(data, nil, 0o600) }, // no directory
		func() error {
			return errors.Join(os.Remove(data), os.MkdirAll(data, 0o700), os.Symlink("nowhere", filepath.Join(data, "1.blk")))
		},
		func() error { // a block that cannot be read
			return errors.Join(os.Remove(filepath.Join(data, "1.blk")), os.Mkdir(filepath.Join(data, "1.blk"), 0o700))
		},
		func() error { // a count that cannot be removed
			return errors.Join(os.Remove(filepath.Join(data, "1.blk")), os.WriteFile(filepath.Join(data, "1.blk"), nil, 0o600),
				os.MkdirAll(filepath.Join(data, streamIndex, "full"), 0o700))
		},
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatal(err)
		}
		err := recountLogs(dir, slog.New(slog.DiscardHandler))
		if hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), data) {
			t.Errorf("step %d: %v", i, err)
		}
	}
}
