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
type part struct {
	first  spot // of its first place
	places []place
}

// partMost is how many places a part has at most: moving them takes less than finding
// the one that is looked for.
const partMost = 256

// place is one entry of the ordered index: an ID under a term.
type place struct{ term, id uint32 }

// spot is a place in words.
type spot struct{ term, id string }

func (o *order) spot(p place) spot { return spot{o.terms.text[p.term], o.ids.text[p.id]} }

func (s spot) compare(other spot) int {
	if c := strings.Compare(s.term, other.term); c != 0 {
		return c
	}
	return strings.Compare(s.id, other.id)
}

// find returns where the first place is that is not before a spot: in which part, and
// where there. It may be just behind the last place of a part.
func (o *order) find(s spot) (in, at int) {
	in, found := slices.BinarySearchFunc(o.parts, s, func(p part, s spot) int { return p.first.compare(s) })
	if found || in == 0 {
		return in, 0
	}
	in--
	term, known := uint32(0), false // the number of the spot's own term
	at, _ = slices.BinarySearchFunc(o.parts[in].places, s, func(p place, s spot) int {
		if !known || p.term != term {
			if c := strings.Compare(o.terms.text[p.term], s.term); c != 0 {
				return c
			}
			term, known = p.term, true
		}
		return strings.Compare(o.ids.text[p.id], s.id)
	})
	return in, at
}

// place returns the place that find says is at a spot or after it, and with at one less
// the place before it; false when there is none.
func (o *order) place(in, at int) (place, bool) {
	switch {
	case in < len(o.parts) && at == len(o.parts[in].places):
		in, at = in+1, 0
	case at < 0 && in > 0:
		in--
		at = len(o.parts[in].places) - 1
	}
	if in >= len(o.parts) || at < 0 {
		return place{}, false
	}
	return o.parts[in].places[at], true
}

// termAt returns the number of a term if the place that find has found, or the one before
// it, is of it: those of a term stand together.
func (o *order) termAt(in, at int, term string) (number uint32, there bool) {
	for _, at := range []int{at, at - 1} {
		if p, is := o.place(in, at); is && o.terms.text[p.term] == term {
			return p.term, true
		}
	}
	return 0, false
}

// add puts an ID, which has a number, under a term, and returns the number of the term.
func (o *order) add(term string, id uint32) uint32 {
	s := spot{term, o.ids.text[id]}
	in, at := o.find(s)
	number, there := o.termAt(in, at, term)
	if !there {
		number = o.terms.take(term)
	} else if p, is := o.place(in, at); is && p == (place{number, id}) {
		return number
	}
	o.size++
	switch {
	case in == len(o.parts):
		o.parts = append(o.parts, part{})
	case len(o.parts[in].places) < partMost:
	case at == partMost && in == len(o.parts)-1: // what comes in order fills its parts
		o.parts = append(o.parts, part{})
		in, at = in+1, 0
	default:
		const half = partMost / 2
		all := o.parts[in].places
		o.parts = slices.Insert(o.parts, in+1, part{o.spot(all[half]), append(make([]place, 0, partMost), all[half:]...)})
		o.parts[in].places = all[:half]
		if at > half {
			in, at = in+1, at-half
		}
	}
	o.parts[in].places = slices.Insert(o.parts[in].places, at, place{number, id})
	if at == 0 {
		o.parts[in].first = s
	}
	return number
}

// remove takes an ID away from under a term. A term without any is forgotten.
func (o *order) remove(term string, id uint32) {
	in, at := o.find(spot{term, o.ids.text[id]})
	number, there := o.termAt(in, at, term)
	if p, is := o.place(in, at); !there || !is || p != (place{number, id}) {
		return
	}
	o.size--
	places := slices.Delete(o.parts[in].places, at, at+1)
	o.parts[in].places = places
	switch {
	case len(places) == 0:
		o.parts = slices.Delete(o.parts, in, in+1)
	case at == 0:
		o.parts[in].first = o.spot(places[0])
	}
	if _, there := o.termAt(in, at, term); !there {
		o.terms.drop(number)
	}
	o.join(in)
}

// join makes one part of two that became short, so that their memory is not kept for
// what was removed.
func (o *order) join(in int) {
	const short = partMost / 4
	for _, i := range []int{in, in - 1} {
		if i < 0 || i+1 >= len(o.parts) || len(o.parts[i].places)+len(o.parts[i+1].places) > short {
			continue
		}
		o.parts[i].places = append(o.parts[i].places, o.parts[i+1].places...)
		o.parts = slices.Delete(o.parts, i+1, i+2)
		return
	}
}

// from calls fn with the places from a spot on, in order, until it returns false. fn
// must not change the order.
func (o *order) from(s spot, fn func(spot) bool) {
	in, at := o.find(s)
	for ; in < len(o.parts); in, at = in+1, 0 {
		for _, p := range o.parts[in].places[at:] {
			if !fn(o.spot(p)) {
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
