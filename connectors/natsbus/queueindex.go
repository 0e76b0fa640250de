package natsbus

import "strings"

// index is what the owner of a queue knows of the work that is left: for each
// key the places of its first items, in order, and how far there are more. So
// a key whose handler fails for long leaves room for the others, however much
// waits of it.
type index struct {
	keys   map[string]*keyWork
	size   int // bounds the keys, and the items in their lists but for the first of each
	perKey int // bounds the items in one list
	listed int // items in all lists

	waiting int // items that were added and are not done
}

// keyWork is the work that waits of one key. It is in the ready list, with a
// worker, or waits for a timer; who has it so may use failed.
type keyWork struct {
	key    string
	part   *queuePart
	list   []place // the first items
	upto   place   // items up to here are in the list, or done
	last   place   // newest item; after upto: from there to here the stream must be asked
	failed int     // attempts at the first item

	waiting int // items that were added and are not done, those included that turn out to be gone
}

func newIndex(size, perKey int) index {
	return index{keys: map[string]*keyWork{}, size: size, perKey: perKey}
}

// room reports whether an item of a key may be added.
func (x *index) room(key string) bool { return x.keys[key] != nil || len(x.keys) < x.size }

// add notes an item behind the others of its key. It returns the work of a key
// that had none.
func (x *index) add(key string, at place) (begun *keyWork) {
	w := x.keys[key]
	if w == nil {
		w = &keyWork{key: strings.Clone(key)} // it may be part of a longer string
		x.keys[w.key] = w
		begun = w
	}
	if w.last <= w.upto && len(w.list) < x.most(w) {
		w.list, w.upto = append(w.list, at), at
		x.listed++
	}
	w.last = at
	w.waiting++
	x.waiting++
	return begun
}

// most returns how many items the list of a key may hold now.
func (x *index) most(w *keyWork) int {
	return max(1, min(x.perKey, len(w.list)+x.size-x.listed))
}

// first returns the first item of a key, 0 when the stream must be asked.
func (w *keyWork) first() place {
	if len(w.list) == 0 {
		return 0
	}
	return w.list[0]
}

// done takes the first item off the list of a key.
func (x *index) done(w *keyWork) {
	w.list = w.list[1:]
	x.listed--
	if w.waiting > 0 {
		w.waiting--
		x.waiting--
	}
}

// extend adds what the stream has of a key, up to a sequence, to its empty list.
func (x *index) extend(w *keyWork, found []place, upto place) {
	w.list, w.upto = found, upto
	x.listed += len(found)
}

// remove forgets all keys of a part.
func (x *index) remove(p *queuePart) {
	for key, w := range x.keys {
		if w.part == p {
			x.listed -= len(w.list)
			x.waiting -= w.waiting
			delete(x.keys, key)
		}
	}
}

// drop forgets a key that has no work left, and reports whether it had none.
func (x *index) drop(w *keyWork) bool {
	if len(w.list) > 0 || w.last > w.upto {
		return false
	}
	x.waiting -= w.waiting
	delete(x.keys, w.key)
	return true
}
