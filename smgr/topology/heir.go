package topology

import (
	"maps"
	"slices"
)

// Most readings find an element as it was. Then the one that is known stays where it is in
// memory: everything is read again every few minutes, and some of it with each event, and
// what is kept for good among the garbage of all that keeps its memory from being given
// back. The functions below return the element before if a reading found nothing else, or
// what the reading found. A list that is not known is another than one without members.

func nsHeir(was, is *ns) *ns {
	if was.ID == is.ID && was.Name == is.Name && was.NsdID == is.NsdID && was.State == is.State && was.Flavor == is.Flavor &&
		sameList(was.VnfIDs, is.VnfIDs) && sameList(was.Pnfs, is.Pnfs) && sameList(was.Links, is.Links) && sameList(was.profiles, is.profiles) &&
		(was.Bars == nil) == (is.Bars == nil) && maps.Equal(was.Bars, is.Bars) &&
		sameLists(was.ports, is.ports, func(a, b member[portsOf]) bool {
			return a.key == b.key && sameList(a.val.cps, b.val.cps) && sameList(a.val.pnfs, b.val.pnfs)
		}) {
		return was
	}
	return is
}

func vnfHeir(was, is *vnf) *vnf {
	if was.ID == is.ID && was.ProfileID == is.ProfileID && was.VnfdID == is.VnfdID && was.PkgID == is.PkgID &&
		was.Provider == is.Provider && was.Product == is.Product && was.Version == is.Version &&
		was.Instantiation == is.Instantiation && was.Operational == is.Operational &&
		sameFact(was.Security, is.Security) && sameFact(was.MinInstances, is.MinInstances) && sameFact(was.Integrity, is.Integrity) &&
		sameList(was.NsIDs, is.NsIDs) && sameList(was.ComputeIDs, is.ComputeIDs) &&
		sameList(was.cps, is.cps) && sameList(was.Config, is.Config) && sameList(was.vnfcs, is.vnfcs) &&
		sameLists(was.Connectivity, is.Connectivity, func(a, b connection) bool {
			return a.ExtCpID == b.ExtCpID && a.CpdID == b.CpdID && a.LinkID == b.LinkID && sameList(a.PnfIDs, b.PnfIDs)
		}) &&
		sameLists(was.Certificates, is.Certificates, func(a, b certificate) bool {
			attested := sameFact(a.Attested, b.Attested)
			a.Attested, b.Attested = nil, nil
			return attested && a == b
		}) {
		return was
	}
	return is
}

func pkgHeir(was, is *pkg) *pkg {
	a, b := *was, *is
	a.Checksum, a.Onboarded, b.Checksum, b.Onboarded = nil, nil, nil, nil
	if a == b && sameFact(was.Checksum, is.Checksum) && sameFact(was.Onboarded, is.Onboarded) {
		return was
	}
	return is
}

func computeHeir(was, is *compute) *compute {
	a, b := *was, *is
	a.Isolated, a.Location, b.Isolated, b.Location = nil, nil, nil, nil
	if a == b && sameFact(was.Isolated, is.Isolated) && sameFact(was.Location, is.Location) {
		return was
	}
	return is
}

// hostHeir has the texts of the host before where nothing else than what is known of its
// other tenants came of the reading.
func hostHeir(was, is *host) *host {
	if was.ID == is.ID && was.ZoneID == is.ZoneID && was.NfviPopID == is.NfviPopID && was.State == is.State &&
		was.Integrity == is.Integrity && was.Firmware == is.Firmware && was.allocated == is.allocated &&
		sameFact(was.Equipment, is.Equipment) && sameFact(was.Location, is.Location) && sameFact(was.OtherTenants, is.OtherTenants) &&
		sameList(was.TrustDomains, is.TrustDomains) && sameList(was.ComputeIDs, is.ComputeIDs) {
		heir := *was
		heir.left, heir.since = is.left, is.since
		return &heir
	}
	return is
}

func imageHeir(was, is *image) *image {
	a, b := *was, *is
	a.Checksum, a.Stated, b.Checksum, b.Stated = nil, nil, nil, nil
	if a == b && sameFact(was.Checksum, is.Checksum) && sameFact(was.Stated, is.Stated) {
		return was
	}
	return is
}

// sameFact compares what two facts are; nil is not known.
func sameFact[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func sameList[L ~[]T, T comparable](a, b L) bool {
	return (a == nil) == (b == nil) && slices.Equal(a, b)
}

func sameLists[T any](a, b []T, same func(a, b T) bool) bool {
	return (a == nil) == (b == nil) && slices.EqualFunc(a, b, same)
}
