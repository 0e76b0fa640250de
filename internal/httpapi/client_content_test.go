package httpapi_test

import (
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

func contentServer(t *testing.T) *httpapi.Client {
	t.Helper()
	mux := httpapi.NewMux(httpapi.Options{})
	g := mux.API(httpapi.API{Name: "files", Major: "v1", Versions: []httpapi.APIVersion{{Version: "1.0.0"}}})
	stored := map[string][]byte{}
	g.Handle("PUT /{name}", func(w http.ResponseWriter, r *http.Request) error {
		if r.Header.Get("Content-Type") != "application/zip" {
			return hub.E(hub.Invalid, "put", "not a ZIP", nil)
		}
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		stored[r.PathValue("name")] = raw
		return httpapi.NoContent(w)
	}, httpapi.MaxBody(64<<20))
	g.Handle("GET /{name}", func(w http.ResponseWriter, r *http.Request) error {
		raw, ok := stored[r.PathValue("name")]
		if !ok {
			return hub.E(hub.NotFound, "get", "not found", nil)
		}
		w.Header().Set("Content-Type", "application/zip")
		_, err := w.Write(raw)
		return err
	}, httpapi.Produces("application/zip"))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &httpapi.Client{Base: server.URL + "/files/v1", Version: "1.0.0", HTTP: server.Client(), MaxAnswer: 1 << 10}
}

// What is larger than an answer may be goes up and comes down whole.
func TestClient_UploadDownload(t *testing.T) {
	client := contentServer(t)
	content := strings.Repeat("manoward ", 1<<20)
	if _, err := client.Upload(t.Context(), "/a", "application/zip", strings.NewReader(content), int64(len(content))); err != nil {
		t.Fatal(err)
	}
	body, _, err := client.Download(t.Context(), "/a", "application/zip")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, body); err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256([]byte(content)); string(h.Sum(nil)) != string(want[:]) {
		t.Error("another content came back than went up")
	}
}

func TestClient_ContentErrors(t *testing.T) {
	client := contentServer(t)
	if _, err := client.Upload(t.Context(), "/a", "text/plain", strings.NewReader("x"), 1); hub.CodeOf(err) != hub.Invalid || hub.SafeText(err) != "not a ZIP" {
		t.Errorf("upload of another type: %v", err)
	}
	if _, _, err := client.Download(t.Context(), "/none", "application/zip"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("download of what is not there: %v", err)
	}
	gone := *client
	gone.Base = "http://127.0.0.1:1/files/v1"
	if _, _, err := gone.Download(t.Context(), "/a", "application/zip"); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("download from nobody: %v", err)
	}
	if _, err := gone.Upload(t.Context(), "/a", "application/zip", strings.NewReader("x"), 1); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("upload to nobody: %v", err)
	}
}
