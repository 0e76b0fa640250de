package state

import (
	"slices"
	"strings"
)

// order is the ordered index of a kind: which IDs there are under each term, sorted by
// term and then by ID. The empty term has all IDs; that of [ofDomain] those of one trust
// domain.
//
// Each resource has several places in it. Terms and IDs stand there by number, so that
// a place takes 8 bytes, in which the garbage collector has nothing to look for. It is
// not safe for concurrent use.
type order struct {
	terms, ids names
	parts      [][]place // all places in order; no part is empty, or longer than partMost
	size       int       // how many places there are
}

// partMost is how many places a part has at most: moving them takes less than finding
// the one that is looked for.
const partMost = 256

// place is one entry of the ordered index: an ID under a term.
type place struct{ term, id uint32 }

// spot is a place in words.
type spot struct{ term, id string }

func (o *order) compare(p place, s spot) int {
	if c := strings.Compare(o.terms.text[p.term], s.term); c != 0 {
		return c
	}
	return strings.Compare(o.ids.text[p.id], s.id)
}

// find returns where the first place is that is not before a spot: in which part, and
// where there. It may be just behind the last place of a part.
func (o *order) find(s spot) (part, at int) {
	part, found := slices.BinarySearchFunc(o.parts, s, func(p []place, s spot) int { return o.compare(p[0], s) })
	if found || part == 0 {
		return part, 0
	}
	part--
	at, _ = slices.BinarySearchFunc(o.parts[part], s, o.compare)
	return part, at
}

// termAt returns the number of a term if a place, or the one before it, is of it: those
// of a term stand together.
func (o *order) termAt(part, at int, term string) (number uint32, there bool) {
	is := func(p place) bool { number = p.term; return o.terms.text[p.term] == term }
	switch {
	case part < len(o.parts) && at < len(o.parts[part]) && is(o.parts[part][at]):
	case part < len(o.parts) && at == len(o.parts[part]) && part+1 < len(o.parts) && is(o.parts[part+1][0]):
	case part < len(o.parts) && at > 0 && is(o.parts[part][at-1]):
	case at == 0 && part > 0 && is(o.parts[part-1][len(o.parts[part-1])-1]):
	default:
		return 0, false
	}
	return number, true
}

// add puts an ID, which has a number, under a term, and returns the number of the term.
func (o *order) add(term string, id uint32) uint32 {
	s := spot{term, o.ids.text[id]}
	part, at := o.find(s)
	number, there := o.termAt(part, at, term)
	if !there {
		number = o.terms.take(term)
	} else if part < len(o.parts) && at < len(o.parts[part]) && o.compare(o.parts[part][at], s) == 0 {
		return number
	}
	o.size++
	switch {
	case part == len(o.parts):
		o.parts = append(o.parts, nil)
	case len(o.parts[part]) < partMost:
	case at == partMost && part == len(o.parts)-1: // what comes in order fills its parts
		o.parts = append(o.parts, nil)
		part, at = part+1, 0
	default:
		const half = partMost / 2
		rest := append(make([]place, 0, partMost), o.parts[part][half:]...)
		o.parts[part] = o.parts[part][:half]
		o.parts = slices.Insert(o.parts, part+1, rest)
		if at > half {
			part, at = part+1, at-half
		}
	}
	o.parts[part] = slices.Insert(o.parts[part], at, place{number, id})
	return number
}

// remove takes an ID away from under a term. A term without any is forgotten.
func (o *order) remove(term string, id uint32) {
	s := spot{term, o.ids.text[id]}
	part, at := o.find(s)
	if part == len(o.parts) || at == len(o.parts[part]) || o.compare(o.parts[part][at], s) != 0 {
		return
	}
	number := o.parts[part][at].term
	o.size--
	if o.parts[part] = slices.Delete(o.parts[part], at, at+1); len(o.parts[part]) == 0 {
		o.parts = slices.Delete(o.parts, part, part+1)
		at = 0
	}
	if _, there := o.termAt(part, at, term); !there {
		o.terms.drop(number)
	}
	o.join(part)
}

// join makes one part of two that became short, so that their memory is not kept for
// what was removed.
func (o *order) join(part int) {
	const short = partMost / 4
	for _, first := range []int{part, part - 1} {
		if first < 0 || first+1 >= len(o.parts) || len(o.parts[first])+len(o.parts[first+1]) > short {
			continue
		}
		o.parts[first] = append(o.parts[first], o.parts[first+1]...)
		o.parts = slices.Delete(o.parts, first+1, first+2)
		return
	}
}

// from calls fn with the places from a spot on, in order, until it returns false. fn
// must not change the order.
func (o *order) from(s spot, fn func(spot) bool) {
	part, at := o.find(s)
	for ; part < len(o.parts); part, at = part+1, 0 {
		for _, p := range o.parts[part][at:] {
			if !fn(spot{o.terms.text[p.term], o.ids.text[p.id]}) {
				return
			}
		}
	}
}

// has says whether a term is among some, which are given by number and are sorted.
func (o *order) has(terms []uint32, term string) bool {
	_, found := slices.BinarySearchFunc(terms, term, func(n uint32, term string) int { return strings.Compare(o.terms.text[n], term) })
	return found
}

// are says whether terms given by number are these.
func (o *order) are(terms []uint32, texts []string) bool {
	return slices.EqualFunc(terms, texts, func(n uint32, text string) bool { return o.terms.text[n] == text })
}

// textsOf returns terms that are given by number.
func (o *order) textsOf(terms []uint32) []string {
	texts := make([]string, len(terms))
	for i, n := range terms {
		texts[i] = o.terms.text[n]
	}
	return texts
}

// names gives numbers to texts. Who has a number drops it when nothing has it any more.
type names struct {
	text []string
	free []uint32
}

func (n *names) take(text string) uint32 {
	if last := len(n.free) - 1; last >= 0 {
		number := n.free[last]
		n.free = n.free[:last]
		n.text[number] = text
		return number
	}
	n.text = append(n.text, text)
	return uint32(len(n.text) - 1)
}

func (n *names) drop(number uint32) {
	n.text[number] = ""
	n.free = append(n.free, number)
}
