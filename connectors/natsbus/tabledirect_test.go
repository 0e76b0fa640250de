package natsbus

import (
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/manoward/manoward/internal/hub"
)

// The tables of the embedded server are read directly. Whoever reads a key after a
// write was acknowledged sees it, on another connection and while others write.
func TestTable_DirectReads(t *testing.T) {
	const writers, writes = 8, 25
	b := mustOpen(t, embeddedConfig(t))
	name := unique()
	tb := mustTable(t, mustCreate(t, b, "north"), name)
	if !tb.stream.CachedInfo().Config.AllowDirect {
		t.Fatal("a table of the embedded server is not read directly")
	}
	readers := mustTable(t, another(t, b, "north"), name)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			key, rev := fmt.Sprintf("k/%d", w), uint64(0)
			for i := range writes {
				value := fmt.Sprint(i)
				var err error
				if rev == 0 {
					rev, err = tb.Create(within(t), key, []byte(value))
				} else {
					rev, err = tb.Update(within(t), key, []byte(value), rev)
				}
				if err != nil {
					t.Error(err)
					return
				}
				if kv, err := readers.Get(within(t), key); err != nil || kv.Revision != rev || string(kv.Value) != value {
					t.Errorf("after %s was stored as %d, %s, %d was read: %v", value, rev, kv.Value, kv.Revision, err)
				}
			}
			if err := tb.Delete(within(t), key, rev); err != nil {
				t.Error(err)
			}
			if _, err := readers.Get(within(t), key); hub.CodeOf(err) != hub.NotFound {
				t.Errorf("read after the deletion: %v", err)
			}
		})
	}
	wg.Wait()
}

// A table of an outside cluster is read at the leader, and one that any replica may
// answer for, because it came from an embedded bus, is refused.
func TestTable_NoDirectReadsOutside(t *testing.T) {
	a := testAccount(t, testServer(t, t.TempDir()))
	if mustTable(t, a, "t").stream.CachedInfo().Config.AllowDirect {
		t.Error("a table of an outside cluster is read directly")
	}
	_, err := a.js.CreateStream(within(t), jetstream.StreamConfig{
		Name: "KV_moved", Subjects: []string{"$KV.moved.>"}, MaxMsgsPerSubject: 1, AllowDirect: true,
		Metadata: map[string]string{classKey: classTable},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Table(within(t), "moved")
	wantError(t, err, hub.Conflict, "KV_moved", "allow_direct")
}

// BenchmarkGet is a read of one key, directly and through the server's API.
func BenchmarkGet(b *testing.B) {
	for _, direct := range []bool{true, false} {
		b.Run(fmt.Sprintf("direct=%t", direct), func(b *testing.B) {
			a := testAccount(b, testServer(b, b.TempDir()))
			if direct {
				a.store = newStorage(func(string) error { return nil })
			}
			tb, err := a.Table(within(b), "t")
			if err != nil {
				b.Fatal(err)
			}
			if _, err := tb.Create(within(b), "k", make([]byte, 1000)); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := tb.Get(b.Context(), "k"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
