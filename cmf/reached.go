package cmf

// Reached says up to where the issuances in the record log of a trust domain are in
// its table. It is stored under the domain's name, before the first of them.
type Reached struct {
	Sequence uint64 `json:"sequence"` // of the last message of the log of which all is stored
}
