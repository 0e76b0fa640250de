package csar

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/csartest"
)

// seeds adds files of the corpus, when it is there.
func seeds(f *testing.F, patterns ...string) {
	f.Helper()
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(sharedRoot(), "corpus", pattern))
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range found {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
}

// Whatever the bytes are: no panic, no package accepted that nobody signed, and
// a refusal that can be shown.
func FuzzOpen(f *testing.F) {
	b := newBench(f)
	for _, spec := range []csartest.Spec{
		{Files: files}, {SingleFile: true}, {Option: csartest.Option1, SignFiles: []string{"Files/a.sh"}, Files: files},
		{Option: csartest.Option2}, {Option: csartest.Option2, Store: true, Place: csartest.Beside},
	} {
		spec.Signer = b.signer
		f.Add(csartest.Build(f, spec))
	}
	f.Add(rawZip(rawEntry{name: "a.txt", data: []byte("x"), zip64: true}))
	f.Add(rawZip(rawEntry{name: "a.txt", data: []byte("x"), method: 8, size: 1 << 40}))
	seeds(f, "csar/pnf/*.csar", "csar/pnf/*.zip")
	limits := Limits{Files: 100, FileBytes: mib, TotalBytes: 4 * mib, TextBytes: 1 << 16, MemoryBytes: mib}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Open(bytes.NewReader(data), int64(len(data)), limits)
		if err != nil {
			if hub.CodeOf(err) != hub.Unprocessable {
				t.Errorf("refused as %s: %v", hub.CodeOf(err), err)
			}
			return
		}
		res, err := a.Verify(t.Context(), Policy{At: corpusTime})
		if err != nil {
			t.Fatalf("no verdict: %v", err)
		}
		if res.Accepted {
			t.Errorf("accepted without any anchor: %+v", res)
		}
		if len(res.Artifacts) < len(a.Files()) {
			t.Errorf("%d artifacts of %d files", len(res.Artifacts), len(a.Files()))
		}
	})
}

// The same for a package whose ZIP is sound, so that what is inside is reached.
func FuzzVerify(f *testing.F) {
	b := newBench(f)
	packed := map[string][]byte{}
	keep := func(list []csartest.File) []csartest.File {
		for _, x := range list {
			packed[x.Name] = x.Data
		}
		return list
	}
	for _, place := range []csartest.Place{csartest.InCMS, csartest.InToscaMeta} {
		csartest.Build(f, csartest.Spec{Option: csartest.Option1, Place: place, Signer: b.signer, Files: files, SignFiles: []string{"Files/a.sh"}, Pack: keep})
		f.Add(packed[metaPath], packed["sample.mf"], packed["Files/a.sig.cms"], b.signer.PEM())
	}
	f.Fuzz(func(t *testing.T, meta, manifest, signature, certificate []byte) {
		list := []csartest.File{
			{Name: metaPath, Data: meta}, {Name: "sample.mf", Data: manifest}, {Name: "Files/a.sh", Data: files["Files/a.sh"]},
			{Name: "Files/a.sig.cms", Data: signature}, {Name: "Files/signer.cert", Data: certificate}, {Name: "Definitions/sample.yaml"},
		}
		res := verify(t, csartest.Zip(t, list), Policy{At: corpusTime})
		if res.Accepted || len(res.Findings) == 0 {
			t.Errorf("accepted without any anchor: %+v", res)
		}
	})
}

// The signed part and the CMS block are the manifest's own bytes, in their
// order.
func FuzzManifest(f *testing.F) {
	f.Add([]byte("metadata:\n  vnf_product_name: a\n\nSource: a\nAlgorithm: SHA-256\nHash: 00\n\nnon_mano_artifact_sets:\n  x:\n    source: b\n-----BEGIN CMS-----\nMAA=\n-----END CMS-----\n"))
	f.Add([]byte("metadata:\r\nSource: a\r\nSource: a\r\n-----BEGIN PKCS7-----\r\n-----END PKCS7-----\r\n"))
	f.Add([]byte("-----END CMS-----\n-----BEGIN CMS-----\n\tSource\nnon_mano_artifact_sets:\n  source: x\n  y: z\n"))
	seeds(f, "csar/pnf/*.mf", "csar/cvc/csar/parser/*.mf")
	f.Fuzz(func(t *testing.T, data []byte) {
		m := parseManifest(data)
		if !bytes.HasPrefix(data, m.content) || !bytes.HasPrefix(data[len(m.content):], m.cms) {
			t.Error("content and CMS block are not the start of the manifest")
		}
		if m.cms == nil && len(m.content) != len(data) {
			t.Error("bytes are lost without a CMS block")
		}
		if rest, ok := m.withoutBlank(); ok && !bytes.HasPrefix(m.content, rest) {
			t.Error("the content without its blank line is another content")
		}
		for _, s := range m.sources {
			if s.line < 1 || (s.hash != "" && !s.has["hash"]) {
				t.Errorf("source %+v", s)
			}
		}
	})
}

func FuzzToscaMeta(f *testing.F) {
	f.Add([]byte("TOSCA-Meta-File-Version: 1.0\nCSAR-Version: 1.1\nCreated-By: x\nEntry-Definitions: a.yaml\n\nName: b\nAlgorithm: SHA-256\nHash: 00\n"))
	f.Add([]byte("a\r\n:\r\n#\r\nSource: x\r\nSource: y\r\nHash: 0\r\nHash: 1\r\n\r\nETSI-Entry-Manifest: z"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := parseToscaMeta(data)
		for key := range m.entries {
			if bytes.ContainsAny([]byte(key), "\n:") {
				t.Errorf("keyword %q", key)
			}
		}
		for _, s := range m.sources {
			if !s.inMeta || s.line < 1 {
				t.Errorf("source %+v", s)
			}
		}
	})
}

// A signature that is read can be judged, and is right only for the content
// that was signed.
func FuzzCMS(f *testing.F) {
	b := newBench(f)
	f.Add(b.signer.SignDER(f, []byte("content"), true))
	f.Add(b.signer.Sign(f, []byte("content"), false))
	f.Add([]byte("-----BEGIN \n0"))
	f.Add([]byte("\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseCMS(data)
		if err != nil {
			return
		}
		j := judgeJob{sig: s, certs: append(s.certs, b.signer.Cert), content: digestsOf([]byte("another"), s.hashes())}
		for _, one := range j.judge() {
			if one.check == OK && one.cert.Equal(b.signer.Cert) {
				t.Error("a content that the signer never saw is signed")
			}
		}
	})
}
