package notify

import (
	"context"
	"hash/fnv"

	"github.com/manoward/manoward/internal/hub"
)

// turns let one event of a key at a time into the queues. Keys share the places, so that
// an event may wait for one of another key.
type turns [256]chan struct{}

func newTurns() *turns {
	t := &turns{}
	for i := range t {
		t[i] = make(chan struct{}, 1)
	}
	return t
}

// take waits for the turn of a key of an API in a trust domain, and returns what ends it:
// hub.Unavailable if the caller leaves before.
func (t *turns) take(ctx context.Context, api, domain, key string) (done func(), err error) {
	h := fnv.New32a()
	for _, part := range []string{api, domain, key} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	place := t[h.Sum32()%uint32(len(t))]
	select {
	case place <- struct{}{}:
		return func() { <-place }, nil
	case <-ctx.Done():
		return nil, hub.E(hub.Unavailable, "publish event", "other events of "+key+" are being stored; publish it again", ctx.Err())
	}
}
