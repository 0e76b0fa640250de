package trust

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Refusal is what is recorded of attempts that were refused. One that a known
// party made on a thing of another trust domain is recorded twice: whole in the
// log of its own domain, and in the log of the domain that owns the thing
// without server name, address and certificate, which are not that domain's to
// know. Who tells Security Managers of attempts (Sc-Or.NsLcm.003) tells those of
// a domain only what stands in its log with this domain as TargetDomain.
type Refusal struct {
	Subject     string        `json:"subject"` // whose endpoint it was; in the log of the owner of a thing, the owner
	Interface   hub.Interface `json:"interface"`
	ServerName  string        `json:"serverName,omitempty"`
	Remote      string        `json:"remote,omitempty"`      // address of the newest attempt
	Presented   string        `json:"presented,omitempty"`   // identity that the certificate or the client claims
	Proven      bool          `json:"proven"`                // the identity was proved
	Fingerprint string        `json:"fingerprint,omitempty"` // of the certificate that was shown
	// What was asked; empty when the attempt did not get as far as to ask.
	Operation    Operation `json:"operation,omitempty"`
	Attribute    Attribute `json:"attribute,omitempty"`
	TargetDomain string    `json:"targetDomain,omitempty"` // owner of the thing it was about
	Target       string    `json:"target,omitempty"`       // the thing: its id, or its name
	Reason       string    `json:"reason"`
	Count        int       `json:"count"` // attempts of this kind since the last record of it
}

// Target is the thing that a request is about.
type Target struct {
	TrustDomain string // that owns it; HubDomain for what is of the infrastructure
	Resource    string // its id or name, for the records; may be empty
}

// maxTarget bounds what is recorded of the name of a target, in bytes: callers
// choose it.
const maxTarget = 256

const (
	// refusalEvery is how often attempts of the same kind are recorded: the
	// first at once, those after it together.
	refusalEvery = time.Second
	// maxRefusals bounds how many kinds of attempts are held between two
	// records. An attacker who varies what he shows gets one record for the rest.
	maxRefusals = 256
	// maxCredit is how many records can be made at once; from then on there is
	// one for each refusalEvery, and what waits for its record is counted. Without
	// it who knows a server name, and needs no credential for that, could fill the
	// disk.
	maxCredit = 1024
)

// Refusals records refused attempts without letting a flood of them fill the
// disk or slow the rest down: attempts of the same kind that come before the
// record of the first is made are one record with their number, and there are
// only so many records in a time. It is safe for concurrent use.
type Refusals struct {
	record func(ctx context.Context, domain string, r Refusal) error
	log    *slog.Logger
	wake   chan struct{}
	every  time.Duration

	mu       sync.Mutex // covers what is below; held for map work only
	pending  map[refusalKind]*Refusal
	credit   int       // records that may be made
	refilled time.Time // when credit was last added to
}

type refusalKind struct {
	domain, serverName, fingerprint, presented, reason string

	operation            Operation
	attribute            Attribute
	targetDomain, target string
}

// NewRefusals makes a recorder that writes through record, which is
// [Registry.Refused].
func NewRefusals(record func(ctx context.Context, domain string, r Refusal) error, log *slog.Logger) *Refusals {
	return &Refusals{record: record, log: log, wake: make(chan struct{}, 1), every: refusalEvery, pending: map[refusalKind]*Refusal{}, credit: maxCredit}
}

func (f *Refusals) add(domain string, r Refusal) {
	kind := refusalKind{domain, r.ServerName, r.Fingerprint, r.Presented, r.Reason, r.Operation, r.Attribute, r.TargetDomain, r.Target}
	f.mu.Lock()
	if f.pending[kind] == nil && len(f.pending) >= maxRefusals {
		kind = refusalKind{domain: domain, serverName: r.ServerName, reason: "more"}
		r = Refusal{Subject: r.Subject, Interface: r.Interface, ServerName: r.ServerName, Remote: r.Remote, TargetDomain: r.TargetDomain,
			Reason: "more attempts than are recorded one by one"}
	}
	if was := f.pending[kind]; was != nil {
		r.Count = was.Count
	}
	r.Count++
	f.pending[kind] = &r
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// denied hands over that a known party was refused what it asked, for its own
// domain and for the one that owns the thing, if there is one that is known. The
// caller has filled in the rest.
func (f *Refusals) denied(r Refusal, q Question, target Target, known func(domain string) bool) {
	r.Presented, r.Proven = q.Caller.String(), true
	r.Operation, r.Attribute, r.TargetDomain, r.Target = q.Operation, q.Attribute, target.TrustDomain, clipTarget(target.Resource)
	f.add(q.Caller.TrustDomain, r)
	if target.TrustDomain == q.Caller.TrustDomain || !known(target.TrustDomain) {
		return
	}
	r.Subject = "trust-domain/" + target.TrustDomain // not the target: the caller chose that
	r.ServerName, r.Remote, r.Fingerprint = "", "", ""
	f.add(target.TrustDomain, r)
}

func clipTarget(s string) string {
	if len(s) <= maxTarget {
		return s
	}
	return strings.ToValidUTF8(s[:maxTarget], "")
}

// Run records what was added until ctx ends, and then what is left, as far as
// there may be records of it now.
func (f *Refusals) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			f.flush(context.WithoutCancel(ctx))
			f.mu.Lock()
			defer f.mu.Unlock()
			if n := len(f.pending); n > 0 {
				f.log.Warn("refused attempts were too many to be recorded before the end", "kinds", n)
			}
			return
		case <-f.wake:
			f.flush(ctx)
		}
		select {
		case <-ctx.Done():
		case <-time.After(f.every):
		}
	}
}

func (f *Refusals) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for kind, r := range f.take() {
		f.log.Warn("refused", "trustDomain", kind.domain, "subject", r.Subject, "interface", r.Interface, "remote", r.Remote, "presented", r.Presented, "operation", r.Operation, "target", r.Target, "reason", r.Reason, "count", r.Count)
		if err := f.record(ctx, kind.domain, *r); err != nil {
			f.log.Error("cannot record refused attempts", "trustDomain", kind.domain, "serverName", r.ServerName, "reason", r.Reason, "count", r.Count, "err", err)
		}
	}
}

// take removes from what is pending as much as may be recorded now. What is left
// has its turn after the next pause.
func (f *Refusals) take() map[refusalKind]*Refusal {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if n := now.Sub(f.refilled) / f.every; n > 0 {
		f.credit, f.refilled = int(min(time.Duration(f.credit)+n, maxCredit)), now
	}
	batch := map[refusalKind]*Refusal{}
	for kind, r := range f.pending {
		if len(batch) == f.credit {
			select {
			case f.wake <- struct{}{}:
			default:
			}
			break
		}
		batch[kind] = r
		delete(f.pending, kind)
	}
	f.credit -= len(batch)
	return batch
}

// refuse counts a refused attempt, logs it and hands it over for recording. An
// attempt at no endpoint belongs to no trust domain and is only counted.
func (g *Gate) refuse(serverName, remote string, shown shownCert, err error) {
	var why *refusal
	if !errors.As(err, &why) {
		why = &refusal{reasonProtocol, err}
	}
	g.Observe(why.reason)
	sm, iface, ok := g.Directory.ByServerName(serverName)
	if !ok || iface.ReferencePoint() != g.ReferencePoint {
		g.Log.Debug("refused", "remote", remote, "reason", why.reason)
		return
	}
	r := Refusal{Subject: "sm/" + sm.Name, Interface: iface, ServerName: serverName, Remote: remote, Reason: why.reason}
	if shown.cert != nil {
		r.Fingerprint = fingerprint(shown.cert)
		if id, err := certIdentity(shown.cert); err == nil {
			r.Presented, r.Proven = id.String(), shown.verified
		}
	}
	g.Log.Debug("refused", "serverName", serverName, "remote", remote, "reason", why.reason, "err", why.err)
	g.Refusals.add(sm.TrustDomain, r)
}
