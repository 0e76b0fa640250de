package enrol

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/manoward/manoward/internal/hub"
)

// Bounds of names.
const (
	maxVnfc  = 255 // bytes of an identifier
	maxNames = 20  // host names of a certificate
)

// checkHost says why a text is no host name, or "": labels of lower-case letters,
// digits and inner hyphens (RFC 1123 clause 2.1), two of them at least, and no
// address. There is no wildcard: a certificate is for one entity.
func checkHost(name string) string {
	labels := strings.Split(name, ".")
	switch {
	case len(name) > 253:
		return fmt.Sprintf("it has %d bytes, 253 are allowed", len(name))
	case len(labels) < 2:
		return "it has no domain; give it with all its labels, as in vnfm.edge.example"
	}
	for _, label := range labels {
		if err := hub.CheckName("label", label); err != nil {
			return "each label has 1 to 63 lower-case letters, digits and inner hyphens; write an internationalised name in its ASCII form, and give no final dot"
		}
	}
	if _, err := netip.ParseAddr(name); err == nil || strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return "it is an address; give the name"
	}
	return ""
}

// checkVnfc says why a text cannot identify a VNFC instance, or "".
func checkVnfc(id string) string {
	if id == "" {
		return "it is empty; give it as the VNFM has it"
	}
	return checkText(id, maxVnfc)
}

// checkText says why a text cannot be in a certificate, or "".
func checkText(text string, most int) string {
	switch {
	case len(text) > most:
		return fmt.Sprintf("has %d bytes, %d are allowed", len(text), most)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "holds what cannot be printed; leave it out"
	case strings.TrimSpace(text) != text:
		return "begins or ends with a space; leave it out"
	}
	return ""
}
