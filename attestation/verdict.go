package attestation

import (
	"fmt"
	"slices"
)

// Assurance says how much a verdict proves. The levels are ordered.
type Assurance int

// The levels.
const (
	// None: nothing is proven. Every verdict that is not accepted has it.
	None Assurance = iota
	// Bound: the registered attester signed a statement about exactly this key. Not
	// proven: where the private key is.
	Bound
	// Protected: and the statement says that the private key was made inside of the
	// device, is for signing, and never leaves. That is worth as much as the
	// attester's key: a key that was registered without proof may be anybody's, who
	// can then state whatever he likes.
	Protected
	// Genuine: and the attester's key is proven to be a device's own, which signs
	// true statements only: a certificate that leads to a registered root says so, or
	// the registration proved it (credential activation of a TPM).
	Genuine
)

var levels = []string{"none", "bound", "protected", "genuine"}

// String returns the name of the level, as records have it.
func (a Assurance) String() string {
	if a < None || a > Genuine {
		return fmt.Sprintf("assurance(%d)", int(a))
	}
	return levels[a]
}

// MarshalText writes the name of the level.
func (a Assurance) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the name of a level.
func (a *Assurance) UnmarshalText(text []byte) error {
	i := slices.Index(levels, string(text))
	if i < 0 {
		return fmt.Errorf("%q is no level of assurance: use none, bound, protected or genuine", text)
	}
	*a = Assurance(i)
	return nil
}

// Claim is one thing that a statement says, by the names that the format's page
// lists. In a verdict that is not accepted, claims are what somebody says and
// nobody vouches for.
type Claim struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Verdict is what was found out about a request.
type Verdict struct {
	Accepted  bool      `json:"accepted"`
	Format    string    `json:"format,omitempty"` // name of the format; empty when none was reached
	Statement string    `json:"statement"`        // registered OID
	Attester  string    `json:"attester"`         // id of the registered attester
	Shape     string    `json:"shape,omitempty"`  // encoding of the bundle: draft-28, or an older one
	Key       []byte    `json:"key,omitempty"`    // SubjectPublicKeyInfo of the request, DER; empty when it could not be read
	Claims    []Claim   `json:"claims,omitempty"`
	Assurance Assurance `json:"assurance"`
	Reasons   []Reason  `json:"reasons,omitempty"` // the checks that failed; empty when accepted
	Lacks     []Reason  `json:"lacks,omitempty"`   // why the assurance is not higher
}

// Failed reports whether the check that code names failed.
func (v Verdict) Failed(code Code) bool {
	return slices.ContainsFunc(v.Reasons, func(r Reason) bool { return r.Code == code })
}

func (v Verdict) refused(reasons ...Reason) Verdict {
	v.Accepted, v.Assurance = false, None
	v.Reasons = append(v.Reasons, reasons...)
	return v
}
