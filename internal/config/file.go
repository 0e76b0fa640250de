package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// file takes the values of a YAML file. name is its name in messages.
func (l *loader) file(name string, data []byte) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return // an empty file sets nothing
	}
	if err == nil {
		if err = dec.Decode(&more); err == nil {
			l.problem(at(name, &more), "a second document begins here; keep one")
			return
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		l.syntax(name, err)
		return
	}
	f := &fileReader{loader: l, name: name}
	f.section("", doc.Content[0], reflect.ValueOf(l.cfg).Elem())
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntax notes what the YAML parser says.
func (l *loader) syntax(name string, err error) {
	text, _, _ := strings.Cut(err.Error(), "\n")
	place := name
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		if m[1] != "" {
			place += ":" + m[1]
		}
		text = m[2]
	}
	l.problem(place, "this is not YAML: %s", text)
}

func at(name string, n *yaml.Node) string { return fmt.Sprintf("%s:%d", name, n.Line) }

// fileReader takes the nodes of a YAML file apart by the shape of [Config],
// instead of having the library do it, to tell all problems with their lines.
type fileReader struct {
	*loader
	name string
}

// section reads a mapping into the struct s. prefix is the path of s with a dot.
func (f *fileReader) section(prefix string, n *yaml.Node, s reflect.Value) {
	if isNull(n) {
		return // written without a value: nothing is set
	}
	if n.Kind != yaml.MappingNode {
		f.wrong(strings.TrimSuffix(prefix, "."), n, "a group of the keys "+strings.Join(names(s), ", "))
		return
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			f.problem(at(f.name, k), "a key must be one word; the keys here are %s", strings.Join(names(s), ", "))
			continue
		}
		if line, twice := seen[k.Value]; twice {
			f.problem(at(f.name, k), "key %q is written twice, first in line %d; keep one", prefix+clip(k.Value), line)
			continue
		}
		seen[k.Value] = k.Line
		index := slices.Index(names(s), k.Value)
		if index < 0 {
			f.unknown(prefix, k, s)
			continue
		}
		f.value(prefix+k.Value, v, s.Field(index))
	}
}

// unknown notes a key that does not exist, with the one that may be meant: one
// of the same section, or else the same word anywhere.
func (f *fileReader) unknown(prefix string, k *yaml.Node, s reflect.Value) {
	hint := didYouMean(k.Value, names(s))
	for _, other := range f.cfg.keys() {
		if hint == "" && strings.EqualFold(other.path[strings.LastIndex(other.path, ".")+1:], k.Value) {
			hint = fmt.Sprintf("; did you mean %q?", other.path)
		}
	}
	if hint == "" {
		hint = "; the keys here are " + strings.Join(names(s), ", ")
	}
	f.problem(at(f.name, k), "there is no key %q%s", prefix+clip(k.Value), hint)
}

func (f *fileReader) value(path string, n *yaml.Node, v reflect.Value) {
	switch list := v.Addr().Interface().(type) {
	case *[]string:
		f.texts(path, n, list)
	default:
		switch {
		case isEntries(v):
			f.entries(path, n, v)
		case isSection(v):
			f.section(path+".", n, v)
		default:
			f.scalar(path, n, v)
		}
	}
}

// scalar reads one value. YAML's own guess of its type must fit, so that a text
// that looks like a number is written in quotes.
func (f *fileReader) scalar(path string, n *yaml.Node, v reflect.Value) {
	if isNull(n) {
		return
	}
	fits := n.Kind == yaml.ScalarNode
	switch v.Interface().(type) {
	case bool:
		fits = fits && n.ShortTag() == "!!bool"
	case int:
		fits = fits && n.ShortTag() == "!!int"
	case Renewal:
		fits = fits && (n.ShortTag() == "!!float" || n.ShortTag() == "!!str")
	case string:
		if fits && n.ShortTag() != "!!str" {
			f.wrong(path, n, "text; put it in quotes")
			return
		}
	default:
		fits = fits && n.ShortTag() == "!!str"
	}
	if !fits {
		f.wrong(path, n, expected(v))
		return
	}
	f.set(key{path: path, value: v}, at(f.name, n), n.Value)
}

func (f *fileReader) texts(path string, n *yaml.Node, list *[]string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		f.wrong(path, n, `a list, like [a, b]`)
		return
	}
	*list = nil
	f.cfg.origins[path] = at(f.name, n)
	for i, item := range n.Content {
		var text string
		entry, before := fmt.Sprintf("%s[%d]", path, i), len(f.problems)
		f.scalar(entry, item, reflect.ValueOf(&text).Elem())
		switch {
		case len(f.problems) > before:
		case text == "" || strings.Contains(text, ","):
			f.problem(at(f.name, item), "%s: an entry is a text without commas", entry)
		default:
			*list = append(*list, text)
		}
	}
}

// entries reads a list whose entries have keys.
func (f *fileReader) entries(path string, n *yaml.Node, list reflect.Value) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		first := names(reflect.New(list.Type().Elem()).Elem())[0]
		f.wrong(path, n, fmt.Sprintf(`a list with one entry ("- %s: …") for each %s`, first, strings.TrimSuffix(strings.TrimPrefix(expected(list), "a list of "), "s")))
		return
	}
	f.cfg.origins[path] = at(f.name, n)
	list.SetZero()
	if len(n.Content) > 0 {
		list.Set(reflect.MakeSlice(list.Type(), len(n.Content), len(n.Content)))
	}
	for i, item := range n.Content {
		entry := fmt.Sprintf("%s[%d]", path, i)
		f.cfg.origins[entry] = at(f.name, item)
		f.section(entry+".", item, list.Index(i))
	}
}

// wrong notes a value of the wrong type. It does not show the value, which may
// be anything.
func (f *fileReader) wrong(path string, n *yaml.Node, want string) {
	if path == "" {
		path = "the file"
	}
	got := map[yaml.Kind]string{
		yaml.ScalarNode: "a single value", yaml.SequenceNode: "a list", yaml.MappingNode: "a group of keys", yaml.AliasNode: "an alias",
	}[n.Kind]
	if n.Kind == yaml.ScalarNode {
		if kind := map[string]string{"!!str": "text", "!!int": "a whole number", "!!float": "a number", "!!bool": "true or false", "!!timestamp": "a date"}[n.ShortTag()]; kind != "" {
			got = kind
		}
	}
	f.problem(at(f.name, n), "%s is %s; expected %s", path, got, want)
	f.unread[path] = true
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// names lists the keys of a section, at the index of their fields: a field
// without a key comes last.
func names(s reflect.Value) []string {
	var list []string
	for i := range s.NumField() {
		if name := s.Type().Field(i).Tag.Get("yaml"); name != "" {
			list = append(list, name)
		}
	}
	return list
}
