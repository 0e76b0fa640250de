package vnfm

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
)

// healer is who asks for what the VNFM does by itself.
func healer() Caller {
	return Caller{Identity: hub.Identity{TrustDomain: "hub", Kind: hub.KindVNFM, Name: "auto-heal"}, Automatic: true}
}

func isFailed(c *ifa006.Compute) bool {
	return strings.EqualFold(c.OperationalState, ifa006.Failed) || strings.EqualFold(c.RunningState, ifa006.Failed)
}

// Watch subscribes at the VIM and heals what fails, until ctx ends. Notifications
// make it quick; that none is missed is for the sweep, which comes at the start
// and at every Config.Sweep. It returns ctx's error.
func (s *Service) Watch(ctx context.Context) error {
	for {
		if err := s.subscribe(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("the VIM takes no subscription; failed computes are found by asking", "err", err)
		}
		if err := s.SweepFaults(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("the alarm list may be older than what the VIM knows", "err", err)
		}
		if err := s.SweepOnce(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("the VIM does not say which computes have failed", "err", err)
		}
		if err := s.finishVNFs(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("events of VNF instances wait to be published", "err", err)
		}
		s.launchUnfinished()
		s.RenewCertificates(ctx)
		if err := s.Wait(ctx, s.Config.Sweep); err != nil {
			return err
		}
	}
}

// wantedOfVIM are the notifications that the VNFM asks the VIM for.
var wantedOfVIM = [...]string{ifa006.AlarmType, ifa006.AlarmClearedType, ifa006.NotificationType}

// subscribe asks the VIM for alarms and changes of computes unless it has been
// asked already, by this process or one before it. A subscription that an older
// VNFM made for less is ended when the new one is there.
func (s *Service) subscribe(ctx context.Context) error {
	var old []string
	for x, err := range httpapi.All[ifa006.Subscription](ctx, s.VIM, "/subscriptions", nil) {
		switch {
		case err != nil:
			return err
		case x.CallbackURI != s.Callback:
		case x.Filter != nil && slices.Equal(x.Filter.NotificationTypes, wantedOfVIM[:]):
			return nil
		default:
			old = append(old, x.ID)
		}
	}
	in := ifa006.SubscriptionRequest{CallbackURI: s.Callback, Filter: &ifa006.Filter{NotificationTypes: wantedOfVIM[:]}}
	if _, err := s.VIM.Do(ctx, http.MethodPost, "/subscriptions", in, nil); err != nil {
		return err
	}
	for _, id := range old {
		if _, err := s.VIM.Do(ctx, http.MethodDelete, "/subscriptions/"+url.PathEscape(id), nil, nil); err != nil && hub.CodeOf(err) != hub.NotFound {
			return err
		}
	}
	return nil
}

// SweepOnce asks the VIM for all failed computes and heals their VNFs. Its cost
// grows with what has failed.
func (s *Service) SweepOnce(ctx context.Context) error {
	query := url.Values{"filter": {"(in,operationalState," + ifa006.Failed + ",Failed)"}}
	for c, err := range httpapi.All[ifa006.Compute](ctx, s.VIM, "/computes", query) {
		if err != nil {
			return err
		}
		if err := s.heal(ctx, c.ID); err != nil {
			s.Log.Warn("a failed compute is not healed", "compute", c.ID, "err", err)
		}
	}
	return nil
}

// VIMNotification takes a notification of the VIM: its alarm and its compute are
// looked at. It is only a hint: what it says of their state is asked of the VIM itself.
func (s *Service) VIMNotification(ctx context.Context, in VIMNotice) error {
	id := in.ResourceID
	if in.Alarm != nil {
		if err := s.lookAtAlarm(ctx, in.Alarm.ID); err != nil {
			return err
		}
		id = in.Alarm.ManagedObjectID
	}
	if id == "" || len(s.vnfs.Find("compute="+id)) == 0 {
		return nil
	}
	bad, err := s.computeFailed(ctx, id)
	if err != nil || !bad {
		return err
	}
	return s.heal(ctx, id)
}

// VIMNotice is what is read of a notification: of a change or of an alarm.
type VIMNotice struct {
	NotificationType string        `json:"notificationType"`
	ResourceID       string        `json:"virtualisedResourceId"`
	Alarm            *ifa006.Alarm `json:"alarm"`
}

// healPause is how many sweeps pass before a VNF is healed again whose healing
// the NFVO refused: each attempt is an operation that is stored for ever, and that
// all subscribers are told of.
const healPause = 10

// refusedLately says whether the last that the VNF saw is such a refusal. An NFVO
// that did not answer has refused nothing.
func (s *Service) refusedLately(ctx context.Context, v *VNF) (bool, error) {
	if v.Running == "" {
		return false, nil
	}
	e, err := s.ops.Get(ctx, v.Running)
	if err != nil {
		if hub.CodeOf(err) == hub.NotFound {
			err = nil
		}
		return false, err
	}
	op := &e.Value
	refused := op.Automatic && op.State == rolledBack && op.Error != nil && op.Error.Status != http.StatusServiceUnavailable
	return refused && s.Now().Sub(op.Entered) < healPause*s.Config.Sweep, nil
}

// heal replaces the VNFCs of a VNF with a failed compute, if its VNF is to be healed
// automatically. A VNF that an operation holds is left to the next sweep, one whose
// healing was refused for longer.
func (s *Service) heal(ctx context.Context, compute string) error {
	for _, id := range s.vnfs.Find("compute=" + compute) {
		vnf, err := s.VNF(ctx, id)
		if err != nil || !vnf.Value.autoHeals() {
			continue
		}
		if wait, err := s.refusedLately(ctx, &vnf.Value); err != nil {
			return err
		} else if wait {
			continue
		}
		ill, err := s.failed(ctx, vnf.Value.Layout)
		if err != nil {
			return err
		}
		if len(ill) == 0 {
			continue
		}
		_, err = s.Heal(ctx, healer(), id, sol003.HealVnfRequest{
			Cause: "compute " + compute + " has failed", AdditionalParams: sol003.KeyValuePairs{ParamVnfcs: listOf(ill)},
		})
		if err != nil && hub.CodeOf(err) != hub.Conflict {
			return err
		}
	}
	return nil
}

func listOf(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}
