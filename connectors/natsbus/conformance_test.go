package natsbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// TestClasses runs the suite against a bare embedded server.
func TestClasses(t *testing.T) {
	s := testServer(t, t.TempDir())
	conformance(t, func(t *testing.T) *Account { return testAccount(t, s) })
}

// conformance is what every kind of bus must hold. open returns a connection of
// its own to the same account each time.
func conformance(t *testing.T, open func(t *testing.T) *Account) {
	t.Run("Log", func(t *testing.T) { conformLog(t, open) })
	t.Run("Table", func(t *testing.T) { conformTable(t, open) })
	t.Run("Queue", func(t *testing.T) { conformQueue(t, open, false) })
	t.Run("QueueGrouped", func(t *testing.T) { conformQueue(t, open, true) })
	t.Run("Signal", func(t *testing.T) { conformSignal(t, open) })
}

// unique returns a name that no other test of the same bus uses.
func unique() string { return "t-" + hub.NewID() }

// record returns a record that is the same for the same id.
func record(id string) hub.Record {
	return hub.Record{
		ID: id, Kind: "test.happened", Time: time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC),
		Actor: "spiffe://test/operator/o", Subject: "thing/" + id, Data: json.RawMessage(`{"n":1}`),
	}
}

func mustLog(t *testing.T, a *Account, name string) *Log {
	t.Helper()
	l, err := a.Log(within(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func readIDs(t *testing.T, l *Log, after Position) []string {
	t.Helper()
	var ids []string
	for e, err := range l.Read(within(t), after) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

func conformLog(t *testing.T, open func(t *testing.T) *Account) {
	t.Run("AppendAndRead", func(t *testing.T) {
		a := open(t)
		name := unique()
		l := mustLog(t, a, name)
		if p, err := l.Last(within(t)); err != nil || p != (Position{}) {
			t.Errorf("Last of an empty log: %v, %v", p, err)
		}
		if ids := readIDs(t, l, Position{}); len(ids) != 0 {
			t.Errorf("an empty log holds %v", ids)
		}
		if err := l.Append(within(t), record("a"), record("b"), record("c")); err != nil {
			t.Fatal(err)
		}
		if err := l.Append(within(t), record("d")); err != nil {
			t.Fatal(err)
		}
		other := mustLog(t, open(t), name)
		var got []Entry
		for e, err := range other.Read(within(t), Position{}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e)
		}
		if len(got) != 4 || got[0].Position != (Position{1, 0}) || got[2].Position != (Position{1, 2}) || got[3].Position != (Position{2, 0}) {
			t.Fatalf("read %v", got)
		}
		want, _ := json.Marshal(record("b"))
		if have, _ := json.Marshal(got[1].Record); string(have) != string(want) {
			t.Errorf("read %s, appended %s", have, want)
		}
		for i, e := range got {
			if ids := readIDs(t, other, e.Position); len(ids) != 3-i {
				t.Errorf("after %v: %v", e.Position, ids)
			}
		}
		if p, err := other.Last(within(t)); err != nil || p != (Position{2, 0}) {
			t.Errorf("Last: %v, %v", p, err)
		}
	})

	t.Run("OnceByID", func(t *testing.T) {
		name := unique()
		l := mustLog(t, open(t), name)
		if err := l.Append(within(t), record("a"), record("b")); err != nil {
			t.Fatal(err)
		}
		again := mustLog(t, open(t), name) // has to learn what is there
		for _, l := range []*Log{l, again} {
			if err := l.Append(within(t), record("b"), record("c")); err != nil {
				t.Fatal(err)
			}
			changed := record("a")
			changed.Actor = "somebody else"
			if err := l.Append(within(t), record("d"), changed); hub.CodeOf(err) != hub.Conflict {
				t.Errorf("other content under one ID: %v", err)
			}
		}
		if err := l.Append(within(t), record("e"), record("e")); err != nil {
			t.Errorf("the same record twice in a call: %v", err)
		}
		changed := record("f")
		changed.Kind = "other"
		if err := l.Append(within(t), record("f"), changed); hub.CodeOf(err) != hub.Conflict {
			t.Errorf("one ID twice in a call: %v", err)
		}
		if ids := readIDs(t, l, Position{}); !slices.Equal(ids, []string{"a", "b", "c", "e"}) {
			t.Errorf("log holds %v", ids)
		}
	})

	t.Run("ManyWriters", func(t *testing.T) {
		name := unique()
		logs := []*Log{mustLog(t, open(t), name), mustLog(t, open(t), name)}
		const writers, each = 8, 10
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					// Two writers append the same records: once must be enough.
					if err := logs[w%2].Append(within(t), record(fmt.Sprintf("%d-%d", w/2, i))); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		ids := readIDs(t, logs[0], Position{})
		if len(ids) != writers/2*each {
			t.Errorf("%d records, want %d", len(ids), writers/2*each)
		}
		for w := range writers / 2 {
			mine := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id[0] != byte('0'+w) })
			if !slices.IsSortedFunc(mine, func(a, b string) int { return len(a) - len(b) }) || len(mine) != each {
				t.Errorf("writer %d: %v", w, mine)
			}
		}
	})

	t.Run("Follow", func(t *testing.T) {
		name := unique()
		l, follower := mustLog(t, open(t), name), mustLog(t, open(t), name)
		if err := l.Append(within(t), record("0"), record("1")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(within(t))
		got := make(chan string)
		ended := make(chan error, 1)
		go func() {
			ended <- follower.Follow(ctx, Position{1, 0}, func(e Entry) error {
				got <- e.ID
				return nil
			})
		}()
		for i := 1; i < 6; i++ {
			if id := <-got; id != fmt.Sprint(i) {
				t.Fatalf("got %s, want %d", id, i)
			}
			if err := l.Append(within(t), record(fmt.Sprint(i+1))); err != nil {
				t.Fatal(err)
			}
		}
		<-got
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Follow ended with %v", err)
		}
		stop := errors.New("stop")
		if err := follower.Follow(within(t), Position{}, func(Entry) error { return stop }); err != stop {
			t.Errorf("Follow returned %v, not its function's error", err)
		}
	})

	t.Run("Refused", func(t *testing.T) {
		a := open(t)
		if _, err := a.Log(within(t), "no/such.name"); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("bad name: %v", err)
		}
		l := mustLog(t, a, unique())
		huge := record("huge")
		huge.Data, _ = json.Marshal(string(make([]byte, maxBatchBytes)))
		bad := record("bad")
		bad.Data = json.RawMessage("{")
		for _, r := range []hub.Record{{}, huge, bad} {
			if err := l.Append(within(t), record("x"), r); hub.CodeOf(err) != hub.Invalid {
				t.Errorf("record %.20q: %v", r.ID, err)
			}
		}
		ctx, cancel := context.WithCancel(within(t))
		cancel()
		if err := l.Append(ctx, record("x")); hub.CodeOf(err) != hub.Unavailable {
			t.Errorf("ended context: %v", err)
		}
		if err := l.Append(within(t)); err != nil {
			t.Errorf("nothing to append: %v", err)
		}
		if ids := readIDs(t, l, Position{}); len(ids) != 0 {
			t.Errorf("log holds %v", ids)
		}
	})
}

func conformSignal(t *testing.T, open func(t *testing.T) *Account) {
	t.Run("Publish", func(t *testing.T) {
		subject := unique()
		a, b := open(t), open(t)
		ctx, cancel := context.WithCancel(within(t))
		got := make(chan string, 10)
		before := a.conn.NumSubscriptions() // the one for replies, if it has asked something
		if err := a.Subscribe(ctx, subject+".*", func(_ context.Context, s string, data []byte) { got <- s + "=" + string(data) }); err != nil {
			t.Fatal(err)
		}
		// The other servers of a cluster hear of a subscription a moment later.
		eventually(t, "the signal comes", func() bool {
			if err := b.Publish(within(t), subject+".x", []byte("1")); err != nil {
				t.Fatal(err)
			}
			select {
			case g := <-got:
				if g != subject+".x=1" {
					t.Errorf("got %q", g)
				}
				return true
			default:
				return false
			}
		})
		cancel()
		eventually(t, "unsubscribed", func() bool { return a.conn.NumSubscriptions() == before })
	})

	t.Run("Request", func(t *testing.T) {
		subject := unique()
		a, b := open(t), open(t)
		if _, err := b.Request(within(t), subject, nil); hub.CodeOf(err) != hub.Unavailable {
			t.Errorf("nobody serves: %v", err)
		}
		ctx, cancel := context.WithCancel(within(t))
		defer cancel()
		err := a.Serve(ctx, subject, "workers", func(_ context.Context, data []byte) ([]byte, error) {
			switch string(data) {
			case "denied":
				return nil, hub.E(hub.Denied, "test", "you may\r\nnot", errors.New("secret"))
			case "broken":
				return nil, errors.New("secret")
			}
			return append(data, '!'), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the request is served", func() bool {
			got, err := b.Request(within(t), subject, []byte("hello"))
			if err == nil && string(got) != "hello!" {
				t.Errorf("got %q", got)
			}
			return err == nil
		})
		if _, err := b.Request(within(t), subject, []byte("denied")); hub.CodeOf(err) != hub.Denied || hub.SafeText(err) != "you may  not" {
			t.Errorf("denied: %v", err)
		}
		if _, err := b.Request(within(t), subject, []byte("broken")); hub.CodeOf(err) != hub.Internal || hub.SafeText(err) != hub.SafeText(errors.New("")) {
			t.Errorf("broken: %v", err)
		}
	})

	t.Run("Refused", func(t *testing.T) {
		a := open(t)
		for _, subject := range []string{"", ".", "a..b", "a b", "$JS.API.INFO", "_INBOX.*", "a.>", "*", "ä"} {
			if err := a.Publish(within(t), subject, nil); hub.CodeOf(err) != hub.Invalid {
				t.Errorf("publish to %q: %v", subject, err)
			}
			if _, err := a.Request(within(t), subject, nil); hub.CodeOf(err) != hub.Invalid {
				t.Errorf("request to %q: %v", subject, err)
			}
		}
		for _, subject := range []string{"", ">.a", "a b", "$SYS.>"} {
			if err := a.Subscribe(within(t), subject, nil); hub.CodeOf(err) != hub.Invalid {
				t.Errorf("subscribe to %q: %v", subject, err)
			}
			if err := a.Serve(within(t), subject, "q", nil); hub.CodeOf(err) != hub.Invalid {
				t.Errorf("serve %q: %v", subject, err)
			}
		}
		if err := a.Serve(within(t), "fine", "not fine", nil); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("bad group: %v", err)
		}
	})
}
