package csar

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
)

// checkLayout compares each entry with its local header and sees that the
// entries follow one another up to the central directory without hole or overlap.
func checkLayout(r io.ReaderAt, entries []entry, directory uint64) error {
	order := slices.Clone(entries)
	slices.SortFunc(order, func(a, b entry) int { return cmp.Compare(a.from, b.from) })
	var at uint64
	before := "the start"
	for i := range order {
		e := &order[i]
		switch {
		case e.from < at:
			return fmt.Errorf("entries %s and %s overlap", before, quote(e.name))
		case e.from > at:
			return fmt.Errorf("there are %d bytes between %s and entry %s that belong to no entry", e.from-at, before, quote(e.name))
		}
		next := directory
		if i+1 < len(order) {
			next = order[i+1].from
		}
		stop, err := e.checkLocal(r, next)
		if err != nil {
			return err
		}
		at, before = stop, quote(e.name)
	}
	if at != directory {
		return fmt.Errorf("there are bytes between %s and the central directory that belong to no entry", before)
	}
	return nil
}

// checkLocal compares the entry with its local header and returns where the
// entry stops. next is where the following one starts: of the four lengths that
// a data descriptor can have, the one that reaches it is taken.
func (e *entry) checkLocal(r io.ReaderAt, next uint64) (stop uint64, err error) {
	if e.from > math.MaxInt64-lenLocal {
		return 0, fmt.Errorf("entry %s is said to start beyond the end", quote(e.name))
	}
	h := make([]byte, lenLocal)
	if err := readAt(r, h, int64(e.from)); err != nil {
		return 0, fmt.Errorf("read local header of %s: %w", quote(e.name), err)
	}
	name := make([]byte, int(le.Uint16(h[26:]))+int(le.Uint16(h[28:])))
	if err := readAt(r, name, int64(e.from)+lenLocal); err != nil {
		return 0, fmt.Errorf("read local header of %s: %w", quote(e.name), err)
	}
	name, extra := name[:le.Uint16(h[26:])], name[le.Uint16(h[26:]):]
	if le.Uint32(h) != sigLocal {
		return 0, fmt.Errorf("entry %s has no local header where the central directory says", quote(e.name))
	}
	if string(name) != e.name {
		return 0, fmt.Errorf("entry %s is named %s in its local header", quote(e.name), quote(string(name)))
	}
	if err := e.sameAs(h, extra); err != nil {
		return 0, err
	}
	data := e.from + lenLocal + uint64(len(name)+len(extra))
	stop = data + e.packed
	if stop < data || stop > next {
		return 0, fmt.Errorf("entry %s is longer than its place: entries overlap, or its size is wrong", quote(e.name))
	}
	if hole := next - stop; e.flags&flagDescriptor != 0 && (hole == 12 || hole == 16 || hole == 20 || hole == 24) {
		return next, nil
	}
	return stop, nil
}

// sameAs compares what the local header says besides the name.
func (e *entry) sameAs(h, extra []byte) error {
	crc, packed, unpacked := le.Uint32(h[14:]), uint64(le.Uint32(h[18:])), uint64(le.Uint32(h[22:]))
	if err := e.readExtra(extra, &unpacked, &packed); err != nil {
		return err
	}
	if (le.Uint16(h[6:])^e.flags)&^flagHints != 0 || le.Uint16(h[8:]) != e.method {
		return fmt.Errorf("entry %s has other flags or another method in its local header", quote(e.name))
	}
	later := e.flags&flagDescriptor != 0 // what was not known yet is zero, and follows the data
	same := func(local, central uint64) bool { return local == central || later && local == 0 }
	if !same(uint64(crc), uint64(e.crc)) || !same(packed, e.packed) || !same(unpacked, e.unpacked) {
		return fmt.Errorf("entry %s has another size or checksum in its local header", quote(e.name))
	}
	return nil
}
