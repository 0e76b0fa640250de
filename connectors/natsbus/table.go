package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/manoward/manoward/internal/hub"
)

// Table is a set of keys with values and revisions: the State class. A write
// that returned nil is as durable as a record of a [Log].
//
// Keys are paths: segments joined by '/', each of letters, digits, '-', '_'
// and '.', at most 512 bytes in all. Reads are answered by the leader of the
// table's replicas, or by the embedded server, so that a reader sees every write
// that was acknowledged before it asked. Methods are safe for concurrent use.
type Table struct {
	a      *Account
	name   string
	stream jetstream.Stream
}

// KeyValue is one key of a table. A revision is unique in its table and grows
// with each write, whatever the key.
type KeyValue struct {
	Key      string
	Value    []byte
	Revision uint64
}

// Headers of a table's messages. The first is that of NATS key-value buckets
// (ADR-8), so that their tools read a table.
const (
	headerOperation = "KV-Operation"
	operationDelete = "DEL"
	headerToken     = "Manoward-Token"    // names the write, to recognise it when its answer was lost
	headerPrevious  = "Manoward-Previous" // sequence of the message that this one replaces
)

const maxKeyLen = 512

// Table opens the table of that name and creates it if need be. Names are up
// to 64 letters, digits, '-' and '_'.
func (a *Account) Table(ctx context.Context, name string) (*Table, error) {
	if err := checkStreamName(classTable, name); err != nil {
		return nil, err
	}
	s, err := a.openStream(ctx, classTable, jetstream.StreamConfig{
		Name:              "KV_" + name,
		Subjects:          []string{"$KV." + name + ".>"},
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardNew,
		MaxMsgsPerSubject: 1,
		DenyDelete:        true,
		DenyPurge:         true,
		AllowDirect:       a.alone(),
	})
	if err != nil {
		return nil, err
	}
	if s.CachedInfo().Config.AllowDirect && !a.alone() {
		return nil, hub.E(hub.Conflict, "open table", "stream KV_"+name+" of account "+a.name+" lets any replica answer, also one that lags: it was made on an embedded bus; set allow_direct of the stream to false", nil)
	}
	return &Table{a: a, name: name, stream: s}, nil
}

// alone says that one server has all that is read, so that it may be asked
// directly instead of through its API, for a third of the price. Of several
// replicas one that lags would answer, and of mirrors, which the hub does not
// make. The embedded server reads the same store either way, and acknowledges a
// write when it is in there (nats-server 2.15.2, getDirectRequest).
func (a *Account) alone() bool { return a.store != nil }

// subject returns the subject of a key. In it '/' separates tokens, and a '.'
// of the key is written '='.
func (t *Table) subject(op, key string) (string, error) {
	bad := key == "" || len(key) > maxKeyLen
	for seg := range strings.SplitSeq(key, "/") {
		bad = bad || seg == ""
		for i := 0; i < len(seg) && !bad; i++ {
			bad = !isWordByte(seg[i]) && seg[i] != '.'
		}
	}
	if bad {
		return "", hub.E(hub.Invalid, op, fmt.Sprintf("key %.80q: use segments of letters, digits, '-', '_' and '.', joined by '/', at most %d bytes", key, maxKeyLen), nil)
	}
	return "$KV." + t.name + "." + keyEncoder.Replace(key), nil
}

var (
	keyEncoder = strings.NewReplacer("/", ".", ".", "=")
	keyDecoder = strings.NewReplacer(".", "/", "=", ".")
)

// key is the reverse of subject.
func (t *Table) key(subject string) string {
	return keyDecoder.Replace(strings.TrimPrefix(subject, "$KV."+t.name+"."))
}

// filter returns the subject that matches all keys under a prefix: the empty
// one, or one that ends in '/'.
func (t *Table) filter(op, prefix string) (string, error) {
	if prefix == "" {
		return "$KV." + t.name + ".>", nil
	}
	path, ok := strings.CutSuffix(prefix, "/")
	if !ok {
		return "", hub.E(hub.Invalid, op, fmt.Sprintf("prefix %.80q: end it with '/'", prefix), nil)
	}
	subject, err := t.subject(op, path)
	return subject + ".>", err
}

// Get returns the value of a key, or hub.NotFound.
func (t *Table) Get(ctx context.Context, key string) (KeyValue, error) {
	const op = "read key"
	subject, err := t.subject(op, key)
	if err != nil {
		return KeyValue{}, err
	}
	m, err := t.a.lastOf(ctx, t.stream, subject)
	if err != nil {
		return KeyValue{}, t.a.fail(op, err)
	}
	if m == nil || isDelete(m.Header) {
		return KeyValue{}, t.absent(op, key)
	}
	return KeyValue{key, m.Data, m.Sequence}, nil
}

func isDelete(h nats.Header) bool { return h.Get(headerOperation) == operationDelete }

func (t *Table) absent(op, key string) error {
	return hub.E(hub.NotFound, op, fmt.Sprintf("there is no %s in %s", key, t.name), nil)
}

// Create writes a key that is not there and returns its revision; hub.Conflict
// when it is there.
//
// The value is not to be changed afterwards, by the caller of Update either: who leaves
// when ctx ends may leave before it is sent.
//
// For this, Update and Delete alike: when the answer of the server is lost, the
// key is read back, and the call tells what became of it. Only when that is not
// possible either, or ctx ends first, the answer is hub.Unavailable and the
// write may or may not have taken place.
func (t *Table) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	const op = "create key"
	subject, err := t.subject(op, key)
	if err != nil {
		return 0, err
	}
	taken := hub.E(hub.Conflict, op, fmt.Sprintf("%s in %s exists already", key, t.name), nil)
	previous := uint64(0)
	for {
		rev, err := t.write(ctx, op, subject, value, previous, false)
		if !errors.Is(err, errStale) {
			return rev, err
		}
		m, err := t.a.lastOf(ctx, t.stream, subject)
		switch {
		case err != nil:
			return 0, t.a.fail(op, err)
		case m == nil || m.Sequence == previous:
			// Only on a replicated stream: a write that is not committed yet was first.
			return 0, hub.E(hub.Unavailable, op, fmt.Sprintf("%s in %s is being written by somebody else; try again", key, t.name), nil)
		case !isDelete(m.Header):
			return 0, taken
		}
		previous = m.Sequence // the mark of a deletion; a key may be made again
	}
}

// Update replaces the value of a key that has the given revision and returns
// the new one; hub.Precondition when the key has another revision or is not
// there.
func (t *Table) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return t.replace(ctx, "update key", key, value, revision, false)
}

// Delete removes a key that has the given revision; hub.Precondition when it
// has another, hub.NotFound when it is not there.
func (t *Table) Delete(ctx context.Context, key string, revision uint64) error {
	const op = "delete key"
	_, err := t.replace(ctx, op, key, nil, revision, true)
	if hub.CodeOf(err) == hub.Precondition {
		if _, missing := t.Get(ctx, key); hub.CodeOf(missing) == hub.NotFound {
			return t.absent(op, key)
		}
	}
	return err
}

func (t *Table) replace(ctx context.Context, op, key string, value []byte, revision uint64, del bool) (uint64, error) {
	subject, err := t.subject(op, key)
	if err != nil {
		return 0, err
	}
	stale := hub.E(hub.Precondition, op, fmt.Sprintf("%s in %s does not have revision %d any more; read it again", key, t.name, revision), nil)
	if revision == 0 {
		return 0, stale // to the server, 0 means: not there
	}
	rev, err := t.write(ctx, op, subject, value, revision, del)
	if errors.Is(err, errStale) {
		return 0, stale
	}
	return rev, err
}

// errStale says that a subject's newest message is not the expected one.
var errStale = errors.New("stale revision")

// write replaces the message with sequence previous. It goes on in the
// background when ctx ends first, so that the guard learns the outcome.
func (t *Table) write(ctx context.Context, op, subject string, value []byte, previous uint64, del bool) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, t.a.fail(op, err)
	}
	if err := t.a.guard.Damaged(); err != nil {
		return 0, err
	}
	m := nats.NewMsg(subject)
	m.Data = value
	m.Header.Set(headerPrevious, strconv.FormatUint(previous, 10))
	if del {
		m.Header.Set(headerOperation, operationDelete)
	}
	token := hub.NewID()
	m.Header.Set(headerToken, token)
	type result struct {
		seq uint64
		err error
	}
	done := make(chan result, 1)
	go func() {
		seq, err := t.put(ctx, m, token, previous)
		done <- result{seq, err}
	}()
	select {
	case r := <-done:
		if errors.Is(r.err, errStale) {
			return 0, r.err
		}
		return r.seq, t.a.fail(op, r.err)
	case <-ctx.Done():
		return 0, t.a.fail(op, ctx.Err())
	}
}

// put publishes a write and, when the answer is lost, looks for its token.
func (t *Table) put(ctx context.Context, m *nats.Msg, token string, previous uint64) (uint64, error) {
	ack, err := t.a.send(ctx, t.stream.CachedInfo().Config.Name, m, jetstream.WithExpectLastSequencePerSubject(previous))
	var seq uint64
	switch {
	case err == nil:
		seq = ack.Sequence
	case isWrongSequence(err):
		return 0, errStale
	case errors.Is(err, errUnacknowledged):
		t.a.guard.unsure(t.stream.CachedInfo().Config.Name)
		return 0, err
	case !isLost(err):
		return 0, err
	default:
		found, lookup := t.a.lastOf(context.WithoutCancel(ctx), t.stream, m.Subject)
		if found == nil || found.Header.Get(headerToken) != token {
			t.a.guard.unsure(t.stream.CachedInfo().Config.Name)
		}
		switch {
		case lookup != nil:
			return 0, errors.Join(err, lookup)
		case found == nil || found.Header.Get(headerToken) != token:
			if found != nil && found.Sequence != previous {
				// Replaced by another write, perhaps after ours was there.
				return 0, fmt.Errorf("the outcome cannot be told: %w", err)
			}
			return 0, fmt.Errorf("the write is not there, and may still come: %w", err)
		}
		seq = found.Sequence
	}
	t.a.guard.replaced(t.stream.CachedInfo().Config.Name, m.Subject, seq, previous)
	return seq, nil
}
