package csar

import (
	"path"
	"slices"
	"strings"
)

// locate finds the definition, the manifest and the other named files (SOL 004
// clause 4.1).
func (v *verifier) locate() {
	if !v.has(metaPath) {
		v.locateInRoot()
		return
	}
	v.res.Structure = ToscaMetadata
	text, err := v.a.readText(v.a.files, metaPath)
	if err != nil {
		v.find(RuleToscaMeta, Error, metaPath, "%v; write it anew", err)
	}
	v.meta = parseToscaMeta(text)
	for _, p := range v.meta.problems {
		v.find(RuleToscaMeta, Error, metaPath, "line %d: %s; write it as \"keyword: value\"", p.line, p.text)
	}
	v.checkMetaKeys()
	v.res.EntryDefinitions = v.named("Entry-Definitions", v.meta.entries["entry-definitions"], Error)
	v.res.ChangeLog = v.named("ETSI-Entry-Change-Log", v.meta.etsi("change-log"), Warning)
	v.res.Tests = v.namedFolder("ETSI-Entry-Tests", v.meta.etsi("tests"))
	v.res.Licenses = v.namedFolder("ETSI-Entry-Licenses", v.meta.etsi("licenses"))
	v.locateManifest()
}

// checkMetaKeys looks at the keywords that TOSCA wants in the first block.
func (v *verifier) checkMetaKeys() {
	for _, want := range []struct {
		key    string
		values []string // nil is any
	}{
		{"TOSCA-Meta-File-Version", []string{"1.0", "1.1"}},
		{"CSAR-Version", []string{"1.0", "1.1"}},
		{"Created-By", nil},
	} {
		value := strings.Trim(v.meta.entries[strings.ToLower(want.key)], `'"`)
		if value == "" {
			v.find(RuleToscaMeta, Error, metaPath, "%s is missing; add it", want.key)
		} else if want.values != nil && !slices.Contains(want.values, value) {
			v.find(RuleToscaMeta, Error, metaPath, "%s is %s, which is not known; write %s", want.key, quote(value), strings.Join(want.values, " or "))
		}
	}
}

// named returns the path of a file that TOSCA.meta names, or "" when it is not
// there. missing is how bad it is that the keyword is.
func (v *verifier) named(key, name string, missing Severity) string {
	switch {
	case name == "":
		v.find(RuleToscaMeta, missing, metaPath, "%s is missing; add it", key)
	case !v.has(name):
		v.find(RuleEntry, Error, name, "%s names this file and it is not in the package; add the file or mend the entry", key)
	default:
		return name
	}
	return ""
}

// namedFolder is named for a folder, which may be missing.
func (v *verifier) namedFolder(key, name string) string {
	folder := strings.TrimSuffix(name, "/")
	if folder == "" {
		return ""
	}
	if !slices.ContainsFunc(v.a.names, func(n string) bool { return n == folder || strings.HasPrefix(n, folder+"/") }) {
		v.find(RuleEntry, Warning, folder, "%s names this folder and there is no file in it; add the files or drop the entry", key)
		return ""
	}
	return folder
}

// locateManifest finds the manifest of a package with TOSCA.meta. One in the
// root that nobody names is read all the same, so that its findings are seen.
func (v *verifier) locateManifest() {
	name, alone := v.meta.etsi("manifest"), v.rootManifest()
	switch {
	case name == "" && alone == "":
		v.find(RuleStructure, Warning, "", "there is no manifest, so nothing says what the package holds; add one and name it by ETSI-Entry-Manifest")
	case name == "":
		v.find(RuleToscaMeta, Error, metaPath, "ETSI-Entry-Manifest is missing; name %s", quote(alone))
	default:
		if found := v.named("ETSI-Entry-Manifest", name, Error); found != "" {
			v.res.Manifest = found
			return
		}
	}
	v.res.Manifest = alone
}

// locateInRoot finds definition and manifest of a package without TOSCA.meta:
// one definition in the root, and a manifest of the same name.
func (v *verifier) locateInRoot() {
	definitions := v.inRoot(isDefinition)
	v.res.Manifest = v.rootManifest()
	switch len(definitions) {
	case 0:
		v.find(RuleStructure, Error, "", "there is neither %s nor a definition (.yaml) in the root; add one of them", metaPath)
		return
	case 1:
	default:
		v.find(RuleStructure, Error, definitions[1], "there is no %s and more than one definition in the root; leave one there", metaPath)
		return
	}
	v.res.Structure, v.res.EntryDefinitions = SingleDefinition, definitions[0]
	want := withoutExt(definitions[0]) + ".mf"
	switch {
	case v.has(want):
		v.res.Manifest = want
	case v.res.Manifest == "":
		v.find(RuleStructure, Warning, "", "there is no manifest, so nothing says what the package holds; add %s", quote(want))
	default:
		v.find(RuleStructure, Error, v.res.Manifest, "the manifest must have the name of the definition; call it %s", quote(want))
	}
}

// rootManifest returns the only manifest in the root, or "".
func (v *verifier) rootManifest() string {
	if found := v.inRoot(isManifest); len(found) == 1 {
		return found[0]
	}
	return ""
}

// inRoot returns the files of the root that are of a kind.
func (v *verifier) inRoot(kind func(string) bool) []string {
	var found []string
	for _, name := range v.a.names {
		if inRoot(name) && kind(name) {
			found = append(found, name)
		}
	}
	return found
}

// readManifest reads the manifest, if there is one.
func (v *verifier) readManifest() {
	if v.res.Manifest == "" {
		return
	}
	text, err := v.a.readText(v.a.files, v.res.Manifest)
	if err != nil {
		v.find(RuleManifest, Error, v.res.Manifest, "%v; write it anew", err)
		return
	}
	v.man = parseManifest(text)
	v.res.Metadata = v.man.metadata
	for _, p := range v.man.problems {
		v.find(RuleManifest, Error, v.res.Manifest, "line %d: %s; mend the manifest and sign it again", p.line, p.text)
	}
	for _, set := range v.man.sets {
		if len(set.sources) == 0 {
			v.find(RuleNonMANO, Error, v.res.Manifest, "line %d: set %s has no Source; name its files or drop it", set.line, quote(set.name))
		}
	}
}

// kinds are the keywords of a manifest's metadata (SOL 004 clause 4.3.2, SOL 007
// clause 4.3.2) that all editions share. Each kind of package has its own
// prefix; a VNF's are vnf_ and, in later editions, vnfd_.
var kinds = []struct {
	kind   Kind
	prefix string
	keys   []string
}{
	{VNF, "vnf", []string{"vnf_product_name", "vnf_provider_id", "vnf_package_version", "vnf_release_date_time"}},
	{PNF, "pnfd_", []string{"pnfd_name", "pnfd_provider", "pnfd_archive_version", "pnfd_release_date_time"}},
	{NS, "nsd_", []string{"nsd_invariant_id", "nsd_name", "nsd_designer", "nsd_file_structure_version", "nsd_release_date_time"}},
}

// judgeMetadata finds out what the package is of.
func (v *verifier) judgeMetadata() {
	if v.man == nil {
		return
	}
	for _, k := range kinds {
		if !v.hasPrefix(k.prefix) {
			continue
		}
		if v.res.Kind != "" {
			v.find(RuleMetadata, Error, v.res.Manifest, "the metadata has keywords of a %s and of a %s package; keep those of one", v.res.Kind, k.kind)
			continue
		}
		v.res.Kind = k.kind
		for _, key := range k.keys {
			if v.man.metadata[key] == "" {
				v.find(RuleMetadata, Warning, v.res.Manifest, "metadata %s is missing; add it", key)
			}
		}
	}
	if v.res.Kind == "" {
		v.find(RuleMetadata, Warning, v.res.Manifest, "the metadata does not say what the package is of; add that of a VNF, PNF or NS package")
	}
}

func (v *verifier) hasPrefix(prefix string) bool {
	for key := range v.man.metadata {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// beside reports whether a signature or certificate stands where its artifact is
// and has its name: "a/b.yaml" may have "a/b.sig.cms" and "a/b.yaml.cms".
func beside(artifact, other string) bool {
	return path.Dir(artifact) == path.Dir(other) && strings.HasPrefix(path.Base(other), withoutExt(path.Base(artifact))+".")
}
