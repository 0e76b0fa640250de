package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

func (p *program) policyTest() *cobra.Command {
	var filter string
	var floor float64
	var timeout time.Duration
	var all bool
	c := &cobra.Command{
		Use:   "test DIR|FILE...",
		Short: "Run the tests and samples of policies, and say which lines they cover",
		Long: `Evaluates the samples, runs the rules test_... of the files *_test.rego, and lists
each file with the lines that no test has evaluated. Tests that fail are listed;
--all lists the others too. Policies that do not pass "policy check" are not tested.

Exit code: 0 passed, 2 failed, or less covered than --min-coverage asks.`,
		Example: `  manoward policy test .
  manoward policy test . --min-coverage 100
  manoward policy test . --run banned_vendor --all
  manoward policy test library -o json`,
		Args: somePolicies,
		RunE: func(c *cobra.Command, args []string) error {
			if floor < 0 || floor > 100 {
				return usage("--min-coverage %v is no share; use 0 to 100", floor)
			}
			f, err := openPolicies(args, policyKeys{})
			if err != nil {
				return err
			}
			if f.files == nil {
				return usage("%s is a bundle, and bundles hold no tests; test the folder that it was made of", f.name)
			}
			o, err := policyOptions()
			if err != nil {
				return err
			}
			report, problems := policies.Test(c.Context(), f.files, policies.TestOptions{Options: o, Filter: filter, Timeout: timeout})
			if err := f.refusal(f.show(problems), mostProblems); err != nil {
				return err
			}
			for i := range report.Results {
				report.Results[i].File = f.shown(report.Results[i].File)
			}
			for i := range report.Coverage {
				report.Coverage[i].File = f.shown(report.Coverage[i].File)
			}
			if err := p.print(report, func(w io.Writer) { writeTests(w, report, all) }); err != nil {
				return err
			}
			return testFailure(report, floor)
		},
	}
	c.Flags().StringVar(&filter, "run", "", "run only the tests whose data.PACKAGE.NAME this regular expression finds")
	c.Flags().Float64Var(&floor, "min-coverage", 0, "fail when less than this share of lines is covered, in percent")
	c.Flags().DurationVar(&timeout, "timeout", 0, "time that one test may take (default 5s)")
	c.Flags().BoolVar(&all, "all", false, "list the tests that passed too")
	return c
}

// testFailure returns an error that says why the tests are not good enough.
func testFailure(r *policies.TestReport, floor float64) error {
	failed := 0
	for _, t := range r.Results {
		if t.Outcome != policies.Pass {
			failed++
		}
	}
	text := ""
	switch percent := r.Percent(); {
	case len(r.Results) == 0:
		text = "there is no test; write rules test_... in files *_test.rego, or look at --run"
	case failed == 1:
		text = "1 test did not pass"
	case failed > 1:
		text = fmt.Sprintf("%d tests did not pass", failed)
	case percent < floor:
		text = fmt.Sprintf("the tests cover %s of the lines, and --min-coverage asks for %v%%; the table lists the lines", share(percent), floor)
	default:
		return nil
	}
	return hub.E(hub.Unprocessable, "test policies", text, nil)
}

func writeTests(w io.Writer, r *policies.TestReport, all bool) {
	listed := slices.DeleteFunc(slices.Clone(r.Results), func(t policies.TestResult) bool { return t.Outcome == policies.Pass && !all })
	if len(listed) > 0 {
		fmt.Fprintln(w, "RESULT\tTEST\tAT\tWHY")
		for _, t := range listed {
			fmt.Fprintf(w, "%s\t%s\t%s:%d\t%s\n", strings.ToUpper(string(t.Outcome)), t.Name, t.File, t.Line, dash(reasonOf(t)))
			for line := range strings.Lines(t.Output) {
				fmt.Fprintf(w, "\t  %s\n", strings.TrimRight(line, "\n"))
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "FILE\tCOVERED\tLINES NOT COVERED")
	for _, c := range r.Coverage {
		covered := "-" // nothing in it is evaluated
		if lines := c.Covered + len(c.Uncovered); lines > 0 {
			covered = share(100 * float64(c.Covered) / float64(lines))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.File, covered, dash(ranges(c.Uncovered)))
	}
	passed := 0
	for _, t := range r.Results {
		if t.Outcome == policies.Pass {
			passed++
		}
	}
	fmt.Fprintf(w, "\n%d of %d tests passed, %d samples passed, %s of the lines are covered\n", passed, len(r.Results), r.Samples, share(r.Percent()))
}

// reasonOf says why a test did not pass.
func reasonOf(t policies.TestResult) string {
	switch t.Outcome {
	case policies.Fail:
		return "it is not true"
	case policies.Skip:
		return "its name begins with todo_"
	}
	return t.Error
}

// share prints a percentage, which is 100% only when nothing is missing.
func share(percent float64) string {
	if percent == 100 {
		return "100%"
	}
	return fmt.Sprintf("%.1f%%", min(percent, 99.9))
}

// ranges prints sorted line numbers: 3-5, 9.
func ranges(lines []int) string {
	var parts []string
	for i := 0; i < len(lines); {
		j := i
		for j+1 < len(lines) && lines[j+1] == lines[j]+1 {
			j++
		}
		if i == j {
			parts = append(parts, fmt.Sprint(lines[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", lines[i], lines[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}
