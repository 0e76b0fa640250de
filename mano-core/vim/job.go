package vim

import (
	"context"
	"fmt"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/state"
)

// States of a job.
const (
	jobProcessing = "PROCESSING"
	jobCompleted  = "COMPLETED"
	jobFailed     = "FAILED"
)

// What a stop of use does with the computes on the host.
const (
	stopMigrate = "MIGRATE"
	stopLeave   = "LEAVE"
)

// StopUse ends the use of a host (IFA 033 Sc-Or.SecEnforce.004), for one trust
// domain or, with an empty one, for all. It returns when the order is stored; a
// job carries it out: no more computes, then migration of what may migrate, then
// the quarantine of the rest. The same order again returns the job there is.
func (m *Model) StopUse(ctx context.Context, actor hub.Identity, host string, req ifa006.StopUseRequest) (*ifa006.Job, error) {
	const op = "stop use of host"
	if err := checkID(op, "id", req.ID); err != nil {
		return nil, err
	}
	if req.Computes != stopMigrate && req.Computes != stopLeave {
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("vnfs %.40q is neither MIGRATE nor LEAVE", req.Computes), nil)
	}
	if err := checkTexts(op, nil, req.Reason); err != nil {
		return nil, err
	}
	if req.TrustDomain != "" {
		if err := checkDomain(op, req.TrustDomain); err != nil {
			return nil, err
		}
	}
	e, err := m.hosts.Get(ctx, host)
	if hub.CodeOf(err) == hub.NotFound || err == nil && !e.Value.serves(viewerOf(actor)) {
		return nil, notFound("host", host)
	}
	if err != nil {
		return nil, err
	}
	record := &jobRecord{Request: req, Actor: actor.String()}
	record.Job = ifa006.Job{ID: req.ID, HostID: host, State: jobProcessing, Migrated: []string{}, Remaining: []string{}, Started: m.Now().UTC()}
	request, err := digest([]any{host, req})
	if err != nil {
		return nil, err
	}
	job, err := createOnce(ctx, m.jobs, "stop of use", req.ID, request, func(r *jobRecord) string {
		d, _ := digest([]any{r.HostID, r.Request})
		return d
	}, record, nil)
	if err != nil {
		return nil, err
	}
	if job.Value.State == jobProcessing {
		m.carryOut(req.ID)
	}
	return &job.Value.Job, nil
}

// viewerOf returns the trust domain that an identity sees.
func viewerOf(id hub.Identity) string { return id.TrustDomain }

// carryOut runs a job beside the request that ordered it. What an error
// interrupts the sweep takes up again.
func (m *Model) carryOut(id string) {
	m.mu.Lock()
	work := m.work
	m.mu.Unlock()
	m.busy.Go(func() {
		if err := m.runJob(work, id); err != nil && work.Err() == nil {
			m.Log.Warn("a stop of use is interrupted; it is taken up again", "job", id, "err", err)
		}
	})
}

// Job returns a job that the viewer may know of.
func (m *Model) Job(ctx context.Context, viewer, id string) (*ifa006.Job, error) {
	e, err := m.jobs.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || err == nil && !sees(viewer, e.Value.Request.TrustDomain) {
		return nil, notFound("job", id)
	}
	if err != nil {
		return nil, err
	}
	return &e.Value.Job, nil
}

// runJob carries a stop of use out. Repeating it does no harm: each step finds
// what was done.
func (m *Model) runJob(ctx context.Context, id string) error {
	m.mu.Lock()
	running := m.running[id]
	m.running[id] = true
	m.mu.Unlock()
	if running {
		return nil
	}
	defer func() {
		m.mu.Lock()
		delete(m.running, id)
		m.mu.Unlock()
	}()
	e, err := m.jobs.Get(ctx, id)
	if err != nil || e.Value.State != jobProcessing {
		return err
	}
	req := e.Value.Request
	if err := m.stopHost(ctx, e.Value.HostID, &req, false); err != nil {
		return err
	}
	problems, err := m.empty(ctx, e)
	if err != nil {
		return err
	}
	if req.Quarantine {
		if err := m.stopHost(ctx, e.Value.HostID, &req, true); err != nil {
			return err
		}
	}
	return m.endJob(ctx, id, problems)
}

// endJob notes what became of a job.
func (m *Model) endJob(ctx context.Context, id string, problems []string) error {
	e, err := m.jobs.Get(ctx, id)
	if err != nil {
		return err
	}
	remaining, err := m.on(ctx, e.Value.HostID, e.Value.Request.TrustDomain)
	if err != nil {
		return err
	}
	_, err = m.jobs.Update(ctx, id, func(r *jobRecord) error {
		r.State, r.Remaining, r.Problems, r.Migrated = jobCompleted, remaining, problems, []string{}
		for _, c := range r.Todo {
			if _, there := m.computes.Domain(c); there && !slices.Contains(remaining, c) {
				r.Migrated = append(r.Migrated, c)
			}
		}
		if r.Request.Computes == stopMigrate && len(remaining) > 0 {
			r.State = jobFailed
		}
		return nil
	})
	return err
}

// empty migrates what a job may migrate, and returns why what stays stays.
func (m *Model) empty(ctx context.Context, e state.Entry[jobRecord]) (problems []string, err error) {
	req := e.Value.Request
	if req.Computes != stopMigrate {
		return nil, nil
	}
	computes, err := m.on(ctx, e.Value.HostID, req.TrustDomain)
	if err != nil {
		return nil, err
	}
	if !e.Value.Begun { // noted before anything moves, so that a crash hides no move
		if _, err := m.jobs.Update(ctx, e.ID, func(r *jobRecord) error { r.Begun, r.Todo = true, computes; return nil }); err != nil {
			return nil, err
		}
	}
	for _, c := range computes {
		err := m.Migrate(ctx, All, c, ifa006.MigrateRequest{ExcludeHosts: []string{e.Value.HostID}, Reason: req.Reason})
		switch hub.CodeOf(err) {
		case "", hub.NotFound: // not found: terminated meanwhile
		case hub.Conflict, hub.Unprocessable:
			problems = append(problems, hub.SafeText(err))
		default:
			return nil, err
		}
	}
	return problems, nil
}

// on lists the computes on a host, of one trust domain or of all.
func (m *Model) on(ctx context.Context, host, domain string) ([]string, error) {
	e, err := m.hosts.Get(ctx, host)
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for id, c := range e.Value.Claims {
		if domain == "" || c.Domain == domain {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}
