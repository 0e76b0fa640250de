// Package smload is the load that a Security Manager is measured with: rules,
// data, events, and the NFVO and VIM that they come from. All measurements use
// it, so that their numbers can be compared.
//
// There are eleven rules, seven on the life cycle and four on the
// infrastructure, which look things up by key in what is known of 10,000
// packages, 500 hosts and 200 products. Half of the events are operations on NSs,
// with one VNF of four computes each; half are about hosts, with two such VNFs
// each. One event in sixteen breaks a rule.
//
// Everything is made, without chance, from numbers: the same number makes the
// same thing.
package smload

import (
	"fmt"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Domain is the trust domain of the load.
const Domain = "north"

// What the rules know of.
const (
	Packages = 10_000
	Hosts    = 500
	Products = 200
)

// computesOf is how many computes a VNF has, vnfsOn how many VNFs are on a host.
const (
	computesOf = 4
	vnfsOn     = 2
)

// The kinds of things that have identifiers.
const (
	kindNs = iota + 1
	kindVnf
	kindHost
	kindPkg
	kindImage
	kindCompute
)

// identifier names thing n of a kind, in the form of a UUID.
func identifier(kind, n int) string {
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", kind, n)
}

// numberOf returns which thing of a kind an identifier names, -1 when none.
func numberOf(kind int, id string) int {
	var n int
	if _, err := fmt.Sscanf(id, fmt.Sprintf("%08x-0000-4000-8000-%%012x", kind), &n); err != nil {
		return -1
	}
	return n
}

// The identifiers of things.
func NsID(n int) string    { return identifier(kindNs, n) }
func VnfID(n int) string   { return identifier(kindVnf, n) }
func HostID(n int) string  { return identifier(kindHost, n) }
func PkgID(n int) string   { return identifier(kindPkg, n) }
func ImageID(n int) string { return identifier(kindImage, n) }

// ComputeID names one of the computes of a VNF.
func ComputeID(vnf, c int) string { return identifier(kindCompute, vnf*computesOf+c) }

// hostOf returns the number of the host of a VNF, pkgOf that of its package.
func hostOf(vnf int) int { return vnf / vnfsOn }
func pkgOf(vnf int) int  { return vnf * 31 % Packages }

func signer(pkg int) string   { return fmt.Sprintf("CN=vendor-%d", pkg%7) }
func checksum(pkg int) string { return fmt.Sprintf("%064x", pkg*7919) }
func product(pkg int) string  { return fmt.Sprintf("product-%d", pkg%Products) }
func firmware(host int) string {
	return fmt.Sprintf("2.%d.0", host%Hosts%5)
}

// Event is one event of the load.
type Event struct {
	Telemetry bool   // about a host; else about an NS
	Bad       bool   // it breaks a rule
	Key       string // under which its order is kept
	Body      []byte // the notification
}

// vnfOf returns the VNF that event n is about.
func vnfOf(n, vnfs int) int { return n / 2 * 7 % vnfs }

// NsOf returns the NS that event n is about, in a world of that many VNFs.
func NsOf(n, vnfs int) string { return NsID(vnfOf(n, vnfs)) }

// NewEvent makes event n of a world of that many VNFs, as it is sent with a
// subscription at a time. Its identifier is derived from run and n.
func NewEvent(run string, n, vnfs int, subscription string, at time.Time) Event {
	id := hub.DeriveID("smload", "event", run, fmt.Sprint(n))
	e := Event{Telemetry: n%2 == 1, Bad: n%32 < 2}
	when := at.UTC().Format(time.RFC3339Nano)
	vnf := vnfOf(n, vnfs)
	if e.Telemetry {
		host, state := HostID(hostOf(vnf)), "TRUSTED"
		if e.Bad {
			state = "UNTRUSTED"
		}
		e.Key = "host/" + host
		e.Body = fmt.Appendf(nil, `{"id":%q,"notificationType":"VirtualisedResourceChangeNotification","subscriptionId":%q,"timeStamp":%q,"vimId":"vim",`+
			`"resourceType":"HOST","virtualisedResourceId":%q,"changeType":"INTEGRITY","changedResourceData":{"integrityState":%q},`+
			`"hostId":%[4]q,"zoneId":"zone","nfviSource":"smload"}`, id, subscription, when, host, state)
		return e
	}
	who := "OSS"
	if e.Bad {
		who = "EM"
	}
	e.Key = "ns/" + NsID(vnf)
	e.Body = fmt.Appendf(nil, `{"id":%q,"notificationType":"NsLcmOperationOccurrenceNotification","subscriptionId":%q,"timestamp":%q,`+
		`"nsInstanceId":%q,"nsLcmOpOccId":%q,"operation":"UPDATE","notificationStatus":"START","operationState":"PROCESSING","isAutomaticInvocation":false,"verbosity":"FULL",`+
		`"manoward.sourceOfRequest":{"kind":%q,"identity":"spiffe://north/oss/portal"},`+
		`"_links":{"nsInstance":{"href":"https://nfvo.example/nslcm/v2/ns_instances/%[4]s"}}}`,
		id, subscription, when, NsID(vnf), hub.DeriveID("smload", "operation", run, fmt.Sprint(n)), who)
	return e
}
