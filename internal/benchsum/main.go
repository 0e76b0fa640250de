// Command benchsum takes the measurements that docs/benchmarks.md describes, one after the other, and prints one table: what
// was measured, what it is to be at most, and the load of the machine.
//
//	go run ./internal/benchsum [-only REGEXP]
//
// It exits 0 when everything was measured, whatever came of it; 1 when a
// benchmark failed or said nothing; and 2 when it is called wrongly.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], goTest, os.Stdout, os.Stderr))
}

// runner runs the benchmarks of a package that a regular expression matches, so many
// times, and returns what go test printed.
type runner func(ctx context.Context, pkg, bench string, times int) (string, error)

func goTest(ctx context.Context, pkg, bench string, times int) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", bench, "-benchtime", strconv.Itoa(times)+"x", "-timeout", "20m", pkg)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run is main with its surroundings given. It returns the exit code.
func run(ctx context.Context, args []string, test runner, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("benchsum", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "take the measurements alone whose benchmark a regular `expression` matches")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintf(stderr, "benchsum: %v; -only takes a regular expression\n", err)
		return 2
	}
	began, load, code := time.Now(), loadAverage(), 0
	var rows [][]string
	for _, m := range measurements {
		if !wanted.MatchString(m.bench) {
			continue
		}
		fmt.Fprintf(stderr, "%s %s\n", m.pkg, m.bench)
		out, err := test(ctx, m.pkg, "^Benchmark"+m.bench+"$", max(1, m.times))
		if ctx.Err() != nil {
			return 1
		}
		found := metrics(out)
		missing := missingOf(m, found)
		if err != nil || missing != "" {
			fmt.Fprintf(stderr, "benchsum: %s did not measure %s: %v\n%s\n", m.bench, missing, err, out)
			code = 1
			continue
		}
		rows = append(rows, m.rows(found)...)
	}
	fmt.Fprintf(stdout, "%s, %s %s/%s, %d processors; load %s before, %s after; %s\n\n", began.UTC().Format("2006-01-02 15:04 UTC"),
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), load, loadAverage(), time.Since(began).Round(time.Second))
	printTable(stdout, append([][]string{{"what", "measured", "at most", "benchmark"}}, rows...))
	return code
}

// loadAverage is what the system says of its load; "unknown" where it does not.
func loadAverage() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(raw), " ")
	return first
}
