package journal

import (
	"bytes"
	"testing"
)

// FuzzSeal: whatever is read as a seal does not crash, and one that is accepted
// is written as it was read.
func FuzzSeal(f *testing.F) {
	w := filled(f, 3, 2)
	for _, raw := range w.seals.raw {
		f.Add(raw)
	}
	f.Add([]byte(`{"start":18446744073709551615,"entries":[{}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := decodeSeal(raw)
		if err != nil {
			return
		}
		if _, _, err := s.check(w.key.Public()); err != nil {
			return
		}
		again, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decodeSeal(again); err != nil || back.Checkpoint != s.Checkpoint {
			t.Errorf("read again: %v", err)
		}
		if _, err := s.prove(); err != nil {
			t.Errorf("a good seal is not proven: %v", err)
		}
	})
}

// FuzzCheckpoint: nothing but what the key signed is taken for a checkpoint.
func FuzzCheckpoint(f *testing.F) {
	key := newTestKey(f, "north")
	good, err := key.sign(7, bytes.Repeat([]byte{1}, hashSize))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := key.Public().open(string(raw))
		if err == nil && (c.size != 7 || c.root[0] != 1) {
			t.Errorf("%q was taken for a checkpoint", raw)
		}
	})
}

// FuzzPack: a pack with one file of any content is judged without a crash, and
// never found to be good.
func FuzzPack(f *testing.F) {
	w, _ := contentWorld(f)
	whole := w.export(f, Request{Contents: true})
	for i, file := range whole {
		f.Add(i, file.raw[:len(file.raw)/2])
	}
	f.Fuzz(func(t *testing.T, i int, raw []byte) {
		if i < 0 || i >= len(whole) || bytes.Equal(raw, whole[i].raw) {
			return
		}
		list := append([]packFile{}, whole...)
		list[i].raw = raw
		if r, err := Verify(t.Context(), filesOf(list), Trust{Key: w.key.Public()}); err == nil && len(r.Findings) == 0 {
			t.Errorf("%s with other content is found to be good", whole[i].name)
		}
	})
}
