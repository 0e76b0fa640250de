// Package cmfapi is the REST binding of the Certificate Management Function: the
// certificate management interface on Cm-Vnfm (IFA 033 clause 11.2) as our own
// API certmgmt/v1, and revocation lists and OCSP answers in plain HTTP for whoever
// verifies a certificate (RFC 5280 clause 4.2.1.13, RFC 6960 appendix A).
//
// Who asks is told by its certificate, and sees what it registered itself. What
// another consumer registered, and what is of another trust domain, is answered as
// what does not exist. docs/extensions/certificate-management.md has the contract,
// docs/openapi/certmgmt.yaml its shapes.
package cmfapi
