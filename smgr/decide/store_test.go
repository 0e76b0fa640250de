package decide

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

func TestDecisions(t *testing.T) {
	w := newWorld(t)
	d := w.active(one())
	w.inputs = func(_ context.Context, e smgr.Event) ([]byte, error) {
		if e.Key == smgr.KeyNs("n2") {
			return input(e, map[string]any{"vnfs": map[string]any{}}), nil
		}
		if e.Key == smgr.KeyNs("n3") {
			return nil, hub.E(hub.Invalid, "x", "no", nil)
		}
		return input(e, nil), nil
	}
	order := rand.New(rand.NewPCG(1, 2)).Perm(30)
	for _, n := range order {
		e := review(n)
		e.Key = smgr.KeyNs(fmt.Sprintf("n%d", n%3+1))
		check(t, d.Handle(t.Context(), e, 1))
	}
	numbers := func(q Query) (out []int) {
		for _, dec := range list(t, d, q) {
			var n int
			_, err := fmt.Sscanf(dec.EventID, "event-%d", &n)
			check(t, err)
			out = append(out, n)
		}
		return out
	}
	var all, third, first []int
	for n := 29; n >= 0; n-- {
		all = append(all, n)
		if n%3 == 0 {
			first = append(first, n)
		}
		if n%3 == 2 {
			third = append(third, n)
		}
	}
	page := list(t, d, Query{})
	for name, tt := range map[string]struct {
		q    Query
		want []int
	}{
		"all":           {Query{}, all},
		"of an NS":      {Query{Key: smgr.KeyNs("n3")}, third},
		"of a VNF":      {Query{Vnf: "v1"}, first},
		"by policy":     {Query{Policy: "evil-provider"}, first},
		"found":         {Query{Found: true}, first},
		"undecided":     {Query{Undecided: true}, third},
		"both":          {Query{Undecided: true, Found: true}, nil},
		"next page":     {Query{After: page[9].ID}, all[10:]},
		"next of found": {Query{Found: true, After: page[9].ID}, first[3:]},
		"before":        {Query{Before: review(7).Time}, all[22:]},
		"one event":     {Query{EventID: "event-12"}, []int{12}},
		"conflicts":     {Query{Conflict: true}, nil},
		"none":          {Query{Vnf: "v9"}, nil},
	} {
		if got := numbers(tt.q); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	if _, err := d.Decision(t.Context(), "no such/thing?"); hub.CodeOf(err) != hub.NotFound {
		t.Error(err)
	}
	for _, at := range []time.Time{{}, time.Unix(-5, 0), time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if s := stamp(at); len(s) != timeDigits {
			t.Errorf("%s: %q", at, s)
		}
	}
}

// TestPrune removes decisions over their age, those whose inputs are stored with
// them and those whose inputs are not.
func TestPrune(t *testing.T) {
	t.Run("small", func(t *testing.T) { prunes(t, false) })
	t.Run("large", func(t *testing.T) { prunes(t, true) })
}

func prunes(t *testing.T, large bool) {
	w := newWorld(t)
	d := w.active(one())
	second := 1 // removed by the run after the one that is cut off
	if large {
		second = 2
		w.inputs = func(_ context.Context, e smgr.Event) ([]byte, error) { return bulky(t, input(e, nil)), nil }
	}
	for n := range 6 {
		e := review(n)
		e.Time = noon.Add(time.Duration(n) * 24 * time.Hour)
		check(t, d.Handle(t.Context(), e, 1))
	}
	// Orders of all are final but that of the second.
	for i, id := range w.planned {
		o := w.orders[id]
		if o.State = smgr.OrderCompleted; i == 1 {
			o.State = smgr.OrderRecommended
		}
		w.orders[id] = o
	}
	all := list(t, d, Query{})
	w.wait(33*24*time.Hour - time.Hour) // three are over their age
	w.step = func(what string, do func() error) error {
		check(t, do())
		w.step = nil
		return errors.New("the process ends here")
	}
	if _, err := d.Prune(t.Context()); err == nil {
		t.Error("a cut-off run is said to be done")
	}
	removed, err := w.process().Prune(t.Context())
	check(t, err)
	d = w.process()
	left := list(t, d, Query{})
	if removed != second || len(left) != 4 || left[3].EventID != review(1).ID {
		t.Errorf("removed %d, left %+v", removed, left)
	}
	for _, dec := range all {
		_, err := d.Input(t.Context(), &dec)
		kept := slices.ContainsFunc(left, func(l smgr.Decision) bool { return l.ID == dec.ID })
		if kept != (err == nil) || !kept && hub.CodeOf(err) != hub.NotFound {
			t.Errorf("input of %s, kept %t: %v", dec.EventID, kept, err)
		}
	}
	d.c.Retention.Most = 2
	removed, err = d.Prune(t.Context())
	check(t, err)
	if left := list(t, d, Query{}); removed != 1 || len(left) != 3 || left[0].EventID != all[0].EventID {
		t.Errorf("removed %d, left %+v", removed, left)
	}
}

func TestBlobs(t *testing.T) {
	w := newWorld(t)
	b := w.process().blobs
	random := make([]byte, 3*chunkSize+17) // does not get smaller
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	for _, raw := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("a"), 5<<20), random} {
		for range 2 {
			name, err := b.put(t.Context(), blobInput, raw)
			check(t, err)
			got, err := b.get(t.Context(), blobInput, name)
			if err != nil || !bytes.Equal(got, raw) {
				t.Errorf("%d bytes became %d: %v", len(raw), len(got), err)
			}
		}
	}
	// What a crash left of a content is replaced.
	name := digest(random)
	check(t, b.remove(t.Context(), blobInput, name))
	_, err := b.table.Create(t.Context(), chunkKey(blobInput, name, 2), []byte("of another compressor"))
	check(t, err)
	_, err = b.get(t.Context(), blobInput, name)
	refused(t, err, hub.NotFound)
	_, err = b.put(t.Context(), blobInput, random)
	check(t, err)
	if got, err := b.get(t.Context(), blobInput, name); err != nil || !bytes.Equal(got, random) {
		t.Error(err)
	}
	check(t, b.remove(t.Context(), blobInput, name))
	for n := range uint32(4) {
		if _, _, err := b.table.Get(t.Context(), chunkKey(blobInput, name, n)); hub.CodeOf(err) != hub.NotFound {
			t.Errorf("chunk %d: %v", n, err)
		}
	}
}

// TestDamagedBlob changes each byte of a stored content, or cuts it off: no other
// content comes out.
func TestDamagedBlob(t *testing.T) {
	b := newWorld(t).process().blobs
	raw := []byte(`{"a": "some content that is long enough to be packed"}`)
	name, err := b.put(t.Context(), blobInput, raw)
	check(t, err)
	key := chunkKey(blobInput, name, 0)
	good, revision, err := b.table.Get(t.Context(), key)
	check(t, err)
	for i := range good {
		for _, bad := range [][]byte{good[:i], append(append(slices.Clone(good[:i]), good[i]^0x55), good[i+1:]...)} {
			revision, err = b.table.Update(t.Context(), key, bad, revision)
			check(t, err)
			if got, err := b.get(t.Context(), blobInput, name); err == nil && !bytes.Equal(got, raw) {
				t.Errorf("byte %d: %q", i, got)
			}
		}
	}
}

// TestBlobOfBefore reads what an earlier version packed with gzip, and leaves it as
// it is when it is put again.
func TestBlobOfBefore(t *testing.T) {
	b := newWorld(t).process().blobs
	raw := bytes.Repeat([]byte(`{"a": "some content"}`), 100)
	packed := binary.BigEndian.AppendUint64(append([]byte("MWB1"), 0, 0, 0, 1), uint64(len(raw)))
	out := bytes.NewBuffer(packed)
	z := gzip.NewWriter(out)
	_, err := z.Write(raw)
	check(t, err)
	check(t, z.Close())
	name := digest(raw)
	_, err = b.table.Create(t.Context(), chunkKey(blobInput, name, 0), out.Bytes())
	check(t, err)
	_, err = b.put(t.Context(), blobInput, raw)
	check(t, err)
	if there, _, err := b.table.Get(t.Context(), chunkKey(blobInput, name, 0)); err != nil || !bytes.Equal(there, out.Bytes()) {
		t.Errorf("it was replaced: %v", err)
	}
	if got, err := b.get(t.Context(), blobInput, name); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("%d bytes became %d: %v", len(raw), len(got), err)
	}
	check(t, b.remove(t.Context(), blobInput, name))
	_, err = b.get(t.Context(), blobInput, name)
	refused(t, err, hub.NotFound)
}
