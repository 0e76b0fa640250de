// Package authority is the life of the certificate authorities of the CMF: one
// for each trust domain, with keys of its own.
//
// A domain's root and the CA below it are made when the CMF is first asked for
// the domain. Keys are in the domain's key store, files or a PKCS#11 token, and
// never leave it; certificates and what state they are in are a stored resource
// in the domain's account. What signs with them is behind a port, [CA], which an
// authority elsewhere may take as well: then no keys are made here, and its CA
// certificates are noted as they are seen.
//
// # Rotation
//
// A new intermediate signs at once; the one before it goes on signing the
// revocation lists and OCSP answers about what it issued, until its end. A new
// root is published first, so that those who verify can take it in, and comes into
// use with a new intermediate below it when [Times.Publish] has passed. Chains of
// both roots are valid as long as both are trusted.
//
// A rotation is stored before it begins and each of its steps can be repeated: a
// process that is killed at any of them leaves an authority that signs, and the
// rotation goes on when it is next looked at. It happens once.
package authority
