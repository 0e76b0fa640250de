package httpapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// maxPageBytes ends a page early, so that one answer needs bounded memory
// whatever the size of its items.
const maxPageBytes = 8 << 20

// maxKeyLen bounds an item's key, in bytes, so that a page marker fits into a URI.
const maxKeyLen = 1 << 10

// Names of the query parameters of a list.
const (
	paramFilter = "filter"
	paramMarker = "nextpage_opaque_marker"
)

// ListOptions describes one list resource.
type ListOptions struct {
	PageSize       int      // items; 0 means that of the mux
	ExcludeDefault []string // paths of complex attributes left out by default, as the API's specification lists them
	Required       []string // paths of complex attributes that are never left out, such as "_links"
	Params         []string // further query parameters that the handler reads itself
}

// Item is one entry of a list. Key orders the list by its bytes and must be
// unique, stable, not empty and of at most 1024 bytes: the identifier.
type Item struct {
	Key   string
	Value any
}

// Source yields the items with a key greater than after, by ascending key. An
// error ends it.
type Source func(after string) iter.Seq2[Item, error]

// SliceSource makes a source of items in any order. It sorts a copy.
func SliceSource[T any](items []T, key func(T) string) Source {
	sorted := slices.SortedFunc(slices.Values(items), func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	return func(after string) iter.Seq2[Item, error] {
		return func(yield func(Item, error) bool) {
			start, found := slices.BinarySearchFunc(sorted, after, func(v T, k string) int { return cmp.Compare(key(v), k) })
			if found {
				start++
			}
			for _, v := range sorted[start:] {
				if !yield(Item{key(v), v}, nil) {
					return
				}
			}
		}
	}
}

// List answers a GET of a list resource with one page of what source yields, after
// filter and attribute selector. If more follows, the Link header leads to it
// (SOL 013 clause 5.4). The marker holds the last key and not an offset, so items
// that come or go between two pages make no other item appear twice or be missed.
//
// One page is held in memory, because its Link and any error go before its first
// byte; never the whole list.
func List(w http.ResponseWriter, r *http.Request, o ListOptions, source Source) error {
	m := exchangeOf(r.Context()).mux
	if m == nil {
		return hub.E(hub.Internal, "list resources", "the request did not come through a Mux", nil)
	}
	known := append([]string{paramFilter, paramMarker, "all_fields", "fields", "exclude_fields", "exclude_default"}, o.Params...)
	q, err := ParseQuery(r.URL.RawQuery, known...)
	if err != nil {
		return err
	}
	p := page{size: cmp.Or(o.PageSize, m.options.PageSize)}
	if q.Has(paramFilter) {
		if p.filter, err = ParseFilter(q.Get(paramFilter)); err != nil {
			return err
		}
	}
	if p.selector, err = ParseSelector(q, o.ExcludeDefault, o.Required); err != nil {
		return err
	}
	scope := markerScope(r, q, p.filter, p.selector, o.Params)
	after := ""
	if q.Has(paramMarker) {
		if after, err = m.openMarker(q.Get(paramMarker), scope); err != nil {
			return err
		}
	}
	more, err := p.fill(source, after)
	if err != nil {
		return err
	}
	if more {
		next := URI(r, r.URL.EscapedPath()) + "?" + nextQuery(r.URL.RawQuery, m.sealMarker(p.last, scope))
		w.Header().Set("Link", "<"+next+`>; rel="next"`)
	}
	return writeJSON(w, http.StatusOK, p.body.Bytes())
}

// nextQuery is the query of this page with another marker.
func nextQuery(raw, marker string) string {
	parts := slices.DeleteFunc(strings.Split(raw, "&"), func(part string) bool {
		name, _, _ := strings.Cut(part, "=")
		return part == "" || name == paramMarker
	})
	return strings.Join(append(parts, paramMarker+"="+url.QueryEscape(marker)), "&")
}

// page gathers the items of one answer.
type page struct {
	size     int
	filter   *Filter
	selector *Selector
	body     bytes.Buffer
	count    int
	last     string // key of the last item in body
}

// fill writes the page's JSON array and says whether an item is left over.
func (p *page) fill(source Source, after string) (more bool, err error) {
	p.body.WriteByte('[')
	previous := after
	for item, err := range source(after) {
		if err != nil {
			return false, err
		}
		if item.Key <= previous || len(item.Key) > maxKeyLen {
			return false, hub.E(hub.Internal, "list resources", "the source of the list is not in order of its keys, or a key is too long", nil)
		}
		previous = item.Key
		body, err := p.render(item.Value)
		if err != nil {
			return false, err
		}
		if body == nil {
			continue
		}
		if p.count == p.size || p.count > 0 && p.body.Len()+len(body) > maxPageBytes {
			p.body.WriteByte(']')
			return true, nil
		}
		p.add(item.Key, body)
	}
	p.body.WriteByte(']')
	return false, nil
}

func (p *page) add(key string, body []byte) {
	if p.count > 0 {
		p.body.WriteByte(',')
	}
	p.body.Write(body)
	p.count++
	p.last = key
}

// render encodes one item, nil if the filter does not want it. Items are taken
// apart only when the filter or the selector looks inside.
func (p *page) render(v any) ([]byte, error) {
	failed := func(err error) ([]byte, error) {
		return nil, hub.E(hub.Internal, "encode answer", "an item of the list cannot be encoded", err)
	}
	body, err := json.Marshal(v)
	if err != nil {
		return failed(err)
	}
	if p.filter == nil && p.selector.All() {
		return body, nil
	}
	form, err := jsonForm(json.RawMessage(body))
	if err != nil {
		return failed(err)
	}
	if !p.filter.Match(form) {
		return nil, nil
	}
	object, ok := form.(map[string]any)
	if !ok || p.selector.All() {
		return body, nil
	}
	p.selector.Apply(object)
	if body, err = json.Marshal(object); err != nil {
		return failed(err)
	}
	return body, nil
}

// AskedFor returns the values that the filter of a request for a list asks for at an
// attribute path, nil if it asks for none; see [Filter.Values]. It only narrows what is
// looked at: [List] evaluates the filter, and refuses a query that is wrong.
func AskedFor(r *http.Request, path string) []string {
	q, err := ParseQuery(r.URL.RawQuery, paramFilter, paramMarker, "all_fields", "fields", "exclude_fields", "exclude_default")
	if err != nil || !q.Has(paramFilter) {
		return nil
	}
	f, err := ParseFilter(q.Get(paramFilter))
	if err != nil {
		return nil
	}
	values, _ := f.Values(path)
	return values
}
