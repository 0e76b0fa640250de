package csar

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/package-verdicts.md")

const verdictsHead = `# Verdicts on the sample packages

What mano-core/catalogue/csar says of each file of ` + "`../shared/corpus/csar`" + ` (ONAP VNFSDK validation) and
` + "`../shared/corpus/packages`" + ` (OpenStack Tacker). A test compares this page with the code; write it anew with

    go test ./mano-core/catalogue/csar -run TestVerdicts -update

Each package is judged at 2026-11-01 and twice. **Default**: no trust anchor, unsigned and expired refused; no file of
these corpora passes. **Lenient**: the signers that the package names are pinned as trust anchors, unsigned packages
and expired signers are allowed; what is refused here is refused for its content. "Why" lists the errors of the lenient
verdict by rule. The checks are named as in the corpus's own expected.tsv, with which TestCorpus_CSAR compares them.

`

// TestVerdicts compares docs/package-verdicts.md with what we say.
func TestVerdicts(t *testing.T) {
	var page strings.Builder
	page.WriteString(verdictsHead)
	csars := shared(t, "corpus", "csar")
	page.WriteString("## ONAP VNFSDK validation\n\n")
	tableHead(&page)
	manifests := ""
	for _, row := range readRows(t, filepath.Join(csars, "expected.tsv")) {
		data, err := os.ReadFile(filepath.Join(csars, row["file"]))
		if err != nil {
			t.Fatal(err)
		}
		switch filepath.Ext(row["file"]) {
		case ".mf":
			manifests += manifestRow(row["file"], data)
		case ".p7c":
			_, err := parseCMS(data)
			manifests += fmt.Sprintf("| %s | %s |\n", row["file"], map[bool]string{true: "a CMS signature that can be read", false: "refused"}[err == nil])
		default:
			packageRow(t, &page, row["file"], data)
		}
	}
	page.WriteString("\nFiles that are no packages:\n\n| file | verdict |\n|---|---|\n" + manifests + "\n## OpenStack Tacker\n\n")
	tableHead(&page)
	packages := shared(t, "corpus", "packages")
	for _, row := range readRows(t, filepath.Join(packages, "expected.tsv")) {
		data, err := os.ReadFile(filepath.Join(packages, "csar", row["package"]+".csar"))
		if err != nil {
			t.Fatal(err)
		}
		packageRow(t, &page, row["package"], data)
	}
	comparePage(t, []byte(page.String()))
}

func comparePage(t *testing.T, page []byte) {
	t.Helper()
	name := filepath.Join("..", "..", "..", "docs", "package-verdicts.md")
	if *update {
		if err := os.WriteFile(name, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, page) {
		t.Errorf("docs/package-verdicts.md is stale: run go test ./mano-core/catalogue/csar -run TestVerdicts -update, and read the difference")
	}
}

func tableHead(page *strings.Builder) {
	page.WriteString("| file | default | lenient | why | option-2 CMS | manifest CMS | hashes | artifact signatures |\n|---|---|---|---|---|---|---|---|\n")
}

func manifestRow(file string, data []byte) string {
	m := parseManifest(data)
	verdict := fmt.Sprintf("a manifest with %d sources", len(m.sources))
	if len(m.problems) > 0 {
		verdict = fmt.Sprintf("refused: line %d: %s", m.problems[0].line, m.problems[0].text)
	}
	return fmt.Sprintf("| %s | %s |\n", file, verdict)
}

func packageRow(t *testing.T, page *strings.Builder, file string, data []byte) {
	t.Helper()
	word := map[bool]string{true: "accepted", false: "refused"}
	strict, lenient := verify(t, data, Policy{}), pinned(t, data, Policy{AllowUnsigned: true, AllowExpired: true})
	c := columns(lenient)
	fmt.Fprintf(page, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", file, word[strict.Accepted], word[lenient.Accepted],
		reasons(lenient), c["option2_cms"], c["manifest_cms"], c["hashes"], c["artifact_signatures"])
}

// lineNumber is left out of a reason, so that findings of one cause are one.
var lineNumber = regexp.MustCompile(` \(line \d+\)| line \d+:|line \d+: `)

// reasons lists the errors of a result by rule and cause, each with the files.
func reasons(res *Result) string {
	var order []string
	files := map[string][]string{}
	for _, f := range res.Findings {
		if f.Severity != Error {
			continue
		}
		cause, _, _ := strings.Cut(lineNumber.ReplaceAllString(f.Text, ""), ";")
		reason := fmt.Sprintf("**%s**: %s", f.Rule, cause)
		if !slices.Contains(order, reason) {
			order = append(order, reason)
		}
		if f.Artifact != "" && !slices.Contains(files[reason], f.Artifact) {
			files[reason] = append(files[reason], f.Artifact)
		}
	}
	for i, reason := range order {
		if len(files[reason]) > 0 {
			order[i] += " (" + strings.Join(files[reason], ", ") + ")"
		}
	}
	if len(order) == 0 {
		return "-"
	}
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(strings.Join(order, "<br>"))
}
