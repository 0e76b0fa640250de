package state

import "encoding/binary"

// shelf keeps short texts of a kind's resources end to end in a few large pieces of memory,
// in which the garbage collector has nothing to look for. By themselves they would be the
// most of what memory holds, and what is kept for good would lie among the garbage of the
// time at which it came, whose memory could then not be given back: Go moves nothing.
//
// A text is written once and never changed, so that it may be read, once it was found,
// without the lock that finding it takes. What is not needed any more stays until it is half
// of its piece; then what is left of that is moved. A shelf is not safe for concurrent use.
type shelf struct {
	pieces []piece
	free   []uint32 // places in pieces that have none
	last   int      // the piece that is being filled, if there is any
	full   []int    // pieces that were filled since the last put, to be tidied
	size   int      // bytes in all pieces
	// moved is asked for each text of a piece that is cleared where it goes: with its owner
	// and where it was. It returns nil for one that is not needed any more.
	moved func(owner uint32, from berth) *berth
}

// piece is memory with texts one after the other, each with its owner and its length before it.
type piece struct {
	texts []byte
	dead  int // bytes of texts that are not needed any more, with what stands before them, and those that stay empty
}

// berth is where a text is. The zero berth is nowhere.
type berth struct{ piece, at uint32 } // both counted from 1

// The first piece is small, since most kinds have few resources, and each is as large as all
// before it up to a bound: moving a piece takes a twentieth of a millisecond.
const (
	leastPiece = 4 << 10
	mostPiece  = 256 << 10
)

// put keeps a text, which is made of two, and returns where it is. Its owner must have the
// berth before anything else is done to the shelf.
func (s *shelf) put(owner uint32, first, second []byte) berth {
	for n := len(s.full); n > 0; n = len(s.full) {
		in := s.full[n-1]
		s.full = s.full[:n-1]
		s.tidy(in)
	}
	return s.place(owner, first, second)
}

func (s *shelf) place(owner uint32, first, second []byte) berth {
	var head [2 * binary.MaxVarintLen32]byte
	n := binary.PutUvarint(head[:], uint64(owner))
	n += binary.PutUvarint(head[n:], uint64(len(first)+len(second)))
	in := s.room(n + len(first) + len(second))
	p := &s.pieces[in]
	b := berth{uint32(in) + 1, uint32(len(p.texts)) + 1}
	p.texts = append(append(append(p.texts, head[:n]...), first...), second...)
	return b
}

// room returns a piece with room for a text of a size: that which is being filled, or a new
// one. A text that is large has one to itself.
func (s *shelf) room(size int) (in int) {
	if len(s.pieces) > 0 && cap(s.pieces[s.last].texts)-len(s.pieces[s.last].texts) >= size {
		return s.last
	}
	alone := size > mostPiece/4
	p := piece{texts: make([]byte, 0, size)}
	if !alone {
		p.texts = make([]byte, 0, max(size, min(mostPiece, max(leastPiece, s.size))))
	}
	s.size += cap(p.texts)
	if n := len(s.free); n > 0 {
		in, s.free = int(s.free[n-1]), s.free[:n-1]
		s.pieces[in] = p
	} else {
		in = len(s.pieces)
		s.pieces = append(s.pieces, p)
	}
	if was := s.last; !alone && was != in {
		p := &s.pieces[was]
		p.dead += cap(p.texts) - len(p.texts)
		s.full, s.last = append(s.full, was), in
	}
	return in
}

// get returns a text, which must not be changed.
func (s *shelf) get(b berth) []byte {
	if b.piece == 0 {
		return nil
	}
	_, text, _ := textAt(s.pieces[b.piece-1].texts[b.at-1:])
	return text
}

// textAt reads the text that raw begins with, and how many bytes it takes with what stands
// before it.
func textAt(raw []byte) (owner uint32, text []byte, size int) {
	number, n := binary.Uvarint(raw)
	length, m := binary.Uvarint(raw[n:])
	size = n + m + int(length)
	return uint32(number), raw[n+m : size : size], size
}

// drop says that a text is not needed any more. Its owner must not have the berth by then.
func (s *shelf) drop(b berth) {
	if b.piece == 0 {
		return
	}
	p := &s.pieces[b.piece-1]
	_, _, size := textAt(p.texts[b.at-1:])
	p.dead += size
	s.tidy(int(b.piece - 1))
}

// tidy clears a piece of which half is not needed any more.
func (s *shelf) tidy(in int) {
	p := s.pieces[in]
	if in == s.last || p.texts == nil || p.dead <= cap(p.texts)/2 {
		return
	}
	s.pieces[in] = piece{}
	s.size -= cap(p.texts)
	for at := 0; at < len(p.texts); {
		owner, text, size := textAt(p.texts[at:])
		if now := s.moved(owner, berth{uint32(in) + 1, uint32(at) + 1}); now != nil {
			*now = s.place(owner, text, nil)
		}
		at += size
	}
	s.free = append(s.free, uint32(in)) // now, lest a berth mean two texts
}
