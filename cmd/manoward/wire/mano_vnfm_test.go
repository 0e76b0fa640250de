package wire

import (
	"archive/zip"
	"bytes"
	"cmp"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// What a few bytes unpack to is bounded before it is unpacked, by what the ZIP says
// of it, and what is no VNFD is told as what it is.
func TestParseVnfd_Refused(t *testing.T) {
	type file struct {
		name string
		size uint64 // that the ZIP says it has unpacked, if not that of the text
		text string
	}
	const meta = "TOSCA-Metadata/TOSCA.meta"
	for what, c := range map[string]struct {
		files []file
		says  string
	}{
		"large metadata":         {[]file{{"vnfd.yaml", 0, "a: b"}, {meta, maxVnfdMeta + 1, ""}}, "4 MiB of TOSCA.meta"},
		"a large file":           {[]file{{"vnfd.yaml", maxVnfdUnpacked + 1, ""}}, "256 MiB unpacked"},
		"large files":            {[]file{{"vnfd.yaml", 0, "a: b"}, {"x", maxVnfdUnpacked / 2, ""}, {"y", maxVnfdUnpacked / 2, ""}}, "256 MiB unpacked"},
		"nothing":                {nil, "no service template"},
		"metadata without entry": {[]file{{meta, 0, "CSAR-Version: 1.1\n"}}, "no service template"},
		"an entry that is away":  {[]file{{meta, 0, "Entry-Definitions: Definitions/x.yaml\n"}}, "Definitions/x.yaml"},
	} {
		t.Run(what, func(t *testing.T) {
			var packed bytes.Buffer
			z := zip.NewWriter(&packed)
			for _, f := range c.files {
				size := cmp.Or(f.size, uint64(len(f.text)))
				h := &zip.FileHeader{Name: f.name, Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte(f.text)), CompressedSize64: uint64(len(f.text)), UncompressedSize64: size}
				w, err := z.CreateRaw(h)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(w, f.text); err != nil {
					t.Fatal(err)
				}
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			v, err := parseVnfd(packed.Bytes())
			if v != nil || hub.CodeOf(err) != hub.Unprocessable || !strings.Contains(hub.SafeText(err), c.says) {
				t.Errorf("%d bytes: %v, want %q", packed.Len(), err, c.says)
			}
		})
	}
	if _, err := parseVnfd([]byte("no ZIP")); hub.CodeOf(err) != hub.Unprocessable {
		t.Error(err)
	}
}
