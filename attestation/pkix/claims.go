package pkix

import (
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/der"
)

// The kinds of elements, as the last arc of their OID (id-evidence 0 n) and the
// last but one of their claims (id-evidence 1 n m).
const (
	transaction = "0"
	platform    = "1"
	key         = "2"
)

// claimType is what the draft says about a claim.
type claimType struct {
	name     string
	read     func(*Format, der.Value) (any, error)
	multiple bool // may be repeated in one element
}

func octets(_ *Format, v der.Value) (any, error) { return v.Octets() }
func text(_ *Format, v der.Value) (any, error)   { return v.Text() }
func truth(_ *Format, v der.Value) (any, error)  { return v.Bool() }
func number(_ *Format, v der.Value) (any, error) { return v.Int() }
func moment(_ *Format, v der.Value) (any, error) { return v.Time() }

// claimTypes are the claims of the draft by element and number.
var claimTypes = map[string][]claimType{
	transaction: {{"nonce", octets, false}, {"timestamp", moment, false}, {"ak-spki", octets, true}},
	platform: {
		{"vendor", text, false}, {"oemid", octets, false}, {"hwmodel", octets, false}, {"hwversion", text, false},
		{"hwserial", text, false}, {"swname", text, false}, {"swversion", text, false}, {"dbgstat", number, false},
		{"uptime", number, false}, {"bootcount", number, false}, {"fipsboot", truth, false}, {"fipsver", text, false},
		{"fipslevel", number, false}, {"fipsmodule", text, false},
	},
	key: {
		{"identifier", text, true}, {"spki", octets, false}, {"extractable", truth, false}, {"sensitive", truth, false},
		{"never-extractable", truth, false}, {"local", truth, false}, {"expiry", moment, false}, {"purpose", (*Format).capabilities, false},
	},
}

// capabilities are the purposes of keys by number (id-evidence 2 n).
var capabilities = []string{"encrypt", "decrypt", "wrap", "unwrap", "sign", "sign-recover", "verify", "verify-recover", "derive"}

// capabilities reads KeyPurposes ::= SEQUENCE OF OBJECT IDENTIFIER. What the draft
// does not name keeps its OID.
func (f *Format) capabilities(v der.Value) (any, error) {
	items, err := v.Sequence(maxClaims)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, item := range items {
		oid, err := item.OID()
		if err != nil {
			return nil, err
		}
		if n, ok := below(f.arc+".2.", oid, len(capabilities)); ok {
			oid = capabilities[n]
		}
		names = append(names, oid)
	}
	return names, nil
}

// below returns the arc of oid behind prefix, if it is one number below limit.
func below(prefix, oid string, limit int) (int, bool) {
	last, ok := strings.CutPrefix(oid, prefix)
	if !ok || len(last) == 0 || len(last) > 2 {
		return 0, false
	}
	n := 0
	for _, c := range last {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n < limit
}

// element is a reported element whose claims are understood.
type element struct {
	kind   string
	claims []claim
}

// claim has a value of the type that its name stands for, or nil if the statement
// reports none.
type claim struct {
	name  string
	value any
}

// understand reads the elements. Elements and claims that the draft does not
// define are left out, or refused unless unknown is set.
func (f *Format) understand(raw []rawElement, unknown bool) ([]element, error) {
	var elements []element
	seen := map[string]bool{}
	for _, r := range raw {
		n, ok := below(f.arc+".0.", r.oid, 3)
		if !ok {
			if !unknown {
				return nil, attestation.Because(attestation.ClaimUnknown, "an element of the unknown type %s", r.oid)
			}
			continue
		}
		el := element{kind: []string{transaction, platform, key}[n]}
		for _, c := range r.claims {
			if err := f.claim(&el, c, unknown); err != nil {
				return nil, err
			}
		}
		if err := el.identify(seen); err != nil {
			return nil, err
		}
		elements = append(elements, el)
	}
	return elements, nil
}

// claim reads one claim into its element.
func (f *Format) claim(el *element, c rawClaim, unknown bool) error {
	n, ok := below(f.arc+".1."+el.kind+".", c.oid, len(claimTypes[el.kind]))
	if !ok {
		if !unknown {
			return attestation.Because(attestation.ClaimUnknown, "an unknown claim %s", c.oid)
		}
		return nil
	}
	kind := claimTypes[el.kind][n]
	if !kind.multiple && slices.ContainsFunc(el.claims, func(c claim) bool { return c.name == kind.name }) {
		return attestation.Because(attestation.StatementMalformed, "the claim %s stands twice in one element", kind.name)
	}
	said := claim{name: kind.name}
	if c.value != nil {
		value, err := kind.read(f, *c.value)
		if err != nil {
			return attestation.Because(attestation.StatementMalformed, "the claim %s: %v", kind.name, err)
		}
		said.value = value
	}
	el.claims = append(el.claims, said)
	return nil
}

// identify refuses what may be there once only: a transaction, a platform, and a
// key of one name.
func (el element) identify(seen map[string]bool) error {
	names := []string{el.kind}
	if el.kind == key {
		names = nil
		for _, c := range el.claims {
			if id, ok := c.value.(string); ok && c.name == "identifier" {
				names = append(names, "key "+id)
			}
		}
		if len(names) == 0 {
			return attestation.Because(attestation.StatementMalformed, "a key without identifier")
		}
	}
	for _, name := range names {
		if seen[name] {
			return attestation.Because(attestation.StatementMalformed, "an element stands twice in the statement")
		}
		seen[name] = true
	}
	return nil
}

func (el element) has(name string) bool {
	return slices.ContainsFunc(el.claims, func(c claim) bool { return c.name == name && c.value != nil })
}

// value returns the first value of the claim.
func value[T any](el element, name string) (T, bool) {
	for _, c := range el.claims {
		if v, ok := c.value.(T); ok && c.name == name {
			return v, true
		}
	}
	var none T
	return none, false
}

func (el element) octets(name string) ([]byte, bool)  { return value[[]byte](el, name) }
func (el element) boolean(name string) (bool, bool)   { return value[bool](el, name) }
func (el element) time(name string) (time.Time, bool) { return value[time.Time](el, name) }
func (el element) purposes() ([]string, bool)         { return value[[]string](el, "purpose") }

// all returns the values of a claim that may be repeated.
func (el element) all(name string) [][]byte {
	var values [][]byte
	for _, c := range el.claims {
		if v, ok := c.value.([]byte); ok && c.name == name {
			values = append(values, v)
		}
	}
	return values
}
