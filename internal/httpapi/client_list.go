package httpapi

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// All yields the items of a list resource, page after page, following the Link
// header with rel="next" (SOL 013 clause 5.4). It ends after the first error. A
// next page on another origin is refused: the credentials are not for it.
func All[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		target := c.Base + path
		if len(query) > 0 {
			target += "?" + query.Encode()
		}
		for seen := map[string]bool{}; target != ""; {
			if seen[target] {
				yield(*new(T), hub.E(hub.Unavailable, "read list "+clip(path), "the server's pages go round in a circle", nil))
				return
			}
			seen[target] = true
			var page []T
			answer, err := c.call(ctx, http.MethodGet, target, nil, &page, nil)
			if err == nil {
				target, err = nextPage(target, answer.Header)
			}
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, item := range page {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// nextPage returns the absolute URI of the next page, empty after the last one.
func nextPage(current string, h http.Header) (string, error) {
	link := nextLink(h.Values("Link"))
	if link == "" {
		return "", nil
	}
	bad := func(why string, err error) (string, error) {
		return "", hub.E(hub.Unavailable, "follow next page", fmt.Sprintf("the server's link to the next page %s", why), err)
	}
	base, err := url.Parse(current)
	if err != nil {
		return bad("cannot be resolved", err)
	}
	next, err := base.Parse(link)
	if err != nil {
		return bad("is no URI", err)
	}
	if next.Scheme != base.Scheme || next.Host != base.Host {
		return bad("leads to another server, "+clip(next.Host), nil)
	}
	return next.String(), nil
}

// nextLink finds the target of the first link with relation type next in Link
// fields (RFC 8288 clause 3).
func nextLink(fields []string) string {
	for rest := strings.Join(fields, ","); ; {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			return ""
		}
		target, params, ok := strings.Cut(after, ">")
		if !ok {
			return ""
		}
		params, rest = splitParams(params)
		if hasRelNext(params) {
			return target
		}
	}
}

// splitParams parts a link's parameters from the links behind it, at the first
// comma that is not in quotes.
func splitParams(s string) (params, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
			i++
		case s[i] == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func hasRelNext(params string) bool {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "rel") {
			continue
		}
		value = strings.Trim(strings.TrimSpace(value), `"`)
		for relation := range strings.FieldsSeq(value) {
			if strings.EqualFold(relation, "next") {
				return true
			}
		}
		return false // RFC 8288: a second rel does not count
	}
	return false
}
