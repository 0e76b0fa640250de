package wire

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// operatorKey is where the operator's context lies in the table of keys, sealed: each
// process with the role trust would else make a credential of its own, and put that
// of the others out of force.
const operatorKey = trust.HubDomain + "/" + contextFile

// fetchOperator writes the operator's context that the hub's processes share into
// the data directory, in place of an older one.
func (h *hubProcess) fetchOperator(ctx context.Context) error {
	const op = "read the operator's context from the bus"
	if !h.outside() {
		return nil
	}
	table, err := h.keyTable(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	sealed, _, err := table.Get(ctx, operatorKey)
	if hub.CodeOf(err) == hub.NotFound {
		if _, err := os.Stat(h.context); err == nil {
			return h.shareOperator(ctx) // of a hub from before contexts were shared
		}
		return nil // nobody made one
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	shared, err := h.keys.vault.Open(operatorKey, sealed)
	if err != nil {
		return hub.E(hub.Unavailable, op, "the operator's context on the bus does not open; start with the unlock key it was sealed with", err)
	}
	if own, err := os.ReadFile(h.context); err == nil && bytes.Equal(own, shared) {
		return nil
	}
	if err := durable.WriteFile(h.context, shared, 0o600); err != nil {
		return dirError(h.dir.path, err)
	}
	return nil
}

// shareOperator gives the context in the data directory to the other processes.
func (h *hubProcess) shareOperator(ctx context.Context) error {
	if !h.outside() {
		return nil
	}
	raw, err := os.ReadFile(h.context)
	if err != nil {
		return dirError(h.dir.path, err)
	}
	sealed, err := h.keys.vault.Seal(operatorKey, raw)
	if err != nil {
		return err
	}
	table, err := h.keyTable(ctx)
	if err == nil {
		err = put(ctx, table, operatorKey, string(sealed))
	}
	if err != nil {
		return fmt.Errorf("share the operator's context: %w", err)
	}
	return nil
}
