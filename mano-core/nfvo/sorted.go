package nfvo

import (
	"maps"
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
)

// sortedKeys lists the keys of a map in an order that repetitions share.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// withKey sends an idempotency key.
func withKey(key string) httpapi.CallOption {
	return func(h http.Header) { h.Set("Idempotency-Key", key) }
}
