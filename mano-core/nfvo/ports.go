package nfvo

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
)

// Integrity is what the catalogue found when it verified a package again
// (Sc-Or.NsLcm.006).
type Integrity struct {
	Verdict               string `json:"verdict"` // PASSED, or why not
	Checksum              string `json:"checksum,omitempty"`
	PackageSecurityOption string `json:"packageSecurityOption,omitempty"` // OPTION_1, OPTION_2
	Signer                string `json:"signer,omitempty"`
}

// Package is a VNF package in use.
type Package struct {
	VnfPkgID  string
	VNFD      *sol001.VNFD
	Integrity Integrity
}

// NSD is an on-boarded network service descriptor.
type NSD struct {
	*sol001.NSD
	InfoID   string // nsdInfoId
	Domain   string // trust domain that it belongs to
	Disabled bool   // no NS may be created or instantiated from it
}

// PNFD is an on-boarded PNF descriptor.
type PNFD struct {
	*sol001.PNFD
	InfoID string // pnfdInfoId
}

// Packages is the catalogue of VNF packages. A domain "hub" sees those of all.
type Packages interface {
	// Use verifies the package of a VNFD again. Refusals are hub.NotFound (no such
	// VNFD in the domain), hub.Conflict (DISABLED) and hub.Unprocessable
	// (integrity lost). The catalogue asks [Service.UsesPackage] who uses it.
	Use(ctx context.Context, domain, vnfdID string) (Package, error)
	// VNFD returns the descriptor of a package as it was on-boarded, without looking at
	// the package again: hub.NotFound if the domain has none of this VNFD.
	VNFD(ctx context.Context, domain, vnfdID string) (*sol001.VNFD, error)
	// Image opens a software image of a package and says its size in bytes and
	// its SHA-256 in hexadecimal.
	Image(ctx context.Context, vnfPkgID, name string) (content io.ReadCloser, size int64, sha256 string, err error)
	// Disable sets the operational state DISABLED; again is no error.
	Disable(ctx context.Context, vnfPkgID string, actor hub.Identity) error
}

// Descriptors is the catalogue of NSDs and PNFDs: hub.NotFound for one that is
// not on-boarded in the domain.
type Descriptors interface {
	NSD(ctx context.Context, domain, nsdID string) (NSD, error)
	PNFD(ctx context.Context, domain, pnfdID string) (PNFD, error)
}

// Publisher takes notifications; what it took is delivered.
type Publisher interface {
	Publish(ctx context.Context, e notify.Event) error
}

// Log is the record log of a trust domain. A record of the same ID again has no
// second effect.
type Log interface {
	Append(ctx context.Context, domain string, r hub.Record) error
}

// Config is what a Service works with. All fields but those with a default are
// needed.
type Config struct {
	Tables      state.Tables
	Packages    Packages
	Descriptors Descriptors
	Publisher   Publisher
	Callbacks   *notify.Outbox // of PM jobs and thresholds; nil: there are none
	Records     Log
	VNFM        *httpapi.Client // vnflcm/v2
	VNFMFaults  *httpapi.Client // vnffm/v1; nil: there are no alarms
	// VNFMPerformance is vnfpm/v2; nil: nothing is measured.
	VNFMPerformance *httpapi.Client
	VIM             *httpapi.Client // vim/v1 of internal/ifa006
	VimID           string          // how the VIM is called in grants
	CallbackURI     string          // where the VNFM delivers its notifications; empty: it is only polled
	// Quarantined has the certificates of a VNF revoked that was on a host when that
	// was quarantined: nobody knows who has its keys. What it was certified for after
	// that time stays, so that again has no second effect; an error that may pass is
	// tried again. nil: there is nobody to ask.
	Quarantined func(ctx context.Context, domain, vnfInstanceID string, at time.Time) error
	Log         *slog.Logger
	Now         func() time.Time
	// After is the clock of pauses; nil means time.After.
	After func(time.Duration) <-chan time.Time
	// Poll is the pause between two looks at an operation of the VNFM, which
	// counts even when its notifications are lost; 0 means a second.
	Poll time.Duration
	// Attempts is how often a step is tried while the VNFM or the VIM does not
	// answer, before the operation is FAILED_TEMP; 0 means 10.
	Attempts int
}

func (c *Config) defaults() {
	if c.After == nil {
		c.After = time.After
	}
	if c.Poll == 0 {
		c.Poll = time.Second
	}
	if c.Attempts == 0 {
		c.Attempts = 10
	}
	if c.VimID == "" {
		c.VimID = "vim"
	}
}
