package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
)

const typeTar = "application/x-tar"

func (p *program) audit() *cobra.Command {
	c := &cobra.Command{
		Use:   "audit",
		Short: "Verify that no record was changed, and export records as evidence",
		Long: `Every record of a trust domain is sealed within a second in the domain's journal, a
Merkle tree with signed checkpoints. These verbs hold the records against it on this
machine, with the hub's data and without its word.`,
		Example: "  manoward audit verify --trust-domain north",
	}
	c.AddCommand(p.auditShow(), p.auditVerify(), p.auditExport(), p.auditOscal(), p.auditTiles(), p.auditKey(), p.auditReseal())
	return c
}

func journalPath(domain string) string { return domainPath(domain) + "/journal" }

func (p *program) auditKey() *cobra.Command {
	var domain string
	c := &cobra.Command{
		Use:   "key",
		Short: "Print the key that verifies a journal, to be kept where the hub cannot change it",
		Long: `Prints the public key of a journal as one line (C2SP signed-note). Keep the lines of all
your trust domains in one file, away from the hub, and give it to "audit verify --keys":
whoever owns the hub could otherwise sign everything anew with another key.`,
		Example: `  manoward audit key --trust-domain north >> journal.keys
  manoward audit key --trust-domain hub -o json`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			var state journal.State
			if _, err := client.Do(c.Context(), "GET", journalPath(domain), nil, &state); err != nil {
				return err
			}
			return p.print(state, func(w io.Writer) { fmt.Fprintln(w, state.Key) })
		},
	}
	c.Flags().StringVar(&domain, "trust-domain", "hub", "whose journal; hub is the hub's own")
	return c
}

func (p *program) auditExport() *cobra.Command {
	var domain, from, to, file, results string
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the records of a time as an evidence pack that verifies without the hub",
		Long: `Writes records as the hub holds them, the seals and signed checkpoints over them, proofs
that each record is in the signed tree and that each checkpoint continues the one before,
what the records name (inputs of decisions, policies and parameters, certificates with
their chains), and a signed list of all files with their SHA-256. The times are those of
storing; the pack begins and ends with whole seals. With --oscal it also writes what the
pack says of controls, as "audit oscal" does: whoever has the pack makes the same.`,
		Example: `  manoward audit export --trust-domain north -f evidence.tar
  manoward audit export --trust-domain north -f evidence.tar --oscal results.json
  manoward audit export --trust-domain north --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z -f november`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				return usage("-f is missing: name a file that ends in .tar, or a new folder")
			}
			query, err := timesOf(from, to)
			if err != nil {
				return err
			}
			query.Set("contents", "true")
			body, err := p.evidence(c.Context(), domain, query)
			if err != nil {
				return err
			}
			defer body.Close()
			if strings.HasSuffix(file, ".tar") {
				err = saveTar(file, body)
			} else {
				err = journal.UnpackTo(file, journal.TarFiles(body))
			}
			if err != nil {
				return err
			}
			if results != "" {
				if err := writeOscal(c.Context(), file, results); err != nil {
					return err
				}
			}
			p.say("wrote %s; verify it with: manoward audit verify --pack %s", file, file)
			return p.print(exported{TrustDomain: domain, Pack: file, Oscal: results}, func(io.Writer) {})
		},
	}
	c.Flags().StringVar(&domain, "trust-domain", "hub", "whose records; hub is the hub's own")
	c.Flags().StringVar(&from, "from", "", "only what was stored then or later, such as 2026-11-22T08:00:00Z")
	c.Flags().StringVar(&to, "to", "", "only what was stored then or before")
	c.Flags().StringVarP(&file, "file", "f", "", "file that ends in .tar, or new folder, to write")
	c.Flags().StringVar(&results, "oscal", "", "also write OSCAL assessment results to this file")
	return c
}

// exported is what was written.
type exported struct {
	TrustDomain string `json:"trustDomain"`
	Pack        string `json:"pack"`
	Oscal       string `json:"oscal,omitempty"`
}

func timesOf(from, to string) (url.Values, error) {
	query := url.Values{}
	for name, text := range map[string]string{"from": from, "to": to} {
		if text == "" {
			continue
		}
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			return nil, usage("--%s is %q; give a time such as 2026-11-22T08:00:00Z", name, text)
		}
		query.Set(name, text)
	}
	return query, nil
}

// evidence asks the hub for a pack. The caller closes it.
func (p *program) evidence(ctx context.Context, domain string, query url.Values) (io.ReadCloser, error) {
	client, err := p.client()
	if err != nil {
		return nil, err
	}
	path := journalPath(domain) + "/evidence"
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	body, _, err := client.Download(ctx, path, typeTar)
	return body, err
}

// saveTar writes a pack to a new file, and leaves none that is not whole.
func saveTar(file string, body io.Reader) error {
	const op = "write evidence"
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return hub.E(hub.Conflict, op, fmt.Sprintf("%s cannot be made: %v; name a new file", file, pathCause(err)), nil)
	}
	_, err = io.Copy(f, body)
	if err = errors.Join(err, f.Close()); err != nil {
		return hub.E(hub.Unavailable, op, "the evidence was cut off; export it again", errors.Join(err, os.Remove(file)))
	}
	return nil
}

func (p *program) auditVerify() *cobra.Command {
	var domain, pack, keys, earlier string
	var contents bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Compare records with their sealed journal, in the hub or in an evidence pack",
		Long: `Computes the Merkle tree of a journal anew, compares each sealed entry with the record in
the bus and each record with its entry, and checks the signature of every checkpoint and
that each one continues the one before. What is missing, added, altered or moved is named.
Without --trust-domain it verifies the journals of the hub and of all trust domains. With
--pack it needs no hub, and holds what the records name (inputs, policies, certificates)
against the digests in them; of a hub it does so with --contents.

Without --keys the key is taken from the hub or the pack, which proves only that they
fit to themselves; see "manoward audit key".

Exits 0 when all is as it was sealed, 3 when something is not, otherwise as every verb.`,
		Example: `  manoward audit verify
  manoward audit verify --trust-domain north --keys journal.keys
  manoward audit verify --trust-domain north --keys journal.keys --checkpoint earlier/checkpoint
  manoward audit verify --pack evidence.tar --keys journal.keys -o json`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			trusted, err := readTrusted(keys, earlier)
			if err != nil {
				return err
			}
			trusted.contents = contents
			if earlier != "" && pack == "" && domain == "" {
				return usage("--checkpoint is of one trust domain: name it with --trust-domain")
			}
			if pack != "" && domain != "" {
				return usage("--pack names what it is of itself: leave out --trust-domain")
			}
			var reports []*journal.Report
			if pack != "" {
				reports, err = p.verifyPack(c.Context(), pack, trusted)
			} else {
				reports, err = p.verifyHub(c.Context(), domain, trusted)
			}
			if err != nil {
				return err
			}
			return p.judgeRecords(reports, trusted.keys != nil, pack != "")
		},
	}
	c.Flags().StringVar(&domain, "trust-domain", "", "whose records; hub is the hub's own (default: all)")
	c.Flags().StringVar(&pack, "pack", "", "evidence pack to verify instead: a tar file or a folder")
	c.Flags().BoolVar(&contents, "contents", false, "also read from the hub what the records name, and verify it (a pack has it)")
	c.Flags().StringVar(&keys, "keys", "", "file with the lines that \"audit key\" printed, from where you trust it")
	c.Flags().StringVar(&earlier, "checkpoint", "", "checkpoint of an earlier evidence pack, from which the journal must have gone on")
	return c
}

// trusted is what the auditor has from elsewhere than the hub.
type trusted struct {
	keys       map[string]*journal.PublicKey // of journals, by origin; nil: none
	checkpoint string
	checked    bool // a journal was held against it
	contents   bool // to be read from the hub too
}

func readTrusted(keys, earlier string) (t *trusted, err error) {
	t = &trusted{}
	if t.keys, err = readKeys(keys); err != nil || earlier == "" {
		return t, err
	}
	raw, err := os.ReadFile(earlier)
	if err != nil {
		return t, usage("--checkpoint %s cannot be read: %v", earlier, pathCause(err))
	}
	t.checkpoint = string(raw)
	return t, nil
}

func readKeys(file string) (map[string]*journal.PublicKey, error) {
	if file == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, usage("--keys %s cannot be read: %v", file, pathCause(err))
	}
	known := map[string]*journal.PublicKey{}
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		key, err := journal.ParseKey(line)
		if err != nil {
			return nil, err
		}
		known[key.Origin()] = key
	}
	if len(known) == 0 {
		return nil, usage("--keys %s holds no key", file)
	}
	return known, nil
}

// of picks what is for one journal.
func (t *trusted) of(origin string) (journal.Trust, error) {
	key := t.keys[origin]
	if t.keys != nil && key == nil {
		return journal.Trust{}, usage("the file of --keys has no key of %s; add the line of \"manoward audit key\"", origin)
	}
	trust := journal.Trust{Key: key}
	// A checkpoint begins with the name of its journal; one that begins with another
	// trust domain's is refused by the journal.
	if of, _, _ := strings.Cut(t.checkpoint, "\n"); of == origin || journal.DomainOf(of) != journal.DomainOf(origin) {
		trust.Checkpoint, t.checked = t.checkpoint, true
	}
	return trust, nil
}

// verify judges evidence, and that the earlier checkpoint is of a journal in it.
func (t *trusted) verify(ctx context.Context, files journal.Files) ([]*journal.Report, error) {
	reports, err := journal.VerifyAll(ctx, files, t.of)
	if err == nil && t.checkpoint != "" && !t.checked {
		of, _, _ := strings.Cut(t.checkpoint, "\n")
		err = hub.E(hub.Denied, "verify records", fmt.Sprintf("the earlier checkpoint is of %.120q, and no such journal is there: it was left out, or everything was begun anew", of), nil)
	}
	return reports, err
}

func (p *program) verifyPack(ctx context.Context, path string, t *trusted) ([]*journal.Report, error) {
	files, done, err := journal.OpenPack(path)
	if err != nil {
		return nil, err
	}
	defer done()
	return t.verify(ctx, files)
}

func (p *program) verifyHub(ctx context.Context, domain string, t *trusted) ([]*journal.Report, error) {
	domains := []string{domain}
	if domain == "" {
		client, err := p.client()
		if err != nil {
			return nil, err
		}
		domains = []string{"hub"}
		for d, err := range httpapi.All[hub.TrustDomain](ctx, client, "/trust_domains", nil) {
			if err != nil {
				return nil, err
			}
			domains = append(domains, d.Name)
		}
	}
	var reports []*journal.Report
	for _, d := range domains {
		of, err := p.verifyDomain(ctx, d, t)
		if err != nil {
			return nil, err
		}
		reports = append(reports, of...)
	}
	return reports, nil
}

func (p *program) verifyDomain(ctx context.Context, domain string, t *trusted) ([]*journal.Report, error) {
	body, err := p.evidence(ctx, domain, url.Values{"contents": {strconv.FormatBool(t.contents)}})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	reports, err := t.verify(ctx, journal.TarFiles(body))
	if err == nil && reports[0].TrustDomain != domain {
		err = hub.E(hub.Denied, "verify records", fmt.Sprintf("the hub answers with the evidence of trust domain %.80q", reports[0].TrustDomain), nil)
	}
	return reports, err
}
