package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// check looks for values that are wrong by themselves or beside others.
func (l *loader) check() {
	if l.cfg.DataDir == "" {
		l.wrong("dataDir", "it is empty; name a directory")
	}
	if !slices.Contains([]string{"auto", "text", "json"}, l.cfg.Log.Format) {
		l.wrong("log.format", "%q is not auto, text or json", clip(l.cfg.Log.Format))
	}
	if l.cfg.Trace.Endpoint != "" {
		l.checkURL("trace.endpoint", l.cfg.Trace.Endpoint, "http://127.0.0.1:4318/v1/traces", "http", "https")
	}
	l.checkPositive("indicators.interval", l.cfg.Indicators.Interval, "30s")
	l.checkPositive("shutdownTimeout", l.cfg.ShutdownTimeout, "5s")
	l.checkListen()
	l.checkNATS()
	l.checkTrust()
	l.checkSecurityManagers()
	l.checkCertificateManagement()
}

// wrong notes a problem with the value of a key, at the place it comes from. A
// key whose value could not be read has its problem already.
func (l *loader) wrong(path, format string, args ...any) {
	place := ""
	for p := path; p != ""; p = p[:max(0, strings.LastIndexAny(p, ".["))] {
		if l.unread[p] {
			return
		}
		if place == "" {
			place = l.cfg.origins[p]
		}
	}
	if place == "" {
		place = "default"
	}
	l.problem(place, "%s: %s", path, fmt.Sprintf(format, args...))
}

func (l *loader) checkPositive(path string, d time.Duration, example string) {
	if d <= 0 {
		l.wrong(path, "%s is not longer than nothing; write a duration like %s", short(d), example)
	}
}

// checkURL does not repeat the URL: it may hold a password.
func (l *loader) checkURL(path, text, example string, schemes ...string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme):
		l.wrong(path, "it is no URL that begins with %s; write one like %s", strings.Join(schemes, ":// or ")+"://", example)
	case u.User != nil:
		l.wrong(path, "it holds a user name or password; take them out, for a configuration holds no secrets")
	}
}

// listener is an address with the key it comes from.
type listener struct {
	key, host, port string
}

func (l *loader) checkListen() {
	c := l.cfg.Listen
	if !isHost(c.Host) {
		l.wrong("listen.host", "%q is no address or name of a machine; write one like 127.0.0.1, without a port", clip(c.Host))
	}
	if c.Advertise != "" && (!isHost(c.Advertise) || isAny(c.Advertise)) {
		l.wrong("listen.advertise", "%q is no address or name that others can reach; write one like hub.example.net, without a port", clip(c.Advertise))
	}
	if c.Advertise == "" && isAny(c.Host) {
		l.wrong("listen.host", "others cannot reach %s; set listen.advertise to the name or address of this machine", c.Host)
	}
	probes := l.listener("listen.probes", c.Probes)
	if probes != nil && !isLoopback(probes.host) {
		l.wrong("listen.probes", "%s is not on loopback, and probes are served in plain HTTP; use 127.0.0.1:%s", c.Probes, probes.port)
	}
	others := []*listener{
		l.listener("listen.admin", c.Admin),
		l.listener("listen.osMa", c.OsMa),
		l.listener("listen.orVnfm", c.OrVnfm),
		l.listener("listen.vnfm", c.VNFM),
		l.listener("listen.vim", c.VIM),
		l.listener("listen.cmVnfm", c.CmVnfm),
		l.listener("listen.cmfStatus", c.CmfStatus),
	}
	forSMs := []*listener{l.listener("listen.scOr", c.ScOr), l.listener("listen.scVi", c.ScVi)}
	for _, a := range forSMs {
		for _, b := range others {
			if overlap(a, b) {
				l.wrong(a.key, "its address is also that of %s; Security Managers have listeners of their own (Security.004): choose another port", b.key)
			}
		}
	}
	l.checkApart(others)
	l.checkApart(forSMs)
	for _, other := range slices.Concat(others, forSMs) {
		if overlap(probes, other) {
			l.wrong(probes.key, "its address is also that of %s; choose another port", other.key)
		}
	}
}

// checkApart refuses two listeners on one address.
func (l *loader) checkApart(list []*listener) {
	for i, a := range list {
		for _, b := range list[:i] {
			if overlap(a, b) {
				l.wrong(a.key, "its address is also that of %s; each reference point has a listener of its own: choose another port", b.key)
			}
		}
	}
}

// listener takes an address apart; nil for an empty or wrong one.
func (l *loader) listener(path, address string) *listener {
	if address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	n, errPort := strconv.ParseUint(port, 10, 16)
	if err != nil || errPort != nil || (host != "" && !isHost(host)) {
		l.wrong(path, "%q is not host:port; write one like 127.0.0.1:8443", clip(address))
		return nil
	}
	return &listener{key: path, host: host, port: strconv.FormatUint(n, 10)}
}

// overlap reports whether two listeners are on one address: the same port, and
// the same host or all hosts. Port 0 is another port each time.
func overlap(a, b *listener) bool {
	if a == nil || b == nil || a.port != b.port || a.port == "0" {
		return false
	}
	return isAny(a.host) || isAny(b.host) || canonical(a.host) == canonical(b.host)
}

func canonical(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String()
	}
	if host = strings.ToLower(host); host == "localhost" {
		return "127.0.0.1"
	}
	return host
}

func isAny(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.Unmap().IsUnspecified()
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(canonical(host))
	return err == nil && ip.IsLoopback()
}

// isHost reports whether host is an IP address or a DNS name (RFC 1123).
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return isDomain(strings.ToLower(host))
}

func isDomain(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if hub.CheckName("host", label) != nil {
			return false
		}
	}
	return len(name) <= 253
}

func (l *loader) checkNATS() {
	c := l.cfg.NATS
	for i, u := range c.URLs {
		l.checkURL(fmt.Sprintf("nats.urls[%d]", i), u, "nats://nats.example.net:4222", "nats", "tls")
	}
	if c.Replicas < 0 || c.Replicas > 5 {
		l.wrong("nats.replicas", "%d is not 0 to 5", c.Replicas)
	}
	switch {
	case c.TLS.Cert != "" && c.TLS.Key == "":
		l.wrong("nats.tls.cert", "a certificate goes with its key; set nats.tls.key as well")
	case c.TLS.Cert == "" && c.TLS.Key != "":
		l.wrong("nats.tls.key", "a key goes with its certificate; set nats.tls.cert as well")
	}
	if len(c.URLs) > 0 {
		return
	}
	for _, only := range []struct {
		path string
		set  bool
	}{
		{"nats.creds", c.Creds != ""},
		{"nats.systemCreds", c.SystemCreds != ""},
		{"nats.operatorKey", c.OperatorKey != ""},
		{"nats.tls.ca", c.TLS.CA != ""},
		{"nats.tls.cert", c.TLS.Cert != ""},
		{"nats.tls.key", c.TLS.Key != ""},
		{"nats.replicas", c.Replicas > 1},
		{"nats.acceptUnknownDurability", c.AcceptUnknownDurability},
	} {
		if only.set {
			l.wrong(only.path, "it is for an existing cluster; set nats.urls as well, or leave it out")
		}
	}
}

func (l *loader) checkTrust() {
	c := l.cfg.Trust
	if !isDomain(c.ServerNameSuffix) {
		l.wrong("trust.serverNameSuffix", "%q is no domain name in lower case; write one like manoward.internal", clip(c.ServerNameSuffix))
	}
	for _, lifetime := range []struct {
		path    string
		d       time.Duration
		example string
	}{
		{"trust.credentialLifetime", c.CredentialLifetime, "720h"},
		{"trust.endpointLifetime", c.EndpointLifetime, "168h"},
	} {
		l.checkPositive(lifetime.path, lifetime.d, lifetime.example)
		if lifetime.d > 0 && c.RenewBefore.Lead(lifetime.d) >= lifetime.d {
			l.wrong("trust.renewBefore", "%s is no shorter than %s (%s); write a share like 0.33, or a shorter duration", c.RenewBefore, lifetime.path, short(lifetime.d))
		}
	}
	domains, tokens := make(map[string]int), make(map[[2]string]int)
	for i, token := range c.Tokens {
		path := fmt.Sprintf("trust.tokens[%d]", i)
		l.checkToken(path, token)
		if first, twice := domains[token.TrustDomain]; twice && token.TrustDomain != "" {
			l.wrong(path+".trustDomain", "trust domain %q has a token already in trust.tokens[%d]", token.TrustDomain, first)
		}
		id := [2]string{filepath.Clean(token.Module), token.TokenLabel}
		if first, twice := tokens[id]; twice && token.TokenLabel != "" {
			l.wrong(path+".tokenLabel", "token %q is in trust.tokens[%d] already; give each trust domain a token of its own", clip(token.TokenLabel), first)
		}
		domains[token.TrustDomain], tokens[id] = i, i
	}
}

func (l *loader) checkToken(path string, token Token) {
	if err := hub.CheckName("trust domain", token.TrustDomain); err != nil {
		l.wrong(path+".trustDomain", "%s", hub.SafeText(err))
	}
	l.checkModule(path, token.Module, token.TokenLabel, token.PINFile)
}

// checkModule looks at what names a PKCS#11 token.
func (l *loader) checkModule(path, module, label, pinFile string) {
	if !filepath.IsAbs(module) {
		l.wrong(path+".module", "%q is no absolute path; write one like /usr/lib/softhsm/libsofthsm2.so", clip(module))
	}
	if label == "" {
		l.wrong(path+".tokenLabel", "it is empty; write the label of the token")
	}
	if pinFile == "" {
		l.wrong(path+".pinFile", "it is empty; name a file that holds the user PIN")
	}
}
