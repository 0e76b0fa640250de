package csar

import (
	"crypto/x509"
	"fmt"
	"time"
)

// Policy is what the one who judges a package accepts.
type Policy struct {
	// Anchors are the certificates that are trusted: CAs, or signers themselves
	// ("pinned"). Without any, every signature is refused.
	Anchors []*x509.Certificate
	// At is the time at which chains are judged. It must be given.
	At time.Time
	// AllowUnsigned accepts a package without a signature, with a warning. A
	// signature that is there must still be right.
	AllowUnsigned bool
	// AllowExpired accepts signers whose certificate is over, or not yet valid,
	// with a warning. Their chain is then judged at the nearest end of the
	// signer's own validity.
	AllowExpired bool
}

// Check is what became of one signature.
type Check string

// The checks. All but OK and None are refusals.
const (
	OK                   Check = "ok"
	None                 Check = "none"                     // there is no signature
	DigestMismatch       Check = "digest-mismatch"          // the content was changed after signing
	SignatureMismatch    Check = "signature-mismatch"       // the signature value is not the signer's
	SignerIDMismatch     Check = "signer-id-mismatch"       // no certificate in the package is the signer's
	NotSignedData        Check = "not-signed-data"          // a placeholder, or another kind of CMS
	UnsupportedAlgorithm Check = "unsupported-algorithm"    // SHA-1, DSA and the like
	FileMissing          Check = "file-missing"             // the signature's file, or the artifact, is not in the package
	CertOnly             Check = "cert-only"                // a certificate is named and no signature
	BlankLineDropped     Check = "ok-if-blank-line-dropped" // it fits when the blank line before the CMS block is not counted
)

// HashCount counts the manifest's and TOSCA.meta's entries: each Source or Name
// line counts for itself. Entries outside the package (URLs) are not counted.
type HashCount struct {
	Right  int `json:"right"`
	Wrong  int `json:"wrong"`  // another digest, an unknown algorithm, or half of the pair missing
	Absent int `json:"absent"` // the file is not in the package
}

// String is the count in words.
func (h HashCount) String() string {
	if h == (HashCount{}) {
		return "no hashes"
	}
	return fmt.Sprintf("%d ok, %d wrong, %d absent files", h.Right, h.Wrong, h.Absent)
}

// ArtifactSignature is what became of one Signature or Certificate entry.
type ArtifactSignature struct {
	Artifact    string `json:"artifact"`
	Signature   string `json:"signature,omitempty"`   // path of its file
	Certificate string `json:"certificate,omitempty"` // path of its file
	Check       Check  `json:"check"`
}

// Checks are the named verdicts of which the whole is made.
type Checks struct {
	Option2CMS         Check               `json:"option2Cms"`  // the outer signature over the CSAR; "" when there is no outer ZIP
	ManifestCMS        Check               `json:"manifestCms"` // the block at the manifest's end
	Hashes             HashCount           `json:"hashes"`
	ArtifactSignatures []ArtifactSignature `json:"artifactSignatures,omitempty"` // in the manifest's order
}

// Option is the security option of SOL 004 clause 5.1, in the spelling of
// SOL005 VnfPkgInfo.packageSecurityOption. An unsigned package has none.
type Option string

// The security options.
const (
	Option1 Option = "OPTION_1"
	Option2 Option = "OPTION_2"
)

// Structure is how a CSAR says where its definition is (SOL 004 clause 4.1).
type Structure string

// The structures.
const (
	ToscaMetadata    Structure = "TOSCA_METADATA"    // TOSCA-Metadata/TOSCA.meta names it
	SingleDefinition Structure = "SINGLE_DEFINITION" // it is the one definition in the root
)

// Kind is what a package is of, after the keywords of its manifest's metadata.
type Kind string

// The kinds.
const (
	VNF Kind = "VNF"
	PNF Kind = "PNF"
	NS  Kind = "NS"
)

// Result is the verdict on a package.
type Result struct {
	Accepted         bool              `json:"accepted"` // no finding is an error
	Option           Option            `json:"securityOption,omitempty"`
	Structure        Structure         `json:"structure,omitempty"`
	Kind             Kind              `json:"kind,omitempty"`
	EntryDefinitions string            `json:"entryDefinitions,omitempty"` // paths below; empty when absent
	Manifest         string            `json:"manifest,omitempty"`
	Certificate      string            `json:"certificate,omitempty"` // of the package as a whole, unless it is in the CMS
	ChangeLog        string            `json:"changeLog,omitempty"`
	Tests            string            `json:"tests,omitempty"`    // a folder
	Licenses         string            `json:"licenses,omitempty"` // a folder
	Metadata         map[string]string `json:"metadata,omitempty"` // of the manifest
	Checks           Checks            `json:"checks"`
	Artifacts        []Artifact        `json:"artifacts"` // every file of the CSAR by path, then what is outside
	Signers          []Signer          `json:"signers,omitempty"`
	Findings         []Finding         `json:"findings,omitempty"`
}

// Artifact is one file of the package.
type Artifact struct {
	Path      string `json:"path"`           // or the URL of an artifact outside the package
	Size      int64  `json:"size,omitempty"` // in bytes, as read
	Algorithm string `json:"algorithm,omitempty"`
	Hash      string `json:"hash,omitempty"`   // hex in small letters, over the bytes: the manifest's algorithm, or else SHA-256
	Listed    bool   `json:"listed"`           // in the manifest or TOSCA.meta
	Signed    Check  `json:"signed,omitempty"` // its own signature; "" when it has none
	NonMANO   string `json:"nonManoSet,omitempty"`
	Encrypted bool   `json:"encrypted,omitempty"` // it is a CMS EnvelopedData
	External  bool   `json:"external,omitempty"`  // a URL: not fetched, its digest is only what the manifest says
}

// Where is where a signer's certificate was found.
type Where string

// The places.
const (
	InCMS       Where = "cms"
	InToscaMeta Where = "tosca-meta" // the file that ETSI-Entry-Certificate names
	InRoot      Where = "root"       // beside the manifest
	Beside      Where = "beside"     // beside the signature: in the outer ZIP, or named for the artifact
)

// Signer is somebody whose certificate a signature names.
type Signer struct {
	Signed      string    `json:"signed"` // path of what was signed
	Check       Check     `json:"check"`
	Trusted     bool      `json:"trusted"` // the chain leads to an anchor
	Where       Where     `json:"where"`
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Serial      string    `json:"serial"` // hex
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
	Algorithm   string    `json:"algorithm,omitempty"`
	SigningTime time.Time `json:"signingTime,omitzero"` // as the signer claims
	Certificate []byte    `json:"certificate"`          // DER
	Chain       [][]byte  `json:"chain,omitempty"`      // DER, from the signer to the anchor; empty unless Trusted
}

// Severity says whether a finding refuses the package.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that is wrong with a package, or worth knowing.
type Finding struct {
	Rule     Rule     `json:"rule"`
	Artifact string   `json:"artifact,omitempty"` // path
	Severity Severity `json:"severity"`
	Text     string   `json:"text"` // cause and mend, safe to show
}

// Rule names what a finding is about.
type Rule string

// The rules.
const (
	RuleStructure   Rule = "structure"            // where the definition and the manifest are
	RuleToscaMeta   Rule = "tosca-meta"           // form and entries of TOSCA.meta
	RuleManifest    Rule = "manifest"             // form of the manifest
	RuleMetadata    Rule = "metadata"             // metadata of the manifest
	RuleEntry       Rule = "entry"                // a named file is not there
	RuleListed      Rule = "not-listed"           // a file is not in the manifest
	RuleAbsent      Rule = "absent"               // a listed file is not there
	RuleHashMissing Rule = "hash-missing"         // a listed file has no digest
	RuleHash        Rule = "hash"                 // a digest is wrong
	RuleAlgorithm   Rule = "algorithm"            // a digest algorithm is not allowed
	RuleUnreadable  Rule = "unreadable"           // a file cannot be unpacked
	RuleExternal    Rule = "external"             // an artifact is outside the package
	RuleNonMANO     Rule = "non-mano"             // a non-MANO artifact set
	RuleUnsigned    Rule = "unsigned"             // there is no signature
	RuleSignature   Rule = "signature"            // a signature is wrong
	RuleBlankLine   Rule = "signature-blank-line" // it fits only without the blank line before it
	RuleSigNaming   Rule = "signature-place"      // an artifact's signature has another name or folder
	RuleCertPlace   Rule = "certificate-place"    // a certificate is absent, or in more than one place
	RuleChain       Rule = "chain"                // no way from the signer to an anchor
	RuleValidity    Rule = "signer-validity"      // the signer's certificate is over or not yet valid
	RuleSigningTime Rule = "signing-time"         // the claimed time is outside that validity
	RuleSignerKey   Rule = "signer-key"           // the key is weak, or not for signing
	RuleOuter       Rule = "outer-zip"            // what else is in the outer ZIP
)
