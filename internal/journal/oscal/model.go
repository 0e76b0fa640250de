package oscal

import (
	"crypto/sha1"
	"fmt"
	"regexp"
	"strings"
)

// Version is the version of OSCAL.
const Version = "1.1.2"

type document struct {
	Results assessment `json:"assessment-results"`
}

type assessment struct {
	UUID       string     `json:"uuid"`
	Metadata   metadata   `json:"metadata"`
	ImportAP   href       `json:"import-ap"`
	Results    []result   `json:"results"`
	BackMatter backMatter `json:"back-matter"`
}

type metadata struct {
	Title        string `json:"title"`
	LastModified string `json:"last-modified"`
	Version      string `json:"version"`
	OSCAL        string `json:"oscal-version"`
}

type href struct {
	Href    string `json:"href"`
	Remarks string `json:"remarks,omitempty"`
}

type backMatter struct {
	Resources []resource `json:"resources"`
}

type resource struct {
	UUID        string  `json:"uuid"`
	Title       string  `json:"title"`
	Description string  `json:"description"`
	Links       []rlink `json:"rlinks,omitempty"`
}

type rlink struct {
	Href   string `json:"href"`
	Hashes []hash `json:"hashes"`
}

type hash struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}

type result struct {
	UUID         string        `json:"uuid"`
	Title        string        `json:"title"`
	Description  string        `json:"description"`
	Start        string        `json:"start"`
	End          string        `json:"end"`
	Definitions  *definitions  `json:"local-definitions,omitempty"`
	Reviewed     reviewed      `json:"reviewed-controls"`
	Observations []observation `json:"observations"`
	Findings     []finding     `json:"findings,omitempty"`
}

// definitions says what the subjects are that observations name.
type definitions struct {
	Items []item `json:"inventory-items"`
}

type item struct {
	UUID        string `json:"uuid"`
	Description string `json:"description"`
}

type reviewed struct {
	Selections []selection `json:"control-selections"`
}

// selection names controls, or, where the policies are not known, all.
type selection struct {
	Description string       `json:"description"`
	All         *struct{}    `json:"include-all,omitempty"`
	Controls    []controlRef `json:"include-controls,omitempty"`
}

type controlRef struct {
	ID string `json:"control-id"`
}

type observation struct {
	UUID        string     `json:"uuid"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Properties  []property `json:"props,omitempty"`
	Methods     []string   `json:"methods"`
	Types       []string   `json:"types"`
	Subjects    []subject  `json:"subjects,omitempty"`
	Evidence    []evidence `json:"relevant-evidence,omitempty"`
	Collected   string     `json:"collected"`
	Remarks     string     `json:"remarks,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	NS    string `json:"ns,omitempty"`
	Value string `json:"value"`
}

type subject struct {
	UUID  string `json:"subject-uuid"`
	Type  string `json:"type"`
	Title string `json:"title"`
}

type evidence struct {
	Description string `json:"description"`
}

type finding struct {
	UUID         string           `json:"uuid"`
	Title        string           `json:"title"`
	Description  string           `json:"description"`
	Properties   []property       `json:"props"`
	Target       target           `json:"target"`
	Observations []observationRef `json:"related-observations"`
}

type target struct {
	Type   string `json:"type"`
	ID     string `json:"target-id"`
	Status status `json:"status"`
}

type status struct {
	State string `json:"state"`
}

type observationRef struct {
	UUID string `json:"observation-uuid"`
}

// namespace begins the names of our UUIDs: that of URLs (RFC 9562 clause 6.6).
var namespace = []byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}

// uuid derives a UUID of version 5 (RFC 9562 clause 5.5): OSCAL takes no version 8,
// as hub.DeriveID makes.
func uuid(parts ...string) string {
	h := sha1.New() // as the RFC has it: it is a name, and proves nothing
	h.Write(namespace)
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	b := h.Sum(nil)[:16]
	b[6] = b[6]&0x0f | 0x50
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

var (
	nistControl = regexp.MustCompile(`^NIST SP 800-53 ([A-Z]{2})-([0-9]+)(?:\(([0-9]+)\))?$`)
	notToken    = regexp.MustCompile(`[^\p{L}\p{N}._-]+`)
)

// controlID names a control as OSCAL does: those of SP 800-53 as NIST's own catalog
// has them, others by their name as a token.
func controlID(control string) string {
	if m := nistControl.FindStringSubmatch(control); m != nil {
		id := strings.ToLower(m[1]) + "-" + m[2]
		if m[3] != "" {
			id += "." + m[3]
		}
		return id
	}
	id := strings.Trim(notToken.ReplaceAllString(strings.ToLower(control), "-"), "-.")
	if id == "" || !regexp.MustCompile(`^[\p{L}_]`).MatchString(id) {
		id = "_" + id
	}
	return id
}

// text is a text as OSCAL's strings are: one line, not empty.
func text(s string) string {
	if s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " "); s == "" {
		return "-"
	}
	return s
}
