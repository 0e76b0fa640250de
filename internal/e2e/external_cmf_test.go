package e2e_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit"
	"github.com/manoward/manoward/internal/testkit/devicekit"
)

// softToken is a PKCS#11 token of software: what goes in front of the command of a
// process that uses it, and its keys in a configuration. The environment of the test
// stays as it is, so that it may run beside others.
func softToken(t *testing.T, label string) (env []string, keys string) {
	t.Helper()
	module, dir := testkit.SoftHSMModule(t), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tokens"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf, pin := filepath.Join(dir, "softhsm2.conf"), filepath.Join(dir, "pin")
	writeFile(t, conf, "directories.tokendir = "+filepath.Join(dir, "tokens")+"\nlog.level = ERROR\n", 0o600)
	writeFile(t, pin, "4711-4711\n", 0o600)
	env = []string{"env", "SOFTHSM2_CONF=" + conf}
	make := newHub(t).command(t.Context(), append(slices.Clone(env), "softhsm2-util", "--init-token", "--free", "--label", label, "--pin", "4711-4711", "--so-pin", "so-4711")...)
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("make a token: %v\n%s", err, out)
	}
	return env, fmt.Sprintf("module: %s, tokenLabel: %s, pinFile: %s", module, label, pin)
}

// extToken is a software token of a trust domain's CA that several processes of a hub
// share, and their configuration.
func extToken(t *testing.T, domain string) (env []string, config string) {
	t.Helper()
	env, keys := softToken(t, domain)
	config = filepath.Join(t.TempDir(), "hub.yaml")
	writeFile(t, config, fmt.Sprintf("trust:\n  tokens:\n    - {trustDomain: %s, %s}\n", domain, keys), 0o600)
	return env, config
}

// issueAt asks for a certificate at a process until it is answered with one: a
// request that another process carries out is to be asked for again.
func (v *cmVnfm) issueAt(t *testing.T, in certmgmt.SigningRequest) certmgmt.Signing {
	t.Helper()
	var s certmgmt.Signing
	eventually(t, "the certificate of "+in.VnfcID, patience, func() bool {
		s = certmgmt.Signing{}
		_, err := v.Do(t.Context(), http.MethodPost, "/certificate_signing_requests", in, &s)
		if err != nil && hub.CodeOf(err) != hub.Unavailable {
			t.Errorf("request for %s: %v", in.VnfcID, err)
			return true
		}
		return err == nil && s.State == certmgmt.RequestIssued
	})
	return s
}

// The CMF runs in two processes of its own, beside a trust role elsewhere, with the
// CA's keys in a token that both use. What is registered at one is certified at the
// other; a request that comes to both at once has one certificate; no serial number
// is used twice; and when one process dies the other goes on, and says what the dead
// one revoked. A VNFM that is started last is followed.
func TestExternal_TwoCMF(t *testing.T) {
	t.Parallel()
	c := extStart(t, 1, nil)
	env, config := extToken(t, "north")
	serve := func(role string) *hubProcess {
		h := newHub(t, append([]string{"serve", role, "--config", config}, c.flags()...)...)
		h.prefix = env
		return h.start()
	}
	trust := serve("trust")
	if out := trust.do("trust-domain", "create", "north"); !strings.Contains(out, "pkcs11") {
		t.Fatalf("the keys are not in the token:\n%s", out)
	}
	one, two := serve("cmf"), serve("cmf")
	vendor := trust.newCmVnfm("north", "vendor")
	at := func(h *hubProcess) *cmVnfm {
		v := *vendor
		v.url = h.ready.Endpoints["cmVnfm"]
		v.Client = v.at(h, v.serverName, v.roots)
		return &v
	}
	both := []*cmVnfm{at(one), at(two)}
	device := devicekit.NewSoft(t)
	attester := certmgmt.Attester{StatementOID: "2.23.133.20.1", PublicKey: string(device.AKPEM())}

	const each = 6
	var wg sync.WaitGroup
	var mu sync.Mutex // covers what is below
	ids, serials := map[string]bool{}, map[string]bool{}
	for n := range 2 * each {
		subject := hub.NewID()
		csr := string(device.CSR(t, devicekit.Want{CommonName: subject}).PEM)
		wg.Go(func() {
			in := certmgmt.RegisterRequest{CertType: certmgmt.VNFCICert, SubjectID: []string{subject}, TypeOfVnfcCertHandling: certmgmt.DelegationMode, Attesters: []certmgmt.Attester{attester}}
			// SoftHSM now and then fails a call while another process writes the token:
			// that is 503, and nothing of the registration is there.
			eventually(t, "register "+subject, patience, func() bool {
				_, err := both[n%2].Do(t.Context(), http.MethodPost, "/registrations", in, nil)
				if err != nil && hub.CodeOf(err) != hub.Unavailable {
					t.Errorf("register %s: %v", subject, err)
				}
				return hub.CodeOf(err) != hub.Unavailable
			})
			var answers [2]certmgmt.Signing
			var at sync.WaitGroup
			for k, v := range both {
				at.Go(func() {
					answers[k] = v.issueAt(t, certmgmt.SigningRequest{VnfcID: subject, CertType: certmgmt.VNFCICert, CSR: csr})
				})
			}
			at.Wait()
			if answers[0].CertificateID != answers[1].CertificateID || answers[0].Certificate != answers[1].Certificate {
				t.Errorf("one request has two certificates: %+v and %+v", answers[0], answers[1])
			}
			mu.Lock()
			defer mu.Unlock()
			ids[answers[0].CertificateID] = true
		})
	}
	wg.Wait()
	inventory := func(v *cmVnfm) (list []certmgmt.Certificate) {
		v.mustDo(t, http.MethodGet, "/certificates", nil, &list)
		return list
	}
	for _, v := range both {
		eventually(t, "a process lists what both issued", patience, func() bool { return len(inventory(v)) == 2*each })
	}
	issuer := ""
	for _, is := range inventory(both[1]) {
		if !ids[is.ID] || serials[is.SerialNumber] || issuer != "" && is.Issuer != issuer {
			t.Errorf("the inventory has %+v", is)
		}
		serials[is.SerialNumber], issuer = true, is.Issuer
	}
	issued, failed := 0, map[string]bool{}
	for _, r := range trust.records("north") {
		switch r.Kind {
		case "certificate.issued":
			issued++
		case "certificate.failed": // what the slower process had signed was thrown away
			failed[r.ID] = true
		case "certificate.refused":
			t.Errorf("refused: %s", r.Data)
		}
	}
	if issued != 2*each {
		t.Errorf("%d certificates are recorded, want %d; %d attempts failed", issued, 2*each, len(failed))
	}

	// What one revokes the other says too, in its lists, after the one has died.
	list := inventory(both[0])
	both[0].mustDo(t, http.MethodPost, "/certificates/"+list[0].ID+"/revoke", certmgmt.RevokeRequest{Reason: "keyCompromise"}, nil)
	one.kill()
	both[1].mustDo(t, http.MethodPost, "/certificates/"+list[1].ID+"/revoke", certmgmt.RevokeRequest{Reason: "superseded"}, nil)
	crl := revocations(t, two.ready.Endpoints["cmfStatus"]+"/crl/north/"+issuer+".crl")
	for n, is := range list {
		if _, on := crl[is.SerialNumber]; on != (n < 2) {
			t.Errorf("certificate %s is on the list: %v; it is %s", is.SerialNumber, on, is.State)
		}
	}
	subject := hub.NewID()
	both[1].mustDo(t, http.MethodPost, "/registrations", certmgmt.RegisterRequest{CertType: certmgmt.VNFCICert, SubjectID: []string{subject}, TypeOfVnfcCertHandling: certmgmt.DelegationMode, Attesters: []certmgmt.Attester{attester}}, nil)
	both[1].issueAt(t, certmgmt.SigningRequest{VnfcID: subject, CertType: certmgmt.VNFCICert, CSR: string(device.CSR(t, devicekit.Want{CommonName: subject}).PEM)})

	vnfm := serve("vnfm")
	eventually(t, "the CMF subscribes at a VNFM that was started after it", patience, func() bool {
		for line := range strings.Lines(vnfm.log.String()) {
			if strings.Contains(line, "/vnflcm/v2/subscriptions") && strings.Contains(line, `"POST"`) && strings.Contains(line, "spiffe://hub/cmf/hub") && strings.Contains(line, `"status":201`) {
				return true
			}
		}
		return false
	})
}

// revocations reads a published revocation list: reasons by serial number in
// hexadecimal.
func revocations(t *testing.T, url string) map[string]int {
	t.Helper()
	resp, der := call(t, http.DefaultClient, http.MethodGet, url, nil, "")
	list, err := x509.ParseRevocationList([]byte(der))
	if err != nil {
		t.Fatalf("%s: %s: %v", url, resp.Status, err)
	}
	on := map[string]int{}
	for _, e := range list.RevokedCertificateEntries {
		on[e.SerialNumber.Text(16)] = e.ReasonCode
	}
	return on
}
