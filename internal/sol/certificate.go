package sol

import "time"

// CertificateInfo is what a VNF instance shows of its certificates: an attribute of
// SOL 002 and SOL 003 from V4.5.1 on, that V3.7.1 has not. It is known at second
// hand (docs/extensions/certificates.md). What stands under manoward. is our own.
type CertificateInfo struct {
	ID                           string                        `json:"id"`
	CertificateConfigurationInfo *CertificateConfigurationInfo `json:"certificateConfigurationInfo,omitempty"`
	CertificateContents          []CertificateContent          `json:"certificateContents,omitempty"`
}

// CertificateConfigurationInfo says how the certificates are managed.
type CertificateConfigurationInfo struct {
	CmfInfo *CmfInfo `json:"cmfInfo,omitempty"`
}

// CmfInfo is the CMF that certificates come from.
type CmfInfo struct {
	ID       string      `json:"id"`
	EndPoint CmfEndPoint `json:"endPoint"`
}

// CmfEndPoint is where a CMF is reached.
type CmfEndPoint struct {
	Link *Link `json:"link,omitempty"`
}

// CertificateContent is one certificate. The name of its second attribute is spelt
// as there.
type CertificateContent struct {
	ID                 string    `json:"id"`
	CertificateDescID  string    `json:"certficateDescId,omitempty"`
	CertificateType    string    `json:"certificateType"` // VNFCI_CERT, VNFOAM_CERT
	SerialNumber       string    `json:"serialNumber,omitempty"`
	SignatureAlgorithm string    `json:"signatureAlgorithm,omitempty"`
	Issuer             string    `json:"issuer,omitempty"`
	NotBefore          time.Time `json:"notBefore"`
	NotAfter           time.Time `json:"notAfter"`
	Subject            string    `json:"subject,omitempty"`
	PublicKeyAlgorithm string    `json:"publicKeyAlgorithm,omitempty"`
	VnfcID             string    `json:"manoward.vnfcId"`
	Assurance          string    `json:"manoward.assurance,omitempty"` // at which its key was attested; "none" when it was not
	KeyHash            string    `json:"manoward.keyHash,omitempty"`   // SHA-256 of the SubjectPublicKeyInfo, hexadecimal
}

// AffectedCertificate is a certificate that an operation has changed.
type AffectedCertificate struct {
	CertificateInfoID    string `json:"certificateInfoId"`
	CertificateContentID string `json:"certificateContentId,omitempty"`
	ChangeType           string `json:"changeType"` // ADD, REMOVE, MODIFY
}
