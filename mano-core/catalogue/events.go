package catalogue

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// The APIs whose subscribers the catalogue tells.
const (
	APIPackages = "vnfpkgm"         // SOL 005, Os-Ma-nfvo
	APIOrVnfm   = "vnfpkgm-or-vnfm" // SOL 003, Or-Vnfm
	APINSD      = "nsd"             // SOL 005, NSDs and PNFDs
)

// notifications are what is told of an event, for each API that tells of it.
func notifications(p *Package, e Event) []notify.Event {
	about := *p // as it is now; what subscribers see of a state change is its newest state
	about.Pending = nil
	event := func(api string, render func(s *notify.Subscription, id string) (any, bool)) notify.Event {
		return notify.Event{ID: e.ID, API: api, TrustDomain: p.Domain, Key: p.ID, Render: render}
	}
	switch {
	case p.Kind == VNF && e.Type != EventFailed:
		return []notify.Event{
			event(APIPackages, func(s *notify.Subscription, id string) (any, bool) { return packageNotification(&about, e, s, id) }),
			event(APIOrVnfm, func(s *notify.Subscription, id string) (any, bool) { return vnfmNotification(&about, e, s, id) }),
		}
	case p.Kind == NSD:
		return []notify.Event{event(APINSD, func(s *notify.Subscription, id string) (any, bool) { return nsdNotification(&about, e, s, id) })}
	case p.Kind == PNF && e.Type != EventState:
		return []notify.Event{event(APINSD, func(s *notify.Subscription, id string) (any, bool) { return pnfdNotification(&about, e, s, id) })}
	}
	return nil
}

// base is the URI of the API as the subscriber sees it.
func base(s *notify.Subscription) string {
	if i := strings.LastIndex(s.Self, "/subscriptions/"); i >= 0 {
		return s.Self[:i]
	}
	return ""
}

// allows says whether a list of a filter has a value; an empty one has all.
func allows[T ~string](list []T, value string) bool {
	return len(list) == 0 || slices.Contains(list, T(value))
}

func allowsOne[T ~string](list []T, values []string) bool {
	return len(list) == 0 || slices.ContainsFunc(values, func(v string) bool { return slices.Contains(list, T(v)) })
}

func usage(p *Package) string {
	if p.InUse() {
		return "IN_USE"
	}
	return "NOT_IN_USE"
}

const (
	onboardingNotification = "VnfPackageOnboardingNotification"
	changeNotification     = "VnfPackageChangeNotification"
)

func packageEventName(t EventType) string {
	if t == EventOnboarded {
		return onboardingNotification
	}
	return changeNotification
}

func packageNotification(p *Package, e Event, s *notify.Subscription, id string) (any, bool) {
	name := packageEventName(e.Type)
	if len(s.Filter) > 0 {
		var f sol005.PkgmNotificationsFilter
		if json.Unmarshal(s.Filter, &f) != nil || !packageMatches(p, name, &f) {
			return nil, false
		}
	}
	links := sol005.PkgmLinks{
		VnfPackage:   sol005.NotificationLink{Href: base(s) + "/vnf_packages/" + p.ID},
		Subscription: sol005.NotificationLink{Href: s.Self},
	}
	if e.Type == EventOnboarded {
		return sol005.VnfPackageOnboardingNotification{
			ID: id, NotificationType: name, SubscriptionID: s.ID, TimeStamp: e.Time,
			VnfPkgID: p.ID, VnfdID: p.DescriptorID(), VnfmInfo: vnfmInfo(p), Links: links,
		}, true
	}
	n := sol005.VnfPackageChangeNotification{
		ID: id, NotificationType: name, SubscriptionID: s.ID, TimeStamp: e.Time,
		VnfPkgID: p.ID, VnfdID: p.DescriptorID(), ChangeType: sol005.PackageChangeType(e.Type), Links: links,
	}
	if e.Type == EventState {
		n.OperationalState = sol005.PackageOperationalStateType(operational(p.Enabled))
	}
	return n, true
}

// vnfmInfo is never null: the attribute is required.
func vnfmInfo(p *Package) []string {
	if p.VNFD == nil || p.VNFD.VnfmInfo == nil {
		return []string{}
	}
	return p.VNFD.VnfmInfo
}

func packageMatches(p *Package, name string, f *sol005.PkgmNotificationsFilter) bool {
	return allows(f.NotificationTypes, name) &&
		allows(f.VnfdID, p.DescriptorID()) && allows(f.VnfPkgID, p.ID) &&
		allows(f.OperationalState, operational(p.Enabled)) && allows(f.UsageState, usage(p)) &&
		allowsOne(f.VnfmInfo, vnfmInfo(p)) && productMatches(p, f.VnfProductsFromProviders)
}

func productMatches(p *Package, list []sol005.VnfProductsFromProvider) bool {
	if len(list) == 0 {
		return true
	}
	if p.VNFD == nil {
		return false
	}
	d := p.VNFD
	for _, provider := range list {
		if provider.VnfProvider != d.Provider {
			continue
		}
		if len(provider.VnfProductsFromProviders) == 0 {
			return true
		}
		for _, product := range provider.VnfProductsFromProviders {
			if product.VnfProductName != d.ProductName {
				continue
			}
			if len(product.Versions) == 0 {
				return true
			}
			for _, v := range product.Versions {
				if v.VnfSoftwareVersion == d.SoftwareVersion && allows(v.VnfdVersions, d.Version) {
					return true
				}
			}
		}
	}
	return false
}

// asSOL005 is the filter of SOL 003 in the shape of SOL 005, but for the types of
// notifications, which SOL 003 has a list of.
func asSOL005(f *sol003.PkgmNotificationsFilter) *sol005.PkgmNotificationsFilter {
	out := &sol005.PkgmNotificationsFilter{VnfdID: f.VnfdID, VnfPkgID: f.VnfPkgID, VnfmInfo: f.VnfmInfo}
	if f.OperationalState != "" {
		out.OperationalState = []sol005.PackageOperationalStateType{f.OperationalState}
	}
	if f.UsageState != "" {
		out.UsageState = []sol005.PackageUsageStateType{f.UsageState}
	}
	for _, from := range f.VnfProductsFromProviders {
		out.VnfProductsFromProviders = append(out.VnfProductsFromProviders, sol005.VnfProductsFromProvider{
			VnfProvider: from.VnfProvider, VnfProductsFromProviders: from.VnfProducts,
		})
	}
	return out
}

func vnfmNotification(p *Package, e Event, s *notify.Subscription, id string) (any, bool) {
	name := packageEventName(e.Type)
	if len(s.Filter) > 0 {
		var f sol003.PkgmNotificationsFilter
		if json.Unmarshal(s.Filter, &f) != nil || !allows(f.NotificationTypes, name) || !packageMatches(p, name, asSOL005(&f)) {
			return nil, false
		}
	}
	links := sol003.PkgmLinks{
		VnfPackage:         sol003.NotificationLink{Href: base(s) + "/vnf_packages/" + p.ID},
		VnfPackageByVnfdID: &sol003.NotificationLink{Href: base(s) + "/onboarded_vnf_packages/" + p.DescriptorID()},
		Subscription:       sol003.NotificationLink{Href: s.Self},
	}
	if e.Type == EventOnboarded {
		return sol003.VnfPackageOnboardingNotification{
			ID: id, NotificationType: name, SubscriptionID: s.ID, TimeStamp: e.Time,
			VnfPkgID: p.ID, VnfdID: p.DescriptorID(), VnfmInfo: vnfmInfo(p), Links: links,
		}, true
	}
	n := sol003.VnfPackageChangeNotification{
		ID: id, NotificationType: name, SubscriptionID: s.ID, TimeStamp: e.Time,
		VnfPkgID: p.ID, VnfdID: p.DescriptorID(), ChangeType: sol003.PackageChangeType(e.Type), Links: links,
	}
	if e.Type == EventState {
		n.OperationalState = sol003.PackageOperationalStateType(operational(p.Enabled))
	}
	return n, true
}
