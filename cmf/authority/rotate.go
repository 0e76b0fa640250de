package authority

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// The records of a rotation, and of an end that comes near.
const (
	RecordBegun    = "authority.rotation-begun"
	RecordMade     = "authority.certificate-made" // it takes effect next
	RecordExpiring = "authority.expiring"
)

// mostCAs bounds the CA certificates of a domain whose time is not over, so that
// rotations gone wild cannot fill its resource.
const mostCAs = 64

const opRotate = "rotate certificate authority"

// Rotate renews a part of a domain's authority: what is "intermediate" or "root".
// When it returns nil an intermediate signs, and a root is published; see
// [Times.Publish]. It is hub.Conflict while a root that was published waits to be
// used, and for an authority elsewhere, whose rotation is its own; hub.NotFound
// where the domain has none yet. One that was cut off is finished first, and not
// done twice. It is hub.Precondition when the authority is not at the version that
// was seen, which [AnyVersion] leaves open.
func (a *Authorities) Rotate(ctx context.Context, domain, part string, seen int, actor hub.Identity) error {
	w := what(part)
	if w != whatIntermediate && w != whatRoot {
		return hub.E(hub.Invalid, opRotate, fmt.Sprintf("%q cannot be rotated; say intermediate or root", clip(part)), nil)
	}
	v, err := a.known(ctx, domain)
	switch {
	case err != nil:
		return err
	case a.Remote(domain) != nil:
		return hub.E(hub.Conflict, opRotate, fmt.Sprintf("certificates of trust domain %s are signed by an authority elsewhere; rotate its keys there, and the new issuer is seen here", domain), nil)
	case v == nil:
		return hub.E(hub.NotFound, opRotate, fmt.Sprintf("trust domain %s has no certificate authority yet; it is made when the first certificate is asked for", domain), nil)
	}
	if seen != AnyVersion && seen != v.seq {
		return changed(domain)
	}
	finished, err := a.finish(ctx, domain)
	if err != nil || finished == w {
		return err // the same that was asked for before, perhaps by who never had the answer
	}
	if err := a.begin(ctx, domain, w, seen, actor.String()); err != nil {
		return err
	}
	if _, err := a.finish(ctx, domain); err != nil {
		return err
	}
	if err := a.useRoot(ctx, domain); err != nil {
		return err
	}
	_, err = a.fresh(ctx, domain) // should another process have finished it
	return err
}

// AnyVersion is no version: whatever the authority is.
const AnyVersion = 0

func changed(domain string) error {
	return hub.E(hub.Precondition, opRotate, fmt.Sprintf("the certificate authority of trust domain %s has changed since it was read; read it again, and see whether it still has to be rotated", domain), nil)
}

// Version tells states of a domain's authority apart: it grows with each change, and
// is [AnyVersion] where there is none yet.
func (a *Authorities) Version(ctx context.Context, domain string) (int, error) {
	v, err := a.fresh(ctx, domain)
	if err != nil || v == nil {
		return AnyVersion, err
	}
	return v.seq, nil
}

// create makes the authority of a domain that has none.
func (a *Authorities) create(ctx context.Context, domain string) error {
	d := domainCA{Seq: 1}
	d.begin(whatCreate, a.Keys.Kind(domain), a.Self.String(), a.Now())
	_, err := a.kind.Create(ctx, domain, domain, &d)
	if err != nil && hub.CodeOf(err) != hub.Conflict { // which another process made, or one that died
		return err
	}
	e, err := a.entry(ctx, domain)
	if err != nil {
		return err
	}
	if e.Value.Rotation == nil && e.Value.find(false, hub.StateActive) == nil { // it had an authority elsewhere
		if err := a.begin(ctx, domain, whatCreate, AnyVersion, a.Self.String()); err != nil && hub.CodeOf(err) != hub.Conflict { // another process was faster
			return err
		}
	}
	_, err = a.finish(ctx, domain)
	return err
}

// errDone says that what was to begin was done meanwhile.
var errDone = errors.New("it was done meanwhile")

// begin stores that a rotation is to be done, unless another process did it, or
// changed the version that was seen.
func (a *Authorities) begin(ctx context.Context, domain string, w what, seen int, actor string) error {
	_, err := a.kind.Update(ctx, domain, func(d *domainCA) error {
		if seen != AnyVersion && d.Seq != seen {
			return changed(domain)
		}
		if err := a.may(domain, d, w); err != nil {
			return err
		}
		d.begin(w, a.Keys.Kind(domain), actor, a.Now())
		d.Seq++
		return nil
	})
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// may says why a rotation cannot begin.
func (a *Authorities) may(domain string, d *domainCA, w what) error {
	refuse := func(format string, args ...any) error {
		return hub.E(hub.Conflict, opRotate, fmt.Sprintf(format, args...), nil)
	}
	published := d.find(true, StatePublished)
	switch {
	case w == whatCreate && d.find(false, hub.StateActive) != nil, w == whatUseRoot && published == nil:
		return errDone
	case d.Rotation != nil:
		return refuse("another rotation of the certificate authority of trust domain %s is under way; ask again", domain)
	case w == whatCreate || w == whatUseRoot:
		return nil
	case w == whatRoot && published != nil:
		return refuse("root %d of trust domain %s is published since %s and is used from %s on; wait for that", published.Number, domain, published.Since.Format(time.RFC3339), published.Since.Add(a.Times.Publish).Format(time.RFC3339))
	}
	valid := 0
	for _, c := range d.CAs {
		if cert, err := x509.ParseCertificate(c.Certificate); err == nil && a.Now().Before(cert.NotAfter) {
			valid++
		}
	}
	if valid >= mostCAs {
		return refuse("trust domain %s has %d CA certificates that are still valid; wait until some of them end", domain, valid)
	}
	return nil
}

func (d *domainCA) begin(w what, place, actor string, now time.Time) {
	d.Rotation = &rotation{ID: hub.NewID(), What: w, Place: place, Actor: actor, Began: now.UTC(), First: d.Made + 1}
	d.Made += w.makes()
}

// makes is how many CA certificates a rotation makes.
func (w what) makes() int {
	if w == whatCreate {
		return 2
	}
	return 1
}

// finish does what is left of the rotation that is under way, and says what it
// was; empty if there is none. Each step may be repeated, by another process too.
func (a *Authorities) finish(ctx context.Context, domain string) (done what, err error) {
	for {
		e, err := a.entry(ctx, domain)
		if err != nil {
			return "", err
		}
		r := e.Value.Rotation
		switch {
		case r == nil:
			return done, nil
		case r.Made == nil:
			var mine bool
			if mine, err = a.claim(ctx, &e); mine && err == nil {
				err = a.make(ctx, &e)
			}
		default:
			err = a.apply(ctx, &e)
		}
		if err != nil && hub.CodeOf(err) != hub.Precondition { // another process was faster
			return "", fmt.Errorf("rotate the certificate authority of trust domain %s: %w", domain, err)
		}
		done = r.What
	}
}

// MakeLease is how long one process may take to make the keys of a rotation.
const MakeLease = 15 * time.Second

// makePause is between two looks at what another process makes.
const makePause = 100 * time.Millisecond

// claim says whether this process makes the keys of a rotation. In a token that
// several processes share, two that make a key of one label make two keys: one of them
// does it, and the others look again after a pause. One that died is succeeded.
func (a *Authorities) claim(ctx context.Context, e *state.Entry[domainCA]) (mine bool, err error) {
	r := e.Value.Rotation
	switch {
	case r.Place == hub.KeysInFile || r.Maker == a.process:
		return true, nil
	case r.Maker != "" && a.Now().Before(r.Taken.Add(MakeLease)):
		if err := a.Wait(ctx, makePause); err != nil {
			return false, hub.E(hub.Unavailable, "make CA keys", "another process makes the keys of the certificate authority; ask again", err)
		}
		return false, nil
	}
	r.Maker, r.Taken = a.process, a.Now().UTC()
	e.Value.Seq++
	claimed, err := a.kind.Replace(ctx, *e)
	if err == nil {
		*e = claimed
	}
	return err == nil, err
}

// make records that the rotation began, makes its keys and signs its certificates.
func (a *Authorities) make(ctx context.Context, e *state.Entry[domainCA]) error {
	r := e.Value.Rotation
	if err := a.record(ctx, e.Domain, RecordBegun, hub.DeriveID(r.ID, "begun"), r, map[string]any{"rotation": r.ID, "what": r.What}); err != nil {
		return err
	}
	keys, err := a.Keys.Open(ctx, e.Domain, r.Place)
	if err != nil {
		return err
	}
	parent := e.Value.find(true, hub.StateActive)
	if r.What == whatUseRoot {
		parent = e.Value.find(true, StatePublished)
	}
	var made []ca
	if r.What == whatCreate || r.What == whatRoot {
		root := ca{Number: r.First, Root: true, Place: r.Place, State: hub.StateActive, Since: r.Began}
		if r.What == whatRoot {
			root.State = StatePublished
		}
		key, err := caKey(ctx, keys, root.label())
		if err != nil {
			return err
		}
		if root.Certificate, err = newCertificate(e.Domain, root.Number, key, nil, r.Began, a.Times.Root); err != nil {
			return err
		}
		made, parent = append(made, root), &root
	}
	if r.What != whatRoot {
		issuer, err := a.makeIssuer(ctx, e.Domain, keys, parent, ca{Number: r.First + len(made), Place: r.Place, State: hub.StateActive, Since: r.Began})
		if err != nil {
			return err
		}
		made = append(made, issuer)
	}
	r.Made = made
	e.Value.Seq++
	_, err = a.kind.Replace(ctx, *e)
	return err
}

// makeIssuer makes the key of an intermediate and signs its certificate.
func (a *Authorities) makeIssuer(ctx context.Context, domain string, keys Keys, parent *ca, c ca) (ca, error) {
	if parent == nil {
		return ca{}, fmt.Errorf("there is no root to sign CA certificate %d", c.Number)
	}
	var by above
	var err error
	if by.cert, err = x509.ParseCertificate(parent.Certificate); err != nil {
		return ca{}, unreadable(domain, err)
	}
	if by.key, err = a.key(ctx, domain, parent); err != nil {
		return ca{}, err
	}
	by.crl, by.certificate = a.Published(domain, keyID(by.cert))
	key, err := caKey(ctx, keys, c.label())
	if err != nil {
		return ca{}, err
	}
	c.Parent = parent.Number
	c.Certificate, err = newCertificate(domain, c.Number, key, &by, c.Since, a.Times.Issuer)
	return c, err
}

// caKey returns the key of a label, made now if a crash did not leave it behind.
func caKey(ctx context.Context, keys Keys, label string) (crypto.Signer, error) {
	key, err := keys.Create(ctx, label)
	if hub.CodeOf(err) == hub.Conflict {
		return keys.Signer(ctx, label)
	}
	return key, err
}

// apply records what the rotation made, and lets it take effect.
func (a *Authorities) apply(ctx context.Context, e *state.Entry[domainCA]) error {
	d, r := &e.Value, e.Value.Rotation
	for _, c := range r.Made {
		sum := sha256.Sum256(c.Certificate)
		err := a.record(ctx, e.Domain, RecordMade, hub.DeriveID(r.ID, "made", c.label()), r, map[string]any{
			"rotation": r.ID, "number": c.Number, "root": c.Root, "state": c.State, "keyPlace": c.Place, "fingerprint": hex.EncodeToString(sum[:]), "certificate": c.Certificate,
		})
		if err != nil {
			return err
		}
	}
	retire := func(root bool) {
		if c := d.find(root, hub.StateActive); c != nil {
			c.State, c.Since = hub.StateRetiring, r.Began
		}
	}
	switch r.What {
	case whatIntermediate:
		retire(false)
	case whatUseRoot:
		retire(false)
		retire(true)
		root := d.find(true, StatePublished)
		root.State, root.Since = hub.StateActive, r.Began
	case whatCreate, whatRoot:
	}
	d.CAs = append(d.CAs, r.Made...)
	d.Rotation = nil
	d.Seq++
	_, err := a.kind.Replace(ctx, *e)
	return err
}

// record appends a record of a rotation, once.
func (a *Authorities) record(ctx context.Context, domain, kind, id string, r *rotation, data map[string]any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	return a.Records(ctx, domain, hub.Record{ID: id, Kind: kind, Time: r.Began, Actor: r.Actor, Subject: "authority/" + domain, Data: raw})
}

// useRoot lets a published root come into use when its time has come.
func (a *Authorities) useRoot(ctx context.Context, domain string) error {
	e, err := a.entry(ctx, domain)
	if err != nil {
		return err
	}
	c := e.Value.find(true, StatePublished)
	if c == nil || a.Times.Publish > 0 && a.Now().Before(c.Since.Add(a.Times.Publish)) {
		return nil
	}
	if e.Value.Rotation == nil {
		if err := a.begin(ctx, domain, whatUseRoot, AnyVersion, a.Self.String()); err != nil && hub.CodeOf(err) != hub.Conflict {
			return err
		}
	}
	_, err = a.finish(ctx, domain)
	return err
}

// noteRemote stores the CA certificates of an authority elsewhere, unless it has
// the same as before.
func (a *Authorities) noteRemote(ctx context.Context, domain string, remote CA) error {
	_, chain, err := remote.Chain(ctx)
	if err != nil {
		return err
	}
	empty := domainCA{Seq: 1}
	if _, err := a.kind.Create(ctx, domain, domain, &empty); err != nil && hub.CodeOf(err) != hub.Conflict {
		return err
	}
	_, err = a.kind.Update(ctx, domain, func(d *domainCA) error {
		d.noteRemote(chain, a.Now().UTC())
		d.Seq++
		return nil
	})
	return err
}

// noteRemote adds what is new of a chain, root last, and makes its first
// certificate the current issuer of the authority elsewhere.
func (d *domainCA) noteRemote(chain [][]byte, now time.Time) {
	for n := range d.CAs {
		if c := &d.CAs[n]; c.Place == PlaceRemote && c.State == hub.StateActive {
			c.State, c.Since = hub.StateRetiring, now
		}
	}
	parent := 0
	for n := len(chain) - 1; n >= 0; n-- {
		at := d.remote(chain[n])
		if at == nil {
			d.Made++
			d.CAs = append(d.CAs, ca{Number: d.Made, Root: parent == 0, Parent: parent, Place: PlaceRemote, Certificate: chain[n]})
			at = &d.CAs[len(d.CAs)-1]
		}
		at.State, at.Since = hub.StateActive, now
		parent = at.Number
	}
}

func (d *domainCA) remote(der []byte) *ca {
	for n := range d.CAs {
		if c := &d.CAs[n]; c.Place == PlaceRemote && string(c.Certificate) == string(der) {
			return c
		}
	}
	return nil
}
