package catalogue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// store keeps content in files: <dir>/<domain>/<sha256>.csar. What is being
// received is <dir>/<domain>/<upload>.part, and gone after a failure.
type store struct {
	dir string
	max int64 // bytes of one package

	// mu is held while a name comes or goes, so that no file is removed that an
	// upload of the same content has just found.
	mu   sync.Mutex
	pins map[string]int // by path: uploads that need the file and are not stored yet
}

const (
	partSuffix = ".part"
	csarSuffix = ".csar"
)

func (s *store) path(domain, sum string) string {
	return filepath.Join(s.dir, domain, sum+csarSuffix)
}

// errTooLarge is the cause when an upload exceeds the store's limit.
var errTooLarge = errors.New("larger than the limit")

// receive writes r to disk and returns what it is. The content is durable, and
// pinned until release is called. Nothing is left of what was cut off.
func (s *store) receive(ctx context.Context, domain, upload string, r io.Reader) (c *Content, release func(), err error) {
	dir := filepath.Join(s.dir, domain)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make folder of packages: %w", err)
	}
	part := filepath.Join(dir, upload+partSuffix)
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("create file for package: %w", err)
	}
	c, err = s.fill(ctx, f, r)
	err = errors.Join(err, f.Close())
	if err == nil {
		release, err = s.keep(domain, part, c.SHA256)
	}
	if err != nil {
		return nil, nil, errors.Join(err, durable.Remove(part))
	}
	return c, release, nil
}

func (s *store) fill(ctx context.Context, f *os.File, r io.Reader) (*Content, error) {
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(cancelled{ctx, r}, s.max+1))
	if err != nil {
		return nil, fmt.Errorf("receive package: %w", err)
	}
	if n > s.max {
		return nil, errTooLarge
	}
	if err := f.Sync(); err != nil {
		return nil, fmt.Errorf("sync package: %w", err)
	}
	return &Content{SHA256: hex.EncodeToString(h.Sum(nil)), Size: n}, nil
}

// cancelled ends a read when ctx ends.
type cancelled struct {
	ctx context.Context
	r   io.Reader
}

func (c cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// keep gives a received file its name.
func (s *store) keep(domain, part, sum string) (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := s.path(domain, sum)
	if err := os.Rename(part, path); err != nil {
		return nil, fmt.Errorf("name package: %w", err)
	}
	if err := durable.SyncDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("sync folder of packages: %w", err)
	}
	s.pins[path]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.pins[path]--; s.pins[path] == 0 {
			delete(s.pins, path)
		}
	}), nil
}

// remove deletes content that nobody needs any more, which needed says.
func (s *store) remove(domain, sum string, needed func() bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := s.path(domain, sum)
	if s.pins[path] > 0 || needed() {
		return nil
	}
	return durable.Remove(path)
}

// open opens the content for reading.
func (s *store) open(domain, sum string) (*os.File, error) {
	f, err := os.Open(s.path(domain, sum))
	if err != nil {
		return nil, hub.E(hub.Unprocessable, "open package", "the stored file of the package cannot be read; restore it, or on-board the package anew", err)
	}
	return f, nil
}

// intact reads the whole content and says whether it is still what it was.
func (s *store) intact(ctx context.Context, domain string, c *Content) (bool, error) {
	f, err := os.Open(s.path(domain, c.SHA256))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, hub.E(hub.Unavailable, "check package", "the stored file of the package cannot be read now; try again", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, cancelled{ctx, f}); err != nil {
		return false, hub.E(hub.Unavailable, "check package", "the stored file of the package cannot be read now; try again", err)
	}
	return hex.EncodeToString(h.Sum(nil)) == c.SHA256, nil
}

// sweep removes what a crash left: half-received files, and content that no
// package has.
func (s *store) sweep(domain string, needed func(sum string) bool) error {
	dir := filepath.Join(s.dir, domain)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for remains of packages: %w", err)
	}
	for _, e := range entries {
		sum, isContent := strings.CutSuffix(e.Name(), csarSuffix)
		if isContent && needed(sum) || !isContent && !strings.HasSuffix(e.Name(), partSuffix) {
			continue
		}
		if err := durable.Remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("remove remains of a package: %w", err)
		}
	}
	return nil
}
