package csar

import (
	"bytes"
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
)

// fileDigests is what reading one file gave.
type fileDigests struct {
	size      int64
	sums      digests
	show      algorithm // the one that the result shows
	encrypted bool
	broken    bool
}

// gatherSources collects what the manifest and TOSCA.meta list, and notes what
// of it the manifest vouches for. More entries than any package has files for are
// not looked at: each would be a finding.
func (v *verifier) gatherSources() {
	if v.man != nil {
		v.sources = append(v.sources, v.man.sources...)
		for _, set := range v.man.sets {
			v.sources = append(v.sources, set.sources...)
		}
	}
	for _, s := range v.sources {
		v.listed[s.path] = true
		v.hashed[s.path] = v.hashed[s.path] || s.has["hash"] || s.has["algorithm"]
	}
	if v.meta != nil {
		v.sources = append(v.sources, v.meta.sources...)
	}
	if most := entriesPerFile * v.a.limits.Files; len(v.sources) > most {
		v.find(RuleManifest, Error, v.res.Manifest, "the manifest and TOSCA.meta have %d entries and %d are allowed; list each file once", len(v.sources), most)
		v.sources = v.sources[:most]
	}
}

// entriesPerFile allows for a Source, a Name and a place in a non-MANO set.
const entriesPerFile = 3

// readFiles reads every file once and digests it by every algorithm that its
// entries or signatures ask for.
func (v *verifier) readFiles(ctx context.Context) error {
	wanted := map[string]map[crypto.Hash]bool{}
	want := func(name string, h crypto.Hash) {
		if wanted[name] == nil {
			wanted[name] = map[crypto.Hash]bool{}
		}
		wanted[name][h] = true
	}
	shown := map[string]algorithm{}
	for _, s := range v.sources {
		if alg, ok := byName(s.algorithm); ok {
			want(s.path, alg.hash)
			if alg.hash.Size() >= crypto.SHA256.Size() && shown[s.path].hash == 0 {
				shown[s.path] = alg
			}
		}
	}
	for _, j := range v.jobs {
		for _, h := range j.hashes() {
			want(j.artifact, h)
		}
	}
	buffer := make([]byte, 256<<10)
	for _, name := range v.a.names {
		show, ok := shown[name]
		if !ok {
			show, _ = byName("SHA-256")
			want(name, show.hash)
		}
		if err := v.readFile(ctx, name, show, wanted[name], buffer); err != nil {
			return err
		}
	}
	return nil
}

// readFile digests one file. A file that cannot be unpacked is a finding; only
// the end of ctx is an error.
func (v *verifier) readFile(ctx context.Context, name string, show algorithm, wanted map[crypto.Hash]bool, buffer []byte) error {
	d := fileDigests{show: show}
	r, err := v.a.files[name].Open()
	if err == nil {
		var first prefix
		d.sums, d.size, err = digest(ctx, io.TeeReader(r, &first), wanted, buffer)
		d.encrypted = first.isEnveloped()
		err = errors.Join(err, r.Close())
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return stopped(err)
	}
	if err != nil {
		d = fileDigests{show: show, size: d.size, broken: true}
		v.find(RuleUnreadable, Error, name, "the file cannot be unpacked, or is not as long as the ZIP says, or its checksum is wrong (%v); make the package anew", err)
	}
	v.content[name] = d
	return nil
}

// digest reads r to its end and returns its digests and length.
func digest(ctx context.Context, r io.Reader, wanted map[crypto.Hash]bool, buffer []byte) (digests, int64, error) {
	hashes, writers := map[crypto.Hash]hash.Hash{}, []io.Writer{}
	for h := range maps.Keys(wanted) {
		hashes[h] = h.New()
		writers = append(writers, hashes[h])
	}
	n, err := io.CopyBuffer(onlyWriter{io.MultiWriter(writers...)}, stoppable{ctx, r}, buffer)
	sums := digests{}
	for h, w := range hashes {
		sums[h] = w.Sum(nil)
	}
	return sums, n, err
}

// onlyWriter and stoppable hide the methods with which io.CopyBuffer would pass
// over the buffer; stoppable also ends when its context does.
type onlyWriter struct{ io.Writer }

type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// prefix keeps the first bytes that are written to it.
type prefix struct{ b []byte }

func (p *prefix) Write(b []byte) (int, error) {
	const keep = 128
	p.b = append(p.b, b[:min(len(b), keep-len(p.b))]...)
	return len(b), nil
}

// envelopedOID is id-envelopedData in DER.
var envelopedOID = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03}

// isEnveloped reports whether a CMS EnvelopedData starts here, in DER or BER, or
// in PEM (where the same bytes are in the first line of base64).
func (p *prefix) isEnveloped() bool {
	const header = 8 // tag and length
	b := p.b
	if bytes.HasPrefix(b, beginPrefix) {
		_, b, _ = bytes.Cut(b, []byte("\n"))
		b = decodeStart(b)
	}
	at := bytes.Index(b, envelopedOID)
	return at >= 2 && at <= header && b[0] == 0x30
}

// checkSources compares each entry with the file that it names.
func (v *verifier) checkSources() {
	for _, s := range v.sources {
		switch {
		case s.path == "":
			v.find(RuleManifest, Error, v.listOf(s), "line %d: Source names no file; name one", s.line)
		case s.external():
			v.find(RuleExternal, Warning, s.path, "the artifact is outside the package: it is not fetched, and its digest is not checked here")
			if s.inMeta && !v.listed[s.path] && !v.hashed[metaPath] {
				v.find(RuleListed, v.inOption1(), s.path, "TOSCA.meta lists this artifact outside the package, and the manifest neither lists it nor has a digest of TOSCA.meta; list it as Source with Algorithm and Hash")
			}
			v.checkDeclared(s)
		case !v.has(s.path):
			v.res.Checks.Hashes.Absent++
			v.find(RuleAbsent, Error, s.path, "%s lists this file (line %d) and it is not in the package; add it or drop the entry", v.listOf(s), s.line)
		default:
			v.checkHash(s)
		}
	}
}

// listOf is where the entry stands.
func (v *verifier) listOf(s sourceEntry) string {
	if s.inMeta {
		return metaPath
	}
	return v.res.Manifest
}

// checkDeclared looks at the form of an entry's digest, and reports whether
// there is one that can be compared.
func (v *verifier) checkDeclared(s sourceEntry) (algorithm, bool) {
	alg, known := byName(s.algorithm)
	switch {
	case !s.has["hash"] && !s.has["algorithm"]:
		return alg, false // checkListed sees whether another entry has one
	case s.algorithm == "" || s.hash == "":
		v.find(RuleHash, Error, s.path, "%s line %d: of Algorithm and Hash one is missing or empty; give both", v.listOf(s), s.line)
	case !known:
		v.find(RuleAlgorithm, Error, s.path, "%s line %d: algorithm %s is not allowed; use SHA-224, SHA-256, SHA-384 or SHA-512", v.listOf(s), s.line, quote(s.algorithm))
	default:
		return alg, true
	}
	if !s.external() {
		v.res.Checks.Hashes.Wrong++
	}
	return alg, false
}

// checkHash compares an entry's digest with the file's.
func (v *verifier) checkHash(s sourceEntry) {
	alg, ok := v.checkDeclared(s)
	if !ok {
		return
	}
	want, err := hex.DecodeString(s.hash)
	d := v.content[s.path]
	switch {
	case err == nil && !d.broken && bytes.Equal(want, d.sums[alg.hash]):
		v.res.Checks.Hashes.Right++
		return
	case err != nil || len(want) != alg.hash.Size():
		v.find(RuleHash, Error, s.path, "%s line %d: the digest is not %d hexadecimal digits, as %s has; write the digest of the file", v.listOf(s), s.line, 2*alg.hash.Size(), alg.name)
	case !d.broken: // else there is a finding already
		v.find(RuleHash, Error, s.path, "%s line %d: the %s digest is not that of the file (%s): the file was changed; restore it, or sign the package again", v.listOf(s), s.line, alg.name, shortHex(d.sums[alg.hash]))
	}
	v.res.Checks.Hashes.Wrong++
}

// needsNoHash reports whether a file may be without a digest, or not listed at
// all: the manifest, which cannot hold its own, and signatures and certificates,
// which are checked by themselves. None of them can be the definition: TOSCA.meta
// names all three, and when it has no digest anybody can write it.
func (v *verifier) needsNoHash(name string) bool {
	return name != v.res.EntryDefinitions && (name == v.res.Manifest || v.used[name])
}

// checkListed finds files that the manifest does not list, or lists without a
// digest.
func (v *verifier) checkListed() {
	if v.man == nil {
		return
	}
	for _, name := range v.a.names {
		switch {
		case v.needsNoHash(name):
		case name == metaPath && !v.hashed[name]:
			v.find(RuleHashMissing, Warning, name, "the manifest has no digest of this file, which names the definition: who changes it can put another signed file of the package in its place; list it with Algorithm and Hash")
		case !v.listed[name]:
			v.find(RuleListed, v.inOption1(), name, "the file is in the package and not in the manifest; list it as Source with Algorithm and Hash")
		case !v.hashed[name]:
			v.find(RuleHashMissing, v.inOption1(), name, "the manifest has no digest of this file, so its signature does not cover it; add Algorithm and Hash")
		}
	}
}

// shortHex is the start of a digest, enough to compare by eye.
func shortHex(b []byte) string { return fmt.Sprintf("%x...", b[:min(len(b), 8)]) }
