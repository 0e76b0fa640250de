package notify_test

import (
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
)

func TestAttach(t *testing.T) {
	w := newWorld()
	c := w.config()
	c.MaxOwned = 1
	o, _ := w.open(t, c)
	const one, two = "https://a.example/1", "https://a.example/2"
	must(t, o.Attach(request(t, ""), "job-1", input(one, `{"authType":["BASIC"],"paramsBasic":{"userName":"u","password":"p"}}`)))
	must(t, o.Attach(request(t, ""), "job-2", input(one, ""))) // whoever has the jobs counts them
	s, err := o.Subscription(within(t), "nslcm", "job-1")
	must(t, err)
	if !strings.HasSuffix(s.Self, "/job-1") || string(s.Auth.Password) != "sealed "+notify.SecretLabel("job-1")+" p" || !s.Attached {
		t.Errorf("%+v", s)
	}
	if sub, created, err := o.Request(request(t, ""), input(one, "")); err != nil || !created || sub.ID == "job-2" {
		t.Errorf("a subscription with the same callback: %v, %v", created, err)
	}
	w.endpoints.set(two, 404)
	wantCode(t, o.Redirect(request(t, ""), "nslcm", "job-1", notify.Redirection{CallbackURI: two}), hub.Unprocessable)
	wantCode(t, o.Redirect(request(t, ""), "nslcm", "none", notify.Redirection{CallbackURI: one}), hub.NotFound)
	wantCode(t, o.Attach(request(t, ""), "job-3", input(two, "")), hub.Unprocessable)
	wantCode(t, o.Attach(request(t, ""), "job-3", input("http://a.example/", "")), hub.Unprocessable)
	w.endpoints.set(two, 204)
	must(t, o.Redirect(request(t, ""), "nslcm", "job-1", notify.Redirection{CallbackURI: two}))
	if name, password, ok := w.endpoints.last.BasicAuth(); !ok || name != "u" || password != "p" {
		t.Errorf("tested as %q: the authentication stays unless another is given", name)
	}
	must(t, o.Redirect(request(t, ""), "nslcm", "job-1", notify.Redirection{NewAuthentication: true}))
	if s, err = o.Subscription(within(t), "nslcm", "job-1"); err != nil || s.Auth != nil || s.CallbackURI != two {
		t.Errorf("%+v, %v", s, err)
	}
	must(t, o.Attach(request(t, ""), "job-1", input(one, "")))
	if s, err = o.Subscription(within(t), "nslcm", "job-1"); err != nil || s.CallbackURI != one {
		t.Errorf("%+v, %v", s, err)
	}
}
