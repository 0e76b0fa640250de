package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
)

// Whoever asks a verb for help gets a line to copy, and that line is one that
// the program takes.
func TestEveryVerbHasHelpWithAnExample(t *testing.T) {
	verbs := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		verbs++
		t.Run(c.CommandPath(), func(t *testing.T) {
			var out, errs bytes.Buffer
			env := Env{Stdout: &out, Stderr: &errs, Version: Version{Version: "test"}}
			args := append(strings.Fields(c.CommandPath())[1:], "--help")
			if code := Run(t.Context(), Parts{}, env, args); code != 0 || errs.Len() > 0 {
				t.Fatalf("--help: exit code %d, standard error %q", code, errs.String())
			}
			if c.HasParent() && !strings.Contains(out.String(), "Examples:\n") {
				t.Errorf("the help has no example:\n%s", out.String())
			}
			for line := range strings.Lines(c.Example) {
				if name := c.CommandPath(); strings.HasPrefix(line, "  manoward") && !strings.HasPrefix(line, "  "+name) && !c.HasSubCommands() && c.Name() != "help" {
					t.Errorf("example %q is not of %s", strings.TrimSpace(line), name)
				}
			}
			if c.Short == "" || strings.HasSuffix(c.Short, ".") {
				t.Errorf("short help %q: one line without a full stop", c.Short)
			}
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	p := &program{}
	walk(p.root())
	if p.unfit != nil {
		t.Errorf("names are offered for flags that do not exist: %v", p.unfit)
	}
	if verbs < 80 {
		t.Errorf("walked %d verbs; the tree has more", verbs)
	}
}

// Exit codes are part of what scripts rely on; docs/howto/operate-a-hub.md
// lists them.
func TestExitCode(t *testing.T) {
	codes := map[hub.Code]int{
		hub.Invalid: 2, hub.Unprocessable: 2,
		hub.Unauthenticated: 3, hub.Denied: 3, hub.Undecided: 3,
		hub.NotFound: 4,
		hub.Conflict: 5, hub.Precondition: 5,
		hub.Unavailable: 6, hub.RateLimited: 6,
		hub.Internal: 1,
	}
	for code, want := range codes {
		if got := ExitCode(fmt.Errorf("wrapped: %w", hub.E(code, "op", "text", nil))); got != want {
			t.Errorf("%s: exit code %d, want %d", code, got, want)
		}
	}
	if got := ExitCode(nil); got != 0 {
		t.Errorf("no error: exit code %d", got)
	}
	if got := ExitCode(errors.New("plain")); got != 1 {
		t.Errorf("an error without a code: exit code %d", got)
	}
}

func TestMessage(t *testing.T) {
	cause := errors.New("connect: connection refused")
	for want, err := range map[string]error{
		"the hub does not answer: connect: connection refused": hub.E(hub.Unavailable, "op", "the hub does not answer", cause),
		"no such thing": hub.E(hub.NotFound, "op", "no such thing", cause),
		"CA: key file x is missing: gone": hub.E(hub.Unavailable, "op", "CA: key file x is missing",
			hub.E(hub.Unavailable, "open", "key file x is missing", errors.New("gone"))),
		"plain": errors.New("plain"),
		"two":   errors.Join(hub.E(hub.Conflict, "op", "two", nil), errors.New("more")),
	} {
		if got := message(err); got != want {
			t.Errorf("message %q, want %q", got, want)
		}
	}
}
