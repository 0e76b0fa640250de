package e2e_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// smActing are policies that order something for what operators do: a security
// VNF after an NS was scaled or made, the end of the use of a host that is not
// trusted, and the end of a VNF that was healed, after a snapshot.
var smActing = []struct{ id, kind, rule, target, action, fires, rests string }{
	{
		id: "guard-follows", kind: "ns-operation",
		rule:   `input.operation in {"SCALE", "INSTANTIATE"}` + "\n\tinput.outcome == \"COMPLETED\"\n\tinput.source.kind == \"OPERATOR\"",
		target: `{"nsInstanceId": input.event.nsInstanceId, "vnfProfileId": "guard"}`, action: `{"type": "insert-security-vnf"}`,
		fires: smSample("ns-operation", `operation: SCALE, phase: RESULT, outcome: COMPLETED, source: {kind: OPERATOR, identity: "spiffe://hub/operator/admin"}`,
			`notificationType: NsLcmOperationOccurrenceNotification, timestamp: TIME, nsInstanceId: n1, nsLcmOpOccId: o1, operation: SCALE, notificationStatus: RESULT, operationState: COMPLETED`),
		rests: smSample("ns-operation", `operation: SCALE, phase: START`,
			`notificationType: NsLcmOperationOccurrenceNotification, timestamp: TIME, nsInstanceId: n1, nsLcmOpOccId: o1, operation: SCALE, notificationStatus: START, operationState: PROCESSING`),
	},
	{
		id: "host-ends", kind: "host-change",
		rule:   `input.event.changedResourceData.integrityState == "UNTRUSTED"`,
		target: `{"hostId": input.event.virtualisedResourceId}`, action: `{"type": "stop-host", "vnfs": "migrate"}`,
		fires: smSample("host-change", `operation: INTEGRITY`,
			`notificationType: VirtualisedResourceChangeNotification, timeStamp: TIME, resourceType: HOST, virtualisedResourceId: h1, changeType: INTEGRITY, changedResourceData: {integrityState: UNTRUSTED}`),
		rests: smSample("host-change", `operation: INTEGRITY`,
			`notificationType: VirtualisedResourceChangeNotification, timeStamp: TIME, resourceType: HOST, virtualisedResourceId: h1, changeType: INTEGRITY, changedResourceData: {integrityState: TRUSTED}`),
	},
	{
		id: "healed-ends", kind: "ns-change",
		rule:   "input.operation == \"VNF_HEAL\"\n\tinput.outcome == \"COMPLETED\"\n\tinput.source.kind == \"OPERATOR\"",
		target: `{"nsInstanceId": input.event.nsInstanceId, "vnfInstanceId": input.event.nsComponentId}`, action: `{"type": "terminate-vnf", "snapshot": true}`,
		fires: smSample("ns-change", `operation: VNF_HEAL, phase: RESULT, outcome: COMPLETED, source: {kind: OPERATOR, identity: "spiffe://hub/operator/admin"}`,
			`notificationType: NsChangeNotification, timestamp: TIME, nsInstanceId: n1, nsComponentType: VNF, nsComponentId: v1, lcmOpOccIdImpactingNsComponent: o1, lcmOpNameImpactingNsComponent: VNF_HEAL, lcmOpOccStatusImpactingNsComponent: COMPLETED`),
		rests: smSample("ns-change", `operation: VNF_HEAL, phase: START`,
			`notificationType: NsChangeNotification, timestamp: TIME, nsInstanceId: n1, nsComponentType: VNF, nsComponentId: v1, lcmOpOccIdImpactingNsComponent: o1, lcmOpNameImpactingNsComponent: VNF_HEAL, lcmOpOccStatusImpactingNsComponent: START`),
	},
}

// smSample is the input of a sample.
func smSample(kind, members, event string) string {
	return strings.ReplaceAll("  kind: "+kind+"\n  input:\n    {time: TIME, "+members+",\n     event: {id: e1, "+event+"}}\n", "TIME", `"2026-11-22T12:00:00Z"`)
}

const smPolicy = `# METADATA
# title: ID
# description: |
#   Orders something for what an operator does.
# scope: package
# custom:
#   id: ID
#   owner: test@example.net
#   severity: high
#   controls: [IFA033 Sc-Or.SecEnforce.004]
#   events: [KIND]
#   samples: ID.samples.yaml
package manoward.policies.NAME

# METADATA
# title: it happened
findings contains f if {
	RULE
	f := {"code": "it-happened", "message": "it happened", "target": TARGET, "actions": [ACTION]}
}
`

// smActingPolicies writes the acting policies to a directory of their own.
func smActingPolicies(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range smActing {
		words := strings.NewReplacer("ID", p.id, "KIND", p.kind, "NAME", strings.ReplaceAll(p.id, "-", "_"), "RULE", p.rule, "TARGET", p.target, "ACTION", p.action)
		writeFile(t, filepath.Join(dir, p.id+".rego"), words.Replace(smPolicy), 0o600)
		act := strings.SplitAfter(p.action, `"type": "`)[1]
		act = act[:strings.Index(act, `"`)]
		writeFile(t, filepath.Join(dir, p.id+".samples.yaml"),
			"- name: it happens\n  findings: [{code: it-happened, severity: high, actions: ["+act+"]}]\n"+p.fires+"- name: it does not\n  findings: []\n"+p.rests, 0o600)
	}
	return dir
}
