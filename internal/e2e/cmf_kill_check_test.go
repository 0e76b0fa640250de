package e2e_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/catest"
)

// cmfStory is what is read of the record of a request or a certificate.
type cmfStory struct {
	RequestID, SerialNumber, Failure, Reason string
	Attempt                                  int
}

// cmfBooks are the records of a trust domain and what its VNFMs see.
type cmfBooks struct {
	t            *testing.T
	bySubject    map[string]map[string][]cmfStory // by kind and subject
	certificates map[string]certmgmt.Certificate
	clients      []*cmfClient
	revoked      map[string]bool // serial numbers of the revocation lists, hexadecimal
}

// check wants what was acknowledged to be there, and the books of each trust domain to
// agree: records, inventory and revocation lists.
func (s *cmfKill) check() {
	s.t.Helper()
	for _, domain := range []string{"north", "south"} {
		b := &cmfBooks{t: s.t, bySubject: map[string]map[string][]cmfStory{}, certificates: map[string]certmgmt.Certificate{}, revoked: map[string]bool{}}
		seen := map[string]bool{}
		for _, r := range s.records(domain) {
			if seen[r.ID] {
				s.t.Errorf("record %s %s of %s is there twice", r.ID, r.Kind, r.Subject)
			}
			seen[r.ID] = true
			var story cmfStory
			if err := json.Unmarshal(r.Data, &story); err != nil {
				s.t.Fatal(err)
			}
			if b.bySubject[r.Kind] == nil {
				b.bySubject[r.Kind] = map[string][]cmfStory{}
			}
			b.bySubject[r.Kind][r.Subject] = append(b.bySubject[r.Kind][r.Subject], story)
		}
		lists := map[string]bool{}
		for _, c := range s.clients {
			if c.domain != domain {
				continue
			}
			b.clients = append(b.clients, c)
			for _, found := range cmfList[certmgmt.Certificate](c, "/certificates") {
				b.certificates[found.ID] = found
				if !lists[found.Issuer] {
					lists[found.Issuer] = true
					b.readList(cmfGet(s.t, s.ready.Endpoints["cmfStatus"]+"/crl/"+domain+"/"+found.Issuer+".crl"))
				}
			}
			c.wholeOrNot()
			c.sameAgain()
		}
		b.checkCertificates()
		b.checkRequests()
		b.checkRegistrations()
		for _, c := range b.clients {
			b.checkAnswers(c)
		}
	}
}

// readList adds what is in a revocation list.
func (b *cmfBooks) readList(der []byte) {
	b.t.Helper()
	l, err := x509.ParseRevocationList(der)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range l.RevokedCertificateEntries {
		b.revoked[e.SerialNumber.Text(16)] = true
	}
}

// serial is a serial number in one spelling.
func serial(t *testing.T, text string) string {
	t.Helper()
	n, ok := new(big.Int).SetString(text, 16)
	if !ok || n.Sign() <= 0 {
		t.Errorf("%q is no serial number", text)
		return text
	}
	return n.Text(16)
}

// checkCertificates wants one record for each certificate and one certificate for each
// record, no serial number twice, and each revocation in the list and in the records.
func (b *cmfBooks) checkCertificates() {
	b.t.Helper()
	used := map[string]string{}
	use := func(number, by string) {
		if other, twice := used[serial(b.t, number)]; twice {
			b.t.Errorf("serial number %s is that of %s and of %s", number, other, by)
		}
		used[serial(b.t, number)] = by
	}
	for id, c := range b.certificates {
		use(c.SerialNumber, "certificate/"+id)
		told := b.bySubject["certificate.issued"]["certificate/"+id]
		if len(told) != 1 || serial(b.t, told[0].SerialNumber) != c.SerialNumber {
			b.t.Errorf("certificate %s with serial number %s has the records %+v", id, c.SerialNumber, told)
		}
		ended := b.bySubject["certificate.revoked"]["certificate/"+id]
		if is := c.State == certmgmt.CertificateRevoked; is != b.revoked[c.SerialNumber] || is != (len(ended) == 1) || is && ended[0].Reason != c.RevocationReason {
			b.t.Errorf("certificate %s is %s for %q; in the list: %v; records: %+v", id, c.State, c.RevocationReason, b.revoked[c.SerialNumber], ended)
		}
	}
	for subject := range b.bySubject["certificate.issued"] {
		if _, there := b.certificates[strings.TrimPrefix(subject, "certificate/")]; !there {
			b.t.Errorf("%s was recorded as issued and is not there", subject)
		}
	}
	for subject, list := range b.bySubject["certificate.failed"] {
		for _, f := range list {
			use(f.SerialNumber, fmt.Sprintf("the failed attempt %d of %s", f.Attempt, subject))
		}
	}
	for subject, list := range b.bySubject["certificate.refused"] { // the test asks again for what was revoked, and for nothing else
		if _, revoked := b.bySubject["certificate.revoked"]["certificate/"+strings.TrimPrefix(subject, "request/")]; !revoked {
			b.t.Errorf("%s was refused: %+v", subject, list)
		}
	}
}

// checkRequests wants every request that was stored to have its certificate or noted
// failures, one for each attempt.
func (b *cmfBooks) checkRequests() {
	b.t.Helper()
	for _, c := range b.clients {
		for _, r := range cmfList[certmgmt.Signing](c, "/certificate_signing_requests") {
			attempts, failed := 0, b.bySubject["certificate.failed"]["request/"+r.ID]
			switch _, there := b.certificates[r.ID]; {
			case r.State == certmgmt.RequestIssued && there:
				attempts = b.bySubject["certificate.issued"]["certificate/"+r.ID][0].Attempt - 1
			case r.State == certmgmt.RequestFailed && !there && len(failed) > 0:
				attempts = len(failed)
			case r.State == certmgmt.RequestProcessing && !there: // cut off, and not looked at yet
				attempts = len(failed)
			default:
				b.t.Errorf("request %s is %s; its certificate is there: %v; failures: %+v", r.ID, r.State, there, failed)
			}
			numbers := []int{}
			for _, f := range failed {
				numbers = append(numbers, f.Attempt)
			}
			slices.Sort(numbers)
			for n := range attempts {
				if n >= len(numbers) || numbers[n] != n+1 {
					b.t.Errorf("request %s failed %d times, and noted is %v", r.ID, attempts, numbers)
					break
				}
			}
		}
	}
}

// checkRegistrations wants each registration and attester to have one record, and each
// record its registration or attester.
func (b *cmfBooks) checkRegistrations() {
	b.t.Helper()
	there := map[string]bool{}
	for _, c := range b.clients {
		for _, r := range cmfList[certmgmt.Registration](c, "/registrations") {
			there["registration/"+r.ID] = true
			if told := len(b.bySubject["registration.ended"]["registration/"+r.ID]); r.Ended != (told == 1) || told > 1 {
				b.t.Errorf("registration %s has ended: %v; records of that: %d", r.ID, r.Ended, told)
			}
		}
		for _, a := range cmfList[certmgmt.Attester](c, "/attesters") {
			there["attester/"+a.ID] = true
		}
	}
	for _, kind := range []string{"registration.registered", "attester.registered"} {
		for subject, told := range b.bySubject[kind] {
			if !there[subject] || len(told) != 1 {
				b.t.Errorf("%s is there: %v; its records: %+v", subject, there[subject], told)
			}
			delete(there, subject)
		}
	}
	for subject := range there {
		b.t.Errorf("%s has no record", subject)
	}
}

// checkAnswers wants what a VNFM was told to be in the inventory.
func (b *cmfBooks) checkAnswers(c *cmfClient) {
	b.t.Helper()
	for _, a := range c.asks {
		if a.answer == nil {
			continue
		}
		found, there := b.certificates[a.answer.CertificateID]
		switch {
		case !there || found.Certificate != a.answer.Certificate || found.SubjectID != a.in.VnfcID || found.Assurance == "unattested":
			b.t.Errorf("certificate %s was answered, and the inventory has %+v", a.answer.CertificateID, found)
		case a.renews != nil && found.Renews != a.renews.answer.CertificateID:
			b.t.Errorf("certificate %s renews %q, want %s", found.ID, found.Renews, a.renews.answer.CertificateID)
		case a.revoked && (found.State != certmgmt.CertificateRevoked || found.RevocationReason != a.revoke):
			b.t.Errorf("certificate %s was revoked for %s and is %s for %q", found.ID, a.revoke, found.State, found.RevocationReason)
		case a.revoke == "" && found.State != certmgmt.CertificateValid:
			b.t.Errorf("certificate %s is %s and nobody revoked it", found.ID, found.State)
		}
	}
}

// judge lets openssl say of so many certificates, revoked ones first, whether they are
// good, by chain and revocation list and by OCSP.
func (s *cmfKill) judge(most int) {
	s.t.Helper()
	for n := range s.clients[0].asks {
		for _, c := range s.clients {
			if n < len(c.asks) && c.asks[n].answer != nil && most > 0 {
				s.openssl(c, c.asks[n])
				most--
			}
		}
	}
}

// openssl compares what openssl finds of a certificate with what was asked.
func (s *cmfKill) openssl(c *cmfClient, a *cmfAsk) {
	s.t.Helper()
	der := func(text string) []byte {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			s.t.Fatalf("%q is no PEM", text)
		}
		return block.Bytes
	}
	issued := hub.IssuedCertificate{Chain: [][]byte{der(a.answer.Certificate)}}
	for _, above := range a.answer.CertificateChain {
		issued.Chain = append(issued.Chain, der(above))
	}
	last := len(issued.Chain) - 1
	root := issued.Chain[last]
	issued.Chain = issued.Chain[:last]
	leaf, err := x509.ParseCertificate(issued.Chain[0])
	if err != nil {
		s.t.Fatal(err)
	}
	crl := catest.PEM(s.t, "X509 CRL", cmfGet(s.t, leaf.CRLDistributionPoints[0]))
	byList := catest.Verify(s.t, issued, root, "-crl_check", "-CRLfile", crl)
	issuer := catest.PEM(s.t, "CERTIFICATE", issued.Chain[1])
	out, err := exec.CommandContext(s.t.Context(), "openssl", "ocsp", "-issuer", issuer, "-cert", catest.PEM(s.t, "CERTIFICATE", issued.Chain[0]),
		"-url", leaf.OCSPServer[0], "-CAfile", catest.PEM(s.t, "CERTIFICATE", root), "-verify_other", issuer).CombinedOutput()
	byOCSP := string(out)
	if err != nil || !strings.Contains(byOCSP, "Response verify OK") {
		s.t.Fatalf("openssl ocsp: %v\n%s", err, byOCSP)
	}
	listed, said := strings.Contains(byList, "certificate revoked"), strings.Contains(byOCSP, ": revoked")
	if listed != a.revoked || said != a.revoked || !a.revoked && (!strings.HasSuffix(byList, ": OK") || !strings.Contains(byOCSP, ": good")) {
		s.t.Errorf("certificate %s of %s was revoked: %v; openssl says by the list\n%s\nand by OCSP\n%s", a.answer.CertificateID, c.identity, a.revoked, byList, byOCSP)
	}
}

// cmfGet fetches what anybody may have.
func cmfGet(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v", url, resp.Status, err)
	}
	return raw
}
