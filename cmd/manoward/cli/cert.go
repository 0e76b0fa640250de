package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

func (p *program) cert() *cobra.Command {
	m := &cmfCaller{program: p}
	c := &cobra.Command{
		Use:   "cert",
		Short: "Certificates of VNFC instances and MANO entities: register, request, renew, revoke, look",
		Long: `The CMF certifies keys of registered subjects that a registered attester attests. A VNF
Manager acts with --credentials; an operator sees all and names a --trust-domain.`,
		Example: `  manoward cert register --type VNFCI_CERT --subject vnfc-1 --attester 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77 --credentials vendor-vnfm
  manoward cert request --subject vnfc-1 --csr vnfc-1.csr --out vnfc-1.crt --credentials vendor-vnfm
  manoward cert list`,
	}
	m.flags(c)
	c.AddCommand(m.certRegister(), m.certRegistrations(), m.certEnd(), m.certNonce(), m.certRequest(), m.certRenew(),
		m.certRevoke(), m.certList(), m.certShow(), m.certChain())
	return c
}

func (m *cmfCaller) certRegister() *cobra.Command {
	var in certmgmt.RegisterRequest
	var kind, attester string
	c := &cobra.Command{
		Use:   "register",
		Short: "Register what certificates are for, and become its manager",
		Long: `Registers VNFC instances, or MANO entities by their host names, for certificates of one
type. Who registers them is their manager: nobody else can ask for their certificates.
The attester is whose statements are taken for their keys.`,
		Example: `  manoward cert register --subject vnfc-1,vnfc-2 --vnf-instance edge-1 --attester 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77 --credentials vendor-vnfm
  manoward cert register --type MANO_CERT --subject nfvo.example.net --trust-domain north`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if in.CertType, err = certType(kind); err != nil {
				return err
			}
			if len(in.SubjectID) == 0 {
				return usage("--subject is missing; name the VNFC instances, or the host names of MANO entities")
			}
			if in.CertType != certmgmt.MANOCert {
				in.TypeOfVnfcCertHandling = certmgmt.DelegationMode
			}
			if attester != "" {
				in.AttesterIDs = strings.Split(attester, ",")
			}
			in.TrustDomain = m.domain
			var made certmgmt.Registration
			if err := m.post(c.Context(), "/registrations", in, &made); err != nil {
				return err
			}
			return m.print(made, func(w io.Writer) { registrationTable(w, &made) })
		},
	}
	m.domainFlag(c)
	m.typeFlag(c, &kind, string(certmgmt.VNFCICert), "VNFCI_CERT, VNFOAM_CERT or MANO_CERT")
	c.Flags().StringSliceVar(&in.SubjectID, "subject", nil, "VNFC instances, or host names of MANO entities")
	c.Flags().StringVar(&in.VnfInstanceID, "vnf-instance", "", "VNF instance that the VNFC instances are of")
	c.Flags().StringVar(&attester, "attester", "", "IDs of the attesters of their keys")
	m.completeFlag(c, "attester", m.attesterIDs)
	return c
}

func registrationTable(w io.Writer, r *certmgmt.Registration) {
	fmt.Fprintf(w, "registration\t%s\ntrust domain\t%s\ntype\t%s\nsubjects\t%s\nmanager\t%s\nattesters\t%s\nissuer\t%s\n",
		r.ID, r.TrustDomain, r.CertType, strings.Join(r.SubjectID, ", "), r.Manager, dash(strings.Join(r.AttesterIDs, ", ")), r.Issuer)
	if r.Ended {
		fmt.Fprintln(w, "state\tended: nothing further is signed for it")
	}
}

func (m *cmfCaller) certRegistrations() *cobra.Command {
	c := &cobra.Command{Use: "registrations", Short: "List the registrations", Example: "  manoward cert registrations --credentials vendor-vnfm"}
	listVerb(m.program, c, m.connect, "/registrations", func() (url.Values, error) { return nil, nil }, "ID\tTRUST DOMAIN\tTYPE\tSUBJECTS\tMANAGER", func(r certmgmt.Registration) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", r.ID, r.TrustDomain, r.CertType, strings.Join(r.SubjectID, ","), r.Manager)
	})
	return c
}

func (m *cmfCaller) certEnd() *cobra.Command {
	c := &cobra.Command{Use: "unregister ID", Short: "End a registration: nothing further is signed for it", Example: "  manoward cert unregister 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77 --credentials vendor-vnfm"}
	deleteVerb(m.program, c, m.connect, "/registrations/")
	return c
}

func (m *cmfCaller) certNonce() *cobra.Command {
	c := &cobra.Command{
		Use:     "nonce REGISTRATION",
		Short:   "Ask for a nonce that the next statement has to contain",
		Example: "  manoward cert nonce 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77 --credentials vendor-vnfm",
		Args:    exactly("REGISTRATION"),
		RunE: func(c *cobra.Command, args []string) error {
			var made certmgmt.Challenge
			if err := m.post(c.Context(), "/challenges", certmgmt.ChallengeRequest{TrustDomain: m.domain, RegistrationID: args[0]}, &made); err != nil {
				return err
			}
			return m.print(made, func(w io.Writer) {
				fmt.Fprintf(w, "challenge\t%s\nnonce\t%s\ngood until\t%s\n", made.ID, made.Nonce, when(made.Expires))
			})
		},
	}
	m.domainFlag(c)
	return c
}

// signingFlags are those of what asks for a certificate.
type signingFlags struct {
	csr, out, challenge, reason string
}

func (f *signingFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.csr, "csr", "", "file with the certificate signing request, PEM")
	c.Flags().StringVar(&f.out, "out", "", "file for the certificate with its chain, PEM")
	c.Flags().StringVar(&f.challenge, "challenge", "", "ID of the challenge whose nonce the statement has")
}

// read puts the request together.
func (f *signingFlags) read() (in certmgmt.SigningRequest, err error) {
	if f.csr == "" {
		return in, usage("--csr is missing; name the file with the certificate signing request")
	}
	text, err := readFile(f.csr, "certificate signing request")
	if err != nil {
		return in, err
	}
	return certmgmt.SigningRequest{CertChainRequest: true, CSR: string(text), ChallengeID: f.challenge, RenewalReason: f.reason}, nil
}

// take writes what was signed.
func (m *cmfCaller) take(f *signingFlags, made *certmgmt.Signing) error {
	if f.out != "" {
		text := made.Certificate + strings.Join(made.CertificateChain, "")
		if err := durable.WriteFile(f.out, []byte(text), 0o644); err != nil {
			return hub.E(hub.Unavailable, "write certificate", fmt.Sprintf("%s cannot be written; make room, and fetch it with: manoward cert chain %s", f.out, made.CertificateID), err)
		}
	}
	return m.print(made, func(w io.Writer) {
		fmt.Fprintf(w, "certificate\t%s\nassurance\t%s\nrequest\t%s\n", made.CertificateID, made.Assurance, made.ID)
		if f.out != "" {
			fmt.Fprintf(w, "file\t%s\n", f.out)
		}
	})
}

func (m *cmfCaller) certRequest() *cobra.Command {
	var f signingFlags
	var kind, subject string
	c := &cobra.Command{
		Use:   "request",
		Short: "Have a certificate signed for a registered subject",
		Long: `Sends a certificate signing request with the statement of the device that holds its key.
What does not prove itself is refused, with every reason; that ends with exit code 3.`,
		Example: "  manoward cert request --subject vnfc-1 --csr vnfc-1.csr --out vnfc-1.crt --credentials vendor-vnfm",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			in, err := f.read()
			if err != nil {
				return err
			}
			if in.CertType, err = certType(kind); err != nil {
				return err
			}
			if subject == "" {
				return usage("--subject is missing; name what the certificate is for, as it was registered")
			}
			in.TrustDomain, in.VnfcID = m.domain, subject
			if in.CertType == certmgmt.MANOCert {
				in.VnfcID, in.FQDN = "", subject
			}
			made, err := m.signed(c.Context(), "/certificate_signing_requests", in)
			if err != nil {
				return err
			}
			return m.take(&f, &made)
		},
	}
	m.domainFlag(c)
	f.add(c)
	m.typeFlag(c, &kind, string(certmgmt.VNFCICert), "VNFCI_CERT, VNFOAM_CERT or MANO_CERT")
	c.Flags().StringVar(&subject, "subject", "", "VNFC instance, or host name of a MANO entity")
	return c
}

func (m *cmfCaller) certRenew() *cobra.Command {
	var f signingFlags
	c := &cobra.Command{
		Use:     "renew ID",
		Short:   "Have a certificate signed that takes the place of another one",
		Example: "  manoward cert renew 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77 --csr vnfc-1.csr --out vnfc-1.crt --credentials vendor-vnfm",
		Args:    exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			in, err := f.read()
			if err != nil {
				return err
			}
			path := "/certificates/" + url.PathEscape(args[0])
			var old certmgmt.Certificate
			if err := m.get(c.Context(), path, &old); err != nil {
				return err
			}
			in.CertType, in.VnfcID = old.CertType, old.SubjectID
			if old.CertType == certmgmt.MANOCert {
				in.VnfcID, in.FQDN = "", old.SubjectID
			}
			made, err := m.signed(c.Context(), path+"/renew", in)
			if err != nil {
				return err
			}
			return m.take(&f, &made)
		},
	}
	f.add(c)
	c.Flags().StringVar(&f.reason, "reason", "", "why it is renewed before its time; it is recorded")
	m.completeArgs(c, m.certificateIDs)
	return c
}

func (m *cmfCaller) certRevoke() *cobra.Command {
	var in certmgmt.RevokeRequest
	c := &cobra.Command{
		Use:     "revoke ID",
		Short:   "End a certificate; its revocation is published at once",
		Example: `  manoward cert revoke 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77 --reason keyCompromise --comment "image leaked"`,
		Args:    exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			var made certmgmt.Certificate
			if err := m.post(c.Context(), "/certificates/"+url.PathEscape(args[0])+"/revoke", in, &made); err != nil {
				return err
			}
			return m.print(made, func(w io.Writer) { certificateTable(w, &made) })
		},
	}
	c.Flags().StringVar(&in.Reason, "reason", "unspecified", "unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation or privilegeWithdrawn")
	m.completeFlag(c, "reason", fixed("unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation", "privilegeWithdrawn"))
	c.Flags().StringVar(&in.Comment, "comment", "", "for the record")
	m.completeArgs(c, m.certificateIDs)
	return c
}

func (m *cmfCaller) certList() *cobra.Command {
	filters := map[string]*string{}
	var within time.Duration
	c := &cobra.Command{Use: "list", Short: "List certificates", Example: "  manoward cert list --state VALID --within 720h\n  manoward cert list --subject vnfc-1 -o json"}
	for _, f := range []struct{ flag, attribute, help string }{
		{"subject", "subjectId", "VNFC instance or host name"}, {"trust-domain", "trustDomain", "trust domain"},
		{"attester", "attesterId", "ID of the attester of the key"}, {"vnf-instance", "vnfInstanceId", "VNF instance"},
		{"assurance", "assurance", "none, bound, protected or genuine"}, {"state", "state", "VALID, REVOKED or EXPIRED"},
		{"serial", "serialNumber", "serial number, hexadecimal"}, {"issuer", "issuer", "issuer: its ID, as ca show has it"},
	} {
		filters[f.attribute] = c.Flags().String(f.flag, "", "only those with this "+f.help)
	}
	c.Flags().DurationVar(&within, "within", 0, "only those that end within this time, like 720h")
	query := func() (url.Values, error) {
		for flag, words := range map[string][]string{
			"state":     {certmgmt.CertificateValid, certmgmt.CertificateRevoked, certmgmt.CertificateExpired},
			"assurance": {"none", "bound", "protected", "genuine"},
		} {
			if is := *filters[flag]; is != "" && !slices.Contains(words, is) {
				return nil, usage("--%s is one of %s, and not %q", flag, strings.Join(words, ", "), is)
			}
		}
		q, terms := url.Values{}, []string{}
		for attribute, value := range filters {
			if *value != "" {
				terms = append(terms, "(eq,"+attribute+",'"+strings.ReplaceAll(*value, "'", "''")+"')")
			}
		}
		if len(terms) > 0 {
			q.Set("filter", strings.Join(terms, ";"))
		}
		if within > 0 {
			q.Set("ends_before", time.Now().Add(within).UTC().Format(time.RFC3339))
		}
		return q, nil
	}
	listVerb(m.program, c, m.connect, "/certificates", query, "ID\tTRUST DOMAIN\tTYPE\tSUBJECT\tSTATE\tASSURANCE\tENDS", func(x certmgmt.Certificate) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", x.ID, x.TrustDomain, x.CertType, x.SubjectID, x.State, x.Assurance, when(x.NotAfter))
	})
	return c
}

func certificateTable(w io.Writer, x *certmgmt.Certificate) {
	fmt.Fprintf(w, "certificate\t%s\ntrust domain\t%s\ntype\t%s\nsubject\t%s\nstate\t%s\nassurance\t%s\nattester\t%s\nserial\t%s\nissuer\t%s\nvalid\t%s to %s\n",
		x.ID, x.TrustDomain, x.CertType, x.SubjectID, x.State, x.Assurance, dash(x.AttesterID), x.SerialNumber, x.Issuer, when(x.NotBefore), when(x.NotAfter))
	if x.Revoked != nil {
		unpublished := ""
		if x.RevocationUnpublished {
			unpublished = "; no revocation list tells it, because its issuer was replaced: take it away from who holds it"
		}
		fmt.Fprintf(w, "revoked\t%s, %s%s\n", when(*x.Revoked), x.RevocationReason, unpublished)
	}
	if x.IssuerRevoked != nil {
		fmt.Fprintf(w, "issuer revoked\t%s; renew the certificate\n", when(*x.IssuerRevoked))
	}
	if x.Renews != "" {
		fmt.Fprintf(w, "renews\t%s\n", x.Renews)
	}
	if x.RenewedBy != "" {
		fmt.Fprintf(w, "renewed by\t%s\n", x.RenewedBy)
	}
}

func (m *cmfCaller) certShow() *cobra.Command {
	c := &cobra.Command{Use: "show ID", Short: "Show a certificate", Example: "  manoward cert show 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77"}
	showVerb(m.program, c, m.connect, "/certificates/", certificateTable)
	m.completeArgs(c, m.certificateIDs)
	return c
}

func (m *cmfCaller) certChain() *cobra.Command {
	c := &cobra.Command{
		Use:     "chain ID",
		Short:   "Print a certificate with those above it, in PEM",
		Example: "  manoward cert chain 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77 > vnfc-1.crt",
		Args:    exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			var x certmgmt.Certificate
			if err := m.get(c.Context(), "/certificates/"+url.PathEscape(args[0]), &x); err != nil {
				return err
			}
			chain := append([]string{x.Certificate}, x.CertificateChain...)
			if m.output != "table" {
				return m.print(chain, nil)
			}
			_, err := io.WriteString(m.Stdout, strings.Join(chain, ""))
			return err
		},
	}
	m.completeArgs(c, m.certificateIDs)
	return c
}

// certificateIDs offers the certificates that are valid.
func (m *cmfCaller) certificateIDs(ctx context.Context, _ []string) ([]string, error) {
	var all []certmgmt.Certificate
	err := m.get(ctx, "/certificates?filter="+url.QueryEscape("(eq,state,VALID)"), &all)
	ids := make([]string, 0, len(all))
	for _, x := range all {
		ids = append(ids, x.ID)
	}
	return ids, err
}
