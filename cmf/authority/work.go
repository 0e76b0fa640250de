package authority

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// lookEvery is how often the authority of a domain is looked after.
const lookEvery = 10 * time.Minute

// Serve looks after the authority of a domain until ctx ends: it finishes
// rotations that were cut off, lets a published root come into use, notes what an
// authority elsewhere changed, and raises alarms. What fails is tried again.
func (a *Authorities) Serve(ctx context.Context, domain string) error {
	for {
		if err := a.Look(ctx, domain); err != nil && ctx.Err() == nil {
			a.Log.Warn("the certificate authority of a trust domain cannot be looked after; trying again", "trustDomain", domain, "err", err)
		}
		if err := a.Wait(ctx, lookEvery); err != nil {
			return nil // ctx ended
		}
	}
}

// Look does once what [Authorities.Serve] does.
func (a *Authorities) Look(ctx context.Context, domain string) error {
	v, err := a.known(ctx, domain)
	if err != nil || v == nil {
		return err
	}
	if v.pending {
		if _, err := a.finish(ctx, domain); err != nil {
			return err
		}
	}
	if remote := a.Remote(domain); remote != nil {
		err = a.lookRemote(ctx, domain, remote, v)
	} else {
		err = a.useRoot(ctx, domain)
	}
	if err != nil {
		return err
	}
	return a.raise(ctx, domain)
}

// lookRemote notes what an authority elsewhere has changed.
func (a *Authorities) lookRemote(ctx context.Context, domain string, remote CA, v *view) error {
	issuer, _, err := remote.Chain(ctx)
	if err != nil || v.current != nil && v.current.id == issuer {
		return err
	}
	return a.noteRemote(ctx, domain, remote)
}

// raise records each alarm once: when an end comes near, when a third of that
// time is left, a day before, and when it came.
func (a *Authorities) raise(ctx context.Context, domain string) error {
	v, err := a.known(ctx, domain)
	if err != nil || v == nil {
		return err
	}
	for _, m := range v.members {
		text := a.alarm(domain, m)
		if text == "" || m.Revoked != nil { // which has a record of its own
			continue
		}
		level, left := 0, m.cert.NotAfter.Sub(a.Now())
		for _, most := range []time.Duration{a.Times.Alarm / 3, day, 0} {
			if left <= most {
				level++
			}
		}
		a.Log.Warn("the time of a certificate authority ends", "trustDomain", domain, "issuer", m.id, "alarm", text)
		data, err := json.Marshal(map[string]any{"issuer": m.id, "root": m.Root, "notAfter": m.cert.NotAfter, "text": text})
		if err != nil {
			return fmt.Errorf("encode alarm: %w", err)
		}
		if err := a.Records(ctx, domain, hub.Record{
			ID: hub.DeriveID("authority.expiring", domain, m.id, strconv.Itoa(level)), Kind: RecordExpiring, Time: a.Now().UTC(),
			Actor: a.Self.String(), Subject: "authority/" + domain, Data: data,
		}); err != nil {
			return err
		}
	}
	return nil
}

// Destroy destroys the keys of a trust domain that was deleted, whatever is still
// stored of it, after which nothing is signed for it again. It can be repeated.
func (a *Authorities) Destroy(ctx context.Context, domain string) error {
	places := []string{hub.KeysInFile}
	if kind := a.Keys.Kind(domain); kind != hub.KeysInFile {
		places = append(places, kind)
	}
	for _, place := range places {
		if err := a.destroy(ctx, domain, place); err != nil {
			return fmt.Errorf("destroy the keys of the certificate authority of trust domain %s: %w", domain, err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.slots, domain)
	return nil
}

// destroy looks for keys by their numbers, because the domain's table is gone. The
// numbers have no gap wider than what a change of places leaves.
func (a *Authorities) destroy(ctx context.Context, domain, place string) error {
	keys, err := a.Keys.Open(ctx, domain, place)
	if err != nil {
		return err
	}
	for number, missed := 1, 0; missed < mostCAs; number++ {
		missed++
		for _, root := range []bool{true, false} {
			_, err := keys.Signer(ctx, label(root, number))
			if hub.CodeOf(err) == hub.NotFound {
				continue
			}
			missed = 0
			if err := keys.Delete(ctx, label(root, number)); err != nil && hub.CodeOf(err) != hub.NotFound {
				return err
			}
		}
	}
	return nil
}
