package catalogue

import (
	"encoding/json"

	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol005"
)

func nsdNotification(p *Package, e Event, s *notify.Subscription, id string) (any, bool) {
	name := map[EventType]string{
		EventOnboarded: "NsdOnBoardingNotification", EventFailed: "NsdOnBoardingFailureNotification",
		EventState: "NsdChangeNotification", EventDeleted: "NsdDeletionNotification",
	}[e.Type]
	if len(s.Filter) > 0 {
		var f sol005.NsdmNotificationsFilter
		if json.Unmarshal(s.Filter, &f) != nil || !nsdMatches(p, name, &f) {
			return nil, false
		}
	}
	links := sol005.NsdmLinks{
		NsdInfo:      sol005.NotificationLink{Href: base(s) + "/ns_descriptors/" + p.ID},
		Subscription: sol005.NotificationLink{Href: s.Self},
	}
	switch e.Type {
	case EventOnboarded:
		return sol005.NsdOnBoardingNotification{ID: id, NotificationType: name, SubscriptionID: s.ID, TimeStamp: e.Time, NsdInfoID: p.ID, NsdID: p.DescriptorID(), Links: links}, true
	case EventFailed:
		return sol005.NsdOnBoardingFailureNotification{ID: id, NotificationType: name, SubscriptionID: s.ID, TimeStamp: e.Time, NsdInfoID: p.ID, OnboardingFailureDetails: problem(e.Detail), Links: links}, true
	case EventState:
		return sol005.NsdChangeNotification{ID: id, NotificationType: name, SubscriptionID: s.ID, TimeStamp: e.Time, NsdInfoID: p.ID, NsdID: p.DescriptorID(), NsdOperationalState: sol005.NsdOperationalStateType(operational(p.Enabled)), Links: links}, true
	}
	return sol005.NsdDeletionNotification{ID: id, NotificationType: name, SubscriptionID: s.ID, TimeStamp: e.Time, NsdInfoID: p.ID, NsdID: p.DescriptorID(), Links: links}, true
}

func problem(f *Failure) *sol005.ProblemDetails {
	if f == nil {
		return nil
	}
	return &sol005.ProblemDetails{Status: f.Status, Detail: f.Detail, Findings: f.Findings}
}

// nsdMatches compares an NSD with a filter. One that failed before it was read has
// no attributes, and matches no filter that asks for them.
func nsdMatches(p *Package, name string, f *sol005.NsdmNotificationsFilter) bool {
	d := p.NSD
	if d == nil {
		return allows(f.NotificationTypes, name) && allows(f.NsdInfoID, p.ID) && allows(f.NsdOnboardingState, string(p.State)) &&
			len(f.NsdID)+len(f.NsdName)+len(f.NsdVersion)+len(f.NsdDesigner)+len(f.NsdInvariantID) == 0
	}
	return allows(f.NotificationTypes, name) && allows(f.NsdInfoID, p.ID) && allows(f.NsdID, d.ID) && allows(f.NsdName, d.Name) &&
		allows(f.NsdVersion, d.Version) && allows(f.NsdDesigner, d.Designer) && allows(f.NsdInvariantID, d.InvariantID) &&
		allowsOne(f.VnfPkgIDs, p.VnfPkgIDs) && allowsOne(f.PnfdInfoIDs, p.PnfdInfoIDs) && allowsOne(f.NestedNsdInfoIDs, p.NestedInfoIDs) &&
		allows(f.NsdOnboardingState, string(p.State)) && allows(f.NsdOperationalState, operational(p.Enabled)) && allows(f.NsdUsageState, usage(p))
}

func pnfdNotification(p *Package, e Event, s *notify.Subscription, id string) (any, bool) {
	name := map[EventType]string{
		EventOnboarded: "PnfdOnBoardingNotification", EventFailed: "PnfdOnBoardingFailureNotification", EventDeleted: "PnfdDeletionNotification",
	}[e.Type]
	if len(s.Filter) > 0 {
		var f sol005.NsdmNotificationsFilter
		if json.Unmarshal(s.Filter, &f) != nil || !pnfdMatches(p, name, &f) {
			return nil, false
		}
	}
	links := sol005.PnfdmLinks{
		PnfdInfo:     sol005.NotificationLink{Href: base(s) + "/pnf_descriptors/" + p.ID},
		Subscription: sol005.NotificationLink{Href: s.Self},
	}
	switch e.Type {
	case EventOnboarded:
		return sol005.PnfdOnBoardingNotification{ID: id, NotificationType: name, SubscriptionID: s.ID, TimeStamp: e.Time, PnfdInfoID: p.ID, PnfdID: p.DescriptorID(), Links: links}, true
	case EventFailed:
		return sol005.PnfdOnBoardingFailureNotification{ID: id, NotificationType: name, SubscriptionID: s.ID, TimeStamp: e.Time, PnfdInfoID: p.ID, OnboardingFailureDetails: problem(e.Detail), Links: links}, true
	}
	return sol005.PnfdDeletionNotification{ID: id, NotificationType: name, SubscriptionID: s.ID, TimeStamp: e.Time, PnfdInfoID: p.ID, PnfdID: p.DescriptorID(), Links: links}, true
}

func pnfdMatches(p *Package, name string, f *sol005.NsdmNotificationsFilter) bool {
	if !allows(f.NotificationTypes, name) || !allows(f.PnfdUsageState, usage(p)) || !allows(f.PnfdOnboardingState, string(p.State)) {
		return false
	}
	d := p.PNFD
	if d == nil {
		return len(f.PnfdID)+len(f.PnfdName)+len(f.PnfdVersion)+len(f.PnfdProvider)+len(f.PnfdInvariantID) == 0
	}
	return allows(f.PnfdInfoIDs, p.ID) && allows(f.PnfdID, d.ID) && allows(f.PnfdName, d.Name) && allows(f.PnfdVersion, d.Version) &&
		allows(f.PnfdProvider, d.Provider) && allows(f.PnfdInvariantID, d.InvariantID)
}
