package httpapi

import (
	"net/http"
	"time"
)

// Time limits of [NewServer]. There is none on a whole request or answer: a
// package of some gigabytes may take its time, and bodies are bounded in size.
const (
	ReadHeaderTimeout = 10 * time.Second // from the connection to the end of the header: against slowloris
	IdleTimeout       = 2 * time.Minute  // between two requests of a connection
	MaxHeaderBytes    = 64 << 10
)

// NewServer returns a server for h with sane limits. It listens nowhere yet and
// speaks HTTP/1.1, and HTTP/2 over TLS. The caller sets TLSConfig and ErrorLog.
func NewServer(h http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: ReadHeaderTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    MaxHeaderBytes,
		Protocols:         protocols,
	}
}
