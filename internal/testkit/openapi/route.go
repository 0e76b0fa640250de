package openapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// operation is a method of a path in one of the files.
type operation struct {
	from   *document
	method string
	path   string              // as in the file
	item   *openapi3.PathItem  // nil when the path is unknown
	op     *openapi3.Operation // nil when the path has no such method
}

// String is how reports and exceptions name it: "NsLcm POST /ns_instances".
func (o operation) String() string { return fmt.Sprintf("%s %s %s", o.from.api, o.method, o.path) }

// parameters are those of the path and the operation; the operation's win.
func (o operation) parameters() openapi3.Parameters {
	all := slices.Clone(o.op.Parameters)
	for _, p := range o.item.Parameters {
		if o.op.Parameters.GetByInAndName(p.Value.In, p.Value.Name) == nil {
			all = append(all, p)
		}
	}
	return all
}

// operations lists those of an API in the order of their names.
func (d *document) operations() []operation {
	var all []operation
	for _, path := range slices.Sorted(maps.Keys(d.doc.Paths.Map())) {
		item := d.doc.Paths.Value(path)
		for _, method := range slices.Sorted(maps.Keys(item.Operations())) {
			all = append(all, operation{d, method, path, item, item.GetOperation(method)})
		}
	}
	return all
}

// find returns the operation that a request is for. The second result is false
// where the path belongs to none of the validator's APIs. What stands before
// the API's name in the path is apiRoot (SOL013 clause 4.1).
func (v *Validator) find(method, urlPath string) (operation, bool) {
	for _, d := range v.docs {
		if d.api.notification() {
			continue
		}
		if _, rest, ok := strings.Cut(urlPath, d.base+"/"); ok {
			return d.match(method, "/"+rest), true
		}
		// SOL013 clause 9.3.2: the versions also stand one level higher.
		if name := d.base[:strings.LastIndexByte(d.base, '/')]; strings.HasSuffix(urlPath, name+"/api_versions") {
			return d.match(method, "/api_versions"), true
		}
	}
	return operation{}, false
}

// match finds the path of the file with the most literal parts.
func (d *document) match(method, rest string) operation {
	best, most := "", -1
	for path := range d.doc.Paths.Map() {
		if n := literals(path, rest); n > most {
			best, most = path, n
		}
	}
	if most < 0 {
		return operation{from: d, method: method, path: rest}
	}
	item := d.doc.Paths.Value(best)
	return operation{d, method, best, item, item.GetOperation(method)}
}

// literals counts the literal parts of a path of the file that rest matches; it
// is negative when rest does not match. {artifactPath} stands for one or more
// parts (SOL005 clause 9.4.7.2).
func literals(path, rest string) int {
	want, got := strings.Split(path, "/"), strings.Split(rest, "/")
	n := 0
	for i, part := range want {
		switch {
		case i >= len(got) || got[i] == "" && i > 0:
			return -1
		case part == "{artifactPath}":
			return n
		case strings.HasPrefix(part, "{"):
		case part != got[i]:
			return -1
		default:
			n++
		}
	}
	if len(got) > len(want) {
		return -1
	}
	return n
}
