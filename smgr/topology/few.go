package topology

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/manoward/manoward/smgr"
)

// few is a map that has few members most of the time, sorted by key: a map with one takes
// 340 bytes where this takes 32. A nil one is not known; one that is known to be empty is
// not nil. It is made once and never changed.
type few[V any] []member[V]

type member[V any] struct {
	key string
	val V
}

func fewOf[V any](m map[string]V) few[V] {
	f := make(few[V], 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		f = append(f, member[V]{key, m[key]})
	}
	return f
}

// get returns what a key has, the zero value if it is not there.
func (f few[V]) get(key string) (val V) {
	if i, found := slices.BinarySearchFunc(f, key, func(m member[V], key string) int { return strings.Compare(m.key, key) }); found {
		val = f[i].val
	}
	return val
}

// MarshalJSON writes an object, as of a map.
func (f few[V]) MarshalJSON() ([]byte, error) {
	out := append(make([]byte, 0, 64*len(f)+2), '{')
	for i := range f {
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = appendJSON(out, f[i].key); err != nil {
			return nil, err
		}
		if out, err = appendJSON(append(out, ':'), f[i].val); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

// appendJSON adds a value. Most are texts that are written as they are.
func appendJSON(out []byte, val any) ([]byte, error) {
	if text, ok := val.(string); ok && smgr.Plain(text) {
		return append(append(append(out, '"'), text...), '"'), nil
	}
	raw, err := json.Marshal(val)
	if err != nil {
		return nil, fmt.Errorf("write a part of an input: %w", err)
	}
	return append(out, raw...), nil
}
