package vim

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// keptMeasurements is how many measurements of one metric a resource has, the newest.
// All of a resource are one stored value, whose size this bounds to some 30 KiB.
const keptMeasurements = 64

// maxCount bounds what a measurement may count, so that a sum of them is exact in the
// numbers of JSON.
const maxCount = 1 << 40

// measuredRecord is what was measured of a compute or a port, under its ID.
type measuredRecord struct {
	Domain string            `json:"domain"`
	Series map[string]series `json:"series"` // by metric
}

type series struct {
	Dropped *time.Time           `json:"dropped,omitempty"` // when the newest was taken that is not kept
	Kept    []ifa006.Measurement `json:"kept"`
}

func (r *measuredRecord) terms() []string { return []string{termDomain + r.Domain} }

// measure takes a measurement of a compute or a port, which a driver would take from
// the telemetry of the infrastructure. The model measures nothing by itself.
func (m *Model) measure(ctx context.Context, x ifa006.Exercise) error {
	metric, value, err := parseMeasurement(x.Value)
	if err != nil {
		return hub.E(hub.Invalid, "inject event", fmt.Sprintf("value %.80q is no measurement; say METRIC VALUE, such as \"VCpuUsageMean 12.5\": %v", x.Value, err), nil)
	}
	domain, metrics, err := m.measurable(ctx, x.Target)
	if err != nil {
		return err
	}
	if !slices.Contains(metrics, metric) {
		return hub.E(hub.Unprocessable, "inject event", fmt.Sprintf("%.40q is not measured of %.140s; it has: %s", metric, x.Target, strings.Join(metrics, ", ")), nil)
	}
	add := func(r *measuredRecord) error { r.add(metric, value, m.Now().UTC()); return nil }
	_, err = m.measured.Update(ctx, x.Target, add)
	if hub.CodeOf(err) != hub.NotFound {
		return err
	}
	r := &measuredRecord{Domain: domain, Series: map[string]series{}}
	_ = add(r) // cannot fail
	_, err = m.measured.Create(ctx, All, x.Target, r)
	if hub.CodeOf(err) == hub.Conflict { // another was the first one
		_, err = m.measured.Update(ctx, x.Target, add)
	}
	return err
}

// add notes a measurement. One is never before the one before it, whatever the clock
// does, so that who has read up to one misses none.
func (r *measuredRecord) add(metric string, value float64, at time.Time) {
	s := r.Series[metric]
	if n := len(s.Kept); n > 0 && at.Before(s.Kept[n-1].At) {
		at = s.Kept[n-1].At
	}
	s.Kept = append(s.Kept, ifa006.Measurement{Value: value, At: at})
	if over := len(s.Kept) - keptMeasurements; over > 0 {
		s.Dropped = &s.Kept[over-1].At
		s.Kept = slices.Clone(s.Kept[over:])
	}
	r.Series[metric] = s
}

// parseMeasurement reads METRIC VALUE.
func parseMeasurement(text string) (metric string, value float64, err error) {
	words := strings.Fields(text)
	if len(words) != 2 {
		return "", 0, fmt.Errorf("it has %d words and not 2", len(words))
	}
	metric = words[0]
	isCount := slices.Contains(ifa006.PortMetrics(), metric)
	if !isCount && !slices.Contains(ifa006.ComputeMetrics(), metric) {
		return "", 0, fmt.Errorf("the metric is none of %s", strings.Join(slices.Concat(ifa006.ComputeMetrics(), ifa006.PortMetrics()), ", "))
	}
	value, err = strconv.ParseFloat(words[1], 64)
	switch {
	case err != nil || math.IsNaN(value):
		return "", 0, fmt.Errorf("%.40q is no number", words[1])
	case isCount && (value < 0 || value > maxCount || value != math.Trunc(value)):
		return "", 0, fmt.Errorf("a count is a whole number from 0 to %d", int64(maxCount))
	case !isCount && (value < 0 || value > 100):
		return "", 0, fmt.Errorf("a use is a percentage, from 0 to 100")
	}
	return metric, value, nil
}

// measurable returns whose a compute or a port is, and what is measured of it.
func (m *Model) measurable(ctx context.Context, id string) (domain string, metrics []string, err error) {
	c, err := m.computes.Get(ctx, id)
	if err == nil && !c.Value.hidden() {
		return c.Value.Domain, ifa006.ComputeMetrics(), nil
	}
	if err := ignoreGone(err); err != nil {
		return "", nil, err
	}
	p, err := m.ports.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return "", nil, hub.E(hub.NotFound, "find resource", fmt.Sprintf("there is no compute and no port %.140s; list them with GET /computes and GET /ports", id), nil)
	}
	return p.Value.Domain, ifa006.PortMetrics(), err
}

// forgetMeasured drops what was measured of a resource that goes.
func (m *Model) forgetMeasured(ctx context.Context, id string) error {
	if err := ignoreGone(m.measured.Delete(ctx, id, nil)); err != nil {
		return fmt.Errorf("forget what was measured of %s: %w", id, err)
	}
	return nil
}

// Measured lists what was measured of the viewer's computes and ports; of those with
// these IDs alone unless ids is nil.
func (m *Model) Measured(ctx context.Context, viewer string, ids []string) httpapi.Source {
	show := func(id string, r *measuredRecord) any {
		if !sees(viewer, r.Domain) {
			return nil
		}
		return r.show(id)
	}
	return func(after string) iter.Seq2[httpapi.Item, error] {
		entries := m.measured.List(ctx, func(string) bool { return true }, after)
		if ids != nil {
			sorted := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id <= after })
			slices.Sort(sorted)
			entries = m.measured.Among(ctx, func(string) bool { return true }, slices.Compact(sorted))
		}
		return func(yield func(httpapi.Item, error) bool) {
			for e, err := range entries {
				if err != nil {
					yield(httpapi.Item{}, err)
					return
				}
				if shown := show(e.ID, &e.Value); shown != nil && !yield(httpapi.Item{Key: e.ID, Value: shown}, nil) {
					return
				}
			}
		}
	}
}

// MeasuredOf returns what was measured of a resource that the viewer may know of,
// hub.NotFound if nothing was.
func (m *Model) MeasuredOf(ctx context.Context, viewer, id string) (*ifa006.Measurements, error) {
	e, err := m.measured.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || err == nil && !sees(viewer, e.Value.Domain) {
		return nil, hub.E(hub.NotFound, "find measurements", fmt.Sprintf("nothing was measured of %.140s; GET /measurements lists what there is", id), nil)
	}
	if err != nil {
		return nil, err
	}
	return e.Value.show(id), nil
}

func (m *Model) measuredOwner(ctx context.Context, id string) (string, error) {
	shown, err := m.MeasuredOf(ctx, All, id)
	if err != nil {
		return "", err
	}
	return shown.TrustDomain, nil
}

func (r *measuredRecord) show(id string) *ifa006.Measurements {
	out := &ifa006.Measurements{ResourceID: id, TrustDomain: r.Domain, Metrics: []ifa006.Series{}, NfviSource: source}
	for _, metric := range slices.Sorted(maps.Keys(r.Series)) {
		s := r.Series[metric]
		out.Metrics = append(out.Metrics, ifa006.Series{Metric: metric, DroppedUntil: s.Dropped, Measurements: s.Kept})
	}
	return out
}
