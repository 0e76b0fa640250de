package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// The APIs that the verbs below speak, with the versions of SOL V3.7.1.
const (
	apiNsLcm   = "/nslcm/v2"
	apiNsFm    = "/nsfm/v1"
	apiVnfFm   = "/vnffm/v1"
	apiVnfLcm  = "/vnflcm/v2"
	apiVnfInd  = "/vnfind/v1"
	apiNsPm    = "/nspm/v2"
	apiVnfPm   = "/vnfpm/v2"
	apiVnfPkgm = "/vnfpkgm/v2"
	apiNsd     = "/nsd/v2"
	apiVim     = "/vim/v1"
	apiOwn     = "/manoward/v1"
)

// nslcm, nsfm, vnffm, vnfind, nspm, vnfpm, vnfpkgm, nsd, nfvoExtensions and vim connect to one API
// each, with the operator's credential.
func (p *program) nslcm(ctx context.Context) (*httpapi.Client, error) {
	return p.clientFor(ctx, hub.OsMa, apiNsLcm, "2.3.0")
}
func (p *program) nsfm(ctx context.Context) (*httpapi.Client, error) {
	return p.clientFor(ctx, hub.OsMa, apiNsFm, "1.3.0")
}
func (p *program) vnffm(ctx context.Context) (*httpapi.Client, error) {
	return p.clientFor(ctx, hub.VNFM, apiVnfFm, "1.5.0")
}
func (p *program) vnfind(ctx context.Context) (*httpapi.Client, error) {
	return p.clientFor(ctx, hub.VNFM, apiVnfInd, "1.4.0")
}
func (p *program) nspm(ctx context.Context) (*httpapi.Client, error) {
	return p.clientFor(ctx, hub.OsMa, apiNsPm, "2.3.0")
}
func (p *program) vnfpm(ctx context.Context) (*httpapi.Client, error) {
	return p.clientFor(ctx, hub.VNFM, apiVnfPm, "2.2.0")
}
func (p *program) vnfpkgm(ctx context.Context) (*httpapi.Client, error) {
	return p.clientFor(ctx, hub.OsMa, apiVnfPkgm, "2.4.0")
}
func (p *program) nsdm(ctx context.Context) (*httpapi.Client, error) {
	return p.clientFor(ctx, hub.OsMa, apiNsd, "2.3.0")
}
func (p *program) nfvoExtensions(ctx context.Context) (*httpapi.Client, error) {
	return p.clientFor(ctx, hub.OsMa, apiOwn, apiVersion)
}
func (p *program) vimClient(ctx context.Context) (*httpapi.Client, error) {
	return p.clientFor(ctx, hub.VIM, apiVim, "1.0.0")
}

// trustDomainKey is where packages and descriptors carry their trust domain.
const trustDomainKey = "manoward.trustDomain"

// list reads a whole list resource.
func list[T any](ctx context.Context, client *httpapi.Client, path string, query url.Values) ([]T, error) {
	all := []T{}
	for item, err := range httpapi.All[T](ctx, client, path, query) {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}

// listVerb is a verb that lists resources, one line each.
func listVerb[T any](p *program, c *cobraVerb, connect func(context.Context) (*httpapi.Client, error), path string, query func() (url.Values, error), header string, line func(T) string) {
	c.Args = exactly()
	c.RunE = func(cmd *cobraVerb, _ []string) error {
		q, err := query()
		if err != nil {
			return err
		}
		client, err := connect(cmd.Context())
		if err != nil {
			return err
		}
		all, err := list[T](cmd.Context(), client, path, q)
		if err != nil {
			return err
		}
		return p.print(all, func(w io.Writer) {
			fmt.Fprintln(w, header)
			for _, item := range all {
				fmt.Fprintln(w, strings.ReplaceAll(line(item), "\n", `\n`))
			}
		})
	}
}

// showVerb is a verb that shows one resource.
func showVerb[T any](p *program, c *cobraVerb, connect func(context.Context) (*httpapi.Client, error), path string, table func(w io.Writer, v *T)) {
	c.Args = exactly("ID")
	c.RunE = func(cmd *cobraVerb, args []string) error {
		client, err := connect(cmd.Context())
		if err != nil {
			return err
		}
		var v T
		if _, err := client.Do(cmd.Context(), http.MethodGet, path+url.PathEscape(args[0]), nil, &v); err != nil {
			return err
		}
		return p.print(&v, func(w io.Writer) { table(w, &v) })
	}
}

// deleteVerb is a verb that removes one resource.
func deleteVerb(p *program, c *cobraVerb, connect func(context.Context) (*httpapi.Client, error), path string) {
	c.Args = exactly("ID")
	c.RunE = func(cmd *cobraVerb, args []string) error {
		client, err := connect(cmd.Context())
		if err != nil {
			return err
		}
		if _, err := client.Do(cmd.Context(), http.MethodDelete, path+url.PathEscape(args[0]), nil, nil); err != nil {
			return err
		}
		p.say("deleted %s", args[0])
		return nil
	}
}

// upload sends a file as the body of a PUT and tells how far it is when that
// takes long.
func (p *program) upload(ctx context.Context, client *httpapi.Client, path, file string) error {
	const op = "upload package"
	f, err := os.Open(file)
	if err != nil {
		return hub.E(hub.Invalid, op, fmt.Sprintf("%s cannot be read: %v", file, pathCause(err)), nil)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return hub.E(hub.Invalid, op, file+" is no file", nil)
	}
	body := &progress{r: f, total: info.Size(), say: p.say, next: time.Now().Add(time.Second)}
	_, err = client.Upload(ctx, path, "application/zip", body, info.Size())
	return err
}

// onboarding is how one kind of package enters the catalogue.
type onboarding struct {
	collection, content string // path of the collection, and of the content below a package
	noun                string // for people
	// state returns how far the package is, and why it was refused.
	state func() (state string, why *sol005.ProblemDetails)
}

// onboard creates a package, uploads a file as its content and waits for the
// verdict. into is what the state function looks at. What was refused does not
// remain.
func (p *program) onboard(ctx context.Context, client *httpapi.Client, o onboarding, domain, file string, into any) error {
	if _, err := os.Stat(file); err != nil { // before anything is created
		return hub.E(hub.Invalid, "on-board "+o.noun, fmt.Sprintf("%s cannot be read: %v", file, pathCause(err)), nil)
	}
	in := map[string]any{"userDefinedData": map[string]string{trustDomainKey: domain}}
	answer, err := client.Do(ctx, http.MethodPost, o.collection, in, nil)
	if err != nil {
		return err
	}
	path := o.collection + "/" + lastSegment(answer.Location)
	if err := p.upload(ctx, client, path+"/"+o.content, file); err != nil {
		p.discard(ctx, client, path)
		return err
	}
	err = p.poll(ctx, func() string { return "checking the " + o.noun }, func() (bool, error) {
		_, err := client.Do(ctx, http.MethodGet, path, nil, into)
		state, _ := o.state()
		return state == "ONBOARDED" || state == "ERROR", err
	})
	if err != nil {
		if outOfSight(ctx, err) {
			p.say("the hub has the %s as %s and goes on with it by itself", o.noun, lastSegment(answer.Location))
		}
		return err
	}
	if state, why := o.state(); state == "ERROR" {
		p.discard(ctx, client, path)
		return hub.E(hub.Unprocessable, "on-board "+o.noun, refusalText(o.noun, why), nil)
	}
	return nil
}

// outOfSight says whether a verb ends because it can wait no longer, and not
// because of what it waits for.
func outOfSight(ctx context.Context, err error) bool {
	return ctx.Err() != nil || hub.CodeOf(err) == hub.Unavailable
}

// discard removes what a failed on-boarding left. That it could not be removed
// is told; the failure itself is what the verb ends with.
func (p *program) discard(ctx context.Context, client *httpapi.Client, path string) {
	if _, err := client.Do(context.WithoutCancel(ctx), http.MethodDelete, path, nil, nil); err != nil {
		p.say("%s, which has no content, remains and can be deleted: %s", lastSegment(path), message(err))
	}
}

// refusalText says why a package was refused, a line for each reason when there
// are several.
func refusalText(noun string, d *sol005.ProblemDetails) string {
	switch {
	case d == nil:
		return "the " + noun + " was refused, and the hub does not say why; see its log"
	case len(d.Findings) > 1:
		return fmt.Sprintf("the %s is refused, %d problems:\n  %s", noun, len(d.Findings), strings.Join(d.Findings, "\n  "))
	}
	return "the " + noun + " is refused: " + strings.TrimPrefix(d.Detail, "the package is refused: ")
}

// domainColumn is the trust domain that a package's user data names.
func domainColumn(data sol005.KeyValuePairs) string {
	domain, _ := data[trustDomainKey].(string)
	return dash(domain)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// product names what a descriptor describes, which one that was never on-boarded
// does not say.
func product(name, version, provider string) string {
	if name == "" {
		return "-"
	}
	return fmt.Sprintf("%s %s of %s", name, version, provider)
}

// pathCause is the cause of a failure on a file, without its path.
func pathCause(err error) error {
	if e, ok := err.(*os.PathError); ok {
		return e.Err
	}
	return err
}

// progress tells each second how much was read.
type progress struct {
	r           io.Reader
	done, total int64
	say         func(string, ...any)
	next        time.Time
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.done += int64(n)
	if now := time.Now(); now.After(p.next) && p.total > 0 {
		p.say("sent %d of %d MiB", p.done>>20, p.total>>20)
		p.next = now.Add(time.Second)
	}
	return n, err
}

// poll asks until done says so, at growing intervals, and tells every second what
// it waits for, unless what is nil.
func (p *program) poll(ctx context.Context, what func() string, done func() (bool, error)) error {
	pause, told := 50*time.Millisecond, time.Now()
	for {
		ok, err := done()
		if err != nil || ok {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		pause = min(pause*2, time.Second)
		if what != nil && time.Since(told) > time.Second {
			p.say("%s", what())
			told = time.Now()
		}
	}
}

// lastSegment is the identifier at the end of a Location.
func lastSegment(location string) string {
	return location[strings.LastIndex(location, "/")+1:]
}
