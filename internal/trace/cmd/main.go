// Command trace prints which tests prove which requirement.
//
//	go run ./internal/trace/cmd [-o table|json] [-run-log FILE]
//
// Run it at the root of the repository. It exits 1 when a test names an id that
// the register does not hold, or anything cannot be read, and 2 when it is
// called wrongly. A requirement without a test is reported and is no failure.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/manoward/manoward/internal/trace"
)

const module = "github.com/manoward/manoward"

var errProblems = errors.New("tests name requirements that do not exist")

func main() { os.Exit(command(".", os.Args[1:], os.Stdout, os.Stderr)) }

// command is main with its surroundings given. It returns the exit code.
func command(root string, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("trace", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	format := flags.String("o", "table", "")
	runLog := flags.String("run-log", "", "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || (*format != "table" && *format != "json") {
		fmt.Fprintln(stderr, "usage: trace [-o table|json] [-run-log FILE WITH OUTPUT OF go test -json]")
		return 2
	}
	if err := run(root, *format, *runLog, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "trace: %v\n", err)
		return 1
	}
	return 0
}

// run writes the report of the repository at root to stdout and the problems
// found to stderr.
func run(root, format, runLog string, stdout, stderr io.Writer) error {
	text, err := os.ReadFile(filepath.Join(root, "docs", "requirements.md"))
	if err != nil {
		return err
	}
	register, err := trace.ReadRegister(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("docs/requirements.md: %w", err)
	}
	ids := make([]string, len(register))
	for i, req := range register {
		ids[i] = req.ID
	}
	claims, err := trace.Scan(os.DirFS(root), ids)
	if err != nil {
		return err
	}
	log, err := readRunLog(runLog)
	if err != nil {
		return err
	}
	report := trace.Join(register, claims, module, log)
	write := report.WriteTable
	if format == "json" {
		write = report.WriteJSON
	}
	if err := write(stdout); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for _, problem := range report.Problems {
		fmt.Fprintln(stderr, problem)
	}
	if len(report.Problems) > 0 {
		return errProblems
	}
	return nil
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
