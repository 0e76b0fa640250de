package state

import (
	"hash/maphash"
	"iter"
	"strings"
)

// names gives numbers to texts, such as IDs and terms, and finds the number of a text.
//
// The texts lie end to end in a few large sheets of memory, in which the garbage
// collector has nothing to look for (see [shelf] for why). One that is not needed any
// more stays until it is half of its sheet; then what is left of that is moved, and who
// has read a text keeps it. The zero names is empty. It is not safe for concurrent use.
type names struct {
	at     []where  // by number
	free   []uint32 // numbers that can be given again
	sheets []sheet
	spare  []int32 // sheets that have no memory
	size   int     // bytes of all sheets

	last    *strings.Builder // of the sheet that is being filled; nil: there is none
	filling int32
	full    []int32 // sheets that were filled since the last take, to be tidied

	seed  maphash.Seed
	slots []uint32 // by hash: a number and one more, in that slot or one of the next; 0: none
}

// where is the place of a text.
type where struct {
	sheet      int32 // nowhere: the number is free
	from, size uint32
}

const nowhere = -1

// sheet is texts one after the other. Those of the one that is being filled lie in its
// builder, which has all its memory from the start and never moves them.
type sheet struct {
	texts string
	room  int // bytes
	dead  int // of these, of texts that are not needed any more
}

// leastSlots is a power of two, as all sizes of the table are.
const leastSlots = 16

// len is how many texts there are.
func (n *names) len() int { return len(n.at) - len(n.free) }

// all yields the numbers that are given. Any may be dropped meanwhile.
func (n *names) all() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for number := range n.at {
			if n.at[number].sheet != nowhere && !yield(uint32(number)) {
				return
			}
		}
	}
}

// text returns what has a number. Who keeps it for longer than the lock that it is read
// under should clone it: it keeps its whole sheet.
func (n *names) text(number uint32) string {
	w := &n.at[number]
	return n.sheets[w.sheet].texts[w.from : w.from+w.size]
}

// find returns the number of a text; false for one that has none.
func (n *names) find(text string) (number uint32, there bool) {
	if len(n.slots) == 0 {
		return 0, false
	}
	for i := n.slot(text); ; i = n.after(i) {
		switch number := n.slots[i] - 1; {
		case n.slots[i] == 0:
			return 0, false
		case n.text(number) == text:
			return number, true
		}
	}
}

// take gives a number to a text that has none.
func (n *names) take(text string) (number uint32) {
	for last := len(n.full) - 1; last >= 0; last = len(n.full) - 1 {
		in := n.full[last]
		n.full = n.full[:last]
		n.tidy(in)
	}
	if last := len(n.free) - 1; last >= 0 {
		number, n.free = n.free[last], n.free[:last]
	} else {
		number, n.at = uint32(len(n.at)), append(n.at, where{})
	}
	n.at[number] = n.write(text)
	if 4*n.len() > 3*len(n.slots) {
		n.rehash()
	} else {
		n.enter(number)
	}
	return number
}

// drop takes its number from a text.
func (n *names) drop(number uint32) {
	n.leave(number)
	w := n.at[number]
	n.at[number] = where{sheet: nowhere}
	n.free = append(n.free, number)
	n.sheets[w.sheet].dead += int(w.size)
	n.tidy(w.sheet)
}

// write puts a text on the sheet that is being filled, or on a new one.
func (n *names) write(text string) where {
	if n.last == nil || n.last.Cap()-n.last.Len() < len(text) {
		n.begin(len(text))
	}
	w := where{n.filling, uint32(n.last.Len()), uint32(len(text))}
	n.last.WriteString(text)
	n.sheets[n.filling].texts = n.last.String()
	return w
}

// begin begins a sheet for at least so many bytes.
func (n *names) begin(least int) {
	if n.last != nil {
		s := &n.sheets[n.filling]
		s.dead += s.room - len(s.texts) // what stays empty
		n.full = append(n.full, n.filling)
	}
	n.last = new(strings.Builder)
	n.last.Grow(max(least, min(mostPiece, max(leastPiece, n.size))))
	if last := len(n.spare) - 1; last >= 0 {
		n.filling, n.spare = n.spare[last], n.spare[:last]
	} else {
		n.filling, n.sheets = int32(len(n.sheets)), append(n.sheets, sheet{})
	}
	n.sheets[n.filling].room = n.last.Cap()
	n.size += n.last.Cap()
}

// tidy clears a sheet of which more than half is not needed any more, unless it is being
// filled: what is left of it is moved.
func (n *names) tidy(in int32) {
	if s := &n.sheets[in]; in == n.filling || s.dead <= s.room/2 {
		return
	}
	n.size -= n.sheets[in].room
	for number := range n.at {
		if n.at[number].sheet == in {
			n.at[number] = n.write(n.text(uint32(number)))
		}
	}
	n.sheets[in] = sheet{}
	n.spare = append(n.spare, in)
}

// slot is where a text is looked for first.
func (n *names) slot(text string) int {
	return int(maphash.String(n.seed, text) & uint64(len(n.slots)-1))
}

func (n *names) after(i int) int { return (i + 1) & (len(n.slots) - 1) }

func (n *names) enter(number uint32) {
	i := n.slot(n.text(number))
	for n.slots[i] != 0 {
		i = n.after(i)
	}
	n.slots[i] = number + 1
}

// leave takes a number out of the table, and moves up what was put behind it.
func (n *names) leave(number uint32) {
	i := n.slot(n.text(number))
	for n.slots[i] != number+1 {
		i = n.after(i)
	}
	mask := len(n.slots) - 1
	for j := n.after(i); n.slots[j] != 0; j = n.after(j) {
		if first := n.slot(n.text(n.slots[j] - 1)); (j-first)&mask >= (j-i)&mask {
			n.slots[i], i = n.slots[j], j
		}
	}
	n.slots[i] = 0
}

// rehash makes the table twice as large.
func (n *names) rehash() {
	if len(n.slots) == 0 {
		n.seed = maphash.MakeSeed()
	}
	n.slots = make([]uint32, max(leastSlots, 2*len(n.slots)))
	for number := range n.all() {
		n.enter(number)
	}
}
