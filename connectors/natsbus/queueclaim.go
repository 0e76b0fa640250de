package natsbus

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// claims say which process works on which part of a queue. They are one key of
// the table "leases", so that every change of them is one compare-and-set: no
// part ever has two owners, and none is lost. Each member writes them anew all
// the time; who sees the beat of another unchanged for its whole lease takes that
// one out, and its parts are free. Only durations are measured, so clocks need
// not agree. The format is stored.
type claims struct {
	// What a program reads that knows one owner of a whole queue only: a lease that
	// is renewed as long as there is a member. Its own has no parts.
	Owner    string        `json:"owner"`
	Instance string        `json:"instance,omitempty"`
	Lease    time.Duration `json:"lease"` // in ns

	Members map[string]claimant `json:"members,omitempty"`
	Parts   []string            `json:"parts,omitempty"` // the member that has each part; "": nobody
}

// claimant is a process that works on a queue.
type claimant struct {
	Instance string        `json:"instance,omitempty"` // process that has the embedded store open
	Lease    time.Duration `json:"lease"`              // what it promised, in ns
	Beat     uint64        `json:"beat"`               // grows with each of its writes
	Waiting  int64         `json:"waiting,omitempty"`  // items of its parts, where groups hide how many they are
}

// readClaims reads what is stored. An owner of the whole queue, or what cannot be
// read, is a member without parts that beats when the key is written.
func readClaims(kv KeyValue, lease time.Duration) claims {
	var c claims
	if err := json.Unmarshal(kv.Value, &c); err != nil {
		c = claims{Lease: lease}
	}
	if len(c.Parts) == 0 && kv.Revision > 0 {
		c.Members = map[string]claimant{c.Owner: {Instance: c.Instance, Lease: c.Lease, Beat: kv.Revision}}
	}
	if c.Members == nil {
		c.Members = map[string]claimant{}
	}
	return c
}

// free takes a member out.
func (c *claims) free(id string) {
	delete(c.Members, id)
	for n, of := range c.Parts {
		if of == id {
			c.Parts[n] = ""
		}
	}
}

// waitingElsewhere is how many items the members but one said that they have.
func (c *claims) waitingElsewhere(but string) (all int64) {
	for id, m := range c.Members {
		if id != but {
			all += m.Waiting
		}
	}
	return all
}

// of lists the parts of a member.
func (c *claims) of(id string) []int {
	var list []int
	for n, of := range c.Parts {
		if of == id {
			list = append(list, n)
		}
	}
	return list
}

// claim is the right of one process to work on parts of a queue. All but valid is
// for one goroutine.
type claim struct {
	q       *Queue
	d       *dispatcher
	key     string
	id      string
	beat    uint64 // of the newest write
	joined  bool
	renewed atomic.Pointer[time.Time] // before the newest successful write was sent
	seen    map[string]sighting       // the other members
}

// sighting is since when a member has not been seen to beat.
type sighting struct {
	beat  uint64
	since time.Time
}

func (q *Queue) newClaim(d *dispatcher) *claim {
	return &claim{q: q, d: d, key: "queue/" + q.name, id: hub.NewID(), seen: map[string]sighting{}}
}

// valid reports whether nobody else can have what this process has. One that was
// stopped for a while, and does not know that yet, is told here.
func (c *claim) valid() bool {
	at := c.renewed.Load()
	return at != nil && time.Since(*at) < c.q.cfg.Lease
}

// errLeaseLost ends a member's work.
var errLeaseLost = errors.New("the lease on the queue is lost")

// keep takes, keeps and gives up parts until ctx ends or the lease is lost.
func (c *claim) keep(ctx context.Context) error {
	defer c.q.parts.Store(0)
	for {
		wait, err := c.look(ctx)
		if err != nil {
			return err
		}
		c.q.parts.Store(int64(len(c.d.parts())))
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-c.d.idle:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// look reads who works on what and does what follows from it. It returns when to
// look again. A member gives up a tenth before its lease ends, while nobody else
// can have its parts.
func (c *claim) look(ctx context.Context) (again time.Duration, err error) {
	lease := c.q.cfg.Lease
	if c.joined {
		end := c.renewed.Load().Add(lease * 9 / 10)
		if !time.Now().Before(end) {
			return 0, errLeaseLost
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end)
		defer cancel()
	}
	kv, err := c.q.leases.Get(ctx, c.key)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		c.q.a.log.Debug("cannot read a lease", "account", c.q.a.name, "queue", c.q.name, "error", err)
		return lease / 30, nil
	}
	now := readClaims(kv, lease)
	c.bury(&now)
	c.q.elsewhere.Store(now.waitingElsewhere(c.id))
	if len(now.Parts) == 0 && len(now.Members) == 0 {
		now.Parts = make([]string, c.q.cfg.Shares)
	}
	_, in := now.Members[c.id]
	switch {
	case c.joined && !in:
		return 0, errLeaseLost
	case !in && len(now.Members) >= len(now.Parts): // there is nothing to have
		return lease / 10, nil
	}
	if !c.adjust(&now) {
		return c.pause(&now), nil
	}
	if !c.write(ctx, &now, kv.Revision) {
		return lease/100 + rand.N(lease/30), nil // somebody else wrote: at other times from now on
	}
	return c.pause(&now), nil
}

// pause is how long to wait between two looks. Who has the only part need not
// look for others.
func (c *claim) pause(now *claims) time.Duration {
	if len(now.Parts) == 1 && c.joined {
		return c.q.cfg.Lease / 3
	}
	return c.q.cfg.Lease / 10
}

// bury takes out the members that are dead: those that were not seen to beat for
// the whole of their lease, and those that lived in another process while the
// embedded store is ours alone.
func (c *claim) bury(now *claims) {
	for id, m := range now.Members {
		s, known := c.seen[id]
		switch {
		case id == c.id:
		case c.q.a.guard != nil && m.Instance != c.q.a.guard.instanceID():
			now.free(id)
		case !known || s.beat != m.Beat:
			c.seen[id] = sighting{m.Beat, time.Now()}
		case time.Since(s.since) > max(m.Lease, c.q.cfg.Lease):
			now.free(id)
		}
	}
	maps.DeleteFunc(c.seen, func(id string, _ sighting) bool { _, there := now.Members[id]; return !there })
}

// adjust changes the claims to what this process is to have: an equal share, and
// no part moves that need not. It reports whether they are to be written. A part
// that is too much is given up when nobody here works on it any more.
func (c *claim) adjust(now *claims) (write bool) {
	c.beat++ // also where the write fails: it may be there
	me := claimant{Instance: c.q.a.guard.instanceID(), Lease: c.q.cfg.Lease, Beat: c.beat}
	if c.q.cfg.Grouped {
		me.Waiting = c.d.waiting()
	}
	now.Members[c.id] = me
	now.Owner, now.Instance, now.Lease = c.id, c.q.a.guard.instanceID(), c.q.cfg.Lease
	share := (len(now.Parts) + len(now.Members) - 1) / len(now.Members)
	mine := now.of(c.id)
	for len(mine) > share {
		last := mine[len(mine)-1]
		mine = mine[:len(mine)-1]
		if c.d.drop(last) {
			now.Parts[last] = ""
			write = true
		}
	}
	for n, of := range now.Parts {
		if _, alive := now.Members[of]; !alive && of != "" {
			now.Parts[n], of = "", "" // of a member that another program took out
		}
		if of == "" && len(mine) < share && !c.d.stopping(n) {
			now.Parts[n] = c.id
			mine = append(mine, n)
		}
	}
	slices.Sort(mine)
	return write || !c.joined || !slices.Equal(mine, c.d.parts()) || time.Since(*c.renewed.Load()) >= c.q.cfg.Lease/3
}

// write stores the claims over a revision, 0 for none, and begins with the parts
// that are this process's from then on.
func (c *claim) write(ctx context.Context, now *claims, revision uint64) bool {
	value, err := json.Marshal(now)
	if err != nil {
		return false
	}
	sent := time.Now()
	if revision == 0 {
		revision, err = c.q.leases.Create(ctx, c.key, value)
	} else {
		revision, err = c.q.leases.Update(ctx, c.key, value, revision)
	}
	if err != nil {
		c.q.a.log.Debug("a lease was not written", "account", c.q.a.name, "queue", c.q.name, "error", err)
		return false
	}
	c.joined = true
	c.renewed.Store(&sent)
	before := c.d.parts()
	c.d.grow(now.of(c.id), len(now.Parts), revision)
	if after := c.d.parts(); !slices.Equal(before, after) {
		c.q.a.log.Info("took over a queue", "account", c.q.a.name, "queue", c.q.name, "parts", len(after), "of", len(now.Parts), "members", len(now.Members), "fence", revision)
	}
	return true
}

// leave lets others begin at once with what this process had. When it fails, they
// wait for the lease's end.
func (c *claim) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	for c.joined {
		kv, err := c.q.leases.Get(ctx, c.key)
		if hub.CodeOf(err) == hub.NotFound {
			return
		}
		now := readClaims(kv, c.q.cfg.Lease)
		if _, in := now.Members[c.id]; err == nil && !in {
			return
		}
		if now.free(c.id); err == nil && len(now.Members) == 0 {
			err = c.q.leases.Delete(ctx, c.key, kv.Revision)
		} else if err == nil {
			var value []byte
			if value, err = json.Marshal(now); err == nil {
				_, err = c.q.leases.Update(ctx, c.key, value, kv.Revision)
			}
		}
		if hub.CodeOf(err) == hub.Precondition && ctx.Err() == nil {
			continue // somebody else wrote
		}
		if err != nil {
			c.q.a.log.Debug("a lease is left to expire", "account", c.q.a.name, "queue", c.q.name, "error", err)
		}
		return
	}
}
