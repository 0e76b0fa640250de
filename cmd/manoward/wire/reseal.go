package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/mano-core/trust"
)

const opReseal = "reseal journal"

// reseal begins the records and the journal of a trust domain anew after those that
// there are were damaged. Its steps, each durable before the next: the old logs are
// closed; a record of the hub says what is given up; the new log begins with the
// same; and from then on the new ones are those of the domain. It can be repeated
// from any of them. Processes write the new log when they are started again.
func (s *sealing) reseal(ctx context.Context, who hub.Identity, domain, reason string) (journal.Resealed, error) {
	s.resealing.Lock()
	defer s.resealing.Unlock()
	old, err := s.journals.Source(ctx, domain)
	if err != nil {
		return journal.Resealed{}, err
	}
	told, err := journal.Examine(ctx, old, domain)
	switch {
	case err != nil:
		return journal.Resealed{}, err
	case len(told.Losses) == 0:
		return journal.Resealed{}, hub.E(hub.Conflict, opReseal, fmt.Sprintf("the records of %s and their journal fit together, so there is nothing to give up; what was just written is sealed within seconds", domain), nil)
	case told.Epoch > maxEpoch:
		return journal.Resealed{}, hub.E(hub.Conflict, opReseal, fmt.Sprintf("the journal of %s was begun anew %d times; make another trust domain", domain, maxEpoch), nil)
	}
	account, err := busAccount(ctx, s.bus, domain)
	if err != nil {
		return journal.Resealed{}, err
	}
	for _, log := range []string{trust.RecordLog, journalLog} {
		if err := account.CloseLog(ctx, inEpoch(log, told.Epoch-1)); err != nil {
			return journal.Resealed{}, err
		}
	}
	old.Now = func() time.Time { return time.Now().Add(time.Hour) } // what is not sealed now never is
	if told, err = journal.Examine(ctx, old, domain); err != nil {
		return journal.Resealed{}, err
	}
	told.By, told.Reason = who.String(), reason
	if err := s.begin(ctx, domain, &told); err != nil {
		return journal.Resealed{}, err
	}
	s.log.Error("records and journal were begun anew; start every process of the hub again", "trustDomain", domain, "epoch", told.Epoch, "by", told.By, "reason", reason)
	s.health.Register("journal/"+domain, func(context.Context) error {
		return hub.E(hub.Unavailable, opReseal, "its records were begun anew; start this process again", nil)
	})
	return told, nil
}

// begin records what is given up and makes the new records those of the domain.
func (s *sealing) begin(ctx context.Context, domain string, told *journal.Resealed) error {
	data, err := json.Marshal(told)
	if err != nil {
		return fmt.Errorf("%s: %w", opReseal, err)
	}
	r := hub.Record{
		ID: hub.DeriveID(journal.KindResealed, domain, strconv.Itoa(told.Epoch)), Kind: journal.KindResealed, Time: time.Now().UTC(),
		Actor: told.By, Subject: "journal/" + domain, Data: data,
	}
	if domain != trust.HubDomain {
		if err := s.logs.Append(ctx, trust.HubDomain, r); err != nil {
			return err
		}
	}
	if _, err := s.journals.key(ctx, domain, told.Epoch); err != nil {
		return err
	}
	account, err := busAccount(ctx, s.bus, domain)
	if err != nil {
		return err
	}
	log, err := account.Log(ctx, inEpoch(trust.RecordLog, told.Epoch))
	if err != nil {
		return err
	}
	// Another try may have written it, which stands. It is sealed when the hub is
	// started again; there is nobody before.
	if err := log.Append(ctx, r); err != nil && hub.CodeOf(err) != hub.Conflict && !errors.Is(err, journal.ErrUnsealed) {
		return err
	}
	first, err := log.BatchAt(ctx, 1)
	if err != nil {
		return err
	}
	if err = json.Unmarshal(first.Lines[0], &r); err == nil {
		err = json.Unmarshal(r.Data, told)
	}
	if err != nil {
		return fmt.Errorf("%s: read back the first record: %w", opReseal, err)
	}
	table, err := accounts{s.bus}.Hub().Table(ctx, epochTable)
	if err != nil {
		return err
	}
	return put(ctx, table, domain, strconv.Itoa(told.Epoch))
}
