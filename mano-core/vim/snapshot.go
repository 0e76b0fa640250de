package vim

import (
	"context"
	"fmt"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/state"
)

// CreateSnapshot keeps a compute and the content of its storages as they are. It
// outlives the compute.
func (m *Model) CreateSnapshot(ctx context.Context, want ifa006.Snapshot) (*ifa006.Snapshot, error) {
	const op = "create snapshot"
	want.Compute, want.NfviSource = nil, ""
	if err := checkID(op, "id", want.ID); err != nil {
		return nil, err
	}
	if err := checkDomain(op, want.TrustDomain); err != nil {
		return nil, err
	}
	if err := checkTexts(op, want.Metadata); err != nil {
		return nil, err
	}
	request, err := digest(want)
	if err != nil {
		return nil, err
	}
	r := &snapshotRecord{made: made{Domain: want.TrustDomain, Request: request}, Snapshot: want}
	e, err := createOnce(ctx, m.snapshots, "snapshot", want.ID, request, func(r *snapshotRecord) string { return r.Request }, r, func() error {
		return m.photograph(ctx, r)
	})
	if err != nil {
		return nil, err
	}
	return e.Value.show(), nil
}

// photograph fills in what a snapshot holds.
func (m *Model) photograph(ctx context.Context, r *snapshotRecord) error {
	e, err := m.rested(ctx, r.Domain, r.ComputeID)
	if hub.CodeOf(err) == hub.NotFound || err == nil && e.Value.Domain != r.Domain {
		return hub.E(hub.Unprocessable, "create snapshot", fmt.Sprintf("there is no compute %.140s of trust domain %s", r.ComputeID, r.Domain), nil)
	}
	if err != nil {
		return err
	}
	r.CreatedAt = m.Now().UTC()
	r.Contents = map[string][]byte{r.ComputeID: e.Value.Content}
	if r.Compute, err = m.showCompute(ctx, &e.Value); err != nil {
		return err
	}
	for _, s := range r.Compute.Storages {
		storage, err := m.storages.Get(ctx, s.ID)
		if err != nil {
			return fmt.Errorf("read storage %s of compute %s: %w", s.ID, r.ComputeID, err)
		}
		r.Contents[s.ID] = storage.Value.Content
	}
	return nil
}

func (r *snapshotRecord) show() *ifa006.Snapshot {
	s := r.Snapshot
	s.NfviSource = source
	return &s
}

// Snapshot returns a snapshot that the viewer may know of.
func (m *Model) Snapshot(ctx context.Context, viewer, id string) (*ifa006.Snapshot, error) {
	e, err := get(ctx, m.snapshots, viewer, "snapshot", id, func(r *snapshotRecord) string { return r.Domain })
	if err != nil {
		return nil, err
	}
	return e.Value.show(), nil
}

// DeleteSnapshot removes a snapshot; not while it is being restored.
func (m *Model) DeleteSnapshot(ctx context.Context, viewer, id string) error {
	e, err := get(ctx, m.snapshots, viewer, "snapshot", id, func(r *snapshotRecord) string { return r.Domain })
	if err != nil {
		return err
	}
	c, err := m.computes.Get(ctx, e.Value.ComputeID)
	if err == nil && c.Value.Restore == id {
		return busyError("snapshot", id)
	}
	if err := ignoreGone(err); err != nil {
		return err
	}
	if err := m.snapshots.Delete(ctx, id, nil); hub.CodeOf(err) != hub.NotFound {
		return err
	}
	return notFound("snapshot", id)
}

// Restore gives a compute back what it was when the snapshot was taken: its
// flavour, image, running state and metadata, its content and that of its
// storages. It stays on its host, and its ports stay as they are.
func (m *Model) Restore(ctx context.Context, viewer, id string) error {
	e, err := get(ctx, m.snapshots, viewer, "snapshot", id, func(r *snapshotRecord) string { return r.Domain })
	if err != nil {
		return err
	}
	computeID := e.Value.ComputeID
	c, err := m.rested(ctx, e.Value.Domain, computeID)
	if hub.CodeOf(err) == hub.NotFound {
		return hub.E(hub.Conflict, "restore snapshot", fmt.Sprintf("compute %s of the snapshot is gone; allocate a new one", computeID), nil)
	}
	if err != nil {
		return err
	}
	for storage := range e.Value.Contents {
		if storage != computeID && !slices.Contains(m.storages.Find(termAttached+computeID), storage) {
			return hub.E(hub.Conflict, "restore snapshot", fmt.Sprintf("storage %s of the snapshot is no longer attached to compute %s; it cannot be restored in part", storage, computeID), nil)
		}
	}
	if c.Value.RunningState == ifa006.Failed {
		return hub.E(hub.Conflict, "restore snapshot", fmt.Sprintf("compute %s has failed; migrate it to another host first", computeID), nil)
	}
	if err := m.Scale(ctx, All, computeID, e.Value.Compute.FlavourID); err != nil {
		return err
	}
	return m.begin(ctx, computeID, func(r *computeRecord) { r.Phase, r.Restore = restoring, id })
}

// restore writes the contents back, the compute's last.
func (m *Model) restore(ctx context.Context, e state.Entry[computeRecord]) error {
	r := &e.Value
	s, err := m.snapshots.Get(ctx, r.Restore)
	if err != nil {
		return m.stay(ctx, e, err)
	}
	for id, content := range s.Value.Contents {
		if id == r.ID {
			continue
		}
		_, err := m.storages.Update(ctx, id, func(st *storageRecord) error {
			if st.AttachedTo == r.ID {
				st.Content, st.Erase, st.ErasedAt = content, false, nil
			}
			return nil
		})
		if err := ignoreGone(err); err != nil {
			return fmt.Errorf("restore storage %s: %w", id, err)
		}
	}
	host, err := m.hosts.Get(ctx, r.HostID)
	if err != nil {
		return fmt.Errorf("read the host of compute %s: %w", r.ID, err)
	}
	was := s.Value.Compute
	r.Content, r.ImageID, r.RunningState, r.Metadata = s.Value.Contents[r.ID], was.ImageID, was.RunningState, was.Metadata
	if r.RunningState == ifa006.Failed {
		r.RunningState = ifa006.Halted
	}
	p := m.changed(typeC, r.ID, r.Domain, ifa006.ChangeRestored, map[string]any{"snapshotId": r.Restore, "runningState": r.RunningState})
	r.Pending = append(r.Pending, p.at(&host.Value.Host))
	r.Phase, r.Restore = "", ""
	_, err = m.computes.Replace(ctx, e)
	return err
}
