package httpapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// Query is the parameters of a request's URI, each at most once.
type Query map[string]string

// ParseQuery reads a raw query. Unlike [url.ParseQuery] it takes ";" as it stands:
// it joins the terms of a filter, and ETSI's own examples do not escape it. "+" is
// a space, as clients of all languages write it; in a date-time it is %2B.
// A parameter that is not in known, or stands twice, is a hub.Invalid.
func ParseQuery(raw string, known ...string) (Query, error) {
	q := Query{}
	bad := func(text string, err error) (Query, error) {
		return nil, hub.E(hub.Invalid, "read query", text, err)
	}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(k)
		if err != nil {
			return bad(fmt.Sprintf("the query parameter %q is not escaped rightly", clip(k)), err)
		}
		value, err := url.QueryUnescape(v)
		if err != nil {
			return bad(fmt.Sprintf("the value of the query parameter %q is not escaped rightly", clip(name)), err)
		}
		if !slices.Contains(known, name) {
			return bad(fmt.Sprintf("the query parameter %q is not known here; known are %s", clip(name), strings.Join(known, ", ")), nil)
		}
		if q.Has(name) {
			return bad(fmt.Sprintf("the query parameter %q stands twice", clip(name)), nil)
		}
		q[name] = value
	}
	return q, nil
}

// Has says whether a parameter was sent, with or without a value.
func (q Query) Has(name string) bool {
	_, ok := q[name]
	return ok
}

// Get returns the value of a parameter, empty if it was not sent.
func (q Query) Get(name string) string { return q[name] }
