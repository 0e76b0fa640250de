package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// print writes v in the format that -o asks for. table writes it for people, as
// lines of cells that tabs divide.
func (p *program) print(v any, table func(w io.Writer)) error {
	switch p.output {
	case "table":
		w := tabwriter.NewWriter(p.Stdout, 0, 4, 2, ' ', 0)
		table(plain{w})
		return w.Flush()
	case "json":
		e := json.NewEncoder(p.Stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	default: // yaml; checkOutput has refused everything else
		return printYAML(p.Stdout, v)
	}
}

// printYAML writes v with the names and the order of its JSON form.
func printYAML(w io.Writer, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(raw, &node); err != nil { // JSON is YAML
		return err
	}
	blockStyle(&node)
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(&node); err != nil {
		return err
	}
	return e.Close()
}

func blockStyle(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		blockStyle(c)
	}
}

// say tells a person what is going on, on standard error.
func (p *program) say(format string, args ...any) {
	fmt.Fprintf(plain{p.Stderr}, format+"\n", args...)
}

// plain writes text for a person's terminal. Names are what others chose, so what
// a terminal would obey, or show in another order, is written as an escape.
type plain struct{ to io.Writer }

func (p plain) Write(b []byte) (int, error) {
	var out strings.Builder
	for _, r := range string(b) {
		switch {
		case r == '\n', r == '\t', !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r):
			out.WriteRune(r)
		default:
			out.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	if _, err := io.WriteString(p.to, out.String()); err != nil {
		return 0, err
	}
	return len(b), nil
}

// when prints a time for people.
func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }
