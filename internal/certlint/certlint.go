package certlint

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/zmap/zcrypto/x509"
	_ "github.com/zmap/zlint/v3" // has the rules
	"github.com/zmap/zlint/v3/lint"
)

// Linter holds the rules. It is safe for concurrent use.
type Linter struct {
	rules []rule
	conf  lint.Configuration
}

// rule is a rule of zlint. Those that keep nothing are made once; zlint makes them for
// each certificate, and asks each for a configuration.
type rule struct {
	*lint.CertificateLint
	made lint.CertificateLintInterface // nil: it is made, and configured, each time
}

// New chooses the rules.
func New() (*Linter, error) {
	registry, err := lint.GlobalRegistry().Filter(lint.FilterOptions{
		IncludeSources: lint.SourceList{lint.RFC3279, lint.RFC5280, lint.RFC5480, lint.RFC5891, lint.RFC8813},
	})
	if err != nil {
		return nil, fmt.Errorf("choose rules of zlint: %w", err)
	}
	l := &Linter{conf: registry.GetConfiguration()}
	for _, r := range registry.CertificateLints().Lints() {
		made := r.Lint()
		if t := reflect.TypeOf(made); t.Kind() != reflect.Pointer || t.Elem().Size() > 0 {
			made = nil // it may keep something
		} else if _, asks := made.(lint.Configurable); asks {
			made = nil
		}
		l.rules = append(l.rules, rule{r, made})
	}
	return l, nil
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
		if r := rule.check(c, l.conf); r != nil && (r.Status == lint.Error || r.Status == lint.Fatal) {
			found = append(found, strings.TrimSpace(rule.Name+" "+r.Details))
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return fmt.Errorf("zlint: %s", strings.Join(found, "; "))
}

// check is [lint.CertificateLint.Execute], nil where the rule says nothing of the
// certificate. A rule that panics has failed.
func (r rule) check(c *x509.Certificate, conf lint.Configuration) (result *lint.LintResult) {
	if r.made == nil {
		return r.Execute(c, conf)
	}
	defer func() {
		if p := recover(); p != nil {
			result = &lint.LintResult{Status: lint.Fatal, Details: fmt.Sprintf("the rule panicked: %v", p)}
		}
	}()
	if !r.made.CheckApplies(c) || !r.CheckEffective(c) {
		return nil
	}
	return r.made.Execute(c)
}
