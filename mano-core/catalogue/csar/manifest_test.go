package csar

import (
	"bytes"
	"strings"
	"testing"
)

func TestParseManifest(t *testing.T) {
	const text = "metadata:\r\n  PNFD_Name: x:y\r\n\r\n# a comment: not read\r\nsource: a/b c.txt \r\nhash: 00\r\nALGORITHM: sha256\r\nSignature: a/b.cms\r\n" +
		"non_mano_artifact_sets:\r\n\r\n  onap_ves:\r\n\tSource: v.yaml\r\n\r\n  Source: w.yaml\r\nSource: https://example.test/i\r\n\r\n" +
		"-----BEGIN PKCS7----- \r\nMAA=\r\n-----END PKCS7-----\r\n\r\n"
	m := parseManifest([]byte(text))
	if len(m.problems) > 0 || m.metadata["pnfd_name"] != "x:y" || len(m.sources) != 2 || len(m.sets) != 1 {
		t.Fatalf("problems %v, metadata %v, sources %v, sets %v", m.problems, m.metadata, m.sources, m.sets)
	}
	if s := m.sources[0]; s.path != "a/b c.txt" || s.hash != "00" || s.algorithm != "sha256" || s.signature != "a/b.cms" || s.line != 5 || s.external() {
		t.Errorf("source %+v", s)
	}
	if !m.sources[1].external() {
		t.Error("a URL is not outside")
	}
	if set := m.sets[0]; set.name != "onap_ves" || len(set.sources) != 2 || set.sources[1].path != "w.yaml" {
		t.Errorf("set %+v", set)
	}
	if i := strings.Index(text, "-----BEGIN"); string(m.content) != text[:i] || !bytes.HasSuffix(m.cms, []byte("END PKCS7-----\r")) && !bytes.HasSuffix(m.cms, []byte("END PKCS7-----")) {
		t.Errorf("content %q, CMS %q", m.content, m.cms)
	}
	if rest, ok := m.withoutBlank(); !ok || !bytes.HasSuffix(rest, []byte("/i\r\n")) || len(rest) != len(m.content)-2 {
		t.Errorf("without blank line %q, %v", rest, ok)
	}
	if _, ok := parseManifest([]byte("Source: a\n-----BEGIN CMS-----\n-----END CMS-----\n")).withoutBlank(); ok {
		t.Error("a blank line where none is")
	}
}

func TestParseManifest_Problems(t *testing.T) {
	const block = "-----BEGIN CMS-----\nMAA=\n-----END CMS-----\n"
	for _, c := range []struct {
		text string
		line int
		want string
	}{
		{"metadata:\n what is this\n", 2, `no ":"`},
		{"vnf_product_name: x\n", 1, "outside of metadata"},
		{"metadata:\n a: 1\n A: 2\n", 3, "occurs twice"},
		{"Source: a\nHash: 1\nhash: 2\n", 3, "occurs twice for one Source"},
		{"Source: a\nColour: red\n", 2, "not known in a Source block"},
		{"non_mano_artifact_sets:\n Source: a\n", 2, "no set"},
		{"non_mano_artifact_sets:\n x:\n  Hash: a\n", 3, `not known in set "x"`},
		{"Source: a\n -----BEGIN CMS-----\nSource: hidden\n", 2, "start of its line"},
		{"Source: a\x1b[2J\n", 1, "cannot be shown"},
		{"Source: a\xff\n", 1, "cannot be shown"},
		{"Source: " + strings.Repeat("a", maxLine) + "\n", 1, "too long"},
		{"non_mano_artifact_sets:\nx: y\n", 2, "outside of metadata"},
		{"a: b\n-----END CMS-----\n", 2, "no BEGIN marker"},
		{"Source: a\n-----BEGIN CMS-----\nMAA=\n", 2, "no END marker"},
		{"Source: a\n-----BEGIN CMS-----\nMAA=\n-----BEGIN CMS-----\n", 2, "no END marker"},
		{"Source: a\n" + block + block, 5, "more than one CMS block"},
		{"Source: a\n" + block + "Source: b\n", 4, "not at the end"},
	} {
		m := parseManifest([]byte(c.text))
		ok := false
		for _, p := range m.problems {
			ok = ok || p.line == c.line && strings.Contains(p.text, c.want)
		}
		if !ok {
			t.Errorf("%q: problems %v, want %q in line %d", c.text, m.problems, c.want, c.line)
		}
		if m.cms != nil {
			t.Errorf("%q: a broken CMS block is taken for a signature", c.text)
		}
	}
}

// What a package says about itself is printable, whoever shows it.
func TestParse_Printable(t *testing.T) {
	m := parseToscaMeta([]byte("Created-By: a\x1b[2J\n\nName: b\x07\n"))
	if len(m.problems) != 2 || len(m.entries) != 0 || len(m.sources) != 0 {
		t.Errorf("problems %v, entries %v, sources %v", m.problems, m.entries, m.sources)
	}
	if got := shown("CN=a\x1b[2J"); strings.ContainsRune(got, '\x1b') {
		t.Errorf("shown as %q", got)
	}
	if got := shown("CN=Jörg,O=\u041f"); got != "CN=Jörg,O=\u041f" {
		t.Errorf("shown as %q", got)
	}
}
