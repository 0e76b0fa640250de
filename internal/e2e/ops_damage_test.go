package e2e_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// filledHub is a hub with acknowledged state, and what that state looks like.
type filledHub struct {
	*hubProcess
	pristine string // copy of the data directory
	want     string
	operator string // content of the operator's context file
}

func newFilledHub(t *testing.T) *filledHub {
	t.Helper()
	f := &filledHub{hubProcess: newHub(t)}
	f.start()
	f.do("trust-domain", "create", "north")
	f.do("trust-domain", "create", "south")
	f.do("sm", "register", "alpha", "--trust-domain", "north", "--out", "alpha")
	f.do("sm", "register", "beta", "--trust-domain", "south", "--mode", "fully-active", "--out", "beta")
	f.do("sm", "set-mode", "alpha", "semi-active", "--trust-domain", "north")
	f.do("trust-domain", "note", "south", "kept")
	f.want, f.operator = f.state(), f.readContext()
	f.stop()
	f.pristine = filepath.Join(f.home, "pristine")
	copyTree(t, f.data, f.pristine)
	return f
}

func (f *filledHub) restore() { copyTree(f.t, f.pristine, f.data) }

// state is everything that was acknowledged, but the notices of the hub itself.
func (f *filledHub) state() string {
	f.t.Helper()
	var b strings.Builder
	for _, verb := range []string{"trust-domain list -o json", "sm list -o json", "trust-domain records north -o json", "trust-domain records south -o json"} {
		b.WriteString(f.do(strings.Fields(verb)...))
	}
	return b.String()
}

func (f *filledHub) readContext() string {
	f.t.Helper()
	raw, err := os.ReadFile(f.file("operator.context.json"))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(raw)
}

// damages are ways in which a file gets lost or altered.
var damages = []struct {
	name string
	do   func(path string, raw []byte) error
}{
	{"half", func(path string, raw []byte) error { return os.WriteFile(path, raw[:len(raw)/2], 0o600) }},
	{"empty", func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) }},
	{"gone", func(path string, _ []byte) error { return os.Remove(path) }},
	{"bit early", func(path string, raw []byte) error { return flipBit(path, raw, 0, 3) }},
	{"bit middle", func(path string, raw []byte) error { return flipBit(path, raw, 1, 3) }},
	{"bit late", func(path string, raw []byte) error { return flipBit(path, raw, 2, 3) }},
}

// Property: whatever file below bus/ is truncated, altered or removed, the hub
// refuses to start and says what is wrong, or everything that was acknowledged
// is there. It never starts as if all were well with less.
//
// Every file is damaged, in one way (the blocks with the messages in two), or with
// MANOWARD_SOAK in every way.
//
// "Must hold" of issue 2: a truncated or bit-flipped stream file.
func TestSoak_DamagedBus(t *testing.T) {
	t.Parallel()
	f := newFilledHub(t)
	var files []string
	err := filepath.WalkDir(filepath.Join(f.pristine, "bus"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, _ := filepath.Rel(f.pristine, path) // below it, so it has one
			files = append(files, rel)
		}
		return err
	})
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files below bus/: %v", len(files), err)
	}
	refused, whole := 0, 0
	for n, file := range files {
		for d, damage := range damages {
			if each := damagesPerFile(file); (n+d)%(len(damages)/each) != 0 {
				continue
			}
			f.restore()
			path := f.file(file)
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(raw) == 0 {
				continue
			}
			if err := damage.do(path, raw); err != nil {
				t.Fatal(err)
			}
			if f.noticed(t, file, damage.name) {
				refused++
			} else {
				whole++
			}
		}
	}
	t.Logf("%d files, %d damages: %d refused at start, %d without loss", len(files), refused+whole, refused, whole)
	if refused == 0 || whole == 0 {
		t.Error("one of the two outcomes never came about; the test damages nothing, or everything")
	}
}

// damagesPerFile is how many of the damages a file is to meet; it divides their number.
func damagesPerFile(file string) int {
	switch {
	case os.Getenv("MANOWARD_SOAK") != "":
		return len(damages)
	case strings.HasSuffix(file, ".blk"):
		return 2
	default:
		return 1
	}
}

// noticed starts a hub with a damage and reports whether it refused; if not,
// everything must be there.
func (f *filledHub) noticed(t *testing.T, file, damage string) (refused bool) {
	t.Helper()
	err := f.tryStart()
	var r *startRefusal
	switch {
	case errors.As(err, &r):
		lines := strings.Split(strings.TrimSpace(r.text), "\n")
		last := lines[len(lines)-1]
		if r.code == 0 || !strings.HasPrefix(last, "manoward: ") || strings.Contains(last, "internal error") {
			t.Errorf("%s, %s: exit code %d and no clear line:\n%s", file, damage, r.code, r.text)
		}
		t.Logf("%s, %s: exit code %d, %s", file, damage, r.code, last)
		return true
	case err != nil:
		t.Fatal(err)
	}
	if got := f.state(); got != f.want {
		t.Errorf("%s, %s: the hub runs, and what was acknowledged is not all there", file, damage)
	}
	if f.readContext() != f.operator {
		t.Errorf("%s, %s: the operator's credential was made anew", file, damage)
	}
	f.kill()
	return false
}
