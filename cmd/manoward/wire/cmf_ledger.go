package wire

import (
	"context"
	"math"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
)

// cmfLedger is the record logs of the trust domains, as the CMF issues by them.
type cmfLedger struct{ *cmfRole }

// Append appends one record, and says when another one has its ID.
func (c cmfLedger) Append(ctx context.Context, domain string, r hub.Record) error {
	log, err := c.logs.open(ctx, domain)
	if err != nil {
		return err
	}
	return log.Append(ctx, r)
}

// Read hands out the records after a message.
func (c cmfLedger) Read(ctx context.Context, domain string, after uint64, each func(at uint64, r hub.Record) error) error {
	log, err := c.logs.open(ctx, domain)
	if err != nil {
		return err
	}
	from := parts(after)
	if from.epoch < log.epoch {
		from = position{epoch: log.epoch} // records were begun anew since
	}
	if last, err := log.Last(ctx); err != nil || last.Sequence <= from.Sequence {
		return err
	}
	for e, err := range log.Read(ctx, natsbus.Position{Sequence: from.Sequence, Index: math.MaxInt}) {
		if err == nil {
			err = each(position{log.epoch, e.Position}.number(), e.Record)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// End is the sequence of the newest message.
func (c cmfLedger) End(ctx context.Context, domain string) (uint64, error) {
	log, err := c.logs.open(ctx, domain)
	if err != nil {
		return 0, err
	}
	last, err := log.Last(ctx)
	return position{log.epoch, last}.number(), err
}
