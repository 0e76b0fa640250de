package state

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/manoward/manoward/internal/hub"
)

// Table is the storage of one function in one trust domain. When a write
// returns nil it is durable. Revisions are above 0 and grow with each write to
// the table, whatever the key. Errors have the codes hub.NotFound (no such key),
// hub.Conflict (Create of a key that is there), hub.Precondition (Update or
// Delete at a revision that is no longer the newest) and hub.Unavailable (it is
// not known what became of the call).
type Table interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Create and Update keep the value, which is not to be changed afterwards.
	Create(ctx context.Context, key string, value []byte) (revision uint64, err error)
	Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	Delete(ctx context.Context, key string, revision uint64) error
	// Watch calls fn with every entry there is, in the order of their revisions,
	// then with Synced set, then with every change, until ctx ends. What was
	// written before it was called is told before Synced; of several changes of
	// one key in between, the last alone may be told, and a removal of what was
	// not told before Synced need not be. A table that is made while it is watched
	// says Synced once more when what was in it then has been told.
	Watch(ctx context.Context, fn func(Change)) error
}

// Change is one step of a [Table]'s watch.
type Change struct {
	Key      string
	Value    []byte
	Revision uint64
	Deleted  bool
	Synced   bool // no entry: what there is up to Revision has been told
}

// Tables opens the table of a function in the account of a trust domain, or in
// the hub's own, which is named "hub". It creates what is not there, and answers
// hub.NotFound for a trust domain that does not exist.
type Tables interface {
	Open(ctx context.Context, domain, table string) (Table, error)
}

// Space is the tables of one MANO function. It is safe for concurrent use.
type Space struct {
	tables Tables
	name   string
	log    *slog.Logger

	mu      sync.Mutex // covers what is below; never held while the bus is asked
	kinds   map[string]applier
	domains map[string]*domainTable
	work    context.Context // ends the watches; set by Open
}

// applier is a Kind whose type does not matter.
type applier interface {
	decode(d *domainTable, c Change, from *pack) (finish func() error)
	begin(d *domainTable)
	reflects(d *domainTable, revision uint64)
	untold(d *domainTable) []string
	confirm(ctx context.Context, d *domainTable, id string) error
	forget(d *domainTable)
	dropPacked(d *domainTable, key string)
}

// New makes the space of the function whose tables have this name. Add its kinds
// with [NewKind], then Open the domains.
func New(tables Tables, name string, log *slog.Logger) *Space {
	return &Space{tables: tables, name: name, log: log, kinds: map[string]applier{}, domains: map[string]*domainTable{}}
}

// Open reads the tables of these trust domains and follows them until work ends.
// It returns when the index holds everything that is in them.
func (s *Space) Open(ctx, work context.Context, domains ...string) error {
	s.mu.Lock()
	s.work = work
	s.mu.Unlock()
	opened := make([]*domainTable, 0, len(domains))
	for _, name := range domains {
		d, err := s.domain(ctx, name)
		if err != nil {
			return err
		}
		opened = append(opened, d)
	}
	for _, d := range opened {
		if err := d.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Add opens the table of one more trust domain, such as one that was just made.
// Adding what is there already does nothing.
func (s *Space) Add(ctx context.Context, domain string) error {
	_, err := s.ready(ctx, domain)
	return err
}

// Remove forgets a trust domain that was deleted.
func (s *Space) Remove(domain string) {
	s.mu.Lock()
	d := s.domains[domain]
	delete(s.domains, domain)
	s.mu.Unlock()
	if d == nil {
		return
	}
	d.removed.Store(true) // before the index is emptied: what comes late stays out
	d.stop()
	for _, k := range s.allKinds() {
		k.forget(d)
	}
}

func (s *Space) allKinds() []applier {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.kinds))
}

// Check says why what the space shows may be stale or incomplete: a table that
// is not followed, or a value that cannot be read. It is for readiness.
func (s *Space) Check(context.Context) error {
	s.mu.Lock()
	domains := slices.Collect(maps.Values(s.domains))
	s.mu.Unlock()
	var all []error
	for _, d := range domains {
		all = append(all, d.check())
	}
	return errors.Join(all...)
}

// Domains lists the trust domains whose tables are open, sorted.
func (s *Space) Domains() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.domains))
}

// ready returns the table of a trust domain once it is indexed.
func (s *Space) ready(ctx context.Context, name string) (*domainTable, error) {
	d, err := s.domain(ctx, name)
	if err != nil {
		return nil, err
	}
	return d, d.wait(ctx)
}

// domain returns the table of a trust domain and begins to follow it when it is
// seen for the first time.
func (s *Space) domain(ctx context.Context, name string) (*domainTable, error) {
	s.mu.Lock()
	d := s.domains[name]
	s.mu.Unlock()
	if d != nil {
		return d, nil
	}
	table, err := s.tables.Open(ctx, name, s.name)
	if err != nil {
		return nil, fmt.Errorf("open table %s of trust domain %s: %w", s.name, name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.domains[name]; d != nil {
		return d, nil
	}
	switch {
	case s.work == nil:
		return nil, fmt.Errorf("table %s is used before it was opened", s.name)
	case s.work.Err() != nil:
		return nil, hub.E(hub.Unavailable, "open stored resources", "the hub is stopping; try again when it is back", s.work.Err())
	}
	watch, stop := context.WithCancel(s.work)
	sole, _ := table.(Sole)
	d = &domainTable{name: name, term: ofDomain(name), table: table, sole: sole != nil && sole.Sole(), synced: make(chan struct{}), work: watch, stop: stop, bad: map[string]error{}}
	s.domains[name] = d
	go s.follow(watch, d)
	return d, nil
}
