package journal

import "context"

// Records is the record log that a journal seals.
type Records interface {
	// FollowBatches calls fn with each message after a sequence, in order, and then
	// with each new one, until ctx ends (nil), fn fails, or the log is damaged.
	FollowBatches(ctx context.Context, after uint64, fn func(Batch) error) error
	// ReadBatches does so up to the end that the log has now, damaged or not.
	ReadBatches(ctx context.Context, after uint64, fn func(Batch) error) error
	// LastBatch returns the newest message; one with Sequence 0 if there is none.
	LastBatch(ctx context.Context) (Batch, error)
}

// Seals keeps the seals of a journal, numbered from 1. Nothing in it is changed.
type Seals interface {
	// Last returns the newest seal and its number, 0 if there is none.
	Last(ctx context.Context) (number uint64, raw []byte, err error)
	// At returns the seal of a number.
	At(ctx context.Context, number uint64) ([]byte, error)
	// Append makes the seal with the number last+1 durable, hub.Precondition when
	// there is one already.
	Append(ctx context.Context, last uint64, id string, raw []byte) error
}

// FollowedSeals is seals that others store too.
type FollowedSeals interface {
	Seals
	// Follow calls fn with each seal after a number, in order, and then with each new
	// one, until ctx ends (nil), fn fails, or the log of the seals is damaged.
	Follow(ctx context.Context, after uint64, fn func(raw []byte) error) error
}
