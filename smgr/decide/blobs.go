package decide

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/s2"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// The kinds of contents.
const (
	blobInput      = "input"      // of policies
	blobFindings   = "findings"   // on an event that takes several decisions
	blobBundle     = "bundle"     // signed policies
	blobFiles      = "files"      // policies that the hub itself brought, as a zip
	blobParameters = "parameters" // of policies
)

// blobs keeps contents under their digest. They are in a table of their own that
// nobody follows: they cost no memory and nothing at start, however many they are.
//
// A content is compressed and cut into chunks, because the bus takes values of a
// few megabytes only. The first chunk is written last: who finds it finds all.
type blobs struct {
	table   state.Table
	scratch sync.Pool // of *[]byte: what is compressed, before it is copied in its size
}

const (
	chunkSize  = 1 << 20
	maxBlob    = 128 << 20              // bytes of a content before it is compressed
	blobMagic  = "MWB2"                 // what follows is a block of S2
	blobGzip   = "MWB1"                 // what follows is gzip: of an earlier version, and still read
	blobHeader = len(blobMagic) + 4 + 8 // magic, chunks, bytes of the content
)

// digest names a content.
func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func chunkKey(kind, digest string, n uint32) string { return fmt.Sprintf("%s/%s/%d", kind, digest, n) }

// put keeps a content and returns its digest. What is there already is left.
func (b *blobs) put(ctx context.Context, kind string, raw []byte) (string, error) {
	name := digest(raw)
	packed, err := b.pack(raw)
	if err != nil {
		return "", fmt.Errorf("compress %s: %w", kind, err)
	}
	return name, b.keepAll(ctx, kind, name, packed)
}

// keepAll writes a packed content under its name.
func (b *blobs) keepAll(ctx context.Context, kind, name string, packed []byte) error {
	for i := chunksOf(packed); i > 0; i-- {
		chunk := packed[(i-1)*chunkSize : min(int(i)*chunkSize, len(packed))]
		if err := b.keep(ctx, chunkKey(kind, name, i-1), chunk, i == 1); err != nil {
			return fmt.Errorf("keep %s %s: %w", kind, name, err)
		}
	}
	return nil
}

func chunksOf(packed []byte) uint32 { return uint32((len(packed) + chunkSize - 1) / chunkSize) }

// keep writes a chunk. Of a content that was never finished, a chunk may be there
// that another version of the compressor made: it is replaced.
func (b *blobs) keep(ctx context.Context, key string, chunk []byte, first bool) error {
	_, err := b.table.Create(ctx, key, chunk)
	if hub.CodeOf(err) != hub.Conflict || first {
		return ignore(err, hub.Conflict)
	}
	there, revision, err := b.table.Get(ctx, key)
	if err != nil || bytes.Equal(there, chunk) {
		return err
	}
	_, err = b.table.Update(ctx, key, chunk, revision)
	return err
}

// ignore returns nil in the place of an error of the code.
func ignore(err error, code hub.Code) error {
	if hub.CodeOf(err) == code {
		return nil
	}
	return err
}

// mostScratch is how much memory is kept for the next content that is compressed.
const mostScratch = 256 << 10

// pack compresses a content and puts a header before it. Each input is packed, so
// that speed is worth more than the quarter that gzip would make it smaller.
func (b *blobs) pack(raw []byte) ([]byte, error) {
	if len(raw) > maxBlob {
		return nil, fmt.Errorf("it has %d bytes, and a content may have %d", len(raw), maxBlob)
	}
	scratch, ok := b.scratch.Get().(*[]byte)
	if !ok {
		scratch = new([]byte)
	}
	block := s2.Encode((*scratch)[:cap(*scratch)], raw)
	packed := make([]byte, blobHeader, blobHeader+len(block))
	packed = append(packed, block...)
	if cap(block) <= mostScratch {
		*scratch = block
		b.scratch.Put(scratch)
	}
	copy(packed, blobMagic)
	binary.BigEndian.PutUint32(packed[len(blobMagic):], chunksOf(packed))
	binary.BigEndian.PutUint64(packed[len(blobMagic)+4:], uint64(len(raw)))
	return packed, nil
}

// get returns a content: hub.NotFound when it is not there, hub.Internal when it
// is not what its name says.
func (b *blobs) get(ctx context.Context, kind, name string) ([]byte, error) {
	first, _, err := b.table.Get(ctx, chunkKey(kind, name, 0))
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", kind, name, err)
	}
	chunks, _, err := header(kind, name, first)
	if err != nil {
		return nil, err
	}
	packed := bytes.NewBuffer(first)
	for i := uint32(1); i < chunks; i++ {
		chunk, _, err := b.table.Get(ctx, chunkKey(kind, name, i))
		if err != nil {
			return nil, fmt.Errorf("read %s %s: %w", kind, name, err)
		}
		packed.Write(chunk)
	}
	return unpack(kind, name, packed.Bytes())
}

func damaged(kind, name, why string) error {
	return fmt.Errorf("read %s %s: the stored content is damaged: %s", kind, name, why)
}

// header reads what stands before a packed content.
func header(kind, name string, packed []byte) (chunks uint32, size uint64, err error) {
	if len(packed) < blobHeader || string(packed[:len(blobMagic)]) != blobMagic && string(packed[:len(blobMagic)]) != blobGzip {
		return 0, 0, damaged(kind, name, "it has no header")
	}
	chunks, size = binary.BigEndian.Uint32(packed[len(blobMagic):]), binary.BigEndian.Uint64(packed[len(blobMagic)+4:])
	if size > maxBlob || chunks == 0 || chunks > maxBlob/chunkSize+1 {
		return 0, 0, damaged(kind, name, "its header is wrong")
	}
	return chunks, size, nil
}

// unpack returns the content that was packed, which its name must fit.
func unpack(kind, name string, packed []byte) ([]byte, error) {
	_, size, err := header(kind, name, packed)
	if err != nil {
		return nil, err
	}
	read := readBlock
	if string(packed[:len(blobGzip)]) == blobGzip {
		read = readGzip
	}
	raw, err := read(packed[blobHeader:], size)
	if err != nil {
		return nil, damaged(kind, name, err.Error())
	}
	if digest(raw) != name {
		return nil, damaged(kind, name, "it has another digest")
	}
	return raw, nil
}

// readBlock reads a block of S2 that holds so many bytes. It takes memory for no
// more than that.
func readBlock(block []byte, size uint64) ([]byte, error) {
	n, err := s2.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	if uint64(n) != size {
		return nil, fmt.Errorf("it has %d bytes, its header says %d", n, size)
	}
	return s2.Decode(nil, block)
}

// readGzip reads gzip that holds so many bytes, and reads no further.
func readGzip(packed []byte, size uint64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, int64(size)+1))
}

// remove removes a content; what is not there is no error. The first chunk goes
// first, so that half a content is none.
func (b *blobs) remove(ctx context.Context, kind, name string) error {
	for n, chunks := uint32(0), uint32(1); n < chunks; n++ {
		key := chunkKey(kind, name, n)
		there, revision, err := b.table.Get(ctx, key)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return fmt.Errorf("remove %s %s: %w", kind, name, err)
		}
		if n == 0 && len(there) >= blobHeader {
			chunks = min(binary.BigEndian.Uint32(there[len(blobMagic):]), maxBlob/chunkSize+1)
		}
		if err := b.table.Delete(ctx, key, revision); ignore(err, hub.NotFound) != nil {
			return fmt.Errorf("remove %s %s: %w", kind, name, err)
		}
	}
	return nil
}
