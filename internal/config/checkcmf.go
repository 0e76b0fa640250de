package config

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

const day = 24 * time.Hour

// checkCertificateManagement looks at how the role cmf is to certify.
func (l *loader) checkCertificateManagement() {
	const at = "certificateManagement"
	c := l.cfg.CertificateManagement
	if c.StatusURL != "" {
		l.checkURL(at+".statusUrl", c.StatusURL, "http://pki.example.net", "http")
		if u, err := url.Parse(c.StatusURL); err == nil && (u.RawQuery != "" || u.Fragment != "") {
			l.wrong(at+".statusUrl", "it has a query or a fragment, and paths are put behind it; write one like http://pki.example.net")
		}
	} else if host := l.cfg.Listen.CmfStatus; host != "" && l.cfg.Listen.Advertise == "" {
		if a := l.listener("listen.cmfStatus", host); a != nil && isAny(a.host) {
			l.wrong(at+".statusUrl", "others cannot reach %s; write the URL under which they do, like http://pki.example.net", host)
		}
	}
	l.checkNotNegative(at+".listValidity", c.ListValidity, "24h")
	l.checkNotNegative(at+".answerValidity", c.AnswerValidity, "1h")
	for i, text := range c.ExpiryAlarms {
		if d, err := time.ParseDuration(text); err != nil || d <= 0 || d%day != 0 {
			l.wrong(fmt.Sprintf("%s.expiryAlarms[%d]", at, i), "%q is no duration of whole days; write one like 168h", clip(text))
		}
	}
	l.checkVNFMToken(at+".vnfmToken", c)
	for i, p := range c.Profiles {
		l.checkProfile(fmt.Sprintf("%s.profiles[%d]", at, i), p)
	}
	seen := map[string]int{}
	for i, d := range c.Domains {
		path := fmt.Sprintf("%s.domains[%d]", at, i)
		l.checkCertificateDomain(path, d)
		if first, twice := seen[d.TrustDomain]; twice && d.TrustDomain != "" {
			l.wrong(path+".trustDomain", "trust domain %q is in %s.domains[%d] already; keep one", clip(d.TrustDomain), at, first)
		}
		seen[d.TrustDomain] = i
	}
}

// checkVNFMToken looks at the token of the built-in VNFM, if there is one.
func (l *loader) checkVNFMToken(path string, c CertificateManagement) {
	t := c.VNFMToken
	if t == (VNFMToken{}) {
		return
	}
	l.checkModule(path, t.Module, t.TokenLabel, t.PINFile)
	if c.VNFMDevice != "" {
		l.wrong(path, "vnfmDevice names a TPM as well; keep the one in which keys are to be made")
	}
	for i, token := range l.cfg.Trust.Tokens {
		if t.TokenLabel == token.TokenLabel && filepath.Clean(t.Module) == filepath.Clean(token.Module) {
			l.wrong(path+".tokenLabel", "token %q holds the CA key of a trust domain (trust.tokens[%d]); give the VNFM a token of its own", clip(t.TokenLabel), i)
		}
	}
}

func (l *loader) checkNotNegative(path string, d time.Duration, example string) {
	if d < 0 {
		l.wrong(path, "%s is shorter than nothing; write a duration like %s", short(d), example)
	}
}

// oneOf refuses a value that is not in a list.
func (l *loader) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		last := len(allowed) - 1
		l.wrong(path, "%q is not %s or %s", clip(value), strings.Join(allowed[:last], ", "), allowed[last])
	}
}

var countryCode = regexp.MustCompile(`^[A-Z]{2}$`)

// The longest validity that a profile can name, which is that of an intermediate.
const maxValidity = 5 * 365 * day

func (l *loader) checkProfile(path string, p CertificateProfile) {
	if p.TrustDomain != "" {
		if err := hub.CheckName("trust domain", p.TrustDomain); err != nil {
			l.wrong(path+".trustDomain", "%s", hub.SafeText(err))
		}
	}
	if p.CertType != "" {
		l.oneOf(path+".certType", p.CertType, "MANO_CERT", "VNFCI_CERT", "VNFOAM_CERT")
	}
	if p.Country != "" && !countryCode.MatchString(p.Country) {
		l.wrong(path+".country", "%q is not two capital letters, like DE", clip(p.Country))
	}
	for i, s := range p.DNSSuffixes {
		if !isDomain(strings.TrimPrefix(s, ".")) {
			l.wrong(fmt.Sprintf("%s.dnsSuffixes[%d]", path, i), "%q is no domain name in lower case; write one like edge.example.net", clip(s))
		}
	}
	for i, k := range p.Keys {
		l.oneOf(fmt.Sprintf("%s.keys[%d]", path, i), k, "RSA", "P-256", "P-384", "P-521", "Ed25519")
	}
	if p.MinimumRSA != 0 && (p.MinimumRSA < 2048 || p.MinimumRSA > 8192) {
		l.wrong(path+".minimumRsa", "%d is not 2048 to 8192", p.MinimumRSA)
	}
	l.checkNotNegative(path+".validity", p.Validity, "2160h")
	if p.Validity > maxValidity {
		l.wrong(path+".validity", "%s is longer than the CA above is valid; write at most %s", short(p.Validity), short(maxValidity))
	}
	for i, u := range p.ExtKeyUsage {
		l.oneOf(fmt.Sprintf("%s.extKeyUsage[%d]", path, i), u, "serverAuth", "clientAuth")
	}
	if p.MinimumAssurance != "" {
		l.oneOf(path+".minimumAssurance", p.MinimumAssurance, "bound", "protected", "genuine")
	}
	if p.RenewFrom < 0 || p.RenewFrom > 100 {
		l.wrong(path+".renewFrom", "%d is no percentage; write 1 to 100", p.RenewFrom)
	}
	l.checkNotNegative(path+".reattest", p.Reattest, "720h")
	l.checkNotNegative(path+".grace", p.Grace, "72h")
	if p.Reattest%day != 0 || p.Grace%day != 0 {
		l.wrong(path+".reattest", "reattest and grace are counted in whole days; write durations like 720h")
	}
	if p.Grace > 0 && p.Reattest == 0 {
		l.wrong(path+".grace", "it begins after reattest; set that as well")
	}
}

func (l *loader) checkCertificateDomain(path string, d CertificateDomain) {
	if err := hub.CheckName("trust domain", d.TrustDomain); err != nil {
		l.wrong(path+".trustDomain", "%s", hub.SafeText(err))
	}
	l.checkRemote(path, d)
	switch {
	case d.VerifierURL != "" && d.VerifierCA == "":
		l.wrong(path+".verifierUrl", "nobody says whom to trust there; set verifierCa as well, to the file with the CA certificates of the verifier")
		fallthrough
	case d.VerifierURL != "":
		l.checkURL(path+".verifierUrl", d.VerifierURL, "https://verifier.example.net/verify", "https")
	case d.VerifierCA != "":
		l.wrong(path+".verifierCa", "it is for an outside verifier; set verifierUrl as well, or leave it out")
	}
	switch {
	case d.PolicyKey != "" && d.PolicyKeyID == "":
		l.wrong(path+".policyKey", "a key goes with its name; set policyKeyId as well")
	case d.PolicyKey == "" && d.PolicyKeyID != "":
		l.wrong(path+".policyKeyId", "the name of a key goes with the key; set policyKey as well")
	case d.PolicyKey != "" && d.Policies == "":
		l.wrong(path+".policyKey", "there are no policies that it is for; set policies as well")
	}
}

func (l *loader) checkRemote(path string, d CertificateDomain) {
	if d.RemoteURL == "" {
		for _, only := range []struct {
			key string
			set bool
		}{
			{".remoteRoots", len(d.RemoteRoots) > 0}, {".provisioner", d.Provisioner != ""},
			{".provisionerKey", d.ProvisionerKey != ""}, {".provisionerChain", d.ProvisionerChain != ""},
		} {
			if only.set {
				l.wrong(path+only.key, "it is for a step-ca elsewhere; set remoteUrl as well, or leave it out")
			}
		}
		return
	}
	l.checkURL(path+".remoteUrl", d.RemoteURL, "https://ca.example.net:9000", "https")
	if len(d.RemoteRoots) == 0 {
		l.wrong(path+".remoteRoots", "it is empty; write what \"step certificate fingerprint root_ca.crt\" prints")
	}
	for i, print := range d.RemoteRoots {
		if raw, err := hex.DecodeString(print); err != nil || len(raw) != 32 {
			l.wrong(fmt.Sprintf("%s.remoteRoots[%d]", path, i), "%q is no SHA-256 in hexadecimal; write what \"step certificate fingerprint root_ca.crt\" prints", clip(print))
		}
	}
	if d.Provisioner == "" {
		l.wrong(path+".provisioner", "it is empty; name our provisioner at the step-ca")
	}
	if d.ProvisionerKey == "" {
		l.wrong(path+".provisionerKey", "it is empty; name the file with the private key of the provisioner")
	}
}
