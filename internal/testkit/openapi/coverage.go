package openapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Validator holds exchanges against the files of its APIs. Make it with [Load].
// Any number of goroutines may use it.
type Validator struct {
	t    testing.TB
	docs []*document

	mu     sync.Mutex
	ignore []string
	seen   map[string]map[int]int // operation -> status -> times
}

// Ignore lets requests pass whose path begins with one of the prefixes, such as
// "/manoward/": what the files know nothing of.
func (v *Validator) Ignore(prefixes ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ignore = append(v.ignore, prefixes...)
}

func (v *Validator) ignored(path string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.ContainsFunc(v.ignore, func(p string) bool { return strings.HasPrefix(path, p) })
}

// report fails the test once for each problem.
func (v *Validator) report(where string, problems []string) {
	for _, p := range problems {
		v.t.Errorf("%s: %s", where, p)
	}
}

// count remembers an exchange. What the files do not have is no operation.
func (v *Validator) count(o operation, status int) {
	if o.op == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seen[o.String()] == nil {
		v.seen[o.String()] = map[int]int{}
	}
	v.seen[o.String()][status]++
}

// Report lists each operation of the APIs with the status codes that it answered
// and how often, a line each: "NsLcm POST /ns_instances: 201 x3, 400 x1".
func (v *Validator) Report() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var lines strings.Builder
	for _, o := range v.all() {
		var codes []string
		for _, code := range slices.Sorted(maps.Keys(v.seen[o.String()])) {
			codes = append(codes, fmt.Sprintf("%d x%d", code, v.seen[o.String()][code]))
		}
		if len(codes) == 0 {
			codes = []string{"never"}
		}
		fmt.Fprintf(&lines, "%s: %s\n", o, strings.Join(codes, ", "))
	}
	return lines.String()
}

// all lists the operations of the APIs; notifications by the name of their type,
// and the test of an address once for each of their APIs.
func (v *Validator) all() []operation {
	var all []operation
	for _, d := range v.docs {
		tested := false
		for _, o := range d.operations() {
			if d.api.notification() {
				o.path = notificationType(o.path)
				if o.method == "GET" && tested {
					continue
				}
				tested = tested || o.method == "GET"
			}
			all = append(all, o)
		}
	}
	return all
}

// RequireAll fails t for each operation that was not exercised both with
// success (below 400) and with a refusal (400 to 499). An operation that the
// file only refuses needs no success, and a notification no refusal. An
// exception is the name of an operation as [Validator.Report] has it, or that
// and " good" or " bad". One that names nothing, or something that was
// exercised, fails t too, so that exceptions cannot outlive their reason.
func (v *Validator) RequireAll(t testing.TB, except ...string) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	used := map[string]bool{}
	for _, o := range v.all() {
		for kind, missing := range map[string]bool{"good": v.lacksGood(o), "bad": v.lacksBad(o)} {
			if !missing {
				continue
			}
			excused := false
			for _, e := range []string{o.String(), o.String() + " " + kind} {
				if slices.Contains(except, e) {
					used[e], excused = true, true
				}
			}
			if !excused {
				t.Errorf("%s: no %s call was made", o, kind)
			}
		}
	}
	for _, e := range except {
		if !used[e] {
			t.Errorf("the exception %q names no operation, or one that needs none: take it off the list", e)
		}
	}
}

func (v *Validator) lacksGood(o operation) bool {
	for code := range v.seen[o.String()] {
		if code < 400 {
			return false
		}
	}
	for code := range o.op.Responses.Map() {
		if code < "400" {
			return true
		}
	}
	return false
}

func (v *Validator) lacksBad(o operation) bool {
	if o.from.api.notification() {
		return false
	}
	for code := range v.seen[o.String()] {
		if code >= 400 && code < 500 {
			return false
		}
	}
	return true
}
