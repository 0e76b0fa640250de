package wire

import (
	"sync"
	"time"

	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/enforce"
	"github.com/manoward/manoward/smgr/topology"
)

// smMetrics are the metrics of all Security Managers of this process.
type smMetrics struct {
	notifications, decisions, undecided, orders, requests, alarms func(delta float64, values ...string)
	wire                                                          func(value float64, values ...string)

	mu         sync.Mutex // covers what is below
	topologies map[[2]string]*topology.Topology
	parts      map[[3]string]func() int // by trust domain, Security Manager and queue
}

func (h *hubProcess) newSMMetrics() *smMetrics {
	m := &smMetrics{
		notifications: h.metrics.Counter("manoward_sm_notifications_total", "Notifications that a Security Manager was sent, and gaps that it filled, by what became of them.", "trust_domain", "sm", "interface", "outcome"),
		decisions:     h.metrics.Counter("manoward_sm_decisions_total", "Decisions of a Security Manager, by kind of the event.", "trust_domain", "sm", "kind"),
		undecided:     h.metrics.Counter("manoward_sm_undecided_total", "Policies that could not be evaluated on an event; their records of kind sm.undecided say why.", "trust_domain", "sm"),
		orders:        h.metrics.Counter("manoward_sm_orders_total", "Orders of a Security Manager that came into a state.", "trust_domain", "sm", "action", "state"),
		requests:      h.metrics.Counter("manoward_sm_order_requests_total", "Requests of orders to the NFVO, by outcome.", "trust_domain", "sm", "outcome"),
		alarms:        h.metrics.Counter("manoward_sm_alarms_total", "Alarms of enforcement: a limit was hit, a minimum of instances was reached, an order is stuck, contradicts an earlier one, or expired; look at the orders that wait.", "trust_domain", "sm", "alarm"),
		wire:          h.metrics.Histogram("manoward_sm_order_wire_seconds", "Time from a planned or approved order to its first request to the NFVO.", nil, "trust_domain", "sm"),
		topologies:    map[[2]string]*topology.Topology{},
		parts:         map[[3]string]func() int{},
	}
	h.metrics.GaugeFunc("manoward_sm_topology_elements", "What a Security Manager knows of its trust domain, by kind; refresh is what waits to be read again.", []string{"trust_domain", "sm", "kind"}, m.sizes)
	h.metrics.GaugeFunc("manoward_sm_parts", "Parts of the work of a Security Manager, of 16 for its events and 16 for its orders, that this process does; when those of all its processes are fewer for longer than 15 s, some of the work is done by nobody: look at the bus.", []string{"trust_domain", "sm", "queue"}, m.shares)
	return m
}

func (m *smMetrics) shares(emit func(float64, ...string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for of, parts := range m.parts {
		emit(float64(parts()), of[0], of[1], of[2])
	}
}

func (m *smMetrics) addParts(c config.SecurityManager, queue string, parts func() int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parts[[3]string{c.TrustDomain, c.Name, queue}] = parts
}

func (m *smMetrics) sizes(emit func(float64, ...string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for sm, t := range m.topologies {
		for kind, n := range t.Sizes() {
			emit(float64(n), sm[0], sm[1], kind)
		}
	}
}

func (m *smMetrics) addTopology(c config.SecurityManager, t *topology.Topology) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.topologies[[2]string{c.TrustDomain, c.Name}] = t
}

func (m *smMetrics) taken(c config.SecurityManager) func(hub.Interface, string) {
	return func(i hub.Interface, outcome string) {
		m.notifications(1, c.TrustDomain, c.Name, string(i), outcome)
	}
}

func (m *smMetrics) decided(c config.SecurityManager) func(*smgr.Decision) {
	return func(d *smgr.Decision) {
		m.decisions(1, c.TrustDomain, c.Name, string(d.Kind))
		if n := len(d.Undecided); n > 0 {
			m.undecided(float64(n), c.TrustDomain, c.Name)
		}
	}
}

func (m *smMetrics) enforcement(c config.SecurityManager) enforce.Metrics {
	return enforce.Metrics{
		Order: func(a hub.ActionType, state smgr.OrderState) {
			m.orders(1, c.TrustDomain, c.Name, string(a), string(state))
		},
		Request: func(outcome string) { m.requests(1, c.TrustDomain, c.Name, outcome) },
		Alarm:   func(kind string) { m.alarms(1, c.TrustDomain, c.Name, kind) },
		Wire:    func(d time.Duration) { m.wire(d.Seconds(), c.TrustDomain, c.Name) },
	}
}
