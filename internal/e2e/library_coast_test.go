package e2e_test

import (
	"net/http"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// libCoast is the cases of what goes wrong with a VNF that was good, and of the
// life cycle.
func libCoast() []*libCase {
	cases := slices.Concat(libSpoilt(), libLifecycle())
	for _, c := range cases {
		c.domain = "coast"
	}
	return cases
}

func libSpoilt() []*libCase {
	return []*libCase{
		{
			policy: "software-version", profile: "aged", vnf: "aged", pkg: &libPackage{name: "aged", product: "Aged", version: "0.9"},
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				// It was good when it was made; now its version has a hole.
				d.setParameters(c.policy, map[string]any{"denied": map[string][]string{"Aged": {"0.9"}}, "terminate": true})
				d.ended(c, ns, vnf, libWant{code: "version-denied", severity: hub.SeverityHigh, target: libTarget(ns, vnf, c.profile)}, false, false)
			},
		},
		{
			policy: "image-altered", parameters: map[string]any{"terminate": true}, profile: "painted", vnf: "painted", pkg: &libPackage{name: "painted", product: "Painted", version: "1.0"},
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				image := d.only(vnf).ImageID
				d.owners.own(c, image)
				d.do("vim", "event", "image-altered", image, "with a back door")
				w := libWant{code: "image-in-use-altered", severity: hub.SeverityCritical, target: libTarget(ns, vnf, c.profile)}
				w.target.ImageID = image
				d.ended(c, ns, vnf, w, true, true)
			},
		},
		{
			// That its compute halts may be told before the operation that halts it.
			policy: "security-vnf-stopped", parameters: map[string]any{"replace": true}, profile: "halted", vnf: "guard", also: []string{noCertificate, "security-vnf-stopped/nothing-runs"},
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				d.operate(ns, vnf, sol005.OperationalStatesStopped)
				d.ended(c, ns, vnf, libWant{code: "stopped", severity: hub.SeverityHigh, target: libTarget(ns, vnf, c.profile)}, false, false)

				// At the VIM, behind the back of its VNFM.
				vnf = d.add(ns, c.profile)
				if _, err := d.vim().Do(d.t.Context(), http.MethodPost, "/computes/"+d.only(vnf).ID+"/operate", ifa006.OperateRequest{Operation: "STOP"}, nil); err != nil {
					d.t.Fatal(err)
				}
				d.ended(c, ns, vnf, libWant{code: "nothing-runs", severity: hub.SeverityHigh, target: libTarget(ns, vnf, c.profile)}, false, false)
			},
		},
	}
}

// libScale scales a web VNF by one step.
func libScale(vnf, direction string) sol005.ScaleNsRequest {
	return sol005.ScaleNsRequest{ScaleType: "SCALE_VNF", ScaleVnfData: []sol005.ScaleVnfData{{
		VnfInstanceID: vnf, ScaleVnfType: direction, ScaleByStepData: &sol005.ScaleByStepData{AspectID: "out", NumberOfSteps: 1},
	}}}
}

func libLifecycle() []*libCase {
	// The window is open in six hours.
	from := time.Now().UTC().Add(6 * time.Hour)
	days := []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	window := map[string]any{"days": days, "from": from.Format("15:04"), "to": from.Add(time.Hour).Format("15:04")}
	twice := func(again func(*libDomain, string, string)) func(*libDomain, *libCase) {
		return func(d *libDomain, c *libCase) {
			ns := d.newNs(c)
			vnf := d.add(ns, c.profile)
			again(d, ns, vnf)
			again(d, ns, vnf)
			d.finds(c, libWant{code: "vnf-storm", severity: hub.SeverityMedium, target: libTarget(ns, vnf, c.profile)})
		}
	}
	return []*libCase{
		{
			policy: "change-window", parameters: map[string]any{"windows": []any{window}}, profile: "changed", vnf: "web",
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				d.mustComplete(ns, "update", sol005.UpdateNsRequest{UpdateType: sol005.UpdateModifyVnfInformation, ModifyVnfInfoData: []sol005.ModifyVnfInfoData{{
					VnfInstanceID: vnf, VnfConfigurableProperties: sol005.KeyValuePairs{"colour": "blue"},
				}}})
				d.finds(c, libWant{code: "outside-window", severity: hub.SeverityLow, target: libTarget(ns, vnf, c.profile)})
			},
		},
		{
			policy: "heal-storm", parameters: map[string]any{"maxPerVnf": 1}, profile: "healed", vnf: "web",
			run: twice(func(d *libDomain, ns, vnf string) { d.heal(ns, vnf) }),
		},
		{
			policy: "scale-storm", parameters: map[string]any{"maxPerVnf": 1}, profile: "scaled", vnf: "web",
			run: twice(func(d *libDomain, ns, vnf string) { d.mustComplete(ns, "scale", libScale(vnf, "SCALE_OUT")) }),
		},
	}
}
