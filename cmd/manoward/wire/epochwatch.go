package wire

import (
	"context"
	"fmt"
	"strconv"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
)

// followEpochs has this process notice that another one began the records of a trust
// domain anew (`audit reseal`). It goes on with the new ones when it is started again;
// until then readiness and the log say that it has to be.
func (h *hubProcess) followEpochs(_, work context.Context) error {
	if !h.outside() {
		return nil // this process alone could have done it, and says so
	}
	known := map[string]string{}
	h.run("follow what records were begun anew", work, func(ctx context.Context) error {
		h.try(ctx, "follow what records were begun anew", func(ctx context.Context) error { return h.watchEpochs(ctx, known) })
		return nil
	})
	return nil
}

// watchEpochs notes each epoch in known, by trust domain, until ctx ends.
func (h *hubProcess) watchEpochs(ctx context.Context, known map[string]string) error {
	table, err := h.bus.Hub().Table(ctx, epochTable)
	if err != nil {
		return err
	}
	synced := len(known) > 0
	return table.Watch(ctx, "", func(c natsbus.Change) {
		if c.Synced || c.Deleted {
			synced = synced || c.Synced
			return
		}
		epoch := string(c.Value)
		if before, ok := known[c.Key]; ok && before != epoch || !ok && synced || h.logs.behind(c.Key, epoch) {
			h.outdated(c.Key, epoch)
		}
		known[c.Key] = epoch
	})
}

// behind reports whether the log that is open of a trust domain is of another epoch.
func (l *records) behind(domain, epoch string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	log, open := l.logs[domain]
	return open && strconv.Itoa(log.epoch) != epoch
}

// outdated says that this process writes no records of a trust domain any more.
func (h *hubProcess) outdated(domain, epoch string) {
	err := hub.E(hub.Unavailable, opReseal, fmt.Sprintf("the records of %s were begun anew (epoch %s), and this process can write none; start it again", domain, epoch), nil)
	h.log.Error("records were begun anew by another process; start this one again", "trustDomain", domain, "epoch", epoch)
	h.health.Register("journal/"+domain, func(context.Context) error { return err })
}
