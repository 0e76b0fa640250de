package catalogue

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/mano-core/catalogue/csar"
)

// Publisher tells subscribers of an event. When it returns nil, they will be told.
type Publisher interface {
	Publish(ctx context.Context, e notify.Event) error
}

// Log appends to the record log of a trust domain. An append of a record whose
// ID is there already has no second effect.
type Log interface {
	Append(ctx context.Context, domain string, record hub.Record) error
}

// Config is what a catalogue stands on.
type Config struct {
	Tables    state.Tables
	Dir       string // folder of the content; made if it is not there
	Publisher Publisher
	Records   Log
	// Fetch gets packages from URIs. Where it may connect to is for its dialer to
	// say. Redirects are not followed.
	Fetch        *http.Client
	FetchTimeout time.Duration // of one package; 0 means 30 minutes
	// InUse says whether somebody uses a package, or may begin to with what is
	// under way. It is asked often and answers from memory. nil means that nobody does.
	InUse      func(p *Package) bool
	MaxPackage int64            // bytes of one package; 0 means 16 GiB
	Limits     csar.Limits      // of what is in it
	Parallel   int              // packages that are judged at a time; 0 means 2
	Retry      time.Duration    // pause before work that failed is tried again; 0 means 5 seconds
	Now        func() time.Time // nil means time.Now
	Log        *slog.Logger     // nil means none
}

const (
	defaultFetchTimeout = 30 * time.Minute
	defaultMaxPackage   = 16 << 30
	defaultRetry        = 5 * time.Second
	maxFetches          = 16 // packages that are fetched at a time
)

func (c Config) orDefault() Config {
	if c.FetchTimeout == 0 {
		c.FetchTimeout = defaultFetchTimeout
	}
	if c.MaxPackage == 0 {
		c.MaxPackage = defaultMaxPackage
	}
	if c.Parallel == 0 {
		c.Parallel = 2
	}
	if c.Retry == 0 {
		c.Retry = defaultRetry
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Fetch == nil {
		c.Fetch = http.DefaultClient
	}
	if c.InUse == nil {
		c.InUse = func(*Package) bool { return false }
	}
	fetch := *c.Fetch
	fetch.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Fetch = &fetch
	return c
}

// Service is the catalogue. It is safe for concurrent use after Open.
type Service struct {
	config   Config
	store    *store
	checks   *checks
	space    *state.Space
	kinds    map[Kind]*state.Kind[Package]
	policies *state.Kind[Policy]

	work context.Context // of what goes on after a request was answered
	busy sync.WaitGroup
	// A slot for each package that may be fetched or judged now: a server that
	// sends slowly holds up no judgement.
	fetching, judging chan struct{}

	// onboard is held from the look at what is on-boarded to the change of it, so
	// that no two packages of a domain get the same descriptor.
	onboard sync.Mutex
	tell    sync.Map // *sync.Mutex by package: its events are told in order, by one at a time
}

// New makes a catalogue. Open it before use.
func New(c Config) *Service {
	c = c.orDefault()
	space := state.New(c.Tables, "CATALOGUE", c.Log)
	files := &store{dir: c.Dir, max: c.MaxPackage, pins: map[string]int{}}
	s := &Service{
		config: c, store: files, checks: newChecks(files.intact), space: space,
		kinds: map[Kind]*state.Kind[Package]{}, fetching: make(chan struct{}, maxFetches), judging: make(chan struct{}, c.Parallel),
	}
	for _, k := range Kinds() {
		s.kinds[k] = state.NewRecent(space, string(k), terms)
	}
	s.policies = state.NewKind[Policy](space, "policy", nil)
	return s
}

// Open reads the catalogues of these trust domains, removes what a crash left on
// disk and takes up unfinished work, which goes on until work ends. It returns
// when everything can be asked for; the work itself may last longer.
func (s *Service) Open(ctx, work context.Context, domains ...string) error {
	s.work = work
	if err := s.space.Open(ctx, work, domains...); err != nil {
		return fmt.Errorf("open catalogue: %w", err)
	}
	for _, d := range domains {
		if err := s.sweep(d); err != nil {
			return err
		}
	}
	return s.resume(ctx)
}

// AddDomain opens the catalogue of one more trust domain.
func (s *Service) AddDomain(ctx context.Context, domain string) error {
	return s.space.Add(ctx, domain)
}

// RemoveDomain forgets a trust domain that was deleted, and removes its files.
func (s *Service) RemoveDomain(domain string) error {
	s.space.Remove(domain)
	if err := hub.CheckName("trust domain", domain); err != nil {
		return fmt.Errorf("remove packages of a trust domain: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(s.config.Dir, domain)); err != nil {
		return fmt.Errorf("remove packages of a trust domain: %w", err)
	}
	return nil
}

// Wait returns when the work that goes on has ended, after its context did.
func (s *Service) Wait() { s.busy.Wait() }

func (s *Service) sweep(domain string) error {
	return s.store.sweep(domain, func(sum string) bool { return s.contentNeeded(domain, sum) })
}

func (s *Service) contentNeeded(domain, sum string) bool {
	for _, k := range s.kinds {
		if len(k.Find(byContent(domain, sum))) > 0 {
			return true
		}
	}
	return false
}

// resume takes up what a crash cut off.
func (s *Service) resume(ctx context.Context) error {
	for kind, k := range s.kinds {
		for _, id := range k.Find(termUnfinished) {
			e, err := k.Get(ctx, id)
			if hub.CodeOf(err) == hub.NotFound {
				continue
			}
			if err != nil {
				return fmt.Errorf("resume %s %s: %w", kind, id, err)
			}
			if e.Value.State == Uploading && e.Value.Source == "" {
				if err := s.cutOff(ctx, &e.Value); err != nil {
					return fmt.Errorf("resume %s %s: %w", kind, id, err)
				}
			}
			s.goOn(kind, id, e.Value.Upload)
		}
	}
	return nil
}

// Get returns a package, hub.NotFound if there is none or it is being deleted.
func (s *Service) Get(ctx context.Context, kind Kind, id string) (Package, error) {
	e, err := s.kinds[kind].Get(ctx, id)
	if err != nil {
		return Package{}, err
	}
	if e.Value.Deleting {
		return Package{}, notFound(kind)
	}
	return s.seen(e.Value), nil
}

// seen adds to a package what is not stored in it.
func (s *Service) seen(p Package) Package {
	p.used = s.config.InUse(&p)
	return p
}

func notFound(kind Kind) error {
	return hub.E(hub.NotFound, "find "+string(kind), "not found", nil)
}

// Domain returns the trust domain that a package belongs to; "" if there is no
// such package.
func (s *Service) Domain(kind Kind, id string) string {
	domain, _ := s.kinds[kind].Domain(id)
	return domain
}

// List yields the packages after a given ID, in order, of the trust domains that
// visible allows.
func (s *Service) List(ctx context.Context, kind Kind, visible func(domain string) bool, after string) iter.Seq2[Package, error] {
	return func(yield func(Package, error) bool) {
		for e, err := range s.kinds[kind].List(ctx, visible, after) {
			if err == nil && e.Value.Deleting {
				continue
			}
			if err == nil {
				e.Value = s.seen(e.Value)
			}
			if !yield(e.Value, err) {
				return
			}
		}
	}
}

// Find returns the on-boarded package of a trust domain that has a descriptor.
func (s *Service) Find(ctx context.Context, kind Kind, domain, descriptorID string) (Package, error) {
	for _, id := range s.kinds[kind].Find(byDescriptor(domain, descriptorID)) {
		p, err := s.Get(ctx, kind, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		return p, err
	}
	return Package{}, notFound(kind)
}

// Domains lists the trust domains whose catalogues are open.
func (s *Service) Domains() []string { return s.space.Domains() }

// record appends to the log of a trust domain. nonce tells apart what happens to
// one package more than once.
func (s *Service) record(ctx context.Context, kind string, p *Package, actor, nonce string, data any) error {
	body, err := raw(data)
	if err != nil {
		return fmt.Errorf("record %s: %w", kind, err)
	}
	rec := hub.Record{
		ID: hub.DeriveID("catalogue-record", kind, p.ID, nonce), Kind: kind, Time: s.config.Now().UTC(),
		Actor: actor, Subject: string(p.Kind) + "/" + p.ID, Data: body,
	}
	err = s.config.Records.Append(ctx, p.Domain, rec)
	if err != nil && hub.CodeOf(err) != hub.Conflict { // Conflict: recorded before a crash, at another time
		return fmt.Errorf("record %s: %w", kind, err)
	}
	return nil
}

// Ready says why what is shown may be stale or incomplete, for readiness.
func (s *Service) Ready(ctx context.Context) error { return s.space.Check(ctx) }
