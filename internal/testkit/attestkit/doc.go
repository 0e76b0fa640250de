// Package attestkit makes evidence for tests: keys, certificates of attesters,
// DER, requests that carry attestations, and the structures that a TPM would make.
//
// It writes all encodings itself and shares no code with the formats, so that
// what one side gets wrong the other does not repeat. It makes what an honest
// device makes; tests forge by changing the parts before they are put together.
package attestkit
