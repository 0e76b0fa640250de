package openapi

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// API is one of the official files.
type API int

// The APIs. The version is that of info.version.
const (
	NsLcm                     API = iota // SOL005 nslcm 2.3.0
	NsLcmNotification                    // SOL005 nslcm 2.3.0
	Nsd                                  // SOL005 nsd 2.3.0
	NsdNotification                      // SOL005 nsd 2.3.0
	VnfPkgm                              // SOL005 vnfpkgm 2.4.0
	VnfPkgmNotification                  // SOL005 vnfpkgm; its file says 2.3.0
	VnfLcm                               // SOL003 vnflcm 2.3.0
	VnfLcmNotification                   // SOL003 vnflcm 2.3.0
	Grant                                // SOL003 grant 1.7.0
	VnfPkgmOrVnfm                        // SOL003 vnfpkgm 2.4.0
	VnfPkgmOrVnfmNotification            // SOL003 vnfpkgm 2.4.0
	NsFm                                 // SOL005 nsfm 1.3.0
	NsFmNotification                     // SOL005 nsfm 1.3.0
	VnfFm                                // SOL003 vnffm 1.5.0
	VnfFmNotification                    // SOL003 vnffm 1.5.0
	VnfFmVeVnfm                          // SOL002 vnffm 1.5.0
	VnfInd                               // SOL003 vnfind 1.4.0
	VnfIndNotification                   // SOL003 vnfind 1.4.0
	VnfIndVeVnfm                         // SOL002 vnfind 1.4.0
	VnfConfig                            // SOL002 vnfconfig 1.3.0
	NsPm                                 // SOL005 nspm 2.3.0
	NsPmNotification                     // SOL005 nspm 2.3.0
	VnfPm                                // SOL003 vnfpm 2.2.0
	VnfPmNotification                    // SOL003 vnfpm 2.2.0
	VnfPmVeVnfm                          // SOL002 vnfpm 2.2.0
	NfvPolicy                            // SOL012 nfvpolicy 1.0.0
	NfvPolicyNotification                // SOL012 nfvpolicy 1.0.0
)

// source says where an API's file is.
type source struct {
	name string // in messages and in the names of operations
	dir  string
	file string
}

func (a API) source() source {
	const sol005, sol003, sol002, sol012 = "nfv-sol005/SOL005/", "nfv-sol002-sol003/SOL003/", "nfv-sol002-sol003/SOL002/", "nfv-sol012/SOL012/"
	return [...]source{
		NsLcm:                     {"NsLcm", sol005, "NSLifecycleManagement"},
		NsLcmNotification:         {"NsLcmNotification", sol005, "NSLifecycleManagementNotification"},
		Nsd:                       {"Nsd", sol005, "NSDManagement"},
		NsdNotification:           {"NsdNotification", sol005, "NSDManagementNotification"},
		VnfPkgm:                   {"VnfPkgm", sol005, "VNFPackageManagement"},
		VnfPkgmNotification:       {"VnfPkgmNotification", sol005, "VNFPackageManagementNotification"},
		VnfLcm:                    {"VnfLcm", sol003, "VNFLifecycleManagement"},
		VnfLcmNotification:        {"VnfLcmNotification", sol003, "VNFLifecycleManagementNotification"},
		Grant:                     {"Grant", sol003, "VNFLifecycleOperationGranting"},
		VnfPkgmOrVnfm:             {"VnfPkgmOrVnfm", sol003, "VNFPackageManagement"},
		VnfPkgmOrVnfmNotification: {"VnfPkgmOrVnfmNotification", sol003, "VNFPackageManagementNotification"},
		NsFm:                      {"NsFm", sol005, "NSFaultManagement"},
		NsFmNotification:          {"NsFmNotification", sol005, "NSFaultManagementNotification"},
		VnfFm:                     {"VnfFm", sol003, "VNFFaultManagement"},
		VnfFmNotification:         {"VnfFmNotification", sol003, "VNFFaultManagementNotification"},
		VnfFmVeVnfm:               {"VnfFmVeVnfm", sol002, "VNFFaultManagement"},
		VnfInd:                    {"VnfInd", sol003, "VNFIndicator"},
		VnfIndNotification:        {"VnfIndNotification", sol003, "VNFIndicatorNotification"},
		VnfIndVeVnfm:              {"VnfIndVeVnfm", sol002, "VNFIndicator"},
		VnfConfig:                 {"VnfConfig", sol002, "VNFConfiguration"},
		NsPm:                      {"NsPm", sol005, "NSPerformanceManagement"},
		NsPmNotification:          {"NsPmNotification", sol005, "NSPerformanceManagementNotification"},
		VnfPm:                     {"VnfPm", sol003, "VNFPerformanceManagement"},
		VnfPmNotification:         {"VnfPmNotification", sol003, "VNFPerformanceManagementNotification"},
		VnfPmVeVnfm:               {"VnfPmVeVnfm", sol002, "VNFPerformanceManagement"},
		NfvPolicy:                 {"NfvPolicy", sol012, "PolicyManagement"},
		NfvPolicyNotification:     {"NfvPolicyNotification", sol012, "PolicyManagementNotification"},
	}[a]
}

// String is the name of the constant.
func (a API) String() string { return a.source().name }

// notification reports whether the API is what a subscriber offers.
func (a API) notification() bool { return strings.HasSuffix(a.String(), "Notification") }

// path is relative to the folder of the official files.
func (a API) path() string {
	s := a.source()
	return s.dir + s.file + "/" + s.file + ".yaml"
}

// lastAPI ends the list.
const lastAPI = NfvPolicyNotification

// loaded reads each file when it is first asked for, and keeps it for the life
// of the process: to read one takes longer than most tests.
var loaded = sync.OnceValue(func() (all [lastAPI + 1]func() (*document, error)) {
	for a := range all {
		all[a] = sync.OnceValues(func() (*document, error) {
			root, err := files()
			if err != nil {
				return nil, err
			}
			return load(root, API(a), slices.Concat(known, found, foundPerformance))
		})
	}
	return all
})

// files returns the folder of the official files: openapi in MANOWARD_SHARED,
// which is by default the folder "shared" beside the project.
func files() (string, error) {
	shared := os.Getenv("MANOWARD_SHARED")
	if shared == "" {
		root, err := filepath.Abs(".")
		if err != nil {
			return "", fmt.Errorf("find the folder of this test: %w", err)
		}
		for ; ; root = filepath.Dir(root) {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				return "", fmt.Errorf("no go.mod above the test: %w", os.ErrNotExist)
			}
		}
		shared = filepath.Join(filepath.Dir(root), "shared")
	}
	dir := filepath.Join(shared, "openapi")
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("the official OpenAPI files are not here (MANOWARD_SHARED says where): %w", err)
	}
	return dir, nil
}

// document is one official file, patched and resolved.
type document struct {
	api     API
	base    string // "/nslcm/v2"
	doc     *openapi3.T
	schemas map[string]*openapi3.Schema // by name in the files
}

// load reads an API from the folder root and applies what of patches is for its
// files. A patch whose text is not found is an error, so that the list cannot
// outlive the errors it mends.
func load(root string, api API, patches []patch) (*document, error) {
	loader := reader(root, patches)
	doc, err := loader.LoadFromFile(filepath.Join(root, filepath.FromSlash(api.path())))
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", api, err)
	}
	if len(doc.Servers) == 0 {
		return nil, fmt.Errorf("load %s: the file names no server, so no base path", api)
	}
	server, err := url.Parse(doc.Servers[0].URL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", api, err)
	}
	return &document{api: api, base: server.Path, doc: doc, schemas: named(doc)}, nil
}

// reader returns a loader that reads files below root and nothing else, and
// patches them.
func reader(root string, patches []patch) *openapi3.Loader {
	loader := openapi3.NewLoader()
	texts := map[string][]byte{} // the loader asks for a file anew for each reference into it
	loader.ReadFromURIFunc = func(_ *openapi3.Loader, uri *url.URL) ([]byte, error) {
		rel, err := filepath.Rel(root, filepath.FromSlash(uri.Path))
		if err != nil || uri.Host != "" || !filepath.IsLocal(rel) {
			return nil, fmt.Errorf("%s is not one of the official files", uri)
		}
		if text, ok := texts[rel]; ok {
			return text, nil
		}
		text, err := os.ReadFile(filepath.Join(root, rel))
		if err != nil {
			return nil, fmt.Errorf("read official file: %w", err)
		}
		if text, err = patched(filepath.ToSlash(rel), text, patches); err != nil {
			return nil, err
		}
		if texts[rel], err = toJSON(text); err != nil {
			return nil, fmt.Errorf("read %s: %w", rel, err)
		}
		return texts[rel], nil
	}
	return loader
}

// patched applies to the text of one file all its patches.
func patched(file string, text []byte, patches []patch) ([]byte, error) {
	for _, p := range patches {
		if p.file != file {
			continue
		}
		if n := bytes.Count(text, []byte(p.old)); n != p.times() {
			return nil, fmt.Errorf("patch %q of %s: its text stands there %d times, not %d: is the error mended?", p.name, file, n, p.times())
		}
		text = bytes.ReplaceAll(text, []byte(p.old), []byte(p.new))
	}
	return text, nil
}

// Load reads the official files of the APIs, once per process, and returns a
// validator that reports through t. It skips the test where the files are
// absent, and fails it when two of the APIs share a base path.
func Load(t testing.TB, apis ...API) *Validator {
	t.Helper()
	if _, err := files(); err != nil {
		t.Skip(err)
	}
	v := &Validator{t: t, seen: map[string]map[int]int{}}
	for _, a := range apis {
		d, err := loaded()[a]()
		if err != nil {
			t.Fatal(err)
		}
		if !a.notification() && slices.ContainsFunc(v.docs, func(o *document) bool { return !o.api.notification() && o.base == d.base }) {
			t.Fatalf("%s shares the base path %s with another API: load it into a validator of its own", a, d.base)
		}
		v.docs = append(v.docs, d)
	}
	return v
}
