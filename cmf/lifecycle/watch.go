package lifecycle

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// mark is up to which day a trust domain's certificates were looked at, for each
// thing that is looked for, under the domain's name.
type mark struct {
	Days map[string]time.Time `json:"days"` // the last day that is done
}

const (
	lookBack   = 800 // days, where there is no mark: longer than certificates of keys live
	recordsMax = 256 // records at once
)

// alarm records the certificates that end soon, once for each threshold: on the
// day on which the threshold is as far away as the day of their end. One that
// another certificate took the place of, and one whose life is shorter than the
// threshold, are left out.
func (s *Service) alarm(ctx context.Context, domain string) error {
	today := s.Now().UTC().Truncate(day)
	for _, t := range s.Times.Alarms {
		ahead := int(t / day)
		err := s.daily(ctx, domain, "expiring "+strconv.Itoa(ahead), today.Add(-day), today.Add(t.Truncate(day)), func(d time.Time) error {
			certs, err := s.on(ctx, domain, cmf.ByEnd(d), func(c *cmf.Certificate) (bool, error) {
				return c.NotAfter.Sub(c.NotBefore) > t && s.renewedBy(c) == "", nil
			})
			if err != nil {
				return err
			}
			return s.alarmed(ctx, domain, "certificate.expiring", certs, strconv.Itoa(ahead), func(c *cmf.Certificate) any {
				return struct {
					NotAfter  time.Time `json:"notAfter"`
					Days      int       `json:"days"`
					SubjectID string    `json:"subjectId"`
					Manager   string    `json:"manager"`
				}{c.NotAfter, ahead, c.SubjectID, c.Manager}
			}, func() {
				if s.Metrics.Expiring != nil {
					s.Metrics.Expiring(ahead)
				}
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// reattest alarms the certificates whose keys were not attested again in time, and
// later revokes them.
func (s *Service) reattest(ctx context.Context, domain string) error {
	today := s.Now().UTC().Truncate(day)
	for _, t := range []certmgmt.CertType{certmgmt.MANOCert, certmgmt.VNFCICert, certmgmt.VNFOAMCert} {
		rule := s.Rules(domain, t)
		if rule.Reattest <= 0 {
			continue
		}
		overdue := func(d time.Time) ([]*cmf.Certificate, error) {
			return s.on(ctx, domain, cmf.ByBegin(d), func(c *cmf.Certificate) (bool, error) {
				if c.CertType != t || c.AttesterID == "" {
					return false, nil
				}
				again, err := s.attestedAgain(ctx, c)
				return !again, err
			})
		}
		until := today.Add(-rule.Reattest.Truncate(day) - day) // all of that day is over the limit
		err := s.daily(ctx, domain, "reattest "+string(t), until.AddDate(0, 0, -lookBack), until, func(d time.Time) error {
			certs, err := overdue(d)
			if err != nil {
				return err
			}
			return s.alarmed(ctx, domain, "certificate.unattested", certs, "", func(c *cmf.Certificate) any {
				return struct {
					Attested  time.Time `json:"attested"`
					SubjectID string    `json:"subjectId"`
					Manager   string    `json:"manager"`
				}{c.NotBefore, c.SubjectID, c.Manager}
			}, s.Metrics.Overdue)
		})
		if err != nil {
			return err
		}
		until = until.Add(-rule.Grace.Truncate(day))
		err = s.daily(ctx, domain, "revoke "+string(t), until.AddDate(0, 0, -lookBack), until, func(d time.Time) error {
			certs, err := overdue(d)
			if err != nil {
				return err
			}
			return s.endOverdue(ctx, certs)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// attestedAgain says whether a later certificate attests the key.
func (s *Service) attestedAgain(ctx context.Context, c *cmf.Certificate) (bool, error) {
	for id := range s.Store.Certificates.FindAfter(cmf.ByKey(c.TrustDomain, c.KeyHash), "") {
		e, err := s.Store.Certificates.GetIn(ctx, c.TrustDomain, id)
		if err != nil && hub.CodeOf(err) != hub.NotFound {
			return false, fmt.Errorf("look at certificate %s: %w", id, err)
		}
		if err == nil && e.Value.AttesterID != "" && e.Value.Revoked == nil && e.Value.NotBefore.After(c.NotBefore) {
			return true, nil
		}
	}
	return false, nil
}

func (s *Service) endOverdue(ctx context.Context, certs []*cmf.Certificate) error {
	for code, replaced := range map[int]bool{PrivilegeWithdrawn: false, Superseded: true} {
		var ids []string
		for _, c := range certs {
			if (s.renewedBy(c) != "") == replaced {
				ids = append(ids, c.ID)
			}
		}
		r, _ := reasonOf(code)
		if err := s.revoke(ctx, ids, order{reason: r, by: s.Self.String(), comment: "its key was not attested again in time", living: true}); err != nil {
			return err
		}
	}
	return nil
}

// daily does something for each day after the mark, up to one, and moves the mark
// when a day was done. Where there is no mark, it begins after first.
func (s *Service) daily(ctx context.Context, domain, what string, first, last time.Time, fn func(d time.Time) error) error {
	done := first
	if m := s.marks.Kept(domain); m != nil && m.Days[what].After(first) {
		done = m.Days[what]
	}
	if !done.Before(last) {
		return nil
	}
	for d := done.Add(day); !d.After(last); d = d.Add(day) {
		if err := fn(d); err != nil {
			return err
		}
	}
	return s.moveMark(ctx, domain, what, last)
}

func (s *Service) moveMark(ctx context.Context, domain, what string, to time.Time) error {
	_, err := s.marks.Update(ctx, domain, func(m *mark) error {
		if m.Days == nil {
			m.Days = map[string]time.Time{}
		}
		m.Days[what] = to
		return nil
	})
	if hub.CodeOf(err) == hub.NotFound {
		_, err = s.marks.Create(ctx, domain, domain, &mark{Days: map[string]time.Time{what: to}})
		if hub.CodeOf(err) == hub.Conflict {
			return nil // another process made it; this day is looked at again, without effect
		}
	}
	return err
}

// on lists a domain's living certificates that a term finds and that are wanted.
func (s *Service) on(ctx context.Context, domain, term string, want func(*cmf.Certificate) (bool, error)) ([]*cmf.Certificate, error) {
	var list []*cmf.Certificate
	now := s.Now()
	for _, id := range s.found(term, domain) {
		e, err := s.Store.Certificates.GetIn(ctx, domain, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look at certificate %s: %w", id, err)
		}
		if e.Value.Revoked != nil || !now.Before(e.Value.NotAfter) {
			continue
		}
		wanted, err := want(&e.Value)
		if err != nil {
			return nil, err
		}
		if wanted {
			list = append(list, &e.Value)
		}
	}
	return list, nil
}

// alarmed records something of certificates, and counts it.
func (s *Service) alarmed(ctx context.Context, domain, kind string, certs []*cmf.Certificate, part string, data func(*cmf.Certificate) any, count func()) error {
	for len(certs) > 0 {
		n := min(recordsMax, len(certs))
		records := make([]hub.Record, 0, n)
		for _, c := range certs[:n] {
			r, err := s.newRecord(kind, s.Self.String(), "certificate/"+c.ID, s.Now(), data(c), part)
			if err != nil {
				return err
			}
			records = append(records, r)
		}
		if err := s.Records(ctx, domain, records...); err != nil {
			return err
		}
		if count != nil {
			for range certs[:n] {
				count()
			}
		}
		certs = certs[n:]
	}
	return nil
}
