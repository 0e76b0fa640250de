package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// exampleFolders are the folders of examples with a page of their own.
func exampleFolders(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("../../../examples/*/README.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no example has a page: %v", err)
	}
	for i, page := range pages {
		pages[i] = filepath.Dir(page)
	}
	return pages
}

// Whoever copies a command of an example's page gets one that the program knows:
// its verb, its flags, and as many words as it takes.
func TestExamples_Commands(t *testing.T) {
	for _, folder := range exampleFolders(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(folder, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			commands := commandsOf(string(raw))
			if len(commands) == 0 {
				t.Fatal("the page shows no command")
			}
			for _, words := range commands {
				if err := known(words); err != nil {
					t.Errorf("manoward %s: %v", strings.Join(words, " "), err)
				}
			}
		})
	}
}

// A page that shows what is not there fails, so that the test above means
// something.
func TestExamples_CommandsThatAreNot(t *testing.T) {
	page := "text `manoward nonsense` and `manoward.security`\n\n    manoward sm list\n\n```sh\nX=$(bin/manoward ns list -o json | jq .)\necho x |\n  manoward ns update \"$NS\" \\\n    --file -\n" +
		"manoward no-such-verb\nmanoward ns list --no-such-flag\nmanoward ns show\n```\nmanoward ns list\n"
	var got []string
	for _, words := range commandsOf(page) {
		line := strings.Join(words, " ")
		if known(words) != nil {
			line = "unknown: " + line
		}
		got = append(got, line)
	}
	want := "ns list -o json\nns update $NS --file -\nunknown: no-such-verb\nunknown: ns list --no-such-flag\nunknown: ns show\nunknown: nonsense\nsm list"
	if strings.Join(got, "\n") != want {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// What an example shows as policies is good, tested to the last line, and says so
// with the commands that its page shows.
func TestExamples_Policies(t *testing.T) {
	found := 0
	for _, folder := range exampleFolders(t) {
		dir := filepath.Join(folder, "policies")
		if _, err := os.Stat(dir); err != nil {
			continue // it uses the built-in ones
		}
		found++
		for _, args := range [][]string{{"policy", "check", dir}, {"policy", "test", dir, "--min-coverage", "100"}} {
			var errs bytes.Buffer
			if code := Run(t.Context(), Parts{}, Env{Stdout: io.Discard, Stderr: &errs}, args); code != 0 {
				t.Errorf("%s: exit code %d: %s", strings.Join(args, " "), code, errs.String())
			}
		}
	}
	if found < 3 {
		t.Errorf("%d examples have policies", found)
	}
}

var (
	exampleShell   = regexp.MustCompile("(?ms)^```(?:sh|console)\n(.*?)^```")
	exampleLine    = regexp.MustCompile("(?m)^    ((?:bin/)?manoward .*)$|`((?:bin/)?manoward [^`]*)`")
	exampleCommand = regexp.MustCompile(`(?:^|[\s(|;&$])(?:bin/)?manoward ([^|;&)<>]*)`)
)

// commandsOf lists the words of each command of the program on a page: in its shell
// blocks, in lines that stand alone, and within the text.
func commandsOf(page string) (list [][]string) {
	shell := ""
	for _, block := range exampleShell.FindAllStringSubmatch(page, -1) {
		shell += block[1]
	}
	for _, m := range exampleLine.FindAllStringSubmatch(exampleShell.ReplaceAllString(page, ""), -1) {
		shell += m[1] + m[2] + "\n"
	}
	for line := range strings.Lines(strings.ReplaceAll(shell, "\\\n", " ")) {
		line, _, _ = strings.Cut(line, " #")
		for _, m := range exampleCommand.FindAllStringSubmatch(strings.TrimPrefix(line, "$ "), -1) {
			list = append(list, exampleWords(m[1]))
		}
	}
	return list
}

// exampleWords splits a command at blanks outside of double quotes.
func exampleWords(command string) (words []string) {
	for i, part := range strings.Split(command, `"`) {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// known says what is wrong with a command, without running it.
func known(words []string) error {
	c, rest, err := (&program{}).root().Find(words)
	if err != nil {
		return err
	}
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	if left := c.Flags().Args(); c.HasSubCommands() && len(left) > 0 {
		return fmt.Errorf("%s has no verb %q", c.CommandPath(), left[0])
	}
	return c.ValidateArgs(c.Flags().Args())
}
