package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/manoward/manoward/attestation/formats"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/cmf/cmfapi"
	"github.com/manoward/manoward/cmf/direct"
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/cmf/judge"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/mano-core/trust"
	"github.com/manoward/manoward/mano-core/vnfm/vnfmapi"
)

// cmfTable is the table of the CMF in the account of each trust domain. Its name is
// part of the stored format.
const cmfTable = "CMF"

// cmfRole is the Certificate Management Function of this process.
type cmfRole struct {
	*hubProcess
	space       *state.Space
	store       *cmf.Store
	authorities *authority.Authorities
	judge       *judge.Judge
	enrol       *enrol.Service
	life        *lifecycle.Service
	vnfm        *direct.Follower
	domains     map[string]cmfDomain // what is configured of trust domains
}

// newCMF makes the CMF.
func (h *hubProcess) newCMF() (*function, error) {
	space := state.New(tables{h.bus}, cmfTable, h.log.With("part", "cmf"))
	c := &cmfRole{hubProcess: h, space: space, store: cmf.NewStore(space)}
	for _, make := range []func() error{c.readDomains, c.newAuthorities, c.newJudge, c.newEnrolment} {
		if err := make(); err != nil {
			return nil, fmt.Errorf("set up the CMF: %w", err)
		}
	}
	c.newLifecycle()
	c.newFollower()
	h.addRoutes(hub.CmVnfm, func(mux *httpapi.Mux) {
		api := &cmfapi.API{
			Enrol: c.enrol, Life: c.life, Authorities: c.authorities, VNFM: c.vnfm,
			Authorize: h.authorizer(hub.CmVnfm), Self: trust.FunctionIdentity(hub.KindCMF),
		}
		api.Routes(mux)
		// A VNFM notifies with the version of its own API (SOL 013 clause 9.3).
		own := ownAPI()
		own.Versions = append(own.Versions, httpapi.APIVersion{Version: vnfmapi.Version})
		api.FunctionRoutes(mux.API(own))
	})
	h.addRoutes(hub.CmfStatus, func(mux *httpapi.Mux) {
		(&cmfapi.Status{Life: c.life, Authorities: c.authorities, Now: time.Now}).Routes(mux)
	})
	return &function{
		name: "CMF",
		open: func(ctx, work context.Context, domains []string) error {
			if err := space.Open(ctx, work, domains...); err != nil {
				return err
			}
			return errors.Join(c.enrol.Recover(ctx), c.life.Recover(ctx))
		},
		start: func(_, work context.Context) error {
			h.run("look after certificates", work, c.life.Run)
			h.run("finish certificate signing requests", work, c.finishRequests)
			h.run("follow the VNFM", work, c.followVNFM)
			return nil
		},
		add:    c.add,
		serve:  c.serve,
		remove: c.remove,
		check:  c.check,
		wait:   c.enrol.Wait,
	}, nil
}

func (c *cmfRole) add(ctx context.Context, domain string) error {
	if domain == trust.HubDomain {
		return nil
	}
	return c.space.Add(ctx, domain)
}

// serve looks after the certificate authority of a trust domain.
func (c *cmfRole) serve(ctx context.Context, domain string) error {
	if domain == trust.HubDomain {
		<-ctx.Done()
		return nil
	}
	ready := c.health.Register("certificate-authority/"+domain, func(ctx context.Context) error {
		if remote := c.domains[domain].remote; remote != nil {
			return errors.Join(c.authorities.Check(ctx, domain), remote.Check(ctx))
		}
		return c.authorities.Check(ctx, domain)
	})
	defer ready()
	return c.authorities.Serve(ctx, domain)
}

// remove forgets a trust domain that was deleted, and destroys the keys of its
// authority.
func (c *cmfRole) remove(domain string) error {
	c.space.Remove(domain)
	c.logs.forget(domain)
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return c.authorities.Destroy(ctx, domain)
}

func (c *cmfRole) check(ctx context.Context) error {
	return errors.Join(c.space.Check(ctx), c.life.Check(ctx))
}

// finishEvery is how often requests are looked for whose answer was cut off.
const finishEvery = 30 * time.Second

// finishRequests ends what a crash, of another process too, cut off.
func (c *cmfRole) finishRequests(ctx context.Context) error {
	for wait(ctx, finishEvery) == nil {
		if err := c.enrol.Recover(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("certificate signing requests cannot be finished; trying again", "err", err)
		}
	}
	return nil
}

// records appends to a trust domain's log. A record that is there stands.
func (c *cmfRole) records(ctx context.Context, domain string, list ...hub.Record) error {
	log, err := c.logs.open(ctx, domain)
	if err != nil {
		return err
	}
	return smRecords(log.Log)(ctx, list...)
}

// statusRoot is where those who verify certificates reach what is published.
func (c *cmfRole) statusRoot() string {
	if root := c.cfg.CertificateManagement.StatusURL; root != "" {
		return root
	}
	return c.listeners.url(hub.CmfStatus)
}

// published is what a certificate names of its issuer. An authority elsewhere signs
// no OCSP answers, so none are named.
func (c *cmfRole) published(domain, issuer string) (crl, ocsp, issuerURL []string) {
	crl, ocsp, issuerURL = cmfapi.Published(c.statusRoot(), domain, issuer)
	if c.domains[domain].remote != nil {
		ocsp = nil
	}
	return crl, ocsp, issuerURL
}

func (c *cmfRole) newEnrolment() error {
	registry, err := formats.New(formats.Config{})
	if err != nil {
		return err
	}
	c.enrol, err = enrol.New(enrol.Config{
		Store: c.store, Authorities: c.authorities, Formats: registry, Judge: c.judge, Policies: c.judge.Policies, Self: trust.FunctionIdentity(hub.KindCMF),
		Profiles: c.profile, Roots: c.deviceRoots, Verifier: c.verifier, Records: c.records, Ledger: cmfLedger{c},
		Publish: c.published,
		Now:     time.Now, Log: c.hubProcess.log.With("part", "enrol"),
	})
	return err
}

func (c *cmfRole) newLifecycle() {
	cfg := c.cfg.CertificateManagement
	c.life = lifecycle.New(lifecycle.Config{
		Store: c.store, Enrol: c.enrol, Authorities: c.authorities, Records: c.records, Rules: c.rules,
		RecordFirst: c.cfg.Journal.SealBeforeEffect,
		Times:       lifecycle.Times{List: cfg.ListValidity, Answer: cfg.AnswerValidity, Alarms: c.alarms()},
		Metrics:     c.lifeMetrics(), Self: trust.FunctionIdentity(hub.KindCMF), Now: time.Now, Log: c.hubProcess.log.With("part", "certificates"),
	})
}

// lifeMetrics counts what happens to certificates.
func (c *cmfRole) lifeMetrics() lifecycle.Metrics {
	revoked := c.metrics.Counter("manoward_cmf_certificates_revoked_total", "Certificates that were revoked, by reason; keyCompromise asks for a look at the records.", "reason")
	expiring := c.metrics.Counter("manoward_cmf_certificates_expiring_total", "Alarms that a certificate ends within so many days and was not renewed; look at the records of kind certificate.expiring.", "days")
	overdue := c.metrics.Counter("manoward_cmf_attestations_overdue_total", "Alarms that a key was not attested again in time; the certificate is revoked unless it is renewed.")
	orphans := c.metrics.Counter("manoward_cmf_issuer_revoked_total", "Alarms that the issuer of a living certificate was revoked; renew what the records of kind certificate.issuer-revoked name.")
	lists := c.metrics.Histogram("manoward_cmf_revocation_list_seconds", "Time to sign and store a revocation list.", nil)
	ocsp := c.metrics.Counter("manoward_cmf_ocsp_answers_total", "OCSP answers by status; unauthorized asks whether somebody looks for certificates of another hub.", "status")
	return lifecycle.Metrics{
		Revoked:  func(reason string) { revoked(1, reason) },
		Expiring: func(days int) { expiring(1, fmt.Sprint(days)) },
		Overdue:  func() { overdue(1) },
		Orphaned: func() { orphans(1) },
		List:     func(_ int, took time.Duration) { lists(took.Seconds()) },
		Answered: func(status string) { ocsp(1, status) },
	}
}

// serveStatus serves revocation lists and OCSP answers to everybody.
func (h *hubProcess) serveStatus(work context.Context, observe observer) {
	l := h.listeners.open[hub.CmfStatus]
	if l == nil {
		return
	}
	nobody := func(*http.Request) (hub.Identity, error) { return hub.Identity{}, nil }
	mux := h.newMux(hub.CmfStatus, observe, nobody)
	h.serve(string(hub.CmfStatus), work, l, h.traced(string(hub.CmfStatus), mux))
}
