package vim

import (
	"fmt"
	"slices"

	"github.com/manoward/manoward/internal/hub"
)

// Acceleration (IFA 006 clauses 8.4.2 and 8.4.3, accelerationCapability): a host says by
// name what its accelerators can do, a flavour which of that a compute uses. A compute is
// only on hosts that have all of it. Names are compared as they are; how many computes
// share an accelerator is not counted.

// maxAcceleration bounds the acceleration capabilities of a host or flavour.
const maxAcceleration = 32

// checkAcceleration refuses names that are none, and puts the others in order, so that
// one list is the same however it was sent.
func checkAcceleration(op, of string, list *[]string) error {
	if len(*list) > maxAcceleration {
		return hub.E(hub.Invalid, op, fmt.Sprintf("accelerationCapability of %.140s has %d names; name at most %d", of, len(*list), maxAcceleration), nil)
	}
	for _, name := range *list {
		if err := checkID(op, "accelerationCapability", name); err != nil {
			return err
		}
	}
	sorted := slices.Clone(*list)
	slices.Sort(sorted)
	*list = slices.Compact(sorted)
	return nil
}

// lacking returns what is needed and not there.
func lacking(there, needed []string) (gone []string) {
	for _, name := range needed {
		if !slices.Contains(there, name) {
			gone = append(gone, name)
		}
	}
	return gone
}
