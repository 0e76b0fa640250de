package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"strings"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr/decide"
)

// contents reads what the records of a trust domain name, from the tables of the
// roles that keep it: they need not run in this process.
type contents struct {
	account  *natsbus.Account
	domain   string
	managers func(domain string) []string // Security Managers of a trust domain
	grouped  *grouped
}

const opContents = "read contents of records"

// read implements Contents of [journal.Source].
func (c contents) read(ctx context.Context, ref journal.Reference) ([]byte, error) {
	switch ref.Kind {
	case journal.ContentInput, journal.ContentPolicies, journal.ContentParameters:
		return c.ofManagers(ctx, ref)
	}
	if len(ref.Certificate) > 0 { // a certificate is issued by its record: what the table has of it is made of that
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ref.Certificate}), nil
	}
	table, err := c.table(ctx, cmfTable)
	switch {
	case err != nil:
		return nil, err
	case ref.Kind == journal.ContentCertificate:
		return cmf.ReadCertificate(ctx, table, ref.Name)
	case ref.Kind == journal.ContentEnrolment:
		return cmf.ReadInForce(ctx, table, ref.Name)
	}
	return authority.ReadChain(ctx, table, c.domain, ref.Name)
}

// ofManagers asks the Security Manager that wrote the record: of policies the record
// names who pushed them, and any may have them, as the same bytes or others.
func (c contents) ofManagers(ctx context.Context, ref journal.Reference) ([]byte, error) {
	var missing error = hub.E(hub.NotFound, opContents, "no Security Manager of this hub has it", nil)
	var other []byte
	for _, name := range c.managers(c.domain) {
		if who, err := hub.ParseIdentity(ref.Actor); err == nil && who.Kind == hub.KindSM && who.Name != name {
			continue
		}
		raw, err := c.ofManager(ctx, name, ref)
		switch {
		case hub.CodeOf(err) == hub.NotFound:
			missing = err
		case err == nil && ref.Kind == journal.ContentPolicies && ref.SHA256 != "" && digestOf(raw) != ref.SHA256:
			other = raw
		default:
			return raw, err
		}
	}
	if other != nil {
		return other, nil // for the auditor to see
	}
	return nil, missing
}

func (c contents) ofManager(ctx context.Context, name string, ref journal.Reference) ([]byte, error) {
	own, err := c.table(ctx, smTable(name))
	if err != nil {
		return nil, err
	}
	blobs, err := c.table(ctx, smBlobs(name))
	if err != nil {
		return nil, err
	}
	a := decide.Archive{State: own, Blobs: blobs, Grouped: func(ctx context.Context, key string) ([]byte, error) {
		return c.grouped.get(ctx, c.account, smTable(name), key)
	}}
	switch ref.Kind {
	case journal.ContentInput:
		return a.Input(ctx, ref.Name, ref.SHA256)
	case journal.ContentPolicies:
		return a.Policies(ctx, ref.Name)
	}
	policies, parameters, _ := strings.Cut(ref.Name, "/")
	return a.Parameters(ctx, policies, parameters)
}

func digestOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// table opens a table of a role, which is not made for that.
func (c contents) table(ctx context.Context, name string) (state.Table, error) {
	if c.account.LacksTable(name) {
		return nil, hub.E(hub.NotFound, opContents, "who made the record does not keep its contents in this hub", nil)
	}
	opened, err := c.account.Table(ctx, name)
	if err != nil {
		return nil, err
	}
	return natsbus.StateTable{Table: opened}, nil
}
