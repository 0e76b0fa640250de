package intake

import (
	"context"
	"log/slog"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// Ports is what intake needs of the process that it runs in. All are required but
// Depth and Count, and all must be safe for concurrent use.
type Ports struct {
	// Push makes an event durable in the Security Manager's event queue: an
	// [github.com/manoward/manoward/smgr.Event] as JSON. An ID that waits there
	// already adds nothing.
	Push func(ctx context.Context, id, key string, event []byte) error
	// Depth returns how many events wait; nil sets no bound to them. It is asked
	// four times a second at most.
	Depth func(ctx context.Context) (int, error)
	// Decided reports whether the event with this ID was handled to its end.
	Decided func(ctx context.Context, eventID string) (bool, error)
	// Told returns the Digest of an event that was judged, empty where that is not
	// known, and whether there is a decision on an event of this ID.
	Told func(ctx context.Context, eventID string) (digest string, found bool, err error)
	// Append makes records durable in the trust domain's log.
	Append func(ctx context.Context, records ...hub.Record) error
	// Check reports why a notification does not fit the schema of its kind.
	Check func(kind hub.EventKind, body []byte) error
	// Count counts what became of one notification, or one gap, of an interface.
	// Outcomes are the constants of this package.
	Count func(i hub.Interface, outcome string)
	Log   *slog.Logger
	Now   func() time.Time
}

func (p *Ports) count(i hub.Interface, outcome string) {
	if p.Count != nil {
		p.Count(i, outcome)
	}
}

// Outcomes of notifications, as they are counted. All after OutcomeIgnored are
// refusals; the text is the reason in their record.
const (
	OutcomeAccepted      = "accepted"
	OutcomeDuplicate     = "duplicate"
	OutcomeIgnored       = "ignored" // known, and nothing that is judged
	OutcomeWrongSender   = "wrong-sender"
	OutcomeFlood         = "flood"      // more of this sender than its share
	OutcomeQueueFull     = "queue-full" // more waits than may
	OutcomeTooLarge      = "too-large"
	OutcomeMalformed     = "malformed"
	OutcomeUnknownType   = "unknown-type"
	OutcomeNotSubscribed = "not-subscribed"
	OutcomeStale         = "stale"
	OutcomeFuture        = "future"
	OutcomeSchema        = "schema"
	OutcomeAltered       = "altered"     // the id of another notification
	OutcomeUnavailable   = "unavailable" // could not be made durable

	OutcomeGap        = "gap"         // counted for each event that no notification told
	OutcomeGapTooOld  = "gap-too-old" // the time since the last comparison is longer than the ledger remembers
	OutcomeRenewed    = "renewed"     // a subscription was gone, or got stuck, and was made anew
	OutcomeGapInvalid = "gap-invalid" // what a query showed does not fit the schema
)

// Limits bounds what is taken in. A zero field has the default that is named.
type Limits struct {
	MaxBody   int64         // bytes of a notification; 1 MiB
	BodyTime  time.Duration // that its body may take: it holds a place of its sender's meanwhile; 10 s
	MaxAge    time.Duration // of a notification by its own time; 24 h
	MaxAhead  time.Duration // that its time may lie in the future; 5 min
	Keep      time.Duration // how long the ledger remembers; 48 h, and never less than twice MaxAge
	Rate      float64       // notifications per second and sender, over time; 1,000
	Burst     int           // of one sender at once; 4,000
	InFlight  int           // of one sender that are being handled; 64
	MaxQueued int           // events that wait; 100,000. Above three quarters a sender has a tenth of its Rate
	// RecordEvery is how often refusals of one sender for one reason are recorded;
	// those in between are counted in the next record. 1 min.
	RecordEvery time.Duration
}

func (l Limits) withDefaults() Limits {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&l.BodyTime, 10*time.Second)
	def(&l.MaxAge, 24*time.Hour)
	def(&l.MaxAhead, 5*time.Minute)
	def(&l.RecordEvery, time.Minute)
	l.Keep = max(l.Keep, 2*l.MaxAge)
	if l.MaxBody <= 0 {
		l.MaxBody = 1 << 20
	}
	if l.Rate <= 0 {
		l.Rate = 1000
	}
	if l.Burst <= 0 {
		l.Burst = 4000
	}
	if l.InFlight <= 0 {
		l.InFlight = 64
	}
	if l.MaxQueued <= 0 {
		l.MaxQueued = 100_000
	}
	return l
}

// Intake is one Security Manager's intake: what Receiver, Subscriber and Gaps
// share. It is safe for concurrent use, and several processes may each have one
// over the same table and queue.
type Intake struct {
	ports  Ports
	limits Limits
	sm     hub.Identity // the Security Manager, as the actor of records
	ledger *ledger
	taken  taken

	seenUntil time.Time // until when the ledger is asked for notifications
}

// Open opens the ledger of the Security Manager in its trust domain: the table
// "SM-<name>-intake".
func Open(ctx context.Context, tables state.Tables, domain, name string, ports Ports, limits Limits) (*Intake, error) {
	t, err := tables.Open(ctx, domain, "SM-"+name+"-intake")
	if err != nil {
		return nil, err
	}
	limits = limits.withDefaults()
	sm := hub.Identity{TrustDomain: domain, Kind: hub.KindSM, Name: name}
	in := &Intake{ports: ports, limits: limits, sm: sm, ledger: &ledger{table: t, now: ports.Now, keep: limits.Keep}}
	in.seenUntil, err = in.ledger.openSeen(ctx)
	return in, err
}
