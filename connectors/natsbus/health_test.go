package natsbus

import (
	"context"
	"fmt"
	"testing"
)

// Streams that are being made do not make a bus look ill.
func TestHealth_WhileStreamsAreMade(t *testing.T) {
	t.Parallel()
	b := mustOpen(t, embeddedConfig(t))
	ctx := testContext(t)
	a := mustCreate(t, b, "north")
	stop, cancel := context.WithCancel(ctx)
	made := make(chan error, 1)
	go func() {
		for n := 0; stop.Err() == nil; n++ {
			if _, err := a.Table(ctx, fmt.Sprintf("t%d", n)); err != nil {
				made <- err
				return
			}
		}
		made <- nil
	}()
	for range 60 {
		if err := b.Health(ctx); err != nil {
			t.Errorf("Health: %v", err)
			break
		}
	}
	cancel()
	if err := <-made; err != nil {
		t.Error(err)
	}
}
