package csar

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/csartest"
)

// bench is a CA with a signer, and the policy that trusts it.
type bench struct {
	ca     *csartest.CA
	signer *csartest.Signer
	policy Policy
}

func newBench(t testing.TB) bench {
	ca := csartest.NewCA(t, "package CA")
	return bench{ca, ca.Signer(t, "vendor", nil), Policy{Anchors: []*x509.Certificate{ca.Cert}, At: corpusTime}}
}

var files = map[string][]byte{"Files/a.sh": []byte("echo a\n"), "Files/b.yaml": []byte("b: 1\n")}

func replace(old, by string) func(string) string {
	return func(s string) string { return strings.ReplaceAll(s, old, by) }
}

func appendText(more string) func(string) string { return func(s string) string { return s + more } }

// change replaces the content of one file after everything was signed.
func change(name, content string) func([]csartest.File) []csartest.File {
	return func(files []csartest.File) []csartest.File {
		for i := range files {
			if files[i].Name == name {
				files[i].Data = []byte(content)
			}
		}
		return files
	}
}

func drop(name string) func([]csartest.File) []csartest.File {
	return func(files []csartest.File) []csartest.File {
		var kept []csartest.File
		for _, f := range files {
			if f.Name != name {
				kept = append(kept, f)
			}
		}
		return kept
	}
}

func add(name string, content []byte) func([]csartest.File) []csartest.File {
	return func(files []csartest.File) []csartest.File {
		return append(files, csartest.File{Name: name, Data: content})
	}
}

// Complete packages of every option, structure and place are accepted without
// any finding.
func TestVerify_Accepted(t *testing.T) {
	b := newBench(t)
	crlf := replace("\n", "\r\n")
	for _, c := range []struct {
		name  string
		spec  csartest.Spec
		where Where
	}{
		{"option 1, certificate in CMS", csartest.Spec{Option: csartest.Option1}, InCMS},
		{"option 1, named by TOSCA.meta", csartest.Spec{Option: csartest.Option1, Place: csartest.InToscaMeta}, InToscaMeta},
		{"option 1, in the root", csartest.Spec{Option: csartest.Option1, Place: csartest.InRoot, SingleFile: true}, InRoot},
		{"option 1, one definition", csartest.Spec{Option: csartest.Option1, SingleFile: true}, InCMS},
		{"option 1, CR LF", csartest.Spec{Option: csartest.Option1, Manifest: crlf, Meta: crlf}, InCMS},
		{"option 1, keywords in other case", csartest.Spec{Option: csartest.Option1, Manifest: replace("Source:", "sOURCE :"), Meta: replace("Entry", "entry")}, InCMS},
		{"option 1, blank line signed", csartest.Spec{Option: csartest.Option1, Manifest: appendText("\n")}, InCMS},
		{"option 1, artifact signed", csartest.Spec{Option: csartest.Option1, SignFiles: []string{"Files/a.sh"}}, InCMS},
		{"option 2, certificate in CMS", csartest.Spec{Option: csartest.Option2}, InCMS},
		{"option 2, beside", csartest.Spec{Option: csartest.Option2, Place: csartest.Beside}, Beside},
		{"option 2, stored", csartest.Spec{Option: csartest.Option2, Store: true}, InCMS},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.spec.Signer, c.spec.Files = b.signer, files
			res := verify(t, csartest.Build(t, c.spec), b.policy)
			if !res.Accepted || len(res.Findings) > 0 {
				t.Fatalf("accepted %v: %v", res.Accepted, res.Findings)
			}
			last := res.Signers[len(res.Signers)-1]
			first := res.Signers[0]
			if !first.Trusted || first.Where != c.where || !bytes.Equal(first.Certificate, b.signer.Cert.Raw) || len(first.Chain) != 2 || last.Check != OK {
				t.Errorf("signers %+v", res.Signers)
			}
			if want := map[bool]Option{true: Option1, false: Option2}[c.spec.Option == csartest.Option1]; res.Option != want {
				t.Errorf("option %q, want %q", res.Option, want)
			}
			if want := map[bool]Structure{true: SingleDefinition, false: ToscaMetadata}[c.spec.SingleFile]; res.Structure != want || res.Kind != VNF {
				t.Errorf("structure %q kind %q", res.Structure, res.Kind)
			}
			if cert := map[Where]string{InToscaMeta: "Files/signer.cert", InRoot: "sample.cert"}[c.where]; res.Certificate != cert {
				t.Errorf("certificate file %q, want %q", res.Certificate, cert)
			}
			if res.EntryDefinitions == "" || res.Manifest != "sample.mf" || res.Metadata["vnf_provider_id"] != "example" {
				t.Errorf("entry %q manifest %q metadata %v", res.EntryDefinitions, res.Manifest, res.Metadata)
			}
		})
	}
}

// Each way to spoil a signed package is refused under its own rule, with the
// artifact named.
func TestVerify_Refused(t *testing.T) {
	b := newBench(t)
	other := csartest.NewCA(t, "other CA").Signer(t, "stranger", nil)
	cut := func(from, to string) func(string) string {
		return func(s string) string {
			i := strings.Index(s, from)
			return s[:i] + s[i+strings.Index(s[i:], to):]
		}
	}
	option1 := func(change csartest.Spec) csartest.Spec {
		change.Option = csartest.Option1
		return change
	}
	option2 := func(change csartest.Spec) csartest.Spec {
		change.Option = csartest.Option2
		return change
	}
	for _, c := range []struct {
		name     string
		spec     csartest.Spec
		rule     Rule
		artifact string
	}{
		{"artifact changed", option1(csartest.Spec{Pack: change("Files/a.sh", "rm -rf /\n")}), RuleHash, "Files/a.sh"},
		{"artifact gone", option1(csartest.Spec{Pack: drop("Files/a.sh")}), RuleAbsent, "Files/a.sh"},
		{"artifact added", option1(csartest.Spec{Pack: add("Files/c.sh", nil)}), RuleListed, "Files/c.sh"},
		{"certificate added that nobody names", option1(csartest.Spec{Pack: add("Files/c.cert", nil)}), RuleListed, "Files/c.cert"},
		{"manifest changed", option1(csartest.Spec{Pack: func(f []csartest.File) []csartest.File {
			f[len(f)-1].Data = bytes.Replace(f[len(f)-1].Data, []byte("example"), []byte("evil"), 1)
			return f
		}}), RuleSignature, "sample.mf"},
		{"line ends changed", option1(csartest.Spec{Pack: func(f []csartest.File) []csartest.File {
			f[len(f)-1].Data = bytes.ReplaceAll(f[len(f)-1].Data, []byte("\n"), []byte("\r\n"))
			return f
		}}), RuleSignature, "sample.mf"},
		{"blank line put in", option1(csartest.Spec{Pack: func(f []csartest.File) []csartest.File {
			f[len(f)-1].Data = bytes.Replace(f[len(f)-1].Data, []byte("-----BEGIN"), []byte("\n-----BEGIN"), 1)
			return f
		}}), RuleBlankLine, "sample.mf"},
		{"text after the CMS", option1(csartest.Spec{Pack: func(f []csartest.File) []csartest.File {
			f[len(f)-1].Data = append(f[len(f)-1].Data, "Source: x\n"...)
			return f
		}}), RuleManifest, "sample.mf"},
		{"hash without algorithm", option1(csartest.Spec{Manifest: cut("Algorithm: SHA-256\nHash", "Hash")}), RuleHash, "TOSCA-Metadata/TOSCA.meta"},
		{"no hash", option1(csartest.Spec{Manifest: cut("Algorithm: SHA-256\nHash: "+hex.EncodeToString(sha(files["Files/a.sh"])), "\nSource: Files/b")}), RuleHashMissing, "Files/a.sh"},
		{"only in a non-MANO set", option1(csartest.Spec{Manifest: func(s string) string {
			return cut("Source: Files/a.sh", "Source: Files/b")(s) + "non_mano_artifact_sets:\n  s:\n    Source: Files/a.sh\n"
		}}), RuleHashMissing, "Files/a.sh"},
		{"MD5", option1(csartest.Spec{Manifest: replace("SHA-256", "MD5")}), RuleAlgorithm, "Files/a.sh"},
		{"SHA-1", option1(csartest.Spec{Manifest: replace("SHA-256", "SHA-1")}), RuleAlgorithm, "Files/a.sh"},
		{"short hash", option1(csartest.Spec{Manifest: replace("SHA-256", "SHA-512")}), RuleHash, "Files/b.yaml"},
		{"stranger", option1(csartest.Spec{Signer: other}), RuleChain, "sample.mf"},
		{"no certificate", option1(csartest.Spec{Place: csartest.Nowhere}), RuleSignature, "sample.mf"},
		{"certificate in CMS and TOSCA.meta", option1(csartest.Spec{Meta: appendText("ETSI-Entry-Certificate: Files/a.sh\n")}), RuleCertPlace, metaPath},
		{"certificate in CMS and root", option1(csartest.Spec{Pack: add("sample.cert", b.signer.PEM())}), RuleCertPlace, "sample.cert"},
		{"certificate in TOSCA.meta and root", option1(csartest.Spec{Place: csartest.InToscaMeta, Pack: add("sample.cert", b.signer.PEM())}), RuleCertPlace, "sample.cert"},
		{"certificate in root of TOSCA-Metadata", option1(csartest.Spec{Place: csartest.InRoot}), RuleCertPlace, "sample.cert"},
		{"certificate file gone", option1(csartest.Spec{Place: csartest.InToscaMeta, Pack: drop("Files/signer.cert")}), RuleCertPlace, "Files/signer.cert"},
		{"certificate file empty", option1(csartest.Spec{Place: csartest.InToscaMeta, Pack: change("Files/signer.cert", "")}), RuleCertPlace, "Files/signer.cert"},
		{"certificate file without PEM", option1(csartest.Spec{Place: csartest.InToscaMeta, Pack: change("Files/signer.cert", "-----BEGIN x")}), RuleCertPlace, "Files/signer.cert"},
		{"certificate file with bad PEM", option1(csartest.Spec{Place: csartest.InToscaMeta, Pack: change("Files/signer.cert", "-----BEGIN x-----\nMAA=\n-----END x-----\n")}), RuleCertPlace, "Files/signer.cert"},
		{"artifact signature changed", option1(csartest.Spec{SignFiles: []string{"Files/a.sh"}, Pack: change("Files/a.sig.cms", string(b.signer.Sign(t, []byte("x"), true)))}), RuleSignature, "Files/a.sh"},
		{"artifact signature is text", option1(csartest.Spec{SignFiles: []string{"Files/a.sh"}, Pack: change("Files/a.sig.cms", "soon")}), RuleSignature, "Files/a.sh"},
		{"artifact signature gone", option1(csartest.Spec{SignFiles: []string{"Files/a.sh"}, Pack: drop("Files/a.sig.cms")}), RuleSignature, "Files/a.sh"},
		{"signed artifact gone", option1(csartest.Spec{SignFiles: []string{"Files/a.sh"}, Pack: drop("Files/a.sh")}), RuleAbsent, "Files/a.sh"},
		{"artifact signature elsewhere", option1(csartest.Spec{Manifest: replace("Source: Files/b", "Signature: ChangeLog.cms\nSource: Files/b")}), RuleSigNaming, "Files/a.sh"},
		{"artifact certificate gone", option1(csartest.Spec{SignFiles: []string{"Files/a.sh"}, Manifest: replace("Signature: ", "Certificate: Files/a.cert\nSignature: ")}), RuleCertPlace, "Files/a.sh"},
		{"artifact certificate without signature", option1(csartest.Spec{Manifest: replace("Source: Files/b", "Certificate: Files/a.cert\nSource: Files/b")}), RuleSignature, "Files/a.sh"},
		{"CSAR changed", option2(csartest.Spec{Outer: func(f []csartest.File) []csartest.File {
			f[0].Data = csartest.Build(t, csartest.Spec{Files: map[string][]byte{"evil": nil}})
			return f
		}}), RuleSignature, "package.csar"},
		{"outer signature gone", option2(csartest.Spec{Outer: drop("package.cms")}), RuleUnsigned, ""},
		{"outer signature is text", option2(csartest.Spec{Outer: change("package.cms", "soon")}), RuleSignature, "package.csar"},
		{"outer certificate gone", option2(csartest.Spec{Place: csartest.Nowhere}), RuleSignature, "package.csar"},
		{"outer stranger", option2(csartest.Spec{Signer: other}), RuleChain, "package.csar"},
		{"two outer signatures", option2(csartest.Spec{Outer: add("second.cms", nil)}), RuleOuter, "second.cms"},
		{"passenger", option2(csartest.Spec{Outer: add("readme.txt", nil)}), RuleOuter, "readme.txt"},
		{"signed inside, changed, signed outside", option2(csartest.Spec{Pack: change("Files/a.sh", "x")}), RuleHash, "Files/a.sh"},
		{"unsigned", csartest.Spec{}, RuleUnsigned, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.spec.Files = files
			if c.spec.Signer == nil {
				c.spec.Signer = b.signer
			}
			res := verify(t, csartest.Build(t, c.spec), b.policy)
			if res.Accepted || !found(res, c.rule, c.artifact) {
				t.Errorf("accepted %v, want a finding %s about %q: %v", res.Accepted, c.rule, c.artifact, res.Findings)
			}
		})
	}
}

// What is wrong with a package besides its signature, with the severity that it
// has when unsigned packages are allowed.
func TestVerify_Rules(t *testing.T) {
	b := newBench(t)
	without := func(key string) func(string) string {
		return func(s string) string {
			i := strings.Index(s, key)
			return s[:i] + s[i+strings.Index(s[i:], "\n")+1:]
		}
	}
	nothing := func([]csartest.File) []csartest.File { return []csartest.File{{Name: "a.txt"}} }
	for _, c := range []struct {
		name     string
		spec     csartest.Spec
		rule     Rule
		artifact string
		severity Severity
	}{
		{"unsigned", csartest.Spec{}, RuleUnsigned, "", Warning},
		{"signature taken out", csartest.Spec{SignFiles: []string{"Files/a.sh"}}, RuleSignature, "sample.mf", Error},
		{"certificate without signature", csartest.Spec{Meta: appendText("Entry-Certificate: Files/a.sh\n")}, RuleSignature, "sample.mf", Error},
		{"not listed", csartest.Spec{Pack: add("c", nil)}, RuleListed, "c", Warning},
		{"no definition", csartest.Spec{Pack: nothing}, RuleStructure, "", Error},
		{"no manifest, no TOSCA.meta", csartest.Spec{SingleFile: true, Pack: drop("sample.mf")}, RuleStructure, "", Warning},
		{"two definitions", csartest.Spec{SingleFile: true, Pack: add("x.yml", nil)}, RuleStructure, "x.yml", Error},
		{"other manifest name", csartest.Spec{SingleFile: true, Pack: func(f []csartest.File) []csartest.File {
			return add("x.mf", nil)(drop("sample.mf")(f))
		}}, RuleStructure, "x.mf", Error},
		{"definition gone", csartest.Spec{Pack: drop("Definitions/sample.yaml")}, RuleEntry, "Definitions/sample.yaml", Error},
		{"manifest gone", csartest.Spec{Pack: drop("sample.mf")}, RuleEntry, "sample.mf", Error},
		{"change log gone", csartest.Spec{Pack: drop("ChangeLog.txt")}, RuleEntry, "ChangeLog.txt", Error},
		{"change log not named", csartest.Spec{Meta: without("ETSI-Entry-Change-Log")}, RuleToscaMeta, metaPath, Warning},
		{"manifest not named", csartest.Spec{Meta: without("ETSI-Entry-Manifest")}, RuleToscaMeta, metaPath, Error},
		{"no manifest", csartest.Spec{Meta: without("ETSI-Entry-Manifest"), Pack: drop("sample.mf")}, RuleStructure, "", Warning},
		{"no version", csartest.Spec{Meta: without("CSAR-Version")}, RuleToscaMeta, metaPath, Error},
		{"unknown version", csartest.Spec{Meta: replace("1.1", "7")}, RuleToscaMeta, metaPath, Error},
		{"no colon in TOSCA.meta", csartest.Spec{Meta: appendText("what\n")}, RuleToscaMeta, metaPath, Error},
		{"twice in TOSCA.meta", csartest.Spec{Meta: appendText("created-by: x\n")}, RuleToscaMeta, metaPath, Error},
		{"twice in a block", csartest.Spec{Meta: appendText("\nName: Files/a.sh\nHash: 00\nHash: 01\n")}, RuleToscaMeta, metaPath, Error},
		{"wrong hash in TOSCA.meta", csartest.Spec{Meta: appendText("\n# sha\nName: Files/a.sh\nAlgorithm: SHA-256\nHash: 00\n")}, RuleHash, "Files/a.sh", Error},
		{"TOSCA.meta too large", csartest.Spec{Store: true, Meta: appendText(strings.Repeat("# x\n", 2<<20))}, RuleToscaMeta, metaPath, Error},
		{"manifest too large", csartest.Spec{Store: true, Manifest: appendText(strings.Repeat("# x\n", 2<<20))}, RuleManifest, "sample.mf", Error},
		{"tests without files", csartest.Spec{Meta: appendText("ETSI-Entry-Tests: Tests/\n")}, RuleEntry, "Tests", Warning},
		{"outside the package", csartest.Spec{Manifest: appendText("\nSource: https://example.test/image\nAlgorithm: SHA-256\nHash: 00\n")}, RuleExternal, "https://example.test/image", Warning},
		{"outside, MD5", csartest.Spec{Manifest: appendText("\nSource: https://example.test/image\nAlgorithm: MD5\nHash: 00\n")}, RuleAlgorithm, "https://example.test/image", Error},
		{"Source without name", csartest.Spec{Manifest: appendText("\nSource:\n")}, RuleManifest, "sample.mf", Error},
		{"set without Source", csartest.Spec{Manifest: appendText("\nnon_mano_artifact_sets:\n  empty:\n")}, RuleNonMANO, "sample.mf", Error},
		{"two kinds", csartest.Spec{Metadata: "vnf_product_name: a\nnsd_name: b\n"}, RuleMetadata, "sample.mf", Error},
		{"no kind", csartest.Spec{Metadata: "x: a\n"}, RuleMetadata, "sample.mf", Warning},
		{"little metadata", csartest.Spec{Metadata: "pnfd_name: a\n"}, RuleMetadata, "sample.mf", Warning},
		{"signature with another name", csartest.Spec{Option: csartest.Option2, Outer: func(f []csartest.File) []csartest.File {
			f[1].Name = "other.p7s"
			return f
		}}, RuleOuter, "other.p7s", Warning},
		{"TOSCA.meta without digest", csartest.Spec{Option: csartest.Option1, Manifest: func(s string) string {
			i := strings.Index(s, "Algorithm")
			return s[:i] + s[i+strings.Index(s[i:], "\n\n"):]
		}}, RuleHashMissing, metaPath, Warning},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.spec.Files, c.spec.Signer = files, b.signer
			policy := b.policy
			policy.AllowUnsigned = true
			res := verify(t, csartest.Build(t, c.spec), policy)
			ok := false
			for _, f := range res.Findings {
				ok = ok || f.Rule == c.rule && f.Artifact == c.artifact && f.Severity == c.severity
			}
			if !ok {
				t.Errorf("want a finding %s %s about %q: %v", c.rule, c.severity, c.artifact, res.Findings)
			}
			if c.severity == Warning && !res.Accepted {
				t.Errorf("refused for a warning: %v", res.Findings)
			}
		})
	}
}

func sha(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}

func TestResult_Artifacts(t *testing.T) {
	b := newBench(t)
	enveloped := append([]byte{0x30, 0x80}, envelopedOID...)
	spec := csartest.Spec{Option: csartest.Option1, Signer: b.signer, SignFiles: []string{"Files/a.sh"}, Files: map[string][]byte{
		"Files/a.sh": []byte("echo a\n"), "Files/secret": enveloped, "Files/secret.pem": csartest.Armour(enveloped), "Files/n": []byte("-----BEGIN x-----\n!\n"),
	}, Manifest: appendText("\nSource: https://example.test/i\nAlgorithm: sha512\nHash: " + strings.Repeat("AB", 64) + "\n\nnon_mano_artifact_sets:\n  ves:\n    Source: Files/a.sh\n")}
	a := open(t, csartest.Build(t, spec))
	res, err := a.Verify(t.Context(), b.policy)
	if err != nil || !res.Accepted {
		t.Fatal(err, res)
	}
	byPath := map[string]Artifact{}
	for _, x := range res.Artifacts {
		byPath[x.Path] = x
	}
	if x := byPath["Files/a.sh"]; x.Hash != hex.EncodeToString(sha([]byte("echo a\n"))) || x.Size != 7 || x.Algorithm != "SHA-256" || !x.Listed || x.Signed != OK || x.NonMANO != "ves" || x.Encrypted {
		t.Errorf("artifact %+v", x)
	}
	if !byPath["Files/secret"].Encrypted || !byPath["Files/secret.pem"].Encrypted || byPath["Files/n"].Encrypted {
		t.Error("EnvelopedData was not told from other files")
	}
	if x := byPath["sample.mf"]; x.Listed || len(x.Hash) != 64 {
		t.Errorf("manifest %+v", x)
	}
	if x := byPath["https://example.test/i"]; x.Algorithm != "SHA-512" || x.Hash != strings.Repeat("ab", 64) {
		t.Errorf("the artifact outside has %s %s: how a manifest spells a digest says nothing", x.Algorithm, x.Hash)
	}
	if !byPath["https://example.test/i"].External || len(res.Artifacts) != len(a.Files())+1 {
		t.Errorf("%d artifacts for files %q", len(res.Artifacts), a.Files())
	}
	r, size, err := a.Artifact("Files/a.sh")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || string(got) != "echo a\n" || size != 7 || r.Close() != nil {
		t.Errorf("artifact %q, %d bytes, %v", got, size, err)
	}
	if _, _, err := a.Artifact("Files"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("a folder: %v, want not found", err)
	}
}

func TestVerify_Kinds(t *testing.T) {
	b := newBench(t)
	for metadata, want := range map[string]Kind{
		csartest.VNFMetadata: VNF, csartest.PNFMetadata: PNF, csartest.NSMetadata: NS,
		strings.ReplaceAll(csartest.VNFMetadata, "vnf_", "Vnf_") + "vnfd_id: x\nvnfm_info: y\n": VNF,
	} {
		for _, indent := range []string{"", "  ", "\t"} {
			text := indent + strings.ReplaceAll(strings.TrimSpace(metadata), "\n", "\n"+indent) + "\n"
			res := verify(t, csartest.Build(t, csartest.Spec{Option: csartest.Option1, Signer: b.signer, Metadata: text}), b.policy)
			if res.Kind != want || len(res.Findings) > 0 {
				t.Errorf("kind %q, want %q: %v", res.Kind, want, res.Findings)
			}
		}
	}
}

func TestVerify_Stopped(t *testing.T) {
	b := newBench(t)
	a := open(t, csartest.Build(t, csartest.Spec{Option: csartest.Option2, Signer: b.signer, SignFiles: []string{"Files/a.sh"}, Files: files}))
	for after := 0; ; after++ {
		ctx := &mortal{Context: t.Context(), left: after}
		_, err := a.Verify(ctx, b.policy)
		if err == nil {
			if after < 5 {
				t.Errorf("a context that ended was asked %d times only", after)
			}
			return
		}
		if hub.CodeOf(err) != hub.Unavailable || !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d questions: %v", after, err)
		}
	}
}

// mortal is a context that ends when it was asked some times.
type mortal struct {
	context.Context
	left int
}

func (m *mortal) Err() error {
	if m.left--; m.left < 0 {
		return context.Canceled
	}
	return nil
}
