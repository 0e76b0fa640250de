package attester

import (
	"fmt"

	"github.com/google/go-tpm/tpm2"

	"github.com/manoward/manoward/internal/hub"
)

// StoreEndorsement does what the maker of a TPM does before it is sold: it puts content,
// the certificate of the endorsement key of the algorithm in DER, where [TPM.Endorsement]
// finds it. It is for emulators, whose maker one is oneself, and works once for each
// algorithm, as the owner without a password.
func (d *TPM) StoreEndorsement(a Algorithm, content []byte) error {
	const op = "store endorsement certificate"
	for _, e := range endorsements {
		if e.algorithm == a {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.store(op, e.index, content)
		}
	}
	return hub.E(hub.Invalid, op, fmt.Sprintf("endorsement keys are of %s or %s; name one of them", P256, RSA2048), nil)
}

// store defines an index of the TPM's memory and writes it.
func (d *TPM) store(op string, index tpm2.TPMHandle, content []byte) error {
	owner := tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)}
	_, err := tpm2.NVDefineSpace{AuthHandle: owner, PublicInfo: tpm2.New2B(tpm2.TPMSNVPublic{
		NVIndex: index, NameAlg: tpm2.TPMAlgSHA256, DataSize: uint16(len(content)),
		Attributes: tpm2.TPMANV{OwnerWrite: true, OwnerRead: true},
	})}.Execute(d.conn)
	if err != nil {
		return d.explain(op, err)
	}
	about, err := tpm2.NVReadPublic{NVIndex: index}.Execute(d.conn)
	if err != nil {
		return d.explain(op, err)
	}
	const most = 512 // bytes in one command
	for at := 0; at < len(content); at += most {
		_, err := tpm2.NVWrite{
			AuthHandle: owner, NVIndex: tpm2.NamedHandle{Handle: index, Name: about.NVName},
			Data: tpm2.TPM2BMaxNVBuffer{Buffer: content[at:min(at+most, len(content))]}, Offset: uint16(at),
		}.Execute(d.conn)
		if err != nil {
			return d.explain(op, err)
		}
	}
	return nil
}
