# METADATA
# title: Words for operators
# description: Messages of findings.
# scope: package
package manoward.lib.words

# METADATA
# description: |
#   A message of at most as many characters as a finding may have. What comes from
#   outside can be long, and a finding that is not well formed would be undecided.
line(format, values) := substring(sprintf(format, values), 0, 1000)
