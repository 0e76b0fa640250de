package natsbus

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/manoward/manoward/internal/hub"
)

// The head of a record in a block file of the server: its length, its sequence,
// a time stamp and the length of its subject, little-endian.
const (
	recordHead = 22
	headerFlag = 1 << 31  // in the length: the message has headers
	erasedFlag = 1 << 63  // in the sequence: the message was erased
	tombFlag   = 1 << 62  // in the sequence: the record says that a message was deleted
	maxRecord  = 32 << 20 // what the server takes for a record's length
	scanBuffer = 64 << 10

	// maxSequences is most by which the sequences in one block differ. The server
	// compacts no block that it still writes to, and one of 8 MB has room for some
	// 380,000 records.
	maxSequences = 1 << 24
)

// checkBlocks refuses blocks with a record whose sequence is far beyond the
// first one's, before the server reads them.
//
// The server believes the sequence in a record's head before it compares the
// checksum, and lists every number in between as deleted (nats-server 2.15.2,
// indexCacheBuf). One altered bit there makes that list as long as memory: the
// hub would hang at its start, and be killed. With accept the block ends before
// that record.
func checkBlocks(dir string, accept bool, log *slog.Logger) error {
	blocks, err := filepath.Glob(filepath.Join(dir, storeDir, streamsDir, "*", "streams", "*", streamData, "*.blk"))
	if err != nil {
		return fmt.Errorf("list blocks: %w", err)
	}
	for _, block := range blocks {
		at, err := farRecord(block)
		switch {
		case err != nil:
			return hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot read %s (%v); see its owner and mode", block, rootCause(err)), err)
		case at < 0:
		case !accept:
			return damaged(fmt.Sprintf("the record at byte %d of %s has an impossible sequence", at, block), nil)
		default:
			log.Warn("damage is accepted: a block is cut before a record with an impossible sequence", "path", block, "bytes", at)
			if err := os.Truncate(block, at); err != nil {
				return hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot cut %s (%v); see its owner and mode", block, rootCause(err)), err)
			}
		}
	}
	return nil
}

// farRecord returns where in a block a record with an impossible sequence
// begins, or -1. It ends where the block stops making sense, which the server
// sees for itself.
func farRecord(block string) (at int64, err error) {
	f, err := os.Open(block)
	if err != nil {
		return -1, err
	}
	defer f.Close() // only read
	r := bufio.NewReaderSize(f, scanBuffer)
	first := uint64(0)
	for {
		head, err := r.Peek(recordHead)
		if errors.Is(err, io.EOF) {
			return -1, nil
		}
		if err != nil {
			return -1, err
		}
		length := binary.LittleEndian.Uint32(head) &^ headerFlag
		sequence := binary.LittleEndian.Uint64(head[4:])
		if length < recordHead || length > maxRecord {
			return -1, nil
		}
		if sequence&tombFlag == 0 {
			sequence &^= erasedFlag
			if first == 0 {
				first = sequence
			}
			if sequence > first && sequence-first > maxSequences {
				return at, nil
			}
		}
		if _, err := r.Discard(int(length)); err != nil && !errors.Is(err, io.EOF) {
			return -1, err
		}
		at += int64(length)
	}
}
