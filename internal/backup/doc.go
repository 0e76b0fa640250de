// Package backup puts the data directory of a hub that does not run into one
// archive, and takes it out again whole or not at all.
//
// An archive is a tar file. Its first entry, MANIFEST, is two lines: JSON that
// says what the archive is and lists every file with its size and SHA-256, and
// the SHA-256 of that JSON in hexadecimal. The files follow in the order of the
// list, below data/. Nothing else is read: modes, owners and times are not
// restored, and what is neither a file nor a folder is refused on both ways.
//
// [Unpack] writes into the folder RESTORING of the target. When all of it is there,
// is what the manifest says and is on stable storage, it is moved to its place, and
// FORMAT, without which no hub starts on a directory, is moved last.
//
// The checksums find damage, not malice: who can write the archive can write the
// manifest anew. The SHA-256 of the whole archive, kept elsewhere, finds that.
package backup
