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
	OrVnfm ReferencePoint = "or-vnfm" // Or-Vnfm, the side that the NFVO produces: grants, packages, notifications taken
	VNFM   ReferencePoint = "vnfm"    // what the VNFM produces: Or-Vnfm for the NFVO, Ve-Vnfm-em for EMs, VNF LCM for the CMF
	VIM    ReferencePoint = "vim"     // what the VIM produces: Or-Vi for the NFVO, Vi-Vnfm for VNFMs
	ScOr   ReferencePoint = "sc-or"   // SM to NFVO
	ScVi   ReferencePoint = "sc-vi"   // SM to VIM
	CmVnfm ReferencePoint = "cm-vnfm" // VNFM to CMF
	Admin  ReferencePoint = "admin"   // operators; not a reference point of ETSI's
)

// CmfStatus is where revocation lists and OCSP answers are had in plain HTTP. It is
// no reference point, and stands in the place of one where listeners are named.
const CmfStatus ReferencePoint = "cmf-status"

// SM is where operators reach a Security Manager whose process has an operators'
// entrance of its own. It stands in the place of a [ReferencePoint] in a
// [PointAddress] alone.
const SM ReferencePoint = "sm"

// ReferencePoints lists the reference points, each of which has a listener of
// its own, in the order in which they are shown.
func ReferencePoints() []ReferencePoint {
	return []ReferencePoint{OsMa, OrVnfm, VNFM, VIM, ScOr, ScVi, CmVnfm, Admin}
}

// Key returns the name of the reference point as a key of the configuration and
// of JSON: "orVnfm".
func (rp ReferencePoint) Key() string {
	first, second, found := strings.Cut(string(rp), "-")
	if !found {
		return first
	}
	return first + strings.ToUpper(second[:1]) + second[1:]
}

// ReferencePoint returns the reference point that the interface belongs to. One
// that is no interface of Security Managers has the name of its reference point.
func (i Interface) ReferencePoint() ReferencePoint {
	switch i {
	case ScOrNsLcm, ScOrStatusInfo, ScOrSecEnforce, ScOrSecurityVnfMgmt:
		return ScOr
	case ScViTelem:
		return ScVi
	}
	return ReferencePoint(i)
}

// PointAddress says where a reference point is reached.
type PointAddress struct {
	ReferencePoint ReferencePoint `json:"referencePoint"`
	URL            string         `json:"url"`
	// ServerName is to be sent as SNI and checked in the certificate. It is empty
	// for Sc-Or and Sc-Vi, where each endpoint of each Security Manager has its
	// own.
	ServerName string `json:"serverName,omitempty"`
	// SecurityManager is whom operators reach there, "<trust domain>/<name>", if the
	// reference point is [SM].
	SecurityManager string `json:"securityManager,omitempty"`
}
