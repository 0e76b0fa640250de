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
	parts      []part // all places in order
	size       int    // how many places there are
}

// part is some places that follow each other: never none, and at most partMost.
type part []place

// partMost is how many places a part has at most: moving them takes less than finding
// the one that is looked for.
const partMost = 256

// place is one entry of the ordered index: an ID under a term.
type place struct{ term, id uint32 }

// spot is a place in words.
type spot struct{ term, id string }

func (o *order) spot(p place) spot { return spot{o.terms.text(p.term), o.ids.text(p.id)} }

func (s spot) compare(other spot) int {
	if c := strings.Compare(s.term, other.term); c != 0 {
		return c
	}
	return strings.Compare(s.id, other.id)
}

// find returns where the first place is that is not before a spot: in which part, and
// where there. It may be just behind the last place of a part.
func (o *order) find(s spot) (in, at int) {
	in, found := slices.BinarySearchFunc(o.parts, s, func(p part, s spot) int { return o.spot(p[0]).compare(s) })
	if found || in == 0 {
		return in, 0
	}
	in--
	term, known := o.terms.find(s.term)
	at, _ = slices.BinarySearchFunc(o.parts[in], s, func(p place, s spot) int {
		if !known || p.term != term {
			if c := strings.Compare(o.terms.text(p.term), s.term); c != 0 {
				return c
			}
		}
		return strings.Compare(o.ids.text(p.id), s.id)
	})
	return in, at
}

// place returns the place that find says is at a spot or after it; false when there is
// none.
func (o *order) place(in, at int) (place, bool) {
	if in < len(o.parts) && at == len(o.parts[in]) {
		in, at = in+1, 0
	}
	if in >= len(o.parts) {
		return place{}, false
	}
	return o.parts[in][at], true
}

// add puts an ID, which has a number, under a term, and returns the number of the term.
func (o *order) add(term string, id uint32) uint32 {
	in, at := o.find(spot{term, o.ids.text(id)})
	number, there := o.terms.find(term)
	if !there {
		number = o.terms.take(term)
	} else if p, is := o.place(in, at); is && p == (place{number, id}) {
		return number
	}
	o.size++
	switch {
	case in == len(o.parts):
		o.parts = append(o.parts, nil)
	case len(o.parts[in]) < partMost:
	case at == partMost && in == len(o.parts)-1: // what comes in order fills its parts
		o.parts = append(o.parts, nil)
		in, at = in+1, 0
	default:
		const half = partMost / 2
		all := o.parts[in]
		o.parts = slices.Insert(o.parts, in+1, append(make(part, 0, partMost), all[half:]...))
		o.parts[in] = all[:half]
		if at > half {
			in, at = in+1, at-half
		}
	}
	o.parts[in] = slices.Insert(o.parts[in], at, place{number, id})
	return number
}

// remove takes an ID away from under a term. A term without any is forgotten.
func (o *order) remove(term string, id uint32) {
	number, there := o.terms.find(term)
	if !there {
		return
	}
	in, at := o.find(spot{term, o.ids.text(id)})
	if p, is := o.place(in, at); !is || p != (place{number, id}) {
		return
	}
	if at == len(o.parts[in]) {
		in, at = in+1, 0
	}
	o.size--
	o.parts[in] = slices.Delete(o.parts[in], at, at+1)
	if !o.holds(number, in, at) {
		o.terms.drop(number)
	}
	if len(o.parts[in]) == 0 {
		o.parts = slices.Delete(o.parts, in, in+1)
	}
	o.join(in)
}

// holds says whether a term, of which the place in a part was taken away, has others:
// they stand before or behind it.
func (o *order) holds(term uint32, in, at int) bool {
	if next, is := o.place(in, at); is && next.term == term {
		return true
	}
	switch {
	case at > 0:
		return o.parts[in][at-1].term == term
	case in > 0:
		before := o.parts[in-1]
		return before[len(before)-1].term == term
	}
	return false
}

// join makes one part of two that became short, so that their memory is not kept for
// what was removed.
func (o *order) join(in int) {
	const short = partMost / 4
	for _, i := range []int{in, in - 1} {
		if i < 0 || i+1 >= len(o.parts) || len(o.parts[i])+len(o.parts[i+1]) > short {
			continue
		}
		o.parts[i] = append(o.parts[i], o.parts[i+1]...)
		o.parts = slices.Delete(o.parts, i+1, i+2)
		return
	}
}

// from calls fn with the places from a spot on, in order, until it returns false. fn
// must not change the order.
func (o *order) from(s spot, fn func(spot) bool) {
	in, at := o.find(s)
	for ; in < len(o.parts); in, at = in+1, 0 {
		for _, p := range o.parts[in][at:] {
			if !fn(o.spot(p)) {
				return
			}
		}
	}
}

// has says whether a term is among some, which are given by number.
func (o *order) has(terms []uint32, term string) bool {
	number, there := o.terms.find(term)
	return there && slices.Contains(terms, number)
}

// are says whether terms given by number are these.
func (o *order) are(terms []uint32, texts []string) bool {
	return slices.EqualFunc(terms, texts, func(n uint32, text string) bool { return o.terms.text(n) == text })
}

// textsOf returns terms that are given by number.
func (o *order) textsOf(terms []uint32) []string {
	texts := make([]string, len(terms))
	for i, n := range terms {
		texts[i] = o.terms.text(n)
	}
	return texts
}
