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
`

func TestReadRegister(t *testing.T) {
	got, err := ReadRegister(strings.NewReader(register))
	want := []Requirement{
		{"Sc-Or.001", "an interface", 7, "Sc-Or"},
		{"Sc-Or.NsLcm.001", "a report", 8, "Sc-Or"},
		{"NFVO", "much", 17, "Functions"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ReadRegister = %+v, %v; want %+v", got, err, want)
	}
}

func TestReadRegister_Bad(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"empty":     {"# Nothing\n", "no table"},
		"twice":     {"| id | x |\n|---|---|\n| A.1 | a |\n| A.1 | b |\n", "line 4: A.1 stands on line 3"},
		"no text":   {"| id | x |\n|---|---|\n| A.1 | |\n", "line 3: a requirement needs"},
		"no id":     {"| id | x |\n|---|---|\n|  | a |\n", "line 3: a requirement needs"},
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
	return Join(append(rows, Requirement{ID: "VIM", Text: "nobody proves it"}), claims, "m", log)
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
	}
	if !reflect.DeepEqual(report.Problems, problems) {
		t.Errorf("problems %q, want %q", report.Problems, problems)
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

without a test:
  VIM

4 requirements, 3 named by a test, 1 without; in this run all tests of 0 passed
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
	if err := Join([]Requirement{{ID: "A.1"}}, claims, "m", log).WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	if want := "1 requirements, 1 named by a test, 0 without; in this run all tests of 1 passed\n"; !strings.HasSuffix(out.String(), want) {
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
