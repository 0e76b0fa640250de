package sol001

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// typeDef is a type that the package defines.
type typeDef struct {
	parent string
	body   *node
}

// template is one file's topology.
type template struct {
	file     string
	metadata *node
	topology *node
}

// model is a service template with all it imports from its package.
type model struct {
	files     fs.FS
	left      int // values that may still be read
	work      int // that may still be done with them
	loaded    map[string]bool
	types     map[string]map[string]typeDef // by section (node_types, ...) and name
	roots     map[string]string             // what rootOf found, by section and name
	templates []template                    // the entry first
}

// typeSections are the parts of a service template that define types.
var typeSections = []string{"node_types", "policy_types", "group_types", "data_types", "artifact_types"}

// load reads the service template at entry and what it imports.
func load(files fs.FS, entry string) (*model, error) {
	m := &model{files: files, left: maxNodes, work: maxWork, loaded: map[string]bool{}, types: map[string]map[string]typeDef{}, roots: map[string]string{}}
	for _, s := range typeSections {
		m.types[s] = map[string]typeDef{}
	}
	clean, ok := inside(".", entry)
	if !ok {
		return nil, fault(clip(entry), 0, "the path leads out of the package; name a file in it")
	}
	if err := m.read(clean, "", 0); err != nil {
		return nil, err
	}
	return m, nil
}

// filesRead lists the files that the descriptor was read from.
func (m *model) filesRead() []string { return slices.Sorted(maps.Keys(m.loaded)) }

// inside joins a reference to the folder it stands in, within the package.
func inside(dir, ref string) (string, bool) {
	if strings.HasPrefix(ref, "/") || strings.ContainsAny(ref, "\\\x00") {
		return "", false
	}
	p := path.Join(dir, ref)
	return p, fs.ValidPath(p) && p != "."
}

// read loads a file that from imports at a line. A file that was read already,
// as in a circle of imports, is not read again.
func (m *model) read(name, from string, line int) error {
	if m.loaded[name] {
		return nil
	}
	if len(m.loaded) == maxFiles {
		return fault(from, line, "the descriptor has more than %d files; use fewer imports", maxFiles)
	}
	m.loaded[name] = true
	data, err := readFile(m.files, name, from, line)
	if err != nil {
		return err
	}
	root, err := treeMaker{name, &m.left}.parse(data)
	if err != nil {
		return err
	}
	if v := root.get("tosca_definitions_version"); v != nil && !strings.HasPrefix(v.text, "tosca_simple_") {
		return fault(name, v.line, "tosca_definitions_version %q is not supported; SOL 001 uses tosca_simple_yaml_1_x", clip(v.text))
	}
	if err := m.learn(root); err != nil {
		return err
	}
	if t := root.get("topology_template"); t != nil && t.isMap {
		m.templates = append(m.templates, template{name, root.get("metadata"), t})
	}
	return m.imports(root.get("imports"), path.Dir(name))
}

func readFile(files fs.FS, name, from string, line int) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		at := from
		if at == "" {
			at = name
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault(at, line, "the package has no file %q; add it or correct the name", clip(name))
		}
		var coded *hub.Error
		if errors.As(err, &coded) {
			return nil, coded
		}
		return nil, fault(at, line, "the file %q cannot be opened", clip(name))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, hub.E(hub.Unprocessable, "read descriptor", clip(name)+": it cannot be read to its end; build the package again", err)
	case len(data) > maxFile:
		return nil, fault(name, 0, "it is larger than %d bytes; make it smaller", maxFile)
	}
	return data, nil
}

// learn notes the types that a file defines. ETSI's own are built in, so what a
// package says about them does not count.
func (m *model) learn(root *node) error {
	for _, section := range typeSections {
		for name, body := range root.get(section).named() {
			if builtIn(name) {
				continue
			}
			if old, twice := m.types[section][name]; twice {
				return fault(body.file, body.line, "the type %s is defined in %s, line %d, too; keep one", clip(name), old.body.file, old.body.line)
			}
			parent := ""
			if d := body.get("derived_from"); d != nil {
				parent = d.text
			}
			m.types[section][name] = typeDef{parent, body}
		}
	}
	return nil
}

// imports follows the import list of a file: "file", {file: ...}, {name: file}
// and {name: {file: ...}} (TOSCA Simple Profile clause 3.5.8).
func (m *model) imports(list *node, dir string) error {
	if list == nil {
		return nil
	}
	for _, item := range list.list {
		ref := item
		if item.isMap {
			ref = item.get("file")
			if ref == nil && len(item.keys) == 1 {
				ref = item.fields[item.keys[0]]
				if ref.isMap {
					ref = ref.get("file")
				}
			}
		}
		if ref == nil || ref.text == "" {
			return fault(item.file, item.line, "an import names no file; write the path of a file in the package")
		}
		if err := m.follow(ref, dir); err != nil {
			return err
		}
	}
	return nil
}

func (m *model) follow(ref *node, dir string) error {
	if TypeFile(ref.text) {
		return nil
	}
	if strings.Contains(ref.text, "://") {
		return fault(ref.file, ref.line, "the import %q is outside of the package and nothing is fetched; put the file into the package", clip(ref.text))
	}
	name, ok := inside(dir, ref.text)
	if !ok {
		return fault(ref.file, ref.line, "the import %q leads out of the package; name a file in it", clip(ref.text))
	}
	return m.read(name, ref.file, ref.line)
}

// TypeFile says whether an import is one of the type definition files of SOL 001
// annex A, by path or by URL. What they define is known here, so they are not
// read.
func TypeFile(ref string) bool {
	base := strings.ToLower(path.Base(ref))
	return strings.HasPrefix(base, "etsi_nfv_sol001_") && (strings.HasSuffix(base, ".yaml") || strings.HasSuffix(base, ".yml"))
}

// builtIn says whether a type is ETSI's or TOSCA's own.
func builtIn(name string) bool {
	return strings.HasPrefix(name, "tosca.")
}

// rootOf follows a type to the ETSI or TOSCA type that it derives from; "" if it
// derives from none. It is asked of each template many times, and follows each
// type once.
func (m *model) rootOf(section, name string) string {
	key := section + " " + name
	root, known := m.roots[key]
	if !known {
		root = m.followType(section, name)
		m.roots[key] = root
	}
	return root
}

func (m *model) followType(section, name string) string {
	for range maxFiles * maxDepth {
		if builtIn(name) {
			return name
		}
		def, ok := m.types[section][name]
		if !ok {
			return ""
		}
		name = def.parent
	}
	return "" // a circle
}

// declared returns what a type and those it derives from say of a property, the
// nearest first.
func (m *model) declared(section, typeName, property string) *node {
	for range maxDepth {
		def, ok := m.types[section][typeName]
		if !ok {
			return nil
		}
		if p := def.body.get("properties", property); p != nil {
			return p
		}
		typeName = def.parent
	}
	return nil
}
