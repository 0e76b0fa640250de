package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/manoward/manoward/internal/hub"
)

// Kind is one type of resource in a [Space]. T is what is stored, as JSON. It is
// safe for concurrent use.
type Kind[T any] struct {
	space  *Space
	prefix string
	terms  func(*T) []string
	keep   bool // values are held in memory
	told   func(id string, value *T)

	lasting bool    // nothing of it is ever deleted
	holds   bool    // values are read in memory where they can be, see NewHeld
	recent  *recent // the last ones are; nil: see NewRecent

	dictionary dictionary // of what is held

	weigh func(*T) Weight // nil: nothing is added up
	sumBy []string        // what the terms begin with that are added up by

	mu    sync.RWMutex // covers what is below; never held while the bus is asked
	slots slots[T]
	shelf shelf // of their rows
	order order
	count int // IDs that are live
	sums  map[sumOf]Weight
}

// Entry is a stored resource.
type Entry[T any] struct {
	ID       string
	Domain   string // trust domain that it belongs to
	Revision uint64
	Value    T

	packed  bool // it has no key of its own, see pack
	grouped bool // and was created together with others
}

// NewKind adds a kind of resource to a space that is not open yet. prefix is part of the
// stored format: letters, digits, '-' and '_'; one that messages with several resources
// have is a mistake of the program, and panics. terms returns what the resource can be
// found by, such as "name=edge"; it may be nil.
func NewKind[T any](s *Space, prefix string, terms func(*T) []string) *Kind[T] {
	return newKind(s, prefix, terms, false)
}

// NewKept is [NewKind] for resources that are few and asked for all the time:
// their values are in memory too, for [Kind.Kept] and [Kind.Shared].
func NewKept[T any](s *Space, prefix string, terms func(*T) []string) *Kind[T] {
	return newKind(s, prefix, terms, true)
}

// NewLasting is [NewKind] for resources that are never deleted. What is promised of them
// may be stored together, by [Space.KeepAll].
func NewLasting[T any](s *Space, prefix string, terms func(*T) []string) *Kind[T] {
	k := newKind(s, prefix, terms, false)
	k.lasting = true
	return k
}

func newKind[T any](s *Space, prefix string, terms func(*T) []string, keep bool) *Kind[T] {
	if prefix == packPrefix || prefix == groupPrefix { // its resources would be read as such messages
		panic(fmt.Sprintf("state: the keys of %s belong to messages that hold several resources", prefix))
	}
	if terms == nil {
		terms = func(*T) []string { return nil }
	}
	k := &Kind[T]{space: s, prefix: prefix, terms: terms, keep: keep}
	k.shelf.moved = k.movedRow
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kinds[prefix] = k
	return k
}

// Told has fn called with each resource that comes from now on and that another
// process made. One of this process may be among them, when the bus tells it
// before its writer knows. Call it before the space is opened. fn must not block or use the kind,
// and may keep the value.
func (k *Kind[T]) Told(fn func(id string, value *T)) { k.told = fn }

// Reflected waits until the index has everything that was written before an entry
// was, whoever wrote it: hub.Unavailable when that takes too long.
func (k *Kind[T]) Reflected(ctx context.Context, e Entry[T]) error {
	d, err := k.space.ready(ctx, e.Domain)
	if err != nil {
		return err
	}
	return d.reflected(ctx, e.Revision)
}

// Domain returns the trust domain that a resource belongs to.
func (k *Kind[T]) Domain(id string) (domain string, ok bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	x := k.at(id)
	if x == nil || x.life == deleted {
		return "", false
	}
	return x.domain.name, true
}

// Len returns how many resources there are that can be read.
func (k *Kind[T]) Len() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.count
}

// Kept returns a resource as it is in memory, nil if there is none. It is for
// kinds made by [NewKept], and must not be changed.
func (k *Kind[T]) Kept(id string) *T {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if x := k.at(id); x != nil && x.life == live {
		return x.value
	}
	return nil
}

// Get returns a resource as it is stored now, hub.NotFound if there is none.
func (k *Kind[T]) Get(ctx context.Context, id string) (Entry[T], error) {
	domain, ok := k.Domain(id)
	if !ok {
		return Entry[T]{}, k.notFound()
	}
	d, err := k.space.ready(ctx, domain)
	if err != nil {
		return Entry[T]{}, err
	}
	return k.read(ctx, d, id)
}

// GetIn is Get for one whose trust domain is known. It finds what another
// process has just created, before the index has it.
func (k *Kind[T]) GetIn(ctx context.Context, domain, id string) (Entry[T], error) {
	d, err := k.space.ready(ctx, domain)
	if err != nil {
		return Entry[T]{}, err
	}
	return k.read(ctx, d, id)
}

// read reads a resource from its table. One that the index has and the table has
// not is gone from both afterwards.
func (k *Kind[T]) read(ctx context.Context, d *domainTable, id string) (Entry[T], error) {
	if p := k.promised(d, id); p != nil {
		return k.entry(d, id, 0, p.raw)
	}
	if raw, revision, ok := k.held(d, id); ok {
		return k.entry(d, id, revision, raw)
	}
	known, from := k.revision(d, id)
	if from != nil && from.left != nil { // it never has a key of its own
		return k.readPacked(ctx, d, id, from)
	}
	raw, revision, err := d.table.Get(ctx, k.key(id))
	if hub.CodeOf(err) == hub.NotFound && from != nil {
		return k.readPacked(ctx, d, id, from)
	}
	if hub.CodeOf(err) == hub.NotFound {
		k.unlearn(d, id, known)
		return Entry[T]{}, k.notFound()
	}
	if err != nil {
		return Entry[T]{}, fmt.Errorf("read %s %s: %w", k.prefix, id, err)
	}
	if k.recent != nil {
		k.mu.Lock()
		k.remember(d, id, revision, raw)
		k.mu.Unlock()
	}
	return k.entry(d, id, revision, raw)
}

// entry decodes what was read.
func (k *Kind[T]) entry(d *domainTable, id string, revision uint64, raw []byte) (Entry[T], error) {
	e := Entry[T]{ID: id, Domain: d.name, Revision: revision}
	if err := json.Unmarshal(raw, &e.Value); err != nil {
		return Entry[T]{}, hub.E(hub.Unavailable, "read "+k.prefix+" "+id, unreadable, errors.Join(errUnreadable, err))
	}
	return e, nil
}

const unreadable = "the stored resource cannot be read; run the version of the hub that wrote it, or restore it from a backup"

// errUnreadable marks a value that is there and does not decode.
var errUnreadable = errors.New("stored value does not decode")

// revision returns what the index knows of a stored resource, and the pack that holds
// it: nil for one that has its own key.
func (k *Kind[T]) revision(d *domainTable, id string) (uint64, *pack) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if x := k.at(id); x != nil && x.domain == d {
		return x.revision, x.pack
	}
	return 0, nil
}

// confirm drops a resource from the index if it is not there any more.
func (k *Kind[T]) confirm(ctx context.Context, d *domainTable, id string) error {
	_, err := k.read(ctx, d, id)
	if hub.CodeOf(err) == hub.NotFound || errors.Is(err, errUnreadable) {
		return nil
	}
	return err
}

func (k *Kind[T]) notFound() error {
	return hub.E(hub.NotFound, "find resource", "not found", nil)
}

func (k *Kind[T]) key(id string) string { return k.prefix + "/" + id }

// Create stores a resource of a trust domain under an ID that is not in use:
// hub.Conflict if it is, in whatever domain. Two processes that create the same
// ID in two domains at once are not kept apart: IDs are random, or derived from
// something of one domain.
func (k *Kind[T]) Create(ctx context.Context, domain, id string, value *T) (Entry[T], error) {
	d, err := k.space.ready(ctx, domain)
	if err != nil {
		return Entry[T]{}, err
	}
	if _, used := k.Domain(id); used {
		return Entry[T]{}, hub.E(hub.Conflict, "create "+k.prefix, "it is there already", nil)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return Entry[T]{}, fmt.Errorf("create %s %s: %w", k.prefix, id, err)
	}
	revision, err := d.table.Create(ctx, k.key(id), raw)
	if err != nil {
		return Entry[T]{}, fmt.Errorf("create %s %s: %w", k.prefix, id, err)
	}
	if err := k.learn(d, id, revision, raw, value); err != nil {
		return Entry[T]{}, err
	}
	return Entry[T]{ID: id, Domain: domain, Revision: revision, Value: *value}, nil
}

// Update changes a resource by fn, which is called again when another change
// came first; an error of fn ends it and changes nothing. fn must not keep the
// value.
func (k *Kind[T]) Update(ctx context.Context, id string, fn func(*T) error) (Entry[T], error) {
	for {
		e, err := k.Get(ctx, id)
		if err != nil {
			return Entry[T]{}, err
		}
		if err := fn(&e.Value); err != nil {
			return Entry[T]{}, err
		}
		next, err := k.Replace(ctx, e)
		if hub.CodeOf(err) != hub.Precondition {
			return next, err
		}
		if err := ctx.Err(); err != nil {
			return Entry[T]{}, hub.E(hub.Unavailable, "change "+k.prefix, "too many changes at once; try again", err)
		}
	}
}

// Replace stores the value of an entry if the resource still has the entry's
// revision: hub.Precondition if it has another. As for every write, after
// hub.Unavailable it is not known whether it took place.
func (k *Kind[T]) Replace(ctx context.Context, e Entry[T]) (Entry[T], error) {
	d, err := k.space.ready(ctx, e.Domain)
	if err != nil {
		return Entry[T]{}, err
	}
	if e.Revision == 0 {
		return Entry[T]{}, k.unkept(ctx, d, e.ID)
	}
	if e.grouped { // what is deleted would come back
		return Entry[T]{}, hub.E(hub.Internal, "change "+k.prefix, "it was created together with others, and is kept as it is", nil)
	}
	if e.packed {
		return k.unpacked(ctx, d, e)
	}
	raw, err := json.Marshal(&e.Value)
	if err != nil {
		return Entry[T]{}, fmt.Errorf("change %s %s: %w", k.prefix, e.ID, err)
	}
	revision, err := d.table.Update(ctx, k.key(e.ID), raw, e.Revision)
	if err != nil {
		k.doubt(d, e.ID)
		return Entry[T]{}, fmt.Errorf("change %s %s: %w", k.prefix, e.ID, err)
	}
	if err := k.learn(d, e.ID, revision, raw, &e.Value); err != nil {
		return Entry[T]{}, err
	}
	e.Revision = revision
	return e, nil
}

// Delete removes a resource unless fn refuses it. fn may be nil.
func (k *Kind[T]) Delete(ctx context.Context, id string, unless func(*T) error) error {
	if k.lasting { // what is in a pack would come back
		return hub.E(hub.Internal, "delete "+k.prefix, "resources of this kind are kept for good", nil)
	}
	for {
		e, err := k.Get(ctx, id)
		if err != nil {
			return err
		}
		if unless != nil {
			if err := unless(&e.Value); err != nil {
				return err
			}
		}
		d, err := k.space.ready(ctx, e.Domain)
		if err != nil {
			return err
		}
		if _, from := k.revision(d, id); e.grouped && from != nil {
			return k.deleteGrouped(ctx, d, id, from, e.Revision)
		}
		if e.Revision == 0 {
			err = k.unkept(ctx, d, id)
		} else if err = d.table.Delete(ctx, k.key(id), e.Revision); err != nil {
			k.doubt(d, id)
		}
		switch hub.CodeOf(err) {
		case "":
			k.unlearn(d, id, e.Revision)
			return nil
		case hub.NotFound:
			k.unlearn(d, id, e.Revision)
			return k.notFound()
		case hub.Precondition:
			if err := ctx.Err(); err != nil {
				return hub.E(hub.Unavailable, "delete "+k.prefix, "too many changes at once; try again", err)
			}
		default:
			return fmt.Errorf("delete %s %s: %w", k.prefix, id, err)
		}
	}
}

// Find returns the IDs of the resources that have a term, sorted.
func (k *Kind[T]) Find(term string) []string {
	return slices.AppendSeq([]string{}, k.FindAfter(term, ""))
}

// FindAfter yields the IDs of the resources that have a term, after a given one,
// in order, under the rules of [Kind.IDs]. Its cost grows with what is taken
// from it.
func (k *Kind[T]) FindAfter(term, after string) iter.Seq[string] {
	if term == "" {
		return func(func(string) bool) {}
	}
	return k.scan(term, after)
}

// InOrder yields the terms that begin with a prefix, in their order, with the IDs
// that have them, after a given term and ID; of these the IDs alone that have all of
// having. So a list has another order than that of the IDs: that of a term which each
// resource has once, such as when it was made. It reads memory only; its cost grows
// with the resources that it passes, under the rules of [Kind.IDs].
func (k *Kind[T]) InOrder(prefix, term, id string, having ...string) iter.Seq2[string, string] {
	const batch = 256 // places that are looked at under one lock
	return func(yield func(term, id string) bool) {
		if prefix == "" || prefix[0] == 0 {
			return
		}
		at := spot{max(term, prefix), id}
		for more := true; more; {
			var found []spot
			more = false
			passed := 0
			k.mu.RLock()
			k.order.from(at, func(p spot) bool {
				switch {
				case !strings.HasPrefix(p.term, prefix):
					return false
				case passed == batch:
					more = true
					return false
				case p != at && k.has(p.id, having):
					found = append(found, spot{strings.Clone(p.term), strings.Clone(p.id)})
				}
				passed++
				at = p
				return true
			})
			k.mu.RUnlock()
			for _, p := range found {
				if !yield(p.term, p.id) {
					return
				}
			}
		}
	}
}

// IDs yields the IDs after a given one, in order. Resources that come or go
// meanwhile may or may not be among them; no other is missed or told twice.
func (k *Kind[T]) IDs(after string) iter.Seq[string] { return k.scan("", after) }

// IDsIn is [Kind.IDs] of one trust domain. The cost does not grow with what other
// domains have.
func (k *Kind[T]) IDsIn(domain, after string) iter.Seq[string] {
	return k.scan(ofDomain(domain), after)
}

// List yields the resources after a given ID, in order, of the trust domains
// that visible allows. An error ends it; a resource that cannot be read is left
// out, and [Space.Check] names it. The cost does not grow with what other
// domains have when one domain alone, or all, are visible.
func (k *Kind[T]) List(ctx context.Context, visible func(domain string) bool, after string) iter.Seq2[Entry[T], error] {
	domains := k.space.Domains()
	seen := slices.DeleteFunc(slices.Clone(domains), func(d string) bool { return !visible(d) })
	switch len(seen) {
	case 0:
		return func(func(Entry[T], error) bool) {}
	case 1:
		return k.entries(ctx, visible, k.scan(ofDomain(seen[0]), after))
	}
	return k.entries(ctx, visible, k.IDs(after))
}

// Among yields those of the given resources that are there and that visible
// allows.
func (k *Kind[T]) Among(ctx context.Context, visible func(domain string) bool, ids []string) iter.Seq2[Entry[T], error] {
	return k.entries(ctx, visible, slices.Values(ids))
}

func (k *Kind[T]) entries(ctx context.Context, visible func(domain string) bool, ids iter.Seq[string]) iter.Seq2[Entry[T], error] {
	return func(yield func(Entry[T], error) bool) {
		for id := range ids {
			if domain, ok := k.Domain(id); !ok || !visible(domain) {
				continue
			}
			e, err := k.Get(ctx, id)
			if hub.CodeOf(err) == hub.NotFound || errors.Is(err, errUnreadable) {
				continue // went away meanwhile, or must not hide the others
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
