package state

// Remembered returns how many IDs memory holds something of, marks of deletion
// among them.
func (k *Kind[T]) Remembered() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.order.ids.len()
}

// Places returns the size of the ordered index.
func (k *Kind[T]) Places() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.order.size
}

// HeldBytes returns how many bytes the values take that memory holds.
func (k *Kind[T]) HeldBytes() (n int) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.recent != nil {
		n = k.recent.bytes
	}
	for _, x := range k.all() {
		if x.life == live {
			n += len(k.heldIn(x))
		}
	}
	return n
}

// The bounds of what a kind of [NewRecent] has in memory.
const (
	RecentBytes   = recentBytes
	RecentLargest = recentLargest
)
