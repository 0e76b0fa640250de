package httpapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// maxSelectorLen and maxSelected bound an attribute selector, in bytes and paths.
const (
	maxSelectorLen = 4 << 10
	maxSelected    = 64
)

// Selector says which attributes of a resource go into an answer (SOL 013 clause
// 5.3). Only complex attributes, objects and arrays, are ever left out; simple
// ones stay. It is immutable and safe for concurrent use.
type Selector struct {
	only    bool       // leave out what include does not name
	include []pathList // of fields
	exclude []pathList // of exclude_fields or the defaults
	keep    []pathList // attributes that the data type requires
	text    string     // canonical, for the page marker
}

// pathList is the names along one path.
type pathList []string

// ParseSelector reads all_fields, fields, exclude_fields and exclude_default from
// a query. excludeDefault are the paths that the resource leaves out by default,
// required those of complex attributes that are never left out, such as "_links".
// Without a selector the defaults are left out. Selectors that contradict each
// other are a hub.Invalid.
func ParseSelector(q Query, excludeDefault, required []string) (*Selector, error) {
	bad := func(text string) (*Selector, error) {
		return nil, hub.E(hub.Invalid, "read attribute selector", text, nil)
	}
	all, fields, exclude, byDefault := q.Has("all_fields"), q.Has("fields"), q.Has("exclude_fields"), q.Has("exclude_default")
	for _, flag := range []string{"all_fields", "exclude_default"} {
		if q.Get(flag) != "" {
			return bad(flag + " is a flag; send it without a value")
		}
	}
	switch {
	case all && (fields || exclude || byDefault):
		return bad("all_fields cannot stand with another selector")
	case fields && exclude:
		return bad("fields and exclude_fields cannot stand together")
	case exclude && byDefault:
		return bad("exclude_fields and exclude_default cannot stand together")
	}
	s := &Selector{keep: splitPaths(required)}
	var err error
	switch {
	case all:
		s.text = "all_fields"
	case fields:
		s.only = true
		s.text = "fields=" + q.Get("fields")
		s.include, err = parsePaths("fields", q.Get("fields"))
		if byDefault {
			// The defaults are left out but for what fields names; all else stays.
			s.only, s.exclude = false, splitPaths(excludeDefault)
			s.text += "&exclude_default"
		}
	case exclude:
		s.text = "exclude_fields=" + q.Get("exclude_fields")
		s.exclude, err = parsePaths("exclude_fields", q.Get("exclude_fields"))
	default:
		s.exclude = splitPaths(excludeDefault)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func splitPaths(paths []string) []pathList {
	lists := make([]pathList, len(paths))
	for i, p := range paths {
		lists[i] = strings.Split(p, "/")
	}
	return lists
}

func parsePaths(param, s string) ([]pathList, error) {
	bad := func(text string) ([]pathList, error) {
		return nil, hub.E(hub.Invalid, "read attribute selector", param+" "+text, nil)
	}
	if len(s) > maxSelectorLen {
		return bad(fmt.Sprintf("is longer than %d bytes", maxSelectorLen))
	}
	var lists []pathList
	for path := range strings.SplitSeq(s, ",") {
		var list pathList
		for name := range strings.SplitSeq(path, "/") {
			step, ok := newPathStep(name)
			if !ok || step.keys {
				return bad(fmt.Sprintf("holds %q where an attribute path belongs, names joined by /", clip(path)))
			}
			list = append(list, step.name)
		}
		if lists = append(lists, list); len(lists) > maxSelected {
			return bad(fmt.Sprintf("names more than %d attributes", maxSelected))
		}
	}
	return lists, nil
}

// All says whether the selector leaves every resource as it is.
func (s *Selector) All() bool { return !s.only && len(s.exclude) == 0 }

// LeavesOut says whether a complex attribute, by its path such as "a/b", is not in
// an answer, nor anything in it: then it need not be read for the answer.
func (s *Selector) LeavesOut(path string) bool {
	list := pathList(strings.Split(path, "/"))
	for i := range list {
		if v := s.decide(list[:i+1]); v != lookInside {
			return v == leaveOut
		}
	}
	return false
}

// Apply removes from resource, JSON in maps and slices, what is not selected. It
// changes resource.
func (s *Selector) Apply(resource map[string]any) {
	if !s.All() {
		s.apply(resource, nil)
	}
}

func (s *Selector) apply(object map[string]any, at pathList) {
	for name, value := range object {
		if !isComplex(value) {
			continue
		}
		path := append(slices.Clone(at), name)
		switch s.decide(path) {
		case leaveOut:
			delete(object, name)
		case lookInside:
			s.applyInside(value, path)
		}
	}
}

func (s *Selector) applyInside(value any, at pathList) {
	switch v := value.(type) {
	case map[string]any:
		s.apply(v, at)
	case []any:
		for _, item := range v {
			s.applyInside(item, at)
		}
	}
}

type verdict int

const (
	keepWhole verdict = iota
	leaveOut
	lookInside
)

// decide judges one complex attribute by its path.
func (s *Selector) decide(path pathList) verdict {
	if slices.ContainsFunc(s.keep, path.equal) || slices.ContainsFunc(s.include, path.within) {
		return keepWhole
	}
	partly := slices.ContainsFunc(s.include, path.contains) || slices.ContainsFunc(s.keep, path.contains)
	switch {
	case s.only && !partly, !s.only && !partly && slices.ContainsFunc(s.exclude, path.within):
		return leaveOut
	case s.only || partly || slices.ContainsFunc(s.exclude, path.contains):
		return lookInside
	}
	return keepWhole
}

func (p pathList) equal(q pathList) bool { return slices.Equal(p, q) }

// within says whether p is q or lies below it.
func (p pathList) within(q pathList) bool { return len(p) >= len(q) && slices.Equal(p[:len(q)], q) }

// contains says whether q lies below p.
func (p pathList) contains(q pathList) bool { return len(q) > len(p) && slices.Equal(q[:len(p)], p) }

func isComplex(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

func (p pathList) String() string { return strings.Join(p, "/") }
