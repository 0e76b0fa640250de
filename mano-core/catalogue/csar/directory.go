package csar

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// The structures of a ZIP (PKWARE APPNOTE 6.3.10). archive/zip reads the central
// directory and believes it; other readers believe the local headers. We read
// both and refuse a file in which they differ, so that what was verified is what
// any other tool unpacks.
const (
	sigLocal    = 0x04034b50
	sigCentral  = 0x02014b50
	sigEnd      = 0x06054b50
	sigEnd64    = 0x06064b50
	sigLocator  = 0x07064b50
	lenLocal    = 30
	lenCentral  = 46
	lenEnd      = 22
	lenEnd64    = 56
	lenLocator  = 20
	extraZip64  = 0x0001
	extraUniPth = 0x7075 // Info-ZIP Unicode path: a second name

	flagEncrypted  = 1 << 0
	flagHints      = 3 << 1 // how hard the writer tried to pack
	flagDescriptor = 1 << 3
	flagStrong     = 1 << 6
	flagMasked     = 1 << 13
)

// entry is one line of the central directory.
type entry struct {
	name                   string
	flags, method          uint16
	crc                    uint32
	packed, unpacked, from uint64
}

// end is what the end of central directory says.
type end struct {
	count, size, offset uint64
	at                  int64 // where the central directory must end
}

var le = binary.LittleEndian

// readDirectory reads the central directory and compares it with the local
// headers, byte by byte of the file: nothing before, between or after, nothing
// twice.
func readDirectory(r io.ReaderAt, size int64, limits Limits) ([]entry, error) {
	e, err := readEnd(r, size)
	if err != nil {
		return nil, err
	}
	if e.count > uint64(limits.Files) {
		return nil, fmt.Errorf("it says that it holds %d entries and %d are allowed", e.count, limits.Files)
	}
	if e.offset > uint64(e.at) || e.size != uint64(e.at)-e.offset {
		return nil, fmt.Errorf("the central directory is not where the end of the ZIP says; bytes were put before or after it")
	}
	entries, err := readEntries(io.NewSectionReader(r, int64(e.offset), int64(e.size)), e.count)
	if err != nil {
		return nil, err
	}
	return entries, checkLayout(r, entries, e.offset)
}

// readEnd finds the end record. It must be the last thing in the file.
func readEnd(r io.ReaderAt, size int64) (end, error) {
	tail := make([]byte, min(size, lenEnd+math.MaxUint16))
	if err := readAt(r, tail, size-int64(len(tail))); err != nil {
		return end{}, err
	}
	i := bytes.LastIndex(tail, le.AppendUint32(nil, sigEnd))
	if i < 0 || len(tail)-i < lenEnd {
		return end{}, fmt.Errorf("it is not a ZIP file, or its end is cut off")
	}
	b := tail[i:]
	if int(le.Uint16(b[20:])) != len(b)-lenEnd {
		return end{}, fmt.Errorf("there is data after the end of the ZIP")
	}
	if le.Uint16(b[4:]) != 0 || le.Uint16(b[6:]) != 0 || le.Uint16(b[8:]) != le.Uint16(b[10:]) {
		return end{}, fmt.Errorf("it is one part of a ZIP in several parts")
	}
	e := end{
		count: uint64(le.Uint16(b[10:])), size: uint64(le.Uint32(b[12:])), offset: uint64(le.Uint32(b[16:])),
		at: size - int64(len(b)),
	}
	wide := e.count == math.MaxUint16 || e.size == math.MaxUint32 || e.offset == math.MaxUint32
	if i >= lenLocator && le.Uint32(tail[i-lenLocator:]) == sigLocator {
		wide = true // some writers add it where it is not needed
	}
	if wide {
		return readEnd64(r, e)
	}
	return e, nil
}

// readEnd64 reads the end record of a ZIP64, which stands before the other one.
// What the other one says too must be the same.
func readEnd64(r io.ReaderAt, small end) (end, error) {
	at := small.at - lenLocator - lenEnd64
	b := make([]byte, lenEnd64+lenLocator)
	if err := readAt(r, b, at); err != nil {
		return end{}, err
	}
	locator := b[lenEnd64:]
	switch {
	case le.Uint32(b) != sigEnd64, le.Uint32(locator) != sigLocator, le.Uint64(locator[8:]) != uint64(at), le.Uint64(b[4:]) != lenEnd64-12:
		return end{}, fmt.Errorf("its ZIP64 end record is missing or not where it should be")
	case le.Uint32(locator[4:]) != 0, le.Uint32(locator[16:]) > 1, le.Uint32(b[16:]) != 0, le.Uint32(b[20:]) != 0, le.Uint64(b[24:]) != le.Uint64(b[32:]):
		return end{}, fmt.Errorf("it is one part of a ZIP in several parts")
	}
	big := end{count: le.Uint64(b[32:]), size: le.Uint64(b[40:]), offset: le.Uint64(b[48:]), at: at}
	if (small.count != math.MaxUint16 && small.count != big.count) || (small.size != math.MaxUint32 && small.size != big.size) ||
		(small.offset != math.MaxUint32 && small.offset != big.offset) {
		return end{}, fmt.Errorf("its two end records differ")
	}
	return big, nil
}

// readEntries reads the lines of the central directory.
func readEntries(r *io.SectionReader, count uint64) ([]entry, error) {
	in := bufio.NewReader(r)
	var entries []entry
	for range count {
		var h [lenCentral]byte
		if _, err := io.ReadFull(in, h[:]); err != nil || le.Uint32(h[:]) != sigCentral {
			return nil, fmt.Errorf("line %d of its central directory is damaged", len(entries)+1)
		}
		name, extra := int(le.Uint16(h[28:])), int(le.Uint16(h[30:]))
		rest := make([]byte, name+extra+int(le.Uint16(h[32:])))
		if _, err := io.ReadFull(in, rest); err != nil {
			return nil, fmt.Errorf("line %d of its central directory is cut off", len(entries)+1)
		}
		e := entry{
			name: string(rest[:name]), flags: le.Uint16(h[8:]), method: le.Uint16(h[10:]), crc: le.Uint32(h[16:]),
			packed: uint64(le.Uint32(h[20:])), unpacked: uint64(le.Uint32(h[24:])), from: uint64(le.Uint32(h[42:])),
		}
		if le.Uint16(h[34:]) != 0 {
			return nil, fmt.Errorf("entry %s is in another part of the ZIP", quote(e.name))
		}
		if err := e.readExtra(rest[name:name+extra], &e.unpacked, &e.packed, &e.from); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return nil, fmt.Errorf("its central directory holds more than its end record says")
	}
	return entries, nil
}

// readExtra reads the sizes of a ZIP64 entry: of the fields, those that are all
// ones stand in the extra part, in this order.
func (e *entry) readExtra(extra []byte, fields ...*uint64) error {
	for len(extra) >= 4 {
		id, n := le.Uint16(extra), int(le.Uint16(extra[2:]))
		extra = extra[4:]
		if n > len(extra) {
			return fmt.Errorf("entry %s has a damaged extra part", quote(e.name))
		}
		value := extra[:n]
		extra = extra[n:]
		switch id {
		case extraUniPth:
			return fmt.Errorf("entry %s has a second name in its extra part", quote(e.name))
		case extraZip64:
			for _, field := range fields {
				if *field != math.MaxUint32 {
					continue
				}
				if len(value) < 8 {
					return fmt.Errorf("entry %s has a damaged ZIP64 part", quote(e.name))
				}
				*field, value = le.Uint64(value), value[8:]
			}
			fields = nil // a second ZIP64 part counts for nothing
		}
	}
	return nil
}

// readAt fills b from r at the offset.
func readAt(r io.ReaderAt, b []byte, at int64) error {
	if at < 0 {
		return fmt.Errorf("it is not a ZIP file, or its end is cut off")
	}
	if n, err := r.ReadAt(b, at); n < len(b) {
		if err == io.EOF {
			return fmt.Errorf("it is cut off")
		}
		return &readError{err}
	}
	return nil
}
