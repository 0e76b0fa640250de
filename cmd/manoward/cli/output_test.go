package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/sol/sol005"
)

// A package whose content never came has no product, and shows none.
func TestPackageTable_Empty(t *testing.T) {
	var out bytes.Buffer
	packageTable(&out, &sol005.VnfPkgInfo{ID: "x", OnboardingState: "CREATED"})
	if !strings.Contains(out.String(), "product\t-\n") {
		t.Errorf("shown as %q", out.String())
	}
}

// What others called their things does not reach the terminal as a command to it.
func TestPrint_Plain(t *testing.T) {
	var out, log bytes.Buffer
	p := &program{Env: Env{Stdout: &out, Stderr: &log}, output: "table"}
	const name = "a\x1b]0;x\a\u202eb\r\u009bé"
	if err := p.print(name, func(w io.Writer) { fmt.Fprintf(w, "NAME\tX\n%s\ty\n", name) }); err != nil {
		t.Fatal(err)
	}
	p.say("of %s", name)
	const want = `a\x1b]0;x\a\u202eb\r\u009bé`
	if got := log.String(); got != "of "+want+"\n" {
		t.Errorf("told %q", got)
	}
	if !bytes.Contains(out.Bytes(), []byte("\n"+want+"  y\n")) {
		t.Errorf("printed %q", out.String())
	}
	// Programs get it as it is, which JSON and YAML write as escapes.
	p.output, out = "json", bytes.Buffer{}
	if err := p.print(name, nil); err != nil || bytes.ContainsAny(out.Bytes(), "\x1b\r") {
		t.Errorf("JSON %q %v", out.String(), err)
	}
}
