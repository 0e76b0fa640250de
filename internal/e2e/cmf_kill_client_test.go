package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/devicekit"
)

// cmfClient is a VNFM of TestSoak_CmfKill, with what it asked for and what of that was
// acknowledged.
type cmfClient struct {
	*cmVnfm
	t                *testing.T
	domain, identity string
	rnd              *rand.Rand
	subjects         []*cmfSubject
	brief            []*cmfSubject // those whose registration is ended as soon as it is there
	asks             []*cmfAsk
	did              map[string]int
	pace             time.Duration // between two requests
}

// cmfSubject is a VNFC instance, or two, with their device.
type cmfSubject struct {
	id     string // of the registration; "" until it is acknowledged
	ids    []string
	device *devicekit.Soft
	ended  bool // acknowledged
}

// cmfAsk is a request for a certificate.
type cmfAsk struct {
	subject *cmfSubject
	in      certmgmt.SigningRequest
	renews  *cmfAsk
	answer  *certmgmt.Signing // nil until it is acknowledged
	gaveUp  bool              // nobody asks again
	revoke  string            // the reason that was given; "" for none
	revoked bool              // acknowledged
}

func (c *cmfClient) count(what string) int { return c.did[what] }

// done counts what was acknowledged, and says whether something was. What was not is
// hub.Unavailable; then the hub is gone.
func (c *cmfClient) done(what string, err error) bool {
	if err != nil {
		killed(c.t, c.identity+": "+what, err)
		return false
	}
	if c.did == nil {
		c.did = map[string]int{}
	}
	c.did[what]++
	return true
}

// work does one thing after the other until the hub is gone: at first what was not
// acknowledged before.
func (c *cmfClient) work(ctx context.Context) {
	if !c.registered(ctx) {
		return
	}
	for _, a := range c.asks {
		if a.answer == nil && !a.gaveUp {
			if a.gaveUp = c.rnd.IntN(5) == 0; !a.gaveUp && !c.ask(ctx, a) {
				return
			}
		}
		if a.answer != nil && a.revoke != "" && !a.revoked && !c.revoke(ctx, a) {
			return
		}
	}
	for c.one(ctx) && waitFor(ctx, c.pace) == nil {
	}
}

// registered registers and ends what was not acknowledged before.
func (c *cmfClient) registered(ctx context.Context) bool {
	for _, r := range slices.Concat(c.subjects, c.brief) {
		if r.id == "" && !c.register(ctx, r) {
			return false
		}
	}
	for _, r := range c.brief {
		if !r.ended && !c.end(ctx, r) {
			return false
		}
	}
	return true
}

// newSubject is one or two VNFC instances.
func (c *cmfClient) newSubject() *cmfSubject {
	r := &cmfSubject{device: devicekit.NewSoft(c.t)}
	for range 1 + c.rnd.IntN(2) {
		r.ids = append(r.ids, hub.NewID())
	}
	return r
}

// one does one thing, and says whether it was acknowledged.
func (c *cmfClient) one(ctx context.Context) bool {
	what := c.rnd.IntN(10)
	if len(c.subjects) == 0 || what == 0 && len(c.subjects) < 400 {
		r := c.newSubject()
		c.subjects = append(c.subjects, r)
		return c.register(ctx, r)
	}
	if what == 9 && len(c.brief) < 40 {
		r := c.newSubject()
		c.brief = append(c.brief, r)
		return c.register(ctx, r) && c.end(ctx, r)
	}
	if a := c.living(); a != nil && what < 4 {
		if what < 3 {
			a.revoke = []string{"keyCompromise", "superseded", "cessationOfOperation"}[c.rnd.IntN(3)]
			return c.revoke(ctx, a)
		}
		return c.request(ctx, a.subject, a)
	}
	return c.request(ctx, c.subjects[len(c.subjects)-1-c.rnd.IntN(min(len(c.subjects), 20))], nil) // a subject has 50 certificates a day at most
}

// living is one of the newest certificates that nothing was asked of, nil for none.
func (c *cmfClient) living() *cmfAsk {
	for _, a := range slices.Backward(c.asks) {
		renewed := slices.ContainsFunc(c.asks, func(b *cmfAsk) bool { return b.renews == a })
		if a.answer != nil && a.revoke == "" && !renewed {
			return a
		}
	}
	return nil
}

// register registers a subject, or does so again.
func (c *cmfClient) register(ctx context.Context, r *cmfSubject) bool {
	in := certmgmt.RegisterRequest{
		CertType: certmgmt.VNFCICert, SubjectID: r.ids, TypeOfVnfcCertHandling: certmgmt.DelegationMode, VnfInstanceID: "vnf-" + r.ids[0],
		Attesters: []certmgmt.Attester{{StatementOID: "2.23.133.20.1", PublicKey: string(r.device.AKPEM())}},
	}
	var made certmgmt.Registration
	_, err := c.Do(ctx, http.MethodPost, "/registrations", in, &made)
	if !c.done("registered", err) {
		return false
	}
	r.id = made.ID
	return true
}

// end ends a registration, or does so again.
func (c *cmfClient) end(ctx context.Context, r *cmfSubject) bool {
	_, err := c.Do(ctx, http.MethodDelete, "/registrations/"+r.id, nil, nil)
	r.ended = c.done("ended", err)
	return r.ended
}

// request asks for a certificate of a new key, half of them with a nonce, or for one
// that takes the place of another.
func (c *cmfClient) request(ctx context.Context, r *cmfSubject, renews *cmfAsk) bool {
	a := &cmfAsk{subject: r, renews: renews, in: certmgmt.SigningRequest{VnfcID: r.ids[c.rnd.IntN(len(r.ids))], CertType: certmgmt.VNFCICert, CertChainRequest: true}}
	if renews != nil {
		a.in.VnfcID, a.in.RenewalReason = renews.in.VnfcID, "of a test"
	}
	want := devicekit.Want{CommonName: a.in.VnfcID}
	if c.rnd.IntN(2) == 0 {
		var given struct {
			ID    string
			Nonce []byte
		}
		_, err := c.Do(ctx, http.MethodPost, "/challenges", certmgmt.ChallengeRequest{RegistrationID: r.id}, &given)
		if !c.done("challenged", err) {
			return false
		}
		a.in.ChallengeID, want.Nonce = given.ID, given.Nonce
	}
	a.in.CSR = string(r.device.CSR(c.t, want).PEM)
	c.asks = append(c.asks, a)
	return c.ask(ctx, a)
}

// ask sends a request, or sends it again.
func (c *cmfClient) ask(ctx context.Context, a *cmfAsk) bool {
	path, what := "/certificate_signing_requests", "issued"
	if a.renews != nil {
		path, what = "/certificates/"+a.renews.answer.CertificateID+"/renew", "renewed"
	}
	var answer certmgmt.Signing
	_, err := c.Do(ctx, http.MethodPost, path, a.in, &answer)
	if !c.done(what, err) {
		return false
	}
	if answer.State != certmgmt.RequestIssued || answer.Certificate == "" || len(answer.CertificateChain) < 2 {
		c.t.Errorf("%s has an answer without a certificate: %+v", c.identity, answer)
	}
	a.answer = &answer
	return true
}

// revoke revokes a certificate, or does so again.
func (c *cmfClient) revoke(ctx context.Context, a *cmfAsk) bool {
	_, err := c.Do(ctx, http.MethodPost, "/certificates/"+a.answer.CertificateID+"/revoke", certmgmt.RevokeRequest{Reason: a.revoke}, nil)
	a.revoked = c.done("revoked", err)
	return a.revoked
}

// wholeOrNot wants each registration to be there as it was asked for, with its
// attester, and one that was not acknowledged so, or not at all.
func (c *cmfClient) wholeOrNot() {
	c.t.Helper()
	found := map[string]certmgmt.Registration{}
	for _, r := range cmfList[certmgmt.Registration](c, "/registrations") {
		for _, id := range r.SubjectID {
			if had, twice := found[id]; twice {
				c.t.Errorf("subject %s is in the registrations %s and %s", id, had.ID, r.ID)
			}
			found[id] = r
		}
	}
	for _, s := range slices.Concat(c.subjects, c.brief) {
		r, there := found[s.ids[0]]
		switch {
		case !there && s.id != "":
			c.t.Errorf("registration %s was acknowledged and is not there", s.id)
		case !there:
		case s.ended && !r.Ended:
			c.t.Errorf("the end of registration %s was acknowledged, and it goes on", s.id)
		case !slices.Equal(r.SubjectID, s.ids) || r.Manager != c.identity || r.TrustDomain != c.domain || r.Issuer == "" || len(r.AttesterIDs) != 1 || s.id != "" && r.ID != s.id:
			c.t.Errorf("a registration of %s is half there: %+v; acknowledged as %q", s.ids, r, s.id)
		default:
			var by certmgmt.Attester
			if _, err := c.Do(c.t.Context(), http.MethodGet, "/attesters/"+r.AttesterIDs[0], nil, &by); err != nil || by.PublicKey != string(s.device.AKPEM()) {
				c.t.Errorf("the attester of registration %s: %+v %v", r.ID, by, err)
			}
		}
	}
}

// sameAgain sends every acknowledged request again: it has the same answer, or, once
// its certificate was revoked, none.
func (c *cmfClient) sameAgain() {
	c.t.Helper()
	for _, a := range c.asks {
		if a.answer == nil {
			continue
		}
		again := *a
		if a.revoke != "" {
			if a.revoked && a.renews == nil {
				_, err := c.Do(c.t.Context(), http.MethodPost, "/certificate_signing_requests", a.in, nil)
				if hub.CodeOf(err) != hub.Unprocessable {
					c.t.Errorf("the request of the revoked certificate %s is answered again: %v", a.answer.CertificateID, err)
				}
			}
			continue
		}
		if !c.ask(c.t.Context(), &again) || !reflect.DeepEqual(a.answer, again.answer) {
			c.t.Errorf("%s was answered with\n%+v\nand again with\n%+v", a.in.VnfcID, a.answer, again.answer)
		}
	}
}

// cmfList reads all of a list that a VNFM sees, with all there is of each.
func cmfList[T any](c *cmfClient, path string) (all []T) {
	c.t.Helper()
	for v, err := range httpapi.All[T](c.t.Context(), c.Client, path, url.Values{"all_fields": {""}}) {
		if err != nil {
			c.t.Fatal(fmt.Errorf("list %s: %w", path, err))
		}
		all = append(all, v)
	}
	return all
}
