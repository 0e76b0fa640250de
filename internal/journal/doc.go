// Package journal seals the record log of a trust domain, so that a record that
// is altered, removed, added or moved afterwards is found and named by anybody
// who has the key and one earlier checkpoint.
//
// Each record becomes an [Entry], a leaf of a Merkle tree (RFC 9162 clause 2.1)
// in the order of the log. A [Sealer] follows the log beside the work and
// stores, once or a few times a second, one seal: the new entries and a
// checkpoint over the whole tree, signed with the journal's key (C2SP
// tlog-checkpoint, signed-note, Ed25519). The tree is a function of the log, so
// however often a sealer dies, and however many work at once, there is one.
// [WritePack] makes an evidence pack of any time; [Verify] judges one, without
// the hub.
package journal
