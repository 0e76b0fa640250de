package hub

import (
	"fmt"
	"net/url"
	"strings"
)

// Kind is the kind of a party that holds a credential.
type Kind string

// The kinds of parties.
const (
	KindSM       Kind = "sm"       // Security Manager, on one logical interface
	KindOperator Kind = "operator" // a person or a tool that runs this hub
	KindVNFM     Kind = "vnfm"     // VNF Manager
	KindNFVO     Kind = "nfvo"     // NFV Orchestrator
	KindVIM      Kind = "vim"      // Virtualised Infrastructure Manager
	KindNFVI     Kind = "nfvi"     // what reports of hosts and virtual resources to the VIM
	KindOSS      Kind = "oss"      // OSS/BSS
	KindEM       Kind = "em"       // Element Manager
	KindVNF      Kind = "vnf"      // a VNF instance, whose name is its vnfInstanceId
	KindCMF      Kind = "cmf"      // Certificate Management Function
	KindHub      Kind = "hub"      // this hub itself, acting on its own
	KindClient   Kind = "client"   // a program that reads with an OAuth 2.0 token
	KindAuditor  Kind = "auditor"  // who reads what Security Managers decided and ordered, and changes nothing
)

var kinds = map[Kind]bool{
	KindSM: true, KindOperator: true, KindVNFM: true, KindNFVO: true,
	KindVIM: true, KindNFVI: true, KindOSS: true, KindEM: true, KindVNF: true, KindCMF: true, KindHub: true, KindClient: true, KindAuditor: true,
}

// Identity is who a party is: what its certificate's only URI SAN says, in the
// shape of a SPIFFE ID. The zero Identity is nobody.
//
//	spiffe://<trust-domain>/sm/<name>/<interface>
//	spiffe://<trust-domain>/<kind>/<name>
type Identity struct {
	TrustDomain string
	Kind        Kind
	Name        string
	Interface   Interface // of a Security Manager only
}

// URI returns the identity as a SPIFFE ID.
func (id Identity) URI() *url.URL {
	path := "/" + string(id.Kind) + "/" + id.Name
	if id.Kind == KindSM {
		path += "/" + string(id.Interface)
	}
	return &url.URL{Scheme: "spiffe", Host: id.TrustDomain, Path: path}
}

// String returns the SPIFFE ID, or "nobody" for the zero Identity.
func (id Identity) String() string {
	if id == (Identity{}) {
		return "nobody"
	}
	return id.URI().String()
}

// IsOutsideNFVO says whether this is an NFVO that is not the hub's own, whose
// identity is spiffe://hub/nfvo/hub and which no other party can have.
func (id Identity) IsOutsideNFVO() bool {
	return id.Kind == KindNFVO && id != Identity{TrustDomain: "hub", Kind: KindNFVO, Name: "hub"}
}

// VNFInstance returns the identifier of the VNF instance that this party is, empty
// for any party that is none.
func (id Identity) VNFInstance() string {
	if id.Kind != KindVNF {
		return ""
	}
	return id.Name
}

// MayKnow says whether a party may know of something that belongs to a VNF instance,
// as far as that goes by who it is: a VNF knows of itself alone.
func (id Identity) MayKnow(vnfInstance string) bool {
	return id.Kind != KindVNF || id.Name == vnfInstance
}

// ParseIdentity reads a SPIFFE ID of one of the two shapes of [Identity]. It
// accepts exactly what [Identity.String] prints: no port, user, query, fragment
// or escape, so that no two spellings name one party.
func ParseIdentity(s string) (Identity, error) {
	bad := func(why string) (Identity, error) {
		return Identity{}, E(Invalid, "read identity", fmt.Sprintf("%q is not an identity of this hub: %s", clip(s), why), nil)
	}
	rest, ok := strings.CutPrefix(s, "spiffe://")
	if !ok {
		return bad("it does not begin with spiffe://")
	}
	parts := strings.Split(rest, "/")
	if len(parts) < 3 {
		return bad("it needs a trust domain, a kind and a name")
	}
	id := Identity{TrustDomain: parts[0], Kind: Kind(parts[1]), Name: parts[2]}
	if err := CheckName("trust domain", id.TrustDomain); err != nil {
		return bad(SafeText(err))
	}
	if !kinds[id.Kind] {
		return bad(fmt.Sprintf("unknown kind %q", clip(string(id.Kind))))
	}
	if err := CheckName(string(id.Kind), id.Name); err != nil {
		return bad(SafeText(err))
	}
	switch {
	case id.Kind == KindSM && len(parts) == 4:
		i, err := ParseInterface(parts[3])
		if err != nil {
			return bad(SafeText(err))
		}
		id.Interface = i
	case id.Kind == KindSM:
		return bad("a Security Manager is identified with one interface")
	case len(parts) != 3:
		return bad("it has more parts than a kind and a name")
	}
	return id, nil
}
