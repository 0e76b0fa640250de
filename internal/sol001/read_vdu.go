package sol001

import (
	"cmp"
	"slices"
	"strings"
)

func (p *part) vdu(name string, tmpl *node) *VDU {
	compute := p.at(tmpl, "capabilities", "virtual_compute", "properties")
	v := &VDU{
		ID: name, Name: p.str(tmpl, "properties", "name"),
		Min:       p.number(tmpl, 0, "properties", "vdu_profile", "min_number_of_instances"),
		Max:       p.number(tmpl, 0, "properties", "vdu_profile", "max_number_of_instances"),
		VCPUs:     p.number(compute, 1, "virtual_cpu", "num_virtual_cpu"),
		MemoryMiB: p.mib(compute, "virtual_memory", "virtual_mem_size"),
		Storages:  p.targets(tmpl, "virtual_storage"), SwImage: p.swImage(tmpl),
		CertificateDesc: p.targets(tmpl, "installable_certificate"),
	}
	if v.Name == "" {
		v.Name = name
	}
	v.Max = max(v.Max, v.Min)
	for _, disk := range p.listOf(p.at(compute, "virtual_local_storage")) {
		v.DiskGiB += p.gib(disk, "size_of_storage")
	}
	if v.SwImage != nil {
		v.Image = name
	}
	p.equipment(v, compute)
	for _, c := range v.CertificateDesc {
		if p.topology.get("node_templates", c) == nil {
			p.fail(tmpl, "%s requires the certificate %q, which does not exist", clip(name), clip(c))
		}
	}
	return v
}

// equipment reads what a VDU needs of its host besides capacity.
func (p *part) equipment(v *VDU, compute *node) {
	want := map[string]*bool{"tpm": &v.TPM, "hsm": &v.HSM, "hmee": &v.HMEE}
	ask := func(key string) *bool { return want[strings.TrimPrefix(strings.ToLower(key), "manoward.")] }
	for _, c := range p.at(compute, "requested_additional_capabilities").named() {
		name := p.str(c, "requested_additional_capability_name")
		flag := ask(name)
		accelerated, isAcceleration := strings.CutPrefix(strings.TrimPrefix(name, "manoward."), "acceleration.")
		if flag == nil && !isAcceleration || !p.truth(c, true, "support_mandatory") {
			continue
		}
		if isAcceleration {
			p.accelerate(v, c, accelerated)
			continue
		}
		*flag = true
	}
	slices.Sort(v.Acceleration)
	for _, l := range p.at(compute, "logical_node").named() {
		for key, value := range p.values(l, "logical_node_requirements") {
			if v.Constraints == nil {
				v.Constraints = map[string]any{}
			}
			v.Constraints[key] = value
			if flag := ask(key); flag != nil && (value == true || value == "true") {
				*flag = true
			}
		}
	}
}

// maxAcceleration bounds the acceleration capabilities of a VDU.
const maxAcceleration = 32

// accelerate notes an acceleration capability that a VDU asks for.
func (p *part) accelerate(v *VDU, at *node, name string) {
	letters := strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
	switch {
	case name == "" || len(name) > 64 || !letters:
		p.fail(at, "the acceleration capability %q of %s is no name; use 1 to 64 letters, digits, '-' or '_'", clip(name), clip(v.ID))
	case slices.Contains(v.Acceleration, name):
	case len(v.Acceleration) == maxAcceleration:
		p.fail(at, "%s asks for more than %d acceleration capabilities; ask for fewer", clip(v.ID), maxAcceleration)
	default:
		v.Acceleration = append(v.Acceleration, name)
	}
}

// swImage reads the software image of a VDU or a storage: its data, and the
// artifact that is the file. An image without a file is refused, because nobody
// could check it.
func (p *part) swImage(tmpl *node) *SwImage {
	data := p.at(tmpl, "properties", "sw_image_data")
	file := ""
	for _, a := range tmpl.get("artifacts").named() {
		if a.isMap && p.rootOf("artifact_types", p.str(a, "type")) == "tosca.artifacts.nfv.SwImage" {
			file = p.artifactFile(a)
		}
	}
	switch {
	case data.absent() && file == "":
		return nil
	case data.absent():
		p.fail(tmpl, "the software image %q has no sw_image_data; SOL 001 requires it", clip(file))
		return nil
	}
	img := &SwImage{
		Name: p.str(data, "name"), Version: p.str(data, "version"), Provider: p.str(data, "provider"), File: file,
		ContainerFormat: p.str(data, "container_format"), DiskFormat: p.str(data, "disk_format"),
		MinDiskGiB: p.gib(data, "min_disk"), MinMemoryMiB: p.mib(data, "min_ram"), SizeBytes: int64(p.bytes(data, "size")),
	}
	p.imageChecksum(img, data)
	if file == "" {
		p.fail(data, "the software image %q has no artifact of type tosca.artifacts.nfv.SwImage; name its file", clip(img.Name))
	}
	return img
}

// imageChecksum reads the checksum: a map of algorithm and hash, or the SHA-256
// alone as SOL 001 V2.5.1 has it.
func (p *part) imageChecksum(img *SwImage, data *node) {
	sum := p.at(data, "checksum")
	if sum != nil && !sum.isMap {
		img.Algorithm, img.Hash = "sha-256", strings.ToLower(p.str(sum))
	} else {
		img.Algorithm, img.Hash = strings.ToLower(p.str(sum, "algorithm")), strings.ToLower(p.str(sum, "hash"))
	}
	digits := map[string]int{"sha-224": 56, "sha-256": 64, "sha-384": 96, "sha-512": 128}[img.Algorithm]
	switch {
	case digits == 0:
		p.fail(data, "the checksum algorithm %q of %q is not supported; use sha-224, sha-256, sha-384 or sha-512", clip(img.Algorithm), clip(img.Name))
	case len(img.Hash) != digits || strings.Trim(img.Hash, "0123456789abcdef") != "":
		p.fail(data, "the hash of %q is no %s in hexadecimal", clip(img.Name), img.Algorithm)
	}
}

// vduCp is a connection point as it is written.
type vduCp struct {
	Cp
	vdu  string
	tmpl *node
}

func (p *part) vduCp(name string, tmpl *node) vduCp {
	return vduCp{
		Cp: Cp{
			ID: name, Order: p.number(tmpl, 0, "properties", "order"), Link: p.target(tmpl, "virtual_link"),
			Protocol: p.strs(tmpl, "properties", "layer_protocols"),
		},
		vdu: p.target(tmpl, "virtual_binding"), tmpl: tmpl,
	}
}

func (p *part) extCp(name string, tmpl *node) *ExtCp {
	return &ExtCp{ID: name, Link: p.target(tmpl, "internal_virtual_link"), Protocol: p.strs(tmpl, "properties", "layer_protocols")}
}

// connect binds connection points to VDUs and exposes those that the
// substitution mapping names, or that have no internal link.
func (p *part) connect(f *Flavour, cps []vduCp) {
	exposed := p.exposed()
	for i := range cps {
		c := &cps[i]
		v := f.VDUs[c.vdu]
		if v == nil {
			p.fail(c.tmpl, "the connection point %s is bound to %q, which is no Vdu.Compute", clip(c.ID), clip(c.vdu))
			continue
		}
		if c.Link != "" && f.Links[c.Link] == nil {
			p.fail(c.tmpl, "the connection point %s requires the link %q, which does not exist", clip(c.ID), clip(c.Link))
		}
		if requirement, ok := exposed[c.ID]; ok || c.Link == "" {
			if !ok {
				requirement = c.ID
			}
			c.ExtCp = c.ID
			f.ExtCps[c.ID] = &ExtCp{ID: c.ID, InternalCp: c.ID, Requirement: requirement, Protocol: c.Protocol}
		}
		v.Cps = append(v.Cps, c.Cp)
	}
	for id, x := range f.ExtCps {
		if x.Requirement == "" {
			x.Requirement = cmp.Or(exposed[id], id)
		}
		if x.Link != "" && f.Links[x.Link] == nil {
			p.fail(p.topology.get("node_templates", id), "the external connection point %s requires the link %q, which does not exist", clip(id), clip(x.Link))
		}
	}
	for _, v := range f.VDUs {
		slices.SortStableFunc(v.Cps, func(a, b Cp) int { return cmp.Or(cmp.Compare(a.Order, b.Order), strings.Compare(a.ID, b.ID)) })
	}
}

// exposed returns by connection point the name of the requirement under which an
// NSD connects it: requirements of the substitution mapping, name: [node, requirement].
func (p *part) exposed() map[string]string {
	out := map[string]string{}
	for name, v := range p.substitution.get("requirements").named() {
		if v.isList && len(v.list) > 0 {
			out[v.list[0].text] = name
		}
	}
	return out
}
