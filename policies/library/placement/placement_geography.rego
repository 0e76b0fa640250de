# METADATA
# title: VNF outside of its country or site
# description: |
#   A component of a VNF runs in a country or at a site where its VNF profile may not be, or nobody says
#   where it is.
# scope: package
# custom:
#   id: placement-geography
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Vi.Telem.002
#     - ETSI GS NFV-SEC 012
#     - NIST SP 800-53 SA-9(5)
#     - NIST SP 800-53 PE-23
#   events: [ns-change, compute-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       allowedCountries:
#         description: "ISO 3166-1 alpha-2 codes by VNF profile; \"*\" is for all profiles that are not named; without an entry all countries are allowed"
#         type: "object"
#         additionalProperties: {"type": "array", "items": {"type": "string"}}
#         default: {}
#       allowedSites:
#         description: "sites, in the same way"
#         type: "object"
#         additionalProperties: {"type": "array", "items": {"type": "string"}}
#         default: {}
#       terminate:
#         description: "end a VNF that is outside, with a replacement"
#         type: "boolean"
#         default: false
#   samples: placement_geography.samples.yaml
package manoward.policies.placement_geography

import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["placement-geography"] as params

# METADATA
# title: country not allowed
findings contains f if {
	some v in vnf.judged
	allowed := vnf.setting(params.allowedCountries, v)
	some compute in vnf.computes(v)
	country := location(compute).country
	not country in allowed
	f := {
		"code": "country-not-allowed",
		"message": words.line("VNF %s runs in %s; it may run in %s", [v.id, country, concat(", ", allowed)]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

# METADATA
# title: site not allowed
findings contains f if {
	some v in vnf.judged
	allowed := vnf.setting(params.allowedSites, v)
	some compute in vnf.computes(v)
	site := location(compute).site
	not site in allowed
	f := {
		"code": "site-not-allowed",
		"message": words.line("VNF %s runs at %s; it may run at %s", [v.id, site, concat(", ", allowed)]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

# METADATA
# title: country unknown
findings contains f if {
	some v in vnf.judged
	vnf.setting(params.allowedCountries, v)
	some compute in vnf.computes(v)
	not has_country(compute)
	f := unknown(v, compute, "country")
}

# METADATA
# title: site unknown
findings contains f if {
	some v in vnf.judged
	vnf.setting(params.allowedSites, v)
	some compute in vnf.computes(v)
	not has_site(compute)
	f := unknown(v, compute, "site")
}

has_country(compute) if location(compute).country != ""

has_site(compute) if location(compute).site != ""

unknown(v, compute, what) := {
	"code": sprintf("%s-unknown", [what]),
	"severity": "medium",
	"message": words.line("nobody says in which %s compute %s of VNF %s is", [what, compute.id, v.id]),
	"target": vnf.target(v),
	"actions": [{"type": "alert"}],
}

location(compute) := place if {
	place := compute.location
} else := input.hosts[compute.hostId].location

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": false, "replace": true}] if {
	params.terminate
} else := [{"type": "alert"}]
