package indicators

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
)

// The vnfConfigurableProperties of a VNF instance that say where its indicators are
// read: {apiRoot} of the producer of vnfind/v1.
const (
	AddressVNF = "manoward.indicators.vnf" // the VNF itself, over Ve-Vnfm-vnf
	AddressEM  = "manoward.indicators.em"  // its EM, over Ve-Vnfm-em
)

// API is the API whose subscriptions are told of indicators.
const API = "vnfind"

// DefaultInterval is how often each VNF is asked when Config says nothing else.
const DefaultInterval = 30 * time.Second

const (
	atOnce     = 16               // VNFs that are asked at the same time
	askTimeout = 10 * time.Second // for one producer to answer in
	maxPause   = 10 * time.Minute // before one that does not answer is asked again
)

// VNF is what is to be known of a VNF instance.
type VNF struct {
	Domain    string            // trust domain that it belongs to
	VnfdID    string            // of the instantiated VNF
	Addresses map[string]string // {apiRoot} by sol001.SourceVNF and sol001.SourceEM; none when it is not to be asked
	Subject   json.RawMessage   // what filters of subscriptions see of it; the caller's own
}

// Config is what a [List] works with. All fields but Interval are needed.
type Config struct {
	// Publish takes an event for delivery; when it returns nil the event is durable.
	Publish func(ctx context.Context, e notify.Event) error
	// VNF returns a VNF instance as it is now, hub.NotFound if there is none.
	VNF func(ctx context.Context, id string) (VNF, error)
	// Asked returns the IDs of the VNF instances that have an address.
	Asked func() []string
	// Declared returns the indicators of a VNFD.
	Declared func(ctx context.Context, domain, vnfdID string) ([]sol001.IndicatorDesc, error)
	// Client reaches VNFs and EMs of a trust domain with its credential, and nobody
	// else; hub.NotFound if it has none.
	Client func(domain string) (*http.Client, error)
	// Concerns says whether a filter is about the VNF of an event's subject.
	Concerns func(filter *sol003.VnfInstanceSubscriptionFilter, subject json.RawMessage) bool
	Interval time.Duration // between two readings of a VNF; 0 means DefaultInterval
	Now      func() time.Time
	Wait     func(ctx context.Context, d time.Duration) error // blocks for d or until ctx ends
	Log      *slog.Logger
}

// List is the indicators of the VNFs of a VNFM. It is safe for concurrent use. One
// process at a time may call what changes it.
type List struct {
	c    Config
	kept *state.Kind[told]

	round sync.Mutex // held while VNFs are asked
	mu    sync.Mutex // covers asked
	asked map[string]*asked
}

// asked is how the asking of one VNF goes, as far as this process knows.
type asked struct {
	read     map[string]time.Time // when each indicator was read
	failures int                  // one after the other
	next     time.Time            // not before
}

// New makes the list of a VNFM, which is kept with its other resources.
func New(space *state.Space, c Config) *List {
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	return &List{c: c, kept: state.NewKind(space, "indicators", (*told).terms), asked: map[string]*asked{}}
}

// Watch asks the VNFs, again and again, until ctx ends. It returns ctx's error.
func (l *List) Watch(ctx context.Context) error {
	for {
		l.Round(ctx)
		if err := l.c.Wait(ctx, l.c.Interval); err != nil {
			return err
		}
	}
}

// Round asks each VNF that is to be asked now and tells what has changed, and what a
// crash or a closed outbox kept from being told. A VNF that fails keeps no other; it is
// logged when that begins and when it ends, and asked less often meanwhile.
func (l *List) Round(ctx context.Context) {
	l.round.Lock()
	defer l.round.Unlock()
	ids := slices.Concat(l.c.Asked(), slices.Collect(l.kept.IDs("")))
	slices.Sort(ids)
	waiting := map[string]bool{}
	for _, id := range l.kept.Find(termUnfinished) {
		waiting[id] = true
	}
	slots := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for _, id := range slices.Compact(ids) {
		if ctx.Err() != nil {
			break
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			l.visit(ctx, id, waiting[id])
		})
	}
	running.Wait()
}

// visit tells what waits to be told of a VNF, and asks it if it is due.
func (l *List) visit(ctx context.Context, id string, waiting bool) {
	var err error
	if waiting {
		err = l.tellWaiting(ctx, id)
	}
	some := false
	if err == nil {
		if !l.due(id) {
			return
		}
		some, err = l.ask(ctx, id)
	}
	if ctx.Err() == nil {
		l.noteAsked(id, some, err)
	}
}

// noteAsked keeps how the asking of a VNF goes. One that does not answer at all is asked
// less and less often.
func (l *List) noteAsked(id string, some bool, err error) {
	l.mu.Lock()
	a := l.asked[id]
	if a == nil && err == nil {
		l.mu.Unlock()
		return // it is not asked any more, or has no indicators
	}
	if a == nil {
		a = &asked{}
		l.asked[id] = a
	}
	was := a.failures
	a.failures, a.next = 0, time.Time{}
	if err != nil {
		a.failures = was + 1
	}
	if err != nil && !some {
		a.next = l.c.Now().Add(min(l.c.Interval<<min(was, 10), maxPause))
	}
	l.mu.Unlock()
	switch {
	case err != nil && was == 0:
		l.c.Log.Warn("the indicators of a VNF cannot be read; asking again", "vnfInstanceId", id, "err", err)
	case err == nil && was > 0:
		l.c.Log.Info("the indicators of a VNF can be read again", "vnfInstanceId", id)
	}
}

// due says whether a VNF is to be asked now.
func (l *List) due(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.asked[id]
	return a == nil || !l.c.Now().Before(a.next)
}

// ask reads the indicators of a VNF, writes down what has changed with its events, and
// tells them. What one source does not say does not keep the other; some says whether
// one has answered.
func (l *List) ask(ctx context.Context, id string) (some bool, _ error) {
	v, err := l.c.VNF(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || err == nil && len(v.Addresses) == 0 {
		return false, l.forget(ctx, id)
	}
	if err != nil {
		return false, fmt.Errorf("read VNF %s: %w", id, err)
	}
	e, err := l.kept.Get(ctx, id)
	fresh := hub.CodeOf(err) == hub.NotFound
	if err != nil && !fresh {
		return false, fmt.Errorf("read the indicators of VNF %s: %w", id, err)
	}
	declared := e.Value.Declared
	if fresh || e.Value.VnfdID != v.VnfdID {
		if declared, err = l.c.Declared(ctx, v.Domain, v.VnfdID); err != nil {
			return false, fmt.Errorf("read the indicators of VNFD %.80q: %w", v.VnfdID, err)
		}
	}
	values, failed := l.readAll(ctx, id, &v, declared)
	return len(values) > 0, errors.Join(failed, l.keep(ctx, id, &v, declared, values, fresh))
}

// readAll reads the values of the indicators at each source that has some.
func (l *List) readAll(ctx context.Context, id string, v *VNF, declared []sol001.IndicatorDesc) (map[string]json.RawMessage, error) {
	var sources []string
	for _, s := range []string{sol001.SourceVNF, sol001.SourceEM} {
		if v.Addresses[s] != "" {
			sources = append(sources, s)
		}
	}
	values, failed := map[string]json.RawMessage{}, []error(nil)
	for _, s := range sources {
		wanted := map[string]bool{}
		for i := range declared {
			if from(&declared[i], sources) == s {
				wanted[declared[i].ID] = true
			}
		}
		if len(wanted) == 0 {
			continue
		}
		of, err := l.readAt(ctx, v.Domain, v.Addresses[s], id, wanted)
		if err != nil {
			failed = append(failed, fmt.Errorf("at its %s: %w", strings.ToUpper(s), err))
			continue
		}
		for indicator, value := range of {
			values[indicator] = value
		}
	}
	return values, errors.Join(failed...)
}

func (l *List) readAt(ctx context.Context, domain, root, id string, wanted map[string]bool) (map[string]json.RawMessage, error) {
	client, err := l.c.Client(domain)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return read(ctx, client, root, id, func(id string) bool { return wanted[id] })
}

// errSame ends a change that would change nothing.
var errSame = errors.New("nothing has changed")

// keep writes down what was read, and tells what has changed by that.
func (l *List) keep(ctx context.Context, id string, v *VNF, declared []sol001.IndicatorDesc, values map[string]json.RawMessage, fresh bool) error {
	now := l.c.Now().UTC()
	var e state.Entry[told]
	var err error
	if fresh {
		t := &told{Since: now}
		if _, err = t.become(v, id, declared, values, now); err == nil {
			e, err = l.kept.Create(ctx, v.Domain, id, t)
		}
	} else {
		e, err = l.kept.Update(ctx, id, func(t *told) error {
			changed, err := t.become(v, id, declared, values, now)
			if err == nil && !changed {
				err = errSame
			}
			return err
		})
	}
	if err != nil && !errors.Is(err, errSame) {
		return fmt.Errorf("write the indicators of VNF %s down: %w", id, err)
	}
	l.noteRead(id, values, now)
	if err != nil {
		return nil
	}
	return l.tell(ctx, e)
}

// noteRead keeps when indicators were read.
func (l *List) noteRead(id string, values map[string]json.RawMessage, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.asked[id]
	if a == nil {
		a = &asked{}
		l.asked[id] = a
	}
	if a.read == nil {
		a.read = map[string]time.Time{}
	}
	for indicator := range values {
		a.read[indicator] = now
	}
}

// readTime is when an indicator was read last, nil if this process has not read it.
func (l *List) readTime(vnf, indicator string) *time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.asked[vnf]; a != nil {
		if at, ok := a.read[indicator]; ok {
			return &at
		}
	}
	return nil
}

// forget lets go of a VNF that is not asked any more, its events told.
func (l *List) forget(ctx context.Context, id string) error {
	l.mu.Lock()
	delete(l.asked, id)
	l.mu.Unlock()
	err := l.kept.Delete(ctx, id, func(t *told) error {
		if len(t.Pending) > 0 {
			return hub.E(hub.Unavailable, "forget indicators", "events wait to be published", nil)
		}
		return nil
	})
	if hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	return err
}
