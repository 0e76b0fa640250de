package catalogue

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/catalogue/csar"
)

// Summary is what is said of a package's integrity where it is used.
type Summary struct {
	Result         string    `json:"result"` // OK or FAILED
	SHA256         string    `json:"sha256"`
	SecurityOption string    `json:"securityOption,omitempty"`
	Signers        []string  `json:"signers,omitempty"` // subjects
	Verified       time.Time `json:"verified"`          // when it was on-boarded
	Checked        time.Time `json:"checked,omitzero"`  // when the digest was last compared, in this call
}

// Summary returns what is known of the package's integrity. It does not look.
func (p *Package) Summary() Summary {
	out := Summary{Result: p.Integrity(), Verified: p.Time}
	if p.Content != nil {
		out.SHA256 = p.Content.SHA256
	}
	if p.Result != nil {
		out.SecurityOption = string(p.Result.Option)
		for _, g := range p.Result.Signers {
			out.Signers = append(out.Signers, g.Subject)
		}
	}
	return out
}

// Use finds the on-boarded package of a trust domain that has a descriptor and
// compares the stored file with the digest that was verified. hub.NotFound if
// there is none, hub.Conflict if it is disabled, hub.Unprocessable if the file
// was altered, with the artifact's name.
//
// It keeps no list of users: [Config.InUse] knows them. A user that must find the
// package again later lets InUse know before it asks; a package that passed is
// then not deleted until InUse no longer holds, because it is seen DISABLED
// before InUse is asked, and nothing passes from then on.
func (s *Service) Use(ctx context.Context, kind Kind, domain, descriptorID string) (Package, Summary, error) {
	p, err := s.Find(ctx, kind, domain, descriptorID)
	if hub.CodeOf(err) == hub.NotFound {
		return Package{}, Summary{}, hub.E(hub.NotFound, "use package", fmt.Sprintf("no %s with the descriptor %q is on-boarded in this trust domain; on-board it first", kind, clip(descriptorID)), nil)
	}
	if err != nil {
		return Package{}, Summary{}, err
	}
	if err := usable(&p); err != nil {
		return Package{}, Summary{}, err
	}
	if err := s.Check(ctx, kind, p.ID); err != nil {
		return Package{}, Summary{}, err
	}
	checked := s.config.Now().UTC()
	if p, err = s.Get(ctx, kind, p.ID); err != nil { // the reading may have taken long
		return Package{}, Summary{}, err
	}
	if err := usable(&p); err != nil {
		return Package{}, Summary{}, err
	}
	summary := p.Summary()
	summary.Checked = checked
	return p, summary, nil
}

func usable(p *Package) error {
	switch {
	case p.Altered != "":
		return altered(p.Altered)
	case !p.Enabled && p.Kind != PNF:
		return hub.E(hub.Conflict, "use package", fmt.Sprintf("the %s %s is DISABLED; enable it first", p.Kind, p.ID), nil)
	}
	return nil
}

func altered(what string) error {
	return hub.E(hub.Unprocessable, "use package", what+": the stored package is not the one that was verified; delete it and on-board it anew", nil)
}

// Check compares the stored file with the digest that was verified. A file that
// was altered is hub.Unprocessable with the artifact's name; it is recorded,
// shown and told once, and the package cannot be used from then on.
func (s *Service) Check(ctx context.Context, kind Kind, id string) error {
	p, err := s.Get(ctx, kind, id)
	if err != nil {
		return err
	}
	if p.Content == nil {
		return notOnboarded(&p)
	}
	if p.Altered != "" {
		return altered(p.Altered)
	}
	intact, err := s.checks.intact(ctx, s.work, p.Domain, p.Content)
	if err != nil || intact {
		return err
	}
	return s.condemn(ctx, &p, s.findAltered(ctx, &p))
}

// condemn writes down that a stored package was altered.
func (s *Service) condemn(ctx context.Context, p *Package, what string) error {
	if err := s.record(ctx, RecordAltered, p, hub.Identity{TrustDomain: HubDomain, Kind: hub.KindHub, Name: "hub"}.String(), p.Upload, map[string]string{
		"artifact": what, "sha256": p.Content.SHA256, "descriptorId": p.DescriptorID(),
	}); err != nil {
		return err
	}
	s.config.Log.Error("a stored package was altered", "package", p.ID, "trustDomain", p.Domain, "artifact", what)
	_, err := s.kinds[p.Kind].Update(ctx, p.ID, func(now *Package) error {
		if now.Altered == "" && now.Upload == p.Upload {
			now.Altered = what
			now.event(EventState, s.config.Now().UTC(), "altered "+p.Upload, nil)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.goOn(p.Kind, p.ID, noUpload)
	return altered(what)
}

// findAltered names the first artifact whose bytes are not those that were
// verified.
func (s *Service) findAltered(ctx context.Context, p *Package) string {
	const whole = "the package file"
	f, a, err := s.openArchive(p)
	if err != nil || p.Result == nil {
		return whole
	}
	defer f.Close()
	for _, want := range p.Result.Artifacts {
		if want.External {
			continue
		}
		r, _, err := a.Artifact(want.Path)
		if err != nil {
			return clip(want.Path)
		}
		h := newHash(want.Algorithm)
		_, err = io.Copy(h, cancelled{ctx, r})
		r.Close()
		if ctx.Err() == nil && (err != nil || hex.EncodeToString(h.Sum(nil)) != want.Hash) {
			return clip(want.Path)
		}
	}
	return whole
}

func (s *Service) openArchive(p *Package) (*os.File, *csar.Archive, error) {
	f, err := s.store.open(p.Domain, p.Content.SHA256)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		var a *csar.Archive
		if a, err = csar.Open(f, info.Size(), s.config.Limits); err == nil {
			return f, a, nil
		}
	}
	return nil, nil, errors.Join(err, f.Close())
}

func notOnboarded(p *Package) error {
	return hub.E(hub.Conflict, "read package", fmt.Sprintf("the package is %s; its content can be read when it is ONBOARDED", p.State), nil)
}

// OpenContent opens the stored file of an on-boarded package for reading, with its
// digest compared first. hub.Conflict before on-boarding.
func (s *Service) OpenContent(ctx context.Context, kind Kind, id string) (*os.File, Package, error) {
	p, err := s.Get(ctx, kind, id)
	if err != nil {
		return nil, Package{}, err
	}
	if p.State != Onboarded {
		return nil, Package{}, notOnboarded(&p)
	}
	if err := s.Check(ctx, kind, id); err != nil {
		return nil, Package{}, err
	}
	f, err := s.store.open(p.Domain, p.Content.SHA256)
	return f, p, err
}

// Artifact opens a file of an on-boarded package. The reader fails at its end
// with hub.Unprocessable when the bytes are not those that were verified.
// hub.NotFound if there is no such artifact.
func (s *Service) Artifact(ctx context.Context, kind Kind, id, path string) (io.ReadCloser, csar.Artifact, error) {
	p, err := s.Get(ctx, kind, id)
	if err != nil {
		return nil, csar.Artifact{}, err
	}
	if p.State != Onboarded {
		return nil, csar.Artifact{}, notOnboarded(&p)
	}
	i := slices.IndexFunc(p.Result.Artifacts, func(a csar.Artifact) bool { return a.Path == path && !a.External })
	if i < 0 {
		return nil, csar.Artifact{}, hub.E(hub.NotFound, "read artifact", "the package has no such artifact; its list is in additionalArtifacts", nil)
	}
	f, a, err := s.openArchive(&p)
	if err != nil {
		return nil, csar.Artifact{}, s.condemn(ctx, &p, "the package file")
	}
	r, _, err := a.Artifact(path)
	if err != nil {
		return nil, csar.Artifact{}, errors.Join(s.condemn(ctx, &p, clip(path)), f.Close())
	}
	want := p.Result.Artifacts[i]
	return &checkedReader{r: r, f: f, h: newHash(want.Algorithm), want: want.Hash, wrong: func() error {
		return s.condemn(context.WithoutCancel(ctx), &p, clip(path))
	}}, want, nil
}

// Image opens a software image of a VNF package, by the name of the VDU or
// storage that it is for, as [Service.Artifact] does. The checksum is the one
// that the VNFD states, which was compared with the bytes at on-boarding.
func (s *Service) Image(ctx context.Context, id, name string) (r io.ReadCloser, size int64, algorithm, checksum string, err error) {
	p, err := s.Get(ctx, VNF, id)
	if err != nil {
		return nil, 0, "", "", err
	}
	img := p.Images()[name]
	if img == nil {
		return nil, 0, "", "", hub.E(hub.NotFound, "read software image", fmt.Sprintf("the package has no software image for %q", clip(name)), nil)
	}
	r, a, err := s.Artifact(ctx, VNF, id, img.File)
	return r, a.Size, img.Algorithm, img.Hash, err
}

// checkedReader fails at its end when what was read is not what was verified.
type checkedReader struct {
	r     io.ReadCloser
	f     io.Closer
	h     hash.Hash
	want  string
	wrong func() error
	end   error
}

func (c *checkedReader) Read(p []byte) (int, error) {
	if c.end != nil {
		return 0, c.end
	}
	n, err := c.r.Read(p)
	c.h.Write(p[:n])
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF && hex.EncodeToString(c.h.Sum(nil)) == c.want:
		c.end = io.EOF
	default:
		c.end = c.wrong()
	}
	return n, c.end
}

func (c *checkedReader) Close() error { return errors.Join(c.r.Close(), c.f.Close()) }

// clip keeps what a stranger wrote short in messages.
func clip(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
