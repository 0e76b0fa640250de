package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/internal/journal/trail"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// hubRecords reads the records of a chain from a hub. Nothing there finds a record
// by what it is about, but those who have the things know when they happened, and
// the journal finds records by time. So it reads packs of short times; of what
// nobody knows, the whole log.
type hubRecords struct {
	*program
	client   *httpapi.Client
	domain   string
	managers []hub.SecurityManager // of the domain
	only     url.Values            // the time that the user names; empty: what the things say

	dir    string // of the packs that were read
	asked  map[trail.Thing]bool
	noted  []time.Time // at which what records stand on was recorded, as they say
	spans  []span      // what was read, in order
	silent []string
	absent []trail.Thing // operations that the NFVO does not have
}

// span is a time of the log, and the pack of it.
type span struct {
	from, to time.Time // zero: from the first record, to the last
	pack     string    // empty: nothing is of that time
}

// A record is stored after the moment that it names, unless the bus was down.
const (
	spanBefore = 2 * time.Second
	spanAfter  = 20 * time.Second
	spanBridge = 10 * time.Minute
)

func (p *program) hubRecords(ctx context.Context, domain string) (*hubRecords, error) {
	client, err := p.client()
	if err != nil {
		return nil, err
	}
	if domain == "" {
		all, err := list[hub.TrustDomain](ctx, client, "/trust_domains", nil)
		if err != nil {
			return nil, err
		}
		if domain, err = theDomain(all); err != nil {
			return nil, err
		}
	} else if domain != "hub" { // is it there? before anything is said of it
		if _, err := client.Do(ctx, http.MethodGet, domainPath(domain), nil, nil); err != nil {
			return nil, err
		}
	}
	managers, err := list[hub.SecurityManager](ctx, client, "/security_managers", nil)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "manoward-audit-")
	if err != nil {
		return nil, hub.E(hub.Unavailable, "walk the records", "no temporary folder can be made; see that there is space", err)
	}
	managers = slices.DeleteFunc(managers, func(sm hub.SecurityManager) bool { return sm.TrustDomain != domain })
	return &hubRecords{program: p, client: client, domain: domain, managers: managers, dir: dir, asked: map[trail.Thing]bool{}}, nil
}

func (h *hubRecords) close() {
	if err := os.RemoveAll(h.dir); err != nil {
		h.say("%s cannot be removed: %v", h.dir, pathCause(err))
	}
}

// Records implements [trail.Source].
func (h *hubRecords) Records(ctx context.Context, about []trail.Thing, fn func(journal.Record) error) error {
	var moments []time.Time
	for _, t := range about {
		if h.asked[t] || len(h.only) > 0 {
			continue
		}
		h.asked[t] = true
		moments = append(moments, h.moments(ctx, t)...)
	}
	if len(h.only) == 0 {
		moments = append(moments, h.noted...)
	}
	if err := h.widen(ctx, moments); err != nil {
		return err
	}
	last := map[int]journal.Entry{} // by epoch: packs hold whole seals, so two may hold the same record
	for _, s := range h.spans {
		if s.pack == "" {
			continue
		}
		err := trail.Pack(s.pack).Records(ctx, nil, func(r journal.Record) error {
			before := last[r.Epoch]
			if cmp.Or(cmp.Compare(r.Sequence, before.Sequence), cmp.Compare(r.Index, before.Index)) <= 0 && before.Sequence > 0 {
				return nil
			}
			last[r.Epoch] = r.Entry
			for _, at := range trail.StandsOn(r) {
				if !slices.ContainsFunc(h.noted, at.Equal) {
					h.noted = append(h.noted, at)
				}
			}
			return fn(r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// widen reads what was not read of the times about some moments.
func (h *hubRecords) widen(ctx context.Context, moments []time.Time) error {
	if len(h.spans) == 0 && (len(h.only) > 0 || len(moments) == 0) {
		if len(h.only) == 0 {
			h.say("nobody in the hub knows this ID; reading the whole log of %s, which --from and --to shorten", h.domain)
		}
		s := span{}
		if err := h.fetch(ctx, &s, h.only); err != nil {
			return err
		}
		h.spans = []span{s}
		return nil
	}
	for _, want := range bridged(moments) {
		if slices.ContainsFunc(h.spans, func(s span) bool { return s.holds(want) }) {
			continue
		}
		query := url.Values{"from": {want.from.UTC().Format(time.RFC3339Nano)}}
		if want.to.Before(time.Now().Add(-spanAfter)) { // what is newer may not be sealed yet
			query.Set("to", want.to.UTC().Format(time.RFC3339Nano))
		} else {
			want.to = time.Time{}
		}
		if err := h.fetch(ctx, &want, query); err != nil {
			return err
		}
		h.spans = append(h.spans, want)
	}
	slices.SortFunc(h.spans, func(a, b span) int { return a.from.Compare(b.from) })
	return nil
}

// bridged are the times about moments. Those that are close together are one: between
// the beginning and the end of a thing is what happened to it.
func bridged(moments []time.Time) []span {
	slices.SortFunc(moments, time.Time.Compare)
	var list []span
	for _, m := range moments {
		from, to := m.Add(-spanBefore), m.Add(spanAfter)
		if n := len(list); n > 0 && from.Sub(list[n-1].to) < spanBridge {
			list[n-1].to = to
			continue
		}
		list = append(list, span{from: from, to: to})
	}
	return list
}

// holds reports whether the span has another one.
func (s span) holds(o span) bool {
	return !o.from.Before(s.from) && (s.to.IsZero() || !o.to.After(s.to))
}

// fetch keeps the pack of a time.
func (h *hubRecords) fetch(ctx context.Context, s *span, query url.Values) error {
	body, err := h.evidence(ctx, h.domain, query)
	if hub.CodeOf(err) == hub.NotFound && query.Has("from") {
		return nil // no record is of that time
	}
	if err != nil {
		return err
	}
	path := filepath.Join(h.dir, fmt.Sprintf("%06d.tar", len(h.spans)))
	if err := errors.Join(saveTar(path, body), body.Close()); err != nil {
		return err
	}
	s.pack = path
	return nil
}

// moments asks who has a thing when it happened. None: nobody knows it, or nobody
// can be asked.
func (h *hubRecords) moments(ctx context.Context, t trail.Thing) []time.Time {
	var list []time.Time
	var err error
	id := url.PathEscape(t.ID())
	switch t.Kind() {
	case trail.Event, trail.Decision, trail.Order, trail.Policies:
		list, err = h.momentsOfManagers(ctx, t)
	case trail.Operation:
		if list, err = h.momentsOfOperation(ctx, id); hub.CodeOf(err) == hub.NotFound {
			h.absent = append(h.absent, t)
		}
	case trail.Registration, trail.Certificate, trail.Attester:
		list, err = h.momentsOfCertificates(ctx, t)
	}
	if code := hub.CodeOf(err); err != nil && code != hub.NotFound && code != hub.Invalid {
		if text := fmt.Sprintf("when the %s happened could not be asked: %s", t.Kind(), message(err)); !slices.Contains(h.silent, text) {
			h.silent = append(h.silent, text)
		}
	}
	return slices.DeleteFunc(list, time.Time.IsZero)
}

// momentsOfManagers asks each Security Manager of the trust domain.
func (h *hubRecords) momentsOfManagers(ctx context.Context, t trail.Thing) (list []time.Time, failed error) {
	for _, m := range h.managers {
		if m.State == hub.StateRevoked {
			continue
		}
		sm, err := h.remoteSM(ctx, smChoice{m.Name, m.TrustDomain})
		if err == nil {
			var found []time.Time
			found, err = momentsAt(ctx, sm, t)
			list = append(list, found...)
		}
		if hub.CodeOf(err) != hub.NotFound {
			failed = errors.Join(failed, err)
		}
	}
	return list, failed
}

func momentsAt(ctx context.Context, sm *remoteSM, t trail.Thing) (list []time.Time, err error) {
	below := "/" + url.PathEscape(t.ID())
	switch t.Kind() {
	case trail.Decision:
		var d decision
		_, err = sm.do(ctx, http.MethodGet, "/decisions"+below, nil, nil, &d)
		return []time.Time{d.Decided}, err
	case trail.Event:
		all, err := listOf[decision](ctx, sm, "/decisions", url.Values{"eventId": {t.ID()}})
		for _, d := range all {
			list = append(list, d.Decided)
		}
		return list, err
	case trail.Order:
		var o order
		_, err = sm.do(ctx, http.MethodGet, "/orders"+below, nil, nil, &o)
		list = []time.Time{o.Created, o.Updated}
		if o.Approval != nil {
			list = append(list, o.Approval.At)
		}
		for _, s := range o.Steps {
			list = append(list, s.Started)
			if s.Ended != nil {
				list = append(list, *s.Ended)
			}
		}
		return list, err
	}
	var r policyRevision
	if _, err = sm.do(ctx, http.MethodGet, "/revisions"+below, nil, nil, &r); err != nil {
		return nil, err
	}
	list = []time.Time{r.Pushed}
	all, err := listOf[activation](ctx, sm, "/activations", nil)
	for _, a := range all {
		if a.PolicyRevision == t.ID() {
			list = append(list, a.At)
		}
	}
	return list, err
}

// momentsOfOperation asks the NFVO for an operation on an NS, or an order on a host,
// which tells its beginning alone.
func (h *hubRecords) momentsOfOperation(ctx context.Context, id string) ([]time.Time, error) {
	client, err := h.nslcm(ctx)
	if err != nil {
		return nil, err
	}
	var op sol005.NsLcmOpOcc
	_, err = client.Do(ctx, http.MethodGet, "/ns_lcm_op_occs/"+id, nil, &op)
	if hub.CodeOf(err) != hub.NotFound {
		return []time.Time{op.StartTime, op.StateEnteredTime}, err
	}
	if client, err = h.nfvoExtensions(ctx); err != nil {
		return nil, err
	}
	var order struct {
		StartTime  time.Time `json:"startTime"`
		Operations []string  `json:"nsLcmOpOccIds"`
	}
	_, err = client.Do(ctx, http.MethodGet, "/host_orders/"+id, nil, &order)
	list := []time.Time{order.StartTime}
	for _, op := range order.Operations { // it ends when the last of them has
		more, failed := h.momentsOfOperation(ctx, url.PathEscape(op))
		list, err = append(list, more...), errors.Join(err, failed)
	}
	return list, err
}

// momentsOfCertificates asks the CMF.
func (h *hubRecords) momentsOfCertificates(ctx context.Context, t trail.Thing) (list []time.Time, err error) {
	m := &cmfCaller{program: h.program}
	id := url.PathEscape(t.ID())
	switch t.Kind() {
	case trail.Attester:
		var a certmgmt.Attester
		err = m.get(ctx, "/attesters/"+id, &a)
		for _, at := range []*time.Time{a.Registered, a.Activated, a.Withdrawn} {
			if at != nil {
				list = append(list, *at)
			}
		}
		return list, err
	case trail.Registration:
		return h.momentsOfRegistration(ctx, m, id)
	}
	var r certmgmt.Signing
	err = m.get(ctx, "/certificate_signing_requests/"+id, &r)
	list = []time.Time{r.Requested}
	if hub.CodeOf(err) == hub.NotFound { // a serial number?
		return h.momentsOf(ctx, m, "(eq,serialNumber,"+quoted(plainSerial(t.ID()))+")")
	}
	if err == nil && r.CertificateID == "" {
		return list, nil
	}
	more, failed := h.momentsOf(ctx, m, "(eq,id,"+quoted(t.ID())+")")
	return append(list, more...), errors.Join(err, failed)
}

// plainSerial is a serial number as the CMF shows it, however others write it:
// without colons, capitals and zeros before it.
func plainSerial(s string) string {
	return strings.TrimLeft(strings.ToLower(strings.ReplaceAll(s, ":", "")), "0")
}

// momentsOfRegistration asks for a registration and the certificates of its subjects.
func (h *hubRecords) momentsOfRegistration(ctx context.Context, m *cmfCaller, id string) ([]time.Time, error) {
	var r certmgmt.Registration
	if err := m.get(ctx, "/registrations/"+id, &r); err != nil {
		return nil, err
	}
	list := []time.Time{r.Registered}
	for _, subject := range r.SubjectID {
		more, err := h.momentsOf(ctx, m, "(eq,subjectId,"+quoted(subject)+");(eq,registrationId,"+quoted(r.ID)+")")
		if err != nil {
			return list, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// momentsOf asks when the certificates of a filter were asked for, and revoked. When
// their validity begins does not tell: that is a minute before they are signed.
func (h *hubRecords) momentsOf(ctx context.Context, m *cmfCaller, filter string) (moments []time.Time, err error) {
	client, err := m.connect(ctx)
	if err != nil {
		return nil, err
	}
	certs, err := list[certmgmt.Certificate](ctx, client, "/certificates", url.Values{"filter": {filter}})
	for _, c := range certs {
		var r certmgmt.Signing
		err = errors.Join(err, m.get(ctx, "/certificate_signing_requests/"+url.PathEscape(c.ID), &r))
		moments = append(moments, r.Requested)
		if c.Revoked != nil {
			moments = append(moments, *c.Revoked)
		}
	}
	return moments, err
}

// Input implements [trail.Source].
func (h *hubRecords) Input(ctx context.Context, decision, _ string) ([]byte, error) {
	var failed error = hub.E(hub.NotFound, "read input", "no Security Manager of the trust domain that runs here has the decision any more", nil)
	for _, m := range h.managers {
		sm, err := h.remoteSM(ctx, smChoice{m.Name, m.TrustDomain})
		if err != nil {
			failed = err
			continue
		}
		raw, err := sm.input(ctx, decision)
		if err == nil {
			return raw, nil
		}
		if hub.CodeOf(err) != hub.NotFound {
			failed = err
		}
	}
	return nil, failed
}
