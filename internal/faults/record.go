package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol"
)

// kindOrdered is the kind of the record by which somebody changes an alarm. It is there
// before the change, which may have failed since.
const kindOrdered = "alarm.change.ordered"

// order is what somebody wants of an alarm: one of both is set.
type order struct {
	by       hub.Identity
	at       time.Time
	ack      sol.AckStateType
	severity sol.PerceivedSeverityType
}

// record keeps an order. The same one of the same party, of an alarm that has not changed
// since, is recorded once.
func (l *List) record(ctx context.Context, domain, id string, a *Alarm, o order) error {
	data, err := json.Marshal(struct {
		API      string                    `json:"api"`
		Object   string                    `json:"object"`
		AckState sol.AckStateType          `json:"ackState,omitempty"`
		Severity sol.PerceivedSeverityType `json:"perceivedSeverity,omitempty"`
	}{l.c.API, a.Object, o.ack, o.severity})
	if err != nil {
		return fmt.Errorf("record a change of alarm %s: %w", id, err)
	}
	last := a.EventTime
	if a.Changed != nil {
		last = *a.Changed
	}
	err = l.c.Record(ctx, domain, hub.Record{
		ID: hub.DeriveID(kindOrdered, id, stamp(last), o.by.String(), string(data)), Kind: kindOrdered, Time: o.at,
		Actor: o.by.String(), Subject: "alarm/" + id, Data: data,
	})
	if err != nil && hub.CodeOf(err) != hub.Conflict { // Conflict: recorded by a call that failed since
		return fmt.Errorf("record a change of alarm %s: %w", id, err)
	}
	return nil
}
