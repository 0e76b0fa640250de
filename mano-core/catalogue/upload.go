package catalogue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// ErrTooLarge is in the chain of the error of an upload that exceeds
// Config.MaxPackage.
var ErrTooLarge = errTooLarge

// afterwards bounds what is written down after a caller has gone.
const afterwards = 10 * time.Second

// Upload takes a package's content in and returns when it is durable. It is then
// judged without the caller: the state goes on to ONBOARDED or ERROR. An upload
// that fails leaves nothing on disk and the package as it was.
func (s *Service) Upload(ctx context.Context, actor hub.Identity, kind Kind, id string, body io.Reader) error {
	p, err := s.begin(ctx, actor, kind, id, "")
	if err != nil {
		return err
	}
	if err := s.receive(ctx, &p, body); err != nil {
		return s.abandon(ctx, &p, err)
	}
	s.goOn(kind, id, p.Upload)
	return nil
}

// UploadFrom lets the catalogue fetch a package's content from an https URI. It
// returns when that is written down; the state then goes on to ONBOARDED or
// ERROR, also over a restart.
func (s *Service) UploadFrom(ctx context.Context, actor hub.Identity, kind Kind, id, uri string) error {
	if !fetchable(uri) {
		return hub.E(hub.Unprocessable, "upload package from URI", "addressInformation is no https URI without credentials; give one", nil)
	}
	p, err := s.begin(ctx, actor, kind, id, uri)
	if err != nil {
		return err
	}
	s.goOn(kind, id, p.Upload)
	return nil
}

// begin writes down that an upload starts.
func (s *Service) begin(ctx context.Context, actor hub.Identity, kind Kind, id, source string) (Package, error) {
	upload := hub.NewID()
	e, err := s.kinds[kind].Update(ctx, id, func(p *Package) error {
		switch {
		case p.Deleting:
			return notFound(kind)
		case p.State != Created && p.State != Failed:
			return hub.E(hub.Conflict, "upload package", fmt.Sprintf("the package is %s; content can be uploaded while it is CREATED or ERROR", p.State), nil)
		}
		p.State, p.Upload, p.Source, p.Actor, p.Failure = Uploading, upload, source, actor.String(), nil
		return nil
	})
	return e.Value, err
}

// receive stores the content and writes down that it is there to be judged.
func (s *Service) receive(ctx context.Context, p *Package, body io.Reader) error {
	content, release, err := s.store.receive(ctx, p.Domain, p.Upload, body)
	if err != nil {
		return err
	}
	defer release()
	_, err = s.kinds[p.Kind].Update(ctx, p.ID, func(now *Package) error {
		if now.State != Uploading || now.Upload != p.Upload || now.Deleting {
			return hub.E(hub.Conflict, "upload package", "the package was changed during the upload; look at it again", nil)
		}
		now.State, now.Content = Processing, content
		return nil
	})
	if err == nil || s.tookEffect(ctx, p) {
		return nil
	}
	release()
	return errors.Join(err, s.drop(p.Domain, content))
}

// tookEffect says whether a change that failed is there all the same: a store
// that does not answer in time may have written it.
func (s *Service) tookEffect(ctx context.Context, p *Package) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	e, err := s.kinds[p.Kind].Get(ctx, p.ID)
	return err == nil && e.Value.State == Processing && e.Value.Upload == p.Upload
}

// drop removes content unless a package has it.
func (s *Service) drop(domain string, c *Content) error {
	return s.store.remove(domain, c.SHA256, func() bool { return s.contentNeeded(domain, c.SHA256) })
}

// abandon takes an upload back that failed while its caller waits, or has gone.
func (s *Service) abandon(ctx context.Context, p *Package, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	var told *hub.Error
	large := errors.Is(cause, errTooLarge)
	var unrecorded error
	switch {
	case large:
		told = hub.E(hub.Invalid, "upload package", fmt.Sprintf("the package is larger than the %d bytes that are taken here", s.config.MaxPackage), cause)
		unrecorded = s.refused(ctx, p, told)
	case errors.As(cause, &told):
	case errors.Is(cause, io.ErrUnexpectedEOF) || errors.Is(cause, context.Canceled):
		told = hub.E(hub.Invalid, "upload package", "the upload was cut off; send the package again", cause)
	default:
		told = hub.E(hub.Unavailable, "upload package", "the package cannot be stored now; try again", cause)
	}
	_, err := s.kinds[p.Kind].Update(ctx, p.ID, func(now *Package) error {
		if now.State == Uploading && now.Upload == p.Upload {
			now.State, now.Upload = Created, ""
		}
		return nil
	})
	if err != nil {
		s.config.Log.Error("an upload could not be taken back; it will be at the next start", "package", p.ID, "error", err)
	}
	if unrecorded != nil {
		return unrecorded
	}
	if large {
		return fmt.Errorf("%w: %w", told, errTooLarge)
	}
	return told
}

// fetch gets the content from the package's URI. A failure that the other side
// causes refuses the package; there is no second attempt that nobody asked for.
func (s *Service) fetch(ctx context.Context, p *Package) error {
	return inSlot(ctx, s.fetching, func() error { return s.fetchNow(ctx, p) })
}

func (s *Service) fetchNow(ctx context.Context, p *Package) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.FetchTimeout)
	defer cancel()
	body, err := s.get(ctx, p.Source)
	if err != nil {
		return err
	}
	defer body.Close()
	err = s.receive(ctx, p, body)
	var coded *hub.Error
	switch {
	case err == nil || errors.As(err, &coded):
		return err
	case errors.Is(err, errTooLarge):
		return refusal(fmt.Sprintf("the package at the URI is larger than the %d bytes that are taken here", s.config.MaxPackage), err)
	}
	return refusal("the package at the URI broke off or could not be stored; upload it again", err)
}

// refusal is a failure of an on-boarding that trying again does not mend.
func refusal(text string, err error) error {
	return hub.E(hub.Unprocessable, "on-board package", text, err)
}
