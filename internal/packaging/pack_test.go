package packaging_test

import (
	"bytes"
	"crypto/x509"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/manoward/manoward/internal/packaging"
	"github.com/manoward/manoward/mano-core/catalogue/csar"
)

var now = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func folder() fstest.MapFS {
	return fstest.MapFS{
		"Definitions/web.yaml": {Data: []byte("tosca_definitions_version: tosca_simple_yaml_1_3\n")},
		"Files/disk.img":       {Data: []byte("a disk\n")},
		"ChangeLog.txt":        {Data: []byte("1.0 first\n")},
		"metadata.txt":         {Data: []byte("vnf_product_name: web\nvnf_provider_id: Acme\nvnf_package_version: 1.0\nvnf_release_date_time: 2026-01-01T00:00:00Z\n")},
	}
}

func TestPack(t *testing.T) {
	t.Parallel()
	vendor, err := packaging.NewVendor("Acme", now)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := vendor.Pack(folder())
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, raw, vendor, true)
	other, err := packaging.NewVendor("Acme", now)
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, raw, other, false)
	if !strings.Contains(string(vendor.AnchorPEM()), "BEGIN CERTIFICATE") {
		t.Errorf("the anchor is %s", vendor.AnchorPEM())
	}
}

func TestPack_Incomplete(t *testing.T) {
	t.Parallel()
	vendor, err := packaging.NewVendor("Acme", now)
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(fstest.MapFS){
		"metadata.txt":                 func(m fstest.MapFS) { delete(m, "metadata.txt") },
		"Definitions holds no file":    func(m fstest.MapFS) { delete(m, "Definitions/web.yaml") },
		"ChangeLog.txt":                func(m fstest.MapFS) { delete(m, "ChangeLog.txt") },
		"a package has one descriptor": func(m fstest.MapFS) { m["Definitions/z.yaml"] = m["Definitions/web.yaml"] },
	} {
		files := maps.Clone(folder())
		change(files)
		if _, err := vendor.Pack(files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
	if _, err := vendor.Pack(unreadable{folder()}); err == nil || !strings.Contains(err.Error(), "Files/disk.img") {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

// unreadable is a folder with a file that cannot be read.
type unreadable struct{ fstest.MapFS }

func (u unreadable) Open(name string) (fs.File, error) {
	if name == "Files/disk.img" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.MapFS.Open(name)
}

func (u unreadable) ReadFile(name string) ([]byte, error) {
	if name == "Files/disk.img" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.MapFS.ReadFile(name)
}

// accepted compares the verdict of the catalogue's reader on a package with what is wanted.
func accepted(t *testing.T, raw []byte, trusted *packaging.Vendor, want bool) {
	t.Helper()
	archive, err := csar.Open(bytes.NewReader(raw), int64(len(raw)), csar.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := archive.Verify(t.Context(), csar.Policy{Anchors: []*x509.Certificate{trusted.Anchor}, At: now})
	if err != nil {
		t.Fatal(err)
	}
	if verdict.Accepted != want {
		t.Errorf("accepted: %t, want %t; findings %+v", verdict.Accepted, want, verdict.Findings)
	}
}
