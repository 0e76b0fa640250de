package vim

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// Status of an image.
const (
	imageQueued = "QUEUED" // without content
	imageActive = "ACTIVE"
)

// sampleSize is how many of an image's bytes are kept; of the rest, the digests.
const sampleSize = 4 << 10

// AddImage is Add Software Image (IFA 006 clause 7.2.1). Its content comes with
// [Model.PutContent].
func (m *Model) AddImage(ctx context.Context, want ifa006.Image) (*ifa006.Image, error) {
	const op = "add image"
	want.Checksum, want.NfviSource, want.Status, want.SizeBytes = nil, "", "", 0
	want.CreatedAt, want.UpdatedAt = want.CreatedAt.UTC().Truncate(0), want.UpdatedAt.UTC().Truncate(0)
	if err := checkImage(op, &want); err != nil {
		return nil, err
	}
	request, err := digest(want)
	if err != nil {
		return nil, err
	}
	r := &imageRecord{made: made{Domain: want.TrustDomain, Request: request}, Image: want}
	r.Status = imageQueued
	if r.CreatedAt.IsZero() {
		r.CreatedAt = m.Now().UTC()
	}
	r.Pending = []pending{m.changed(typeI, r.ID, r.Domain, ifa006.ChangeCreated, nil)}
	e, err := createOnce(ctx, m.images, "image", want.ID, request, func(r *imageRecord) string { return r.Request }, r, nil)
	if err != nil {
		return nil, err
	}
	announce(ctx, m, m.images, e)
	return e.Value.show(), nil
}

func checkImage(op string, i *ifa006.Image) error {
	if err := checkID(op, "id", i.ID); err != nil {
		return err
	}
	if err := checkDomain(op, i.TrustDomain); err != nil {
		return err
	}
	if err := checkTexts(op, i.Metadata, i.Name, i.Provider, i.Version, i.ContainerFormat, i.DiskFormat); err != nil {
		return err
	}
	if i.MinDiskGiB < 0 || i.MinMemoryMiB < 0 {
		return hub.E(hub.Invalid, op, "minDiskGiB and minMemoryMiB cannot be negative", nil)
	}
	if i.StatedChecksum == nil {
		return nil
	}
	i.StatedChecksum.Hash = strings.ToLower(i.StatedChecksum.Hash)
	raw, err := hex.DecodeString(i.StatedChecksum.Hash)
	size := map[string]int{"SHA-256": sha256.Size, "SHA-512": sha512.Size}[i.StatedChecksum.Algorithm]
	if err != nil || size == 0 || len(raw) != size {
		return hub.E(hub.Invalid, op, fmt.Sprintf("statedChecksum %.40q %.140q: algorithm is SHA-256 or SHA-512, and hash a digest of its length in hexadecimal", i.StatedChecksum.Algorithm, i.StatedChecksum.Hash), err)
	}
	return nil
}

func (r *imageRecord) show() *ifa006.Image {
	i := r.Image
	i.NfviSource = source
	return &i
}

// PutContent reads an image's bytes and keeps their digests and a sample. The
// same bytes again change nothing; others are refused, as are bytes that do not
// have the stated checksum.
func (m *Model) PutContent(ctx context.Context, viewer, id string, content io.Reader) error {
	const op = "upload image"
	if _, err := get(ctx, m.images, viewer, "image", id, func(r *imageRecord) string { return r.Domain }); err != nil {
		return err
	}
	read, err := readContent(content)
	if err != nil {
		return err
	}
	e, err := m.images.Update(ctx, id, func(r *imageRecord) error {
		if r.Status == imageActive {
			if r.StatedChecksum != nil && *read.sum(r.StatedChecksum.Algorithm) == *r.StatedChecksum {
				return nil
			}
			return hub.E(hub.Conflict, op, fmt.Sprintf("image %s has another content (%s %s); delete it and add it anew", id, r.StatedChecksum.Algorithm, r.StatedChecksum.Hash), nil)
		}
		if want := r.StatedChecksum; want != nil && *read.sum(want.Algorithm) != *want {
			return hub.E(hub.Unprocessable, op, fmt.Sprintf("the content has %s %s, and %s was stated; send the content that is meant", want.Algorithm, read.sum(want.Algorithm).Hash, want.Hash), nil)
		}
		if r.StatedChecksum == nil {
			r.StatedChecksum = read.sum("SHA-256")
		}
		r.Checksum, r.SHA512, r.Sample, r.SizeBytes = read.sum(r.StatedChecksum.Algorithm), read.sha512, read.sample, read.size
		r.Status, r.UpdatedAt = imageActive, m.Now().UTC()
		r.Pending = append(r.Pending, m.changed(typeI, id, r.Domain, ifa006.ChangeContent, map[string]any{"checksum": *r.Checksum, "sizeBytes": r.SizeBytes}))
		return nil
	})
	if hub.CodeOf(err) == hub.NotFound {
		return notFound("image", id)
	}
	if err != nil {
		return err
	}
	announce(ctx, m, m.images, e)
	return nil
}

// contentRead is what is kept of bytes that were read.
type contentRead struct {
	sha256, sha512 string
	size           int64
	sample         []byte
}

func (c *contentRead) sum(algorithm string) *ifa006.Checksum {
	if algorithm == "SHA-512" {
		return &ifa006.Checksum{Algorithm: algorithm, Hash: c.sha512}
	}
	return &ifa006.Checksum{Algorithm: "SHA-256", Hash: c.sha256}
}

// sample keeps the first bytes that are written to it.
type sample []byte

func (s *sample) Write(p []byte) (int, error) {
	*s = append(*s, p[:min(len(p), sampleSize-len(*s))]...)
	return len(p), nil
}

func readContent(content io.Reader) (*contentRead, error) {
	const op = "upload image"
	small, large, first := sha256.New(), sha512.New(), &sample{}
	size, err := io.Copy(io.MultiWriter(small, large, first), content)
	if known := (*hub.Error)(nil); errors.As(err, &known) {
		return nil, err // too large, as the caller says
	}
	if err != nil {
		return nil, hub.E(hub.Invalid, op, "the content broke off; send it again", err)
	}
	if size == 0 {
		return nil, hub.E(hub.Invalid, op, "the content is empty; send the image's bytes", nil)
	}
	return &contentRead{hex.EncodeToString(small.Sum(nil)), hex.EncodeToString(large.Sum(nil)), size, *first}, nil
}

// checkImage says whether a compute or a storage may be made from an image.
func (m *Model) checkImage(ctx context.Context, domain, id string, flavour *flavourRecord) error {
	const op = "use image"
	e, err := m.images.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || err == nil && e.Value.Domain != domain && e.Value.Domain != All {
		return hub.E(hub.Unprocessable, op, fmt.Sprintf("there is no image %.140s for trust domain %s; add it first", id, domain), nil)
	}
	if err != nil {
		return err
	}
	i := &e.Value.Image
	switch {
	case i.Status != imageActive:
		return hub.E(hub.Conflict, op, fmt.Sprintf("image %s has no content yet; upload it first", id), nil)
	case *i.Checksum != *i.StatedChecksum:
		return hub.E(hub.Conflict, op, fmt.Sprintf("the content of image %s was altered: it has %s %s, and %s was stated; delete the image and add it anew", id, i.Checksum.Algorithm, i.Checksum.Hash, i.StatedChecksum.Hash), nil)
	case flavour != nil && (flavour.Size.DiskGiB < i.MinDiskGiB || flavour.Size.MemoryMiB < i.MinMemoryMiB):
		return hub.E(hub.Unprocessable, op, fmt.Sprintf("flavour %s (%s) is too small for image %s, which needs %d GiB disk and %d MiB memory; choose a larger one",
			flavour.ID, sizeText(flavour.Size), id, i.MinDiskGiB, i.MinMemoryMiB), nil)
	}
	return nil
}

// Image returns an image that the viewer may know of.
func (m *Model) Image(ctx context.Context, viewer, id string) (*ifa006.Image, error) {
	e, err := m.images.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || err == nil && !sees(viewer, e.Value.Domain) && e.Value.Domain != All {
		return nil, notFound("image", id)
	}
	if err != nil {
		return nil, err
	}
	return e.Value.show(), nil
}

// DeleteImage is Delete Software Image (clause 7.2.5). One that a compute was
// made from is refused while the compute is there.
func (m *Model) DeleteImage(ctx context.Context, viewer, id string) error {
	if _, err := get(ctx, m.images, viewer, "image", id, func(r *imageRecord) string { return r.Domain }); err != nil {
		return err
	}
	if used := m.computes.Find(termImage + id); len(used) > 0 {
		return hub.E(hub.Conflict, "delete image", fmt.Sprintf("%d computes were made from image %s, such as %s; terminate them first", len(used), id, used[0]), nil)
	}
	if err := m.images.Delete(ctx, id, nil); hub.CodeOf(err) != hub.NotFound {
		return err
	}
	return notFound("image", id)
}
