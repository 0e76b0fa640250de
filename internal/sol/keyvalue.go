package sol

// KeyValuePairs are values of any JSON type under names that a user, a package or
// an extension chooses (SOL 003 and SOL 005 clause 4.4).
type KeyValuePairs map[string]any
