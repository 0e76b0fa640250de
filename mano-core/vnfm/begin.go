package vnfm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// Caller is who asks for something, and how a repetition is known.
type Caller struct {
	Identity hub.Identity
	// Key is the Idempotency-Key of the request; empty: every request is a new one.
	Key string
	// Automatic is set for what the VNFM asks of itself.
	Automatic bool
}

// derive returns the ID of what a request creates.
func (c Caller) derive(kind string) string {
	if c.Key == "" {
		return hub.NewID()
	}
	return hub.DeriveID(kind, c.Identity.String(), c.Key)
}

// hashOf is what two requests with the same key are compared by: the resource and
// the request as it was understood.
func hashOf(target string, request any) (string, error) {
	raw, err := json.Marshal(request)
	if err != nil {
		return "", fmt.Errorf("hash request: %w", err)
	}
	sum := sha256.Sum256(append([]byte(target+"\n"), raw...))
	return hex.EncodeToString(sum[:]), nil
}

// repeated says whether a request with the same key was answered before.
func repeated(hash, now string) error {
	if hash == now {
		return nil
	}
	return hub.E(hub.Unprocessable, "repeat request", "this Idempotency-Key was used with another request; use a new key, or send the same request again", nil)
}

// order is one request for an operation.
type order struct {
	vnf          string
	kind         sol003.LcmOperationType
	caller       Caller
	request      any
	instantiated bool // the state that the VNF must be in
	anyState     bool
	// plan fills in what the operation changes. gen is the VNF's next generation.
	plan func(ctx context.Context, vnf state.Entry[VNF], gen int, op *Operation) error
}

// begin stores an operation, locks its VNF and runs it. It returns the operation's
// ID, of an earlier one if the request is a repetition.
func (s *Service) begin(ctx context.Context, o order) (string, error) {
	hash, err := hashOf(string(o.kind)+" "+o.vnf, o.request)
	if err != nil {
		return "", err
	}
	id := o.caller.derive("op")
	for {
		was, err := s.earlier(ctx, id)
		if err == nil {
			return id, repeated(was.Value.BodyHash, hash)
		}
		if hub.CodeOf(err) != hub.NotFound {
			return "", err
		}
		err = s.tryBegin(ctx, o, id, hash)
		if hub.CodeOf(err) != hub.Precondition || isRefusal(err) || ctx.Err() != nil {
			return id, err
		}
	}
}

// earlier returns the operation that the same request began before. One that a
// crash left without its VNF is dropped: it never began.
func (s *Service) earlier(ctx context.Context, id string) (state.Entry[Operation], error) {
	op, err := s.ops.Get(ctx, id)
	if err != nil {
		return op, err
	}
	s.mu.Lock()
	begins := s.beginning[id]
	s.mu.Unlock()
	if begins {
		return op, nil
	}
	return op, s.dropUnheld(ctx, op)
}

// isRefusal tells a precondition of the caller's (If-Match) from the one that says
// that another change came first.
func isRefusal(err error) bool {
	var refused refusal
	return errors.As(err, &refused)
}

// refusal is an error of a plan that trying again does not mend.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// tryBegin fails with hub.Precondition when the VNF changed meanwhile.
func (s *Service) tryBegin(ctx context.Context, o order, id, hash string) error {
	vnf, err := s.VNF(ctx, o.vnf)
	if err != nil {
		return err
	}
	if len(vnf.Value.Pending) > 0 {
		// What the VNF has to tell goes out before what the operation has.
		if err := s.finishVNF(ctx, o.vnf); err != nil {
			return err
		}
		if vnf, err = s.VNF(ctx, o.vnf); err != nil {
			return err
		}
	}
	if err := s.checkFree(ctx, vnf, o); err != nil {
		return err
	}
	params, err := attributes(o.request)
	if err != nil {
		return err
	}
	now := s.Now().UTC()
	op := Operation{
		VNF: o.vnf, Kind: o.kind, State: sol003.LcmOperationStateStarting, Entered: now, Started: now, Params: params,
		Automatic: o.caller.Automatic, RequestedBy: o.caller.Identity.String(), BodyHash: hash,
		Before: vnf.Value.Layout, After: vnf.Value.Layout.clone(), Subject: vnf.Value.subject(o.vnf),
	}
	if err := o.plan(ctx, vnf, vnf.Value.Generation+1, &op); err != nil {
		return refusal{err}
	}
	if err := s.note(id, &op); err != nil {
		return err
	}
	s.setBeginning(id, true)
	defer s.setBeginning(id, false)
	if _, err := s.ops.Create(ctx, vnf.Domain, id, &op); err != nil {
		if hub.CodeOf(err) == hub.Conflict {
			return hub.E(hub.Precondition, "begin operation", "the same request came twice at once; send it again", err)
		}
		return err
	}
	vnf.Value.Running = id
	vnf.Value.Generation++
	_, err = s.vnfs.Replace(ctx, vnf)
	if hub.CodeOf(err) == hub.Precondition || hub.CodeOf(err) == hub.NotFound {
		if gone := s.ops.Delete(ctx, id, nil); gone != nil {
			return gone
		}
		return err
	}
	// After another error it is not known whether the VNF is locked: the run finds
	// out, and drops the operation if it is not.
	s.launch(id)
	return err
}

func (s *Service) setBeginning(id string, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is {
		s.beginning[id] = true
	} else {
		delete(s.beginning, id)
	}
}

// checkFree refuses an operation that the VNF's state or another one forbids.
func (s *Service) checkFree(ctx context.Context, vnf state.Entry[VNF], o order) error {
	if running := vnf.Value.Running; running != "" {
		if err := s.checkEnded(ctx, running); err != nil {
			return err
		}
	}
	switch is := vnf.Value.Layout != nil; {
	case o.anyState || is == o.instantiated:
		return nil
	case is:
		return hub.E(hub.Conflict, "begin operation", "the VNF instance is INSTANTIATED already; terminate it first", nil)
	default:
		return hub.E(hub.Conflict, "begin operation", "the VNF instance is NOT_INSTANTIATED; instantiate it first", nil)
	}
}

// checkEnded refuses as long as an operation holds its VNF. Events of one that
// has ended go out first, so that those of one VNF stay in order.
func (s *Service) checkEnded(ctx context.Context, id string) error {
	op, err := s.ops.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if !op.Value.ended() {
		text := fmt.Sprintf("operation %s (%s, %s) holds the VNF instance; wait for its end", id, op.Value.Kind, op.Value.State)
		if op.Value.State == sol003.LcmOperationStateFailedTemp {
			text = fmt.Sprintf("operation %s (%s) has failed and holds the VNF instance; retry it, roll it back or fail it", id, op.Value.Kind)
		}
		return hub.E(hub.Conflict, "begin operation", text, nil)
	}
	return s.publishOp(ctx, op)
}

// attributes turns a request into what operationParams shows.
func attributes(request any) (map[string]any, error) {
	raw, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	params := map[string]any{}
	if err := json.Unmarshal(raw, &params); err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	return params, nil
}
