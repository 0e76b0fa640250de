package trustapi

import (
	"context"
	"iter"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// Entry is one record with its place in the log.
type Entry struct {
	Position string `json:"position"`
	hub.Record
}

// recordSource reads the records of a domain in the order in which they were
// made. Positions order like strings, so they serve as keys of the pages.
func recordSource(ctx context.Context, reg *trust.Registry, domain string) httpapi.Source {
	return func(after string) iter.Seq2[httpapi.Item, error] {
		return func(yield func(httpapi.Item, error) bool) {
			more := true
			err := reg.Records(ctx, domain, after, func(position string, rec hub.Record) bool {
				more = yield(httpapi.Item{Key: position, Value: Entry{position, rec}}, nil)
				return more
			})
			if err != nil && more {
				yield(httpapi.Item{}, err)
			}
		}
	}
}
