package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// apiPolicy is the path of the Policy Management interface of SOL 012.
const apiPolicy = "/nfvpolicy/v1"

// sentPolicy is a policy of SOL 012: a name for sets of policies of one Security
// Manager, all signed by one key.
type sentPolicy struct {
	ID       string   `json:"id"`
	Designer string   `json:"designer"` // id of the key
	Name     string   `json:"name"`
	PfID     string   `json:"pfId"` // the Security Manager
	Versions []string `json:"versions"`
}

// pushed is what policy push prints for programs.
type pushed struct {
	Revision string   `json:"revision"`
	KeyID    string   `json:"keyId"`
	SM       string   `json:"securityManager"` // <trust domain>/<name>
	Policy   string   `json:"policyId"`        // of SOL 012
	Known    bool     `json:"known"`           // it was there already
	Policies []string `json:"policies,omitempty"`
}

func (p *program) policyPush() *cobra.Command {
	var which smChoice
	var key, keyID, name string
	c := &cobra.Command{
		Use:   "push DIR|FILE...|BUNDLE",
		Short: "Send policies to a Security Manager, which checks and keeps them; nothing changes until they are activated",
		Long: `Sends a signed bundle over SOL 012. A folder or files are checked and signed first, with
--key and --key-id, as "policy sign" does. The Security Manager verifies the signature with the key
that its configuration names, compiles the policies and evaluates their samples. What
was pushed already is not sent again.`,
		Example: `  manoward policy push policies --key signer.key --key-id ci
  manoward policy push policies.tar.gz --sm alpha`,
		Args: somePolicies,
		RunE: func(c *cobra.Command, args []string) error {
			raw, claims, err := signedBundle(c.Context(), args, key, keyID)
			if err != nil {
				return err
			}
			sm, err := p.remoteSM(c.Context(), which)
			if err != nil {
				return err
			}
			var r pushed
			err = p.during("the Security Manager checks the policies", func() error {
				r, err = sm.push(c.Context(), name, claims, raw)
				return err
			})
			if err != nil {
				return err
			}
			if r.Known {
				p.say("this revision was pushed already")
			}
			return p.print(r, func(w io.Writer) {
				fmt.Fprintf(w, "revision\t%s\nsigned with\t%s\nSecurity Manager\t%s\nactivate it\tmanoward policy activate %s --reason ...\n", r.Revision, r.KeyID, r.SM, short(r.Revision))
			})
		},
	}
	p.smFlags(c, &which)
	c.Flags().StringVar(&key, "key", "", "private key to sign a folder or files with, PEM, readable by its owner alone")
	c.Flags().StringVar(&keyID, "key-id", "", "id that the Security Manager knows the key by (default: what the bundle says)")
	c.Flags().StringVar(&name, "name", "policies", "name of the policies in SOL 012; one for each line of versions")
	return c
}

// signedBundle reads a bundle, or makes one of files and signs it.
func signedBundle(ctx context.Context, paths []string, key, keyID string) ([]byte, policies.Claims, error) {
	f, err := openPolicies(paths, policyKeys{})
	if err != nil {
		return nil, policies.Claims{}, err
	}
	raw := f.bundle
	switch {
	case f.files == nil && key != "":
		return nil, policies.Claims{}, usage("%s is a bundle and signed already; leave --key out, or push the folder that it was made of", f.name)
	case f.files != nil && (key == "" || keyID == ""):
		return nil, policies.Claims{}, usage("policies are sent signed: give --key and --key-id, or push what \"manoward policy sign\" wrote")
	case f.files != nil:
		if raw, _, err = sign(ctx, f, key, keyID); err != nil {
			return nil, policies.Claims{}, err
		}
	}
	claims, err := policies.ReadClaims(raw)
	switch {
	case err != nil:
		return nil, claims, err
	case claims.KeyID == "":
		return nil, claims, hub.E(hub.Invalid, "push policies", f.name+" is not signed; sign it with: manoward policy sign", nil)
	case keyID != "" && keyID != claims.KeyID:
		return nil, claims, hub.E(hub.Invalid, "push policies", fmt.Sprintf("%s is signed with the key %q, and not with %q; correct --key-id", f.name, claims.KeyID, keyID), nil)
	}
	return raw, claims, nil
}

// push transfers a bundle as a version of the policy of that name and key, which it
// creates when there is none.
func (s *remoteSM) push(ctx context.Context, name string, claims policies.Claims, raw []byte) (pushed, error) {
	r := pushed{Revision: claims.Revision, KeyID: claims.KeyID}
	status, err := s.status(ctx)
	if err != nil {
		return r, err
	}
	r.SM = status.is.TrustDomain + "/" + status.is.Name
	client := *s.client
	client.Base = strings.TrimSuffix(client.Base, apiOwn) + apiPolicy
	filter := fmt.Sprintf("(eq,designer,%s);(eq,name,%s);(eq,pfId,%s)", quoted(claims.KeyID), quoted(name), quoted(r.SM))
	there, err := list[sentPolicy](ctx, &client, "/policies", url.Values{"filter": {filter}})
	if err != nil {
		return r, err
	}
	var policy sentPolicy
	if len(there) > 0 {
		policy = there[0]
	} else if _, err := client.Do(ctx, http.MethodPost, "/policies", sentPolicy{Designer: claims.KeyID, Name: name, PfID: r.SM}, &policy); err != nil {
		return r, err
	}
	r.Policy = policy.ID
	if r.Known = slices.Contains(policy.Versions, claims.Revision); r.Known {
		return r, nil
	}
	path := "/policies/" + url.PathEscape(policy.ID) + "/versions/" + url.PathEscape(claims.Revision)
	_, err = client.Upload(ctx, path, "application/gzip", bytes.NewReader(raw), int64(len(raw)))
	return r, err
}

func (s *remoteSM) status(ctx context.Context) (told[smStatus], error) {
	var out told[smStatus]
	_, err := s.do(ctx, http.MethodGet, "/status", nil, nil, &out)
	return out, err
}

// short is the beginning of a revision, which names it as long as no other begins
// so.
func short(revision string) string { return revision[:min(12, len(revision))] }

// policyRevision is a set of policies that was pushed.
type policyRevision struct {
	Revision string    `json:"revision"`
	Source   string    `json:"source"`
	KeyID    string    `json:"keyId"`
	Policies int       `json:"policies"`
	Pushed   time.Time `json:"pushed"`
	PushedBy []string  `json:"pushedBy"`
	State    string    `json:"state"`
}

func (p *program) policyRevisions() *cobra.Command {
	var which smChoice
	c := &cobra.Command{
		Use:   "revisions",
		Short: "List the sets of policies that a Security Manager has, the newest first",
		Long: `Lists what was pushed or came with the hub. "active" judges now, "previous" is what a
rollback goes back to.`,
		Example: "  manoward policy revisions --sm alpha",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			sm, err := p.remoteSM(c.Context(), which)
			if err != nil {
				return err
			}
			all, err := listOf[told[policyRevision]](c.Context(), sm, "/revisions", nil)
			if err != nil {
				return err
			}
			return p.print(all, func(w io.Writer) {
				fmt.Fprintln(w, "REVISION\tSTATE\tSOURCE\tSIGNED WITH\tPOLICIES\tPUSHED\tBY")
				for _, v := range all {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", short(v.is.Revision), v.is.State, cell(v.is.Source), dash(v.is.KeyID), v.is.Policies, moment(v.is.Pushed), strings.Join(v.is.PushedBy, ", "))
				}
			})
		},
	}
	p.smFlags(c, &which)
	return c
}

func (p *program) revisionNames(s *smChoice) namer {
	return ofSM(p, s, "/revisions", nil, func(v policyRevision) string {
		return fmt.Sprintf("%s\t%s, %s", v.Revision, v.State, moment(v.Pushed))
	})
}

// whole finds the revision that begins so.
func (s *remoteSM) whole(ctx context.Context, begin string) (string, error) {
	all, err := listOf[policyRevision](ctx, s, "/revisions", nil)
	if err != nil {
		return "", err
	}
	var found []string
	for _, v := range all {
		if begin != "" && strings.HasPrefix(v.Revision, begin) {
			found = append(found, v.Revision)
		}
	}
	switch len(found) {
	case 0:
		return "", hub.E(hub.NotFound, "find revision", fmt.Sprintf("no revision %q was pushed; list them with: manoward policy revisions", begin), nil)
	case 1:
		return found[0], nil
	}
	return "", usage("%d revisions begin with %q; write more of it", len(found), begin)
}
