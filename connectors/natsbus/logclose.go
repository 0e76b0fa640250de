package natsbus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/manoward/manoward/internal/hub"
)

// CloseLog ends a log for good: the server takes nothing more into it. What is in
// it stays and can be read with [Log.ReadBatches], and that something of it is
// missing is no damage of the account from then on, which an operator has accepted.
// Closing again changes nothing; a log that is not there is closed.
func (a *Account) CloseLog(ctx context.Context, name string) error {
	const op = "close log"
	if err := checkStreamName(classLog, name); err != nil {
		return err
	}
	s, err := a.js.Stream(ctx, "LOG_"+name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return a.fail(op, err)
	}
	cfg := s.CachedInfo().Config
	if cfg.Metadata[classKey] != classLog {
		return hub.E(hub.Conflict, op, fmt.Sprintf("stream %s of account %s is not a log of this hub", cfg.Name, a.name), nil)
	}
	if !cfg.Sealed {
		cfg.Sealed = true
		if _, err := a.js.UpdateStream(ctx, cfg); err != nil {
			return a.fail(op, err)
		}
	}
	return a.guard.closed(cfg.Name)
}

// closed notes that a log takes nothing more, and that nothing of it is to be missed.
func (g *guard) closed(stream string) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if w := g.streams[stream]; w != nil && w.Closed {
		return nil
	}
	g.streams[stream] = &witness{Class: classLog, Closed: true}
	if err := g.save(false); err != nil {
		return hub.E(hub.Unavailable, "close log", "cannot write "+g.path+"; is the disk full or the directory read-only?", err)
	}
	return nil
}
