package natsbus

import (
	"bytes"
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
			info, err := l.stream.Info(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			if s := info.State; s.LastSeq != uint64(before)+1 || s.Msgs != uint64(before) {
				t.Fatalf("the server does not count the refused message any more (%d of %d): is recountLogs still needed?", s.Msgs, s.LastSeq)
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

// A newest block that is empty and held an acknowledged message is damage still.
func TestRecountLogs_AcknowledgedIsMissed(t *testing.T) {
	for _, records := range []int{1, blockRecords + 1} {
		cfg := embeddedConfig(t)
		b := mustOpen(t, cfg)
		l := mustLog(t, mustCreate(t, b, "north"), "l")
		for i := range records {
			if err := l.Append(testContext(t), large(i)); err != nil {
				t.Fatal(err)
			}
		}
		closeBus(t, b)
		data := filepath.Dir(indexOf(t, cfg, "l"))
		newest := filepath.Join(data, "1.blk")
		if records > blockRecords {
			newest = filepath.Join(data, "2.blk")
		}
		if err := os.Truncate(newest, 0); err != nil {
			t.Fatal(err)
		}
		_, err := Open(testContext(t), cfg)
		wantError(t, err, hub.Unavailable, "LOG_l", fmt.Sprintf("ends at message %d and must reach %d", records-1, records))
	}
}

// Only the count of a log whose newest block is empty is removed, and a warning
// tells of it when the log is not empty.
func TestRecountLogs(t *testing.T) {
	for _, c := range []struct {
		name   string
		blocks map[string]string
		keeps  bool
		warns  bool
	}{
		{name: "no block", keeps: true},
		{name: "an empty log", blocks: map[string]string{"1.blk": ""}},
		{name: "an empty newest block", blocks: map[string]string{"9.blk": "x", "10.blk": ""}, warns: true},
		{name: "an empty older block", blocks: map[string]string{"9.blk": "", "10.blk": "x"}, keeps: true},
		{name: "files of other names", blocks: map[string]string{"1.blk": "x", "2.blk.tmp": "", "02.blk": "", "3.key": ""}, keeps: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			data := filepath.Join(dir, storeDir, streamsDir, "ACCOUNT", "streams", "LOG_l", streamData)
			if err := os.MkdirAll(data, 0o700); err != nil {
				t.Fatal(err)
			}
			index := filepath.Join(data, streamIndex)
			for name, content := range c.blocks {
				if err := os.WriteFile(filepath.Join(data, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(index, []byte("count"), 0o600); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			if err := recountLogs(dir, slog.New(slog.NewTextHandler(&said, nil))); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(index); (err == nil) != c.keeps {
				t.Errorf("the server's count: %v, want it kept: %v", err, c.keeps)
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
			if err := os.Remove(data); err != nil {
				return err
			}
			if err := os.MkdirAll(data, 0o700); err != nil {
				return err
			}
			return os.Symlink("nowhere", filepath.Join(data, "1.blk"))
		},
		func() error {
			if err := os.Remove(filepath.Join(data, "1.blk")); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(data, "1.blk"), nil, 0o600); err != nil {
				return err
			}
			return os.MkdirAll(filepath.Join(data, streamIndex, "full"), 0o700) // cannot be removed
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
