package policies

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/manoward/manoward/internal/hub"
)

// MaxBundle is the largest bundle that is read, in bytes.
const MaxBundle = 32 << 20

// maxSignature is the largest signature, which names each file with its digest.
const maxSignature = 8 << 20

// The files of a bundle that are no policies.
const (
	manifestFile  = ".manifest"
	signatureFile = ".signatures.json"
	deltaFile     = "patch.json"
)

// manifest is the file .manifest of a bundle, in the engine's format.
type manifest struct {
	Revision    string            `json:"revision"`
	Roots       []string          `json:"roots"`
	RegoVersion int               `json:"rego_version"`
	Metadata    map[string]string `json:"metadata"`
}

// Bundle returns the set as one file to be signed and sent: a gzipped tar in
// the engine's bundle format. The same set gives the same bytes. Tests are not
// in it.
func (s *Set) Bundle() ([]byte, error) {
	m, err := json.Marshal(manifest{
		Revision: s.revision, Roots: []string{"manoward/lib", "manoward/policies"}, RegoVersion: 1,
		Metadata: map[string]string{"format": "manoward.policy-bundle/1"},
	})
	if err != nil {
		return nil, fmt.Errorf("build bundle: %w", err)
	}
	files := maps.Clone(s.sources)
	files[manifestFile] = m
	return pack(files)
}

// LoadBundle loads a set out of a bundle that the key with the id has signed, by
// the rules of [Load]. The error, with code Denied or Invalid, says what is
// wrong with the bundle itself; then nothing in it was looked at.
func LoadBundle(ctx context.Context, bundle []byte, keys []VerificationKey, keyID string, o Options) (*Set, []Problem, error) {
	sources, err := verify(bundle, keys, keyID)
	if err != nil {
		return nil, nil, err
	}
	s, ps := loadSources(ctx, sources, o)
	if ps.bad() {
		return nil, ps.sorted(), nil
	}
	return s, ps.sorted(), nil
}

// Claims are what a bundle says of itself. Nobody has verified them: they tell who
// is to be asked to, and what is not known is empty.
type Claims struct {
	Revision string // of the set in it
	KeyID    string // of the key that has signed it; empty: it is not signed
}

// ReadClaims reads what a bundle says of itself. The error, with code Invalid, says
// why it is no bundle.
func ReadClaims(bundle []byte) (Claims, error) {
	files, err := unpack(bundle)
	if err != nil {
		return Claims{}, err
	}
	var m manifest
	if err := json.Unmarshal(files[manifestFile], &m); err != nil || m.Revision == "" {
		return Claims{}, badBundle("the bundle has no readable manifest; make it with `manoward policy sign`")
	}
	var signatures struct {
		Signatures []string `json:"signatures"`
	}
	c := Claims{Revision: m.Revision}
	if json.Unmarshal(files[signatureFile], &signatures) == nil && len(signatures.Signatures) == 1 {
		c.KeyID = signedBy(signatures.Signatures[0])
	}
	return c, nil
}

// pack writes the files as a gzipped tar: sorted, without times and owners.
func pack(files map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	t := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(files[name])), Mode: 0o644}
		if err := t.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("write bundle: %w", err)
		}
		if _, err := t.Write(files[name]); err != nil {
			return nil, fmt.Errorf("write bundle: %w", err)
		}
	}
	if err := t.Close(); err != nil {
		return nil, fmt.Errorf("write bundle: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("write bundle: %w", err)
	}
	return out.Bytes(), nil
}

// badBundle returns an error with code Invalid.
func badBundle(format string, args ...any) error {
	return hub.E(hub.Invalid, "read bundle", fmt.Sprintf(format, args...), nil)
}

// unpack reads a bundle that anybody may have made.
func unpack(bundle []byte) (map[string][]byte, error) {
	if len(bundle) > MaxBundle {
		return nil, badBundle("the bundle is %d bytes long; at most %d are read", len(bundle), MaxBundle)
	}
	z, err := gzip.NewReader(bytes.NewReader(bundle))
	if err != nil {
		return nil, badBundle("the bundle is no gzipped tar; make it with `manoward policy sign`")
	}
	files, total := map[string][]byte{}, 0
	whole := io.LimitReader(z, 2*MaxSetBytes) // twice, for the headers
	t := tar.NewReader(whole)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, badBundle("the bundle is cut short, damaged or too large; send it again")
		}
		if err := checkEntry(h, files); err != nil {
			return nil, err
		}
		most := MaxFile
		if h.Name == signatureFile {
			most = maxSignature
		}
		content, err := io.ReadAll(io.LimitReader(t, int64(most)+1))
		if err != nil {
			return nil, badBundle("the bundle is cut short, damaged or too large; send it again")
		}
		if total += len(content); len(content) > most || total > MaxSetBytes || len(files) >= MaxFiles {
			return nil, badBundle("the bundle is too large at %s; a file has at most %d bytes, all %d files at most %d", clip(h.Name), most, MaxFiles, MaxSetBytes)
		}
		files[h.Name] = content
	}
	if rest, err := io.Copy(io.Discard, whole); err != nil || rest > 0 { // the end of gzip holds its checksum
		return nil, badBundle("the bundle is cut short, damaged or too large; send it again")
	}
	return files, nil
}

// checkEntry refuses what no bundle of policies has.
func checkEntry(h *tar.Header, files map[string][]byte) error {
	_, twice := files[h.Name]
	ext := path.Ext(h.Name)
	switch {
	case h.Name == deltaFile:
		return badBundle("this is a delta bundle, which cannot be signed; send a whole one")
	case h.Typeflag != tar.TypeReg:
		return badBundle("%q is no plain file; a bundle holds nothing else", clip(h.Name))
	case !fs.ValidPath(h.Name):
		return badBundle("%q is no path within the bundle", clip(h.Name))
	case twice:
		return badBundle("%q is in the bundle twice", clip(h.Name))
	case h.Name != manifestFile && h.Name != signatureFile && (ext != ".rego" && ext != ".yaml" || isTest(h.Name)):
		return badBundle("%q is no policy and no file of samples; make the bundle with `manoward policy sign`", clip(h.Name))
	}
	return nil
}

// checkManifest holds the manifest against the files: the revision that it
// states is theirs.
func checkManifest(files map[string][]byte) (map[string][]byte, error) {
	var m manifest
	if err := json.Unmarshal(files[manifestFile], &m); err != nil {
		return nil, badBundle("the bundle has no readable manifest; make it with `manoward policy sign`")
	}
	sources := maps.Clone(files)
	delete(sources, manifestFile)
	delete(sources, signatureFile)
	if got := revisionOf(sources); got != m.Revision {
		return nil, badBundle("the bundle states the revision %q, but its files have %s", clip(m.Revision), got)
	}
	return sources, nil
}
