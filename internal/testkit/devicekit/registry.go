package devicekit

import (
	"encoding/json"

	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/attestation/tpm"
)

// Challenge does what whoever registers a TPM does: of the description that "attest ak"
// wrote it makes the challenge file, and the answer file that is expected.
func Challenge(description []byte) (challenge, answer []byte, err error) {
	d, err := attester.ParseDescription(description)
	if err != nil {
		return nil, nil, err
	}
	made, secret, err := tpm.NewChallenge(d.TPM.EK, d.TPM.AK)
	if err != nil {
		return nil, nil, err
	}
	if challenge, err = json.Marshal(made); err != nil {
		return nil, nil, err
	}
	answer, err = json.Marshal(map[string][]byte{"secret": secret})
	return challenge, answer, err
}
