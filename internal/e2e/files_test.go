package e2e_test

import (
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// writeFile writes a file with a mode, whether it is there or not.
func writeFile(t testing.TB, path, text string, perm os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), perm); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, perm); err != nil { // whatever the umask is
		t.Fatal(err)
	}
}

// makeDir makes a directory with a mode.
func makeDir(t testing.TB, path string, perm os.FileMode) {
	t.Helper()
	if err := os.Mkdir(path, perm); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, perm); err != nil {
		t.Fatal(err)
	}
}

// listTree lists names and sizes below dir, but for the lock, which any start
// may leave.
func listTree(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Name() == "lock" {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size := int64(0)
			if d.Type().IsRegular() {
				size = info.Size()
			}
			b.WriteString(strings.TrimPrefix(path, dir) + " " + info.Mode().String() + " " + strconv.FormatInt(size, 10) + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// copyTree makes to a copy of from, whatever it was before.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("copy %s: %v\n%s", from, err, out)
	}
}

// flipBit turns one bit of the part-th of parts of a file. Which one follows
// from the content, so that runs differ and a failure names the file it kept.
func flipBit(path string, raw []byte, part, parts int) error {
	sum := fnv.New32a()
	sum.Write(raw)
	size := max(1, len(raw)/parts)
	raw[min(len(raw)-1, part*size+int(sum.Sum32())%size)] ^= 1 << (sum.Sum32() % 8)
	return os.WriteFile(path, raw, 0o600)
}
