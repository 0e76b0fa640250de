package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

func filled(t testing.TB, messages, perSeal int) *world {
	w := newWorld(t)
	for i := range messages {
		w.records.add(fmt.Sprintf("kind-%d", i), "other")
	}
	w.sealAll(t, perSeal)
	return w
}

func has(r *Report, what string, sequence uint64, text string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool {
		return f.What == what && f.Sequence == sequence && strings.Contains(f.Text, text)
	})
}

// Whatever is done to the records on the bus is found and named.
func TestFindsChangesOfRecords(t *testing.T) {
	for name, c := range map[string]struct {
		change   func([]Batch) []Batch
		what     string
		sequence uint64
		text     string
	}{
		"one byte of a record": {func(l []Batch) []Batch {
			l[3].Lines[0] = bytes.Replace(bytes.Clone(l[3].Lines[0]), []byte(`"n":4`), []byte(`"n":5`), 1)
			return l
		}, Altered, 4, `("kind-3", id "r4-0") was altered after it was sealed: content`},
		"a space that JSON ignores": {func(l []Batch) []Batch { l[3].Lines[1] = append(bytes.Clone(l[3].Lines[1]), ' '); return l }, Altered, 4, "content"},
		"the header": {func(l []Batch) []Batch {
			l[3].Header = map[string][]string{"Manoward-Count": {"9"}}
			return l
		}, Altered, 4, "header"},
		"the time":               {func(l []Batch) []Batch { l[3].Stored = l[3].Stored.Add(1); return l }, Altered, 4, "time of storing"},
		"bytes that are no text": {func(l []Batch) []Batch { l[3].Lines[0] = []byte{0xff, 0}; return l }, Altered, 4, "content"},
		"an empty line":          {func(l []Batch) []Batch { l[3].Lines[0] = nil; return l }, Altered, 4, "content"},
		"a message dropped":      {func(l []Batch) []Batch { return slices.Delete(l, 3, 4) }, Missing, 4, `"kind-3"`},
		"a record dropped":       {func(l []Batch) []Batch { l[3].Lines = l[3].Lines[:1]; return l }, Missing, 4, "r4-1"},
		"the end dropped":        {func(l []Batch) []Batch { return l[:9] }, Missing, 10, `"kind-9"`},
		"a record added": {func(l []Batch) []Batch {
			l[3].Lines = append(l[3].Lines, []byte(`{"id":"new","kind":"forged"}`))
			return l
		}, Added, 4, `"forged"`},
		"records exchanged": {func(l []Batch) []Batch {
			l[3].Lines = [][]byte{l[3].Lines[1], l[3].Lines[0]}
			return l
		}, Reordered, 4, "r4-1"},
		"messages exchanged":    {func(l []Batch) []Batch { l[3].Lines, l[4].Lines = l[4].Lines, l[3].Lines; return l }, Reordered, 4, "r5-0"},
		"messages out of order": {func(l []Batch) []Batch { l[3], l[4] = l[4], l[3]; return l }, Reordered, 4, "stands after a later one"},
	} {
		t.Run(name, func(t *testing.T) {
			w := filled(t, 10, 7)
			w.records.tamper(c.change)
			if r := verify(t, w.key.Public(), w.export(t, Request{})); !has(r, c.what, c.sequence, c.text) {
				t.Errorf("findings %+v; want %s of message %d that says %q", r.Findings, c.what, c.sequence, c.text)
			}
		})
	}
}

// A journal without a seal is new; one that was taken away as a whole is found by
// the records that are there.
func TestWithoutSeals(t *testing.T) {
	w := newWorld(t)
	if r := verify(t, w.key.Public(), w.export(t, Request{})); len(r.Findings) > 0 {
		t.Errorf("findings %+v of an empty log; want none", r.Findings)
	}
	w.records.add("old")
	w.records.tamper(func(l []Batch) []Batch { l[0].Stored = l[0].Stored.Add(-time.Minute); return l })
	if r := verify(t, w.key.Public(), w.export(t, Request{})); !has(r, Unsealed, 1, `"old"`) {
		t.Errorf("findings %+v; want the record unsealed", r.Findings)
	}
}

// A seal that is altered on the bus is found, whatever became of it.
func TestFindsChangesOfSeals(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"nothing":    func([]byte) []byte { return nil },
		"other JSON": func([]byte) []byte { return []byte("{}") },
		"two lines":  func([]byte) []byte { return []byte("{\n}") },
		"one entry":  func(raw []byte) []byte { return bytes.Replace(raw, []byte("kind-2"), []byte("kind-3"), 1) },
		"no frontier": func(raw []byte) []byte {
			return bytes.Replace(raw, []byte(`"frontier":["`), []byte(`"frontier":[],"entries":["`), 1)
		},
		"start": func(raw []byte) []byte { return bytes.Replace(raw, []byte(`"start":4`), []byte(`"start":5`), 1) },
		"order": func(raw []byte) []byte { return bytes.Replace(raw, []byte(`"index":1`), []byte(`"index":0`), 1) },
	} {
		t.Run(name, func(t *testing.T) {
			w := filled(t, 5, 4)
			w.seals.raw[1] = change(bytes.Clone(w.seals.raw[1]))
			r := verify(t, w.key.Public(), w.export(t, Request{}))
			if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.What == BadSeal && strings.Contains(f.Text, "seal 2") }) {
				t.Errorf("findings %+v; want seal 2 named", r.Findings)
			}
		})
	}
}

// A record that nobody sealed is new, or names a journal that stands still.
func TestFindsUnsealed(t *testing.T) {
	w := filled(t, 3, 7)
	w.records.add("new")
	w.records.add("old")
	w.records.tamper(func(l []Batch) []Batch { l[4].Stored = l[4].Stored.Add(-time.Minute); return l })
	r := verify(t, w.key.Public(), w.export(t, Request{}))
	if len(r.Findings) != 1 || !has(r, Unsealed, 5, `"old"`) || r.Recent != 1 {
		t.Errorf("report %+v; want message 5 unsealed and one recent record", r)
	}
}

// Any byte of any file of a pack that is altered is found, in that file; so is a
// file that is removed, added, repeated or moved.
func TestFindsChangesOfPack(t *testing.T) {
	w := filled(t, 40, 30)
	w.records.add("late")
	whole := w.export(t, Request{})
	if r := verify(t, w.key.Public(), whole); len(r.Findings) > 0 || len(whole) != 7 {
		t.Fatalf("%d files, findings %+v; want none", len(whole), r.Findings)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i, f := range whole {
		t.Run(f.name, func(t *testing.T) {
			for range 10 {
				list := slices.Clone(whole)
				raw := bytes.Clone(f.raw)
				if len(raw) > 0 {
					raw[random.IntN(len(raw))] ^= byte(1 + random.IntN(255))
				} else {
					raw = []byte{'x'}
				}
				list[i].raw = raw
				found(t, w.key.Public(), list, f.name)
			}
			found(t, w.key.Public(), slices.Delete(slices.Clone(whole), i, i+1), f.name)
			found(t, w.key.Public(), slices.Insert(slices.Clone(whole), i, f), "")
			found(t, w.key.Public(), slices.Insert(slices.Clone(whole), i, packFile{"extra", []byte("x")}), "")
			if i > 0 {
				list := slices.Clone(whole)
				list[i], list[i-1] = list[i-1], list[i]
				found(t, w.key.Public(), list, "")
			}
		})
	}
}

// found wants a finding, of the file if one is named; that there is no pack to
// judge is one too.
func found(t *testing.T, key *PublicKey, list []packFile, file string) {
	t.Helper()
	r, err := Verify(t.Context(), filesOf(list), Trust{Key: key})
	if err != nil {
		if hub.CodeOf(err) != hub.Invalid {
			t.Errorf("Verify: %v; want it refused as no pack", err)
		}
		return
	}
	if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return file == "" || f.File == file }) {
		t.Errorf("no finding names %q: %+v", file, r.Findings)
	}
}

// A pack whose manifest was made again by somebody without the key, or whose
// entries and proofs were exchanged for fitting ones, is found.
func TestFindsForgedPack(t *testing.T) {
	w := filled(t, 20, 10)
	forged := newWorld(t)
	list, _ := w.records.snapshot()
	forged.records.batches = slices.Clone(list)
	forged.records.batches[4].Lines = [][]byte{[]byte(`{"id":"r5-0","kind":"forged"}`), list[4].Lines[1]}
	forged.sealAll(t, 10)
	pack := forged.export(t, Request{})
	if r := verify(t, w.key.Public(), pack); !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.What == BadSeal }) {
		t.Errorf("findings %+v; want bad seals", r.Findings)
	}
	if r := verify(t, nil, pack); len(r.Findings) > 0 || r.Key == w.key.Public().String() {
		t.Errorf("without a key of one's own a pack fits to itself: %+v", r)
	}
}

// An earlier checkpoint must be among those of a later pack, whoever has the key.
func TestEarlierCheckpoint(t *testing.T) {
	w := filled(t, 20, 10)
	first := w.export(t, Request{})
	early := string(first[len(first)-2].raw)
	for i := range 5 {
		w.records.add(fmt.Sprint("later", i))
	}
	w.sealAll(t, 3)
	judge := func(w *world, checkpoint string) (*Report, error) {
		return Verify(t.Context(), filesOf(w.export(t, Request{})), Trust{w.key.Public(), checkpoint})
	}
	if r, err := judge(w, early); err != nil || len(r.Findings) > 0 {
		t.Errorf("report %+v, %v; want no finding", r, err)
	}
	anew := &world{records: newRecordLog(), seals: &sealLog{}, key: w.key}
	for range 25 {
		anew.records.add("else", "else")
	}
	anew.sealAll(t, 10)
	if r, err := judge(anew, early); err != nil || !slices.ContainsFunc(r.Findings, func(f Finding) bool { return strings.Contains(f.Text, "signed anew") }) {
		t.Errorf("all signed anew: %+v, %v; want it found", r, err)
	}
	anew.seals.raw = anew.seals.raw[:2]
	if r, err := judge(anew, early); err != nil || !slices.ContainsFunc(r.Findings, func(f Finding) bool { return strings.Contains(f.Text, "not among those") }) {
		t.Errorf("cut off before it: %+v, %v; want it found", r, err)
	}
	if _, err := judge(w, "nonsense"); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("what is no checkpoint: %v; want invalid", err)
	}
}

// Two trees of one key, however each fits to itself, are found.
func TestFindsSplitView(t *testing.T) {
	w := filled(t, 20, 10)
	other := &world{records: newRecordLog(), seals: &sealLog{}, key: w.key}
	for range 20 {
		other.records.add("else", "else")
	}
	other.sealAll(t, 10)
	w.seals.raw[2] = other.seals.raw[2]
	r := verify(t, w.key.Public(), w.export(t, Request{}))
	if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.What == BadSeal && strings.Contains(f.Text, "two different trees") }) {
		t.Errorf("findings %+v; want two different trees", r.Findings)
	}
	if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.What == BadProof }) {
		t.Errorf("findings %+v; want a proof that does not hold", r.Findings)
	}
}

// A pack of a time has the seals of that time, proven by themselves.
func TestPackOfATime(t *testing.T) {
	w := newWorld(t)
	began := time.Now()
	for i := range 50 {
		w.records.add("k")
		at := began.Add(time.Duration(i) * time.Minute)
		w.records.tamper(func(l []Batch) []Batch { l[i].Stored = at; return l })
	}
	w.sealAll(t, 3)
	for from := 0; from < 50; from += 7 {
		for to := from; to < 50; to += 9 {
			r := verify(t, w.key.Public(), w.export(t, Request{From: began.Add(time.Duration(from) * time.Minute), To: began.Add(time.Duration(to) * time.Minute)}))
			want := (to/3-from/3+1)*3 - max(0, (to/3+1)*3-50)
			if len(r.Findings) > 0 || r.Records != want {
				t.Errorf("minutes %d to %d: %d records, findings %+v; want %d", from, to, r.Records, r.Findings, want)
			}
		}
	}
	err := WritePack(t.Context(), io.Discard, Source{Records: w.records, Seals: w.seals, Key: w.key, Now: time.Now, Contents: w.contents}, Request{TrustDomain: "north", From: began.Add(time.Hour)})
	if hub.CodeOf(err) != hub.NotFound {
		t.Errorf("a time without records: %v; want not found", err)
	}
}

// Property: of random logs cut into random seals, one random change of what is
// sealed is always found, and no change never.
func TestProperty(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t)
		n := 1 + random.IntN(40)
		for range n {
			w.records.add(slices.Repeat([]string{"k"}, 1+random.IntN(4))...)
		}
		w.sealAll(t, 1+random.IntN(20))
		if r := verify(t, w.key.Public(), w.export(t, Request{})); len(r.Findings) > 0 {
			t.Fatalf("seed %d: findings %+v; want none", seed, r.Findings)
		}
		victim := random.IntN(n)
		w.records.tamper(func(l []Batch) []Batch {
			switch random.IntN(3) {
			case 0:
				line := bytes.Clone(l[victim].Lines[0])
				line[random.IntN(len(line))] ^= byte(1 + random.IntN(255))
				l[victim].Lines[0] = line
			case 1:
				return slices.Delete(l, victim, victim+1)
			case 2:
				l[victim].Lines = append(l[victim].Lines, []byte("{}"))
			}
			return l
		})
		r := verify(t, w.key.Public(), w.export(t, Request{}))
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Sequence == uint64(victim+1) }) {
			// What was added after the last entry cannot be told from a new record.
			if victim != n-1 || r.Recent != 1 {
				t.Errorf("seed %d: findings %+v; want message %d named", seed, r.Findings, victim+1)
			}
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	w := filled(t, 2, 7)
	whole := w.export(t, Request{})
	for name, list := range map[string][]packFile{
		"nothing": nil, "no about.json": whole[1:], "about is no JSON": {{fileAbout, []byte("x")}},
		"about names no key": {{fileAbout, []byte(`{"key":"x"}`)}},
	} {
		if _, err := Verify(t.Context(), filesOf(list), Trust{Key: nil}); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%s: %v; want invalid", name, err)
		}
	}
	if _, err := ParseKey("x"); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("ParseKey: %v; want invalid", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Verify(ended, filesOf(whole), Trust{Key: nil}); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify after the end of its context: %v", err)
	}
	short := filesOf(whole[:2])
	broken := func() (string, io.Reader, error) {
		name, r, err := short()
		if err != nil {
			err = io.ErrUnexpectedEOF
		}
		return name, r, err
	}
	r, err := Verify(t.Context(), broken, Trust{Key: nil})
	if err != nil || !slices.ContainsFunc(r.Findings, func(f Finding) bool { return strings.Contains(f.Text, "ends early") }) {
		t.Errorf("a pack that is cut off: %+v, %v", r, err)
	}
}

// The report of very many changes stays small, and says that there are more.
func TestReportIsBounded(t *testing.T) {
	w := filled(t, 600, maxSeal)
	w.records.tamper(func(l []Batch) []Batch { return l[:1] })
	r := verify(t, w.key.Public(), w.export(t, Request{}))
	if len(r.Findings) != maxFindings || r.More != 1198-maxFindings {
		t.Errorf("%d findings and %d more; want %d and %d", len(r.Findings), r.More, maxFindings, 1198-maxFindings)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

// A seal of the longest names fits into a message of the bus.
func TestSealFits(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("<\u0001", 300)
	var b Batch
	b.Sequence, b.Stored = 1<<63, time.Now()
	for range maxSeal {
		line, err := json.Marshal(map[string]string{"id": long, "kind": long})
		if err != nil {
			t.Fatal(err)
		}
		b.Lines = append(b.Lines, line)
	}
	tree := trees.NewEmptyRange(0)
	s, err := newSeal(w.key, tree, b.entries())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := s.encode()
	if err != nil || len(raw) > 500<<10 {
		t.Errorf("a seal has %d bytes, error %v", len(raw), err)
	}
}
