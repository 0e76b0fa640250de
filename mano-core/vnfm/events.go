package vnfm

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// The notification types of SOL 003 clauses 5.5.2.17 to 5.5.2.19.
const (
	typeOperation = "VnfLcmOperationOccurrenceNotification"
	typeCreation  = "VnfIdentifierCreationNotification"
	typeDeletion  = "VnfIdentifierDeletionNotification"
)

// NotificationTypes lists what a subscription can ask for.
func NotificationTypes() []string { return []string{typeOperation, typeCreation, typeDeletion} }

// notice is a VnfLcmOperationOccurrenceNotification and who asked for the
// operation, which ETSI's has no place for.
type notice struct {
	sol003.VnfLcmOperationOccurrenceNotification
	RequestedBy string `json:"manoward.requestedBy,omitempty"`
}

// note adds the event of an operation's present state.
func (s *Service) note(id string, op *Operation) error {
	n := notice{RequestedBy: op.RequestedBy}
	n.NotificationType, n.NotificationStatus, n.OperationState = typeOperation, "START", op.State
	n.TimeStamp, n.VnfInstanceID, n.Operation = op.Entered, op.VNF, op.Kind
	n.IsAutomaticInvocation, n.VnfLcmOpOccID = op.Automatic, id
	n.Links.VnfInstance.Href = s.Root + "/vnf_instances/" + op.VNF
	n.Links.VnfLcmOpOcc = &sol003.NotificationLink{Href: s.Root + "/vnf_lcm_op_occs/" + id}
	if op.State != starting && op.State != processing && op.State != rollingBack {
		n.NotificationStatus = "RESULT"
		if c := s.Changes(op); c != nil {
			n.AffectedVnfcs, n.AffectedVirtualLinks = c.AffectedVnfcs, c.AffectedVirtualLinks
			n.AffectedExtLinkPorts, n.AffectedVirtualStorages = c.AffectedExtLinkPorts, c.AffectedVirtualStorages
			n.AffectedCertificates = c.AffectedCertificates
		}
		n.ChangedExtConnectivity, n.Error = s.ChangedExt(op), op.Error
		n.ChangedInfo, n.ModificationsTriggeredByVnfPkgChange = op.modifications()
	}
	raw, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode notification: %w", err)
	}
	op.Events++
	op.Pending = append(op.Pending, Event{ID: hub.DeriveID("event", id, strconv.Itoa(op.Events)), Type: typeOperation, Body: raw, Subject: op.Subject})
	return nil
}

// noteIdentifier adds the event of a VNF's creation or deletion. Both types of
// notification have the same attributes.
func (s *Service) noteIdentifier(id string, v *VNF, kind string) error {
	n := sol003.VnfIdentifierCreationNotification{NotificationType: kind, TimeStamp: s.Now().UTC(), VnfInstanceID: id}
	n.Links.VnfInstance.Href = s.Root + "/vnf_instances/" + id
	raw, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode notification: %w", err)
	}
	v.Pending = append(v.Pending, Event{ID: hub.DeriveID("event", id, kind), Type: kind, Body: raw, Subject: v.subject(id)})
	return nil
}

// publish hands events to the outbox, in order.
func (s *Service) publish(ctx context.Context, domain string, events []Event) error {
	for _, e := range events {
		err := s.Publisher.Publish(ctx, notify.Event{ID: e.ID, API: API, TrustDomain: domain, Key: e.VNF, Render: e.render})
		if err != nil {
			return fmt.Errorf("publish %s: %w", e.Type, err)
		}
	}
	return nil
}

// publishOp publishes what an operation has to tell, and notes that it did.
func (s *Service) publishOp(ctx context.Context, op state.Entry[Operation]) error {
	if len(op.Value.Pending) == 0 {
		return nil
	}
	if err := s.publish(ctx, op.Domain, op.Value.Pending); err != nil {
		return err
	}
	_, err := s.ops.Update(ctx, op.ID, func(o *Operation) error {
		o.Pending = without(o.Pending, op.Value.Pending)
		return nil
	})
	return err
}

// without returns the events that are not among those published.
func without(events, published []Event) []Event {
	return slices.DeleteFunc(slices.Clone(events), func(e Event) bool {
		return slices.ContainsFunc(published, func(p Event) bool { return p.ID == e.ID })
	})
}

// render is the notification for one subscription.
func (e Event) render(sub *notify.Subscription, notificationID string) (any, bool) {
	if !sub.Concerns(e.VNF) {
		return nil, false
	}
	if e.Type != typeOperation {
		var n sol003.VnfIdentifierCreationNotification
		if json.Unmarshal(e.Body, &n) != nil || !e.matches(sub, nil) {
			return nil, false
		}
		n.ID, n.SubscriptionID, n.Links.Subscription.Href = notificationID, sub.ID, sub.Self
		return n, true
	}
	var n notice
	if json.Unmarshal(e.Body, &n) != nil || !e.matches(sub, &n) {
		return nil, false
	}
	n.ID, n.SubscriptionID, n.Links.Subscription.Href = notificationID, sub.ID, sub.Self
	n.Verbosity = sol003.LcmOpOccNotificationVerbosityFull
	if isOfVNF(sub) {
		n.ChangedInfo, n.ModificationsTriggeredByVnfPkgChange = withoutVIM(n.ChangedInfo, n.ModificationsTriggeredByVnfPkgChange)
	}
	if sub.Verbosity == string(sol003.LcmOpOccNotificationVerbosityShort) {
		n.Verbosity = sol003.LcmOpOccNotificationVerbosityShort
		n.AffectedVnfcs, n.AffectedVirtualLinks, n.AffectedExtLinkPorts, n.AffectedVirtualStorages = nil, nil, nil, nil
		n.AffectedCertificates = nil
		n.ChangedInfo, n.ChangedExtConnectivity, n.ModificationsTriggeredByVnfPkgChange, n.AffectedVipCps = nil, nil, nil, nil
	}
	return n, true
}

// matches evaluates a subscription's filter (clause 5.5.3.12): its attributes are
// ANDed, the values of one ORed. n is nil for events that are no operation's.
func (e Event) matches(sub *notify.Subscription, n *notice) bool {
	if len(sub.Filter) == 0 {
		return true
	}
	var f sol003.LifecycleChangeNotificationsFilter
	if json.Unmarshal(sub.Filter, &f) != nil {
		return false
	}
	if !oneOf(f.NotificationTypes, e.Type) || !e.matchesInstance(f.VnfInstanceSubscriptionFilter) {
		return false
	}
	// Both attributes concern notifications of operations only.
	return n == nil || oneOf(f.OperationTypes, n.Operation) && oneOf(f.OperationStates, n.OperationState)
}

func (e Event) matchesInstance(f *sol003.VnfInstanceSubscriptionFilter) bool {
	if f == nil {
		return true
	}
	return oneOf(f.VnfdIDs, e.VnfdID) && oneOf(f.VnfInstanceIDs, e.VNF) && oneOf(f.VnfInstanceNames, e.Name) &&
		(len(f.VnfProductsFromProviders) == 0 || slices.ContainsFunc(f.VnfProductsFromProviders, e.madeBy))
}

// madeBy walks the nested part of the filter: provider, product, software version,
// VNFD version; what is absent allows all.
func (e Event) madeBy(f sol003.VnfProductsFromProvider) bool {
	if f.VnfProvider != e.Provider {
		return false
	}
	if len(f.VnfProducts) == 0 {
		return true
	}
	return slices.ContainsFunc(f.VnfProducts, func(p sol003.VnfProduct) bool {
		if p.VnfProductName != e.Product {
			return false
		}
		if len(p.Versions) == 0 {
			return true
		}
		return slices.ContainsFunc(p.Versions, func(v sol003.VnfProductVersions) bool {
			return v.VnfSoftwareVersion == e.SoftwareVersion && oneOf(v.VnfdVersions, e.VnfdVersion)
		})
	})
}

// oneOf says whether a filter's values allow a value; none allow all.
func oneOf[T comparable](allowed []T, v T) bool {
	return len(allowed) == 0 || slices.Contains(allowed, v)
}
