package e2e_test

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/smgr"
)

// smBalancer hands connections to the processes of a Security Manager in turn,
// and to those alone that answer. Each ends after a while, so that the next ones
// find another process.
type smBalancer struct {
	at   string
	life time.Duration

	mu      sync.Mutex // covers what is below
	targets []string
	next    int
}

func newSMBalancer(t *testing.T, targets ...string) *smBalancer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &smBalancer{at: l.Addr().String(), life: 300 * time.Millisecond, targets: targets}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // the end of the test
			}
			go b.carry(c)
		}
	}()
	return b
}

// dial connects to the process whose turn it is, or to one after it.
func (b *smBalancer) dial() (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var failed error
	for range b.targets {
		target := b.targets[b.next%len(b.targets)]
		b.next++
		c, err := net.DialTimeout("tcp", target, time.Second)
		if err == nil {
			return c, nil
		}
		failed = err
	}
	return nil, failed
}

func (b *smBalancer) carry(c net.Conn) {
	defer c.Close()
	to, err := b.dial()
	if err != nil {
		return // as a balancer with nothing behind it
	}
	defer to.Close()
	timer := time.AfterFunc(b.life, func() { c.Close(); to.Close() })
	defer timer.Stop()
	back := make(chan struct{})
	go func() { _, _ = io.Copy(c, to); c.Close(); close(back) }() // either end may break off
	_, _ = io.Copy(to, c)
	to.Close()
	<-back
}

// smTakeover is how long it may take until others go on with the work of a process
// that died: the lease of its parts, 10 s, a fifth of that, and what senders try
// again.
const smTakeover = 30 * time.Second

// smShareSeed makes the victims and the instants again.
var smShareSeed = flag.Uint64("smshare.seed", 0, "seed of TestSoak_SmShare; 0: a new one")

// Two processes of one Security Manager, then three, share its work: each takes
// notifications in, judges and orders. While hosts change, one of them is killed
// at a random instant, or stopped for longer than its lease and woken up again, 2
// times or ten times as often with MANOWARD_SOAK, and all are restarted in turn.
// Every event is decided once, those of one key in order; every order is carried
// out once, in order.
func TestSoak_SmShare(t *testing.T) {
	t.Parallel()
	seed := *smShareSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again with: -run TestSoak_SmShare -args -smshare.seed=%d", seed)
	p := newSMShare(t, rand.New(rand.NewPCG(seed, 0)))
	p.run(0, 1)
	p.shared(2)
	p.change(16)
	p.judgedAll("by two", patience)
	p.run(2)
	p.shared(3)
	p.change(16)
	p.judgedAll("by three", patience)
	for n := range p.sms {
		if taken, decided := p.taken(n), p.metrics(n, "manoward_sm_decisions_total"); taken == 0 || decided == 0 {
			t.Errorf("process %d took %d notifications in and judged %d events", n, taken, decided)
		}
	}
	for round := range soak(2) {
		p.round(round%2 == 0)
		if t.Failed() {
			return
		}
	}
	for n := range p.sms { // a rolling restart
		p.change(2)
		p.sms[n].stop()
		p.change(2)
		p.run(n)
	}
	p.judgedAll("after a rolling restart", smTakeover)
	p.shared(3)
	p.check()
}

// smShare is a Security Manager in three processes behind a balancer.
type smShare struct {
	*smKill   // what is told to another one, and the checks
	sms       [3]*hubProcess
	probes    [3]string
	integrity map[string]string // of each host, as it was changed last
	changes   int
}

// newSMShare makes one whose processes do not run yet.
func newSMShare(t *testing.T, rnd *rand.Rand) *smShare {
	t.Helper()
	c := extStart(t, 1, nil)
	p := &smShare{integrity: map[string]string{}}
	var scOr, scVi [len(p.sms)]string
	for n := range p.sms {
		scOr[n], scVi[n] = smPort(t), smPort(t)
	}
	atScOr, atScVi := newSMBalancer(t, scOr[:]...), newSMBalancer(t, scVi[:]...)
	started := newHub(t)
	acting := smActingPolicies(t)
	config := func(n int) string {
		file := filepath.Join(started.home, fmt.Sprintf("sm-%d.yaml", n))
		writeFile(t, file, fmt.Sprintf("securityManagers:\n  - {name: alpha, trustDomain: north, credentials: %q, scOr: %q, scVi: %q, callbackScOr: \"https://%s\", callbackScVi: \"https://%s\", policies: %q}\n",
			filepath.Join(started.home, "north-alpha"), scOr[n], scVi[n], atScOr.at, atScVi.at, acting), 0o600)
		return file
	}
	started.args = append([]string{"serve", "trust", "nfvo", "vnfm", "vim", "sm", "--config", config(0)}, c.flags()...)
	p.smKill = &smKill{t: t, rnd: rnd, nsHub: newNsHubOn(t, started.start(), 2, "north")}
	p.scorSM("north", "alpha", "semi-active")
	p.smReady()
	for _, policy := range smActing {
		p.smLevel(policy.id, smgr.LevelEnforce)
	}
	started.stop()
	started.args = append([]string{"serve", "trust", "nfvo", "vnfm", "vim"}, c.flags()...)
	started.start()
	for n := range p.sms {
		p.probes[n] = smPort(t)
		p.sms[n] = newHub(t, append([]string{"serve", "sm", "--probes", p.probes[n], "--config", config(n)}, c.flags()...)...)
	}
	p.watch(1)
	p.instantiate("north", "edge")
	return p
}

// run starts processes, which must become ready.
func (p *smShare) run(which ...int) {
	p.t.Helper()
	for _, n := range which {
		p.sms[n].start()
	}
	for _, n := range which {
		eventually(p.t, fmt.Sprintf("process %d of the Security Manager is ready", n), patience, func() bool {
			resp, _ := call(p.t, http.DefaultClient, http.MethodGet, "http://"+p.probes[n]+"/readyz", nil, "")
			return resp.StatusCode == http.StatusOK
		})
	}
}

// shared waits until the first processes have all parts of the work in equal
// shares.
func (p *smShare) shared(processes int) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("%d processes share the work", processes), smTakeover, func() bool {
		for _, queue := range []string{"events", "orders"} {
			all := 0
			for n := range processes {
				has := p.metrics(n, "manoward_sm_parts", "queue", queue)
				if all += has; has < 16/processes-1 || has > (16+processes-1)/processes {
					return false
				}
			}
			if all != 16 {
				return false
			}
		}
		return true
	})
}

// round has one process killed, or stopped until the others have its work, at a
// random instant while hosts change.
func (p *smShare) round(kill bool) {
	p.t.Helper()
	victim := p.sms[p.rnd.IntN(len(p.sms))]
	instant := time.After(time.Duration(p.rnd.Int64N(int64(500 * time.Millisecond))))
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		p.change(12)
	}()
	<-instant
	if kill {
		victim.kill()
	} else if err := victim.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		p.t.Fatal(err)
	}
	<-changed
	p.change(8)
	took := p.judgedAll("while one is away", smTakeover)
	p.t.Logf("killed %v: the others went on with all %s after the last change", kill, took.Round(100*time.Millisecond))
	if kill {
		victim.start()
	} else if err := victim.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		p.t.Fatal(err)
	}
	p.change(8) // while it comes back
	p.shared(len(p.sms))
	p.judgedAll("when it is back", smTakeover)
}

// change makes changes on hosts, of which the Security Manager orders something
// for a few.
func (p *smShare) change(n int) {
	p.t.Helper()
	vim := p.vim()
	for range n {
		host, value := fmt.Sprintf("host-%d", p.changes%8+1), "TRUSTED"
		switch was := p.integrity[host]; {
		case p.changes%12 == 2 && was != "UNTRUSTED":
			value = "UNTRUSTED"
		case was == "" || was == "TRUSTED":
			value = "UNKNOWN"
		}
		p.changes++
		p.integrity[host] = value
		if _, err := vim.Do(p.t.Context(), http.MethodPost, "/events", ifa006.Exercise{Kind: "host-integrity", Target: host, Value: value}, nil); err != nil {
			p.t.Errorf("%s becomes %s: %v", host, value, err)
		}
	}
}

// metrics reads a metric of a process.
func (p *smShare) metrics(n int, name string, labels ...string) int {
	p.t.Helper()
	resp, page := call(p.t, http.DefaultClient, http.MethodGet, "http://"+p.probes[n]+"/metrics", nil, "")
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("metrics of process %d: %d", n, resp.StatusCode)
	}
	return int(metricSum(p.nsHub, page, name, labels...))
}

// taken is how many notifications a process has taken in.
func (p *smShare) taken(n int) int {
	return p.metrics(n, "manoward_sm_notifications_total", "outcome", "accepted")
}

// judgedAll waits until every change that was told to another Security Manager is
// judged, each once and those of one NS or host in order.
func (p *smShare) judgedAll(when string, within time.Duration) time.Duration {
	p.t.Helper()
	began := time.Now()
	for {
		if len(p.told()) >= p.changes && p.same() {
			return time.Since(began)
		}
		if time.Since(began) > within {
			p.differ()
			p.t.Fatalf("not all is judged %s, after %s", when, within)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// check wants each event decided once, each order carried out once, and hosts
// stopped by it.
func (p *smShare) check() {
	p.t.Helper()
	var orders map[string]smgr.Order
	eventually(p.t, "no order is open", smTakeover, func() bool {
		orders = p.orders()
		for _, o := range orders {
			if o.State == smgr.OrderPlanned || o.State == smgr.OrderRunning {
				return false
			}
		}
		return true
	})
	p.judgedAll("at the end", smTakeover)
	events := map[string]int{}
	for _, d := range smRecords[smgr.Decision](p.nsHub, "sm.decision") {
		if events[d.EventID]++; events[d.EventID] > 1 {
			p.t.Errorf("event %s was decided %d times", d.EventID, events[d.EventID])
		}
	}
	p.checkEffects(orders)
	p.checkOrder(orders)
	stopped := 0
	for _, o := range orders {
		if o.Action.Type == hub.ActionStopHost && o.State == smgr.OrderCompleted {
			stopped++
		}
	}
	if stopped == 0 {
		p.t.Errorf("no host was stopped: %+v", orders)
	}
	var counts []string
	for n := range p.sms {
		counts = append(counts, fmt.Sprintf("process %d: took %d, decided %d", n, p.taken(n), p.metrics(n, "manoward_sm_decisions_total")))
	}
	slices.Sort(counts)
	p.t.Logf("%d hosts stopped, since the last start of each: %s", stopped, strings.Join(counts, "; "))
}
