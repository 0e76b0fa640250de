package wire

import (
	"context"
	"fmt"
	"strconv"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// A trust domain whose records or journal were damaged goes on with new ones
// (`audit reseal`): its epoch is their number. Those of the first have no number.
const epochTable = "JOURNAL_EPOCHS" // in the hub's own account: epochs from 2 on, by trust domain

// epochOf is the number of the records and the journal that a trust domain writes.
func epochOf(ctx context.Context, bus *natsbus.Bus, domain string) (int, error) {
	table, err := bus.Hub().Table(ctx, epochTable)
	if err != nil {
		return 0, err
	}
	kv, err := table.Get(ctx, domain)
	if hub.CodeOf(err) == hub.NotFound {
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	epoch, err := strconv.Atoi(string(kv.Value))
	if err != nil || epoch < 2 || epoch > maxEpoch {
		return 0, hub.E(hub.Unavailable, "open records", fmt.Sprintf("the hub's table %s is damaged at %s; restore the data directory from a backup", epochTable, domain), err)
	}
	return epoch, nil
}

// maxEpoch is what a position of a record has room for.
const maxEpoch = 1 << 15

// inEpoch is the name of a log in an epoch.
func inEpoch(log string, epoch int) string {
	if epoch <= 1 {
		return log
	}
	return log + "-" + strconv.Itoa(epoch)
}

// recordsOf opens the record log of a trust domain, and says of which epoch it is.
func recordsOf(ctx context.Context, bus *natsbus.Bus, domain string) (*natsbus.Log, int, error) {
	a, err := busAccount(ctx, bus, domain)
	if err != nil {
		return nil, 0, err
	}
	epoch, err := epochOf(ctx, bus, domain)
	if err != nil {
		return nil, 0, err
	}
	log, err := a.Log(ctx, inEpoch(trust.RecordLog, epoch))
	return log, epoch, err
}
