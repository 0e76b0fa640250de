package vim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

const maxIDLen = 128

// checkID says whether a consumer's identifier can name a resource: segments of
// letters, digits, '-' and '_' joined by single dots.
func checkID(op, attribute, id string) error {
	ok := id != "" && len(id) <= maxIDLen
	for seg := range strings.SplitSeq(id, ".") {
		ok = ok && seg != "" && strings.IndexFunc(seg, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
		}) < 0
	}
	if !ok {
		return hub.E(hub.Invalid, op, fmt.Sprintf("%s %.80q cannot name a resource: choose 1 to %d letters, digits, '-', '_' or inner single dots, such as a UUID", attribute, id, maxIDLen), nil)
	}
	return nil
}

// maxText bounds each text that a consumer may store.
const maxText = 1024

func checkDomain(op, domain string) error {
	if domain == All {
		return nil
	}
	if err := hub.CheckName("trust domain", domain); err != nil {
		return hub.E(hub.Invalid, op, fmt.Sprintf("trustDomain %.80q is no name of a trust domain; name the one that the resource serves", domain), err)
	}
	return nil
}

func checkTexts(op string, metadata map[string]string, texts ...string) error {
	if len(metadata) > 64 {
		return hub.E(hub.Invalid, op, "metadata has more than 64 entries; send fewer", nil)
	}
	for k, v := range metadata {
		texts = append(texts, k, v)
	}
	for _, t := range texts {
		if len(t) > maxText {
			return hub.E(hub.Invalid, op, fmt.Sprintf("a text has %d bytes; send at most %d", len(t), maxText), nil)
		}
	}
	return nil
}

// digest returns what tells one request from another.
func digest(request any) (string, error) {
	raw, err := json.Marshal(request)
	if err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

// createOnce stores a record under the identifier that its consumer chose. What
// is there with the same request is the answer to a repetition; with another it
// is refused as unprocessable. prepare, unless nil, checks what the record refers to
// and completes it, each time that it is about to be stored: of what is there already
// nothing is asked, and what was there a moment ago may be gone.
func createOnce[T any](ctx context.Context, k *state.Kind[T], what, id, request string, requestOf func(*T) string, record *T, prepare func() error) (state.Entry[T], error) {
	for {
		e, err := k.Get(ctx, id)
		if err == nil {
			if requestOf(&e.Value) != request {
				return e, hub.E(hub.Unprocessable, "create "+what, fmt.Sprintf("the id %s was used for another request; repeat that one as it was, or choose another id", id), nil)
			}
			return e, nil
		}
		if hub.CodeOf(err) != hub.NotFound {
			return e, err
		}
		if prepare != nil {
			if err := prepare(); err != nil {
				return e, err
			}
		}
		e, err = k.Create(ctx, All, id, record)
		if hub.CodeOf(err) != hub.Conflict {
			return e, err
		}
		if ctx.Err() != nil {
			return e, hub.E(hub.Unavailable, "create "+what, "it could not be stored in time; try again", ctx.Err())
		}
	}
}

// sees says whether a viewer may know of what is of a trust domain.
func sees(viewer, domain string) bool { return viewer == All || viewer == domain }

// notFound is the answer for what is not there, and for what is another domain's.
func notFound(what, id string) error {
	return hub.E(hub.NotFound, "find "+what, fmt.Sprintf("there is no %s %.140s; list them with GET /%ss", what, id, what), nil)
}

// get reads a record that the viewer may know of.
func get[T any](ctx context.Context, k *state.Kind[T], viewer, what, id string, domain func(*T) string) (state.Entry[T], error) {
	e, err := k.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || err == nil && !sees(viewer, domain(&e.Value)) {
		return e, notFound(what, id)
	}
	return e, err
}
