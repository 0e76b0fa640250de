package cli

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// What an example shows as policies is good, tested to the last line, and says so
// with the commands that its page shows.
func TestExamples_Policies(t *testing.T) {
	dirs, err := filepath.Glob("../../../examples/*/policies")
	if err != nil || len(dirs) < 4 {
		t.Fatalf("%d examples have policies: %v", len(dirs), err)
	}
	for _, dir := range dirs {
		for _, args := range [][]string{{"policy", "check", dir}, {"policy", "test", dir, "--min-coverage", "100"}} {
			var errs bytes.Buffer
			if code := Run(t.Context(), Parts{}, Env{Stdout: io.Discard, Stderr: &errs}, args); code != 0 {
				t.Errorf("%s: exit code %d: %s", strings.Join(args, " "), code, errs.String())
			}
		}
	}
}
