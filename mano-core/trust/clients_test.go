package trust

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi/oauth"
	"github.com/manoward/manoward/internal/hub"
)

func TestOAuthClients(t *testing.T) {
	h := newTestHub(t)
	made, err := h.CreateClient(t.Context(), operator, hub.OAuthClient{Name: "prometheus"})
	if err != nil || made.Secret == "" {
		t.Fatalf("%+v %v", made, err)
	}
	_, err = h.CreateClient(t.Context(), operator, hub.OAuthClient{Name: "prometheus"})
	wantCode(t, err, hub.Conflict)
	_, err = h.CreateClient(t.Context(), operator, hub.OAuthClient{Name: "No Label"})
	wantCode(t, err, hub.Invalid)

	h = startTestHub(t, h.bus, h.keys, h.clock)
	c, err := h.Client(t.Context(), "prometheus")
	if err != nil || c.SecretHash != oauth.HashSecret(hub.Secret(made.Secret)) {
		t.Errorf("after a restart: %+v %v", c, err)
	}
	if list := h.Clients(); len(list) != 1 || list[0].Secret != "" {
		t.Errorf("list: %+v", list)
	}
	if err := h.DeleteClient(t.Context(), operator, "prometheus"); err != nil {
		t.Fatal(err)
	}
	_, err = h.Client(t.Context(), "prometheus")
	wantCode(t, err, hub.NotFound)
	wantCode(t, h.DeleteClient(t.Context(), operator, "prometheus"), hub.NotFound)
}

// Two processes of one hub: a client that one of them deletes is soon unknown to
// the other as well.
func TestFollowHub(t *testing.T) {
	h := newTestHub(t)
	other := startTestHub(t, h.bus, h.keys, h.clock)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { other.FollowHub(ctx) })
	defer func() { cancel(); running.Wait() }()
	knows := func(want bool) {
		t.Helper()
		deadline, tick := time.After(10*time.Second), time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			if _, err := other.Client(t.Context(), "prometheus"); (err == nil) == want {
				return
			}
			select {
			case <-deadline:
				t.Fatalf("the other process does not learn that the client is there: %v", want)
			case <-tick.C:
			}
		}
	}
	if _, err := h.CreateClient(t.Context(), operator, hub.OAuthClient{Name: "prometheus"}); err != nil {
		t.Fatal(err)
	}
	knows(true)
	if err := h.DeleteClient(t.Context(), operator, "prometheus"); err != nil {
		t.Fatal(err)
	}
	knows(false)
}

func TestRecordBusCredential_OneKeyOneSM(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	h.register(t, "north", "beta", hub.Passive)
	for range 2 { // asking again is no conflict
		if err := h.RecordBusCredential(t.Context(), operator, "north", "alpha", "UKEY"); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, h.RecordBusCredential(t.Context(), operator, "north", "beta", "UKEY"), hub.Conflict)
}
