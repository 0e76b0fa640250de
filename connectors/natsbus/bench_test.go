package natsbus

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const benchWriters = 64

// BenchmarkAppend compares 64 writers whose appends share syncs with 64 that
// publish one record per message to a stream of the same server.
func BenchmarkAppend(b *testing.B) {
	a := testAccount(b, testServer(b, b.TempDir()))
	l, err := a.Log(within(b), "l")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := a.js.CreateStream(within(b), jetstream.StreamConfig{Name: "bare", Subjects: []string{"bare"}}); err != nil {
		b.Fatal(err)
	}
	if err := l.Append(within(b), record("first")); err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	grouped := func(n int) {
		atOnce(b, n, func(i int) error { return l.Append(ctx, record(fmt.Sprintf("%d-%d", n, i))) })
	}
	bare := func(n int) {
		atOnce(b, n, func(i int) error {
			ln, err := encodeRecord(record(fmt.Sprint(i)))
			if err == nil {
				_, err = a.js.Publish(ctx, "bare", ln.text)
			}
			return err
		})
	}
	const rounds, perRound = 5, 1000 // interleaved, so that a slow disk slows both
	var g, s time.Duration
	for b.Loop() {
		g, s = 0, 0
		for r := range rounds {
			g += took(func() { grouped(20*perRound + r) })
			s += took(func() { bare(perRound) })
		}
	}
	perGrouped := g.Seconds() / (rounds * 20 * perRound)
	perBare := s.Seconds() / (rounds * perRound)
	b.ReportMetric(1/perGrouped, "grouped/s")
	b.ReportMetric(1/perBare, "single/s")
	b.ReportMetric(perGrouped/perBare, "grouped/single")
}

func took(f func()) time.Duration {
	begun := time.Now()
	f()
	return time.Since(begun)
}

// atOnce does n pieces of work with 64 writers.
func atOnce(b *testing.B, n int, do func(i int) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range benchWriters {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := do(int(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkAppendAlone is the latency of a single writer.
func BenchmarkAppendAlone(b *testing.B) {
	a := testAccount(b, testServer(b, b.TempDir()))
	l, err := a.Log(within(b), "l")
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if err := l.Append(b.Context(), record(fmt.Sprint(i))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpdate is a compare-and-set of one key.
func BenchmarkUpdate(b *testing.B) {
	a := testAccount(b, testServer(b, b.TempDir()))
	tb, err := a.Table(within(b), "t")
	if err != nil {
		b.Fatal(err)
	}
	rev, err := tb.Create(within(b), "k", nil)
	for b.Loop() {
		if err != nil {
			b.Fatal(err)
		}
		rev, err = tb.Update(b.Context(), "k", []byte("value"), rev)
	}
}

// BenchmarkQueue pushes 2,000 items, of 50 keys and of one, and has them
// handled by a handler that does nothing.
func BenchmarkQueue(b *testing.B) {
	for _, keys := range []int{50, 1} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			const items = 2000
			s := testServer(b, b.TempDir())
			var pushing, handling time.Duration
			round := 0
			for b.Loop() {
				q, err := testAccount(b, s).Queue(b.Context(), fmt.Sprint("q", round), QueueConfig{})
				if err != nil {
					b.Fatal(err)
				}
				round++
				pushing += took(func() {
					atOnce(b, items, func(i int) error {
						return q.Push(b.Context(), Item{ID: fmt.Sprint(i), Key: fmt.Sprint(i % keys), Data: make([]byte, 1000)})
					})
				})
				handling += took(func() { consumeN(b, q, items) })
			}
			b.ReportMetric(float64(round*items)/pushing.Seconds(), "pushed/s")
			b.ReportMetric(float64(round*items)/handling.Seconds(), "handled/s")
		})
	}
}

// consumeN consumes until n items were handled.
func consumeN(b *testing.B, q *Queue, n int64) {
	ctx, cancel := context.WithCancel(b.Context())
	var done atomic.Int64
	err := q.Consume(ctx, func(context.Context, Item) error {
		if done.Add(1) == n {
			cancel()
		}
		return nil
	})
	if err != nil {
		b.Error(err)
	}
}
