package certlint

import (
	"errors"
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
	rules  []rule
	conf   lint.Configuration
	leaves passed // see CheckLeaf
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
	c, err := read(der)
	if err != nil {
		return err
	}
	return l.check(c)
}

// CheckLeaf is Check for a certificate that must not be a CA's: it has to say so
// (RFC 5280 clauses 4.2.1.3 and 4.2.1.9), and a validity. What stands against that is
// [ErrNoLeaf]. One that differs from one which has passed in nothing that a rule can
// tell ([likeness]) has passed as well.
func (l *Linter) CheckLeaf(der []byte) error {
	like, known := likeness(der)
	if known && l.leaves.has(like) {
		return nil
	}
	err := l.checkLeaf(der)
	if err == nil && known {
		l.leaves.add(like)
	}
	return err
}

func (l *Linter) checkLeaf(der []byte) error {
	c, err := read(der)
	if err != nil {
		return err
	}
	switch {
	case c.IsCA || !c.BasicConstraintsValid:
		return fmt.Errorf("%w: it is a CA certificate, or does not say that it is none", ErrNoLeaf)
	case c.KeyUsage == 0 || c.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0:
		return fmt.Errorf("%w: its key is for the use of a CA, or for none that it says", ErrNoLeaf)
	case !c.NotAfter.After(c.NotBefore):
		return fmt.Errorf("%w: there is no validity", ErrNoLeaf)
	}
	return l.check(c)
}

// ErrNoLeaf is for a certificate that is not, for sure, one of an end entity.
var ErrNoLeaf = errors.New("it is no certificate of an end entity")

func read(der []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	return c, nil
}

func (l *Linter) check(c *x509.Certificate) error {
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
