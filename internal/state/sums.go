package state

import "strings"

// Weight is up to four amounts that a resource stands for, such as of processors and of
// memory. Which is which the kind's user knows. None is negative.
type Weight [4]int64

func (w Weight) plus(o Weight) Weight {
	for i := range w {
		w[i] += o[i]
	}
	return w
}

func (w Weight) minus(o Weight) Weight {
	for i := range w {
		w[i] -= o[i]
	}
	return w
}

// sumOf is what a sum is of: the resources of a trust domain that have a term, or all
// of them for the empty term.
type sumOf struct{ domain, term string }

// Weigh has the weights of the resources added up in memory, for each trust domain and for
// each term that begins with one of by: so [Kind.Sum] costs the same whatever there is.
// The sums follow the index: they have what it has, from the start. Call it before the
// space is opened.
func (k *Kind[T]) Weigh(weigh func(*T) Weight, by ...string) {
	k.weigh, k.sumBy, k.sums = weigh, by, map[sumOf]Weight{}
}

// Sum returns what the resources of a trust domain weigh together that have a term, all
// of them for the empty term. That of one ID is left out, whatever the index has of it,
// so that what it is to weigh can be put in its place; without may be empty.
func (k *Kind[T]) Sum(domain, term, without string) Weight {
	k.mu.RLock()
	defer k.mu.RUnlock()
	sum := k.sums[sumOf{domain, term}]
	x := k.at(without)
	if x == nil || x.life != live || x.weight == nil || x.domain.name != domain {
		return sum
	}
	if term != "" && !k.has(without, []string{term}) {
		return sum
	}
	return sum.minus(*x.weight)
}

// weightOf is what the index keeps of what a value weighs: nil for nothing.
func (k *Kind[T]) weightOf(value *T) *Weight {
	if k.weigh == nil {
		return nil
	}
	if w := k.weigh(value); w != (Weight{}) {
		return &w
	}
	return nil
}

// reckon adds what is known of an ID to the sums, or takes it out of them. k.mu is
// held.
func (k *Kind[T]) reckon(x *indexed[T], add func(Weight, Weight) Weight) {
	if x == nil || x.life != live || x.weight == nil {
		return
	}
	change := func(term string) {
		of := sumOf{x.domain.name, term}
		if sum := add(k.sums[of], *x.weight); sum != (Weight{}) {
			k.sums[of] = sum
		} else {
			delete(k.sums, of)
		}
	}
	change("")
	for _, number := range k.termsIn(x) {
		term := k.order.terms.text(number)
		for _, prefix := range k.sumBy {
			if strings.HasPrefix(term, prefix) {
				change(strings.Clone(term))
				break
			}
		}
	}
}
