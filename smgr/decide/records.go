package decide

import (
	"encoding/json"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// The kinds of records of a decision. What is in shadow is in the decision alone.
const (
	RecordDecision  = "sm.decision"  // the decision
	RecordAlert     = "sm.alert"     // findings that tell the operators something
	RecordUndecided = "sm.undecided" // an alarm: something was not judged
	RecordConflict  = "sm.conflict"  // an alarm: orders contradict each other
)

// notice is the content of the records that tell somebody about a decision.
type notice struct {
	DecisionID string           `json:"decisionId"`
	EventID    string           `json:"eventId"`
	Key        string           `json:"key"`
	Findings   []hub.Finding    `json:"findings,omitempty"`
	Undecided  []smgr.Undecided `json:"undecided,omitempty"`
	Conflicts  []smgr.Conflict  `json:"conflicts,omitempty"`
}

// records returns the records of a decision: the same ones each time.
func (d *Decider) records(dec *smgr.Decision) ([]hub.Record, error) {
	var list []hub.Record
	var failed error
	add := func(kind string, content any) {
		data, err := json.Marshal(content)
		if err != nil && failed == nil {
			failed = fmt.Errorf("record decision: %w", err)
		}
		list = append(list, hub.Record{
			ID: hub.DeriveID(kind, d.c.TrustDomain, d.c.Name, dec.ID), Kind: kind, Time: dec.Decided,
			Actor: d.c.actor(), Subject: "decision/" + dec.ID, Data: data,
		})
	}
	add(RecordDecision, dec)
	about := notice{DecisionID: dec.ID, EventID: dec.EventID, Key: dec.Key}
	if alerts := alerts(dec); len(alerts) > 0 {
		n := about
		n.Findings = alerts
		add(RecordAlert, n)
	}
	if len(dec.Undecided) > 0 {
		n := about
		n.Undecided = dec.Undecided
		add(RecordUndecided, n)
	}
	if len(dec.Conflicts) > 0 {
		n := about
		n.Conflicts = dec.Conflicts
		add(RecordConflict, n)
	}
	return list, failed
}

// alerts returns the findings that tell the operators something: those with an
// alert, and those that ask for nothing else.
func alerts(dec *smgr.Decision) []hub.Finding {
	var list []hub.Finding
	for i, f := range dec.Findings {
		told := len(f.Actions) == 0
		for _, a := range f.Actions {
			told = told || a.Type == hub.ActionAlert
		}
		if told && dec.Levels[i].Rank() >= smgr.LevelAdvise.Rank() {
			list = append(list, f)
		}
	}
	return list
}
