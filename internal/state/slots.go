package state

// slots are what the index has of a kind's resources, by number, in a few large pieces of
// memory (see [shelf] for why). A slot is used again when its resource is forgotten, so that
// nobody may keep a pointer to one longer than the kind's lock is held.
type slots[T any] struct {
	first []indexed[T]   // fewSlots of them: most kinds have few
	more  [][]indexed[T] // someSlots each
}

const (
	fewSlots  = 16
	someSlots = 256
)

// at returns the slot of a number that was taken, or is the next one that can be.
func (s *slots[T]) at(number uint32) *indexed[T] {
	if number < fewSlots {
		if s.first == nil {
			s.first = make([]indexed[T], fewSlots)
		}
		return &s.first[number]
	}
	number -= fewSlots
	if int(number/someSlots) == len(s.more) {
		s.more = append(s.more, make([]indexed[T], someSlots))
	}
	return &s.more[number/someSlots][number%someSlots]
}
