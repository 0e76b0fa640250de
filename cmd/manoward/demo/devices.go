package demo

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/hub"
)

// softHSMConf is the variable that names SoftHSM's configuration.
const softHSMConf = "SOFTHSM2_CONF"

// devices are the TPMs and tokens of a demonstration, and the maker of the TPMs.
type devices struct {
	home   string
	now    func() time.Time
	pkcs11 bool

	ports   []net.Listener // held until the hub is about to start
	key     *ecdsa.PrivateKey
	cert    *x509.Certificate // of the maker; nil until it is needed
	tpms    []*process
	folders []string
}

func (d *devices) hasTPM() bool {
	_, err := exec.LookPath("swtpm")
	return err == nil
}

// hasToken reports whether SoftHSM can be used.
func (d *devices) hasToken() bool {
	_, err := exec.LookPath("softhsm2-util")
	return err == nil && d.pkcs11 && softHSMModule() != ""
}

// lacks says what stands in for what, where something is not installed.
func (d *devices) lacks() (said []string) {
	if !d.hasTPM() {
		said = append(said, "swtpm is not installed, so there is no TPM here: a software attester stands in for it, and VNFs get no certificates (apt-get install swtpm)")
	}
	if !d.hasToken() {
		said = append(said, "SoftHSM is not installed, or this program was built without cgo: a software attester stands in for the HSM (apt-get install softhsm2)")
	}
	return said
}

// release gives the ports free that were chosen.
func (d *devices) release() {
	for _, l := range d.ports {
		_ = l.Close() // nothing was ever accepted
	}
	d.ports = nil
}

// close ends the emulators.
func (d *devices) close() {
	d.release()
	for _, p := range d.tpms {
		p.stop(time.Second)
	}
	for _, folder := range d.folders {
		_ = os.RemoveAll(folder) // of the operating system's temporary files
	}
}

// roots writes the CA certificate of the maker of the TPMs to a file.
func (d *devices) roots() (string, error) {
	if err := d.found(); err != nil {
		return "", err
	}
	file := filepath.Join(d.home, "tpm-maker.pem")
	raw := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.cert.Raw})
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		return "", hub.E(hub.Unavailable, opDemo, fmt.Sprintf("%s cannot be written; make room there, or name another --home", file), err)
	}
	return file, nil
}

// found makes the maker's CA, once.
func (d *devices) found() (err error) {
	if d.cert != nil {
		return nil
	}
	if d.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return fmt.Errorf("make the key of the maker of TPMs: %w", err)
	}
	template := d.template("maker of the demonstration's TPMs")
	template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
	d.cert, err = d.certify(template, template, &d.key.PublicKey)
	return err
}

func (d *devices) template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(d.now().UnixNano()), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: d.now().Add(-time.Hour), NotAfter: d.now().AddDate(1, 0, 0),
	}
}

func (d *devices) certify(template, parent *x509.Certificate, public any) (*x509.Certificate, error) {
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, public, d.key)
	if err != nil {
		return nil, fmt.Errorf("certify the %s: %w", template.Subject.CommonName, err)
	}
	return x509.ParseCertificate(raw)
}

// newTPM starts a software TPM as its maker sells it, with a certificate of its
// endorsement key, and returns where it is, as --tpm takes it. It ends with the
// demonstration.
func (d *devices) newTPM(ctx context.Context) (where string, err error) {
	if err := d.found(); err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp("", "tpm-") // paths of sockets have to be short
	if err != nil {
		return "", hub.E(hub.Unavailable, opDemo, "no directory can be made for a software TPM; make room in "+os.TempDir(), err)
	}
	d.folders = append(d.folders, folder)
	socket := filepath.Join(folder, "sock")
	var said bytes.Buffer
	cmd := exec.Command("swtpm", "socket", "--tpm2", "--tpmstate", "dir="+folder, "--server", "type=unixio,path="+socket, "--flags", "startup-clear,not-need-init")
	cmd.Stdout, cmd.Stderr = &said, &said
	p, err := start(cmd)
	if err != nil {
		return "", hub.E(hub.Unavailable, opDemo, "swtpm cannot be started", err)
	}
	d.tpms = append(d.tpms, p)
	device, err := opened(ctx, p, "swtpm:"+socket, &said)
	if err != nil {
		return "", err
	}
	defer device.Close() // it serves one at a time
	return "swtpm:" + socket, d.sell(device)
}

// opened waits until the emulator answers.
func opened(ctx context.Context, p *process, where string, said *bytes.Buffer) (*attester.TPM, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		device, err := attester.OpenTPM(where)
		if err == nil {
			return device, nil
		}
		select {
		case <-p.ended:
			return nil, hub.E(hub.Unavailable, opDemo, "swtpm ended at once: "+printable(said.String()), nil)
		case <-ctx.Done():
			return nil, err
		case <-tick.C:
		}
	}
}

// sell certifies the endorsement key of a TPM, and puts the certificate into it.
func (d *devices) sell(device *attester.TPM) error {
	ek, err := device.Endorsement(attester.P256)
	if err != nil {
		return err
	}
	area, err := tpm.ReadPublic(ek.Public)
	if err != nil {
		return err
	}
	public, err := attestation.ParseKey(area.SPKI)
	if err != nil {
		return err
	}
	template := d.template("endorsement key")
	template.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{2, 23, 133, 8, 1}} // tpm.EndorsementUsage
	cert, err := d.certify(template, d.cert, public)
	if err != nil {
		return err
	}
	return device.StoreEndorsement(attester.P256, cert.Raw)
}
