package nfvo

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol005"
)

const (
	statusStart  = "START"
	statusResult = "RESULT"
)

// The notification types of the API nslcm. The filter of SOL 005 V3.7.1 spells
// the first one with one r as well.
const (
	typeOpOcc       = "NsLcmOperationOccurrenceNotification"
	typeOpOccTypo   = "NsLcmOperationOccurenceNotification"
	typeIDCreated   = "NsIdentifierCreationNotification"
	typeIDDeleted   = "NsIdentifierDeletionNotification"
	typeChange      = "NsChangeNotification"
	typeShortage    = "NsLcmCapacityShortageNotification"
	subscriptionsIn = "/subscriptions/"
)

// event is something to be told, as it was when it happened. Each subscription's
// notification is rendered from it.
type event struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	At      time.Time `json:"at"`
	NsID    string    `json:"nsInstanceId"`
	NsName  string    `json:"nsInstanceName"`
	NsdID   string    `json:"nsdId"`
	VnfdIDs []string  `json:"vnfdIds,omitempty"`
	PnfdIDs []string  `json:"pnfdIds,omitempty"`

	OpOccID  string                                       `json:"nsLcmOpOccId,omitempty"`
	OpOcc    *sol005.NsLcmOperationOccurrenceNotification `json:"opOcc,omitempty"`
	Change   *sol005.NsChangeNotification                 `json:"change,omitempty"`
	Shortage *sol005.NsLcmCapacityShortageNotification    `json:"shortage,omitempty"`

	Source  *Source     `json:"source,omitempty"`
	Vnf     *VnfDetails `json:"vnf,omitempty"`
	Changed *Changed    `json:"changed,omitempty"`
}

// newEvent begins an event about an NS; parts make its ID.
func newEvent(kind, nsID string, n *ns, at time.Time, parts ...string) event {
	e := event{ID: hub.DeriveID(append([]string{"nslcm-event", kind, nsID}, parts...)...), Type: kind, At: at.UTC(), NsID: nsID, NsName: n.Name, NsdID: n.NsdID}
	for _, m := range n.Members {
		if !slices.Contains(e.VnfdIDs, m.VnfdID) {
			e.VnfdIDs = append(e.VnfdIDs, m.VnfdID)
		}
	}
	for _, p := range n.Pnfs {
		e.PnfdIDs = append(e.PnfdIDs, p.PnfdID)
	}
	return e
}

// opEvent tells of an operation that entered a state.
func opEvent(id string, o *op, n *ns, status string, at time.Time) event {
	e := newEvent(typeOpOcc, o.NsID, n, at, id, string(o.State), at.Format(time.RFC3339Nano))
	c := &o.Changes
	e.OpOccID, e.Source = id, &o.Source
	e.OpOcc = &sol005.NsLcmOperationOccurrenceNotification{
		NsInstanceID: o.NsID, NsLcmOpOccID: id, Operation: o.Type, NotificationStatus: status, OperationState: o.State, IsAutomaticInvocation: o.Auto,
		AffectedVnf: slices.Clone(c.AffectedVnfs), AffectedPnf: slices.Clone(c.AffectedPnfs), AffectedVl: slices.Clone(c.AffectedVls),
		AffectedVnffg: slices.Clone(c.AffectedVnffgs), AffectedSap: slices.Clone(c.AffectedSaps), Error: o.Error,
	}
	return e
}

// shortageEvent tells that the VIM refused an operation for lack of capacity.
func shortageEvent(id string, o *op, n *ns, vimID string, at time.Time) event {
	e := newEvent(typeShortage, o.NsID, n, at, id, at.Format(time.RFC3339Nano))
	e.OpOccID, e.Source = id, &o.Source
	e.Shortage = &sol005.NsLcmCapacityShortageNotification{
		Status: "LCM_RESOURCES_NOT_AVAILABLE", ShortageType: "RESOURCE_SHORTAGE",
		AffectedOpOccs: []sol005.CapacityShortageOpOcc{{AffectedNsID: o.NsID, AffectedOpOccID: id, AffectedCondition: "TRIGGERED"}},
	}
	return e
}

// apiRoot is the URI under which the subscriber sees this API.
func apiRoot(sub *notify.Subscription) string {
	root, _, _ := strings.Cut(sub.Self, subscriptionsIn)
	return root
}

// render is [notify.Event.Render].
func (e *event) render(sub *notify.Subscription, id string) (any, bool) {
	if !e.matches(sub) {
		return nil, false
	}
	root := apiRoot(sub)
	links := sol005.LccnLinks{NsInstance: sol005.NotificationLink{Href: root + "/ns_instances/" + e.NsID}, Subscription: &sol005.NotificationLink{Href: sub.Self}}
	if e.OpOccID != "" {
		links.NslcmOpOcc = &sol005.NotificationLink{Href: root + "/ns_lcm_op_occs/" + e.OpOccID}
	}
	switch e.Type {
	case typeOpOcc:
		return e.renderOpOcc(sub, id, links), true
	case typeChange:
		out := struct {
			sol005.NsChangeNotification
			Source  *Source     `json:"manoward.sourceOfRequest,omitempty"`
			Vnf     *VnfDetails `json:"manoward.vnf,omitempty"`
			Changed *Changed    `json:"manoward.change,omitempty"`
		}{*e.Change, e.Source, e.Vnf, e.Changed}
		out.ID, out.NotificationType, out.SubscriptionID, out.Timestamp, out.Links = id, e.Type, sub.ID, e.At, links
		return out, true
	case typeShortage:
		return e.renderShortage(sub, id, root), true
	}
	// The two identifier notifications have the same shape.
	return sol005.NsIdentifierCreationNotification{ID: id, NotificationType: e.Type, SubscriptionID: sub.ID, Timestamp: e.At, NsInstanceID: e.NsID, Links: links}, true
}

func (e *event) renderOpOcc(sub *notify.Subscription, id string, links sol005.LccnLinks) any {
	out := struct {
		sol005.NsLcmOperationOccurrenceNotification
		Source *Source `json:"manoward.sourceOfRequest,omitempty"`
	}{*e.OpOcc, e.Source}
	out.ID, out.NotificationType, out.SubscriptionID, out.Timestamp, out.Links = id, e.Type, sub.ID, e.At, links
	out.Verbosity = sol005.LcmOpOccNotificationVerbosityFull
	if sub.Verbosity == string(sol005.LcmOpOccNotificationVerbosityShort) {
		out.Verbosity = sol005.LcmOpOccNotificationVerbosityShort
		out.AffectedVnf, out.AffectedPnf, out.AffectedVl, out.AffectedVnffg, out.AffectedNs, out.AffectedSap = nil, nil, nil, nil, nil, nil
	}
	return out
}

func (e *event) renderShortage(sub *notify.Subscription, id, root string) any {
	out := *e.Shortage
	out.ID, out.NotificationType, out.SubscriptionID, out.Timestamp = id, e.Type, sub.ID, e.At
	out.AffectedOpOccs = slices.Clone(out.AffectedOpOccs)
	for i := range out.AffectedOpOccs {
		a := &out.AffectedOpOccs[i]
		a.Links.AffectedLcmOpOcc.Href = root + "/ns_lcm_op_occs/" + a.AffectedOpOccID
		a.Links.AffectedNs.Href = root + "/ns_instances/" + a.AffectedNsID
	}
	out.Links = &sol005.CapacityShortageLinks{Subscription: sol005.Link{Href: sub.Self}}
	return out
}

// matches applies a subscription's filter: the attributes of one level are
// ANDed, the elements of an array ORed, an absent one allows everything.
// Attributes that are about one type of notification do not concern the others.
func (e *event) matches(sub *notify.Subscription) bool {
	if len(sub.Filter) == 0 {
		return true
	}
	var f sol005.LifecycleChangeNotificationsFilter
	if json.Unmarshal(sub.Filter, &f) != nil {
		return false // was checked when it was taken
	}
	if len(f.NotificationTypes) > 0 && !slices.Contains(f.NotificationTypes, e.Type) && (e.Type != typeOpOcc || !slices.Contains(f.NotificationTypes, typeOpOccTypo)) {
		return false
	}
	if len(f.AffectedNsInstanceIDs) > 0 && e.Type == typeShortage && !slices.Contains(f.AffectedNsInstanceIDs, e.NsID) {
		return false
	}
	return e.matchesNs(f.NsInstanceSubscriptionFilter) && e.matchesOp(&f) && e.matchesChange(&f)
}

func (e *event) matchesNs(f *sol005.NsInstanceSubscriptionFilter) bool {
	if f == nil {
		return true
	}
	return allows(f.NsInstanceIDs, e.NsID) && allows(f.NsInstanceNames, e.NsName) && allows(f.NsdIDs, e.NsdID) &&
		allows(f.VnfdIDs, e.VnfdIDs...) && allows(f.PnfdIDs, e.PnfdIDs...)
}

func (e *event) matchesOp(f *sol005.LifecycleChangeNotificationsFilter) bool {
	return e.OpOcc == nil || (allows(f.OperationTypes, e.OpOcc.Operation) && allows(f.OperationStates, e.OpOcc.OperationState))
}

func (e *event) matchesChange(f *sol005.LifecycleChangeNotificationsFilter) bool {
	c := e.Change
	return c == nil || (allows(f.NsComponentTypes, c.NsComponentType) && allows(f.LcmOpNameImpactingNsComponent, c.LcmOpNameImpactingNsComponent) &&
		allows(f.LcmOpOccStatusImpactingNsComponent, c.LcmOpOccStatusImpactingNsComponent))
}

// allows says whether a filter attribute takes one of the values.
func allows[T comparable](list []T, values ...T) bool {
	return len(list) == 0 || slices.ContainsFunc(values, func(v T) bool { return slices.Contains(list, v) })
}
