package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// The module that the tests run go test on: what comes out of the real tool,
// not what we believe of it.
var module = map[string]string{
	"go.mod": "module example.test/m\n\ngo 1.26\n",
	"good/good_test.go": `package good
import "testing"
func TestGood(t *testing.T) { t.Log("quiet when it passes"); t.Run("sub", func(t *testing.T) {}) }
`,
	"bad/bad_test.go": `package bad
import "testing"
func TestBad(t *testing.T) {
	t.Log("what led to it")
	t.Run("inner", func(t *testing.T) { t.Error("the inner reason") })
}
func TestFine(t *testing.T) { t.Log("of no interest") }
`,
	"skips/skips_test.go": `package skips
import "testing"
func TestRuns(t *testing.T) { t.Run("sub", func(t *testing.T) { t.Skip("no token here") }) }
`,
	"broken/broken_test.go": "package broken\nimport \"testing\"\nfunc TestX(t *testing.T) { undefinedName() }\n",
	"exits/exits_test.go": `package exits
import ("fmt"; "os"; "testing")
func TestExits(t *testing.T) { fmt.Println("said before it left"); os.Exit(3) }
`,
	"panics/panics_test.go": "package panics\nimport \"testing\"\nfunc TestPanics(t *testing.T) { panic(\"the cause\") }\n",
	"main/main_test.go": `package main
import ("fmt"; "os"; "testing")
func TestMain(m *testing.M) { m.Run(); fmt.Println("cannot clean up"); os.Exit(1) }
func TestOK(t *testing.T) {}
`,
	"empty/empty.go": "package empty\n",
	"unsteady/unsteady_test.go": `package unsteady
import ("os"; "testing")
func TestFine(t *testing.T) {}
func TestOnce(t *testing.T) {
	t.Run("sub", func(t *testing.T) {})
	t.Run("other", func(t *testing.T) {
		if err := os.Mkdir(os.Getenv("ONCE"), 0o755); err == nil { t.Error("the first time") }
	})
}
`,
	"races/races_test.go": `package races
import ("os"; "testing")
func TestRaces(t *testing.T) {
	if err := os.Mkdir(os.Getenv("ONCE"), 0o755); err != nil { return }
	n, done := 0, make(chan int)
	go func() { n++; close(done) }()
	n++
	<-done
}
`,
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	for name, text := range module {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	tests := []struct {
		name     string
		args     []string
		ci       bool
		code     int
		want     []string
		unwanted []string
	}{
		{"passes", []string{"./good"}, true, 0, []string{"ok ", "2 tests  example.test/m/good", "2 passed, 0 failed, 0 skipped"}, []string{"quiet"}},
		{"fails", []string{"./bad", "./good"}, false, 1, []string{"what led to it", "the inner reason", "FAIL", "3 passed, 2 failed, 0 skipped"}, []string{"of no interest"}},
		{"skip is allowed", []string{"./skips"}, false, 0, []string{"skip  example.test/m/skips  TestRuns/sub", "no token here", "1 passed, 0 failed, 1 skipped"}, nil},
		{"skip fails in CI", []string{"./skips"}, true, 1, []string{"no token here", "make deps"}, nil},
		{"skip allowed in CI by flag", []string{"-no-skip=false", "./skips"}, true, 0, nil, nil},
		{"build failure", []string{"./broken"}, false, 1, []string{"undefinedName", "0 passed, 1 failed, 0 skipped"}, nil},
		{"exit in a test", []string{"./exits"}, false, 1, []string{"said before it left", "FAIL"}, nil},
		{"panic", []string{"./panics"}, false, 1, []string{"the cause", "panics_test.go:3", "0 passed, 1 failed, 0 skipped"}, nil},
		{"failure outside tests", []string{"./main"}, false, 1, []string{"cannot clean up", "1 passed, 1 failed, 0 skipped"}, nil},
		{"nothing ran", []string{"./empty"}, false, 1, []string{"no test ran", "none"}, nil},
		{"no such package", []string{"./nowhere"}, false, 1, []string{"nowhere"}, nil},
		{"bad flag", []string{"-log"}, false, 2, []string{"flag needs an argument"}, nil},
		{"log cannot be made", []string{"-log", "go.mod/x", "./good"}, false, 1, []string{"make folder for the log"}, nil},
		{"log is a folder", []string{"-log", "good", "./good"}, false, 1, []string{"make log"}, nil},
		{"passes alone", []string{"-again", "1", "-count=1", "./good", "./unsteady"}, true, 0, []string{"the first time", "again   example.test/m/unsteady  TestOnce", "UNSTEADY  example.test/m/unsteady  TestOnce failed (unsteady_test.go:7: the first time)", "6 passed, 0 failed, 0 skipped"}, []string{"failed  example"}},
		{"no second try unless asked for", []string{"-count=1", "./unsteady"}, true, 1, []string{"failed  example.test/m/unsteady  TestOnce  unsteady_test.go:7: the first time"}, []string{"UNSTEADY"}},
		{"fails again", []string{"-again", "3", "./bad"}, true, 1, []string{"again   example.test/m/bad  TestBad", "failed  example.test/m/bad  TestBad  bad_test.go:5: the inner reason", "1 passed, 2 failed"}, []string{"UNSTEADY"}},
		{"too many for a second try", []string{"-again", "1", "./bad", "./broken"}, true, 1, nil, []string{"again "}},
		{"a race gets no second try", []string{"-again", "3", "-race", "-count=1", "./races"}, true, 1, []string{"DATA RACE", "failed  example.test/m/races"}, []string{"again "}},
		{"a panic gets no second try", []string{"-again", "3", "./panics"}, true, 1, nil, []string{"again "}},
		{"a build gets no second try", []string{"-again", "3", "./broken"}, true, 1, nil, []string{"again "}},
		{"disk is full", []string{"-log", "/dev/full", "./good"}, false, 1, []string{"no space left"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("ONCE", filepath.Join(t.TempDir(), "once"))
			var out strings.Builder
			if code := run(t.Context(), tt.args, tt.ci, &out, &out); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in the output:\n%s", want, &out)
				}
			}
			for _, unwanted := range tt.unwanted {
				if strings.Contains(out.String(), unwanted) {
					t.Errorf("%q is in the output:\n%s", unwanted, &out)
				}
			}
		})
	}
}

func TestRun_NoGo(t *testing.T) {
	t.Setenv("PATH", "")
	var out strings.Builder
	if code := run(t.Context(), nil, false, &out, &out); code != 1 || !strings.Contains(out.String(), "start go test") {
		t.Errorf("exit code %d, want 1; output:\n%s", code, &out)
	}
}

func TestRun_KeepsLog(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{"go.mod": module["go.mod"], "good_test.go": module["good/good_test.go"]} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log := filepath.Join(dir, "new", "run.jsonl")
	if code := run(t.Context(), []string{"-log", log, "."}, true, io.Discard, io.Discard); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	events, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(events), `"Action":"pass","Package":"example.test/m","Test":"TestGood"`) {
		t.Errorf("the log lacks the test's end:\n%s", events)
	}
}

func TestSummarize_CutOff(t *testing.T) {
	var out strings.Builder
	in := `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"half a"}
not json
{"Action":"output","Package":"p","Test":"TestA","Output":" line\n"}`
	sum, err := summarize(strings.NewReader(in), &out)
	if err != nil || sum.counts != (counts{failed: 1}) {
		t.Errorf("summarize = %+v, %v; want one failure, nil", sum, err)
	}
	for _, want := range []string{"not json\n", "half a line\n", "FAIL"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in the output:\n%s", want, &out)
		}
	}
}

func TestSummarize_ReadError(t *testing.T) {
	broken := errors.New("pipe broke")
	if _, err := summarize(iotest.ErrReader(broken), io.Discard); !errors.Is(err, broken) {
		t.Errorf("summarize = %v, want %v", err, broken)
	}
}

// A line of any content neither stops the summary nor makes it panic.
func FuzzSummarize(f *testing.F) {
	f.Add(`{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`)
	f.Add(`{"Action":"skip","Package":"p","Test":"TestA/b"}` + "\n" + `{"Action":"pass","Package":"p"}`)
	f.Add("{\"Action\":\"output\",\"Package\":\"p\",\"Output\":\"\\u0000\"}\n[]\nnull")
	f.Fuzz(func(t *testing.T, in string) {
		if _, err := summarize(strings.NewReader(in), io.Discard); err != nil {
			t.Errorf("summarize(%q): %v", in, err)
		}
	})
}

func TestSummarize_Slowest(t *testing.T) {
	var in strings.Builder
	for i := range 30 {
		fmt.Fprintf(&in, `{"Action":"pass","Package":"p","Test":"Test%d","Elapsed":%d.5}`+"\n", i, i)
	}
	in.WriteString(`{"Action":"pass","Package":"p","Test":"Test99/part","Elapsed":99}` + "\n")
	sum, err := summarize(strings.NewReader(in.String()), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	got := sum.slowest()
	if len(got) != slowMost || got[0] != (slowTest{"p", "Test29", 29.5}) || got[slowMost-1] != (slowTest{"p", "Test10", 10.5}) {
		t.Errorf("slowest() = %v; want the %d from Test29 to Test10, and no part of a test", got, slowMost)
	}
}
