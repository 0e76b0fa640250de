package wire

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/mano-core/catalogue"
	"github.com/manoward/manoward/mano-core/nfvo"
	"github.com/manoward/manoward/mano-core/scor"
	"github.com/manoward/manoward/mano-core/trust"
	"github.com/manoward/manoward/mano-core/vim"
	"github.com/manoward/manoward/mano-core/vnfm"
	"github.com/manoward/manoward/mano-core/vnfm/indicators"
	"github.com/manoward/manoward/smgr/smgrapi"
)

// packages joins the catalogue to the ports of the NFVO and of Sc-Or.
type packages struct{ *catalogue.Service }

// Use implements [nfvo.Packages].
func (p packages) Use(ctx context.Context, domain, vnfdID string) (nfvo.Package, error) {
	pkg, summary, err := p.Service.Use(ctx, catalogue.VNF, domain, vnfdID)
	if err != nil {
		return nfvo.Package{}, err
	}
	integrity := nfvo.Integrity{Verdict: "PASSED", Checksum: summary.SHA256, PackageSecurityOption: summary.SecurityOption}
	if summary.Result != "OK" {
		integrity.Verdict = summary.Result
	}
	if len(summary.Signers) > 0 {
		integrity.Signer = summary.Signers[0]
	}
	return nfvo.Package{VnfPkgID: pkg.ID, VNFD: pkg.VNFD, Integrity: integrity}, nil
}

// VNFD implements [nfvo.Packages].
func (p packages) VNFD(ctx context.Context, domain, vnfdID string) (*sol001.VNFD, error) {
	pkg, err := p.Find(ctx, catalogue.VNF, domain, vnfdID)
	return pkg.VNFD, err
}

// Image implements [nfvo.Packages].
func (p packages) Image(ctx context.Context, vnfPkgID, name string) (io.ReadCloser, int64, string, error) {
	pkg, err := p.Get(ctx, catalogue.VNF, vnfPkgID)
	if err != nil {
		return nil, 0, "", err
	}
	for id, image := range pkg.Images() { // the NFVO names an image as its descriptor does, the catalogue by what it is for
		if image.Name == name {
			name = id
			break
		}
	}
	r, size, algorithm, checksum, err := p.Service.Image(ctx, vnfPkgID, name)
	if err != nil {
		return nil, 0, "", err
	}
	if strings.EqualFold(algorithm, "SHA-256") {
		return r, size, checksum, nil
	}
	// The VIM's content is compared by SHA-256; a descriptor that states another
	// digest costs one reading more.
	sum := sha256.New()
	if err := errors.Join(drainInto(sum, r), r.Close()); err != nil {
		return nil, 0, "", err
	}
	r, size, _, _, err = p.Service.Image(ctx, vnfPkgID, name)
	return r, size, hex.EncodeToString(sum.Sum(nil)), err
}

func drainInto(w io.Writer, r io.Reader) error {
	_, err := io.Copy(w, r)
	return err
}

// Disable implements [nfvo.Packages].
func (p packages) Disable(ctx context.Context, vnfPkgID string, actor hub.Identity) error {
	off := false
	_, err := p.Service.Modify(ctx, actor, catalogue.VNF, vnfPkgID, func(now catalogue.Package) (catalogue.Modification, error) {
		if !now.Enabled {
			return catalogue.Modification{}, nil
		}
		return catalogue.Modification{Enabled: &off}, nil
	})
	return err
}

// NSD implements [nfvo.Descriptors].
func (p packages) NSD(ctx context.Context, domain, nsdID string) (nfvo.NSD, error) {
	pkg, err := p.find(ctx, catalogue.NSD, domain, nsdID)
	return nfvo.NSD{NSD: pkg.NSD, InfoID: pkg.ID, Domain: pkg.Domain, Disabled: !pkg.Enabled}, err
}

// PNFD implements [nfvo.Descriptors].
func (p packages) PNFD(ctx context.Context, domain, pnfdID string) (nfvo.PNFD, error) {
	pkg, err := p.find(ctx, catalogue.PNF, domain, pnfdID)
	return nfvo.PNFD{PNFD: pkg.PNFD, InfoID: pkg.ID}, err
}

// find finds a descriptor in a trust domain, or, for the hub, in the one domain
// that has it.
func (p packages) find(ctx context.Context, kind catalogue.Kind, domain, id string) (catalogue.Package, error) {
	const op = "find descriptor"
	if domain != trust.HubDomain {
		return p.Find(ctx, kind, domain, id)
	}
	var found []catalogue.Package
	for _, d := range p.Domains() {
		pkg, err := p.Find(ctx, kind, d, id)
		switch hub.CodeOf(err) {
		case "":
			found = append(found, pkg)
		case hub.NotFound:
		default:
			return catalogue.Package{}, err
		}
	}
	switch len(found) {
	case 0:
		return catalogue.Package{}, hub.E(hub.NotFound, op, fmt.Sprintf("no %s %.80q is on-boarded", kind, id), nil)
	case 1:
		return found[0], nil
	}
	return catalogue.Package{}, hub.E(hub.Conflict, op, fmt.Sprintf("%s %.80q is on-boarded in %d trust domains; ask as a client of the one that is meant", kind, id, len(found)), nil)
}

// orders joins the NFVO to the port of Sc-Or.
type orders struct{ *nfvo.Service }

// Update implements [scor.NFVO].
func (o orders) Update(ctx context.Context, order scor.Order) (string, error) {
	id, _, err := o.Service.Update(ctx, nfvo.Order{Actor: order.Actor, IdempotencyKey: order.Key, NsInstanceID: order.NsInstanceID}, order.Request)
	return id, err
}

// StopUse implements [scor.NFVO].
func (o orders) StopUse(ctx context.Context, order scor.HostOrder) (string, error) {
	made, _, err := o.Service.StopUse(ctx, nfvo.Order{Actor: order.Actor, IdempotencyKey: order.Key}, order.HostID,
		nfvo.StopUseRequest{Vnfs: order.VNFs, Quarantine: order.Quarantine, Reason: order.Reason})
	if err != nil {
		return "", err
	}
	return made.ID, nil
}

// HostOrder implements [scor.NFVO].
func (o orders) HostOrder(ctx context.Context, id string) (string, any, error) {
	order, err := o.Service.HostOrder(ctx, id)
	if err != nil {
		return "", nil, err
	}
	return order.TrustDomain, order, nil
}

// SecurityProfile implements [scor.NFVO].
func (o orders) SecurityProfile(ctx context.Context, nsInstanceID, vnfProfileID, vnfdID string) (bool, error) {
	return o.IsSecurityProfile(ctx, nsInstanceID, vnfProfileID, vnfdID)
}

// SecurityMember implements [scor.NFVO].
func (o orders) SecurityMember(ctx context.Context, nsInstanceID, vnfInstanceID string) (bool, error) {
	return o.IsSecurityMember(ctx, nsInstanceID, vnfInstanceID)
}

// SecurityVnfd implements [scor.NFVO].
func (o orders) SecurityVnfd(ctx context.Context, nsInstanceID, vnfdID string) (bool, error) {
	return o.IsSecurityVnfd(ctx, nsInstanceID, vnfdID)
}

// outsideRoots is whom the hub trusts at addresses that others gave it.
func (h *hubProcess) outsideRoots() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	file := h.cfg.Notifications.CA
	if file == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, hub.E(hub.Invalid, "read notifications.ca", fmt.Sprintf("%s cannot be read by this user", file), err)
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, hub.E(hub.Invalid, "read notifications.ca", fmt.Sprintf("%s holds no PEM certificate", file), nil)
	}
	return conf, nil
}

// loopbackPeers says whether peers may be on this machine: when the hub itself is
// for this machine only, or when it was asked for.
func (h *hubProcess) loopbackPeers() bool {
	ip := net.ParseIP(h.cfg.Listen.Host)
	return h.cfg.Notifications.AllowLoopbackHTTP || h.cfg.Listen.Host == "localhost" || ip != nil && ip.IsLoopback()
}

// delivery is a subscription with how it is doing, for operators.
type delivery struct {
	ID          string          `json:"id"`
	API         string          `json:"api"`
	TrustDomain string          `json:"trustDomain"`
	Owner       string          `json:"owner"`
	CallbackURI string          `json:"callbackUri"`
	Filter      json.RawMessage `json:"filter,omitempty"`
	notify.Delivery
}

// notifyingAPIs are the APIs that have subscriptions.
var notifyingAPIs = []string{"nslcm", nfvo.FaultAPI, nfvo.PerformanceAPI, catalogue.APIPackages, catalogue.APIOrVnfm, catalogue.APINSD, vnfm.API, vnfm.FaultAPI, vnfm.PerformanceAPI, indicators.API, vim.API, vim.ScVi, smgrapi.PolicyAPI}

// listDeliveries tells an operator who gets what, and whether it arrives.
func (n *nfvoRole) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	if _, err := n.authorizer(hub.OsMa)(r, "subscription.query", "", ""); err != nil {
		return err
	}
	caller := httpapi.Caller(r.Context())
	list := []delivery{}
	for _, o := range n.outboxes {
		doing := map[string]notify.Delivery{}
		for _, d := range o.Deliveries(r.Context()) {
			doing[d.Subscription] = d
		}
		for _, api := range notifyingAPIs {
			for s := range o.Subscriptions(api, "") {
				if caller.TrustDomain == trust.HubDomain || s.Owner == caller.String() {
					list = append(list, delivery{s.ID, s.API, s.TrustDomain, s.Owner, s.CallbackURI, s.Filter, doing[s.ID]})
				}
			}
		}
	}
	return httpapi.List(w, r, httpapi.ListOptions{}, httpapi.SliceSource(list, func(d delivery) string { return d.ID }))
}
