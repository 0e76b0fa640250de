package csar

import (
	"path"
	"strings"
)

// metaPath is where TOSCA's description of the package is (TOSCA Simple Profile
// in YAML 1.1, clause 6.2).
const metaPath = "TOSCA-Metadata/TOSCA.meta"

// isSignature reports whether a file's name is that of a CMS signature.
func isSignature(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".cms", ".sig", ".p7", ".p7s", ".p7c", ".p7b", ".p7m":
		return true
	}
	return false
}

// isCertificate reports whether a file's name is that of a certificate.
func isCertificate(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".cert", ".crt", ".cer", ".pem":
		return true
	}
	return false
}

// isDefinition reports whether a file's name is that of a TOSCA definition.
func isDefinition(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".yaml" || ext == ".yml"
}

func isManifest(name string) bool { return strings.EqualFold(path.Ext(name), ".mf") }

// inRoot reports whether a file is in no folder.
func inRoot(name string) bool { return !strings.Contains(name, "/") }

// withoutExt cuts the last extension from a path.
func withoutExt(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }
