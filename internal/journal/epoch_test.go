package journal

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

func (w *world) source(epoch int) Source {
	s := Source{Records: w.records, Seals: w.seals, Key: w.key, Now: time.Now, Contents: w.contents, Epoch: epoch, Closed: epoch == 1}
	if s.Closed {
		s.Now = func() time.Time { return time.Now().Add(time.Minute) } // exported later
	}
	return s
}

// resealedWorld is a journal of 30 messages that lost some, and the one that was
// begun after it.
func resealedWorld(t *testing.T, damage func(*world)) (before, after *world, told Resealed) {
	t.Helper()
	before = newWorld(t)
	for range 30 {
		before.records.add("one", "two")
	}
	before.sealAll(t, 8)
	if told, err := Examine(t.Context(), before.source(1), "north"); err != nil || len(told.Losses) > 0 {
		t.Fatalf("of a journal that is well: %+v, %v", told, err)
	}
	before.records.add("never sealed")
	damage(before)
	told, err := Examine(t.Context(), before.source(1), "north")
	if err != nil {
		t.Fatal(err)
	}
	told.By, told.Reason = "spiffe://hub/operator/admin", "the disk is dead"
	after = newWorld(t)
	private, err := NewKey(rand.Reader, EpochOrigin("north", 2))
	if err != nil {
		t.Fatal(err)
	}
	if after.key, err = OpenKey(private); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(hub.Record{ID: "resealed", Kind: KindResealed, Time: time.Now(), Data: data})
	if err != nil {
		t.Fatal(err)
	}
	after.records.batches = []Batch{{Sequence: 1, Stored: time.Now(), Lines: [][]byte{line}}}
	after.records.add("three")
	after.sealAll(t, 8)
	return before, after, told
}

// exportAll is the evidence of both.
func exportAll(t *testing.T, r Request, worlds ...*world) []byte {
	t.Helper()
	r.TrustDomain = "north"
	var sources []Source
	for i, w := range worlds {
		sources = append(sources, w.source(len(worlds)-i))
	}
	var b bytes.Buffer
	if err := WritePacks(t.Context(), &b, sources, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verifyAll(t *testing.T, files Files, worlds ...*world) []*Report {
	t.Helper()
	reports, err := VerifyAll(t.Context(), files, func(origin string) (Trust, error) {
		for _, w := range worlds {
			if w.key.Public().Origin() == origin {
				return Trust{Key: w.key.Public()}, nil
			}
		}
		return Trust{}, fmt.Errorf("a journal %q", origin)
	})
	if err != nil {
		t.Fatal(err)
	}
	return reports
}

func findingsOf(reports []*Report) string {
	var b strings.Builder
	for _, r := range reports {
		for _, f := range r.Findings {
			fmt.Fprintln(&b, r.Origin, f.What, f.Text)
		}
	}
	return b.String()
}

// A journal that was begun anew says what the one before lost, and both verify: what
// was accepted is told, and is no finding.
func TestResealed(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(*world)
		losses []string
		size   uint64 // of the tree up to which all holds
	}{
		"a hole": {
			func(w *world) {
				w.records.tamper(func(b []Batch) []Batch { return slices.Delete(slices.Clone(b), 10, 13) })
			},
			[]string{"missing: messages 11 to 13 of the records (6 findings)", "unsealed: message 31 of the records (1 findings)"}, 60,
		},
		"the end is gone": {
			func(w *world) { w.records.tamper(func(b []Batch) []Batch { return b[:25] }) },
			[]string{"missing: messages 26 to 30 of the records (10 findings)"}, 60,
		},
		"a seal is gone": {
			func(w *world) { w.seals.raw[3] = nil },
			[]string{"seal", "unsealed: message 31"}, 24,
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, after, told := resealedWorld(t, c.damage)
			text := fmt.Sprint(told.Losses)
			for _, want := range c.losses {
				if !strings.Contains(text, want) {
					t.Errorf("losses %s; want %s", text, want)
				}
			}
			if good, err := before.key.Public().open(told.Checkpoint); err != nil || good.size != c.size {
				t.Errorf("the last good checkpoint is of %d entries, %v; want %d", good.size, err, c.size)
			}
			raw := exportAll(t, Request{}, after, before)
			dir := filepath.Join(t.TempDir(), "pack")
			if err := UnpackTo(dir, TarFiles(bytes.NewReader(raw))); err != nil {
				t.Fatal(err)
			}
			unpacked, done, err := OpenPack(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer done()
			for _, files := range []Files{TarFiles(bytes.NewReader(raw)), unpacked} {
				reports := verifyAll(t, files, after, before)
				if len(reports) != 2 || reports[0].Epoch != 2 || reports[1].Epoch != 1 || findingsOf(reports) != "" {
					t.Fatalf("reports %+v\n%s", reports, findingsOf(reports))
				}
				if r := reports[0]; r.Resealed == nil || r.Resealed.Reason != told.Reason || r.Size != 2 || len(r.Accepted) > 0 {
					t.Errorf("the new journal: %+v", r)
				}
				if r := reports[1]; fmt.Sprint(r.Accepted) != text {
					t.Errorf("accepted %v; want %v", r.Accepted, told.Losses)
				}
			}
		})
	}
}

// What changes after the acceptance is found, in either journal, and neither can be
// left out or put in another's place.
func TestResealed_Altered(t *testing.T) {
	hole := func(w *world) {
		w.records.tamper(func(b []Batch) []Batch { return slices.Delete(slices.Clone(b), 10, 13) })
	}
	for name, c := range map[string]struct {
		alter func(before, after *world)
		want  string
	}{
		"another record is gone": {func(before, _ *world) {
			before.records.tamper(func(b []Batch) []Batch { return slices.Delete(slices.Clone(b), 4, 5) })
		}, "missing record 5/0"},
		"one is altered": {func(before, _ *world) {
			before.records.tamper(func(b []Batch) []Batch { b[2].Lines[0] = []byte(`{}`); return b })
		}, "altered"},
		"one of the new journal is altered": {func(_, after *world) {
			after.records.tamper(func(b []Batch) []Batch { b[1].Lines[0] = []byte(`{}`); return b })
		}, "altered"},
		"what was accepted is altered": {func(_, after *world) {
			after.records.tamper(func(b []Batch) []Batch {
				b[0].Lines[0] = bytes.Replace(b[0].Lines[0], []byte(`"to":13`), []byte(`"to":19`), 1)
				return b
			})
		}, "altered"},
		"all is signed anew": {func(before, _ *world) {
			before.records.tamper(func(b []Batch) []Batch { return b[:4] })
			before.seals.raw = nil
			before.sealAll(t, 8)
		}, "the earlier checkpoint, of 60 entries, is not among those of the pack"},
	} {
		t.Run(name, func(t *testing.T) {
			before, after, _ := resealedWorld(t, hole)
			c.alter(before, after)
			got := findingsOf(verifyAll(t, TarFiles(bytes.NewReader(exportAll(t, Request{}, after, before))), after, before))
			if !strings.Contains(got, c.want) {
				t.Errorf("findings %s; want %s", got, c.want)
			}
		})
	}
	before, after, _ := resealedWorld(t, hole)
	alone := after.source(2)
	var b bytes.Buffer
	if err := WritePacks(t.Context(), &b, []Source{alone}, Request{TrustDomain: "north"}); err != nil {
		t.Fatal(err)
	}
	if got := findingsOf(verifyAll(t, TarFiles(&b), after)); !strings.Contains(got, "is not in the pack") {
		t.Errorf("without the journal before: %s", got)
	}
	foreign := newWorld(t)
	foreign.records.add("one")
	foreign.sealAll(t, 8)
	b.Reset()
	if err := WritePacks(t.Context(), &b, []Source{foreign.source(1), before.source(1)}, Request{TrustDomain: "north"}); err != nil {
		t.Fatal(err)
	}
	if got := findingsOf(verifyAll(t, TarFiles(&b), foreign)); !strings.Contains(got, "no journal of this pack says") {
		t.Errorf("two journals of one name: %s", got)
	}
}

// Of a time, only the journals that have records of it are in the evidence.
func TestResealed_Times(t *testing.T) {
	before, after, _ := resealedWorld(t, func(w *world) { w.records.tamper(func(b []Batch) []Batch { return b[:25] }) })
	for _, b := range [][]Batch{after.records.batches, before.records.batches} {
		if len(b) == 0 {
			t.Fatal("no records")
		}
	}
	began := after.records.batches[0].Stored
	only := exportAll(t, Request{From: began}, after, before)
	if reports := verifyAll(t, TarFiles(bytes.NewReader(only)), after, before); len(reports) != 1 || findingsOf(reports) != "" {
		t.Errorf("of the new journal's time: %d reports\n%s", len(reports), findingsOf(reports))
	}
	if err := WritePacks(t.Context(), &bytes.Buffer{}, []Source{after.source(2), before.source(1)}, Request{To: time.Unix(0, 0)}); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("of no time: %v", err)
	}
}

// What is no pack is refused, wherever it breaks off.
func TestVerifyAll_Cut(t *testing.T) {
	before, after, _ := resealedWorld(t, func(w *world) { w.records.tamper(func(b []Batch) []Batch { return b[:25] }) })
	raw := exportAll(t, Request{}, after, before)
	var ends []int64
	in := bytes.NewReader(raw)
	for r := tar.NewReader(in); ; {
		if _, err := r.Next(); err != nil {
			break
		}
		ends = append(ends, int64(len(raw)-in.Len()))
	}
	for _, end := range ends {
		reports, err := VerifyAll(t.Context(), TarFiles(bytes.NewReader(raw[:end])), func(string) (Trust, error) { return Trust{}, nil })
		if err == nil && findingsOf(reports) == "" {
			t.Errorf("the first %d of %d bytes were taken for all", end, len(raw))
		}
	}
}
