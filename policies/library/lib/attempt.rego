# METADATA
# title: Unauthorized attempts
# description: How often something was tried, and what a finding can name of it.
# scope: package
package manoward.lib.attempt

import data.manoward.lib.event

# METADATA
# description: |
#   What was tried to change. A finding has to name something; "-" is an NS
#   that there is not, for attempts at nothing that a finding can name.
target := event.target if {
	count(event.target) > 0
} else := {"nsInstanceId": "-"}

# METADATA
# description: attempts of the last minutes, this one included
total(minutes) := input.event.attempt.count + sum([number(e) |
	some e in event.earlier(minutes)
	e.kind == "unauthorized-attempt"
])

# METADATA
# description: attempts of this actor in the last minutes, this one included
of_actor(minutes) := input.event.attempt.count + sum([number(e) |
	some e in event.earlier(minutes)
	e.kind == "unauthorized-attempt"
	e.source.identity == input.event.attempt.actor
])

# One notification can stand for several attempts.
number(e) := object.get(e, "count", 1)
