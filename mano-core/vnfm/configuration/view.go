package configuration

import (
	"context"
	"encoding/json"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// View is how far the configuration of a VNF is, and what the VNF says that it has.
type View struct {
	VnfInstanceID string         `json:"vnfInstanceId"`
	State         State          `json:"state"`
	Since         *time.Time     `json:"since,omitempty"`   // of State
	Problem       string         `json:"problem,omitempty"` // why it is not taken, in the VNF's words if it has some
	Wanted        map[string]any `json:"wanted"`            // vnfSpecificData as it is to be
	// Configuration is the VnfConfiguration (SOL 002 clause 9.5.2.3) as the VNF just said
	// it; absent when it could not be read, for ReadProblem's reason.
	Configuration json.RawMessage `json:"configuration,omitempty"`
	ReadProblem   string          `json:"readProblem,omitempty"`
}

// Show returns the configuration of a VNF, which is asked for it.
func (l *List) Show(ctx context.Context, id string) (View, error) {
	v, err := l.c.VNF(ctx, id)
	if err != nil {
		return View{}, err
	}
	out := View{VnfInstanceID: id, State: None, Wanted: v.Wanted}
	if out.Wanted == nil {
		out.Wanted = map[string]any{}
	}
	if v.Address == "" {
		return out, nil
	}
	out.State = Pending
	e, err := l.kept.Get(ctx, id)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return View{}, err
	}
	if sum, sumErr := sumOf(&v); err == nil && sumErr == nil && e.Value.Sum == sum && !v.Busy {
		out.State, out.Since, out.Problem = e.Value.State, &e.Value.Since, e.Value.Problem
	}
	client, err := l.c.Client(v.Domain)
	if err == nil {
		var have has
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		have, _, err = read(ctx, client, v.Address)
		out.Configuration = have.whole
	}
	if err != nil {
		out.ReadProblem = clip(hub.SafeText(err))
	}
	return out, nil
}
