package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// packPrefix begins the keys of messages that hold several resources.
const packPrefix = "pack"

// Bounds of a pack, which only a single resource may exceed. Whoever reads one of its
// resources reads all of it, and a bus takes messages of a bounded size only.
const (
	mostPacked = 64
	packBytes  = 64 << 10
)

// packPause is how long a pack with room for more waits for it. Nobody waits for a pack,
// and who changes what was made a moment ago ends the pause: what is promised is durable
// elsewhere.
const packPause = 100 * time.Millisecond

// packTimeout bounds the write of a pack: it goes on although those who asked for it
// have gone.
const packTimeout = 30 * time.Second

// pack is a message of a table that holds several resources, one on a line: its key, a
// space and its JSON. It is written once and never changed. A resource that is changed
// has its own key from then on, which is what counts, whatever the revisions are.
type pack struct {
	key  string
	left *atomic.Int32 // of a group, see CreateTogether: its resources that are not deleted; nil: it is none
}

// Row names a resource for [Space.KeepAll].
type Row struct {
	promised func(d *domainTable) (key string, p *promise)
	kept     func(d *domainTable, p *promise, from *pack, revision uint64, told bool)
}

// Row names a resource of a kind made by [NewLasting].
func (k *Kind[T]) Row(id string) Row {
	return Row{
		promised: func(d *domainTable) (string, *promise) {
			if !k.lasting {
				return "", nil
			}
			return k.key(id), k.promised(d, id)
		},
		kept: func(d *domainTable, p *promise, from *pack, revision uint64, told bool) {
			k.keptIn(d, id, p, from, revision, told)
		},
	}
}

// keptIn notes that what was promised is in a pack, and that the watch has told it.
func (k *Kind[T]) keptIn(d *domainTable, id string, p *promise, from *pack, revision uint64, told bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	x := k.at(id)
	switch {
	case x == nil:
	case x.promise == p:
		k.put(id, &arrival[T]{indexed: indexed[T]{domain: d, revision: revision, pack: from, told: told, value: x.value, weight: x.weight}}, k.order.textsOf(k.termsIn(x)))
	case told && x.pack != nil && x.pack.key == from.key:
		x.told = true
	}
}

// KeepAll stores what is promised of some resources of a trust domain, and nothing of
// those that are not promised. Those that are to be stored at the same time share a
// message, and so the wait for the disk.
func (s *Space) KeepAll(ctx context.Context, domain string, rows ...Row) error {
	d, err := s.ready(ctx, domain)
	if err != nil {
		return err
	}
	calls := packingsOf(ctx, d, rows)
	d.packer.add(d, calls)
	for _, c := range calls {
		select {
		case err := <-c.done:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return hub.E(hub.Unavailable, "store resources", "the caller left before they were known to be stored", ctx.Err())
		}
	}
	return nil
}

// packingsOf parts what is promised of some resources so that each part fits into a pack.
func packingsOf(ctx context.Context, d *domainTable, rows []Row) (calls []*packing) {
	for _, r := range rows {
		key, p := r.promised(d)
		if p == nil {
			continue
		}
		size := len(key) + len(p.raw)
		if n := len(calls); n == 0 || calls[n-1].size+size > packBytes || len(calls[n-1].rows) == mostPacked {
			calls = append(calls, &packing{ctx: ctx, done: make(chan error, 1)})
		}
		last := calls[len(calls)-1]
		last.rows, last.size = append(last.rows, r), last.size+size
	}
	return calls
}

// packing is a call of KeepAll, or a part of it, that goes into one pack.
type packing struct {
	ctx  context.Context
	rows []Row
	size int        // of what they have promised
	done chan error // takes the answer
}

// packedRow is a resource on its way into a pack.
type packedRow struct {
	Row
	key string
	p   *promise
}

// open returns what is still promised of its resources.
func (c *packing) open(d *domainTable) []packedRow {
	var open []packedRow
	for _, r := range c.rows {
		if key, p := r.promised(d); p != nil {
			open = append(open, packedRow{r, key, p})
		}
	}
	return open
}

// packer writes the packs of a table, one after the other: what comes while one is on
// its way goes into the next.
type packer struct {
	mu      sync.Mutex // covers what is below
	waiting []*packing
	hurry   chan struct{}          // of one place: ends the pause; nil until something waits
	writing bool                   // a goroutine runs write
	own     map[string][]packedRow // by key: of packs of this process that the watch has not told
}

func (k *packer) add(d *domainTable, calls []*packing) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting = append(k.waiting, calls...)
	if k.hurry == nil {
		k.hurry = make(chan struct{}, 1)
	}
	if k.rows() >= mostPacked {
		k.hasten()
	}
	if !k.writing && len(calls) > 0 {
		k.writing = true
		go k.write(d)
	}
}

// soon has what waits stored without a pause.
func (k *packer) soon() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.waiting) > 0 {
		k.hasten()
	}
}

// hasten ends the pause. k.mu is held, and something waits or did.
func (k *packer) hasten() {
	select {
	case k.hurry <- struct{}{}:
	default:
	}
}

// write stores pack after pack until nothing waits.
func (k *packer) write(d *domainTable) {
	for {
		if k.few() {
			k.pause(d.work)
		}
		calls, rows, text := k.next(d)
		if calls == nil {
			return
		}
		var err error
		if len(rows) > 0 {
			err = k.store(context.WithoutCancel(calls[0].ctx), d, rows, text)
		}
		for _, c := range calls {
			c.done <- err
		}
	}
}

// few says whether a pack has room for more than what waits.
func (k *packer) few() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rows() < mostPacked
}

// rows is how many resources wait. k.mu is held.
func (k *packer) rows() int {
	rows := 0
	for _, c := range k.waiting {
		rows += len(c.rows)
	}
	return rows
}

// pause waits for more to come. What is promised is stored even so when the hub stops.
func (k *packer) pause(work context.Context) {
	t := time.NewTimer(packPause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-k.hurry:
	case <-work.Done():
	}
}

// next takes the calls that go into the next pack out of the line. Without any, nobody
// writes from then on.
func (k *packer) next(d *domainTable) (calls []*packing, rows []packedRow, text []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.waiting) == 0 {
		k.writing = false
		return nil, nil, nil
	}
	for size := 0; len(calls) < len(k.waiting); {
		c := k.waiting[len(calls)]
		if size += c.size; len(calls) > 0 && (size > packBytes || len(rows)+len(c.rows) > mostPacked) {
			break
		}
		rows, calls = append(rows, c.open(d)...), append(calls, c)
	}
	k.waiting = k.waiting[len(calls):]
	return calls, rows, rowsText(rows)
}

// store writes a pack.
func (k *packer) store(ctx context.Context, d *domainTable, rows []packedRow, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, packTimeout)
	defer cancel()
	from := &pack{key: packPrefix + "/" + hub.NewID()}
	k.mark(from.key, rows) // before it is there: the watch may tell it first
	revision, err := d.table.Create(ctx, from.key, text)
	if err != nil {
		k.take(from.key) // it may be there: then it is read as another process's is
		return fmt.Errorf("store %d resources: %w", len(rows), err)
	}
	for _, r := range rows {
		r.kept(d, r.p, from, revision, false)
	}
	return nil
}

func (k *packer) mark(key string, rows []packedRow) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.own == nil {
		k.own = map[string][]packedRow{}
	}
	k.own[key] = rows
}

// take returns what a pack of this process holds that the watch has not told before.
func (k *packer) take(key string) []packedRow {
	k.mu.Lock()
	defer k.mu.Unlock()
	rows := k.own[key]
	delete(k.own, key)
	return rows
}

// unpack prepares a pack for the kinds of what it holds. What this process wrote is in
// the index already and is not decoded again.
func (s *Space) unpack(d *domainTable, c Change) (finish func() error) {
	if c.Deleted {
		return func() error {
			return errors.New("a message with stored resources was removed; restore it from a backup")
		}
	}
	from := &pack{key: c.Key}
	if rows := d.packer.take(c.Key); rows != nil {
		return func() error {
			for _, r := range rows {
				r.kept(d, r.p, from, c.Revision, true)
			}
			s.reflects(d, c.Revision)
			return nil
		}
	}
	_, finish = s.unpackRows(d, c, from)
	return finish
}

// unpackRows prepares what a message holds for the kinds of it, and says how many
// resources that are.
func (s *Space) unpackRows(d *domainTable, c Change, from *pack) (rows int, finish func() error) {
	var all []func() error
	err := eachRow(c.Value, func(key string, raw []byte) {
		prefix, _, _ := strings.Cut(key, "/")
		s.mu.Lock()
		k := s.kinds[prefix]
		s.mu.Unlock()
		if k == nil { // a newer version of this program wrote it
			return
		}
		row := k.decode(d, Change{Key: key, Value: raw, Revision: c.Revision}, from)
		all = append(all, func() error {
			if err := row(); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			return nil
		})
	})
	return len(all), func() error {
		failed := []error{err}
		for _, row := range all {
			failed = append(failed, row())
		}
		s.reflects(d, c.Revision) // after all of them: who sees this revision sees them
		return errors.Join(failed...)
	}
}

// rowsText is the text of a pack.
func rowsText(rows []packedRow) []byte {
	size := 0
	for _, r := range rows {
		size += len(r.key) + len(r.p.raw) + 2
	}
	text := make([]byte, 0, size)
	for _, r := range rows {
		text = appendRow(text, r.key, r.p.raw)
	}
	return text
}

// appendRow adds a resource to the text of a pack. JSON by encoding/json has no newline.
func appendRow(text []byte, key string, raw []byte) []byte {
	text = append(append(text, key...), ' ')
	return append(append(text, raw...), '\n')
}

// rowSize is what appendRow adds, in bytes.
func rowSize(key string, raw []byte) int { return len(key) + len(raw) + 2 }

// eachRow hands out what a pack holds. Its error says that it is none.
func eachRow(text []byte, fn func(key string, raw []byte)) error {
	for line := range bytes.Lines(text) {
		key, raw, ok := bytes.Cut(line, []byte{' '})
		raw, whole := bytes.CutSuffix(raw, []byte{'\n'})
		if !ok || !whole || len(key) == 0 {
			return errors.New("a message with stored resources is torn")
		}
		fn(string(key), raw)
	}
	return nil
}

// readPacked reads a resource out of its pack: it has no key of its own.
func (k *Kind[T]) readPacked(ctx context.Context, d *domainTable, id string, from *pack) (Entry[T], error) {
	text, revision, err := d.table.Get(ctx, from.key)
	if hub.CodeOf(err) == hub.NotFound && from.left != nil { // all of it was deleted
		k.mu.Lock()
		defer k.mu.Unlock()
		if x := k.at(id); x != nil && x.domain == d && x.pack == from {
			k.put(id, gone[T](d, x.revision, true), nil)
		}
		return Entry[T]{}, k.notFound()
	}
	if hub.CodeOf(err) == hub.NotFound { // it was there, and nothing removes it
		return Entry[T]{}, hub.E(hub.Unavailable, "read "+k.prefix+" "+id, unreadable, errors.Join(errUnreadable, err))
	}
	if err != nil {
		return Entry[T]{}, fmt.Errorf("read %s %s in %s: %w", k.prefix, id, from.key, err)
	}
	var found []byte
	begin := []byte(k.key(id) + " ")
	for line := range bytes.Lines(text) {
		if raw, ok := bytes.CutPrefix(line, begin); ok {
			found = raw
		}
	}
	e, err := k.entry(d, id, revision, found)
	e.packed, e.grouped = true, from.left != nil
	return e, err
}

// unpacked stores a change of what is in a pack under its own key. Of several changes
// at once one makes the key.
func (k *Kind[T]) unpacked(ctx context.Context, d *domainTable, e Entry[T]) (Entry[T], error) {
	raw, err := json.Marshal(&e.Value)
	if err != nil {
		return Entry[T]{}, fmt.Errorf("change %s %s: %w", k.prefix, e.ID, err)
	}
	revision, err := d.table.Create(ctx, k.key(e.ID), raw)
	if hub.CodeOf(err) == hub.Conflict {
		return Entry[T]{}, hub.E(hub.Precondition, "change "+k.prefix, "it was changed meanwhile; read it again", err)
	}
	if err != nil {
		return Entry[T]{}, fmt.Errorf("change %s %s: %w", k.prefix, e.ID, err)
	}
	if err := k.learn(d, e.ID, revision, raw, &e.Value); err != nil {
		return Entry[T]{}, err
	}
	e.Revision, e.packed = revision, false
	return e, nil
}
