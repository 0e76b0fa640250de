// Package stepca signs certificates with smallstep's certificate authority.
//
// [Embedded] is an authority in this process: one for each trust domain, with the
// keys that it is given. It follows an order to the letter: what a CSR asks for
// beside its key has no effect, and a certificate that is not what was ordered is
// never given out (see [checkIssued]). [Remote] is a step-ca in a process of its own,
// held to the same.
//
// It is the only importer of smallstep's modules and of OCSP encoding, and shows
// none of their types.
package stepca
