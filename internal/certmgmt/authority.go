package certmgmt

import "time"

// WithdrawRequest ends an attester, and revokes what it attested.
type WithdrawRequest struct {
	Comment string `json:"comment,omitempty"` // for the record
}

// Authority is the certificate authority of a trust domain.
type Authority struct {
	TrustDomain string   `json:"trustDomain"`
	Issuers     []Issuer `json:"issuers"` // in the order of their making; none before the first use
}

// Issuer is a CA certificate of a trust domain.
type Issuer struct {
	ID           string     `json:"id"` // key identifier, hexadecimal, as in [Certificate]
	Root         bool       `json:"root"`
	Parent       string     `json:"parent,omitempty"` // that signed it
	State        string     `json:"state"`            // ACTIVE signs, PUBLISHED will, RETIRING signs revocation lists alone, REVOKED likewise, EXPIRED
	Since        time.Time  `json:"since"`
	Subject      string     `json:"subject"`      // RFC 4514
	SerialNumber string     `json:"serialNumber"` // hexadecimal
	NotBefore    time.Time  `json:"notBefore"`
	NotAfter     time.Time  `json:"notAfter"`
	KeyPlace     string     `json:"keyPlace"` // file, pkcs11 or remote
	KeyLabel     string     `json:"keyLabel,omitempty"`
	UsedFrom     *time.Time `json:"usedFrom,omitempty"` // of a root that is published and not used yet
	Alarm        string     `json:"alarm,omitempty"`    // what has to be done about it
	Certificate  string     `json:"certificate"`        // PEM
	// Revoked: its root revoked it then.
	Revoked          *time.Time `json:"revoked,omitempty"`
	RevocationReason string     `json:"revocationReason,omitempty"` // RFC 5280 clause 5.3.1: "cACompromise"
}

// The parts of an authority that can be renewed.
const (
	PartIntermediate = "intermediate"
	PartRoot         = "root"
)

// RotateRequest renews a part of an authority.
type RotateRequest struct {
	Part string `json:"part"`
}
