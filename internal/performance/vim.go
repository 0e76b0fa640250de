package performance

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/ifa006"
)

// askedAtOnce bounds the resources that one query names, so that its URI stays short.
const askedAtOnce = 50

// Measurements asks a VIM, at {apiRoot}/vim/v1, what it has of resources.
func Measurements(ctx context.Context, vim *httpapi.Client, resources []string) ([]ifa006.Measurements, error) {
	var ids []string
	for _, id := range resources {
		ids = append(ids, "'"+strings.ReplaceAll(id, "'", "''")+"'")
	}
	slices.Sort(ids)
	var out []ifa006.Measurements
	for some := range slices.Chunk(ids, askedAtOnce) {
		query := url.Values{"filter": {"(in,resourceId," + strings.Join(some, ",") + ")"}}
		for x, err := range httpapi.All[ifa006.Measurements](ctx, vim, "/measurements", query) {
			if err != nil {
				return nil, fmt.Errorf("ask the VIM what was measured: %w", err)
			}
			out = append(out, x)
		}
	}
	return out, nil
}

// InPeriod returns what a metric of a resource was in a period, after its beginning and up
// to its end: measured is false where nothing was, and lost is true where the VIM does not
// have all of it any more.
func InPeriod(m *ifa006.Measurements, metric string, after, until time.Time) (value float64, measured, lost bool) {
	i := slices.IndexFunc(m.Metrics, func(s ifa006.Series) bool { return s.Metric == metric })
	if i < 0 {
		return 0, false, false
	}
	s := &m.Metrics[i]
	if s.DroppedUntil != nil && s.DroppedUntil.After(after) {
		return 0, false, true
	}
	var in []float64
	for _, x := range s.Measurements {
		if x.At.After(after) && !x.At.After(until) {
			in = append(in, x.Value)
		}
	}
	if len(in) == 0 {
		return 0, false, false
	}
	return Join(metric, in), true, false
}

// Join makes one value of several of a metric of a resource, of which there is at least
// one: the mean of a mean, the greatest of a peak, else the sum.
func Join(metric string, values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	switch {
	case strings.HasSuffix(metric, "Peak"):
		return slices.Max(values)
	case strings.HasSuffix(metric, "Mean"):
		return sum / float64(len(values))
	}
	return sum
}
