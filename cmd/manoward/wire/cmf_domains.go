package wire

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/cmf/judge"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/connectors/stepca"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// cmfDomain is what is configured of one trust domain, read.
type cmfDomain struct {
	config.CertificateDomain
	roots    []*x509.Certificate // of makers of devices
	verifier enrol.Verifier      // nil: this process verifies
	remote   *remoteCA           // nil: the authority is here
}

// readDomains reads the files that the configuration names.
func (c *cmfRole) readDomains() error {
	c.domains = map[string]cmfDomain{}
	for i, cfg := range c.cfg.CertificateManagement.Domains {
		at := fmt.Sprintf("certificateManagement.domains[%d]", i)
		d := cmfDomain{CertificateDomain: cfg}
		var err error
		if cfg.DeviceRoots != "" {
			if d.roots, err = readCertificates(at+".deviceRoots", cfg.DeviceRoots); err != nil {
				return err
			}
		}
		if d.verifier, err = newVerifier(at, cfg); err != nil {
			return err
		}
		if d.remote, err = remoteOf(cfg); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		c.domains[cfg.TrustDomain] = d
	}
	return nil
}

// remoteOf is the step-ca elsewhere that signs for a trust domain; nil when none does.
func remoteOf(d config.CertificateDomain) (*remoteCA, error) {
	if d.RemoteURL == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	cfg := stepca.RemoteConfig{URL: d.RemoteURL, Roots: d.RemoteRoots, Provisioner: d.Provisioner, Now: time.Now}
	return newRemoteCA(ctx, cfg, d.ProvisionerKey, d.ProvisionerChain)
}

// readCertificates reads a file of PEM certificates.
func readCertificates(key, path string) ([]*x509.Certificate, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, hub.E(hub.Invalid, "read "+key, fmt.Sprintf("%s: %s cannot be read by this user; correct the path", key, path), err)
	}
	var list []*x509.Certificate
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return nil, hub.E(hub.Invalid, "read "+key, fmt.Sprintf("%s: %s holds something else than certificates in PEM; take it out", key, path), err)
		}
		list = append(list, cert)
	}
	if len(list) == 0 {
		return nil, hub.E(hub.Invalid, "read "+key, fmt.Sprintf("%s: %s holds no certificate in PEM", key, path), nil)
	}
	return list, nil
}

func (c *cmfRole) deviceRoots(domain string) []*x509.Certificate { return c.domains[domain].roots }

func (c *cmfRole) verifier(domain string) enrol.Verifier { return c.domains[domain].verifier }

// configured returns the first profile that fits; false when none does.
func (c *cmfRole) configured(domain string, t certmgmt.CertType) (config.CertificateProfile, bool) {
	for _, p := range c.cfg.CertificateManagement.Profiles {
		if (p.TrustDomain == "" || p.TrustDomain == domain) && (p.CertType == "" || p.CertType == string(t)) {
			return p, true
		}
	}
	return config.CertificateProfile{}, false
}

// profile is a trust domain's certificate profile as the enrolment has it.
func (c *cmfRole) profile(domain string, t certmgmt.CertType) enrol.Profile {
	p, _ := c.configured(domain, t)
	made := enrol.Profile{
		Organization: p.Organization, Country: p.Country, State: p.State, Locality: p.Locality, DNSSuffixes: p.DNSSuffixes,
		Keys: p.Keys, MinimumRSA: p.MinimumRSA, Validity: p.Validity, NonceRequired: p.NonceRequired,
		MinimumAssurance: map[string]attestation.Assurance{
			"bound": attestation.Bound, "protected": attestation.Protected, "genuine": attestation.Genuine,
		}[p.MinimumAssurance],
	}
	for _, usage := range p.ExtKeyUsage {
		made.ExtKeyUsage = append(made.ExtKeyUsage, map[string]x509.ExtKeyUsage{
			"serverAuth": x509.ExtKeyUsageServerAuth, "clientAuth": x509.ExtKeyUsageClientAuth,
		}[usage])
	}
	return made
}

// rules are what the profile says of a certificate's life.
func (c *cmfRole) rules(domain string, t certmgmt.CertType) lifecycle.Rules {
	p, _ := c.configured(domain, t)
	return lifecycle.Rules{RenewFrom: p.RenewFrom, Reattest: p.Reattest, Grace: p.Grace}
}

// alarms are the thresholds before a certificate's end; nil: the default.
func (c *cmfRole) alarms() []time.Duration {
	var list []time.Duration
	for _, text := range c.cfg.CertificateManagement.ExpiryAlarms {
		if d, err := time.ParseDuration(text); err == nil { // the configuration was checked
			list = append(list, d)
		}
	}
	return list
}

// newJudge reads the policies that judge requests. One that cannot be used stops
// the start: without it other requests would be certified than the operator wants.
func (c *cmfRole) newJudge() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	var err error
	if c.judge, err = judge.New(ctx, judge.Config{Store: c.store, Log: c.log.With("part", "judge")}); err != nil {
		return err
	}
	for i, d := range c.cfg.CertificateManagement.Domains {
		at := fmt.Sprintf("certificateManagement.domains[%d]", i)
		source, err := judgeSource(at+".policies", d)
		if err == nil {
			source.Parameters, err = judgeParameters(at+".policyParameters", d)
		}
		if err == nil {
			err = c.judge.Use(ctx, d.TrustDomain, source)
		}
		if err != nil {
			return fmt.Errorf("%s.policies: %w", at, err)
		}
	}
	return nil
}

// judgeSource reads a directory, or a signed bundle with its key.
func judgeSource(at string, d config.CertificateDomain) (judge.Source, error) {
	if d.Policies == "" || d.Policies == builtIn {
		return judge.Source{}, nil
	}
	bad := func(path string, err error) (judge.Source, error) {
		return judge.Source{}, hub.E(hub.Invalid, "read "+at, fmt.Sprintf("%s: %s cannot be read by this user; name a directory, a signed bundle or %q", at, path, builtIn), err)
	}
	info, err := os.Stat(d.Policies)
	if err != nil {
		return bad(d.Policies, err)
	}
	if info.IsDir() {
		return judge.Source{Files: os.DirFS(d.Policies)}, nil
	}
	if info.Size() > policies.MaxBundle {
		return judge.Source{}, hub.E(hub.Invalid, "read "+at, fmt.Sprintf("%s: %s has %d bytes; a bundle has at most %d", at, d.Policies, info.Size(), policies.MaxBundle), nil)
	}
	if d.PolicyKey == "" {
		return judge.Source{}, hub.E(hub.Invalid, "read "+at, fmt.Sprintf("%s: %s is a bundle, which somebody has to have signed; set policyKey and policyKeyId, or name a directory", at, d.Policies), nil)
	}
	bundle, err := os.ReadFile(d.Policies)
	if err != nil {
		return bad(d.Policies, err)
	}
	key, err := os.ReadFile(d.PolicyKey)
	if err != nil {
		return bad(d.PolicyKey, err)
	}
	return judge.Source{Bundle: bundle, Key: string(key), KeyID: d.PolicyKeyID}, nil
}

// judgeParameters reads what a trust domain sets of its policies.
func judgeParameters(at string, d config.CertificateDomain) (map[string]json.RawMessage, error) {
	if d.PolicyParameters == "" {
		return nil, nil
	}
	bad := func(what string, err error) (map[string]json.RawMessage, error) {
		return nil, hub.E(hub.Invalid, "read "+at, fmt.Sprintf("%s: %s %s", at, d.PolicyParameters, what), err)
	}
	raw, err := os.ReadFile(d.PolicyParameters)
	if err != nil {
		return bad("cannot be read by this user; name a file with parameters by policy", err)
	}
	const example = "; write parameters by policy, like unattested-certificate: {allowed: {VNFCI_CERT: [VNFDID]}}"
	doc, err := policies.FromYAML(raw)
	if err != nil {
		return bad("is not right: "+hub.SafeText(err)+example, nil)
	}
	var parameters map[string]json.RawMessage
	if err := json.Unmarshal(doc, &parameters); err != nil {
		return bad("is no list of parameters"+example, nil)
	}
	return parameters, nil
}
