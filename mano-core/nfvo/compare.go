package nfvo

import (
	"maps"
	"reflect"
	"slices"

	"github.com/manoward/manoward/internal/sol/sol003"
)

// Changed is what changed of a VNF, before and after, as manoward.change
// (Sc-Or.NsLcm.004 and .007). Only what changed is there.
type Changed struct {
	Location       *BeforeAfter[map[string]place]     `json:"location,omitempty"`       // host and zone by VNFC
	Image          *BeforeAfter[map[string]string]    `json:"image,omitempty"`          // image by VNFC
	Version        *BeforeAfter[Version]              `json:"version,omitempty"`        // descriptor and software
	Configuration  *BeforeAfter[sol003.KeyValuePairs] `json:"configuration,omitempty"`  // configurable properties
	Identification *BeforeAfter[Identification]       `json:"identification,omitempty"` // name and description
	Peering        *BeforeAfter[map[string]string]    `json:"peering,omitempty"`        // network by external connection point
	Scale          *BeforeAfter[map[string]string]    `json:"loadBalancing,omitempty"`  // scale level by aspect
	State          *BeforeAfter[string]               `json:"vnfState,omitempty"`
	VnfcsAdded     []string                           `json:"vnfcsAdded,omitempty"`
	VnfcsRemoved   []string                           `json:"vnfcsRemoved,omitempty"`
}

// BeforeAfter is a value before and after a change.
type BeforeAfter[T any] struct {
	Before T `json:"before"`
	After  T `json:"after"`
}

// Version is what a VNF is an instance of.
type Version struct {
	VnfdID             string `json:"vnfdId"`
	VnfdVersion        string `json:"vnfdVersion"`
	VnfSoftwareVersion string `json:"vnfSoftwareVersion"`
}

// Identification is how a VNF is called.
type Identification struct {
	Name        string `json:"vnfInstanceName"`
	Description string `json:"vnfInstanceDescription"`
}

func differ[T any](before, after T) *BeforeAfter[T] {
	if reflect.DeepEqual(before, after) {
		return nil
	}
	return &BeforeAfter[T]{Before: before, After: after}
}

// aspects is the sides of a VNF that are compared.
type aspects struct {
	places  map[string]place
	images  map[string]string
	peering map[string]string
	scale   map[string]string
	state   string
	vnfcs   map[string]bool
}

func aspectsOf(info *sol003.VnfInstance, at map[string]place) aspects {
	a := aspects{places: map[string]place{}, images: map[string]string{}, peering: map[string]string{}, scale: map[string]string{}, vnfcs: map[string]bool{}}
	in := info.InstantiatedVnfInfo
	if in == nil {
		return a
	}
	a.state = string(in.VnfState)
	for _, vnfc := range in.VnfcResourceInfo {
		p := at[vnfc.ComputeResource.ResourceID]
		a.vnfcs[vnfc.ID] = true
		a.places[vnfc.ID], a.images[vnfc.ID] = place{Host: p.Host, Zone: p.Zone}, p.Image
	}
	link := linkOfPort(info)
	for _, cp := range in.ExtCpInfo {
		a.peering[cp.ID] = link(&cp)
	}
	for _, l := range in.ScaleStatus {
		a.scale[l.AspectID] = l.ScaleToLevel
	}
	return a
}

// compare says how a stored VNF differs from what it is now; nil if it does not.
func compare(v *vnf, info *sol003.VnfInstance, places map[string]place) *Changed {
	was, is := aspectsOf(&v.Info, v.Places), aspectsOf(info, places)
	c := Changed{
		Location: differ(was.places, is.places), Image: differ(was.images, is.images), Peering: differ(was.peering, is.peering),
		Scale: differ(was.scale, is.scale), State: differ(was.state, is.state),
		Version: differ(
			Version{v.Info.VnfdID, v.Info.VnfdVersion, v.Info.VnfSoftwareVersion},
			Version{info.VnfdID, info.VnfdVersion, info.VnfSoftwareVersion}),
		Identification: differ(
			Identification{v.Info.VnfInstanceName, v.Info.VnfInstanceDescription},
			Identification{info.VnfInstanceName, info.VnfInstanceDescription}),
	}
	if len(v.Info.VnfConfigurableProperties)+len(info.VnfConfigurableProperties) > 0 {
		c.Configuration = differ(v.Info.VnfConfigurableProperties, info.VnfConfigurableProperties)
	}
	for _, id := range slices.Sorted(maps.Keys(is.vnfcs)) {
		if !was.vnfcs[id] {
			c.VnfcsAdded = append(c.VnfcsAdded, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(was.vnfcs)) {
		if !is.vnfcs[id] {
			c.VnfcsRemoved = append(c.VnfcsRemoved, id)
		}
	}
	if reflect.DeepEqual(c, Changed{}) {
		return nil
	}
	return &c
}
