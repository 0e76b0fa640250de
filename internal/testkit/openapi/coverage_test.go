package openapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestRequireAll(t *testing.T) {
	v, _ := recording(t, Grant, VnfLcmNotification)
	exercise := func(name string, codes ...int) {
		for _, o := range v.all() {
			if o.String() == name {
				for _, c := range codes {
					v.count(o, c)
				}
			}
		}
	}
	exercise("Grant POST /grants", 201, 201, 403)
	exercise("Grant GET /grants/{grantId}", 404, 500)
	exercise("Grant PUT /api_versions", 405)
	exercise("VnfLcmNotification POST VnfIdentifierCreationNotification", 204)

	r := &recorder{TB: t}
	v.RequireAll(r, "Grant GET /api_versions", "Grant POST /grants bad", "Grant GET /grants/{grantId} good", "Grant GET /nothing")
	expect(t, "RequireAll", r.take(),
		"Grant DELETE /api_versions: no bad call", "Grant PATCH /api_versions: no bad call", "Grant POST /api_versions: no bad call",
		"VnfLcmNotification POST VnfIdentifierDeletionNotification: no good call",
		"VnfLcmNotification POST VnfLcmOperationOccurrenceNotification: no good call",
		"VnfLcmNotification GET VnfIdentifierCreationNotification: no good call",
		`"Grant POST /grants bad" names no operation, or one that needs none`, `"Grant GET /nothing" names no operation`)

	report := v.Report()
	for _, want := range []string{"Grant POST /grants: 201 x2, 403 x1\n", "Grant GET /api_versions: never\n", "VnfLcmNotification POST VnfIdentifierCreationNotification: 204 x1\n"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q:\n%s", want, report)
		}
	}
}

// The transport and the handler count what they saw.
func TestCounted(t *testing.T) {
	v, _ := recording(t, NsLcm, NsLcmNotification)
	call(t, v, good(), t.Context(), "POST", "/nslcm/v2/ns_instances", version+asJSON, create)
	call(t, v, good(), Bad(t.Context()), "PUT", "/nslcm/v2/ns_instances", "", "")
	receive(t, v, http.StatusNoContent, "GET", version, "")
	report := v.Report()
	for _, want := range []string{"NsLcm POST /ns_instances: 201 x1\n", "NsLcmNotification GET NsChangeNotification: 204 x1\n"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q:\n%s", want, report)
		}
	}
	if strings.Contains(report, "PUT /ns_instances") {
		t.Errorf("the report has an operation that the file lacks:\n%s", report)
	}
}

func TestConcurrent(t *testing.T) {
	v, r := recording(t, NsLcm)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { call(t, v, good(), t.Context(), "GET", "/nslcm/v2/ns_instances", version, "") })
	}
	wg.Wait()
	expect(t, "concurrent calls", r.take())
	if !strings.Contains(v.Report(), "NsLcm GET /ns_instances: 200 x8\n") {
		t.Error(v.Report())
	}
}

func TestValue(t *testing.T) {
	v := Load(t, NsLcm, VnfLcm)
	type problem struct {
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
	}
	tests := []struct {
		name  string
		value any
		want  []string
	}{
		{"NsInstance", json.RawMessage(ns), nil},
		{"NsLcm:ProblemDetails", problem{404, "d"}, nil},
		{"NsLcm:ProblemDetails", problem{404, ""}, []string{`NsLcm:ProblemDetails at /detail: property "detail" is missing`}},
		{"VnfInstance", json.RawMessage(instance3), []string{`VnfInstance is a schema of NsLcm and of VnfLcm: say which, as in "VnfLcm:VnfInstance"`}},
		{"VnfLcm:VnfInstance", json.RawMessage(instance3), nil},
		{"NsLcm:VnfInstance", json.RawMessage(instance3), []string{`"vnfPkgId" is missing`}},
		{"NsThing", 1, []string{"no API of this validator has a schema NsThing"}},
		{"Grant:NsInstance", 1, []string{"no API of this validator has a schema Grant:NsInstance"}},
		{"NsInstance", func() {}, []string{"encode the value"}},
		{"NsInstance", strings.Repeat("a", 1000), []string{"…"}},
		{"AffectedVnf", json.RawMessage(`{` + affected + `,"changedInfo":{"changedVnfInfo":{},"modificationsTriggeredByVnfPkgChange":{}}}`), []string{`at /changedInfo: breaks the rule "not"`, `"vnfInstanceId" is missing`}},
		{"NsLcmOpOcc", json.RawMessage(`{` + strings.Replace(opOcc, "03:04:05Z", "soon", 1) + `}`), []string{"at /stateEnteredTime"}},
	}
	for _, tt := range tests {
		expect(t, fmt.Sprintf("%s %v", tt.name, tt.value), v.Value(tt.name, tt.value), tt.want...)
	}
}

// fatal is a test that remembers that it was ended.
type fatal struct {
	recorder
	skipped bool
}

func (f *fatal) Fatal(args ...any)            { panic(fmt.Sprint(args...)) }
func (f *fatal) Fatalf(s string, args ...any) { panic(fmt.Sprintf(s, args...)) }
func (f *fatal) Skip(args ...any)             { f.skipped = true; panic(fmt.Sprint(args...)) }

// ended returns the text with which Load ended the test, or "".
func ended(f *fatal, apis ...API) (text string) {
	defer func() { text, _ = recover().(string) }()
	Load(f, apis...)
	return ""
}

func TestLoad(t *testing.T) {
	official(t)
	f := &fatal{recorder: recorder{TB: t}}
	if got := ended(f, VnfPkgm, VnfPkgmOrVnfm); !strings.Contains(got, "VnfPkgmOrVnfm shares the base path /vnfpkgm/v2") {
		t.Errorf("two APIs at one place: %q", got)
	}
	if got := ended(f, NsLcmNotification, VnfLcmNotification, NsLcm, VnfLcm); got != "" {
		t.Errorf("APIs at places of their own: %q", got)
	}
	t.Setenv("MANOWARD_SHARED", t.TempDir())
	if got := ended(f, NsLcm); !f.skipped || !strings.Contains(got, "the official OpenAPI files are not here (MANOWARD_SHARED says where)") {
		t.Errorf("without files: %q", got)
	}
}

// Without MANOWARD_SHARED the files stand beside the project.
func TestFilesBesideProject(t *testing.T) {
	t.Setenv("MANOWARD_SHARED", "")
	dir := t.TempDir()
	for _, d := range []string{"project/deep/down", "shared/openapi"} {
		mkdir(t, dir+"/"+d)
	}
	write(t, dir+"/project/go.mod", "module x\n")
	t.Chdir(dir + "/project/deep/down")
	if got, err := files(); err != nil || !strings.HasSuffix(got, "/shared/openapi") {
		t.Errorf("files = %q, %v", got, err)
	}
	t.Chdir("/")
	if got, err := files(); err == nil {
		t.Errorf("outside of any project: %q", got)
	}
}
