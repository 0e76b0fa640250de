package state

import "slices"

// recentBytes is how much memory the values of one kind made by [NewRecent] may take,
// and recentLargest what one of them may.
const (
	recentBytes   = 512 << 10
	recentLargest = 64 << 10
)

// NewRecent is [NewKind] for resources that are read again soon after they were written
// or read, such as an operation that is carried out: the values of the last ones are in
// memory, as they are stored, and are read there where the table is of this process alone
// ([Sole]). A read of the bus waits for the writes of others. One space of a process may
// have such a kind of a table.
func NewRecent[T any](s *Space, prefix string, terms func(*T) []string) *Kind[T] {
	k := newKind(s, prefix, terms, false)
	k.recent = &recent{values: map[uint32]remembered{}}
	return k
}

// recent are the values of a kind that memory holds because they were written or read
// last. The kind's mu covers it.
type recent struct {
	values map[uint32]remembered // by the number of the ID
	line   []turn                // the oldest first; among them some that were let go
	turns  uint64
	bytes  int
}

type remembered struct {
	raw  []byte
	turn uint64
}

// turn is a value's place in the line: when another value took its place, it is of none.
type turn struct {
	number uint32
	turn   uint64
}

// remember keeps a value for memory that was written or read at a revision, if that is
// what the index has, in the place of the oldest ones when there is too much. raw must
// not change. k.mu is held.
func (k *Kind[T]) remember(d *domainTable, id string, revision uint64, raw []byte) {
	x := k.at(id)
	if k.recent == nil || !d.sole || len(raw) > recentLargest || x == nil || x.domain != d || x.revision != revision || x.life != live || x.doubted || k.recent.get(x.number) != nil {
		return
	}
	r := k.recent
	r.turns++
	r.values[x.number] = remembered{raw, r.turns}
	r.line, r.bytes = append(r.line, turn{x.number, r.turns}), r.bytes+len(raw)
	for r.bytes > recentBytes {
		if r.holds(r.line[0]) {
			r.letGo(r.line[0].number)
		}
		r.line = r.line[1:]
	}
	if len(r.line) > 2*len(r.values)+64 {
		r.line = slices.DeleteFunc(r.line, func(t turn) bool { return !r.holds(t) })
	}
}

func (r *recent) holds(t turn) bool { return r.values[t.number].turn == t.turn }

// get returns a value; nil: it is not in memory.
func (r *recent) get(number uint32) []byte {
	if r == nil {
		return nil
	}
	return r.values[number].raw
}

// letGo drops a value from memory. Its turn stays in the line until it comes.
func (r *recent) letGo(number uint32) {
	if r == nil {
		return
	}
	r.bytes -= len(r.values[number].raw)
	delete(r.values, number)
}
