package authority_test

import (
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit"
	"github.com/manoward/manoward/internal/testkit/catest"
)

// revocation is one for a compromise, now.
func (w *world) revocation() authority.Revocation {
	return authority.Revocation{At: w.clock(), Reason: 2, By: operator.String(), Comment: "a test"}
}

func (p *process) revoke(domain, issuer string) {
	p.w.t.Helper()
	if err := p.RevokeIntermediate(p.w.t.Context(), domain, issuer, p.w.revocation()); err != nil {
		p.w.t.Fatalf("revoke %s: %v", issuer, err)
	}
}

// rootList is what a domain's root says of its intermediates.
func (p *process) rootList(domain string) []byte {
	p.w.t.Helper()
	list, err := p.Issuers(p.w.t.Context(), domain)
	if err != nil {
		p.w.t.Fatal(err)
	}
	now := p.w.clock()
	order := hub.RevocationList{Issuer: list[0].ID, Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour)}
	for _, i := range list {
		if i.Revoked != nil {
			serial, _ := new(big.Int).SetString(i.Serial, 16)
			order.Revoked = append(order.Revoked, hub.RevokedCertificate{Serial: serial, Revoked: i.Revoked.At, Reason: i.Revoked.Reason})
		}
	}
	crl, err := p.RevocationList(p.w.t.Context(), domain, order)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return crl
}

// The intermediate that signs is replaced when it is revoked, an earlier one is not;
// with keys in files and in a token. openssl refuses what they issued by the list that
// their root signs, and takes what the new one issued.
func TestRevokeIntermediate(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	w := newWorld(t)
	w.tokens = map[string]authority.Keys{}
	w.newToken(hsm, "south")
	p := w.start()
	for _, domain := range []string{"north", "south"} {
		_, first := p.issue(domain)
		p.rotate(domain, intermediate)
		_, second := p.issue(domain)
		p.revoke(domain, first.Issuer)
		if got := p.states(domain); got != "root 1 ACTIVE, issuer 2 REVOKED, issuer 3 ACTIVE" {
			t.Errorf("%s: after the earlier one was revoked: %s", domain, got)
		}
		for range 2 { // again, it changes nothing
			p.revoke(domain, second.Issuer)
			if got := p.states(domain); got != "root 1 ACTIVE, issuer 2 REVOKED, issuer 3 REVOKED, issuer 4 ACTIVE" {
				t.Errorf("%s: after the present one was revoked: %s", domain, got)
			}
		}
		_, third := p.issue(domain)
		root, crl := p.root(domain, ""), p.rootList(domain)
		for _, issued := range []hub.IssuedCertificate{first, second, third} {
			now := w.clock()
			own, err := p.RevocationList(t.Context(), domain, hub.RevocationList{Issuer: issued.Issuer, Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			out := catest.Verify(t, issued, root, "-crl_check_all", "-CRLfile", catest.PEM(t, "X509 CRL", crl, own))
			if good := strings.HasSuffix(out, ": OK"); good != (issued.Issuer == third.Issuer) || !good && !strings.Contains(out, "certificate revoked") {
				t.Errorf("%s: of what %s issued openssl says %s", domain, issued.Issuer, out)
			}
		}
		list, err := p.Issuers(t.Context(), domain)
		if err != nil || list[1].Revoked == nil || list[1].Revoked.Reason != 2 || !strings.Contains(list[1].Alarm, "cert list --trust-domain "+domain+" --issuer "+first.Issuer) || list[3].Alarm != "" {
			t.Errorf("%+v, %v", list, err)
		}
		p.look(domain)
	}
	if n := len(w.kinds(authority.RecordExpiring)); n != 0 {
		t.Errorf("%d records of an end for revocations", n)
	}
	w.pass(6 * 365 * 24 * time.Hour)
	if list, err := p.Issuers(t.Context(), "north"); err != nil || list[1].Alarm != "" || list[1].State != hub.StateRevoked {
		t.Errorf("a revoked one that has ended: %+v, %v", list[1], err)
	}
}

// An intermediate names the list and the certificate of its root.
func TestIntermediate_NamesList(t *testing.T) {
	w := newWorld(t)
	p := w.start()
	_, issued := p.issue("north")
	list, err := p.Issuers(t.Context(), "north")
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(issued.Chain[1])
	if err != nil {
		t.Fatal(err)
	}
	crl, ca := published("north", list[0].ID)
	if !slices.Equal(c.CRLDistributionPoints, crl) || !slices.Equal(c.IssuingCertificateURL, ca) {
		t.Errorf("it names %q and %q", c.CRLDistributionPoints, c.IssuingCertificateURL)
	}
}

func TestRevokeIntermediate_Refused(t *testing.T) {
	w := newWorld(t)
	p := w.start()
	_, issued := p.issue("north")
	list, err := p.Issuers(t.Context(), "north")
	if err != nil {
		t.Fatal(err)
	}
	try := func(domain, id string, want hub.Code, says string) {
		t.Helper()
		if err := p.RevokeIntermediate(t.Context(), domain, id, w.revocation()); hub.CodeOf(err) != want || !strings.Contains(hub.SafeText(err), says) {
			t.Errorf("revoke %s of %s: %v", id, domain, err)
		}
	}
	try("north", list[0].ID, hub.Invalid, "ca rotate root")
	try("north", "none", hub.NotFound, "no issuer")
	try("south", issued.Issuer, hub.NotFound, "no issuer") // which has no authority yet
	try("nowhere", issued.Issuer, hub.NotFound, "")
	w.pass(6 * 365 * 24 * time.Hour)
	try("north", issued.Issuer, hub.Conflict, "nothing to revoke")
	if got := p.states("north"); got != "root 1 ACTIVE, issuer 2 EXPIRED" {
		t.Errorf("something was revoked: %s", got)
	}
}

// Whatever effect of a revocation is the last before a process dies: nothing is signed
// with what is revoked, the next process signs, and has it finished when it looked
// after it. To revoke again is the same.
func TestRevokeIntermediate_Killed(t *testing.T) {
	killed := errors.New("killed")
	for step := 0; ; step++ {
		w := newWorld(t)
		p := w.start()
		_, before := p.issue("north")
		n := 0
		w.fail = func(string) error {
			if n++; n > step {
				return killed
			}
			return nil
		}
		err := p.RevokeIntermediate(t.Context(), "north", before.Issuer, w.revocation())
		p.end()
		w.fail = nil
		if err != nil && !errors.Is(err, killed) {
			t.Fatalf("killed after %d effects: %v", step, err)
		}
		after := w.start()
		_, issued := after.issue("north") // before anybody looked after it
		if revoked := step > 0; revoked == (issued.Issuer == before.Issuer) {
			t.Errorf("killed after %d effects: the next one is signed by %s", step, issued.Issuer)
		}
		after.revoke("north", before.Issuer)
		if got := after.states("north"); got != "root 1 ACTIVE, issuer 2 REVOKED, issuer 3 ACTIVE" {
			t.Errorf("killed after %d effects: %s", step, got)
		}
		if made := len(w.kinds(authority.RecordMade)); made != 3 {
			t.Errorf("killed after %d effects: %d certificates are recorded", step, made)
		}
		if err == nil {
			if step < 5 {
				t.Errorf("it has %d effects only", step)
			}
			return
		}
	}
}
