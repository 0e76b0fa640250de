package judge

import (
	"context"
	"slices"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// How much of what was issued before policies see. It does not grow with the
// inventory.
const (
	maxHours    = 24 // of certificates of the subject
	maxEarlier  = 16 // of them, in full
	maxSubjects = 8  // others with the same key
)

// history is what was issued for the subject before.
type history struct {
	Issued  []hour    `json:"issued"`
	Earlier []earlier `json:"earlier"`
}

type hour struct {
	Hour         time.Time `json:"hour"`
	Certificates int       `json:"certificates"`
}

type earlier struct {
	ID           string     `json:"id"`
	SerialNumber string     `json:"serialNumber"`
	KeyHash      string     `json:"keyHash"`
	Assurance    string     `json:"assurance"`
	AttesterID   string     `json:"attesterId,omitempty"`
	NotBefore    time.Time  `json:"notBefore"`
	NotAfter     time.Time  `json:"notAfter"`
	Renews       string     `json:"renews,omitempty"`
	Revoked      *time.Time `json:"revoked,omitempty"`
	Reason       *int       `json:"revocationReason,omitempty"`
}

// past is what was issued before, for the subject and for the key.
type past struct {
	history
	others   int // certificates of other subjects for the key
	subjects []string
}

// history looks up what was issued before. Counting takes no read from the bus;
// only what is shown in full does, and in the life of a certificate that is one or
// none.
func (j *Judge) history(ctx context.Context, q *cmf.Question) (*past, error) {
	p := &past{history: history{Issued: []hour{}, Earlier: []earlier{}}, subjects: []string{}}
	ids := j.issued(q, p)
	if q.Request.Renews != "" && !slices.Contains(ids, q.Request.Renews) {
		ids = append(ids, q.Request.Renews)
	}
	for _, id := range ids {
		c, err := j.certificate(ctx, q, id)
		if err != nil {
			return nil, err
		}
		if c != nil && c.SubjectID == q.Request.SubjectID && c.CertType == q.Request.CertType {
			p.Earlier = append(p.Earlier, earlierOf(c))
		}
	}
	slices.SortFunc(p.Earlier, func(a, b earlier) int { return a.NotBefore.Compare(b.NotBefore) })
	return p, j.sharers(ctx, q, p)
}

// issued counts the subject's certificates of the last hours, and returns the IDs
// of the newest.
func (j *Judge) issued(q *cmf.Question, p *past) (newest []string) {
	r, now := q.Request, q.At.UTC().Truncate(time.Hour)
	if !j.hadAny(r.CertType, r.SubjectID) { // as most that ask
		return nil
	}
	for ago := range maxHours + 1 {
		at := now.Add(-time.Duration(ago) * time.Hour)
		ids := without(j.store.Certificates.Find(cmf.ByHour(r.TrustDomain, r.CertType, r.SubjectID, at)), r.ID)
		if len(ids) == 0 {
			continue
		}
		p.Issued = append(p.Issued, hour{at, len(ids)})
		newest = append(newest, ids[:min(len(ids), maxEarlier-len(newest))]...)
	}
	slices.Reverse(p.Issued)
	return newest
}

// hadAny reports whether an entity has or had certificates of a type, in whatever trust
// domain.
func (j *Judge) hadAny(t certmgmt.CertType, subjectID string) bool {
	for range j.store.Certificates.FindAfter(cmf.BySubject(t, subjectID), "") {
		return true
	}
	return false
}

// sharers counts the certificates that other subjects have for the key.
func (j *Judge) sharers(ctx context.Context, q *cmf.Question, p *past) error {
	r := q.Request
	with := without(j.store.Certificates.Find(cmf.ByKey(r.TrustDomain, q.KeyHash)), r.ID)
	if len(with) == 0 {
		return nil
	}
	own := map[string]bool{}
	for _, t := range []certmgmt.CertType{certmgmt.MANOCert, certmgmt.VNFCICert, certmgmt.VNFOAMCert} {
		for _, id := range j.store.Certificates.Find(cmf.BySubject(t, r.SubjectID)) {
			own[id] = true
		}
	}
	others := slices.DeleteFunc(with, func(id string) bool { return own[id] })
	p.others = len(others)
	for _, id := range others[:min(len(others), maxSubjects)] {
		c, err := j.certificate(ctx, q, id)
		if err != nil {
			return err
		}
		if c != nil && !slices.Contains(p.subjects, c.SubjectID) {
			p.subjects = append(p.subjects, c.SubjectID)
		}
	}
	return nil
}

// certificate reads a certificate of the request's trust domain; nil: there is none.
func (j *Judge) certificate(ctx context.Context, q *cmf.Question, id string) (*cmf.Certificate, error) {
	e, err := j.store.Certificates.GetIn(ctx, q.Request.TrustDomain, id)
	switch {
	case err == nil:
		return &e.Value, nil
	case hub.CodeOf(err) == hub.NotFound:
		return nil, nil
	}
	return nil, hub.E(hub.Unavailable, "judge certificate request", "what was issued before cannot be read now; send the request again", err)
}

func earlierOf(c *cmf.Certificate) earlier {
	e := earlier{
		ID: c.ID, KeyHash: c.KeyHash, Assurance: c.Assurance, AttesterID: c.AttesterID,
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), Renews: c.Renews,
	}
	if c.Serial != nil {
		e.SerialNumber = c.Serial.Text(16)
	}
	if c.Revoked != nil {
		at, reason := c.Revoked.At.UTC(), c.Revoked.Reason
		e.Revoked, e.Reason = &at, &reason
	}
	return e
}

// without returns the IDs less one: the certificate of a request that is judged
// again was not issued before it.
func without(ids []string, id string) []string {
	return slices.DeleteFunc(ids, func(other string) bool { return other == id })
}
