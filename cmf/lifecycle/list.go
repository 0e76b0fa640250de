package lifecycle

import (
	"cmp"
	"context"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// Signed is an answer that others keep until it is over.
type Signed struct {
	DER                    []byte
	ThisUpdate, NextUpdate time.Time // zero: it is not to be kept
}

// list is an issuer's newest revocation list as it is stored, under the issuer's
// key identifier.
type list struct {
	Number     uint64    `json:"number"`  // grows with each that is signed, see numberAfter; an authority elsewhere has a number of its own
	Changes    uint64    `json:"changes"` // grows when something was revoked
	ThisUpdate time.Time `json:"thisUpdate"`
	NextUpdate time.Time `json:"nextUpdate"`
	Entries    int       `json:"entries"`
	// Issuers are those that the list of a root has: see [Service.rootList].
	Issuers []string `json:"issuers,omitempty"`
	DER     []byte   `json:"der,omitempty"` // none when it is larger than maxStored: each process signs one then
}

const (
	maxStored = 256 << 10        // bytes of a list that is stored
	patience  = 30 * time.Second // for one round
)

// book is what was revoked of an issuer's.
type book struct {
	mu      sync.Mutex // covers what is below; never held while the bus or the authority is asked
	loaded  bool
	entries map[string]entry // by the certificate's ID
	changes uint64           // of the stored list that the entries have everything of
	own     *list            // the newest that this process signed
	next    *round           // that begins when the one under way is done
	busy    bool
}

// entry is a revoked certificate.
type entry struct {
	hub.RevokedCertificate
	notAfter time.Time
}

// leftOut says whether an entry need not be in the list after the one of that
// time: the certificate had ended before, and that list had it.
func (e entry) leftOut(last time.Time) bool {
	return e.notAfter.Before(last) && e.Revoked.Before(last)
}

// round is one signing of a list, for all that wait for it.
type round struct {
	certs []*cmf.Certificate // revoked since the list before
	done  chan struct{}      // closed when err is set
	err   error
}

// CRL returns the revocation list of an issuer of a trust domain, hub.NotFound for
// one that never was, and hub.Unavailable when the list could not be renewed in
// time.
func (s *Service) CRL(ctx context.Context, domain, issuerID string) (Signed, error) {
	i, err := s.issuer(ctx, domain, issuerID)
	if hub.CodeOf(err) == hub.NotFound {
		return s.rootCRL(ctx, domain, issuerID)
	}
	if err != nil {
		return Signed{}, err
	}
	l := i.current(s.lists.Kept(i.id))
	if l == nil || s.over(l) {
		if err := s.share(ctx, i, nil); err != nil && hub.CodeOf(err) != hub.Conflict {
			return Signed{}, err
		}
		l = i.current(s.lists.Kept(i.id))
	}
	if l == nil || s.over(l) {
		return Signed{}, hub.E(hub.Unavailable, "serve revocation list", "the revocation list is out of date, and the authority of the trust domain has not signed another one; see /readyz", nil)
	}
	return Signed{l.DER, l.ThisUpdate, l.NextUpdate}, nil
}

func (s *Service) over(l *list) bool { return !s.Now().Before(l.NextUpdate) }

// current returns the newest list whose bytes are here: the stored one, or this
// process's own if nothing was revoked since.
func (b *book) current(stored *list) *list {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case stored == nil:
		return b.own
	case b.own != nil && (b.own.Number >= stored.Number || stored.DER == nil && b.own.Changes == stored.Changes):
		return b.own
	case stored.DER != nil:
		return stored
	}
	return nil
}

// share waits for a list that has these revocations, and for their records.
// Several that come while one is signed have the next one together.
func (s *Service) share(ctx context.Context, i *issuer, certs []*cmf.Certificate) error {
	i.cache.forget() // answers from before
	i.mu.Lock()
	for _, c := range certs {
		if !s.RecordFirst || !c.Revoked.Held {
			i.put(c)
		}
	}
	if i.next == nil {
		i.next = &round{done: make(chan struct{})}
	}
	mine := i.next
	mine.certs = append(mine.certs, certs...)
	if !i.busy {
		i.busy = true
		go s.rounds(context.WithoutCancel(ctx), i)
	}
	i.mu.Unlock()
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		return hub.E(hub.Unavailable, "sign revocation list", "the revocation list was not signed in time; it is tried again by itself", ctx.Err())
	}
}

// put enters a revocation. One of a lesser reason was read before a graver one was
// stored, and changes nothing. b.mu is held.
func (b *book) put(c *cmf.Certificate) {
	if b.entries == nil {
		b.entries = map[string]entry{}
	}
	was, there := b.entries[c.ID]
	have, _ := reasonOf(was.Reason)
	if next, _ := reasonOf(c.Revoked.Reason); there && have.rank >= next.rank {
		return
	}
	b.entries[c.ID] = entry{hub.RevokedCertificate{Serial: c.Serial, Revoked: c.Revoked.At, Reason: c.Revoked.Reason}, c.NotAfter}
}

// rounds signs lists until nobody waits for one.
func (s *Service) rounds(ctx context.Context, i *issuer) {
	for {
		i.mu.Lock()
		r := i.next
		i.next = nil
		i.busy = r != nil
		i.mu.Unlock()
		if r == nil {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		r.err = s.through(ctx, i, r.certs)
		if r.err == nil && s.RecordFirst { // who is told that it is revoked finds OCSP to say so
			s.settle(ctx, r.certs)
			i.cache.forget()
		}
		close(r.done)
		if r.err == nil && !s.RecordFirst {
			s.settle(ctx, r.certs)
		}
		cancel()
	}
}

// through signs the list with some revocations, and records them: before, where
// nobody may be told of what is not recorded.
func (s *Service) through(ctx context.Context, i *issuer, certs []*cmf.Certificate) error {
	if !s.RecordFirst {
		if err := s.sign(ctx, i, len(certs) > 0); err != nil {
			return err
		}
		return s.tell(ctx, i.domain, certs)
	}
	if err := s.tell(ctx, i.domain, certs); err != nil {
		return err
	}
	i.mu.Lock()
	for _, c := range certs {
		i.put(c)
	}
	i.mu.Unlock()
	return s.sign(ctx, i, len(certs) > 0)
}

// sign signs and stores the issuer's next list. One caller at a time is in it.
func (s *Service) sign(ctx context.Context, i *issuer, changed bool) error {
	began := s.Now()
	for {
		at, err := s.lists.GetIn(ctx, i.domain, i.id)
		fresh := hub.CodeOf(err) == hub.NotFound
		if err != nil && !fresh {
			return fmt.Errorf("read revocation list of issuer %s: %w", i.id, err)
		}
		if err := s.load(ctx, i, at.Value); err != nil {
			return err
		}
		next, err := s.compose(ctx, i, at.Value, changed)
		if err != nil {
			return err
		}
		if err := s.keep(ctx, i, at, next, fresh); err == nil {
			if s.Metrics.List != nil {
				s.Metrics.List(next.Entries, s.Now().Sub(began))
			}
			return nil
		} else if code := hub.CodeOf(err); code != hub.Precondition && code != hub.Conflict {
			return fmt.Errorf("store revocation list of issuer %s: %w", i.id, err)
		}
		if err := ctx.Err(); err != nil {
			return hub.E(hub.Unavailable, "sign revocation list", "other processes sign it at the same time; it is tried again by itself", err)
		}
	}
}

// numberAfter returns the number of the list after the one with a number: the time in
// milliseconds, unless that is no more. Lists take longer to sign than that, so their
// numbers do not run ahead of the clock, and a hub that was restored from a backup
// goes on above what it had given out since (RFC 5280 clause 5.2.3).
func numberAfter(last uint64, now time.Time) uint64 {
	return max(last+1, uint64(max(now.UnixMilli(), 0)))
}

// compose signs the list that follows the last one.
func (s *Service) compose(ctx context.Context, i *issuer, last list, changed bool) (*list, error) {
	this := s.Now().UTC().Truncate(time.Second)
	if this.Before(last.ThisUpdate) { // the clock was put back
		this = last.ThisUpdate
	}
	next := &list{Number: numberAfter(last.Number, s.Now()), Changes: last.Changes, ThisUpdate: this, NextUpdate: this.Add(s.Times.List)}
	if changed {
		next.Changes++
	}
	i.mu.Lock()
	revoked := make([]hub.RevokedCertificate, 0, len(i.entries))
	for id, e := range i.entries {
		if e.leftOut(last.ThisUpdate) {
			delete(i.entries, id)
			continue
		}
		revoked = append(revoked, e.RevokedCertificate)
	}
	i.mu.Unlock()
	slices.SortFunc(revoked, func(a, b hub.RevokedCertificate) int {
		return cmp.Or(a.Revoked.Compare(b.Revoked), a.Serial.Cmp(b.Serial))
	})
	der, err := s.Authorities.RevocationList(ctx, i.domain, hub.RevocationList{
		Issuer: i.id, Number: new(big.Int).SetUint64(next.Number), ThisUpdate: next.ThisUpdate, NextUpdate: next.NextUpdate, Revoked: revoked,
	})
	if err != nil {
		return nil, fmt.Errorf("sign revocation list of issuer %s: %w", i.id, err)
	}
	next.DER, next.Entries = der, len(revoked)
	next.ThisUpdate, next.NextUpdate, err = timesOf(der)
	return next, err
}

// timesOf reads when a list was made and is over. One from an authority elsewhere
// has other times than were asked for.
func timesOf(der []byte) (this, next time.Time, err error) {
	var l struct {
		TBS struct {
			Version    int `asn1:"optional"`
			Signature  asn1.RawValue
			Issuer     asn1.RawValue
			ThisUpdate time.Time
			NextUpdate time.Time
			Revoked    asn1.RawValue `asn1:"optional"`
			Extensions asn1.RawValue `asn1:"optional"`
		}
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &l); err != nil {
		return this, next, fmt.Errorf("read the revocation list that was signed: %w", err)
	}
	return l.TBS.ThisUpdate.UTC(), l.TBS.NextUpdate.UTC(), nil
}

// keep stores a list, and holds on to its bytes.
func (s *Service) keep(ctx context.Context, i *issuer, last state.Entry[list], next *list, fresh bool) (err error) {
	stored := *next
	if len(stored.DER) > maxStored {
		stored.DER = nil
	}
	if fresh {
		_, err = s.lists.Create(ctx, i.domain, i.id, &stored)
	} else {
		last.Value = stored
		_, err = s.lists.Replace(ctx, last)
	}
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.own, i.changes = next, next.Changes
	return nil
}

// load reads what was revoked when that is not in the book: at first, and when
// another process has signed since, which may have made a reason graver, too.
func (s *Service) load(ctx context.Context, i *issuer, last list) error {
	i.mu.Lock()
	there := i.loaded && i.changes == last.Changes
	i.mu.Unlock()
	if there {
		return nil
	}
	if err := s.follow(ctx, i, last); err != nil {
		return err
	}
	missing := slices.Collect(s.revokedOf(i, last.ThisUpdate))
	var (
		mu     sync.Mutex // covers failed
		failed []error
	)
	each(missing, func(id string) {
		e, err := s.Store.Certificates.GetIn(ctx, i.domain, id)
		switch {
		case hub.CodeOf(err) == hub.NotFound:
		case err != nil:
			mu.Lock()
			failed = append(failed, fmt.Errorf("read revoked certificate %s: %w", id, err))
			mu.Unlock()
		case e.Value.Revoked != nil && !e.Value.Revoked.Held:
			i.mu.Lock()
			i.put(&e.Value)
			i.mu.Unlock()
		}
	})
	if err := errors.Join(failed...); err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.loaded, i.changes = true, last.Changes
	return nil
}

// follow waits until the index has what was stored before the last list, such as
// the revocations of another process.
func (s *Service) follow(ctx context.Context, i *issuer, last list) error {
	for {
		kept := s.lists.Kept(i.id)
		if last.Number == 0 || kept != nil && kept.Number >= last.Number {
			return nil
		}
		select {
		case <-ctx.Done():
			return hub.E(hub.Unavailable, "sign revocation list", "what another process revoked is not known here yet; it is tried again by itself", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// revokedOf yields the IDs of an issuer's revoked certificates that may have to be
// in the list after the one of that time.
func (s *Service) revokedOf(i *issuer, last time.Time) func(func(string) bool) {
	from := i.cert.NotBefore
	if last.After(from) {
		// What ended before the last list, and was revoked after it, is open: it
		// comes with its own round.
		from = last
	}
	return func(yield func(string) bool) {
		for m := firstOfMonth(from); !m.After(i.cert.NotAfter); m = m.AddDate(0, 1, 0) {
			for id := range s.Store.Certificates.FindAfter(cmf.ByRevoked(i.id, m), "") {
				if !yield(id) {
					return
				}
			}
		}
	}
}

func firstOfMonth(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}
