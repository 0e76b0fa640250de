package natsbus

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/manoward/manoward/internal/hub"
)

// TestGuard_NeverWritten holds that a log whose first message was not acknowledged,
// and that the server counts and does not have, is made anew, also when that is cut
// off; and that one whose first message was acknowledged is not.
func TestGuard_NeverWritten(t *testing.T) {
	ctx := within(t)
	for _, acknowledged := range []bool{false, true} {
		dir := t.TempDir()
		open := func() (*Account, func()) {
			t.Helper()
			a, s, err := guarded(ctx, dir)
			if err != nil {
				t.Fatal(err)
			}
			return a, func() {
				if err := leave(a, s); err != nil {
					t.Fatal(err)
				}
			}
		}
		a, end := open()
		l := mustLog(t, a, "l")
		lax := l.stream.CachedInfo().Config
		lax.DenyPurge, lax.DenyDelete = false, false
		if err := a.js.DeleteStream(ctx, lax.Name); err != nil {
			t.Fatal(err)
		}
		if _, err := a.js.CreateStream(ctx, lax); err != nil {
			t.Fatal(err)
		}
		if acknowledged {
			if err := l.Append(ctx, record("first")); err != nil {
				t.Fatal(err)
			}
		} else if _, err := a.js.PublishMsg(ctx, &nats.Msg{Subject: l.subject, Data: []byte("lost")}); err != nil {
			t.Fatal(err)
		}
		if err := l.stream.Purge(ctx); err != nil { // as the server has it after a failed write
			t.Fatal(err)
		}
		end()
		if acknowledged {
			if _, _, err := guarded(ctx, dir); hub.CodeOf(err) != hub.Unavailable {
				t.Errorf("a log that lost an acknowledged message is opened: %v", err)
			}
			continue
		}
		_, end = open() // not used before it ends, as after a crash
		end()
		a, end = open()
		l = mustLog(t, a, "l")
		if err := l.Append(ctx, record("again")); err != nil {
			t.Fatal(err)
		}
		if last, err := l.LastBatch(ctx); err != nil || last.Sequence != 1 {
			t.Errorf("the first record is message %d: %v", last.Sequence, err)
		}
		end()
	}
}
