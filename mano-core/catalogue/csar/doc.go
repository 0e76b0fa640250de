// Package csar opens a VNF, PNF or NS package (ETSI GS NFV-SOL 004 and SOL 007)
// without trusting it, and judges its integrity and authenticity.
//
// It is pure: bytes, trust anchors, a time and a policy give a [Result]. It
// reads no network, keeps nothing and writes nothing to disk.
//
// [Open] looks at the ZIP as ZIP and refuses what two readers could understand
// differently or what would cost too much to read. [Archive.Verify] then reads
// every byte once and lists all that is wrong: it never stops at the first
// finding. Both security options are known: option 1, where the manifest holds
// a digest of each file and ends in a CMS signature over itself; and option 2,
// where an outer ZIP holds the CSAR, its CMS signature and, perhaps, the
// signer's certificate.
//
// # What we chose where the specifications leave room
//
//   - Under option 1 every file must be listed in the manifest, and with a
//     digest, because what the signed manifest does not hold anybody can change.
//     The manifest itself, and the files that an entry names as signature or
//     certificate, may be missing or stand there without a digest. So may
//     TOSCA-Metadata/TOSCA.meta, with a warning: signers commonly leave its digest
//     out, although it names the descriptor. It can then be rewritten to name
//     another file as the descriptor, but only one that the manifest lists with a
//     digest; and a file that has none because it is a certificate must hold
//     nothing else. Without a signed manifest the same gaps are warnings: the list
//     then proves nothing, and under option 2 the outer signature covers every
//     byte.
//   - The signed part of a manifest is every byte before the line of the BEGIN
//     marker, line ends as they are. A signature that fits only when the blank
//     line before the marker is left out is reported by that name and refused.
//   - A signature that covers a file with one certificate must not be judged with
//     another: the signer's certificate is in the CMS, or in the file that
//     ETSI-Entry-Certificate names, or (without TOSCA-Metadata) in the root beside
//     the manifest; more than one of them is an error (ONAP R130206).
//   - Digests are SHA-224 to SHA-512. Anything else is named and refused.
//   - A certificate carries no proof of when it signed (RFC 3161 time stamps are
//     not read), so an expired signer is refused unless the policy allows it.
//   - A signer's certificate that is limited to other uses (extended key usage)
//     than code signing is refused, unless it is an anchor itself or may sign mail,
//     which is made with CMS too: then it is a warning. Keys below 112 bits of
//     strength are refused, also those of issuers below the anchor.
//   - Revocation is not looked at: there is no network here.
//   - CMS is read by a small reader of our own. The library that signs in the
//     tests (github.com/smallstep/pkcs7) drops errors while it parses, follows any
//     depth of nesting, wants the whole content in memory, accepts SHA-1, does not
//     check the content type attribute, and knows neither subject key identifiers
//     nor RSA-PSS.
package csar
