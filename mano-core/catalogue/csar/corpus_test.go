package csar

import (
	"bytes"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// shared returns the folder of the corpora, which is kept beside the project.
func shared(t testing.TB, parts ...string) string {
	t.Helper()
	name := filepath.Join(append([]string{sharedRoot()}, parts...)...)
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		t.Skipf("%s is not there: the corpora are kept beside the project; set MANOWARD_SHARED", name)
	}
	return name
}

func sharedRoot() string {
	if root := os.Getenv("MANOWARD_SHARED"); root != "" {
		return root
	}
	return filepath.Join("..", "..", "..", "..", "shared")
}

// corpusRow is one line of an expected.tsv, by column.
type corpusRow map[string]string

func readRows(t testing.TB, name string) []corpusRow {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	head := strings.Split(lines[0], "\t")
	var rows []corpusRow
	for _, line := range lines[1:] {
		row := corpusRow{}
		for i, field := range strings.Split(line, "\t") {
			row[head[i]] = field
		}
		rows = append(rows, row)
	}
	return rows
}

// corpusTime is after the end of every signer of the corpus.
var corpusTime = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func open(t testing.TB, data []byte) *Archive {
	t.Helper()
	a, err := Open(bytes.NewReader(data), int64(len(data)), Limits{})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return a
}

func verify(t testing.TB, data []byte, p Policy) *Result {
	t.Helper()
	if p.At.IsZero() {
		p.At = corpusTime
	}
	res, err := open(t, data).Verify(t.Context(), p)
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	return res
}

// pinned verifies a package of the corpus, which comes without roots, and then
// again with all signers that it names as anchors.
func pinned(t testing.TB, data []byte, p Policy) *Result {
	t.Helper()
	for _, s := range verify(t, data, p).Signers {
		c, err := x509.ParseCertificate(s.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		p.Anchors = append(p.Anchors, c)
	}
	return verify(t, data, p)
}

// columns shows our checks as expected.tsv writes them.
func columns(res *Result) corpusRow {
	option2 := string(res.Checks.Option2CMS)
	if option2 == "" {
		option2 = "-"
	}
	var artifacts []string
	for _, a := range res.Checks.ArtifactSignatures {
		artifacts = append(artifacts, string(a.Check))
	}
	if artifacts == nil {
		artifacts = []string{"none"}
	}
	return corpusRow{
		"option2_cms": option2, "manifest_cms": string(res.Checks.ManifestCMS),
		"hashes": res.Checks.Hashes.String(), "artifact_signatures": strings.Join(artifacts, ", "),
	}
}

// completePositives are the files that a complete check accepts when expired
// signers are allowed and the signer is pinned (README of the corpus, 3 and 5).
var completePositives = map[string]bool{
	"pnf/r130206/csar-cert-in-cms-valid.csar":  true,
	"pnf/signed-package-valid-signature.zip":   true,
	"pnf/r130206/csar-not-secure-warning.csar": true, // unsigned, by explicit policy
}

func TestCorpus_CSAR(t *testing.T) {
	root := shared(t, "corpus", "csar")
	for _, row := range readRows(t, filepath.Join(root, "expected.tsv")) {
		t.Run(row["file"], func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(root, row["file"]))
			if err != nil {
				t.Fatal(err)
			}
			switch filepath.Ext(row["file"]) {
			case ".mf":
				checkManifestRow(t, row, data)
			case ".p7c":
				if _, err := parseCMS(data); err != nil {
					t.Errorf("it does not load: %v", err)
				}
			default:
				checkPackageRow(t, row, data)
			}
		})
	}
}

func checkManifestRow(t *testing.T, row corpusRow, data []byte) {
	m := parseManifest(data)
	if accepted := len(m.problems) == 0; accepted != (row["verdict"] == "accept") {
		t.Errorf("problems %v, want verdict %s (%s)", m.problems, row["verdict"], row["reason"])
	}
	if row["verdict"] == "accept" && (m.cms == nil || !bytes.HasPrefix(data[len(m.content):], m.cms)) {
		t.Error("data part and CMS part are not the whole manifest")
	}
	if strings.Contains(row["file"], "windows") && !bytes.HasSuffix(m.content, []byte("\r\n\r\n")) {
		t.Error("the line ends of the data part were not kept")
	}
}

func checkPackageRow(t *testing.T, row corpusRow, data []byte) {
	strict := verify(t, data, Policy{})
	got := columns(strict)
	for column, value := range got {
		if value != row[column] {
			t.Errorf("%s is %q, want %q", column, value, row[column])
		}
	}
	if strict.Accepted {
		t.Error("the default policy accepts it")
	}
	lenient := pinned(t, data, Policy{AllowUnsigned: true, AllowExpired: true})
	if lenient.Accepted != completePositives[row["file"]] {
		t.Errorf("with pinned signer, expired and unsigned allowed: accepted %v: %v", lenient.Accepted, lenient.Findings)
	}
	if v := row["signer_cert_validity"]; v != "-" && len(strict.Signers) > 0 {
		if s := strict.Signers[0]; !strings.HasPrefix(s.Signed, "Artifacts/") && v != day(s.NotBefore)+".."+day(s.NotAfter) {
			t.Errorf("signer is valid %s..%s, want %s", day(s.NotBefore), day(s.NotAfter), v)
		}
	}
}

// An expired signer is refused, and accepted when the policy says so; both need
// the anchor.
func TestCorpus_Expired(t *testing.T) {
	root := shared(t, "corpus", "csar")
	for file := range completePositives {
		if strings.Contains(file, "not-secure") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name   string
			res    *Result
			accept bool
			rule   Rule
		}{
			{"default", pinned(t, data, Policy{}), false, RuleValidity},
			{"allowed", pinned(t, data, Policy{AllowExpired: true}), true, RuleValidity},
			{"no anchor", verify(t, data, Policy{AllowExpired: true}), false, RuleChain},
			{"in its time", pinned(t, data, Policy{At: strictTime(t, data)}), true, ""},
		} {
			if c.res.Accepted != c.accept {
				t.Errorf("%s, %s: accepted %v: %v", file, c.name, c.res.Accepted, c.res.Findings)
			}
			if c.rule != "" && !found(c.res, c.rule, "") {
				t.Errorf("%s, %s: no finding of rule %s: %v", file, c.name, c.rule, c.res.Findings)
			}
		}
	}
}

// strictTime is a time at which the first signer was valid.
func strictTime(t *testing.T, data []byte) time.Time {
	return verify(t, data, Policy{}).Signers[0].NotBefore.Add(24 * time.Hour)
}

// found reports whether a result has a finding of the rule, and about the
// artifact unless that is "".
func found(res *Result, rule Rule, artifact string) bool {
	for _, f := range res.Findings {
		if f.Rule == rule && (artifact == "" || f.Artifact == artifact) {
			return true
		}
	}
	return false
}

// Tacker's sample packages are unsigned. The corpus says what a check of the
// hashes must say; vnfpkgm1 lists an image, without a digest, that was left out
// of the corpus, so that the complete verdict differs.
func TestCorpus_Packages(t *testing.T) {
	root := shared(t, "corpus", "packages")
	for _, row := range readRows(t, filepath.Join(root, "expected.tsv")) {
		t.Run(row["package"], func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(root, "csar", row["package"]+".csar"))
			if err != nil {
				t.Fatal(err)
			}
			if res := verify(t, data, Policy{}); res.Accepted || !found(res, RuleUnsigned, "") {
				t.Errorf("the default policy accepts an unsigned package: %v", res.Findings)
			}
			res := verify(t, data, Policy{AllowUnsigned: true})
			switch want := row["verdict_of_csar_here"]; {
			case strings.HasPrefix(want, "reject"):
				if res.Accepted {
					t.Errorf("accepted: %v", res.Findings)
				}
			case row["package"] == "vnfpkgm1":
				if h := res.Checks.Hashes; h != (HashCount{Right: 3, Absent: 1}) || !found(res, RuleAbsent, "Files/images/cirros-0.5.2-x86_64-disk.img") {
					t.Errorf("hashes: %v: %v", h, res.Findings)
				}
			default:
				if h := res.Checks.Hashes; h.Wrong+h.Absent > 0 || h.Right == 0 || !res.Accepted {
					t.Errorf("accepted %v, hashes %v: %v", res.Accepted, h, res.Findings)
				}
			}
		})
	}
}

// Each of Tacker's broken packages is refused for what was broken in it.
func TestCorpus_PackagesReason(t *testing.T) {
	root := shared(t, "corpus", "packages", "csar")
	for name, want := range map[string]Finding{
		"in_meta_and_manifest":                 {Rule: RuleAbsent, Artifact: "Files/images/cirros-0.5.2-x86_64-disk.img"},
		"in_meta_and_manifest_false":           {Rule: RuleEntry, Artifact: "manifest.mf1"},
		"in_meta_and_manifest_false_hash":      {Rule: RuleHash, Artifact: "Scripts/install.sh"},
		"in_meta_and_manifest_false_algorithm": {Rule: RuleAlgorithm, Artifact: "Scripts/install.sh"},
		"in_meta_and_manifest_false_source":    {Rule: RuleAbsent, Artifact: "Scripts/install.s"},
		"in_meta_and_manifest_missing_key":     {Rule: RuleAbsent, Artifact: "Files/Scripts/install.sh"},
		"in_meta_and_manifest_missing_value":   {Rule: RuleHash, Artifact: "Scripts/install.sh"},
		"in_single_manifest_false_name":        {Rule: RuleStructure, Artifact: "VNF1.mf"},
	} {
		data, err := os.ReadFile(filepath.Join(root, "sample_vnf_package_csar_"+name+".csar"))
		if err != nil {
			t.Fatal(err)
		}
		if res := verify(t, data, Policy{AllowUnsigned: true}); !found(res, want.Rule, want.Artifact) {
			t.Errorf("%s: no finding %s about %s: %v", name, want.Rule, want.Artifact, res.Findings)
		}
	}
}

func TestVerify_WithoutTime(t *testing.T) {
	data, err := os.ReadFile(shared(t, "corpus", "packages", "csar", "vnfpkgm1.csar"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, data).Verify(t.Context(), Policy{}); hub.CodeOf(err) != hub.Internal {
		t.Errorf("error %v, want internal", err)
	}
}
