package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

const apiCertMgmt = "/" + certmgmt.Name + "/" + certmgmt.Major

// cmfCaller is how a verb reaches the CMF: as a client with a certificate of its own,
// or as the operator.
type cmfCaller struct {
	*program
	credentials string // --credentials
	domain      string // --trust-domain
}

// flags adds the flags to all verbs of a group.
func (m *cmfCaller) flags(c *cobra.Command) {
	c.PersistentFlags().StringVar(&m.credentials, "credentials", "", "directory that \"manoward client certify\" wrote: act as that client (default: as the operator)")
}

// domainFlag adds the flag with which an operator says for whom something is made.
func (m *cmfCaller) domainFlag(c *cobra.Command) {
	c.Flags().StringVar(&m.domain, "trust-domain", "", "trust domain, for an operator; a client has its own")
}

// connect reaches certmgmt/v1.
func (m *cmfCaller) connect(ctx context.Context) (*httpapi.Client, error) {
	if m.credentials == "" {
		return m.clientFor(ctx, hub.CmVnfm, apiCertMgmt, certmgmt.Version)
	}
	dir := credentialDir(m.credentials)
	endpoints, err := dir.endpoints()
	if err != nil {
		return nil, err
	}
	at, ok := endpoints[cmVnfm]
	if !ok || at.URL == "" {
		return nil, hub.E(hub.Unavailable, "find cm-vnfm", fmt.Sprintf("%s does not say where cm-vnfm is: nobody served it when the credential was made; start the role cmf and run: manoward client certify again", m.credentials), nil)
	}
	cert, err := dir.load(cmVnfm)
	if err != nil {
		return nil, err
	}
	ca, err := readFile(dir.path(cmVnfm, ".ca.crt"), "CA certificate")
	if err != nil {
		return nil, err
	}
	client, err := newClient(at.URL, at.ServerName, string(ca), cert)
	if err != nil {
		return nil, err
	}
	client.Base, client.Version = at.URL+apiCertMgmt, certmgmt.Version
	return client, nil
}

// post sends a request to the CMF.
func (m *cmfCaller) post(ctx context.Context, path string, in, out any) error {
	client, err := m.connect(ctx)
	if err != nil {
		return err
	}
	_, err = client.Do(ctx, http.MethodPost, path, in, out)
	return err
}

// get reads a resource of the CMF.
func (m *cmfCaller) get(ctx context.Context, path string, out any) error {
	client, err := m.connect(ctx)
	if err != nil {
		return err
	}
	_, err = client.Do(ctx, http.MethodGet, path, nil, out)
	return err
}

// signed sends a signing request. What the CMF refuses ends with 3, as everything
// that is refused, and not as bad input.
func (m *cmfCaller) signed(ctx context.Context, path string, in certmgmt.SigningRequest) (made certmgmt.Signing, err error) {
	err = m.post(ctx, path, in, &made)
	if hub.CodeOf(err) == hub.Unprocessable {
		err = hub.E(hub.Denied, "sign certificate", hub.SafeText(err), nil)
	}
	return made, err
}

// certTypes are what --type takes.
var certTypes = []certmgmt.CertType{certmgmt.VNFCICert, certmgmt.VNFOAMCert, certmgmt.MANOCert}

// typeFlag adds --type with its completion.
func (m *cmfCaller) typeFlag(c *cobra.Command, to *string, value, help string) {
	c.Flags().StringVar(to, "type", value, help)
	m.completeFlag(c, "type", fixed(certTypes...))
}

// certType reads --type.
func certType(text string) (certmgmt.CertType, error) {
	for _, t := range certTypes {
		if strings.EqualFold(text, string(t)) {
			return t, nil
		}
	}
	return "", usage("--type is VNFCI_CERT, VNFOAM_CERT or MANO_CERT, and not %q", text)
}
