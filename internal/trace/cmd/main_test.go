package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// repo makes a repository with the given files, named by path.
func repo(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const (
	marks  = "\n<!-- Written by `make trace` up to the end mark. -->\n<!-- End. -->\n"
	good   = "| id | asks |\n|---|---|\n| A.1 | a |\n" + marks
	proved = "package p\n\n// Covers: A.1\nfunc TestA(t *testing.T) {}\n"
)

func TestRun(t *testing.T) {
	root := repo(t, map[string]string{
		"docs/requirements.md": good,
		"p/p_test.go":          proved,
		"log":                  `{"Action":"pass","Package":"github.com/manoward/manoward/p","Test":"TestA"}`,
	})
	for format, want := range map[string]string{
		"table": "A.1  TestA  p/p_test.go:3  passed",
		"json":  `"result": "passed"`,
	} {
		var out, problems strings.Builder
		if err := run(root, options{format, filepath.Join(root, "log"), true}, &out, &problems); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		if !strings.Contains(out.String(), want) || problems.Len() != 0 {
			t.Errorf("%s: printed\n%s\nproblems %q; want %q and none", format, &out, &problems, want)
		}
	}
}

func TestCommand(t *testing.T) {
	root := repo(t, map[string]string{"docs/requirements.md": good, "p/p_test.go": proved})
	tests := []struct {
		args []string
		code int
		want string
	}{
		{nil, 1, "what its rows and the tests make it; run: make trace"},
		{[]string{"-w"}, 0, "1 requirements: 1 built"},
		{nil, 0, "1 requirements: 1 built"},
		{[]string{"-o", "none"}, 0, ""},
		{[]string{"-o", "json"}, 0, `"id": "A.1"`},
		{[]string{"-o", "xml"}, 2, "usage: trace"},
		{[]string{"-nonsense"}, 2, "usage: trace"},
		{[]string{"extra"}, 2, "usage: trace"},
		{[]string{"-run-log", "/nowhere/log"}, 1, "trace: run log: open /nowhere/log"},
	}
	for _, tt := range tests {
		var out strings.Builder
		if code := command(root, tt.args, &out, &out); code != tt.code || !strings.Contains(out.String(), tt.want) {
			t.Errorf("trace %q exits %d and prints\n%s\nwant %d and %q", tt.args, code, &out, tt.code, tt.want)
		}
	}
}

func TestRun_UnknownID(t *testing.T) {
	root := repo(t, map[string]string{
		"docs/requirements.md": good,
		"p/p_test.go":          "package p\n\n// Covers: A.2\nfunc TestA(t *testing.T) {}\n",
	})
	var out, problems strings.Builder
	if err := run(root, options{format: "table"}, &out, &problems); !errors.Is(err, errProblems) {
		t.Errorf("run = %v, want %v", err, errProblems)
	}
	if want := `p/p_test.go:3: covers "A.2"`; !strings.HasPrefix(problems.String(), want) {
		t.Errorf("problems %q, want %q", &problems, want)
	}
	if want := "A.1 has no test"; !strings.Contains(problems.String(), want) {
		t.Errorf("problems %q, want %q", &problems, want)
	}
}

func TestRun_TestsThatDidNotPass(t *testing.T) {
	root := repo(t, map[string]string{
		"docs/requirements.md": good,
		"p/p_test.go":          proved,
		"log":                  `{"Action":"fail","Package":"github.com/manoward/manoward/p","Test":"TestA"}`,
	})
	var out, problems strings.Builder
	if err := run(root, options{"none", filepath.Join(root, "log"), true}, &out, &problems); !errors.Is(err, errProblems) {
		t.Errorf("run = %v, want %v", err, errProblems)
	}
	if want := "A.1: its test TestA (p/p_test.go): failed\n"; problems.String() != want {
		t.Errorf("problems %q, want %q", &problems, want)
	}
}

func TestRun_Unreadable(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		log   string
		want  string
	}{
		"no register":     {nil, "", "requirements.md"},
		"empty register":  {map[string]string{"docs/requirements.md": "x"}, "", "docs/requirements.md: no table"},
		"broken test":     {map[string]string{"docs/requirements.md": good, "x_test.go": "x"}, "", "x_test.go"},
		"no marks":        {map[string]string{"docs/requirements.md": strings.TrimSuffix(good, marks), "p_test.go": proved}, "", "docs/requirements.md: the register needs"},
		"missing run log": {map[string]string{"docs/requirements.md": good}, "/nowhere/log", "run log"},
		"useless run log": {map[string]string{"docs/requirements.md": good}, "/dev/null", "holds no test"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := run(repo(t, tt.files), options{format: "none", runLog: tt.log}, failingWriter{}, failingWriter{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("run = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestRun_WriteError(t *testing.T) {
	root := repo(t, map[string]string{"docs/requirements.md": good})
	if err := run(root, options{format: "json"}, failingWriter{}, failingWriter{}); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("run = %v, want %v", err, fs.ErrClosed)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, fs.ErrClosed }
