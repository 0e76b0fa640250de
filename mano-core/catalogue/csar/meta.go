package csar

import (
	"bytes"
	"strings"
)

// toscaMeta is what TOSCA-Metadata/TOSCA.meta says (TOSCA Simple Profile in YAML
// 1.1 clause 6.2, SOL 004 clause 4.1.2): a first block about the package, then
// perhaps a block for each of some files.
type toscaMeta struct {
	entries  map[string]string // of the first block; keys in lower case
	sources  []sourceEntry
	problems problems
}

// parseToscaMeta reads TOSCA.meta. It reads on after each problem.
func parseToscaMeta(data []byte) *toscaMeta {
	m := &toscaMeta{entries: map[string]string{}}
	var entry *sourceEntry
	flush := func() {
		if entry != nil {
			m.sources = append(m.sources, *entry)
			entry = nil
		}
	}
	n := 0
	for raw := range bytes.Lines(data) {
		n++
		text := strings.TrimSpace(string(raw))
		if text == "" {
			flush()
			continue
		}
		key, value, ok := strings.Cut(text, ":")
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		switch {
		case strings.HasPrefix(text, "#"):
		case !isText(text):
			m.problems.add(n, notText)
		case !ok:
			m.problems.add(n, "there is no %q after the keyword", ":")
		case key == "name" || key == "source":
			flush()
			entry = newSource(n, value)
			entry.inMeta = true
		case entry != nil:
			if entry.has[key] {
				m.problems.add(n, "keyword %s occurs twice in one block", quote(key))
			}
			entry.set(key, value) // others, such as Content-Type, say nothing about integrity
		default:
			m.first(n, key, value)
		}
	}
	flush()
	return m
}

// first reads a line of the first block.
func (m *toscaMeta) first(n int, key, value string) {
	if _, twice := m.entries[key]; twice {
		m.problems.add(n, "keyword %s occurs twice", quote(key))
		return
	}
	m.entries[key] = value
}

// etsi returns an entry by its name of SOL 004, or by that of the editions before
// 2.5.1, which lacked the prefix.
func (m *toscaMeta) etsi(name string) string {
	if v, ok := m.entries["etsi-entry-"+name]; ok {
		return v
	}
	return m.entries["entry-"+name]
}
