package natsbus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

func rawRecord(id string) hub.Record {
	return hub.Record{ID: id, Kind: "test", Time: time.Unix(1, 0), Data: []byte("1")}
}

// Messages are handed out as they are stored, from any sequence on.
func TestBatches(t *testing.T) {
	ctx := testContext(t)
	b := mustOpen(t, embeddedConfig(t))
	l, err := b.Hub().Log(ctx, "RAW")
	if err != nil {
		t.Fatal(err)
	}
	if last, err := l.LastBatch(ctx); err != nil || last.Sequence != 0 {
		t.Errorf("LastBatch of an empty log = %+v, %v", last, err)
	}
	if err := l.ReadBatches(ctx, 0, func(Batch) error { return errors.New("called") }); err != nil {
		t.Errorf("ReadBatches of an empty log: %v", err)
	}
	for i := range 3 {
		if err := l.Append(ctx, rawRecord(fmt.Sprint("a", i)), rawRecord(fmt.Sprint("b", i))); err != nil {
			t.Fatal(err)
		}
	}
	var read, followed []Batch
	if err := l.ReadBatches(ctx, 1, func(b Batch) error { read = append(read, b); return nil }); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	err = l.FollowBatches(ctx, 1, func(b Batch) error {
		if followed = append(followed, b); len(followed) == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("FollowBatches = %v; want what fn returned", err)
	}
	for i, list := range [][]Batch{read, followed} {
		if len(list) != 2 || list[0].Sequence != 2 || len(list[1].Lines) != 2 {
			t.Fatalf("way %d: %+v; want messages 2 and 3 with two records each", i, list)
		}
	}
	if r := followed[1].Records; len(r) != 2 || !strings.Contains(string(followed[1].Lines[1]), `"id":"`+r[1].ID+`"`) {
		t.Errorf("the records of %+v are %+v", followed[1], r)
	}
	at, err := l.BatchAt(ctx, 3)
	last, err2 := l.LastBatch(ctx)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	for _, other := range []Batch{followed[1], at, last} {
		if !other.Stored.Equal(read[1].Stored) || !slices.EqualFunc(other.Lines, read[1].Lines, bytes.Equal) || fmt.Sprint(other.Header) != fmt.Sprint(read[1].Header) {
			t.Errorf("one message has two forms: %+v and %+v", other, read[1])
		}
	}
	if _, err := l.BatchAt(ctx, 4); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("BatchAt of none: %v; want damage", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := l.FollowBatches(ended, 3, func(Batch) error { return nil }); err != nil {
		t.Errorf("FollowBatches after the end of its context: %v; want nil", err)
	}
}

// Of several writers at one end of a log one wins, whatever else is appended.
func TestAppendAt(t *testing.T) {
	ctx := testContext(t)
	b := mustOpen(t, embeddedConfig(t))
	var logs []*Log
	for range 4 {
		l, err := b.Hub().ShortLog(ctx, "AT")
		if err != nil {
			t.Fatal(err)
		}
		logs = append(logs, l)
	}
	for last := range uint64(3 * shortWindow) {
		var work sync.WaitGroup
		won := make([]bool, 8)
		for i := range won {
			work.Go(func() {
				err := logs[i%len(logs)].AppendAt(ctx, last, rawRecord(fmt.Sprintf("%d-%d", last, i)))
				won[i] = err == nil
				if err != nil && hub.CodeOf(err) != hub.Precondition {
					t.Error(err)
				}
			})
		}
		work.Wait()
		n := 0
		for _, w := range won {
			if w {
				n++
			}
		}
		if end, err := logs[0].LastBatch(ctx); n != 1 || err != nil || end.Sequence != last+1 || len(end.Lines) != 1 {
			t.Fatalf("%d writers won at %d, the log ends with %+v, %v; want one", n, last, end, err)
		}
	}
	for _, last := range []uint64{0, 5, 3*shortWindow - 1, 3*shortWindow + 1} {
		if err := logs[1].AppendAt(ctx, last, rawRecord("late")); hub.CodeOf(err) != hub.Precondition {
			t.Errorf("AppendAt %d = %v; want a failed precondition", last, err)
		}
	}
}

// A record that was stored at its place, and whose answer was lost, is there when
// it is appended again.
func TestAppendAtAgain(t *testing.T) {
	ctx := testContext(t)
	b := mustOpen(t, embeddedConfig(t))
	one, err := b.Hub().ShortLog(ctx, "AGAIN")
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.Hub().ShortLog(ctx, "AGAIN")
	if err != nil {
		t.Fatal(err)
	}
	if err := one.AppendAt(ctx, 0, rawRecord("x")); err != nil {
		t.Fatal(err)
	}
	if err := two.AppendAt(ctx, 0, rawRecord("x")); err != nil {
		t.Errorf("the same again: %v; want nil", err)
	}
	other := rawRecord("x")
	other.Kind = "else"
	if err := two.AppendAt(ctx, 0, other); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("the same ID with other content: %v; want conflict", err)
	}
	if last, err := one.LastBatch(ctx); err != nil || last.Sequence != 1 {
		t.Errorf("the log ends with %d, %v; want 1", last.Sequence, err)
	}
}
