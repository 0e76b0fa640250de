package configuration

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// Address is the name of the vnfConfigurableProperties that says where a VNF is
// configured: {apiRoot} of its, or its EM's, vnfconfig/v1.
const Address = "manoward.configuration"

// DefaultInterval is how often a VNF that has not taken its configuration is tried when
// Config says nothing else.
const DefaultInterval = 30 * time.Second

const (
	atOnce     = 16               // VNFs that are asked at the same time
	askTimeout = 10 * time.Second // for one VNF to answer in
	maxPause   = 10 * time.Minute // before one that does not take it is tried again
	maxProblem = 500              // bytes of what is kept of a refusal
	maxWaiting = 256              // VNFs that have changed and are looked at before the next round
)

// State is how far a VNF's configuration is.
type State string

// The states.
const (
	None    State = "NONE"    // the VNF does not say where it is configured, or is not instantiated
	Pending State = "PENDING" // it has not been taken yet, and is sent until it is
	Taken   State = "TAKEN"
	Refused State = "REFUSED" // the VNF does not want it; it is sent again, less and less often
)

// VNF is what is to be known of a VNF instance.
type VNF struct {
	Domain  string         // trust domain that it belongs to
	Address string         // {apiRoot} of its vnfconfig/v1; empty when it is not to be configured
	Wanted  map[string]any // by the names of vnfSpecificData
	Stamp   string         // differs after each operation of the VNF
	Busy    bool           // an operation runs, whose end is waited for
	By      string         // who asked for the operation that ended last; for the record
}

// Config is what a [List] works with. All fields but Interval are needed.
type Config struct {
	// VNF returns a VNF instance as it is now, hub.NotFound if there is none.
	VNF func(ctx context.Context, id string) (VNF, error)
	// Asked returns the IDs of the VNF instances that have an address.
	Asked func() []string
	// Client reaches VNFs and EMs of a trust domain with its credential, and nobody
	// else; hub.NotFound if it has none.
	Client func(domain string) (*http.Client, error)
	// Record keeps among the records of a trust domain what is about to be sent;
	// hub.Conflict for a record that is there already.
	Record   func(ctx context.Context, domain string, r hub.Record) error
	Interval time.Duration // between two attempts; 0 means DefaultInterval
	Now      func() time.Time
	Wait     func(ctx context.Context, d time.Duration) error // blocks for d or until ctx ends
	Log      *slog.Logger
}

// kept is what is stored of a VNF: one resource for each, under its ID.
type kept struct {
	Sum     string    `json:"sum"` // of what State is about: address, what is wanted, after which operation
	State   State     `json:"state"`
	Since   time.Time `json:"since"`             // of State and Problem
	Problem string    `json:"problem,omitempty"` // why it is not taken yet
	// Sent are the names that the VNF may have from us, sorted: those that are not
	// wanted any more are taken back.
	Sent []string `json:"sent,omitempty"`
}

// List is the configurations of the VNFs of a VNFM. It is safe for concurrent use. One
// process at a time may call what changes it.
type List struct {
	c       Config
	kept    *state.Kind[kept]
	changed chan string

	round sync.Mutex // held while VNFs are configured
	mu    sync.Mutex // covers tried
	tried map[string]*tried
}

// tried is how the configuring of one VNF goes, as far as this process knows.
type tried struct {
	sum      string
	failures int       // one after the other
	next     time.Time // not before
}

// New makes the list of a VNFM, which is kept with its other resources.
func New(space *state.Space, c Config) *List {
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	return &List{c: c, kept: state.NewKind[kept](space, "configuration", nil), changed: make(chan string, maxWaiting), tried: map[string]*tried{}}
}

// Changed says that an operation of a VNF has ended: it is looked at soon. It does not
// block.
func (l *List) Changed(vnf string) {
	select {
	case l.changed <- vnf:
	default: // the next round finds it
	}
}

// Watch configures VNFs, again and again, until ctx ends. It returns ctx's error.
func (l *List) Watch(ctx context.Context) error {
	for {
		l.Round(ctx)
		waited := make(chan error, 1)
		go func() { waited <- l.c.Wait(ctx, l.c.Interval) }()
		for waiting := true; waiting; {
			select {
			case vnf := <-l.changed:
				l.visitAll(ctx, []string{vnf})
			case err := <-waited:
				if err != nil {
					return err
				}
				waiting = false
			}
		}
	}
}

// Round looks at each VNF that says where it is configured, and forgets those that do not
// any more. A VNF that fails keeps no other; it is logged when that begins and when it
// ends, and tried less often meanwhile.
func (l *List) Round(ctx context.Context) {
	ids := slices.Concat(l.c.Asked(), slices.Collect(l.kept.IDs("")))
	slices.Sort(ids)
	l.visitAll(ctx, slices.Compact(ids))
}

func (l *List) visitAll(ctx context.Context, ids []string) {
	l.round.Lock()
	defer l.round.Unlock()
	slots := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for _, id := range ids {
		if ctx.Err() != nil {
			break
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			l.visit(ctx, id)
		})
	}
	running.Wait()
}

// visit brings one VNF to what is wanted of it, if there is something to do.
func (l *List) visit(ctx context.Context, id string) {
	v, err := l.c.VNF(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || err == nil && v.Address == "" {
		err = l.forget(ctx, id)
		if err != nil && ctx.Err() == nil {
			l.c.Log.Warn("a VNF's configuration is forgotten later", "vnfInstanceId", id, "err", err)
		}
		return
	}
	if err == nil && v.Busy {
		return
	}
	sum := ""
	if err == nil {
		sum, err = sumOf(&v)
	}
	if !l.due(id, sum) {
		return
	}
	if err == nil {
		err = l.bring(ctx, id, &v, sum)
	}
	if ctx.Err() == nil {
		l.noteTried(id, sum, err)
	}
}

// sumOf names what a VNF is to be brought to.
func sumOf(v *VNF) (string, error) {
	raw, err := json.Marshal([]any{v.Address, v.Stamp, v.Wanted})
	if err != nil {
		return "", fmt.Errorf("encode configuration: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

// due says whether a VNF is to be tried now.
func (l *List) due(id, sum string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tried[id]
	return t == nil || t.sum != sum || !l.c.Now().Before(t.next)
}

// noteTried keeps how the configuring of a VNF goes.
func (l *List) noteTried(id, sum string, err error) {
	l.mu.Lock()
	was := l.tried[id]
	failures := 0
	if was != nil && was.sum == sum {
		failures = was.failures
	}
	if err == nil {
		delete(l.tried, id)
	} else {
		l.tried[id] = &tried{sum: sum, failures: failures + 1, next: l.c.Now().Add(min(l.c.Interval<<min(failures, 10), maxPause))}
	}
	l.mu.Unlock()
	switch {
	case err != nil && failures == 0:
		l.c.Log.Warn("a VNF has not taken its configuration; trying again", "vnfInstanceId", id, "err", err)
	case err == nil && was != nil:
		l.c.Log.Info("a VNF has taken its configuration", "vnfInstanceId", id)
	}
}

// bring compares what a VNF has with what is wanted, and sends what differs.
func (l *List) bring(ctx context.Context, id string, v *VNF, sum string) error {
	e, err := l.begin(ctx, id, v.Domain, sum)
	if err != nil || e.Value.State == Taken {
		return err
	}
	status, err := l.send(ctx, id, v, sum, e.Value.Sent)
	if err == nil {
		return l.end(ctx, id, sum, Taken, "", sorted(maps.Keys(v.Wanted)))
	}
	if ctx.Err() != nil {
		return err
	}
	state := Pending
	if isRefusal(status) {
		state = Refused
	}
	return errors.Join(err, l.end(ctx, id, sum, state, clip(hub.SafeText(err)), nil))
}

// begin stores that a VNF is to be brought to something, if it is not so already.
func (l *List) begin(ctx context.Context, id, domain, sum string) (state.Entry[kept], error) {
	e, err := l.kept.Get(ctx, id)
	fresh := hub.CodeOf(err) == hub.NotFound
	now := l.c.Now().UTC()
	switch {
	case fresh:
		e, err = l.kept.Create(ctx, domain, id, &kept{Sum: sum, State: Pending, Since: now})
	case err == nil && e.Value.Sum != sum:
		e, err = l.kept.Update(ctx, id, func(k *kept) error {
			k.Sum, k.State, k.Since, k.Problem = sum, Pending, now, ""
			return nil
		})
	}
	if err != nil {
		return e, fmt.Errorf("note the configuration of VNF %s: %w", id, err)
	}
	return e, nil
}

// errSame ends a change that would change nothing.
var errSame = errors.New("nothing has changed")

// end stores how far a VNF is. sent, if not nil, is what it has from us then.
func (l *List) end(ctx context.Context, id, sum string, to State, problem string, sent []string) error {
	_, err := l.kept.Update(ctx, id, func(k *kept) error {
		if k.Sum != sum || k.State == to && k.Problem == problem {
			return errSame
		}
		k.State, k.Problem, k.Since = to, problem, l.c.Now().UTC()
		if sent != nil {
			k.Sent = sent
		}
		return nil
	})
	if err != nil && !errors.Is(err, errSame) {
		return fmt.Errorf("note the configuration of VNF %s: %w", id, err)
	}
	return nil
}

// send reads what a VNF has and sends what differs from what is wanted. status is that of
// the answer that an error is about, 0 where there was none.
func (l *List) send(ctx context.Context, id string, v *VNF, sum string, ours []string) (status int, err error) {
	want, err := plain(v.Wanted)
	if err != nil {
		return 0, err
	}
	client, err := l.c.Client(v.Domain)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	have, status, err := read(ctx, client, v.Address)
	if err != nil {
		return status, err
	}
	change := difference(have.data, want, ours)
	if len(change) == 0 {
		return status, nil
	}
	if err := l.record(ctx, id, v, sum, ours, change); err != nil {
		return 0, err
	}
	return set(ctx, client, v.Address, have.etag, change)
}

// kindSent is the kind of the record that something is sent to a VNF. It is there before
// that, and the VNF may not have taken it.
const kindSent = "vnf.configuration.sent"

// record keeps what is about to be sent: the names in what is stored, so that they can be
// taken back, and among the records of the trust domain. Values may be secret, and are in
// neither.
func (l *List) record(ctx context.Context, id string, v *VNF, sum string, ours []string, change map[string]any) error {
	names := sorted(maps.Keys(v.Wanted))
	if all := append(slices.Clone(ours), names...); !slices.Equal(ours, names) {
		slices.Sort(all)
		if _, err := l.kept.Update(ctx, id, func(k *kept) error {
			k.Sent = slices.Compact(all)
			return nil
		}); err != nil {
			return fmt.Errorf("note what VNF %s is sent: %w", id, err)
		}
	}
	data, err := json.Marshal(map[string][]string{"properties": sorted(maps.Keys(change))})
	if err != nil {
		return fmt.Errorf("record what VNF %s is sent: %w", id, err)
	}
	err = l.c.Record(ctx, v.Domain, hub.Record{
		ID: hub.DeriveID(kindSent, id, sum, string(data)), Kind: kindSent, Time: l.c.Now().UTC(), Actor: v.By, Subject: "vnf/" + id, Data: data,
	})
	if err != nil && hub.CodeOf(err) != hub.Conflict { // Conflict: recorded by an attempt that failed since
		return fmt.Errorf("record what VNF %s is sent: %w", id, err)
	}
	return nil
}

// forget lets go of a VNF that is not configured any more.
func (l *List) forget(ctx context.Context, id string) error {
	l.mu.Lock()
	delete(l.tried, id)
	l.mu.Unlock()
	if err := l.kept.Delete(ctx, id, nil); err != nil && hub.CodeOf(err) != hub.NotFound {
		return fmt.Errorf("forget the configuration of VNF %s: %w", id, err)
	}
	return nil
}

func sorted(names iter.Seq[string]) []string {
	list := slices.Sorted(names)
	if list == nil {
		list = []string{}
	}
	return list
}

func clip(s string) string {
	if len(s) > maxProblem {
		return strings.ToValidUTF8(s[:maxProblem], "") + "…"
	}
	return s
}
