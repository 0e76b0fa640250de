package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// report is what "audit verify -o json" says of the records of a trust domain.
type report struct {
	TrustDomain string `json:"trustDomain"`
	Records     int    `json:"records"`
	Seals       int    `json:"seals"`
	Recent      int    `json:"recent"`
	Findings    []struct {
		What string `json:"what"`
		Text string `json:"text"`
	} `json:"findings"`
	More int `json:"moreFindings"`
}

// sealWait bounds the wait for the last records to be sealed, which takes a second.
const sealWait = 15 * time.Second

// verify compares the records of every trust domain with their sealed journals, as an
// auditor would, and reports whether all are as they were sealed.
func (r *run) verify(ctx context.Context) (whole bool, err error) {
	r.line.print(event{Kind: kindStart, Text: "The records of each trust domain, compared with the journal that sealed them"})
	r.line.print(event{Kind: kindCommand, Text: "manoward audit verify", Command: r.o.Program + " audit verify"})
	defer r.line.waiting("audit verify")()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	var reports []report
	for deadline := time.Now().Add(sealWait); ; {
		if reports, err = r.auditVerify(ctx); err != nil {
			return false, err
		}
		open := func(one report) bool { return one.Recent > 0 && len(one.Findings)+one.More == 0 }
		if !slices.ContainsFunc(reports, open) || time.Now().After(deadline) {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	whole = len(reports) > 0
	for _, one := range reports {
		said := fmt.Sprintf("%s: %d records, %d seals, %d too new to be sealed: ", one.TrustDomain, one.Records, one.Seals, one.Recent)
		n := len(one.Findings) + one.More
		if n == 0 {
			r.line.print(event{Kind: kindJournal, Text: said + "all as sealed"})
			continue
		}
		whole = false
		r.line.print(event{Kind: kindFailed, Text: said + fmt.Sprintf("%d findings", n)})
		for _, f := range one.Findings {
			r.line.print(event{Kind: kindFailed, Text: f.What + ": " + f.Text})
		}
	}
	return whole, nil
}

// auditVerify runs the verb once. Findings are no error.
func (r *run) auditVerify(ctx context.Context) ([]report, error) {
	cmd := exec.CommandContext(ctx, r.o.Executable, "audit", "verify", "-o", "json")
	cmd.Env = r.environ
	out, err := cmd.Output()
	var exit *exec.ExitError
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.As(err, &exit) && exit.ExitCode() != exitRefused { // that is: there are findings
		return nil, &refusal{"audit verify", exit.ExitCode(), strings.TrimPrefix(strings.TrimSpace(string(exit.Stderr)), "manoward: ")}
	}
	var reports []report
	if err := json.Unmarshal(out, &reports); err != nil {
		return nil, fmt.Errorf("read what audit verify printed: %w", err)
	}
	return reports, nil
}
