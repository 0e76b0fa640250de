package state

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/s2"
)

// Sole is a [Table] that may say that no other process can write to it, as that of an
// embedded bus: what this process knows of it is all that is in it.
type Sole interface{ Sole() bool }

// Sole says whether the table of a trust domain is of this process alone, see [Sole].
func (k *Kind[T]) Sole(ctx context.Context, domain string) (bool, error) {
	d, err := k.space.ready(ctx, domain)
	return err == nil && d.sole, err
}

// NewHeld is [NewKind] for resources that are read all the time, such as those that each
// event is about: their values are in memory too, compressed, and are read there where
// the table is of this process alone ([Sole]). The bus reads a block of megabytes for one
// value. One space of a process may have such a kind of a table.
func NewHeld[T any](s *Space, prefix string, terms func(*T) []string) *Kind[T] {
	k := newKind(s, prefix, terms, false)
	k.holds = true
	return k
}

// heldDictionary is how many bytes of the values that come first are the dictionary of
// all that follow: they are alike but for their identifiers.
const heldDictionary = 16 << 10

// dictionary is what the values of a kind are compressed with. It is made once and never
// changes, so that each value says by one bit whether it needs it.
type dictionary struct {
	made  atomic.Pointer[s2.Dict]
	mu    sync.Mutex // covers first
	first []byte     // values, until there are enough
}

// learn takes a value into the dictionary that is still to be made.
func (d *dictionary) learn(raw []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.made.Load() != nil {
		return
	}
	if d.first = append(d.first, raw...); len(d.first) >= heldDictionary {
		d.made.Store(s2.MakeDict(d.first[:heldDictionary], raw[:min(len(raw), 64)]))
		d.first = nil
	}
}

// hold keeps a stored value, which is JSON, for memory, unless it is read from the bus.
func (k *Kind[T]) hold(d *domainTable, x *arrival[T], raw []byte) {
	if !k.holds || !d.sole {
		return
	}
	short := shorten(raw)
	dict := k.dictionary.made.Load()
	if dict == nil {
		k.dictionary.learn(short)
		x.held = s2.Encode(nil, short)
		return
	}
	x.held, x.dict = dict.Encode(nil, short), true
}

// held returns the value that memory has of a resource, with its revision.
func (k *Kind[T]) held(d *domainTable, id string) (raw []byte, revision uint64, ok bool) {
	if !k.holds && k.recent == nil {
		return nil, 0, false
	}
	k.mu.RLock()
	x := k.at(id)
	if x == nil || x.domain != d || x.life != live || x.doubted {
		k.mu.RUnlock()
		return nil, 0, false
	}
	packed, dict, revision := k.heldIn(x), x.dict, x.revision
	raw = k.recent.get(x.number)
	k.mu.RUnlock()
	switch {
	case raw != nil:
		return raw, revision, true
	case len(packed) == 0:
		return nil, 0, false
	}
	raw, ok = k.unpackHeld(packed, dict)
	return raw, revision, ok
}

// unpackHeld is the reverse of hold.
func (k *Kind[T]) unpackHeld(packed []byte, dict bool) (raw []byte, ok bool) {
	var short []byte
	var err error
	if dict {
		short, err = k.dictionary.made.Load().Decode(nil, packed)
	} else {
		short, err = s2.Decode(nil, packed)
	}
	if err != nil {
		return nil, false
	}
	return lengthen(short)
}

// Shared returns a resource as [Kind.GetIn] does. It is for kinds made by [NewKept]: where
// the table is of this process alone ([Sole]), it is the value in memory, which is neither
// read nor decoded again. It must not be changed.
func (k *Kind[T]) Shared(ctx context.Context, domain, id string) (*T, error) {
	d, err := k.space.ready(ctx, domain)
	if err != nil {
		return nil, err
	}
	if v := k.sure(d, id); v != nil {
		return v, nil
	}
	e, err := k.read(ctx, d, id)
	if err != nil {
		return nil, err
	}
	return &e.Value, nil
}

// sure returns the value in memory if it is what the table has; nil: it is not known to be.
func (k *Kind[T]) sure(d *domainTable, id string) *T {
	if !d.sole {
		return nil
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	if x := k.at(id); x != nil && x.domain == d && x.life == live && !x.doubted {
		return x.value
	}
	return nil
}

// doubt has a resource read from the bus again, after a write of which this process does
// not know what became, until it is told.
func (k *Kind[T]) doubt(d *domainTable, id string) {
	if !k.holds && !k.keep && k.recent == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if x := k.at(id); x != nil && x.domain == d {
		k.recent.letGo(x.number)
		x.doubted = true
	}
}
