package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// interfacesOf reads the values of --interface; none means all.
func interfacesOf(names []string) ([]hub.Interface, error) {
	if len(names) == 0 {
		return hub.Interfaces(), nil
	}
	var list []hub.Interface
	for _, name := range names {
		i, err := hub.ParseInterface(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(list, i) {
			list = append(list, i)
		}
	}
	return list, nil
}

func (p *program) smRotate() *cobra.Command {
	var domain, out string
	var names []string
	var overlap time.Duration
	c := &cobra.Command{
		Use:   "rotate NAME",
		Short: "Give a Security Manager new keys and credentials; the old ones go on for the overlap",
		Long: `Makes new keys in --out and has them certified. The old credentials go on for
--overlap, or end at once with --overlap 0. A Security Manager that was revoked is
reinstated by a rotation of all its interfaces.`,
		Example: `  manoward sm rotate alpha --trust-domain north --out alpha/
  manoward sm rotate alpha --trust-domain north --out alpha/ --interface sc-or.sec-enforce --overlap 0`,
		Args: exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			interfaces, err := interfacesOf(names)
			if err != nil {
				return err
			}
			if out == "" {
				out = args[0]
			}
			return p.rotate(c, credentialDir(out), domain, args[0], interfaces, overlap)
		},
	}
	c.Flags().StringVar(&out, "out", "", "directory for the credentials (default: NAME)")
	c.Flags().StringArrayVar(&names, "interface", nil, "only this interface; may be given several times")
	c.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old credentials go on")
	return domainFlag(c, &domain)
}

func (p *program) rotate(c *cobra.Command, dir credentialDir, domain, name string, interfaces []hub.Interface, overlap time.Duration) error {
	client, err := p.client()
	if err != nil {
		return err
	}
	t, err := activeDomain(c.Context(), client, domain)
	if err != nil {
		return err
	}
	if err := dir.prepare(); err != nil {
		return err
	}
	requests, err := dir.requests(domain, name, interfaces)
	if err != nil {
		return err
	}
	var sm hub.SecurityManager
	err = p.patiently(c.Context(), func() error {
		_, err := client.Do(c.Context(), "POST", smPath(domain, name)+"/rotate", hub.Rotation{Requests: requests, OverlapSeconds: int64(overlap / time.Second)}, &sm)
		return err
	})
	if err != nil {
		return err
	}
	if err := dir.accept(&sm, t.Root, interfaces); err != nil {
		return err
	}
	return p.printSM(&sm)
}

func (p *program) smRevoke() *cobra.Command {
	var domain, iface string
	var rev hub.Revocation
	c := &cobra.Command{
		Use:   "revoke NAME",
		Short: "End credentials at once: all of a Security Manager, of one interface, or one by serial",
		Example: `  manoward sm revoke alpha --trust-domain north --reason "laptop stolen"
  manoward sm revoke alpha --trust-domain north --serial 3f0c… --reason superseded`,
		Args: exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			rev.Interface = hub.Interface(iface)
			if iface != "" {
				if _, err := hub.ParseInterface(iface); err != nil {
					return err
				}
			}
			client, err := p.client()
			if err != nil {
				return err
			}
			var sm hub.SecurityManager
			if _, err := client.Do(c.Context(), "POST", smPath(domain, args[0])+"/revoke", rev, &sm); err != nil {
				return err
			}
			return p.printSM(&sm)
		},
	}
	c.Flags().StringVar(&iface, "interface", "", "only credentials of this interface")
	c.Flags().StringVar(&rev.Serial, "serial", "", "only the credential with this serial number")
	c.Flags().StringVar(&rev.Reason, "reason", "", "why, for the records")
	return domainFlag(c, &domain)
}

func (p *program) smRenew() *cobra.Command {
	var dir string
	var force, watch bool
	c := &cobra.Command{
		Use:   "renew",
		Short: "Renew the credentials in a directory before they end, with nothing but themselves",
		Long: `Renews each credential in --dir that has less than a third of its life left: makes
a new key, has it certified over the credential's own endpoint, and puts both in
place. It needs no operator's context, so it runs where the Security Manager runs.
With --watch it goes on doing so.`,
		Example: "  manoward sm renew --dir alpha/\n  manoward sm renew --dir alpha/ --watch",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if dir == "" {
				return usage("--dir is missing: the directory that sm register wrote")
			}
			for {
				err := p.renewAll(c.Context(), credentialDir(dir), force)
				if !watch {
					return err
				}
				if err != nil {
					p.say("manoward: %s", message(err))
				}
				if !sleep(c.Context(), renewEvery) {
					return nil
				}
			}
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "directory of the credentials (required)")
	c.Flags().BoolVar(&force, "force", false, "renew also what has much of its life left")
	c.Flags().BoolVar(&watch, "watch", false, "go on, looking every ten minutes")
	return c
}

const renewEvery = 10 * time.Minute

// sleep waits for d and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// renewAll renews every credential of the directory that is due. One that fails
// does not hold the others back.
func (p *program) renewAll(ctx context.Context, dir credentialDir, force bool) error {
	endpoints, err := dir.endpoints()
	if err != nil {
		return err
	}
	var first error
	for _, i := range hub.Interfaces() {
		ep, ok := endpoints[i]
		if !ok || !dir.holds(i) {
			continue
		}
		if err := p.renewOne(ctx, dir, i, ep, force); err != nil {
			p.say("%s: %s", i, message(err))
			if first == nil {
				first = err
			}
		}
	}
	return first
}

func (p *program) renewOne(ctx context.Context, dir credentialDir, i hub.Interface, ep endpointInfo, force bool) error {
	cert, err := dir.load(i)
	if err != nil {
		return err
	}
	life, left := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore), time.Until(cert.Leaf.NotAfter)
	if !force && left > life/3 {
		p.say("%s: good until %s", i, when(cert.Leaf.NotAfter))
		return nil
	}
	if len(cert.Leaf.URIs) != 1 {
		return hub.E(hub.Invalid, "renew credential", fmt.Sprintf("the certificate for %s in %s is not one of manoward's", i, dir), nil)
	}
	id, err := hub.ParseIdentity(cert.Leaf.URIs[0].String())
	if err != nil {
		return err
	}
	csr, err := dir.request(id)
	if err != nil {
		return err
	}
	cred, err := p.askRenewal(ctx, dir, i, ep, cert, csr)
	if err != nil {
		return err
	}
	if err := dir.acceptOne(i, cred); err != nil {
		return err
	}
	p.say("%s: renewed, good until %s", i, when(cred.NotAfter))
	return nil
}

func (p *program) askRenewal(ctx context.Context, dir credentialDir, i hub.Interface, ep endpointInfo, cert tls.Certificate, csr string) (*hub.Credential, error) {
	ca, err := os.ReadFile(dir.path(i, ".ca.crt"))
	if err != nil {
		return nil, err
	}
	client, err := newClient(ep.URL, ep.ServerName, string(ca), cert)
	if err != nil {
		return nil, err
	}
	var cred hub.Credential
	err = p.patiently(ctx, func() error {
		_, err := client.Do(ctx, "POST", "/credentials", map[string]string{"certificateSigningRequest": csr}, &cred)
		return refusedHandshake(err, i, dir)
	})
	return &cred, err
}

// refusedHandshake tells a hub that refuses a credential, which it does in the
// TLS handshake, from one that does not answer and may be tried again.
func refusedHandshake(err error, i hub.Interface, dir credentialDir) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" { // crypto/tls: an alert of the peer
		return err
	}
	return hub.E(hub.Unauthenticated, "renew credential", fmt.Sprintf("the hub refuses the credential for %s in %s: it was revoked, has ended or was replaced; an operator makes a new one with: manoward sm rotate", i, dir), err)
}

func (p *program) smBusCredentials() *cobra.Command {
	var domain, out string
	c := &cobra.Command{
		Use:   "bus-credentials NAME",
		Short: "Write credentials with which an SM's processes reach their trust domain's account on an external bus",
		Long: `Makes an nkey here, has its public half certified for the account of the trust
domain, and writes both as a NATS credentials file. Their holder may use the
subjects sm.NAME.> of that account, replies included, and sees nothing else of it
and nothing of any other trust domain. They end with sm revoke NAME. A hub with
an embedded bus refuses: that bus has no port.`,
		Example: "  manoward sm bus-credentials alpha --trust-domain north --out alpha/bus.creds",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usage("--out is missing: the file to write")
			}
			client, err := p.client()
			if err != nil {
				return err
			}
			public, credentials, err := p.parts.NewBusUser()
			if err != nil {
				return err
			}
			var answer struct {
				JWT string `json:"jwt"`
			}
			if _, err := client.Do(c.Context(), "POST", smPath(domain, args[0])+"/bus_credentials", map[string]string{"publicKey": public}, &answer); err != nil {
				return err
			}
			file, err := credentials(answer.JWT)
			if err != nil {
				return err
			}
			return durable.WriteFile(out, file, 0o600)
		},
	}
	c.Flags().StringVar(&out, "out", "", "file to write (required)")
	return domainFlag(c, &domain)
}
