// Command testsum runs `go test -json` and says in a page what came of it: one
// line per package with its time, the whole output of whatever failed, the name
// and reason of every skipped test, and one closing line with the counts.
//
//	go run ./internal/testsum [-no-skip] [-log FILE] ARGUMENTS OF GO TEST
//
// It exits 0 when every test passed, 1 when a test or a build failed, when no
// test ran at all, or, with -no-skip (the default where CI=true), when a test
// was skipped; and 2 when it is called wrongly.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
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
	logFile := flags.String("log", "", "keep the events of go test -json in this `file`, for make trace")
	testArgs, own := splitArgs(args)
	if err := flags.Parse(own); err != nil {
		return 2
	}
	sum, err := goTest(ctx, testArgs, *logFile, stdout, stderr)
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
		case "-log":
			own = append(own, args[i:min(i+2, len(args))]...)
			i++
		default:
			return args[i:], own
		}
	}
	return nil, own
}

// goTest runs go test -json with args and sums up what it prints. Its events
// are also kept in logFile, unless that is empty.
func goTest(ctx context.Context, args []string, logFile string, stdout, stderr io.Writer) (sum summary, err error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stderr = stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return sum, fmt.Errorf("read from go test: %w", err)
	}
	var source io.Reader = events
	if logFile != "" {
		log, err := createLog(logFile)
		if err != nil {
			return sum, err
		}
		defer log.Close()
		source = io.TeeReader(events, log)
	}
	if err := cmd.Start(); err != nil {
		return sum, fmt.Errorf("start go test: %w", err)
	}
	sum, err = summarize(source, stdout)
	if err != nil {
		cmd.Process.Kill() // nobody reads its output any more
		return sum, errors.Join(fmt.Errorf("read from go test: %w", err), cmd.Wait())
	}
	if err := cmd.Wait(); err != nil && sum.failed == 0 {
		return sum, fmt.Errorf("go test failed without a failed test: %w", err)
	}
	return sum, nil
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
