package wire

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/mano-core/vnfm"
	"github.com/manoward/manoward/mano-core/vnfm/vnfmapi"
)

// newVNFM makes the VNFM, which asks the NFVO for grants and packages and the
// VIM for resources.
func (h *hubProcess) newVNFM() (*function, error) {
	outbox := h.newOutbox("VNFM", hub.KindVNFM, func(*notify.Subscription) (*http.Client, error) { return h.outsideClient() })
	certificates, endKeys := h.certificates()
	service := vnfm.New(vnfm.Config{
		Tables: tables{h.bus}, Publisher: outbox, Callbacks: outbox, Record: h.logs.Append,
		NFVO:         h.functionAPI(hub.KindVNFM, hub.OrVnfm, "/grant/v1", "1.7.0"),
		VIM:          h.functionAPI(hub.KindVNFM, hub.VIM, "/vim/v1", vimVersion),
		VNFD:         descriptors{h.functionAPI(hub.KindVNFM, hub.OrVnfm, "/vnfpkgm/v2", "2.4.0")}.vnfd,
		Certificates: certificates,
		Reach:        h.newVNFCredentials().client, IndicatorInterval: h.cfg.Indicators.Interval,
		Root:       h.functionURL(hub.VNFM) + "/vnflcm/v2",
		Callback:   h.functionURL(hub.VNFM) + vnfmapi.NotificationPath,
		Connection: vimID, Now: time.Now, Log: h.log.With("part", "vnfm"),
	})
	h.addRoutes(hub.VNFM, func(mux *httpapi.Mux) {
		(&vnfmapi.API{Service: service, Subscriptions: outbox, Authorize: h.authorizer(hub.VNFM)}).Routes(mux)
	})
	return &function{
		name: "VNFM",
		open: func(ctx, work context.Context, domains []string) error {
			if err := outbox.Open(ctx, work, domains...); err != nil {
				return err
			}
			return service.Open(ctx, work, domains...)
		},
		start: func(ctx, work context.Context) error {
			h.run("watch computes", work, func(ctx context.Context) error {
				_ = service.Watch(ctx) // ends with ctx and only then
				return nil
			})
			h.run("watch certificates", work, func(ctx context.Context) error {
				_ = service.WatchCertificates(ctx) // as above
				return nil
			})
			h.run("ask for indicators", work, func(ctx context.Context) error {
				_ = service.Indicators().Watch(ctx) // as above
				return nil
			})
			h.run("configure VNFs", work, func(ctx context.Context) error {
				_ = service.Configuration().Watch(ctx) // as above
				return nil
			})
			h.run("measure VNFs", work, func(ctx context.Context) error {
				_ = service.Performance().Watch(ctx) // as above
				return nil
			})
			return service.Resume(ctx)
		},
		add: func(ctx context.Context, domain string) error {
			if err := outbox.Add(ctx, domain); err != nil {
				return err
			}
			return service.Add(ctx, domain)
		},
		remove: func(domain string) error { outbox.Remove(domain); service.Remove(domain); return nil },
		check:  service.Ready,
		wait:   func() { service.Close(); outbox.Wait(); endKeys() },
	}, nil
}

// vimVersion is the version of the VIM's API that its consumers here speak.
const vimVersion = "1.0.0"

// descriptors reads VNFDs from the NFVO's packages, over Or-Vnfm as any VNFM does
// (SOL 003 clause 10).
type descriptors struct{ nfvo *httpapi.Client }

// The bounds of the archive of a VNFD, in bytes. Unpacked it has room for all that
// a descriptor may have (sol001); TOSCA.meta is that of a package (csar).
const (
	maxVnfd         = 16 << 20
	maxVnfdUnpacked = 256 << 20
	maxVnfdMeta     = 4 << 20
)

func (d descriptors) vnfd(ctx context.Context, domain, vnfdID string) (*sol001.VNFD, string, error) {
	const op = "read VNFD"
	id := ""
	filter := url.Values{"filter": {fmt.Sprintf("(eq,vnfdId,%s);(eq,userDefinedData/manoward.trustDomain,%s)", quoteFilter(vnfdID), quoteFilter(domain))}, "fields": {"userDefinedData"}}
	for info, err := range httpapi.All[struct {
		ID string `json:"id"`
	}](ctx, d.nfvo, "/vnf_packages", filter) {
		if err != nil {
			return nil, "", err
		}
		id = info.ID
	}
	if id == "" {
		return nil, "", hub.E(hub.NotFound, op, fmt.Sprintf("there is no VNFD %.80q in trust domain %s; on-board its package first", vnfdID, domain), nil)
	}
	body, _, err := d.nfvo.Download(ctx, "/vnf_packages/"+url.PathEscape(id)+"/vnfd", "application/zip")
	if err != nil {
		return nil, "", err
	}
	defer body.Close()
	raw, err := io.ReadAll(io.LimitReader(body, maxVnfd+1))
	if err != nil {
		return nil, "", hub.E(hub.Unavailable, op, "the VNFD broke off on its way from the NFVO", err)
	}
	if len(raw) > maxVnfd {
		return nil, "", hub.E(hub.Unprocessable, op, "the VNFD is larger than 16 MiB", nil)
	}
	v, err := parseVnfd(raw)
	return v, id, err
}

func quoteFilter(s string) string {
	return "'" + string(bytes.ReplaceAll([]byte(s), []byte("'"), []byte("''"))) + "'"
}

// parseVnfd reads a VNFD as the NFVO gives it: a ZIP of its files, with TOSCA.meta
// if the package has one. What it says of its sizes holds: archive/zip reads no
// more than that of a file.
func parseVnfd(raw []byte) (*sol001.VNFD, error) {
	const op, tosca = "read VNFD", "TOSCA-Metadata/TOSCA.meta"
	files, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, hub.E(hub.Unprocessable, op, "the NFVO did not send a ZIP", err)
	}
	left, entry, hasMeta := uint64(maxVnfdUnpacked), "", false
	for _, f := range files.File {
		if f.UncompressedSize64 > left || f.Name == tosca && f.UncompressedSize64 > maxVnfdMeta {
			return nil, hub.E(hub.Unprocessable, op, fmt.Sprintf("the VNFD is too large at %.80q: it may have %d MiB unpacked, and %d MiB of TOSCA.meta; leave out of it what is no descriptor", f.Name, maxVnfdUnpacked>>20, maxVnfdMeta>>20), nil)
		}
		left -= f.UncompressedSize64
		hasMeta = hasMeta || f.Name == tosca
		if !strings.Contains(f.Name, "/") && slices.Contains([]string{".yaml", ".yml"}, path.Ext(f.Name)) {
			entry = f.Name // the one definition in the root, unless TOSCA.meta names another
		}
	}
	if hasMeta {
		meta, err := fs.ReadFile(files, tosca)
		if err != nil {
			return nil, hub.E(hub.Unprocessable, op, "TOSCA.meta of the VNFD cannot be unpacked; on-board its package again", err)
		}
		for line := range strings.Lines(string(meta)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(key), "Entry-Definitions") {
				entry = strings.TrimSpace(value)
			}
		}
	}
	if entry == "" {
		return nil, hub.E(hub.Unprocessable, op, "the VNFD has no service template that TOSCA.meta names, nor one in its root", nil)
	}
	return sol001.ParseVNFD(files, entry)
}
