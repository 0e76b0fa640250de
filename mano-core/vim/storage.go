package vim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/state"
)

// sha256Of returns the checksum of some content.
func sha256Of(content []byte) *ifa006.Checksum {
	sum := sha256.Sum256(content)
	return &ifa006.Checksum{Algorithm: "SHA-256", Hash: hex.EncodeToString(sum[:])}
}

// CreateStorage is Allocate Virtualised Storage Resource (IFA 006 clause 7.5.1.2).
// Storages are volumes of the network: they take nothing of a host's disk.
func (m *Model) CreateStorage(ctx context.Context, want ifa006.Storage) (*ifa006.Storage, error) {
	if want.AttachedTo != "" {
		return nil, hub.E(hub.Unprocessable, "create storage", "a storage is attached by the compute that names it; leave ownerId out", nil)
	}
	e, err := m.makeStorage(ctx, want, false)
	if err != nil {
		return nil, err
	}
	return m.showStorage(ctx, &e.Value)
}

func (m *Model) makeStorage(ctx context.Context, want ifa006.Storage, owned bool) (state.Entry[storageRecord], error) {
	var none state.Entry[storageRecord]
	want.HostID, want.ErasedAt, want.ContentChecksum, want.NfviSource = "", nil, nil, ""
	if want.Type == "" {
		want.Type = "BLOCK"
	}
	if err := checkStorage(&want); err != nil {
		return none, err
	}
	request, err := digest(want)
	if err != nil {
		return none, err
	}
	r := &storageRecord{made: made{Domain: want.TrustDomain, Request: request}, Storage: want, Owned: owned, Content: content("storage", want.ID, want.ImageID)}
	r.Pending = []pending{m.changed(typeS, r.ID, r.Domain, ifa006.ChangeCreated, map[string]any{"sizeOfStorageGiB": r.SizeGiB})}
	e, err := createOnce(ctx, m.storages, "storage", want.ID, request, func(r *storageRecord) string { return r.Request }, r, func() error {
		if want.ImageID == "" {
			return nil
		}
		return m.checkImage(ctx, want.TrustDomain, want.ImageID, nil)
	})
	if err != nil {
		return none, err
	}
	announce(ctx, m, m.storages, e)
	return e, nil
}

func checkStorage(s *ifa006.Storage) error {
	const op = "create storage"
	if err := checkID(op, "id", s.ID); err != nil {
		return err
	}
	if err := checkDomain(op, s.TrustDomain); err != nil {
		return err
	}
	if err := checkTexts(op, s.Metadata, s.Name); err != nil {
		return err
	}
	if s.Type != "BLOCK" && s.Type != "OBJECT" {
		return hub.E(hub.Invalid, op, fmt.Sprintf("typeOfStorage %.40q is neither BLOCK nor OBJECT", s.Type), nil)
	}
	if s.SizeGiB < 1 || s.SizeGiB > 1<<20 {
		return hub.E(hub.Invalid, op, fmt.Sprintf("sizeOfStorageGiB %d is not between 1 and %d", s.SizeGiB, 1<<20), nil)
	}
	return nil
}

// DeleteStorage is Terminate Virtualised Storage Resource (clause 7.5.1.5); with
// erase the content is overwritten first. One that is attached is refused.
func (m *Model) DeleteStorage(ctx context.Context, viewer, id string, erase bool) error {
	if _, err := get(ctx, m.storages, viewer, "storage", id, func(r *storageRecord) string { return r.Domain }); err != nil {
		return err
	}
	_, err := m.storages.Update(ctx, id, func(r *storageRecord) error {
		if r.AttachedTo != "" {
			return hub.E(hub.Conflict, "delete storage", fmt.Sprintf("storage %s is attached to compute %s; terminate that first", id, r.AttachedTo), nil)
		}
		m.endingStorage(r, erase)
		return nil
	})
	if hub.CodeOf(err) == hub.NotFound {
		return notFound("storage", id)
	}
	if err != nil {
		return err
	}
	return m.settleStorage(ctx, id)
}

// endingStorage notes that a storage goes, and overwrites it if that is asked.
func (m *Model) endingStorage(r *storageRecord, erase bool) {
	if erase {
		m.overwrite(r)
	}
	if r.Phase != leaving {
		r.Phase = leaving
		r.Pending = append(r.Pending, m.changed(typeS, r.ID, r.Domain, ifa006.ChangeDeleted, nil))
	}
}

// overwrite erases the content, once, and notes when.
func (m *Model) overwrite(r *storageRecord) {
	if r.Erase {
		return
	}
	before, now := *sha256Of(r.Content), m.Now().UTC()
	r.Erase, r.Content, r.ErasedAt = true, make([]byte, len(r.Content)), &now
	r.Pending = append(r.Pending, m.changed(typeS, r.ID, r.Domain, ifa006.ChangeErased, map[string]any{
		"erasedAt": now, "checksumBefore": before, "checksumAfter": *sha256Of(r.Content),
	}))
}

// settleStorage ends the removal of a storage.
func (m *Model) settleStorage(ctx context.Context, id string) error {
	e, err := m.storages.Get(ctx, id)
	if err != nil || e.Value.Phase != leaving {
		return ignoreGone(err)
	}
	for _, p := range e.Value.Pending {
		if err := m.publish(ctx, p); err != nil {
			return err
		}
	}
	return ignoreGone(m.storages.Delete(ctx, id, nil))
}

// storageFor attaches a storage that a compute's request names, or makes it.
func (m *Model) storageFor(ctx context.Context, c *computeRecord, want ifa006.Storage) error {
	want.TrustDomain = c.Domain
	if want.ID == "" {
		want.ID = hub.DeriveID("vim storage", c.ID, want.Name, fmt.Sprint(want.SizeGiB))
	}
	if _, err := m.storages.Get(ctx, want.ID); hub.CodeOf(err) == hub.NotFound {
		want.AttachedTo = c.ID
		_, err = m.makeStorage(ctx, want, true)
		return err
	}
	e, err := m.storages.Update(ctx, want.ID, func(r *storageRecord) error {
		if r.Domain != c.Domain || r.Phase == leaving {
			return hub.E(hub.Unprocessable, "attach storage", fmt.Sprintf("there is no storage %s for trust domain %s; create it, or say its size", want.ID, c.Domain), nil)
		}
		if r.AttachedTo != "" && r.AttachedTo != c.ID {
			return hub.E(hub.Conflict, "attach storage", fmt.Sprintf("storage %s is attached to another compute; terminate that first", want.ID), nil)
		}
		r.AttachedTo = c.ID
		return nil
	})
	if err == nil {
		announce(ctx, m, m.storages, e)
	}
	return err
}

// detachStorage takes a storage off a compute that ends: one that was made for it
// goes. With erase its content is overwritten either way.
func (m *Model) detachStorage(ctx context.Context, id, compute string, erase bool) error {
	e, err := m.storages.Update(ctx, id, func(r *storageRecord) error {
		if r.AttachedTo != compute {
			return nil
		}
		if r.Owned {
			m.endingStorage(r, erase)
			return nil
		}
		if erase {
			m.overwrite(r)
		}
		r.AttachedTo = ""
		return nil
	})
	if err != nil {
		return ignoreGone(err)
	}
	if e.Value.Phase == leaving {
		return m.settleStorage(ctx, id)
	}
	announce(ctx, m, m.storages, e)
	return nil
}

// Storage returns a storage that the viewer may know of.
func (m *Model) Storage(ctx context.Context, viewer, id string) (*ifa006.Storage, error) {
	e, err := get(ctx, m.storages, viewer, "storage", id, func(r *storageRecord) string { return r.Domain })
	if err != nil {
		return nil, err
	}
	return m.showStorage(ctx, &e.Value)
}

func (m *Model) showStorage(ctx context.Context, r *storageRecord) (*ifa006.Storage, error) {
	s := r.Storage
	s.NfviSource, s.ContentChecksum = source, sha256Of(r.Content)
	if s.AttachedTo == "" {
		return &s, nil
	}
	c, err := m.computes.Get(ctx, s.AttachedTo)
	if err == nil {
		s.HostID = c.Value.HostID
	}
	return &s, ignoreGone(err)
}
