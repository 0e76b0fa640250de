package faults

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// Origin is the alarm list of another function, which a [List] follows. A is what that
// function shows of an alarm. All fields but Query are needed.
type Origin[A any] struct {
	Name  string          // of the function, for people: "the VIM"
	API   *httpapi.Client // of its alarms
	Query url.Values      // that leaves out what is cleared, of a list that has it
	// Faults returns what an alarm means here: nothing, if it is cleared or is about
	// nothing of this function.
	Faults func(ctx context.Context, a *A) ([]Known, error)
}

// Sweep makes a list agree with all that the origin has. Its cost grows with the
// alarms that are open there.
func (o Origin[A]) Sweep(ctx context.Context, l *List) error {
	return l.Agree(ctx, "", func(ctx context.Context) (known []Known, err error) {
		for a, err := range httpapi.All[A](ctx, o.API, "/alarms", o.Query) {
			if err != nil {
				return nil, fmt.Errorf("list the alarms of %s: %w", o.Name, err)
			}
			of, err := o.Faults(ctx, &a)
			if err != nil {
				return nil, err
			}
			known = append(known, of...)
		}
		return known, nil
	})
}

// Look makes the alarms of a list agree that come from one of the origin's.
func (o Origin[A]) Look(ctx context.Context, l *List, id string) error {
	return l.Agree(ctx, id, func(ctx context.Context) ([]Known, error) {
		var a A
		_, err := o.API.Do(ctx, http.MethodGet, "/alarms/"+url.PathEscape(id), nil, &a)
		if hub.CodeOf(err) == hub.NotFound {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read alarm %s of %s: %w", id, o.Name, err)
		}
		return o.Faults(ctx, &a)
	})
}
