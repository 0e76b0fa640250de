package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/policies/library"
)

// builtIn is the word for the policies that are built in.
const builtIn = "library"

// policyFiles are policies on this machine, before anything has looked at them:
// a folder, some files, a bundle, or the built-in library.
type policyFiles struct {
	files  fs.FS  // nil for a bundle
	local  bool   // files that a person edits
	bundle []byte // as read
	keys   policyKeys
	name   string                   // of the whole, as the user wrote it
	shown  func(file string) string // path of a file, as the user would write it
}

// policyKeys say who must have signed a bundle.
type policyKeys struct{ file, id string }

func (k *policyKeys) flags(c *cobra.Command) {
	c.Flags().StringVar(&k.file, "key", "", "public key or certificate, PEM, that a bundle must be signed with")
	c.Flags().StringVar(&k.id, "key-id", "", "id of that key, which the bundle must state")
}

// openPolicies finds out what the paths are.
func openPolicies(paths []string, keys policyKeys) (*policyFiles, error) {
	if len(paths) == 1 && paths[0] == builtIn {
		return &policyFiles{files: library.FS(), name: builtIn, shown: func(f string) string { return path.Join(builtIn, f) }}, nil
	}
	for _, p := range paths {
		info, err := os.Stat(p)
		switch {
		case err != nil:
			return nil, hub.E(hub.Invalid, "read policies", fmt.Sprintf("%s cannot be read: %v; name a folder of policies, *.rego files, a bundle, or %q", p, pathCause(err), builtIn), nil)
		case !info.IsDir() && !info.Mode().IsRegular():
			return nil, hub.E(hub.Invalid, "read policies", fmt.Sprintf("%s is neither a folder nor a plain file; name a folder of policies, *.rego files, or a bundle", p), nil)
		case info.IsDir() && len(paths) > 1:
			return nil, usage("%s is a folder; name one folder, or files, and not both", p)
		case info.IsDir():
			return &policyFiles{files: os.DirFS(p), local: true, name: p, shown: func(f string) string { return filepath.Join(p, f) }}, nil
		}
	}
	if ext := filepath.Ext(paths[0]); len(paths) == 1 && ext != ".rego" && ext != ".yaml" {
		return openBundle(paths[0], keys)
	}
	return openFiles(paths)
}

// gzipMagic begins every gzipped file.
var gzipMagic = []byte{0x1f, 0x8b}

func openBundle(file string, keys policyKeys) (*policyFiles, error) {
	raw, err := readLimited(file, policies.MaxBundle)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(raw, gzipMagic) {
		return nil, hub.E(hub.Invalid, "read policies", fmt.Sprintf("%s is no *.rego file and no bundle; make bundles with: manoward policy sign", file), nil)
	}
	return &policyFiles{bundle: raw, keys: keys, name: file, shown: func(f string) string { return file + "!" + f }}, nil
}

// openFiles makes a set of files: the policies that are named, and the files of
// samples beside them.
func openFiles(paths []string) (*policyFiles, error) {
	shown := map[string]string{} // by absolute path, as the user wrote it
	for _, p := range paths {
		if ext := filepath.Ext(p); ext != ".rego" && ext != ".yaml" {
			return nil, usage("%s is no file of policies; name *.rego files, or one bundle", p)
		}
		beside, err := filepath.Glob(filepath.Join(globQuote(filepath.Dir(p)), "*.yaml"))
		if err != nil {
			return nil, err
		}
		for _, f := range append(beside, p) {
			abs, err := filepath.Abs(f)
			if err != nil {
				return nil, hub.E(hub.Invalid, "read policies", fmt.Sprintf("%s cannot be found: %v", f, pathCause(err)), nil)
			}
			shown[abs] = f
		}
	}
	c := chosen{names: map[string]bool{}}
	top := ""
	for abs := range shown {
		for top == "" || !within(top, abs) {
			if top == "" {
				top = filepath.Dir(abs)
			} else {
				top = filepath.Dir(top)
			}
		}
	}
	byName := map[string]string{}
	for abs, as := range shown {
		rel, err := filepath.Rel(top, abs)
		if err != nil {
			return nil, hub.E(hub.Invalid, "read policies", fmt.Sprintf("%s cannot be found: %v", as, err), nil)
		}
		name := filepath.ToSlash(rel)
		byName[name] = as
		for ; name != "."; name = path.Dir(name) {
			c.names[name] = true
		}
	}
	c.FS = os.DirFS(top)
	return &policyFiles{files: c, local: true, name: strings.Join(paths, " "), shown: func(f string) string { return byName[f] }}, nil
}

func within(folder, file string) bool {
	return strings.HasPrefix(file, strings.TrimSuffix(folder, string(filepath.Separator))+string(filepath.Separator))
}

// globQuote makes of a path a pattern that is that path alone.
func globQuote(p string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(p)
}

// chosen shows the chosen files of a folder, and nothing else.
type chosen struct {
	fs.FS
	names map[string]bool // files, and the folders above them
}

// ReadDir is part of fs.ReadDirFS.
func (c chosen) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(c.FS, name)
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool { return !c.names[path.Join(name, e.Name())] }), err
}

// readLimited reads a file that must not be larger than most bytes.
func readLimited(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, hub.E(hub.Invalid, "read file", fmt.Sprintf("%s cannot be read: %v; correct the path", file, pathCause(err)), nil)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, hub.E(hub.Invalid, "read file", fmt.Sprintf("%s cannot be read: %v; correct the path", file, pathCause(err)), nil)
	case len(raw) == 0:
		return nil, hub.E(hub.Invalid, "read file", fmt.Sprintf("%s is empty; is it the right file?", file), nil)
	case int64(len(raw)) > most:
		return nil, hub.E(hub.Invalid, "read file", fmt.Sprintf("%s is larger than %d bytes, which is the most that is read; is it the right file?", file, most), nil)
	}
	return raw, nil
}

// options are what policies are loaded with.
func policyOptions() (policies.Options, error) {
	schemas, err := policies.OwnSchemas()
	return policies.Options{Schemas: schemas}, err
}

// verification returns the key that a bundle must be signed with.
func (k policyKeys) verification() ([]policies.VerificationKey, error) {
	if k.file == "" || k.id == "" {
		return nil, usage("a bundle is read only when its signature is verified: give --key FILE and --key-id ID")
	}
	raw, err := readLimited(k.file, 1<<20)
	if err != nil {
		return nil, err
	}
	return []policies.VerificationKey{{ID: k.id, PEM: string(raw)}}, nil
}

// load makes a set of the files.
func (f *policyFiles) load(ctx context.Context) (*policies.Set, error) {
	set, problems, err := f.try(ctx)
	if err != nil {
		return nil, err
	}
	return set, f.refusal(problems, mostProblems)
}

// try makes a set of the files, or says what is wrong with them.
func (f *policyFiles) try(ctx context.Context) (*policies.Set, []policies.Problem, error) {
	o, err := policyOptions()
	if err != nil {
		return nil, nil, err
	}
	if f.files != nil {
		set, problems := policies.Load(ctx, f.files, o)
		return set, f.show(problems), nil
	}
	keys, err := f.keys.verification()
	if err != nil {
		return nil, nil, err
	}
	set, problems, err := policies.LoadBundle(ctx, f.bundle, keys, f.keys.id, o)
	return set, f.show(problems), err
}

// show names the files of problems as the user would.
func (f *policyFiles) show(problems []policies.Problem) []policies.Problem {
	for i, p := range problems {
		if p.File == "" {
			problems[i].File = f.name
		} else {
			problems[i].File = f.shown(p.File)
		}
	}
	return problems
}

// mostProblems is how many problems a verb prints that is not there to find
// them.
const mostProblems = 10

// refusal returns an error with a line for each problem, or nil when none of
// them is an error.
func (f *policyFiles) refusal(problems []policies.Problem, most int) error {
	var lines []string
	bad := false
	for _, p := range problems {
		lines = append(lines, p.String())
		bad = bad || p.Level == policies.LevelError
	}
	if !bad {
		return nil
	}
	text := lines[0]
	if n := len(lines); n > 1 {
		if n > most {
			lines = append(lines[:most], fmt.Sprintf("and %d more; list them with: manoward policy check %s", n-most, f.name))
		}
		text = fmt.Sprintf("%d problems:\n%s", n, strings.Join(lines, "\n"))
	}
	return hub.E(hub.Unprocessable, "load policies", text, nil)
}
