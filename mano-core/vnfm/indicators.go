package vnfm

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/mano-core/vnfm/configuration"
	"github.com/manoward/manoward/mano-core/vnfm/indicators"
)

// newIndicators makes the list of what VNFs tell of themselves.
func (s *Service) newIndicators() *indicators.List {
	return indicators.New(s.space, indicators.Config{
		Publish: s.Publisher.Publish, VNF: s.indicated, Asked: func() []string { return s.vnfs.Find(termIndicated) },
		Declared: func(ctx context.Context, domain, vnfdID string) ([]sol001.IndicatorDesc, error) {
			d, _, err := s.descriptor(ctx, domain, vnfdID)
			if err != nil {
				return nil, err
			}
			return d.Indicators, nil
		},
		Client: s.reach(), Interval: s.IndicatorInterval, Now: s.Now, Wait: s.Wait, Log: s.Log,
		Concerns: func(filter *sol003.VnfInstanceSubscriptionFilter, subject json.RawMessage) bool {
			var of Subject
			return json.Unmarshal(subject, &of) == nil && Event{Subject: of}.matchesInstance(filter)
		},
	})
}

// Indicators is what VNFs, and EMs of them, tell.
func (s *Service) Indicators() *indicators.List { return s.indicators }

// termIndicated finds VNFs that say where their indicators are read.
const termIndicated = "indicated"

// addresses are the attributes that say where, by source.
var addresses = map[string]string{sol001.SourceVNF: indicators.AddressVNF, sol001.SourceEM: indicators.AddressEM}

// isIndicated says whether the indicators of a VNF are to be read.
func (v *VNF) isIndicated() bool {
	if v.Layout == nil || v.Deleted {
		return false
	}
	for _, name := range addresses {
		if v.Configurable[name] != nil {
			return true
		}
	}
	return false
}

// indicated is a VNF as its indicators see it.
func (s *Service) indicated(ctx context.Context, id string) (indicators.VNF, error) {
	e, err := s.VNF(ctx, id)
	if err != nil {
		return indicators.VNF{}, err
	}
	out := indicators.VNF{Domain: e.Domain, VnfdID: e.Value.VnfdID}
	if !e.Value.isIndicated() {
		return out, nil
	}
	out.VnfdID, out.Addresses = e.Value.Layout.VnfdID, map[string]string{}
	for source, name := range addresses {
		if at, _ := e.Value.Configurable[name].(string); at != "" {
			out.Addresses[source] = at
		}
	}
	if out.Subject, err = json.Marshal(e.Value.subject(id)); err != nil {
		return out, fmt.Errorf("encode what filters see of VNF %s: %w", id, err)
	}
	return out, nil
}

// checkAddresses refuses a change of a VNF that names places where indicators are not
// read, or it is not configured.
func checkAddresses(patch map[string]any) error {
	properties, _ := patch["vnfConfigurableProperties"].(map[string]any)
	for _, name := range []string{indicators.AddressVNF, indicators.AddressEM, configuration.Address} {
		if set := properties[name]; set != nil {
			if err := indicators.CheckAddress("vnfConfigurableProperties/"+name, set); err != nil {
				return err
			}
		}
	}
	return nil
}
