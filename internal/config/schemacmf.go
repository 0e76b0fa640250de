package config

import (
	_ "embed"
	"time"
)

//go:embed schemacmf.go
var schemaCMF string

// CertificateManagement says how the role cmf certifies.
type CertificateManagement struct {
	// URL, http://host:port, under which those who verify certificates reach
	// listen.cmfStatus; it is written into certificates. Empty: that address itself.
	StatusURL string `yaml:"statusUrl"`

	// How long a revocation list is valid. 0s: 24h.
	ListValidity time.Duration `yaml:"listValidity"`

	// How long an OCSP answer is valid. 0s: 1h.
	AnswerValidity time.Duration `yaml:"answerValidity"`

	// How long before the end of a certificate it is alarmed, as durations in whole
	// days like 168h. None: 720h, 168h and 24h.
	ExpiryAlarms []string `yaml:"expiryAlarms"`

	// TPM of the machine of the built-in VNFM, in which it makes the keys of VNFCs:
	// /dev/tpmrm0, or swtpm: with the socket of an emulator. Empty, and no vnfmToken:
	// the built-in VNFM asks for no certificates.
	VNFMDevice string `yaml:"vnfmDevice"`

	VNFMToken VNFMToken `yaml:"vnfmToken"`

	// Prepare VNFCs of the built-in VNFM that it does not register for direct mode.
	DirectMode bool `yaml:"directMode"`

	// What certificates hold. For a request the first entry counts that fits its
	// trust domain and its type. None fits: P-256 or better, 90 days, TLS server and
	// client, attested keys only, no host names.
	Profiles []CertificateProfile `yaml:"profiles"`

	// What is special about single trust domains: an authority elsewhere, makers of
	// devices, an outside verifier, policies.
	Domains []CertificateDomain `yaml:"domains"`
}

// VNFMToken is the PKCS#11 token in which the built-in VNFM makes the keys of VNFCs,
// instead of a TPM.
type VNFMToken struct {
	// Absolute path of the PKCS#11 library of a token in which the built-in VNFM makes
	// the keys of VNFCs, instead of a TPM. Empty: there is none.
	Module string `yaml:"module"`

	// Label of that token. It is no token of trust.tokens.
	TokenLabel string `yaml:"tokenLabel"`

	// File that holds the user PIN and nothing else, readable by its owner only.
	PINFile string `yaml:"pinFile"`
}

// CertificateProfile is what certificates hold in a trust domain, or in all.
type CertificateProfile struct {
	// Name of the trust domain. Empty: all.
	TrustDomain string `yaml:"trustDomain"`

	// MANO_CERT, VNFCI_CERT or VNFOAM_CERT. Empty: all.
	CertType string `yaml:"certType"`

	// Organization in the subject's name. What is empty here a VNFD may say.
	Organization string `yaml:"organization"`

	// Country in the subject's name, two letters.
	Country string `yaml:"country"`

	// State in the subject's name.
	State string `yaml:"state"`

	// Locality in the subject's name.
	Locality string `yaml:"locality"`

	// Domain names that host names in certificates are in. None: there are no host
	// names but those of MANO entities that the hub's operators register.
	DNSSuffixes []string `yaml:"dnsSuffixes"`

	// Types of keys: RSA, P-256, P-384, P-521, Ed25519. None: all of these.
	Keys []string `yaml:"keys"`

	// Bits that an RSA key has at least. 0: 2048.
	MinimumRSA int `yaml:"minimumRsa"`

	// How long a certificate is valid. 0s: 2160h.
	Validity time.Duration `yaml:"validity"`

	// Extended key usages: serverAuth, clientAuth. None: both.
	ExtKeyUsage []string `yaml:"extKeyUsage"`

	// Lowest assurance at which a key counts as attested: bound, protected or
	// genuine. Empty: protected.
	MinimumAssurance string `yaml:"minimumAssurance"`

	// Ask for the nonce of a challenge in every statement.
	NonceRequired bool `yaml:"nonceRequired"`

	// Percentage of a certificate's life after which it may be renewed without a
	// reason, 1 to 100. 0: 50.
	RenewFrom int `yaml:"renewFrom"`

	// How old the attestation of a key may become before it is alarmed, in whole
	// days. 0s: as old as the certificate.
	Reattest time.Duration `yaml:"reattest"`

	// How long after that alarm the certificate is revoked.
	Grace time.Duration `yaml:"grace"`
}

// CertificateDomain is what is special about one trust domain.
type CertificateDomain struct {
	// Name of the trust domain.
	TrustDomain string `yaml:"trustDomain"`

	// File with the CA certificates, in PEM, of makers of devices that are trusted:
	// they sign endorsement keys of TPMs and attestation keys.
	DeviceRoots string `yaml:"deviceRoots"`

	// https URL of a step-ca that signs instead of the authority in this hub.
	RemoteURL string `yaml:"remoteUrl"`

	// SHA-256 of that step-ca's root certificate, hexadecimal; two while its root
	// is rotated.
	RemoteRoots []string `yaml:"remoteRoots"`

	// Name of our provisioner there.
	Provisioner string `yaml:"provisioner"`

	// File with the private key of that provisioner, in PEM, readable by its owner only.
	ProvisionerKey string `yaml:"provisionerKey"`

	// File with the certificate of that key and those above it, in PEM, for an X5C
	// provisioner. Empty: it is a JWK provisioner.
	ProvisionerChain string `yaml:"provisionerChain"`

	// https URL of a verifier that judges attestations instead of this process.
	VerifierURL string `yaml:"verifierUrl"`

	// File with the CA certificates, in PEM, that the verifier's certificate is checked
	// against; no others are trusted there.
	VerifierCA string `yaml:"verifierCa"`

	// Policies that judge requests: library for those built in, a directory, or a
	// file with a signed bundle. Empty: library. Without parameters, these refuse every
	// key that is not attested.
	Policies string `yaml:"policies"`

	// File with the public key, in PEM, that a bundle of policies is signed with.
	PolicyKey string `yaml:"policyKey"`

	// Name of that key, which the signature must give.
	PolicyKeyID string `yaml:"policyKeyId"`

	// File with the parameters of the policies that differ from the defaults, JSON
	// or YAML: by policy, by name.
	PolicyParameters string `yaml:"policyParameters"`
}
