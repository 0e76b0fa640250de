package trail

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
)

// Pack is an evidence pack as a [Source]: the tar file or the folder of this path.
// Each pass reads it once more, so that what is kept of it stays small.
type Pack string

// Records implements [Source] with all records of the pack.
func (p Pack) Records(ctx context.Context, _ []Thing, fn func(journal.Record) error) error {
	return p.read(func(files journal.Files) error { return journal.Read(ctx, files, fn) })
}

// Input implements [Source] with what the pack holds.
func (p Pack) Input(ctx context.Context, _, sha256 string) (raw []byte, err error) {
	err = p.read(func(files journal.Files) error {
		raw, err = journal.FindInput(ctx, files, sha256)
		return err
	})
	return raw, err
}

// EventIDs are the IDs that the event of a notification can have, by the Security
// Managers whose registrations are in the pack.
func (p Pack) EventIDs(ctx context.Context, notification string) ([]string, error) {
	var ids []string
	err := p.Records(ctx, nil, func(r journal.Record) error {
		if r.Kind != kindRegistered {
			return nil
		}
		var of hub.Record
		var sm hub.SecurityManager
		if json.Unmarshal(r.Line, &of) == nil && json.Unmarshal(of.Data, &sm) == nil {
			ids = append(ids, EventIDs(&sm, notification)...)
		}
		return nil
	})
	return ids, err
}

func (p Pack) read(fn func(journal.Files) error) error {
	files, done, err := journal.OpenPack(string(p))
	if err != nil {
		return err
	}
	return errors.Join(fn(files), done())
}
