package natsbus

import (
	"bufio"
	"bytes"
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
	scanBuffer = 96 << 10
	maxHeaders = 64 << 10 // of one message; those that this package writes have a few hundred bytes

	// maxSequences is most by which the sequences in one block differ. The server
	// compacts no block that it still writes to, and one of 8 MB has room for some
	// 380,000 records.
	maxSequences = 1 << 24
)

// Where the headers of a message begin and end.
var (
	headersBegin = []byte("NATS/1.0")
	headersEnd   = []byte("\r\n\r\n")
)

// fault is what is wrong in the head of a record, which the server believes
// without comparing a checksum.
type fault struct {
	at      int64  // byte of the block at which the record begins
	what    string // for an operator
	headers uint32 // the right length of the headers, if that is the fault
	field   int64  // byte of the block that holds it
}

// checkBlocks refuses blocks with altered records that the server would believe,
// before it reads them (nats-server 2.15.2):
//
//   - It takes the sequence in a record's head before it compares the checksum,
//     and lists every number up to there as deleted (indexCacheBuf). One altered
//     bit makes that list as long as memory: the hub would hang at its start,
//     and be killed. With accept the block ends before that record.
//   - It computes the checksum without the length of the headers (msgFromBufEx),
//     so that a part of the message is sent as headers, or the reverse. Clients
//     drop such a message: it is there, and nobody can read it. With accept the
//     length is mended; nothing is lost.
func checkBlocks(dir string, accept bool, log *slog.Logger) error {
	blocks, err := filepath.Glob(filepath.Join(dir, storeDir, streamsDir, "*", "streams", "*", streamData, "*.blk"))
	if err != nil {
		return fmt.Errorf("list blocks: %w", err)
	}
	for _, block := range blocks {
		for {
			f, err := blockFault(block)
			if err != nil {
				return hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot read %s (%v); see its owner and mode", block, rootCause(err)), err)
			}
			if f == nil {
				break
			}
			if !accept {
				return damaged(fmt.Sprintf("the record at byte %d of %s has %s", f.at, block, f.what), nil)
			}
			log.Warn("damage is accepted: a block is mended, or cut before a record that cannot be", "path", block, "bytes", f.at, "damage", f.what)
			if err := f.mend(block); err != nil {
				return hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot write %s (%v); see its owner and mode", block, rootCause(err)), err)
			}
		}
	}
	return nil
}

// mend corrects the length of the headers, or cuts the block before the record.
func (f *fault) mend(block string) error {
	if f.headers == 0 {
		return os.Truncate(block, f.at)
	}
	file, err := os.OpenFile(block, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(binary.LittleEndian.AppendUint32(nil, f.headers), f.field)
	return errors.Join(err, file.Close())
}

// blockFault returns the first fault in a block, nil if there is none. It ends
// where the block stops making sense, which the server sees for itself.
func blockFault(block string) (*fault, error) {
	file, err := os.Open(block)
	if err != nil {
		return nil, err
	}
	defer file.Close() // only read
	r := bufio.NewReaderSize(file, scanBuffer)
	first := uint64(0)
	for at := int64(0); ; {
		head, err := r.Peek(recordHead)
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		length := binary.LittleEndian.Uint32(head) &^ headerFlag
		if length < recordHead || length > maxRecord {
			return nil, nil
		}
		if sequence := binary.LittleEndian.Uint64(head[4:]); sequence&tombFlag == 0 {
			sequence &^= erasedFlag
			if first == 0 {
				first = sequence
			}
			if sequence > first && sequence-first > maxSequences {
				return &fault{at: at, what: "an impossible sequence"}, nil
			}
		}
		f, err := headersFault(r, at)
		if f != nil || err != nil {
			return f, err
		}
		if _, err := r.Discard(int(length)); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		at += int64(length)
	}
}

// headersFault compares the length of the headers of the record at which r
// stands with where they end. It leaves r there.
func headersFault(r *bufio.Reader, at int64) (*fault, error) {
	head, err := r.Peek(recordHead)
	if err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(head)
	if length&headerFlag == 0 || binary.LittleEndian.Uint64(head[4:])&(erasedFlag|tombFlag) != 0 {
		return nil, nil
	}
	field := recordHead + int(binary.LittleEndian.Uint16(head[20:]))
	begin := field + 4
	// A record that the file does not hold whole is for the server to see, and
	// what is there of it is looked at.
	record, err := r.Peek(min(int(length&^headerFlag), begin+maxHeaders, scanBuffer))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if begin > len(record) || !bytes.HasPrefix(record[begin:], headersBegin) {
		return nil, nil
	}
	end := bytes.Index(record[begin:], headersEnd)
	if end < 0 {
		return nil, nil
	}
	right := uint32(end + len(headersEnd))
	if binary.LittleEndian.Uint32(record[field:]) == right {
		return nil, nil
	}
	return &fault{at: at, what: "a wrong length of its headers", headers: right, field: at + int64(field)}, nil
}
