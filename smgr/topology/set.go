package topology

import "slices"

// set is a set of IDs that is small most of the time: up to smallSet it is a
// slice, which takes a tenth of a map's memory.
type set struct {
	few  []string
	many map[string]struct{}
}

const smallSet = 16

func (s *set) add(id string) {
	switch {
	case s.many != nil:
		s.many[id] = struct{}{}
	case slices.Contains(s.few, id):
	case len(s.few) < smallSet:
		s.few = append(s.few, id)
	default:
		s.many = make(map[string]struct{}, 2*smallSet)
		for _, f := range s.few {
			s.many[f] = struct{}{}
		}
		s.many[id], s.few = struct{}{}, nil
	}
}

func (s *set) remove(id string) {
	if s.many != nil {
		delete(s.many, id)
		return
	}
	s.few = slices.DeleteFunc(s.few, func(f string) bool { return f == id })
}

func (s *set) len() int { return len(s.few) + len(s.many) }

func (s *set) each(fn func(id string)) {
	for _, id := range s.few {
		fn(id)
	}
	for id := range s.many {
		fn(id)
	}
}

// index finds IDs by another ID.
type index map[string]*set

// move takes id from one key to another; an empty key is none.
func (x index) move(id, from, to string) {
	if from == to {
		return
	}
	x.remove(from, id)
	x.add(to, id)
}

func (x index) add(key, id string) {
	if key == "" {
		return
	}
	s := x[key]
	if s == nil {
		s = &set{}
		x[key] = s
	}
	s.add(id)
}

func (x index) remove(key, id string) {
	if s := x[key]; s != nil {
		if s.remove(id); s.len() == 0 {
			delete(x, key)
		}
	}
}

// of returns the IDs of a key, sorted; never nil.
func (x index) of(key string) []string {
	out := []string{}
	if s := x[key]; s != nil {
		s.each(func(id string) { out = append(out, id) })
		slices.Sort(out)
	}
	return out
}
