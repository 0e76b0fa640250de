package attester

import (
	"errors"
	"fmt"
	"sync"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"github.com/manoward/manoward/internal/hub"
)

// TPM is a TPM 2.0 that is open. It is safe for concurrent use: what it is asked is
// done one after the other. A method leaves nothing loaded in the TPM.
//
// Errors are [hub.Unavailable] when the TPM does not answer or has no room, and
// [hub.Invalid] when what was given to it is not its own, or cannot be done.
type TPM struct {
	mu    sync.Mutex
	where string
	conn  transport.TPMCloser
}

// OpenTPM opens the TPM at where: a device file like /dev/tpmrm0, or swtpm: with the
// path of a Unix socket ("swtpm:/run/tpm.sock") or a TCP address
// ("swtpm:localhost:2321") of an emulator that was started already.
func OpenTPM(where string) (*TPM, error) {
	conn, err := dial(where)
	if err != nil {
		return nil, err
	}
	return &TPM{where: where, conn: patient{conn}}, nil
}

// Close closes the connection.
func (d *TPM) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conn.Close()
}

// loaded is an object in the TPM.
type loaded struct {
	handle tpm2.TPMHandle
	name   tpm2.TPM2BName
}

// auth is the object as one whose empty password is given.
func (o loaded) auth() tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: o.handle, Name: o.name, Auth: tpm2.PasswordAuth(nil)}
}

// drop takes the object out of the TPM. It is in nobody's way when that fails: the
// connection that made it ends, and the next command says what is wrong.
func (d *TPM) drop(o loaded) {
	_, _ = tpm2.FlushContext{FlushHandle: o.handle}.Execute(d.conn)
}

// storage makes the storage primary key: P-256 after template H-2 of the TCG EK
// Credential Profile in the hierarchy of the owner, which is the same in each
// session, and the one that key files of other programs stand on too.
func (d *TPM) storage() (loaded, error) {
	template := tpm2.ECCSRKTemplate
	template.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{})
	made, _, err := d.primary("make storage key", tpm2.TPMRHOwner, template)
	return made, err
}

func (d *TPM) primary(op string, hierarchy tpm2.TPMHandle, template tpm2.TPMTPublic) (loaded, []byte, error) {
	rsp, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.AuthHandle{Handle: hierarchy, Auth: tpm2.PasswordAuth(nil)},
		InPublic:      tpm2.New2B(template),
	}.Execute(d.conn)
	if err != nil {
		return loaded{}, nil, d.explain(op, err)
	}
	return loaded{rsp.ObjectHandle, rsp.Name}, rsp.OutPublic.Bytes(), nil
}

// create makes a key below the storage primary key.
func (d *TPM) create(op string, template tpm2.TPMTPublic) (Key, error) {
	parent, err := d.storage()
	if err != nil {
		return Key{}, err
	}
	defer d.drop(parent)
	rsp, err := tpm2.Create{ParentHandle: parent.auth(), InPublic: tpm2.New2B(template)}.Execute(d.conn)
	if err != nil {
		return Key{}, d.explain(op, err)
	}
	return Key{Public: rsp.OutPublic.Bytes(), Private: rsp.OutPrivate.Buffer}, nil
}

// load brings keys back into the TPM. drop takes all of them out again.
func (d *TPM) load(op string, keys ...Key) (_ []loaded, drop func(), err error) {
	var there []loaded
	drop = func() {
		for _, o := range there {
			d.drop(o)
		}
	}
	parent, err := d.storage()
	if err != nil {
		return nil, nil, err
	}
	defer d.drop(parent)
	for _, k := range keys {
		rsp, err := tpm2.Load{
			ParentHandle: parent.auth(), InPrivate: tpm2.TPM2BPrivate{Buffer: k.Private}, InPublic: tpm2.BytesAs2B[tpm2.TPMTPublic](k.Public),
		}.Execute(d.conn)
		if err != nil {
			drop()
			return nil, nil, d.explain(op, err)
		}
		there = append(there, loaded{rsp.ObjectHandle, rsp.Name})
	}
	return there, drop, nil
}

// explain makes an error of the TPM one that may be shown.
func (d *TPM) explain(op string, err error) error {
	var code tpm2.TPMRC
	is := func(codes ...tpm2.TPMRC) bool {
		for _, c := range codes {
			if errors.Is(code, c) {
				return true
			}
		}
		return false
	}
	switch answered := errors.As(err, &code); {
	case !answered:
		return hub.E(hub.Unavailable, op, fmt.Sprintf("the TPM at %s does not answer; see whether it is in use by another program, and try again", d.where), err)
	case is(tpm2.TPMRCIntegrity):
		return hub.E(hub.Invalid, op, fmt.Sprintf("the key was not made by the TPM at %s, or the TPM was cleared since; name the right TPM, or make a new key", d.where), err)
	case is(tpm2.TPMRCAuthFail, tpm2.TPMRCBadAuth):
		return hub.E(hub.Invalid, op, fmt.Sprintf("the TPM at %s has a password on a hierarchy (owner or endorsement); attest needs hierarchies without one", d.where), err)
	case is(tpm2.TPMRCObjectMemory, tpm2.TPMRCObjectHandles, tpm2.TPMRCSessionMemory, tpm2.TPMRCSessionHandles):
		return hub.E(hub.Unavailable, op, fmt.Sprintf("the TPM at %s has no room left; use the device with rm in its name (/dev/tpmrm0), which makes room by itself", d.where), err)
	case is(tpm2.TPMRCLockout):
		return hub.E(hub.Unavailable, op, fmt.Sprintf("the TPM at %s is locked after too many wrong passwords; wait, or reset its lockout", d.where), err)
	case is(tpm2.TPMRCInitialize):
		return hub.E(hub.Unavailable, op, fmt.Sprintf("the TPM at %s was not started; start swtpm with --flags startup-clear", d.where), err)
	case code.IsWarning():
		return hub.E(hub.Unavailable, op, fmt.Sprintf("the TPM at %s is busy; try again", d.where), err)
	}
	return hub.E(hub.Invalid, op, fmt.Sprintf("the TPM at %s refused it: %v", d.where, code), err)
}
