package smgrapi

import "time"

// resource is a policy of SOL 012 as it is stored: a name under which sets of
// policies are transferred to a Security Manager, each of them a version.
type resource struct {
	Designer string    `json:"designer"` // also the id of the key that signs its versions
	Name     string    `json:"name"`
	Versions []string  `json:"versions,omitempty"` // revisions, in the order in which they came
	Selected string    `json:"selected,omitempty"` // one of Versions
	Created  time.Time `json:"created"`
	Creator  string    `json:"creator"` // identity
}

// terms let a version be found, so that it belongs to one policy only.
func (p *resource) terms() []string {
	var list []string
	for _, v := range p.Versions {
		list = append(list, "version="+v)
	}
	return list
}
