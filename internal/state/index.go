package state

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// indexed is what memory holds of a resource.
type indexed[T any] struct {
	domain   *domainTable
	revision uint64
	value    *T       // of a kind that keeps its values
	promise  *promise // it is not in the table yet; nil: it is
	pack     *pack    // that holds it; nil: it has its own key
	weight   *Weight  // see Weigh; nil: nothing
	row      berth    // of what is live: its terms and the value that is held, see row.go
	number   uint32   // of its ID in the order, and of this in the slots
	life     life
	told     bool // the watch that runs now has told it
	dict     bool // the value that is held is compressed with the kind's dictionary
	doubted  bool // the table may have another value
}

// arrival is what is to enter the index.
type arrival[T any] struct {
	indexed[T]
	held []byte // the stored value, compressed; nil: it is read from the bus
}

// gone is the arrival of a removal.
func gone[T any](d *domainTable, revision uint64, told bool) *arrival[T] {
	return &arrival[T]{indexed: indexed[T]{domain: d, revision: revision, life: deleted, told: told}}
}

// life is what is known of a stored key.
type life uint8

const (
	live    life = iota
	broken       // it is there, and its value cannot be read
	deleted      // it is gone, and the watch may still tell its last change
)

// ofDomain is the term of all IDs of a trust domain.
func ofDomain(domain string) string { return "\x00" + domain }

// at returns what is known of an ID, nil for nothing. It is valid as long as k.mu is held.
func (k *Kind[T]) at(id string) *indexed[T] {
	number, there := k.order.ids.find(id)
	if !there {
		return nil
	}
	return k.slots.at(number)
}

// all yields all of which something is known. k.mu is held; any may be forgotten
// meanwhile.
func (k *Kind[T]) all() iter.Seq2[string, *indexed[T]] {
	return func(yield func(string, *indexed[T]) bool) {
		for number := range k.order.ids.all() {
			if !yield(k.order.ids.text(number), k.slots.at(number)) {
				return
			}
		}
	}
}

// decode reads a change that the watch of d told, in a pack if from is not nil. What it
// returns takes it into the index.
func (k *Kind[T]) decode(d *domainTable, c Change, from *pack) (finish func() error) {
	id := strings.TrimPrefix(c.Key, k.prefix+"/")
	// What this process wrote itself is read again too: terms is called in the order
	// of the changes, and some kinds keep what it sees.
	x, terms, value, failed := k.indexOf(d, c)
	x.pack = from
	return func() error {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.told != nil && value != nil && k.at(id) == nil && d.read() {
			k.told(id, value)
		}
		// In one step with the change: who sees this revision sees the change too.
		if from == nil {
			d.told.Store(max(d.told.Load(), c.Revision))
		}
		if other := k.put(id, x, terms); other != "" {
			return fmt.Errorf("its ID is in use in trust domain %s; one of the two is not shown", other)
		}
		return failed
	}
}

// indexOf makes of a change what the index holds, with the terms and the value; with
// the error, that it cannot be read.
func (k *Kind[T]) indexOf(d *domainTable, c Change) (*arrival[T], []string, *T, error) {
	x := &arrival[T]{indexed: indexed[T]{domain: d, revision: c.Revision, told: true}}
	if c.Deleted {
		x.life = deleted
		return x, nil, nil, nil
	}
	value := new(T)
	if err := json.Unmarshal(c.Value, value); err != nil {
		x.life = broken
		return x, nil, nil, fmt.Errorf("decode: %w", err)
	}
	x.weight = k.weightOf(value)
	k.hold(d, x, c.Value)
	if k.keep {
		x.value = value
	}
	return x, k.termsOf(value), value, nil
}

// learn notes a write of this process. What the watch has told already is newer
// or the same, even when by now nothing is left of it.
func (k *Kind[T]) learn(d *domainTable, id string, revision uint64, raw []byte, value *T) error {
	x, terms, err := k.written(d, id, revision, raw, value)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if revision > d.told.Load() {
		k.put(id, x, terms)
	}
	k.remember(d, id, revision, raw)
	return nil
}

// written makes of what this process writes what the index holds, with the terms.
func (k *Kind[T]) written(d *domainTable, id string, revision uint64, raw []byte, value *T) (*arrival[T], []string, error) {
	x := &arrival[T]{indexed: indexed[T]{domain: d, revision: revision, weight: k.weightOf(value)}}
	k.hold(d, x, raw)
	if k.keep { // the caller may change what it gave us
		x.value = new(T)
		if err := json.Unmarshal(raw, x.value); err != nil {
			return nil, nil, fmt.Errorf("read back %s %s: %w", k.prefix, id, err)
		}
	}
	return x, k.termsOf(value), nil
}

// unlearn notes that a resource that had this revision is gone.
func (k *Kind[T]) unlearn(d *domainTable, id string, revision uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if x := k.at(id); x == nil || x.domain != d || x.revision > revision || x.promise != nil {
		return
	}
	k.put(id, gone[T](d, revision, revision <= d.told.Load()), nil)
}

// put replaces what is known of an ID, and the terms that it is found by, unless
// something newer is known. It returns the trust domain that has the ID when that is
// another. k.mu is held.
func (k *Kind[T]) put(id string, x *arrival[T], terms []string) (other string) {
	if x.domain.removed.Load() {
		return ""
	}
	old := k.at(id)
	switch {
	case old == nil:
	case old.domain != x.domain && x.life == deleted:
		return ""
	case old.domain != x.domain && old.life != deleted:
		return old.domain.name
	case old.domain == x.domain && old.promise == nil && x.pack != nil && old.pack == nil && old.life != deleted:
		return "" // its own key is what counts
	case old.domain == x.domain && x.pack == nil && old.pack != nil:
	case old.domain == x.domain && (x.revision < old.revision || x.revision == old.revision && x.life != deleted):
		old.told = old.told || x.told
		return ""
	}
	alike := false // but for the value
	if old != nil {
		if old.promise != nil {
			close(old.promise.kept)
		}
		k.reckon(old, Weight.minus)
		k.recent.letGo(old.number)
		alike = x.life == live && old.life == live && old.domain == x.domain && k.order.are(k.termsIn(old), terms)
		if !alike {
			k.drop(old)
		}
	}
	if x.life == deleted && x.told { // nothing older can come any more
		k.vacate(old)
		return ""
	}
	if old == nil {
		number := k.order.ids.take(id)
		old = k.slots.at(number)
		old.number = number
	}
	x.number = old.number
	switch {
	case alike:
		x.row = k.rewrite(old, x.held)
	case x.life == live:
		x.row = k.write(x.number, k.enter(x, terms), x.held)
	}
	*old = x.indexed
	k.reckon(old, Weight.plus)
	return ""
}

// enter puts a resource into the ordered index under its terms, and returns their numbers.
// k.mu is held.
func (k *Kind[T]) enter(x *arrival[T], terms []string) []uint32 {
	numbers := make([]uint32, len(terms))
	for i, term := range terms {
		numbers[i] = k.order.add(term, x.number)
	}
	k.order.add(x.domain.term, x.number)
	k.order.add("", x.number)
	k.count++
	return numbers
}

// drop takes what was known of an ID out of the ordered index. k.mu is held.
func (k *Kind[T]) drop(x *indexed[T]) {
	if x.life != live {
		return
	}
	for _, number := range k.termsIn(x) {
		k.order.remove(k.order.terms.text(number), x.number)
	}
	k.order.remove(x.domain.term, x.number)
	k.order.remove("", x.number)
	k.count--
	k.erase(x)
}

// vacate forgets an ID of which nothing is in the ordered index. k.mu is held.
func (k *Kind[T]) vacate(x *indexed[T]) {
	if x == nil {
		return
	}
	number := x.number
	*x = indexed[T]{}
	k.order.ids.drop(number)
}

// termsOf returns the terms of a value, sorted, each once.
func (k *Kind[T]) termsOf(value *T) []string {
	terms := slices.DeleteFunc(slices.Clone(k.terms(value)), func(t string) bool { return t == "" || t[0] == 0 })
	slices.Sort(terms)
	return slices.Clip(slices.Compact(terms))
}

// forget drops everything of a trust domain that was removed.
func (k *Kind[T]) forget(d *domainTable) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, x := range k.all() {
		if x.domain == d {
			if x.promise != nil { // nothing more will become of it
				close(x.promise.kept)
			}
			k.reckon(x, Weight.minus)
			k.recent.letGo(x.number)
			k.drop(x)
			k.vacate(x)
		}
	}
}

// begin prepares for a watch that tells everything of a trust domain anew.
func (k *Kind[T]) begin(d *domainTable) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, x := range k.all() {
		if x.domain == d {
			x.told = false
		}
	}
}

// reflects raises the revision up to which the index has everything, under the
// lock under which it is compared.
func (k *Kind[T]) reflects(d *domainTable, revision uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	d.told.Store(max(d.told.Load(), revision))
}

// untold returns the IDs that the watch has not told although it has told
// everything: what was removed while nobody watched, and what this process wrote
// meanwhile.
func (k *Kind[T]) untold(d *domainTable) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var ids []string
	for id, x := range k.all() {
		switch {
		case x.domain != d || x.told:
		case x.life == deleted:
			k.vacate(x)
		default:
			ids = append(ids, id)
		}
	}
	return ids
}

// has says whether a resource that is live has all of these terms. k.mu is held.
func (k *Kind[T]) has(id string, terms []string) bool {
	if len(terms) == 0 {
		return true
	}
	own := k.termsIn(k.at(id))
	for _, t := range terms {
		if !k.order.has(own, t) {
			return false
		}
	}
	return true
}

// scan yields the IDs of a term after a given one, in order. It holds no lock
// while it yields.
func (k *Kind[T]) scan(term, after string) iter.Seq[string] {
	const batch = 256
	return func(yield func(string) bool) {
		for size := 32; ; size = batch { // a first page rarely needs a whole batch
			var ids []string // most terms that are asked for have none
			k.mu.RLock()
			k.order.from(spot{term, after}, func(p spot) bool {
				if p.term == term && p.id != after {
					if ids == nil {
						ids = make([]string, 0, size)
					}
					ids = append(ids, strings.Clone(p.id))
				}
				return p.term == term && len(ids) < size
			})
			k.mu.RUnlock()
			for _, id := range ids {
				if !yield(id) {
					return
				}
			}
			if len(ids) < size {
				return
			}
			after = ids[len(ids)-1]
		}
	}
}
