package vnfm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/performance"
)

// PerformanceAPI is the API whose PM jobs and thresholds tell.
const PerformanceAPI = "vnfpm"

// The types of measured objects (IFA 027 clause 7.2). Of each the object is a VNF
// instance.
const (
	ofVNF   = "Vnf"      // all of its VNFCs as one
	ofVNFC  = "Vnfc"     // each VNFC
	ofIntCP = "VnfIntCp" // each connection point of a VNFC on an internal link
	ofExtCP = "VnfExtCp" // each external connection point
)

// PerformanceTypes are what the VNFM measures. The metrics are those of the resource
// under it (IFA 027 clause 7.1) with another ending.
func PerformanceTypes() []performance.ObjectType {
	ending := func(metrics []string, ending string) (out []string) {
		for _, m := range metrics {
			out = append(out, strings.TrimPrefix(m, "VNet")+ending)
		}
		return out
	}
	compute := ending(ifa006.ComputeMetrics(), "Vnf")
	return []performance.ObjectType{
		{Name: ofVNF, Group: "VirtualisedComputeResource", Metrics: compute},
		{Name: ofVNFC, Group: "VirtualisedComputeResource", Metrics: compute, Subs: "VNFC instances"},
		{Name: ofIntCP, Group: "VnfInternalCp", Metrics: ending(ifa006.PortMetrics(), ofIntCP), Subs: "internal connection points"},
		{Name: ofExtCP, Group: "VnfExternalCp", Metrics: ending(ifa006.PortMetrics(), ofExtCP), Subs: "external connection points"},
	}
}

// resourceMetric is the metric of the resource that a metric of a VNF is made of.
func resourceMetric(kind, metric string) string {
	if kind == ofVNF || kind == ofVNFC {
		return strings.TrimSuffix(metric, "Vnf")
	}
	return "VNet" + strings.TrimSuffix(metric, kind)
}

// newPerformance makes what keeps the PM jobs and thresholds of the VNFs.
func (s *Service) newPerformance() *performance.Meter {
	return performance.New(s.space, performance.Config{
		API: PerformanceAPI, Path: "/vnfpm/v2", Objects: "/vnflcm/v2/vnf_instances/", Types: PerformanceTypes(), Publish: s.Publisher.Publish, Callbacks: s.Callbacks, Gone: s.gone,
		Object: s.measurable, Measure: s.measured, Now: s.Now, Wait: s.Wait, Log: s.Log,
	})
}

// Performance is the PM jobs and thresholds of the VNFs. What was measured of a VNF is
// what the VIM has of its computes and their ports. The value of a metric in a
// collection period is, of its measurements in that period, the mean (of a mean), the
// greatest (of a peak) or the sum (of bytes and packets); that of a VNF is the mean or
// the greatest of those of its VNFCs. Where the VIM has none, or no longer all, there is
// no value.
func (s *Service) Performance() *performance.Meter { return s.performance }

// parts returns the resources at the VIM that something is measured at, by the
// sub-object that they are: "" is the VNF itself.
func (l *Layout) parts(kind string) map[string]string {
	parts := map[string]string{}
	for _, c := range l.vnfcs() {
		switch kind {
		case ofVNF, ofVNFC:
			parts[c.ComputeID] = c.ID
		default:
			for _, p := range c.Ports {
				switch {
				case p.PortID == "":
				case kind == ofExtCP && p.ExtCp != "":
					parts[p.PortID] = p.extCpID()
				case kind == ofIntCP && p.ExtCp == "":
					parts[p.PortID] = p.ID
				}
			}
		}
	}
	return parts
}

// measurable returns the trust domain of a VNF, and its sub-objects of a type.
func (s *Service) measurable(ctx context.Context, kind, id string) (string, []string, error) {
	e, err := s.VNF(ctx, id)
	if err != nil {
		return "", nil, err
	}
	var subs []string
	if kind != ofVNF {
		for _, sub := range e.Value.Layout.parts(kind) {
			subs = append(subs, sub)
		}
	}
	slices.Sort(subs)
	return e.Domain, subs, nil
}

// measured asks the VIM what was measured of the parts of VNFs.
func (s *Service) measured(ctx context.Context, t *performance.Task) ([]performance.Value, map[string]time.Time, error) {
	var values []performance.Value
	for _, id := range t.Objects {
		e, err := s.VNF(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read VNF %s: %w", id, err)
		}
		parts := e.Value.Layout.parts(t.Type)
		if t.Type != ofVNF {
			for resource, sub := range parts {
				if !t.Wants(sub) {
					delete(parts, resource)
				}
			}
		}
		of, err := performance.Measurements(ctx, s.VIM, slices.Collect(maps.Keys(parts)))
		if err != nil {
			return nil, nil, err
		}
		for _, metric := range t.Metrics {
			values = append(values, valuesOf(t, id, metric, parts, of)...)
		}
	}
	return values, nil, nil
}

// valuesOf makes the values of a metric of a VNF, or of its sub-objects, for each
// collection period that has one.
func valuesOf(t *performance.Task, vnf, metric string, parts map[string]string, of []ifa006.Measurements) (values []performance.Value) {
	from := resourceMetric(t.Type, metric)
	for end := t.From.Add(t.Period); !end.After(t.Until); end = end.Add(t.Period) {
		whole, missing := []float64(nil), false
		for i := range of {
			sub, ours := parts[of[i].ResourceID]
			if !ours {
				continue
			}
			v, measured, lost := performance.InPeriod(&of[i], from, end.Add(-t.Period), end)
			missing = missing || lost
			switch {
			case !measured || lost:
			case t.Type == ofVNF:
				whole = append(whole, v)
			default:
				values = append(values, performance.Value{Object: vnf, Sub: sub, Metric: metric, At: end, Value: v})
			}
		}
		if len(whole) > 0 && !missing {
			values = append(values, performance.Value{Object: vnf, Metric: metric, At: end, Value: performance.Join(from, whole)})
		}
	}
	return values
}
