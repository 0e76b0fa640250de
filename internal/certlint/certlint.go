package certlint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zmap/zcrypto/x509"
	_ "github.com/zmap/zlint/v3" // has the rules
	"github.com/zmap/zlint/v3/lint"
)

// Linter holds the rules. It is safe for concurrent use.
type Linter struct {
	rules []*lint.CertificateLint
	conf  lint.Configuration
}

// New chooses the rules.
func New() (*Linter, error) {
	rules, err := lint.GlobalRegistry().Filter(lint.FilterOptions{
		IncludeSources: lint.SourceList{lint.RFC3279, lint.RFC5280, lint.RFC5480, lint.RFC5891, lint.RFC8813},
	})
	if err != nil {
		return nil, fmt.Errorf("choose rules of zlint: %w", err)
	}
	return &Linter{rules: rules.CertificateLints().Lints(), conf: rules.GetConfiguration()}, nil
}

// Check returns nil for a certificate in DER without errors; else what zlint calls
// an error, sorted, each with the name of its rule. What it calls a warning or a
// notice is no error.
func (l *Linter) Check(der []byte) error {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("it cannot be read: %w", err)
	}
	var found []string
	for _, rule := range l.rules { // as zlint.LintCertificateEx does, without what it gathers of those that hold
		if r := rule.Execute(c, l.conf); r.Status == lint.Error || r.Status == lint.Fatal {
			found = append(found, strings.TrimSpace(rule.Name+" "+r.Details))
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return fmt.Errorf("zlint: %s", strings.Join(found, "; "))
}
