package authority_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/internal/hub"
)

const (
	intermediate = "intermediate"
	root         = "root"
)

func (p *process) rotate(domain, part string) {
	p.w.t.Helper()
	if err := p.Rotate(p.w.t.Context(), domain, part, authority.AnyVersion, operator); err != nil {
		p.w.t.Fatalf("rotate %s: %v", part, err)
	}
}

func (p *process) look(domain string) {
	p.w.t.Helper()
	if err := p.Look(p.w.t.Context(), domain); err != nil {
		p.w.t.Fatal(err)
	}
}

// states lists the CAs of a domain as "root 1 ACTIVE".
func (p *process) states(domain string) string {
	p.w.t.Helper()
	list, err := p.Issuers(p.w.t.Context(), domain)
	if err != nil {
		p.w.t.Fatal(err)
	}
	var said []string
	for _, i := range list {
		kind := "issuer"
		if i.Root {
			kind = "root"
		}
		said = append(said, fmt.Sprintf("%s %d %s", kind, i.Number, i.State))
	}
	return strings.Join(said, ", ")
}

// answers reports whether an issuer still signs lists and OCSP answers.
func (p *process) answers(domain, issuer string) error {
	now := p.w.clock()
	_, err := p.RevocationList(p.w.t.Context(), domain, hub.RevocationList{Issuer: issuer, Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour)})
	_, ocsp := p.OCSP(p.w.t.Context(), domain, hub.CertificateStatus{Issuer: issuer, Serial: big.NewInt(7), ThisUpdate: now, NextUpdate: now.Add(time.Hour)})
	return errors.Join(err, ocsp)
}

func TestRotate_Intermediate(t *testing.T) {
	w := newWorld(t)
	p := w.start()
	_, before := p.issue("north")
	p.rotate("north", intermediate)
	_, after := p.issue("north")
	if before.Issuer == after.Issuer || p.states("north") != "root 1 ACTIVE, issuer 2 RETIRING, issuer 3 ACTIVE" {
		t.Errorf("signed by %s and %s; %s", before.Issuer, after.Issuer, p.states("north"))
	}
	o := w.order()
	o.Issuer = before.Issuer
	if _, err := p.Issue(t.Context(), "north", o); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("an order from before the rotation: %v", err)
	}
	o.Issuer = after.Issuer
	if _, err := p.Issue(t.Context(), "north", o); err != nil {
		t.Error(err)
	}
	for _, issued := range []hub.IssuedCertificate{before, after} {
		chain, top, err := p.Chain(t.Context(), "north", issued.Issuer)
		if err != nil || len(chain) != 1 || !bytes.Equal(chain[0], issued.Chain[1]) {
			t.Fatalf("a chain of %d, %v", len(chain), err)
		}
		if err := errors.Join(w.verifies(issued, top), p.answers("north", issued.Issuer)); err != nil {
			t.Error(err)
		}
	}
	w.pass(6 * 365 * 24 * time.Hour) // beyond the life of both intermediates
	if p.states("north") != "root 1 ACTIVE, issuer 2 EXPIRED, issuer 3 EXPIRED" {
		t.Error(p.states("north"))
	}
	if _, err := p.Issue(t.Context(), "north", w.order()); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), "rotate the authority") {
		t.Errorf("an issuer that ended signs: %v", err)
	}
	p.rotate("north", intermediate)
	_, again := p.issue("north")
	if err := p.answers("north", again.Issuer); err != nil {
		t.Error(err)
	}
	if err := p.answers("north", before.Issuer); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("an earlier issuer that ended still answers: %v", err)
	}
}

// A new root is published first and used later, with an intermediate below it.
// The old chains go on.
func TestRotate_Root(t *testing.T) {
	w := newWorld(t)
	p := w.start()
	_, before := p.issue("north")
	p.rotate("north", root)
	if p.states("north") != "root 1 ACTIVE, issuer 2 ACTIVE, root 3 PUBLISHED" || p.current("north") != before.Issuer {
		t.Fatal(p.states("north"))
	}
	list, err := p.Issuers(t.Context(), "north")
	if err != nil || !list[2].UsedFrom.Equal(w.clock().Add(7*24*time.Hour)) {
		t.Errorf("%+v, %v", list, err)
	}
	published := list[2].Certificate
	if err := p.Rotate(t.Context(), "north", root, authority.AnyVersion, operator); hub.CodeOf(err) != hub.Conflict || !strings.Contains(hub.SafeText(err), "is used from") {
		t.Errorf("a root while another is published: %v", err)
	}
	w.pass(7*24*time.Hour - time.Second)
	if p.look("north"); p.current("north") != before.Issuer {
		t.Error("the new root is used before its time")
	}
	p.rotate("north", intermediate) // is independent of it
	w.pass(time.Second)
	p.look("north")
	p.look("north")
	if p.states("north") != "root 1 RETIRING, issuer 2 RETIRING, root 3 ACTIVE, issuer 4 RETIRING, issuer 5 ACTIVE" {
		t.Error(p.states("north"))
	}
	_, after := p.issue("north")
	if !bytes.Equal(p.root("north", ""), published) {
		t.Error("the root in use is not the one that was published")
	}
	for _, issued := range []hub.IssuedCertificate{before, after} {
		if err := p.answers("north", issued.Issuer); err != nil {
			t.Error(err)
		}
	}
	for _, i := range list { // roots among them
		if err := p.answers("north", i.ID); err != nil {
			t.Error(err)
		}
	}
	if err := w.verifies(after, published); err != nil {
		t.Error(err)
	}
	if err := w.verifies(after, p.root("north", before.Issuer)); err == nil {
		t.Error("the new chain leads to the old root")
	}
}

func TestRotate_Refused(t *testing.T) {
	w := newWorld(t)
	p := w.start()
	for part, want := range map[string]hub.Code{"leaf": hub.Invalid, "": hub.Invalid, "create": hub.Invalid, "use-root": hub.Invalid, intermediate: hub.NotFound, root: hub.NotFound} {
		if err := p.Rotate(t.Context(), "north", part, authority.AnyVersion, operator); hub.CodeOf(err) != want {
			t.Errorf("%q in a domain without an authority: %v", part, err)
		}
	}
	if err := p.Rotate(t.Context(), "nowhere", root, authority.AnyVersion, operator); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("in a domain that there is not: %v", err)
	}
	p.issue("north")
	for range 62 { // and the root and the first intermediate
		p.rotate("north", intermediate)
	}
	if err := p.Rotate(t.Context(), "north", intermediate, authority.AnyVersion, operator); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("rotations without end: %v", err)
	}
	if err := p.answers("north", p.current("north")); err != nil {
		t.Error(err)
	}
}

// Whatever effect of a rotation is the last before a process dies, the next
// process signs, and the rotation has happened once when it has looked after it.
func TestRotate_Killed(t *testing.T) {
	killed := errors.New("killed")
	for _, test := range []struct {
		name, want string
		begin      func(*process) error
	}{
		{"create", "root 1 ACTIVE, issuer 2 ACTIVE", func(p *process) error { _, err := p.Issue(p.w.t.Context(), "north", p.w.order()); return err }},
		{intermediate, "root 1 ACTIVE, issuer 2 RETIRING, issuer 3 ACTIVE", func(p *process) error {
			return p.Rotate(p.w.t.Context(), "north", intermediate, authority.AnyVersion, operator)
		}},
		{root, "root 1 RETIRING, issuer 2 RETIRING, root 3 ACTIVE, issuer 4 ACTIVE", func(p *process) error {
			return p.Rotate(p.w.t.Context(), "north", root, authority.AnyVersion, operator)
		}},
	} {
		for step := 0; ; step++ {
			w := newWorld(t)
			w.times.Publish = -1 // a root is used at once
			p := w.start()
			if test.name != "create" {
				p.issue("north")
			}
			n := 0
			w.fail = func(string) error {
				if n++; n > step {
					return killed
				}
				return nil
			}
			err := test.begin(p)
			p.end()
			w.fail = nil
			if err != nil && !errors.Is(err, killed) {
				t.Fatalf("%s, killed after %d effects: %v", test.name, step, err)
			}
			after := w.start()
			_, issued := after.issue("north") // before anybody looked after it
			if verr := w.verifies(issued, after.root("north", issued.Issuer)); verr != nil {
				t.Errorf("%s, killed after %d effects: %v", test.name, step, verr)
			}
			after.look("north")
			got, want := after.states("north"), test.want
			if step == 0 && test.name != "create" { // nothing of it was ever stored
				want = "root 1 ACTIVE, issuer 2 ACTIVE"
			}
			if got != want {
				t.Errorf("%s, killed after %d effects: %s", test.name, step, got)
			}
			if made := len(w.kinds(authority.RecordMade)); made != len(strings.Split(got, ",")) {
				t.Errorf("%s, killed after %d effects: %d certificates are recorded, there are %s", test.name, step, made, got)
			}
			if err == nil {
				if step < 5 {
					t.Errorf("%s has %d effects only", test.name, step)
				}
				break
			}
		}
	}
}

// Several processes that ask at once make one authority and do one rotation each.
func TestRotate_AtOnce(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	list := make([]*process, 4)
	for n := range list {
		list[n] = w.start()
	}
	for _, p := range list {
		wg.Go(func() { p.issue("north") })
		wg.Go(func() { p.issue("south") })
	}
	wg.Wait()
	if got := list[0].states("north"); got != "root 1 ACTIVE, issuer 2 ACTIVE" {
		t.Fatal(got)
	}
	for _, p := range list {
		wg.Go(func() {
			if err := p.Rotate(t.Context(), "north", intermediate, authority.AnyVersion, operator); err != nil && hub.CodeOf(err) != hub.Conflict {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	p := list[0]
	p.rotate("south", intermediate)
	p.rotate("south", root)
	w.pass(8 * 24 * time.Hour)
	for _, p := range list {
		wg.Go(func() { p.look("south") })
	}
	wg.Wait()
	const used = "root 1 RETIRING, issuer 2 RETIRING, issuer 3 RETIRING, root 4 ACTIVE, issuer 5 ACTIVE"
	tick := time.NewTicker(time.Millisecond) // what another process did is seen a little later
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); p.states("south") != used; <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("several processes let a root come into use: %s", p.states("south"))
		}
	}
	active := 0
	for part := range strings.SplitSeq(list[0].states("north"), ", ") {
		if strings.HasPrefix(part, "issuer") && strings.HasSuffix(part, hub.StateActive) {
			active++
		}
	}
	if active != 1 {
		t.Errorf("%d issuers sign: %s", active, list[0].states("north"))
	}
}

// What is done is recorded with who asked for it, before it has an effect.
func TestRotate_Records(t *testing.T) {
	w := newWorld(t)
	p := w.start()
	p.issue("north")
	p.rotate("north", intermediate)
	begun, made := w.kinds(authority.RecordBegun), w.kinds(authority.RecordMade)
	if len(begun) != 2 || len(made) != 3 || begun[0].Actor != "spiffe://hub/cmf/hub" || begun[1].Actor != operator.String() || made[2].Actor != operator.String() {
		t.Fatalf("%+v\n%+v", begun, made)
	}
	var data struct {
		Number      int
		Root        bool
		Certificate []byte
		Fingerprint string
	}
	if err := json.Unmarshal(made[2].Data, &data); err != nil {
		t.Fatal(err)
	}
	list, err := p.Issuers(t.Context(), "north")
	if err != nil || data.Number != 3 || data.Root || !bytes.Equal(data.Certificate, list[2].Certificate) || len(data.Fingerprint) != 64 {
		t.Errorf("%+v, %v", data, err)
	}
	if got := strings.Join(w.steps, " "); got != "store record key key store record record store store record key store record store" {
		t.Errorf("effects in the order %s", got)
	}
}

// An end that comes near raises an alarm a few times, and no more.
func TestLook_Alarms(t *testing.T) {
	w := newWorld(t)
	w.times = authority.Times{Root: 400 * 24 * time.Hour, Issuer: 100 * 24 * time.Hour, Alarm: 30 * 24 * time.Hour}
	p := w.start()
	p.look("north") // has none
	p.issue("north")
	w.pass(69 * 24 * time.Hour)
	if p.look("north"); len(w.kinds(authority.RecordExpiring)) != 0 {
		t.Fatal("an alarm long before the end")
	}
	for n, days := range []int{2, 25, 3, 2} { // 29 days, 4 days, 1 day, none left
		w.pass(time.Duration(days) * 24 * time.Hour)
		for range 2 {
			p.look("north")
		}
		if got := w.kinds(authority.RecordExpiring); len(got) != n+1 {
			t.Fatalf("%d alarms, want %d", len(got), n+1)
		}
	}
	list, err := p.Issuers(t.Context(), "north")
	if err != nil || list[0].Alarm != "" || !strings.Contains(list[1].Alarm, "manoward ca rotate intermediate --trust-domain north") {
		t.Errorf("%+v, %v", list, err)
	}
	if err := p.Check(t.Context(), "north"); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "ca rotate intermediate") {
		t.Errorf("an issuer that ended is well: %v", err)
	}
	p.rotate("north", intermediate)
	if err := p.Check(t.Context(), "north"); err != nil {
		t.Error(err)
	}
	if list, err = p.Issuers(t.Context(), "north"); err != nil || list[1].Alarm != "" || list[2].Alarm != "" {
		t.Errorf("%+v, %v", list, err)
	}
}
