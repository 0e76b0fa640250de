package hub

import "fmt"

// MaxNameLen is the longest name, in bytes: a DNS label (RFC 1123) holds no
// more.
const MaxNameLen = 63

// CheckName reports whether name can name a trust domain, a Security Manager or
// another party: a DNS label of lower-case letters, digits and inner hyphens
// (RFC 1123 clause 2.1), because the name becomes part of server names and
// SPIFFE identifiers. what says whose name it is, for the message.
func CheckName(what, name string) error {
	bad := func(why string) error {
		return E(Invalid, "check name", fmt.Sprintf("%s name %q %s; use 1 to 63 lower-case letters, digits and inner hyphens", what, clip(name), why), nil)
	}
	switch {
	case name == "":
		return bad("is empty")
	case len(name) > MaxNameLen:
		return bad(fmt.Sprintf("is %d bytes long", len(name)))
	case name[0] == '-' || name[len(name)-1] == '-':
		return bad("begins or ends with a hyphen")
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return bad(fmt.Sprintf("holds %q", r))
		}
	}
	return nil
}

// clip keeps hostile names out of logs and answers at full length.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
