package hub

import (
	"fmt"
	"strings"
)

// Interface is one logical interface between a Security Manager and NFV-MANO
// (IFA 033 clauses 5.3.1 to 5.3.5). Each SM has a key pair, a TLS endpoint and
// a client CA of its own on each of them (Security.001, Security.006).
type Interface string

// The five logical interfaces. Four are produced by the NFVO over Sc-Or, one
// by the VIM over Sc-Vi.
const (
	ScOrNsLcm           Interface = "sc-or.ns-lcm"            // NS Lifecycle Management, Sc-Or.001
	ScOrStatusInfo      Interface = "sc-or.status-info"       // Status Information Management, Sc-Or.002
	ScOrSecEnforce      Interface = "sc-or.sec-enforce"       // Security Policy Enforcement, Sc-Or.003
	ScOrSecurityVnfMgmt Interface = "sc-or.security-vnf-mgmt" // Security VNF Management, Sc-Or.004
	ScViTelem           Interface = "sc-vi.telem"             // Telemetry Information Management, Sc-Vi.001
)

// Interfaces lists the five logical interfaces in the order of IFA 033.
func Interfaces() []Interface {
	return []Interface{ScOrNsLcm, ScOrStatusInfo, ScOrSecEnforce, ScOrSecurityVnfMgmt, ScViTelem}
}

// ParseInterface reads the name of a logical interface.
func ParseInterface(s string) (Interface, error) {
	for _, i := range Interfaces() {
		if s == string(i) {
			return i, nil
		}
	}
	return "", E(Invalid, "read interface", fmt.Sprintf("unknown interface %q; the interfaces are %s", s, joinInterfaces()), nil)
}

func joinInterfaces() string {
	var names []string
	for _, i := range Interfaces() {
		names = append(names, string(i))
	}
	return strings.Join(names, ", ")
}

// ReferencePoint is a reference point of NFV-MANO on which this hub listens.
// Each can be bound to an address of its own; Sc-Or and Sc-Vi share theirs with
// no other (Security.004).
type ReferencePoint string

// The reference points, and the operator's own entrance.
const (
	OsMa   ReferencePoint = "os-ma"   // Os-Ma-nfvo: OSS/BSS to NFVO
	ScOr   ReferencePoint = "sc-or"   // SM to NFVO
	ScVi   ReferencePoint = "sc-vi"   // SM to VIM
	CmVnfm ReferencePoint = "cm-vnfm" // VNFM to CMF
	Admin  ReferencePoint = "admin"   // operators; not a reference point of ETSI's
)

// ReferencePoint returns the reference point that the interface belongs to.
func (i Interface) ReferencePoint() ReferencePoint {
	if i == ScViTelem {
		return ScVi
	}
	return ScOr
}
