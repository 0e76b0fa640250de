package state

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// Texts are found as they were kept, whatever else comes and goes, and what is not needed
// any more takes no more room than what is.
func TestShelf(t *testing.T) {
	const owners = 2000
	rnd := rand.New(rand.NewPCG(1, 2))
	var where [owners]berth
	var want [owners][]byte
	s := shelf{}
	s.moved = func(owner uint32, from berth) *berth {
		if where[owner] != from {
			return nil
		}
		return &where[owner]
	}
	needed := 0
	put := func(owner uint32, text []byte) {
		half := len(text) / 2
		is := s.put(owner, text[:half], text[half:])
		was := where[owner]
		needed += len(text) - len(want[owner])
		where[owner], want[owner] = is, text
		s.drop(was)
	}
	for step := range 40 * owners {
		owner := uint32(rnd.IntN(owners))
		if step > 20*owners { // few are left in the end
			owner = uint32(rnd.IntN(owners / 50))
		}
		switch {
		case step > 20*owners && step < 22*owners:
			owner = uint32(step % owners)
			fallthrough
		case rnd.IntN(4) == 0:
			was := where[owner]
			needed -= len(want[owner])
			where[owner], want[owner] = berth{}, nil
			s.drop(was)
		default:
			size := rnd.IntN(300)
			if rnd.IntN(2000) == 0 {
				size = rnd.IntN(2 * mostPiece)
			}
			text := make([]byte, size)
			for i := range text {
				text[i] = byte(rnd.Uint32())
			}
			put(owner, text)
		}
		if most := 2*(needed+8*owners) + 2*mostPiece; s.size > most+mostPiece {
			t.Fatalf("step %d: %d bytes for %d that are needed", step, s.size, needed)
		}
		if step%997 != 0 {
			continue
		}
		held := 0
		for _, p := range s.pieces {
			held += cap(p.texts)
		}
		if held != s.size {
			t.Fatalf("step %d: %d bytes in pieces, counted %d", step, held, s.size)
		}
		for owner, b := range where {
			if got := s.get(b); !bytes.Equal(got, want[owner]) {
				t.Fatalf("step %d: %d bytes of owner %d, want %d", step, len(got), owner, len(want[owner]))
			}
		}
	}
}
