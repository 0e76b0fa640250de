package natsbus

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// What passes within a moment is no trouble; what stays is told.
func TestLasting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sick := errors.New("sick")
		for after, want := range map[time.Duration]error{0: nil, 200 * time.Millisecond: nil, time.Hour: sick} {
			begun := time.Now()
			got := lasting(func() error {
				if time.Since(begun) < after {
					return sick
				}
				return nil
			})
			if !errors.Is(got, want) {
				t.Errorf("trouble that lasts %s: %v", after, got)
			}
		}
	})
}

// Streams that are being made do not make a bus look ill.
func TestHealth_WhileStreamsAreMade(t *testing.T) {
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
