package enrol

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf"
)

// AssuranceArc is the arc of the certificate policies that say at which assurance a
// certificate was issued: ".0" unattested, ".1" bound, ".2" protected, ".3" genuine.
//
// It is made of the same UUID as [attestation.ProjectArc], in the way of Microsoft's
// arc for OIDs from UUIDs, where no number has more than 24 bits: an arc of 2.25 has
// one of 128, at which most software that reads certificates fails.
const AssuranceArc = "1.2.840.113556.1.8000.2554.28428.40254.15371.19287.39491.6105615.7242180"

// AssurancePolicy returns the certificate policy of an assurance, below
// [Config.PolicyArc].
func (s *Service) AssurancePolicy(a attestation.Assurance) (x509.OID, error) {
	return x509.ParseOID(fmt.Sprintf("%s.%d", s.arc, int(a)))
}

// Types of keys that a [Profile] can name.
const (
	KeyRSA     = "RSA"
	KeyP256    = "P-256"
	KeyP384    = "P-384"
	KeyP521    = "P-521"
	KeyEd25519 = "Ed25519"
)

// Profile says what the certificates of a trust domain hold, for one type of
// certificate. The zero value works: it is for TLS with any strong key, for 90 days,
// without names beyond the subject's.
type Profile struct {
	// Parts of the subject's name. What is empty here a registration may say.
	Organization, Country, State, Locality string
	// DNSSuffixes are the domains that host names have to be in: "edge.example" is for
	// itself and what is below it. Without any, only who runs the hub may register
	// host names.
	DNSSuffixes []string

	Keys       []string // types that are allowed; all when empty
	MinimumRSA int      // bits; 2048 at least

	Validity    time.Duration      // 90 days when zero; cut at the end of the issuer
	Backdate    time.Duration      // how long before now a certificate begins, for clocks that are late; a minute when zero, none below zero
	KeyUsage    x509.KeyUsage      // digitalSignature when zero
	ExtKeyUsage []x509.ExtKeyUsage // server and client authentication when nil

	// MinimumAssurance is the lowest at which a key counts as attested; None stands
	// for Protected.
	MinimumAssurance attestation.Assurance
	// NonceRequired asks for statements with the nonce of a challenge.
	NonceRequired bool
	// OldShapes and UnknownClaims are those of [attestation.Policy].
	OldShapes, UnknownClaims bool
}

const day = 24 * time.Hour

func (p Profile) orDefaults() Profile {
	if p.MinimumRSA < 2048 {
		p.MinimumRSA = 2048
	}
	if p.Validity <= 0 {
		p.Validity = 90 * day
	}
	if p.Backdate == 0 {
		p.Backdate = time.Minute
	}
	if p.KeyUsage == 0 {
		p.KeyUsage = x509.KeyUsageDigitalSignature
	}
	if p.ExtKeyUsage == nil {
		p.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	if p.MinimumAssurance == attestation.None {
		p.MinimumAssurance = attestation.Protected
	}
	return p
}

// profile is the profile of a registration: its trust domain's, narrowed by what the
// VNFD says.
func (s *Service) profile(r *cmf.Registration) (Profile, error) {
	p := s.Profiles(r.TrustDomain, r.CertType).orDefaults()
	own := r.BaseProfile
	if own == nil {
		return p, nil
	}
	for _, part := range []struct {
		at   *string
		said string
	}{{&p.Organization, own.Organization}, {&p.Country, own.Country}, {&p.State, own.State}, {&p.Locality, own.Locality}} {
		if *part.at == "" {
			*part.at = part.said
		}
	}
	p.MinimumRSA = max(p.MinimumRSA, own.MinimumRSA)
	if own.MaxValidity != "" {
		most, err := time.ParseDuration(own.MaxValidity)
		if err != nil || most <= 0 {
			return p, fmt.Errorf("read the longest validity %q of registration %s: %w", own.MaxValidity, r.ID, err)
		}
		p.Validity = min(p.Validity, most)
	}
	return p, nil
}

// permits says why the profile does not allow a name as a host name, or "".
func (p Profile) permits(name string) string {
	if len(p.DNSSuffixes) == 0 {
		return "the certificate profile of the trust domain allows no host names"
	}
	if !slices.ContainsFunc(p.DNSSuffixes, func(suffix string) bool {
		suffix = strings.ToLower(strings.TrimPrefix(suffix, "."))
		return name == suffix || strings.HasSuffix(name, "."+suffix)
	}) {
		return fmt.Sprintf("it is not in %s, which the certificate profile of the trust domain allows", strings.Join(p.DNSSuffixes, ", "))
	}
	return ""
}

// checkKey says why the profile does not allow a key, or "".
func (p Profile) checkKey(key crypto.PublicKey) string {
	kind := ""
	switch k := key.(type) {
	case *rsa.PublicKey:
		kind = KeyRSA
		if bits := k.N.BitLen(); bits < p.MinimumRSA {
			return fmt.Sprintf("RSA with %d bits, and %d are asked for", bits, p.MinimumRSA)
		}
		if k.E < 65537 {
			return fmt.Sprintf("RSA with the exponent %d", k.E)
		}
	case *ecdsa.PublicKey:
		kind = k.Params().Name
	case ed25519.PublicKey:
		kind = KeyEd25519
	}
	if len(p.Keys) > 0 && !slices.Contains(p.Keys, kind) {
		return fmt.Sprintf("%s, and the profile allows %s", kind, strings.Join(p.Keys, ", "))
	}
	return ""
}
