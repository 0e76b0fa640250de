package vnfm

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/vnfm/configuration"
	"github.com/manoward/manoward/mano-core/vnfm/indicators"
)

// newConfiguration makes the list of what VNFs are configured with.
func (s *Service) newConfiguration() *configuration.List {
	return configuration.New(s.space, configuration.Config{
		VNF: s.configured, Asked: func() []string { return s.vnfs.Find(termConfigured) }, Client: s.reach(), Record: s.Record,
		Interval: s.IndicatorInterval, Now: s.Now, Wait: s.Wait, Log: s.Log,
	})
}

// Configuration is what VNFs are configured with.
func (s *Service) Configuration() *configuration.List { return s.configuration }

// reach returns what reaches VNFs and EMs, which may be nothing.
func (s *Service) reach() func(domain string) (*http.Client, error) {
	if s.Reach != nil {
		return s.Reach
	}
	return func(string) (*http.Client, error) {
		return nil, hub.E(hub.NotFound, "reach VNF", "this VNFM has no credentials for VNFs", nil)
	}
}

// termConfigured finds VNFs that say where they are configured.
const termConfigured = "configured"

// configuredAt is where a VNF is configured, empty if it is not to be.
func (v *VNF) configuredAt() string {
	if v.Layout == nil || v.Deleted {
		return ""
	}
	at, _ := v.Configurable[configuration.Address].(string)
	return at
}

// ownProperties are the vnfConfigurableProperties that SOL 001 declares for the VNFM, in
// the spellings of SOL 001 and SOL 003. A VNF is not told them, nor those of manoward.
var ownProperties = []string{
	"is_autoheal_enabled", "isAutohealEnabled", "is_autoscale_enabled", "isAutoscaleEnabled",
	"vnfm_interface_info", "vnfmInterfaceInfo", "vnfm_oauth_server_info", "vnfmOauthServerInfo", "vnf_oauth_server_info", "vnfOauthServerInfo",
}

// wanted is what a VNF is to be configured with: its vnfConfigurableProperties, but for
// those that the VNFM reads, and those that are declared and have no value.
func (v *VNF) wanted() map[string]any {
	out := map[string]any{}
	for name, value := range v.Configurable {
		if value != nil && !strings.HasPrefix(name, "manoward.") && !slices.Contains(ownProperties, name) {
			out[name] = value
		}
	}
	return out
}

// configured is a VNF as its configuration sees it.
func (s *Service) configured(ctx context.Context, id string) (configuration.VNF, error) {
	e, err := s.VNF(ctx, id)
	if err != nil {
		return configuration.VNF{}, err
	}
	out := configuration.VNF{Domain: e.Domain, Address: e.Value.configuredAt(), Wanted: maps.Clone(e.Value.wanted())}
	if out.Address == "" {
		return out, nil
	}
	if err := indicators.CheckAddress("vnfConfigurableProperties/"+configuration.Address, out.Address); err != nil {
		return out, err // a default of the VNFD, which nobody has looked at yet
	}
	if e.Value.Running == "" {
		return out, nil
	}
	op, err := s.ops.Get(ctx, e.Value.Running)
	switch {
	case hub.CodeOf(err) == hub.NotFound:
		return out, nil
	case err != nil:
		return out, err
	}
	o := &op.Value
	out.Busy = o.runs()
	out.Stamp, out.By = op.ID+" "+o.Entered.UTC().Format(time.RFC3339Nano), o.RequestedBy
	return out, nil
}
