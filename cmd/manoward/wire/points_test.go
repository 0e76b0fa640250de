package wire

import (
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/vault"
)

// A list that one process began another one goes on with, when both have the
// unlock key of one hub; a process of another hub refuses the marker.
func TestNewMux_PageMarkers(t *testing.T) {
	key, foreign := filepath.Join(t.TempDir(), "unlock.key"), filepath.Join(t.TempDir(), "unlock.key")
	for _, path := range []string{key, foreign} {
		if _, err := vault.Create(path); err != nil {
			t.Fatal(err)
		}
	}
	process := func(path string) http.Handler {
		v, err := vault.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		h := &hubProcess{log: slog.New(slog.DiscardHandler), keys: newKeyStores(nil, v, nil), routes: map[hub.ReferencePoint][]func(*httpapi.Mux){}}
		h.addRoutes(hub.Admin, func(m *httpapi.Mux) {
			m.API(httpapi.API{Name: "test", Major: "v1", Versions: []httpapi.APIVersion{{Version: "1.0.0"}}}).Handle("GET /list", func(w http.ResponseWriter, r *http.Request) error {
				return httpapi.List(w, r, httpapi.ListOptions{}, numbers)
			})
		})
		if err := h.openMarkers(); err != nil {
			t.Fatal(err)
		}
		return h.newMux(hub.Admin, func(float64, ...string) {}, func(*http.Request) (hub.Identity, error) { return hub.Identity{}, nil })
	}
	get := func(h http.Handler, query string) *http.Response {
		r := httptest.NewRequest(http.MethodGet, "/test/v1/list"+query, nil)
		r.Header.Set("Version", "1.0.0")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	first := get(process(key), "")
	_, rest, _ := strings.Cut(first.Header.Get("Link"), "?")
	query, _, found := strings.Cut(rest, ">")
	if !found {
		t.Fatalf("the first page is %s, with the link %q", first.Status, first.Header.Get("Link"))
	}
	var page []struct{ ID string }
	if err := json.NewDecoder(get(process(key), "?"+query).Body).Decode(&page); err != nil || len(page) == 0 || page[0].ID != "0100" {
		t.Errorf("another process goes on with %+v, %v", page, err)
	}
	if got := get(process(foreign), "?"+query); got.StatusCode != http.StatusBadRequest {
		t.Errorf("a process of another hub answers %s", got.Status)
	}
}

func numbers(after string) iter.Seq2[httpapi.Item, error] {
	return func(yield func(httpapi.Item, error) bool) {
		for n := range 1000 {
			if k := fmt.Sprintf("%04d", n); k > after && !yield(httpapi.Item{Key: k, Value: map[string]string{"id": k}}, nil) {
				return
			}
		}
	}
}
