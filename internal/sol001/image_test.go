package sol001

import (
	"strings"
	"testing"
)

const imageTop = `topology_template:
  node_templates:
    vnf:
      type: tosca.nodes.nfv.VNF
      properties: {descriptor_id: d1, descriptor_version: "1", provider: Acme, product_name: Web, software_version: "2", flavour_id: simple, vnfm_info: manoward}
    web:
      type: tosca.nodes.nfv.Vdu.Compute
      properties: {sw_image_data: {name: disk, version: "1", SUM}}
      artifacts: {sw_image: {type: tosca.artifacts.nfv.SwImage, file: FILE}}
`

func parseImage(t *testing.T, sum, file string) (*SwImage, error) {
	t.Helper()
	text := strings.NewReplacer("SUM", sum, "FILE", file).Replace(imageTop)
	d, err := ParseVNFD(pack("Definitions/top.yaml", text, "Definitions/a.img", "a", "b.img", "b"), "Definitions/top.yaml")
	if err != nil {
		return nil, err
	}
	return d.Flavours["simple"].VDUs["web"].SwImage, nil
}

func TestSwImage(t *testing.T) {
	sum256, sum512 := strings.Repeat("aB", 32), strings.Repeat("c", 128)
	for _, c := range []struct{ sum, file, algorithm, path string }{
		{"checksum: " + sum256, "a.img", "sha-256", "Definitions/a.img"},
		{"checksum: {algorithm: SHA-512, hash: " + sum512 + "}", "../b.img", "sha-512", "b.img"},
		{"checksum: " + sum256, "b.img", "sha-256", "b.img"}, // from the root of the package
		{"checksum: " + sum256, "none.img", "sha-256", "Definitions/none.img"},
		{"checksum: " + sum256, "'https://example.com/c.img'", "sha-256", "https://example.com/c.img"},
	} {
		img, err := parseImage(t, c.sum, c.file)
		if err != nil {
			t.Fatal(err)
		}
		if img.Algorithm != c.algorithm || img.File != c.path || img.Hash != strings.ToLower(img.Hash) {
			t.Errorf("%s, %s: image is %+v", c.sum, c.file, img)
		}
	}
}

func TestSwImage_Faults(t *testing.T) {
	good := "checksum: " + strings.Repeat("a", 64)
	for _, c := range []struct{ sum, file, want string }{
		{"checksum: {algorithm: md5, hash: abcd}", "a.img", "\"md5\""},
		{"size: 1 B", "a.img", "checksum algorithm"},
		{"checksum: abcd", "a.img", "no sha-256"},
		{"checksum: " + strings.Repeat("z", 64), "a.img", "no sha-256"},
		{good, "../../a.img", "leads out of the package"},
		{good, "/a.img", "leads out of the package"},
		{good, "''", "no artifact"},
		{good + ", size: 1 lot", "a.img", "is no size"},
		{good + ", size: 9999999 TiB", "a.img", "is no size"},
	} {
		_, err := parseImage(t, c.sum, c.file)
		wantFault(t, err, c.want)
	}
	text := strings.Replace(imageTop, "{sw_image_data: {name: disk, version: \"1\", SUM}}", "{name: web}", 1)
	_, err := ParseVNFD(pack("top.yaml", strings.Replace(text, "FILE", "a.img", 1)), "top.yaml")
	wantFault(t, err, "no sw_image_data")
}

// An image is asked for by the name of its VDU alone, whatever the flavour.
func TestSwImage_Flavours(t *testing.T) {
	flavour := func(id, hash string) string {
		text := strings.NewReplacer("SUM", "checksum: "+strings.Repeat(hash, 64), "FILE", "a.img", "flavour_id: simple", "flavour_id: "+id).Replace(imageTop)
		return strings.Replace(text, "topology_template:\n", "topology_template:\n  substitution_mappings: {node_type: tosca.nodes.nfv.VNF, properties: {flavour_id: "+id+"}}\n", 1)
	}
	parse := func(second string) error {
		d, err := ParseVNFD(pack("top.yaml", "imports: [big.yaml]\n"+flavour("small", "a"), "big.yaml", flavour("big", second)), "top.yaml")
		if err == nil && len(d.Flavours) != 2 {
			t.Errorf("there are %d flavours", len(d.Flavours))
		}
		return err
	}
	if err := parse("a"); err != nil {
		t.Error(err)
	}
	wantFault(t, parse("b"), "big.yaml", "web has another software image", `"big"`)
}

// The NFVO asks for an image by its own name, and gets one.
func TestSwImage_Names(t *testing.T) {
	parse := func(name, hash string) error {
		text := strings.NewReplacer("SUM", "checksum: "+strings.Repeat("a", 64), "FILE", "a.img").Replace(imageTop) + `    db:
      type: tosca.nodes.nfv.Vdu.Compute
      properties: {sw_image_data: {name: ` + name + `, version: "2", checksum: ` + strings.Repeat(hash, 64) + `}}
      artifacts: {sw_image: {type: tosca.artifacts.nfv.SwImage, file: a.img}}
`
		_, err := ParseVNFD(pack("top.yaml", text), "top.yaml")
		return err
	}
	for _, c := range []struct{ name, hash string }{{"disk", "a"}, {"other", "a"}, {"other", "b"}} {
		if err := parse(c.name, c.hash); err != nil {
			t.Errorf("%s %s: %v", c.name, c.hash, err)
		}
	}
	wantFault(t, parse("disk", "b"), "top.yaml", `the name "disk"`)
}
