package schemas

import "github.com/manoward/manoward/internal/hub"

// kind is what the input of one kind of event has of its own.
type kind struct {
	about   string
	event   node
	alone   bool       // it has no topology: schema and time are all that it shares with others
	members []property // besides these and event
	parts   map[string]node
}

// link is what stands under _links.
func link() node { return open("a link", may("href", text("URI"))) }

// notified are the members that all notifications of nslcm have.
func notified(more ...property) []property {
	return append([]property{
		need("id", id("of the notification")), need("notificationType", id("its data type")), may("subscriptionId", text("subscription")),
		need("timestamp", moment("when it happened")),
		may("_links", open("links", may("nsInstance", link()), may("subscription", link()), may("nslcmOpOcc", link()))),
	}, more...)
}

func problem() node {
	return open("ProblemDetails of SOL 013", may("type", text("type")), may("title", text("title")), may("status", whole("HTTP status")),
		may("detail", text("detail")), may("instance", text("instance")),
		may("manoward.findings", list("each reason for which a package was refused", text("reason"))))
}

// beforeAfter is one side of a VNF that changed.
func beforeAfter(about string, side node) node {
	return object(about, may("before", side), may("after", side))
}

// values are properties whose values ETSI leaves open; the other side may be null.
func values(about string) node {
	return node{"type": []string{"object", "null"}, "description": about}
}

func byVnfc(about string, item node) node {
	return node{"type": []string{"object", "null"}, "additionalProperties": item, "description": about}
}

func nsOperation() kind {
	change := func(about string, members ...property) node {
		return open(about, append(members, may("changeType", text("what was done")), may("changeResult", text("COMPLETED, ROLLED_BACK, FAILED")))...)
	}
	operations := []string{"INSTANTIATE", "SCALE", "UPDATE", "TERMINATE", "HEAL"}
	states := []string{"PROCESSING", "COMPLETED", "PARTIALLY_COMPLETED", "FAILED_TEMP", "FAILED", "ROLLING_BACK", "ROLLED_BACK"}
	event := open("NsLcmOperationOccurrenceNotification of SOL 005, with the members of docs/extensions/notifications.md", notified(
		need("nsInstanceId", id("NS instance")), need("nsLcmOpOccId", id("operation occurrence")),
		need("operation", oneOf("NsLcmOpType", operations...)),
		need("notificationStatus", oneOf("START or RESULT", "START", "RESULT")),
		need("operationState", oneOf("NsLcmOperationStateType", states...)),
		may("isAutomaticInvocation", boolean("nobody asked for it")), may("verbosity", oneOf("SHORT has no affected attributes", "FULL", "SHORT")),
		may("affectedVnf", list("AffectedVnf", change("a VNF", may("vnfInstanceId", text("VNF instance")), may("vnfdId", text("vnfdId")),
			may("vnfProfileId", text("VNF profile")), may("vnfName", text("name")), may("changedInfo", anything("what changed"))))),
		may("affectedPnf", list("AffectedPnf", change("a PNF", may("pnfId", text("pnfId")), may("pnfdId", text("pnfdId")), may("pnfProfileId", text("PNF profile")),
			may("pnfName", text("name")), may("cpInstanceId", list("its connection points", text("id")))))),
		may("affectedVl", list("AffectedVirtualLink", change("a virtual link", may("nsVirtualLinkInstanceId", text("virtual link")),
			may("nsVirtualLinkDescId", text("descriptor")), may("vlProfileId", text("profile")), may("linkPortIds", list("ports", text("id")))))),
		may("affectedVnffg", list("AffectedVnffg", change("a forwarding graph", may("vnffgInstanceId", text("forwarding graph")), may("vnffgdId", text("descriptor"))))),
		may("affectedNs", list("AffectedNs", change("a nested NS", may("nsInstanceId", text("NS instance")), may("nsdId", text("nsdId")), may("changedInfo", anything("what changed"))))),
		may("affectedSap", list("AffectedSap", change("a SAP", may("sapInstanceId", text("SAP")), may("sapdId", text("descriptor")), may("sapName", text("name"))))),
		may("error", problem()), may("manoward.sourceOfRequest", ref("source")),
	)...)
	return kind{about: "an operation on an NS began, or entered another state", event: event, members: []property{
		need("operation", oneOf("the operation", operations...)), need("phase", oneOf("at its beginning or at its result", "START", "RESULT")),
		may("outcome", oneOf("operationState, at RESULT", states...)), may("source", ref("source")),
	}}
}

func nsChange() kind {
	operations := []string{
		"VNF_INSTANTIATE", "VNF_SCALE", "VNF_SCALE_TO_LEVEL", "VNF_CHANGE_FLAVOUR", "VNF_TERMINATE", "VNF_HEAL", "VNF_OPERATE", "VNF_CHANGE_EXT_CONN", "VNF_MODIFY_INFO",
		"VNF_CREATE_SNAPSHOT", "VNF_REVERT_TO_SNAPSHOT", "VNF_CHANGE_VNFPKG", "NS_INSTANTIATE", "NS_SCALE", "NS_UPDATE", "NS_TERMINATE", "NS_HEAL",
	}
	results := []string{"COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "ROLLED_BACK"}
	event := open("NsChangeNotification of SOL 005, with the members of docs/extensions/notifications.md", notified(
		need("nsInstanceId", id("NS instance")), need("nsComponentType", oneOf("NsComponentType", "VNF", "PNF", "NS")), need("nsComponentId", id("the component")),
		need("lcmOpOccIdImpactingNsComponent", id("operation occurrence")), need("lcmOpNameImpactingNsComponent", oneOf("the operation", operations...)),
		need("lcmOpOccStatusImpactingNsComponent", oneOf("START, or its result", append([]string{"START"}, results...)...)),
		may("error", problem()), may("manoward.sourceOfRequest", ref("source")), may("manoward.vnf", ref("toldVnf")), may("manoward.change", ref("change")),
	)...)
	return kind{about: "an operation on one VNF of an NS began or ended", event: event, members: []property{
		need("operation", oneOf("lcmOpNameImpactingNsComponent", operations...)), need("phase", oneOf("at its beginning or at its result", "START", "RESULT")),
		may("outcome", oneOf("lcmOpOccStatusImpactingNsComponent, at RESULT", results...)), may("source", ref("source")),
	}, parts: map[string]node{
		"toldVnf": object("the VNF, as the NFVO tells",
			need("vnfInstanceId", id("VNF instance")), may("vnfdId", text("vnfdId")), may("vnfPkgId", text("package")), may("vnfProfileId", text("VNF profile")),
			may("integrity", ref("integrity")),
			may("connectivity", node{"type": []string{"array", "null"}, "items": ref("toldConnection"), "description": "its external connection points"}),
		),
		"toldConnection": object("an external connection point", need("extCpId", id("connection point")), may("cpdId", text("its descriptor")),
			may("virtualLinkInfoId", text("the virtual link that it is on")),
			may("pnfIds", node{"type": []string{"array", "null"}, "items": id("pnfId"), "description": "the PNFs that are on that link too"}),
		),
		"change": object("what changed, at the end of an operation; only what changed is there",
			may("location", beforeAfter("host and zone by VNFC", byVnfc("by VNFC", object("a place", may("host", text("hostId")), may("zone", text("zoneId")), may("image", text("image")))))),
			may("image", beforeAfter("image by VNFC", byVnfc("by VNFC", text("image")))),
			may("version", beforeAfter("descriptor and software", object("a version", may("vnfdId", text("vnfdId")), may("vnfdVersion", text("vnfdVersion")), may("vnfSoftwareVersion", text("vnfSoftwareVersion"))))),
			may("configuration", beforeAfter("configurable properties", values("configurable properties"))),
			may("identification", beforeAfter("name and description", object("how it is called", may("vnfInstanceName", text("name")), may("vnfInstanceDescription", text("description"))))),
			may("peering", beforeAfter("network by external connection point", byVnfc("by connection point", text("network")))),
			may("loadBalancing", beforeAfter("scale level by aspect", byVnfc("by aspect", text("scale level")))),
			may("vnfState", beforeAfter("operational state", text("STARTED or STOPPED"))),
			may("vnfcsAdded", list("new components", text("vnfcInstanceId"))), may("vnfcsRemoved", list("components that are gone", text("vnfcInstanceId"))),
		),
	}}
}

func nsIdentifier() kind {
	return kind{about: "the identifier of an NS was made or deleted", event: open("NsIdentifierCreationNotification or NsIdentifierDeletionNotification of SOL 005",
		notified(need("nsInstanceId", id("NS instance")))...), members: []property{
		may("operation", oneOf("which of the two", "CREATE", "DELETE")), may("source", ref("source")),
	}}
}

func unauthorizedAttempt() kind {
	return kind{
		about: "somebody tried to change something and was refused", event: open("docs/extensions/unauthorized-attempt.md", notified(
			need("attempt", open("what was tried",
				need("recordId", id("in the records of the trust domain")), need("time", moment("of the newest attempt of this kind")),
				need("actor", id("identity, or \"nobody\" when none was proven")), may("presented", text("what an unproven actor claimed to be")),
				need("operation", id("such as ns.update:REMOVE_VNF")), need("target", text("such as vnf/4c1e")), need("reason", text("why it was refused")),
				need("count", whole("attempts that this notification stands for")))),
		)...),
		members: []property{need("operation", id("attempt.operation")), may("source", ref("source"))},
	}
}

// resourceChange is Sc-Vi.N04 of our binding; changed says what may stand in
// changedResourceData.
func resourceChange(types, changes []string, changed node) node {
	return open("VirtualisedResourceChangeNotification of IFA 006, in the binding of docs/extensions/sc-vi.md",
		need("id", id("changeId")), need("notificationType", id("its data type")), may("subscriptionId", text("subscription")), need("timeStamp", moment("when it happened")),
		may("vimId", text("VIM")), need("resourceType", oneOf("type of the resource", types...)), need("virtualisedResourceId", id("the resource")),
		may("trustDomain", text("whose it is")), need("changeType", oneOf("what happened to it", changes...)), may("changedResourceData", changed),
		may("hostId", text("where it is")), may("zoneId", text("where it is")), may("physicalLocation", ref("location")), may("nfviSource", text("who says so")),
	)
}

func ofResource(about string, types, changes []string, changed node) kind {
	return kind{about: about, event: resourceChange(types, changes, changed), members: []property{
		need("operation", oneOf("changeType", changes...)), may("source", ref("source")),
	}}
}

func computeChange() kind {
	return ofResource("a compute, port, network or storage of the VIM changed", []string{"COMPUTE", "PORT", "NETWORK", "STORAGE"},
		[]string{"CREATED", "DELETED", "MIGRATED", "OPERATED", "SCALED", "RESTORED", "STATE", "ERASED", "FAULT_RAISED", "FAULT_CLEARED"},
		open("what changed; which members are there depends on changeType",
			may("hostId", text("new host")), may("formerHostId", text("host before a migration")), may("zoneId", text("new zone")),
			may("flavourId", text("flavour")), may("formerFlavourId", text("flavour before scaling")),
			may("operationalState", text("ENABLED, FAILED")), may("runningState", text("STARTED, HALTED, FAILED")), may("snapshotId", text("what it was restored from")),
			may("computeOperation", text("START, STOP, REBOOT")), may("erasedAt", moment("when it was erased")), may("checksumBefore", ref("checksum")), may("checksumAfter", ref("checksum")),
			may("secureStorage", text("what became of its TPM, HSM and HMEE slots")), may("networkId", text("network of a port")), may("attachedResourceId", text("what a port is attached to")), may("sizeOfStorageGiB", whole("size of a storage"))))
}

func hostChange() kind {
	return ofResource("the state or the integrity of a host changed", []string{"HOST"}, []string{"STATE", "INTEGRITY", "CREATED", "DELETED"},
		open("what changed; which members are there depends on changeType",
			may("state", text("new state")), may("stateForTrustDomain", text("new state for this trust domain alone")),
			may("integrityState", text("TRUSTED, UNTRUSTED, UNKNOWN")), may("formerIntegrityState", text("what it was before"))))
}

func imageChange() kind {
	return ofResource("an image of the VIM, or its content, changed", []string{"IMAGE"}, []string{"CONTENT", "CREATED", "DELETED"},
		open("what changed; which members are there depends on changeType",
			may("checksum", ref("checksum")), may("formerChecksum", ref("checksum")), may("statedChecksum", ref("checksum")), may("sizeBytes", whole("size of the content"))))
}

func alarm() kind {
	return kind{about: "the VIM raised or cleared an alarm", event: open("AlarmNotification or AlarmClearedNotification of IFA 006, in the binding of docs/extensions/sc-vi.md",
		need("id", id("of the notification")), need("notificationType", oneOf("its data type", "AlarmNotification", "AlarmClearedNotification")),
		may("subscriptionId", text("subscription")), need("timeStamp", moment("when it happened")), may("nfviSource", text("who says so")),
		need("alarm", open("Alarm of IFA 006 clause 8.6.2",
			need("alarmId", id("alarm")), need("managedObjectId", id("host or compute")), may("rootCauseFaultyResource", text("what is broken")),
			need("alarmRaisedTime", moment("since when")), may("alarmClearedTime", moment("until when")), need("state", oneOf("state", "FIRED", "CLEARED")),
			may("perceivedSeverity", text("CRITICAL, MAJOR, ...")), may("faultType", text("type of the fault")), may("probableCause", text("cause")),
			may("isRootCause", boolean("not a consequence of another alarm")), may("correlatedAlarmId", list("alarms that follow from it", text("alarmId"))),
			may("hostId", text("where it is")), may("zoneId", text("where it is")), may("physicalLocation", ref("location")), may("nfviSource", text("who says so")))),
	), members: []property{may("operation", oneOf("alarm.state", "FIRED", "CLEARED")), may("source", ref("source"))}}
}

func review() kind {
	return kind{about: "no notification: an NS is judged again as it stands", event: object("why now",
		need("reason", oneOf("why now", "periodic", "parameters-changed", "policies-changed", "gap-filled"))), members: nil}
}

// kinds are the inputs, one for each kind of event.
func kinds() map[hub.EventKind]kind {
	return map[hub.EventKind]kind{
		hub.EventNsOperation: nsOperation(), hub.EventNsChange: nsChange(), hub.EventNsIdentifier: nsIdentifier(),
		hub.EventUnauthorizedAttempt: unauthorizedAttempt(), hub.EventComputeChange: computeChange(), hub.EventHostChange: hostChange(),
		hub.EventImageChange: imageChange(), hub.EventAlarm: alarm(), hub.EventReview: review(),
		hub.EventCertificateRequest: certificateRequest(),
	}
}
