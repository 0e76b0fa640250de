package httpapi

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// maxVersionHeader bounds the Version header, in bytes.
const maxVersionHeader = 128

// API names one API in one major version, as it stands in URIs
// {apiRoot}/{apiName}/{apiMajorVersion} (SOL 013 clause 4.1).
type API struct {
	Name     string       // "nslcm", or "manoward"
	Major    string       // "v2"
	Versions []APIVersion // at least one
	// VersionOptional lets a request come without the Version header; it is then
	// answered in the newest version. For our own APIs only, so that curl is
	// usable: ETSI's demand the header.
	VersionOptional bool
	// Authenticate, if not nil, takes the place of [Options.Authenticate] for
	// this API.
	Authenticate func(*http.Request) (hub.Identity, error)
}

// APIVersion is one supported version of an API (SOL 013 clause 9).
type APIVersion struct {
	Version    string    // "2.3.0", or with a suffix "2.3.0-impl:example.com:hub:1"
	Deprecated bool      // still supported, better not used any longer
	Retirement time.Time // when support ends; zero if not known, only with Deprecated
}

// apiVersionInformation is the data type of SOL 013 clause 7.1.6.
type apiVersionInformation struct {
	URIPrefix   string            `json:"uriPrefix"`
	APIVersions []apiVersionEntry `json:"apiVersions"`
}

type apiVersionEntry struct {
	Version        string     `json:"version"`
	IsDeprecated   bool       `json:"isDeprecated"`
	RetirementDate *time.Time `json:"retirementDate,omitempty"`
}

// apiVersion is a parsed version identifier (SOL 013 clause 9):
// MAJOR.MINOR.PATCH with an optional suffix "-impl:" domain ":" name ":" number.
type apiVersion struct {
	major, minor, patch int
	impl                string // the suffix after "-impl:", or empty
}

func (v apiVersion) String() string {
	s := fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.patch)
	if v.impl != "" {
		s += "-impl:" + v.impl
	}
	return s
}

func (v apiVersion) compare(w apiVersion) int {
	return cmp.Or(cmp.Compare(v.major, w.major), cmp.Compare(v.minor, w.minor), cmp.Compare(v.patch, w.patch), cmp.Compare(v.impl, w.impl))
}

func parseVersion(s string) (apiVersion, error) {
	bad := func(why string) (apiVersion, error) {
		return apiVersion{}, hub.E(hub.Invalid, "read Version header", fmt.Sprintf("Version %q %s; write MAJOR.MINOR.PATCH, such as 2.3.0", clip(s), why), nil)
	}
	if len(s) > maxVersionHeader {
		return bad(fmt.Sprintf("is longer than %d bytes", maxVersionHeader))
	}
	numbers, impl, hasImpl := strings.Cut(s, "-impl:")
	if hasImpl && !validImpl(impl) {
		return bad("has a suffix that is not -impl:DOMAIN:NAME:NUMBER")
	}
	parts := strings.Split(numbers, ".")
	if len(parts) != 3 {
		return bad("is not of three numbers")
	}
	var n [3]int
	for i, part := range parts {
		// Atoi alone would take "+2" and "02", a second spelling of one version.
		v, err := strconv.Atoi(part)
		if err != nil || strconv.Itoa(v) != part || v < 0 {
			return bad(fmt.Sprintf("holds %q where a number belongs", clip(part)))
		}
		n[i] = v
	}
	return apiVersion{n[0], n[1], n[2], impl}, nil
}

func validImpl(impl string) bool {
	parts := strings.Split(impl, ":")
	if len(parts) != 3 || slices.Contains(parts, "") {
		return false
	}
	for _, r := range impl {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-:", r) {
			return false
		}
	}
	number, err := strconv.Atoi(parts[2])
	return err == nil && number >= 0 && strconv.Itoa(number) == parts[2]
}

// negotiate picks the version that answers a request. On an error the newest
// version is returned too: error answers carry a Version as well.
func (g *Group) negotiate(h http.Header) (string, error) {
	asked := h.Values("Version")
	switch {
	case len(asked) == 0 && g.api.VersionOptional:
		return g.newest, nil
	case len(asked) == 0:
		return g.newest, hub.E(hub.Invalid, "read Version header", fmt.Sprintf("the Version header is missing; send Version: %s", g.newest), nil)
	case len(asked) > 1:
		return g.newest, hub.E(hub.Invalid, "read Version header", "the Version header stands more than once; send it once", nil)
	}
	if slices.ContainsFunc(g.api.Versions, func(v APIVersion) bool { return v.Version == asked[0] }) {
		return asked[0], nil // the common case; registered versions are canonical
	}
	want, err := parseVersion(asked[0])
	if err != nil {
		return g.newest, err
	}
	for _, have := range g.versions {
		// A request without a suffix does not care whose implementation it meets.
		if want.impl == "" && have.major == want.major && have.minor == want.minor && have.patch == want.patch {
			return have.String(), nil
		}
	}
	err = hub.E(hub.Invalid, "choose API version", fmt.Sprintf("version %s of %s is not supported; supported are %s", want, g.api.Name, g.supported()), nil)
	return g.newest, WithStatus(err, http.StatusNotAcceptable)
}

func (g *Group) supported() string {
	names := make([]string, len(g.versions))
	for i, v := range g.versions {
		names[i] = v.String()
	}
	return strings.Join(names, ", ")
}

// versionEntries lists the versions of the API as they go into an answer.
func (g *Group) versionEntries() []apiVersionEntry {
	entries := make([]apiVersionEntry, 0, len(g.api.Versions))
	for _, v := range g.api.Versions {
		e := apiVersionEntry{Version: v.Version, IsDeprecated: v.Deprecated}
		if v.Deprecated && !v.Retirement.IsZero() {
			at := v.Retirement.UTC()
			e.RetirementDate = &at
		}
		entries = append(entries, e)
	}
	return entries
}

// clip keeps hostile input out of answers and logs at full length.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
