package csar

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/csartest"
)

// refused opens a package that must be refused with a text that holds each of
// the parts.
func refused(t *testing.T, data []byte, limits Limits, parts ...string) {
	t.Helper()
	_, err := Open(bytes.NewReader(data), int64(len(data)), limits)
	if err == nil {
		t.Fatalf("opened; want a refusal with %q", parts)
	}
	if hub.CodeOf(err) != hub.Unprocessable {
		t.Errorf("code %s, want unprocessable: %v", hub.CodeOf(err), err)
	}
	for _, part := range parts {
		if !strings.Contains(hub.SafeText(err), part) {
			t.Errorf("text %q does not hold %q", hub.SafeText(err), part)
		}
	}
}

func one(name string) []csartest.File { return []csartest.File{{Name: name, Data: []byte("x")}} }

func TestOpen_Names(t *testing.T) {
	for _, c := range []struct {
		files []csartest.File
		parts []string
	}{
		{one("../up.txt"), []string{`"../up.txt"`, `".."`}},
		{one("a/../../up.txt"), []string{`"a/../../up.txt"`, `".."`}},
		{one("a/./b"), []string{`"a/./b"`, `"."`}},
		{one("a//b"), []string{`"a//b"`, `""`}},
		{one("/etc/passwd"), []string{`"/etc/passwd"`, "absolute"}},
		{one(`a\b`), []string{`a\\b`, "backslash"}},
		{one(`..\up`), []string{"backslash"}},
		{one("C:/up"), []string{`"C:/up"`, "drive letter"}},
		{one("a\nb"), []string{`"a\nb"`, "control character"}},
		{one("a\x00.txt"), []string{"control character"}},
		{one("a\u0085b"), []string{"control character"}},
		{one("caf\xe9"), []string{"not UTF-8"}},
		{one(strings.Repeat("n", 600)), []string{"600 bytes", "..."}},
		{one(""), []string{"0 bytes"}},
		{append(one("a.txt"), one("a.txt")...), []string{`"a.txt"`, "twice"}},
		{append(one("a/Readme"), one("A/README")...), []string{`"A/README"`, "twice", `"a/Readme"`}},
		{append(one("stra\u00dfe"), one("STRASSE\u00df")...), nil},
		{append(one("a"), one("A/b")...), []string{`"a"`, "folder of other entries"}},
	} {
		data := csartest.Zip(t, c.files)
		if c.parts == nil {
			open(t, data)
			continue
		}
		refused(t, data, Limits{}, c.parts...)
	}
}

func TestOpen_Kinds(t *testing.T) {
	for _, c := range []struct {
		mode fs.FileMode
		want string
	}{
		{fs.ModeSymlink | 0o777, "no regular file"},
		{fs.ModeNamedPipe | 0o600, "no regular file"},
		{fs.ModeDevice | 0o600, "no regular file"},
		{fs.ModeSocket | 0o600, "no regular file"},
	} {
		refused(t, csartest.Zip(t, []csartest.File{{Name: "etc/link", Data: []byte("/etc/passwd"), Mode: c.mode}}), Limits{}, `"etc/link"`, c.want)
	}
	refused(t, csartest.Zip(t, nil), Limits{}, "no files")
	refused(t, rawZip(rawEntry{name: "dir/", data: []byte("content")}), Limits{}, `"dir/"`, "is a folder and has content")
}

func TestOpen_Bombs(t *testing.T) {
	zeros := make([]byte, 4<<20)
	refused(t, csartest.Zip(t, []csartest.File{{Name: "bomb", Data: zeros}}), Limits{}, `"bomb"`, "ZIP bomb")
	var many []csartest.File
	for i := range 40 {
		many = append(many, csartest.File{Name: strings.Repeat("z", i+1), Data: zeros[:1<<20]})
	}
	packed := csartest.Zip(t, many)
	refused(t, packed, Limits{}, "its files", "ZIP bomb")
	refused(t, packed, Limits{Files: 39}, "40 entries and 39")
	refused(t, packed, Limits{FileBytes: 1<<20 - 1}, `"z"`, "1048576 bytes")
	refused(t, packed, Limits{TotalBytes: 10 << 20}, "brings the package to")

	inner := csartest.Zip(t, []csartest.File{{Name: "bomb", Data: zeros}})
	refused(t, csartest.Zip(t, []csartest.File{{Name: "p.csar", Data: inner}}), Limits{}, `"p.csar"`, `"bomb"`, "ZIP bomb")
	refused(t, csartest.Zip(t, []csartest.File{{Name: "p.csar", Data: inner}}), Limits{MemoryBytes: 100}, `"p.csar"`, "without compression")
	outer := csartest.Zip(t, []csartest.File{{Name: "p.csar", Data: csartest.Zip(t, one("a.txt"))}})
	refused(t, csartest.Zip(t, []csartest.File{{Name: "q.csar", Data: outer}}), Limits{}, "outer ZIP again")
	refused(t, csartest.Zip(t, append(one("p.csar"), one("q.csar")...)), Limits{}, "more than one CSAR", `"p.csar"`, `"q.csar"`)
	refused(t, csartest.Zip(t, one("p.csar")), Limits{}, `"p.csar"`, "not a ZIP")
}

// A name that is in the central directory and another in the local header: which
// one is unpacked depends on the reader.
func TestOpen_TwoReadings(t *testing.T) {
	plain := csartest.Zip(t, []csartest.File{{Name: "good.txt", Data: []byte("0123456789"), Store: true}, {Name: "more.txt", Data: []byte("abcdefghij"), Store: true}})
	patch := func(at int, b ...byte) []byte {
		data := bytes.Clone(plain)
		copy(data[at:], b)
		return data
	}
	central := bytes.Index(plain, []byte("PK\x01\x02"))
	second := central + 46 + len("good.txt")
	end := bytes.Index(plain, []byte("PK\x05\x06"))
	for _, c := range []struct {
		name  string
		data  []byte
		parts []string
	}{
		{"local name", patch(30, []byte("evil")...), []string{`"good.txt"`, `"evil.txt"`, "local header"}},
		{"local method", patch(8, 8), []string{`"good.txt"`, "another method"}},
		{"local flags", patch(6, 9), []string{`"good.txt"`, "flags"}},
		{"no local header", patch(0, 'X'), []string{`"good.txt"`, "no local header"}},
		{"local size", patch(22, 5), []string{`"good.txt"`, "another size"}},
		{"overlap", patch(second+42, 0, 0, 0, 0), []string{"overlap"}},
		{"beyond", patch(second+42, 0xff, 0xff, 0xff), []string{"belong to no entry"}},
		{"too long", patch(central+20, 200), []string{`"good.txt"`}},
		{"other disk", patch(central+34, 1), []string{`"good.txt"`, "another part"}},
		{"several parts", patch(end+4, 1), []string{"several parts"}},
		{"count too small", patch(end+8, 1, 0, 1), []string{"more than its end record"}},
		{"count too large", patch(end+8, 3, 0, 3), []string{"line 3", "damaged"}},
		{"damaged line", patch(central, 'X'), []string{"line 1", "damaged"}},
		{"name cut off", patch(second+28, 0xff, 0xff), []string{"line 2", "cut off"}},
		{"directory elsewhere", patch(end+16, 1), []string{"central directory is not where"}},
		{"data after the end", append(bytes.Clone(plain), "tail"...), []string{"after the end"}},
		{"data before the start", append([]byte("#!/bin/sh\n"), plain...), []string{"put before or after"}},
		{"second archive behind", append(bytes.Clone(plain), csartest.Zip(t, one("other"))...), []string{"put before or after"}},
		{"cut off", plain[:len(plain)-5], []string{"cut off"}},
		{"empty", nil, []string{"not a ZIP"}},
		{"text", []byte("this is no ZIP at all, but it is long enough"), []string{"not a ZIP"}},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, c.data, Limits{}, c.parts...) })
	}
	open(t, plain)
}

func TestOpen_Raw(t *testing.T) {
	data := []byte("0123456789")
	good := rawEntry{name: "a.txt", data: data}
	for _, c := range []struct {
		name  string
		zip   []byte
		parts []string
	}{
		{"good", rawZip(good), nil},
		{"encrypted", rawZip(rawEntry{name: "a.txt", data: data, flags: 1}), []string{`"a.txt"`, "encrypted"}},
		{"strong encryption", rawZip(rawEntry{name: "a.txt", data: data, flags: 1 << 6}), []string{`"a.txt"`, "encrypted"}},
		{"masked", rawZip(rawEntry{name: "a.txt", data: data, flags: 1 << 13}), []string{`"a.txt"`, "encrypted"}},
		{"bzip2", rawZip(rawEntry{name: "a.txt", data: data, method: 12}), []string{`"a.txt"`, "method 12"}},
		{"stored with two sizes", rawZip(rawEntry{name: "a.txt", data: data, size: 1000}), []string{`"a.txt"`, "two sizes"}},
		{"absurd size", rawZip(rawEntry{name: "a.txt", data: data, method: 8, size: 1 << 31}), []string{`"a.txt"`, "ZIP bomb"}},
		{"second name", rawZip(rawEntry{name: "a.txt", data: data, extra: extraField(extraUniPth, []byte("\x01\x00\x00\x00\x00b.txt"))}), []string{`"a.txt"`, "second name"}},
		{"damaged extra", rawZip(rawEntry{name: "a.txt", data: data, extra: []byte{1, 2, 9, 0, 1}}), []string{`"a.txt"`, "damaged extra"}},
		{"hole", rawZip(good, rawEntry{name: "b.txt", data: data, before: 7}), []string{"7 bytes", `"a.txt"`, `"b.txt"`, "no entry"}},
		{"size known before the data", rawZip(rawEntry{name: "a.txt", data: data, stream: true}), nil},
		{"ZIP64", rawZip(rawEntry{name: "a.txt", data: data, zip64: true}), nil},
		{"ZIP64 with absurd size", rawZip(rawEntry{name: "a.txt", data: data, zip64: true, method: 8, size: 1 << 62}), []string{`"a.txt"`, "bytes unpacked"}},
		{"ZIP64 without sizes", rawZip(rawEntry{name: "a.txt", data: data, zip64: true, cut: true}), []string{`"a.txt"`, "damaged ZIP64"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.parts != nil {
				refused(t, c.zip, Limits{}, c.parts...)
				return
			}
			if a := open(t, c.zip); len(a.Files()) != 1 {
				t.Errorf("files %q", a.Files())
			}
		})
	}
}

func TestOpen_End64(t *testing.T) {
	good := rawZip(rawEntry{name: "a.txt", data: []byte("0123456789"), zip64: true})
	at := bytes.Index(good, []byte("PK\x06\x06"))
	for _, c := range []struct {
		name string
		at   int
		b    byte
		want string
	}{
		{"no record", at, 'X', "ZIP64 end record"},
		{"no locator", at + 56, 'X', "ZIP64 end record"},
		{"locator elsewhere", at + 64, 1, "ZIP64 end record"},
		{"longer record", at + 4, 45, "ZIP64 end record"},
		{"parts", at + 16, 1, "several parts"},
		{"counts differ", at + 24, 2, "several parts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := bytes.Clone(good)
			data[c.at] = c.b
			refused(t, data, Limits{}, c.want)
		})
	}
	end := at + lenEnd64 + lenLocator
	central := bytes.Index(good, []byte("PK\x01\x02"))
	copy(good[end+12:], []byte{byte(at - central), 0, 0, 0, byte(central), 0, 0, 0}) // as Info-ZIP writes it for streams
	open(t, good)
	good[end+8], good[end+10] = 2, 2
	refused(t, good, Limits{}, "two end records differ")
}

// A size that lies in both headers is seen when the file is read, and no more is
// read than what it declares.
func TestVerify_LyingFiles(t *testing.T) {
	body := deflated(t, bytes.Repeat([]byte("yaml: 1\n"), 100))
	for _, c := range []struct {
		name string
		e    rawEntry
	}{
		{"shorter than it is", rawEntry{method: 8, data: body, size: 10}},
		{"longer than it is", rawEntry{method: 8, data: body, size: 8000}},
		{"checksum", rawEntry{method: 8, data: body, size: 800, crc: 7}},
		{"no deflate", rawEntry{method: 8, data: []byte("\xff\xff\xff\xff"), size: 800}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.e.name = "Files/liar.yaml"
			res := verify(t, rawZip(c.e), Policy{AllowUnsigned: true})
			if res.Accepted || !found(res, RuleUnreadable, "Files/liar.yaml") {
				t.Errorf("accepted %v: %v", res.Accepted, res.Findings)
			}
		})
	}
}

// rawEntry is an entry of a ZIP that archive/zip would not write.
type rawEntry struct {
	name          string
	data          []byte // as it stands in the ZIP
	method, flags uint16
	size          uint64 // 0 is that of data
	crc           uint32 // 0 is that of data
	extra         []byte
	before        int  // bytes in front that belong to nobody
	zip64         bool // all sizes in the ZIP64 part
	cut           bool // the ZIP64 part is too short
	stream        bool // packed size and checksum follow the data, as Info-ZIP writes into a pipe
}

// rawZip writes the same lies into local headers and central directory.
func rawZip(entries ...rawEntry) []byte {
	var out, directory []byte
	le, wide := binary.LittleEndian, false
	for _, e := range entries {
		out = append(out, make([]byte, e.before)...)
		size, crc, from := e.size, e.crc, uint64(len(out))
		if e.stream {
			e.flags |= flagDescriptor
		}
		if size == 0 {
			size = uint64(len(e.data))
		}
		if crc == 0 {
			crc = crc32.ChecksumIEEE(e.data)
		}
		packed, shown, start, extra := uint32(len(e.data)), uint32(size), uint32(from), e.extra
		if e.zip64 {
			wide = true
			value := le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, size), uint64(len(e.data))), from)
			if e.cut {
				value = value[:4]
			}
			packed, shown, start, extra = 1<<32-1, 1<<32-1, 1<<32-1, extraField(extraZip64, value)
		}
		head := le.AppendUint16(le.AppendUint16(le.AppendUint16(nil, 20), e.flags), e.method)
		head = le.AppendUint32(le.AppendUint32(le.AppendUint32(append(head, 0, 0, 0, 0), crc), packed), shown)
		head = le.AppendUint16(le.AppendUint16(head, uint16(len(e.name))), uint16(len(extra)))
		local, tail := bytes.Clone(head), []byte(nil)
		if e.stream {
			copy(local[10:], make([]byte, 8))
			tail = append([]byte("PK\x07\x08"), head[10:22]...)
		}
		out = append(append(append(append(le.AppendUint32(out, sigLocal), local...), e.name...), extra...), e.data...)
		out = append(out, tail...)
		directory = append(append(le.AppendUint32(directory, sigCentral), 20, 0), head...)
		directory = le.AppendUint32(append(directory, make([]byte, 10)...), start)
		directory = append(append(directory, e.name...), extra...)
	}
	return append(append(out, directory...), rawEnd(len(entries), len(directory), len(out), wide)...)
}

func rawEnd(count, size, offset int, wide bool) []byte {
	le := binary.LittleEndian
	var out []byte
	if wide {
		out = le.AppendUint64(le.AppendUint32(out, sigEnd64), lenEnd64-12)
		out = append(out, 45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		out = le.AppendUint64(le.AppendUint64(out, uint64(count)), uint64(count))
		out = le.AppendUint64(le.AppendUint64(out, uint64(size)), uint64(offset))
		out = le.AppendUint64(append(le.AppendUint32(out, sigLocator), 0, 0, 0, 0), uint64(offset+size))
		out = le.AppendUint32(out, 1)
		size, offset = 1<<32-1, 1<<32-1
	}
	out = append(le.AppendUint32(out, sigEnd), 0, 0, 0, 0)
	out = le.AppendUint16(le.AppendUint16(out, uint16(count)), uint16(count))
	return append(le.AppendUint32(le.AppendUint32(out, uint32(size)), uint32(offset)), 0, 0)
}

func extraField(id uint16, value []byte) []byte {
	return append(binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, id), uint16(len(value))), value...)
}

// deflated packs data as a ZIP entry has it.
func deflated(t *testing.T, data []byte) []byte {
	t.Helper()
	z := csartest.Zip(t, []csartest.File{{Name: "x", Data: data}})
	r, err := zip.NewReader(bytes.NewReader(z), int64(len(z)))
	if err != nil {
		t.Fatal(err)
	}
	at, err := r.File[0].DataOffset()
	if err != nil {
		t.Fatal(err)
	}
	return z[at : at+int64(r.File[0].CompressedSize64)]
}

// failing is a place that stops to answer after some reads.
type failing struct {
	r     *bytes.Reader
	reads int
}

var errDisk = errors.New("disk gone")

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.reads--; f.reads < 0 {
		return 0, errDisk
	}
	return f.r.ReadAt(p, off)
}

// Whatever read fails, nobody says that the package is bad.
func TestOpen_SourceFails(t *testing.T) {
	data := csartest.Build(t, csartest.Spec{Files: map[string][]byte{"Files/a": make([]byte, 1<<19)}, Store: true})
	for reads := 0; ; reads++ {
		a, err := Open(&failing{bytes.NewReader(data), reads}, int64(len(data)), Limits{})
		if err == nil {
			_, err = a.Verify(t.Context(), Policy{At: corpusTime, AllowUnsigned: true})
		}
		if err == nil {
			if reads < 10 {
				t.Errorf("verified with %d reads", reads)
			}
			return
		}
		if hub.CodeOf(err) != hub.Unavailable || !errors.Is(err, errDisk) {
			t.Fatalf("after %d reads: %v", reads, err)
		}
	}
}
