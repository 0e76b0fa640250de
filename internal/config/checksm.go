package config

import (
	"fmt"
	"net"

	"github.com/manoward/manoward/internal/hub"
)

// maxSMName bounds the name of a Security Manager that is run here: those of its
// tables and queues on the bus are made of it.
const maxSMName = 48

// checkSecurityManagers looks at the Security Managers that are to be run.
func (l *loader) checkSecurityManagers() {
	taken, seen := l.listeners(), map[[2]string]int{}
	for i, sm := range l.cfg.SecurityManagers {
		path := fmt.Sprintf("securityManagers[%d]", i)
		l.checkSM(path, sm)
		id := [2]string{sm.TrustDomain, sm.Name}
		if first, twice := seen[id]; twice {
			l.wrong(path+".name", "Security Manager %q of trust domain %q is in securityManagers[%d] already; keep one", clip(sm.Name), clip(sm.TrustDomain), first)
		}
		seen[id] = i
		for _, own := range []struct{ key, address, callbackKey, callback, example string }{
			{".scOr", sm.ScOr, ".callbackScOr", sm.CallbackScOr, "127.0.0.1:9443"}, {".scVi", sm.ScVi, ".callbackScVi", sm.CallbackScVi, "127.0.0.1:9444"},
		} {
			if own.address == "" {
				l.wrong(path+own.key, "it is empty; write host:port, like %s", own.example)
				continue
			}
			at := l.listener(path+own.key, own.address)
			if at == nil {
				continue
			}
			if at.port == "0" {
				l.wrong(at.key, "port 0 is another port at each start, and what is subscribed would go elsewhere; write one like %s", own.example)
			}
			if own.callback == "" && isAny(at.host) {
				l.wrong(path+own.callbackKey, "others cannot reach %s; write the URI under which they do, like https://sm.example.net:%s", own.address, at.port)
			}
			for _, other := range taken {
				if overlap(at, other) {
					l.wrong(at.key, "its address is also that of %s; choose another port", other.key)
				}
			}
			taken = append(taken, at)
		}
	}
}

func (l *loader) checkSM(path string, sm SecurityManager) {
	if err := hub.CheckName("Security Manager", sm.Name); err != nil {
		l.wrong(path+".name", "%s", hub.SafeText(err))
	} else if len(sm.Name) > maxSMName {
		l.wrong(path+".name", "it has %d characters; one that is run here has at most %d", len(sm.Name), maxSMName)
	}
	if err := hub.CheckName("trust domain", sm.TrustDomain); err != nil {
		l.wrong(path+".trustDomain", "%s", hub.SafeText(err))
	}
	if sm.Credentials == "" {
		l.wrong(path+".credentials", `it is empty; name the directory that "manoward sm register --out" wrote`)
	}
	for _, callback := range []struct{ key, uri string }{{".callbackScOr", sm.CallbackScOr}, {".callbackScVi", sm.CallbackScVi}} {
		if callback.uri != "" {
			l.checkURL(path+callback.key, callback.uri, "https://sm.example.net:9443", "https")
		}
	}
	if sm.OrderExpiry < 0 {
		l.wrong(path+".orderExpiry", "%s is shorter than nothing; write a duration like 168h", short(sm.OrderExpiry))
	}
	switch {
	case sm.PolicyKey != "" && sm.PolicyKeyID == "":
		l.wrong(path+".policyKey", "a key goes with its name; set policyKeyId as well")
	case sm.PolicyKey == "" && sm.PolicyKeyID != "":
		l.wrong(path+".policyKeyId", "the name of a key goes with the key; set policyKey as well")
	}
	if sm.OrderLimit < 0 {
		l.wrong(path+".orderLimit", "%d is less than none; write how many destructive orders may begin within orderWindow, like 5", sm.OrderLimit)
	}
	if sm.OrderWindow < 0 {
		l.wrong(path+".orderWindow", "%s is no length of time; write one like 10m", sm.OrderWindow)
	}
}

// listeners are the addresses of the hub itself.
func (l *loader) listeners() []*listener {
	c := l.cfg.Listen
	var list []*listener
	for _, own := range []struct{ key, address string }{
		{"listen.admin", c.Admin}, {"listen.osMa", c.OsMa}, {"listen.orVnfm", c.OrVnfm}, {"listen.vnfm", c.VNFM}, {"listen.vim", c.VIM},
		{"listen.scOr", c.ScOr}, {"listen.scVi", c.ScVi}, {"listen.cmVnfm", c.CmVnfm}, {"listen.cmfStatus", c.CmfStatus}, {"listen.probes", c.Probes},
	} {
		if host, port, err := net.SplitHostPort(own.address); err == nil { // what is no address has its problem already
			list = append(list, &listener{key: own.key, host: host, port: port})
		}
	}
	return list
}
