package topology

// maxDeparted bounds how many VNFs are remembered after their end.
const maxDeparted = 1024

// departed remembers the VNFs that ended last, so that the event that tells of
// an end can still be judged by what the VNF was.
type departed struct {
	byID  map[string]*vnf
	order []string // ring of IDs, the oldest at next
	next  int
}

func newDeparted() *departed { return &departed{byID: map[string]*vnf{}} }

func (d *departed) add(v *vnf) {
	if _, there := d.byID[v.ID]; !there {
		if len(d.order) < maxDeparted {
			d.order = append(d.order, v.ID)
		} else {
			delete(d.byID, d.order[d.next])
			d.order[d.next] = v.ID
			d.next = (d.next + 1) % maxDeparted
		}
	}
	d.byID[v.ID] = v
}
