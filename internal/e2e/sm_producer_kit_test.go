package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// smAuthority is a certificate authority of a test, by which it passes for the
// NFVO and the VIM that a Security Manager listens to.
type smAuthority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newSMAuthority(t testing.TB) *smAuthority {
	t.Helper()
	a := &smAuthority{t: t}
	made := a.issue(&x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.cert, a.key = made.Leaf, made.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue signs a certificate, with its own key while the authority has none.
func (a *smAuthority) issue(template *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := template, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// endpoint makes the certificate of an endpoint, as its producer shows it to a
// Security Manager.
func (a *smAuthority) endpoint(serverName string) tls.Certificate {
	a.t.Helper()
	return a.issue(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: serverName}, DNSNames: []string{serverName}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// trusted lets a Security Manager take the authority for that of its producer on
// an interface, beside the hub's own.
func (a *smAuthority) trusted(s *scorSM, i hub.Interface) {
	a.t.Helper()
	path := s.at[i].Files + ".ca.crt"
	was, err := os.ReadFile(path)
	if err != nil {
		a.t.Fatal(err)
	}
	next := path + ".next" // put in its place whole: the Security Manager may read it at any time
	writeFile(a.t, next, string(was)+string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})), 0o600)
	if err := os.Rename(next, path); err != nil {
		a.t.Fatal(err)
	}
}

// smNotifier sends notifications to a Security Manager on one interface.
type smNotifier struct {
	i            hub.Interface
	url          string
	sender       string // as the Security Manager knows it
	subscription string
	conf         *tls.Config
	client       *http.Client
}

// smShowing is a client that shows a certificate, or none. It does not look at the
// server's: what is tested is what the Security Manager thinks of the client's, and
// what it talks to is known by its address.
func smShowing(cert *tls.Certificate) *tls.Config {
	conf := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	if cert != nil {
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	return conf
}

// notifier passes for the producer of an interface: the Security Manager trusts
// the authority, and the subscription is its own.
func (a *smAuthority) notifier(s *scorSM, i hub.Interface, address string) *smNotifier {
	a.t.Helper()
	cert := a.endpoint(s.at[i].ServerName)
	n := &smNotifier{i: i, url: "https://" + address, sender: s.at[i].ServerName, subscription: s.subscriptionOf(i, "https://"+address), conf: smShowing(&cert)}
	n.client = httpClient(a.t, n.conf.Clone(), true)
	return n
}

// subscriptionOf waits for the subscription with a callback URI.
func (s *scorSM) subscriptionOf(i hub.Interface, callback string) string {
	s.t.Helper()
	path := map[hub.Interface]string{hub.ScOrNsLcm: "/nslcm/v2/subscriptions", hub.ScViTelem: "/sc-vi/v1/subscriptions"}[i]
	id := ""
	eventually(s.t, "there is a subscription on "+string(i), patience, func() bool {
		var list []struct{ ID, CallbackURI string }
		s.read(i, path, &list)
		for _, x := range list {
			if x.CallbackURI == callback {
				id = x.ID
			}
		}
		return id != ""
	})
	return id
}

// operation is the notification that an operation entered a state.
func (n *smNotifier) operation(id, ns, op, state string, at time.Time) string {
	status := "RESULT"
	if state == "PROCESSING" {
		status = "START"
	}
	return fmt.Sprintf(`{"id":%q,"notificationType":"NsLcmOperationOccurrenceNotification","subscriptionId":%q,"timestamp":%q,"nsInstanceId":%q,`+
		`"nsLcmOpOccId":%q,"operation":"SCALE","notificationStatus":%q,"operationState":%q,"isAutomaticInvocation":false,"_links":{}}`,
		id, n.subscription, at.UTC().Format(time.RFC3339Nano), ns, op, status, state)
}

// host is the notification that a host was found trusted.
func (n *smNotifier) host(id, host string, at time.Time) string {
	return fmt.Sprintf(`{"id":%q,"notificationType":"VirtualisedResourceChangeNotification","subscriptionId":%q,"timeStamp":%q,"vimId":"vim","resourceType":"HOST",`+
		`"virtualisedResourceId":%q,"changeType":"INTEGRITY","changedResourceData":{"integrityState":"TRUSTED"},"nfviSource":"MODEL"}`,
		id, n.subscription, at.UTC().Format(time.RFC3339Nano), host)
}

// eventID is the ID of the event that a notification becomes.
func (n *smNotifier) eventID(s *scorSM, notification string) string {
	sm := hub.Identity{TrustDomain: s.domain, Kind: hub.KindSM, Name: s.name}
	return hub.DeriveID("sm-event", sm.String(), n.sender, notification)
}

// smSent is what a notification was answered.
type smSent struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

// send sends a notification and returns the answer.
func (n *smNotifier) send(ctx context.Context, body string) (smSent, error) {
	return smPost(ctx, n.client, n.url, "application/json", strings.NewReader(body))
}

// smPost sends a body; fields are header fields, name and value by turns.
func smPost(ctx context.Context, client *http.Client, url, mediaType string, body io.Reader, fields ...string) (smSent, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return smSent{}, err
	}
	req.Header.Set("Content-Type", mediaType)
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return smSent{}, err
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(resp.Body); err != nil {
		return smSent{}, err
	}
	return smSent{resp.StatusCode, resp.Header, text.String(), time.Since(began)}, nil
}

// smDouble is a hub that runs a Security Manager in each of its trust domains,
// and a test that passes for the producers of their notifications.
type smDouble struct {
	*nsHub
	authority *smAuthority
	sms       map[string]*scorSM // by trust domain
	at        map[string]map[hub.Interface]string
}

// newSMDouble starts a hub with the Security Manager alpha in each trust domain;
// args are of its command line.
func newSMDouble(t testing.TB, zones int, domains []string, args ...string) *smDouble {
	t.Helper()
	d := smDoubleOn(t, newHub(t), domains, args...)
	d.hubProcess.start()
	d.nsHub = newNsHubOn(t, d.hubProcess, zones, domains...)
	d.listen(domains)
	return d
}

// smDoubleOn configures the Security Managers of a hub that is not started yet.
func smDoubleOn(t testing.TB, h *hubProcess, domains []string, args ...string) *smDouble {
	t.Helper()
	d := &smDouble{nsHub: &nsHub{hubProcess: h}, authority: newSMAuthority(t), sms: map[string]*scorSM{}, at: map[string]map[hub.Interface]string{}}
	config := "securityManagers:\n"
	for _, domain := range domains {
		d.at[domain] = map[hub.Interface]string{hub.ScOrNsLcm: smPort(t), hub.ScViTelem: smPort(t)}
		config += fmt.Sprintf("  - {name: alpha, trustDomain: %s, credentials: %q, scOr: %q, scVi: %q}\n",
			domain, filepath.Join(h.home, domain+"-alpha"), d.at[domain][hub.ScOrNsLcm], d.at[domain][hub.ScViTelem])
	}
	file := filepath.Join(h.home, "manoward.yaml")
	writeFile(t, file, config, 0o600)
	h.args = append(append([]string{}, args...), "--config", file)
	return d
}

// listen registers the Security Managers and lets the test pass for their
// producers.
func (d *smDouble) listen(domains []string) {
	d.t.Helper()
	for _, domain := range domains {
		d.sms[domain] = d.scorSM(domain, "alpha", "semi-active")
		for i := range d.at[domain] {
			d.authority.trusted(d.sms[domain], i)
		}
	}
	d.smReady()
}

// notifier passes for the producer of an interface of a domain's Security Manager.
func (d *smDouble) notifier(domain string, i hub.Interface) *smNotifier {
	d.t.Helper()
	return d.authority.notifier(d.sms[domain], i, d.at[domain][i])
}
