package trust

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/manoward/manoward/internal/hub"
)

// maxNote bounds an operator's note, in bytes.
const maxNote = 16 << 10

// hubItself is the actor of what the hub does without being asked.
func hubItself() hub.Identity {
	return hub.Identity{TrustDomain: HubDomain, Kind: hub.KindHub, Name: "hub"}
}

// Note adds an operator's remark to the records of a trust domain and returns
// the record's ID. The same operator's same text under the same id is added
// once, however often it is sent; without an id each call adds one.
func (r *Registry) Note(ctx context.Context, actor hub.Identity, domainName, id, text string) (string, error) {
	if text == "" || len(text) > maxNote || !utf8.ValidString(text) {
		return "", hub.E(hub.Invalid, "record a note", fmt.Sprintf("a note is 1 to %d bytes of UTF-8 text", maxNote), nil)
	}
	if len(id) > 128 {
		return "", hub.E(hub.Invalid, "record a note", "an id is at most 128 bytes long", nil)
	}
	_, d, err := r.active(ctx, domainName)
	if err != nil {
		return "", err
	}
	record, err := r.record(RecordNote, actor, "trust-domain/"+domainName, map[string]string{"text": text})
	if err != nil {
		return "", err
	}
	if id == "" {
		return record.ID, d.log.Append(ctx, record)
	}
	// The ID is made of what it stands for, so one that is taken is this note,
	// sent before.
	sum := sha256.Sum256([]byte(actor.String() + "\n" + text))
	record.ID = "note/" + id + "/" + hex.EncodeToString(sum[:8])
	err = d.log.Append(ctx, record)
	if hub.CodeOf(err) == hub.Conflict {
		err = nil
	}
	return record.ID, err
}

// Refused records a refused attempt in the log of the trust domain that it was
// aimed at.
func (r *Registry) Refused(ctx context.Context, domainName string, refusal Refusal) error {
	d, err := r.storage(ctx, domainName)
	if err != nil {
		return err
	}
	var actor hub.Identity // nobody, as long as it is only claimed
	if refusal.Proven {
		if actor, err = hub.ParseIdentity(refusal.Presented); err != nil {
			return fmt.Errorf("record refused attempt: %w", err)
		}
	}
	record, err := r.record(RecordRefused, actor, refusal.Subject, refusal)
	if err != nil {
		return err
	}
	return d.log.Append(ctx, record)
}

// Records reads the records of a trust domain, deleted ones included, or of the
// hub itself, in the
// order in which they were made, after a position that an earlier call gave.
func (r *Registry) Records(ctx context.Context, domainName, after string, fn func(position string, rec hub.Record) bool) error {
	if _, ok := r.Directory.Domain(domainName); !ok && domainName != HubDomain {
		_, _, err := r.active(ctx, domainName)
		return err
	}
	d, err := r.storage(ctx, domainName)
	if err != nil {
		return err
	}
	return d.log.Read(ctx, after, fn)
}

// RecordBusCredential records that a credential for the bus is about to be
// signed for a Security Manager, and keeps its public key with the SM, so that
// it ends with the SM.
func (r *Registry) RecordBusCredential(ctx context.Context, actor hub.Identity, domainName, sm, publicKey string) error {
	if owner := r.Directory.KeyOwner(busKey(publicKey)); owner != "" && owner != domainName+"/"+sm {
		return hub.E(hub.Conflict, "sign bus credential", "the key is in use by another Security Manager; make a key of its own for each", nil)
	}
	_, err := r.change(ctx, actor, domainName, sm, RecordBusCredential, func(sm *hub.SecurityManager) (any, error) {
		if sm.State != hub.StateActive {
			return nil, hub.E(hub.Conflict, "sign bus credential", fmt.Sprintf("Security Manager %s is revoked", sm.Name), nil)
		}
		if !slices.Contains(sm.BusUsers, publicKey) {
			sm.BusUsers = append(slices.Clone(sm.BusUsers), publicKey)
		}
		return map[string]string{"publicKey": publicKey}, nil
	})
	return err
}
