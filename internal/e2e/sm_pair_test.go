package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
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

// smTakeover is how long it may take until another process goes on with the work
// of one that died: the lease of its queues, 10 s, and what is tried again.
const smTakeover = 30 * time.Second

// Two processes of one Security Manager share its notifications; when the one
// that judges and orders dies, the other goes on, and both can be restarted in
// turn. Nothing is lost and nothing is done twice.
func TestSm_TwoProcesses(t *testing.T) {
	t.Parallel()
	p := newSMPair(t)
	p.change(8)
	p.judgedAll("with both", patience)
	for n := range p.sms {
		if p.taken(n) == 0 {
			t.Errorf("process %d took no notification in", n)
		}
	}

	owner := p.owner()
	p.sms[owner].kill()
	p.change(4)
	took := p.judgedAll("after the death of the one that judged", smTakeover)
	t.Logf("the other went on %s after the death of process %d", took.Round(100*time.Millisecond), owner)
	p.sms[owner].start()
	if now := p.owner(); now == owner {
		t.Errorf("process %d, which came back, judges at once", now)
	}
	for n := range p.sms { // a rolling restart
		p.change(2)
		p.sms[n].stop()
		p.change(2)
		p.sms[n].start()
	}
	p.judgedAll("after a rolling restart", smTakeover)
	p.check()
}

// smPair is a Security Manager in two processes behind a balancer.
type smPair struct {
	*smKill   // what is told to another one, and the checks
	sms       [2]*hubProcess
	probes    [2]string
	integrity map[string]string // of each host, as it was changed last
	changes   int
}

func newSMPair(t *testing.T) *smPair {
	t.Helper()
	c := extStart(t, 1, nil)
	var addresses [2][2]string
	for n := range addresses {
		addresses[n] = [2]string{smPort(t), smPort(t)}
	}
	scOr, scVi := newSMBalancer(t, addresses[0][0], addresses[1][0]), newSMBalancer(t, addresses[0][1], addresses[1][1])
	started := newHub(t)
	acting := smActingPolicies(t)
	config := func(n int) string {
		file := filepath.Join(started.home, fmt.Sprintf("sm-%d.yaml", n))
		writeFile(t, file, fmt.Sprintf("securityManagers:\n  - {name: alpha, trustDomain: north, credentials: %q, scOr: %q, scVi: %q, callbackScOr: \"https://%s\", callbackScVi: \"https://%s\", policies: %q}\n",
			filepath.Join(started.home, "north-alpha"), addresses[n][0], addresses[n][1], scOr.at, scVi.at, acting), 0o600)
		return file
	}
	started.args = append([]string{"serve", "trust", "nfvo", "vnfm", "vim", "sm", "--config", config(0)}, c.flags()...)
	p := &smPair{smKill: &smKill{t: t, nsHub: newNsHubOn(t, started.start(), 2, "north")}, integrity: map[string]string{}}
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
		p.sms[n] = startHub(t, append([]string{"serve", "sm", "--probes", p.probes[n], "--config", config(n)}, c.flags()...)...)
	}
	for n := range p.sms {
		eventually(t, fmt.Sprintf("process %d of the Security Manager is ready", n), patience, func() bool {
			resp, _ := call(t, http.DefaultClient, http.MethodGet, "http://"+p.probes[n]+"/readyz", nil, "")
			return resp.StatusCode == http.StatusOK
		})
	}
	p.watch(1)
	p.instantiate("north", "edge")
	return p
}

// change makes changes on hosts, of which the Security Manager orders something
// for a few.
func (p *smPair) change(n int) {
	p.t.Helper()
	for range n {
		host, value := fmt.Sprintf("host-%d", p.changes%8+1), "TRUSTED"
		switch was := p.integrity[host]; {
		case p.changes%6 == 2 && was != "UNTRUSTED":
			value = "UNTRUSTED"
		case was == "" || was == "TRUSTED":
			value = "UNKNOWN"
		}
		p.changes++
		p.integrity[host] = value
		p.do("vim", "event", "host-integrity", host, value)
	}
}

// metrics reads a metric of a process.
func (p *smPair) metrics(n int, name string, labels ...string) int {
	p.t.Helper()
	resp, page := call(p.t, http.DefaultClient, http.MethodGet, "http://"+p.probes[n]+"/metrics", nil, "")
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("metrics of process %d: %d", n, resp.StatusCode)
	}
	return int(metricSum(p.nsHub, page, name, labels...))
}

// taken is how many notifications a process has taken in.
func (p *smPair) taken(n int) int {
	return p.metrics(n, "manoward_sm_notifications_total", "outcome", "accepted")
}

// owner is the process that took over the queue of events last.
func (p *smPair) owner() int {
	p.t.Helper()
	last, at := -1, ""
	for n, sm := range p.sms {
		for line := range strings.Lines(sm.log.String()) {
			if !strings.Contains(line, "took over a queue") || !strings.Contains(line, `"SM-alpha-events"`) {
				continue
			}
			if when := line[:min(len(line), 40)]; when > at {
				last, at = n, when
			}
		}
	}
	if last < 0 {
		p.t.Fatal("no process took over the queue of events")
	}
	return last
}

// judgedAll waits until every change that was told to another Security Manager is
// judged, each once and those of one NS or host in order.
func (p *smPair) judgedAll(when string, within time.Duration) time.Duration {
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
func (p *smPair) check() {
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
