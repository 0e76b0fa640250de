package notify

import (
	"slices"

	"github.com/manoward/manoward/internal/hub"
)

// Concerns says whether the subscription may be told of what belongs to a VNF
// instance: that of a VNF is told of the VNF alone, whatever its filter asks for.
func (s *Subscription) Concerns(vnfInstance string) bool {
	owner, err := hub.ParseIdentity(s.Owner)
	return err == nil && owner.MayKnow(vnfInstance)
}

// Matches reports whether an attribute of a subscription's filter allows a value:
// it lists the value, or lists nothing, which allows all.
func Matches(list []string, value string) bool {
	return len(list) == 0 || slices.Contains(list, value)
}
