package csartest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// Place is where a package carries its signer's certificate.
type Place int

// The places. Under option 2, InCMS and Beside are those that there are.
const (
	InCMS       Place = iota // in the CMS signature
	InToscaMeta              // a file that ETSI-Entry-Certificate names
	InRoot                   // a file in the root with the manifest's name
	Beside                   // in the outer ZIP
	Nowhere
)

// Option is the security option of a package.
type Option int

// The security options.
const (
	Unsigned Option = iota
	Option1         // the manifest ends in a CMS signature
	Option2         // an outer ZIP holds the CSAR and its signature
)

// Spec says what package to make. Its zero value is an unsigned VNF package with
// TOSCA-Metadata.
type Spec struct {
	Option Option
	Signer *Signer // needed unless Unsigned
	Place  Place

	Metadata   string // lines of the manifest's metadata; "" is VNFMetadata
	Definition []byte // VNFD, PNFD or NSD; nil is a line of YAML
	Files      map[string][]byte
	SignFiles  []string // of Files: get signatures of their own, in "<name without extension>.sig.cms"
	SingleFile bool     // no TOSCA-Metadata: definition, manifest and certificate in the root
	Store      bool     // no compression, also of the CSAR in the outer ZIP

	// Meta, Manifest and Pack change TOSCA.meta, the manifest before it is
	// signed, and the list of files before it is packed.
	Meta, Manifest func(string) string
	Pack           func([]File) []File
	// Outer changes the list of files of the outer ZIP.
	Outer func([]File) []File
}

// File is a file of a ZIP.
type File struct {
	Name  string
	Data  []byte
	Store bool
	Mode  fs.FileMode
}

// Metadata of the three kinds of packages, for Spec.Metadata.
const (
	VNFMetadata = "vnf_product_name: sample\nvnf_provider_id: example\nvnf_package_version: 1.0\nvnf_release_date_time: 2026-01-01T00:00:00Z\n"
	PNFMetadata = "pnfd_name: sample\npnfd_provider: example\npnfd_archive_version: 1.0\npnfd_release_date_time: 2026-01-01T00:00:00Z\n"
	NSMetadata  = "nsd_invariant_id: sample\nnsd_name: sample\nnsd_designer: example\nnsd_file_structure_version: 1.0\nnsd_release_date_time: 2026-01-01T00:00:00Z\n"
)

const metaPath = "TOSCA-Metadata/TOSCA.meta"

// Build makes the package.
func Build(t testing.TB, s Spec) []byte {
	t.Helper()
	files := s.content(t)
	if s.Pack != nil {
		files = s.Pack(files)
	}
	csar := Zip(t, s.stored(files))
	if s.Option != Option2 {
		return csar
	}
	outer := []File{
		{Name: "package.csar", Data: csar},
		{Name: "package.cms", Data: s.Signer.Sign(t, csar, s.Place == InCMS)},
	}
	if s.Place == Beside {
		outer = append(outer, File{Name: "package.cert", Data: s.Signer.PEM()})
	}
	if s.Outer != nil {
		outer = s.Outer(outer)
	}
	return Zip(t, s.stored(outer))
}

func (s Spec) stored(files []File) []File {
	for i := range files {
		files[i].Store = files[i].Store || s.Store
	}
	return files
}

// names are the paths of the definition, the manifest and the certificate.
func (s Spec) names() (definition, manifest, certificate string) {
	if s.SingleFile {
		return "sample.yaml", "sample.mf", "sample.cert"
	}
	certificate = "Files/signer.cert"
	if s.Place == InRoot {
		certificate = "sample.cert"
	}
	return "Definitions/sample.yaml", "sample.mf", certificate
}

// content makes the files of the CSAR, the manifest last.
func (s Spec) content(t testing.TB) []File {
	t.Helper()
	definition, manifest, certificate := s.names()
	text := s.Definition
	if text == nil {
		text = []byte("tosca_definitions_version: tosca_simple_yaml_1_3\n")
	}
	var files []File
	add := func(name string, data []byte) { files = append(files, File{Name: name, Data: data}) }
	if !s.SingleFile {
		add(metaPath, []byte(s.meta(definition, manifest, certificate)))
	}
	add(definition, text)
	add("ChangeLog.txt", []byte("1.0 first\n"))
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		add(name, s.Files[name])
	}
	listed := slices.Clone(files)
	if s.Option == Option1 && (s.Place == InToscaMeta || s.Place == InRoot) {
		add(certificate, s.Signer.PEM())
	}
	for _, name := range s.SignFiles {
		add(signatureName(name), s.Signer.Sign(t, s.Files[name], true))
	}
	add(manifest, s.manifest(t, listed))
	return files
}

func (s Spec) meta(definition, manifest, certificate string) string {
	text := "TOSCA-Meta-File-Version: 1.0\nCSAR-Version: 1.1\nCreated-By: example\nEntry-Definitions: " + definition +
		"\nETSI-Entry-Manifest: " + manifest + "\nETSI-Entry-Change-Log: ChangeLog.txt\n"
	if s.Place == InToscaMeta && s.Option == Option1 {
		text += "ETSI-Entry-Certificate: " + certificate + "\n"
	}
	if s.Meta != nil {
		text = s.Meta(text)
	}
	return text
}

func (s Spec) manifest(t testing.TB, files []File) []byte {
	t.Helper()
	metadata := s.Metadata
	if metadata == "" {
		metadata = VNFMetadata
	}
	var b strings.Builder
	b.WriteString("metadata:\n" + metadata)
	for _, f := range files {
		fmt.Fprintf(&b, "\nSource: %s\nAlgorithm: SHA-256\nHash: %x\n", f.Name, sha256.Sum256(f.Data))
		if slices.Contains(s.SignFiles, f.Name) {
			b.WriteString("Signature: " + signatureName(f.Name) + "\n")
		}
	}
	text := b.String()
	if s.Manifest != nil {
		text = s.Manifest(text)
	}
	if s.Option != Option1 {
		return []byte(text)
	}
	return append([]byte(text), s.Signer.Sign(t, []byte(text), s.Place == InCMS)...)
}

func signatureName(name string) string { return strings.TrimSuffix(name, path.Ext(name)) + ".sig.cms" }

// Zip packs files in their order.
func Zip(t testing.TB, files []File) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.Name, Method: zip.Deflate}
		if f.Store {
			h.Method = zip.Store
		}
		if f.Mode != 0 {
			h.SetMode(f.Mode)
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatalf("pack %s: %v", f.Name, err)
		}
		if _, err := w.Write(f.Data); err != nil {
			t.Fatalf("pack %s: %v", f.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatalf("pack: %v", err)
	}
	return b.Bytes()
}
