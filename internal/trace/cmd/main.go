// Command trace joins the requirement register to the tests that prove its rows.
//
//	go run ./internal/trace/cmd [-w] [-o table|json|none] [-run-log FILE]
//
// Run it at the root of the repository. It prints which tests prove which row,
// and with -w writes that into docs/requirements.md. It exits 1 when
//
//   - a row that is not listed as open has no test, or with a run log one that
//     did not pass, or a row that is listed as open has one,
//   - a test names an id that the register does not hold,
//   - without -w, docs/requirements.md is not what -w would write,
//   - or anything cannot be read,
//
// and 2 when it is called wrongly.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/trace"
)

const module = "github.com/manoward/manoward"

var (
	errProblems = errors.New("requirements and tests do not fit together: mend what each line names; a run log has to be of all tests")
	errStale    = errors.New("docs/requirements.md is not what its rows and the tests make it; run: make trace")
)

func main() { os.Exit(command(".", os.Args[1:], os.Stdout, os.Stderr)) }

// command is main with its surroundings given. It returns the exit code.
func command(root string, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("trace", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.format, "o", "table", "")
	flags.StringVar(&o.runLog, "run-log", "", "")
	flags.BoolVar(&o.write, "w", false, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || !slices.Contains([]string{"table", "json", "none"}, o.format) {
		fmt.Fprintln(stderr, "usage: trace [-w] [-o table|json|none] [-run-log FILE WITH OUTPUT OF go test -json]")
		return 2
	}
	if err := run(root, o, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "trace: %v\n", err)
		return 1
	}
	return 0
}

// options are what the command line asks for.
type options struct {
	format string // table, json or none
	runLog string // path; empty is no log
	write  bool   // write the register instead of comparing it
}

// run writes the report of the repository at root to stdout and the problems
// found to stderr, and writes or compares the register.
func run(root string, o options, stdout, stderr io.Writer) error {
	path := filepath.Join(root, "docs", "requirements.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	report, err := join(root, string(text), o.runLog)
	if err != nil {
		return err
	}
	switch o.format {
	case "table":
		err = report.WriteTable(stdout)
	case "json":
		err = report.WriteJSON(stdout)
	}
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for _, problem := range report.Problems {
		fmt.Fprintln(stderr, problem)
	}
	if len(report.Problems) > 0 {
		return errProblems
	}
	made, err := report.Document(string(text))
	switch {
	case err != nil:
		return fmt.Errorf("docs/requirements.md: %w", err)
	case made == string(text):
		return nil
	case !o.write:
		return errStale
	}
	return os.WriteFile(path, []byte(made), 0o644)
}

// join makes the report of the register's text and the tests below root.
func join(root, text, runLog string) (trace.Report, error) {
	register, err := trace.ReadRegister(strings.NewReader(text))
	if err != nil {
		return trace.Report{}, fmt.Errorf("docs/requirements.md: %w", err)
	}
	ids := make([]string, len(register))
	for i, req := range register {
		ids[i] = req.ID
	}
	claims, err := trace.Scan(os.DirFS(root), ids)
	if err != nil {
		return trace.Report{}, err
	}
	log, err := readRunLog(runLog)
	if err != nil {
		return trace.Report{}, err
	}
	return trace.Join(register, claims, module, log), nil
}

// readRunLog reads the log at path; no path is no log.
func readRunLog(path string) (*trace.RunLog, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("run log: %w", err)
	}
	defer f.Close()
	return trace.ReadRunLog(f)
}
