package trust

import (
	"testing"

	"github.com/manoward/manoward/internal/httpapi/oauth"
	"github.com/manoward/manoward/internal/hub"
)

func TestOAuthClients(t *testing.T) {
	h := newTestHub(t)
	made, err := h.CreateClient(t.Context(), operator, "prometheus")
	if err != nil || made.Secret == "" {
		t.Fatalf("%+v %v", made, err)
	}
	_, err = h.CreateClient(t.Context(), operator, "prometheus")
	wantCode(t, err, hub.Conflict)
	_, err = h.CreateClient(t.Context(), operator, "No Label")
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
