package nfvo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/faults"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// FaultAPI is the API whose subscriptions are told of alarms.
const FaultAPI = "nsfm"

// faultSweep is how often the VNFM is asked for all alarms: what a lost notification
// costs at most.
const faultSweep = time.Minute

// newFaults makes the alarm list of the NSs.
func (s *Service) newFaults() *faults.List {
	return faults.New(s.space, faults.Config{
		API: FaultAPI, Path: "/nsfm/v1", Objects: "/nslcm/v2/ns_instances/", Publish: s.c.Publisher.Publish, Record: s.record,
		Show: showAlarm, Concerns: concernsNs, Now: s.c.Now, Log: s.c.Log,
	})
}

// Faults is the alarm list of the NSs. An alarm is raised while the VNFM has one open
// of a VNF of the NS, and cleared when it has not, or the NS has no longer that VNF.
func (s *Service) Faults() *faults.List { return s.faults }

// showAlarm is an alarm of an NS (SOL 005 clause 8.5.2.4).
func showAlarm(info sol.AlarmInfo, a *faults.Alarm) any {
	out := sol005.Alarm{AlarmInfo: info, RootCauseFaultyComponent: &sol005.FaultyComponentInfo{FaultyVnfInstanceID: a.Component}}
	if r := a.Resource; r != nil {
		out.RootCauseFaultyResource = &sol005.FaultyResourceInfo{
			FaultyResource: sol005.ResourceHandle{VimID: r.Vim, ResourceID: r.ID}, FaultyResourceType: r.Type,
		}
	}
	return out
}

// concernsNs evaluates the nsInstanceSubscriptionFilter of a subscription.
func concernsNs(filter []byte, a *faults.Alarm) bool {
	var f sol005.FmNotificationsFilter
	var of event
	if json.Unmarshal(filter, &f) != nil || json.Unmarshal(a.Subject, &of) != nil {
		return false
	}
	return of.matchesNs(f.NsInstanceSubscriptionFilter)
}

// WatchFaults keeps the alarms of the NSs in agreement with the VNFM's until ctx
// ends. Its notifications make that quick; that none is missed is for a look at all
// of them, at the start and at every [faultSweep]. It returns ctx's error.
func (s *Service) WatchFaults(ctx context.Context) error {
	for {
		if err := s.followFaults(ctx); err != nil && ctx.Err() == nil {
			s.c.Log.Warn("the VNFM takes no subscription to alarms; they are found by asking", "err", err)
		}
		if err := s.SweepFaults(ctx); err != nil && ctx.Err() == nil {
			s.c.Log.Warn("the alarm list may be older than what the VNFM knows", "err", err)
		}
		select {
		case <-s.c.After(faultSweep):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// followFaults subscribes to the VNFM's alarms. The same subscription again is the
// one that there is.
func (s *Service) followFaults(ctx context.Context) error {
	if s.c.CallbackURI == "" {
		return nil
	}
	_, err := s.c.VNFMFaults.Do(ctx, "POST", "/subscriptions", sol.FmSubscriptionRequest{CallbackURI: s.c.CallbackURI}, nil)
	return err
}

// vnfmAlarms is what the alarms of the NSs follow.
func (s *Service) vnfmAlarms() faults.Origin[sol003.Alarm] {
	return faults.Origin[sol003.Alarm]{
		Name: "the VNFM", API: s.c.VNFMFaults, Faults: s.faultsOf,
		Query: url.Values{"filter": {"(neq,perceivedSeverity," + string(sol.SeverityCleared) + ")"}},
	}
}

// SweepFaults makes the alarm list agree with the VNFM's, and does what is left over
// of changes. Its cost grows with the alarms that the VNFM lists.
func (s *Service) SweepFaults(ctx context.Context) error {
	if err := s.vnfmAlarms().Sweep(ctx, s.faults); err != nil {
		return err
	}
	return s.faults.Tidy(ctx)
}

// lookAtAlarm makes the alarms agree that come from one of the VNFM's.
func (s *Service) lookAtAlarm(ctx context.Context, id string) error {
	if id == "" || s.c.VNFMFaults == nil {
		return nil
	}
	return s.vnfmAlarms().Look(ctx, s.faults, id)
}

// faultsOf returns what an alarm of the VNFM means for NSs: while it is open, a fault
// of each that has the VNF.
func (s *Service) faultsOf(ctx context.Context, a *sol003.Alarm) (known []faults.Known, err error) {
	if a.AlarmClearedTime != nil {
		return nil, nil
	}
	for _, id := range s.nss.Find(vnfTerm(a.ManagedObjectID)) {
		e, err := s.seen(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read NS %s: %w", id, err)
		}
		f, err := s.faultOf(id, &e.Value, a)
		if err != nil {
			return nil, err
		}
		known = append(known, faults.Known{Domain: e.Domain, Fault: f})
	}
	return known, nil
}

// faultOf is the fault of an NS that an open alarm of one of its VNFs means. It says
// what that says, and which VNF it is.
func (s *Service) faultOf(id string, n *ns, a *sol003.Alarm) (faults.Fault, error) {
	subject, err := json.Marshal(newEvent(FaultAPI, id, n, a.EventTime))
	if err != nil {
		return faults.Fault{}, fmt.Errorf("encode what filters see of NS %s: %w", id, err)
	}
	f := faults.Fault{
		Object: id, Origin: a.ID, Severity: a.PerceivedSeverity, EventTime: a.EventTime, EventType: a.EventType, FaultType: a.FaultType,
		ProbableCause: a.ProbableCause, Details: append([]string{"vnfInstanceId=" + a.ManagedObjectID}, slices.Clone(a.FaultDetails)...),
		Component: a.ManagedObjectID, Subject: subject,
	}
	if r := a.RootCauseFaultyResource; r != nil {
		f.Resource = &faults.FaultyResource{Vim: s.c.VimID, ID: r.FaultyResource.ResourceID, Type: r.FaultyResourceType}
	}
	return f, nil
}
