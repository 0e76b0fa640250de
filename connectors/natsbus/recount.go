package natsbus

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// recountLogs has the server count the messages of a log by what its blocks hold
// where it would count some that are not there. Call it before the server starts.
//
// A server that cannot write the first message of a new block, as on a full disk,
// does not acknowledge it, and counts it all the same (nats-server 2.15.2,
// rebuildStateLocked: "let this blk be added in here"). At the next start it
// believes that count, and writes it into the block as a mark of deletion. The log
// would end with a message that is not there, be refused as damaged, and take
// nothing more, since who appends names the end that he sees. So the newest blocks
// that hold no message are removed, and with them the server's own count. The blocks
// before have no hole; what was acknowledged and is not in them the guard finds, by
// the witness and the hash chain. So it is with a log whose end was lost in another
// way, which an operator may accept and then go on with.
func recountLogs(dir string, log *slog.Logger) error {
	logs, err := filepath.Glob(filepath.Join(dir, storeDir, streamsDir, "*", "streams", "LOG_*", streamData))
	if err != nil {
		return fmt.Errorf("list logs: %w", err)
	}
	for _, data := range logs {
		removed, left, err := dropEmptyBlocks(data)
		if err == nil && removed > 0 {
			err = durable.Remove(filepath.Join(data, streamIndex))
		}
		if err != nil {
			return hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot look after %s (%v); see its owner and mode", data, rootCause(err)), err)
		}
		if removed > 0 && left > 0 { // none left: an empty log, most likely a new one
			log.Warn("the end of a log holds no message, as after a full disk: it is counted anew", "path", data, "blocks", removed)
		}
	}
	return nil
}

// dropEmptyBlocks removes the newest blocks of a stream that hold no message.
func dropEmptyBlocks(data string) (removed, left int, err error) {
	blocks, err := blocksOf(data)
	if err != nil {
		return 0, 0, err
	}
	for _, block := range slices.Backward(blocks) {
		holds, err := holdsMessage(block)
		if err == nil && !holds {
			err = durable.Remove(block)
		}
		if err != nil {
			return 0, 0, err
		}
		if holds {
			break
		}
		removed++
	}
	return removed, len(blocks) - removed, nil
}

// blocksOf returns the block files of a stream, the oldest first.
func blocksOf(data string) ([]string, error) {
	entries, err := os.ReadDir(data)
	if err != nil {
		return nil, err
	}
	found := map[uint64]string{}
	for _, e := range entries {
		var number uint64
		if n, _ := fmt.Sscanf(e.Name(), "%d.blk", &number); n == 1 && e.Name() == fmt.Sprintf("%d.blk", number) {
			found[number] = filepath.Join(data, e.Name())
		}
	}
	var blocks []string
	for _, number := range slices.Sorted(maps.Keys(found)) {
		blocks = append(blocks, found[number])
	}
	return blocks, nil
}

// holdsMessage reports whether a block holds anything but marks of deletions, of
// which a log has none of its own. What cannot be told is for the server to see.
func holdsMessage(block string) (bool, error) {
	file, err := os.Open(block)
	if err != nil {
		return false, err
	}
	defer file.Close() // only read
	r := bufio.NewReader(file)
	for {
		head, err := r.Peek(recordHead)
		if errors.Is(err, io.EOF) {
			return len(head) > 0, nil
		}
		if err != nil {
			return false, err
		}
		length := binary.LittleEndian.Uint32(head) &^ headerFlag
		if binary.LittleEndian.Uint64(head[4:])&tombFlag == 0 || length < recordHead || length > maxRecord {
			return true, nil
		}
		if _, err := r.Discard(int(length)); errors.Is(err, io.EOF) {
			return true, nil
		} else if err != nil {
			return false, err
		}
	}
}
