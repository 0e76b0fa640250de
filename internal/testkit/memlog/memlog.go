// Package memlog is record logs of trust domains in memory, for tests of those who
// decide by what is in them, with the rule of the bus: one ID is there once.
package memlog

import (
	"context"
	"reflect"
	"slices"
	"sync"

	"github.com/manoward/manoward/internal/hub"
)

// Logs holds the records of each trust domain. The zero Logs is empty and ready; it
// is safe for concurrent use.
type Logs struct {
	mu      sync.Mutex // covers what is below
	records map[string][]hub.Record
	// Point, if set before use, is passed before and after each append, and its error
	// is that of the append: the answer of one that was stored may be lost.
	Point func() error
}

// Append adds a record. One whose ID is there is not added again: that is
// [hub.Conflict] when it says something else.
func (l *Logs) Append(_ context.Context, domain string, r hub.Record) error {
	if err := l.point(); err != nil {
		return err
	}
	if err := l.add(domain, r); err != nil {
		return err
	}
	return l.point()
}

func (l *Logs) point() error {
	if l.Point == nil {
		return nil
	}
	return l.Point()
}

func (l *Logs) add(domain string, r hub.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, had := range l.records[domain] {
		switch {
		case had.ID != r.ID:
		case reflect.DeepEqual(had, r):
			return nil
		default:
			return hub.E(hub.Conflict, "append record", "the ID is there with another content", nil)
		}
	}
	if l.records == nil {
		l.records = map[string][]hub.Record{}
	}
	l.records[domain] = append(l.records[domain], r)
	return nil
}

// Read hands out what is after a record of that number, in order; each is a message.
func (l *Logs) Read(_ context.Context, domain string, after uint64, each func(uint64, hub.Record) error) error {
	for n, r := range l.Records(domain) {
		if uint64(n) < after {
			continue
		}
		if err := each(uint64(n)+1, r); err != nil {
			return err
		}
	}
	return nil
}

// End is the number of the newest record.
func (l *Logs) End(_ context.Context, domain string) (uint64, error) {
	return uint64(len(l.Records(domain))), nil
}

// Records returns what a trust domain's log holds.
func (l *Logs) Records(domain string) []hub.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records[domain])
}
