package schemas

import "github.com/manoward/manoward/internal/hub"

// argument is an argument of an action: what it may be, what stands for "not
// given" with the actions that do not have it, and whose it is.
type argument struct {
	name  string
	value node
	none  any
	of    hub.ActionType
}

func arguments() []argument {
	off, never := node{"const": false}, false
	return []argument{
		{"snapshot", boolean("keep a VNF snapshot first"), off, hub.ActionTerminateVnf},
		{"replace", boolean("false: nothing brings it back until an operator lifts the bar; absent: true"), never, hub.ActionTerminateVnf},
		{"disablePackage", boolean("disable its package; needs target.vnfPkgId"), off, hub.ActionTerminateVnf},
		{"coHosted", boolean("end the domain's other VNFs on its hosts too"), off, hub.ActionTerminateVnf},
		{"erase", boolean("erase its storages and its TPM, HSM and HMEE slots"), off, hub.ActionTerminateVnf},
		{"belowMinimum", boolean("also when fewer instances than the VNF profile's minimum remain"), off, hub.ActionTerminateVnf},
		{"vnfs", node{"type": "string", "description": "what becomes of the VNFs on the host: migrate or terminate"}, node{"const": ""}, hub.ActionStopHost},
		{"quarantine", boolean("isolate the host with what stays on it"), off, hub.ActionStopHost},
		{"properties", keyed("merged into the configurable properties of the VNF", text("value")), never, hub.ActionModifySecurityVnf},
	}
}

// needs says which members of the target each action needs.
func needs() []struct {
	action  hub.ActionType
	members []string
} {
	return []struct {
		action  hub.ActionType
		members []string
	}{
		{hub.ActionAlert, nil},
		{hub.ActionTerminateVnf, []string{"vnfInstanceId"}},
		{hub.ActionStopHost, []string{"hostId"}},
		{hub.ActionInsertSecurityVnf, []string{"nsInstanceId", "vnfProfileId"}},
		{hub.ActionModifySecurityVnf, []string{"nsInstanceId", "vnfInstanceId"}},
		{hub.ActionRemoveSecurityVnf, []string{"nsInstanceId", "vnfInstanceId"}},
		{hub.ActionDenyCertificate, []string{"certificateRequestId"}},
		{hub.ActionDowngradeAttestation, []string{"certificateRequestId"}},
	}
}

// given says that an object has these members, and not empty.
func given(members ...string) node {
	properties := node{}
	for _, m := range members {
		properties[m] = node{"minLength": 1}
	}
	return node{"required": members, "properties": properties}
}

// finding is the schema of one finding as a policy gives it.
func finding() node {
	targets := []string{"nsInstanceId", "vnfInstanceId", "vnfProfileId", "vnfPkgId", "hostId", "imageId", "certificateRequestId"}
	members, anyTarget := []property{}, []node{}
	for _, t := range targets {
		members, anyTarget = append(members, may(t, text(t))), append(anyTarget, given(t))
	}
	target := object("what the finding is about", members...)
	target["anyOf"] = anyTarget

	types, severities := []string{}, []string{}
	for _, s := range hub.Severities() {
		severities = append(severities, string(s))
	}
	args := []property{}
	for _, a := range arguments() {
		args = append(args, may(a.name, a.value))
	}
	rules, whole := []node{}, []node{}
	for _, n := range needs() {
		types = append(types, string(n.action))
		is := node{"properties": node{"type": node{"const": n.action}}, "required": []string{"type"}}
		others := node{}
		for _, a := range arguments() {
			if a.of != n.action {
				others[a.name] = a.none
			}
		}
		then := node{"properties": others}
		switch n.action {
		case hub.ActionStopHost:
			others["vnfs"] = node{"enum": []string{"migrate", "terminate"}}
			then["required"] = []string{"vnfs"}
		case hub.ActionModifySecurityVnf:
			others["properties"] = node{"minProperties": 1}
			then["required"] = []string{"properties"}
		}
		rules = append(rules, node{"if": is, "then": then})
		if len(n.members) > 0 {
			whole = append(whole, node{"if": node{"properties": node{"actions": node{"contains": is}}, "required": []string{"actions"}},
				"then": node{"properties": node{"target": given(n.members...)}}})
		}
	}
	disables := node{"properties": node{"disablePackage": node{"const": true}}, "required": []string{"disablePackage"}}
	whole = append(whole, node{"if": node{"properties": node{"actions": node{"contains": disables}}, "required": []string{"actions"}},
		"then": node{"properties": node{"target": given("vnfPkgId")}}})

	action := object("one word of the closed vocabulary of actions, with its arguments", append([]property{need("type", oneOf("the word", types...))}, args...)...)
	action["allOf"] = rules
	f := object("what is wrong, with what, and what is to be done",
		need("code", node{"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "description": "stable name of the rule within its policy"}),
		may("severity", oneOf("absent: the policy's own", severities...)),
		need("message", node{"type": "string", "minLength": 1, "maxLength": 1000, "description": "one sentence for an operator"}),
		need("target", target), may("actions", list("in the policy's order; none is the same as one alert", ref("action"))),
	)
	f["$schema"], f["$id"], f["title"] = draft, "urn:manoward:finding:1", "Finding of a policy"
	f["allOf"], f["$defs"] = whole, map[string]node{"action": action}
	return f
}
