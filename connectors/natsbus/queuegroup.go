package natsbus

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// A group is a message of a queue that holds several items, which waited for the
// disk at the same time (see [QueueConfig].Grouped). Its header names the key and
// the ID of each item by their hashes, for who reads headers alone; its payload
// holds the items. It leaves the queue when all of its items are done.
const headerItems = "Manoward-Items"

// The bounds of a group. An item that is larger is a group of one.
const (
	maxGroupItems = 64
	maxGroupBytes = 128 << 10
)

// place is where an item is in the stream of its queue: the sequence of its
// message and its number in its group, from 1, or 0 for one that is a message by
// itself. Places grow with the order in which items were pushed.
type place uint64

const placeBits = 8 // of the number: more than maxGroupItems

func placeOf(seq uint64, n int) place { return place(seq<<placeBits | uint64(n)) }

func (p place) seq() uint64 { return uint64(p >> placeBits) }

func (p place) n() int { return int(p & (1<<placeBits - 1)) }

// itemName is what the header of a group tells of an item.
type itemName struct{ key, id digest }

// nameOf returns what an item is found by.
func nameOf(it *Item) itemName {
	name := itemName{key: digestOf([]byte("key " + it.Key)), id: digestOf([]byte(it.ID))}
	if it.Key == "" {
		name.key = digestOf([]byte("id " + it.ID))
	}
	return name
}

// namesHeader is the header of a group of items with these names.
func namesHeader(names []itemName) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(hex.EncodeToString(n.key[:]))
		b.WriteString(hex.EncodeToString(n.id[:]))
	}
	return b.String()
}

// readNames reads the header of a group.
func readNames(h nats.Header) ([]itemName, error) {
	const digits = 4 * len(digest{})
	text := h.Get(headerItems)
	if len(text) > maxGroupItems*(digits+1) {
		return nil, errors.New("the header of a group names too many items")
	}
	names := make([]itemName, 0, (len(text)+1)/(digits+1))
	for one := range strings.SplitSeq(text, ",") {
		raw, err := hex.DecodeString(one)
		if err != nil || len(one) != digits {
			return nil, fmt.Errorf("%.80q names no item of a group", one)
		}
		names = append(names, itemName{digest(raw[:len(digest{})]), digest(raw[len(digest{}):])})
	}
	return names, nil
}

// encodeGroup returns the payload of a group: of each item its ID, its key and its
// data, each behind its length.
func encodeGroup(items []Item) []byte {
	size := 0
	for _, it := range items {
		size += sizeInGroup(&it)
	}
	out := make([]byte, 0, size)
	for _, it := range items {
		for _, part := range []string{it.ID, it.Key} {
			out = append(binary.AppendUvarint(out, uint64(len(part))), part...)
		}
		out = append(binary.AppendUvarint(out, uint64(len(it.Data))), it.Data...)
	}
	return out
}

// sizeInGroup is how many bytes an item takes in a group at most.
func sizeInGroup(it *Item) int {
	return len(it.ID) + len(it.Key) + len(it.Data) + 3*binary.MaxVarintLen64
}

// decodeGroup reads the payload of a group. The data of the items are parts of it.
func decodeGroup(payload []byte) ([]Item, error) {
	var items []Item
	for len(payload) > 0 {
		var parts [3][]byte
		for i := range parts {
			length, n := binary.Uvarint(payload)
			if n <= 0 || length > uint64(len(payload)-n) {
				return nil, fmt.Errorf("item %d of a group breaks off", len(items))
			}
			parts[i], payload = payload[n:n+int(length)], payload[n+int(length):]
		}
		if len(parts[0]) == 0 || len(items) == maxGroupItems {
			return nil, fmt.Errorf("what follows item %d of a group is no item", len(items))
		}
		items = append(items, Item{ID: string(parts[0]), Key: string(parts[1]), Data: parts[2]})
	}
	return items, nil
}

// doneMark says which items of a group are done, as it is stored where that must be
// known to others: a byte for each item, '1' or '0'.
type doneMark []byte

func newMark(items int) doneMark { return doneMark(strings.Repeat("0", items)) }

func (m doneMark) has(n int) bool { return n < len(m) && m[n] == '1' }

// all reports whether nothing is left to be done.
func (m doneMark) all() bool { return !strings.Contains(string(m), "0") }

// merge takes in what another mark of the same group says.
func (m doneMark) merge(other doneMark) {
	for n := range m {
		if other.has(n) {
			m[n] = '1'
		}
	}
}
