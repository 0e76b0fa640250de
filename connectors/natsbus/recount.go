package natsbus

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// recountLogs has the server count the messages of every log whose newest block
// is empty, by removing what it remembers of its last count. Call it before the
// server starts.
//
// A server that cannot write the first message of a new block, as on a full disk,
// does not acknowledge it, and counts it all the same (nats-server 2.15.2,
// rebuildStateLocked: "let this blk be added in here"). At the next start it
// believes that count: the log ends with a message that is not there, is refused
// as damaged, and could not be appended to. The blocks themselves hold what was
// stored, without a hole. What was acknowledged and is not in them either the
// guard finds, by the witness and the hash chain.
func recountLogs(dir string, log *slog.Logger) error {
	logs, err := filepath.Glob(filepath.Join(dir, storeDir, streamsDir, "*", "streams", "LOG_*", streamData))
	if err != nil {
		return fmt.Errorf("list logs: %w", err)
	}
	for _, data := range logs {
		blocks, empty, err := newestIsEmpty(data)
		if err == nil && empty {
			err = durable.Remove(filepath.Join(data, streamIndex))
		}
		if err != nil {
			return hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot look after %s (%v); see its owner and mode", data, rootCause(err)), err)
		}
		if empty && blocks > 1 { // a single one is that of an empty log
			log.Warn("the newest block of a log is empty, as after a full disk: the log is counted anew", "path", data)
		}
	}
	return nil
}

// newestIsEmpty returns how many blocks a stream has, and whether the newest one
// holds nothing.
func newestIsEmpty(data string) (blocks int, empty bool, err error) {
	entries, err := os.ReadDir(data)
	if err != nil {
		return 0, false, err
	}
	newest, name := uint64(0), ""
	for _, e := range entries {
		var number uint64
		if n, _ := fmt.Sscanf(e.Name(), "%d.blk", &number); n == 1 && e.Name() == fmt.Sprintf("%d.blk", number) {
			blocks++
			if number >= newest {
				newest, name = number, e.Name()
			}
		}
	}
	if blocks == 0 {
		return 0, false, nil
	}
	info, err := os.Stat(filepath.Join(data, name))
	if err != nil {
		return 0, false, err
	}
	return blocks, info.Size() == 0, nil
}
