package devicekit

import (
	"crypto"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/testkit/attestkit"
)

// Provision does what the maker of a TPM does before it is sold: it certifies the
// endorsement key of the algorithm ([attester.P256] or [attester.RSA2048]), and puts
// the certificate into the TPM, once for each. It returns what the TPM then shows.
func (d *TPM) Provision(t testing.TB, a attester.Algorithm, maker *x509.Certificate, makerKey crypto.Signer) attester.Endorsement {
	t.Helper()
	ek, err := d.Device.Endorsement(a)
	if err != nil {
		t.Fatal(err)
	}
	area, err := tpm.ReadPublic(ek.Public)
	if err != nil {
		t.Fatal(err)
	}
	public, err := attestation.ParseKey(area.SPKI)
	if err != nil {
		t.Fatal(err)
	}
	cert := attestkit.Issue(t, attestkit.Cert{Name: "endorsement key", Usage: tpm.EndorsementUsage}, publicOnly{public}, maker, makerKey)
	d.Store(t, a, slices.Concat(cert.Raw, make([]byte, 16))) // makers pad
	if ek, err = d.Device.Endorsement(a); err != nil {
		t.Fatal(err)
	}
	return ek
}

// publicOnly is a key that somebody else has.
type publicOnly struct{ key crypto.PublicKey }

func (p publicOnly) Public() crypto.PublicKey { return p.key }

func (publicOnly) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, io.ErrUnexpectedEOF
}

// Store puts content where the certificate of the endorsement key of the algorithm
// belongs. Meanwhile nobody else may use the TPM: Device is opened anew.
func (d *TPM) Store(t testing.TB, a attester.Algorithm, content []byte) {
	t.Helper()
	if err := d.Device.Close(); err != nil {
		t.Fatal(err)
	}
	index := map[attester.Algorithm]uint32{attester.P256: 0x01c0000a, attester.RSA2048: 0x01c00002}[a]
	write(t, d.Where, index, content)
	var err error
	if d.Device, err = attester.OpenTPM(d.Where); err != nil {
		t.Fatal(err)
	}
}

func u16(n int) []byte    { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// write sends TPM2_NV_DefineSpace and TPM2_NV_Write (Library Specification part 3,
// 31). go-tpm, which could do it, is for package attester alone.
func write(t testing.TB, where string, index uint32, content []byte) {
	t.Helper()
	conn, err := net.Dial("unix", strings.TrimPrefix(where, "swtpm:"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const (
		owner      = 0x40000001
		attributes = 1<<1 | 1<<17 // the owner writes and reads
	)
	space := slices.Concat(u32(index), u16(0x000b), u32(attributes), u16(0), u16(len(content)))
	send(t, conn, 0x012a, u32(owner), slices.Concat(u16(0), u16(len(space)), space))
	for at := 0; at < len(content); at += 512 {
		part := content[at:min(at+512, len(content))]
		send(t, conn, 0x0137, slices.Concat(u32(owner), u32(index)), slices.Concat(u16(len(part)), part, u16(at)))
	}
}

// send sends a command with one empty password, and expects success.
func send(t testing.TB, conn net.Conn, code uint32, handles, parameters []byte) {
	t.Helper()
	password := slices.Concat(u32(0x40000009), u16(0), []byte{0}, u16(0))
	body := slices.Concat(u32(code), handles, u32(uint32(len(password))), password, parameters)
	for { // while the TPM says TPM_RC_RETRY
		if _, err := conn.Write(slices.Concat(u16(0x8002), u32(uint32(6+len(body))), body)); err != nil {
			t.Fatal(err)
		}
		head := make([]byte, 10)
		if _, err := io.ReadFull(conn, head); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(head[2:]))-10); err != nil {
			t.Fatal(err)
		}
		switch answer := binary.BigEndian.Uint32(head[6:]); answer {
		case 0:
			return
		case 0x922:
		default:
			t.Fatalf("the TPM refuses the command %08x with %08x", code, answer)
		}
	}
}

// Sold starts a TPM as its maker sells it, with certificates of its endorsement keys.
// It returns where it is, as [attester.OpenTPM] takes it, and the maker's CA
// certificate in PEM.
func Sold(t testing.TB) (where string, makers []byte) {
	t.Helper()
	key := attestkit.P256(t)
	ca := attestkit.Issue(t, attestkit.Cert{Name: "maker of TPMs", CA: true}, key, nil, nil)
	d := StartTPM(t, attester.P256)
	for _, a := range []attester.Algorithm{attester.P256, attester.RSA2048} {
		d.Provision(t, a, ca, key)
	}
	if err := d.Device.Close(); err != nil { // others are to use it
		t.Fatal(err)
	}
	return d.Where, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})
}
