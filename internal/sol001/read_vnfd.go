package sol001

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// notSupported are node types whose life cycle nobody here could run: they are
// refused by name, so that no part of a VNF is left out in silence.
var notSupported = map[string]string{
	"Vdu.OsContainer":               "containers",
	"Vdu.OsContainerDeployableUnit": "containers",
	"Vdu.OsContainerGroup":          "containers",
	"Mciop":                         "managed container infrastructure object packages",
	"VirtualCp":                     "virtual connection points",
	"VipCp":                         "virtual IP connection points",
	"VduSubCp":                      "trunk sub-ports",
	"DeployableModule":              "deployable modules",
}

// ParseVNFD reads the VNF descriptor whose service template is at entry, with
// what it imports from the same package. It reads nothing else.
//
// Its faults are hub.Unprocessable and say file, line, cause and mend. Safe for
// concurrent use, as files is.
//
// Names of ours, which SOL 001 leaves open:
//   - a VDU asks for a TPM, an HSM or HMEE by a requested additional capability of
//     the name "tpm", "hsm" or "hmee" (also "manoward.tpm", ...), and for an
//     acceleration capability by "acceleration.<its name>", with
//     support_mandatory not false, or by a logical node requirement of that name
//     with the value "true";
//   - a VNF is a security VNF if the metadata of its node template, or of the
//     service template, has manoward.security: true.
func ParseVNFD(files fs.FS, entry string) (*VNFD, error) {
	m, err := load(files, entry)
	if err != nil {
		return nil, err
	}
	flavours, top, err := m.parts("tosca.nodes.nfv.VNF")
	if err != nil {
		return nil, err
	}
	d, certificates, images := readVNF(flavours[0], top), map[string]bool{}, map[string]*SwImage{}
	tells := indicators{at: map[string]int{}}
	for _, p := range flavours {
		f := p.vnfFlavour(top)
		if p.err != nil {
			return nil, p.err
		}
		if d.Flavours[f.ID] != nil {
			return nil, fault(p.file, 0, "the flavour %q is described twice; give each an id of its own", clip(f.ID))
		}
		if err := p.sameImages(f, images); err != nil {
			return nil, err
		}
		d.Flavours[f.ID] = f
		if d.DefaultFlavour == "" {
			d.DefaultFlavour = f.ID
		}
		for _, c := range p.certificates() { // of several flavours, by their names
			if !certificates[c.ID] {
				certificates[c.ID] = true
				d.Certificates = append(d.Certificates, c)
			}
		}
		tells.add(p)
	}
	if !slices.Contains(flavours, top) {
		tells.add(top)
	}
	d.Indicators = tells.list
	if err := firstOf(append(slices.Clone(flavours), top)...); err != nil {
		return nil, err
	}
	return d, nil
}

// sameImages adds the software images of a flavour to those of the others. An
// image is known by the name of its VDU or storage alone, or by its own name alone
// (vnfdSoftwareImageId), so that each name must mean one image in all flavours.
func (p *part) sameImages(f *Flavour, known map[string]*SwImage) error {
	own := map[string]*SwImage{}
	for id, v := range f.VDUs {
		own[id] = v.SwImage
	}
	for id, v := range f.Storages {
		own[id] = v.SwImage
	}
	for _, id := range slices.Sorted(maps.Keys(own)) {
		img := own[id]
		if img == nil {
			continue
		}
		if other := known["of "+id]; other != nil && !other.same(img) {
			return fault(p.file, 0, "%s has another software image in the flavour %q than in one before it; give it another name there", clip(id), clip(f.ID))
		}
		if other := known["named "+img.Name]; other != nil && !other.same(img) {
			return fault(p.file, 0, "the software image of %s in the flavour %q has the name %q, as another image has; give each a name of its own in sw_image_data", clip(id), clip(f.ID), clip(img.Name))
		}
		known["of "+id], known["named "+img.Name] = img, img
	}
	return nil
}

// same says whether two software images are the same bytes of the same file.
func (i *SwImage) same(other *SwImage) bool {
	return i.File == other.File && i.Algorithm == other.Algorithm && i.Hash == other.Hash
}

func firstOf(parts ...*part) error {
	for _, p := range parts {
		if p.err != nil {
			return p.err
		}
	}
	return nil
}

// readVNF reads what holds for all flavours.
func readVNF(p, top *part) *VNFD {
	d := &VNFD{
		ID: p.must(top, "descriptor_id"), Version: p.must(top, "descriptor_version"), Provider: p.must(top, "provider"),
		ProductName: p.must(top, "product_name"), SoftwareVersion: p.must(top, "software_version"),
		VnfmInfo: p.strs(p.property(top, "vnfm_info")), Flavours: map[string]*Flavour{},
		Configurable: p.configurable(top, "configurable_properties"),
		Metadata:     p.metadata(top), Files: p.filesRead(),
	}
	_, d.AutoHeal = d.Configurable["is_autoheal_enabled"]
	_, d.AutoScale = d.Configurable["is_autoscale_enabled"]
	d.Extensions = map[string]any{}
	for _, group := range []string{"extensions", "metadata"} {
		for k, v := range p.configurable(top, "modifiable_attributes", group) {
			d.Extensions[k] = v
		}
	}
	d.Security = strings.EqualFold(d.Metadata["manoward.security"], "true")
	return d
}

// metadata joins that of the service templates and of the node template, which
// wins.
func (p *part) metadata(top *part) map[string]string {
	out := map[string]string{}
	for _, n := range []*node{p.templates[0].metadata, top.self.get("metadata"), p.self.get("metadata")} {
		for k, v := range p.texts(n) {
			out[k] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func (p *part) vnfFlavour(top *part) *Flavour {
	f := &Flavour{
		ID: p.str(p.at(p.substitution, "properties", "flavour_id")), Description: p.str(p.property(top, "flavour_description")),
		VDUs: map[string]*VDU{}, Links: map[string]*Link{}, ExtCps: map[string]*ExtCp{}, Storages: map[string]*Storage{},
		Operations: p.values(p.property(top, "lcm_operations_configuration")),
	}
	if f.ID == "" {
		f.ID = p.must(top, "flavour_id")
	}
	var cps []vduCp
	p.nodes(func(name, root string, tmpl *node) {
		switch {
		case notSupported[root] != "":
			p.fail(tmpl, "%s is a %s: %s are not supported here; use Vdu.Compute and VduCp", clip(name), root, notSupported[root])
		case root == "Vdu.Compute":
			f.VDUs[name] = p.vdu(name, tmpl)
		case strings.HasPrefix(root, "Vdu.Virtual") && strings.HasSuffix(root, "Storage"):
			f.Storages[name] = p.storage(name, root, tmpl)
		case root == "VnfVirtualLink":
			f.Links[name] = p.link(name, tmpl)
		case root == "VnfExtCp":
			f.ExtCps[name] = p.extCp(name, tmpl)
		case root == "VduCp":
			cps = append(cps, p.vduCp(name, tmpl))
		}
	})
	p.connect(f, cps)
	p.checkStorages(f)
	p.scaling(f)
	f.Affinity = p.affinity("")
	return f
}

func (p *part) link(name string, tmpl *node) *Link {
	l := &Link{ID: name, Type: p.str(tmpl, "properties", "connectivity_type", "flow_pattern")}
	for _, d := range p.listOf(p.at(tmpl, "properties", "vl_profile", "virtual_link_protocol_data")) {
		if c := p.str(d, "l3_protocol_data", "cidr"); c != "" {
			l.CIDRs = append(l.CIDRs, c)
		}
	}
	return l
}

// listOf returns the items of a list; nil for what is none.
func (r *reader) listOf(n *node) []*node {
	if n == nil {
		return nil
	}
	return n.list
}

func (p *part) storage(name, root string, tmpl *node) *Storage {
	kind := strings.TrimSuffix(strings.TrimPrefix(root, "Vdu.Virtual"), "Storage")
	s := &Storage{ID: name, Type: strings.ToUpper(kind)}
	data := p.at(tmpl, "properties", "virtual_"+strings.ToLower(kind)+"_storage_data")
	size := p.at(data, "size_of_storage")
	if kind == "Object" {
		size = p.at(data, "max_size_of_storage")
	}
	s.SizeGiB = p.gib(size)
	s.SwImage = p.swImage(tmpl)
	return s
}

func (p *part) checkStorages(f *Flavour) {
	for id, v := range f.VDUs {
		for _, s := range v.Storages {
			if f.Storages[s] == nil {
				p.fail(p.topology.get("node_templates", id), "%s requires the storage %q, which does not exist", clip(id), clip(s))
			}
		}
	}
}

// certificates reads tosca.nodes.nfv.Certificate (SOL 001 V5.4.1 clause 6.8.19).
func (p *part) certificates() []CertificateDesc {
	var out []CertificateDesc
	p.nodes(func(name, root string, tmpl *node) {
		if root != "Certificate" {
			return
		}
		c := CertificateDesc{
			ID: name, Type: p.str(tmpl, "properties", "certificate_type"),
			Profile: p.values(tmpl, "properties", "certificate_base_profile"), CSR: p.values(tmpl, "properties", "csr_requirements"),
		}
		if c.Type != "VNFCI_CERT" && c.Type != "VNFOAM_CERT" {
			p.fail(tmpl, "the certificate_type %q of %s is not supported; use VNFCI_CERT or VNFOAM_CERT", clip(c.Type), clip(name))
		}
		out = append(out, c)
	})
	return out
}
