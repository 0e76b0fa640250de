package topology

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/manoward/manoward/internal/ifa006"
)

// oneText reports whether two texts are one in memory.
func oneText(a, b string) bool { return a == b && unsafe.StringData(a) == unsafe.StringData(b) }

// other is a text with memory of its own, as a decoder makes it.
func other(s string) string { return strings.Clone(s) }

// A text that stands in several elements is in memory once, and no element says anything else than
// before.
func TestWords(t *testing.T) {
	w := newWords()
	place := func() *ifa006.Location { return &ifa006.Location{Country: other("DE"), Rack: other("7")} }
	sum := func() *checksum { return &checksum{other("SHA-256"), other("abc")} }
	v := w.vnf(&vnf{ID: other("vnf"), PkgID: other("pkg"), Integrity: &integrity{Checksum: other("abc")}, vnfcs: few[string]{{"a", other("compute")}}})
	n := w.ns(&ns{ID: other("ns"), VnfIDs: []string{other("vnf")}, profiles: few[string]{{"vnf", other("profile")}}})
	p := w.pkg(&pkg{ID: other("pkg"), Checksum: sum(), Product: other("product")})
	c := w.compute(&compute{ID: other("compute"), VnfID: other("vnf"), HostID: other("host"), ImageID: other("image"), Location: place()})
	h := w.host(&host{ID: other("host"), ComputeIDs: []string{other("compute")}, TrustDomains: []string{other("north")}, Location: place()})
	i := w.image(&image{ID: other("image"), PkgID: other("pkg"), Checksum: sum()})
	for what, pair := range map[string][2]string{
		"VNF of an NS": {n.VnfIDs[0], v.ID}, "VNF of a compute": {c.VnfID, v.ID}, "package of a VNF": {v.PkgID, p.ID}, "package of an image": {i.PkgID, p.ID},
		"compute of a VNF": {v.vnfcs[0].val, c.ID}, "compute of a host": {h.ComputeIDs[0], c.ID}, "host": {c.HostID, h.ID}, "image": {c.ImageID, i.ID},
		"checksum of an image": {i.Checksum.Hash, p.Checksum.Hash}, "checksum of a VNF": {v.Integrity.Checksum, p.Checksum.Hash},
	} {
		if !oneText(pair[0], pair[1]) {
			t.Errorf("%s: %q and %q are not one text", what, pair[0], pair[1])
		}
	}
	if c.Location != h.Location || !reflect.DeepEqual(c.Location, place()) {
		t.Errorf("locations %+v and %+v are not one", c.Location, h.Location)
	}
	if want := (&vnf{ID: "vnf", PkgID: "pkg", Integrity: &integrity{Checksum: "abc"}, vnfcs: few[string]{{"a", "compute"}}}); !reflect.DeepEqual(v, want) {
		t.Errorf("%+v became %+v", want, v)
	}
	if got := w.compute(&compute{ID: "alone"}); got.Location != nil {
		t.Errorf("a compute of unknown place is at %+v", got.Location)
	}
}

// What an element has of the one before is not changed under its readers.
func TestWords_Before(t *testing.T) {
	w := newWords()
	w.vnf(&vnf{ID: "a", Integrity: &integrity{Checksum: other("abc")}})
	before := &integrity{Checksum: other("abc")}
	read := before.Checksum
	if v := w.vnf(&vnf{ID: "b", Integrity: before}); v.Integrity == before || !oneText(before.Checksum, read) {
		t.Error("the findings of the element before were changed")
	}
}

// A reading of one element shares nothing.
func TestWords_None(t *testing.T) {
	var w *words
	n, v, p := &ns{ID: "n"}, &vnf{ID: "v"}, &pkg{ID: "p"}
	if w.ns(n) != n || w.vnf(v) != v || w.pkg(p) != p {
		t.Error("elements are not given back as they are")
	}
}

// A rebuilt model has an ID once, however many elements refer to it.
func TestWords_Rebuild(t *testing.T) {
	w := newWorld()
	w.addVnf("n1", "v1", "h1")
	w.addVnf("n1", "v2", "h1")
	m := built(t, w).m
	v := m.vnfs.byID["v1"].val
	for what, id := range map[string]string{"NS": m.nss.byID["n1"].val.VnfIDs[0], "compute": m.computes.byID["v1-c"].val.VnfID} {
		if id != "" && !oneText(id, v.ID) {
			t.Errorf("the %s has a text of its own for the VNF: %q", what, id)
		}
	}
	if p := m.pkgs.byID["k1"].val.ID; !oneText(v.PkgID, p) || !oneText(m.vnfs.byID["v2"].val.PkgID, p) || !oneText(m.images.byID["i1"].val.PkgID, p) {
		t.Error("VNFs, packages and images have texts of their own for the package")
	}
	if h := m.hosts.byID["h1"].val; !oneText(m.computes.byID["v1-c"].val.HostID, h.ID) || !oneText(h.ComputeIDs[0], m.computes.byID["v1-c"].val.ID) {
		t.Error("hosts and computes have texts of their own for each other")
	}
}

// TestMain holds that no test, with all that they run, has written through what [known]
// returns, which all elements share.
func TestMain(m *testing.M) {
	code := m.Run()
	if !*known(true) || *known(false) {
		fmt.Fprintln(os.Stderr, "something wrote through a fact that all elements share: make a new one with known instead")
		code = max(code, 1)
	}
	os.Exit(code)
}
