package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// decisionOf finds the decision that an ID names: its own, or that of its event.
func (s *remoteSM) decisionOf(ctx context.Context, id string) (string, error) {
	_, err := s.do(ctx, http.MethodGet, "/decisions/"+url.PathEscape(id), nil, nil, nil)
	if hub.CodeOf(err) != hub.NotFound {
		return id, err
	}
	of, listed := listOf[decision](ctx, s, "/decisions", url.Values{"eventId": {id}})
	if listed != nil {
		return "", listed
	}
	if len(of) == 0 {
		return "", err
	}
	return of[0].ID, nil
}

// recordedInput reads the input of what --event names.
func (e *evaluation) recordedInput(ctx context.Context) ([]byte, error) {
	sm, err := e.p.remoteSM(ctx, e.which)
	if err != nil {
		return nil, err
	}
	id, err := sm.decisionOf(ctx, e.with.event)
	if err != nil {
		return nil, err
	}
	return sm.input(ctx, id)
}

// dryRun is what a Security Manager is asked to judge.
type dryRun struct {
	DecisionID string                     `json:"decisionId,omitempty"`
	Event      json.RawMessage            `json:"event,omitempty"`
	Input      json.RawMessage            `json:"input,omitempty"`
	Revision   string                     `json:"revision,omitempty"`
	Parameters map[string]json.RawMessage `json:"parameters,omitempty"`
	Policy     string                     `json:"policy,omitempty"`
}

// revisionRecorded is the revision that made a decision.
const revisionRecorded = "recorded"

// judgeThere has the Security Manager evaluate its own policies.
func (e *evaluation) judgeThere(ctx context.Context, recorded bool) (*evalReport, error) {
	in := dryRun{Revision: e.revision, Policy: e.only}
	var err error
	if in.Parameters, err = e.with.values(); err != nil {
		return nil, err
	}
	if !recorded {
		if err := in.read(e.with.event); err != nil {
			return nil, err
		}
	}
	sm, err := e.p.remoteSM(ctx, e.which)
	if err != nil {
		return nil, err
	}
	if recorded {
		if in.DecisionID, err = sm.decisionOf(ctx, e.with.event); err != nil {
			return nil, err
		}
	}
	if in.Revision != "" && in.Revision != revisionRecorded {
		if in.Revision, err = sm.whole(ctx, in.Revision); err != nil {
			return nil, err
		}
	}
	var out struct {
		*policies.Result
		Same *bool `json:"same"`
	}
	err = e.p.during("the Security Manager evaluates its policies", func() error {
		_, err := sm.do(ctx, http.MethodPost, "/evaluations", nil, in, &out)
		return err
	})
	if err != nil {
		return nil, err
	}
	if out.Result == nil {
		return nil, hub.E(hub.Unavailable, "evaluate policies", "the answer holds no result; is the hub of this version?", nil)
	}
	return &evalReport{Result: out.Result, Same: out.Same}, nil
}

// read takes an input or an event from a file.
func (d *dryRun) read(file string) error {
	raw, err := readDocument(file)
	if err != nil {
		return err
	}
	var is struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(raw, &is); err != nil {
		return hub.E(hub.Invalid, "read event", fmt.Sprintf("%s holds neither an input nor an event; an event has kind, key and body", file), nil)
	}
	if is.Schema != "" {
		d.Input = raw
	} else {
		d.Event = raw
	}
	return nil
}
