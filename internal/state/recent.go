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
	k.recent = &recent[T]{}
	return k
}

// recent are the values of a kind that memory holds because they were written or read
// last. The kind's mu covers it.
type recent[T any] struct {
	line  []*indexed[T] // the oldest first; among them some that were let go
	count int           // of those that were not
	bytes int
}

// remember keeps a value for memory that was written or read at a revision, if that is
// what the index has, in the place of the oldest ones when there is too much. raw must
// not change. k.mu is held.
func (k *Kind[T]) remember(d *domainTable, id string, revision uint64, raw []byte) {
	x := k.byID[id]
	if k.recent == nil || !d.sole || len(raw) > recentLargest || x == nil || x.domain != d || x.revision != revision || x.life != live || x.doubted || x.held != nil {
		return
	}
	r := k.recent
	x.held, x.plain = raw, true
	r.line, r.count, r.bytes = append(r.line, x), r.count+1, r.bytes+len(raw)
	for r.bytes > recentBytes {
		r.letGo(r.line[0])
		r.line = r.line[1:]
	}
	if len(r.line) > 2*r.count+64 {
		r.line = slices.DeleteFunc(r.line, func(x *indexed[T]) bool { return x.held == nil })
	}
}

// letGo drops a value from memory. What it is of stays in the line until its turn comes.
func (r *recent[T]) letGo(x *indexed[T]) {
	if r == nil || x == nil || x.held == nil {
		return
	}
	r.count, r.bytes = r.count-1, r.bytes-len(x.held)
	x.held = nil
}
