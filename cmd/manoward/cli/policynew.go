package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// draft is a policy that somebody is about to write.
type draft struct {
	ID, Title, Owner string
	Severity         hub.Severity
	Events           []hub.EventKind
}

// File is the policy's name in names of files and of packages.
func (d draft) File() string { return strings.ReplaceAll(d.ID, "-", "_") }

// Kinds are the events in one line.
func (d draft) Kinds() string { return words(d.Events) }

// Quoted is a text that YAML reads as it is, in one line.
func (d draft) Quoted(text string) (string, error) {
	raw, err := json.Marshal(text)
	return string(raw), err
}

// Input is what an input of the kind has of its own, in one line of YAML each.
func (d draft) Input(kind hub.EventKind) []string { return draftInputs[kind] }

// draftInputs are the members that an input of each kind needs besides those
// that all kinds have, which a sample may leave out.
var draftInputs = map[hub.EventKind][]string{
	hub.EventNsOperation: {"operation: INSTANTIATE", "phase: RESULT", "outcome: COMPLETED",
		`event: {id: e1, notificationType: NsLcmOperationOccurrenceNotification, timestamp: "2026-01-01T00:00:00Z", nsInstanceId: n1, nsLcmOpOccId: o1, operation: INSTANTIATE, notificationStatus: RESULT, operationState: COMPLETED}`},
	hub.EventNsChange: {"operation: VNF_INSTANTIATE", "phase: RESULT", "outcome: COMPLETED",
		`event: {id: e1, notificationType: NsChangeNotification, timestamp: "2026-01-01T00:00:00Z", nsInstanceId: n1, nsComponentType: VNF, nsComponentId: v1, lcmOpOccIdImpactingNsComponent: o1, lcmOpNameImpactingNsComponent: VNF_INSTANTIATE, lcmOpOccStatusImpactingNsComponent: COMPLETED}`},
	hub.EventNsIdentifier: {
		`event: {id: e1, notificationType: NsIdentifierCreationNotification, timestamp: "2026-01-01T00:00:00Z", nsInstanceId: n1}`},
	hub.EventUnauthorizedAttempt: {`operation: "ns.update:REMOVE_VNF"`,
		`event: {id: e1, notificationType: UnauthorizedAttemptNotification, timestamp: "2026-01-01T00:00:00Z", attempt: {recordId: r1, time: "2026-01-01T00:00:00Z", actor: nobody, operation: "ns.update:REMOVE_VNF", target: vnf/v1, reason: no-credential, count: 1}}`},
	hub.EventComputeChange: {"operation: STATE",
		`event: {id: e1, notificationType: VirtualisedResourceChangeNotification, timeStamp: "2026-01-01T00:00:00Z", resourceType: COMPUTE, virtualisedResourceId: c1, changeType: STATE}`},
	hub.EventHostChange: {"operation: INTEGRITY",
		`event: {id: e1, notificationType: VirtualisedResourceChangeNotification, timeStamp: "2026-01-01T00:00:00Z", resourceType: HOST, virtualisedResourceId: h1, changeType: INTEGRITY}`},
	hub.EventImageChange: {"operation: CONTENT",
		`event: {id: e1, notificationType: VirtualisedResourceChangeNotification, timeStamp: "2026-01-01T00:00:00Z", resourceType: IMAGE, virtualisedResourceId: i1, changeType: CONTENT}`},
	hub.EventAlarm: {
		`event: {id: e1, notificationType: AlarmNotification, timeStamp: "2026-01-01T00:00:00Z", alarm: {alarmId: a1, managedObjectId: h1, alarmRaisedTime: "2026-01-01T00:00:00Z", state: FIRED}}`},
	hub.EventReview: {"event: {reason: periodic}"},
	hub.EventCertificateRequest: {
		"event: {id: q1, certType: VNFCI_CERT, subjectId: c1, manager: \"spiffe://north/vnfm/a\", registrationId: r1, key: {algorithm: ECDSA, bits: 256, hash: f1, otherCertificates: 0, otherSubjects: []}}"},
}

const draftPolicy = `# METADATA
# title: {{.Quoted .Title}}
# description: |
#   A VNF that the event touches is of a provider that is not wanted. Say here in plain words what your policy finds.
# scope: package
# custom:
#   id: {{.ID}}
#   owner: {{.Quoted .Owner}}
#   severity: {{.Severity}}
#   controls: [NIST SP 800-53 SR-6]
#   events: [{{.Kinds}}]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       providers:
#         description: providers whose VNFs are not wanted
#         type: array
#         items: {type: string}
#         default: []
#   samples: {{.File}}.samples.yaml
package manoward.policies.{{.File}}

import data.manoward.parameters[{{.Quoted .ID}}] as params

# METADATA
# title: The provider of the VNF is not wanted
findings contains f if {
	some id, vnf in input.vnfs
	vnf.provider in params.providers
	f := {
		"code": "provider-not-wanted",
		"message": sprintf("VNF %s is of the provider %s, which is not wanted", [id, vnf.provider]),
		"target": {"vnfInstanceId": id},
		"actions": [{"type": "alert"}],
	}
}
`

const draftTest = `package manoward.policies.{{.File}}_test

import data.manoward.policies.{{.File}} as policy

vnf(provider) := {"vnfs": {"v1": {"id": "v1", "provider": provider}}}

test_a_provider_that_is_not_wanted if {
	found := policy.findings with input as vnf("Mallory")
		with data.manoward.parameters[{{.Quoted .ID}}] as {"providers": ["Mallory"]}
	{f.code | some f in found} == {"provider-not-wanted"}
}

test_another_provider if {
	found := policy.findings with input as vnf("Acme")
		with data.manoward.parameters[{{.Quoted .ID}}] as {"providers": ["Mallory"]}
	count(found) == 0
}

test_nobody_has_set_the_parameters if {
	found := policy.findings with input as vnf("Mallory")
	count(found) == 0
}
`

const draftSamples = `# Inputs with what the policy must find in them. A set whose samples fail does not
# become active. What a sample leaves out of the input is empty.
{{- range $kind := .Events}}
- name: {{$kind}}, a provider that is not wanted
  kind: {{$kind}}
  parameters: {providers: [Mallory]}
  findings:
    - {code: provider-not-wanted, severity: {{$.Severity}}, actions: [alert]}
  input:
    vnfs: {v1: {id: v1, provider: Mallory}}
{{- range $.Input $kind}}
    {{.}}
{{- end}}
- name: {{$kind}}, another provider
  kind: {{$kind}}
  parameters: {providers: [Mallory]}
  findings: []
  input:
    vnfs: {v1: {id: v1, provider: Acme}}
{{- range $.Input $kind}}
    {{.}}
{{- end}}
{{- end}}
`

// files returns the policy, its tests and its samples, by name.
func (d draft) files() (map[string][]byte, error) {
	files, texts := map[string][]byte{}, map[string]string{".rego": draftPolicy, "_test.rego": draftTest, ".samples.yaml": draftSamples}
	if slices.Contains(d.Events, hub.EventCertificateRequest) {
		texts = map[string]string{".rego": draftRequestPolicy, "_test.rego": draftRequestTest, ".samples.yaml": draftRequestSamples}
	}
	for suffix, text := range texts {
		t, err := template.New(suffix).Parse(text)
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		if err := t.Execute(&out, d); err != nil {
			return nil, err
		}
		name := d.File() + suffix
		files[name] = out.Bytes()
		if filepath.Ext(name) != ".rego" {
			continue
		}
		// An id without hyphens is written in another way than one with them.
		if formatted, err := policies.Format(name, files[name]); err == nil {
			files[name] = formatted
		} // else prove says where it is wrong
	}
	return files, nil
}

// prove tests the draft in a folder that is then removed: what "policy new"
// writes is good before anybody has changed it.
func (d draft) prove(ctx context.Context, files map[string][]byte) error {
	dir, err := os.MkdirTemp("", "manoward-policy-")
	if err != nil {
		return hub.E(hub.Unavailable, "try policy", "the policy was not tried, because there is no folder for temporary files; set TMPDIR", pathCause(err))
	}
	defer os.RemoveAll(dir)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return hub.E(hub.Unavailable, "try policy", "the policy was not tried, because the folder for temporary files takes none; set TMPDIR", pathCause(err))
		}
	}
	o, err := policyOptions()
	if err != nil {
		return err
	}
	if problems := policies.Check(ctx, os.DirFS(dir), o); len(problems) > 0 {
		return hub.E(hub.Invalid, "try policy", fmt.Sprintf("no policy can be made of this: %s; choose other values", problems[0]), nil)
	}
	report, problems := policies.Test(ctx, os.DirFS(dir), policies.TestOptions{Options: o})
	if err := policies.Refusal(problems); err != nil {
		return err
	}
	return testFailure(report, 100)
}

func (p *program) policyNew() *cobra.Command {
	var events []string
	var dir string
	d := draft{}
	var severity string
	c := &cobra.Command{
		Use:   "new ID",
		Short: "Write a new policy with tests and samples, to be edited",
		Long: `Writes three files that pass "policy check" and "policy test" as they are: the
policy, its tests, and samples of each kind of event. Files that are there already
are not touched.

The kinds of events are ` + words(hub.EventKinds()) + `.`,
		Example: `  manoward policy new banned-vendor --events ns-change,review
  manoward policy new night-watch --events ns-operation --severity low --title "Changes at night" --dir policies`,
		Args: exactly("ID"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			d.ID, d.Severity = args[0], hub.Severity(severity)
			if err := hub.CheckName("policy", d.ID); err != nil {
				return err
			}
			if d.Events, err = kindsOf(events); err != nil {
				return err
			}
			if !slices.Contains(hub.Severities(), d.Severity) {
				return usage("there is no severity %q; use one of %s", severity, words(hub.Severities()))
			}
			if d.Title == "" {
				d.Title = strings.ToUpper(d.ID[:1]) + strings.ReplaceAll(d.ID[1:], "-", " ")
			}
			files, err := d.files()
			if err != nil {
				return err
			}
			if err := d.prove(c.Context(), files); err != nil {
				return err
			}
			written, err := writeNew(dir, files)
			if err != nil {
				return err
			}
			return p.print(written, func(w io.Writer) {
				for _, name := range written {
					fmt.Fprintf(w, "wrote %s\n", name)
				}
			})
		},
	}
	c.Flags().StringSliceVar(&events, "events", nil, "kinds of events that the policy is for, comma-separated")
	c.Flags().StringVar(&dir, "dir", ".", "folder to write to; it is made when it is not there")
	c.Flags().StringVar(&d.Title, "title", "", "title (default: the id in words)")
	c.Flags().StringVar(&d.Owner, "owner", "security@example.net", "who answers for the policy")
	c.Flags().StringVar(&severity, "severity", string(hub.SeverityMedium), "severity of what it finds")
	return c
}

// writeNew writes files that are not there yet, all or none, and returns their
// paths.
func writeNew(dir string, files map[string][]byte) (written []string, err error) {
	failed := func(path string, err error) error {
		if errors.Is(err, fs.ErrExist) {
			return hub.E(hub.Conflict, "write policy", fmt.Sprintf("%s is there already and was not touched; choose another id or --dir", path), nil)
		}
		return hub.E(hub.Invalid, "write policy", fmt.Sprintf("%s cannot be written: %v", path, pathCause(err)), nil)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, failed(dir, err)
	}
	defer func() {
		if err != nil {
			for _, path := range written {
				_ = os.Remove(path) // what was begun is taken back; the error says why
			}
			written = nil
		}
	}()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, name)
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
		if err != nil {
			return written, failed(path, err)
		}
		written = append(written, path)
		_, err = f.Write(files[name])
		if err = errors.Join(err, f.Close()); err != nil {
			return written, failed(path, err)
		}
	}
	return written, nil
}
