package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// smChoice says which Security Manager a verb is about.
type smChoice struct{ name, domain string }

// smFlags adds --sm and --trust-domain to a verb that is about the decisions,
// orders or policies of a Security Manager.
func (p *program) smFlags(c *cobra.Command, s *smChoice) {
	c.Flags().StringVar(&s.name, "sm", "", "Security Manager (default: the only one that is registered)")
	p.completeFlag(c, "sm", p.smNames)
	p.smDomainFlag(c, s)
}

func (p *program) smDomainFlag(c *cobra.Command, s *smChoice) {
	c.Flags().StringVar(&s.domain, "trust-domain", "", "its trust domain, where several have a Security Manager of that name")
}

// smVerb is a verb whose first argument names the Security Manager.
func (p *program) smVerb(c *cobra.Command, s *smChoice, run func(c *cobra.Command, sm *remoteSM, args []string) error) *cobra.Command {
	p.smDomainFlag(c, s)
	p.completeArgs(c, p.smNames)
	c.RunE = func(c *cobra.Command, args []string) error {
		sm, err := p.remoteSM(c.Context(), smChoice{args[0], s.domain})
		if err != nil {
			return err
		}
		return run(c, sm, args[1:])
	}
	return c
}

// remoteSM is a Security Manager that runs in the hub, as operators reach it.
type remoteSM struct {
	client *httpapi.Client // of the operators' entrance
	smChoice
}

// remoteSM connects to the Security Manager that is meant: beside the trust role,
// or at the entrance of the process that runs it.
func (p *program) remoteSM(ctx context.Context, s smChoice) (*remoteSM, error) {
	own, cert, err := p.operator()
	if err != nil {
		return nil, err
	}
	client, err := newClient(own.Server, own.ServerName, own.CA, cert)
	if err != nil {
		return nil, err
	}
	if s.name == "" || s.domain == "" {
		if s, err = s.registered(ctx, client); err != nil {
			return nil, err
		}
	}
	if err := hub.CheckName("Security Manager", s.name); err != nil {
		return nil, err
	}
	if err := hub.CheckName("trust domain", s.domain); err != nil {
		return nil, err
	}
	var points []hub.PointAddress
	if _, err := client.Do(ctx, http.MethodGet, "/reference_points", nil, &points); err != nil {
		return nil, err
	}
	for _, at := range points {
		if at.ReferencePoint != hub.SM || at.SecurityManager != s.domain+"/"+s.name {
			continue
		}
		if client, err = newClient(at.URL, at.ServerName, own.CA, cert); err != nil {
			return nil, err
		}
		break
	}
	return &remoteSM{client, s}, nil
}

// registered finds the Security Manager that is meant among those that are
// registered. One that was revoked has to be named.
func (s smChoice) registered(ctx context.Context, client *httpapi.Client) (smChoice, error) {
	if s.name != "" {
		if err := hub.CheckName("Security Manager", s.name); err != nil {
			return s, err
		}
	}
	all, err := list[hub.SecurityManager](ctx, client, "/security_managers", nil)
	if err != nil {
		return s, err
	}
	var found []smChoice
	var names []string
	for _, sm := range all {
		meant := sm.Name == s.name || s.name == "" && sm.State != hub.StateRevoked
		if meant && (s.domain == "" || sm.TrustDomain == s.domain) {
			found = append(found, smChoice{sm.Name, sm.TrustDomain})
			names = append(names, sm.Name+" of "+sm.TrustDomain)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return s, usage("say which Security Manager with --sm and --trust-domain; there are %s", strings.Join(names, ", "))
	case s.name == "":
		return s, hub.E(hub.NotFound, "find Security Manager", "no Security Manager is registered there; register one with: manoward sm register", nil)
	}
	return s, hub.E(hub.NotFound, "find Security Manager", fmt.Sprintf("there is no Security Manager %q here; list them with \"manoward sm list\"", s.name), nil)
}

// base is below which everything of the Security Manager is.
func (s *remoteSM) base() string { return "/security_managers/" + url.PathEscape(s.name) }

// path is the address of something of the Security Manager.
func (s *remoteSM) path(below string, query url.Values) string {
	all := s.query(query)
	path := s.base() + below
	if len(all) > 0 {
		path += "?" + all.Encode()
	}
	return path
}

// query adds what says which of several Security Managers of one name is meant.
func (s *remoteSM) query(query url.Values) url.Values {
	all := url.Values{}
	for name, values := range query {
		all[name] = values
	}
	if s.domain != "" {
		all.Set("trustDomain", s.domain)
	}
	return all
}

// do sends one request about the Security Manager; see [httpapi.Client.Do].
func (s *remoteSM) do(ctx context.Context, method, below string, query url.Values, in, out any, options ...httpapi.CallOption) (*httpapi.Answer, error) {
	answer, err := s.client.Do(ctx, method, s.path(below, query), in, out, options...)
	return answer, s.ifItRuns(ctx, err)
}

// ifItRuns returns err, or when what was asked for is not there because nobody runs
// the Security Manager, that.
func (s *remoteSM) ifItRuns(ctx context.Context, err error) error {
	if hub.CodeOf(err) != hub.NotFound {
		return err
	}
	if _, none := s.client.Do(ctx, http.MethodGet, s.path("/status", nil), nil, nil); hub.CodeOf(none) != hub.NotFound {
		return err
	}
	text := "Security Manager %s of trust domain %s is not run by this hub; have it run by naming it under securityManagers in the configuration, or ask the program that holds its credentials"
	return hub.E(hub.NotFound, "find Security Manager", fmt.Sprintf(text, s.name, s.domain), err)
}

// listOf reads a whole list of the Security Manager's.
func listOf[T any](ctx context.Context, s *remoteSM, below string, query url.Values) ([]T, error) {
	all, err := list[T](ctx, s.client, s.base()+below, s.query(query))
	return all, s.ifItRuns(ctx, err)
}

// text reads something that is no JSON, or is wanted as it is.
func (s *remoteSM) text(ctx context.Context, below string, query url.Values, mediaType string, most int64) ([]byte, error) {
	body, _, err := s.client.Download(ctx, s.path(below, query), mediaType)
	if err != nil {
		return nil, s.ifItRuns(ctx, err)
	}
	defer body.Close()
	raw, err := io.ReadAll(io.LimitReader(body, most+1))
	switch {
	case err != nil:
		return nil, hub.E(hub.Unavailable, "read answer", "the answer broke off; try again", err)
	case int64(len(raw)) > most:
		return nil, hub.E(hub.Unavailable, "read answer", fmt.Sprintf("the answer is larger than the %d bytes that are taken", most), nil)
	}
	return raw, nil
}

// control orders something of the Security Manager as a whole for a reason.
func (s *remoteSM) control(ctx context.Context, below, reason string, out any) error {
	_, err := s.do(ctx, http.MethodPost, below, nil, map[string]string{"reason": reason}, out)
	return err
}

// told is an answer of the hub, printed with all that it says, also what this
// program does not know.
type told[T any] struct {
	is  T
	raw json.RawMessage
}

// UnmarshalJSON implements [json.Unmarshaler].
func (t *told[T]) UnmarshalJSON(raw []byte) error {
	t.raw = append(json.RawMessage{}, raw...)
	return json.Unmarshal(raw, &t.is)
}

// MarshalJSON implements [json.Marshaler].
func (t told[T]) MarshalJSON() ([]byte, error) { return t.raw, nil }

// reasonFlag adds --reason, which a verb needs because it is recorded.
func reasonFlag(c *cobra.Command, reason *string) {
	c.Flags().StringVar(reason, "reason", "", "why; it is recorded (required)")
	before := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if strings.TrimSpace(*reason) == "" {
			return usage("--reason is missing: say why, for the records")
		}
		if before != nil {
			return before(c, args)
		}
		return nil
	}
}

// during does something that may take long and tells each second that it goes on.
func (p *program) during(what string, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			p.say("%s", what)
		}
	}
}

// moment prints a time for people, to the second.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// cell is a text in one cell of a table.
func cell(s string) string {
	return dash(strings.NewReplacer("\n", " ", "\t", " ").Replace(s))
}
