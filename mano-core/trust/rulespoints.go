package trust

import (
	"slices"

	"github.com/manoward/manoward/internal/hub"
)

// pointRules returns the rows for the reference points between MANO functions,
// OSS/BSS, VNFMs and EMs. They say nothing of other trust domains: who is bound
// to one stays in it, and who is of the hub itself sees all of them.
func pointRules() []Rule {
	return slices.Concat(osMaRules(), orVnfmRules(), vnfmRules(), vimRules(), cmVnfmRules())
}

// rows makes one row for each operation.
func rows(party hub.Kind, i hub.Interface, requirement string, operations ...Operation) []Rule {
	list := make([]Rule, 0, len(operations))
	for _, o := range operations {
		list = append(list, Rule{Party: party, Interface: i, Operation: o, Modes: "-", Requirement: requirement})
	}
	return list
}

// alarmOperations are what a party does with an alarm list (SOL003 and SOL005, fault
// management).
func alarmOperations() []Operation {
	return []Operation{"alarm.query", "alarm.acknowledge", "alarm-subscription.create", "alarm-subscription.query", "alarm-subscription.terminate"}
}

// indicatorOperations are what a party does with the indicators of VNFs (SOL003 and
// SOL002, VNF indicator).
func indicatorOperations() []Operation {
	return []Operation{"indicator.query", "indicator-subscription.create", "indicator-subscription.query", "indicator-subscription.terminate"}
}

// performanceOperations are what a party does with PM jobs and thresholds (SOL002, SOL003
// and SOL005, performance management).
func performanceOperations() []Operation {
	return []Operation{"performance.create", "performance.query", "performance.modify", "performance.delete"}
}

// osMaRules: what an OSS and the operator ask of the NFVO (SOL005), and what a
// reader sees of it.
func osMaRules() []Rule {
	all := append([]Operation{
		"package.create", "package.upload", "package.query", "package.update", "package.delete",
		"nsd.create", "nsd.upload", "nsd.query", "nsd.update", "nsd.delete",
		"pnfd.create", "pnfd.upload", "pnfd.query", "pnfd.update", "pnfd.delete",
		"subscription.create", "subscription.query", "subscription.terminate",
		"ns.create", "ns.query", "ns.instantiate", "ns.scale", "ns.update", "ns.heal", "ns.terminate", "ns.delete",
		"op.query", "op.retry", "op.rollback", "op.continue", "op.cancel", "op.fail",
		"vnf-snapshot.query", "vnf-snapshot.delete",
		"replacement-bar.query",
	}, slices.Concat(alarmOperations(), performanceOperations())...)
	return slices.Concat(
		rows(hub.KindOperator, OsMaInterface, "NFVO", all...),
		// What a Security Manager has ordered only an operator takes back; and
		// who signs packages that a domain takes, and how much a domain may use, is
		// the operator's word too.
		rows(hub.KindOperator, OsMaInterface, "NFVO", "replacement-bar.lift", "host.query", "host.stop-use", "host.release",
			"package-policy.read", "package-policy.write", "package.verify",
			"allowance.query", "allowance.set", "allowance.delete"),
		rows(hub.KindOSS, OsMaInterface, "NFVO", all...),
		rows(hub.KindClient, OsMaInterface, "NFVO",
			"package.query", "nsd.query", "pnfd.query", "subscription.query", "ns.query", "op.query",
			"vnf-snapshot.query", "replacement-bar.query", "alarm.query", "alarm-subscription.query"),
	)
}

// orVnfmRules: what a VNFM asks of the NFVO (SOL003), and who notifies it.
func orVnfmRules() []Rule {
	return slices.Concat(
		rows(hub.KindVNFM, OrVnfmInterface, "NFVO",
			"grant.request", "grant.query", "package.query",
			"subscription.create", "subscription.query", "subscription.terminate",
			"notification.deliver"),
		rows(hub.KindVIM, OrVnfmInterface, "NFVO", "notification.deliver"),
	)
}

// vnfmRules: what the NFVO, EMs, VNFs, OSSs and the operator ask of the VNFM (SOL003,
// SOL002), and who notifies it.
func vnfmRules() []Rule {
	all := []Operation{
		"vnf.create", "vnf.query", "vnf.modify", "vnf.delete", "vnf.instantiate", "vnf.scale", "vnf.change-flavour",
		"vnf.operate", "vnf.heal", "vnf.terminate", "vnf.change-ext-conn", "vnf.change-vnfpkg", "vnf.snapshot", "vnf.revert",
		"op.query", "op.retry", "op.rollback", "op.fail", "op.cancel",
		"subscription.create", "subscription.query", "subscription.terminate",
		"vnf-snapshot.create", "vnf-snapshot.query", "vnf-snapshot.modify", "vnf-snapshot.delete",
		"configuration.query", // what sets it is vnf.modify
	}
	query := []Operation{"vnf.query", "op.query", "subscription.query", "vnf-snapshot.query", "configuration.query"}
	return slices.Concat(
		rows(hub.KindOperator, VNFMInterface, "VNFM", all...),
		rows(hub.KindNFVO, VNFMInterface, "VNFM", all...),
		rows(hub.KindEM, VNFMInterface, "VNFM", append(slices.Clone(query), "vnf.heal", "vnf.operate", "vnf.modify")...),
		rows(hub.KindOSS, VNFMInterface, "VNFM", append(slices.Clone(query), "alarm.query", "alarm-subscription.query", "indicator.query", "indicator-subscription.query")...),
		rows(hub.KindNFVO, VNFMInterface, "VNFM", slices.Concat(alarmOperations(), indicatorOperations(), performanceOperations())...),
		// The severity of an alarm is what an EM may raise (SOL002).
		rows(hub.KindOperator, VNFMInterface, "VNFM", slices.Concat([]Operation{"alarm.escalate"}, alarmOperations(), indicatorOperations(), performanceOperations())...),
		rows(hub.KindEM, VNFMInterface, "VNFM", slices.Concat([]Operation{"alarm.escalate"}, alarmOperations(), indicatorOperations(), performanceOperations())...),
		// Ve-Vnfm-vnf (SOL002, IFA 008): a VNF of itself alone, which the VNFM sees to. It
		// does not stop, end or reconfigure itself, which are others' orders; and one that
		// is taken over takes no alarm off the list.
		rows(hub.KindVNF, VNFMInterface, "RefPoints",
			"vnf.query", "vnf.scale", "vnf.heal", "op.query",
			"subscription.create", "subscription.query", "subscription.terminate",
			"alarm.query", "alarm-subscription.create", "alarm-subscription.query", "alarm-subscription.terminate",
			"performance.create", "performance.query", "performance.modify", "performance.delete"),
		rows(hub.KindVIM, VNFMInterface, "VNFM", "notification.deliver"),
		// Cm-Vnfm.VnfLcmMgmt (IFA 033 clause 11.3).
		rows(hub.KindCMF, VNFMInterface, "VNFM.LCM.001", "subscription.create", "subscription.query", "subscription.terminate"),
		rows(hub.KindCMF, VNFMInterface, "VNFM.LCM.002", "vnf.query", "op.query"),
	)
}

// vimRules: what NFVOs and VNFMs ask of the VIM (IFA 005, IFA 006), and what the NFVI
// reports to it (Nf-Vi). Only the operator says what there is and injects what the NFVI
// does not report. The use of a host
// is ended and given back through the hub's own NFVO, which knows who ordered it
// (Sc-Or.SecEnforce.004); and what that NFVO made, another one cannot be kept
// from, so another one only looks.
func vimRules() []Rule {
	look := []Operation{"resource.query", "subscription.create", "subscription.query", "subscription.terminate"}
	hosts := []Operation{"host.query", "host.stop-use", "host.release"}
	return slices.Concat(
		rows(hub.KindOperator, VIMInterface, "VIM", slices.Concat(look, []Operation{"resource.manage"}, hosts, []Operation{"inventory.load", "event.report", "event.inject"})...),
		// Nf-Vi, from the NFVI: what happens to hosts and virtual resources. It looks which
		// there are, and says nothing of what the VIM keeps itself.
		rows(hub.KindNFVI, VIMInterface, "RefPoints", "resource.query", "host.query", "event.report"),
		rows(hub.KindNFVO, VIMInterface, "VIM", look...),
		rows(ownFunction(hub.KindNFVO), VIMInterface, "VIM", append(hosts, "resource.manage")...),
		rows(hub.KindVNFM, VIMInterface, "VIM", append(look, "resource.manage")...),
	)
}

// cmVnfmRules: what a VNFM asks of the CMF (IFA 033 clauses 9 and 11), and what
// the hub's own parties see and do there. What another VNFM registered is not there
// for who asks, also within one trust domain; the CMF itself sees to that.
func cmVnfmRules() []Rule {
	look := rowsOf("CMF.Certm.Del.002", "certificate.query", "ca.read")
	used := slices.Concat(
		rowsOf("CMF.Register", "registration.create", "registration.query", "registration.end"),
		rowsOf("CMF.Attest", "attester.create", "attester.query", "attester.activate", "attester.withdraw", "challenge.create"),
		rowsOf("CMF.CSR", "csr.create", "csr.query"),
		rowsOf("CMF.Certm.Del.002", "certificate.renew", "certificate.revoke"),
		look,
	)
	seen := slices.Concat(
		rowsOf("CMF.Register", "registration.query"), rowsOf("CMF.Attest", "attester.query"), rowsOf("CMF.CSR", "csr.query"), look,
	)
	return slices.Concat(
		ofParty(hub.KindVNFM, used),
		ofParty(hub.KindOperator, slices.Concat(used, rowsOf("CMF.Certm.Del.002", "ca.rotate", "ca.revoke"))),
		ofParty(hub.KindAuditor, seen),
		ofParty(hub.KindOSS, look),
		// What the hub's own functions tell the CMF of VNFs.
		rows(ownFunction(hub.KindVNFM), CmVnfmInterface, "Cm-Vnfm.002", "notification.deliver"),
		rows(ownFunction(hub.KindNFVO), CmVnfmInterface, "CMF.Certm.Del.002", "vnf.end"),
	)
}

// rowsOf makes rows of Cm-Vnfm that are nobody's yet.
func rowsOf(requirement string, operations ...Operation) []Rule {
	return rows("", CmVnfmInterface, requirement, operations...)
}

// ofParty gives rows to a party.
func ofParty(party hub.Kind, list []Rule) []Rule {
	own := slices.Clone(list)
	for i := range own {
		own[i].Party = party
	}
	return own
}
