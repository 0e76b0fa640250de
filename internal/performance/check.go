package performance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/state"
)

const (
	opJob       = "create PM job"
	opThreshold = "create threshold"
)

// checkType returns the type of measured object of a request.
func (m *Meter) checkType(op, name string) (*ObjectType, error) {
	if kind := m.kind(name); kind != nil {
		return kind, nil
	}
	if name == "" {
		return nil, hub.E(hub.Invalid, op, "objectType is missing", nil)
	}
	var known []string
	for _, k := range m.c.Types {
		known = append(known, k.Name)
	}
	return nil, hub.E(hub.Unprocessable, op, fmt.Sprintf("objectType %.80q is not supported; supported are: %s", name, strings.Join(known, ", ")), nil)
}

// checkMetrics refuses metrics that the type does not have.
func checkMetrics(op string, kind *ObjectType, metrics ...string) error {
	for _, name := range metrics {
		if !slices.Contains(kind.Metrics, name) {
			return hub.E(hub.Unprocessable, op, fmt.Sprintf("the performance metric %.80q is not supported of objectType %s; supported are: %s", name, kind.Name, strings.Join(kind.Metrics, ", ")), nil)
		}
	}
	return nil
}

// checkCriteria refuses criteria that cannot be collected by.
func checkCriteria(kind *ObjectType, c *sol.PmJobCriteria, now time.Time) error {
	bad := func(format string, args ...any) error {
		return hub.E(hub.Unprocessable, opJob, fmt.Sprintf(format, args...), nil)
	}
	if len(c.PerformanceMetric)+len(c.PerformanceMetricGroup) == 0 {
		return hub.E(hub.Invalid, opJob, "criteria has neither performanceMetric nor performanceMetricGroup; name at least one", nil)
	}
	if err := checkMetrics(opJob, kind, c.PerformanceMetric...); err != nil {
		return err
	}
	if err := checkDistinct(opJob, "criteria/performanceMetric", c.PerformanceMetric, len(kind.Metrics)); err != nil {
		return err
	}
	for _, g := range c.PerformanceMetricGroup {
		if g != kind.Group {
			return bad("the performance metric group %.80q is not supported of objectType %s; supported is: %s", g, kind.Name, kind.Group)
		}
	}
	if err := checkDistinct(opJob, "criteria/performanceMetricGroup", c.PerformanceMetricGroup, 1); err != nil {
		return err
	}
	switch {
	case c.CollectionPeriod < 1 || c.CollectionPeriod > MaxPeriod:
		return bad("criteria/collectionPeriod is %d; it is from 1 to %d seconds here", c.CollectionPeriod, MaxPeriod)
	case c.ReportingPeriod < c.CollectionPeriod || c.ReportingPeriod > MaxPeriod || c.ReportingPeriod%c.CollectionPeriod != 0:
		return bad("criteria/reportingPeriod is %d; it is a multiple of collectionPeriod, %d, up to %d seconds", c.ReportingPeriod, c.CollectionPeriod, MaxPeriod)
	case c.ReportingBoundary != nil && !c.ReportingBoundary.After(now):
		return bad("criteria/reportingBoundary has passed; it is now %s", now.Format(time.RFC3339))
	}
	return nil
}

// checkDistinct refuses lists that are longer than they may be, or name something twice.
func checkDistinct(op, attribute string, list []string, most int) error {
	if len(list) > most {
		return hub.E(hub.Unprocessable, op, fmt.Sprintf("%s has %d elements, and may have %d; ask for less", attribute, len(list), most), nil)
	}
	sorted := slices.Sorted(slices.Values(list))
	if n := len(slices.Compact(sorted)); n != len(list) {
		return hub.E(hub.Unprocessable, op, attribute+" names something twice; name each once", nil)
	}
	return nil
}

// checkObjects refuses objects that there are not, and by the same words those that the
// caller may not know of, at which may is hub.NotFound; and sub-objects that the one
// object does not have.
func (m *Meter) checkObjects(ctx context.Context, op, attribute string, kind *ObjectType, ids, subs []string, may func(domain, id string) error) error {
	if len(ids) == 0 || slices.Contains(ids, "") {
		return hub.E(hub.Invalid, op, attribute+" is missing or empty", nil)
	}
	if err := checkDistinct(op, attribute, ids, MaxObjects); err != nil {
		return err
	}
	if err := checkDistinct(op, "subObjectInstanceIds", subs, MaxSubObjects); err != nil {
		return err
	}
	if len(subs) > 0 && (len(ids) != 1 || kind.Subs == "") {
		return hub.E(hub.Unprocessable, op, fmt.Sprintf("subObjectInstanceIds is for one object, of a type that has sub-objects; of %d of objectType %s leave it out", len(ids), kind.Name), nil)
	}
	for _, id := range ids {
		domain, has, err := m.c.Object(ctx, kind.Name, id)
		if err == nil {
			err = may(domain, id)
		}
		if hub.CodeOf(err) == hub.NotFound {
			return hub.E(hub.Unprocessable, op, fmt.Sprintf("%s: there is no object %.80q to measure; list them with GET %s", attribute, id, strings.TrimSuffix(m.c.Objects, "/")), nil)
		}
		if err != nil {
			return fmt.Errorf("find what is to be measured: %w", err)
		}
		for _, sub := range subs {
			if !slices.Contains(has, sub) {
				return hub.E(hub.Unprocessable, op, fmt.Sprintf("subObjectInstanceIds: %.80q is none of its %s; it has: %.400s", sub, kind.Subs, strings.Join(has, ", ")), nil)
			}
		}
	}
	return nil
}

// checkThreshold refuses criteria that nothing can be compared with.
func checkThreshold(kind *ObjectType, c *sol.ThresholdCriteria) error {
	switch {
	case c.PerformanceMetric == "":
		return hub.E(hub.Invalid, opThreshold, "criteria/performanceMetric is missing", nil)
	case c.ThresholdType != sol.ThresholdSimple:
		return hub.E(hub.Invalid, opThreshold, fmt.Sprintf("criteria/thresholdType is %.40q; it is %s", c.ThresholdType, sol.ThresholdSimple), nil)
	case c.SimpleThresholdDetails == nil:
		return hub.E(hub.Invalid, opThreshold, "criteria/simpleThresholdDetails is missing; a threshold of the type SIMPLE has it", nil)
	case c.SimpleThresholdDetails.Hysteresis < 0:
		return hub.E(hub.Invalid, opThreshold, "criteria/simpleThresholdDetails/hysteresis is negative", nil)
	case c.SimpleThresholdDetails.Hysteresis == 0: // as note 2 of the type allows
		return hub.E(hub.Unprocessable, opThreshold, "criteria/simpleThresholdDetails/hysteresis is 0, so that a value which stays at the threshold crosses it again and again; send one above 0", nil)
	}
	return checkMetrics(opThreshold, kind, c.PerformanceMetric)
}

// idempotency names the request in which a create may be repeated.
const idempotency = "Idempotency-Key"

// maxKey bounds that header, in bytes.
const maxKey = 255

// identifier is the ID of what a request makes, the same for the same key.
func identifier(r *http.Request, what, owner string) (string, error) {
	key := r.Header.Get(idempotency)
	if len(key) > maxKey {
		return "", hub.E(hub.Invalid, "read "+idempotency, fmt.Sprintf("%s has %d bytes; send at most %d", idempotency, len(key), maxKey), nil)
	}
	if key == "" {
		return hub.NewID(), nil
	}
	return hub.DeriveID(what, owner, key), nil
}

// repeated returns what the same request has made before; another one with its key is
// refused.
func repeated[T any](ctx context.Context, k *state.Kind[T], id string, asked func(*T) string, now string) (state.Entry[T], bool, error) {
	e, err := k.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return e, false, nil
	}
	if err == nil && asked(&e.Value) != now {
		err = errKeyReused()
	}
	return e, err == nil, err
}

func errKeyReused() error {
	return hub.E(hub.Unprocessable, "create", "this "+idempotency+" came with another request before; use a new one", nil)
}

// create stores what a request asks for, or returns what the same request has stored
// meanwhile, which the index may not have yet.
func create[T any](ctx context.Context, k *state.Kind[T], domain, id string, value *T, asked func(*T) string) (state.Entry[T], error) {
	e, err := k.Create(ctx, domain, id, value)
	if hub.CodeOf(err) != hub.Conflict {
		return e, err
	}
	e, err = k.GetIn(ctx, domain, id)
	if err == nil && asked(&e.Value) != asked(value) {
		err = errKeyReused()
	}
	return e, err
}

// tooMany refuses one more than a consumer may have.
func tooMany(op, what string, most int) error {
	return hub.E(hub.Unprocessable, op, fmt.Sprintf("you have %d %s here, which is the most for one consumer; delete one that is not needed any more", most, what), nil)
}
