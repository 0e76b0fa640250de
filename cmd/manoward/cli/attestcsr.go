package cli

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
)

// csrFlags say what request to make.
type csrFlags struct {
	deviceFlags
	key, algorithm, name, nonce, certificate, out string
	dns                                           []string
}

// csrReport is a request that was made.
type csrReport struct {
	File      string `json:"file"`
	Name      string `json:"name"`
	Key       string `json:"key"` // SHA-256 of the SubjectPublicKeyInfo
	Made      bool   `json:"made"`
	Statement string `json:"statement"` // OID
	Nonce     string `json:"nonce,omitempty"`
}

func (p *program) attestCSR() *cobra.Command {
	var f csrFlags
	c := &cobra.Command{
		Use:   "csr",
		Short: "Make a certificate request whose key a TPM or token attests",
		Long: `Makes the key that --key names, if there is none, lets the attestation key certify it,
and writes a certificate request (PKCS#10, PEM) that carries the statement
(draft-ietf-lamps-csr-attestation-28). The private key never leaves the device.

With a TPM, --key names a key file ("TSS2 PRIVATE KEY"), which programs with a TPM
provider for OpenSSL can use. With a token, --key is the label of a key.

To renew with the same key, ask again: the statement is a new one. For another key, name
another file or label.`,
		Example: `  manoward attest csr --tpm /dev/tpmrm0 --ak ak.tss --key vnfc-1.tss --name vnfc-1 --nonce 9f86d081884c7d65 --out vnfc-1.csr
  manoward attest csr --pkcs11 /usr/lib/softhsm/libsofthsm2.so --token vnfm-1 --pin-file pin --ak attester --key vnfc-1 --name vnfc-1`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			nonce, certs, err := f.read()
			if err != nil {
				return err
			}
			return p.withDevice(c.Context(), &f.deviceFlags, func(d keyDevice) error {
				return p.makeCSR(c.Context(), d, &f, nonce, certs)
			})
		},
	}
	f.flags(c)
	c.Flags().StringVar(&f.key, "key", "", "the key of the request: its key file with a TPM, its label with a token")
	c.Flags().StringVar(&f.algorithm, "algorithm", string(attester.P256), "of a new key: ecdsa-p256, ecdsa-p384 or rsa-2048")
	c.Flags().StringVar(&f.name, "name", "", "common name of the request's subject")
	c.Flags().StringSliceVar(&f.dns, "dns", nil, "DNS name for the request; may be repeated")
	c.Flags().StringVar(&f.nonce, "nonce", "", "what the statement has to contain to be fresh, hexadecimal")
	c.Flags().StringVar(&f.certificate, "certificate", "", "the attester's certificate and what leads to its root, PEM, to go along with the statement")
	c.Flags().StringVar(&f.out, "out", "", "file for the request (default: standard output)")
	return c
}

// read checks the flags and reads what they name.
func (f *csrFlags) read() (nonce []byte, certs []*x509.Certificate, err error) {
	if f.key == "" || f.name == "" {
		return nil, nil, usage("--key and --name are missing; name the key of the request and its subject")
	}
	if nonce, err = hex.DecodeString(f.nonce); err != nil || len(nonce) > attestation.MaxNonce {
		return nil, nil, usage("--nonce is not hexadecimal of at most %d bytes", attestation.MaxNonce)
	}
	if f.certificate != "" {
		_, certs, err = readAttester(f.certificate, "attester's certificate")
	}
	return nonce, certs, err
}

func (p *program) makeCSR(ctx context.Context, d keyDevice, f *csrFlags, nonce []byte, certs []*x509.Certificate) error {
	kind, err := attester.ParseAlgorithm(f.algorithm)
	if err != nil {
		return err
	}
	key, err := d.attested(ctx, f.key, kind, nonce)
	if err != nil {
		return err
	}
	raw, err := attester.NewCSR(key.Signer, attester.CSR{Subject: pkix.Name{CommonName: f.name}, DNS: f.dns, Statement: key.statement, Certs: certs})
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: raw})
	if f.out == "" {
		_, err := p.Stdout.Write(text)
		return err
	}
	if err := writeOut(f.out, "certificate request", text, 0o644); err != nil {
		return err
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	r := csrReport{File: f.out, Name: f.name, Key: attestation.KeyDigest(spki), Made: key.made, Statement: key.statement.OID, Nonce: f.nonce}
	return p.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "request\t%s\nsubject\tCN=%s\nkey\t%s, SHA-256 %s\nstatement\t%s\nnonce\t%s\n", r.File, r.Name, madeOrKept(r.Made), r.Key, r.Statement, dash(r.Nonce))
	})
}
