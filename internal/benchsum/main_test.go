package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// said is what go test prints of a measurement, each number of it n.
func said(m measurement, n float64) string {
	line := "goos: linux\nBenchmark" + m.bench + "-2   \t       1\t  17239 ns/op"
	for _, s := range m.shows {
		line += fmt.Sprintf("\t         %g %s", n, s.unit)
	}
	return line + "\nPASS\n"
}

func byBench(bench string) measurement {
	for _, m := range measurements {
		if bench == "^Benchmark"+m.bench+"$" {
			return m
		}
	}
	return measurement{}
}

func TestRun(t *testing.T) {
	all := func(_ context.Context, _, bench string, _ int) (string, error) { return said(byBench(bench), 1.1), nil }
	tests := []struct {
		name   string
		args   []string
		test   runner
		code   int
		out    []string
		errors string
	}{
		{"all", nil, all, 0, []string{"decision in process, of a bare prepared evaluation", "1.1       1.2 ", "1.1       1  MISSED", "./internal/e2e Order", "processors; load"}, ""},
		{"one", []string{"-only", "Publish"}, all, 0, []string{"4,000 rules published, s "}, ""},
		{"no expression", []string{"-only", "("}, all, 2, nil, "-only takes a regular expression"},
		{"no flag", []string{"-x"}, all, 2, nil, "-x"},
		{"one fails", []string{"-only", "Publish|Inventory"}, func(_ context.Context, _, bench string, _ int) (string, error) {
			if strings.Contains(bench, "Publish") {
				return "panic: no\n", errors.New("exit status 2")
			}
			return said(byBench(bench), 1), nil
		}, 1, []string{"event among 100,000 VNFs"}, "panic: no"},
		{"one says nothing", []string{"-only", "Installed"}, func(context.Context, string, string, int) (string, error) { return "PASS\n", nil }, 1, nil, "did not measure 1000/10"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs strings.Builder
			if code := run(t.Context(), tt.args, tt.test, &out, &errs); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, want := range tt.out {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not in:\n%s", want, out.String())
				}
			}
			if !strings.Contains(errs.String(), tt.errors) {
				t.Errorf("%q is not in:\n%s", tt.errors, errs.String())
			}
		})
	}
}

// Who interrupts gets no table of half the numbers.
func TestInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var out, errs strings.Builder
	code := run(ctx, nil, func(context.Context, string, string, int) (string, error) { stop(); return "", ctx.Err() }, &out, &errs)
	if code != 1 || out.Len() != 0 {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
}
