package cmf

import "github.com/manoward/manoward/internal/hub"

// RunsTheHub says whether a party sees what all consumers have: an operator, an
// auditor or the hub itself. The hub's own VNFM is a consumer like any other.
func RunsTheHub(who hub.Identity) bool {
	if who.TrustDomain != "hub" {
		return false
	}
	switch who.Kind {
	case hub.KindOperator, hub.KindAuditor, hub.KindHub, hub.KindCMF:
		return true
	}
	return false
}

// Reaches says whether a party has to do with a trust domain at all.
func Reaches(who hub.Identity, domain string) bool {
	return who.TrustDomain == domain || who.TrustDomain == "hub"
}

// Sees says whether a party may know of what a consumer has in a trust domain.
func Sees(who hub.Identity, domain, manager string) bool {
	return RunsTheHub(who) || manager == who.String() && Reaches(who, domain)
}
