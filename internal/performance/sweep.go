package performance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// sweepEvery is how often what is nobody's any more is looked for.
const sweepEvery = 10 * time.Second

// orphansEvery is how often reports are looked for whose job is no more, which a crash or
// a bus that fails leaves. It looks at every report, in memory.
const orphansEvery = 10 * time.Minute

// keepCallback is how long a callback may be there before its job or threshold is, which
// its test comes before. A crash in between leaves it alone.
const keepCallback = 10 * time.Minute

// sweep deletes what is nobody's any more: what consumers have made that are gone,
// reports without their job, and callbacks without their job or threshold. But for these
// and for consumers that may be gone it reads memory only.
func (m *Meter) sweep(ctx context.Context) error {
	err := errors.Join(endOfGone(ctx, m, m.jobs), endOfGone(ctx, m, m.thresholds), m.dropCallbacks(ctx))
	if now := m.now(); !now.Before(m.orphansAt) {
		m.orphansAt = now.Add(orphansEvery)
		err = errors.Join(err, m.dropOrphans(ctx))
	}
	return err
}

// endOfGone ends the jobs or thresholds of consumers that are gone.
func endOfGone[T any](ctx context.Context, m *Meter, k *state.Kind[T]) error {
	if m.c.Gone == nil {
		return nil
	}
	var gone []string
	last, ended := "", false
	for term, id := range k.InOrder(termOwner, "", "") {
		if term != last {
			who, err := hub.ParseIdentity(strings.TrimPrefix(term, termOwner))
			if err != nil {
				return fmt.Errorf("read whose %s is: %w", id, err)
			}
			if ended, err = m.c.Gone(ctx, who); err != nil {
				return fmt.Errorf("ask whether %s is there: %w", who, err)
			}
			last = term
		}
		if ended {
			gone = append(gone, id)
		}
	}
	for _, id := range gone {
		if err := end(ctx, m, k, id); err != nil {
			return err
		}
	}
	return nil
}

// end deletes a job or a threshold. Its notifications end first, so that a deletion that
// was cut off can be repeated. The reports of a job that it cannot delete are swept later.
func end[T any](ctx context.Context, m *Meter, k *state.Kind[T], id string) error {
	if m.c.Callbacks != nil {
		if err := m.c.Callbacks.Unsubscribe(ctx, m.c.API, id); err != nil && hub.CodeOf(err) != hub.NotFound {
			return fmt.Errorf("end the notifications: %w", err)
		}
	}
	if err := k.Delete(ctx, id, nil); err != nil && hub.CodeOf(err) != hub.NotFound {
		return err
	}
	if err := m.dropReports(ctx, state.Entry[job]{ID: id}); err != nil {
		m.c.Log.Warn("reports of a PM job that was deleted are left", "id", id, "err", err)
	}
	return nil
}

// dropOrphans deletes the reports whose job is no more.
func (m *Meter) dropOrphans(ctx context.Context) error {
	for term, id := range m.reports.InOrder(termJob, "", "") {
		if _, there := m.jobs.Domain(strings.TrimPrefix(term, termJob)); there {
			continue
		}
		if err := m.reports.Delete(ctx, id, nil); err != nil && hub.CodeOf(err) != hub.NotFound {
			return fmt.Errorf("forget a report: %w", err)
		}
	}
	return nil
}

// dropCallbacks ends the callbacks that a crash has left without their job or threshold.
func (m *Meter) dropCallbacks(ctx context.Context) error {
	if m.c.Callbacks == nil {
		return nil
	}
	limit := m.now().Add(-keepCallback)
	for s := range m.c.Callbacks.Subscriptions(m.c.API, "") {
		_, job := m.jobs.Domain(s.ID)
		_, threshold := m.thresholds.Domain(s.ID)
		if job || threshold || s.Created.After(limit) {
			continue
		}
		// What is not in memory yet may be stored.
		_, noJob := m.jobs.GetIn(ctx, s.TrustDomain, s.ID)
		_, noThreshold := m.thresholds.GetIn(ctx, s.TrustDomain, s.ID)
		if hub.CodeOf(noJob) != hub.NotFound || hub.CodeOf(noThreshold) != hub.NotFound {
			continue
		}
		if err := m.c.Callbacks.Unsubscribe(ctx, m.c.API, s.ID); err != nil && hub.CodeOf(err) != hub.NotFound {
			return fmt.Errorf("end a callback of nothing: %w", err)
		}
	}
	return nil
}
