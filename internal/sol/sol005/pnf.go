package sol005

// PnfInfo is a PNF in an NS (clause 6.5.3). manoward does not manage PNFs: it knows
// that they are there, and how they are attached.
type PnfInfo struct {
	PnfID        string        `json:"pnfId"`
	PnfName      string        `json:"pnfName,omitempty"`
	PnfdID       string        `json:"pnfdId"`
	PnfdInfoID   string        `json:"pnfdInfoId"`
	PnfProfileID string        `json:"pnfProfileId"`
	CpInfo       *PnfExtCpInfo `json:"cpInfo,omitempty"`
}

// PnfExtCpInfo is a connection point of a PNF in an NS.
type PnfExtCpInfo struct {
	CpInstanceID   string           `json:"cpInstanceId"`
	CpdID          string           `json:"cpdId"`
	CpProtocolData []CpProtocolData `json:"cpProtocolData,omitempty"`
}

// AddPnfData is a request to take a PNF into an NS.
type AddPnfData struct {
	PnfID        string         `json:"pnfId"`
	PnfName      string         `json:"pnfName"`
	PnfdID       string         `json:"pnfdId"`
	PnfProfileID string         `json:"pnfProfileId"`
	CpData       []PnfExtCpData `json:"cpData,omitempty"`
}

// ModifyPnfData is a request to rename a PNF or to change its connection points.
type ModifyPnfData struct {
	PnfID   string         `json:"pnfId"`
	PnfName string         `json:"pnfName,omitempty"`
	CpData  []PnfExtCpData `json:"cpData,omitempty"`
}

// PnfExtCpData is what a connection point of a PNF is to be: one that is there, by
// cpInstanceId, or a new one, by cpdId.
type PnfExtCpData struct {
	CpInstanceID   string           `json:"cpInstanceId,omitempty"`
	CpdID          string           `json:"cpdId,omitempty"`
	CpProtocolData []CpProtocolData `json:"cpProtocolData"`
}
