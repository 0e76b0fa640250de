package csar

import (
	"io"
	"sync"
)

// readError is a failure of the place where the package is kept, and says
// nothing about the package.
type readError struct{ err error }

func (e *readError) Error() string { return "read package: " + e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// source remembers the first failure to read, because the readers of ZIP and
// deflate do not tell it from damage in the file.
type source struct {
	r io.ReaderAt

	mu    sync.Mutex
	first error
}

func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if err != nil && err != io.EOF {
		s.mu.Lock()
		if s.first == nil {
			s.first = &readError{err}
		}
		s.mu.Unlock()
	}
	return n, err
}

// failure returns the first failure to read, if there was one.
func (s *source) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first
}
