package wire

import (
	"context"
	"errors"
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

// Read hands out the records after a message. Where they were begun anew since, what is
// left of those before comes first: certificates were issued by it.
func (c cmfLedger) Read(ctx context.Context, domain string, after uint64, each func(at uint64, r hub.Record) error) error {
	log, err := c.logs.open(ctx, domain)
	if err != nil {
		return err
	}
	from := parts(after)
	for ; from.epoch < log.epoch; from = (position{epoch: from.epoch + 1}) {
		if err := c.readEarlier(ctx, domain, from, each); err != nil {
			return err
		}
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

// readEarlier hands out what is left of the records of an earlier epoch.
func (c cmfLedger) readEarlier(ctx context.Context, domain string, from position, each func(at uint64, r hub.Record) error) error {
	account, err := busAccount(ctx, c.bus, domain)
	if err != nil {
		return err
	}
	from.Index = math.MaxInt
	old := recordLog{account: account}
	var failed error
	_, err = old.readEarlier(ctx, from, func(at string, r hub.Record) bool {
		p, err := parsePosition(at)
		if err == nil {
			err = each(p.number(), r)
		}
		failed = err
		return err == nil
	})
	return errors.Join(failed, err)
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
