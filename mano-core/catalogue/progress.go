package catalogue

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// The kinds of records that the catalogue writes beside [RecordPolicy].
const (
	RecordOnboarded = "package.onboarded"
	RecordRefused   = "package.refused"
	RecordState     = "package.state-changed"
	RecordDeleted   = "package.deleted"
	RecordAltered   = "package.integrity-failed"
)

// noUpload is the upload of work that only tells events or ends a deletion.
const noUpload = ""

// goOn does the work of one package that is left, without a caller. upload is
// the one that it was started for: another upload has a goroutine of its own.
func (s *Service) goOn(kind Kind, id, upload string) {
	s.busy.Go(func() {
		for s.work.Err() == nil {
			more, err := s.step(s.work, kind, id, upload)
			if err == nil && !more {
				return
			}
			if err == nil {
				continue
			}
			s.config.Log.Error("work on a package failed and will be tried again", "package", id, "error", err)
			select {
			case <-s.work.Done():
			case <-time.After(s.config.Retry):
			}
		}
	})
}

// step does one piece of a package's work and says whether there may be more.
func (s *Service) step(ctx context.Context, kind Kind, id, upload string) (more bool, err error) {
	e, err := s.kinds[kind].Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	p := e.Value
	switch {
	case len(p.Pending) > 0:
		return true, s.publish(ctx, kind, id)
	case p.Deleting:
		return false, s.vanish(ctx, &p)
	case p.Upload != upload || upload == noUpload:
		return false, nil
	case p.State == Uploading && p.Source == "":
		return false, nil // its caller is sending it
	case p.State == Uploading:
		return true, s.decide(ctx, &p, s.fetch)
	case p.State == Processing:
		return true, s.decide(ctx, &p, s.judge)
	}
	return false, nil
}

// inSlot does something as soon as there is a slot, and gives the slot back.
func inSlot(ctx context.Context, slots chan struct{}, do func() error) error {
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
		return do()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// decide does a part of the on-boarding. A refusal ends it in ERROR; what may
// work later is an error and tried again.
func (s *Service) decide(ctx context.Context, p *Package, part func(context.Context, *Package) error) error {
	err := part(ctx, p)
	switch hub.CodeOf(err) {
	case "":
		return nil
	case hub.Unprocessable, hub.Conflict, hub.NotFound, hub.Invalid:
		if ctx.Err() != nil {
			return ctx.Err() // the work was stopped, not refused
		}
		return s.reject(ctx, p, err)
	}
	return err
}

// reject ends an on-boarding in ERROR and removes the content.
func (s *Service) reject(ctx context.Context, p *Package, cause error) error {
	if err := s.refused(ctx, p, cause); err != nil {
		return err
	}
	s.config.Log.Warn("a package was refused", "package", p.ID, "trustDomain", p.Domain, "cause", cause)
	failure := failureOf(cause)
	var content *Content
	_, err := s.kinds[p.Kind].Update(ctx, p.ID, func(now *Package) error {
		if now.Upload != p.Upload || (now.State != Uploading && now.State != Processing) {
			return hub.E(hub.Conflict, "refuse package", "it was changed meanwhile", nil)
		}
		content = now.Content
		now.State, now.Failure, now.Content = Failed, failure, nil
		if now.Kind != VNF { // SOL 005 has no notification of a failed VNF package
			now.event(EventFailed, s.config.Now().UTC(), p.Upload, failure)
		}
		return nil
	})
	if hub.CodeOf(err) == hub.Conflict {
		return nil
	}
	if err != nil {
		return fmt.Errorf("refuse package: %w", err)
	}
	if content == nil {
		return nil
	}
	return s.drop(p.Domain, content)
}

// refused records that a package was not taken in (Sc-Or.NsLcm.003).
func (s *Service) refused(ctx context.Context, p *Package, cause error) error {
	return s.record(ctx, RecordRefused, p, p.Actor, p.Upload, map[string]string{
		"reason": hub.SafeText(cause), "source": p.Source, "upload": p.Upload,
	})
}

// cutOff ends the uploads whose callers were lost with the last process.
func (s *Service) cutOff(ctx context.Context, p *Package) error {
	return s.reject(ctx, p, refusal("the upload was cut off when this function stopped; upload the package again", nil))
}

// publish tells the events of a package, in order. Telling twice is harmless:
// an event keeps its ID.
func (s *Service) publish(ctx context.Context, kind Kind, id string) error {
	lock, _ := s.tell.LoadOrStore(id, &sync.Mutex{})
	lock.(*sync.Mutex).Lock()
	defer lock.(*sync.Mutex).Unlock()
	e, err := s.kinds[kind].Get(ctx, id)
	if err != nil {
		return ignoreNotFound(err)
	}
	p := s.seen(e.Value)
	told := map[string]bool{}
	for _, event := range p.Pending {
		for _, n := range notifications(&p, event) {
			if err := s.config.Publisher.Publish(ctx, n); err != nil {
				return fmt.Errorf("publish %s of package: %w", event.Type, err)
			}
		}
		told[event.ID] = true
	}
	_, err = s.kinds[kind].Update(ctx, id, func(p *Package) error {
		var left []Event
		for _, event := range p.Pending {
			if !told[event.ID] {
				left = append(left, event)
			}
		}
		p.Pending = left
		return nil
	})
	return ignoreNotFound(err)
}

func ignoreNotFound(err error) error {
	if hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	return err
}

// vanish ends a deletion whose events were told.
func (s *Service) vanish(ctx context.Context, p *Package) error {
	if err := ignoreNotFound(s.kinds[p.Kind].Delete(ctx, p.ID, nil)); err != nil {
		return fmt.Errorf("delete package: %w", err)
	}
	s.tell.Delete(p.ID)
	if p.Content == nil {
		return nil
	}
	return s.drop(p.Domain, p.Content)
}
