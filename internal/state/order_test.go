package state

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// The order always has what was added and not removed, sorted, whatever came in
// between, and remembers nothing of what is gone.
func TestOrder(t *testing.T) {
	type id struct {
		number uint32
		terms  map[string]uint32
	}
	for name, c := range map[string]struct{ ids, terms, steps int }{
		"many under few terms": {2000, 3, 20_000},
		"few under many terms": {20, 500, 20_000},
		"empty again":          {5, 5, 5000},
	} {
		t.Run(name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, uint64(c.ids)))
			var o order
			there := map[string]*id{}
			check := func() {
				t.Helper()
				var want, got []spot
				terms := map[string]uint32{}
				for name, x := range there {
					for term, number := range x.terms {
						want = append(want, spot{term, name})
						if was, known := terms[term]; known && was != number {
							t.Fatalf("term %q has the numbers %d and %d", term, was, number)
						}
						terms[term] = number
					}
				}
				slices.SortFunc(want, func(a, b spot) int { return cmp.Or(cmp.Compare(a.term, b.term), cmp.Compare(a.id, b.id)) })
				o.from(spot{}, func(s spot) bool { got = append(got, s); return true })
				if !slices.Equal(got, want) || o.size != len(want) {
					t.Fatalf("%d places, size %d, want %d", len(got), o.size, len(want))
				}
				if known := o.terms.len(); known != len(terms) {
					t.Fatalf("%d terms are remembered, want %d", known, len(terms))
				}
				for i, p := range o.parts {
					if len(p) == 0 || len(p) > partMost {
						t.Fatalf("part %d has %d places", i, len(p))
					}
				}
				if most := 4*len(want)/partMost*2 + 2; len(o.parts) > most {
					t.Fatalf("%d parts for %d places, want at most %d", len(o.parts), len(want), most)
				}
				if len(want) > 0 { // from the middle
					from := want[rnd.IntN(len(want))]
					n, _ := slices.BinarySearchFunc(want, from, func(a, b spot) int { return cmp.Or(cmp.Compare(a.term, b.term), cmp.Compare(a.id, b.id)) })
					o.from(from, func(s spot) bool {
						if s != want[n] {
							t.Fatalf("%v, want %v", s, want[n])
						}
						n++
						return n < len(want)
					})
				}
			}
			for step := range c.steps {
				name, term := fmt.Sprintf("%04d", rnd.IntN(c.ids)), fmt.Sprintf("t%d", rnd.IntN(c.terms))
				x := there[name]
				adding := rnd.IntN(10) < 7
				if step/(c.steps/4)%2 == 1 { // a time in which most goes
					adding = rnd.IntN(10) < 2
				}
				switch {
				case adding && x == nil:
					x = &id{o.ids.take(name), map[string]uint32{}}
					there[name] = x
					fallthrough
				case adding:
					x.terms[term] = o.add(term, x.number)
				case x != nil && len(x.terms) > 0:
					o.remove(term, x.number) // of what it may not have
					delete(x.terms, term)
					if len(x.terms) == 0 {
						o.ids.drop(x.number)
						delete(there, name)
					}
				}
				if step%100 == 0 {
					check()
				}
			}
			for name, x := range there {
				for term := range x.terms {
					o.remove(term, x.number)
				}
				o.ids.drop(x.number)
				delete(there, name)
			}
			if check(); len(o.parts) != 0 {
				t.Errorf("%d parts of nothing", len(o.parts))
			}
		})
	}
}

// What comes in order fills its parts.
func TestOrder_Ascending(t *testing.T) {
	var o order
	const many = 10 * partMost
	for i := range many {
		o.add("", o.ids.take(fmt.Sprintf("%06d", i)))
	}
	if len(o.parts) != many/partMost {
		t.Errorf("%d parts, want %d", len(o.parts), many/partMost)
	}
}
