package wire

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// What the processes of a hub on an outside bus tell one another, in the hub's
// own account. Names and keys are part of the stored format.
const (
	addressTable = "ADDRESSES" // by reference point, or by managerKey: the URL where it is reached
	unlockTable  = "UNLOCK"
	unlockKey    = "check" // something sealed, that opens with the hub's unlock key alone
	unlockLabel  = "hub/unlock-check"
)

// addresses are where the reference points are reached that other processes
// serve. It is safe for concurrent use.
type addresses struct {
	synced chan struct{} // closed when all that was there is known

	mu    sync.Mutex // covers known
	known map[hub.ReferencePoint]string
}

func (a *addresses) note(c trust.Change) {
	if c.Synced {
		select {
		case <-a.synced:
		default:
			close(a.synced)
		}
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known[hub.ReferencePoint(c.Key)] = string(c.Value)
}

func (a *addresses) of(rp hub.ReferencePoint) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known[rp]
}

// managerKey names a Security Manager in the table of addresses. Its value is
// [besideTrust] for one that operators reach where they reach the trust role.
func managerKey(domain, name string) string { return "sm/" + domain + "/" + name }

const besideTrust = "admin"

// managerAddresses lists the Security Managers that operators reach elsewhere than
// the trust role, by trust domain and name.
func (h *hubProcess) managerAddresses() []hub.PointAddress {
	var list []hub.PointAddress
	for _, sm := range h.directory.SecurityManagers("") {
		url := h.addresses.of(hub.ReferencePoint(managerKey(sm.TrustDomain, sm.Name)))
		if url != "" && url != besideTrust {
			list = append(list, hub.PointAddress{ReferencePoint: hub.SM, URL: url, ServerName: h.serverName(hub.Admin), SecurityManager: sm.TrustDomain + "/" + sm.Name})
		}
	}
	return list
}

// addressesHere are what this process tells the others, by key.
func (h *hubProcess) addressesHere() map[string]string {
	here := map[string]string{}
	for rp := range h.listeners.open {
		here[string(rp)] = h.listeners.url(rp)
	}
	if !h.runsManagers() {
		return here
	}
	at := besideTrust
	if !h.has("trust") {
		at = here[string(hub.Admin)]
		delete(here, string(hub.Admin)) // that is where the trust role is
	}
	for _, sm := range h.cfg.SecurityManagers {
		here[managerKey(sm.TrustDomain, sm.Name)] = at
	}
	return here
}

// openAddresses tells the other processes what is served here, and listens to
// what they tell. Of several processes that serve the same reference point the
// one that was started last is told, or another one when that does not answer:
// give them one name with --advertise, and nothing has to be told anew.
func (h *hubProcess) openAddresses(ctx, work context.Context) error {
	h.addresses = &addresses{synced: make(chan struct{}), known: map[hub.ReferencePoint]string{}}
	if !h.outside() {
		return nil // everything is served here
	}
	t, err := accounts{h.bus}.Hub().Table(ctx, addressTable)
	if err != nil {
		return err
	}
	for what, url := range h.addressesHere() {
		if err := put(ctx, t, what, url); err != nil {
			return fmt.Errorf("tell the other processes where %s is: %w", what, err)
		}
	}
	h.run("replace addresses where nobody answers", work, func(ctx context.Context) error {
		return h.replaceAddresses(ctx, t)
	})
	h.run("follow the addresses of other processes", work, func(ctx context.Context) error {
		return t.Watch(ctx, h.addresses.note)
	})
	select {
	case <-h.addresses.synced: // a registration answered before would hold no URLs
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(startTimeout):
		return hub.E(hub.Unavailable, "learn the addresses of other processes", "the bus did not answer in time; start again", nil)
	}
}

// How often the addresses are tried that another process told of what is served
// here as well, and how long one may take to answer.
const (
	addressEvery = 3 * time.Second
	addressWait  = 2 * time.Second
)

// replaceAddresses tells the addresses of this process in the place of those of
// another one that cannot be reached: the processes that share a role are found
// for as long as one of them lives. It returns when ctx ends.
func (h *hubProcess) replaceAddresses(ctx context.Context, t trust.Table) error {
	dial := func(address string) error {
		ctx, cancel := context.WithTimeout(ctx, addressWait)
		defer cancel()
		c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			c.Close()
		}
		return err
	}
	for wait(ctx, addressEvery) == nil {
		for what, own := range h.addressesHere() {
			told := h.addresses.of(hub.ReferencePoint(what))
			u, err := url.Parse(told)
			if told == own || err != nil || u.Host == "" || dial(u.Host) == nil || dial(u.Host) == nil || ctx.Err() != nil {
				continue
			}
			if err := put(ctx, t, what, own); err != nil {
				h.log.Warn("an address where nobody answers cannot be replaced; it is tried again", "what", what, "address", told, "err", err)
				continue
			}
			h.log.Info("nobody answers at an address; this process is told in its place", "what", what, "address", told)
		}
	}
	return nil
}

// outside reports whether the bus is an outside cluster, which other processes
// of this hub share.
func (h *hubProcess) outside() bool { return len(h.cfg.NATS.URLs) > 0 }

// url returns where a reference point is reached, here or in another process;
// "" when nobody serves it.
func (h *hubProcess) url(rp hub.ReferencePoint) string {
	if url := h.listeners.url(rp); url != "" {
		return url
	}
	return h.addresses.of(rp)
}

// How often put tries, and how long it waits for a write of somebody else.
const (
	putTries = 10
	putPause = 100 * time.Millisecond
)

// put writes a value whatever was there. Who loses a race looks again, a few
// times: another process writes only when it starts. So does who is told that a write
// of somebody else is on its way, as a replicated bus does.
func put(ctx context.Context, t trust.Table, key, value string) error {
	for try := 0; ; try++ {
		was, revision, err := t.Get(ctx, key)
		switch {
		case hub.CodeOf(err) == hub.NotFound:
			_, err = t.Create(ctx, key, []byte(value))
		case err == nil && string(was) != value:
			_, err = t.Update(ctx, key, []byte(value), revision)
		}
		switch code := hub.CodeOf(err); {
		case code != hub.Conflict && code != hub.Precondition && code != hub.Unavailable, try == putTries:
			return err
		case code == hub.Unavailable && wait(ctx, putPause) != nil:
			return err
		}
	}
}

// checkUnlockKey refuses an unlock key that is not that of the other processes,
// whose secrets would stay closed one by one.
func (h *hubProcess) checkUnlockKey(ctx context.Context) error {
	if !h.outside() {
		return nil
	}
	// A process that stands by makes the check too: it is created once.
	t, err := account{h.bus.Hub().Unfenced(), h.bus}.Table(ctx, unlockTable)
	if err != nil {
		return err
	}
	sealed, _, err := t.Get(ctx, unlockKey)
	if hub.CodeOf(err) == hub.NotFound {
		if !h.has("trust") {
			return nil // a hub that has sealed nothing yet
		}
		if sealed, err = h.keys.vault.Seal(unlockLabel, []byte(unlockLabel)); err != nil {
			return err
		}
		_, err = t.Create(ctx, unlockKey, sealed)
		if hub.CodeOf(err) == hub.Conflict { // another process was faster
			sealed, _, err = t.Get(ctx, unlockKey)
		}
	}
	if err != nil {
		return fmt.Errorf("check unlock key: %w", err)
	}
	if _, err := h.keys.vault.Open(unlockLabel, sealed); err != nil {
		return hub.E(hub.Invalid, "check unlock key", "the unlock key is not the one that this hub's other processes use; give each of them the same file with --unlock-key", err)
	}
	return nil
}
