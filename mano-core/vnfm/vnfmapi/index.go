package vnfmapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
)

// required returns the value that a filter asks an attribute to be equal to, in a
// term of its own, empty if there is none. It only narrows what is looked at: the
// filter itself is still evaluated, and one that is wrong is refused by it.
func required(r *http.Request, attribute string) string {
	q, err := httpapi.ParseQuery(r.URL.RawQuery, "filter", "nextpage_opaque_marker", "all_fields", "fields", "exclude_fields", "exclude_default")
	if err != nil || !q.Has("filter") {
		return ""
	}
	f, err := httpapi.ParseFilter(q.Get("filter"))
	if err != nil {
		return ""
	}
	// The shortest spelling has no blanks and quotes only what needs it. A filter
	// with a quote may hide a separator: it is not worth an index.
	text := f.String()
	if strings.Contains(text, "'") {
		return ""
	}
	for term := range strings.SplitSeq(text, ";") {
		value, ok := strings.CutPrefix(strings.TrimSuffix(term, ")"), "(eq,"+attribute+",")
		if ok {
			return value
		}
	}
	return ""
}

// indexed returns the IDs of the VNF instances that a filter can be about at most,
// nil if it says nothing that there is an index for.
func (a *API) indexed(r *http.Request) []string {
	if id := required(r, "id"); id != "" {
		return []string{id}
	}
	for _, x := range [][2]string{
		{"instantiatedVnfInfo/vnfcResourceInfo/computeResource/resourceId", "compute"}, {"vnfInstanceName", "name"}, {"vnfdId", "vnfd"},
	} {
		if value := required(r, x[0]); value != "" {
			ids := a.Service.FindVNFs(x[1], value)
			slices.Sort(ids)
			if ids == nil {
				ids = []string{}
			}
			return ids
		}
	}
	return nil
}
