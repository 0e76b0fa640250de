// Command testsum runs `go test -json` and says in a page what came of it: one
// line per package with its time, the whole output of whatever failed, the name
// and reason of every skipped test, the slowest tests, the last words of each
// failed one, and one closing line with the counts.
//
//	go run ./internal/testsum [-no-skip] [-again N] [-log FILE] ARGUMENTS OF GO TEST
//
// With -again, up to N tests that failed are run once more, without the others.
// One that then passes is printed as UNSTEADY, and its first output stays on the
// page: it is a defect of the test or of what it tests, to be looked into, but it
// does not keep the work of others from landing. A data race, a panic, a timeout
// and a package that failed outside its tests get no second try.
//
// It exits 0 when every test passed, 1 when a test or a build failed, when no
// test ran at all, or, with -no-skip (the default where CI=true), when a test
// was skipped; and 2 when it is called wrongly.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Getenv("CI") == "true", os.Stdout, os.Stderr))
}

// run is main with its surroundings given. It returns the exit code.
func run(ctx context.Context, args []string, ci bool, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("testsum", flag.ContinueOnError)
	flags.SetOutput(stderr)
	noSkip := flags.Bool("no-skip", ci, "a skipped test is a failure (default: where CI=true)")
	again := flags.Int("again", 0, "run up to `N` failed tests once more, alone")
	logFile := flags.String("log", "", "keep the events of go test -json in this `file`, for make trace")
	testArgs, own := splitArgs(args)
	if err := flags.Parse(own); err != nil {
		return 2
	}
	var log io.Writer = io.Discard
	if *logFile != "" {
		file, err := createLog(*logFile)
		if err != nil {
			fmt.Fprintf(stderr, "testsum: %v\n", err)
			return 1
		}
		defer file.Close()
		log = file
	}
	sum, err := goTest(ctx, testArgs, log, stdout, stderr)
	if err == nil {
		sum, err = secondTry(ctx, sum, *again, testArgs, log, stdout, stderr)
	}
	for _, t := range sum.slowest() {
		fmt.Fprintf(stdout, "slow    %6.1fs  %s  %s\n", t.seconds, t.pkg, t.test)
	}
	for _, f := range sum.failures {
		fmt.Fprintf(stdout, "failed  %s  %s  %s\n", f.pkg, f.test, f.reason)
	}
	fmt.Fprintln(stdout, sum.line())
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "testsum: %v\n", err)
		return 1
	case sum.failed > 0:
		return 1
	case sum.passed == 0:
		fmt.Fprintln(stderr, "testsum: no test ran; look at the package pattern and at -run")
		return 1
	case *noSkip && sum.skipped > 0:
		fmt.Fprintln(stderr, "testsum: a skipped test proves nothing and fails here; mend its reason (named above), or run `make deps`")
		return 1
	}
	return 0
}

// splitArgs parts the flags of testsum, which come first, from the arguments of
// go test.
func splitArgs(args []string) (test, own []string) {
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-no-skip", "-no-skip=false", "-no-skip=true", "-h", "-help":
			own = append(own, args[i])
		case "-log", "-again":
			own = append(own, args[i:min(i+2, len(args))]...)
			i++
		default:
			return args[i:], own
		}
	}
	return nil, own
}

// goTest runs go test -json with args and sums up what it prints. Its events
// are also written to log.
func goTest(ctx context.Context, args []string, log, stdout, stderr io.Writer) (sum summary, err error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stderr = stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return sum, fmt.Errorf("read from go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return sum, fmt.Errorf("start go test: %w", err)
	}
	sum, err = summarize(io.TeeReader(events, log), stdout)
	if err != nil {
		cmd.Process.Kill() // nobody reads its output any more
		return sum, errors.Join(fmt.Errorf("read from go test: %w", err), cmd.Wait())
	}
	if err := cmd.Wait(); err != nil && sum.failed == 0 {
		return sum, fmt.Errorf("go test failed without a failed test: %w", err)
	}
	return sum, nil
}

// secondTry runs the failed tests of a run once more and returns what is then to
// be said of it. It does nothing when there are more than most, or when one is
// hard: then it is not chance.
func secondTry(ctx context.Context, sum summary, most int, args []string, log, stdout, stderr io.Writer) (summary, error) {
	if len(sum.failures) == 0 || len(sum.failures) > most || slices.ContainsFunc(sum.failures, func(f failure) bool { return f.hard }) {
		return sum, nil
	}
	flags := args[:len(args)-len(packagesOf(args))]
	first := sum.failures
	sum.failures = nil
	for _, f := range first {
		fmt.Fprintf(stdout, "again   %s  %s\n", f.pkg, f.test)
		// What the trace read of this test so far does not count (internal/trace).
		if err := json.NewEncoder(log).Encode(event{Action: "again", Package: f.pkg, Test: f.test}); err != nil {
			return sum, fmt.Errorf("write log: %w", err)
		}
		more, err := goTest(ctx, slices.Concat(flags, []string{"-count=1", "-run", "^" + f.test + "$", f.pkg}), log, stdout, stderr)
		if err != nil {
			return sum, err
		}
		sum.counts.subtract(f.counts)
		sum.counts.add(more.counts)
		sum.failures = append(sum.failures, more.failures...)
		if more.failed == 0 {
			fmt.Fprintf(stdout, "UNSTEADY  %s  %s failed (%s) and passed alone: find out why\n", f.pkg, f.test, f.reason)
		}
	}
	return sum, nil
}

// packagesOf returns the package patterns at the end of the arguments of go test.
func packagesOf(args []string) []string {
	i := len(args)
	for i > 0 && strings.HasPrefix(args[i-1], ".") {
		i--
	}
	return args[i:]
}

func createLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make folder for the log: %w", err)
	}
	log, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make log: %w", err)
	}
	return log, nil
}
