# The request that tests start from: its key is attested, and nothing is wrong with it.
package manoward.lib.request_fixture_test

request(patch) := object.union(good, patch)

# One without an attestation.
bare(patch) := object.union(object.remove(good, ["verdict", "attester"]), object.union({"attested": false, "assurance": "none"}, patch))

# One whose attestation failed.
failed(patch) := request(object.union({"attested": false, "assurance": "none", "verdict": {"accepted": false, "assurance": "none", "reasons": [{"code": "key-mismatch"}]}}, patch))

good := {
	"schema": "manoward.policy-input/1",
	"kind": "certificate-request",
	"time": "2026-11-22T23:00:00Z",
	"trustDomain": "north",
	"subject": {"certificateRequestId": "q1", "vnfInstanceId": "v1"},
	"attested": true,
	"assurance": "protected",
	"event": {
		"id": "q1",
		"certType": "VNFCI_CERT",
		"subjectId": "c1",
		"manager": "spiffe://north/vnfm/a",
		"registrationId": "r1",
		"vnfInstanceId": "v1",
		"vnfdId": "d-amf",
		"key": {"algorithm": "ECDSA", "bits": 256, "hash": "f1", "otherCertificates": 0, "otherSubjects": []},
	},
	"verdict": {"accepted": true, "format": "tpm", "statement": "2.23.133.20.1", "attester": "a1", "assurance": "protected", "claims": [{"name": "fixedTPM", "value": "true"}], "reasons": [], "lacks": [{"code": "attester-unverified"}]},
	"attester": {"id": "a1", "statement": "2.23.133.20.1", "known": ["public-key"], "registeredBy": "spiffe://north/vnfm/a", "registered": "2026-11-01T00:00:00Z"},
	"profile": {"minimumAssurance": "none", "nonceRequired": false, "maxValiditySeconds": 7776000},
	"issued": [],
	"earlier": [],
}
