package wire

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/cmf/cmfapi"
	"github.com/manoward/manoward/cmf/direct"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
	"github.com/manoward/manoward/mano-core/vnfm"
	"github.com/manoward/manoward/mano-core/vnfm/delegation"
)

// newFollower makes the CMF follow the hub's own VNFM over Cm-Vnfm.
func (c *cmfRole) newFollower() {
	self := trust.FunctionIdentity(hub.KindCMF)
	manager := trust.FunctionIdentity(hub.KindVNFM).String()
	c.vnfm = direct.New(direct.Config{
		Store: c.store, VNFM: c.functionAPI(hub.KindCMF, hub.VNFM, "/vnflcm/v2", "2.3.0"), Manager: manager,
		Callback: c.functionURL(hub.CmVnfm) + cmfapi.NotificationPath, Direct: c.cfg.CertificateManagement.DirectMode,
		Prepare: func(ctx context.Context, domain string, in certmgmt.RegisterRequest) error {
			return c.enrol.Prepare(ctx, manager, domain, in)
		},
		End: func(ctx context.Context, domain, id string) error {
			return c.life.RegistrationEnded(ctx, domain, id, lifecycle.CessationOfOperation, self)
		},
		Now: time.Now, Log: c.hubProcess.log.With("part", "cmf"),
	})
}

// vnfmEvery is how often it is looked whether a VNFM is there to be followed.
const vnfmEvery = time.Second

// followVNFM follows the VNFM from when some process has told where it is: there may
// be none, and one that runs elsewhere may be started later.
func (c *cmfRole) followVNFM(ctx context.Context) error {
	for c.url(hub.VNFM) == "" {
		if wait(ctx, vnfmEvery) != nil {
			return nil // ctx ended
		}
	}
	return c.vnfm.Run(ctx)
}

// certificates gets certificates for the VNFM's VNFCs; nil where it has no device to
// make their keys in. end ends the use of the device.
func (h *hubProcess) certificates() (c vnfm.Certificates, end func()) {
	keys, end := h.vnfcKeys()
	if keys == nil {
		return nil, end // an interface that holds nothing is not nil
	}
	cmf := h.functionAPI(hub.KindVNFM, hub.CmVnfm, "/"+certmgmt.Name+"/"+certmgmt.Major, certmgmt.Version)
	return &delegation.Delegation{Client: func(string) *httpapi.Client { return cmf }, Keys: keys}, end
}

// vnfcKeys is the device in which keys of VNFCs are made; nil: there is none.
func (h *hubProcess) vnfcKeys() (keys delegation.Keys, end func()) {
	device, token := h.cfg.CertificateManagement.VNFMDevice, h.cfg.CertificateManagement.VNFMToken
	switch {
	case device != "":
		return &delegation.TPM{Device: device, Dir: h.dir.file("vnfm-keys")}, func() {}
	case token.Module != "":
		in := &delegation.Token{Now: time.Now, Open: func(ctx context.Context) (attester.Token, error) {
			return openToken(ctx, token.Module, token.TokenLabel, token.PINFile)
		}}
		return in, func() {
			if err := in.Close(); err != nil {
				h.log.Warn("the VNFM's token is not closed", "err", err)
			}
		}
	}
	return nil, func() {}
}

// quarantined tells the CMF of a VNF that was on a host when that was quarantined, and
// since when it was not there any more.
// Where nobody serves Cm-Vnfm there are no certificates to end.
func (h *hubProcess) quarantined(ctx context.Context, domain, vnfInstanceID string, at time.Time) error {
	if h.url(hub.CmVnfm) == "" {
		return nil
	}
	cmf := h.functionAPI(hub.KindNFVO, hub.CmVnfm, "/manoward/v1", "1.0.0")
	_, err := cmf.Do(ctx, http.MethodPost, "/trust_domains/"+url.PathEscape(domain)+"/vnf_instances/"+url.PathEscape(vnfInstanceID)+"/quarantine", cmfapi.Quarantine{At: at}, nil)
	return err
}
