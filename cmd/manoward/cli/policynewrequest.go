package cli

// What "policy new" writes for requests for certificates, which the CMF judges:
// their input has no VNFs in it, and their actions are their own.

const draftRequestPolicy = `# METADATA
# title: {{.Quoted .Title}}
# description: |
#   A certificate is asked for by somebody who is not to have any. Say here in plain words what your policy finds.
# scope: package
# custom:
#   id: {{.ID}}
#   owner: {{.Quoted .Owner}}
#   severity: {{.Severity}}
#   controls: [NIST SP 800-53 IA-5(2)]
#   events: [{{.Kinds}}]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       managers:
#         description: identities to which no certificate is signed
#         type: array
#         items: {type: string}
#         default: []
#   samples: {{.File}}.samples.yaml
package manoward.policies.{{.File}}

import data.manoward.parameters[{{.Quoted .ID}}] as params

# METADATA
# title: The manager is to have no certificate
findings contains f if {
	input.event.manager in params.managers
	f := {
		"code": "manager-not-wanted",
		"message": sprintf("%s is to have no certificate", [input.event.manager]),
		"target": input.subject,
		"actions": [{"type": "deny-certificate"}],
	}
}
`

const draftRequestTest = `package manoward.policies.{{.File}}_test

import data.manoward.policies.{{.File}} as policy

request(manager) := {"subject": {"certificateRequestId": "q1"}, "event": {"id": "q1", "manager": manager}}

test_a_manager_that_is_not_wanted if {
	found := policy.findings with input as request("spiffe://north/vnfm/a")
		with data.manoward.parameters[{{.Quoted .ID}}] as {"managers": ["spiffe://north/vnfm/a"]}
	{f.code | some f in found} == {"manager-not-wanted"}
}

test_another_manager if {
	found := policy.findings with input as request("spiffe://north/vnfm/b")
		with data.manoward.parameters[{{.Quoted .ID}}] as {"managers": ["spiffe://north/vnfm/a"]}
	count(found) == 0
}

test_nobody_has_set_the_parameters if {
	found := policy.findings with input as request("spiffe://north/vnfm/a")
	count(found) == 0
}
`

const draftRequestSamples = `# Requests with what the policy must find in them. A set whose samples fail does not
# become active. What a sample leaves out is as in a request with which all is well.
{{- range $kind := .Events}}
- name: a manager that is not wanted
  kind: {{$kind}}
  parameters: {managers: ["spiffe://north/vnfm/a"]}
  findings:
    - {code: manager-not-wanted, severity: {{$.Severity}}, actions: [deny-certificate]}
  input:
{{- range $.Input $kind}}
    {{.}}
{{- end}}
- name: another manager
  kind: {{$kind}}
  parameters: {managers: ["spiffe://north/vnfm/b"]}
  findings: []
  input:
{{- range $.Input $kind}}
    {{.}}
{{- end}}
{{- end}}
`
