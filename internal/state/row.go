package state

import "encoding/binary"

// A resource that is live has a row on the kind's shelf: the numbers of its terms, sorted as
// texts, then the stored value if it is held. All of this has k.mu held.

// write makes a row of a resource that has a number.
func (k *Kind[T]) write(number uint32, terms []uint32, held []byte) berth {
	first := binary.AppendUvarint(make([]byte, 0, 3*len(terms)+2), uint64(len(terms)))
	for _, t := range terms {
		first = binary.AppendUvarint(first, uint64(t))
	}
	return k.shelf.put(number, first, held)
}

// rewrite makes a row with the terms of the one that there is and another value.
func (k *Kind[T]) rewrite(x *indexed[T], held []byte) berth {
	row := k.shelf.get(x.row)
	n := termsEnd(row)
	if len(held) == 0 && n == len(row) {
		return x.row
	}
	is := k.shelf.put(x.number, row[:n], held)
	was := x.row // by now: it may have been moved
	x.row = is
	k.shelf.drop(was)
	return x.row
}

// erase drops the row of a resource.
func (k *Kind[T]) erase(x *indexed[T]) {
	was := x.row
	x.row = berth{}
	k.shelf.drop(was)
}

// movedRow is where the shelf notes that a row has moved; nil: nobody needs it.
func (k *Kind[T]) movedRow(number uint32, from berth) *berth {
	if x := k.slots.at(number); x.row == from {
		return &x.row
	}
	return nil
}

// termsIn returns the numbers of a resource's terms.
func (k *Kind[T]) termsIn(x *indexed[T]) []uint32 {
	row := k.shelf.get(x.row)
	if row == nil {
		return nil
	}
	count, n := binary.Uvarint(row)
	terms := make([]uint32, count)
	for i := range terms {
		term, m := binary.Uvarint(row[n:])
		terms[i], n = uint32(term), n+m
	}
	return terms
}

// heldIn returns the value of a resource that is held, compressed; empty: it is none.
func (k *Kind[T]) heldIn(x *indexed[T]) []byte {
	row := k.shelf.get(x.row)
	return row[termsEnd(row):]
}

// termsEnd is where the terms in a row end.
func termsEnd(row []byte) int {
	count, n := binary.Uvarint(row)
	for range count {
		_, m := binary.Uvarint(row[n:])
		n += m
	}
	return n
}
