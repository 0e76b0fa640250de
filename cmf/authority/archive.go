package authority

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// ReadChain reads an issuer's certificate and those above it, the root last, in PEM,
// out of the CMF's table of a trust domain, also where the CMF does not run: for
// evidence. It is hub.NotFound for an issuer that the domain never had.
func ReadChain(ctx context.Context, table state.Table, domain, issuer string) ([]byte, error) {
	raw, _, err := table.Get(ctx, "authority/"+domain)
	if hub.CodeOf(err) == hub.NotFound {
		return nil, noIssuer("find chain", issuer)
	}
	if err != nil {
		return nil, fmt.Errorf("read the authority of %s: %w", domain, err)
	}
	var d domainCA
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, unreadable(domain, err)
	}
	v, err := newView(domain, &d, false)
	if err != nil {
		return nil, err
	}
	m := v.find(issuer)
	if m == nil || m.Root {
		return nil, noIssuer("find chain", issuer)
	}
	var b bytes.Buffer
	for _, one := range append(m.chain(), m.root()) {
		if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: one.cert.Raw}); err != nil {
			return nil, fmt.Errorf("write chain: %w", err)
		}
	}
	return b.Bytes(), nil
}
