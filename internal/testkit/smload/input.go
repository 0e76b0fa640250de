package smload

import (
	"encoding/json"
	"testing"
	"time"
)

// Input returns the input that the policies see of event n in a world of that many
// VNFs: the notification with what it is about.
func Input(t testing.TB, n, vnfs int) json.RawMessage {
	t.Helper()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Millisecond)
	e := NewEvent("input", n, vnfs, "s", at)
	kind, subject := "ns-operation", map[string]any{}
	vnf := vnfOf(n, vnfs)
	in := map[string]any{
		"schema": "manoward.policy-input/1", "time": at.Format(time.RFC3339Nano), "event": json.RawMessage(e.Body),
		"sm":     map[string]any{"name": "alpha", "trustDomain": Domain, "mode": "SEMI_ACTIVE"},
		"recent": []any{}, "asOf": map[string]any{},
	}
	on := []int{vnf}
	if e.Telemetry {
		kind, subject["hostId"], in["operation"] = "host-change", HostID(hostOf(vnf)), "INTEGRITY"
		on = nil
		for v := hostOf(vnf) * vnfsOn; v < min(vnfs, (hostOf(vnf)+1)*vnfsOn); v++ {
			on = append(on, v)
		}
	} else {
		who := "OSS"
		if e.Bad {
			who = "EM"
		}
		subject["nsInstanceId"], in["operation"], in["phase"] = NsID(vnf), "UPDATE", "START"
		in["source"] = map[string]any{"kind": who, "identity": "spiffe://north/oss/portal"}
		in["ns"] = map[string]any{"id": NsID(vnf), "name": "ns", "nsdId": "nsd", "state": "INSTANTIATED", "flavourId": "f", "vnfInstanceIds": []string{VnfID(vnf)}}
	}
	in["kind"], in["subject"] = kind, subject
	addVnfs(in, on, vnfs, e.Telemetry && e.Bad)
	return encode(t, in)
}

// addVnfs adds VNFs with their packages, computes, images and hosts.
func addVnfs(in map[string]any, list []int, vnfs int, untrusted bool) {
	of := map[string]map[string]any{}
	for _, part := range []string{"vnfs", "packages", "computes", "hosts", "images"} {
		of[part] = map[string]any{}
		in[part] = of[part]
	}
	for _, vnf := range list {
		p, h := pkgOf(vnf), hostOf(vnf)
		sum := map[string]any{"algorithm": "SHA-256", "hash": checksum(p)}
		var computes []string
		for c := range computesOf {
			id := ComputeID(vnf, c)
			computes = append(computes, id)
			of["computes"][id] = map[string]any{
				"id": id, "vnfInstanceId": VnfID(vnf), "hostId": HostID(h), "zoneId": "zone", "imageId": ImageID(p), "flavourId": "small",
				"operationalState": "ENABLED", "runningState": "STARTED", "isolated": false, "location": map[string]any{"country": "DE"},
			}
		}
		of["vnfs"][VnfID(vnf)] = map[string]any{
			"id": VnfID(vnf), "nsInstanceIds": []string{NsID(vnf)}, "vnfProfileId": "p", "vnfdId": "vnfd", "vnfPkgId": PkgID(p), "provider": "vendor",
			"productName": product(p), "softwareVersion": "1.0", "instantiationState": "INSTANTIATED", "operationalState": "STARTED", "securityVnf": true, "minInstances": 0,
			"integrity": map[string]any{"verdict": "PASSED", "checksum": checksum(p), "signer": signer(p)}, "computeIds": computes,
		}
		of["packages"][PkgID(p)] = map[string]any{
			"id": PkgID(p), "vnfdId": "vnfd", "provider": "vendor", "productName": product(p), "softwareVersion": "1.0",
			"operationalState": "ENABLED", "usageState": "IN_USE", "checksum": sum, "onboardedChecksum": sum,
		}
		of["images"][ImageID(p)] = map[string]any{"id": ImageID(p), "name": "image", "vnfPkgId": PkgID(p), "checksum": sum, "statedChecksum": sum, "status": "ACTIVE"}
		state := "TRUSTED"
		if untrusted {
			state = "UNTRUSTED"
		}
		of["hosts"][HostID(h)] = map[string]any{
			"id": HostID(h), "zoneId": "zone", "nfviPopId": "pop", "state": "ENABLED", "integrity": state, "firmware": firmware(h), "equipment": map[string]any{"tpm": true},
			"trustDomains": []string{}, "location": map[string]any{"country": "DE"}, "otherTenants": false, "computeIds": onHost(h, vnfs),
		}
	}
}

// onHost lists the computes on a host.
func onHost(h, vnfs int) []string {
	var ids []string
	for vnf := h * vnfsOn; vnf < min(vnfs, (h+1)*vnfsOn); vnf++ {
		for c := range computesOf {
			ids = append(ids, ComputeID(vnf, c))
		}
	}
	return ids
}
