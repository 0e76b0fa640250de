package vnfm

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/manoward/manoward/internal/faults"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/sol/sol003"
)

// FaultAPI is the API whose subscriptions are told of alarms.
const FaultAPI = "vnffm"

// newFaults makes the alarm list of the VNFs.
func (s *Service) newFaults() *faults.List {
	return faults.New(s.space, faults.Config{
		API: FaultAPI, Path: "/vnffm/v1", Objects: "/vnflcm/v2/vnf_instances/", Publish: s.Publisher.Publish, Record: s.Record,
		Show: showAlarm, Concerns: concernsVNF, Now: s.Now, Log: s.Log,
	})
}

// Faults is the alarm list of the VNFs. An alarm is raised while the VIM has one open
// of a compute of the VNF, and cleared when it has not, or the VNF has no longer that
// compute.
func (s *Service) Faults() *faults.List { return s.faults }

// showAlarm is an alarm of a VNF (SOL 003 clause 7.5.2.4).
func showAlarm(info sol.AlarmInfo, a *faults.Alarm) any {
	out := sol003.Alarm{AlarmInfo: info}
	if r := a.Resource; r != nil {
		out.RootCauseFaultyResource = &sol003.FaultyResourceInfo{
			FaultyResource: sol003.ResourceHandle{VimConnectionID: r.Vim, ResourceID: r.ID}, FaultyResourceType: r.Type,
		}
	}
	return out
}

// concernsVNF evaluates the vnfInstanceSubscriptionFilter of a subscription.
func concernsVNF(filter []byte, a *faults.Alarm) bool {
	var f sol003.FmNotificationsFilter
	var of Subject
	if json.Unmarshal(filter, &f) != nil || json.Unmarshal(a.Subject, &of) != nil {
		return false
	}
	return Event{Subject: of}.matchesInstance(f.VnfInstanceSubscriptionFilter)
}

// vimAlarms is what the alarms of the VNFs follow.
func (s *Service) vimAlarms() faults.Origin[ifa006.Alarm] {
	return faults.Origin[ifa006.Alarm]{Name: "the VIM", API: s.VIM, Faults: s.faultsOf}
}

// SweepFaults makes the alarm list agree with the VIM's, and does what is left over
// of changes. Its cost grows with the alarms that are open.
func (s *Service) SweepFaults(ctx context.Context) error {
	if err := s.vimAlarms().Sweep(ctx, s.faults); err != nil {
		return err
	}
	return s.faults.Tidy(ctx)
}

// lookAtAlarm makes the alarms agree that come from one of the VIM's.
func (s *Service) lookAtAlarm(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	return s.vimAlarms().Look(ctx, s.faults, id)
}

// faultsOf returns what an open alarm of the VIM means for VNFs: a fault of the one
// whose compute it is about. An alarm of a host is none: each compute on it that
// fails has its own.
func (s *Service) faultsOf(ctx context.Context, a *ifa006.Alarm) (known []faults.Known, err error) {
	for _, id := range s.vnfs.Find("compute=" + a.ManagedObjectID) {
		e, err := s.vnfs.Get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read VNF %s: %w", id, err)
		}
		for _, c := range e.Value.Layout.vnfcs() {
			if c.ComputeID != a.ManagedObjectID || e.Value.Deleted {
				continue
			}
			f, err := s.faultOf(id, &e.Value, &c, a)
			if err != nil {
				return nil, err
			}
			known = append(known, faults.Known{Domain: e.Domain, Fault: f})
		}
	}
	return known, nil
}

// faultOf is the fault of a VNF that an alarm of a VNFC's compute means.
func (s *Service) faultOf(id string, v *VNF, c *VNFC, a *ifa006.Alarm) (faults.Fault, error) {
	subject, err := json.Marshal(v.subject(id))
	if err != nil {
		return faults.Fault{}, fmt.Errorf("encode what filters see of VNF %s: %w", id, err)
	}
	kind := sol.EventProcessingError
	if a.RootCause != "" { // the equipment under it
		kind = sol.EventEquipment
	}
	severity := sol.PerceivedSeverityType(a.Severity)
	if severity == sol.SeverityCritical && len(v.Layout.vnfcs()) > 1 {
		severity = sol.SeverityMajor // the VNF is degraded, and not totally out of service (ITU-T X.733)
	}
	details := []string{"vnfcInstanceId=" + c.ID, "vduId=" + c.VDU}
	if a.HostID != "" {
		details = append(details, "hostId="+a.HostID)
	}
	return faults.Fault{
		Object: id, Origin: a.ID, Severity: severity, EventTime: a.Raised, EventType: kind,
		FaultType: a.FaultType, ProbableCause: a.ProbableCause, Details: details, Subject: subject,
		Resource: &faults.FaultyResource{Vim: s.handle(c.Connection, "").VimConnectionID, ID: c.ComputeID, Type: sol.FaultyCompute},
	}, nil
}
