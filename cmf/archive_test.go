package cmf_test

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"testing"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

func TestReadCertificate(t *testing.T) {
	bus := &memstate.Bus{Domains: []string{"north"}}
	table, err := bus.Open(t.Context(), "north", "CMF")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(cmf.Certificate{ID: "c1", DER: []byte("der")})
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"certificate/c1": string(stored), "certificate/torn": "{"} {
		if _, err := table.Create(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := cmf.ReadCertificate(t.Context(), table, "c1")
	if block, _ := pem.Decode(raw); err != nil || block == nil || string(block.Bytes) != "der" {
		t.Errorf("%q, %v", raw, err)
	}
	if _, err := cmf.ReadCertificate(t.Context(), table, "c2"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("one that is not there: %v; want not found", err)
	}
	var syntax *json.SyntaxError
	if _, err := cmf.ReadCertificate(t.Context(), table, "torn"); !errors.As(err, &syntax) {
		t.Errorf("one that cannot be read: %v", err)
	}
}
