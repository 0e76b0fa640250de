package configuration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// Version is the version of vnfconfig/v1 that is asked for.
const Version = "1.3.0"

const (
	path      = "/vnfconfig/v1"
	maxAnswer = 1 << 20 // bytes
)

// has is what a VNF says that it is configured with.
type has struct {
	whole json.RawMessage // VnfConfiguration
	data  map[string]any  // its vnfConfigurationData/vnfSpecificData
	etag  string          // empty: the VNF gives none
}

func producer(client *http.Client, root string) *httpapi.Client {
	// The caller's own rounds are the attempts.
	return &httpapi.Client{Base: strings.TrimSuffix(root, "/") + path, HTTP: client, Version: Version, MaxAnswer: maxAnswer, Retries: -1}
}

// read asks the producer at {apiRoot} for its configuration.
func read(ctx context.Context, client *http.Client, root string) (has, int, error) {
	var raw json.RawMessage
	a, err := producer(client, root).Do(ctx, http.MethodGet, "/configuration", nil, &raw)
	if err != nil {
		return has{}, statusOf(a), err
	}
	h, err := parse(raw)
	h.etag = a.ETag
	return h, a.Status, err
}

// parse reads a VnfConfiguration (SOL 002 clause 9.5.2.3) as far as it is compared.
func parse(raw []byte) (has, error) {
	var v struct {
		Data *struct {
			Specific map[string]any `json:"vnfSpecificData"`
		} `json:"vnfConfigurationData"`
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil || v.Data == nil {
		return has{}, hub.E(hub.Unavailable, "read the configuration of a VNF", "the VNF's answer is no VnfConfiguration: it has no object vnfConfigurationData; is this the address of its vnfconfig/v1?", err)
	}
	return has{whole: raw, data: v.Data.Specific}, nil
}

// set sends a change of vnfSpecificData, if the VNF still has what was read. SOL 002 calls
// the change a merge patch, whose type SOL 013 has; its OpenAPI file says application/json,
// so a VNF that does not take the one is sent the other.
func set(ctx context.Context, client *http.Client, root, etag string, change map[string]any) (int, error) {
	status, err := send(ctx, client, root, etag, httpapi.TypeMergePatch, change)
	if status == http.StatusUnsupportedMediaType {
		return send(ctx, client, root, etag, httpapi.TypeJSON, change)
	}
	return status, err
}

func send(ctx context.Context, client *http.Client, root, etag, contentType string, change map[string]any) (int, error) {
	body := map[string]any{"vnfConfigurationData": map[string]any{"vnfSpecificData": change}}
	a, err := producer(client, root).Do(ctx, http.MethodPatch, "/configuration", body, nil, func(h http.Header) {
		h.Set("Content-Type", contentType)
		if etag != "" {
			h.Set("If-Match", etag)
		}
	})
	return statusOf(a), err
}

// statusOf is the status of an answer, 0 where there was none.
func statusOf(a *httpapi.Answer) int {
	if a == nil {
		return 0
	}
	return a.Status
}

// isRefusal says whether an answer means that the VNF does not want what it was sent, and
// not that it cannot answer now, or that something came between.
func isRefusal(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusPreconditionFailed, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return status >= 400 && status < 500
}

// plain gives a value the form that JSON has of it, with numbers as they are spelt.
func plain(v map[string]any) (map[string]any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	var out map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&out); err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	return out, nil
}

// difference is the merge patch (RFC 7396) that makes of what a VNF has what is wanted.
// What nobody wants is left alone, but for the names of ours, which were set before; inside
// a value nothing is left that is not wanted.
func difference(have, want map[string]any, ours []string) map[string]any {
	change := map[string]any{}
	for name, w := range want {
		if h, ok := have[name]; !ok {
			change[name] = w
		} else if p, differs := between(h, w); differs {
			change[name] = p
		}
	}
	for _, name := range ours {
		if _, wanted := want[name]; wanted {
			continue
		}
		if _, ok := have[name]; ok {
			change[name] = nil
		}
	}
	return change
}

// between is the merge patch from one value to another.
func between(have, want any) (patch any, differs bool) {
	h, isObject := have.(map[string]any)
	w, toObject := want.(map[string]any)
	if !isObject || !toObject {
		return want, !reflect.DeepEqual(have, want)
	}
	change := difference(h, w, sorted(maps.Keys(h)))
	return change, len(change) > 0
}
