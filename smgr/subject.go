package smgr

import (
	"fmt"
	"math"
	"strconv"

	"github.com/manoward/manoward/internal/hub"
)

// subjects says for each action what an order of it changes. Two orders of one
// action on one subject ask for the same thing: it is done once.
var subjects = map[hub.ActionType]func(hub.Target) string{
	hub.ActionAlert:        func(hub.Target) string { return "" }, // changes nothing
	hub.ActionTerminateVnf: func(t hub.Target) string { return "vnf/" + t.VnfInstanceID },
	hub.ActionStopHost:     func(t hub.Target) string { return "host/" + t.HostID },
	// A VNF that is named is another one than any of the profile: to put two back
	// that were removed takes two orders.
	hub.ActionInsertSecurityVnf: func(t hub.Target) string {
		s := "ns/" + t.NsInstanceID + "/profile/" + t.VnfProfileID
		if t.VnfInstanceID != "" {
			s += "/vnf/" + t.VnfInstanceID
		}
		return s
	},
	hub.ActionModifySecurityVnf: func(t hub.Target) string { return "vnf/" + t.VnfInstanceID },
	// Another NS that shares the VNF keeps it.
	hub.ActionRemoveSecurityVnf:    func(t hub.Target) string { return "ns/" + t.NsInstanceID + "/vnf/" + t.VnfInstanceID },
	hub.ActionDenyCertificate:      func(t hub.Target) string { return "certificate-request/" + t.CertificateRequestID },
	hub.ActionDowngradeAttestation: func(t hub.Target) string { return "certificate-request/" + t.CertificateRequestID },
}

// Subject returns what an action changes of a target, empty when it changes
// nothing or is no action of the vocabulary.
func Subject(a hub.ActionType, t hub.Target) string {
	if of := subjects[a]; of != nil {
		return of(t)
	}
	return ""
}

// numberDigits is how many digits of an order's ID stand for its number.
const numberDigits = 8

// OrderID returns the ID of an order: the number-th, from 1, of an action on a
// subject. Whoever makes the same order makes the same ID, in this process or in
// another one, so that creating it decides who made it. It is a UUID (version 8)
// that begins with the number counted down: the newest of a subject sorts first.
func OrderID(trustDomain, sm string, a hub.ActionType, subject string, number int) string {
	derived := hub.DeriveID("sm.order", trustDomain, sm, string(a), subject, strconv.Itoa(number))
	return fmt.Sprintf("%08x", math.MaxUint32-uint32(number)) + derived[numberDigits:]
}

// OrderNumber returns the number in an ID that [OrderID] made, 0 for another one.
func OrderNumber(id string) int {
	if len(id) < numberDigits {
		return 0
	}
	left, err := strconv.ParseUint(id[:numberDigits], 16, 32)
	if err != nil {
		return 0
	}
	return int(math.MaxUint32 - left)
}
