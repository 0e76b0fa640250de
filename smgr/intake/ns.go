package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// compact takes the white space out of JSON, so that a sender which writes the
// same notification in another layout repeats it. It may return what it was given.
func compact(raw []byte) ([]byte, *refusal) {
	if smgr.Compacted(raw) {
		return raw, nil
	}
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil {
		return nil, &refusal{code: hub.Invalid, reason: OutcomeMalformed, text: "the body is no JSON"}
	}
	return out.Bytes(), nil
}

// nsSlots is how many keys hold the NSs that intake has heard of.
const nsSlots = 256

func nsSlot(id string) string {
	slot, _ := nameOf("ns", id)
	return slot[:len("ns/")+2]
}

// setNs keeps whether an NS is there, for the comparison with Query NS.
func (in *Intake) setNs(ctx context.Context, id string, there bool) error {
	return change(ctx, in.ledger.table, nsSlot(id), func(list *[]string) bool {
		at, has := slices.BinarySearch(*list, id)
		switch {
		case has == there:
			return false
		case there:
			*list = slices.Insert(*list, at, id)
		default:
			*list = slices.Delete(*list, at, at+1)
		}
		return true
	})
}

// knownNs keeps what a notification of an NS identifier says.
func (in *Intake) knownNs(ctx context.Context, n *notification) error {
	switch n.Type {
	case typeCreated, typeDeleted:
		return in.setNs(ctx, n.NsInstanceID, n.Type == typeCreated)
	}
	return nil
}
