package hub

import "time"

// The states of a trust domain and of a Security Manager.
const (
	StateActive   = "ACTIVE"
	StateDeleting = "DELETING" // a trust domain whose deletion has begun
	StateDeleted  = "DELETED"  // a trust domain whose keys are destroyed; its records remain
	StateRevoked  = "REVOKED"  // a Security Manager or credential that opens nothing any more
	StateRetiring = "RETIRING" // a credential that was replaced and works until RetiresAt
	StateExpired  = "EXPIRED"  // a credential whose time is over
)

// The places where the CA keys of a trust domain can be kept.
const (
	KeysInFile   = "file"   // files sealed by the hub's vault
	KeysOnBus    = "bus"    // sealed by the hub's vault, in the hub's own account on an external bus
	KeysInPKCS11 = "pkcs11" // a PKCS#11 token of the domain's own
)

// TrustDomain is a set of parties under one certificate authority, with an
// account of its own on the bus (IFA 026 clause 5.1.3).
type TrustDomain struct {
	Name         string    `json:"name"`
	State        string    `json:"state"`
	KeyStore     string    `json:"keyStore"`
	Created      time.Time `json:"created"`
	Root         string    `json:"rootCertificate"`         // PEM; trust anchor of everything in the domain
	Intermediate string    `json:"intermediateCertificate"` // PEM; signs client CAs and endpoint certificates
}

// SecurityManager is a registered SM: its mode, and for each logical interface
// the endpoint that is its own.
type SecurityManager struct {
	Name        string     `json:"name"`
	TrustDomain string     `json:"trustDomain"`
	Mode        Mode       `json:"mode"`
	State       string     `json:"state"`
	Registered  time.Time  `json:"registered"`
	Endpoints   []Endpoint `json:"endpoints"`          // one for each of Interfaces(), in that order
	BusUsers    []string   `json:"busUsers,omitempty"` // public nkeys that were certified for the domain's account on the bus
}

// Endpoint returns the SM's endpoint on the interface, or nil.
func (sm *SecurityManager) Endpoint(i Interface) *Endpoint {
	for n := range sm.Endpoints {
		if sm.Endpoints[n].Interface == i {
			return &sm.Endpoints[n]
		}
	}
	return nil
}

// Endpoint is where one SM reaches one logical interface. No other SM and no
// other interface shares its server name, its server key or its client CA.
type Endpoint struct {
	Interface   Interface    `json:"interface"`
	ServerName  string       `json:"serverName"`    // to be sent as SNI
	URL         string       `json:"url,omitempty"` // where the producer listens; absent when it does not run here
	ClientCA    string       `json:"clientCa"`      // PEM; issues the credentials of this endpoint alone
	Credentials []Credential `json:"credentials"`   // newest last
}

// Credential is a client certificate of one SM for one interface. Its private
// key was made by its holder and has never been here.
type Credential struct {
	Serial      string     `json:"serial"`      // hexadecimal
	Fingerprint string     `json:"fingerprint"` // SHA-256 of the certificate, hexadecimal
	KeyHash     string     `json:"keyHash"`     // SHA-256 of the SubjectPublicKeyInfo, hexadecimal
	NotBefore   time.Time  `json:"notBefore"`
	NotAfter    time.Time  `json:"notAfter"`
	State       string     `json:"state"`
	RetiresAt   *time.Time `json:"retiresAt,omitempty"`
	RevokedAt   *time.Time `json:"revokedAt,omitempty"`
	Reason      string     `json:"reason,omitempty"` // why it was revoked
	Certificate string     `json:"certificate"`      // PEM: leaf, client CA, intermediate
}

// Usable says why the credential does not open its endpoint at the time now:
// StateRevoked, StateExpired or StateRetiring (overlap over); or "" when it does.
func (c *Credential) Usable(now time.Time) (refusal string) {
	switch {
	case c.State == StateRevoked:
		return StateRevoked
	case !now.Before(c.NotAfter) || now.Before(c.NotBefore):
		return StateExpired
	case c.RetiresAt != nil && !now.Before(*c.RetiresAt):
		return StateRetiring
	}
	return ""
}

// Operator is a person, or a tool, that runs the hub.
type Operator struct {
	Name        string    `json:"name"`
	Identity    string    `json:"identity"`
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the certificate, hexadecimal
	NotAfter    time.Time `json:"notAfter"`
	Certificate string    `json:"certificate,omitempty"` // PEM with chain, in the answer that creates it only
}

// Session is what an SM learns about itself on one of its endpoints.
type Session struct {
	Identity    string     `json:"identity"`
	TrustDomain string     `json:"trustDomain"`
	Name        string     `json:"securityManager"`
	Interface   Interface  `json:"interface"`
	Mode        Mode       `json:"mode"`
	Credential  Credential `json:"credential"`
	Operations  []string   `json:"operations"` // what the decision table allows here, in this mode
}

// Registration asks for a new Security Manager. Only certificate signing
// requests travel; the keys stay where they were made.
type Registration struct {
	Name     string               `json:"name"`
	Mode     Mode                 `json:"mode"`
	Requests map[Interface]string `json:"certificateSigningRequests"` // PEM PKCS#10, one for each interface
}

// Rotation asks for new credentials on some or all interfaces of an SM.
type Rotation struct {
	Requests       map[Interface]string `json:"certificateSigningRequests"` // PEM PKCS#10
	OverlapSeconds int64                `json:"overlapSeconds"`             // how long the old credentials go on
}

// Revocation ends credentials of an SM: all of them, those of one interface, or
// one by its serial number.
type Revocation struct {
	Interface Interface `json:"interface,omitempty"`
	Serial    string    `json:"serial,omitempty"`
	Reason    string    `json:"reason"`
}

// Identity returns who the SM is on one of its interfaces.
func (sm *SecurityManager) Identity(i Interface) Identity {
	return Identity{TrustDomain: sm.TrustDomain, Kind: KindSM, Name: sm.Name, Interface: i}
}

// OAuthClient is an outside party that shows itself by OAuth 2.0 client
// credentials. What it may ask stands in the decision table under its party.
type OAuthClient struct {
	Name  string `json:"name"`  // its client_id; of a VNF its vnfInstanceId
	Party Kind   `json:"party"` // one of ClientParties
	// TrustDomain is the domain whose things it may ask about, or "hub": those of
	// every domain. A VNF is of one.
	TrustDomain string    `json:"trustDomain"`
	Created     time.Time `json:"created"`
	Secret      string    `json:"secret,omitempty"` // in the answer that creates it only; the hub keeps a hash
}

// ClientCredential is a certificate of an [OAuthClient], with which it shows itself
// on Cm-Vnfm. Its private key was made by its holder and has never been here.
type ClientCredential struct {
	Client      string    `json:"client"`
	Identity    string    `json:"identity"`
	NotAfter    time.Time `json:"notAfter"`
	Certificate string    `json:"certificate"`     // PEM: leaf, and the CA that signed it
	Root        string    `json:"rootCertificate"` // PEM; what the server's certificate is checked against
	ServerName  string    `json:"serverName"`      // to be sent as SNI on Cm-Vnfm, and checked in the certificate
	URL         string    `json:"url,omitempty"`   // of Cm-Vnfm; absent when nobody serves it now
}

// ClientParties lists what an [OAuthClient] can be. KindClient is a reader.
func ClientParties() []Kind {
	return []Kind{KindClient, KindOSS, KindVNFM, KindEM, KindVNF, KindNFVO, KindNFVI, KindAuditor}
}

// Identity returns who the client is.
func (c OAuthClient) Identity() Identity {
	return Identity{TrustDomain: c.TrustDomain, Kind: c.Party, Name: c.Name}
}
