// Package attester is the device's side of key attestation: it makes keys that
// never leave a TPM 2.0 or a PKCS#11 token, lets the device state that, and writes
// certificate requests that carry the statement, as package attestation wants them.
//
// With a [TPM], the attestation key (AK) is a restricted key below the storage
// primary key; it certifies the keys of requests (TPM2_Certify), and the TPM proves
// by its endorsement key (EK) that the AK is its own ([TPM.Activate]). With a
// [Token], a key of the token signs PKIX Evidence of the attributes that the token
// reports.
//
// No private key is ever seen here. What is kept of a TPM's key is a [Key]: its
// public area, and its private part as the TPM wrapped it, which no other TPM can
// use.
package attester
