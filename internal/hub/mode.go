package hub

import "fmt"

// Mode is how far a Security Manager may act (IFA 033 clause 5.1). The NFVO
// knows each SM's mode and enforces it (Sc-Or.NsLcm.008).
type Mode string

// The three modes of IFA 026 clause 5.1.2, by growing power.
const (
	Passive     Mode = "PASSIVE"      // watches and queries
	SemiActive  Mode = "SEMI_ACTIVE"  // may also terminate VNFs, end the use of hosts and place security VNFs
	FullyActive Mode = "FULLY_ACTIVE" // may also disable packages, terminate co-hosted VNFs, quarantine and erase
)

// Modes lists all modes by growing power.
func Modes() []Mode { return []Mode{Passive, SemiActive, FullyActive} }

// ParseMode reads a mode in the API's spelling (SEMI_ACTIVE) or the command
// line's (semi-active).
func ParseMode(s string) (Mode, error) {
	for _, m := range Modes() {
		if s == string(m) || s == m.Flag() {
			return m, nil
		}
	}
	return "", E(Invalid, "read mode", fmt.Sprintf("unknown mode %q; use passive, semi-active or fully-active", s), nil)
}

// Flag returns the mode as it is written on the command line.
func (m Mode) Flag() string {
	switch m {
	case Passive:
		return "passive"
	case SemiActive:
		return "semi-active"
	case FullyActive:
		return "fully-active"
	}
	return string(m)
}

// Letter returns the mode's letter in the PSF columns of IFA 033.
func (m Mode) Letter() string {
	switch m {
	case Passive:
		return "P"
	case SemiActive:
		return "S"
	case FullyActive:
		return "F"
	}
	return "?"
}
