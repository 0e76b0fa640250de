package nfvo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/performance"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// A SAP is where an NS is reached from outside. It has a port of its own on its virtual
// link, so that what goes through it can be told from what VNFs on that link say to one
// another.

func sapID(nsID, sapd string) string { return hub.DeriveID("sap", nsID, sapd) }

func sapPortID(sap string) string { return hub.DeriveID("sap-port", sap) }

// createSapPorts makes the ports of SAPs on the network of their virtual link.
func (r *run) createSapPorts(ctx context.Context, network string, saps []string) error {
	for _, id := range saps {
		port := ifa006.Port{
			ID: sapPortID(id), Name: "SAP", TrustDomain: r.domain, NetworkID: network, AttachedTo: id,
			Metadata: map[string]string{"nsInstanceId": r.op.NsID, "sapInstanceId": id},
		}
		if _, err := r.s.c.VIM.Do(ctx, "POST", "/ports", port, nil); err != nil {
			return fmt.Errorf("make the port of SAP %s: %w", id, err)
		}
	}
	return nil
}

// sapPorts is how those ports are shown at their virtual link.
func (r *run) sapPorts(saps []string) (ports []sol005.NsLinkPortInfo) {
	for _, id := range saps {
		ports = append(ports, sol005.NsLinkPortInfo{
			ID: sapPortID(id), ResourceHandle: sol005.ResourceHandle{VimID: r.s.c.VimID, ResourceID: sapPortID(id)},
			NsCpHandle: &sol005.NsCpHandle{NsInstanceID: r.op.NsID, NsSapInstanceID: id},
		})
	}
	return ports
}

// deleteSapPorts deletes the ports of SAPs on a virtual link: of those that a step names,
// and those that the NS has.
func (r *run) deleteSapPorts(ctx context.Context, link string, saps []string) error {
	e, err := r.s.nss.Get(ctx, r.op.NsID)
	if err != nil {
		return fmt.Errorf("read NS %s: %w", r.op.NsID, err)
	}
	ids := map[string]bool{}
	for _, sap := range saps {
		ids[sapPortID(sap)] = true
	}
	for _, l := range e.Value.Links {
		for _, p := range l.LinkPort {
			if l.ID == link && p.NsCpHandle != nil && p.NsCpHandle.NsSapInstanceID != "" {
				ids[p.ID] = true
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if err := r.s.vimDelete(ctx, "/ports/", id, ""); err != nil {
			return fmt.Errorf("delete the port %s of a SAP: %w", id, err)
		}
	}
	return nil
}

// sapSuffix ends the names of the metrics of SAPs.
const sapSuffix = "Sap"

// sapMetrics are what is measured of a SAP (IFA 027 clause 7.3).
func sapMetrics() (names []string) {
	for _, m := range ifa006.PortMetrics() {
		names = append(names, strings.TrimPrefix(m, "VNet")+sapSuffix)
	}
	return names
}

// portMetric is the metric of its port that a metric of a SAP is. What comes into the NS
// through a SAP is what its port sends into the virtual link, and the other way round.
func portMetric(metric string) string {
	name := "VNet" + strings.TrimSuffix(metric, sapSuffix)
	if in, ok := strings.CutSuffix(name, "Incoming"); ok {
		return in + "Outgoing"
	}
	return strings.TrimSuffix(name, "Outgoing") + "Incoming"
}

// measuredSaps asks the VIM what went through the SAPs of NSs. Of one that has no port, of
// an NS that was instantiated before they had them, nothing is measured.
func (s *Service) measuredSaps(ctx context.Context, t *performance.Task) (values []performance.Value, _ error) {
	for _, ns := range t.Objects {
		_, saps, err := s.measurable(ctx, measuredSap, ns)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read NS %s: %w", ns, err)
		}
		ports := map[string]string{} // SAPs by port
		for _, sap := range saps {
			if t.Wants(sap) {
				ports[sapPortID(sap)] = sap
			}
		}
		of, err := performance.Measurements(ctx, s.c.VIM, slices.Collect(maps.Keys(ports)))
		if err != nil {
			return nil, err
		}
		for i := range of {
			sap, ours := ports[of[i].ResourceID]
			for _, metric := range t.Metrics {
				for end := t.From.Add(t.Period); ours && !end.After(t.Until); end = end.Add(t.Period) {
					v, measured, lost := performance.InPeriod(&of[i], portMetric(metric), end.Add(-t.Period), end)
					if measured && !lost {
						values = append(values, performance.Value{Object: ns, Sub: sap, Metric: metric, At: end, Value: v})
					}
				}
			}
		}
	}
	return values, nil
}
