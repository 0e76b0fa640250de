package schemas_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/mano-core/nfvo"
	"github.com/manoward/manoward/mano-core/scor"
	"github.com/manoward/manoward/policies/schemas"
)

var eventTime = time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)

// opOccNotification and changeNotification are what the NFVO sends: ETSI's type
// with the members of docs/extensions/notifications.md.
type opOccNotification struct {
	sol005.NsLcmOperationOccurrenceNotification
	Source *nfvo.Source `json:"manoward.sourceOfRequest,omitempty"`
}

type changeNotification struct {
	sol005.NsChangeNotification
	Source  *nfvo.Source     `json:"manoward.sourceOfRequest,omitempty"`
	Vnf     *nfvo.VnfDetails `json:"manoward.vnf,omitempty"`
	Changed *nfvo.Changed    `json:"manoward.change,omitempty"`
}

// fill gives every field of v a value, so that every member that a type can
// have is written.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(eventTime))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Interface:
		v.Set(reflect.ValueOf("any"))
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Bool:
		v.SetBool(true)
	}
}

// full makes a T in which every field has a value.
func full[T any]() T {
	var v T
	fill(reflect.ValueOf(&v).Elem())
	return v
}

// input wraps an event as the input of its kind.
func input(kind hub.EventKind, event any, more map[string]any) map[string]any {
	doc := map[string]any{
		"schema": schemas.Version, "kind": kind, "time": eventTime, "event": event, "subject": map[string]any{},
		"sm":   map[string]any{"name": "alpha", "trustDomain": "north", "mode": hub.FullyActive},
		"vnfs": map[string]any{}, "packages": map[string]any{}, "computes": map[string]any{}, "hosts": map[string]any{}, "images": map[string]any{},
		"recent": []any{}, "asOf": map[string]any{},
	}
	maps.Copy(doc, more)
	return doc
}

// opOcc returns the notification of an operation with all members.
func opOcc() opOccNotification {
	n := full[opOccNotification]()
	n.Operation, n.NotificationStatus, n.OperationState = sol005.NsLcmOpUpdate, "RESULT", sol005.NsLcmOperationStatePartiallyCompleted
	n.Verbosity, n.Source.Kind = sol005.LcmOpOccNotificationVerbosityFull, nfvo.SourceSM
	return n
}

func nsChange() changeNotification {
	n := full[changeNotification]()
	n.NsComponentType, n.LcmOpNameImpactingNsComponent = sol005.NsComponentVnf, sol005.LcmOpNameForChangeNotificationVnfHeal
	n.LcmOpOccStatusImpactingNsComponent, n.Source.Kind = sol005.ChangeRolledBack, nfvo.SourceAutoHeal
	return n
}

func resource(kind, change string, changed map[string]any) ifa006.ResourceChange {
	n := full[ifa006.ResourceChange]()
	n.ResourceType, n.ChangeType, n.Changed = kind, change, changed
	return n
}

func alarm(kind, state string) ifa006.AlarmNotification {
	n := full[ifa006.AlarmNotification]()
	n.NotificationType, n.Alarm.State = kind, state
	return n
}

// sent are notifications as the NFVO and the VIM write them, as inputs.
func sent() map[string]map[string]any {
	result := map[string]any{"operation": "UPDATE", "phase": "RESULT", "outcome": "PARTIALLY_COMPLETED", "source": nfvo.Source{Kind: nfvo.SourceSM, Identity: "x"}}
	bare := opOcc()
	bare.AffectedVnf, bare.AffectedPnf, bare.AffectedVl, bare.AffectedVnffg, bare.AffectedNs, bare.AffectedSap = nil, nil, nil, nil, nil, nil
	bare.Source, bare.Error, bare.Verbosity, bare.NotificationStatus, bare.OperationState = nil, nil, "", "START", sol005.NsLcmOperationStateProcessing
	begun := nsChange()
	begun.LcmOpOccStatusImpactingNsComponent, begun.Source, begun.Vnf, begun.Changed, begun.Error = sol005.ChangeStart, nil, nil, nil, nil
	empty := nsChange() // what Go writes for what is empty
	empty.Vnf, empty.Changed = &nfvo.VnfDetails{VnfInstanceID: "v"}, &nfvo.Changed{
		Location: full[nfvo.Changed]().Location, Image: &nfvo.BeforeAfter[map[string]string]{}, Peering: &nfvo.BeforeAfter[map[string]string]{}, Configuration: full[nfvo.Changed]().Configuration,
	}
	empty.Changed.Configuration.Before, empty.Changed.Location.Before = nil, nil
	checksum := ifa006.Checksum{Algorithm: "SHA-256", Hash: "aa"}
	changed := func(operation string) map[string]any { return map[string]any{"operation": operation} }
	return map[string]map[string]any{
		"operation":              input(hub.EventNsOperation, opOcc(), result),
		"operation, SHORT":       input(hub.EventNsOperation, bare, map[string]any{"operation": "UPDATE", "phase": "START"}),
		"change":                 input(hub.EventNsChange, nsChange(), map[string]any{"operation": "VNF_HEAL", "phase": "RESULT", "outcome": "ROLLED_BACK"}),
		"change begins":          input(hub.EventNsChange, begun, map[string]any{"operation": "VNF_HEAL", "phase": "START"}),
		"change, nothing in":     input(hub.EventNsChange, empty, map[string]any{"operation": "VNF_HEAL", "phase": "RESULT", "outcome": "COMPLETED"}),
		"identifier made":        input(hub.EventNsIdentifier, full[sol005.NsIdentifierCreationNotification](), changed("CREATE")),
		"identifier deleted":     input(hub.EventNsIdentifier, full[sol005.NsIdentifierDeletionNotification](), changed("DELETE")),
		"attempt":                input(hub.EventUnauthorizedAttempt, full[scor.AttemptNotification](), changed("ns.update:REMOVE_VNF")),
		"compute migrated":       input(hub.EventComputeChange, resource("COMPUTE", ifa006.ChangeMigrated, map[string]any{"hostId": "h", "formerHostId": "g", "zoneId": "z"}), changed("MIGRATED")),
		"compute deleted":        input(hub.EventComputeChange, resource("COMPUTE", ifa006.ChangeDeleted, nil), changed("DELETED")),
		"compute erased":         input(hub.EventComputeChange, resource("COMPUTE", ifa006.ChangeErased, map[string]any{"erasedAt": eventTime, "checksumBefore": checksum, "checksumAfter": checksum, "secureStorage": "erased"}), changed("ERASED")),
		"compute operated":       input(hub.EventComputeChange, resource("COMPUTE", ifa006.ChangeOperated, map[string]any{"computeOperation": "STOP", "runningState": "HALTED"}), changed("OPERATED")),
		"compute scaled":         input(hub.EventComputeChange, resource("COMPUTE", ifa006.ChangeScaled, map[string]any{"flavourId": "f", "formerFlavourId": "g"}), changed("SCALED")),
		"compute restored":       input(hub.EventComputeChange, resource("COMPUTE", ifa006.ChangeRestored, map[string]any{"snapshotId": "s", "runningState": "STARTED"}), changed("RESTORED")),
		"compute failed":         input(hub.EventComputeChange, resource("COMPUTE", ifa006.ChangeState, map[string]any{"operationalState": "FAILED", "runningState": "FAILED"}), changed("STATE")),
		"port":                   input(hub.EventComputeChange, resource("PORT", ifa006.ChangeCreated, map[string]any{"networkId": "n", "attachedResourceId": "c"}), changed("CREATED")),
		"storage":                input(hub.EventComputeChange, resource("STORAGE", ifa006.ChangeCreated, map[string]any{"sizeOfStorageGiB": 1}), changed("CREATED")),
		"host integrity":         input(hub.EventHostChange, resource("HOST", ifa006.ChangeIntegrity, map[string]any{"integrityState": "UNTRUSTED", "formerIntegrityState": "TRUSTED"}), changed("INTEGRITY")),
		"host state of a domain": input(hub.EventHostChange, resource("HOST", ifa006.ChangeState, map[string]any{"stateForTrustDomain": "STOPPED"}), changed("STATE")),
		"image content":          input(hub.EventImageChange, resource("IMAGE", ifa006.ChangeContent, map[string]any{"checksum": checksum, "formerChecksum": checksum, "statedChecksum": checksum}), changed("CONTENT")),
		"image uploaded":         input(hub.EventImageChange, resource("IMAGE", ifa006.ChangeContent, map[string]any{"checksum": checksum, "sizeBytes": int64(1)}), changed("CONTENT")),
		"alarm":                  input(hub.EventAlarm, alarm(ifa006.AlarmType, "FIRED"), changed("FIRED")),
		"alarm cleared":          input(hub.EventAlarm, alarm(ifa006.AlarmClearedType, "CLEARED"), changed("CLEARED")),
		"review":                 input(hub.EventReview, map[string]any{"reason": "gap-filled"}, nil),
		"certificate request":    certificateRequest(),
	}
}

// certificateRequest is what cmf/judge writes, with every member. Its own tests
// hold what it really writes against the schema.
func certificateRequest() map[string]any {
	reasons := []any{map[string]any{"code": "key-movable", "detail": "d"}}
	return map[string]any{
		"schema": schemas.Version, "kind": hub.EventCertificateRequest, "time": eventTime, "trustDomain": "north",
		"subject": map[string]any{"certificateRequestId": "q", "vnfInstanceId": "v"}, "attested": true, "assurance": "protected", "downgradedBy": []any{"p"},
		"event": map[string]any{
			"id": "q", "certType": "VNFCI_CERT", "subjectId": "c", "manager": "spiffe://north/vnfm/a", "registrationId": "r", "vnfInstanceId": "v", "vnfdId": "d",
			"certificateDescId": "e", "renews": "o", "key": map[string]any{"algorithm": "ECDSA", "bits": 256, "hash": "f1", "otherCertificates": 1, "otherSubjects": []any{"b"}},
		},
		"verdict": map[string]any{"accepted": true, "format": "tpm", "statement": "2.23.133.20.1", "attester": "a", "shape": "draft-28", "assurance": "protected",
			"claims": []any{map[string]any{"name": "fixedTPM", "value": "true"}}, "reasons": reasons, "lacks": reasons},
		"attester": map[string]any{"id": "a", "name": "n", "statement": "2.23.133.20.1", "known": []any{"public-key"}, "registeredBy": "spiffe://north/vnfm/a",
			"registered": eventTime, "activated": eventTime, "withdrawn": eventTime},
		"profile": map[string]any{"minimumAssurance": "bound", "nonceRequired": true, "maxValiditySeconds": 86400},
		"issued":  []any{map[string]any{"hour": eventTime, "certificates": 1}},
		"earlier": []any{map[string]any{"id": "o", "serialNumber": "0a", "keyHash": "f0", "assurance": "bound", "attesterId": "a", "notBefore": eventTime, "notAfter": eventTime,
			"renews": "n", "revoked": eventTime, "revocationReason": 1}},
	}
}

// TestRealNotificationsFit proves that what the NFVO, Sc-Or and the VIM of this
// system write fits the schemas, with every member that their types have.
func TestRealNotificationsFit(t *testing.T) {
	tried := map[hub.EventKind]bool{}
	for name, doc := range sent() {
		kind := doc["kind"].(hub.EventKind)
		tried[kind] = true
		if err := validate(t, inputSchema(t, kind), doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, k := range hub.EventKinds() {
		if !tried[k] {
			t.Errorf("no notification of kind %s", k)
		}
	}
}

// TestEachMemberIsKnown proves that policies can see every member that our own
// notifications have: one that the schemas do not name fits, because ETSI's
// shapes are open, but no policy could use it.
func TestEachMemberIsKnown(t *testing.T) {
	for name, doc := range sent() {
		kind := doc["kind"].(hub.EventKind)
		raw, err := schemas.Input(kind)
		if err != nil {
			t.Fatal(err)
		}
		var schema, written map[string]any
		event, err := json.Marshal(doc["event"])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &schema); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(event, &written); err != nil {
			t.Fatal(err)
		}
		for _, path := range unknown(schema, schema["properties"].(map[string]any)["event"], written, "event") {
			t.Errorf("%s: the schema of %s does not name %s", name, kind, path)
		}
	}
}

// unknown returns the paths of members of v that the schema does not name.
func unknown(root map[string]any, at, v any, path string) []string {
	s, ok := at.(map[string]any)
	if !ok {
		return nil
	}
	if ref, ok := s["$ref"].(string); ok {
		return unknown(root, root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")], v, path)
	}
	var found []string
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			found = append(found, unknown(root, s["items"], item, path+"[]")...)
		}
	case map[string]any:
		properties, named := s["properties"].(map[string]any)
		for name, member := range v {
			switch below, ok := properties[name]; {
			case ok:
				found = append(found, unknown(root, below, member, path+"."+name)...)
			case named:
				found = append(found, path+"."+name)
			}
		}
	}
	return found
}

// TestWrongInputsDoNotFit has a way for each thing that can be wrong.
func TestWrongInputsDoNotFit(t *testing.T) {
	check := func(name string, change func(map[string]any), from string) {
		t.Helper()
		doc := sent()[from]
		kind := doc["kind"].(hub.EventKind)
		raw, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		var plain map[string]any
		if err := json.Unmarshal(raw, &plain); err != nil {
			t.Fatal(err)
		}
		change(plain)
		if err := validate(t, inputSchema(t, kind), plain); err == nil {
			t.Errorf("%s: it fits", name)
		} else if _, ok := err.(*jsonschema.ValidationError); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	event := func(d map[string]any) map[string]any { return d["event"].(map[string]any) }
	for name, change := range map[string]func(map[string]any){
		"member that there is not": func(d map[string]any) { d["vnf"] = map[string]any{} },
		"other schema":             func(d map[string]any) { d["schema"] = "manoward.policy-input/2" },
		"other kind":               func(d map[string]any) { d["kind"] = "review" },
		"no time":                  func(d map[string]any) { delete(d, "time") },
		"time without a zone":      func(d map[string]any) { d["time"] = "2026-11-22T23:00:00" },
		"no topology":              func(d map[string]any) { delete(d, "vnfs") },
		"list instead of a map":    func(d map[string]any) { d["vnfs"] = []any{} },
		"VNF with a misspelt member": func(d map[string]any) {
			d["vnfs"] = map[string]any{"v": map[string]any{"id": "v", "vnfProfileID": "x"}}
		},
		"VNF without an id": func(d map[string]any) { d["vnfs"] = map[string]any{"v": map[string]any{}} },
		"host with another integrity": func(d map[string]any) {
			d["hosts"] = map[string]any{"h": map[string]any{"id": "h", "integrity": "GOOD"}}
		},
		"mode that there is not":  func(d map[string]any) { d["sm"].(map[string]any)["mode"] = "ACTIVE" },
		"phase that there is not": func(d map[string]any) { d["phase"] = "END" },
		"too many earlier events": func(d map[string]any) {
			list := make([]any, 257)
			for i := range list {
				list[i] = map[string]any{"kind": "alarm", "time": "2026-11-22T23:00:00Z"}
			}
			d["recent"] = list
		},
		"operation that there is not": func(d map[string]any) { event(d)["lcmOpNameImpactingNsComponent"] = "VNF_EXPLODE" },
		"notification without an NS":  func(d map[string]any) { delete(event(d), "nsInstanceId") },
		"source of no kind":           func(d map[string]any) { event(d)["manoward.sourceOfRequest"].(map[string]any)["kind"] = "NOBODY" },
		"text instead of a number":    func(d map[string]any) { event(d)["error"].(map[string]any)["status"] = "500" },
	} {
		check(name, change, "change")
	}
	check("attempt without an actor", func(d map[string]any) { delete(event(d)["attempt"].(map[string]any), "actor") }, "attempt")
	check("review without a reason", func(d map[string]any) { event(d)["reason"] = "because" }, "review")
	check("change of another resource", func(d map[string]any) { event(d)["resourceType"] = "HOST" }, "compute migrated")
	check("request for a certificate of no type", func(d map[string]any) { event(d)["certType"] = "CLIENT" }, "certificate request")
	check("request for a certificate with a topology", func(d map[string]any) { d["vnfs"] = map[string]any{} }, "certificate request")
	check("request for a certificate that says not whether it is attested", func(d map[string]any) { delete(d, "attested") }, "certificate request")
	check("assurance that there is not", func(d map[string]any) { d["assurance"] = "certain" }, "certificate request")
	check("alarm in no state", func(d map[string]any) { event(d)["alarm"].(map[string]any)["state"] = "LOUD" }, "alarm")
}
