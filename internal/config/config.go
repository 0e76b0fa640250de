// Package config reads how a hub is set up: from the command line, from
// variables of the environment, from one YAML file, and from defaults, in this
// order of precedence. [Config] is all that can be set, and its comments are the
// manual.
//
// Nothing is guessed: a key that does not exist, a value of the wrong type, a key
// that is written twice and values that contradict each other are all refused,
// and all are told at once, each with its place and a way to mend it. No key
// holds a secret; where one is needed, a key names the file that holds it.
package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// Sources is where a configuration is read from.
type Sources struct {
	File  string            // path of a YAML file; empty: there is none
	Env   []string          // variables as of [os.Environ]; only those that begin with MANOWARD_ count
	Flags map[string]string // values from the command line, by path of the key: "listen.scOr"
}

const opLoad = "read configuration"

// maxFile is the longest configuration file that is read, in bytes.
const maxFile = 1 << 20

// Load reads the configuration from all sources and checks it. If something is
// wrong with it, all of that is in the text of one [hub.Invalid] error, one
// problem a line. A list in a flag or a variable is separated by commas; an empty
// variable counts as none.
func Load(src Sources) (*Config, error) {
	l := newLoader()
	if src.File != "" {
		data, err := readFile(src.File)
		if err != nil {
			return nil, err
		}
		l.file(filepath.Base(src.File), data)
	}
	l.env(src.Env)
	l.flags(src.Flags)
	l.check()
	if err := l.err(); err != nil {
		return nil, err
	}
	return l.cfg, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, hub.E(hub.Invalid, opLoad, fmt.Sprintf("configuration file %s cannot be read; correct the path, or start without one", path), err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, hub.E(hub.Invalid, opLoad, fmt.Sprintf("configuration file %s is not a file of at most %d bytes", path, maxFile), nil)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, hub.E(hub.Invalid, opLoad, fmt.Sprintf("configuration file %s cannot be read by this user", path), err)
	}
	return data, nil
}

// loader collects values and problems.
type loader struct {
	cfg      *Config
	problems []string
	unread   map[string]bool // paths of the values that could not be read
}

func newLoader() *loader { return &loader{cfg: Default(), unread: make(map[string]bool)} }

// problem notes what is wrong at a place: a line of a file, a variable.
func (l *loader) problem(place, format string, args ...any) {
	l.problems = append(l.problems, place+": "+fmt.Sprintf(format, args...))
}

func (l *loader) err() error {
	switch len(l.problems) {
	case 0:
		return nil
	case 1:
		return hub.E(hub.Invalid, opLoad, l.problems[0], nil)
	}
	text := fmt.Sprintf("%d problems:\n%s", len(l.problems), strings.Join(l.problems, "\n"))
	return hub.E(hub.Invalid, opLoad, text, nil)
}

const envPrefix = "MANOWARD_"

// reserved are the variables that are read elsewhere.
var reserved = map[string]bool{"MANOWARD_CONTEXT": true, "MANOWARD_SHARED": true, "MANOWARD_SOAK": true}

// env takes the variables.
func (l *loader) env(environ []string) {
	values := make(map[string]string)
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, envPrefix) && !reserved[name] && !strings.Contains(name, "_TEST_") && value != "" {
			values[name] = value
		}
	}
	keys := make(map[string]key)
	for _, k := range l.cfg.keys() {
		if k.env != "" {
			keys[k.env] = k
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		k, ok := keys[name]
		if !ok {
			l.problem(name, "there is no such setting%s", didYouMean(name, slices.Collect(maps.Keys(keys))))
			continue
		}
		l.set(k, name, values[name])
	}
}

// flags takes the values from the command line.
func (l *loader) flags(flags map[string]string) {
	const place = "command line"
	keys := make(map[string]key)
	for _, k := range l.cfg.keys() {
		if k.env != "" { // what no variable can hold, no flag can
			keys[k.path] = k
		}
	}
	for _, path := range slices.Sorted(maps.Keys(flags)) {
		k, ok := keys[path]
		if !ok {
			l.problem(place, "there is no key %q%s", path, didYouMean(path, slices.Collect(maps.Keys(keys))))
			continue
		}
		l.set(k, place, flags[path])
	}
}

// set gives a key the value that text says.
func (l *loader) set(k key, place, text string) {
	if err := parse(k.value, text); err != nil {
		l.problem(place, "%s: %v", k.path, err)
		l.unread[k.path] = true
		return
	}
	maps.DeleteFunc(l.cfg.origins, func(path, _ string) bool { return strings.HasPrefix(path, k.path+"[") })
	l.cfg.origins[k.path] = place
}
