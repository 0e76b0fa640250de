package hub

import (
	"fmt"
	"strings"
)

// EventKind is the kind of what policies judge: a Security Manager's, and one that
// the CMF's do. Each kind has one input schema (policies/schemas), and a policy
// says which kinds it is for.
type EventKind string

// The kinds of events.
const (
	EventNsOperation         EventKind = "ns-operation"         // NsLcmOperationOccurrenceNotification (Sc-Or.NsLcm.002)
	EventNsChange            EventKind = "ns-change"            // NsChangeNotification: an operation on one VNF of an NS
	EventNsIdentifier        EventKind = "ns-identifier"        // NsIdentifierCreation- and DeletionNotification
	EventUnauthorizedAttempt EventKind = "unauthorized-attempt" // Sc-Or.NsLcm.003
	EventComputeChange       EventKind = "compute-change"       // Sc-Vi.N04 of a compute, port or storage
	EventHostChange          EventKind = "host-change"          // state or integrity of a host
	EventImageChange         EventKind = "image-change"         // content of an image at the VIM
	EventAlarm               EventKind = "alarm"                // Sc-Vi.N10, raised or cleared
	EventReview              EventKind = "review"               // no notification: an NS is judged again as it stands
	EventCertificateRequest  EventKind = "certificate-request"  // the CMF is asked for a certificate (IFA 033 clause 11.2.3)
)

// EventKinds lists the kinds of events in the order of their documentation.
func EventKinds() []EventKind {
	return []EventKind{
		EventNsOperation, EventNsChange, EventNsIdentifier, EventUnauthorizedAttempt,
		EventComputeChange, EventHostChange, EventImageChange, EventAlarm, EventReview,
		EventCertificateRequest,
	}
}

// Severity is how bad a finding is.
type Severity string

// The severities, from the least.
const (
	SeverityInfo     Severity = "info"
	SeverityLow      Severity = "low"
	SeverityMedium   Severity = "medium"
	SeverityHigh     Severity = "high"
	SeverityCritical Severity = "critical"
)

// Severities lists the severities from the least.
func Severities() []Severity {
	return []Severity{SeverityInfo, SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}
}

// Finding is one thing that a policy has to say of one event: what is wrong,
// with what, and what is to be done.
type Finding struct {
	Policy   string   `json:"policy"` // id of the policy that found it; set by the engine, never by Rego
	Code     string   `json:"code"`   // stable name of the rule within its policy: "signer-unknown"
	Severity Severity `json:"severity"`
	Message  string   `json:"message"` // one sentence for an operator, up to 1,000 characters
	Target   Target   `json:"target"`
	Actions  []Action `json:"actions"` // in the policy's order; none is the same as one alert
}

// Target names what a finding is about. Each action says which member it needs.
type Target struct {
	NsInstanceID         string `json:"nsInstanceId,omitempty"`
	VnfInstanceID        string `json:"vnfInstanceId,omitempty"`
	VnfProfileID         string `json:"vnfProfileId,omitempty"`
	VnfPkgID             string `json:"vnfPkgId,omitempty"`
	HostID               string `json:"hostId,omitempty"`
	ImageID              string `json:"imageId,omitempty"`
	CertificateRequestID string `json:"certificateRequestId,omitempty"`
}

// String names the target in one line: "vnf/4c1e ns/77aa".
func (t Target) String() string {
	var parts []string
	for _, p := range []struct{ name, id string }{
		{"vnf", t.VnfInstanceID}, {"ns", t.NsInstanceID}, {"vnf-profile", t.VnfProfileID}, {"package", t.VnfPkgID},
		{"host", t.HostID}, {"image", t.ImageID}, {"certificate-request", t.CertificateRequestID},
	} {
		if p.id != "" {
			parts = append(parts, p.name+"/"+p.id)
		}
	}
	return strings.Join(parts, " ")
}

// ActionType is a word of the vocabulary of actions.
type ActionType string

// The closed vocabulary of actions. What is not in it no policy can ask for.
const (
	ActionAlert                ActionType = "alert"                 // tell the operators
	ActionTerminateVnf         ActionType = "terminate-vnf"         // Sc-Or.SecEnforce.002, .003
	ActionStopHost             ActionType = "stop-host"             // Sc-Or.SecEnforce.004
	ActionInsertSecurityVnf    ActionType = "insert-security-vnf"   // Sc-Or.SecurityVnfMgmt.001
	ActionModifySecurityVnf    ActionType = "modify-security-vnf"   // Sc-Or.SecurityVnfMgmt.001
	ActionRemoveSecurityVnf    ActionType = "remove-security-vnf"   // Sc-Or.SecurityVnfMgmt.001
	ActionDenyCertificate      ActionType = "deny-certificate"      // the CMF signs nothing
	ActionDowngradeAttestation ActionType = "downgrade-attestation" // the CMF treats the request as unattested
)

// Action is one word of the vocabulary with its arguments. Members that do not
// belong to its type are refused by [Action.Check].
type Action struct {
	Type ActionType `json:"type"`

	// Of terminate-vnf.
	Snapshot       bool  `json:"snapshot,omitempty"`       // keep a VNF snapshot first
	Replace        *bool `json:"replace,omitempty"`        // false: nothing brings it back until an operator lifts the bar; nil: true
	DisablePackage bool  `json:"disablePackage,omitempty"` // needs target.vnfPkgId
	CoHosted       bool  `json:"coHosted,omitempty"`       // end the domain's other VNFs on its hosts too
	Erase          bool  `json:"erase,omitempty"`          // erase storages and TPM, HSM and HMEE slots
	BelowMinimum   bool  `json:"belowMinimum,omitempty"`   // also when fewer instances than the VNF profile's minimum remain

	// Of stop-host.
	Vnfs       string `json:"vnfs,omitempty"`       // "migrate" or "terminate"
	Quarantine bool   `json:"quarantine,omitempty"` // isolate the host with what stays on it

	// Of modify-security-vnf: merged into the VNF's configurable properties.
	Properties map[string]string `json:"properties,omitempty"`
}

// Destructive reports whether the action ends or isolates something that works,
// and so counts against the limits of a Security Manager.
func (a Action) Destructive() bool {
	switch a.Type {
	case ActionTerminateVnf, ActionStopHost, ActionRemoveSecurityVnf:
		return true
	}
	return false
}

// actionNeeds says which members of the target each action needs.
var actionNeeds = map[ActionType][]string{
	ActionAlert:                nil,
	ActionTerminateVnf:         {"vnfInstanceId"},
	ActionStopHost:             {"hostId"},
	ActionInsertSecurityVnf:    {"nsInstanceId", "vnfProfileId"},
	ActionModifySecurityVnf:    {"nsInstanceId", "vnfInstanceId"},
	ActionRemoveSecurityVnf:    {"nsInstanceId", "vnfInstanceId"},
	ActionDenyCertificate:      {"certificateRequestId"},
	ActionDowngradeAttestation: {"certificateRequestId"},
}

// Check returns an error with code Invalid that says why the action cannot be
// carried out on the target: a type that is not in the vocabulary, an argument
// of another type's, a target that lacks what the action needs.
func (a Action) Check(t Target) error {
	bad := func(format string, args ...any) error {
		return E(Invalid, "check action", fmt.Sprintf(format, args...), nil)
	}
	needs, known := actionNeeds[a.Type]
	if !known {
		return bad("unknown action %q", clip(string(a.Type)))
	}
	for _, arg := range []struct {
		name string
		set  bool
		of   ActionType
	}{
		{"snapshot", a.Snapshot, ActionTerminateVnf}, {"replace", a.Replace != nil, ActionTerminateVnf},
		{"disablePackage", a.DisablePackage, ActionTerminateVnf}, {"coHosted", a.CoHosted, ActionTerminateVnf},
		{"erase", a.Erase, ActionTerminateVnf}, {"belowMinimum", a.BelowMinimum, ActionTerminateVnf},
		{"vnfs", a.Vnfs != "", ActionStopHost}, {"quarantine", a.Quarantine, ActionStopHost},
		{"properties", a.Properties != nil, ActionModifySecurityVnf},
	} {
		if arg.set && a.Type != arg.of {
			return bad("%q is no argument of the action %s", arg.name, a.Type)
		}
	}
	switch {
	case a.Type == ActionStopHost && a.Vnfs != "migrate" && a.Vnfs != "terminate":
		return bad(`stop-host needs "vnfs": "migrate" or "terminate", not %q`, clip(a.Vnfs))
	case a.Type == ActionModifySecurityVnf && len(a.Properties) == 0:
		return bad(`modify-security-vnf needs "properties"`)
	case a.DisablePackage && t.VnfPkgID == "":
		return bad(`"disablePackage" needs target.vnfPkgId`)
	}
	have := map[string]string{
		"nsInstanceId": t.NsInstanceID, "vnfInstanceId": t.VnfInstanceID, "vnfProfileId": t.VnfProfileID,
		"hostId": t.HostID, "certificateRequestId": t.CertificateRequestID,
	}
	for _, need := range needs {
		if have[need] == "" {
			return bad("%s needs target.%s", a.Type, need)
		}
	}
	return nil
}

// Check returns an error with code Invalid that says why the finding is not one
// that can be recorded and acted on.
func (f *Finding) Check() error {
	bad := func(text string) error { return E(Invalid, "check finding", text, nil) }
	known := false
	for _, s := range Severities() {
		known = known || s == f.Severity
	}
	switch {
	case !known:
		return bad(fmt.Sprintf("unknown severity %q", clip(string(f.Severity))))
	case f.Code == "" || CheckName("code", f.Code) != nil:
		return bad(fmt.Sprintf("%q is no code: up to 63 lower-case letters, digits and hyphens", clip(f.Code)))
	case f.Message == "" || len([]rune(f.Message)) > 1000:
		return bad("a finding needs a message of 1 to 1,000 characters")
	case f.Target == (Target{}):
		return bad("a finding needs a target")
	}
	for i, a := range f.Actions {
		if err := a.Check(f.Target); err != nil {
			return E(Invalid, "check finding", fmt.Sprintf("action %d: %s", i+1, SafeText(err)), nil)
		}
	}
	return nil
}
