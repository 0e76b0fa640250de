package wire

import (
	"context"
	"net/http"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/mano-core/vim"
	"github.com/manoward/manoward/mano-core/vim/scvi"
	"github.com/manoward/manoward/mano-core/vim/vimapi"
)

// vimID is how the VIM of this hub is called in grants and answers.
const vimID = "vim"

// newVIM makes the VIM, with Or-Vi and Vi-Vnfm on its own listener and Sc-Vi
// behind the gate of the Security Managers.
func (h *hubProcess) newVIM() (*function, error) {
	outbox := h.newOutbox("VIM", hub.KindVIM, func(s *notify.Subscription) (*http.Client, error) {
		owner, err := hub.ParseIdentity(s.Owner)
		if err != nil {
			return nil, err
		}
		if owner.Kind == hub.KindSM {
			return h.smClient(hub.ScVi, owner)
		}
		return h.outsideClient()
	})
	model := vim.New(vim.Config{
		Tables: tables{h.bus}, VimID: vimID, Publish: outbox.Publish, Domains: h.domainNames, Now: time.Now, Log: h.log.With("part", "vim"),
	})
	h.addRoutes(hub.VIM, func(mux *httpapi.Mux) {
		(&vimapi.API{Model: model, Authorize: h.authorizer(hub.VIM), Subscriptions: outbox}).Routes(mux)
	})
	h.addRoutes(hub.ScVi, func(mux *httpapi.Mux) {
		(&scvi.API{Model: model, Authorize: h.smReader(hub.ScVi), Subscriptions: outbox}).Routes(mux)
	})
	return &function{
		name: "VIM",
		open: func(ctx, work context.Context, domains []string) error {
			if err := outbox.Open(ctx, work, domains...); err != nil {
				return err
			}
			return model.Open(ctx, work)
		},
		start:  func(context.Context, context.Context) error { return nil },
		add:    outbox.Add,
		remove: func(domain string) error { outbox.Remove(domain); return nil },
		check:  model.Ready,
		wait:   func() { outbox.Wait() },
	}, nil
}

// domainNames lists the trust domains of users.
func (h *hubProcess) domainNames() []string { return h.storageDomains()[1:] }
