package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// ETag returns a strong entity tag of v's JSON encoding (RFC 9110 clause 8.8.3).
// Two values with the same encoding have the same tag; encoding/json orders the
// keys of maps.
func ETag(v any) (string, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return "", hub.E(hub.Internal, "make entity tag", "the resource cannot be encoded", err)
	}
	return tagOf(body), nil
}

func tagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// RevisionETag returns a strong entity tag of a store's revision number. It is
// for resources whose representation changes only with the revision.
func RevisionETag(revision uint64) string { return fmt.Sprintf(`"r%d"`, revision) }

// CheckMatch compares the preconditions of a request that changes a resource with
// the resource's present tag, which is empty if the resource does not exist. It
// returns a hub.Precondition error, 412, if If-Match or If-None-Match forbids the
// change. Weak tags match nothing in If-Match (RFC 9110 clause 13.1.1).
func CheckMatch(r *http.Request, etag string) error {
	if fields := r.Header.Values("If-Match"); len(fields) > 0 && !tagIn(fields, etag, false) {
		return hub.E(hub.Precondition, "check If-Match", "the resource has changed since it was read, or is gone; read it again", nil)
	}
	if fields := r.Header.Values("If-None-Match"); len(fields) > 0 && tagIn(fields, etag, true) {
		return hub.E(hub.Precondition, "check If-None-Match", "the resource exists already", nil)
	}
	return nil
}

// WriteTagged answers a GET with v and its tag, or 304 without v when the caller
// has it already (RFC 9110 clause 13.1.2).
func WriteTagged(w http.ResponseWriter, r *http.Request, etag string, v any) error {
	if hasAlready(w, r, etag) {
		return nil
	}
	return Write(w, http.StatusOK, v)
}

// WriteEncoded is [WriteTagged] with the tag that [ETag] returns, and encodes v once.
func WriteEncoded(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return hub.E(hub.Internal, "encode answer", "the answer cannot be encoded", err)
	}
	if hasAlready(w, r, tagOf(body)) {
		return nil
	}
	return writeJSON(w, http.StatusOK, body)
}

// hasAlready sets the tag of an answer, and answers 304 if the caller knows it.
func hasAlready(w http.ResponseWriter, r *http.Request, etag string) bool {
	w.Header().Set("ETag", etag)
	fields := r.Header.Values("If-None-Match")
	if len(fields) == 0 || !tagIn(fields, etag, true) {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

// tagIn says whether a list of entity tags holds etag. A list that cannot be read
// ends where it is wrong.
func tagIn(fields []string, etag string, weak bool) bool {
	if etag == "" {
		return false
	}
	list := strings.TrimSpace(strings.Join(fields, ","))
	if list == "*" {
		return true
	}
	for list != "" {
		list = strings.TrimLeft(list, " \t,")
		rest, isWeak := strings.CutPrefix(list, "W/")
		if !strings.HasPrefix(rest, `"`) {
			return false
		}
		end := strings.IndexByte(rest[1:], '"')
		if end < 0 {
			return false
		}
		if rest[:end+2] == etag && (weak || !isWeak) {
			return true
		}
		list = rest[end+2:]
	}
	return false
}
