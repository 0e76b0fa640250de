package csar

import (
	"bytes"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/testkit/csartest"
)

// TOSCA.meta names the definition, and signers commonly leave its digest out of
// the manifest: then anybody can write it. What it names must all the same be
// what was signed.
func TestVerify_Repointed(t *testing.T) {
	b := newBench(t)
	const definition, certificate = "Entry-Definitions: Definitions/sample.yaml", "Files/signer.cert"
	evil := "tosca_definitions_version: tosca_simple_yaml_1_3\n"
	polyglot := []byte(evil + "---\n" + string(b.signer.PEM()))
	uncovered := func(s string) string { // the manifest without the digest of TOSCA.meta
		i := strings.Index(s, "Algorithm")
		return s[:i] + s[i+strings.Index(s[i:], "\n\n"):]
	}
	meta := func(pairs ...string) func([]csartest.File) []csartest.File {
		return func(files []csartest.File) []csartest.File {
			for i := range files {
				if files[i].Name == metaPath {
					files[i].Data = []byte(strings.NewReplacer(pairs...).Replace(string(files[i].Data)))
				}
			}
			return files
		}
	}
	addToMeta := func(more string) func([]csartest.File) []csartest.File {
		return meta(certificate+"\n", certificate+"\n"+more)
	}
	then := func(steps ...func([]csartest.File) []csartest.File) func([]csartest.File) []csartest.File {
		return func(files []csartest.File) []csartest.File {
			for _, step := range steps {
				files = step(files)
			}
			return files
		}
	}
	for _, c := range []struct {
		name     string
		pack     func([]csartest.File) []csartest.File
		rule     Rule // "" is accepted
		artifact string
	}{
		{"not at all", meta(), "", ""},
		{"to another file that was signed", meta(definition, "Entry-Definitions: Files/b.yaml"), "", ""},
		{"to a new file", then(add("evil.yaml", []byte(evil)), meta(definition, "Entry-Definitions: evil.yaml")), RuleListed, "evil.yaml"},
		{"to the certificate", meta(definition, "Entry-Definitions: "+certificate), RuleListed, certificate},
		{"to a definition with the certificate in it",
			then(drop(certificate), add("evil.yaml", polyglot), meta(definition, "Entry-Definitions: evil.yaml", certificate, "evil.yaml")), RuleListed, "evil.yaml"},
		{"to the manifest", meta(definition, "Entry-Definitions: sample.mf"), RuleListed, "sample.mf"},
		{"and an artifact elsewhere", addToMeta("\nName: https://example.test/x\nAlgorithm: SHA-256\nHash: " + strings.Repeat("00", 32) + "\n"), RuleListed, "https://example.test/x"},
		{"beside it, a file with the certificate in it",
			then(drop(certificate), add("Definitions/types.yaml", polyglot), meta(certificate, "Definitions/types.yaml")), RuleCertPlace, "Definitions/types.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := csartest.Build(t, csartest.Spec{Option: csartest.Option1, Signer: b.signer, Place: csartest.InToscaMeta, Files: files, Manifest: uncovered, Pack: c.pack})
			res := verify(t, data, b.policy)
			if res.Accepted != (c.rule == "") || (c.rule != "" && !found(res, c.rule, c.artifact)) {
				t.Errorf("accepted %v, want a finding %q about %q: %v", res.Accepted, c.rule, c.artifact, res.Findings)
			}
		})
	}
	single := csartest.Spec{Option: csartest.Option1, Signer: b.signer, Place: csartest.InRoot, SingleFile: true, Files: files}
	single.Pack = then(change("sample.cert", string(polyglot)), add(metaPath, []byte("TOSCA-Meta-File-Version: 1.0\nCSAR-Version: 1.1\nCreated-By: x\n"+
		"Entry-Definitions: sample.cert\nETSI-Entry-Manifest: sample.mf\nETSI-Entry-Certificate: sample.cert\n")))
	if res := verify(t, csartest.Build(t, single), b.policy); res.Accepted || !found(res, RuleListed, "sample.cert") {
		t.Errorf("a TOSCA.meta put into a package that had none: %v", res.Findings)
	}
}

// Text around a certificate is common, and no harm where a signature covers it.
func TestVerify_CertificateWithText(t *testing.T) {
	b := newBench(t)
	text := append([]byte("Certificate:\n    Data:\n"), b.signer.PEM()...)
	crlf := bytes.ReplaceAll(b.signer.PEM(), []byte("\n"), []byte("\r\n"))
	for _, c := range []struct {
		name     string
		option   csartest.Option
		content  []byte
		accepted bool
	}{
		{"alone", csartest.Option1, b.signer.PEM(), true},
		{"with CR LF", csartest.Option1, crlf, true},
		{"DER", csartest.Option1, b.signer.Cert.Raw, true},
		{"two of them", csartest.Option1, append(append(bytes.Clone(crlf), '\n'), b.signer.PEM()...), true},
		{"text before it", csartest.Option1, text, false},
		{"text after it", csartest.Option1, append(bytes.Clone(b.signer.PEM()), "x: y\n"...), false},
		{"text in its head", csartest.Option1, bytes.Replace(b.signer.PEM(), []byte("-----\n"), []byte("-----\nx: y\n\n"), 1), false},
		{"text, under option 2", csartest.Option2, text, true},
	} {
		place, meta := csartest.InToscaMeta, func(s string) string { return s }
		if c.option == csartest.Option2 {
			place, meta = csartest.InCMS, appendText("ETSI-Entry-Certificate: Files/signer.cert\n")
		}
		res := verify(t, csartest.Build(t, csartest.Spec{Option: c.option, Signer: b.signer, Place: place, Files: files, Meta: meta, Pack: func(f []csartest.File) []csartest.File {
			return add("Files/signer.cert", c.content)(drop("Files/signer.cert")(f))
		}}), b.policy)
		if res.Accepted != c.accepted {
			t.Errorf("%s: accepted %v: %v", c.name, res.Accepted, res.Findings)
		}
	}
}
