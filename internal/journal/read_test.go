package journal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Read hands out every record with its place in the tree, says which is not what
// was sealed, and gives what is not sealed yet too.
func TestRead(t *testing.T) {
	w := newWorld(t)
	for range 10 {
		w.records.add("a", "b")
	}
	w.sealAll(t, 3)
	w.records.add("new")
	w.records.tamper(func(l []Batch) []Batch {
		l[4].Lines[1] = []byte(`{"id":"r5-1","kind":"b","data":{}}`)
		return l
	})
	var got []string
	err := Read(t.Context(), filesOf(w.export(t, Request{})), func(r Record) error {
		got = append(got, fmt.Sprintf("%d/%d %t %d %t", r.Sequence, r.Index, r.Sealed, r.Leaf, r.Altered))
		return nil
	})
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("%d/%d true %d %t", i/2+1, i%2, i, i == 9))
	}
	want = append(want, "11/0 false 0 false")
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%v\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	enough := errors.New("enough")
	if err := Read(t.Context(), filesOf(w.export(t, Request{})), func(Record) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("an error of fn: %v", err)
	}
	raw := packOf(t, w)
	if err := Read(t.Context(), TarFiles(bytes.NewReader(raw[:len(raw)/2])), func(Record) error { return nil }); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("a pack that ends early: %v; want invalid", err)
	}
	torn, at := bytes.Clone(raw), bytes.LastIndex(raw, []byte(`{"sequence":3,"index":1,"stored"`))
	torn[at+1] = '_'
	if err := Read(t.Context(), TarFiles(bytes.NewReader(torn)), func(Record) error { return nil }); hub.CodeOf(err) != hub.Invalid || !strings.Contains(err.Error(), "records/000001.jsonl") {
		t.Errorf("a record that cannot be read: %v; want invalid, with its file", err)
	}
}

// What is too new to be sealed is in a pack that has no end, also when nothing of
// its time is sealed.
func TestPackOfATime_Unsealed(t *testing.T) {
	w := newWorld(t)
	w.records.add("old")
	w.sealAll(t, 1)
	w.records.add("new")
	list, _ := w.records.snapshot()
	raw := w.export(t, Request{From: list[0].Stored.Add(1)})
	var got []string
	if err := Read(t.Context(), filesOf(raw), func(r Record) error {
		got = append(got, r.Kind)
		return nil
	}); err != nil || fmt.Sprint(got) != "[new]" {
		t.Errorf("it has %v, %v; want the new record alone", got, err)
	}
	err := WritePack(t.Context(), &bytes.Buffer{}, Source{Records: w.records, Seals: w.seals, Key: w.key, Now: time.Now}, Request{TrustDomain: "north", From: time.Now().Add(time.Hour)})
	if hub.CodeOf(err) != hub.NotFound {
		t.Errorf("a time after all records: %v; want not found", err)
	}
	if r := verify(t, w.key.Public(), raw); len(r.Findings) > 0 || r.Recent != 1 {
		t.Errorf("%d recent, findings %+v; want the new record and nothing wrong", r.Recent, r.Findings)
	}
}
