package trace

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
)

const register = `# Register
Prose | that is no table.

## Sc-Or
| id | asks | mode |
|---|:---:|---|
| Sc-Or.001 | an interface | PSF |
| Sc-Or.NsLcm.001 | a report | F |

| word | meaning |
|---|---|
| Ghost.001 | not a requirement |

## Functions
| id | asks |
|---|---|
| NFVO | much |
| VIM | nobody proves it |

## What is missing
| in part | missing |
|---|---|
| NFVO | the rest |

| Open | missing |
|---|---|
| VIM | all of it |
`

func TestReadRegister(t *testing.T) {
	got, err := ReadRegister(strings.NewReader(register))
	want := []Requirement{
		{"Sc-Or.001", "an interface", 7, "Sc-Or", Built, ""},
		{"Sc-Or.NsLcm.001", "a report", 8, "Sc-Or", Built, ""},
		{"NFVO", "much", 17, "Functions", InPart, "the rest"},
		{"VIM", "nobody proves it", 18, "Functions", Open, "all of it"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ReadRegister = %+v, %v; want %+v", got, err, want)
	}
}

func TestReadRegister_Bad(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"empty":   {"# Nothing\n", "no table"},
		"twice":   {"| id | x |\n|---|---|\n| A.1 | a |\n| A.1 | b |\n", "line 4: A.1 stands on line 3"},
		"no text": {"| id | x |\n|---|---|\n| A.1 | |\n", "line 3: a requirement needs"},
		"no id":   {"| id | x |\n|---|---|\n|  | a |\n", "line 3: a requirement needs"},
		"no row":  {"| id | x |\n|---|---|\n| A.1 | a |\n\n| open | x |\n|---|---|\n| A.1, A.2 | a |\n", `line 7: "A.2" is no id`},
		"two states": {"| in part | x |\n|---|---|\n| A.1 | a |\n\n| open | x |\n|---|---|\n| A.1 | a |\n\n| id | x |\n|---|---|\n| A.1 | a |\n",
			"line 7: A.1 is listed as in part already"},
		"long line": {"| id | x |\n|---|---|\n" + strings.Repeat("x", 1<<17), "too long"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadRegister(strings.NewReader(tt.in)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ReadRegister = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

const goTests = `package p

// TestDoc has a claim above it.
//
// Covers: Sc-Or.001, NFVO
func TestDoc(t *testing.T) {}

func TestBody(t *testing.T) {
	// Covers: Sc-Or.001
	t.Run("x", func(t *testing.T) {
		// Covers: Sc-Or.NsLcm.001
	})
	_ = "// Covers: Not.001"
}

func TestSc_Or_NsLcm_001_Report(t *testing.T) {}
func FuzzFilter_Sc_Or_001(f *testing.F) {}
func TestSc_Or_0011(t *testing.T) {}
func TestNFVO(t *testing.T) {}

// Covers: Sc-Or.001
func helper() {}

// Covers: Sc-Or.001
func BenchmarkX(b *testing.B) {}

func TestBad(t *testing.T) { // Covers: Typo.1,
}
`

func tree() fstest.MapFS {
	return fstest.MapFS{
		"a/p_test.go":                    {Data: []byte(goTests)},
		"a/p.go":                         {Data: []byte("package p\n// Covers: Not.a.test\n")},
		"a/testdata/q_test.go":           {Data: []byte("not Go at all")},
		"a/testdata/script/up.txtar":     {Data: []byte("# Brings it up.\n# Covers: NFVO\nexec true\n-- f --\n# Covers: In.a.file\n")},
		".cache/x_test.go":               {Data: []byte("not Go either")},
		"vendor/y/y_test.go":             {Data: []byte("nor this")},
		"internal/e2e/_old/old_test.go":  {Data: []byte("nor that")},
		"internal/e2e/examples/none.txt": {Data: []byte("# Covers: Plain.text\n")},
	}
}

func TestScan(t *testing.T) {
	got, err := Scan(tree(), []string{"Sc-Or.001", "Sc-Or.NsLcm.001", "NFVO"})
	want := []Claim{
		{"NFVO", "TestDoc", "a/p_test.go", 5},
		{"Sc-Or.001", "TestDoc", "a/p_test.go", 5},
		{"Sc-Or.001", "TestBody", "a/p_test.go", 9},
		{"Sc-Or.NsLcm.001", "TestBody", "a/p_test.go", 11},
		{"Sc-Or.NsLcm.001", "TestSc_Or_NsLcm_001_Report", "a/p_test.go", 16},
		{"Sc-Or.001", "FuzzFilter_Sc_Or_001", "a/p_test.go", 17},
		{"Sc-Or.001", "", "a/p_test.go", 21},
		{"Sc-Or.001", "", "a/p_test.go", 24},
		{"", "TestBad", "a/p_test.go", 27},
		{"Typo.1", "TestBad", "a/p_test.go", 27},
		{"NFVO", "up", "a/testdata/script/up.txtar", 2},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Scan: %v; got\n%+v\nwant\n%+v", err, got, want)
	}
}

func TestScan_Unreadable(t *testing.T) {
	if _, err := Scan(fstest.MapFS{"x_test.go": {Data: []byte("pack")}}, nil); err == nil || !strings.Contains(err.Error(), "x_test.go") {
		t.Errorf("Scan of a file that is not Go = %v, want an error that names it", err)
	}
	if _, err := Scan(failingFS{}, nil); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Scan of a closed folder = %v, want %v", err, fs.ErrPermission)
	}
}

type failingFS struct{}

func (failingFS) Open(string) (fs.File, error) { return nil, fs.ErrPermission }

const runLog = `building...
{"Action":"fail","Package":"m/a","Test":"TestDoc/sub"}
{"Action":"fail","Package":"m/a","Test":"TestDoc"}
{"Action":"again","Package":"m/a","Test":"TestDoc"}
{"Action":"pass","Package":"m/a","Test":"TestDoc"}
{"Action":"pass","Package":"m/a","Test":"TestBody"}
{"Action":"fail","Package":"m/a","Test":"TestBody"}
{"Action":"pass","Package":"m/b","Test":"TestSc_Or_NsLcm_001_Report"}
{"Action":"skip","Package":"m/a","Test":"TestScript/up"}
{"Action":"pass","Package":"m/a"}
`

func joined(t *testing.T) Report {
	t.Helper()
	rows, err := ReadRegister(strings.NewReader(register))
	if err != nil {
		t.Fatal(err)
	}
	claims, err := Scan(tree(), []string{"Sc-Or.001", "Sc-Or.NsLcm.001", "NFVO"})
	if err != nil {
		t.Fatal(err)
	}
	log, err := ReadRunLog(strings.NewReader(runLog))
	if err != nil {
		t.Fatal(err)
	}
	return Join(rows, claims, "m", log)
}

func TestJoin(t *testing.T) {
	report := joined(t)
	want := [][]Test{
		{{"TestDoc", "a/p_test.go", 5, Passed}, {"TestBody", "a/p_test.go", 9, Failed}, {"FuzzFilter_Sc_Or_001", "a/p_test.go", 17, NotRun}},
		{{"TestBody", "a/p_test.go", 11, Failed}, {"TestSc_Or_NsLcm_001_Report", "a/p_test.go", 16, NotRun}},
		{{"TestDoc", "a/p_test.go", 5, Passed}, {"up", "a/testdata/script/up.txtar", 2, Skipped}},
		{},
	}
	for i, row := range report.Rows {
		if !reflect.DeepEqual(row.Tests, want[i]) {
			t.Errorf("%s: tests %+v, want %+v", row.ID, row.Tests, want[i])
		}
	}
	problems := []string{
		`a/p_test.go:21: covers Sc-Or.001 outside any test; move the line into the test that proves it`,
		`a/p_test.go:24: covers Sc-Or.001 outside any test; move the line into the test that proves it`,
		`a/p_test.go:27: covers "", which is not in the register; mend the id or add its row`,
		`a/p_test.go:27: covers "Typo.1", which is not in the register; mend the id or add its row`,
		`Sc-Or.001: its test TestBody (a/p_test.go): failed`,
		`Sc-Or.001: its test FuzzFilter_Sc_Or_001 (a/p_test.go): not run`,
		`Sc-Or.NsLcm.001: its test TestBody (a/p_test.go): failed`,
		`Sc-Or.NsLcm.001: its test TestSc_Or_NsLcm_001_Report (a/p_test.go): not run`,
		`NFVO: its test up (a/testdata/script/up.txtar): skipped`,
	}
	if !reflect.DeepEqual(report.Problems, problems) {
		t.Errorf("problems %q, want %q", report.Problems, problems)
	}
}

// What the register says of a row and its tests must agree.
func TestJoin_States(t *testing.T) {
	claims := []Claim{{"A.1", "TestA", "a/p_test.go", 1}}
	for state, want := range map[State][2]string{ // of a row with a test, of one without
		Built:  {"", `A.2 has no test; write one through the real interface with "// Covers: A.2"`},
		InPart: {"", `A.2 has no test; write one through the real interface with "// Covers: A.2"`},
		Open:   {"A.1 is listed as open, and TestA proves it; take it off the list, or list it as in part", ""},
	} {
		for i, id := range []string{"A.1", "A.2"} {
			got := strings.Join(Join([]Requirement{{ID: id, State: state}}, claims[:1-i], "m", nil).Problems, "\n")
			if got != want[i] {
				t.Errorf("%s, listed as %s: %q, want %q", id, state, got, want[i])
			}
		}
	}
}

func TestReport_WriteTable(t *testing.T) {
	var out strings.Builder
	if err := joined(t).WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	want := `Sc-Or.001        TestDoc                     a/p_test.go:5                 passed
Sc-Or.001        TestBody                    a/p_test.go:9                 failed
Sc-Or.001        FuzzFilter_Sc_Or_001        a/p_test.go:17                not run
Sc-Or.NsLcm.001  TestBody                    a/p_test.go:11                failed
Sc-Or.NsLcm.001  TestSc_Or_NsLcm_001_Report  a/p_test.go:16                not run
NFVO             TestDoc                     a/p_test.go:5                 passed
NFVO             up                          a/testdata/script/up.txtar:2  skipped

in part:
  NFVO

open:
  VIM

4 requirements: 2 built, 1 in part, 1 open; in this run all tests of 0 passed
`
	if out.String() != want {
		t.Errorf("table:\n%s\nwant:\n%s", &out, want)
	}
}

func TestReport_WriteTable_Proved(t *testing.T) {
	log, err := ReadRunLog(strings.NewReader(runLog))
	if err != nil {
		t.Fatal(err)
	}
	claims := []Claim{{"A.1", "TestDoc", "a/p_test.go", 1}}
	var out strings.Builder
	if err := Join([]Requirement{{ID: "A.1", State: Built}}, claims, "m", log).WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	if want := "1 requirements: 1 built, 0 in part, 0 open; in this run all tests of 1 passed\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("table:\n%s\nwant it to end with %q", &out, want)
	}
}

func TestReport_WriteJSON(t *testing.T) {
	var out strings.Builder
	report := joined(t)
	if err := report.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal([]byte(out.String()), &back); err != nil || !reflect.DeepEqual(back, report) {
		t.Errorf("JSON does not read back: %v\n%s", err, &out)
	}
}

func TestReport_Document(t *testing.T) {
	marks := generatedStart + "\nold\n" + generatedEnd + "\n"
	got, err := joined(t).Document("before\n" + marks + "after\n")
	want := "before\n" + generatedStart + `
4 requirements: 2 built, 1 in part, 1 open.

| row | state | tests |
|---|---|---|
| Sc-Or.001 | built | [TestDoc](../a/p_test.go), [TestBody](../a/p_test.go), [FuzzFilter_Sc_Or_001](../a/p_test.go) |
| Sc-Or.NsLcm.001 | built | [TestBody](../a/p_test.go), [TestSc_Or_NsLcm_001_Report](../a/p_test.go) |
| NFVO | in part | [TestDoc](../a/p_test.go), [up](../a/testdata/script/up.txtar) |
| VIM | open |  |
` + generatedEnd + "\nafter\n"
	if err != nil || got != want {
		t.Errorf("document: %v\n%s\nwant:\n%s", err, got, want)
	}
	if again, err := joined(t).Document(got); err != nil || again != got {
		t.Errorf("made a second time: %v\n%s", err, again)
	}
	for name, text := range map[string]string{
		"no marks": "text\n", "no end": generatedStart + "\n", "no start": generatedEnd + "\n",
		"end first": generatedEnd + "\n" + generatedStart + "\n", "twice": marks + marks,
	} {
		if _, err := joined(t).Document(text); err == nil || !strings.Contains(err.Error(), generatedStart) {
			t.Errorf("%s: %v, want an error that shows the marks", name, err)
		}
	}
}

func TestReport_WriteError(t *testing.T) {
	full := errors.New("disk full")
	w := writerFunc(func([]byte) (int, error) { return 0, full })
	if err := joined(t).WriteTable(w); !errors.Is(err, full) {
		t.Errorf("WriteTable = %v, want %v", err, full)
	}
	if err := joined(t).WriteJSON(w); !errors.Is(err, full) {
		t.Errorf("WriteJSON = %v, want %v", err, full)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestReadRunLog_Bad(t *testing.T) {
	if _, err := ReadRunLog(strings.NewReader("PASS\n")); err == nil || !strings.Contains(err.Error(), "go test -json") {
		t.Errorf("ReadRunLog of a plain log = %v, want an error that says how to make one", err)
	}
	if _, err := ReadRunLog(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("ReadRunLog = %v, want %v", err, io.ErrUnexpectedEOF)
	}
}
