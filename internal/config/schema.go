package config

import (
	"log/slog"
	"time"
)

// Config is everything that can be set about a hub. The comments of its fields
// are the manual: [Keys] reads them. Paths of files are relative to the working
// directory.
type Config struct {
	// Directory of everything the hub keeps. It is made at the first start and
	// belongs to one hub at a time.
	DataDir string `yaml:"dataDir"`

	Listen Listen `yaml:"listen"`
	Log    Log    `yaml:"log"`
	Trace  Trace  `yaml:"trace"`
	NATS   NATS   `yaml:"nats"`
	Keys   AtRest `yaml:"keys"`
	Trust  Trust  `yaml:"trust"`

	Packages Packages `yaml:"packages"`

	Journal Journal `yaml:"journal"`

	Notifications Notifications `yaml:"notifications"`

	Indicators Indicators `yaml:"indicators"`

	// Security Managers that the role sm runs in this process. One is taken up as
	// soon as it is registered and its credentials are there.
	SecurityManagers []SecurityManager `yaml:"securityManagers"`

	CertificateManagement CertificateManagement `yaml:"certificateManagement"`

	// How long a hub that is asked to stop may take to finish what it has begun.
	ShutdownTimeout time.Duration `yaml:"shutdownTimeout"`

	// origins says where the values come from that are not the default, by path:
	// "manoward.yaml:3", "MANOWARD_DATA_DIR", "command line". It stays the last
	// field: the others have a key each.
	origins map[string]string
}

// Listen says on which addresses the hub serves.
type Listen struct {
	// Address or name of this machine on which every listener without an address
	// of its own is opened, each on a free port.
	Host string `yaml:"host"`

	// Name or address under which others reach this machine, written into the
	// endpoints that are given to them. Empty: the host.
	Advertise string `yaml:"advertise"`

	// host:port for operators. Empty: a free port on loopback, whatever the host
	// is. Port 0 is any free port, here and below.
	Admin string `yaml:"admin"`

	// host:port of Os-Ma-nfvo, for OSS/BSS.
	OsMa string `yaml:"osMa"`

	// host:port of Or-Vnfm on the side of the NFVO, for VNF Managers.
	OrVnfm string `yaml:"orVnfm"`

	// host:port of the VNFM, for the NFVO, Element Managers and the CMF.
	VNFM string `yaml:"vnfm"`

	// host:port of the VIM, for the NFVO and VNF Managers.
	VIM string `yaml:"vim"`

	// host:port of Sc-Or, for Security Managers. It is shared with no other
	// listener (Security.004).
	ScOr string `yaml:"scOr"`

	// host:port of Sc-Vi, for Security Managers. It is shared with no other
	// listener (Security.004).
	ScVi string `yaml:"scVi"`

	// host:port of Cm-Vnfm, for VNF Managers.
	CmVnfm string `yaml:"cmVnfm"`

	// host:port of revocation lists and OCSP answers in plain HTTP, for whoever
	// verifies a certificate. Nothing else is served there, and all of it is signed.
	CmfStatus string `yaml:"cmfStatus"`

	// host:port of /healthz, /readyz and /metrics in plain HTTP, on loopback only.
	// Empty: they are served on admin alone, over TLS.
	Probes string `yaml:"probes"`
}

// Log says what is logged and how.
type Log struct {
	// text, json, or auto: text on a terminal and JSON elsewhere.
	Format string `yaml:"format"`

	// The least severe level that is logged: debug, info, warn or error.
	Level slog.Level `yaml:"level"`
}

// Trace says where traces go.
type Trace struct {
	// URL of an OTLP/HTTP receiver of traces. Empty: no trace leaves the process.
	Endpoint string `yaml:"endpoint"`
}

// NATS says which bus the hub stands on.
type NATS struct {
	// URLs of an existing cluster, nats:// or tls://. None: the hub runs a server
	// of its own in its process, without a port.
	URLs []string `yaml:"urls"`

	// File with the user credentials for the cluster.
	Creds string `yaml:"creds"`

	// File with the credentials of the cluster's system account, with which the
	// hub pushes the accounts of its trust domains.
	SystemCreds string `yaml:"systemCreds"`

	// File with the operator's signing key, with which the hub makes the accounts
	// of its trust domains.
	OperatorKey string `yaml:"operatorKey"`

	TLS NATSTLS `yaml:"tls"`

	// On how many servers each stream is kept, 1 to 5. 0: three where the cluster
	// has three servers, else one.
	Replicas int `yaml:"replicas"`

	// Start although the cluster does not tell how durable it writes.
	AcceptUnknownDurability bool `yaml:"acceptUnknownDurability"`

	// Start although the data of the embedded server is damaged. What is missing
	// stays missing; it is for who has no backup, and for one start.
	AcceptDamage bool `yaml:"acceptDamage"`
}

// NATSTLS is the TLS side of the connection to a cluster.
type NATSTLS struct {
	// File with the CA certificates that the cluster's are checked against. Empty:
	// those of the operating system.
	CA string `yaml:"ca"`

	// File with the certificate that the hub shows to the cluster.
	Cert string `yaml:"cert"`

	// File with the key of that certificate.
	Key string `yaml:"key"`
}

// Packages says where the NFVO keeps packages.
type Packages struct {
	// Directory of the content of packages. On an external bus all processes with the
	// role nfvo need the same one, such as a shared file system. Empty: catalogue in
	// the data directory.
	Dir string `yaml:"dir"`
}

// Journal says how records are sealed.
type Journal struct {
	// Let nothing happen before the record of it is sealed in a signed checkpoint: no
	// step of an order, no certificate, no revocation, no change. What is not sealed
	// within 10s is refused, or tried again. The same in all processes of a hub.
	SealBeforeEffect bool `yaml:"sealBeforeEffect"`
}

// Notifications says how those are reached who subscribed to notifications and are
// certified by others than this hub, such as an OSS.
type Notifications struct {
	// File with the CA certificates that their endpoints are checked against.
	// Empty: those of the operating system.
	CA string `yaml:"ca"`

	// Take callbacks at http:// addresses of this machine, for demonstrations.
	AllowLoopbackHTTP bool `yaml:"allowLoopbackHttp"`
}

// Indicators says how the VNFM asks VNFs, and their Element Managers, for VNF
// indicators, and how it reaches them to configure them.
type Indicators struct {
	// Directory that holds one directory for each trust domain, of its name: in it
	// cert.pem and key.pem, the credential with which VNFs of that trust domain are
	// asked and configured, and ca.pem, the CA certificates that theirs are checked
	// against. Files that change are taken up without a restart. Empty: no VNF is asked,
	// and none is configured.
	Credentials string `yaml:"credentials"`

	// How often each VNF is asked, and one that has not taken its configuration is tried.
	Interval time.Duration `yaml:"interval"`
}

// AtRest says how what is secret at rest is protected.
type AtRest struct {
	// File with the key that unlocks all other secrets. It is made at the first
	// start; keep it elsewhere than the data, and safe. Empty: unlock.key in the
	// data directory.
	UnlockFile string `yaml:"unlockFile"`
}

// Trust says how Security Managers are identified.
type Trust struct {
	// Domain name below which every endpoint for Security Managers has its server
	// name. It is matched by SNI and need not be in the DNS.
	ServerNameSuffix string `yaml:"serverNameSuffix"`

	// How long a credential of a Security Manager is valid.
	CredentialLifetime time.Duration `yaml:"credentialLifetime"`

	// How long a server certificate of an endpoint is valid.
	EndpointLifetime time.Duration `yaml:"endpointLifetime"`

	// How long before its end a certificate is renewed: a share of its lifetime
	// like 0.33, or a duration like 24h.
	RenewBefore Renewal `yaml:"renewBefore"`

	// Trust domains whose CA key is kept in a PKCS#11 token, one token each. The
	// keys of all others are in encrypted files in the data directory.
	Tokens []Token `yaml:"tokens"`
}

// Token is the PKCS#11 token of one trust domain.
type Token struct {
	// Name of the trust domain.
	TrustDomain string `yaml:"trustDomain"`

	// Absolute path of the PKCS#11 library.
	Module string `yaml:"module"`

	// Label of the token.
	TokenLabel string `yaml:"tokenLabel"`

	// File that holds the user PIN and nothing else, readable by its owner only.
	PINFile string `yaml:"pinFile"`
}

// SecurityManager is one Security Manager that this process runs.
type SecurityManager struct {
	// Name with which it is registered, of at most 48 characters.
	Name string `yaml:"name"`

	// Its trust domain.
	TrustDomain string `yaml:"trustDomain"`

	// Directory that "manoward sm register --out" wrote: a credential for each
	// interface, and endpoints.json, which says where the NFVO and the VIM are.
	// Renewed files are taken up without a restart.
	Credentials string `yaml:"credentials"`

	// host:port on which notifications of the NFVO are taken, with the credential
	// of sc-or.ns-lcm. It is shared with no other listener.
	ScOr string `yaml:"scOr"`

	// host:port on which notifications of the VIM are taken, with the credential
	// of sc-vi.telem. It is shared with no other listener.
	ScVi string `yaml:"scVi"`

	// https URI under which the NFVO reaches scOr: the same in all processes that
	// run this Security Manager. Empty: https:// and scOr.
	CallbackScOr string `yaml:"callbackScOr"`

	// https URI under which the VIM reaches scVi: the same in all processes that
	// run this Security Manager. Empty: https:// and scVi.
	CallbackScVi string `yaml:"callbackScVi"`

	// Policies that are activated when none are: library for those built in, a
	// directory, or a file with a signed bundle. Empty: library. What an operator
	// activates stays.
	Policies string `yaml:"policies"`

	// File with the public key, in PEM, that a bundle of policies is signed with.
	PolicyKey string `yaml:"policyKey"`

	// Name of that key, which the signature must give.
	PolicyKeyID string `yaml:"policyKeyId"`

	// How many destructive orders may begin within orderWindow before the others
	// wait for a person. 0: 5.
	OrderLimit int `yaml:"orderLimit"`

	// The time in which destructive orders are counted. 0s: 10m.
	OrderWindow time.Duration `yaml:"orderWindow"`

	// How long an order waits for a person, or is a recommendation, before it ends.
	// Nothing or 0s: 168h.
	OrderExpiry time.Duration `yaml:"orderExpiry"`
}

// Default returns the configuration of a hub that was told nothing.
func Default() *Config {
	return &Config{
		DataDir: "manoward-data",
		Listen:  Listen{Host: "127.0.0.1"},
		Log:     Log{Format: "auto", Level: slog.LevelInfo},
		Trust: Trust{
			ServerNameSuffix:   "manoward.internal",
			CredentialLifetime: 720 * time.Hour,
			EndpointLifetime:   168 * time.Hour,
			RenewBefore:        Renewal{Share: 0.33},
		},
		Indicators:      Indicators{Interval: 30 * time.Second},
		ShutdownTimeout: 5 * time.Second,
		origins:         make(map[string]string),
	}
}
