package openapi

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// official returns the folder of the official files, or skips.
func official(t *testing.T) string {
	t.Helper()
	root, err := files()
	if err != nil {
		t.Skip(err)
	}
	return root
}

// without returns all patches but the one with that name.
func without(name string) []patch {
	return slices.DeleteFunc(slices.Concat(known, found, foundPerformance), func(p patch) bool { return p.name == name })
}

func TestLoadAll(t *testing.T) {
	official(t)
	for a := range lastAPI + 1 {
		d, err := loaded()[a]()
		if err != nil {
			t.Errorf("%s: %v", a, err)
			continue
		}
		if len(d.operations()) == 0 || d.base == "" {
			t.Errorf("%s: %d operations below %q", a, len(d.operations()), d.base)
		}
		if d.schemas["ProblemDetails"] == nil {
			t.Errorf("%s: ProblemDetails is not reached", a)
		}
	}
}

// proof shows what a patch is good for: a value that the specification allows
// (ok) or forbids, which the file without the patch judges the other way.
type proof struct {
	file   string // that defines the schema
	schema string
	value  string
	ok     bool
}

const (
	id        = `"id":"1","vnfInstanceId":"2",`
	affected  = `"vnfInstanceId":"1","vnfdId":"2","vnfProfileId":"3","vnfName":"n","changeType":"SCALE","changeResult":"COMPLETED"`
	snapshot3 = `"creationStartedAt":"2026-01-02T03:04:05Z","vnfdId":"3","vnfcSnapshots":[],"vnfInstance":` + instance3
	instance3 = `{"id":"1","vnfdId":"1","vnfProvider":"p","vnfProductName":"n","vnfSoftwareVersion":"1","vnfdVersion":"1","instantiationState":"NOT_INSTANTIATED","_links":{"self":{"href":"https://a"}}}`
	instance5 = `{"id":"1","vnfdId":"1","vnfProvider":"p","vnfProductName":"n","vnfSoftwareVersion":"1","vnfdVersion":"1","vnfPkgId":"4","instantiationState":"NOT_INSTANTIATED"}`
	snapshot5 = `"creationStartedAt":"2026-01-02T03:04:05Z","vnfdId":"3","vnfcSnapshots":[],"vnfInstance":` + instance5
	opOcc     = `"id":"1","operationState":"COMPLETED","stateEnteredTime":"2026-01-02T03:04:05Z","nsInstanceId":"2","lcmOperationType":"HEAL","startTime":"2026-01-02T03:04:05Z","isAutomaticInvocation":false,"isCancelPending":false,"_links":{"self":{"href":"https://a"},"nsInstance":{"href":"https://a"}}`
	vnfc      = `{"id":"1","vnfcInstanceId":"2","creationStartedAt":"2026-01-02T03:04:05Z","vnfcResourceInfoId":"4"}`
	change    = `{"id":"1","nsInstanceId":"2","nsComponentType":"VNF","nsComponentId":"3","lcmOpOccIdImpactingNsComponent":"4","lcmOpNameImpactingNsComponent":"VNF_HEAL","lcmOpOccStatusImpactingNsComponent":"START","notificationType":"NsChangeNotification","subscriptionId":"5","timestamp":"2026-01-02T03:04:05Z","_links":{"nsInstance":{"href":"https://a"}}}`
)

// proofs has one or more for each patch of a type; answers has the others.
var proofs = map[string][]proof{
	"1: updateType ADD SAP has a blank":                              {{nsLcmDef, "UpdateNsRequest", `{"updateType":"ADD_SAP"}`, true}, {nsLcmDef, "UpdateNsRequest", `{"updateType":"ADD SAP"}`, false}},
	"2: NsLcmOperationOccurenceNotification with one r":              {{nsLcmDef, "LifecycleChangeNotificationsFilter", `{"notificationTypes":["NsLcmOperationOccurrenceNotification"]}`, true}},
	"3: NsLcmOpOcc requires statusEnteredTime":                       {{nsLcmDef, "NsLcmOpOcc", `{` + opOcc + `}`, true}},
	"4: NsChangeNotification requires a name that is cut off":        {{nsLcmNote, "NsChangeNotification", change, true}},
	"5: the status enumeration repeats the names of operations":      {{nsLcmNote, "NsChangeNotification", change, true}, {nsLcmNote, "NsChangeNotification", strings.Replace(change, "START", "VNF_HEAL", 1), false}},
	"6: CreateVnfSnapshotRequest requires vnfSnapshotResId":          {{vnfLcmDef, "CreateVnfSnapshotRequest", `{"vnfSnapshotInfoId":"1"}`, true}},
	"10: the description swallows VnfStateSnapshotInfo/checksum":     {{vnfLcmDef, "VnfStateSnapshotInfo", `{"checksum":1,"isEncrypted":true}`, false}},
	"10: the description swallows VnfStateSnapshotInfo/isEncrypted":  {{vnfLcmDef, "VnfStateSnapshotInfo", `{"checksum":"1","isEncrypted":"yes"}`, false}},
	"10: the description swallows VnfStateSnapshotInfo/metadata":     {{vnfLcmDef, "VnfStateSnapshotInfo", `{"checksum":"1","isEncrypted":true,"metadata":3}`, false}},
	"the description swallows VimSnapshotResource/storageSnapshotId": {{grantDef, "VimSnapshotResource", `{"vnfSnapshotId":"1","vnfcSnapshotId":"3","vimSnapshotResourceId":"2","storageSnapshotId":5}`, false}},

	"a filter cannot name NsLcmCapacityShortageNotification": {{nsLcmDef, "LifecycleChangeNotificationsFilter", `{"notificationTypes":["NsLcmCapacityShortageNotification"]}`, true}},
	"NsLcmOpOcc/operationParams is the name of an operation": {{nsLcmDef, "NsLcmOpOcc", `{` + opOcc + `,"operationParams":{"terminationTime":"2026-01-02T03:04:05Z"}}`, true}},
	"AffectedVnf requires attributes of its changedInfo":     {{nsLcmDef, "AffectedVnf", `{` + affected + `}`, true}},
	"AffectedVnf/changedInfo names changedVnfInfo twice and forbids changedExtConnectivity alone": {
		{nsLcmDef, "AffectedVnf", `{` + affected + `,"changedInfo":{"changedExtConnectivity":[]}}`, true},
	},
	"SOL005 VnfSnapshot requires triggeredAt and createdAt":                  {{nsLcmDef, "VnfSnapshot", `{` + id + snapshot5 + `}`, true}},
	"SOL005 VnfcSnapshotInfo requires triggeredAt, createdAt and vnfcInfoId": {{nsLcmDef, "VnfcSnapshotInfo", vnfc, true}},
	"SOL003 VnfSnapshot requires triggeredAt and vnfInfo":                    {{vnfLcmDef, "VnfSnapshot", `{` + id + snapshot3 + `}`, true}},
	"SOL003 VnfcSnapshotInfo requires triggeredAt and vnfcResourceId":        {{vnfLcmDef, "VnfcSnapshotInfo", vnfc, true}},
	"VnfLcmOpOcc requires what only some operations change": {
		{vnfLcmDef, "VnfLcmOpOcc", `{"id":"1","operationState":"COMPLETED","stateEnteredTime":"2026-01-02T03:04:05Z","startTime":"2026-01-02T03:04:05Z","vnfInstanceId":"2","operation":"HEAL","isAutomaticInvocation":false,"isCancelPending":false,"_links":{"self":{"href":"https://a"},"vnfInstance":{"href":"https://a"}}}`, true},
	},
	"IpOverEthernetAddressInfo requires addresses beside ipAddresses":      {{vnfLcmDef, "IpOverEthernetAddressInfo", `{"ipAddresses":[{"type":"IPV4","addresses":["192.0.2.1"]}]}`, true}},
	"IpOverEthernetAddressInfo/ipAddresses lacks that rule":                {{vnfLcmDef, "IpOverEthernetAddressInfo", `{"ipAddresses":[{"type":"IPV4"}]}`, false}},
	"IpOverEthernetAddressData requires fixedAddresses beside ipAddresses": {{sol003Def, "IpOverEthernetAddressData", `{"ipAddresses":[{"type":"IPV4","numDynamicAddresses":1}]}`, true}},
	"IpOverEthernetAddressData/ipAddresses lacks that rule":                {{sol003Def, "IpOverEthernetAddressData", `{"ipAddresses":[{"type":"IPV4"}]}`, false}},
	"VnfInstanceSubscriptionFilter of SOL003 requires vnfdId for vnfdIds":  {{sol003Def, "VnfInstanceSubscriptionFilter", `{"vnfdIds":["1"]}`, true}},
	"PnfdOnboardingStateType has no ONBOARDED":                             {{nsdDef, "PnfdOnboardingStateType", `"ONBOARDED"`, true}, {nsdDef, "PnfdOnboardingStateType", `"ONBOARDING"`, false}},
	"VnffgInfo requires pnfInfoId for pnfdInfoId":                          {{nsLcmDef, "VnffgInfo", `{"id":"1","vnffgdId":"2","vnfInstanceId":["3"],"pnfdInfoId":["4"]}`, true}},
	"SOL005 PkgmNotificationsFilter takes one notification type":           {{pkgmDef, "PkgmNotificationsFilter", `{"vnfPkgId":["1"],"notificationTypes":["VnfPackageChangeNotification"]}`, true}},
	"an AlarmNotification of SOL005 is an AlarmClearedNotification": {
		{nsFmNote, "AlarmNotification", `{"id":"1","notificationType":"AlarmNotification","subscriptionId":"2","timeStamp":"2026-01-02T03:04:05Z","alarm":{"id":"1","managedObjectId":"2","alarmRaisedTime":"2026-01-02T03:04:05Z","ackState":"ACKNOWLEDGED","perceivedSeverity":"MAJOR","eventTime":"2026-01-02T03:04:05Z","eventType":"QOS_ALARM","probableCause":"c","isRootCause":false,"_links":{"self":{"href":"https://a"}}},"_links":{"subscription":{"href":"https://a"}}}`, true},
	},
	"a SupportedIndicatorsChangeNotification is a VnfIndicatorValueChangeNotification": {
		{vnfIndDef, "SupportedIndicatorsChangeNotification", `{"id":"1","notificationType":"SupportedIndicatorsChangeNotification","subscriptionId":"2","timeStamp":"2026-01-02T03:04:05Z","vnfInstanceId":"3","supportedIndicators":[{"vnfIndicatorId":"4"}],"_links":{"subscription":{"href":"https://a"}}}`, true},
	},
	"ScaleInfo of SOL003 calls its scaleLevel scaleToLevel, an identifier": {{sol003Def, "ScaleInfo", `{"aspectId":"1","scaleLevel":"two"}`, false}},
}

// TestPatchesNeeded takes each patch away in turn and looks for its error, so
// that a patch for nothing is seen.
func TestPatchesNeeded(t *testing.T) {
	root := official(t)
	for _, p := range slices.Concat(known, found, foundPerformance) {
		_, answered := answers[p.name]
		if len(proofs[p.name]) == 0 && !answered {
			t.Errorf("%s: nothing proves it", p.name)
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			for _, pr := range proofs[p.name] {
				pr.check(t, root, p.name)
			}
			if answered {
				answers[p.name].check(t, root, p.name)
			}
		})
	}
	if n := len(proofs) + len(answers); n != len(known)+len(found)+len(foundPerformance) {
		t.Errorf("%d patches are proved, but there are %d", n, len(known)+len(found)+len(foundPerformance))
	}
}

func (p proof) check(t *testing.T, root, name string) {
	mended := p.load(t, root, slices.Concat(known, found, foundPerformance))
	if got := visit(p.schema, mended, []byte(p.value)); (got == nil) != p.ok {
		t.Errorf("with the patch, %s is %v", p.value, got)
	}
	broken := p.load(t, root, without(name))
	if got := visit(p.schema, broken, []byte(p.value)); (got == nil) == p.ok {
		t.Errorf("without the patch, %s is %v: the file needs no mending", p.value, got)
	}
}

// load reads one schema with what it refers to, which is quicker than an API.
func (p proof) load(t *testing.T, root string, patches []patch) *openapi3.Schema {
	t.Helper()
	text := fmt.Sprintf("openapi: 3.0.2\ninfo: {title: t, version: v}\npaths: {}\ncomponents: {schemas: {S: {$ref: './%s#/definitions/%s'}}}\n", filepath.Base(p.file), p.schema)
	at := &url.URL{Path: filepath.ToSlash(root) + "/" + path.Dir(p.file) + "/proof.yaml"}
	doc, err := reader(root, patches).LoadFromDataWithPath([]byte(text), at)
	if err != nil {
		t.Fatal(err)
	}
	return doc.Components.Schemas["S"].Value
}

// exchange shows what a patch of a path or an answer is good for: what the
// specification asks for, which the file without the patch refuses.
type exchange struct {
	api          API
	method, path string
	request      string // media type of a request that has to be known; no answer then
	answer       answer
}

const lcmVersion = "2.3.0"

var answers = map[string]exchange{
	"7: fail and cancel carry /nslcm/v1": {NsLcm, "POST", "/nslcm/v2/ns_lcm_op_occs/1/cancel", "",
		answer{code: 202, header: http.Header{"Version": {lcmVersion}, "Location": {"/x"}}}},
	"an NSD archive is uploaded without a body":                 {Nsd, "PUT", "/nsd/v2/ns_descriptors/1/nsd_content", "application/zip", answer{}},
	"a PNFD archive is uploaded without a body":                 {Nsd, "PUT", "/nsd/v2/pnf_descriptors/1/pnfd_content", "application/zip", answer{}},
	"a VNF package is uploaded as application/binary":           {VnfPkgm, "PUT", "/vnfpkgm/v2/vnf_packages/1/package_content", "application/zip", answer{}},
	"SOL003 GET /vnf_lcm_op_occs answers one operation":         {VnfLcm, "GET", "/vnflcm/v2/vnf_lcm_op_occs", "", listed("[]")},
	"SOL003 vnflcm GET /subscriptions answers one subscription": {VnfLcm, "GET", "/vnflcm/v2/subscriptions", "", listed("[]")},
	"SOL003 GET /alarms answers one alarm":                      {VnfFm, "GET", "/vnffm/v1/alarms", "", listed("[]")},
	"SOL003 vnffm GET /subscriptions answers one subscription":  {VnfFm, "GET", "/vnffm/v1/subscriptions", "", listed("[]")},
	"SOL002 GET /alarms answers one alarm":                      {VnfFmVeVnfm, "GET", "/vnffm/v1/alarms", "", listed("[]")},
	"SOL002 vnffm GET /subscriptions answers one subscription":  {VnfFmVeVnfm, "GET", "/vnffm/v1/subscriptions", "", listed("[]")},
	"SOL003 GET /vnf_snapshots/{vnfSnapshotInfoId} answers an array": {VnfLcm, "GET", "/vnflcm/v2/vnf_snapshots/1", "",
		listed(`{"id":"1","_links":{"self":{"href":"https://a"}}}`)},
	"SOL003 PATCH /vnf_instances/{vnfInstanceId} answers 202 with a body": {VnfLcm, "PATCH", "/vnflcm/v2/vnf_instances/1", "",
		answer{code: 202, header: http.Header{"Version": {lcmVersion}, "Location": {"/x"}}}},
	"SOL003 vnfind POST /subscriptions answers an array": {VnfInd, "POST", "/vnfind/v1/subscriptions", "",
		answer{201, http.Header{"Version": {"1.4.0"}, "Location": {"/x"}, "Content-Type": {typeJSON}},
			[]byte(`{"id":"1","callbackUri":"https://a","_links":{"self":{"href":"https://a"}}}`), 1}},
	"SOL002 vnfind POST /subscriptions answers an array": {VnfIndVeVnfm, "POST", "/vnfind/v1/subscriptions", "",
		answer{201, http.Header{"Version": {"1.4.0"}, "Location": {"/x"}, "Content-Type": {typeJSON}},
			[]byte(`{"id":"1","callbackUri":"https://a","_links":{"self":{"href":"https://a"}}}`), 1}},
	"SOL003 vnfind has subscriptions below /indicators": {VnfInd, "DELETE", "/vnfind/v1/subscriptions/1", "",
		answer{code: 204, header: http.Header{"Version": {"1.4.0"}}}},
	"a SupportedIndicatorsChangeNotification of SOL003 has no path": {VnfIndNotification, "POST", "-SupportedIndicatorsChangeNotification", "",
		answer{code: 204, header: http.Header{"Version": {"1.4.0"}}}},
	"SOL003 vnfpkgm POST /subscriptions answers an array": {VnfPkgmOrVnfm, "POST", "/vnfpkgm/v2/subscriptions", "",
		answer{201, http.Header{"Version": {"2.4.0"}, "Location": {"/x"}, "Content-Type": {typeJSON}},
			[]byte(`{"id":"1","callbackUri":"https://a","_links":{"self":{"href":"https://a"}}}`), 1}},
}

func listed(body string) answer {
	return answer{200, http.Header{"Version": {lcmVersion}, "Content-Type": {typeJSON}}, []byte(body), 1}
}

func (e exchange) check(t *testing.T, root, name string) {
	broken, err := load(root, e.api, without(name))
	if err != nil {
		t.Fatal(err)
	}
	if got := e.problems(Load(t, e.api)); got != nil {
		t.Errorf("with the patch, %s %s is %v", e.method, e.path, got)
	}
	if got := e.problems(&Validator{docs: []*document{broken}}); got == nil {
		t.Errorf("without the patch, %s %s is right: the file needs no mending", e.method, e.path)
	}
}

func (e exchange) problems(v *Validator) []string {
	if e.api.notification() {
		o, problem := v.notification(e.method, []byte(`{"notificationType":"`+notificationType(e.path)+`"}`))
		if problem != "" {
			return []string{problem}
		}
		return checkAnswer(o, e.answer, false)
	}
	o, _ := v.find(e.method, e.path)
	if e.request != "" {
		if o.op.RequestBody == nil {
			return []string{"the operation takes no body"}
		}
		return checkContent("body", o.requestContent(), http.Header{"Content-Type": {e.request}}, nil)
	}
	return checkAnswer(o, e.answer, false)
}

// Of the README's list, these need no patch. Should the files change, they may.
func TestKnownWithoutPatch(t *testing.T) {
	tests := []struct {
		api    API
		schema string
		value  string
		ok     bool
	}{
		// 8: the misspelt name has a type, the right one none.
		{NsLcm, "UpdateNsRequest", `{"updateType":"ADD_VNF","addVnfIstance":1}`, false},
		{NsLcm, "UpdateNsRequest", `{"updateType":"ADD_VNF","addVnfInstance":1}`, true},
		// 9: each file has its own spelling.
		{NsLcmNotification, "NsChangeNotification", strings.Replace(change, "timestamp", "timeStamp", 1), false},
		{VnfLcmNotification, "VnfIdentifierCreationNotification", `{"id":"1","notificationType":"VnfIdentifierCreationNotification","subscriptionId":"2","timeStamp":"2026-01-02T03:04:05Z","vnfInstanceId":"3","_links":{"vnfInstance":{"href":"https://a"},"subscription":{"href":"https://a"}}}`, true},
		// The description has a $ref, and the attribute another.
		{NsLcm, "UpdateNsRequest", `{"updateType":"REVERT_VNF_TO_SNAPSHOT","revertVnfToSnapshotData":{}}`, false},
	}
	for _, tt := range tests {
		if got := Load(t, tt.api).Value(tt.schema, jsonText(tt.value)); (got == nil) != tt.ok {
			t.Errorf("%s %s: %v", tt.schema, tt.value, got)
		}
	}
}

// A patch whose text is gone is told apart from one that works.
func TestPatchNotFound(t *testing.T) {
	root := official(t)
	stale := patch{name: "stale", file: NsLcm.path(), old: "there is no such text"}
	if _, err := load(root, NsLcm, []patch{stale}); err == nil || !strings.Contains(err.Error(), "is the error mended?") {
		t.Errorf("a stale patch gives %v", err)
	}
}

func TestOnlyOfficialFiles(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, filepath.FromSlash(Grant.path()))
	mkdir(t, filepath.Dir(file))
	for what, text := range map[string]string{
		"a file elsewhere": "openapi: 3.0.2\ninfo: {title: t, version: v}\npaths:\n  /a:\n    $ref: /etc/hostname#/a\n",
		"the network":      "openapi: 3.0.2\ninfo: {title: t, version: v}\npaths:\n  /a:\n    $ref: https://forge.etsi.org/a.yaml#/a\n",
		"no server":        "openapi: 3.0.2\ninfo: {title: t, version: v}\npaths: {}\n",
		"no YAML":          "\t",
	} {
		write(t, file, text)
		if _, err := load(root, Grant, nil); err == nil {
			t.Errorf("%s: loaded", what)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := load(root, Grant, nil); err == nil {
		t.Error("a missing file: loaded")
	}
}

func BenchmarkLoad(b *testing.B) {
	root, err := files()
	if err != nil {
		b.Skip(err)
	}
	for b.Loop() {
		if _, err := load(root, NsLcm, slices.Concat(known, found, foundPerformance)); err != nil {
			b.Fatal(err)
		}
	}
}
