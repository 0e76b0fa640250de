package natsbus

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/manoward/manoward/internal/hub"
)

// Files that the server makes for a stream, in this order, before it answers
// that the stream is there.
const (
	streamMeta    = "meta.inf"
	streamMetaSum = "meta.sum" // checksum of meta.inf
	streamData    = "msgs"
	streamIndex   = "index.db" // in streamData: what the server counted when it last looked; made anew when missing
)

// clearHalfMade removes the directories of streams whose creation a crash cut
// off, before the server sees them.
//
// The server leaves a stream out whose checksum file is missing. Asked to create
// it again it takes the old meta.inf and writes no checksum either
// (nats-server 2.15.2, newFileStoreWithCreated), so that the stream works, is
// filled, and is gone at the next start. A directory without a checksum and
// without a message was never acknowledged. One with messages is left for the
// guard to find.
func clearHalfMade(dir string, log *slog.Logger) error {
	streams, err := filepath.Glob(filepath.Join(dir, storeDir, streamsDir, "*", "streams", "*"))
	if err != nil {
		return fmt.Errorf("list streams: %w", err)
	}
	for _, stream := range streams {
		half, err := isHalfMade(stream)
		if err == nil && half {
			log.Info("removing a stream whose creation was cut off", "path", stream)
			err = os.RemoveAll(stream)
		}
		if err != nil {
			return hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot look after %s (%v); see its owner and mode", stream, rootCause(err)), err)
		}
	}
	return nil
}

func isHalfMade(stream string) (bool, error) {
	meta, err := sizeOf(filepath.Join(stream, streamMeta))
	if err != nil {
		return false, err
	}
	sum, err := sizeOf(filepath.Join(stream, streamMetaSum))
	if err != nil || meta > 0 && sum > 0 {
		return false, err
	}
	empty := true
	err = filepath.WalkDir(filepath.Join(stream, streamData), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			empty = false
			return fs.SkipAll
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // not even that was made
	}
	return empty && err == nil, err
}

// sizeOf returns the size of a file, 0 when it is not there.
func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
