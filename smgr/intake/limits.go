package intake

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// gate holds each sender to its share, so that the flood of one does not take
// the place of another. Senders are the few peers of a Security Manager.
type gate struct {
	limits Limits
	now    func() time.Time
	depth  func(context.Context) (int, error) // nil: no bound

	mu      sync.Mutex // covers what is below; never held while the queue is asked
	senders map[string]*share
	queued  int       // at the last look, and what came since
	looked  time.Time // zero: never
}

// share is what one sender uses.
type share struct {
	tokens   float64 // of Limits.Rate and Burst
	reserve  float64 // of a tenth of them, for when much waits
	filled   time.Time
	inFlight int
}

// lookEvery is how old the depth of the queue may be.
const lookEvery = 250 * time.Millisecond

func newGate(l Limits, p *Ports) *gate {
	return &gate{limits: l, now: p.Now, depth: p.Depth, senders: map[string]*share{}}
}

// enter lets one notification of a sender in, and returns what to call when it is
// done, or why it must wait.
func (g *gate) enter(ctx context.Context, sender string) (leave func(), _ *refusal) {
	if err := g.look(ctx); err != nil {
		return nil, &refusal{code: hub.Unavailable, reason: OutcomeUnavailable, text: "the event queue does not answer; send it again", wait: 5 * time.Second, cause: err}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.fill(sender)
	if g.depth != nil && g.queued >= g.limits.MaxQueued {
		return nil, &refusal{code: hub.Unavailable, reason: OutcomeQueueFull, text: "too many events wait to be judged; send it again later", wait: 5 * time.Second}
	}
	crowded := g.depth != nil && g.queued >= g.limits.MaxQueued*3/4
	switch {
	case s.tokens < 1, crowded && s.reserve < 1:
		return nil, &refusal{code: hub.RateLimited, reason: OutcomeFlood, text: "more notifications come from you than are taken from one sender; send it again later", wait: time.Second}
	case s.inFlight >= g.limits.InFlight:
		return nil, &refusal{code: hub.Unavailable, reason: OutcomeFlood, text: "too many of your notifications are being taken in at once; send it again later", wait: time.Second}
	}
	s.tokens--
	if crowded {
		s.reserve--
	}
	s.inFlight++
	g.queued++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		s.inFlight--
	}, nil
}

// fill returns a sender's share with what it gained since it was last seen.
func (g *gate) fill(sender string) *share {
	const part = 10
	now, l := g.now(), g.limits
	s := g.senders[sender]
	if s == nil {
		s = &share{tokens: float64(l.Burst), reserve: max(1, float64(l.Burst)/part), filled: now}
		g.senders[sender] = s
	}
	if d := now.Sub(s.filled).Seconds(); d > 0 {
		s.tokens = math.Min(float64(l.Burst), s.tokens+d*l.Rate)
		s.reserve = math.Min(max(1, float64(l.Burst)/part), s.reserve+d*l.Rate/part)
		s.filled = now
	}
	return s
}

// look asks for the depth of the queue when the last answer is old.
func (g *gate) look(ctx context.Context) error {
	if g.depth == nil {
		return nil
	}
	g.mu.Lock()
	now := g.now()
	fresh := !g.looked.IsZero() && now.Sub(g.looked) < lookEvery
	if !fresh {
		g.looked = now // others go on with what is known
	}
	g.mu.Unlock()
	if fresh {
		return nil
	}
	n, err := g.depth(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.looked = time.Time{}
		return err
	}
	g.queued = n
	return nil
}
