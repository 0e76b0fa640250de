package cli

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/attestation/formats"
	"github.com/manoward/manoward/attestation/pkix"
	"github.com/manoward/manoward/internal/hub"
)

func (p *program) attest() *cobra.Command {
	c := &cobra.Command{
		Use:   "attest",
		Short: "Make keys that a TPM or HSM attests, and judge attestations, without a hub",
		Long: `A certificate request may carry a statement of the device that holds its key. ak, csr
and activate make keys and requests with a TPM or a PKCS#11 token of this machine;
inspect and verify read requests and statements from files. None needs a hub.
docs/howto/attest-a-key.md goes through all of them; docs/attestation says what is
checked and what a verdict proves.`,
		Example: `  manoward attest ak --tpm /dev/tpmrm0 --ak ak.tss --out attester.json
  manoward attest csr --tpm /dev/tpmrm0 --ak ak.tss --key vnfc-1.tss --name vnfc-1 --out vnfc-1.csr
  manoward attest inspect vnfc-1.csr
  manoward attest verify vnfc-1.csr --attester ak.pem --type 2.23.133.20.1`,
	}
	c.AddCommand(p.attestAK(), p.attestActivate(), p.attestCSR(), p.attestInspect(), p.attestVerify())
	return c
}

// evidenceFlags are the numbers of PKIX Evidence that are not assigned yet.
type evidenceFlags struct{ config formats.Config }

func (f *evidenceFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.config.EvidenceOID, "evidence-type", pkix.SampleArc, "OID of statements that are PKIX Evidence, which has none assigned yet")
	c.Flags().StringVar(&f.config.Evidence.Arc, "evidence-arc", pkix.SampleArc, "OID above the elements and claims of PKIX Evidence")
	c.Flags().StringVar(&f.config.Evidence.Usage, "evidence-usage", pkix.SampleUsage, "extended key usage of attestation keys of PKIX Evidence")
}

func (f *evidenceFlags) registry() (*attestation.Registry, error) {
	r, err := formats.New(f.config)
	if err != nil {
		return nil, usage("%v", err)
	}
	return r, nil
}

// readEvidence reads a file in DER, or the first block of one in PEM. kinds are the
// blocks that may be in it; without any, the file is a bare statement of whatever type.
func readEvidence(file string, kinds ...string) ([]byte, error) {
	raw, err := readFile(file, "attestation")
	if err != nil {
		return nil, err
	}
	wrong := func(format string, args ...any) error {
		return hub.E(hub.Invalid, "read attestation", file+" "+fmt.Sprintf(format, args...), nil)
	}
	block, _ := pem.Decode(raw)
	switch {
	case len(raw) == 0:
		return nil, wrong("is empty; name the file that holds the request or statement")
	case block == nil && bytes.Contains(raw, []byte("-----BEGIN")):
		return nil, wrong("is PEM that is damaged or cut off; copy it again, from its BEGIN line to its END line")
	case block == nil && len(kinds) > 0 && raw[0] != 0x30: // a SEQUENCE
		return nil, wrong("is neither PEM nor DER; name a certificate request (or, with --type, a statement)")
	case block == nil:
		return raw, nil
	case strings.Contains(block.Type, "PRIVATE KEY") || len(kinds) > 0 && !slices.Contains(kinds, block.Type):
		return nil, wrong("holds a %q; name a certificate request (or, with --type, a statement)", block.Type)
	}
	return block.Bytes, nil
}

// requestKinds are the PEM blocks of certificate requests; the second is of old
// programs.
var requestKinds = []string{"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"}

// refusal is what a person is told of a check that failed.
func refusal(op string, r attestation.Reason) error {
	text := fmt.Sprintf("refused, %s; %s", r, r.Code.Mend())
	return hub.E(hub.Unprocessable, op, text, nil)
}

// inspection is what a request or a statement says.
type inspection struct {
	Subject      string      `json:"subject,omitempty"`
	Key          string      `json:"key,omitempty"`        // SHA-256 of the SubjectPublicKeyInfo
	Possession   string      `json:"possession,omitempty"` // proven, or why not
	Shape        string      `json:"shape,omitempty"`
	Statements   []described `json:"statements"`
	Certificates []certShown `json:"certificates,omitempty"`
}

type described struct {
	Type    string              `json:"type"`
	Format  string              `json:"format,omitempty"`
	Bytes   int                 `json:"bytes"`
	Claims  []attestation.Claim `json:"claims,omitempty"`
	Problem string              `json:"problem,omitempty"`
}

type certShown struct {
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"notAfter"`
	Key      string    `json:"key"`
}

func (p *program) attestInspect() *cobra.Command {
	var kind string
	var evidence evidenceFlags
	c := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Say what a certificate request or a statement says of its key",
		Long: `Reads a certificate request (PKCS#10, PEM or DER) with its attestation, of the present
or an older draft, or with --type a bare statement of that type, and says in words
what it contains. Only the request's own signature is checked: whether the claims
are true is what "attest verify" finds out.`,
		Example: `  manoward attest inspect vnfc-1.csr
  manoward attest inspect vnfc-1.csr -o json
  manoward attest inspect evidence.pem --type 1.3.6.1.5.5.999`,
		Args: exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			registry, err := evidence.registry()
			if err != nil {
				return err
			}
			kinds := requestKinds
			if kind != "" {
				kinds = nil
			}
			data, err := readEvidence(args[0], kinds...)
			if err != nil {
				return err
			}
			var seen inspection
			if kind != "" {
				seen.statement(registry, attestation.Statement{OID: kind, DER: data})
			} else if err := seen.request(registry, data); err != nil {
				return err
			}
			return p.print(seen, seen.table)
		},
	}
	c.Flags().StringVar(&kind, "type", "", "FILE is a bare statement of the type with this OID")
	evidence.flags(c)
	return c
}

// request looks into a certificate request.
func (i *inspection) request(registry *attestation.Registry, data []byte) error {
	const op = "inspect request"
	csr, err := attestation.ParseCSR(data)
	if csr == nil {
		return refusal(op, attestation.ReasonOf(err, attestation.CSRMalformed))
	}
	i.Subject, i.Key, i.Possession = csr.Subject.String(), attestation.KeyDigest(csr.RawSubjectPublicKeyInfo), "proven"
	if err != nil {
		i.Possession = "not proven: " + err.Error()
	}
	bundle, err := attestation.BundleOf(csr, true)
	if err != nil {
		return refusal(op, attestation.ReasonOf(err, attestation.BundleMalformed))
	}
	i.Shape = bundle.Shape
	for _, s := range bundle.Statements {
		i.statement(registry, s)
	}
	for _, c := range bundle.Certs {
		i.Certificates = append(i.Certificates, certShown{c.Subject.String(), c.Issuer.String(), c.NotAfter.UTC(), attestation.KeyDigest(c.RawSubjectPublicKeyInfo)})
	}
	return nil
}

func (i *inspection) statement(registry *attestation.Registry, s attestation.Statement) {
	d := described{Type: s.OID, Bytes: len(s.DER)}
	var err error
	if d.Format, d.Claims, err = registry.Describe(s); err != nil {
		d.Problem = err.Error()
	}
	i.Statements = append(i.Statements, d)
}

func (i *inspection) table(w io.Writer) {
	if i.Key != "" {
		fmt.Fprintf(w, "subject\t%s\nkey\tSHA-256 %s\npossession\t%s\nencoding\t%s\n", i.Subject, i.Key, i.Possession, i.Shape)
	}
	for _, s := range i.Statements {
		fmt.Fprintf(w, "statement\t%s, %s, %d bytes\n", s.Type, orNone(s.Format), s.Bytes)
		for _, c := range s.Claims {
			fmt.Fprintf(w, "  %s\t%s\n", c.Name, c.Value)
		}
		if s.Problem != "" {
			fmt.Fprintf(w, "  problem\t%s\n", s.Problem)
		}
	}
	for _, c := range i.Certificates {
		fmt.Fprintf(w, "certificate\t%s, issued by %s, good until %s\n", c.Subject, c.Issuer, when(c.NotAfter))
	}
}

func orNone(format string) string {
	if format == "" {
		return "of a format that is not known"
	}
	return format
}

// verifyFlags say what a request is judged by.
type verifyFlags struct {
	evidenceFlags
	attester, roots, kind, nonce, minimum, at string
	restricted, oldShapes, unknownClaims      bool
}

func (p *program) attestVerify() *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use:   "verify FILE",
		Short: "Judge the attestation of a certificate request, as the hub does",
		Long: `Checks that the request is signed with its own key and carries a statement, of the
type that --type names, of the attester that --attester or --roots names, about the
key of the request. Every check that fails is told, with what to do.

Exit code: 0 accepted, 2 refused.`,
		Example: `  manoward attest verify vnfc-1.csr --attester ak.pem --type 2.23.133.20.1
  manoward attest verify vnfc-1.csr --attester ak.pem --roots maker.pem --type 2.23.133.20.1 --minimum genuine
  manoward attest verify vnfc-1.csr --attester ak.pem --type 2.23.133.20.1 --nonce 9f86d081884c7d65`,
		Args: exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			registry, err := f.registry()
			if err != nil {
				return err
			}
			req, err := f.request()
			if err != nil {
				return err
			}
			if req.CSR, err = readEvidence(args[0], requestKinds...); err != nil {
				return err
			}
			v := registry.Verify(req)
			if err := p.print(v, func(w io.Writer) { verdictTable(w, v) }); err != nil || v.Accepted {
				return err
			}
			return refusal("verify attestation", v.Reasons[0])
		},
	}
	c.Flags().StringVar(&f.attester, "attester", "", "the attester's public key, or its certificate and what leads to the root, PEM; or what \"attest ak\" wrote")
	c.Flags().StringVar(&f.roots, "roots", "", "certificates that the attester's has to lead to, PEM")
	c.Flags().StringVar(&f.kind, "type", "", "OID of the attester's statements")
	c.Flags().StringVar(&f.nonce, "nonce", "", "what the statement has to contain to be fresh, hexadecimal")
	c.Flags().StringVar(&f.minimum, "minimum", attestation.Protected.String(), "lowest assurance to accept: bound, protected or genuine")
	c.Flags().StringVar(&f.at, "at", "", "time to judge at, as 2026-11-22T15:04:05Z (default: now)")
	c.Flags().BoolVar(&f.restricted, "restricted", false, "the attester is proven to be a TPM's restricted key")
	c.Flags().BoolVar(&f.oldShapes, "old-shapes", false, "accept the encodings of older drafts")
	c.Flags().BoolVar(&f.unknownClaims, "unknown-claims", false, "accept claims that the format does not define")
	f.flags(c)
	return c
}

// request makes of the flags what a request is judged by.
func (f *verifyFlags) request() (attestation.Request, error) {
	req := attestation.Request{
		Attester: attestation.Attester{ID: f.attester, Statement: f.kind, Restricted: f.restricted}, Time: time.Now(),
		Policy: attestation.Policy{OldShapes: f.oldShapes, UnknownClaims: f.unknownClaims},
	}
	var err error
	if f.kind == "" {
		return req, usage("--type is missing; name the OID of the attester's statements, for a TPM 2.23.133.20.1")
	}
	if f.attester == "" && f.roots == "" {
		return req, usage("--attester and --roots are missing; name the attester's public key or certificate, or the roots")
	}
	if err := req.Policy.Minimum.UnmarshalText([]byte(f.minimum)); err != nil || req.Policy.Minimum == attestation.None {
		return req, usage("--minimum %s is no level of assurance; use bound, protected or genuine", f.minimum)
	}
	if req.Nonce, err = hex.DecodeString(f.nonce); err != nil || len(req.Nonce) > attestation.MaxNonce {
		return req, usage("--nonce is not hexadecimal of at most %d bytes", attestation.MaxNonce)
	}
	if f.at != "" {
		if req.Time, err = time.Parse(time.RFC3339, f.at); err != nil {
			return req, usage("--at %s is no time; write it as 2026-11-22T15:04:05Z", f.at)
		}
	}
	if f.attester != "" {
		if req.Attester.Key, req.Attester.Chain, err = readAttester(f.attester, "attester"); err != nil {
			return req, err
		}
	}
	if f.roots != "" {
		if _, req.Attester.Roots, err = readAttester(f.roots, "roots"); err == nil && len(req.Attester.Roots) == 0 {
			err = hub.E(hub.Invalid, "read roots", f.roots+" holds no certificate; roots are certificates in PEM", nil)
		}
	}
	return req, err
}

// readAttester reads a public key or certificates in PEM, or the public key in what
// "attest ak" wrote.
func readAttester(file, what string) (key []byte, certs []*x509.Certificate, err error) {
	rest, err := readFile(file, what)
	if err != nil {
		return nil, nil, err
	}
	op := "read " + what
	if bytes.HasPrefix(bytes.TrimSpace(rest), []byte("{")) {
		d, err := attester.ParseDescription(rest)
		if err != nil {
			return nil, nil, err
		}
		key, err := d.SPKI()
		return key, nil, err
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch block.Type {
		case "PUBLIC KEY":
			key = block.Bytes
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, hub.E(hub.Invalid, op, fmt.Sprintf("%s holds a certificate that cannot be read: %v", file, err), nil)
			}
			certs = append(certs, c)
		default:
			return nil, nil, hub.E(hub.Invalid, op, fmt.Sprintf("%s holds %q; put a public key or certificates there", file, block.Type), nil)
		}
	}
	if key == nil && certs == nil {
		return nil, nil, hub.E(hub.Invalid, op, file+" holds no PEM; put a public key or certificates there", nil)
	}
	return key, certs, nil
}

func verdictTable(w io.Writer, v attestation.Verdict) {
	result := "refused"
	if v.Accepted {
		result = "accepted"
	}
	fmt.Fprintf(w, "verdict\t%s\nassurance\t%s\n", result, v.Assurance)
	if v.Format != "" {
		fmt.Fprintf(w, "format\t%s\n", v.Format)
	}
	if len(v.Key) > 0 {
		fmt.Fprintf(w, "key\tSHA-256 %s\n", attestation.KeyDigest(v.Key))
	}
	for _, r := range v.Reasons {
		fmt.Fprintf(w, "reason\t%s\n\tto do: %s\n", r, r.Code.Mend())
	}
	for _, r := range v.Lacks {
		fmt.Fprintf(w, "lacks\t%s\n", r)
	}
	for _, c := range v.Claims {
		fmt.Fprintf(w, "  %s\t%s\n", c.Name, c.Value)
	}
}
