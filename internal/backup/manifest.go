package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Version is that of the archive's own format.
const Version = 1

// FormatFile is the file of a data directory that says which layout it has.
// A hub starts on no used directory without it.
const FormatFile = "FORMAT"

const (
	manifestName = "MANIFEST"
	dataPrefix   = "data/" // of the entries of files and folders
	opRead       = "read backup"

	maxManifest = 256 << 20 // bytes; a file takes about 150
)

// Manifest says what an archive holds.
type Manifest struct {
	Version int       `json:"version"` // [Version]
	Program string    `json:"program"` // version of the program that made it
	Made    time.Time `json:"made"`    // UTC
	Format  string    `json:"format"`  // content of [FormatFile], without the end of the line
	Files   []File    `json:"files"`   // each folder before what is in it
}

// File is one file or folder of the data directory.
type File struct {
	Path   string `json:"path"` // below the data directory, with slashes; a folder ends in one
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"` // hexadecimal; none for a folder
}

// folder reports whether it is a folder.
func (f File) folder() bool { return strings.HasSuffix(f.Path, "/") }

// Has reports whether the archive holds a file or, with a slash at the end, a
// folder.
func (m *Manifest) Has(name string) bool {
	return slices.ContainsFunc(m.Files, func(f File) bool { return f.Path == name })
}

// Count is how many files there are, without folders.
func (m *Manifest) Count() (n int) {
	for _, f := range m.Files {
		if !f.folder() {
			n++
		}
	}
	return n
}

// Size is the sum of the sizes of all files, in bytes.
func (m *Manifest) Size() (sum int64) {
	for _, f := range m.Files {
		sum += f.Size
	}
	return sum
}

func (m *Manifest) encode() ([]byte, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return append(append(raw, '\n'), sumOf(raw)+"\n"...), nil
}

// sumOf returns a SHA-256 in hexadecimal.
func sumOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// decodeManifest reads what encode wrote, and refuses what would write outside of a
// directory or twice at one place in it.
func decodeManifest(raw []byte) (*Manifest, error) {
	body, sum, _ := bytes.Cut(raw, []byte{'\n'})
	if string(sum) != sumOf(body)+"\n" {
		return nil, damaged(manifestName, "its checksum does not match", nil)
	}
	var m Manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, damaged(manifestName, "it cannot be read", err)
	}
	if m.Version != Version {
		return nil, hub.E(hub.Invalid, opRead, fmt.Sprintf("the backup has version %d and this manoward reads version %d; restore it with the manoward that made it, %.80q", m.Version, Version, m.Program), nil)
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		if err := f.check(); err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(f.Path, "/")
		if parent := path.Dir(name); seen[name] || parent != "." && !seen[parent+"/"] {
			return nil, damaged(f.Path, "it is listed twice, or without its folder", nil)
		}
		seen[name], seen[f.Path] = true, true
	}
	if !seen[FormatFile] {
		return nil, damaged(FormatFile, "it is not listed, and without it this is no data directory", nil)
	}
	return &m, nil
}

// check refuses what is no file or folder below a data directory.
func (f File) check() error {
	name := strings.TrimSuffix(f.Path, "/")
	first, _, _ := strings.Cut(name, "/")
	switch {
	case !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\\x00"):
		return hub.E(hub.Invalid, opRead, fmt.Sprintf("the backup lists %.200q, which is no path below a data directory; it was not made by manoward: restore another", f.Path), nil)
	case first == stagingDir || first == lockFile:
		return hub.E(hub.Invalid, opRead, fmt.Sprintf("the backup lists %.200q, which no backup holds; it was not made by manoward: restore another", f.Path), nil)
	case f.folder() && (f.Size != 0 || f.SHA256 != ""), !f.folder() && (f.Size < 0 || len(f.SHA256) != 2*sha256.Size):
		return damaged(f.Path, "what the manifest says of it makes no sense", nil)
	}
	return nil
}

// damaged names the file of an archive that is not what was put in.
func damaged(file, what string, err error) error {
	return hub.E(hub.Invalid, opRead, fmt.Sprintf("the backup is damaged or was altered: %.200s: %s; restore another", file, what), err)
}

// cause returns the innermost error, whose text has no path that a message names
// already.
func cause(err error) error {
	var in *fs.PathError
	if errors.As(err, &in) {
		return in.Err
	}
	return err
}
