package journal

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// recordLog is a record log in memory, which a test may tamper with.
type recordLog struct {
	mu      sync.Mutex
	batches []Batch
	grown   chan struct{} // closed and made anew when something is added
}

func newRecordLog() *recordLog { return &recordLog{grown: make(chan struct{})} }

// add stores one message with records of these kinds.
func (l *recordLog) add(kinds ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := uint64(len(l.batches) + 1)
	b := Batch{Sequence: n, Stored: time.Now(), Header: map[string][]string{"Manoward-Count": {fmt.Sprint(n)}, "Nats-Msg-Id": {fmt.Sprint("m", n)}}}
	for i, kind := range kinds {
		b.Lines = append(b.Lines, fmt.Appendf(nil, `{"id":"r%d-%d","kind":%q,"data":{"n":%d}}`, n, i, kind, n))
	}
	l.batches = append(l.batches, b)
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *recordLog) snapshot() ([]Batch, chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.batches), l.grown
}

// tamper changes what is stored.
func (l *recordLog) tamper(change func([]Batch) []Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batches = change(l.batches)
}

func (l *recordLog) FollowBatches(ctx context.Context, after uint64, fn func(Batch) error) error {
	for {
		list, grown := l.snapshot()
		for _, b := range list {
			if b.Sequence <= after {
				continue
			}
			if err := fn(b); err != nil {
				return err
			}
			after = b.Sequence
		}
		select {
		case <-ctx.Done():
			return nil
		case <-grown:
		}
	}
}

func (l *recordLog) ReadBatches(_ context.Context, after uint64, fn func(Batch) error) error {
	list, _ := l.snapshot()
	for _, b := range list {
		if b.Sequence <= after {
			continue
		}
		if err := fn(b); err != nil {
			return err
		}
	}
	return nil
}

func (l *recordLog) LastBatch(context.Context) (Batch, error) {
	list, _ := l.snapshot()
	if len(list) == 0 {
		return Batch{}, nil
	}
	return list[len(list)-1], nil
}

// sealLog is a store of seals in memory.
type sealLog struct {
	mu   sync.Mutex
	raw  [][]byte
	fail func(stored bool) error // asked before and after a seal is stored; nil: nothing fails
}

func (l *sealLog) Last(context.Context) (uint64, []byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.raw) == 0 {
		return 0, nil, nil
	}
	return uint64(len(l.raw)), l.raw[len(l.raw)-1], nil
}

func (l *sealLog) At(_ context.Context, number uint64) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if number == 0 || number > uint64(len(l.raw)) {
		return nil, hub.E(hub.Unavailable, "read seal", "no such seal", nil)
	}
	return l.raw[number-1], nil
}

func (l *sealLog) Follow(ctx context.Context, after uint64, fn func(raw []byte) error) error {
	for ; ctx.Err() == nil; time.Sleep(time.Millisecond) { // of a bubble
		for raw, err := l.At(ctx, after+1); err == nil; raw, err = l.At(ctx, after+1) {
			if err := fn(raw); err != nil {
				return err
			}
			after++
		}
	}
	return nil
}

func (l *sealLog) Append(_ context.Context, last uint64, _ string, raw []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if uint64(len(l.raw)) != last {
		return hub.E(hub.Precondition, "store seal", "there is a newer one", nil)
	}
	if l.fail != nil {
		if err := l.fail(false); err != nil {
			return err
		}
	}
	l.raw = append(l.raw, raw)
	if l.fail != nil {
		return l.fail(true)
	}
	return nil
}

func (l *sealLog) size(t *testing.T) uint64 {
	t.Helper()
	n, raw, err := l.Last(t.Context())
	if err != nil || n == 0 {
		return 0
	}
	s, err := decodeSeal(raw)
	if err != nil {
		t.Fatal(err)
	}
	return s.size()
}

var errBus = hub.E(hub.Unavailable, "store seal", "the bus is away", errors.New("test"))

func newTestKey(t testing.TB, domain string) *Key {
	t.Helper()
	private, err := NewKey(rand.Reader, Origin(domain))
	if err != nil {
		t.Fatal(err)
	}
	k, err := OpenKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// world is one journal with its records.
type world struct {
	records *recordLog
	seals   *sealLog
	key     *Key
	kept    map[string][]byte // contents, by kind and name
}

func newWorld(t testing.TB) *world {
	return &world{records: newRecordLog(), seals: &sealLog{}, key: newTestKey(t, "north"), kept: map[string][]byte{}}
}

func (w *world) contents(_ context.Context, ref Reference) ([]byte, error) {
	if raw, ok := w.kept[ref.key()]; ok {
		return raw, nil
	}
	return nil, hub.E(hub.NotFound, "read content", "it is not kept any more", nil)
}

func (w *world) sealer() *Sealer {
	return &Sealer{Records: w.records, Seals: w.seals, Key: w.key, Now: time.Now}
}

// sealAll seals what there is, without waiting for more, size entries in a seal.
func (w *world) sealAll(t testing.TB, size int) {
	t.Helper()
	s := w.sealer()
	if err := s.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	var entries []Entry
	list, _ := w.records.snapshot()
	for _, b := range list {
		entries = append(entries, b.entries()...)
	}
	if s.head.seal != nil {
		entries = entries[s.head.seal.size():]
	}
	for len(entries) > 0 {
		n := min(size, len(entries))
		if err := s.store(t.Context(), entries[:n]); err != nil {
			t.Fatal(err)
		}
		entries = entries[n:]
	}
}

func (w *world) export(t testing.TB, r Request) []packFile {
	t.Helper()
	r.TrustDomain = "north"
	var b bytes.Buffer
	if err := WritePack(t.Context(), &b, Source{Records: w.records, Seals: w.seals, Key: w.key, Now: time.Now, Contents: w.contents}, r); err != nil {
		t.Fatal(err)
	}
	return untar(t, b.Bytes())
}

type packFile struct {
	name string
	raw  []byte
}

func untar(t testing.TB, raw []byte) []packFile {
	t.Helper()
	var list []packFile
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, packFile{h.Name, content})
	}
}

func filesOf(list []packFile) Files {
	return func() (string, io.Reader, error) {
		if len(list) == 0 {
			return "", nil, io.EOF
		}
		f := list[0]
		list = list[1:]
		return f.name, bytes.NewReader(f.raw), nil
	}
}

func verify(t testing.TB, key *PublicKey, list []packFile) *Report {
	t.Helper()
	r, err := Verify(t.Context(), filesOf(list), Trust{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
