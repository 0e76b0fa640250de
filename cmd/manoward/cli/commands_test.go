package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Each verb does something, and each command that its help shows is one that the
// program takes: verb, flags and as many arguments as the verb wants.
func TestHelp_ExamplesAreTaken(t *testing.T) {
	checked := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		found := false
		for _, words := range commandsOf(c.Example) {
			checked, found = checked+1, true
			if err := accepted(words, true); err != nil {
				t.Errorf("%s: example %q: %v", c.CommandPath(), strings.Join(words, " "), err)
			}
		}
		if !c.Runnable() {
			t.Errorf("%s does nothing", c.CommandPath())
		}
		if c.HasParent() && !found {
			t.Errorf("%s: its example shows no command of manoward", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk((&program{}).root())
	if checked < 150 {
		t.Errorf("checked %d examples; the help has more", checked)
	}
}

// Each command that a document shows is one that the program takes. In a block of
// code it is whole; in a sentence it may lack arguments.
func TestDocuments_CommandsAreTaken(t *testing.T) {
	checked := 0
	root := filepath.Join("..", "..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		raw, err := os.ReadFile(path)
		blocks, prose := codeOf(string(raw))
		for whole, commands := range map[bool][][]string{true: commandsOf(blocks), false: spansOf(prose)} {
			for _, words := range commands {
				checked++
				if err := accepted(words, whole); err != nil {
					t.Errorf("%s: %q: %v", path, strings.Join(words, " "), err)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 200 {
		t.Errorf("checked %d commands; the documents have more", checked)
	}
}

// accepted says why the program would refuse a command line, from the word manoward
// on, before it does anything. One that is not whole may lack arguments and flags.
func accepted(words []string, whole bool) error {
	if i := slices.IndexFunc(words, func(w string) bool { return w == "..." || w == "…" }); i > 0 {
		words, whole = words[:i], false
	}
	root := (&program{}).root()
	c, args, err := root.Find(words[1:])
	if err != nil {
		return err
	}
	c.InitDefaultHelpFlag()
	if err := c.ParseFlags(args); err != nil {
		if lacks := new(pflag.ValueRequiredError); errors.Is(err, pflag.ErrHelp) || !whole && errors.As(err, &lacks) {
			return nil
		}
		return err
	}
	args = c.Flags().Args()
	if group := c.HasSubCommands() && !strings.Contains(c.Use, " "); group && len(args) > 0 && args[0] != strings.ToUpper(args[0]) {
		return fmt.Errorf("there is no %q in %s", args[0], c.CommandPath())
	}
	if !whole {
		return nil
	}
	return errors.Join(c.ValidateArgs(args), c.ValidateRequiredFlags())
}

// codeOf divides a Markdown text in its blocks of code and the rest.
func codeOf(text string) (blocks, prose string) {
	var code, rest strings.Builder
	fenced, blank := false, true
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		indented := strings.HasPrefix(line, "    ") && !strings.HasPrefix(strings.TrimSpace(line), "- ")
		if fenced || indented && blank {
			code.WriteString(line)
			continue
		}
		rest.WriteString(line)
		blank = strings.TrimSpace(line) == "" // code that is indented begins after an empty line
	}
	return code.String(), rest.String()
}

// spansOf finds the commands of manoward in the code spans of prose.
func spansOf(prose string) (commands [][]string) {
	for _, span := range regexp.MustCompile("`(manoward [^`]*)`").FindAllStringSubmatch(prose, -1) {
		commands = append(commands, commandsOf(strings.ReplaceAll(span[1], "\n", " "))...)
	}
	return commands
}

// commandsOf finds the commands of manoward in lines of a shell, as words.
func commandsOf(text string) (commands [][]string) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	text = regexp.MustCompile(`(?m)(^|\s)#.*$`).ReplaceAllString(text, "")
	token := regexp.MustCompile(`[|;&<>()\n]|(?:"[^"\n]*"|'[^'\n]*'|[^\s|;&<>()"'])+`)
	var words []string
	for _, w := range append(token.FindAllString(text, -1), "\n") {
		if !strings.Contains("|;&<>()\n", w) {
			words = append(words, strings.NewReplacer(`"`, "", "'", "").Replace(w))
			continue
		}
		for i, w := range words {
			if w == "manoward" && (i == 0 || beforeCommand.MatchString(words[i-1])) || w == "bin/manoward" {
				commands = append(commands, words[i:])
				break
			}
		}
		if words = nil; w == "<" || w == ">" {
			words = []string{"file"} // and what follows is no command
		}
	}
	return commands
}

// beforeCommand is what may stand before the name of a program: a prompt, a program
// that runs another, or a variable that is set for it.
var beforeCommand = regexp.MustCompile(`^(\$|sudo|exec|--|\w+=.*)$`)
