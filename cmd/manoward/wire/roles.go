package wire

import (
	"context"
	"fmt"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// startTimeout bounds what start-up waits for on the bus.
const startTimeout = 30 * time.Second

// readTimeout bounds how long start-up reads what is stored of the MANO functions. That
// grows with what there is, and with what else the machine does: 126,000 resources of
// 10,000 VNFs take seconds on two idle processors, and took longer than startTimeout on
// two that others wanted, so that the hub ended. That the bus answers at all has been
// seen before.
const readTimeout = 10 * time.Minute

// openTrust builds the directory, which every role reads, and the registry,
// which the trust role keeps.
func (h *hubProcess) openTrust(ctx, work context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	h.decider = trust.NewDecider()
	h.directory = trust.NewDirectory(h.log.With("part", "trust"))
	bus := accounts{h.bus}
	reg, err := trust.NewRegistry(ctx, trust.Config{
		Accounts: bus, KeyStores: h.keys, Directory: h.directory,
		ServerNameSuffix:   h.cfg.Trust.ServerNameSuffix,
		CredentialLifetime: h.cfg.Trust.CredentialLifetime,
		EndpointLifetime:   h.cfg.Trust.EndpointLifetime,
		Now:                time.Now, Log: h.log.With("part", "trust"), InUse: domainUse(h.bus), Keeps: domainKeeps(h.bus, h.directory),
	})
	if err != nil {
		return err
	}
	h.parties = reg
	h.refusals = trust.NewRefusals(reg.Refused, h.log.With("part", "trust"))
	h.run("record refused attempts", work, func(ctx context.Context) error { h.refusals.Run(ctx); return nil })
	if h.has("trust") {
		h.registry = reg
		if err := reg.EnsureHub(ctx); err != nil {
			return err
		}
		if err := reg.Recover(ctx); err != nil {
			return err
		}
		if err := answerRemote(work, h.bus.Hub(), reg, h.tracer); err != nil {
			return err
		}
	}
	h.run("follow the registry", work, func(ctx context.Context) error { return h.directory.Run(ctx, bus) })
	if err := h.directory.WaitSynced(ctx); err != nil {
		return err
	}
	h.watchExpiry()
	if h.has("trust") {
		if err := reg.FinishDeletions(ctx); err != nil {
			return err
		}
		h.run("watch trust domains", work, h.watchDomains)
	}
	h.run("follow the hub's own entry", work, reg.FollowHub)
	return nil
}

// watchDomains keeps a readiness check for each trust domain, which names the
// domain whose keys cannot be used.
func (h *hubProcess) watchDomains(ctx context.Context) error {
	remove := map[string]func(){}
	for {
		changed := h.directory.Changed()
		for _, t := range h.directory.Domains() {
			switch was := remove[t.Name]; {
			case t.State == hub.StateActive && was == nil:
				remove[t.Name] = h.health.Register("trust-domain/"+t.Name, func(ctx context.Context) error {
					return h.registry.Check(ctx, t.Name)
				})
			case t.State != hub.StateActive && was != nil:
				was()
				delete(remove, t.Name)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// watchExpiry shows when credentials end.
func (h *hubProcess) watchExpiry() {
	labels := []string{"trust_domain", "sm", "interface"}
	h.metrics.GaugeFunc("manoward_trust_credential_expiry_seconds", "Unix time at which the last working credential of a Security Manager on an interface ends; 0 when none works.", labels, func(emit func(float64, ...string)) {
		now := time.Now()
		for _, sm := range h.directory.SecurityManagers("") {
			for i := range sm.Endpoints {
				ep := &sm.Endpoints[i]
				emit(lastExpiry(ep, now), sm.TrustDomain, sm.Name, string(ep.Interface))
			}
		}
	})
}

func lastExpiry(ep *hub.Endpoint, now time.Time) float64 {
	var last float64
	for i := range ep.Credentials {
		c := &ep.Credentials[i]
		if c.Usable(now) == "" {
			last = max(last, float64(c.NotAfter.Unix()))
		}
	}
	return last
}

// points lists the reference points that this process serves. The NFVO and the
// VIM also produce Sc-Or and Sc-Vi (ADR-0007). A process that runs Security
// Managers has an operators' entrance for them, whose certificate the trust role
// signs.
func (h *hubProcess) points() []hub.ReferencePoint {
	var points []hub.ReferencePoint
	for _, p := range []struct {
		role  string
		point hub.ReferencePoint
	}{
		{"nfvo", hub.OsMa}, {"nfvo", hub.OrVnfm}, {"nfvo", hub.ScOr},
		{"vnfm", hub.VNFM}, {"vim", hub.VIM}, {"vim", hub.ScVi}, {"cmf", hub.CmVnfm}, {"cmf", hub.CmfStatus}, {"trust", hub.Admin},
	} {
		if h.has(p.role) {
			points = append(points, p.point)
		}
	}
	if h.runsManagers() && !h.has("trust") { // operators come to its Security Managers
		points = append(points, hub.Admin)
	}
	return points
}

func (h *hubProcess) openListeners(_, _ context.Context) (err error) {
	h.listeners, err = openListeners(h.cfg.Listen, h.dir, h.points())
	return err
}

// busIsCurrent returns what a gate asks before it lets somebody in: is the bus
// reached, so that no revocation can have been missed, and has no other process
// taken the roles of this one. The answer of the bus is kept for a moment, so that
// no request waits for it.
func (h *hubProcess) busIsCurrent(work context.Context) func() error {
	state := make(chan error, 1)
	state <- nil
	h.run("watch the bus", work, func(ctx context.Context) error {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			asked, cancel := context.WithTimeout(ctx, 5*time.Second)
			err := h.bus.Reachable(asked)
			cancel()
			<-state
			state <- err
		}
	})
	return func() error {
		if err := h.lease.valid(); err != nil {
			return err
		}
		err := <-state
		state <- err
		if err != nil {
			return fmt.Errorf("the registry may be out of date: %w", err)
		}
		return nil
	}
}
