package httpapi

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// checkAccept reports 406 when no media type that the route produces is
// acceptable (RFC 9110 clause 12.5.1). A missing Accept accepts everything, and a
// route that produces nothing has nothing to be refused.
func checkAccept(fields, produces []string) error {
	if len(fields) == 0 || len(produces) == 0 || len(fields) == 1 && slices.Contains(produces, fields[0]) {
		return nil // the two common cases need no parser
	}
	ranges := strings.Split(strings.Join(fields, ","), ",")
	for _, mediaType := range produces {
		if acceptable(mediaType, ranges) {
			return nil
		}
	}
	text := fmt.Sprintf("Accept excludes what this resource has; it has %s", strings.Join(produces, ", "))
	return WithStatus(hub.E(hub.Invalid, "read Accept header", text, nil), http.StatusNotAcceptable)
}

// acceptable says whether the most specific range that covers mediaType has a
// weight above zero.
func acceptable(mediaType string, ranges []string) bool {
	kind, _, _ := strings.Cut(mediaType, "/")
	best, weight := -1, 0.0
	for _, text := range ranges {
		name, params, err := mime.ParseMediaType(text)
		if err != nil {
			continue // a range that cannot be read accepts nothing
		}
		specific := -1
		switch name {
		case mediaType:
			specific = 2
		case kind + "/*":
			specific = 1
		case "*/*":
			specific = 0
		}
		if specific > best {
			best, weight = specific, weightOf(params["q"])
		}
	}
	return best >= 0 && weight > 0
}

func weightOf(q string) float64 {
	if q == "" {
		return 1
	}
	w, err := strconv.ParseFloat(q, 64)
	if err != nil {
		return 0
	}
	return w
}

// checkContentType reports 415 when the body is not of the wanted media type.
func checkContentType(r *http.Request, want string) error {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		text := fmt.Sprintf("Content-Encoding is %q; send the body as it is", clip(coding))
		return WithStatus(hub.E(hub.Invalid, "read Content-Encoding header", text, nil), http.StatusUnsupportedMediaType)
	}
	got := r.Header.Get("Content-Type")
	name, params, err := mime.ParseMediaType(got)
	charset := params["charset"]
	if err == nil && name == want && (charset == "" || strings.EqualFold(charset, "utf-8")) {
		return nil
	}
	text := fmt.Sprintf("Content-Type is %q; send %s in UTF-8", clip(got), want)
	return WithStatus(hub.E(hub.Invalid, "read Content-Type header", text, err), http.StatusUnsupportedMediaType)
}
