package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// cmVnfm is what the files of a client's credential are called.
const cmVnfm = hub.Interface(hub.CmVnfm)

func (p *program) clientCertify() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "certify NAME",
		Short: "Give a client a certificate for Cm-Vnfm, for a key that is made here",
		Long: `Cm-Vnfm takes certificates and no tokens. This makes a key here, has it certified by
the CA of the client's trust domain, and writes both, with where Cm-Vnfm is, into a
directory for the verbs that have --credentials. The two newest certificates of a client
work, so that one is replaced without a gap: run it again with the same directory.`,
		Example: "  manoward client certify vendor-vnfm --out vendor-vnfm/",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usage("--out is missing; name the directory for the key and the certificate")
			}
			client, err := p.client()
			if err != nil {
				return err
			}
			dir := credentialDir(out)
			if err := dir.prepare(); err != nil {
				return err
			}
			csr, err := clientRequest(c, client, dir, args[0])
			if err != nil {
				return err
			}
			var made hub.ClientCredential
			if _, err := client.Do(c.Context(), http.MethodPost, "/oauth_clients/"+url.PathEscape(args[0])+"/certificates", map[string]string{"request": csr}, &made); err != nil {
				return err
			}
			if err := dir.acceptClient(&made); err != nil {
				return hub.E(hub.Unavailable, "write credential", fmt.Sprintf("%s cannot be written; make room or choose another directory, and try again", out), err)
			}
			return p.print(made, func(w io.Writer) {
				fmt.Fprintf(w, "identity\t%s\nends\t%s\nserver name\t%s\ncredentials\t%s\n", made.Identity, when(made.NotAfter), made.ServerName, out)
			})
		},
	}
	c.Flags().StringVar(&out, "out", "", "directory for the key and the certificate")
	return c
}

// clientRequest makes a key in the directory and a signing request for it.
func clientRequest(c *cobra.Command, client *httpapi.Client, dir credentialDir, name string) (string, error) {
	for known, err := range httpapi.All[hub.OAuthClient](c.Context(), client, "/oauth_clients", nil) {
		if err != nil {
			return "", err
		}
		if known.Name == name {
			id := known.Identity()
			id.Interface = cmVnfm // names the file; it is no part of the identity of a client
			return dir.request(id)
		}
	}
	return "", hub.E(hub.NotFound, "certify client", fmt.Sprintf("there is no client %q; list them with: manoward client list", name), nil)
}

// acceptClient puts a certificate for the new key in its place.
func (d credentialDir) acceptClient(made *hub.ClientCredential) error {
	if err := d.acceptOne(cmVnfm, &hub.Credential{Certificate: made.Certificate}); err != nil {
		return err
	}
	if err := durable.WriteFile(d.path(cmVnfm, ".ca.crt"), []byte(made.Root), 0o644); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(map[hub.Interface]endpointInfo{cmVnfm: {URL: made.URL, ServerName: made.ServerName}}, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(string(d), endpointsFile), append(raw, '\n'), 0o644)
}
