package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/openapidoc"
	"github.com/manoward/manoward/smgr"
)

// smKillSeed makes the changes and the instants of the kills again.
var smKillSeed = flag.Uint64("smkill.seed", 0, "seed of TestSoak_SmKill; 0: a new one")

// TestSoak_SmKill kills the NFVO and a Security Manager at random instants while
// operators change NSs and hosts and the Security Manager acts on it: 5 times in
// one process with an embedded bus and 5 times in two processes on an outside
// one, ten times as often with MANOWARD_SOAK. Every change of the trust domain is
// decided once, in order; every order is carried out once, those of an NS one
// after the other.
func TestSoak_SmKill(t *testing.T) {
	t.Parallel()
	seed := *smKillSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again with: -run TestSoak_SmKill -args -smkill.seed=%d", seed)
	for _, apart := range []bool{false, true} {
		t.Run(map[bool]string{false: "one process", true: "two processes"}[apart], func(t *testing.T) {
			t.Parallel()
			s := newSMKill(t, seed, apart)
			began := time.Now()
			for range soak(5) {
				s.round()
				if t.Failed() {
					return
				}
			}
			s.check()
			t.Logf("%d kills in %s; %v, refused %v", s.kills, time.Since(began).Round(time.Millisecond), s.ledger.kinds, s.ledger.refused)
		})
	}
}

// smKillCalm is how long nothing is recorded before a Security Manager is taken to
// be at rest: longer than its reviews are apart.
const smKillCalm = 6 * time.Second

// smKill is one run of the test.
type smKill struct {
	*nsHub // the MANO functions
	t      *testing.T
	sm     *hubProcess // of the Security Manager: the hub's own, or another
	config string      // file of the Security Manager
	rnd    *rand.Rand
	ledger *lcmLedger
	worker *lcmWorker
	kills  int
	began  map[*hubProcess]int // length of the log of a process that was killed, when it was started again
	pace   time.Duration       // between two changes of hosts, on average

	measured  map[string]*smMeasured // integrity of hosts, by host
	untrusted atomic.Int64           // acknowledged events of hosts that are not trusted any more: each is to be judged and acted on

	// What another Security Manager of the trust domain is told.
	lcm *lcmReceiver
	vi  *scviInbox
}

// newSMKill starts what is to be killed, with policies that act.
func newSMKill(t *testing.T, seed uint64, apart bool) *smKill {
	t.Helper()
	return newSMKillOn(t, newHub(t), seed, apart, "")
}

// newSMKillOn is newSMKill on a hub that is not started yet; settings are more of the
// Security Manager's, in YAML.
func newSMKillOn(t *testing.T, started *hubProcess, seed uint64, apart bool, settings string) *smKill {
	t.Helper()
	s := &smKill{t: t, rnd: rand.New(rand.NewPCG(seed, 0)), ledger: newLcmLedger(), began: map[*hubProcess]int{}, pace: 125 * time.Millisecond, measured: map[string]*smMeasured{}}
	s.config = filepath.Join(started.home, "manoward.yaml")
	conf := smConfig(t, filepath.Join(started.home, "north-alpha"))
	writeFile(t, s.config, conf[:len(conf)-2]+fmt.Sprintf(", policies: %q%s}\n", smActingPolicies(t), settings), 0o600)
	started.args = []string{"--config", s.config}
	var cluster *extCluster
	if apart {
		cluster = extStart(t, 1, nil)
		started.args = append([]string{"serve", "trust", "nfvo", "vnfm", "vim", "sm", "--config", s.config}, cluster.flags()...)
	}
	s.nsHub = newNsHubOn(t, started.start(), 2, "north")
	s.sm = started
	s.scorSM("north", "alpha", "semi-active")
	s.smReady()
	for _, p := range smActing {
		s.smLevel(p.id, smgr.LevelEnforce)
	}
	if apart { // the levels are stored: from here on the Security Manager is on its own
		started.stop()
		started.args = append([]string{"serve", "trust", "nfvo", "vnfm", "vim"}, cluster.flags()...)
		started.start()
		s.sm = startHub(t, append([]string{"serve", "sm", "--config", s.config}, cluster.flags()...)...)
	}
	s.watch(seed)
	s.worker = &lcmWorker{t: t, name: "w", domain: "north", kit: s.kits["north"], rnd: rand.New(rand.NewPCG(seed, 1)), ledger: s.ledger}
	return s
}

// watch registers another Security Manager, which is told the same and lives on.
func (s *smKill) watch(seed uint64) {
	s.t.Helper()
	watch := &scviSM{t: s.t, all: s.register("north", "watch"), doc: openapidoc.Load(s.t, scviDocument)}
	at := map[hub.Interface]*endpoint{}
	for _, e := range watch.all {
		at[e.Interface] = e
	}
	watch.at = at[hub.ScViTelem]
	watch.client = httpClient(s.t, watch.at.tls(&watch.at.Cert), true)
	s.lcm = newLcmReceiver(s.t, "watch", "north", seed, &at[hub.ScOrNsLcm].Cert)
	e := at[hub.ScOrNsLcm]
	api := &httpapi.Client{Base: e.URL + "/nslcm/v2", Version: "2.3.0", HTTP: httpClient(s.t, e.tls(&e.Cert), true)}
	eventually(s.t, "the watcher is known", patience, func() bool {
		_, status, err := e.try(s.t, e.tls(&e.Cert))
		return err == nil && status == http.StatusOK
	})
	s.lcm.subscribe(s.t, api)
	s.vi = watch.inbox(watch.at)
	watch.subscribe(s.vi, nil)
}

// round lets operators work until one process or both are killed under them, at a
// random instant after something happened that the Security Manager acts on.
func (s *smKill) round() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	var all sync.WaitGroup
	api, number := s.nslcm(), s.rnd.Uint64()
	api.Retries = -1
	all.Go(func() { s.worker.work(ctx, api, func() bool { return false }) })
	all.Go(func() { s.hostWork(ctx, rand.New(rand.NewPCG(number, 2)), s.vim(), s.nslcm()) })
	before := s.untrusted.Load()
	eventually(s.t, "a host is not trusted any more", patience, func() bool { return s.untrusted.Load() > before })
	<-time.After(time.Duration(s.rnd.Int64N(int64(1500 * time.Millisecond)))) // the instant of the kill
	victims := []*hubProcess{s.hubProcess}
	if s.sm != s.hubProcess {
		victims = [][]*hubProcess{{s.hubProcess}, {s.sm}, {s.sm, s.hubProcess}}[s.rnd.IntN(3)]
	}
	for _, v := range victims {
		v.kill()
	}
	cancel()
	all.Wait()
	for _, v := range victims {
		s.kills++
		if s.rnd.IntN(3) == 0 { // and once more while it starts
			killStarting(s.t, v, time.Duration(s.rnd.Int64N(int64(time.Second))))
			s.kills++
		}
		s.began[v] = len(v.log.String())
		v.start()
	}
}

// awaitQueues waits until what was killed last works off its queues on a bus that lived on, where
// its predecessor holds them until its lease ends. Nothing is recorded meanwhile, which is no rest.
func (s *smKill) awaitQueues() {
	s.t.Helper()
	if s.sm == s.hubProcess {
		return
	}
	queues := map[*hubProcess][]string{s.hubProcess: {"NFVO_NOTIFICATIONS", "VIM_NOTIFICATIONS"}, s.sm: {"SM-alpha-events", "SM-alpha-orders"}}
	for v, at := range s.began {
		for _, queue := range queues[v] {
			eventually(s.t, queue+" is taken over", patience, func() bool {
				return strings.Contains(v.log.String()[at:], `"account":"north","queue":"`+queue+`"`)
			})
		}
	}
}

// hostWork makes hosts distrusted and trusted again, and helps operations that
// wait for somebody, as operators do.
func (s *smKill) hostWork(ctx context.Context, rnd *rand.Rand, vim, api *httpapi.Client) {
	vim.Retries, api.Retries = -1, -1
	for waitFor(ctx, s.pace*2/5+time.Duration(rnd.Int64N(int64(s.pace*6/5)))) == nil {
		host := fmt.Sprintf("host-%d", rnd.IntN(8)+1)
		var err error
		switch rnd.IntN(4) {
		case 0:
			if err = s.measure(ctx, vim, host, "UNTRUSTED"); err == nil {
				s.untrusted.Add(1)
			}
		case 1, 2:
			err = s.measure(ctx, vim, host, "TRUSTED")
		default:
			_, err = ownOf(api).Do(ctx, http.MethodPost, "/hosts/"+host+"/release", nil, nil)
		}
		if code := hub.CodeOf(err); err != nil && ctx.Err() == nil && code != hub.Unavailable && code != hub.Conflict {
			s.t.Errorf("host %s: %v", host, err)
		}
	}
}

// smMeasured is what was asked of the integrity of a host.
type smMeasured struct {
	last        string // acknowledged
	least, most int    // how often it changed
}

// measure has the VIM measure a host so.
func (s *smKill) measure(ctx context.Context, vim *httpapi.Client, host, value string) error {
	m := s.measured[host]
	if m == nil {
		m = &smMeasured{}
		s.measured[host] = m
	}
	m.most++
	_, err := vim.Do(ctx, http.MethodPost, "/events", ifa006.Exercise{Kind: "host-integrity", Target: host, Value: value}, nil)
	if err == nil && m.last != value {
		if m.last != "" {
			m.least++
		}
		m.last = value
	}
	return err
}

// smOp is an operation of the NFVO with who asked for it.
type smOp struct {
	ID             string
	NsInstanceID   string
	OperationState sol005.NsLcmOperationStateType
	Source         struct{ Kind, Identity string } `json:"manoward.sourceOfRequest"`
}

// rest waits until no operation runs, none waits for a person and no order is
// being carried out.
func (s *smKill) rest() {
	s.t.Helper()
	s.worker.order = nil
	s.awaitQueues()
	began, since, seen := time.Now(), time.Now(), -1
	for {
		ops, _ := s.lcmOps()
		helped := false
		for _, o := range ops {
			if o.OperationState == sol005.NsLcmOperationStateFailedTemp {
				helped = true
				if _, err := s.nslcm().Do(s.t.Context(), http.MethodPost, "/ns_lcm_op_occs/"+o.ID+"/fail", nil, nil); err != nil && hub.CodeOf(err) != hub.Conflict {
					s.t.Fatalf("fail %s: %v", o.ID, err)
				}
			}
		}
		open := []string{}
		for _, o := range s.orders() {
			if o.State == smgr.OrderPlanned || o.State == smgr.OrderRunning {
				open = append(open, fmt.Sprintf("%s %s: %s", o.Policy, o.State, o.Reason))
			}
		}
		// A review may order more, up to 5 s after what it is about.
		if now := len(smRecords[smgr.Decision](s.nsHub, "sm.decision")) + len(smRecords[smgr.Order](s.nsHub, "sm.order")); now != seen || helped || len(open) > 0 {
			seen, since = now, time.Now()
		}
		if time.Since(since) > smKillCalm && s.same() {
			return
		}
		if time.Since(began) > 2*lcmQuiet {
			s.differ()
			s.t.Fatalf("goes on after %s: orders %q", 2*lcmQuiet, open)
		}
		<-time.After(200 * time.Millisecond)
	}
}

// orders returns each order as its last record has it.
func (s *smKill) orders() map[string]smgr.Order {
	s.t.Helper()
	last := map[string]smgr.Order{}
	for _, o := range smRecords[smgr.Order](s.nsHub, "sm.order") {
		last[o.ID] = o
	}
	return last
}
