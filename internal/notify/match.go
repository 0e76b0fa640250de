package notify

import "slices"

// Matches reports whether an attribute of a subscription's filter allows a value:
// it lists the value, or lists nothing, which allows all.
func Matches(list []string, value string) bool {
	return len(list) == 0 || slices.Contains(list, value)
}
