package cmf

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// ReadCertificate reads a certificate as the CMF keeps it, in PEM, out of its table
// of a trust domain, also where the CMF does not run: for evidence. It is
// hub.NotFound when it is not there, and for one that is in a message with others
// (ADR-0025), which its record holds too.
func ReadCertificate(ctx context.Context, table state.Table, id string) ([]byte, error) {
	const op = "read certificate"
	raw, _, err := table.Get(ctx, "certificate/"+id)
	if code := hub.CodeOf(err); code == hub.NotFound || code == hub.Invalid {
		return nil, hub.E(hub.NotFound, op, "the certificate is not kept any more", err)
	}
	var c Certificate
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", op, id, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.DER}), nil
}
