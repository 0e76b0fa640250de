package topology

import (
	"slices"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/ifa006"
)

// The kinds of elements, which are also the words of refreshes.
const (
	kindNs      = "ns"
	kindVnf     = "vnf"
	kindPkg     = "package"
	kindCompute = "compute"
	kindHost    = "host"
	kindImage   = "image"
)

// ref names an element.
type ref struct{ kind, id string }

// entry is an element with where its knowledge is from. The value is replaced
// and never changed, so that who has read it needs no lock.
type entry[T any] struct {
	val     *T
	learnt  time.Time // when all of it was last read, or first told
	read    uint64    // number of the reading that it is from; 0: it is only told of
	changed uint64    // number of the last event that changed it
	at      time.Time // time of that event
	stale   bool      // something happened that only a reading can show
	own     bool      // its texts are its own, until a rebuild shares them with other elements
}

// unread says that an event told of something that is not in the model.
func (e *entry[T]) unread() bool { return e.read == 0 || e.stale }

// table is the elements of one kind.
type table[T any] struct {
	kind string
	byID map[string]*entry[T]
	// reindex follows a change of value; either may be nil.
	reindex func(id string, was, is *T)
	heir    func(was, is *T) *T // what a reading makes of an element, see heir.go
}

// model is the elements with what leads from one to another. Readings and events
// come in any order: each has a number, and a reading that began before an event
// changed an element does not take the change back.
type model struct {
	mu  sync.RWMutex // covers all below; never held over a request
	seq uint64

	nss      table[ns]
	vnfs     table[vnf]
	pkgs     table[pkg]
	computes table[compute]
	hosts    table[host]
	images   table[image]
	flavours map[string]ifa006.Capacity // by ID

	nsOfVnf      index
	vnfsOfPkg    index
	computesOf   index             // by VNF, as the NFVO says or the VIM
	vnfOf        map[string]string // by compute, as the NFVO says
	computesOn   index             // by host
	computesFrom index             // by image

	reading map[uint64]int // readings that have not ended
	gone    map[ref]uint64 // elements that ended while a reading was going on
	left    *departed

	first func(pkgID string) *checksum // that a package had when it was seen first

	stands time.Duration // how long the other tenants of a host stand while it is read again
}

func newModel() *model {
	m := &model{
		flavours: map[string]ifa006.Capacity{}, nsOfVnf: index{}, vnfsOfPkg: index{}, computesOf: index{}, vnfOf: map[string]string{}, computesOn: index{}, computesFrom: index{},
		reading: map[uint64]int{}, gone: map[ref]uint64{}, left: newDeparted(),
	}
	m.nss = table[ns]{kindNs, map[string]*entry[ns]{}, m.indexNs, nsHeir}
	m.vnfs = table[vnf]{kindVnf, map[string]*entry[vnf]{}, m.indexVnf, vnfHeir}
	m.pkgs = table[pkg]{kindPkg, map[string]*entry[pkg]{}, func(string, *pkg, *pkg) {}, pkgHeir}
	m.computes = table[compute]{kindCompute, map[string]*entry[compute]{}, m.indexCompute, computeHeir}
	m.hosts = table[host]{kindHost, map[string]*entry[host]{}, func(string, *host, *host) {}, hostHeir}
	m.images = table[image]{kindImage, map[string]*entry[image]{}, func(string, *image, *image) {}, imageHeir}
	return m
}

func (m *model) indexNs(id string, was, is *ns) {
	var before, after []string
	if was != nil {
		before = was.VnfIDs
	}
	if is != nil {
		after = is.VnfIDs
	}
	for _, v := range before {
		if !slices.Contains(after, v) {
			m.nsOfVnf.remove(v, id)
		}
	}
	for _, v := range after {
		m.nsOfVnf.add(v, id)
	}
}

func (m *model) indexVnf(id string, was, is *vnf) {
	var pkgWas, pkgIs string
	if was != nil {
		pkgWas = was.PkgID
		for _, vnfc := range was.vnfcs {
			c := vnfc.val
			if is != nil && is.has(c) {
				continue
			}
			if m.vnfOf[c] == id {
				delete(m.vnfOf, c)
			}
			if !m.vimSays(c, id) {
				m.computesOf.remove(id, c)
			}
		}
	}
	if is != nil {
		pkgIs = is.PkgID
		for _, vnfc := range is.vnfcs {
			c := vnfc.val
			if m.vnfOf[c] != id { // the text that is there stays
				m.vnfOf[c] = id
			}
			m.computesOf.add(id, c)
		}
	}
	m.vnfsOfPkg.move(id, pkgWas, pkgIs)
}

// has says whether the NFVO names a compute as one of the VNF.
func (v *vnf) has(compute string) bool {
	return slices.ContainsFunc(v.vnfcs, func(m member[string]) bool { return m.val == compute })
}

// vimSays says whether the VIM itself names the VNF of a compute.
func (m *model) vimSays(computeID, vnfID string) bool {
	e := m.computes.byID[computeID]
	return e != nil && e.val.VnfID == vnfID
}

func (m *model) indexCompute(id string, was, is *compute) {
	var a, b compute
	if was != nil {
		a = *was
	}
	if is != nil {
		b = *is
	}
	m.computesOn.move(id, a.HostID, b.HostID)
	m.computesFrom.move(id, a.ImageID, b.ImageID)
	if a.VnfID != b.VnfID && m.vnfOf[id] != a.VnfID {
		m.computesOf.remove(a.VnfID, id)
	}
	m.computesOf.add(b.VnfID, id)
}

// vnfOfCompute is the VNF of a compute: what the NFVO says, or else the VIM.
func (m *model) vnfOfCompute(id string) string {
	if v := m.vnfOf[id]; v != "" {
		return v
	}
	if e := m.computes.byID[id]; e != nil {
		return e.val.VnfID
	}
	return ""
}

// begin numbers a reading, before its request is sent; end must follow.
func (m *model) begin() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	m.reading[m.seq]++
	return m.seq
}

// end closes a reading. What ended before every open reading began need not be
// remembered.
func (m *model) end(number uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.reading, number)
	if len(m.reading) == 0 {
		clear(m.gone)
		return
	}
	oldest := ^uint64(0)
	for r := range m.reading {
		oldest = min(oldest, r)
	}
	for r, at := range m.gone {
		if at < oldest {
			delete(m.gone, r)
		}
	}
}

// learn takes in an element as a reading found it. It is false when an event
// changed it, or a later reading saw it, since the reading began: then it is to
// be read again unless it was that later reading. shared says that its texts are
// those of other elements too, as a rebuild has them.
func learn[T any](m *model, t *table[T], id string, number uint64, learnt time.Time, val *T, shared bool) (taken bool) {
	e := t.byID[id]
	switch {
	case m.gone[ref{t.kind, id}] > number:
		return false
	case e == nil:
		t.byID[id] = &entry[T]{val: val, learnt: learnt, read: number, own: !shared}
		t.reindex(id, nil, val)
		return true
	case e.changed > number:
		e.stale = true
		return false
	case e.read > number:
		return true
	}
	was := e.val
	switch {
	case was == nil || shared && e.own:
		e.own = !shared
	default:
		found := val
		if val = t.heir(was, found); val == found {
			e.own = !shared
		}
	}
	e.val, e.learnt, e.read, e.stale = val, learnt, number, false
	t.reindex(id, was, val)
	return true
}

// tell takes in what an event that happened at a given time says of an element:
// fn changes a copy of it, or of an empty one when there is none and make is set.
// An event older than the one before changes nothing, but has the element read
// again. It is false when there is no such element.
func tell[T any](m *model, t *table[T], id string, at, now time.Time, create bool, fn func(*T)) bool {
	e := t.byID[id]
	if id == "" || e == nil && !create {
		return false
	}
	m.seq++
	if e == nil {
		e = &entry[T]{learnt: now}
		t.byID[id] = e
	} else if at.Before(e.at) {
		e.stale, e.changed = true, m.seq
		return true
	}
	var is T
	was := e.val
	if was != nil {
		is = *was
	}
	fn(&is)
	e.val, e.changed, e.at = &is, m.seq, at
	t.reindex(id, was, &is)
	return true
}

// suspect marks an element as no longer what it was read as.
func suspect[T any](m *model, t *table[T], id string) {
	if e := t.byID[id]; e != nil {
		m.seq++
		e.stale, e.changed = true, m.seq
	}
}

// drop ends an element. A reading that began before does not bring it back.
func drop[T any](m *model, t *table[T], id string) *T {
	m.seq++
	if len(m.reading) > 0 {
		m.gone[ref{t.kind, id}] = m.seq
	}
	e := t.byID[id]
	if e == nil {
		return nil
	}
	delete(t.byID, id)
	t.reindex(id, e.val, nil)
	return e.val
}

// missing ends an element that a reading did not find, unless it changed or was
// seen since.
func missing[T any](m *model, t *table[T], id string, number uint64) *T {
	if e := t.byID[id]; e == nil || e.changed > number || e.read > number {
		return nil
	}
	return drop(m, t, id)
}

// sweep ends the elements that a reading of all did not find, a part at a time
// so that nobody waits long, and returns them.
func sweep[T any](m *model, t *table[T], seen map[string]bool, number uint64, ended func(*T)) {
	m.mu.RLock()
	var ids []string
	for id := range t.byID {
		if !seen[id] {
			ids = append(ids, id)
		}
	}
	m.mu.RUnlock()
	for part := range slices.Chunk(ids, 256) {
		m.mu.Lock()
		for _, id := range part {
			if v := missing(m, t, id, number); v != nil {
				ended(v)
			}
		}
		m.mu.Unlock()
	}
}
